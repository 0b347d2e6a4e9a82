//! The one suite that every form of the log passes: the contract of [`Log`], one function per promise.
//!
//! Guarantee: a form that passes [`all`] can stand in for any other, except for what durability survives, which each
//! form's own tests show with `kill -9`. A broken promise is a panic that names it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test suite: a broken promise ends it")]

mod together;

pub use together::{
    abandoned_reads, assignment, beyond_the_end, concurrent_appenders, reopening, truncation, two_handles, waiting,
};

use super::{Entry, Log, LogError, NewRecord, Offsets, Position, ReadLimits};
use async_trait::async_trait;
use bytes::Bytes;
use schemas::limits::{LOG_RECORD_BYTES_MAX, PARTITION_KEY_BYTES_MAX};
use schemas::partition::partition_of;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Partitions of the logs that the suite asks for.
const PARTITIONS: u32 = 3;
/// Enough for anything here.
const READ: ReadLimits = ReadLimits { records_max: 10_000, bytes_max: 64 << 20, wait: Duration::ZERO };

/// Makes the logs of one form.
#[async_trait]
pub trait Form: Sync {
    /// A new, empty log of `partitions` partitions.
    async fn fresh(&self, partitions: u32) -> Arc<dyn Log>;

    /// Another handle of the same log, as another process would open it.
    async fn again(&self, log: &Arc<dyn Log>) -> Arc<dyn Log>;
}

/// Runs the whole suite.
pub async fn all(form: &dyn Form) {
    empty_log(form).await;
    positions_and_order(form).await;
    read_limits(form).await;
    any_position(form).await;
    big_records(form).await;
    limits_refuse_whole_calls(form).await;
    wrong_partition(form).await;
    waiting(form).await;
    truncation(form).await;
    beyond_the_end(form).await;
    concurrent_appenders(form).await;
    two_handles(form).await;
    reopening(form).await;
    abandoned_reads(form).await;
    assignment(form).await;
}

fn record(key: &str, value: impl Into<Bytes>) -> NewRecord {
    NewRecord { partition_key: key.to_owned(), value: value.into() }
}

/// A key that belongs to `partition`.
fn key_of(partition: u32, partitions: u32) -> String {
    (0..10_000).map(|n| format!("key-{n}")).find(|key| partition_of(key.as_bytes(), partitions) == partition).unwrap()
}

fn numbered(partition: u32, partitions: u32, numbers: std::ops::Range<u32>) -> Vec<NewRecord> {
    let key = key_of(partition, partitions);
    numbers.map(|n| record(&key, n.to_be_bytes().to_vec())).collect()
}

fn numbers(entries: &[Entry]) -> Vec<u32> {
    entries.iter().map(|entry| u32::from_be_bytes(entry.value[..].try_into().unwrap())).collect()
}

/// Appends, and tries again while the log is busy, as callers do.
pub async fn append(log: &dyn Log, records: Vec<NewRecord>) -> Vec<Position> {
    for _ in 0..1_000 {
        match log.append(records.clone()).await {
            Ok(positions) => return positions,
            Err(LogError::Busy { after, .. }) => tokio::time::sleep(after).await,
            Err(error) => panic!("append failed: {error}"),
        }
    }
    panic!("the log stayed busy")
}

/// Everything that a partition holds, read in pieces.
pub async fn everything(log: &dyn Log, partition: u32) -> Vec<Entry> {
    let mut from = log.offsets(partition).await.unwrap().first;
    let mut found: Vec<Entry> = Vec::new();
    loop {
        let piece = log.read(partition, from, READ).await.unwrap();
        let Some(last) = piece.last() else { return found };
        from = last.offset + 1;
        found.extend(piece);
    }
}

fn assert_order(entries: &[Entry]) {
    assert!(entries.is_sorted_by(|a, b| a.offset < b.offset), "offsets grow");
}

/// A new log holds nothing, and its identity and size are as made.
pub async fn empty_log(form: &dyn Form) {
    let log = form.fresh(PARTITIONS).await;
    let other = form.fresh(PARTITIONS).await;
    assert_eq!(log.partitions(), PARTITIONS);
    assert!(!log.id().is_empty() && log.id() != other.id(), "each log has an identity of its own: {}", log.id());
    assert!(!log.durability().text.is_empty());
    assert_eq!(log.append(Vec::new()).await.unwrap(), Vec::new());
    for partition in 0..PARTITIONS {
        assert_eq!(log.offsets(partition).await.unwrap(), Offsets { first: 0, next: 0 });
        assert_eq!(log.read(partition, 0, READ).await.unwrap(), Vec::new());
    }
}

/// One position per record, in call order, in the partition of its key; read back byte by byte.
pub async fn positions_and_order(form: &dyn Form) {
    let log = form.fresh(PARTITIONS).await;
    let records: Vec<_> = (0..200u32).map(|n| record(&format!("stream/{}", n % 17), format!("value {n}"))).collect();
    let mut positions = append(&*log, records[..150].to_vec()).await;
    positions.extend(append(&*log, records[150..].to_vec()).await);
    let mut expected: BTreeMap<u32, Vec<Entry>> = BTreeMap::new();
    for (record, position) in records.iter().zip(&positions) {
        let key = Bytes::from(record.partition_key.clone());
        assert_eq!(position.partition, partition_of(&key, PARTITIONS), "murmur2 of the key decides");
        let entry = Entry { offset: position.offset, key, value: record.value.clone() };
        expected.entry(position.partition).or_default().push(entry);
    }
    for partition in 0..PARTITIONS {
        let found = everything(&*log, partition).await;
        assert_order(&found);
        assert_eq!(found, expected.remove(&partition).unwrap_or_default(), "partition {partition}");
        let next = log.offsets(partition).await.unwrap().next;
        assert!(found.iter().all(|entry| entry.offset < next), "everything durable lies below next");
    }
}

/// Limits of a read hold, and one record comes even when it alone is larger.
pub async fn read_limits(form: &dyn Form) {
    let log = form.fresh(1).await;
    append(&*log, (0..50).map(|_| record("k", vec![7u8; 1_000])).collect()).await;
    let sizes =
        [(1, 10_000, 1), (7, 1 << 20, 7), (50, 5_000, 5), (50, 5_999, 5), (50, 10, 1), (0, 0, 1), (99, 1 << 20, 50)];
    for (records_max, bytes_max, expected) in sizes {
        let limits = ReadLimits { records_max, bytes_max, wait: Duration::ZERO };
        assert_eq!(log.read(0, 0, limits).await.unwrap().len(), expected, "{records_max} records, {bytes_max} bytes");
    }
    let mut from = 0;
    let mut count = 0;
    while let Some(last) = log.read(0, from, ReadLimits { records_max: 3, ..READ }).await.unwrap().last() {
        count += 3.min(50 - count);
        from = last.offset + 1;
    }
    assert_eq!((count, from), (50, log.offsets(0).await.unwrap().next), "small reads skip nothing");
}

/// Any position can be read at any time: forwards, backwards, twice.
pub async fn any_position(form: &dyn Form) {
    let log = form.fresh(1).await;
    let positions = append(&*log, numbered(0, 1, 0..500)).await;
    for from in [499usize, 0, 250, 250, 251, 10, 498, 0] {
        let found = log.read(0, positions[from].offset, ReadLimits { records_max: 400, ..READ }).await.unwrap();
        let end = (from + 400).min(500);
        // A form may give less than there is in one read, but nothing else.
        assert!(!found.is_empty(), "from {from}");
        let expected: Vec<u32> = (from..end).map(|n| u32::try_from(n).unwrap()).take(found.len()).collect();
        assert_eq!(numbers(&found), expected, "from {from}");
    }
}

/// Records of the largest size, and empty ones.
pub async fn big_records(form: &dyn Form) {
    let log = form.fresh(1).await;
    let key = "k".repeat(PARTITION_KEY_BYTES_MAX);
    let values: Vec<Bytes> = (0..12u8)
        .map(|n| Bytes::from(vec![n; if n % 3 == 0 { LOG_RECORD_BYTES_MAX } else { usize::from(n) * 50_000 }]))
        .chain([Bytes::new()])
        .collect();
    append(&*log, values.iter().map(|value| record(&key, value.clone())).collect()).await;
    let found = everything(&*log, 0).await;
    assert_eq!(found.len(), values.len());
    for (entry, value) in found.iter().zip(&values) {
        assert!(entry.value == value && entry.key == key, "record at {} of {} bytes", entry.offset, value.len());
    }
}

/// A record that breaks a limit is refused, and its whole call with it.
pub async fn limits_refuse_whole_calls(form: &dyn Form) {
    let log = form.fresh(1).await;
    let fine = record("k", "fine");
    for bad in [record("k", vec![0u8; LOG_RECORD_BYTES_MAX + 1]), record(&"k".repeat(PARTITION_KEY_BYTES_MAX + 1), "v")]
    {
        let error = log.append(vec![fine.clone(), bad]).await.unwrap_err();
        assert!(matches!(error, LogError::Refused { .. }), "{error}");
    }
    assert_eq!(log.offsets(0).await.unwrap(), Offsets { first: 0, next: 0 }, "nothing of the calls was appended");
    append(&*log, vec![fine]).await;
}

/// A partition that the log does not have is an error of configuration.
pub async fn wrong_partition(form: &dyn Form) {
    let log = form.fresh(2).await;
    let errors = [
        log.read(2, 0, READ).await.unwrap_err(),
        log.offsets(2).await.unwrap_err(),
        log.trim(u32::MAX, 1).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, LogError::Corrupt { .. }), "{error}");
    }
}
