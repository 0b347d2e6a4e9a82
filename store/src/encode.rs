//! A Parquet file out of columns that are produced run by run, all cores at work.
//!
//! Guarantee: the file is the one that a single thread would write: columns in schema order, rows in the order of the
//! runs, row groups of at most [`ROW_GROUP_ROWS`] rows. Memory: one run of one column per core, besides the encoded
//! file. Fails with `Corrupt` when a column and the schema disagree, which is a bug.

use crate::error::{Result, StoreError};
use arrow::array::ArrayRef;
use arrow::datatypes::{Field, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::SchemaDescriptor;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// Rows of a row group.
pub(crate) const ROW_GROUP_ROWS: usize = 131_072;
/// Rows that are turned into an array at once.
const RUN_ROWS: usize = 8_192;
/// Columns that take longest, begun first so that no core waits for one of them at the end.
const HEAVY: [&str; 2] = ["contents", "header"];

/// One top-level column: its field and the writers of its leaves.
type Job<'a> = (usize, &'a Field, Vec<ArrowColumnWriter>);

/// Writes `rows` rows; `column` gives the array of a field for a range of rows.
///
/// # Errors
/// `Corrupt` when the encoder refuses what `column` gives.
pub(crate) fn encode_file<F>(
    schema: &SchemaRef,
    properties: WriterProperties,
    rows: usize,
    column: F,
) -> Result<Vec<u8>>
where
    F: Fn(&Field, Range<usize>) -> Result<ArrayRef> + Sync,
{
    let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties)).map_err(bug)?;
    let (mut file, factory) = writer.into_serialized_writer().map_err(bug)?;
    let leaves = leaf_counts(file.schema_descr(), schema.fields().len());
    for (number, from) in (0..rows).step_by(ROW_GROUP_ROWS).enumerate() {
        let to = rows.min(from + ROW_GROUP_ROWS);
        let chunks = row_group(schema, &factory, number, &leaves, from..to, &column)?;
        let mut group = file.next_row_group().map_err(bug)?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut group).map_err(bug)?;
        }
        group.close().map_err(bug)?;
    }
    file.into_inner().map_err(bug)
}

/// Number of leaf columns under each top-level field.
fn leaf_counts(schema: &SchemaDescriptor, fields: usize) -> Vec<usize> {
    let mut counts = vec![0; fields];
    for leaf in 0..schema.num_columns() {
        counts[schema.get_column_root_idx(leaf)] += 1;
    }
    counts
}

fn row_group<F>(
    schema: &SchemaRef,
    factory: &ArrowRowGroupWriterFactory,
    number: usize,
    leaves: &[usize],
    rows: Range<usize>,
    column: &F,
) -> Result<Vec<ArrowColumnChunk>>
where
    F: Fn(&Field, Range<usize>) -> Result<ArrayRef> + Sync,
{
    let mut writers = factory.create_column_writers(number).map_err(bug)?.into_iter();
    let mut jobs: Vec<Job<'_>> = schema
        .fields()
        .iter()
        .zip(leaves)
        .enumerate()
        .map(|(place, (field, n))| (place, field.as_ref(), writers.by_ref().take(*n).collect()))
        .collect();
    jobs.sort_by_key(|(_, field, _)| !HEAVY.contains(&field.name().as_str()));
    let done = jobs.into_par_iter().with_max_len(1).map(|job| column_chunks(job, rows.clone(), column));
    let mut done = done.collect::<Result<Vec<_>>>()?;
    done.sort_by_key(|(place, _)| *place);
    Ok(done.into_iter().flat_map(|(_, chunks)| chunks).collect())
}

fn column_chunks<F>(job: Job<'_>, rows: Range<usize>, column: &F) -> Result<(usize, Vec<ArrowColumnChunk>)>
where
    F: Fn(&Field, Range<usize>) -> Result<ArrayRef> + Sync,
{
    let (place, field, mut writers) = job;
    for from in rows.clone().step_by(RUN_ROWS) {
        let array = column(field, from..rows.end.min(from + RUN_ROWS))?;
        let leaves = compute_leaves(field, &array).map_err(bug)?;
        for (leaf, writer) in leaves.iter().zip(&mut writers) {
            writer.write(leaf).map_err(bug)?;
        }
    }
    let chunks = writers.into_iter().map(|w| w.close().map_err(bug)).collect::<Result<Vec<_>>>()?;
    Ok((place, chunks))
}

fn bug(e: impl std::fmt::Display) -> StoreError {
    StoreError::corrupt("encoding of a segment", e)
}
