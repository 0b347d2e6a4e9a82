//! Why a producer could not do what it was asked, by what the caller does next.
//!
//! Guarantee: [`DraftError`] means that nothing was signed for that draft; [`ProducerError::Busy`] and
//! [`ProducerError::State`] from a call mean that nothing of the call was signed; [`ProducerError::Unconfirmed`] means
//! that all of it was signed and will be sent. Errors are values that can be given to several waiting callers.

use schemas::header::HeaderError;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// Why one draft was not signed.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum DraftError {
    /// The header breaks a limit or lacks a field.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// A content is above the limit in force.
    #[error("content {name} has {found} bytes, at most {limit} are allowed: split it, or raise the content limit")]
    ContentTooLarge {
        /// Name of the content.
        name: String,
        /// Its bytes.
        found: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// More contents or causes than the format allows; found before anything is hashed.
    #[error("event lists {found} {what}, at most {limit} are allowed: split the event")]
    TooMany {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many are allowed.
        limit: usize,
    },
}

/// Why a call to the producer failed.
#[derive(Debug, Error, Clone)]
pub enum ProducerError {
    /// A setting is out of range.
    #[error("producer setting {setting}: expected {expected}, found {found}")]
    Config {
        /// Which setting.
        setting: &'static str,
        /// What is allowed.
        expected: String,
        /// What was given.
        found: u64,
    },
    /// Another process holds the state file.
    #[error(
        "producer state {} is in use by another process: stop that one, or give this one a state file of its own",
        path.display()
    )]
    Locked {
        /// The state file.
        path: PathBuf,
    },
    /// The state file belongs to another key, log, tenant or format version.
    #[error("producer state {} belongs to {what} {found}, not {expected}: use another state file", path.display())]
    Mismatch {
        /// The state file.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// What this process brings.
        expected: String,
        /// What the file says.
        found: String,
    },
    /// The state file could not be read or written; nothing of the call was signed.
    #[error("producer state {} failed while {doing}: check the disk and the file", path.display())]
    State {
        /// The state file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What SQLite or the file system said.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The outbox or queue is full; nothing of the call was signed.
    #[error("{what} is full ({records} waiting, {bytes} bytes): try again in {after:?}")]
    Busy {
        /// What is full.
        what: &'static str,
        /// Records or events that wait.
        records: usize,
        /// Bytes that wait.
        bytes: usize,
        /// When to try again.
        after: Duration,
    },
    /// The events are signed and durable here, but the log has not acknowledged them in time. They will be sent; do
    /// not submit them again under other ids.
    #[error("events are signed and will be sent, but the log did not acknowledge them within {waited:?} ({detail})")]
    Unconfirmed {
        /// How long was waited.
        waited: Duration,
        /// The log's last error.
        detail: String,
    },
    /// The stream exists with another partition key; nothing of the call was signed.
    #[error(
        "stream {stream} was begun with partition key {expected:?}, found {found:?}: give the new key a new stream"
    )]
    PartitionKey {
        /// Stream.
        stream: String,
        /// Key of the stream.
        expected: String,
        /// Key given.
        found: String,
    },
    /// A stream name or partition key that the format does not allow; nothing of the call was signed.
    #[error("stream {stream:?}: {detail}")]
    Stream {
        /// Stream.
        stream: String,
        /// What is wrong and what to do.
        detail: String,
    },
    /// The producer was closed; what was signed is in its outbox and is sent when it is opened again.
    #[error("producer is closed")]
    Closed,
}

impl ProducerError {
    /// When to try again, where trying again makes sense.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { after, .. } => Some(*after),
            Self::Unconfirmed { .. } | Self::Closed => Some(Duration::from_secs(5)),
            _ => None,
        }
    }
}
