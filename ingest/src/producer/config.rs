//! Settings of a producer and the limits behind them, with units and reasons.
//!
//! Guarantee: [`Config::check`] accepts only settings under which every record fits the log. It fails with
//! [`ProducerError::Config`], which names the setting.

use super::error::ProducerError;
use schemas::limits::{CONTENT_BYTES_MAX, CONTENT_BYTES_MAX_DEFAULT, EVENTS_PER_BATCH_MAX, LOG_RECORD_BYTES_MAX};
use std::path::PathBuf;
use std::time::Duration;

/// Bytes of a record kept free for what is not events: the note (twice the longest stream name, size, root and one
/// signature), the frontier (63 hashes), signer, partition key and protobuf framing. 2 x 256 + 2,016 + 512 + ~250.
pub const RECORD_OVERHEAD_BYTES: usize = 8_192;
/// Most bytes of events in one batch.
pub const BATCH_BYTES_MAX: usize = LOG_RECORD_BYTES_MAX - RECORD_OVERHEAD_BYTES;
/// Default of the most events in one batch: one signature in 256 is cheap, and more delays a lone reader.
pub const BATCH_EVENTS_DEFAULT: usize = 256;
/// Default of the most bytes of events in one batch: half a record, so that a usual event never overflows it.
pub const BATCH_BYTES_DEFAULT: usize = 524_288;
/// Most bytes of parts before one batch (one event's parts always stay together): parts that wait for their batch for
/// longer than 256 MiB of their partition are rejected, and other producers' parts stand between.
pub const PARTS_BYTES_PER_BATCH_MAX: usize = 32 * 1_048_576;
/// Default of the most records that wait for the log.
pub const OUTBOX_RECORDS_DEFAULT: usize = 65_536;
/// Default of the most bytes that wait for the log; they are held in memory too.
pub const OUTBOX_BYTES_DEFAULT: usize = 128 * 1_048_576;
/// Most records that one append carries.
pub const SEND_RECORDS_MAX: usize = 1_024;
/// Most bytes that one append carries (one record is always sent): what one fsync or one round trip should cover.
pub const SEND_BYTES_MAX: usize = 16 * 1_048_576;
/// Contents of fewer bytes are always sent again: a reference would save nothing.
pub const REFERENCE_BYTES_MIN: usize = 256;
/// Most contents remembered for references, all streams together, at about 150 bytes each; the oldest are forgotten.
pub const REFERENCES_REMEMBERED_MAX: usize = 65_536;
/// First pause before a failed append is tried again, in milliseconds.
pub const RETRY_FIRST_MS: u64 = 50;
/// Longest pause before a failed append is tried again, in milliseconds.
pub const RETRY_MAX_MS: u64 = 5_000;
/// How long a call waits for the log's acknowledgement by default, in milliseconds.
pub const ACK_WAIT_MS_DEFAULT: u64 = 30_000;

/// How many events and bytes make a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Most events, at least 1.
    pub events_max: usize,
    /// Most bytes of events; an event above it travels alone.
    pub bytes_max: usize,
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self { events_max: BATCH_EVENTS_DEFAULT, bytes_max: BATCH_BYTES_DEFAULT }
    }
}

/// How much may wait for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxLimits {
    /// Most records.
    pub records_max: usize,
    /// Most bytes; one call is always let in when nothing waits.
    pub bytes_max: usize,
}

impl Default for OutboxLimits {
    fn default() -> Self {
        Self { records_max: OUTBOX_RECORDS_DEFAULT, bytes_max: OUTBOX_BYTES_DEFAULT }
    }
}

/// Pauses between tries of an append that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryLimits {
    /// The first pause; it doubles with each failure.
    pub first: Duration,
    /// The longest pause.
    pub max: Duration,
}

impl Default for RetryLimits {
    fn default() -> Self {
        Self { first: Duration::from_millis(RETRY_FIRST_MS), max: Duration::from_millis(RETRY_MAX_MS) }
    }
}

/// Settings of a [`super::Producer`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The SQLite file that holds the state, on a local file system. Never copy it back from a backup: a producer that
    /// continues from an old state forks its streams. Delete it instead; new streams begin then.
    pub state_path: PathBuf,
    /// Tenant of every event.
    pub tenant: String,
    /// Largest content in bytes, at most [`CONTENT_BYTES_MAX`].
    pub content_bytes_max: u64,
    /// Batches.
    pub batch: BatchLimits,
    /// Outbox.
    pub outbox: OutboxLimits,
    /// Retries.
    pub retry: RetryLimits,
    /// How long [`super::Producer::submit`] waits for the log; what is not acknowledged by then is still sent.
    pub ack_wait: Duration,
}

impl Config {
    /// The defaults, for a state file and a tenant.
    #[must_use]
    pub fn new(state_path: impl Into<PathBuf>, tenant: impl Into<String>) -> Self {
        Self {
            state_path: state_path.into(),
            tenant: tenant.into(),
            content_bytes_max: CONTENT_BYTES_MAX_DEFAULT,
            batch: BatchLimits::default(),
            outbox: OutboxLimits::default(),
            retry: RetryLimits::default(),
            ack_wait: Duration::from_millis(ACK_WAIT_MS_DEFAULT),
        }
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// [`ProducerError::Config`] names the setting, what is allowed and what was found.
    pub fn check(&self) -> Result<(), ProducerError> {
        let ranges = [
            ("batch.events_max", self.batch.events_max as u64, 1, EVENTS_PER_BATCH_MAX as u64),
            ("batch.bytes_max", self.batch.bytes_max as u64, 1, BATCH_BYTES_MAX as u64),
            ("outbox.records_max", self.outbox.records_max as u64, 1, u64::MAX),
            ("outbox.bytes_max", self.outbox.bytes_max as u64, 1, u64::MAX),
            ("content_bytes_max", self.content_bytes_max, 1, CONTENT_BYTES_MAX),
            ("tenant length in bytes", self.tenant.len() as u64, 1, schemas::limits::FIELD_BYTES_MAX as u64),
        ];
        for (setting, found, min, max) in ranges {
            if found < min || found > max {
                return Err(ProducerError::Config { setting, expected: format!("{min} to {max}"), found });
            }
        }
        Ok(())
    }
}
