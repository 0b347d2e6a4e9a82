//! What a Delta checkpoint says, which readers believe before any commit; and notes that are not there.

use crate::support::{Producer, World, draft, drafts};
use crate::verify_support::{SOURCE, assert_clean, assert_found, commit, simple, store_report, with_column};
use arrow::array::{Array, AsArray, RecordBatch, StringArray, StructArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use schemas::draft::Draft;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use store::verify::Kind;

fn log_file(world: &World, version: u64, ending: &str) -> PathBuf {
    world.dir.path().join(format!("table/_delta_log/{version:020}.{ending}"))
}

/// Writes the Delta checkpoint of a version anew with other statistics of its files.
fn edit_stats(world: &World, version: u64, edit: impl Fn(&mut Value)) {
    let path = log_file(world, version, "checkpoint.parquet");
    let bytes = Bytes::from(std::fs::read(&path).unwrap());
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
    let batches: Vec<RecordBatch> = reader.map(|batch| with_stats(&batch.unwrap(), &edit)).collect();
    let mut writer = ArrowWriter::try_new(Vec::new(), batches[0].schema(), None).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    std::fs::write(path, writer.into_inner().unwrap()).unwrap();
}

fn with_stats(batch: &RecordBatch, edit: &impl Fn(&mut Value)) -> RecordBatch {
    let adds = batch.column_by_name("add").unwrap().as_struct();
    let at = adds.column_names().iter().position(|name| *name == "stats").unwrap();
    let texts = cast(adds.column(at), &DataType::Utf8).unwrap();
    let edited = |text: &str| {
        let mut stats: Value = serde_json::from_str(text).unwrap();
        edit(&mut stats);
        stats.to_string()
    };
    let texts: StringArray = texts.as_string::<i32>().iter().map(|text| text.map(edited)).collect();
    let mut columns = adds.columns().to_vec();
    columns[at] = cast(&texts, adds.column(at).data_type()).unwrap();
    let adds = StructArray::new(adds.fields().clone(), columns, adds.nulls().cloned());
    with_column(batch, "add", Arc::new(adds))
}

/// A store whose events have times, with a checkpoint of its newest version.
async fn timed() -> (World, u64) {
    let (world, mut a) = simple(10).await;
    let timed = |i: usize| {
        let time = Some(format!("2026-03-01T10:{i:02}:00Z"));
        Draft { time, ..draft(SOURCE, &format!("timed-{i}")) }
    };
    world.append(vec![a.batch(&(0..20).map(timed).collect::<Vec<_>>())]).await;
    commit(&world).await;
    let version = world.snapshot().await.version;
    store::maintain::checkpoint(&world.storage, version).await.unwrap();
    (world, version)
}

/// Statistics that hide events from every question about their time.
fn long_ago(stats: &mut Value) {
    for side in ["minValues", "maxValues"] {
        if !stats[side]["time"].is_null() {
            stats[side]["time"] = json!("2000-01-01T00:00:00Z");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_is_written_anew_as_it_was_is_clean() {
    let (world, version) = timed().await;
    assert_clean(&store_report(&world).await);
    // The same statistics in another spelling.
    edit_stats(&world, version, |stats| stats["maxValues"]["id"] = Value::Null);
    assert_clean(&store_report(&world).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn falsified_statistics_in_a_checkpoint_beside_its_commits() {
    let (world, version) = timed().await;
    edit_stats(&world, version, long_ago);
    let found = store_report(&world).await;
    assert_found(&found, Kind::DeltaLog, &format!("checkpoint of version {version}"), "statistics");
    assert_found(&found, Kind::DeltaLog, "as readers see it", "statistics");
}

#[tokio::test(flavor = "multi_thread")]
async fn falsified_statistics_in_a_checkpoint_that_stands_alone() {
    let (world, version) = timed().await;
    for gone in 0..version {
        std::fs::remove_file(log_file(&world, gone, "json")).unwrap();
    }
    assert_clean(&store_report(&world).await);
    edit_stats(&world, version, long_ago);
    assert_found(&store_report(&world).await, Kind::File, "row_class=event", "statistics of column time");
}

/// Takes away what speaks of the trees.
fn forget_trees(world: &World) {
    for name in ["p0/checkpoint", "root/checkpoint", "root/position.json"] {
        std::fs::remove_file(world.dir.path().join("tlog").join(name)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_may_be_missing_after_the_first_commit_only() {
    let mut world = World::new(1).await;
    let a = Producer::new(10, "stream/a");
    world.register(&a, &[SOURCE]).await;
    commit(&world).await;
    assert_eq!(world.snapshot().await.version, 1);
    forget_trees(&world);
    let found = store_report(&world).await;
    assert_clean(&found);
    let warned = |place: &str| found.warnings.iter().any(|w| w.kind == Kind::Checkpoint && w.place.contains(place));
    assert!(warned("tlog/p0/checkpoint") && warned("tlog/root/checkpoint"), "{:?}", found.warnings);
    let (world, mut a) = simple(10).await;
    world.append(vec![a.batch(&drafts(SOURCE, "more", 5))]).await;
    commit(&world).await;
    assert_clean(&store_report(&world).await);
    forget_trees(&world);
    let found = store_report(&world).await;
    assert_found(&found, Kind::Checkpoint, "tlog/p0/checkpoint", "gone");
    assert_found(&found, Kind::Checkpoint, "tlog/root/checkpoint", "gone");
}
