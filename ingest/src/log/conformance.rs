//! The one suite that every form of the log passes: the contract of [`Log`], one function per promise.
//!
//! Guarantee: a form that passes [`all`] can stand in for any other, except for what durability survives, which each
//! form's own tests show with `kill -9`. A broken promise is a panic that names it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test suite: a broken promise ends it"
)]

use super::{Entry, Log, LogError, NewRecord, Offsets, Position, ReadLimits};
use async_trait::async_trait;
use bytes::Bytes;
use schemas::limits::{LOG_RECORD_BYTES_MAX, PARTITION_KEY_BYTES_MAX};
use schemas::partition::partition_of;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Partitions of the logs that the suite asks for.
const PARTITIONS: u32 = 3;
/// Enough for anything here.
const READ: ReadLimits = ReadLimits {
    records_max: 10_000,
    bytes_max: 64 << 20,
    wait: Duration::ZERO,
};

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
    NewRecord {
        partition_key: key.to_owned(),
        value: value.into(),
    }
}

/// A key that belongs to `partition`.
fn key_of(partition: u32, partitions: u32) -> String {
    (0..10_000)
        .map(|n| format!("key-{n}"))
        .find(|key| partition_of(key.as_bytes(), partitions) == partition)
        .unwrap()
}

fn numbered(partition: u32, partitions: u32, numbers: std::ops::Range<u32>) -> Vec<NewRecord> {
    let key = key_of(partition, partitions);
    numbers.map(|n| record(&key, n.to_be_bytes().to_vec())).collect()
}

fn numbers(entries: &[Entry]) -> Vec<u32> {
    entries
        .iter()
        .map(|entry| u32::from_be_bytes(entry.value[..].try_into().unwrap()))
        .collect()
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
    assert!(
        !log.id().is_empty() && log.id() != other.id(),
        "each log has an identity of its own: {}",
        log.id()
    );
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
    let records: Vec<_> = (0..200u32)
        .map(|n| record(&format!("stream/{}", n % 17), format!("value {n}")))
        .collect();
    let mut positions = append(&*log, records[..150].to_vec()).await;
    positions.extend(append(&*log, records[150..].to_vec()).await);
    let mut expected: BTreeMap<u32, Vec<Entry>> = BTreeMap::new();
    for (record, position) in records.iter().zip(&positions) {
        let key = Bytes::from(record.partition_key.clone());
        assert_eq!(
            position.partition,
            partition_of(&key, PARTITIONS),
            "murmur2 of the key decides"
        );
        let entry = Entry {
            offset: position.offset,
            key,
            value: record.value.clone(),
        };
        expected.entry(position.partition).or_default().push(entry);
    }
    for partition in 0..PARTITIONS {
        let found = everything(&*log, partition).await;
        assert_order(&found);
        assert_eq!(
            found,
            expected.remove(&partition).unwrap_or_default(),
            "partition {partition}"
        );
        let next = log.offsets(partition).await.unwrap().next;
        assert!(
            found.iter().all(|entry| entry.offset < next),
            "everything durable lies below next"
        );
    }
}

/// Limits of a read hold, and one record comes even when it alone is larger.
pub async fn read_limits(form: &dyn Form) {
    let log = form.fresh(1).await;
    append(&*log, (0..50).map(|_| record("k", vec![7u8; 1_000])).collect()).await;
    let sizes = [
        (1, 10_000, 1),
        (7, 1 << 20, 7),
        (50, 5_000, 5),
        (50, 5_999, 5),
        (50, 10, 1),
        (0, 0, 1),
        (99, 1 << 20, 50),
    ];
    for (records_max, bytes_max, expected) in sizes {
        let limits = ReadLimits {
            records_max,
            bytes_max,
            wait: Duration::ZERO,
        };
        assert_eq!(
            log.read(0, 0, limits).await.unwrap().len(),
            expected,
            "{records_max} records, {bytes_max} bytes"
        );
    }
    let mut from = 0;
    let mut count = 0;
    while let Some(last) = log
        .read(0, from, ReadLimits { records_max: 3, ..READ })
        .await
        .unwrap()
        .last()
    {
        count += 3.min(50 - count);
        from = last.offset + 1;
    }
    assert_eq!(
        (count, from),
        (50, log.offsets(0).await.unwrap().next),
        "small reads skip nothing"
    );
}

/// Any position can be read at any time: forwards, backwards, twice.
pub async fn any_position(form: &dyn Form) {
    let log = form.fresh(1).await;
    let positions = append(&*log, numbered(0, 1, 0..500)).await;
    for from in [499usize, 0, 250, 250, 251, 10, 498, 0] {
        let found = log
            .read(
                0,
                positions[from].offset,
                ReadLimits {
                    records_max: 400,
                    ..READ
                },
            )
            .await
            .unwrap();
        let end = (from + 400).min(500);
        // A form may give less than there is in one read, but nothing else.
        assert!(!found.is_empty(), "from {from}");
        let expected: Vec<u32> = (from..end)
            .map(|n| u32::try_from(n).unwrap())
            .take(found.len())
            .collect();
        assert_eq!(numbers(&found), expected, "from {from}");
    }
}

/// Records of the largest size, and empty ones.
pub async fn big_records(form: &dyn Form) {
    let log = form.fresh(1).await;
    let key = "k".repeat(PARTITION_KEY_BYTES_MAX);
    let values: Vec<Bytes> = (0..12u8)
        .map(|n| {
            Bytes::from(vec![
                n;
                if n % 3 == 0 {
                    LOG_RECORD_BYTES_MAX
                } else {
                    usize::from(n) * 50_000
                }
            ])
        })
        .chain([Bytes::new()])
        .collect();
    append(&*log, values.iter().map(|value| record(&key, value.clone())).collect()).await;
    let found = everything(&*log, 0).await;
    assert_eq!(found.len(), values.len());
    for (entry, value) in found.iter().zip(&values) {
        assert!(
            entry.value == value && entry.key == key,
            "record at {} of {} bytes",
            entry.offset,
            value.len()
        );
    }
}

/// A record that breaks a limit is refused, and its whole call with it.
pub async fn limits_refuse_whole_calls(form: &dyn Form) {
    let log = form.fresh(1).await;
    let fine = record("k", "fine");
    for bad in [
        record("k", vec![0u8; LOG_RECORD_BYTES_MAX + 1]),
        record(&"k".repeat(PARTITION_KEY_BYTES_MAX + 1), "v"),
    ] {
        let error = log.append(vec![fine.clone(), bad]).await.unwrap_err();
        assert!(matches!(error, LogError::Refused { .. }), "{error}");
    }
    assert_eq!(
        log.offsets(0).await.unwrap(),
        Offsets { first: 0, next: 0 },
        "nothing of the calls was appended"
    );
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

/// A read waits for the first record and no longer than told; records of this handle and of others wake it.
pub async fn waiting(form: &dyn Form) {
    let log = form.fresh(1).await;
    let other = form.again(&log).await;
    let wait = Duration::from_millis(300);
    let started = Instant::now();
    assert_eq!(log.read(0, 0, ReadLimits { wait, ..READ }).await.unwrap(), Vec::new());
    assert!(started.elapsed() >= wait, "an empty answer comes when the time is over");
    for (appender, from) in [(&log, 0), (&other, 1)] {
        let long = ReadLimits {
            wait: Duration::from_secs(60),
            ..READ
        };
        let started = Instant::now();
        let appending = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            append(&**appender, vec![record("k", "v")]).await
        };
        let (found, positions) = tokio::join!(log.read(0, from, long), appending);
        assert_eq!(
            found.unwrap().first().map(|entry| entry.offset),
            positions.first().map(|p| p.offset)
        );
        assert!(started.elapsed() < Duration::from_secs(30), "a record ends the wait");
    }
}

/// What was trimmed is reported, never skipped; offsets go on as if nothing had happened.
pub async fn truncation(form: &dyn Form) {
    let log = form.fresh(PARTITIONS).await;
    for partition in [1, 2] {
        append(&*log, numbered(partition, PARTITIONS, 0..2_000)).await;
    }
    // A reader that has looked ahead must hear of it too.
    assert_eq!(
        log.read(1, 0, ReadLimits { records_max: 1, ..READ })
            .await
            .unwrap()
            .len(),
        1
    );
    log.trim(1, 1_500).await.unwrap();
    log.trim(1, 700).await.unwrap();
    assert_eq!(
        log.offsets(1).await.unwrap(),
        Offsets {
            first: 1_500,
            next: 2_000
        }
    );
    assert_eq!(
        log.offsets(2).await.unwrap(),
        Offsets { first: 0, next: 2_000 },
        "only that partition"
    );
    for from in [0, 1_499] {
        let error = log.read(1, from, READ).await.unwrap_err();
        assert!(
            matches!(
                error,
                LogError::Truncated {
                    partition: 1,
                    first: 1_500,
                    ..
                }
            ),
            "from {from}: {error}"
        );
    }
    assert_eq!(
        numbers(&log.read(1, 1_500, ReadLimits { records_max: 2, ..READ }).await.unwrap()),
        [1_500, 1_501]
    );
    // More than there is: all goes, and the next offset stays.
    log.trim(1, u64::MAX).await.unwrap();
    assert_eq!(
        log.offsets(1).await.unwrap(),
        Offsets {
            first: 2_000,
            next: 2_000
        }
    );
    assert_eq!(log.read(1, 2_000, READ).await.unwrap(), Vec::new());
    let again = form.again(&log).await;
    drop(log);
    let positions = append(&*again, numbered(1, PARTITIONS, 0..1)).await;
    assert_eq!(
        positions,
        [Position {
            partition: 1,
            offset: 2_000
        }],
        "no offset is given twice"
    );
}

/// A position beyond the end means that records are gone or that this is another log.
pub async fn beyond_the_end(form: &dyn Form) {
    let log = form.fresh(1).await;
    append(&*log, numbered(0, 1, 0..5)).await;
    assert_eq!(
        log.read(0, 5, READ).await.unwrap(),
        Vec::new(),
        "the end itself is fine"
    );
    let error = log.read(0, 6, READ).await.unwrap_err();
    assert!(matches!(error, LogError::Corrupt { .. }), "{error}");
}

/// Many appenders at once: nothing is lost or doubled, each one's order holds.
pub async fn concurrent_appenders(form: &dyn Form) {
    const TASKS: u32 = 16;
    const CALLS: u32 = 40;
    let log = form.fresh(PARTITIONS).await;
    let mut tasks = Vec::new();
    for task in 0..TASKS {
        let log = Arc::clone(&log);
        tasks.push(tokio::spawn(async move {
            let mut positions = Vec::new();
            for call in 0..CALLS {
                let values = (0..3).map(|n| format!("{task} {}", call * 3 + n));
                let records = values.map(|value| record(&format!("task-{task}"), value)).collect();
                positions.extend(append(&*log, records).await);
            }
            positions
        }));
    }
    let mut positions = Vec::new();
    for (task, outcome) in tasks.into_iter().enumerate() {
        let of_task = outcome.await.unwrap();
        assert!(
            of_task.is_sorted_by(|a, b| a.offset < b.offset),
            "positions of task {task} grow"
        );
        positions.extend(of_task);
    }
    positions.sort_unstable();
    let mut found = Vec::new();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for partition in 0..PARTITIONS {
        for entry in everything(&*log, partition).await {
            found.push(Position {
                partition,
                offset: entry.offset,
            });
            let text = String::from_utf8(entry.value.to_vec()).unwrap();
            let (task, number) = text.split_once(' ').unwrap();
            let next = seen.entry(task.to_owned()).or_default();
            assert_eq!(number.parse::<u32>().unwrap(), *next, "order of task {task}");
            *next += 1;
        }
    }
    assert_eq!(found, positions, "every acknowledged record once, and no other");
    assert!(seen.values().all(|count| *count == CALLS * 3) && seen.len() == TASKS as usize);
}

/// Two handles of one log append and read at once.
pub async fn two_handles(form: &dyn Form) {
    let one = form.fresh(1).await;
    let two = form.again(&one).await;
    assert_eq!((one.id(), one.partitions()), (two.id(), two.partitions()));
    for n in 0..20u32 {
        let (a, b) = tokio::join!(
            append(&*one, numbered(0, 1, n * 2..n * 2 + 1)),
            append(&*two, numbered(0, 1, n * 2 + 1..n * 2 + 2))
        );
        assert_ne!(a, b, "one offset for each");
    }
    let (found, same) = (everything(&*one, 0).await, everything(&*two, 0).await);
    assert_eq!(found, same);
    let mut all = numbers(&found);
    all.sort_unstable();
    assert_eq!(all, (0..40).collect::<Vec<_>>());
}

/// What was acknowledged is there when the log is opened again.
pub async fn reopening(form: &dyn Form) {
    let log = form.fresh(2).await;
    append(&*log, numbered(0, 2, 0..10)).await;
    append(&*log, numbered(1, 2, 0..10)).await;
    let (id, before) = (log.id().to_owned(), everything(&*log, 0).await);
    let again = form.again(&log).await;
    drop(log);
    assert_eq!((again.id(), again.partitions()), (id.as_str(), 2));
    assert_eq!(everything(&*again, 0).await, before);
    let positions = append(&*again, numbered(1, 2, 10..11)).await;
    assert!(positions[0].offset >= 10, "offsets go on");
}

/// A read that its caller gives up takes nothing away from the next one.
pub async fn abandoned_reads(form: &dyn Form) {
    let log = form.fresh(1).await;
    append(&*log, numbered(0, 1, 0..5_000)).await;
    let mut from = 0;
    for n in 0..200u32 {
        let limits = ReadLimits {
            records_max: 2_000,
            wait: Duration::from_secs(1),
            ..READ
        };
        // Given up after different numbers of steps: at once, or while records are on their way.
        let read = log.read(0, from, limits);
        let patience = Duration::from_micros(u64::from(n) * 37);
        if let Ok(found) = tokio::time::timeout(patience, read).await {
            let found = numbers(&found.unwrap());
            let start = u32::try_from(from).unwrap();
            assert_eq!(
                found,
                (start..start + u32::try_from(found.len()).unwrap()).collect::<Vec<_>>()
            );
            from = (from + found.len() as u64) % 4_000;
        }
    }
    assert_eq!(everything(&*log, 0).await.len(), 5_000);
}

/// A lone process is told to compact every partition.
pub async fn assignment(form: &dyn Form) {
    let log = form.fresh(PARTITIONS).await;
    for _ in 0..100 {
        let mut assigned = log.assignment().await.unwrap();
        assigned.sort_unstable();
        if assigned == (0..PARTITIONS).collect::<Vec<_>>() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("not all partitions were assigned to the only process");
}
