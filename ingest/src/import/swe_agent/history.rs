//! Messages of the `history` as events of their own.
//!
//! Guarantee: each message is one event `history-<i>` with the message as record. Where a file has no steps, answers
//! are model calls with their calls beneath, and what follows an answer with open calls is its result, linked by the
//! call's id where the message names one. Else answers are not acts, because the steps are: their kind is
//! `swe-agent.history`. A message that is no object is a reject.

use super::super::chat::Chat;
use super::super::json::{slice, text};
use super::super::reject::Reject;
use super::super::{Out, Stop};
use super::FORMAT;
use super::events::{Call, Trail, model_call, tool_calls, tool_result};
use super::turns::{History, Message};
use schemas::draft::{Draft, DraftCause, DraftContent};
use schemas::kind;
use std::ops::Range;

/// Messages that no step took. With a trail they are what the next answer responds to.
pub(super) fn alone(
    chat: &mut Chat<'_>,
    history: &History<'_>,
    range: Range<usize>,
    mut trail: Option<&mut Trail>,
    out: &mut Out<'_>,
) -> Result<(), Stop> {
    let first = range.start;
    for (i, message) in history.messages.get(range).unwrap_or_default().iter().enumerate() {
        let Some(mut draft) = of_message(chat, first + i, message, out)? else { continue };
        if let Some(trail) = trail.as_deref_mut() {
            draft.causes.extend(trail.previous.replace(draft.id.clone()).map(|id| DraftCause::new(id, "responds_to")));
        }
        out.put(chat.key(), draft)?;
    }
    Ok(())
}

/// The whole history as the acts of the run.
pub(super) fn turns(
    chat: &mut Chat<'_>,
    history: &History<'_>,
    trail: &mut Trail,
    out: &mut Out<'_>,
) -> Result<(), Stop> {
    chat.place = "history".to_owned();
    let mut open: Vec<Call> = Vec::new();
    for (i, message) in history.messages.iter().enumerate() {
        if message.is_answer() {
            open = answer(chat, i, message, trail, out)?;
            continue;
        }
        let taken = answered(message, &mut open);
        if taken.is_empty() {
            alone(chat, history, i..i + 1, Some(trail), out)?;
            continue;
        }
        let mut draft = tool_result(chat, format!("history-{i}"), format!("history/{i}"), &taken, trail);
        draft.contents.push(record(chat, message));
        out.put(chat.key(), draft)?;
    }
    Ok(())
}

fn answer(
    chat: &mut Chat<'_>,
    i: usize,
    message: &Message<'_>,
    trail: &mut Trail,
    out: &mut Out<'_>,
) -> Result<Vec<Call>, Stop> {
    let mut draft = model_call(chat, format!("history-{i}"), format!("history/{i}"), trail);
    draft.contents.push(record(chat, message));
    let made = tool_calls(chat, &draft, &message.calls(), message.text("action").as_deref());
    out.put(chat.key(), draft)?;
    let mut open = Vec::with_capacity(made.len());
    for (draft, call) in made {
        out.put(chat.key(), draft)?;
        open.push(call);
    }
    Ok(open)
}

/// The calls that a message answers: those it names, else the first open one.
fn answered(message: &Message<'_>, open: &mut Vec<Call>) -> Vec<Call> {
    let named = message.fields.as_ref().and_then(|fields| fields.elements("tool_call_ids")).unwrap_or_default();
    let ids: Vec<_> = named.into_iter().filter_map(text).collect();
    let (taken, left) = std::mem::take(open).into_iter().partition(|call| ids.iter().any(|id| *id == call.call_id));
    *open = left;
    match (open.is_empty(), ids.is_empty()) {
        (false, true) => vec![open.remove(0)],
        _ => taken,
    }
}

fn record(chat: &Chat<'_>, message: &Message<'_>) -> DraftContent {
    DraftContent::new("record", "application/json", slice(chat.document, message.raw.get()))
}

fn of_message(chat: &mut Chat<'_>, i: usize, message: &Message<'_>, out: &mut Out<'_>) -> Result<Option<Draft>, Stop> {
    let content = record(chat, message);
    if message.fields.is_none() {
        let name = format!("{}#history/{i}", chat.name);
        let (session, detail) = (chat.session, "expected a message, a JSON object".to_owned());
        let (reason, bytes) = ("message.json", content.bytes);
        let reject = Reject { format: FORMAT, session, name: &name, line: None, reason, detail, bytes };
        return reject.put(&mut chat.seen, out).map(|()| None);
    }
    let said = matches!(message.role.as_str(), "system" | "user" | "tool" | "developer");
    let own = format!("{FORMAT}.history");
    let mut draft =
        chat.event(format!("history-{i}"), if said { kind::MESSAGE } else { &own }, Some(format!("history/{i}")));
    if !message.role.is_empty() {
        draft.attributes.insert("hansard.role".into(), message.role.as_str().into());
    }
    if message.fields.as_ref().and_then(|fields| fields.boolean("is_demo")) == Some(true) {
        draft.attributes.insert("swe_agent.demonstration".into(), true.into());
    }
    draft.contents.push(content);
    Ok(Some(draft))
}
