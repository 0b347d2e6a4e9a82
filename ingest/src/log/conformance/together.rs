//! The part of the suite where several act on one log, or one comes back to it: waiting, trimming, appending at once,
//! opening again.
//!
//! Guarantee and failure: as the suite's.

use super::{Form, PARTITIONS, READ, append, everything, numbered, numbers, record};
use crate::log::{LogError, Offsets, Position, ReadLimits};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A read waits for the first record and no longer than told; records of this handle and of others wake it.
pub async fn waiting(form: &dyn Form) {
    let log = form.fresh(1).await;
    let other = form.again(&log).await;
    let wait = Duration::from_millis(300);
    let started = Instant::now();
    assert_eq!(log.read(0, 0, ReadLimits { wait, ..READ }).await.unwrap(), Vec::new());
    assert!(started.elapsed() >= wait, "an empty answer comes when the time is over");
    for (appender, from) in [(&log, 0), (&other, 1)] {
        let long = ReadLimits { wait: Duration::from_secs(60), ..READ };
        let started = Instant::now();
        let appending = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            append(&**appender, vec![record("k", "v")]).await
        };
        let (found, positions) = tokio::join!(log.read(0, from, long), appending);
        assert_eq!(found.unwrap().first().map(|entry| entry.offset), positions.first().map(|p| p.offset));
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
    assert_eq!(log.read(1, 0, ReadLimits { records_max: 1, ..READ }).await.unwrap().len(), 1);
    log.trim(1, 1_500).await.unwrap();
    log.trim(1, 700).await.unwrap();
    assert_eq!(log.offsets(1).await.unwrap(), Offsets { first: 1_500, next: 2_000 });
    assert_eq!(log.offsets(2).await.unwrap(), Offsets { first: 0, next: 2_000 }, "only that partition");
    for from in [0, 1_499] {
        let error = log.read(1, from, READ).await.unwrap_err();
        assert!(matches!(error, LogError::Truncated { partition: 1, first: 1_500, .. }), "from {from}: {error}");
    }
    assert_eq!(numbers(&log.read(1, 1_500, ReadLimits { records_max: 2, ..READ }).await.unwrap()), [1_500, 1_501]);
    // More than there is: all goes, and the next offset stays.
    log.trim(1, u64::MAX).await.unwrap();
    assert_eq!(log.offsets(1).await.unwrap(), Offsets { first: 2_000, next: 2_000 });
    assert_eq!(log.read(1, 2_000, READ).await.unwrap(), Vec::new());
    let again = form.again(&log).await;
    drop(log);
    let positions = append(&*again, numbered(1, PARTITIONS, 0..1)).await;
    assert_eq!(positions, [Position { partition: 1, offset: 2_000 }], "no offset is given twice");
}

/// A position beyond the end means that records are gone or that this is another log.
pub async fn beyond_the_end(form: &dyn Form) {
    let log = form.fresh(1).await;
    append(&*log, numbered(0, 1, 0..5)).await;
    assert_eq!(log.read(0, 5, READ).await.unwrap(), Vec::new(), "the end itself is fine");
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
        assert!(of_task.is_sorted_by(|a, b| a.offset < b.offset), "positions of task {task} grow");
        positions.extend(of_task);
    }
    positions.sort_unstable();
    let mut found = Vec::new();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for partition in 0..PARTITIONS {
        for entry in everything(&*log, partition).await {
            found.push(Position { partition, offset: entry.offset });
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
    for n in 0..60u32 {
        let limits = ReadLimits { records_max: 2_000, wait: Duration::from_secs(1), ..READ };
        // Given up after different numbers of steps: at once, or while records are on their way.
        let read = log.read(0, from, limits);
        let patience = Duration::from_micros(u64::from(n) * 123);
        if let Ok(found) = tokio::time::timeout(patience, read).await {
            let found = numbers(&found.unwrap());
            let start = u32::try_from(from).unwrap();
            assert_eq!(found, (start..start + u32::try_from(found.len()).unwrap()).collect::<Vec<_>>());
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
