//! A Gemini CLI session kept as one JSON document.
//!
//! Guarantee: each message becomes one event with its bytes as `record`, each tool call inside it a `tool.call` and,
//! where it has a result, a `tool.result`; the rest of the document is the content `run` of a `session.start` event,
//! from which [`super::rebuild`] makes the document again, byte for byte. A later state of the same session has the
//! same ids for the same messages. Something else than a session is refused with a reason.

use super::ids::{Occurrences, digest, session_name, time};
use super::json::{Fields, cut, object, slice};
use super::reject::{origin, source_of};
use super::{Out, Stop};
use bytes::Bytes;
use schemas::draft::{Draft, DraftCause, DraftContent};
use schemas::kind;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Name of the format, of its ids and of the agent.
pub(super) const FORMAT: &str = "gemini-cli";

/// Whether a JSON object is such a session.
pub(super) fn is_session(fields: &Fields<'_>) -> bool {
    fields.short("sessionId").is_some()
        && fields.raw("type").is_none()
        && fields.raw("messages").is_some_and(|m| m.get().starts_with('['))
}

struct Session<'a> {
    name: &'a str,
    session: String,
    document: &'a Bytes,
    seen: Occurrences,
    previous: Option<String>,
    /// Tool results since the last model call.
    results: Vec<String>,
}

/// Imports a session and gives its name, or says why it is none.
pub(super) fn session(name: &str, document: &Bytes, out: &mut Out<'_>) -> Result<Result<String, String>, Stop> {
    let fields = match Fields::parse(document) {
        Ok(fields) if is_session(&fields) => fields,
        Ok(_) => {
            return Ok(Err("expected a Gemini CLI session with sessionId and messages".to_owned()));
        }
        Err(error) => return Ok(Err(format!("expected one JSON object: {error}"))),
    };
    out.count_bytes(document.len());
    let session = session_name(&fields.short("sessionId").unwrap_or_default());
    let messages = fields.elements("messages").unwrap_or_default();
    let mut state = Session {
        name,
        session: session.clone(),
        document,
        seen: Occurrences::default(),
        previous: None,
        results: Vec::new(),
    };
    let native_id = format!("document:{}", digest(document));
    let mut start = state.base(native_id, kind::SESSION_START, None);
    start.time = fields.short("startTime").and_then(|t| time(&t));
    start.contents.push(DraftContent::new("run", "application/json", cut(document, &messages)));
    out.put(state.key(), start)?;
    for (index, message) in messages.iter().enumerate() {
        state.message(index, message, out)?;
    }
    Ok(Ok(session))
}

impl Session<'_> {
    fn key(&self) -> String {
        format!("{FORMAT}/{}", self.session)
    }

    fn base(&mut self, native_id: String, kind: &str, index: Option<usize>) -> Draft {
        let place = index.map_or_else(|| self.name.to_owned(), |i| format!("{}#messages/{i}", self.name));
        Draft {
            id: self.seen.next(FORMAT, &self.session, &native_id),
            source: source_of(FORMAT),
            kind: kind.to_owned(),
            session: Some(self.session.clone()),
            agent: Some(FORMAT.to_owned()),
            origin: Some(origin(&place, None)),
            native_id: Some(native_id),
            ..Draft::default()
        }
    }

    fn message(&mut self, index: usize, message: &RawValue, out: &mut Out<'_>) -> Result<(), Stop> {
        let record = slice(self.document, message.get());
        let fields = object(message).unwrap_or_default();
        let native_id = match fields.short("id") {
            Some(id) => id.into_owned(),
            None => format!("message:{}", digest(&record)),
        };
        let kind = match fields.short("type").as_deref() {
            Some("user") => kind::MESSAGE.to_owned(),
            Some("gemini") => kind::MODEL_CALL.to_owned(),
            Some(word @ ("info" | "error" | "warning")) => format!("{FORMAT}.{word}"),
            _ => format!("{FORMAT}.message"),
        };
        let mut draft = self.base(native_id.clone(), &kind, Some(index));
        draft.time = fields.short("timestamp").and_then(|t| time(&t));
        draft.contents.push(DraftContent::new("record", "application/json", record));
        draft.causes.extend(self.previous.take().map(|id| DraftCause::new(id, "responds_to")));
        if kind == kind::MODEL_CALL {
            draft.causes.extend(self.results.drain(..).map(|id| DraftCause::new(id, "used")));
            response(&fields, &mut draft.attributes);
        }
        let event = draft.id.clone();
        self.previous = Some(event.clone());
        out.put(self.key(), draft)?;
        for (n, call) in fields.elements("toolCalls").unwrap_or_default().into_iter().enumerate() {
            self.tool_call(index, &native_id, &event, n, call, out)?;
        }
        Ok(())
    }

    fn tool_call(
        &mut self,
        index: usize,
        parent: &str,
        parent_event: &str,
        n: usize,
        call: &RawValue,
        out: &mut Out<'_>,
    ) -> Result<(), Stop> {
        let fields = object(call).unwrap_or_default();
        let mut common = Map::new();
        for (name, attribute) in [("name", "gen_ai.tool.name"), ("id", "gen_ai.tool.call.id")] {
            if let Some(value) = fields.short(name) {
                common.insert(attribute.into(), value.into());
            }
        }
        let stamp = fields.short("timestamp").and_then(|t| time(&t));
        let mut draft = self.base(format!("{parent}#{n}"), kind::TOOL_CALL, Some(index));
        draft.time.clone_from(&stamp);
        draft.attributes.clone_from(&common);
        draft.causes.push(DraftCause::new(parent_event, "responds_to"));
        if let Some(arguments) = fields.raw("args") {
            let bytes = slice(self.document, arguments.get());
            draft.contents.push(DraftContent::new("arguments", "application/json", bytes));
        }
        let call_event = draft.id.clone();
        out.put(self.key(), draft)?;
        let Some(result) = fields.raw("result") else {
            return Ok(());
        };
        let mut draft = self.base(format!("{parent}#r{n}"), kind::TOOL_RESULT, Some(index));
        draft.time = stamp;
        draft.attributes = common;
        if fields.short("status").as_deref() == Some("error") {
            draft.attributes.insert("error.type".into(), "tool_error".into());
        }
        draft.causes.push(DraftCause::new(call_event, "responds_to"));
        draft.contents.push(DraftContent::new("result", "application/json", slice(self.document, result.get())));
        self.results.push(draft.id.clone());
        out.put(self.key(), draft)
    }
}

/// Gemini counts cached tokens within `input`, and neither thoughts within `output` nor tool prompts within `input`.
fn response(fields: &Fields<'_>, attributes: &mut Map<String, Value>) {
    attributes.insert("gen_ai.operation.name".into(), "chat".into());
    attributes.insert("gen_ai.provider.name".into(), "gcp.gemini".into());
    if let Some(model) = fields.short("model") {
        attributes.insert("gen_ai.response.model".into(), model.into());
    }
    let Some(tokens) = fields.object("tokens") else { return };
    let count = |name| tokens.integer(name).unwrap_or(0).clamp(0, i64::from(u32::MAX));
    for (attribute, value) in [
        ("gen_ai.usage.input_tokens", count("input") + count("tool")),
        ("gen_ai.usage.cache_read.input_tokens", count("cached")),
        ("gen_ai.usage.output_tokens", count("output") + count("thoughts")),
        ("gen_ai.usage.reasoning.output_tokens", count("thoughts")),
    ] {
        attributes.insert(attribute.into(), value.into());
    }
}
