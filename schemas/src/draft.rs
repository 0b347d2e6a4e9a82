//! An event before it is signed: what producers, gateways and importers fill in.
//!
//! Guarantee: [`Draft::seal`] writes a header that [`crate::header::Header::parse`] accepts, and contents that open its
//! commitments, or says which limit the draft breaks. Nonce and salts come in as values: nothing here is random.

use crate::digest;
use crate::header::{Header, HeaderError};
use crate::kind;
use crate::limits::{NONCE_BYTES, SALT_BYTES};
use bytes::Bytes;
use serde_json::{Map, Value, json};

/// An unsigned event.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draft {
    /// Event id; see [`crate::id`].
    pub id: String,
    /// URI of the speaker.
    pub source: String,
    /// Kind (`tool.call`) or a foreign CloudEvents type.
    pub kind: String,
    /// RFC 3339; `None` where the source has no time.
    pub time: Option<String>,
    /// Business object.
    pub subject: Option<String>,
    /// Session.
    pub session: Option<String>,
    /// Agent id.
    pub agent: Option<String>,
    /// Agent version.
    pub agent_version: Option<String>,
    /// Variant.
    pub variant: Option<String>,
    /// Digests of the agent's prompt, tool set and configuration, under the keys `prompt`, `tools`, `config`.
    pub agent_digests: Map<String, Value>,
    /// Task.
    pub task: Option<String>,
    /// On behalf of whom.
    pub principal: Option<String>,
    /// Who answers for the agent.
    pub sponsor: Option<String>,
    /// W3C trace id.
    pub trace_id: Option<String>,
    /// W3C span id.
    pub span_id: Option<String>,
    /// (cause id, relation), in the order of importance.
    pub causes: Vec<DraftCause>,
    /// Attributes under their OpenTelemetry names.
    pub attributes: Map<String, Value>,
    /// Contents in order.
    pub contents: Vec<DraftContent>,
    /// Where an imported record was read.
    pub origin: Option<String>,
    /// The id that it had there.
    pub native_id: Option<String>,
}

/// A cause of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftCause {
    /// Id of the cause.
    pub id: String,
    /// Relation, from the effect to its cause.
    pub relation: String,
    /// Header digest of the cause, where it is known.
    pub leaf: Option<[u8; 32]>,
}

impl DraftCause {
    /// A cause whose leaf is not known.
    #[must_use]
    pub fn new(id: impl Into<String>, relation: impl Into<String>) -> Self {
        Self { id: id.into(), relation: relation.into(), leaf: None }
    }
}

/// A content of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftContent {
    /// Name within the event.
    pub name: String,
    /// Media type.
    pub media_type: String,
    /// The bytes, verbatim.
    pub bytes: Bytes,
}

impl DraftContent {
    /// A content from its parts.
    #[must_use]
    pub fn new(name: impl Into<String>, media_type: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self { name: name.into(), media_type: media_type.into(), bytes: bytes.into() }
    }

    /// A UTF-8 text content.
    #[must_use]
    pub fn text(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(name, "text/plain; charset=utf-8", text.into().into_bytes())
    }

    /// A JSON content.
    #[must_use]
    pub fn json(name: impl Into<String>, value: &Value) -> Self {
        Self::new(name, "application/json", value.to_string().into_bytes())
    }
}

/// What a sealed content needs besides its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    /// Salt of the commitment.
    pub salt: [u8; SALT_BYTES],
    /// The commitment.
    pub commitment: [u8; 32],
}

impl Seal {
    /// Commits to `bytes` under `salt`.
    #[must_use]
    pub fn new(salt: [u8; SALT_BYTES], bytes: &[u8]) -> Self {
        Self { salt, commitment: digest::content_commitment(&salt, bytes) }
    }
}

impl Draft {
    /// Writes the header for `stream`; `seals` are those of `contents`, in order.
    ///
    /// # Errors
    /// [`HeaderError`] when the header would not be accepted: too large, a field missing or malformed.
    pub fn seal(
        &self,
        stream: &str,
        tenant: &str,
        nonce: [u8; NONCE_BYTES],
        seals: &[Seal],
    ) -> Result<Vec<u8>, HeaderError> {
        let mut data = Map::new();
        data.insert("stream".into(), stream.into());
        data.insert("nonce".into(), hex::encode(nonce).into());
        data.insert("tenant".into(), tenant.into());
        put(&mut data, "session", self.session.as_deref());
        if let Some(agent) = self.agent_object() {
            data.insert("agent".into(), agent);
        }
        put(&mut data, "task", self.task.as_deref());
        put(&mut data, "principal", self.principal.as_deref());
        put(&mut data, "sponsor", self.sponsor.as_deref());
        put(&mut data, "trace_id", self.trace_id.as_deref());
        put(&mut data, "span_id", self.span_id.as_deref());
        if !self.causes.is_empty() {
            data.insert("causes".into(), self.causes.iter().map(cause_json).collect());
        }
        if !self.attributes.is_empty() {
            data.insert("attributes".into(), Value::Object(self.attributes.clone()));
        }
        if !self.contents.is_empty() {
            let entries = self.contents.iter().zip(seals).map(|(c, s)| content_json(c, s)).collect();
            data.insert("contents".into(), entries);
        }
        put(&mut data, "origin", self.origin.as_deref());
        put(&mut data, "native_id", self.native_id.as_deref());
        let bytes = self.envelope(data).to_string().into_bytes();
        Header::parse(&bytes)?;
        Ok(bytes)
    }

    fn envelope(&self, data: Map<String, Value>) -> Value {
        let mut top = Map::new();
        top.insert("specversion".into(), "1.0".into());
        top.insert("id".into(), self.id.as_str().into());
        top.insert("source".into(), self.source.as_str().into());
        top.insert("type".into(), kind::type_of_kind(&self.kind).into());
        put(&mut top, "time", self.time.as_deref());
        put(&mut top, "subject", self.subject.as_deref());
        top.insert("datacontenttype".into(), "application/json".into());
        top.insert("data".into(), Value::Object(data));
        Value::Object(top)
    }

    fn agent_object(&self) -> Option<Value> {
        let mut agent = Map::new();
        put(&mut agent, "id", self.agent.as_deref());
        put(&mut agent, "version", self.agent_version.as_deref());
        put(&mut agent, "variant", self.variant.as_deref());
        if !self.agent_digests.is_empty() {
            agent.insert("digests".into(), Value::Object(self.agent_digests.clone()));
        }
        (!agent.is_empty()).then_some(Value::Object(agent))
    }
}

fn put(map: &mut Map<String, Value>, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        map.insert(key.into(), value.into());
    }
}

fn cause_json(cause: &DraftCause) -> Value {
    match cause.leaf {
        Some(leaf) => json!({"id": cause.id, "relation": cause.relation, "leaf": hex::encode(leaf)}),
        None => json!({"id": cause.id, "relation": cause.relation}),
    }
}

fn content_json(content: &DraftContent, seal: &Seal) -> Value {
    json!({
        "name": content.name,
        "media_type": content.media_type,
        "size": content.bytes.len(),
        "commitment": hex::encode(seal.commitment),
    })
}
