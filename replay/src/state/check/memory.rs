//! What memory gave and took.
//!
//! Guarantee: a read states the version in force, names its write, and has its bytes; a write or deletion that states a
//! version states a greater one than is in force. A read of what nobody wrote on record, and bytes that the caller does
//! not have, are unknown.

use super::Cx;
use crate::state::cells::Write;
use crate::state::event::{StateContent, StateEvent};
use crate::state::names;
use crate::state::stamp::EventId;
use schemas::kind;

const READ: &str = "memory.read";
const VERSION: &str = "memory.version";

pub(super) fn check(cx: &mut Cx<'_>) {
    let event = cx.event;
    let Some(key) = event.memory_key() else { return };
    match &*event.kind {
        kind::MEMORY_READ => read(cx, store(event), key),
        kind::MEMORY_WRITE | kind::MEMORY_DELETE => written(cx, store(event), key),
        _ => {}
    }
}

fn store(event: &StateEvent) -> &str {
    event.text(names::MEMORY_STORE).unwrap_or_default()
}

/// A write that a read may have seen.
struct Candidate {
    id: EventId,
    version: Option<u64>,
    value: Option<[u8; 32]>,
    deleted: bool,
}

impl Candidate {
    fn of(write: &Write) -> Self {
        let (id, value) = (write.stamp.id.clone(), write.value.map(|value| value.0));
        Self { id, version: write.version, value, deleted: write.deleted }
    }

    fn at_once(event: &StateEvent) -> Self {
        let value = event.value().map(|content| content.commitment);
        let deleted = &*event.kind == kind::MEMORY_DELETE;
        Self { id: event.id.clone(), version: event.version(), value, deleted }
    }
}

fn read(cx: &mut Cx<'_>, store_name: &str, key: &str) {
    let in_force = cx.view.memory_cell(store_name, key).and_then(|cell| cell.last()).map(Candidate::of);
    let same = |event: &&&StateEvent| {
        let writes = matches!(&*event.kind, kind::MEMORY_WRITE | kind::MEMORY_DELETE);
        writes && event.memory_key() == Some(key) && store(event) == store_name
    };
    let meanwhile = cx.group.iter().filter(same).map(|event| Candidate::at_once(event));
    let candidates: Vec<Candidate> = meanwhile.chain(in_force).collect();
    let Some(last) = candidates.last() else { return cx.unknown(READ) };
    let about = |c: &Candidate| c.version.map_or_else(|| format!("{}", c.id), |v| format!("version {v} of {}", c.id));
    let expected = about(last);
    if let Some(stated) = cx.event.version() {
        let holds = candidates.iter().any(|c| c.version.is_none_or(|version| version == stated));
        cx.compare(READ, holds, || (expected.clone(), format!("version {stated}")));
    }
    let named = cx.event.causes.iter().find(|cause| &*cause.relation == "read").map(|cause| cause.id.clone());
    if let Some(named) = named {
        let holds = candidates.iter().any(|c| c.id == named);
        cx.compare(READ, holds, || (expected.clone(), format!("a read of {named}")));
    }
    if let Some(content) = cx.event.value() {
        bytes(cx, &candidates, content, expected);
    }
}

fn bytes(cx: &mut Cx<'_>, candidates: &[Candidate], content: &StateContent, expected: String) {
    if candidates.iter().all(|candidate| candidate.deleted) {
        let found = format!("a value of {} bytes", content.size);
        return cx.compare(READ, content.size == 0, || (format!("no value, {expected} deleted it"), found));
    }
    let values = || candidates.iter().filter_map(|candidate| candidate.value);
    if values().any(|value| value == content.commitment) {
        return cx.compare(READ, true, Default::default);
    }
    let written: Vec<_> = values().map(|value| (cx.plain)(&value)).collect();
    match (cx.plain)(&content.commitment) {
        Some(own) if !written.is_empty() && written.iter().all(Option::is_some) => {
            let holds = written.contains(&Some(own));
            let found = format!("other bytes, digest {}", hex::encode(own));
            cx.compare(READ, holds, || (format!("the bytes of {expected}"), found));
        }
        _ => cx.unknown(READ),
    }
}

fn written(cx: &mut Cx<'_>, store: &str, key: &str) {
    let Some(stated) = cx.event.version() else { return };
    let in_force = cx.view.memory_cell(store, key).and_then(|cell| cell.versioned.as_deref());
    let known = in_force.and_then(|write| Some((write.version?, write.stamp.clone())));
    let Some((version, by)) = known else { return };
    let holds = stated > version || (by.time_us == cx.event.at_us() && stated != version);
    cx.compare(VERSION, holds, || {
        (format!("a version above {version}, which is {}", by.id), format!("version {stated}"))
    });
}
