//! Drafts for what could not be read: the bytes, the reason, the place.
//!
//! Guarantee: bytes are kept whole, in several drafts when they exceed what one content may hold. Ids are derived from
//! the bytes and the session, so that importing again adds nothing. Cannot fail but by the caller's [`Stop`].

use super::ids::{Occurrences, bounded, digest};
use super::json::SHORT_TEXT_BYTES_MAX;
use super::lines::LINE_BYTES_MAX;
use super::{Out, REJECT_KIND, Stop};
use bytes::Bytes;
use schemas::draft::{Draft, DraftContent};
use schemas::id;
use serde_json::{Map, Value};

/// A record that could not be read.
#[derive(Debug, Clone)]
pub(super) struct Reject<'a> {
    /// Format of the import.
    pub(super) format: &'a str,
    /// Native session, as far as it is known.
    pub(super) session: &'a str,
    /// Name of the file.
    pub(super) name: &'a str,
    /// Line, from 1.
    pub(super) line: Option<u64>,
    /// One word, e.g. `line.json`.
    pub(super) reason: &'static str,
    /// What was expected and found.
    pub(super) detail: String,
    /// The bytes.
    pub(super) bytes: Bytes,
}

/// Session of what belongs to none.
pub(super) const NO_SESSION: &str = "unreadable";

/// The URI that speaks in imported events: not the importer but the format, so that it does not matter who imports.
pub(super) fn source_of(format: &str) -> String {
    format!("import:{format}")
}

impl Reject<'_> {
    /// Hands out the reject, in parts when it is large.
    pub(super) fn put(self, seen: &mut Occurrences, out: &mut Out<'_>) -> Result<(), Stop> {
        let native_id = format!("reject:{}", digest(&self.bytes));
        let mut at = 0;
        loop {
            let end = self.bytes.len().min(at + LINE_BYTES_MAX);
            let id = seen.next(self.format, self.session, &native_id);
            let mut draft = self.draft(id, &native_id);
            if end > at {
                draft.contents.push(DraftContent::new("record", "application/octet-stream", self.bytes.slice(at..end)));
            }
            out.put(format!("{}/{}", self.format, self.session), draft)?;
            at = end;
            if at >= self.bytes.len() {
                return Ok(());
            }
        }
    }

    fn draft(&self, id: String, native_id: &str) -> Draft {
        let mut attributes = Map::new();
        attributes.insert("hansard.reject.reason".into(), self.reason.into());
        attributes.insert("hansard.reject.detail".into(), bounded(&self.detail, SHORT_TEXT_BYTES_MAX).into());
        if let Some(line) = self.line {
            attributes.insert("hansard.reject.line".into(), Value::from(line));
        }
        Draft {
            id,
            source: source_of(self.format),
            kind: REJECT_KIND.into(),
            session: Some(self.session.to_owned()),
            attributes,
            origin: Some(origin(self.name, self.line)),
            native_id: Some(native_id.to_owned()),
            ..Draft::default()
        }
    }
}

/// `file:line`, short enough for a header.
pub(super) fn origin(name: &str, line: Option<u64>) -> String {
    let name = bounded(name, SHORT_TEXT_BYTES_MAX);
    line.map_or_else(|| name.clone(), |n| format!("{name}:{n}"))
}

/// Says that a file or archive could not be read (further).
pub(super) fn source_damage(format: &str, name: &str, detail: &str, out: &mut Out<'_>) -> Result<(), Stop> {
    let base = name.rsplit('/').next().unwrap_or(name);
    let native_id = format!("damage:{}", digest(format!("{base}\n{detail}").as_bytes()));
    let reject = Reject {
        format,
        session: NO_SESSION,
        name,
        line: None,
        reason: "source.damaged",
        detail: detail.to_owned(),
        bytes: Bytes::new(),
    };
    let draft = reject.draft(id::imported(format, NO_SESSION, &native_id, 0), &native_id);
    out.put(format!("{format}/{NO_SESSION}"), draft)
}
