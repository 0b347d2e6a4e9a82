//! Recent event ids: a repeat is answered with the receipt of the first, whether that is done or still on its way.
//!
//! Guarantee: within the last [`super::RECENT_EVENTS_MAX`] / 2 events, and while one is on its way, the same (source, id)
//! is signed once by this process. The store's own check for duplicates is the real guard; this one saves work and gives
//! the same answer. An id that comes again with another event is a conflict.

use super::EventReceipt;
use crate::producer::ProducerError;
use crate::producer::seen::Seen;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::watch;

/// Digest of source and id.
pub(super) type IdKey = [u8; 32];
/// What a request's new events came to.
pub(super) type Settled = Option<Result<Arc<Vec<EventReceipt>>, ProducerError>>;

/// An event of a request, as far as identity goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identity {
    pub(super) key: IdKey,
    /// Digest of all that the event says.
    pub(super) says: [u8; 32],
}

/// Where the receipt of an event comes from.
#[derive(Debug, Clone)]
pub(super) enum Slot {
    /// It is known.
    Done(EventReceipt),
    /// It will be at this index of what the watch gives.
    Waiting(watch::Receiver<Settled>, usize),
}

/// The events of one request that nobody has sent yet. They are pending until [`Recent::settle`].
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) sender: watch::Sender<Settled>,
    keys: Vec<Identity>,
}

#[derive(Debug)]
pub(super) struct Recent {
    /// Bounded by the producer's queue, because each entry has an event there.
    pending: HashMap<IdKey, ([u8; 32], watch::Receiver<Settled>, usize)>,
    done: Seen<IdKey, ([u8; 32], EventReceipt)>,
}

/// Which event of the request is in conflict.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Conflict(pub(super) usize);

impl Recent {
    pub(super) fn new(capacity: usize) -> Self {
        Self { pending: HashMap::new(), done: Seen::new(capacity) }
    }

    /// Claims what is new. Gives one slot per event, and for each new event its place in the request.
    pub(super) fn claim(&mut self, events: &[Identity]) -> Result<(Vec<Slot>, Vec<usize>, Claim), Conflict> {
        let (sender, receiver) = watch::channel(None);
        let mut claim = Claim { sender, keys: Vec::new() };
        let (mut slots, mut fresh) = (Vec::with_capacity(events.len()), Vec::new());
        for (place, event) in events.iter().enumerate() {
            match self.find(event) {
                Some(Ok(slot)) => slots.push(slot),
                Some(Err(())) => {
                    self.release(&claim);
                    return Err(Conflict(place));
                }
                None => {
                    let entry = (event.says, receiver.clone(), fresh.len());
                    self.pending.insert(event.key, entry);
                    slots.push(Slot::Waiting(receiver.clone(), fresh.len()));
                    fresh.push(place);
                    claim.keys.push(*event);
                }
            }
        }
        Ok((slots, fresh, claim))
    }

    fn find(&self, event: &Identity) -> Option<Result<Slot, ()>> {
        if let Some((says, receipt)) = self.done.peek(&event.key) {
            return Some(if *says == event.says { Ok(Slot::Done(receipt.clone())) } else { Err(()) });
        }
        let (says, receiver, index) = self.pending.get(&event.key)?;
        Some(if *says == event.says { Ok(Slot::Waiting(receiver.clone(), *index)) } else { Err(()) })
    }

    /// Nothing of the claim is pending any more.
    pub(super) fn release(&mut self, claim: &Claim) {
        for event in &claim.keys {
            self.pending.remove(&event.key);
        }
    }

    /// Remembers receipts, one per event of the claim, and wakes all who wait; an error is passed on to them.
    pub(super) fn settle(&mut self, claim: Claim, result: Result<Vec<EventReceipt>, ProducerError>) {
        self.release(&claim);
        if let Ok(receipts) = &result {
            for (event, receipt) in claim.keys.iter().zip(receipts) {
                self.done.put(event.key, (event.says, receipt.clone()));
            }
        }
        claim.sender.send_replace(Some(result.map(Arc::new)));
    }
}
