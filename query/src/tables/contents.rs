//! `contents`: one row per content of an event, references resolved, blobs loaded.
//!
//! Guarantee: bytes are read only when `bytes`, `text`, `salt`, `commitment` or `referred` is asked for; otherwise neither
//! they nor salts leave the files. `bytes` and `text` are view types, because a batch of them may pass the 2 GiB that `Binary`
//! can address; all other columns are as in the log. Missing contents are null and counted in the coverage.

use crate::error::Result as QueryResult;
use crate::tables::contents_exec::{BYTE_COLUMNS, ContentsExec, Shape};
use crate::tables::explode::{DESCRIBED, PARENT_COLUMNS};
use crate::tables::log_table::{ContentLeaves, LogTable, Scan, file_schema};
use crate::tables::references::References;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::datasource::TableProvider;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;
use schemas::columns::RowClass;
use std::sync::Arc;
use store::snapshot::Snapshot;

#[derive(Debug)]
struct ContentsTable {
    schema: SchemaRef,
    described: SchemaRef,
    with_bytes: LogTable,
    without_bytes: LogTable,
    references: Arc<References>,
}

/// Registers `contents`.
pub(super) fn register(context: &SessionContext, snapshot: &Snapshot) -> QueryResult<()> {
    let log = |classes: &[RowClass], leaves| LogTable::new(snapshot, classes, file_schema(leaves));
    let with_bytes = log(&[RowClass::Event], ContentLeaves::All);
    let described = described_schema(&with_bytes)?;
    let references = References {
        log: log(&[RowClass::Event, RowClass::Duplicate, RowClass::Reject], ContentLeaves::All),
        described: Arc::clone(&described),
        storage: snapshot.storage.clone(),
    };
    let table = ContentsTable {
        schema: table_schema(&described),
        described,
        with_bytes,
        without_bytes: log(&[RowClass::Event], ContentLeaves::Described),
        references: Arc::new(references),
    };
    context.register_table("contents", Arc::new(table))?;
    Ok(())
}

/// The columns that need no bytes, in the order of the table.
fn described_schema(log: &LogTable) -> QueryResult<SchemaRef> {
    let rows = log.schema();
    let parent = |own: &str| -> QueryResult<Field> {
        let name = PARENT_COLUMNS.iter().find(|(n, _)| *n == own).map_or(own, |(_, in_log)| in_log);
        Ok(rows.field_with_name(name)?.clone().with_name(own).with_nullable(true))
    };
    let mut fields = vec![parent("event_id")?, Field::new("position", DataType::Int64, true)];
    let of_content = schemas::columns::content_fields();
    fields.extend(of_content.iter().filter(|f| DESCRIBED.contains(&f.name().as_str())).map(|f| f.as_ref().clone()));
    for (own, _) in PARENT_COLUMNS.iter().skip(1) {
        fields.push(parent(own)?);
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// event_id, name, media_type, size, commitment, bytes, text, then the rest.
fn table_schema(described: &SchemaRef) -> SchemaRef {
    let first = ["event_id", "name", "media_type", "size", "commitment"];
    let named = |name: &&str| described.field_with_name(name).ok().cloned();
    let mut fields: Vec<Field> = first.iter().filter_map(named).collect();
    fields.push(Field::new("bytes", DataType::BinaryView, true));
    fields.push(Field::new("text", DataType::Utf8View, true));
    fields
        .extend(described.fields().iter().filter(|f| !first.contains(&f.name().as_str())).map(|f| f.as_ref().clone()));
    fields.push(Field::new("salt", DataType::Binary, true));
    fields.push(Field::new("referred", DataType::Boolean, true));
    Arc::new(Schema::new(fields))
}

/// Positions of the log's columns that an explosion needs.
pub(super) fn event_columns(log: &LogTable) -> Result<Vec<usize>> {
    let schema = log.schema();
    let names = PARENT_COLUMNS.iter().map(|(_, in_log)| *in_log).chain(["contents"]);
    names.map(|name| Ok(schema.index_of(name)?)).collect()
}

#[async_trait]
impl TableProvider for ContentsTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wanted: Vec<usize> = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let schema = Arc::new(self.schema.project(&wanted)?);
        let needs_bytes = schema.fields().iter().any(|f| BYTE_COLUMNS.contains(&f.name().as_str()));
        let log = if needs_bytes { &self.with_bytes } else { &self.without_bytes };
        let on_events: Vec<Expr> = filters.iter().filter_map(|f| on_events(f).transpose()).collect::<Result<_>>()?;
        let columns = event_columns(log)?;
        let scan = Scan { projection: Some(&columns), filters: &on_events, limit: None, evaluate: true };
        let input = log.plan(state, &scan)?;
        let early: Vec<Expr> = filters.iter().filter(|f| covered(f, |c| self.is_early(c))).cloned().collect();
        let filter = match conjunction(early) {
            None => None,
            Some(filter) => {
                let schema = DFSchema::try_from(Arc::clone(&self.described))?;
                Some(state.create_physical_expr(filter, &schema)?)
            }
        };
        let shape = Shape { schema, described: Arc::clone(&self.described), filter, needs_bytes };
        Ok(Arc::new(ContentsExec::new(input, shape, Arc::clone(&self.references))))
    }
}

impl ContentsTable {
    /// Whether a column can be filtered before bytes are read: a commitment is computed from them.
    fn is_early(&self, column: &str) -> bool {
        self.described.column_with_name(column).is_some() && !BYTE_COLUMNS.contains(&column)
    }
}

fn covered(filter: &Expr, known: impl Fn(&str) -> bool) -> bool {
    filter.column_refs().iter().all(|column| known(&column.name))
}

/// The filter in terms of the log's columns, if it speaks of nothing else.
fn on_events(filter: &Expr) -> Result<Option<Expr>> {
    let in_log = |own: &str| PARENT_COLUMNS.iter().find(|(name, _)| *name == own).map(|(_, in_log)| *in_log);
    if !covered(filter, |column| in_log(column).is_some()) {
        return Ok(None);
    }
    let renamed = filter.clone().transform(|expr| {
        Ok(match &expr {
            Expr::Column(column) => match in_log(&column.name) {
                Some(name) => Transformed::yes(Expr::Column(Column::from_name(name))),
                None => Transformed::no(expr),
            },
            _ => Transformed::no(expr),
        })
    })?;
    Ok(Some(renamed.data))
}
