//! The history of a run of OpenHands: actions and observations, one record each.
//!
//! Guarantee: each entry is one event `event-<id>` with the entry as record. An action that a model's response asked
//! for is a `tool.call` beneath the `model.call` of that response (`response-<id>`, content `response`); its
//! observation is a `tool.result` with the same call id, a failed one (`success` false, kind `error`) with
//! `error.type`. What people, the harness or the agent itself did is a message, a retrieval, or of kind
//! `openhands.<what>`. An entry that is no object is a reject. Times: see [`super::local_time`].

use super::super::super::chat::Chat;
use super::super::super::json::{Fields, object, slice};
use super::super::super::reject::Reject;
use super::super::super::{Out, Stop};
use super::super::FORMAT;
use super::super::events::{arguments, short};
use super::super::responses::{Responses, response};
use super::{local_time, zone_of};
use schemas::draft::{Draft, DraftCause, DraftContent};
use schemas::{id, kind};
use serde_json::value::RawValue;
use std::collections::HashMap;

/// The entries of a run, read in order.
pub(super) struct Entries<'a> {
    responses: Responses<'a>,
    zone: Option<i64>,
    /// Local times of the first and the last entry.
    span: Option<(String, String)>,
    model: Option<String>,
    previous: Option<String>,
    results: Vec<String>,
    /// Event of each response that was told.
    told: HashMap<String, String>,
    steps: usize,
}

impl<'a> Entries<'a> {
    pub(super) fn new(metrics: &Fields<'a>, history: &[&'a RawValue], model: Option<String>) -> Self {
        let entries: Vec<Fields<'a>> = history.iter().filter_map(|raw| object(raw)).collect();
        let times: Vec<String> = entries.iter().filter_map(|entry| entry.short("timestamp").map(Into::into)).collect();
        Self {
            responses: Responses::new(metrics, history),
            zone: zone_of(&entries),
            span: times.first().cloned().zip(times.last().cloned()),
            model,
            previous: None,
            results: Vec::new(),
            told: HashMap::new(),
            steps: 0,
        }
    }

    pub(super) fn zone(&self) -> Option<i64> {
        self.zone
    }

    pub(super) fn first_time(&self) -> Option<String> {
        local_time::with_offset(&self.span.as_ref()?.0, self.zone?)
    }

    pub(super) fn last_time(&self) -> Option<String> {
        local_time::with_offset(&self.span.as_ref()?.1, self.zone?)
    }

    fn time(&self, entry: &Fields<'_>) -> Option<String> {
        local_time::with_offset(&entry.short("timestamp")?, self.zone?)
    }

    /// One entry.
    pub(super) fn one(
        &mut self,
        chat: &mut Chat<'_>,
        n: usize,
        raw: &'a RawValue,
        out: &mut Out<'_>,
    ) -> Result<(), Stop> {
        let record = slice(chat.document, raw.get());
        let Some(entry) = object(raw) else {
            let name = format!("{}#{}/{n}", chat.name, chat.place);
            let (session, detail) = (chat.session, "expected an action or observation, a JSON object".to_owned());
            let (reason, bytes) = ("event.json", record);
            return Reject { format: FORMAT, session, name: &name, line: None, reason, detail, bytes }
                .put(&mut chat.seen, out);
        };
        let call = entry.object("tool_call_metadata");
        let acts = entry.raw("action").is_some();
        let what = entry.short("action").or_else(|| entry.short("observation")).unwrap_or_default().into_owned();
        let (kind, caller) = match (acts, &call) {
            (true, Some(_)) => (kind::TOOL_CALL.to_owned(), self.caller(chat, &entry, out)?),
            (false, Some(_)) => (kind::TOOL_RESULT.to_owned(), None),
            (_, None) => (plain_kind(acts, &what), self.plain_caller(chat, &entry, &what, out)?),
        };
        let native_id = entry.integer("id").map_or_else(|| format!("entry-{n}"), |id| format!("event-{id}"));
        let mut draft = chat.event(native_id, &kind, Some(format!("{}/{n}", chat.place)));
        draft.time = self.time(&entry);
        draft.contents.push(DraftContent::new("record", "application/json", record));
        attributes(&entry, acts, &what, &mut draft);
        match call {
            Some(call) if acts => self.call(&call, caller, &mut draft),
            Some(call) => self.result(chat, &entry, &call, &mut draft),
            None => self.plain(chat, &entry, caller, &mut draft),
        }
        self.previous = Some(draft.id.clone());
        out.put(chat.key(), draft)
    }

    /// Tells the responses up to the one that asked for this action, and gives its event.
    fn caller(&mut self, chat: &mut Chat<'_>, entry: &Fields<'a>, out: &mut Out<'_>) -> Result<Option<String>, Stop> {
        let Some(own) = response(entry) else { return Ok(None) };
        let Some(id) = own.short("id").map(String::from) else { return Ok(None) };
        for due in self.responses.up_to(&id) {
            let said = (due == id).then_some(&own);
            self.tell(chat, &due, said, entry, out)?;
        }
        Ok(self.told.get(&id).cloned())
    }

    /// A message of the agent, or an error instead of an action, comes from a response that no action names.
    fn plain_caller(
        &mut self,
        chat: &mut Chat<'_>,
        entry: &Fields<'a>,
        what: &str,
        out: &mut Out<'_>,
    ) -> Result<Option<String>, Stop> {
        let by_agent = entry.short("source").as_deref() == Some("agent") && entry.raw("cause").is_none();
        if !by_agent || !matches!(what, "message" | "error") {
            return Ok(None);
        }
        let Some(id) = self.responses.without_action() else { return Ok(None) };
        self.tell(chat, &id, None, entry, out)?;
        Ok(self.told.get(&id).cloned())
    }

    fn tell(
        &mut self,
        chat: &mut Chat<'_>,
        id: &str,
        said: Option<&Fields<'a>>,
        entry: &Fields<'a>,
        out: &mut Out<'_>,
    ) -> Result<(), Stop> {
        let mut draft = chat.event(format!("response-{id}"), kind::MODEL_CALL, None);
        draft.time = self.time(entry);
        draft.attributes.insert("gen_ai.operation.name".into(), "chat".into());
        draft.attributes.insert("hansard.role".into(), "assistant".into());
        draft.attributes.insert("hansard.step".into(), self.steps.into());
        self.steps += 1;
        if let Some(model) = &self.model {
            draft.attributes.insert("gen_ai.request.model".into(), model.as_str().into());
        }
        self.responses.describe(id, said, &mut draft);
        let raw = said.and_then(|_| entry.object("tool_call_metadata")?.raw("model_response"));
        let content = raw.map(|raw| DraftContent::new("response", "application/json", slice(chat.document, raw.get())));
        draft.contents.extend(content);
        draft.causes.extend(self.previous.take().map(|id| DraftCause::new(id, "responds_to")));
        draft.causes.extend(self.results.drain(..).map(|id| DraftCause::new(id, "used")));
        self.previous = Some(draft.id.clone());
        self.told.insert(id.to_owned(), draft.id.clone());
        out.put(chat.key(), draft)
    }

    fn call(&self, call: &Fields<'_>, caller: Option<String>, draft: &mut Draft) {
        named(call, draft);
        draft.attributes.insert("gen_ai.operation.name".into(), "execute_tool".into());
        let cause = caller.or_else(|| self.previous.clone());
        draft.causes.extend(cause.map(|id| DraftCause::new(id, "responds_to")));
        draft.contents.extend(written(call));
    }

    fn result(&mut self, chat: &Chat<'_>, entry: &Fields<'_>, call: &Fields<'_>, draft: &mut Draft) {
        named(call, draft);
        if let Some(cause) = entry.integer("cause") {
            let id = id::imported(FORMAT, chat.session, &format!("event-{cause}"), 0);
            draft.causes.push(DraftCause::new(id, "responds_to"));
            draft.attributes.insert("hansard.link".into(), "id".into());
        }
        self.results.push(draft.id.clone());
    }

    fn plain(&self, chat: &Chat<'_>, entry: &Fields<'_>, caller: Option<String>, draft: &mut Draft) {
        let stated = entry.integer("cause").map(|cause| format!("event-{cause}"));
        let stated = stated.map(|native| id::imported(FORMAT, chat.session, &native, 0));
        let cause = stated.or(caller).or_else(|| self.previous.clone());
        draft.causes.extend(cause.map(|id| DraftCause::new(id, "responds_to")));
    }

    /// Tells the responses that nothing named, and gives the last event.
    pub(super) fn finish(&mut self, chat: &mut Chat<'_>, out: &mut Out<'_>) -> Result<Option<String>, Stop> {
        for id in self.responses.rest() {
            self.tell(chat, &id, None, &Fields::default(), out)?;
        }
        Ok(self.previous.take())
    }
}

fn plain_kind(acts: bool, what: &str) -> String {
    match (acts, what) {
        (true, "message" | "system") => kind::MESSAGE.to_owned(),
        (true, "recall") => kind::RETRIEVAL.to_owned(),
        (true, "delegate") => kind::HANDOFF.to_owned(),
        (_, "") => "openhands.entry".to_owned(),
        (_, what) => format!("openhands.{}", short(what)),
    }
}

fn named(call: &Fields<'_>, draft: &mut Draft) {
    for (name, attribute) in [("function_name", "gen_ai.tool.name"), ("tool_call_id", "gen_ai.tool.call.id")] {
        draft.attributes.extend(call.short(name).map(|value| (attribute.to_owned(), value.into())));
    }
}

/// What the model wrote as arguments of this call.
fn written(call: &Fields<'_>) -> Option<DraftContent> {
    let own = call.short("tool_call_id")?;
    let choices = call.object("model_response")?.elements("choices")?;
    let calls = choices.into_iter().filter_map(|choice| object(choice)?.object("message")?.elements("tool_calls"));
    let found = calls.flatten().filter_map(object).find(|made| made.short("id").as_ref() == Some(&own))?;
    arguments(&found.object("function")?)
}

/// What an entry says of itself.
fn attributes(entry: &Fields<'_>, acts: bool, what: &str, draft: &mut Draft) {
    let role = match (entry.short("source").as_deref(), acts, what) {
        (_, true, "system") => Some("system"),
        (Some("user"), true, "message") => Some("user"),
        (Some("agent"), true, "message") => Some("assistant"),
        _ => None,
    };
    draft.attributes.extend(role.map(|role| ("hansard.role".to_owned(), role.into())));
    draft.attributes.extend(entry.short("timestamp").map(|time| ("openhands.timestamp".to_owned(), time.into())));
    let name = if acts { "openhands.action" } else { "openhands.observation" };
    if !what.is_empty() {
        draft.attributes.insert(name.into(), short(what).into());
    }
    let exit = entry.object("extras").and_then(|extras| extras.object("metadata")?.integer("exit_code"));
    draft.attributes.extend(exit.map(|code| ("process.exit.code".to_owned(), code.into())));
    if !acts && (what == "error" || entry.boolean("success") == Some(false)) {
        draft.attributes.insert("error.type".into(), "tool_error".into());
    }
}
