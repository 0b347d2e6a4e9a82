//! The event header as it is read: CloudEvents 1.0 structured mode with Hansard's `data`.
//!
//! Guarantee: parsing accepts exactly the headers of docs/format.md section 2 and takes nothing out of the bytes,
//! which stay what was signed. A header that is refused is named by field, with what was expected and found; the
//! caller keeps it as a reject. Attributes are read leniently (see `lenient.rs`).

use crate::limits::{CAUSES_PER_EVENT_MAX, CONTENTS_PER_EVENT_MAX, FIELD_BYTES_MAX, HEADER_BYTES_MAX};
use crate::{kind, lenient};
use serde::{Deserialize, Deserializer};
use thiserror::Error;

/// Why a header was refused.
#[derive(Debug, Error, PartialEq, Eq, Clone)]
pub enum HeaderError {
    /// More bytes than [`HEADER_BYTES_MAX`].
    #[error("header has {found} bytes, at most {HEADER_BYTES_MAX} are allowed: move large values into contents")]
    TooLarge {
        /// Bytes found.
        found: usize,
    },
    /// Not the JSON object of the format.
    #[error("header is not a valid event: {detail}")]
    Malformed {
        /// The parser's words, with line and column.
        detail: String,
    },
    /// A field holds a value that the format does not allow.
    #[error("header field {field}: expected {expected}, found {found}")]
    Field {
        /// JSON path of the field.
        field: &'static str,
        /// What the format asks for.
        expected: String,
        /// What stands there.
        found: String,
    },
}

/// A parsed header. Field names follow SQL; the JSON paths stand in docs/format.md.
#[derive(Debug, Clone, Deserialize)]
pub struct Header {
    /// CloudEvents version, always `1.0`.
    pub specversion: String,
    /// Event id, unique with `source` within a tenant.
    pub id: String,
    /// URI of the agent or gateway that speaks.
    pub source: String,
    /// CloudEvents type: `dev.hansard.` + kind, or anything.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The event's own time; absent where the source has none.
    #[serde(default)]
    pub time: Option<Time>,
    /// The business object, e.g. `loan/4711`.
    #[serde(default)]
    pub subject: Option<String>,
    /// Hansard's part.
    pub data: Data,
}

/// The `data` member of a header.
#[derive(Debug, Clone, Deserialize)]
pub struct Data {
    /// Name of the stream; must equal the origin of the batch's checkpoint.
    pub stream: String,
    /// 16 random bytes in hex: makes the header's digest unguessable.
    pub nonce: String,
    /// Tenant.
    pub tenant: String,
    /// Session or conversation (`gen_ai.conversation.id`).
    #[serde(default)]
    pub session: Option<String>,
    /// Who acted.
    #[serde(default)]
    pub agent: Agent,
    /// What the run was about, for pairing runs.
    #[serde(default)]
    pub task: Option<String>,
    /// On behalf of whom (a pseudonym).
    #[serde(default)]
    pub principal: Option<String>,
    /// The human who answers for the agent (a pseudonym).
    #[serde(default)]
    pub sponsor: Option<String>,
    /// W3C trace id, 32 hex digits.
    #[serde(default)]
    pub trace_id: Option<String>,
    /// W3C span id, 16 hex digits.
    #[serde(default)]
    pub span_id: Option<String>,
    /// The events that this one came from.
    #[serde(default)]
    pub causes: Vec<Cause>,
    /// Attributes under their OpenTelemetry names; only those with a column are read.
    #[serde(default)]
    pub attributes: Attributes,
    /// What the event commits to.
    #[serde(default)]
    pub contents: Vec<ContentEntry>,
    /// Where an imported record was read: file or connector and position.
    #[serde(default)]
    pub origin: Option<String>,
    /// The id that the record had there.
    #[serde(default)]
    pub native_id: Option<String>,
}

/// The agent of an event.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Agent {
    /// Agent id.
    #[serde(default)]
    pub id: Option<String>,
    /// Agent version.
    #[serde(default)]
    pub version: Option<String>,
    /// Variant of the run (an A/B arm, an attack, a configuration name).
    #[serde(default)]
    pub variant: Option<String>,
}

/// One cause: from this event to the one that it came from.
#[derive(Debug, Clone, Deserialize)]
pub struct Cause {
    /// Id of the cause.
    pub id: String,
    /// One of [`kind::RELATIONS`], or a producer's own word.
    pub relation: String,
    /// Header digest of the cause in hex, where the speaker knows it: makes the link itself evidence.
    #[serde(default)]
    pub leaf: Option<String>,
}

/// One entry of the contents list.
#[derive(Debug, Clone, Deserialize)]
pub struct ContentEntry {
    /// Name within the event, e.g. `input`, `arguments`, `record`.
    pub name: String,
    /// Media type of the bytes.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// Salted commitment.
    pub commitment: Commitment,
}

/// A 32-byte commitment, 64 hex digits in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Commitment(pub [u8; 32]);

/// The attributes that have a column of their own.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Attributes {
    /// Model that answered.
    #[serde(default, rename = "gen_ai.response.model", deserialize_with = "lenient::text")]
    pub response_model: Option<String>,
    /// Model that was asked for.
    #[serde(default, rename = "gen_ai.request.model", deserialize_with = "lenient::text")]
    pub request_model: Option<String>,
    /// Tool name.
    #[serde(default, rename = "gen_ai.tool.name", deserialize_with = "lenient::text")]
    pub tool: Option<String>,
    /// Id of the tool call.
    #[serde(default, rename = "gen_ai.tool.call.id", deserialize_with = "lenient::text")]
    pub tool_call_id: Option<String>,
    /// Input tokens, cached ones included.
    #[serde(default, rename = "gen_ai.usage.input_tokens", deserialize_with = "lenient::integer")]
    pub input_tokens: Option<i64>,
    /// Output tokens.
    #[serde(default, rename = "gen_ai.usage.output_tokens", deserialize_with = "lenient::integer")]
    pub output_tokens: Option<i64>,
    /// Input tokens read from a cache.
    #[serde(default, rename = "gen_ai.usage.cache_read.input_tokens", deserialize_with = "lenient::integer")]
    pub cached_tokens: Option<i64>,
    /// Input tokens written to a cache.
    #[serde(default, rename = "gen_ai.usage.cache_creation.input_tokens", deserialize_with = "lenient::integer")]
    pub cache_write_tokens: Option<i64>,
    /// Output tokens spent on reasoning.
    #[serde(default, rename = "gen_ai.usage.reasoning.output_tokens", deserialize_with = "lenient::integer")]
    pub reasoning_tokens: Option<i64>,
    /// Name of an evaluation.
    #[serde(default, rename = "gen_ai.evaluation.name", deserialize_with = "lenient::text")]
    pub evaluation_name: Option<String>,
    /// Score of an evaluation.
    #[serde(default, rename = "gen_ai.evaluation.score.value", deserialize_with = "lenient::float")]
    pub evaluation_score: Option<f64>,
    /// Label of an evaluation.
    #[serde(default, rename = "gen_ai.evaluation.score.label", deserialize_with = "lenient::text")]
    pub evaluation_label: Option<String>,
    /// `error.type` of a failed act.
    #[serde(default, rename = "error.type", deserialize_with = "lenient::text")]
    pub error_type: Option<String>,
    /// Memory store.
    #[serde(default, rename = "gen_ai.memory.store.id", deserialize_with = "lenient::text")]
    pub memory_store: Option<String>,
    /// Key of a memory value.
    #[serde(default, rename = "hansard.memory.key", deserialize_with = "lenient::text")]
    pub memory_key: Option<String>,
    /// Id of a record in a memory store.
    #[serde(default, rename = "gen_ai.memory.record.id", deserialize_with = "lenient::text")]
    pub memory_record: Option<String>,
    /// Path of a file.
    #[serde(default, rename = "hansard.file.path", deserialize_with = "lenient::text")]
    pub file_path: Option<String>,
    /// Address of a page.
    #[serde(default, rename = "url.full", deserialize_with = "lenient::text")]
    pub url: Option<String>,
    /// Credential that was issued, used or revoked.
    #[serde(default, rename = "hansard.credential.id", deserialize_with = "lenient::text")]
    pub credential: Option<String>,
    /// Digest of what an approval was asked or given for.
    #[serde(default, rename = "hansard.approval.digest", deserialize_with = "lenient::text")]
    pub approval_digest: Option<String>,
}

/// A time in microseconds since 1970-01-01T00:00:00Z, RFC 3339 in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub i64);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        let stamp: jiff::Timestamp =
            text.parse().map_err(|e| serde::de::Error::custom(format!("time {text:?} is not RFC 3339: {e}")))?;
        Ok(Self(stamp.as_microsecond()))
    }
}

impl Time {
    /// RFC 3339 in UTC with microseconds.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        jiff::Timestamp::from_microsecond(self.0).map_or_else(|_| self.0.to_string(), |t| format!("{t:.6}"))
    }
}

impl<'de> Deserialize<'de> for Commitment {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        let mut bytes = [0u8; 32];
        hex::decode_to_slice(text.as_ref(), &mut bytes)
            .map_err(|e| serde::de::Error::custom(format!("commitment is not 64 hex digits: {e}")))?;
        Ok(Self(bytes))
    }
}

impl Header {
    /// Parses and checks the bytes of a header.
    ///
    /// # Errors
    /// [`HeaderError`] names the field, what was expected and what was found.
    pub fn parse(bytes: &[u8]) -> Result<Self, HeaderError> {
        if bytes.len() > HEADER_BYTES_MAX {
            return Err(HeaderError::TooLarge { found: bytes.len() });
        }
        let header: Self =
            serde_json::from_slice(bytes).map_err(|e| HeaderError::Malformed { detail: e.to_string() })?;
        header.check()?;
        Ok(header)
    }

    /// The kind: the type without Hansard's prefix.
    #[must_use]
    pub fn kind(&self) -> &str {
        kind::kind_of_type(&self.event_type)
    }

    /// The model that answered, or else the one that was asked for.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        let a = &self.data.attributes;
        a.response_model.as_deref().or(a.request_model.as_deref())
    }

    /// What the act reads or writes: the memory key, else the file, else the page.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        let a = &self.data.attributes;
        let key = a.memory_key.as_deref().or(a.memory_record.as_deref());
        key.or(a.file_path.as_deref()).or(a.url.as_deref())
    }

    fn check(&self) -> Result<(), HeaderError> {
        if self.specversion != "1.0" {
            return Err(field("specversion", "\"1.0\"", &self.specversion));
        }
        required("id", &self.id)?;
        required("source", &self.source)?;
        required("type", &self.event_type)?;
        required("data.stream", &self.data.stream)?;
        required("data.tenant", &self.data.tenant)?;
        if self.data.nonce.len() != 32 || !self.data.nonce.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(field("data.nonce", "32 hex digits", &self.data.nonce));
        }
        self.check_optional()?;
        if self.data.contents.len() > CONTENTS_PER_EVENT_MAX {
            let found = self.data.contents.len().to_string();
            return Err(field("data.contents", &format!("at most {CONTENTS_PER_EVENT_MAX} entries"), &found));
        }
        if self.data.causes.len() > CAUSES_PER_EVENT_MAX {
            let found = self.data.causes.len().to_string();
            return Err(field("data.causes", &format!("at most {CAUSES_PER_EVENT_MAX} entries"), &found));
        }
        Ok(())
    }

    fn check_optional(&self) -> Result<(), HeaderError> {
        let data = &self.data;
        for (name, value) in [
            ("subject", &self.subject),
            ("data.session", &data.session),
            ("data.agent.id", &data.agent.id),
            ("data.agent.version", &data.agent.version),
            ("data.agent.variant", &data.agent.variant),
            ("data.task", &data.task),
            ("data.principal", &data.principal),
            ("data.sponsor", &data.sponsor),
            ("data.native_id", &data.native_id),
        ] {
            if value.as_ref().is_some_and(|v| v.len() > FIELD_BYTES_MAX) {
                return Err(too_long(name, value.as_deref().unwrap_or_default()));
            }
        }
        hex_field("data.trace_id", data.trace_id.as_deref(), 32)?;
        hex_field("data.span_id", data.span_id.as_deref(), 16)
    }
}

/// Every attribute in the bytes of a header, those without a column too; empty where they hold no such object.
///
/// For readers of more than the columns: [`Header::parse`] decides whether the bytes are a header at all.
#[must_use]
pub fn all_attributes(bytes: &[u8]) -> serde_json::Map<String, serde_json::Value> {
    #[derive(Deserialize)]
    struct Envelope {
        data: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        attributes: serde_json::Map<String, serde_json::Value>,
    }
    serde_json::from_slice::<Envelope>(bytes).map(|envelope| envelope.data.attributes).unwrap_or_default()
}

fn field(field: &'static str, expected: &str, found: &str) -> HeaderError {
    let found = found.chars().take(80).collect();
    HeaderError::Field { field, expected: expected.to_owned(), found }
}

fn too_long(name: &'static str, value: &str) -> HeaderError {
    field(name, &format!("at most {FIELD_BYTES_MAX} bytes"), &format!("{} bytes", value.len()))
}

fn required(name: &'static str, value: &str) -> Result<(), HeaderError> {
    if value.is_empty() {
        return Err(field(name, "a non-empty string", "\"\""));
    }
    if value.len() > FIELD_BYTES_MAX {
        return Err(too_long(name, value));
    }
    Ok(())
}

fn hex_field(name: &'static str, value: Option<&str>, digits: usize) -> Result<(), HeaderError> {
    match value {
        Some(v) if v.len() != digits || !v.bytes().all(|b| b.is_ascii_hexdigit()) => {
            Err(field(name, &format!("{digits} hex digits"), v))
        }
        _ => Ok(()),
    }
}
