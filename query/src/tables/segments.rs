//! `segments`: the files of the pinned snapshot.
//!
//! Guarantee: nothing is read from storage; a tag that a file does not carry is null.

use crate::error::Result;
use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use std::sync::Arc;
use store::snapshot::{DataFile, Snapshot};

/// Registers `segments`.
pub(super) fn register(context: &SessionContext, snapshot: &Snapshot) -> Result<()> {
    let files = &snapshot.files;
    let number = |of: fn(&DataFile) -> u64| -> ArrayRef {
        Arc::new(files.iter().map(|f| i64::try_from(of(f)).ok()).collect::<Int64Array>())
    };
    let leaf = |tag: &str| -> ArrayRef {
        Arc::new(files.iter().map(|f| f.tags.get(tag).and_then(|v| v.parse::<i64>().ok())).collect::<Int64Array>())
    };
    let modified: TimestampMicrosecondArray = files.iter().map(|f| Some(f.modified_ms.saturating_mul(1_000))).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("path", Arc::new(StringArray::from_iter_values(files.iter().map(|f| f.path.as_ref())))),
        ("log_partition", Arc::new(files.iter().map(|f| i32::try_from(f.partition).ok()).collect::<Int32Array>())),
        ("row_class", Arc::new(StringArray::from_iter_values(files.iter().map(|f| f.class.as_str())))),
        ("rows", number(|f| f.rows)),
        ("bytes", number(|f| f.size)),
        ("leaf_from", leaf("hansard.leaf_from")),
        ("leaf_to", leaf("hansard.leaf_to")),
        ("digest", Arc::new(files.iter().map(|f| f.tags.get("hansard.digest")).collect::<StringArray>())),
        ("modified", Arc::new(modified.with_timezone("UTC"))),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))?;
    context.register_table("segments", Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))?;
    Ok(())
}
