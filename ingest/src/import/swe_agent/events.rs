//! The acts of one step of SWE-agent as events: the model's answer, the call that it holds, what the call gave.
//!
//! Guarantee: a call and its result carry the same `gen_ai.tool.call.id`: the native one, or `<record>#<n>` where the
//! format has none; `hansard.link` on the result says which (`id`, `step`). A step that the harness ended
//! (`exit_cost`) holds no call: the model chose none; its `error.type` is that word. Cannot fail.

use super::super::chat::Chat;
use super::super::ids::bounded;
use super::super::json::{Fields, SHORT_TEXT_BYTES_MAX, object, text};
use schemas::draft::{Draft, DraftCause, DraftContent};
use schemas::kind;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Longest name in bytes that is taken from the first word of a command.
const TOOL_NAME_BYTES_MAX: usize = 256;
/// A command of the agent itself, though it is called like those with which the harness ends a run.
const GIVES_UP: &str = "exit_forfeit";

/// What the events of a run come from, in turn.
#[derive(Debug, Default)]
pub(super) struct Trail {
    /// The event before.
    pub(super) previous: Option<String>,
    /// Results that the next answer has before it.
    pub(super) results: Vec<String>,
    /// Steps so far.
    pub(super) steps: usize,
    pub(super) model: Option<String>,
}

/// A call of the model that has no result yet.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) event: String,
    pub(super) call_id: String,
    pub(super) tool: Option<String>,
    /// How the result is found: `id` or `step`.
    pub(super) link: &'static str,
}

/// The word with which the harness ended the run, when this action is none of the model's.
pub(super) fn harness_exit(action: &str) -> Option<&str> {
    let word = action.trim();
    let one_word = word.len() <= TOOL_NAME_BYTES_MAX && !word.contains(char::is_whitespace);
    (one_word && word.starts_with("exit_") && word != GIVES_UP).then_some(word)
}

/// The event of a model's answer.
pub(super) fn model_call(chat: &mut Chat<'_>, native_id: String, place: String, trail: &mut Trail) -> Draft {
    let mut draft = chat.event(native_id, kind::MODEL_CALL, Some(place));
    draft.attributes.insert("gen_ai.operation.name".into(), "chat".into());
    draft.attributes.insert("hansard.role".into(), "assistant".into());
    draft.attributes.insert("hansard.step".into(), trail.steps.into());
    if let Some(model) = &trail.model {
        draft.attributes.insert("gen_ai.request.model".into(), model.as_str().into());
    }
    draft.causes.extend(trail.previous.take().map(|id| DraftCause::new(id, "responds_to")));
    draft.causes.extend(trail.results.drain(..).map(|id| DraftCause::new(id, "used")));
    trail.previous = Some(draft.id.clone());
    trail.steps += 1;
    draft
}

/// The calls of an answer: those that the model's interface lists, else the command that it wrote.
pub(super) fn tool_calls(
    chat: &mut Chat<'_>,
    answer: &Draft,
    listed: &[&RawValue],
    action: Option<&str>,
) -> Vec<(Draft, Call)> {
    let parent = answer.native_id.clone().unwrap_or_default();
    let action = action.filter(|action| !action.trim().is_empty() && harness_exit(action).is_none());
    let mut calls = Vec::new();
    for (n, call) in listed.iter().enumerate() {
        let fields = object(call).unwrap_or_default();
        let function = fields.object("function").unwrap_or_default();
        let tool = function.short("name").map(Cow::into_owned);
        calls.push(one_call(chat, answer, format!("{parent}#{n}"), fields.short("id").as_deref(), tool));
        if let (Some(arguments), Some((draft, _))) = (arguments(&function), calls.last_mut()) {
            draft.contents.push(arguments);
        }
    }
    if let (true, Some(action)) = (calls.is_empty(), action) {
        let tool = action.split_whitespace().next().map(|word| bounded(word, TOOL_NAME_BYTES_MAX));
        let (mut draft, call) = one_call(chat, answer, format!("{parent}#0"), None, tool);
        draft.contents.push(DraftContent::text("arguments", action));
        calls.push((draft, call));
    }
    calls
}

fn one_call(
    chat: &mut Chat<'_>,
    answer: &Draft,
    native_id: String,
    id: Option<&str>,
    tool: Option<String>,
) -> (Draft, Call) {
    let place = format!("{}/{native_id}", chat.place);
    let mut draft = chat.event(native_id.clone(), kind::TOOL_CALL, Some(place));
    let call_id = id.map_or(native_id, ToOwned::to_owned);
    draft.attributes.insert("gen_ai.operation.name".into(), "execute_tool".into());
    draft.attributes.insert("gen_ai.tool.call.id".into(), call_id.as_str().into());
    draft.attributes.extend(tool.as_deref().map(|tool| ("gen_ai.tool.name".to_owned(), tool.into())));
    draft.attributes.extend(answer.attributes.get("hansard.step").map(|n| ("hansard.step".to_owned(), n.clone())));
    draft.causes.push(DraftCause::new(answer.id.clone(), "responds_to"));
    let call = Call { event: draft.id.clone(), call_id, tool, link: if id.is_some() { "id" } else { "step" } };
    (draft, call)
}

/// Arguments as the model wrote them: a string that holds JSON, or JSON.
pub(super) fn arguments(function: &Fields<'_>) -> Option<DraftContent> {
    let raw = function.raw("arguments")?;
    match text(raw) {
        Some(written) if serde_json::from_str::<&RawValue>(&written).is_err() => {
            Some(DraftContent::text("arguments", written))
        }
        Some(written) => Some(DraftContent::new("arguments", "application/json", written.into_owned().into_bytes())),
        None => Some(DraftContent::new("arguments", "application/json", raw.get().as_bytes().to_vec())),
    }
}

/// The event of what calls gave: of the first, when one observation answers several.
pub(super) fn tool_result(
    chat: &mut Chat<'_>,
    native_id: String,
    place: String,
    calls: &[Call],
    trail: &mut Trail,
) -> Draft {
    let mut draft = chat.event(native_id, kind::TOOL_RESULT, Some(place));
    draft.attributes.insert("hansard.step".into(), trail.steps.saturating_sub(1).into());
    if let Some(first) = calls.first() {
        draft.attributes.insert("gen_ai.tool.call.id".into(), first.call_id.as_str().into());
        draft.attributes.insert("hansard.link".into(), first.link.into());
        draft.attributes.extend(first.tool.as_deref().map(|tool| ("gen_ai.tool.name".to_owned(), tool.into())));
    }
    draft.causes.extend(calls.iter().map(|call| DraftCause::new(call.event.clone(), "responds_to")));
    trail.previous = Some(draft.id.clone());
    trail.results.push(draft.id.clone());
    draft
}

/// A text that is short enough for a header.
pub(super) fn short(text: &str) -> String {
    bounded(text, SHORT_TEXT_BYTES_MAX)
}
