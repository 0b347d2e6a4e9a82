//! Unsigned events as people and programs write them: CloudEvents 1.0 JSON, for `POST /v1/events` and
//! `hansard import hansard` alike.
//!
//! ```json
//! {"source": "agent://desk/loans", "type": "decision", "time": "2026-11-22T10:00:00Z", "subject": "loan/4711",
//!  "data": {"session": "s-1", "agent": {"id": "loans", "version": "7"}, "causes": [{"id": "…", "relation": "used"}],
//!           "attributes": {"gen_ai.request.model": "m"},
//!           "contents": [{"name": "reasoning", "text": "…"}, {"name": "input", "json": {"score": 7}}]}}
//! ```
//!
//! Guarantee: strict. A member that is unknown, stands twice or has another type is an [`EventError`] that names it,
//! because a misspelt member would silently be missing from the record. CloudEvents extensions (other top-level
//! members) are kept as attributes `cloudevents.<name>`. `json` contents keep their bytes as written.

use super::json::{Fields, object, utf8};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemas::draft::{Draft, DraftCause, DraftContent};
use schemas::kind;
use schemas::limits::{CAUSES_PER_EVENT_MAX, CONTENTS_PER_EVENT_MAX, FIELD_BYTES_MAX};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::borrow::Cow;
use thiserror::Error;

/// Why an event was refused.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum EventError {
    /// The text is not one JSON object.
    #[error("event is not a JSON object: {detail}")]
    Json {
        /// The parser's words, with line and column.
        detail: String,
    },
    /// A member is missing, unknown or not what the format asks for.
    #[error("event field {field}: expected {expected}, found {found}")]
    Field {
        /// JSON path of the member.
        field: String,
        /// What the format asks for.
        expected: String,
        /// What stands there, shortened.
        found: String,
    },
}

const TOP: &[&str] = &["specversion", "id", "source", "type", "time", "subject", "datacontenttype", "data"];
const DATA: &[&str] = &[
    "session",
    "agent",
    "task",
    "principal",
    "sponsor",
    "trace_id",
    "span_id",
    "causes",
    "attributes",
    "contents",
    "origin",
    "native_id",
];
const AGENT: &[&str] = &["id", "version", "variant", "digests"];
const CAUSE: &[&str] = &["id", "relation", "leaf"];
const CONTENT: &[&str] = &["name", "media_type", "text", "json", "base64"];

/// Reads one event. `id` is empty when the text has none: the caller makes one.
///
/// # Errors
/// [`EventError`] names the field, what was expected and what was found.
pub fn parse(text: &[u8]) -> Result<Draft, EventError> {
    let top = Fields::parse(text).map_err(|e| EventError::Json { detail: e.to_string() })?;
    let at = Object { path: Cow::Borrowed(""), fields: top };
    at.no_repeats()?;
    if let Some(version) = at.string("specversion")?.filter(|v| v != "1.0") {
        return Err(field("specversion", "\"1.0\"", &version));
    }
    if let Some(media) = at.string("datacontenttype")?.filter(|m| !m.starts_with("application/json")) {
        return Err(field("datacontenttype", "application/json", &media));
    }
    let mut draft = Draft {
        id: at.string("id")?.unwrap_or_default(),
        source: at.required("source")?,
        kind: kind::kind_of_type(&at.required("type")?).to_owned(),
        time: at.string("time")?,
        subject: at.string("subject")?,
        ..Draft::default()
    };
    if let Some(time) = draft.time.as_ref().filter(|t| t.parse::<jiff::Timestamp>().is_err()) {
        return Err(field("time", "an RFC 3339 time with offset, e.g. 2026-11-22T10:00:00Z", time));
    }
    if let Some(data) = at.object("data", "data")? {
        read_data(&data, &mut draft)?;
    }
    extensions(&at.fields, &mut draft.attributes)?;
    Ok(draft)
}

/// Splits the body of a request into the texts of its events: one object (also over several lines), an array, or one
/// object a line.
///
/// # Errors
/// [`EventError::Json`] when the body is not text, or an array that does not parse.
pub fn split(body: &[u8]) -> Result<Vec<&[u8]>, EventError> {
    let json = |e: serde_json::Error| EventError::Json { detail: e.to_string() };
    let text = utf8(body).map_err(json)?;
    if text.trim_start().starts_with('[') {
        let elements: Vec<&RawValue> = serde_json::from_str(text).map_err(json)?;
        return Ok(elements.into_iter().map(|e| e.get().as_bytes()).collect());
    }
    if serde_json::from_str::<&RawValue>(text).is_ok() {
        return Ok(vec![body.trim_ascii()]);
    }
    Ok(body.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()).collect())
}

fn read_data(data: &Object<'_>, draft: &mut Draft) -> Result<(), EventError> {
    data.only(DATA)?;
    draft.session = data.string("session")?;
    draft.task = data.string("task")?;
    draft.principal = data.string("principal")?;
    draft.sponsor = data.string("sponsor")?;
    draft.origin = data.string("origin")?;
    draft.native_id = data.string("native_id")?;
    draft.trace_id = data.hex("trace_id", 32)?;
    draft.span_id = data.hex("span_id", 16)?;
    if let Some(agent) = data.object("agent", "data.agent")? {
        agent.only(AGENT)?;
        draft.agent = agent.string("id")?;
        draft.agent_version = agent.string("version")?;
        draft.variant = agent.string("variant")?;
        draft.agent_digests = agent.map("digests")?;
    }
    draft.attributes = data.map("attributes")?;
    for (n, raw) in data.list("causes", CAUSES_PER_EVENT_MAX)?.into_iter().enumerate() {
        draft.causes.push(read_cause(&element("data.causes", n, raw, CAUSE)?)?);
    }
    for (n, raw) in data.list("contents", CONTENTS_PER_EVENT_MAX)?.into_iter().enumerate() {
        draft.contents.push(read_content(&element("data.contents", n, raw, CONTENT)?)?);
    }
    Ok(())
}

fn element<'a>(list: &str, n: usize, raw: &'a RawValue, names: &[&str]) -> Result<Object<'a>, EventError> {
    let path = format!("{list}[{n}]");
    let fields = object(raw).ok_or_else(|| field(&path, "a JSON object", raw.get()))?;
    let element = Object { path: Cow::Owned(path), fields };
    element.only(names)?;
    Ok(element)
}

fn read_cause(cause: &Object<'_>) -> Result<DraftCause, EventError> {
    let mut leaf = None;
    if let Some(text) = cause.hex("leaf", 64)? {
        let mut digest = [0u8; 32];
        hex::decode_to_slice(&text, &mut digest)
            .map_err(|e| field(&cause.at("leaf"), "64 hex digits", &e.to_string()))?;
        leaf = Some(digest);
    }
    Ok(DraftCause { id: cause.required("id")?, relation: cause.required("relation")?, leaf })
}

fn read_content(content: &Object<'_>) -> Result<DraftContent, EventError> {
    let name = content.required("name")?;
    let media_type = content.string("media_type")?;
    let bodies: Vec<&str> = ["text", "json", "base64"].into_iter().filter(|n| content.has(n)).collect();
    let [body] = bodies.as_slice() else {
        return Err(field(&content.path, "exactly one of text, json and base64", &format!("{} of them", bodies.len())));
    };
    let (default, bytes) = match *body {
        "text" => ("text/plain; charset=utf-8", content.whole_text("text")?.into_bytes()),
        "json" => ("application/json", content.bytes("json").to_vec()),
        _ => {
            let written = content.whole_text("base64")?;
            let decoded = STANDARD.decode(written.as_bytes());
            let error =
                |e: base64::DecodeError| field(&content.at("base64"), "standard base64 with padding", &e.to_string());
            ("application/octet-stream", decoded.map_err(error)?)
        }
    };
    Ok(DraftContent::new(name, media_type.unwrap_or_else(|| default.to_owned()), bytes))
}

/// CloudEvents extensions: lower-case letters and digits, values that are strings, numbers or booleans.
fn extensions(top: &Fields<'_>, attributes: &mut Map<String, Value>) -> Result<(), EventError> {
    for (name, raw) in top.iter().filter(|(name, _)| !TOP.contains(name)) {
        let legal = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !legal {
            return Err(field(
                name,
                "a CloudEvents member or an extension of lower-case letters and digits",
                raw.get(),
            ));
        }
        match serde_json::from_str::<Value>(raw.get()) {
            Ok(Value::Null) => {}
            Ok(value @ (Value::String(_) | Value::Number(_) | Value::Bool(_))) => {
                attributes.insert(format!("cloudevents.{name}"), value);
            }
            _ => {
                return Err(field(name, "an extension's string, number or boolean; put objects into data", raw.get()));
            }
        }
    }
    Ok(())
}

fn field(field: &str, expected: &str, found: &str) -> EventError {
    let found = found.chars().take(80).collect();
    EventError::Field { field: field.to_owned(), expected: expected.to_owned(), found }
}

/// A JSON object and where it stands.
struct Object<'a> {
    path: Cow<'a, str>,
    fields: Fields<'a>,
}

impl<'a> Object<'a> {
    fn at(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn no_repeats(&self) -> Result<(), EventError> {
        match self.fields.repeated() {
            Some(name) => Err(field(&self.at(name), "one member of this name", "two")),
            None => Ok(()),
        }
    }

    fn only(&self, names: &[&str]) -> Result<(), EventError> {
        self.no_repeats()?;
        match self.fields.iter().find(|(name, _)| !names.contains(name)) {
            Some((name, raw)) => Err(field(&self.at(name), &format!("one of {}", names.join(", ")), raw.get())),
            None => Ok(()),
        }
    }

    /// Whether a member is there, null included.
    fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(n, _)| n == name)
    }

    fn bytes(&self, name: &str) -> &'a [u8] {
        self.fields.iter().find(|(n, _)| *n == name).map_or(b"", |(_, raw)| raw.get().as_bytes())
    }

    fn whole_text(&self, name: &str) -> Result<String, EventError> {
        let raw = self.fields.raw(name).map_or("null", RawValue::get);
        let text = self.fields.text(name).ok_or_else(|| field(&self.at(name), "a string", raw))?;
        Ok(text.into_owned())
    }

    fn string(&self, name: &str) -> Result<Option<String>, EventError> {
        if self.fields.raw(name).is_none() {
            return Ok(None);
        }
        let text = self.whole_text(name)?;
        if text.len() > FIELD_BYTES_MAX {
            return Err(field(
                &self.at(name),
                &format!("at most {FIELD_BYTES_MAX} bytes"),
                &format!("{} bytes", text.len()),
            ));
        }
        Ok(Some(text))
    }

    fn required(&self, name: &str) -> Result<String, EventError> {
        let text = self.string(name)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| field(&self.at(name), "a non-empty string", "nothing"))
    }

    fn hex(&self, name: &str, digits: usize) -> Result<Option<String>, EventError> {
        let text = self.string(name)?;
        match text {
            Some(t) if t.len() != digits || !t.bytes().all(|b| b.is_ascii_hexdigit()) => {
                Err(field(&self.at(name), &format!("{digits} hex digits"), &t))
            }
            other => Ok(other),
        }
    }

    fn object(&self, name: &str, path: &'static str) -> Result<Option<Object<'a>>, EventError> {
        let Some(raw) = self.fields.raw(name) else {
            return Ok(None);
        };
        let fields = object(raw).ok_or_else(|| field(&self.at(name), "a JSON object", raw.get()))?;
        Ok(Some(Object { path: Cow::Borrowed(path), fields }))
    }

    fn map(&self, name: &str) -> Result<Map<String, Value>, EventError> {
        let Some(raw) = self.fields.raw(name) else {
            return Ok(Map::new());
        };
        serde_json::from_str(raw.get()).map_err(|_| field(&self.at(name), "a JSON object", raw.get()))
    }

    fn list(&self, name: &str, count_max: usize) -> Result<Vec<&'a RawValue>, EventError> {
        let Some(raw) = self.fields.raw(name) else {
            return Ok(Vec::new());
        };
        let elements = self.fields.elements(name).ok_or_else(|| field(&self.at(name), "a JSON array", raw.get()))?;
        if elements.len() > count_max {
            return Err(field(&self.at(name), &format!("at most {count_max} elements"), &elements.len().to_string()));
        }
        Ok(elements)
    }
}
