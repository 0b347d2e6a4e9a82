//! Sealed events to signed records of one stream.
//!
//! Guarantee: records come out in the order in which they must stand in the log (parts before the batch that claims
//! them), no batch is above the limits, and each checkpoint extends the one before. It fails only on a stream name that
//! a note cannot carry.

use super::config::{BATCH_BYTES_MAX, BatchLimits, PARTS_BYTES_PER_BATCH_MAX};
use super::error::ProducerError;
use super::seal::Sealed;
use super::state::StreamState;
use crate::log::NewRecord;
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use schemas::limits::CONTENT_PART_BYTES;
use schemas::record::{Body, ContentPart, Event, LogRecord, SignedBatch};
use schemas::tlog::{Checkpoint, CompactRange, NoteSigner};

/// A record on its way to the log.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// The record.
    pub(super) record: NewRecord,
    /// Whether it is a batch (callers wait for its position) or a part.
    pub(super) is_batch: bool,
}

/// Collects the events of one stream.
#[derive(Debug)]
pub(super) struct Batcher<'a> {
    stream: &'a str,
    partition_key: &'a str,
    signer: NoteSigner,
    public_key: Bytes,
    limits: BatchLimits,
    /// Frontier after the last closed batch.
    signed: CompactRange,
    /// Frontier after the last event.
    range: CompactRange,
    events: Vec<Event>,
    bytes: usize,
    /// Bytes that travel before the open batch.
    part_bytes: usize,
    batches: usize,
    out: Vec<Outgoing>,
}

impl<'a> Batcher<'a> {
    /// Continues `stream` from its state.
    pub(super) fn new(
        stream: &'a str,
        state: &'a StreamState,
        key: &SigningKey,
        limits: BatchLimits,
    ) -> Result<Self, ProducerError> {
        let signer = NoteSigner::new(stream, key.clone())
            .map_err(|e| ProducerError::Stream { stream: stream.to_owned(), detail: e.to_string() })?;
        Ok(Self {
            stream,
            partition_key: &state.partition_key,
            signer,
            public_key: Bytes::copy_from_slice(key.verifying_key().as_bytes()),
            limits,
            signed: state.range.clone(),
            range: state.range.clone(),
            events: Vec::new(),
            bytes: 0,
            part_bytes: 0,
            batches: 0,
            out: Vec::new(),
        })
    }

    /// Adds an event; returns its index in the stream and the number of its batch within this batcher.
    pub(super) fn push(&mut self, sealed: Sealed) -> Result<(u64, usize), ProducerError> {
        let bytes_max = self.limits.bytes_max.min(BATCH_BYTES_MAX);
        let part_bytes: usize = sealed.parts.iter().map(|(_, bytes)| bytes.len()).sum();
        let full = self.events.len() >= self.limits.events_max
            || self.bytes + sealed.bytes > bytes_max
            || self.part_bytes + part_bytes > PARTS_BYTES_PER_BATCH_MAX;
        if full {
            self.close_batch()?;
        }
        self.part_bytes += part_bytes;
        for (commitment, bytes) in &sealed.parts {
            self.push_parts(commitment, bytes);
        }
        let index = self.range.size();
        self.range.append(sealed.leaf);
        self.bytes += sealed.bytes;
        self.events.push(sealed.event);
        Ok((index, self.batches))
    }

    /// Closes the last batch and gives out all records and the new frontier.
    pub(super) fn finish(mut self) -> Result<(Vec<Outgoing>, CompactRange), ProducerError> {
        self.close_batch()?;
        Ok((self.out, self.range))
    }

    fn push_parts(&mut self, commitment: &[u8; 32], bytes: &Bytes) {
        let count = bytes.len().div_ceil(CONTENT_PART_BYTES).max(1);
        for index in 0..count {
            let from = index * CONTENT_PART_BYTES;
            let to = bytes.len().min(from + CONTENT_PART_BYTES);
            let part = ContentPart {
                commitment: Bytes::copy_from_slice(commitment),
                size: bytes.len() as u64,
                // At most 2,048: a content has at most 1 GiB.
                index: index as u32,
                count: count as u32,
                data: bytes.slice(from..to),
                partition_key: self.partition_key.to_owned(),
            };
            self.emit(Body::Part(part), false);
        }
    }

    fn close_batch(&mut self) -> Result<(), ProducerError> {
        if self.events.is_empty() {
            return Ok(());
        }
        let failed = |detail: String| ProducerError::Stream { stream: self.stream.to_owned(), detail };
        let note = Checkpoint::new(self.stream, self.range.size(), self.range.root())
            .and_then(|checkpoint| checkpoint.sign(&self.signer))
            .map_err(|e| failed(e.to_string()))?;
        let batch = SignedBatch {
            version: 1,
            checkpoint: note.to_bytes().into(),
            signer: self.public_key.clone(),
            size_before: self.signed.size(),
            frontier_before: self.signed.to_bytes().into(),
            events: std::mem::take(&mut self.events),
            partition_key: self.partition_key.to_owned(),
        };
        self.emit(Body::Batch(batch), true);
        self.signed = self.range.clone();
        self.bytes = 0;
        self.part_bytes = 0;
        self.batches += 1;
        Ok(())
    }

    fn emit(&mut self, body: Body, is_batch: bool) {
        let record = NewRecord { partition_key: self.partition_key.to_owned(), value: LogRecord::encode_body(body) };
        self.out.push(Outgoing { record, is_batch });
    }
}
