//! The compactor from outside: what goes into the log, what comes out of the table.

use crate::support::{Producer, World, count, draft, drafts, rows};
use bytes::Bytes;
use schemas::draft::DraftContent;
use schemas::record::{Body, ContentPart, Form, LogRecord};
use std::collections::BTreeSet;
use std::sync::Arc;
use store::compactor::{Compactor, Options};

const SOURCE: &str = "urn:test:agent";

async fn world_with(partitions: u32, seed: u8, stream: &str) -> (World, Producer) {
    let mut world = World::new(partitions).await;
    let producer = Producer::new(seed, stream);
    world.register(&producer, &[SOURCE]).await;
    (world, producer)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_there_once_and_the_trees_are_published() {
    let (mut world, mut a) = world_with(4, 10, "stream/a").await;
    let mut b = Producer::new(11, "stream/b");
    world.register(&b, &[SOURCE]).await;
    for round in 0..5 {
        let one = a.batch(&drafts(SOURCE, &format!("a{round}"), 100));
        let two = b.batch(&drafts(SOURCE, &format!("b{round}"), 7));
        world.append(vec![one, two]).await;
    }
    let totals = world.compactor().await.catch_up().await.unwrap();
    assert_eq!(totals.events, 5 * 107 + 2);
    let snapshot = world.snapshot().await;
    let found = rows(&snapshot).await;
    assert_eq!(count(&found, "event"), 5 * 107 + 2);
    assert_eq!(found.len(), 5 * 107 + 2, "no rejects, duplicates or findings");
    assert_eq!(snapshot.tree_size(), 5 * 107 + 2);
    let leaves: BTreeSet<_> = found.iter().map(|r| (r.partition, r.leaf)).collect();
    assert_eq!(leaves.len(), found.len(), "each leaf once");
    for (partition, head) in &snapshot.heads {
        let checkpoint = world.dir.path().join(format!("tlog/p{partition}/checkpoint"));
        let note = std::fs::read_to_string(checkpoint).unwrap();
        assert!(note.contains(&format!("\n{}\n{}\n", head.tree.size(), head.tree.root().to_base64())), "{note}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compactor_that_starts_again_doubles_and_loses_nothing() {
    let (world, mut a) = world_with(2, 10, "stream/a").await;
    let mut sent = 1;
    for round in 0..6 {
        let n = 10 + round;
        world.append(vec![a.batch(&drafts(SOURCE, &format!("r{round}"), n))]).await;
        sent += n;
        world.compactor().await.catch_up().await.unwrap();
        assert_eq!(count(&rows(&world.snapshot().await).await, "event"), sent);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_compactors_on_one_log_never_both_commit() {
    let (world, mut a) = world_with(2, 10, "stream/a").await;
    let options = Options { commit_rows_max: 50, ..Options::default() };
    let mut sent = 1;
    for round in 0..20 {
        world.append(vec![a.batch(&drafts(SOURCE, &format!("r{round}"), 25))]).await;
        sent += 25;
    }
    let (mut one, mut two) = (world.compactor_with(options.clone()).await, world.compactor_with(options).await);
    let (x, y) = tokio::join!(one.catch_up(), two.catch_up());
    x.unwrap();
    y.unwrap();
    let found = rows(&world.snapshot().await).await;
    assert_eq!((count(&found, "event"), found.len()), (sent, sent));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compactor_that_slept_while_another_worked_is_fenced_and_goes_on() {
    let (world, mut a) = world_with(1, 10, "stream/a").await;
    let mut sleeper = world.compactor().await;
    world.append(vec![a.batch(&drafts(SOURCE, "x", 5))]).await;
    world.compactor().await.catch_up().await.unwrap();
    world.append(vec![a.batch(&drafts(SOURCE, "y", 5))]).await;
    sleeper.catch_up().await.unwrap();
    let found = rows(&world.snapshot().await).await;
    assert_eq!((count(&found, "event"), found.len()), (11, 11));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_does_not_lift_the_fence() {
    let (world, mut a) = world_with(1, 10, "stream/a").await;
    for round in 0..12 {
        world.append(vec![a.batch(&drafts(SOURCE, &format!("r{round}"), 5))]).await;
        world.compactor().await.catch_up().await.unwrap();
    }
    let mut sleeper = world.compactor().await;
    sleeper.catch_up().await.unwrap();
    world.append(vec![a.batch(&drafts(SOURCE, "late", 5))]).await;
    world.compactor().await.catch_up().await.unwrap();
    assert!(sleeper.merge_all().await.unwrap() > 0, "there is something to merge");
    world.append(vec![a.batch(&drafts(SOURCE, "last", 5))]).await;
    sleeper.catch_up().await.unwrap();
    let found = rows(&world.snapshot().await).await;
    assert_eq!((count(&found, "event"), found.len()), (71, 71));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_over_the_edge_of_a_gap_is_no_fork() {
    let (world, a) = world_with(1, 10, "stream/a").await;
    let events: Vec<_> = drafts(SOURCE, "e", 9).iter().map(|d| a.event(d, &|_| Form::Inline)).collect();
    let before = |n: usize| {
        let mut range = a.range.clone();
        events[..n].iter().for_each(|e| range.append(schemas::check::event_leaf(&e.header)));
        range
    };
    let batch = |from: usize, to: usize| a.record(&before(from), events[from..to].to_vec());
    world.append(vec![batch(0, 3), batch(6, 9)]).await;
    world.compactor().await.catch_up().await.unwrap();
    assert_eq!(count(&rows(&world.snapshot().await).await, "event"), 7);
    // The same history in other batches: what is missing comes together with what is known.
    world.append(vec![batch(1, 8)]).await;
    world.compactor().await.catch_up().await.unwrap();
    let found = rows(&world.snapshot().await).await;
    assert_eq!((count(&found, "event"), count(&found, "reject")), (10, 0));
    world.append(vec![batch(3, 6), batch(0, 9)]).await;
    world.compactor().await.catch_up().await.unwrap();
    assert_eq!(count(&rows(&world.snapshot().await).await, "event"), 10, "nothing twice");
    let report = store::verify::verify(&world.storage, None, &store::verify::Silent).await.unwrap();
    assert!(report.is_ok(), "{:?}", report.problems);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_put_at_any_step_loses_and_doubles_nothing() {
    for word in ["row_class=", "_delta_log", "tile/", "checkpoint", "root/position"] {
        for done in [false, true] {
            let (world, mut a) = world_with(2, 10, "stream/a").await;
            world.append(vec![a.batch(&drafts(SOURCE, "one", 300))]).await;
            let mut compactor = world.compactor().await;
            world.fail_puts(word, done);
            let task = tokio::time::timeout(std::time::Duration::from_millis(900), compactor.catch_up()).await;
            drop(task);
            drop(compactor);
            world.heal();
            world.append(vec![a.batch(&drafts(SOURCE, "two", 300))]).await;
            world.compactor().await.catch_up().await.unwrap();
            let found = rows(&world.snapshot().await).await;
            assert_eq!((count(&found, "event"), found.len()), (601, 601), "fault at {word}, done: {done}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_registered_is_kept_as_a_reject() {
    let (world, _) = world_with(1, 10, "stream/a").await;
    let mut stranger = Producer::new(50, "stream/stranger");
    world.append(vec![stranger.batch(&drafts(SOURCE, "s", 3))]).await;
    world.compactor().await.catch_up().await.unwrap();
    let found = rows(&world.snapshot().await).await;
    assert_eq!(count(&found, "event"), 1);
    let rejects: Vec<_> = found.iter().filter(|r| r.class == "reject").collect();
    assert_eq!(rejects.len(), 1);
    assert_eq!(rejects[0].reason.as_deref(), Some("unknown_key"));
    assert_eq!(rejects[0].leaf, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_the_key_may_not_speak_for_is_a_reject_with_its_leaf() {
    let (world, mut a) = world_with(1, 10, "stream/a").await;
    world.append(vec![a.batch(&[draft(SOURCE, "good"), draft("urn:test:other", "bad")])]).await;
    world.compactor().await.catch_up().await.unwrap();
    let found = rows(&world.snapshot().await).await;
    let reject = found.iter().find(|r| r.class == "reject").unwrap();
    assert_eq!((reject.reason.as_deref(), reject.leaf, reject.id.as_deref()), (Some("source"), Some(2), Some("bad")));
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_are_dropped_and_the_same_event_elsewhere_is_a_duplicate() {
    let (mut world, mut a) = world_with(1, 10, "stream/a").await;
    let mut b = Producer::new(11, "stream/b");
    world.register(&b, &[SOURCE]).await;
    let first = a.batch(&drafts(SOURCE, "x", 4));
    let again = b.batch(&drafts(SOURCE, "x", 4));
    world.append(vec![first.clone(), first, again]).await;
    world.compactor().await.catch_up().await.unwrap();
    let found = rows(&world.snapshot().await).await;
    assert_eq!((count(&found, "event"), count(&found, "duplicate"), found.len()), (6, 4, 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_repeat_is_compared_with_the_table() {
    let (world, mut a) = world_with(1, 10, "stream/a").await;
    let first = a.batch(&drafts(SOURCE, "x", 4));
    world.append(vec![first.clone()]).await;
    for round in 0..3 {
        world.append(vec![a.batch(&drafts(SOURCE, &format!("r{round}"), 2))]).await;
    }
    world.compactor().await.catch_up().await.unwrap();
    // A new compactor knows only the last checkpoint of the stream.
    world.append(vec![first]).await;
    world.compactor().await.catch_up().await.unwrap();
    let found = rows(&world.snapshot().await).await;
    assert_eq!((count(&found, "event"), found.len()), (11, 11));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_history_of_the_same_range_is_a_fork() {
    let (world, mut a) = world_with(1, 10, "stream/a").await;
    let mut twin = Producer::with_key(a.key.clone(), "stream/a", 77);
    world.append(vec![a.batch(&drafts(SOURCE, "x", 4)), twin.batch(&drafts(SOURCE, "y", 4))]).await;
    world.append(vec![a.batch(&drafts(SOURCE, "z", 1)), twin.batch(&drafts(SOURCE, "w", 9))]).await;
    world.compactor().await.catch_up().await.unwrap();
    let found = rows(&world.snapshot().await).await;
    assert_eq!(count(&found, "event"), 6);
    let forks = found.iter().filter(|r| r.class == "finding" && r.kind.as_deref() == Some("fork")).count();
    assert_eq!((forks, count(&found, "reject")), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_is_a_finding_that_a_late_arrival_closes() {
    let (world, mut a) = world_with(1, 10, "stream/a").await;
    let batches: Vec<_> = (0..3).map(|i| a.batch(&drafts(SOURCE, &format!("b{i}"), 5))).collect();
    world.append(vec![batches[0].clone(), batches[2].clone()]).await;
    world.compactor().await.catch_up().await.unwrap();
    let kinds = |found: &[crate::support::SeenRow]| -> Vec<String> {
        found.iter().filter(|r| r.class == "finding").filter_map(|r| r.kind.clone()).collect()
    };
    let found = rows(&world.snapshot().await).await;
    assert_eq!((count(&found, "event"), kinds(&found)), (11, vec!["gap".to_owned()]));
    world.append(vec![batches[1].clone()]).await;
    world.compactor().await.catch_up().await.unwrap();
    let found = rows(&world.snapshot().await).await;
    assert_eq!((count(&found, "event"), kinds(&found)), (16, vec!["gap".to_owned(), "gap_closed".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_from_another_source_is_kept_with_a_finding() {
    let mut world = World::new(1).await;
    let (mut a, mut b) = (Producer::new(10, "stream/a"), Producer::new(11, "stream/b"));
    world.register(&a, &["urn:a"]).await;
    world.register(&b, &["urn:b"]).await;
    world.append(vec![a.batch(&[draft("urn:a", "same")]), b.batch(&[draft("urn:b", "same")])]).await;
    world.compactor().await.catch_up().await.unwrap();
    let found = rows(&world.snapshot().await).await;
    let conflict = found.iter().filter(|r| r.kind.as_deref() == Some("id_conflict")).count();
    assert_eq!((count(&found, "event"), conflict), (4, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_in_parts_is_put_together_across_a_restart_and_kept_as_a_blob() {
    let (world, mut a) = world_with(1, 10, "stream/a").await;
    let body: Vec<u8> = (0..1_300_000u32).map(|i| (i % 251) as u8).collect();
    let mut big = draft(SOURCE, "big");
    big.contents = vec![DraftContent::new("body", "application/octet-stream", body.clone())];
    let record = a.batch_with(&[big], |_| Form::Parts);
    let Ok(Body::Batch(batch)) = LogRecord::parse(&record.value) else { panic!("a batch") };
    let header = schemas::header::Header::parse(&batch.events[0].header).unwrap();
    let commitment = Bytes::copy_from_slice(&header.data.contents[0].commitment.0);
    let parts: Vec<_> = body
        .chunks(schemas::limits::CONTENT_PART_BYTES)
        .enumerate()
        .map(|(i, data)| ContentPart {
            commitment: commitment.clone(),
            size: body.len() as u64,
            index: i as u32,
            count: 3,
            data: Bytes::copy_from_slice(data),
            partition_key: "stream/a".to_owned(),
        })
        .map(|p| ingest::log::NewRecord {
            partition_key: "stream/a".into(),
            value: LogRecord::encode_body(Body::Part(p)),
        })
        .collect();
    world.append(parts).await;
    world.compactor().await.catch_up().await.unwrap();
    world.append(vec![record]).await;
    world.compactor().await.catch_up().await.unwrap();
    let found = rows(&world.snapshot().await).await;
    assert_eq!((count(&found, "event"), found.len()), (2, 2), "{found:?}");
    let name = hex::encode(&commitment);
    let blob = std::fs::read(world.dir.path().join(format!("blobs/{}/{name}", &name[..2]))).unwrap();
    assert_eq!(blob, body);
}

#[tokio::test(flavor = "multi_thread")]
async fn merging_changes_neither_rows_nor_heads() {
    let (world, mut a) = world_with(1, 10, "stream/a").await;
    for round in 0..20 {
        world.append(vec![a.batch(&drafts(SOURCE, &format!("r{round}"), 5))]).await;
        world.compactor().await.catch_up().await.unwrap();
    }
    let before = world.snapshot().await;
    let mut compactor: Compactor = world.compactor().await;
    assert!(compactor.merge_all().await.unwrap() > 0);
    let after = world.snapshot().await;
    assert!(after.files.len() < before.files.len(), "{} files became {}", before.files.len(), after.files.len());
    assert_eq!(rows(&before).await, rows(&after).await);
    assert_eq!(before.heads, after.heads);
    world.append(vec![a.batch(&drafts(SOURCE, "later", 5))]).await;
    compactor.catch_up().await.unwrap();
    assert_eq!(count(&rows(&world.snapshot().await).await, "event"), 106);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_lost_records_halts_its_partition_with_a_finding() {
    let (world, mut a) = world_with(1, 10, "stream/a").await;
    for round in 0..4 {
        world.append(vec![a.batch(&drafts(SOURCE, &format!("r{round}"), 2))]).await;
    }
    world.log.trim(0, 3).await.unwrap();
    world.compactor().await.catch_up().await.unwrap();
    let found = rows(&world.snapshot().await).await;
    let halted = found.iter().filter(|r| r.kind.as_deref() == Some("log_truncated")).count();
    assert_eq!((count(&found, "event"), halted), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_another_log_is_refused() {
    let (world, _) = world_with(1, 10, "stream/a").await;
    let other = World::new(1).await;
    let other_log = Arc::new(ingest::log::memory::MemoryLog::new(3, other.env.entropy.as_ref()));
    let opened =
        Compactor::open(world.storage.clone(), other_log, world.log_key.clone(), world.env.clone(), Options::default())
            .await;
    let error = opened.unwrap_err().to_string();
    assert!(error.contains("check --log"), "{error}");
}
