//! Results and their calls.
//!
//! Guarantee: a result has one call, which does not come after it, of the same tool, and is its only result. A result
//! that names no event and has no call id is not judged.

use super::{Cx, Facts};
use crate::state::cells::Cell;
use crate::state::event::StateEvent;
use crate::state::key::Key;
use crate::state::names;
use crate::state::stamp::{EventId, Stamp};
use schemas::kind;

const CHECK: &str = "call.result";

type Known = (EventId, Stamp, Option<Box<str>>);

pub(super) fn learn(facts: &mut Facts, event: &StateEvent) {
    if &*event.kind == kind::TOOL_CALL {
        let id =
            (event.session.clone().unwrap_or_default(), event.text(names::TOOL_CALL_ID).unwrap_or_default().into());
        facts.by_call_id.entry(id).or_default().push(event.id.clone());
        facts.calls.insert(event.id.clone(), (event.stamp(), event.text(names::TOOL).map(Into::into)));
    }
}

/// Calls that were open before.
pub(super) fn learn_before(facts: &mut Facts, key: &Key, cell: &Cell) {
    let Cell::Call(balance) = cell else { return };
    let (Some(call), Some(parts)) = (&balance.call, key.parts()) else { return };
    if let [_, session, call_id, _] = parts.as_slice() {
        let id = (session.as_str().into(), call_id.as_str().into());
        facts.by_call_id.entry(id).or_default().push(call.stamp.id.clone());
        facts.calls.insert(call.stamp.id.clone(), (call.stamp.clone(), call.tool.clone()));
    }
}

pub(super) fn check(cx: &mut Cx<'_>) {
    let event = cx.event;
    if &*event.kind != kind::TOOL_RESULT {
        return;
    }
    let (named, call_id) = (event.last_cause(&["responds_to"]), event.text(names::TOOL_CALL_ID));
    if named.is_none() && call_id.is_none() {
        return cx.unknown(CHECK);
    }
    let Some((id, stamp, tool)) = find(cx.facts, event) else {
        let wanted = call_id.map_or_else(|| "the call that it names".to_owned(), |id| format!("a call with id {id}"));
        return cx.compare(CHECK, false, || (wanted, "no such call before it".to_owned()));
    };
    cx.compare(CHECK, stamp.time_us <= event.at_us(), || {
        (format!("call {id} before its result"), "the call is later than its result".to_owned())
    });
    if let (Some(own), Some(called)) = (event.text(names::TOOL), &tool) {
        cx.compare(CHECK, *own == **called, || (format!("a result of tool {called}"), format!("one of {own}")));
    }
    let first = cx.facts.answered.get(&id).cloned();
    cx.compare(CHECK, first.is_none(), || {
        let first = first.as_ref().map(ToString::to_string).unwrap_or_default();
        (format!("one result of call {id}, which is {first}"), "a second one".to_owned())
    });
    cx.facts.answered.entry(id).or_insert_with(|| event.id.clone());
}

/// The call of a result: the one that it names, else the latest before it of its session and call id without a result,
/// else the latest of those.
fn find(facts: &Facts, event: &StateEvent) -> Option<Known> {
    let known = |id: &EventId| facts.calls.get(id).map(|(stamp, tool)| (id.clone(), stamp.clone(), tool.clone()));
    let named = event.last_cause(&["responds_to"]).and_then(known);
    named.or_else(|| {
        let call_id = event.text(names::TOOL_CALL_ID)?;
        let key = (event.session.clone().unwrap_or_default(), call_id.into());
        let calls = facts.by_call_id.get(&key)?.iter().filter_map(known);
        calls.max_by_key(|(id, stamp, _)| {
            let in_time = stamp.time_us <= event.at_us();
            (in_time, in_time && !facts.answered.contains_key(id), stamp.clone())
        })
    })
}
