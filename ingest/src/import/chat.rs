//! A run of chat messages (system, user, assistant, tool) as events, for benchmarks that keep them in one array.
//!
//! Guarantee: each message is one event whose content `record` is its bytes; each tool call of an assistant message is
//! a child `tool.call`. A message responds to the one before; a model call used the tool results since the last model
//! call; a tool result responds to its call, found by the call's id, or, where ids are missing or empty, by tool and
//! arguments among the calls of the last assistant message that have no result yet, or else by order; attribute
//! `hansard.link` says which (`id`, `call`, `order`). Nothing but the messages themselves feeds a cause.

use super::ids::Occurrences;
use super::json::{Fields, object, slice, text};
use super::reject::{Reject, origin};
use super::{Out, Stop};
use bytes::Bytes;
use schemas::draft::{Draft, DraftCause, DraftContent};
use schemas::kind;
use serde_json::Value;
use serde_json::value::RawValue;

/// The run that messages belong to.
pub(super) struct Chat<'a> {
    pub(super) format: &'static str,
    pub(super) session: &'a str,
    /// Name of the file.
    pub(super) name: &'a str,
    /// Place of the array in the file, e.g. `messages`.
    pub(super) place: String,
    /// Source, session, agent and task of every event.
    pub(super) base: Draft,
    /// The bytes that the messages are slices of.
    pub(super) document: &'a Bytes,
    pub(super) seen: Occurrences,
}

/// A call that has no result yet.
struct Call<'a> {
    event: String,
    id: Option<String>,
    tool: Option<String>,
    arguments: Option<&'a RawValue>,
}

#[derive(Default)]
struct Links<'a> {
    previous: Option<String>,
    results: Vec<String>,
    open: Vec<Call<'a>>,
}

impl<'a> Chat<'a> {
    pub(super) fn key(&self) -> String {
        format!("{}/{}", self.format, self.session)
    }

    /// An event of the run.
    pub(super) fn event(&mut self, native_id: String, kind: &str, place: Option<String>) -> Draft {
        let place = place.map_or_else(|| self.name.to_owned(), |p| format!("{}#{p}", self.name));
        Draft {
            id: self.seen.next(self.format, self.session, &native_id),
            kind: kind.to_owned(),
            origin: Some(origin(&place, None)),
            native_id: Some(native_id),
            ..self.base.clone()
        }
    }

    /// An evaluation of the run, from `last`, the event that ended it.
    pub(super) fn evaluation(&mut self, name: &str, score: f64, label: &str, last: Option<&str>) -> Draft {
        let mut draft = self.event(format!("evaluation:{name}"), kind::EVALUATION, None);
        draft.attributes.insert("gen_ai.evaluation.name".into(), name.into());
        draft.attributes.insert("gen_ai.evaluation.score.value".into(), score.into());
        draft.attributes.insert("gen_ai.evaluation.score.label".into(), label.into());
        draft.causes.extend(last.map(|id| DraftCause::new(id, "derived_from")));
        draft
    }

    /// Hands out the messages and gives the id of the last one's event.
    pub(super) fn messages(&mut self, messages: &[&'a RawValue], out: &mut Out<'_>) -> Result<Option<String>, Stop> {
        let mut links = Links::default();
        for (index, message) in messages.iter().enumerate() {
            self.message(index, message, &mut links, out)?;
        }
        Ok(links.previous)
    }

    fn message(
        &mut self,
        index: usize,
        message: &'a RawValue,
        links: &mut Links<'a>,
        out: &mut Out<'_>,
    ) -> Result<(), Stop> {
        let record = slice(self.document, message.get());
        let Some(fields) = object(message) else {
            return self.not_a_message(index, record, out);
        };
        let role = fields.short("role").unwrap_or_default();
        let kind = match role.as_ref() {
            "system" | "user" | "developer" => kind::MESSAGE.to_owned(),
            "assistant" => kind::MODEL_CALL.to_owned(),
            "tool" | "function" => kind::TOOL_RESULT.to_owned(),
            _ => format!("{}.message", self.format),
        };
        let native_id = format!("message-{index}");
        let mut draft = self.event(native_id.clone(), &kind, Some(format!("{}/{index}", self.place)));
        draft.contents.push(DraftContent::new("record", "application/json", record));
        if !role.is_empty() {
            draft.attributes.insert("hansard.role".into(), role.as_ref().into());
        }
        draft.causes.extend(links.previous.take().map(|id| DraftCause::new(id, "responds_to")));
        links.previous = Some(draft.id.clone());
        let mut children = Vec::new();
        if kind == kind::MODEL_CALL {
            draft.attributes.insert("gen_ai.operation.name".into(), "chat".into());
            draft.causes.extend(links.results.drain(..).map(|id| DraftCause::new(id, "used")));
            links.open.clear();
            children = self.tool_calls(index, &native_id, &draft.id, &fields, links);
        } else if kind == kind::TOOL_RESULT {
            links.results.push(draft.id.clone());
            tool_result(&fields, &mut draft, links);
        }
        out.put(self.key(), draft)?;
        children.into_iter().try_for_each(|child| out.put(self.key(), child))
    }

    fn not_a_message(&mut self, index: usize, bytes: Bytes, out: &mut Out<'_>) -> Result<(), Stop> {
        let place = format!("{}#{}/{index}", self.name, self.place);
        let reject = Reject {
            format: self.format,
            session: self.session,
            name: &place,
            line: None,
            reason: "message.json",
            detail: "expected a message, a JSON object".to_owned(),
            bytes,
        };
        reject.put(&mut self.seen, out)
    }

    fn tool_calls(
        &mut self,
        index: usize,
        parent: &str,
        parent_event: &str,
        message: &Fields<'a>,
        links: &mut Links<'a>,
    ) -> Vec<Draft> {
        let mut children = Vec::new();
        for (n, call) in message.elements("tool_calls").unwrap_or_default().into_iter().enumerate() {
            let fields = object(call).unwrap_or_default();
            let place = format!("{}/{index}/tool_calls/{n}", self.place);
            let mut draft = self.event(format!("{parent}#{n}"), kind::TOOL_CALL, Some(place));
            draft.attributes.insert("gen_ai.operation.name".into(), "execute_tool".into());
            draft.causes.push(DraftCause::new(parent_event, "responds_to"));
            let id = fields.short("id").map(String::from);
            if let Some(id) = &id {
                draft.attributes.insert("gen_ai.tool.call.id".into(), id.as_str().into());
            }
            let tool = tool_name(&fields);
            if let Some(tool) = &tool {
                draft.attributes.insert("gen_ai.tool.name".into(), tool.as_str().into());
            }
            let arguments = arguments(&fields);
            draft.contents.extend(arguments.map(|raw| argument_content(self.document, raw)));
            links.open.push(Call { event: draft.id.clone(), id, tool, arguments });
            children.push(draft);
        }
        children
    }
}

/// The tool's name: `function` is the name itself (AgentDojo) or holds it (OpenAI).
fn tool_name(call: &Fields<'_>) -> Option<String> {
    call.short("function")
        .or_else(|| call.object("function")?.short("name"))
        .or_else(|| call.short("name"))
        .map(Into::into)
}

fn arguments<'a>(call: &Fields<'a>) -> Option<&'a RawValue> {
    call.raw("args").or_else(|| call.object("function")?.raw("arguments"))
}

/// Arguments as JSON: OpenAI writes them as a string that holds JSON, whose text is what the model wrote.
fn argument_content(document: &Bytes, raw: &RawValue) -> DraftContent {
    match text(raw) {
        None => DraftContent::new("arguments", "application/json", slice(document, raw.get())),
        Some(written) if serde_json::from_str::<&RawValue>(&written).is_ok() => {
            DraftContent::new("arguments", "application/json", written.into_owned().into_bytes())
        }
        Some(written) => DraftContent::text("arguments", written.into_owned()),
    }
}

fn tool_result(fields: &Fields<'_>, draft: &mut Draft, links: &mut Links<'_>) {
    let call_fields = fields.object("tool_call").unwrap_or_default();
    let id = fields.short("tool_call_id").or_else(|| call_fields.short("id"));
    let tool = tool_name(&call_fields).or_else(|| fields.short("name").map(Into::into));
    if let Some(id) = &id {
        draft.attributes.insert("gen_ai.tool.call.id".into(), id.as_ref().into());
    }
    if fields.raw("error").is_some_and(|e| e.get() != "false") {
        draft.attributes.insert("error.type".into(), "tool_error".into());
    }
    let found = find_call(&links.open, id.as_deref(), tool.as_deref(), arguments(&call_fields));
    let call = found.map(|(at, how)| (links.open.remove(at), how));
    if let Some((call, how)) = &call {
        draft.causes.push(DraftCause::new(call.event.clone(), "responds_to"));
        draft.attributes.insert("hansard.link".into(), (*how).into());
    }
    if let Some(tool) = tool.or_else(|| call.and_then(|(call, _)| call.tool)) {
        draft.attributes.insert("gen_ai.tool.name".into(), tool.into());
    }
}

fn find_call(
    open: &[Call<'_>],
    id: Option<&str>,
    tool: Option<&str>,
    arguments: Option<&RawValue>,
) -> Option<(usize, &'static str)> {
    if id.is_some() && open.iter().any(|call| call.id.is_some()) {
        return open.iter().position(|call| call.id.as_deref() == id).map(|at| (at, "id"));
    }
    let same_tool = |call: &Call<'_>| tool.is_some() && call.tool.as_deref() == tool;
    let value = |raw: Option<&RawValue>| raw.and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
    let wanted = value(arguments);
    let exact = open.iter().position(|call| same_tool(call) && wanted.is_some() && value(call.arguments) == wanted);
    exact
        .or_else(|| open.iter().position(same_tool))
        .map(|at| (at, "call"))
        .or_else(|| (!open.is_empty()).then_some((0, "order")))
}
