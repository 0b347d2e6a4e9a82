//! `POST /v1/batches` over a real socket: records arrive byte for byte, and what does not verify is refused with its
//! reason.

use crate::http_support::{Server, quick, start};
use crate::producer_support::{Fault, FaultyLog, History, draft, open, spec};
use bytes::Bytes;
use ingest::http::SignerGate;
use ingest::log::NewRecord;
use prost::Message;
use prost::encoding::encode_varint;
use schemas::record::{Body, LogRecord, SignedBatch};
use std::sync::Arc;

const PROTOBUF: &str = "application/x-protobuf";

/// Records of a producer: parts of a large content and their batch, then a small batch.
async fn records() -> Vec<NewRecord> {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(FaultyLog::new(&[]));
    let producer = open(&dir.path().join("state"), Arc::<FaultyLog>::clone(&log), 1).await;
    producer.submit(vec![(spec("a"), vec![draft("1", &"x".repeat(900_000))])]).await.unwrap();
    producer.submit(vec![(spec("a"), vec![draft("2", "text"), draft("3", "text")])]).await.unwrap();
    log.appended.lock().unwrap().clone()
}

fn delimited(records: &[NewRecord]) -> Vec<u8> {
    let mut body = Vec::new();
    for record in records {
        encode_varint(record.value.len() as u64, &mut body);
        body.extend_from_slice(&record.value);
    }
    body
}

fn batch_of(record: &NewRecord) -> SignedBatch {
    match LogRecord::parse(&record.value).unwrap() {
        Body::Batch(batch) => batch,
        Body::Part(part) => panic!("part {}", part.index),
    }
}

async fn healthy() -> Server {
    start(FaultyLog::new(&[]), quick(), None).await
}

#[tokio::test]
async fn several_records_arrive_byte_for_byte() {
    let server = healthy().await;
    let records = records().await;
    let answer = server.post("/v1/batches", PROTOBUF, &delimited(&records)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let receipts = answer.json["records"].as_array().unwrap();
    let kinds: Vec<&str> = receipts.iter().map(|r| r["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["part", "part", "batch", "batch"]);
    assert_eq!((&receipts[3]["stream"], &receipts[3]["size"]), (&"test/a".into(), &3.into()));
    assert_eq!(answer.json["durability"], "test");
    assert_eq!(*server.log.appended.lock().unwrap(), records);
    assert_eq!(History::read(server.log.as_ref()).await.ids("test/a"), ["1", "2", "3"]);
    // Again: harmless, and answered the same but for the offsets.
    assert_eq!(server.post("/v1/batches", "application/protobuf", &delimited(&records[3..])).await.status, 200);
    assert_eq!(History::read(server.log.as_ref()).await.repeats, 1);
}

#[tokio::test]
async fn one_record_or_one_bare_batch_needs_no_length() {
    for bare in [false, true] {
        let server = healthy().await;
        let mut records = records().await;
        assert_eq!(server.post("/v1/batches", PROTOBUF, &delimited(&records[..3])).await.status, 200);
        let last = records.pop().unwrap();
        let body = if bare { batch_of(&last).encode_to_vec() } else { last.value.to_vec() };
        let answer = server.post("/v1/batches", PROTOBUF, &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(server.log.appended.lock().unwrap().last(), Some(&last), "the very bytes that were signed");
    }
}

#[tokio::test]
async fn what_does_not_verify_is_refused_with_its_reason() {
    let server = healthy().await;
    let records = records().await;
    let good = batch_of(&records[3]);
    let mut altered = good.clone();
    let mut header = altered.events[0].header.to_vec();
    let at = header.len() / 2;
    header[at] ^= 1;
    altered.events[0].header = header.into();
    let mut resigned = good.clone();
    resigned.signer =
        Bytes::copy_from_slice(ed25519_dalek::SigningKey::from_bytes(&[1; 32]).verifying_key().as_bytes());
    let mut shorter = good.clone();
    shorter.events.pop();
    let mut newer = good.clone();
    newer.version = 2;
    let mut keyless = good.clone();
    keyless.partition_key.clear();
    let mut frontier = good.clone();
    frontier.frontier_before = Bytes::new();
    let Body::Part(part) = LogRecord::parse(&records[0].value).unwrap() else { panic!() };
    let mut short_part = part.clone();
    short_part.data = short_part.data.slice(1..);
    let mut odd_part = part.clone();
    odd_part.count = 3;
    let mut empty_part = part.clone();
    (empty_part.size, empty_part.index, empty_part.count, empty_part.data) = (0, 0, 1, Bytes::new());
    let cases = [
        (Body::Batch(altered), "root"),
        (Body::Batch(resigned), "signature"),
        (Body::Batch(shorter), "root"),
        (Body::Batch(newer), "version"),
        (Body::Batch(keyless), "limit"),
        (Body::Batch(frontier), "frontier"),
        (Body::Part(short_part), "content"),
        (Body::Part(odd_part), "content"),
        (Body::Part(empty_part), "content"),
    ];
    for (body, reason) in cases {
        let bad = NewRecord { partition_key: String::new(), value: LogRecord::encode_body(body) };
        let answer = server.post("/v1/batches", PROTOBUF, &delimited(&[records[0].clone(), bad])).await;
        let problem = answer.problem(400, "invalid");
        assert_eq!((&problem["reason"], &problem["index"]), (&reason.into(), &1.into()), "{problem}");
    }
    for body in [&b""[..], b"\x0a", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x80\x08abc", b"\x0a\x02\x08"] {
        server.post("/v1/batches", PROTOBUF, body).await.problem(400, "invalid");
    }
    server.post("/v1/batches", "application/json", b"{}").await.problem(415, "media-type");
    assert!(server.log.appended.lock().unwrap().is_empty(), "a request is refused whole");
}

#[tokio::test]
async fn a_signed_event_that_fails_alone_is_reported_not_refused() {
    let server = healthy().await;
    let records = records().await;
    // The parts did not come with it, and the content beside the second event does not open its commitment.
    let mut batch = batch_of(&records[3]);
    batch.events[1].contents[0].data = Bytes::from_static(b"tex!");
    let answer = server.post("/v1/batches", PROTOBUF, &batch.encode_to_vec()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let rejected = &answer.json["records"][0]["rejected"];
    assert_eq!((&rejected[0]["index"], &rejected[0]["reason"]), (&1.into(), &"content".into()), "{rejected}");
    assert_eq!(server.log.appended.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_log_that_fails_is_told_apart() {
    let server = start(FaultyLog::new(&[Fault::Before, Fault::Busy, Fault::Hang]), quick(), None).await;
    let body = delimited(&records().await);
    server.post("/v1/batches", PROTOBUF, &body).await.problem(503, "unavailable");
    server.post("/v1/batches", PROTOBUF, &body).await.problem(429, "busy");
    server.post("/v1/batches", PROTOBUF, &body).await.problem(503, "unavailable");
    assert_eq!(server.post("/v1/batches", PROTOBUF, &body).await.status, 200);
}

#[derive(Debug)]
struct Nobody;

impl SignerGate for Nobody {
    fn admits(&self, _: &[u8; 32]) -> bool {
        false
    }
}

#[tokio::test]
async fn strangers_may_be_kept_out() {
    let server = start(FaultyLog::new(&[]), quick(), Some(Arc::new(Nobody))).await;
    let answer = server.post("/v1/batches", PROTOBUF, &delimited(&records().await)).await;
    let problem = answer.problem(403, "unknown-key");
    assert_eq!((&problem["reason"], &problem["index"]), (&"unknown_key".into(), &2.into()));
    assert!(server.log.appended.lock().unwrap().is_empty());
}
