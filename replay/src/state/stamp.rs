//! Ids of events, and the order of events by (time, id).
//!
//! Guarantee: an [`EventId`] has one form for each text, and orders as its text does, byte by byte. A [`Stamp`]
//! orders by time first, then by id, so that two events are never equal.

use serde::{Serialize, Serializer};
use std::cmp::Ordering;
use std::fmt;

/// An event's id. UUIDs in their usual spelling, which nearly all ids are, take 16 bytes and no allocation.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EventId(Form);

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Form {
    Uuid([u8; 16]),
    Text(Box<str>),
}

impl EventId {
    /// The id with this text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(uuid(text).map_or_else(|| Form::Text(text.into()), Form::Uuid))
    }

    pub(super) fn from_uuid(bytes: [u8; 16]) -> Self {
        Self(Form::Uuid(bytes))
    }

    pub(super) fn form(&self) -> &Form {
        &self.0
    }
}

/// The bytes of a UUID in lower case with hyphens; `None` for any other text.
fn uuid(text: &str) -> Option<[u8; 16]> {
    let bytes = text.as_bytes();
    if bytes.len() != 36 || [8, 13, 18, 23].iter().any(|at| bytes.get(*at) != Some(&b'-')) {
        return None;
    }
    let mut out = [0u8; 16];
    let mut digits = bytes.iter().enumerate().filter(|(at, _)| ![8, 13, 18, 23].contains(at));
    for byte in &mut out {
        *byte = digit(*digits.next()?.1)? << 4 | digit(*digits.next()?.1)?;
    }
    Some(out)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Text(text) => f.write_str(text),
            Form::Uuid(bytes) => {
                for (at, byte) in bytes.iter().enumerate() {
                    f.write_str(if [4, 6, 8, 10].contains(&at) { "-" } else { "" })?;
                    write!(f, "{byte:02x}")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventId({self})")
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl Ord for EventId {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Form::Uuid(a), Form::Uuid(b)) => a.cmp(b),
            (Form::Text(a), Form::Text(b)) => a.cmp(b),
            _ => self.to_string().cmp(&other.to_string()),
        }
    }
}

impl PartialOrd for EventId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// When an event happened, and which: the order of all that is not ordered by version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Stamp {
    /// The event's own time, else that of its commit, microseconds since 1970.
    #[serde(rename = "time", serialize_with = "rfc3339")]
    pub time_us: i64,
    /// The event.
    #[serde(rename = "event")]
    pub id: EventId,
}

/// A time for readers of JSON and of text.
pub(super) fn rfc3339<S: Serializer>(us: &i64, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(&schemas::header::Time(*us).to_rfc3339())
}

/// The same for a time that may be absent.
pub(super) fn rfc3339_option<S: Serializer>(us: &Option<i64>, s: S) -> Result<S::Ok, S::Error> {
    match us {
        Some(us) => rfc3339(us, s),
        None => s.serialize_none(),
    }
}
