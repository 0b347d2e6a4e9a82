//! What a recording is built from: events as the caller read them from the store.
//!
//! Guarantee: plain values; nothing here parses, and nothing is dropped.

use bytes::Bytes;
use serde_json::{Map, Value};

/// One event of the run, with the contents that are still there.
#[derive(Debug, Clone, Default)]
pub struct RecordedEvent {
    /// Event id.
    pub id: String,
    /// Kind (`model.call`) without the prefix.
    pub kind: String,
    /// Agent id.
    pub agent: Option<String>,
    /// The event's own time in microseconds since 1970.
    pub time_us: Option<i64>,
    /// Attributes of the header.
    pub attributes: Map<String, Value>,
    /// Contents in order.
    pub contents: Vec<RecordedContent>,
    /// Causes in order.
    pub causes: Vec<RecordedCause>,
}

/// One content of an event.
#[derive(Debug, Clone)]
pub struct RecordedContent {
    /// Name within the event.
    pub name: String,
    /// Media type.
    pub media_type: String,
    /// The bytes, verbatim.
    pub bytes: Bytes,
}

/// One cause of an event.
#[derive(Debug, Clone)]
pub struct RecordedCause {
    /// Id of the cause.
    pub id: String,
    /// Relation, from the effect to its cause.
    pub relation: String,
}

impl RecordedEvent {
    /// The bytes of a content.
    #[must_use]
    pub fn content(&self, name: &str) -> Option<&Bytes> {
        self.contents.iter().find(|content| content.name == name).map(|content| &content.bytes)
    }

    /// An attribute that is a text.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).and_then(Value::as_str)
    }

    /// The first cause of a relation.
    #[must_use]
    pub fn cause(&self, relation: &str) -> Option<&str> {
        self.causes.iter().find(|cause| cause.relation == relation).map(|cause| cause.id.as_str())
    }
}
