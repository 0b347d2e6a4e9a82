//! The policy in force: what breaches it becomes a finding in the commit of its event, once, whatever restarts.

use crate::support::{Producer, World, count, draft, rows};
use schemas::draft::Draft;
use serde_json::json;
use std::sync::Arc;
use store::compactor::Options;
use store::policy::Policy;

const SOURCE: &str = "urn:test:agent";

fn policed() -> Options {
    Options { policy: Some(Arc::new(Policy::default())), ..Options::default() }
}

/// A message to `n` agents; the default policy allows three.
fn message(id: &str, n: usize) -> Draft {
    let mut draft = draft(SOURCE, id);
    draft.kind = "message".to_owned();
    draft.agent = Some("planner".to_owned());
    draft.session = Some("one".to_owned());
    let recipients: Vec<String> = (0..n).map(|i| format!("worker-{i}")).collect();
    draft.attributes.insert("hansard.message.recipients".to_owned(), json!(recipients));
    draft
}

async fn world() -> (World, Producer) {
    let mut world = World::new(2).await;
    let producer = Producer::new(10, "stream/a");
    world.register(&producer, &[SOURCE]).await;
    (world, producer)
}

async fn breaches(world: &World) -> Vec<(Option<String>, Option<String>)> {
    let found = rows(&world.snapshot().await).await;
    let mut all: Vec<_> = found
        .into_iter()
        .filter(|r| r.class == "finding" && r.kind.as_deref().is_some_and(|k| k == "policy.fan_out"))
        .map(|r| (r.reason, r.kind))
        .collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breach_is_a_finding_of_the_same_commit_and_the_store_verifies() {
    let (world, mut a) = world().await;
    world.append(vec![a.batch(&[message("small", 2), message("large", 9)])]).await;
    let mut compactor = world.compactor_with(policed()).await;
    let totals = compactor.catch_up().await.unwrap();
    assert_eq!((totals.events, breaches(&world).await.len()), (3, 1));
    assert_eq!(totals.findings as usize, count(&rows(&world.snapshot().await).await, "finding"));
    let report = store::verify::verify(&world.storage, None, &store::verify::Silent).await.unwrap();
    assert!(report.is_ok(), "{:?}", report.problems);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compactor_that_starts_again_knows_what_was_and_finds_nothing_twice() {
    let (world, mut a) = world().await;
    for round in 0..4 {
        world.append(vec![a.batch(&[message(&format!("m{round}"), 9)])]).await;
        world.compactor_with(policed()).await.catch_up().await.unwrap();
    }
    assert_eq!(breaches(&world).await.len(), 4);
    // A limit that only the whole past crosses: 20 messages in one cycle.
    for round in 0..20 {
        world.append(vec![a.batch(&[message(&format!("n{round}"), 1)])]).await;
        world.compactor_with(policed()).await.catch_up().await.unwrap();
    }
    let found = rows(&world.snapshot().await).await;
    let cycle = found.iter().filter(|r| r.kind.as_deref() == Some("policy.messages_per_cycle")).count();
    assert!(cycle > 0, "{:?}", found.iter().filter_map(|r| r.kind.clone()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_policy_nothing_is_judged() {
    let (world, mut a) = world().await;
    world.append(vec![a.batch(&[message("large", 9)])]).await;
    world.compactor().await.catch_up().await.unwrap();
    assert_eq!(count(&rows(&world.snapshot().await).await, "finding"), 0);
}
