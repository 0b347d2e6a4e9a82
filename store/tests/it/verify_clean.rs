//! A store that nobody tampered with has no problems: whatever it holds, whatever is going on.

use crate::support::{Producer, World, drafts};
use crate::verify_support::{SOURCE, assert_clean, commit, report, rich, simple, small_commits, store_report};
use std::sync::Mutex;
use store::verify::{Kind, Step, verify};

#[tokio::test(flavor = "multi_thread")]
async fn a_store_with_one_of_everything_is_clean() {
    let world = rich().await;
    let report = report(&world).await;
    assert_clean(&report);
    assert!(report.warnings.is_empty(), "{:#?}", report.warnings);
    assert_eq!(report.tree_size, report.events, "every leaf has a row");
    assert!(report.streams >= 7 && report.signatures > 20 && report.log_records > 30, "{report:?}");
    assert_eq!(report.contents_absent, 0, "the reference finds its content");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stays_clean_after_merges_checkpoints_and_a_shorter_log() {
    let world = rich().await;
    let mut compactor = commit(&world).await;
    let mut more = Producer::new(24, "stream/more");
    more.env = ingest::env::Seeded::env(1000);
    let mut merged = 0;
    for _ in 0..12 {
        compactor.catch_up().await.unwrap();
        merged += compactor.merge_all().await.unwrap();
        world.append(vec![more.batch(&drafts(SOURCE, "unregistered", 2))]).await;
    }
    compactor.catch_up().await.unwrap();
    assert!(merged > 0);
    assert_clean(&report(&world).await);
    let version = world.snapshot().await.version;
    store::maintain::checkpoint(&world.storage, version).await.unwrap();
    world.log.trim(0, 3).await.unwrap();
    assert_clean(&report(&world).await);
    // Old commits cleaned up: only the checkpoint tells of them.
    for v in 0..version - 2 {
        std::fs::remove_file(world.dir.path().join(format!("table/_delta_log/{v:020}.json"))).unwrap();
    }
    let report = report(&world).await;
    assert_clean(&report);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_clean_while_a_compactor_commits_and_merges() {
    let (world, mut a) = simple(10).await;
    for round in 0..60 {
        world.append(vec![a.batch(&drafts(SOURCE, &format!("r{round}"), 30))]).await;
    }
    let mut compactor = world.compactor_with(small_commits()).await;
    let work = tokio::spawn(async move {
        compactor.catch_up().await.unwrap();
        compactor.merge_all().await.unwrap();
    });
    while !work.is_finished() {
        assert_clean(&report(&world).await);
    }
    work.await.unwrap();
    assert_clean(&report(&world).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_store_is_clean() {
    let world = World::new(2).await;
    assert_clean(&report(&world).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_and_not_published_is_a_warning() {
    let (world, mut a) = simple(10).await;
    world.append(vec![a.batch(&drafts(SOURCE, "more", 10))]).await;
    let mut compactor = world.compactor().await;
    world.fail_puts("tile/", false);
    let _ = tokio::time::timeout(std::time::Duration::from_millis(600), compactor.catch_up()).await;
    drop(compactor);
    world.heal();
    let found = report(&world).await;
    assert_clean(&found);
    assert!(
        found.warnings.iter().any(|w| w.kind == Kind::Checkpoint && w.detail.contains("not yet published")),
        "{:?}",
        found.warnings
    );
    commit(&world).await;
    let found = report(&world).await;
    assert_clean(&found);
    assert!(found.warnings.is_empty(), "{:?}", found.warnings);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_names_is_a_warning() {
    let (world, _) = simple(10).await;
    std::fs::write(world.dir.path().join("table/log_partition=0/row_class=event/stray.parquet"), b"litter").unwrap();
    let found = store_report(&world).await;
    assert_clean(&found);
    assert!(found.warnings.iter().any(|w| w.detail.contains("stray.parquet")), "{:?}", found.warnings);
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_told_to_the_end() {
    let world = rich().await;
    let steps = Mutex::new(Vec::new());
    let note = |step: Step| steps.lock().unwrap().push(step);
    verify(&world.storage, Some(world.log.as_ref()), &note).await.unwrap();
    let steps = steps.into_inner().unwrap();
    for phase in ["versions", "files", "trees", "blobs", "log"] {
        let last = steps.iter().rfind(|s| s.phase == phase).unwrap_or_else(|| panic!("no step of {phase}"));
        assert_eq!(last.done, last.total, "{phase}");
    }
}
