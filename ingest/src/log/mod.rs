//! The log: the only hand-over from ingest to store.
//!
//! Contract of [`Log`], which one conformance suite checks for every form:
//! - **Durable on return.** When `append` returns, all its records survive `kill -9`; what else they survive is said
//!   by [`Log::durability`]. When it fails, any subset of them may be in the log (callers send again; readers drop
//!   what they have seen).
//! - **Order.** Records of one call that share a partition stand there in call order. Offsets grow; they need not be
//!   dense.
//! - **Reading** gives records at offsets >= `from` in offset order, or [`LogError::Truncated`] when the log no longer
//!   begins at or before `from`, or [`LogError::Corrupt`] when it ends before `from` (records that somebody has read
//!   are gone, or it is another log): nothing is skipped silently. `from` equal to the next offset is the end: no
//!   records, no error.
//! - **Refusal** is whole: when a record of a call breaks a limit, nothing of the call is appended.
//! - Any number of readers and appenders at once, in one process or several.

mod check;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod embedded;
pub mod kafka;
pub mod memory;

use async_trait::async_trait;
use bytes::Bytes;
use std::fmt::Debug;
use std::time::Duration;
use thiserror::Error;

/// A record to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// Decides the partition: murmur2 of its UTF-8 bytes.
    pub partition_key: String,
    /// A `hansard.v1.LogRecord`, at most [`schemas::limits::LOG_RECORD_BYTES_MAX`] bytes.
    pub value: Bytes,
}

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// Partition.
    pub partition: u32,
    /// Offset within it.
    pub offset: u64,
}

/// A record as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Offset within the partition.
    pub offset: u64,
    /// The record's key.
    pub key: Bytes,
    /// The record's value.
    pub value: Bytes,
}

/// What one read may return at most; at least one record is returned when there is one.
#[derive(Debug, Clone, Copy)]
pub struct ReadLimits {
    /// Most records.
    pub records_max: usize,
    /// Most bytes of values (the first record may be larger).
    pub bytes_max: usize,
    /// How long to wait for the first record; zero: do not wait.
    pub wait: Duration,
}

/// The offsets that a partition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offsets {
    /// First offset that can still be read.
    pub first: u64,
    /// Offset that the next record will have at least; everything durable lies below.
    pub next: u64,
}

/// Why a log call failed, by what the caller does next.
#[derive(Debug, Clone, Error)]
pub enum LogError {
    /// The log is full or slow: try again after `after`. Nothing is known to be lost.
    #[error("log is overloaded ({detail}); try again in {after:?}")]
    Busy {
        /// What is full.
        detail: String,
        /// When to try again.
        after: Duration,
    },
    /// The record can never be appended.
    #[error("record refused by the log: {detail}")]
    Refused {
        /// Which limit it breaks.
        detail: String,
    },
    /// The log begins after the offset that was asked for.
    #[error(
        "partition {partition} of the log begins at offset {first}, offset {from} is gone: records between them were deleted before the table had them"
    )]
    Truncated {
        /// Partition.
        partition: u32,
        /// Offset asked for.
        from: u64,
        /// First offset there is.
        first: u64,
    },
    /// The log cannot be reached or failed; the outcome of an append is unknown.
    #[error("log {log} is unavailable: {detail}")]
    Unavailable {
        /// Which log.
        log: String,
        /// What went wrong and what to do.
        detail: String,
    },
    /// The log is not what it should be (another topic, another number of partitions, damaged).
    #[error("log {log} is not usable: {detail}")]
    Corrupt {
        /// Which log.
        log: String,
        /// Expected and found.
        detail: String,
    },
}

/// A durable, partitioned, append-only log. See the module for the contract.
#[async_trait]
pub trait Log: Debug + Send + Sync {
    /// Identity of this log: made once at creation, pinned by the table (Kafka: cluster, topic and topic id).
    fn id(&self) -> &str;

    /// Number of partitions, fixed at creation.
    fn partitions(&self) -> u32;

    /// What an acknowledgement carries, in words for answers and `/readyz`, and whether it meets the architecture's
    /// demand (embedded: fsync; Kafka: acks=all, replication >= 3, min ISR >= 2).
    fn durability(&self) -> Durability;

    /// Appends durably; one position per record, in call order.
    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<Position>, LogError>;

    /// Reads records at offsets >= `from`.
    async fn read(&self, partition: u32, from: u64, limits: ReadLimits) -> Result<Vec<Entry>, LogError>;

    /// First and next offset of a partition.
    async fn offsets(&self, partition: u32) -> Result<Offsets, LogError>;

    /// Deletes records below `before`: the store calls it for what the table has, minus a grace.
    async fn trim(&self, partition: u32, before: u64) -> Result<(), LogError>;

    /// The partitions that this process should compact now. Embedded: all. Kafka: what the consumer group assigned.
    /// May change between calls; fencing at the commit keeps a stale view harmless.
    async fn assignment(&self) -> Result<Vec<u32>, LogError>;
}

/// What an acknowledgement means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durability {
    /// In words.
    pub text: String,
    /// Whether the architecture's demand is met.
    pub strong: bool,
}

/// A random UUID (version 4) from `entropy`: the identity of a new log.
fn fresh_id(entropy: &dyn crate::env::Entropy) -> String {
    let mut bytes = [0u8; 16];
    entropy.fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid().hyphenated().to_string()
}
