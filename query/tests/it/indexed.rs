//! Indexes give what the tables give, whether they lie in memory, beside the table, or half and half.

use crate::fixture::{Builder, Row, Store, json_rows};
use ingest::env::Seeded;
use proptest::prelude::*;
use query::Engine;
use query::lineage::{Bounds, Direction};
use schemas::columns::RowClass;
use serde_json::Value;
use std::collections::BTreeSet;
use store::index::{Built, Indexer};
use store::snapshot::Snapshot;

type Link = (String, String, String, String);

/// One event of a generated history: what it is and whom it names.
#[derive(Debug, Clone)]
struct Made {
    kind: usize,
    key: u8,
    version: Option<u8>,
    causes: Vec<u8>,
    time: Option<u8>,
    session: u8,
}

const KINDS: [&str; 12] = [
    "memory.write",
    "memory.read",
    "file.write",
    "file.read",
    "retrieval",
    "tool.call",
    "tool.result",
    "credential.issued",
    "message",
    "approval.requested",
    "approval.granted",
    "decision",
];

fn made() -> impl Strategy<Value = Made> {
    (
        0..KINDS.len(),
        0u8..3,
        prop::option::of(0u8..3),
        prop::collection::vec(0u8..40, 0..3),
        prop::option::of(0u8..20),
        0u8..3,
    )
        .prop_map(|(kind, key, version, causes, time, session)| Made { kind, key, version, causes, time, session })
}

fn row(n: usize, made: &Made) -> Row {
    let kind = KINDS[made.kind];
    let id = format!("e{n:02}");
    let mut row = Row::event(&id, kind, i64::try_from(n).unwrap()).session(&format!("s{}", made.session));
    let mut attributes = serde_json::Map::new();
    if let Some(time) = made.time {
        row = row.with("time", format!("2026-01-01T00:00:{time:02}Z"));
    }
    for cause in &made.causes {
        row = row.cause(&format!("e{cause:02}"), "used");
    }
    match kind {
        "tool.call" | "tool.result" => row = row.with("tool_call_id", format!("c{}", made.key)),
        "approval.requested" | "approval.granted" => row = row.with("approval_digest", format!("d{}", made.key)),
        "credential.issued" | "message" => row = row.with("credential", format!("k{}", made.key)),
        "decision" => row = row.with("subject", format!("loan/{}", made.key)),
        _ => {
            row = row.with("resource", format!("r{}", made.key));
            if let Some(version) = made.version {
                attributes.insert("hansard.memory.version".to_owned(), format!("v{version}").into());
            }
        }
    }
    let header = serde_json::json!({"id": id, "data": {"attributes": attributes}}).to_string();
    row.with("header", crate::fixture::hex(header.as_bytes()))
}

/// The history in four segments of two partitions.
fn store(history: &[Made]) -> Store {
    let rows: Vec<Row> = history.iter().enumerate().map(|(n, m)| row(n, m)).collect();
    let mut builder = Builder::new();
    for (n, chunk) in rows.chunks(rows.len().div_ceil(4).max(1)).enumerate() {
        builder = builder.file(n as u32 % 2, RowClass::Event, chunk.to_vec());
    }
    builder.build()
}

/// Links by the SQL tables, which no index serves.
async fn by_sql(engine: &Engine) -> BTreeSet<Link> {
    let answer = engine.sql("SELECT from_id, to_id, relation, basis FROM edges").await.unwrap();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    json_rows(&answer)
        .iter()
        .map(|row| (text(row, "from_id"), text(row, "to_id"), text(row, "relation"), text(row, "basis")))
        .collect()
}

/// The same links, asked event by event from either end.
async fn by_index(engine: &Engine, events: usize, direction: Direction) -> BTreeSet<Link> {
    let bounds = Bounds { depth_max: 1, ..Bounds::of_trace() };
    let mut links = BTreeSet::new();
    for n in 0..events {
        let trace = engine.trace(&format!("e{n:02}"), direction, bounds).await.unwrap();
        let own = trace.links.into_iter().filter(|link| match direction {
            Direction::Up => link.from == format!("e{n:02}"),
            Direction::Down => link.to == format!("e{n:02}"),
        });
        links.extend(own.map(|l| (l.from, l.to, l.relation, l.basis)));
    }
    links
}

async fn check(store: &Store, events: usize, stage: &str) {
    let engine = store.engine().await;
    let sql = by_sql(&engine).await;
    assert_eq!(by_index(&engine, events, Direction::Up).await, sql, "towards causes, {stage}");
    // A cause that the record does not hold has no event to ask from.
    let held: BTreeSet<Link> =
        sql.into_iter().filter(|(_, to, ..)| to[1..].parse::<usize>().unwrap() < events).collect();
    assert_eq!(by_index(&engine, events, Direction::Down).await, held, "towards effects, {stage}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn the_index_gives_the_links_that_the_tables_give(history in prop::collection::vec(made(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let store = store(&history);
            check(&store, history.len(), "all in memory").await;
            let storage = store.storage();
            let indexer = Indexer::new(storage.clone(), Seeded::env(7));
            let snapshot = Snapshot::load(&storage, None).await.unwrap();
            // One partition beside the table, the other in memory; then all beside it.
            let step = indexer.step(&snapshot).await.unwrap();
            prop_assert!(step != Built::Nothing && step != Built::Lost);
            check(&store, history.len(), "one partition beside the table").await;
            indexer.catch_up(&snapshot, |_| true).await.unwrap();
            prop_assert_eq!(indexer.behind(&snapshot).await.unwrap(), 0);
            prop_assert_eq!(indexer.step(&snapshot).await.unwrap(), Built::Nothing);
            check(&store, history.len(), "all beside the table").await;
            Ok(())
        })?;
    }
}

/// Segments that come one by one make many small runs, which are merged; the answers stay.
#[tokio::test(flavor = "multi_thread")]
async fn merged_runs_answer_as_before() {
    let part = |n: i64| -> Vec<Row> {
        (n * 10..n * 10 + 10)
            .map(|i| {
                let row = Row::event(&format!("e{i:02}"), "message", i).session("s");
                if i > 0 { row.cause(&format!("e{:02}", i - 1), "responds_to") } else { row }
            })
            .collect()
    };
    let mut store = Builder::new().file(0, RowClass::Event, part(0)).build();
    let storage = store.storage();
    let indexer = Indexer::new(storage.clone(), Seeded::env(7));
    let mut merged = 0;
    for n in 1..10 {
        store = store.commit(u64::try_from(n).unwrap(), 0, RowClass::Event, &part(n));
        let snapshot = Snapshot::load(&storage, None).await.unwrap();
        while let Built::Step { merged: now, .. } = indexer.step(&snapshot).await.unwrap() {
            merged += now;
        }
        let engine = store.engine().await;
        let bounds = Bounds { depth_max: 1_000, ..Bounds::of_trace() };
        let trace = engine.trace(&format!("e{:02}", n * 10 + 9), Direction::Up, bounds).await.unwrap();
        assert_eq!(trace.nodes.len() as i64, n * 10 + 10);
        assert!(trace.missing.is_empty() && trace.cut.is_none());
    }
    assert!(merged >= 12, "six plain runs, six timed runs and six objects of nodes are merged, {merged} were");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_index_is_an_error_that_says_how_to_mend_it() {
    let rows = (0..5).map(|i| Row::event(&format!("event-{i}"), "message", i)).collect();
    let store = Builder::new().file(0, RowClass::Event, rows).build();
    let storage = store.storage();
    let snapshot = Snapshot::load(&storage, None).await.unwrap();
    let indexer = Indexer::new(storage.clone(), Seeded::env(7));
    indexer.catch_up(&snapshot, |_| true).await.unwrap();
    for entry in std::fs::read_dir(store.dir.path().join("index")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "postings") {
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[3] ^= 1;
            std::fs::write(&path, bytes).unwrap();
        }
    }
    let error = store.engine().await.event("event-1").await.unwrap_err().to_string();
    assert!(error.contains("maintain --reindex"), "{error}");
    store::index::rebuild(&storage, &snapshot.identity, 0).await.unwrap();
    assert_eq!(store.engine().await.event("event-1").await.unwrap().copies, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_bytes_are_linked_by_table_and_index() {
    let long = "the same words in two places, which are long enough not to be equal by chance ".repeat(2);
    let rows = vec![
        Row::event("first-one", "tool.result", 0).says("result", "text/plain", long.as_bytes()),
        Row::event("other-one", "message", 1).says("text", "text/plain", b"short"),
        Row::event("short-too", "message", 2).says("text", "text/plain", b"short"),
        Row::event("second-one", "message", 3).says("text", "text/plain", long.as_bytes()),
    ];
    let store = Builder::new().file(0, RowClass::Event, rows).build();
    let engine = store.engine().await;
    let rows = json_rows(&engine.sql("SELECT from_id, to_id, relation, basis FROM content_edges").await.unwrap());
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((rows[0]["from_id"].as_str(), rows[0]["to_id"].as_str()), (Some("second-one"), Some("first-one")));
    let (first, second) = (engine.event("first-one").await.unwrap(), engine.event("second-one").await.unwrap());
    let links = |relations: &[query::events::Relation]| -> Vec<(String, String)> {
        relations.iter().map(|r| (r.id.clone(), r.basis.clone())).collect()
    };
    assert_eq!(links(&second.causes), [("first-one".to_owned(), "content".to_owned())]);
    assert_eq!(links(&first.effects), [("second-one".to_owned(), "content".to_owned())]);
    assert!(engine.event("short-too").await.unwrap().causes.is_empty());
    let walk = engine.trace("second-one", Direction::Up, Bounds::of_trace()).await.unwrap();
    assert_eq!(walk.nodes.len(), 1, "walks do not follow equal bytes");
}
