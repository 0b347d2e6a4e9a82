//! What the receiver answers, in JSON.
//!
//! Guarantee: members are only added. Numbers of streams and offsets are JSON numbers; digests are hex.

use crate::log::Position;
use crate::producer::Receipt;
use serde::Serialize;
use utoipa::ToSchema;

/// Where an event stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventReceipt {
    /// Event id: the one sent, or the one that the server made.
    pub id: String,
    /// Stream that it was signed in.
    pub stream: String,
    /// Index in the stream, from 0.
    pub stream_index: u64,
    /// BLAKE3 digest of the header in hex: what the cause of a later event names as `leaf`.
    pub header_digest: String,
    /// Log partition.
    pub partition: u32,
    /// Offset of the batch in that partition.
    pub offset: u64,
}

impl EventReceipt {
    pub(super) fn new(receipt: &Receipt) -> Self {
        let Position { partition, offset } = receipt.position;
        Self {
            id: receipt.id.clone(),
            stream: receipt.stream.as_ref().to_owned(),
            stream_index: receipt.stream_index,
            header_digest: hex::encode(receipt.header_digest),
            partition,
            offset,
        }
    }
}

/// Answer of `POST /v1/events`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventsAnswer {
    /// What the log's acknowledgement carries.
    pub durability: String,
    /// One receipt per event, in the order of the request.
    pub events: Vec<EventReceipt>,
}

/// An event of a good batch that will be kept as a reject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RejectedEvent {
    /// Index in the batch, from 0.
    pub index: usize,
    /// One word.
    pub reason: String,
    /// What was expected and found.
    pub detail: String,
}

/// Where a record stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RecordReceipt {
    /// `batch` or `part`.
    pub kind: &'static str,
    /// Stream of a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Size of the stream after a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Log partition.
    pub partition: u32,
    /// Offset in that partition.
    pub offset: u64,
    /// Events that will be kept as rejects: they are signed, so their leaves belong to the stream all the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<RejectedEvent>,
}

/// Answer of `POST /v1/batches`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BatchesAnswer {
    /// What the log's acknowledgement carries.
    pub durability: String,
    /// One receipt per record, in the order of the request.
    pub records: Vec<RecordReceipt>,
}
