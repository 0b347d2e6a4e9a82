//! A producer never signs two histories: crashes at every point between the state's write, the sending and the
//! acknowledgement, and real kills.

use crate::producer_support::{Fault, FaultyLog, History, config, draft, key, open, open_with, spec};
use ingest::env::Seeded;
use ingest::log::Log;
use ingest::log::embedded::{EmbeddedLog, EmbeddedOptions};
use ingest::producer::{Outcome, Producer, ProducerError};
use schemas::draft::Draft;
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// Two streams, one of them with a content that travels as parts in the second call.
fn call(n: usize) -> Vec<(ingest::producer::StreamSpec, Vec<Draft>)> {
    let long = if n == 1 { "x".repeat(600_000) } else { format!("text of call {n}, {}", "y".repeat(300)) };
    vec![
        (spec("a"), vec![draft(&format!("a{n}.0"), &long), draft(&format!("a{n}.1"), &long)]),
        (spec("b"), vec![draft(&format!("b{n}.0"), "short")]),
    ]
}

const CALLS: usize = 3;

#[tokio::test]
async fn every_crash_point_continues_one_history() {
    use Fault::{After, Before, Busy, Half, None};
    let mut points = 0;
    for first in [None, Before, Half, After, Busy] {
        for second in [None, Before, Half, After, Busy] {
            let dir = tempfile::tempdir().unwrap();
            let state = dir.path().join("state");
            let log = FaultyLog::new(&[first, second]).with_images(&state, &dir.path().join("images"));
            let log = Arc::new(log);
            let producer = open(&state, Arc::<FaultyLog>::clone(&log), 1).await;
            let mut acknowledged = vec![(0, HashSet::new())];
            for n in 0..CALLS {
                let outcomes = producer.submit(call(n)).await.unwrap();
                log.image("acknowledged");
                let mut ids: HashSet<String> = acknowledged.last().unwrap().1.clone();
                ids.extend(outcomes.iter().flatten().map(|o| match o {
                    Outcome::Acknowledged(receipt) => receipt.id.clone(),
                    other => panic!("{other:?}"),
                }));
                acknowledged.push((log.images.lock().unwrap().len(), ids));
            }
            producer.close(Duration::from_secs(5)).await;
            log.image("closed");
            let images = log.images.lock().unwrap().clone();
            for (number, image) in images.iter().enumerate() {
                let safe = &acknowledged.iter().rev().find(|(at, _)| *at <= number + 1).unwrap().1;
                crash_at(&log, image, safe).await;
                points += 1;
            }
        }
    }
    assert!(points > 200, "{points} crash points");
}

/// Goes on from an image of the disk with the log as it was then.
async fn crash_at(log: &FaultyLog, image: &crate::producer_support::Image, safe: &HashSet<String>) {
    let log = log.replayed(image.records).await;
    // Another seed: what is sealed anew would differ, so only the outbox can repeat bytes.
    let producer = open(&image.state, Arc::<FaultyLog>::clone(&log), 2).await;
    let outcomes = producer.submit(call(CALLS)).await.unwrap();
    assert!(outcomes.iter().flatten().all(|o| matches!(o, Outcome::Acknowledged(_))), "{}", image.what);
    producer.close(Duration::from_secs(5)).await;
    let history = History::read(log.as_ref()).await;
    let ids: HashSet<String> = history.all_ids().into_iter().collect();
    assert!(safe.is_subset(&ids), "{}: an acknowledged event is gone", image.what);
    assert!(ids.contains("a3.1") && ids.contains("b3.0"));
    assert_eq!(history.all_ids().len(), ids.len(), "{}: an event was signed twice", image.what);
}

#[tokio::test]
async fn unsent_records_leave_first_and_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let down = Arc::new(FaultyLog::new(&[]));
    *down.then.lock().unwrap() = Fault::Hang;
    let producer = open(&state, Arc::<FaultyLog>::clone(&down), 1).await;
    for n in 0..3 {
        producer.stage(Arc::new(call(n)), Default::default()).await.unwrap();
    }
    drop(producer);
    let up = Arc::new(FaultyLog::new(&[Fault::After, Fault::Half]));
    let producer = open(&state, Arc::<FaultyLog>::clone(&up), 2).await;
    producer.submit(call(3)).await.unwrap();
    producer.close(Duration::from_secs(5)).await;
    let history = History::read(up.as_ref()).await;
    assert_eq!(history.ids("test/b"), ["b0.0", "b1.0", "b2.0", "b3.0"]);
    assert_eq!(history.ids("test/a").len(), 8);
    assert!(history.repeats > 0, "the log was told to lose its answers");
    // Nothing is left: a third life sends nothing.
    let again = Arc::new(FaultyLog::new(&[]));
    let producer = open(&state, Arc::<FaultyLog>::clone(&again), 3).await;
    producer.close(Duration::from_secs(1)).await;
    assert_eq!(again.appended.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_second_opener_is_told_to_stop_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let log = Arc::new(FaultyLog::new(&[]));
    let first = open(&state, Arc::<FaultyLog>::clone(&log), 1).await;
    let second = Producer::open(config(&state), key(), Arc::<FaultyLog>::clone(&log), Seeded::env(1)).await;
    let error = second.unwrap_err();
    assert!(matches!(error, ProducerError::Locked { .. }), "{error}");
    assert!(error.to_string().contains("in use by another process"), "{error}");
    // The first is not harmed.
    first.submit(call(0)).await.unwrap();
    first.close(Duration::from_secs(1)).await;
    assert!(matches!(first.submit(call(1)).await, Err(ProducerError::Closed)));
    let third = Producer::open(config(&state), key(), log, Seeded::env(1)).await.unwrap();
    third.submit(call(1)).await.unwrap();
}

#[tokio::test]
async fn a_state_file_is_pinned_to_key_log_and_tenant() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let log: Arc<dyn Log> = Arc::new(FaultyLog::new(&[]));
    let producer = open(&state, Arc::clone(&log), 1).await;
    let name = producer.stream_name("x");
    producer.close(Duration::ZERO).await;
    let other_key = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
    let other = Seeded::env(99);
    let other_log: Arc<dyn Log> = Arc::new(ingest::log::memory::MemoryLog::new(3, other.entropy.as_ref()));
    let mut other_tenant = config(&state);
    other_tenant.tenant = "u".to_owned();
    let cases = [
        ("key", config(&state), other_key, Arc::clone(&log)),
        ("log", config(&state), key(), other_log),
        ("tenant", other_tenant, key(), Arc::clone(&log)),
    ];
    for (what, config, key, log) in cases {
        let error = Producer::open(config, key, log, Seeded::env(1)).await.unwrap_err();
        assert!(matches!(&error, ProducerError::Mismatch { what: w, .. } if *w == what), "{error}");
    }
    // A lost file is replaced by one with other stream names, so that the key does not fork the old streams.
    let producer = open(&state, Arc::clone(&log), 1).await;
    assert_eq!(producer.stream_name("x"), name);
    let fresh = open(&dir.path().join("new"), log, 5).await;
    assert_ne!(fresh.stream_name("x"), name);
}

const FOLDER: &str = "HANSARD_TEST_PRODUCER_CHILD";

/// The child's work. Without the environment variable it only proves that it would not run by itself.
#[tokio::test]
async fn producer_child_submits() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        assert!(std::env::var_os("HANSARD_TEST_PRODUCER_CHILD").is_none());
        return;
    };
    let dir = std::path::Path::new(&folder);
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_nanos();
    let producer = open(&dir.join("state"), embedded(dir), u64::from(nanos)).await;
    for n in 0.. {
        let groups = vec![
            (spec("a"), vec![draft(&format!("{nanos}.{n}.a"), &"long ".repeat(n % 900))]),
            (spec("b"), vec![draft(&format!("{nanos}.{n}.b"), "short"), draft(&format!("{nanos}.{n}.c"), "short")]),
        ];
        for outcome in producer.submit(groups).await.unwrap().into_iter().flatten() {
            let Outcome::Acknowledged(receipt) = outcome else { panic!("{outcome:?}") };
            println!("ack {} {} .", receipt.id, receipt.stream_index);
        }
        std::io::stdout().flush().unwrap();
    }
}

fn embedded(dir: &std::path::Path) -> Arc<dyn Log> {
    let options = EmbeddedOptions { partitions: Some(3), create: true };
    Arc::new(EmbeddedLog::open(&dir.join("log"), options, Seeded::env(7).entropy.as_ref()).unwrap())
}

#[tokio::test]
async fn kill_9_at_random_moments_makes_no_fork_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..12_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "producer_crash::producer_child_submits", "--nocapture", "--test-threads=1"])
            .env(FOLDER, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(60 + 37 * round % 170));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
            if let Some(ack) = line.find("ack ").and_then(|at| line[at..].strip_suffix(" .")) {
                acknowledged.push(ack.split(' ').nth(1).unwrap().to_owned());
            }
        }
    }
    let log = embedded(dir.path());
    let producer = open_with(config(&dir.path().join("state")), Arc::clone(&log), 1).await.unwrap();
    producer.submit(call(0)).await.unwrap();
    producer.close(Duration::from_secs(10)).await;
    let history = History::read(log.as_ref()).await;
    let ids: HashSet<String> = history.all_ids().into_iter().collect();
    assert!(acknowledged.len() > 50, "{} acknowledged: the children did not get to work", acknowledged.len());
    assert!(acknowledged.iter().all(|id| ids.contains(id)), "an acknowledged event is gone");
    assert_eq!(ids.len(), history.all_ids().len());
}
