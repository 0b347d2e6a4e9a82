//! Live sending: single events from many tasks become batches by count, bytes and age.
//!
//! Guarantee: an event waits at most [`BatchingLimits::age_max`] before it is signed, all lanes that have events then
//! are signed in one transaction (group commit), and a receipt means that the log has the event. Events of one lane keep
//! the order in which [`BatchingProducer::enqueue`] was called. The queue is bounded: when it is full, a call fails with
//! [`ProducerError::Busy`] at once and nothing of it is signed.

use super::config::{BATCH_BYTES_DEFAULT, BATCH_EVENTS_DEFAULT};
use super::{DraftError, Outcome, Producer, ProducerError, Receipt, Repeats, StreamSpec, lock};
use schemas::draft::Draft;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use thiserror::Error;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;

/// Default of the longest wait before an event is signed, in milliseconds.
pub const AGE_MAX_MS_DEFAULT: u64 = 20;
/// Default of the most events in the queue: what two busy lanes sign in a second.
pub const QUEUE_EVENTS_DEFAULT: usize = 16_384;
/// Default of the most bytes of contents in the queue.
pub const QUEUE_BYTES_DEFAULT: usize = 64 * 1_048_576;
/// Most events that one transaction signs: bounds its memory and its time to about 100 ms.
pub const GROUP_EVENTS_MAX: usize = 4_096;
/// Most signed groups that wait for the log at once.
pub const GROUPS_IN_FLIGHT_MAX: usize = 8;

/// When a batch is closed, and how much may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchingLimits {
    /// A lane with this many events is signed at once.
    pub events_max: usize,
    /// A lane with this many bytes of contents is signed at once.
    pub bytes_max: usize,
    /// The oldest event waits at most this long.
    pub age_max: Duration,
    /// Most events in the queue.
    pub queue_events_max: usize,
    /// Most bytes of contents in the queue; one call is always let in when nothing waits.
    pub queue_bytes_max: usize,
}

impl Default for BatchingLimits {
    fn default() -> Self {
        Self {
            events_max: BATCH_EVENTS_DEFAULT,
            bytes_max: BATCH_BYTES_DEFAULT,
            age_max: Duration::from_millis(AGE_MAX_MS_DEFAULT),
            queue_events_max: QUEUE_EVENTS_DEFAULT,
            queue_bytes_max: QUEUE_BYTES_DEFAULT,
        }
    }
}

/// Why one event was not sent.
#[derive(Debug, Error, Clone)]
pub enum SendError {
    /// The event breaks a limit.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// The producer failed.
    #[error(transparent)]
    Producer(#[from] ProducerError),
}

/// Drafts of one call, by lane.
pub type LaneDrafts = Vec<(usize, Vec<Draft>)>;
/// Outcomes of one call, in the shape of its drafts.
pub type LaneOutcomes = Vec<Vec<Outcome>>;

/// A bounded queue before a [`Producer`]. Clones share it; it ends with the last one.
#[derive(Debug, Clone)]
pub struct BatchingProducer {
    producer: Producer,
    lanes: Arc<[StreamSpec]>,
    limits: BatchingLimits,
    load: Arc<Load>,
    sender: mpsc::UnboundedSender<Call>,
}

/// What is in the queue. The channel itself has no bound because this has.
#[derive(Debug, Default)]
struct Load {
    events: AtomicUsize,
    bytes: AtomicUsize,
    /// Guards the check and the addition together.
    gate: Mutex<()>,
}

#[derive(Debug)]
struct Call {
    groups: LaneDrafts,
    size: Size,
    reply: oneshot::Sender<Result<LaneOutcomes, ProducerError>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Size {
    events: usize,
    bytes: usize,
}

/// A call in the queue.
#[derive(Debug)]
pub struct Enqueued {
    reply: oneshot::Receiver<Result<LaneOutcomes, ProducerError>>,
}

impl Enqueued {
    /// Waits, without limit, until the log has the events.
    ///
    /// # Errors
    /// As [`Producer::stage`]; [`ProducerError::Closed`] when the producer is closed before.
    pub async fn wait(self) -> Result<LaneOutcomes, ProducerError> {
        self.reply.await.unwrap_or(Err(ProducerError::Closed))
    }
}

impl BatchingProducer {
    /// Starts the queue over these streams. Call it within a tokio runtime.
    #[must_use]
    pub fn start(producer: Producer, lanes: Vec<StreamSpec>, limits: BatchingLimits) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let lanes: Arc<[StreamSpec]> = lanes.into();
        let load = Arc::new(Load::default());
        let collector = Collector {
            producer: producer.clone(),
            lanes: Arc::clone(&lanes),
            limits,
            load: Arc::clone(&load),
            receiver,
        };
        tokio::spawn(collector.run());
        Self { producer, lanes, limits, load, sender }
    }

    /// The streams, in the order of the lanes.
    #[must_use]
    pub fn lanes(&self) -> &[StreamSpec] {
        &self.lanes
    }

    /// The producer below.
    #[must_use]
    pub fn producer(&self) -> &Producer {
        &self.producer
    }

    /// Sends one event on a lane (its index in the list given to [`BatchingProducer::start`]) and waits for its receipt,
    /// at most as long as the producer's `ack_wait`.
    ///
    /// # Errors
    /// [`SendError`]; [`ProducerError::Unconfirmed`] means signed, and still to be sent.
    pub async fn send(&self, lane: usize, draft: Draft) -> Result<Receipt, SendError> {
        let mut outcomes = self.send_all(vec![(lane, vec![draft])]).await?;
        match outcomes.pop().and_then(|mut group| group.pop()) {
            Some(Outcome::Acknowledged(receipt)) => Ok(receipt),
            Some(Outcome::Refused(error)) => Err(SendError::Draft(error)),
            _ => Err(SendError::Producer(ProducerError::Closed)),
        }
    }

    /// Sends events that are signed in one transaction: all of them or none.
    ///
    /// # Errors
    /// As [`BatchingProducer::send`].
    pub async fn send_all(&self, groups: LaneDrafts) -> Result<LaneOutcomes, ProducerError> {
        let waited = self.producer.config().ack_wait;
        let enqueued = self.enqueue(groups)?;
        tokio::time::timeout(waited, enqueued.wait()).await.unwrap_or_else(|_| Err(self.producer.unconfirmed(waited)))
    }

    /// Queues events without waiting.
    ///
    /// # Errors
    /// [`ProducerError::Busy`] when the queue is full, [`ProducerError::Stream`] for a lane that does not exist.
    pub fn enqueue(&self, groups: LaneDrafts) -> Result<Enqueued, ProducerError> {
        if let Some((lane, _)) = groups.iter().find(|(lane, _)| *lane >= self.lanes.len()) {
            let detail = format!("there are {} lanes, numbered from 0", self.lanes.len());
            return Err(ProducerError::Stream { stream: format!("lane {lane}"), detail });
        }
        let size = groups.iter().fold(Size::default(), |sum, (_, drafts)| sum + size_of(drafts));
        self.load.enter(size, &self.limits)?;
        let (reply, receiver) = oneshot::channel();
        if self.sender.send(Call { groups, size, reply }).is_err() {
            self.load.leave(size);
            return Err(ProducerError::Closed);
        }
        Ok(Enqueued { reply: receiver })
    }
}

impl std::ops::Add for Size {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { events: self.events + other.events, bytes: self.bytes + other.bytes }
    }
}

fn size_of(drafts: &[Draft]) -> Size {
    let bytes = drafts.iter().flat_map(|d| &d.contents).map(|c| c.bytes.len()).sum();
    Size { events: drafts.len(), bytes }
}

impl Load {
    fn enter(&self, size: Size, limits: &BatchingLimits) -> Result<(), ProducerError> {
        let _gate = lock(&self.gate);
        let (events, bytes) = (self.events.load(Ordering::SeqCst), self.bytes.load(Ordering::SeqCst));
        let full = events + size.events > limits.queue_events_max || bytes + size.bytes > limits.queue_bytes_max;
        if full && events > 0 {
            let after = Duration::from_secs(1);
            return Err(ProducerError::Busy { what: "the producer's queue", records: events, bytes, after });
        }
        self.events.fetch_add(size.events, Ordering::SeqCst);
        self.bytes.fetch_add(size.bytes, Ordering::SeqCst);
        Ok(())
    }

    fn leave(&self, size: Size) {
        self.events.fetch_sub(size.events, Ordering::SeqCst);
        self.bytes.fetch_sub(size.bytes, Ordering::SeqCst);
    }
}

#[derive(Debug)]
struct Collector {
    producer: Producer,
    lanes: Arc<[StreamSpec]>,
    limits: BatchingLimits,
    load: Arc<Load>,
    receiver: mpsc::UnboundedReceiver<Call>,
}

impl Collector {
    async fn run(mut self) {
        let in_flight = Arc::new(Semaphore::new(GROUPS_IN_FLIGHT_MAX));
        while let Some(first) = self.receiver.recv().await {
            let calls = self.collect(first).await;
            // Never closed, so this cannot fail; without a permit the group simply goes on.
            let permit = Arc::clone(&in_flight).acquire_owned().await.ok();
            let waiting = self.stage(calls).await;
            tokio::spawn(async move {
                waiting.finish().await;
                drop(permit);
            });
        }
    }

    /// Collects calls until a lane is full or the first call is old enough, and then what is there already.
    async fn collect(&mut self, first: Call) -> Vec<Call> {
        let deadline = Instant::now() + self.limits.age_max;
        let mut lanes = vec![Size::default(); self.lanes.len()];
        let mut events = 0;
        let mut calls = Vec::new();
        let mut next = Some(first);
        while let Some(call) = next {
            let mut full = false;
            for (lane, drafts) in &call.groups {
                lanes[*lane] = lanes[*lane] + size_of(drafts);
                full |= lanes[*lane].events >= self.limits.events_max || lanes[*lane].bytes >= self.limits.bytes_max;
            }
            events += call.size.events;
            calls.push(call);
            if full {
                break;
            }
            next = tokio::time::timeout_at(deadline, self.receiver.recv()).await.ok().flatten();
        }
        while events < GROUP_EVENTS_MAX {
            let Ok(call) = self.receiver.try_recv() else { break };
            events += call.size.events;
            calls.push(call);
        }
        calls
    }

    /// Signs all calls in one transaction, one group per lane.
    async fn stage(&self, calls: Vec<Call>) -> Waiting {
        let mut lanes: Vec<Vec<Draft>> = vec![Vec::new(); self.lanes.len()];
        let mut size = Size::default();
        let mut shapes = Vec::with_capacity(calls.len());
        for call in calls {
            size = size + call.size;
            let mut shape = Vec::with_capacity(call.groups.len());
            for (lane, drafts) in call.groups {
                let from = lanes[lane].len();
                shape.push((lane, from..from + drafts.len()));
                lanes[lane].extend(drafts);
            }
            shapes.push((shape, call.reply));
        }
        let mut group_of_lane = vec![usize::MAX; lanes.len()];
        let mut groups = Vec::new();
        for (lane, drafts) in lanes.into_iter().enumerate().filter(|(_, drafts)| !drafts.is_empty()) {
            group_of_lane[lane] = groups.len();
            groups.push((self.lanes[lane].clone(), drafts));
        }
        let staged = self.producer.stage(Arc::new(groups), Repeats::Send).await;
        Waiting { staged, shapes, group_of_lane, load: Arc::clone(&self.load), size }
    }
}

type Shape = Vec<(usize, std::ops::Range<usize>)>;

/// Calls that wait for the log.
struct Waiting {
    staged: Result<super::Staged, ProducerError>,
    shapes: Vec<(Shape, oneshot::Sender<Result<LaneOutcomes, ProducerError>>)>,
    group_of_lane: Vec<usize>,
    load: Arc<Load>,
    size: Size,
}

impl Waiting {
    async fn finish(self) {
        let result = match self.staged {
            Ok(staged) => staged.wait().await,
            Err(error) => Err(error),
        };
        self.load.leave(self.size);
        for (shape, reply) in self.shapes {
            let part = |(lane, range): (usize, std::ops::Range<usize>)| -> Vec<Outcome> {
                let group = self.group_of_lane.get(lane).and_then(|g| result.as_ref().ok()?.get(*g));
                group.and_then(|g| g.get(range)).map(<[Outcome]>::to_vec).unwrap_or_default()
            };
            let answer = match &result {
                Ok(_) => Ok(shape.into_iter().map(part).collect()),
                Err(error) => Err(error.clone()),
            };
            // A caller that no longer waits is no reason to stop.
            let _ = reply.send(answer);
        }
    }
}
