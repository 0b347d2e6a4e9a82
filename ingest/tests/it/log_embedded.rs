//! The embedded log: the suite of all logs, `kill -9`, several processes, damage, old files.

use crate::log_child;
use async_trait::async_trait;
use ingest::env::Seeded;
use ingest::log::conformance::{self, Form};
use ingest::log::embedded::{EmbeddedLog, EmbeddedOptions};
use ingest::log::{Log, LogError, NewRecord, Position, ReadLimits};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const FILE: &str = "log.sqlite3";
const READ: ReadLimits = ReadLimits { records_max: 100_000, bytes_max: 64 << 20, wait: Duration::ZERO };

fn open(dir: &Path, partitions: Option<u32>, create: bool) -> Result<EmbeddedLog, LogError> {
    static SEED: AtomicU64 = AtomicU64::new(0);
    let env = Seeded::env(SEED.fetch_add(1, Ordering::Relaxed));
    EmbeddedLog::open(dir, EmbeddedOptions { partitions, create }, &*env.entropy)
}

fn record(key: &str, value: &str) -> NewRecord {
    NewRecord { partition_key: key.to_owned(), value: value.to_owned().into() }
}

#[derive(Default)]
struct Embedded {
    made: Mutex<HashMap<String, TempDir>>,
}

#[async_trait]
impl Form for Embedded {
    async fn fresh(&self, partitions: u32) -> Arc<dyn Log> {
        let dir = tempfile::tempdir().unwrap();
        let log = open(&dir.path().join("deep/log"), Some(partitions), true).unwrap();
        self.made.lock().unwrap().insert(log.id().to_owned(), dir);
        Arc::new(log)
    }

    async fn again(&self, log: &Arc<dyn Log>) -> Arc<dyn Log> {
        let dir = self.made.lock().unwrap()[log.id()].path().join("deep/log");
        Arc::new(open(&dir, None, false).unwrap())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_embedded_conforms() {
    conformance::all(&Embedded::default()).await;
}

/// Killed at 20 random moments, every acknowledged record is there, at its position, and offsets stay dense.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_embedded_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged: HashMap<Position, String> = HashMap::new();
    for round in 0..20u64 {
        let mut child = log_child::start(dir.path(), &format!("round-{round}"));
        // Of every length, from the moment of opening on.
        let moment = blake3::hash(&round.to_le_bytes()).as_bytes()[0];
        child.kill_after(Duration::from_millis(40 + u64::from(moment) * 2));
        for (position, value) in child.acknowledged() {
            assert!(acknowledged.insert(position, value).is_none(), "offset {position:?} was given twice");
        }
    }
    assert!(acknowledged.len() > 100, "the children did append: {}", acknowledged.len());
    let log = open(dir.path(), None, false).unwrap();
    let mut found = HashMap::new();
    for partition in 0..log.partitions() {
        let entries = conformance::everything(&log, partition).await;
        for (expected, entry) in entries.iter().enumerate() {
            assert_eq!(entry.offset, expected as u64, "offsets are dense");
            let value = String::from_utf8(entry.value.to_vec()).unwrap();
            found.insert(Position { partition, offset: entry.offset }, value);
        }
    }
    println!("log: 20 kills, {} acknowledged, {} found", acknowledged.len(), found.len());
    for (position, value) in &acknowledged {
        assert_eq!(found.get(position), Some(value), "acknowledged at {position:?}");
    }
}

/// Several processes append at once while this one reads: every position once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_embedded_shared_by_processes() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), Some(2), true).unwrap();
    let (mut names, mut from) = (BTreeSet::new(), [0; 2]);
    let mut children: Vec<_> = (0..3).map(|n| log_child::start(dir.path(), &format!("process-{n}"))).collect();
    let started = Instant::now();
    while (0..children.len()).any(|n| !names.contains(&format!("process-{n}"))) {
        assert!(started.elapsed() < Duration::from_secs(60), "each process gets its turn, so far: {names:?}");
        names.extend(next_names(&log, &mut from).await);
    }
    let mine = conformance::append(&log, vec![record("mine", "mine")]).await;
    let mut positions = mine;
    for child in &mut children {
        child.kill_after(Duration::ZERO);
        let acknowledged = child.acknowledged();
        assert!(!acknowledged.is_empty(), "each process got its turn");
        positions.extend(acknowledged.into_iter().map(|(position, _)| position));
    }
    let count = positions.len();
    positions.sort_unstable();
    positions.dedup();
    assert_eq!(positions.len(), count, "no offset was given twice");
    let mut found = 0;
    for partition in 0..2 {
        found += conformance::everything(&log, partition).await.len();
    }
    assert!(found >= count, "{count} acknowledged, {found} found");
}

/// Reads on in both partitions; gives the names of those who appended.
async fn next_names(log: &EmbeddedLog, from: &mut [u64; 2]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (partition, from) in (0..).zip(from) {
        let limits = ReadLimits { wait: Duration::from_millis(20), ..READ };
        for entry in log.read(partition, *from, limits).await.unwrap() {
            let value = String::from_utf8(entry.value.to_vec()).unwrap();
            names.insert(value.splitn(3, '-').take(2).collect::<Vec<_>>().join("-"));
            *from = entry.offset + 1;
        }
    }
    names
}

/// The number of partitions and the identity are fixed.
#[tokio::test]
async fn log_embedded_identity_is_fixed() {
    let dir = tempfile::tempdir().unwrap();
    let missing = open(dir.path(), None, false).unwrap_err();
    assert!(missing.to_string().contains("no such file"), "{missing}");
    let id = open(dir.path(), Some(5), true).unwrap().id().to_owned();
    let again = open(dir.path(), None, true).unwrap();
    assert_eq!((again.id(), again.partitions()), (id.as_str(), 5));
    assert!(again.durability().strong);
    let other = open(dir.path(), Some(6), true).unwrap_err();
    assert!(other.to_string().contains("5 partitions") && other.to_string().contains('6'), "{other}");
    assert!(matches!(open(dir.path(), Some(0), true), Err(LogError::Corrupt { .. })));
}

/// Many at once make the same log: there is one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_embedded_made_once() {
    let dir = tempfile::tempdir().unwrap();
    let makers: Vec<_> = (0..8)
        .map(|_| {
            let dir = dir.path().to_owned();
            tokio::task::spawn_blocking(move || open(&dir, Some(3), true).unwrap().id().to_owned())
        })
        .collect();
    let mut ids = Vec::new();
    for maker in makers {
        ids.push(maker.await.unwrap());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
}

/// Damage, another program's file and another version are told apart, and nothing is changed.
#[tokio::test]
async fn log_embedded_unfit_files() {
    let file = |bytes: &[u8]| {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), bytes).unwrap();
        dir
    };
    let foreign = file(&[]);
    let sqlite = rusqlite::Connection::open(foreign.path().join(FILE)).unwrap();
    sqlite.execute_batch("CREATE TABLE t (x); PRAGMA journal_mode = DELETE;").unwrap();
    drop(sqlite);
    let newer = tempfile::tempdir().unwrap();
    drop(open(newer.path(), Some(1), true).unwrap());
    let sqlite = rusqlite::Connection::open(newer.path().join(FILE)).unwrap();
    sqlite.pragma_update(None, "user_version", 99).unwrap();
    drop(sqlite);
    let cases = [
        (file(b"this is not a database, but long enough to be read as one"), "not a database"),
        (foreign, "another program"),
        (newer, "99 found"),
    ];
    for (dir, expected) in cases {
        let before = std::fs::read(dir.path().join(FILE)).unwrap();
        let error = open(dir.path(), None, true).unwrap_err();
        assert!(matches!(error, LogError::Corrupt { .. }) && error.to_string().contains(expected), "{error}");
        assert_eq!(std::fs::read(dir.path().join(FILE)).unwrap(), before, "the file is left as it is");
    }
}

/// Holes and overwritten pages are errors of a read, never skipped records.
#[tokio::test]
async fn log_embedded_damage_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), Some(1), true).unwrap();
    conformance::append(&log, (0..2_000).map(|n| record("k", &format!("{n:01000}"))).collect()).await;
    drop(log);
    let path = dir.path().join(FILE);
    let whole = std::fs::read(&path).unwrap();

    let sqlite = rusqlite::Connection::open(&path).unwrap();
    sqlite.execute("DELETE FROM record_0 WHERE offset = 1000", []).unwrap();
    drop(sqlite);
    let log = open(dir.path(), None, false).unwrap();
    let error = log.read(0, 990, READ).await.unwrap_err();
    assert!(error.to_string().contains("offset 1000 expected, offset 1001 found"), "{error}");
    drop(log);

    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 200_000].fill(0xa5);
    std::fs::write(&path, damaged).unwrap();
    let log = open(dir.path(), None, false).unwrap();
    let mut from = 0;
    let error = loop {
        match log.read(0, from, ReadLimits { records_max: 10, ..READ }).await {
            Ok(found) => from += found.len() as u64,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, LogError::Corrupt { .. }) && from < 2_000, "{error}");
}

/// Another process that keeps the file locked is said, and appends go on when it lets go.
#[tokio::test]
async fn log_embedded_outlasts_a_lock() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), Some(1), true).unwrap();
    conformance::append(&log, vec![record("k", "before")]).await;
    let other = rusqlite::Connection::open(dir.path().join(FILE)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = log.append(vec![record("k", "blocked")]).await.unwrap_err();
    assert!(matches!(error, LogError::Busy { .. }), "{error}");
    assert_eq!(log.read(0, 0, READ).await.unwrap().len(), 1, "readers do not mind");
    other.execute_batch("ROLLBACK").unwrap();
    let positions = conformance::append(&log, vec![record("k", "after")]).await;
    assert_eq!(positions, [Position { partition: 0, offset: 1 }]);
}

/// A queue that is full says so at once, and takes records again when it has drained.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_embedded_queue_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let log = Arc::new(open(dir.path(), Some(1), true).unwrap());
    let other = rusqlite::Connection::open(dir.path().join(FILE)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // 400 MB in calls of 1 MB, while the disk stands still: 64 MiB may wait.
    let calls: Vec<_> = (0..400)
        .map(|_| {
            let log = Arc::clone(&log);
            let value = vec![1u8; 1_000_000];
            tokio::spawn(
                async move { log.append(vec![NewRecord { partition_key: "k".into(), value: value.into() }]).await },
            )
        })
        .collect();
    let (mut taken, mut busy) = (0, 0);
    tokio::time::sleep(Duration::from_secs(1)).await;
    other.execute_batch("ROLLBACK").unwrap();
    for call in calls {
        match call.await.unwrap() {
            Ok(_) => taken += 1,
            Err(LogError::Busy { .. }) => busy += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(taken >= 60 && busy >= 300, "{taken} taken, {busy} told to come again");
    assert_eq!(log.offsets(0).await.unwrap().next, taken);
    conformance::append(&*log, vec![record("k", "after")]).await;
}

/// A log written by version 1 of the layout opens, is read and appended to.
#[tokio::test]
async fn log_embedded_opens_old_files() {
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/log_v1").join(FILE);
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(golden, dir.path().join(FILE)).unwrap();
    let log = open(dir.path(), Some(2), false).unwrap();
    assert_eq!(log.id(), "1a0d1201-6999-4476-89da-e5744d2b8c19");
    let mut found = Vec::new();
    for partition in 0..2 {
        let offsets = log.offsets(partition).await.unwrap();
        for entry in conformance::everything(&log, partition).await {
            let text = String::from_utf8(entry.value.to_vec()).unwrap();
            found.push(format!("{partition}/{} of {}..{} {text}", entry.offset, offsets.first, offsets.next));
        }
    }
    assert_eq!(found, ["0/0 of 0..2 alpha", "0/1 of 0..2 gamma", "1/1 of 1..2 delta"]);
    let positions = conformance::append(&log, vec![record("abc", "new")]).await;
    assert_eq!(positions, [Position { partition: 1, offset: 2 }]);
}

/// How the golden file was made: kept as the recipe for the next version's. Runs into a temporary folder.
#[tokio::test]
async fn log_embedded_golden_recipe() {
    let dir = std::env::var_os("HANSARD_LOG_GOLDEN").map(PathBuf::from);
    let scratch = tempfile::tempdir().unwrap();
    let dir = dir.unwrap_or_else(|| scratch.path().to_owned());
    let options = EmbeddedOptions { partitions: Some(2), create: true };
    let log = EmbeddedLog::open(&dir, options, &*Seeded::env(1).entropy).unwrap();
    let records = [("a", "alpha"), ("abc", "beta"), ("a", "gamma"), ("abc", "delta")];
    log.append(records.iter().map(|(key, value)| record(key, value)).collect()).await.unwrap();
    let trimmed = schemas::partition::partition_of(b"abc", 2);
    log.trim(trimmed, 1).await.unwrap();
    println!("id {}, partition {trimmed} trimmed", log.id());
    assert_eq!(log.offsets(trimmed).await.unwrap().first, 1);
}
