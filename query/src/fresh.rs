//! What a question sees beyond its snapshot: the rows that are verified but not committed yet.
//!
//! Guarantee: rows of the tail stand at log offsets at or after the snapshot's heads, so that none is there twice. A
//! question carries its slice with it (as an extension of its session), so that all its tables see the same.

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int32Array, ListArray, RecordBatch, StringArray, StructArray,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Int64Type, SchemaRef};
use datafusion::common::{Result, internal_datafusion_err};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use schemas::columns::{LOG_PARTITION, ROW_CLASS, RowClass};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::index::{MemoryPart, Place};
use store::snapshot::Snapshot;
use store::tail::{Stretch, Tail};
use store::text_index::RunSpan;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    stretches: Vec<Arc<Stretch>>,
}

impl Fresh {
    /// What `tail` shows beyond `snapshot`.
    pub(crate) fn of(tail: &Tail, snapshot: &Snapshot) -> Self {
        Self { stretches: tail.after(snapshot) }
    }

    /// These stretches, which continue the snapshot.
    pub(crate) fn from_stretches(stretches: Vec<Arc<Stretch>>) -> Self {
        Self { stretches }
    }

    /// Rows of a class.
    pub(crate) fn count(&self, class: RowClass) -> u64 {
        self.stretches.iter().map(|stretch| stretch.count(class) as u64).sum()
    }

    /// Log offset after the last record that is seen, by partition.
    pub(crate) fn offsets(&self) -> BTreeMap<u32, u64> {
        self.stretches.iter().map(|stretch| (stretch.partition, stretch.offset_to)).collect()
    }

    /// Leaves that are seen, by partition.
    pub(crate) fn leaves(&self) -> BTreeMap<u32, u64> {
        self.stretches.iter().map(|stretch| (stretch.partition, stretch.leaves.end)).collect()
    }

    /// Indexes of its events.
    pub(crate) fn parts(&self) -> Vec<Arc<MemoryPart>> {
        self.stretches.iter().map(|stretch| Arc::clone(&stretch.index)).collect()
    }

    /// Its event rows, with the leaves that they cover.
    pub(crate) fn texts(&self) -> Vec<(RunSpan, RecordBatch)> {
        let of = |stretch: &Arc<Stretch>| {
            let (leaf_from, leaf_to) = (stretch.leaves.start, stretch.leaves.end);
            let span = RunSpan { partition: stretch.partition, leaf_from, leaf_to };
            let events = stretch.rows.iter().find(|(class, _)| *class == RowClass::Event);
            events.map(|(_, rows)| (span, rows.clone()))
        };
        self.stretches.iter().filter_map(of).collect()
    }

    /// Its event rows at `places`, with their partitions.
    pub(crate) fn rows_at(&self, places: &[Place]) -> Result<Vec<(u32, RecordBatch)>> {
        let mut found = Vec::new();
        for stretch in &self.stretches {
            let here = |leaf: i64| u64::try_from(leaf).ok().and_then(|leaf| Place::new(stretch.partition, leaf));
            for (_, rows) in stretch.rows.iter().filter(|(class, _)| *class == RowClass::Event) {
                let Some(leaves) = rows.column_by_name("leaf").and_then(|c| c.as_primitive_opt::<Int64Type>()) else {
                    continue;
                };
                let wanted = |leaf: Option<i64>| leaf.and_then(here).is_some_and(|place| places.contains(&place));
                let keep: BooleanArray = leaves.iter().map(|leaf| Some(wanted(leaf))).collect();
                if keep.true_count() > 0 {
                    found.push((stretch.partition, filter_record_batch(rows, &keep)?));
                }
            }
        }
        Ok(found)
    }

    /// The rows of `classes` that pass `predicate`, as a scan with the columns `projection` of `schema`; `None` when
    /// there are none.
    pub(crate) fn plan(
        &self,
        schema: &SchemaRef,
        classes: &[RowClass],
        projection: Option<&Vec<usize>>,
        predicate: Option<&Arc<dyn PhysicalExpr>>,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let mut batches = Vec::new();
        for stretch in &self.stretches {
            for (class, rows) in stretch.rows.iter().filter(|(class, _)| classes.contains(class)) {
                let batch = in_table(rows, stretch.partition, *class, schema)?;
                let batch = passing(batch, predicate)?;
                if batch.num_rows() > 0 {
                    batches.push(batch);
                }
            }
        }
        if batches.is_empty() {
            return Ok(None);
        }
        let plan = MemorySourceConfig::try_new_exec(&[batches], Arc::clone(schema), projection.cloned())?;
        Ok(Some(plan))
    }
}

fn passing(batch: RecordBatch, predicate: Option<&Arc<dyn PhysicalExpr>>) -> Result<RecordBatch> {
    let Some(predicate) = predicate else { return Ok(batch) };
    let verdict = predicate.evaluate(&batch)?.into_array(batch.num_rows())?;
    let verdict: &BooleanArray =
        verdict.as_boolean_opt().ok_or_else(|| internal_datafusion_err!("a filter is not a condition"))?;
    Ok(filter_record_batch(&batch, verdict)?)
}

/// Rows of a segment with the columns of a table.
fn in_table(rows: &RecordBatch, partition: u32, class: RowClass, schema: &SchemaRef) -> Result<RecordBatch> {
    let count = rows.num_rows();
    let column = |field: &Arc<Field>| -> Result<ArrayRef> {
        match field.name().as_str() {
            LOG_PARTITION => Ok(Arc::new(Int32Array::from(vec![i32::try_from(partition).unwrap_or(i32::MAX); count]))),
            ROW_CLASS => Ok(Arc::new(StringArray::from(vec![class.as_str(); count]))),
            name => {
                let column = rows.column_by_name(name);
                let column = column.ok_or_else(|| internal_datafusion_err!("the tail has no column {name}"))?;
                if column.data_type() == field.data_type() { Ok(Arc::clone(column)) } else { narrowed(column, field) }
            }
        }
    };
    let columns = schema.fields().iter().map(column).collect::<Result<Vec<_>>>()?;
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

/// A list of structs with fewer fields in them.
fn narrowed(column: &ArrayRef, field: &Field) -> Result<ArrayRef> {
    let wrong = || internal_datafusion_err!("the tail's column {} is of another type", field.name());
    let list: &ListArray = column.as_list_opt().ok_or_else(wrong)?;
    let structs: &StructArray = list.values().as_struct_opt().ok_or_else(wrong)?;
    let DataType::List(element) = field.data_type() else { return Err(wrong()) };
    let DataType::Struct(fields) = element.data_type() else { return Err(wrong()) };
    let kept = fields.iter().map(|f| structs.column_by_name(f.name()).map(Arc::clone).ok_or_else(wrong));
    let structs = StructArray::try_new(fields.clone(), kept.collect::<Result<_>>()?, structs.nulls().cloned())?;
    let list =
        ListArray::try_new(Arc::clone(element), list.offsets().clone(), Arc::new(structs), list.nulls().cloned())?;
    Ok(Arc::new(list))
}
