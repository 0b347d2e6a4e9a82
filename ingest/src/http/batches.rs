//! `POST /v1/batches`: records that producers have signed themselves.
//!
//! Guarantee: a record reaches the log byte for byte as it was sent, and only if its batch passes [`check_batch`]. A
//! batch that fails is refused (400) with the request. An event of a good batch that fails on its own is reported but
//! not refused: it is signed, so a stream without it would have a hole. Sending the same records again is harmless.
//!
//! The body is one `hansard.v1.LogRecord`, one `hansard.v1.SignedBatch`, or several `LogRecord`s, each after its length as
//! a protobuf varint. The first byte tells them apart: 0x0A and 0x12 begin a record, 0x08 a batch, and as lengths they
//! would be shorter than any record that passes.

use super::wire::{BatchesAnswer, RecordReceipt, RejectedEvent};
use super::{Problem, ProblemDetails, RECORDS_PER_REQUEST_MAX, Receiver, body};
use crate::log::NewRecord;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use bytes::{BufMut, Bytes, BytesMut};
use prost::encoding::{decode_varint, encode_varint};
use schemas::check::{CheckedBatch, check_batch, signer_key};
use schemas::limits::{CONTENT_BYTES_MAX, CONTENT_PART_BYTES, LOG_RECORD_BYTES_MAX, PARTITION_KEY_BYTES_MAX};
use schemas::record::{Body as RecordBody, ContentPart, LogRecord, SignedBatch};
use std::sync::Arc;
use std::time::Duration;

const MEDIA_TYPES: &str = "application/x-protobuf, application/protobuf";
/// First byte of a `LogRecord` that holds a batch (field 1, length-delimited).
const RECORD_BATCH: u8 = 0x0A;
/// First byte of a `LogRecord` that holds a part (field 2, length-delimited).
const RECORD_PART: u8 = 0x12;
/// First byte of a bare `SignedBatch` (field 1, varint: the version).
const BARE_BATCH: u8 = 0x08;

/// Appends signed batches and content parts. The answer is given after the log has them durably.
#[utoipa::path(
    post,
    path = "/v1/batches",
    tag = "ingest",
    request_body(
        description = "One hansard.v1.LogRecord or hansard.v1.SignedBatch, or several LogRecords, each after its length (varint)",
        content((Vec<u8> = "application/x-protobuf"))
    ),
    responses(
        (status = 200, description = "The log has all records", body = BatchesAnswer),
        (status = 400, description = "A record is not valid, with the reason; none was appended", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 403, description = "The key is not known here", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 413, description = "Body too large", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 415, description = "Another media type", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 429, description = "Too many requests; see Retry-After", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "Log unavailable; see Retry-After", body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub(super) async fn post_batches(
    State(receiver): State<Arc<Receiver>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<BatchesAnswer>, Problem> {
    receiver.check_ready()?;
    body::media_type(&headers, MEDIA_TYPES)?;
    let _permit = receiver.batch_requests.try_acquire().map_err(|_| {
        let detail = format!("{} requests are being checked", super::BATCH_REQUESTS_MAX);
        Problem::busy(detail, Duration::from_secs(1))
    })?;
    let bytes = body::read(&receiver, &headers, body).await?;
    let checking = Arc::clone(&receiver);
    let (records, mut receipts) = tokio::task::spawn_blocking(move || check_all(&checking, &bytes))
        .await
        .unwrap_or_else(|_| Err(Problem::unavailable("the request could not be checked; send it again")))?;
    let positions = tokio::time::timeout(receiver.limits.ack_wait, receiver.log.append(records))
        .await
        .map_err(|_| Problem::unavailable("the log did not answer in time; sending the same records again is safe"))?
        .map_err(|e| Problem::log(&e))?;
    for (receipt, position) in receipts.iter_mut().zip(positions) {
        receipt.partition = position.partition;
        receipt.offset = position.offset;
    }
    Ok(Json(BatchesAnswer { durability: receiver.log.durability().text, records: receipts }))
}

fn check_all(receiver: &Receiver, bytes: &Bytes) -> Result<(Vec<NewRecord>, Vec<RecordReceipt>), Problem> {
    let values = split(bytes)?;
    let (mut records, mut receipts) = (Vec::with_capacity(values.len()), Vec::with_capacity(values.len()));
    for (index, value) in values.into_iter().enumerate() {
        let body =
            LogRecord::parse(&value).map_err(|e| Problem::invalid(e.to_string()).reason("malformed").at(index))?;
        let (partition_key, receipt) = match body {
            RecordBody::Batch(batch) => (batch.partition_key.clone(), check_one(receiver, &batch)),
            RecordBody::Part(part) => (part.partition_key.clone(), check_part(&part)),
        };
        receipts.push(receipt.map_err(|problem| problem.at(index))?);
        records.push(NewRecord { partition_key, value });
    }
    Ok((records, receipts))
}

fn split(bytes: &Bytes) -> Result<Vec<Bytes>, Problem> {
    match bytes.first() {
        None => Err(Problem::invalid("the body holds no record: send at least one".to_owned())),
        Some(&(RECORD_BATCH | RECORD_PART)) => Ok(vec![bytes.clone()]),
        Some(&BARE_BATCH) => Ok(vec![wrap(bytes)]),
        Some(_) => split_delimited(bytes.clone()),
    }
}

/// A record around the very bytes of a batch.
fn wrap(batch: &Bytes) -> Bytes {
    let mut record = BytesMut::with_capacity(batch.len() + 8);
    record.put_u8(RECORD_BATCH);
    encode_varint(batch.len() as u64, &mut record);
    record.extend_from_slice(batch);
    record.freeze()
}

fn split_delimited(mut rest: Bytes) -> Result<Vec<Bytes>, Problem> {
    let mut values = Vec::new();
    while !rest.is_empty() {
        let index = values.len();
        if index >= RECORDS_PER_REQUEST_MAX {
            return Err(Problem::too_large("records", RECORDS_PER_REQUEST_MAX));
        }
        let bad = |detail: String| Problem::invalid(detail).reason("malformed").at(index);
        let length = decode_varint(&mut rest).map_err(|e| bad(format!("the length before the record: {e}")))?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > LOG_RECORD_BYTES_MAX || length > rest.len() {
            let found = rest.len();
            return Err(bad(format!(
                "the record should have {length} bytes; {found} are left in the body, at most {LOG_RECORD_BYTES_MAX} are allowed"
            )));
        }
        values.push(rest.split_to(length));
    }
    Ok(values)
}

fn check_one(receiver: &Receiver, batch: &SignedBatch) -> Result<RecordReceipt, Problem> {
    let key = signer_key(batch).map_err(|e| Problem::invalid(e.to_string()).reason(e.reason()))?;
    if receiver.gate.as_ref().is_some_and(|gate| !gate.admits(key.as_bytes())) {
        let key = hex::encode(key.as_bytes());
        let detail = format!("key {key} is not registered: `hansard keys register` does it");
        return Err(Problem::forbidden(detail).reason("unknown_key"));
    }
    let checked = check_batch(batch, &key).map_err(|e| Problem::invalid(e.to_string()).reason(e.reason()))?;
    if batch.partition_key.is_empty() {
        return Err(
            Problem::invalid("the batch has no partition_key: use the stream's name".to_owned()).reason("limit")
        );
    }
    Ok(RecordReceipt {
        kind: "batch",
        rejected: rejected(&checked),
        size: Some(checked.after.size()),
        stream: Some(checked.stream),
        partition: 0,
        offset: 0,
    })
}

fn rejected(checked: &CheckedBatch) -> Vec<RejectedEvent> {
    let verdict = |(index, event): (usize, &schemas::check::CheckedEvent)| {
        let error = event.parsed.as_ref().err()?;
        Some(RejectedEvent { index, reason: error.reason().to_owned(), detail: error.to_string() })
    };
    checked.events.iter().enumerate().filter_map(verdict).collect()
}

fn check_part(part: &ContentPart) -> Result<RecordReceipt, Problem> {
    let bad = |detail: String| Err(Problem::invalid(detail).reason("content"));
    let key_bytes = part.partition_key.len();
    if part.commitment.len() != 32 {
        return bad(format!("a commitment has 32 bytes, found {}", part.commitment.len()));
    }
    if key_bytes == 0 || key_bytes > PARTITION_KEY_BYTES_MAX {
        return bad(format!("partition_key has {key_bytes} bytes, 1 to {PARTITION_KEY_BYTES_MAX} are allowed"));
    }
    if part.size > CONTENT_BYTES_MAX {
        return bad(format!("the content has {} bytes, at most {CONTENT_BYTES_MAX} are allowed", part.size));
    }
    if part.size == 0 {
        return bad("an empty content has no parts: send it in its batch".to_owned());
    }
    let full = CONTENT_PART_BYTES as u64;
    let count = part.size.div_ceil(full);
    if u64::from(part.count) != count || u64::from(part.index) >= count {
        let (index, found) = (part.index, part.count);
        return bad(format!("a content of {} bytes has {count} parts, found part {index} of {found}", part.size));
    }
    let expected = full.min(part.size - u64::from(part.index) * full);
    if part.data.len() as u64 != expected {
        return bad(format!("part {} of the content holds {expected} bytes, found {}", part.index, part.data.len()));
    }
    Ok(RecordReceipt { kind: "part", stream: None, size: None, partition: 0, offset: 0, rejected: Vec::new() })
}
