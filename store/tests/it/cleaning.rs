//! Clean-up: what goes, what stays, and who is fenced by it.

use crate::support::{Producer, World, count, drafts, rows};
use store::clean::{Cleaned, Retention, clean};
use store::compactor::Options;
use store::snapshot::Snapshot;

const SOURCE: &str = "urn:test:agent";
/// Everything that lies there now is old at this time, in milliseconds since 1970: in the year 2100.
const LATER_MS: i64 = 4_102_444_800_000;
const NOTHING_KEPT: Retention = Retention { files_ms: 0, log_ms: 0 };

async fn small_commits(rounds: usize) -> (World, usize) {
    let mut world = World::new(1).await;
    let mut a = Producer::new(10, "stream/a");
    world.register(&a, &[SOURCE]).await;
    for round in 0..rounds {
        world.append(vec![a.batch(&drafts(SOURCE, &format!("r{round}"), 3))]).await;
        world.compactor().await.catch_up().await.unwrap();
    }
    (world, rounds * 3 + 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn merged_segments_stay_for_their_time_and_then_go() {
    let (world, events) = small_commits(12).await;
    let before = world.snapshot().await;
    let mut compactor = world.compactor().await;
    assert!(compactor.merge_all().await.unwrap() > 0);
    let kept = clean(&world.storage, LATER_MS, Retention { files_ms: LATER_MS, ..Retention::default() }).await.unwrap();
    assert_eq!(kept.files, 0, "a reader of an older version still needs them");
    assert_eq!(count(&rows(&before).await, "event"), events, "the older version can be read");
    let gone = clean(&world.storage, LATER_MS, NOTHING_KEPT).await.unwrap();
    assert!(gone.files >= 12 && gone.bytes > 0, "{gone:?}");
    let found = rows(&world.snapshot().await).await;
    assert_eq!((count(&found, "event"), found.len()), (events, events));
    assert_eq!(clean(&world.storage, LATER_MS, NOTHING_KEPT).await.unwrap(), Cleaned::default(), "once is enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_failed_commit_left_goes_when_it_is_old() {
    let (world, events) = small_commits(2).await;
    let stray = world.dir.path().join("table/log_partition=0/row_class=event/00-stray.parquet");
    std::fs::write(&stray, b"left by a commit that failed").unwrap();
    let now_ms = std::fs::metadata(&stray).unwrap().modified().unwrap();
    let now_ms = now_ms.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    assert_eq!(clean(&world.storage, now_ms + 1_000, NOTHING_KEPT).await.unwrap().files, 0, "it may be under way");
    assert_eq!(clean(&world.storage, now_ms + 3_700_000, NOTHING_KEPT).await.unwrap().files, 1);
    assert!(!stray.exists());
    assert_eq!(count(&rows(&world.snapshot().await).await, "event"), events);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_cut_at_a_checkpoint_and_nowhere_else() {
    let (world, events) = small_commits(5).await;
    assert_eq!(clean(&world.storage, LATER_MS, NOTHING_KEPT).await.unwrap().log_entries, 0, "no checkpoint stands in");
    let version = world.snapshot().await.version;
    world.compactor().await.checkpoint().await.unwrap();
    let cleaned = clean(&world.storage, LATER_MS, NOTHING_KEPT).await.unwrap();
    assert_eq!(cleaned.log_entries as u64, version, "versions 0 to {version} less the newest");
    assert_eq!(Snapshot::load(&world.storage, None).await.unwrap().version, version);
    assert_eq!(count(&rows(&world.snapshot().await).await, "event"), events);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compactor_that_slept_past_log_clean_up_never_commits_from_its_old_head() {
    let mut world = World::new(1).await;
    let mut a = Producer::new(10, "stream/a");
    world.register(&a, &[SOURCE]).await;
    world.compactor().await.catch_up().await.unwrap();
    let mut sleeper = world.compactor_with(Options { commit_rows_max: 4, ..Options::default() }).await;
    for round in 0..6 {
        world.append(vec![a.batch(&drafts(SOURCE, &format!("r{round}"), 5))]).await;
        world.compactor().await.catch_up().await.unwrap();
    }
    world.compactor().await.checkpoint().await.unwrap();
    assert!(clean(&world.storage, LATER_MS, NOTHING_KEPT).await.unwrap().log_entries > 0);
    world.append(vec![a.batch(&drafts(SOURCE, "last", 5))]).await;
    sleeper.catch_up().await.unwrap();
    let found = rows(&world.snapshot().await).await;
    assert_eq!((count(&found, "event"), found.len()), (36, 36));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_deleted_for_a_checkpoint_that_cannot_be_read() {
    let (world, _) = small_commits(3).await;
    let version = world.snapshot().await.version;
    world.compactor().await.checkpoint().await.unwrap();
    let log = world.dir.path().join("table/_delta_log");
    let path = log.join(format!("{version:020}.checkpoint.parquet"));
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(clean(&world.storage, LATER_MS, NOTHING_KEPT).await.is_err());
    assert!((0..=version).all(|v| log.join(format!("{v:020}.json")).exists()), "every commit is still there");
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(clean(&world.storage, LATER_MS, NOTHING_KEPT).await.unwrap().log_entries as u64, version);
}
