//! One `.traj` file: the steps of one run of SWE-agent, the messages that the model saw, and how it ended.
//!
//! Guarantee: `step-<n>` (n from 0) is the model's answer with the step as record and its messages of the history as
//! contents `history-<i>`; `step-<n>#<m>` the call in it, `step-<n>#result` what the call gave (content `result`).
//! Messages of no step are `history-<i>` with the message as record. A file with `history` alone is read from that (see
//! [`super::history`]). `end` has what the whole run used: SWE-agent counts tokens and cost per run only, and
//! `total_cost` is that of all runs so far, so that `instance_cost` is the one taken. The evaluation `submitted` says
//! whether a patch or flag was handed in; its label is the exit status, `none` where the run broke off.

use super::super::chat::Chat;
use super::super::ids::Occurrences;
use super::super::json::{Fields, cut, object, offset_in, slice};
use super::super::reject::Reject;
use super::super::source::SourceFile;
use super::super::{Out, Stop};
use super::events::{Trail, harness_exit, model_call, short, tool_calls, tool_result};
use super::results::END;
use super::turns::{History, Share};
use super::{COST, FORMAT, INPUT_TOKENS, OUTPUT_TOKENS, arm, history};
use bytes::Bytes;
use schemas::draft::{DraftCause, DraftContent};
use schemas::kind;
use serde_json::value::RawValue;
use std::ops::Range;

/// Reads a file.
pub(super) fn read(
    file: &SourceFile<'_>,
    document: &Bytes,
    fields: &Fields<'_>,
    out: &mut Out<'_>,
) -> Result<(), Stop> {
    let place = arm::of_trajectory(file);
    let arm = arm::arm(&place.run);
    let base = arm::base(&place, &arm);
    let session = base.session.clone().unwrap_or_default();
    let steps = fields.elements("trajectory").unwrap_or_default();
    let messages = fields.elements("history").unwrap_or_default();
    let (name, place) = (file.name.as_str(), "trajectory".to_owned());
    let mut chat =
        Chat { format: FORMAT, session: &session, name, place, base, document, seen: Occurrences::default() };
    let mut start = chat.event("run".to_owned(), kind::SESSION_START, None);
    for (name, attribute) in [("environment", "swe_agent.environment"), ("swe_agent_version", "swe_agent.version")] {
        start.attributes.extend(fields.short(name).map(|value| (attribute.to_owned(), value.into())));
    }
    start.contents.push(DraftContent::new("run", "application/json", skeleton(document, &[&steps, &messages])));
    out.put(chat.key(), start)?;
    let mut trail = Trail { model: arm.model.clone(), ..Trail::default() };
    let mut history = History::new(&messages);
    if steps.is_empty() {
        history::turns(&mut chat, &history, &mut trail, out)?;
    } else {
        let prompts = history.prompts();
        history::alone(&mut chat, &history, prompts, Some(&mut trail), out)?;
        for (n, step) in steps.iter().enumerate() {
            one_step(&mut chat, n, step, &mut history, &mut trail, out)?;
        }
        let rest = history.rest();
        history::alone(&mut chat, &history, rest, None, out)?;
    }
    end(&mut chat, fields, &trail, out)
}

/// The document without the elements of its lists.
fn skeleton(document: &Bytes, lists: &[&[&RawValue]]) -> Vec<u8> {
    let mut parts: Vec<&RawValue> = lists.iter().flat_map(|list| list.iter().copied()).collect();
    parts.sort_by_key(|part| offset_in(document, part.get()));
    cut(document, &parts)
}

fn one_step<'a>(
    chat: &mut Chat<'a>,
    n: usize,
    raw: &'a RawValue,
    history: &mut History<'a>,
    trail: &mut Trail,
    out: &mut Out<'_>,
) -> Result<(), Stop> {
    let record = slice(chat.document, raw.get());
    let Some(step) = object(raw) else {
        let name = format!("{}#trajectory/{n}", chat.name);
        let (session, detail) = (chat.session, "expected a step, a JSON object".to_owned());
        let reject =
            Reject { format: FORMAT, session, name: &name, line: None, reason: "step.json", detail, bytes: record };
        return reject.put(&mut chat.seen, out);
    };
    let Share { before, own } = history.of_step(&step);
    history::alone(chat, history, before, None, out)?;
    let mut answer = model_call(chat, format!("step-{n}"), format!("trajectory/{n}"), trail);
    answer.contents.push(DraftContent::new("record", "application/json", record));
    attach(chat, history, own.clone(), &mut answer.contents);
    let action = step.text("action");
    if let Some(exit) = action.as_deref().and_then(harness_exit) {
        answer.attributes.insert("error.type".into(), exit.into());
    }
    let listed = history.messages.get(own.start).filter(|_| !own.is_empty()).map(|m| m.calls()).unwrap_or_default();
    let made = tool_calls(chat, &answer, &listed, action.as_deref());
    out.put(chat.key(), answer)?;
    let mut calls = Vec::with_capacity(made.len());
    for (draft, call) in made {
        out.put(chat.key(), draft)?;
        calls.push(call);
    }
    let observation = step.text("observation");
    if calls.is_empty() || observation.is_none() {
        return Ok(());
    }
    let mut result =
        tool_result(chat, format!("step-{n}#result"), format!("trajectory/{n}/observation"), &calls, trail);
    if let Some(seconds) = step.number("execution_time") {
        result.attributes.insert("swe_agent.execution_seconds".into(), seconds.into());
    }
    result.contents.extend(observation.map(|text| DraftContent::text("result", text)));
    out.put(chat.key(), result)
}

/// The messages of a step beside its record.
fn attach(chat: &Chat<'_>, history: &History<'_>, own: Range<usize>, contents: &mut Vec<DraftContent>) {
    let first = own.start;
    for (i, message) in history.messages.get(own).unwrap_or_default().iter().enumerate() {
        let record = slice(chat.document, message.raw.get());
        contents.push(DraftContent::new(format!("history-{}", first + i), "application/json", record));
    }
}

/// How the run ended, as far as the file says.
fn end(chat: &mut Chat<'_>, fields: &Fields<'_>, trail: &Trail, out: &mut Out<'_>) -> Result<(), Stop> {
    let info = fields.object("info");
    let said = info.unwrap_or_default();
    let mut draft = chat.event(END.to_owned(), kind::SESSION_END, None);
    draft.causes.extend(trail.previous.as_ref().map(|id| DraftCause::new(id.clone(), "responds_to")));
    let status = said.text("exit_status").map(|status| short(&status));
    let attributes = &mut draft.attributes;
    attributes.extend(status.as_deref().map(|status| ("swe_agent.exit_status".to_owned(), status.into())));
    let stats = said.object("model_stats").unwrap_or_default();
    for (name, attribute) in
        [("tokens_sent", INPUT_TOKENS), ("tokens_received", OUTPUT_TOKENS), ("api_calls", "swe_agent.api_calls")]
    {
        attributes.extend(stats.integer(name).map(|count| (attribute.to_owned(), count.into())));
    }
    attributes.extend(stats.number("instance_cost").map(|cost| (COST.to_owned(), cost.into())));
    let told = said.iter().next().is_some();
    if let Some(error) = error_of(status.as_deref()).filter(|_| told) {
        attributes.insert("error.type".into(), error.into());
    }
    let submission = said.text("submission").filter(|patch| !patch.is_empty());
    let score = f64::from(u8::from(submission.is_some()));
    draft.contents.extend(submission.map(|patch| DraftContent::text("submission", patch)));
    let last = draft.id.clone();
    out.put(chat.key(), draft)?;
    if !told {
        return Ok(());
    }
    let mut evaluation = chat.evaluation("submitted", score, status.as_deref().unwrap_or("none"), Some(&last));
    if let Some(model) = &trail.model {
        evaluation.attributes.insert("gen_ai.request.model".into(), model.as_str().into());
    }
    out.put(chat.key(), evaluation)
}

/// What went wrong by the exit status: nothing when it is `submitted`; `exit_cost` in `submitted (exit_cost)`.
fn error_of(status: Option<&str>) -> Option<&str> {
    match status {
        None => Some("no_exit_status"),
        Some("submitted") => None,
        Some(status) => {
            let inner = status.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
            Some(inner.unwrap_or(status))
        }
    }
}
