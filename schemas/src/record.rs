//! The protobuf messages of `proto/hansard.proto`, as Rust types.
//!
//! Guarantee: byte fields are views into the record that was decoded, so that what was signed is what is kept. Decoding
//! fails on malformed protobuf and on records above the limit; unknown fields are skipped.

use crate::limits::LOG_RECORD_BYTES_MAX;
use bytes::Bytes;
use prost::Message;
use thiserror::Error;

/// The value of one log record.
#[derive(Clone, PartialEq, Message)]
pub struct LogRecord {
    /// What the record carries.
    #[prost(oneof = "Body", tags = "1, 2")]
    pub body: Option<Body>,
}

/// What a log record carries.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Body {
    /// A signed batch.
    #[prost(message, tag = "1")]
    Batch(SignedBatch),
    /// A part of a large content.
    #[prost(message, tag = "2")]
    Part(ContentPart),
}

/// Events that extend one stream, under one signature.
#[derive(Clone, PartialEq, Message)]
pub struct SignedBatch {
    /// Format version, 1.
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// C2SP signed note over the stream's tree after this batch.
    #[prost(bytes = "bytes", tag = "2")]
    pub checkpoint: Bytes,
    /// Ed25519 public key, 32 bytes.
    #[prost(bytes = "bytes", tag = "3")]
    pub signer: Bytes,
    /// Size of the stream's tree before this batch.
    #[prost(uint64, tag = "4")]
    pub size_before: u64,
    /// Compact range of `[0, size_before)`.
    #[prost(bytes = "bytes", tag = "5")]
    pub frontier_before: Bytes,
    /// The events, in stream order.
    #[prost(message, repeated, tag = "6")]
    pub events: Vec<Event>,
    /// The record's key.
    #[prost(string, tag = "7")]
    pub partition_key: String,
}

/// One event of a batch.
#[derive(Clone, PartialEq, Message)]
pub struct Event {
    /// Header bytes, verbatim.
    #[prost(bytes = "bytes", tag = "1")]
    pub header: Bytes,
    /// Openings of the header's contents list, in order.
    #[prost(message, repeated, tag = "2")]
    pub contents: Vec<Content>,
}

/// The opening of one commitment.
#[derive(Clone, PartialEq, Message)]
pub struct Content {
    /// How the bytes travel.
    #[prost(enumeration = "Form", tag = "1")]
    pub form: i32,
    /// 32-byte salt; empty for a reference.
    #[prost(bytes = "bytes", tag = "2")]
    pub salt: Bytes,
    /// The bytes, when inline.
    #[prost(bytes = "bytes", tag = "3")]
    pub data: Bytes,
}

/// How the bytes of a content travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Form {
    /// Within the batch.
    Inline = 0,
    /// As parts, before the batch.
    Parts = 1,
    /// They were sent before in this stream.
    Reference = 2,
}

/// A piece of a content that is too large for its batch.
#[derive(Clone, PartialEq, Message)]
pub struct ContentPart {
    /// The commitment that will claim it.
    #[prost(bytes = "bytes", tag = "1")]
    pub commitment: Bytes,
    /// Size of the whole content in bytes.
    #[prost(uint64, tag = "2")]
    pub size: u64,
    /// Position, from 0.
    #[prost(uint32, tag = "3")]
    pub index: u32,
    /// How many parts there are.
    #[prost(uint32, tag = "4")]
    pub count: u32,
    /// The bytes of this part.
    #[prost(bytes = "bytes", tag = "5")]
    pub data: Bytes,
    /// The record's key.
    #[prost(string, tag = "6")]
    pub partition_key: String,
}

/// Why a log record could not be decoded.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum RecordError {
    /// Too many bytes.
    #[error("log record has {found} bytes, at most {LOG_RECORD_BYTES_MAX} are allowed")]
    TooLarge {
        /// Bytes found.
        found: usize,
    },
    /// Not a `LogRecord`.
    #[error("log record is not a hansard.v1.LogRecord: {detail}")]
    Malformed {
        /// The decoder's words.
        detail: String,
    },
    /// Neither batch nor part.
    #[error("log record carries neither a batch nor a part: written by a newer version?")]
    Empty,
}

impl LogRecord {
    /// Decodes the value of a log record.
    ///
    /// # Errors
    /// [`RecordError`]; the caller keeps the bytes as a reject.
    pub fn parse(value: &Bytes) -> Result<Body, RecordError> {
        if value.len() > LOG_RECORD_BYTES_MAX {
            return Err(RecordError::TooLarge { found: value.len() });
        }
        let record = Self::decode(value.clone()).map_err(|e| RecordError::Malformed { detail: e.to_string() })?;
        record.body.ok_or(RecordError::Empty)
    }

    /// The value of a record that carries `body`.
    #[must_use]
    pub fn encode_body(body: Body) -> Bytes {
        Self { body: Some(body) }.encode_to_vec().into()
    }
}
