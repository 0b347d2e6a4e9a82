//! Work on the table that changes no row: merging of small segments, Delta checkpoints.
//!
//! Guarantee: a merge replaces segments by one that holds the same rows, bytes, leaf positions and chain links, in one
//! commit with `dataChange=false`; one whose inputs were merged by somebody else is fenced and leaves no trace but a
//! file that nothing names. Checkpoints only make reading faster; one that fails is made at the next interval.

use crate::clean;
use crate::commit::{Commit, Outcome, publish};
use crate::encode::encode_file;
use crate::error::{Result, StoreError};
use crate::files::{LEAF_FROM_TAG, LEAF_TO_TAG, NewFile, REGISTRY_TAG, put};
use crate::layout;
use crate::location::Storage;
use crate::options::Options;
use crate::scan;
use crate::segment::{self, Segment};
use crate::snapshot::{DataFile, Snapshot};
use crate::table::CHECKPOINT_INTERVAL;
use arrow::array::{Int64Array, RecordBatch, StringArray, UInt64Array};
use arrow::compute::concat_batches;
use deltalake_core::kernel::{Remove, Transaction};
use ingest::env::Env;
use schemas::chain::Link;
use schemas::columns::{LOG_PARTITION, ROW_CLASS, RowClass};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Most files that one merge takes.
const MERGE_FILES_MAX: usize = 64;
/// zstd level of merged segments: they are written once and read for years.
const MERGED_ZSTD_LEVEL: i32 = 9;

/// Merges one set of small segments of the `owned` partitions, if there is one worth it; gives the version that it made.
///
/// # Errors
/// When the storage fails or a segment is damaged.
pub(crate) async fn merge_small(storage: &Storage, owned: &[u32], env: &Env, options: &Options) -> Result<Option<u64>> {
    let snapshot = Snapshot::load(storage, None).await?;
    let Some(inputs) = pick(&snapshot, owned, options) else { return Ok(None) };
    let merged = merge(storage, &inputs, env).await?;
    let now_ms = env.clock.now_us() / 1_000;
    let (partition, version) = (inputs[0].partition, snapshot.version);
    let named = inputs.iter().map(|f| f.path.to_string()).collect();
    clean::note_merge(storage, named, now_ms, env.random()).await?;
    let add = put(storage, merged, now_ms, false).await?;
    let commit = Commit {
        id: Uuid::from_bytes(env.random()),
        operation: "OPTIMIZE",
        timestamp_ms: now_ms,
        transactions: vec![Transaction {
            app_id: layout::merge_app(partition),
            version: i64::try_from(version).unwrap_or(i64::MAX),
            last_updated: Some(now_ms),
        }],
        adds: vec![add],
        removes: inputs.iter().map(|f| remove(f, now_ms)).collect(),
        domains: Vec::new(),
    };
    match publish(&storage.delta_log(), snapshot.version, &commit).await? {
        Outcome::Committed(version) => Ok(Some(version)),
        Outcome::Fenced(_) => Ok(None),
    }
}

/// Small files of one partition and class: the first group that has enough of them, of one size tier.
fn pick(snapshot: &Snapshot, owned: &[u32], options: &Options) -> Option<Vec<DataFile>> {
    let mut groups: BTreeMap<(u32, RowClass, u32), Vec<&DataFile>> = BTreeMap::new();
    for file in snapshot.files.iter().filter(|f| f.size < options.merge_below_bytes && owned.contains(&f.partition)) {
        // Files of like size are merged with each other, so that each byte is written a few times only.
        let tier = (file.size / 65_536).max(1).ilog2() / 3;
        groups.entry((file.partition, file.class, tier)).or_default().push(file);
    }
    let (_, group) = groups.into_iter().find(|(_, g)| g.len() >= options.merge_files_min)?;
    let mut bytes = 0;
    let fits = |f: &&&DataFile| {
        bytes += f.size;
        bytes <= options.merge_below_bytes * 2
    };
    let picked: Vec<DataFile> = group.iter().take(MERGE_FILES_MAX).take_while(fits).map(|f| (**f).clone()).collect();
    (picked.len() >= 2).then_some(picked)
}

async fn merge(storage: &Storage, inputs: &[DataFile], env: &Env) -> Result<NewFile> {
    let mut batches = Vec::new();
    let mut links: Vec<Link> = Vec::new();
    for file in inputs {
        let open = scan::fetch(storage, file).await?;
        links.extend(open.links()?);
        batches.extend(open.batches(&[])?.collect::<Result<Vec<_>>>()?);
    }
    links.sort_by_key(|l| (l.partition, l.offset_from));
    links.dedup();
    let has_registry = inputs.iter().any(|f| f.tags.get(REGISTRY_TAG).is_none_or(|v| v != "0"));
    let segment = tokio::task::block_in_place(|| rewrite(&batches, &links, inputs))?;
    let name = format!("m-{}", hex::encode(env.random::<12>()));
    Ok(NewFile { partition: inputs[0].partition, class: inputs[0].class, name, has_registry, segment })
}

fn rewrite(batches: &[RecordBatch], links: &[Link], inputs: &[DataFile]) -> Result<Segment> {
    let bug = |e: &dyn std::fmt::Display| StoreError::corrupt("merge of segments", e);
    let schema = segment::schema();
    let whole = batches.iter().map(|b| scan::with_all_columns(&schema, b)).collect::<Result<Vec<_>>>()?;
    let all = concat_batches(&schema, &whole).map_err(|e| bug(&e))?;
    let order = UInt64Array::from(order(&all)?);
    let properties = segment::properties(links, MERGED_ZSTD_LEVEL)?;
    let bytes = encode_file(&schema, properties, order.len(), |field, range| {
        let column = all.column_by_name(field.name()).ok_or_else(|| bug(&format!("no column {}", field.name())))?;
        arrow::compute::take(column, &order.slice(range.start, range.len()), None).map_err(|e| bug(&e))
    })?;
    Ok(Segment { bytes, rows: all.num_rows(), stats: merged_stats(inputs), leaves: merged_leaves(inputs) })
}

/// Row numbers in (session, leaf, log offset) order.
fn order(all: &RecordBatch) -> Result<Vec<u64>> {
    let session = scan::column::<StringArray>(all, "session")?;
    let leaf = scan::column::<Int64Array>(all, "leaf")?;
    let offset = scan::column::<Int64Array>(all, "log_offset")?;
    let mut order: Vec<u64> = (0..all.num_rows() as u64).collect();
    order.sort_by_key(|row| {
        let row = *row as usize;
        (scan::text(session, row).unwrap_or_default(), scan::integer(leaf, row), scan::integer(offset, row))
    });
    Ok(order)
}

fn merged_leaves(inputs: &[DataFile]) -> Option<(u64, u64)> {
    let tag = |f: &DataFile, name: &str| f.tags.get(name).and_then(|v| v.parse::<u64>().ok());
    let low = inputs.iter().filter_map(|f| tag(f, LEAF_FROM_TAG)).min()?;
    let high = inputs.iter().filter_map(|f| tag(f, LEAF_TO_TAG)).max()?;
    Some((low, high.saturating_sub(1)))
}

/// Statistics of the union: a bound is kept only when every input has it.
fn merged_stats(inputs: &[DataFile]) -> String {
    let parsed: Vec<Value> =
        inputs.iter().map(|f| serde_json::from_str(f.stats.as_deref().unwrap_or("{}")).unwrap_or_default()).collect();
    let rows: u64 = inputs.iter().map(|f| f.rows).sum();
    let bound = |side: &str, smaller: bool| {
        let mut out = serde_json::Map::new();
        for column in ["leaf", "time", "committed_at"] {
            let values: Vec<&Value> = parsed.iter().filter_map(|s| s[side].get(column)).collect();
            if values.len() != parsed.len() {
                continue;
            }
            let least = values.into_iter().min_by(|a, b| if smaller { compare(a, b) } else { compare(b, a) });
            if let Some(value) = least {
                out.insert(column.to_owned(), value.clone());
            }
        }
        out
    };
    serde_json::json!({"numRecords": rows, "minValues": bound("minValues", true), "maxValues": bound("maxValues", false), "nullCount": {}}).to_string()
}

/// Numbers by size; times, all written in one form in UTC, by text.
fn compare(a: &Value, b: &Value) -> std::cmp::Ordering {
    match (a.as_u64(), b.as_u64()) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.as_str().cmp(&b.as_str()),
    }
}

fn remove(file: &DataFile, now_ms: i64) -> Remove {
    Remove {
        path: file.path.to_string(),
        data_change: false,
        deletion_timestamp: Some(now_ms),
        extended_file_metadata: Some(true),
        partition_values: Some(HashMap::from([
            (LOG_PARTITION.to_owned(), Some(file.partition.to_string())),
            (ROW_CLASS.to_owned(), Some(file.class.as_str().to_owned())),
        ])),
        size: i64::try_from(file.size).ok(),
        tags: None,
        deletion_vector: None,
        base_row_id: None,
        default_row_commit_version: None,
    }
}

/// Writes a Delta checkpoint when `version` is due for one.
pub(crate) async fn checkpoint_if_due(storage: &Storage, version: u64) {
    if version == 0 || !version.is_multiple_of(CHECKPOINT_INTERVAL) {
        return;
    }
    if let Err(e) = checkpoint(storage, version).await {
        tracing::warn!(version, "Delta checkpoint was not written: {e}");
    }
}

/// Writes a Delta checkpoint of `version`.
///
/// # Errors
/// When the table cannot be read or the checkpoint not be written.
pub async fn checkpoint(storage: &Storage, version: u64) -> Result<()> {
    let log = storage.delta_log();
    let engine = log.engine(None);
    let url = storage.table_url();
    let failed =
        |e: &dyn std::fmt::Display| StoreError::unavailable(format!("Delta checkpoint of version {version}"), e);
    let task = tokio::task::spawn_blocking(move || {
        let snapshot = delta_kernel::Snapshot::builder_for(url).at_version(version).build(engine.as_ref())?;
        snapshot.checkpoint(engine.as_ref(), None).map(|_| ())
    });
    task.await.map_err(|e| failed(&e))?.map_err(|e: delta_kernel::Error| failed(&e))
}
