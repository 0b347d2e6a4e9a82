//! Imports of native transcripts: files in, unsigned events out.
//!
//! Guarantee: a format module is a pure function from the bytes of one file to drafts, in file order, with ids derived
//! from the native records' own identity. A damaged record becomes a draft of kind [`REJECT_KIND`] that carries its
//! bytes, reason, file and line; it never stops the import.

use schemas::draft::Draft;

/// Kind of the drafts that carry records which could not be read: the compactor gives them the row class `reject`.
/// Attributes: `hansard.reject.reason`, `hansard.reject.detail`; content `record`: the bytes; header `origin`.
pub const REJECT_KIND: &str = "import.reject";

/// A draft and the native session that it belongs to: the session is the partition key and names the stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// `<format>/<native session>`.
    pub session_key: String,
    /// The event.
    pub draft: Draft,
}
