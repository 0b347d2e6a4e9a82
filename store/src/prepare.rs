//! The part of the checks that needs no state but the keys: decoding, signature, root, headers, commitments. Runs on
//! all cores.
//!
//! Guarantee: pure; the verdict of a record depends on its bytes and on the registry state alone.

use crate::keys::{Speaker, Speakers};
use bytes::Bytes;
use ingest::log::Entry;
use rayon::prelude::*;
use schemas::check::{CheckedBatch, check_batch};
use schemas::record::{Body, ContentPart, LogRecord};
use std::sync::Arc;

/// A log record with the verdict on it so far.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) offset: u64,
    pub(crate) value: Bytes,
    pub(crate) what: What,
}

/// What a record is.
#[derive(Debug)]
pub(crate) enum What {
    /// A part of a large content.
    Part(ContentPart),
    /// A batch that its signature covers, by a key that may speak.
    Batch(Box<CheckedBatch>, Arc<Speaker>),
    /// Refused whole.
    Reject { reason: &'static str, detail: String },
}

/// Reason of rejects whose key is not registered: they can be judged again later.
pub(crate) const UNKNOWN_KEY: &str = "unknown_key";

/// Prepares records on all cores, in order.
pub(crate) fn prepare_all(entries: Vec<Entry>, speakers: &Speakers) -> Vec<Prepared> {
    entries.into_par_iter().map(|e| prepare(e.offset, e.value, speakers)).collect()
}

/// Prepares one record.
pub(crate) fn prepare(offset: u64, value: Bytes, speakers: &Speakers) -> Prepared {
    let what = judge(&value, speakers);
    Prepared { offset, value, what }
}

fn judge(value: &Bytes, speakers: &Speakers) -> What {
    let batch = match LogRecord::parse(value) {
        Ok(Body::Part(part)) => return What::Part(part),
        Ok(Body::Batch(batch)) => batch,
        Err(e) => return What::Reject { reason: "malformed", detail: e.to_string() },
    };
    let Some(speaker) = speakers.get(&batch.signer) else {
        let detail = format!(
            "key {} is not registered: `hansard keys register` it, then send the batch again",
            hex::encode(&batch.signer[..batch.signer.len().min(32)])
        );
        return What::Reject { reason: UNKNOWN_KEY, detail };
    };
    match check_batch(&batch, &speaker.key) {
        Ok(checked) => What::Batch(Box::new(checked), Arc::clone(speaker)),
        Err(e) => What::Reject { reason: e.reason(), detail: e.to_string() },
    }
}
