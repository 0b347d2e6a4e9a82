//! The SQL tables: what stands in the store, under names and columns that people and tools build on.
//!
//! Guarantee: every column of every table is documented here or in `schemas::columns`, and `columns` lists them in
//! SQL; registering fails with `Bug` when a table and its documentation disagree. Columns are only ever added.

mod catalog;
mod contents;
mod contents_exec;
mod explode;
pub(crate) mod lineage_functions;
pub(crate) mod log_table;
mod references;
mod segments;
mod stats;
mod views;

pub(crate) use views::EVENT_COLUMNS;

use crate::coverage::Coverage;
use crate::error::Result;
use arrow::datatypes::SchemaRef;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;
use serde::Serialize;
use store::snapshot::Snapshot;
use utoipa::ToSchema;

/// A table and what it holds.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TableDoc {
    /// Name in SQL.
    pub name: &'static str,
    /// What a row is.
    pub description: &'static str,
    /// Columns in order.
    pub columns: Vec<ColumnDoc>,
}

/// A column and what it holds.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ColumnDoc {
    /// Name in SQL.
    pub name: String,
    /// Arrow type.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Meaning.
    pub description: String,
}

/// Registers every table for `snapshot` and tells what they are.
pub(crate) async fn register(context: &SessionContext, snapshot: &Snapshot) -> Result<Vec<TableDoc>> {
    let mut tables = views::register(context, snapshot).await?;
    contents::register(context, snapshot)?;
    tables.insert(1, catalog::document("contents", schema_of(context, "contents").await?.as_ref())?);
    segments::register(context, snapshot)?;
    tables.push(catalog::document("segments", schema_of(context, "segments").await?.as_ref())?);
    catalog::register(context, &mut tables)?;
    Ok(tables)
}

async fn schema_of(context: &SessionContext, table: &str) -> Result<SchemaRef> {
    Ok(context.table_provider(table).await?.schema())
}

/// Adds to `coverage` the contents that scans within `plan` could not show.
pub(crate) fn count_contents(plan: &dyn ExecutionPlan, coverage: &mut Coverage) {
    if let Some(metrics) = plan.metrics() {
        let sum = |name: &str| metrics.sum_by_name(name).map_or(0, |v| v.as_usize() as u64);
        coverage.contents_missing += sum(contents_exec::MISSING);
        coverage.contents_not_loaded += sum(contents_exec::NOT_LOADED);
    }
    for child in plan.children() {
        count_contents(child.as_ref(), coverage);
    }
}
