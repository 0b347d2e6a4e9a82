//! Events of the fold as a file: the stretch between two checkpoints, so that a point is reached without the table.
//!
//! Format, version 1: the 23 bytes `hansard state journal1` with a line feed; the number of events; each event with its
//! fields in the order of [`StateEvent`], attributes as JSON (`wire.rs`). Guarantee: what was written is read back equal,
//! and reading uses memory in proportion to the file. It is derived from the table and vouches for nothing. Fails with
//! [`WireError`].

use super::event::{StateCause, StateContent, StateEvent};
use super::limits::JOURNAL_EVENTS_MAX;
use super::wire::{Reader, Wire, WireError, wire};
use serde_json::{Map, Value};

const MAGIC: &[u8; 23] = b"hansard state journal1\n";

wire!(StateCause { id, relation });
wire!(StateContent { name, size, commitment });
wire!(StateEvent {
    id,
    partition,
    leaf,
    time_us,
    committed_us,
    kind,
    source,
    tenant,
    session,
    agent,
    agent_version,
    agent_digests,
    task,
    principal,
    attested,
    causes,
    contents,
    attributes,
});

impl Wire for u32 {
    fn put(&self, out: &mut Vec<u8>) {
        u64::from(*self).put(out);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, WireError> {
        u64::take(from)?.try_into().or_else(|_| from.fail("a number below 2^32"))
    }
}

impl Wire for [u8; 32] {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, WireError> {
        from.array("32 bytes")
    }
}

impl Wire for Map<String, Value> {
    fn put(&self, out: &mut Vec<u8>) {
        // Serialising a map of JSON values with text keys does not fail.
        let text: Box<str> = serde_json::to_string(self).unwrap_or_default().into();
        text.put(out);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let text = Box::<str>::take(from)?;
        serde_json::from_str(&text).or_else(|_| from.fail("attributes as a JSON object"))
    }
}

/// Writes events.
#[must_use]
pub fn encode(events: &[StateEvent]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    (events.len() as u64).put(&mut out);
    events.iter().for_each(|event| event.put(&mut out));
    out
}

/// Reads events.
///
/// # Errors
/// See the module.
pub fn decode(file: &[u8]) -> Result<Vec<StateEvent>, WireError> {
    let Some(body) = file.strip_prefix(MAGIC) else {
        return Err(WireError { at: 0, expected: "the beginning of a journal of version 1" });
    };
    let mut from = Reader::new(body);
    let events = u64::take(&mut from)?;
    if events > JOURNAL_EVENTS_MAX {
        return from.fail("a number of events that is allowed");
    }
    let events = (0..events).map(|_| StateEvent::take(&mut from)).collect::<Result<_, _>>()?;
    from.end()?;
    Ok(events)
}
