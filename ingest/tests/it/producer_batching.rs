//! Live sending: batches by count, bytes and age, group commit over lanes, a bounded queue.

use crate::producer_support::{Fault, FaultyLog, History, config, draft, open, open_with, spec};
use ingest::producer::batching::SendError;
use ingest::producer::{BatchingLimits, BatchingProducer, DraftError, OutboxLimits, Outcome, ProducerError};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

fn limits(age_ms: u64) -> BatchingLimits {
    BatchingLimits { age_max: Duration::from_millis(age_ms), ..BatchingLimits::default() }
}

async fn start(log: &Arc<FaultyLog>, limits: BatchingLimits) -> (tempfile::TempDir, BatchingProducer) {
    let dir = tempfile::tempdir().unwrap();
    let producer = open(&dir.path().join("state"), Arc::<FaultyLog>::clone(log), 1).await;
    let lanes = vec![spec("lane0"), spec("lane1"), spec("lane2")];
    (dir, BatchingProducer::start(producer, lanes, limits))
}

#[tokio::test]
async fn lanes_are_committed_together_when_the_first_event_is_old_enough() {
    let log = Arc::new(FaultyLog::new(&[]));
    let (_dir, batching) = start(&log, limits(60)).await;
    let begun = Instant::now();
    let sends = (0..30).map(|n| batching.send(n % 3, draft(&format!("e{n}"), "text")));
    let receipts = futures::future::join_all(sends).await;
    assert!(begun.elapsed() >= Duration::from_millis(60), "nobody filled a batch, so age decided");
    for (n, receipt) in receipts.into_iter().enumerate() {
        let receipt = receipt.unwrap();
        assert_eq!((receipt.id.as_str(), receipt.stream_index), (format!("e{n}").as_str(), n as u64 / 3));
    }
    assert_eq!(log.calls.lock().unwrap().as_slice(), [3], "three lanes, one append");
}

#[tokio::test]
async fn a_full_batch_does_not_wait() {
    for (count, text) in [(256, "x".to_owned()), (3, "x".repeat(200_000))] {
        let log = Arc::new(FaultyLog::new(&[]));
        let (_dir, batching) = start(&log, limits(60_000)).await;
        let sends = (0..count).map(|n| batching.send(1, draft(&format!("e{n}"), &format!("{n}{text}"))));
        let receipts = futures::future::join_all(sends).await;
        assert!(receipts.iter().all(Result::is_ok), "{receipts:?}");
        assert_eq!(History::read(log.as_ref()).await.ids("test/lane1").len(), count);
    }
}

#[tokio::test]
async fn a_full_queue_refuses_and_signs_nothing() {
    let log = Arc::new(FaultyLog::new(&[]));
    *log.then.lock().unwrap() = Fault::Hang;
    let few = BatchingLimits { queue_events_max: 4, ..limits(1) };
    let (_dir, batching) = start(&log, few).await;
    let four: Vec<_> = (0..4).map(|n| batching.enqueue(vec![(0, vec![draft(&n.to_string(), "text")])])).collect();
    assert!(four.iter().all(Result::is_ok));
    let refused = batching.send(0, draft("5", "text")).await;
    assert!(matches!(refused, Err(SendError::Producer(ProducerError::Busy { records: 4, .. }))), "{refused:?}");
    let lane = batching.send(3, draft("6", "text")).await;
    assert!(matches!(lane, Err(SendError::Producer(ProducerError::Stream { .. }))), "{lane:?}");
}

#[tokio::test]
async fn an_error_reaches_the_one_that_made_it_and_a_failure_all_of_them() {
    let log = Arc::new(FaultyLog::new(&[]));
    let (_dir, batching) = start(&log, limits(20)).await;
    let (good, bad) = tokio::join!(batching.send(0, draft("1", "text")), batching.send(0, draft("", "no id")));
    assert_eq!(good.unwrap().stream_index, 0);
    assert!(matches!(bad, Err(SendError::Draft(DraftError::Header(_)))), "{bad:?}");
    batching.producer().close(Duration::from_secs(1)).await;
    let (a, b) = tokio::join!(batching.send(0, draft("2", "text")), batching.send(1, draft("3", "text")));
    assert!(matches!(a, Err(SendError::Producer(ProducerError::Closed))), "{a:?}");
    assert!(matches!(b, Err(SendError::Producer(ProducerError::Closed))), "{b:?}");
}

#[tokio::test]
async fn many_calls_at_once_keep_their_order_and_their_receipts() {
    let log = Arc::new(FaultyLog::new(&[Fault::None, Fault::Busy, Fault::After, Fault::Before]));
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(&dir.path().join("state"));
    config.outbox = OutboxLimits { records_max: 100_000, bytes_max: 1 << 30 };
    let producer = open_with(config, Arc::<FaultyLog>::clone(&log), 1).await.unwrap();
    let batching = BatchingProducer::start(producer, vec![spec("lane0"), spec("lane1")], limits(5));
    let mut waiting = Vec::new();
    for n in 0..4_000 {
        let both = vec![(0, vec![draft(&format!("a{n}"), "x")]), (1, vec![draft(&format!("b{n}"), "y")])];
        waiting.push(batching.enqueue(both).unwrap());
    }
    for (n, enqueued) in waiting.into_iter().enumerate() {
        let outcomes = enqueued.wait().await.unwrap();
        for (lane, outcome) in outcomes.iter().flatten().enumerate() {
            let Outcome::Acknowledged(receipt) = outcome else { panic!("{outcome:?}") };
            assert_eq!((receipt.stream_index, &receipt.id[1..]), (n as u64, n.to_string().as_str()));
            assert_eq!(receipt.stream.as_ref(), format!("test/lane{lane}"));
        }
    }
    batching.producer().close(Duration::from_secs(1)).await;
    let history = History::read(log.as_ref()).await;
    assert_eq!(history.ids("test/lane0").len() + history.ids("test/lane1").len(), 8_000);
    assert!(log.calls.lock().unwrap().len() < 200, "appends are shared: {}", log.calls.lock().unwrap().len());
}
