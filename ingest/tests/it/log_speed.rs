//! How fast the logs are: measured and printed at any time, small by default, in full with `HANSARD_LOG_SPEED=1`.
//!
//! The small run asserts only what a loaded machine reaches as well; the figures of the full one are for people.

use crate::log_broker::{broker, connect};
use ingest::env::Seeded;
use ingest::log::embedded::{EmbeddedLog, EmbeddedOptions};
use ingest::log::{Log, NewRecord, ReadLimits, conformance};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn full() -> bool {
    std::env::var_os("HANSARD_LOG_SPEED").is_some()
}

async fn fill(log: &dyn Log, count: usize, size: usize) {
    let value = vec![0x5a; size];
    let per_call = (4_000_000 / size).clamp(1, 2_000);
    let mut left = count;
    while left > 0 {
        let n = left.min(per_call);
        let records = (0..n).map(|_| NewRecord { partition_key: "k".to_owned(), value: value.clone().into() });
        conformance::append(log, records.collect()).await;
        left -= n;
    }
}

/// Reads partition 0 to its end, as a compactor does; records per second.
async fn read_all(log: &dyn Log, expected: usize) -> f64 {
    let limits = ReadLimits { records_max: 8_192, bytes_max: 16 << 20, wait: Duration::ZERO };
    let started = Instant::now();
    let (mut from, mut count) = (0, 0);
    while count < expected {
        let found = log.read(0, from, limits).await.unwrap();
        count += found.len();
        from = found.last().map_or(from, |last| last.offset + 1);
    }
    expected as f64 / started.elapsed().as_secs_f64()
}

/// Many callers, one small record each; records per second.
async fn append_concurrently(log: &Arc<dyn Log>, callers: usize, total: usize) -> f64 {
    let started = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let log = Arc::clone(log);
            tokio::spawn(async move {
                for n in 0..total / callers {
                    let key = format!("caller-{caller}");
                    let value = format!("{n:01300}").into();
                    conformance::append(&*log, vec![NewRecord { partition_key: key, value }]).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    total as f64 / started.elapsed().as_secs_f64()
}

async fn measure(name: &str, one: &dyn Log, big: &dyn Log, many: Arc<dyn Log>) {
    let scale = if full() { 20 } else { 1 };
    let (small, large) = (10_000 * scale, 80 * scale);
    let started = Instant::now();
    fill(one, small, 1_300).await;
    let filled = small as f64 / started.elapsed().as_secs_f64();
    let read = read_all(one, small).await;
    fill(big, large, 256 * 1_024).await;
    let batches = read_all(big, large).await;
    println!("{name}: {filled:.0} records/s of 1.3 KB appended in calls of 2,000; {read:.0} records/s read");
    println!("{name}: {batches:.0} records/s of 256 KiB read = {:.0} events/s of 1 KiB", batches * 256.0);
    let mut rates = Vec::new();
    for callers in [64, 512, 2_048] {
        let rate = append_concurrently(&many, callers, callers * 4 * scale).await;
        rates.push(rate);
        println!("{name}: {rate:.0} records/s of 1.3 KB appended by {callers} callers of one each");
    }
    let started = Instant::now();
    for _ in 0..50 {
        conformance::append(&*many, vec![NewRecord { partition_key: "k".to_owned(), value: "v".into() }]).await;
    }
    println!("{name}: {:.2} ms for a lone append", started.elapsed().as_secs_f64() * 20.0);
    assert!(read > 10_000.0 && batches > 50.0 && rates.iter().all(|rate| *rate > 200.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_speed_embedded() {
    let dir = tempfile::tempdir().unwrap();
    let open = |name: &str, partitions| {
        let options = EmbeddedOptions { partitions: Some(partitions), create: true };
        EmbeddedLog::open(&dir.path().join(name), options, &*Seeded::env(7).entropy).unwrap()
    };
    measure("embedded", &open("one", 1), &open("big", 1), Arc::new(open("many", 4))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_speed_kafka() {
    let guard = broker().read().await;
    let Some(broker) = &*guard else { return };
    let (one, big) = (connect(&broker.topic(1).await).await, connect(&broker.topic(1).await).await);
    measure("kafka", &one, &big, Arc::new(connect(&broker.topic(4).await).await)).await;
}
