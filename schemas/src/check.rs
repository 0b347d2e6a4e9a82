//! The checks on a signed batch: one function, used by receivers, the compactor and offline verification alike.
//!
//! Guarantee: what [`check_batch`] accepts is signed by the key it was given, extends exactly the frontier that it
//! names, and carries one leaf per event in signed order; the signature rule is `verify_strict` and nothing else.
//! A batch that fails is refused whole with a [`BatchError`]. An event of a good batch that fails its own checks keeps
//! its leaf and carries an [`EventError`]. Whether the key may speak, and whether the stream continues what is known,
//! is the caller's business.

use crate::digest;
use crate::header::{Header, HeaderError};
use crate::limits::{EVENTS_PER_BATCH_MAX, PARTITION_KEY_BYTES_MAX, SALT_BYTES, STREAM_NAME_BYTES_MAX};
use crate::record::{Content, Event, Form, SignedBatch};
use crate::tlog::{self, Checkpoint, CompactRange, Hash};
use bytes::Bytes;
use ed25519_dalek::VerifyingKey;
use thiserror::Error;

/// Why a batch was refused whole.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum BatchError {
    /// Another format version.
    #[error("batch has format version {found}, this program reads version 1: update it")]
    Version {
        /// Version found.
        found: u32,
    },
    /// A limit of the format is broken.
    #[error("batch: {what} is {found}, at most {limit} are allowed")]
    Limit {
        /// What is counted, with its unit.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// A batch without events signs nothing.
    #[error("batch carries no events")]
    Empty,
    /// The signer field is not a usable key.
    #[error(
        "batch signer is not a usable Ed25519 public key: expected 32 bytes that are not a weak key, found {found}"
    )]
    Signer {
        /// Hex of what stands there.
        found: String,
    },
    /// The note is malformed or its signature does not verify.
    #[error("batch checkpoint is not a note signed by key {key}: {detail}")]
    Signature {
        /// Hex of the key.
        key: String,
        /// What failed.
        detail: String,
    },
    /// The checkpoint's size is not `size_before` + events.
    #[error("checkpoint of stream {stream} signs size {signed}, but the batch makes it {counted}")]
    Size {
        /// Stream.
        stream: String,
        /// Size in the checkpoint.
        signed: u64,
        /// `size_before` + events.
        counted: u64,
    },
    /// The frontier does not fit `size_before`.
    #[error("frontier before the batch: {detail}")]
    Frontier {
        /// What is wrong.
        detail: String,
    },
    /// The events do not lead to the signed root.
    #[error(
        "events of stream {stream} lead to root {computed}, but {signed} is signed: an event was altered, added or left out"
    )]
    Root {
        /// Stream.
        stream: String,
        /// Root computed, base64.
        computed: String,
        /// Root signed, base64.
        signed: String,
    },
}

/// Why one event of a good batch was refused.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum EventError {
    /// The header.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The header belongs to another stream.
    #[error("header names stream {found}, but it was signed in stream {expected}")]
    Stream {
        /// Origin of the checkpoint.
        expected: String,
        /// Stream in the header.
        found: String,
    },
    /// The contents beside the header are not those of its list.
    #[error("header lists {expected} contents, {found} were sent")]
    ContentCount {
        /// Entries in the header.
        expected: usize,
        /// Contents beside it.
        found: usize,
    },
    /// A content does not open its commitment.
    #[error("content {name} does not open its commitment: {detail}")]
    Content {
        /// Name of the content.
        name: String,
        /// What was expected and found.
        detail: String,
    },
}

impl EventError {
    /// One word for the `reason` column.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Header(_) => "header",
            Self::Stream { .. } => "stream",
            Self::ContentCount { .. } | Self::Content { .. } => "content",
        }
    }
}

impl BatchError {
    /// One word for the `reason` column.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Version { .. } => "version",
            Self::Limit { .. } | Self::Empty => "limit",
            Self::Signer { .. } | Self::Signature { .. } => "signature",
            Self::Size { .. } | Self::Root { .. } => "root",
            Self::Frontier { .. } => "frontier",
        }
    }
}

/// An event with its leaf and verdict.
#[derive(Debug, Clone)]
pub struct CheckedEvent {
    /// RFC 6962 leaf hash, the same in the stream's and the partition's tree.
    pub leaf: Hash,
    /// Header bytes, verbatim.
    pub header: Bytes,
    /// Openings as sent.
    pub contents: Vec<Content>,
    /// The parsed header, or why the event is refused.
    pub parsed: Result<Header, EventError>,
}

/// A batch that its signature covers.
#[derive(Debug, Clone)]
pub struct CheckedBatch {
    /// Name of the stream.
    pub stream: String,
    /// The key that signed.
    pub signer: [u8; 32],
    /// The signed note, verbatim.
    pub checkpoint: Bytes,
    /// Frontier before.
    pub before: CompactRange,
    /// Frontier after; its root is the signed one.
    pub after: CompactRange,
    /// The events, in order.
    pub events: Vec<CheckedEvent>,
}

/// The key in the signer field.
///
/// # Errors
/// [`BatchError::Signer`] for anything but 32 bytes of a key that is not weak.
pub fn signer_key(batch: &SignedBatch) -> Result<VerifyingKey, BatchError> {
    let bad = || BatchError::Signer { found: hex::encode(&batch.signer[..batch.signer.len().min(40)]) };
    let bytes: [u8; 32] = batch.signer.as_ref().try_into().map_err(|_| bad())?;
    let key = VerifyingKey::from_bytes(&bytes).map_err(|_| bad())?;
    if key.is_weak() { Err(bad()) } else { Ok(key) }
}

/// Checks a batch against the key in its signer field, which the caller has looked up (and so need not decompress).
///
/// # Errors
/// [`BatchError`] when the batch as a whole is not what its signature says.
pub fn check_batch(batch: &SignedBatch, key: &VerifyingKey) -> Result<CheckedBatch, BatchError> {
    check_limits(batch)?;
    let checkpoint = verify_note(batch, key)?;
    let signed = batch.size_before.saturating_add(batch.events.len() as u64);
    if checkpoint.size != signed {
        return Err(BatchError::Size { stream: checkpoint.origin, signed: checkpoint.size, counted: signed });
    }
    let before = CompactRange::from_bytes(batch.size_before, &batch.frontier_before)
        .map_err(|e| BatchError::Frontier { detail: e.to_string() })?;
    let leaves: Vec<Hash> = batch.events.iter().map(|e| event_leaf(&e.header)).collect();
    let mut after = before.clone();
    for leaf in &leaves {
        after.append(*leaf);
    }
    let root = after.root();
    if root != checkpoint.root {
        return Err(BatchError::Root {
            stream: checkpoint.origin,
            computed: root.to_base64(),
            signed: checkpoint.root.to_base64(),
        });
    }
    let stream = checkpoint.origin;
    let events = batch.events.iter().zip(leaves).map(|(e, leaf)| check_event(&stream, e, leaf)).collect();
    Ok(CheckedBatch { stream, signer: key.to_bytes(), checkpoint: batch.checkpoint.clone(), before, after, events })
}

/// The leaf hash of an event: SHA-256(0x00 || BLAKE3 digest of the header).
#[must_use]
pub fn event_leaf(header: &[u8]) -> Hash {
    tlog::leaf_hash(&digest::header_digest(header))
}

fn check_limits(batch: &SignedBatch) -> Result<(), BatchError> {
    if batch.version != 1 {
        return Err(BatchError::Version { found: batch.version });
    }
    if batch.events.is_empty() {
        return Err(BatchError::Empty);
    }
    let limits = [
        ("number of events", batch.events.len(), EVENTS_PER_BATCH_MAX),
        ("partition key in bytes", batch.partition_key.len(), PARTITION_KEY_BYTES_MAX),
        ("checkpoint in bytes", batch.checkpoint.len(), 16_384),
    ];
    for (what, found, limit) in limits {
        if found > limit {
            return Err(BatchError::Limit { what, found, limit });
        }
    }
    Ok(())
}

fn verify_note(batch: &SignedBatch, key: &VerifyingKey) -> Result<Checkpoint, BatchError> {
    let failed = |detail: String| BatchError::Signature { key: hex::encode(key.as_bytes()), detail };
    let text = tlog::verify_with_public_key(&batch.checkpoint, key).map_err(|e| failed(e.to_string()))?;
    let checkpoint = Checkpoint::parse(text).map_err(|e| failed(e.to_string()))?;
    let found = checkpoint.origin.len();
    if found > STREAM_NAME_BYTES_MAX {
        return Err(BatchError::Limit { what: "stream name in bytes", found, limit: STREAM_NAME_BYTES_MAX });
    }
    Ok(checkpoint)
}

fn check_event(stream: &str, event: &Event, leaf: Hash) -> CheckedEvent {
    CheckedEvent {
        leaf,
        header: event.header.clone(),
        contents: event.contents.clone(),
        parsed: parse_event(stream, event),
    }
}

fn parse_event(stream: &str, event: &Event) -> Result<Header, EventError> {
    let header = Header::parse(&event.header)?;
    if header.data.stream != stream {
        return Err(EventError::Stream { expected: stream.to_owned(), found: header.data.stream });
    }
    let (expected, found) = (header.data.contents.len(), event.contents.len());
    if expected != found {
        return Err(EventError::ContentCount { expected, found });
    }
    for (entry, content) in header.data.contents.iter().zip(&event.contents) {
        check_content(content, entry.size, &entry.commitment.0)
            .map_err(|detail| EventError::Content { name: entry.name.clone(), detail })?;
    }
    Ok(header)
}

fn check_content(content: &Content, size: u64, commitment: &[u8; 32]) -> Result<(), String> {
    match Form::try_from(content.form) {
        Ok(Form::Inline) => {
            check_salt(content)?;
            if content.data.len() as u64 != size {
                return Err(format!("{size} bytes are listed, {} were sent", content.data.len()));
            }
            if digest::content_commitment(&content.salt, &content.data) != *commitment {
                return Err("salt and bytes hash to another commitment".to_owned());
            }
            Ok(())
        }
        Ok(Form::Parts) => check_salt(content),
        Ok(Form::Reference) => Ok(()),
        Err(_) => Err(format!("unknown form {}", content.form)),
    }
}

fn check_salt(content: &Content) -> Result<(), String> {
    if content.salt.len() == SALT_BYTES {
        return Ok(());
    }
    Err(format!("a salt has {SALT_BYTES} bytes, {} were sent", content.salt.len()))
}
