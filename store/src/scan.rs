//! Reading rows of segments back, for recovery, merging and verification.
//!
//! Guarantee: yields every row of a file in file order, the asked columns only; a column that an older file lacks is
//! absent from its batches. Fails with `Corrupt` naming the file when it is not the Parquet that was written.

use crate::error::{Result, StoreError};
use crate::layout;
use crate::location::Storage;
use crate::snapshot::DataFile;
use arrow::array::{Array, ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray, new_null_array};
use arrow::datatypes::{FieldRef, SchemaRef};
use bytes::Bytes;
use object_store::path::Path;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use schemas::chain::Link;
use std::sync::Arc;

/// Rows in one batch that is read.
const BATCH_ROWS: usize = 8_192;

/// A segment's bytes, opened.
#[derive(Debug)]
pub struct OpenFile {
    /// Path within the table, for messages.
    pub path: String,
    /// The file.
    pub bytes: Bytes,
}

/// Fetches a segment whole.
///
/// # Errors
/// `NotFound` when it is gone, `Unavailable` when the storage fails.
pub async fn fetch(storage: &Storage, file: &DataFile) -> Result<OpenFile> {
    let key = Path::from(format!("{}/{}", layout::TABLE, file.path));
    let bytes = storage.get(&key).await?.ok_or_else(|| StoreError::NotFound {
        what: format!("file {}", file.path),
        detail: "the table names it but it is gone: restore it from a copy".to_owned(),
    })?;
    Ok(OpenFile { path: file.path.to_string(), bytes })
}

impl OpenFile {
    /// Batches of the top-level columns `names`; all columns when it is empty.
    ///
    /// # Errors
    /// `Corrupt` when the file cannot be read.
    pub fn batches(&self, names: &[&str]) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<>> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(self.bytes.clone()).map_err(|e| self.bad(e))?;
        let mask = if names.is_empty() {
            ProjectionMask::all()
        } else {
            let schema = builder.parquet_schema();
            let roots: Vec<usize> = schema
                .root_schema()
                .get_fields()
                .iter()
                .enumerate()
                .filter(|(_, f)| names.contains(&f.name()))
                .map(|(i, _)| i)
                .collect();
            ProjectionMask::roots(schema, roots)
        };
        let reader: ParquetRecordBatchReader =
            builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(|e| self.bad(e))?;
        let path = self.path.clone();
        Ok(reader.map(move |b| b.map_err(|e| StoreError::corrupt(format!("file {path}"), e))))
    }

    /// The chain links in the footer.
    ///
    /// # Errors
    /// `Corrupt` when the footer is not ours.
    pub fn links(&self) -> Result<Vec<Link>> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(self.bytes.clone()).map_err(|e| self.bad(e))?;
        crate::segment::links_of(&self.path, builder.metadata().file_metadata().key_value_metadata())
    }

    fn bad(&self, e: impl std::fmt::Display) -> StoreError {
        StoreError::corrupt(format!("file {}", self.path), e)
    }
}

/// A batch with the columns of `schema` in its order; what an older file lacks is null.
///
/// # Errors
/// `Corrupt` when a column has another type.
pub(crate) fn with_all_columns(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch> {
    let column = |field: &FieldRef| match batch.column_by_name(field.name()) {
        Some(array) => Arc::clone(array),
        None => new_null_array(field.data_type(), batch.num_rows()),
    };
    RecordBatch::try_new(Arc::clone(schema), schema.fields().iter().map(column).collect())
        .map_err(|e| StoreError::corrupt("columns of a segment", e))
}

/// A column of a batch as the type that the table's schema says.
///
/// # Errors
/// `Corrupt` when it is missing or of another type.
pub fn column<'a, T: Array + 'static>(batch: &'a RecordBatch, name: &str) -> Result<&'a T> {
    let array: Option<&ArrayRef> = batch.column_by_name(name);
    array.and_then(|a| a.as_any().downcast_ref::<T>()).ok_or_else(|| {
        StoreError::corrupt(format!("column {name}"), "missing in a segment, or of another type than the format says")
    })
}

/// The non-null string at `row`.
#[must_use]
pub fn text(array: &StringArray, row: usize) -> Option<&str> {
    (!array.is_null(row)).then(|| array.value(row))
}

/// The non-null bytes at `row`.
#[must_use]
pub fn binary(array: &BinaryArray, row: usize) -> Option<&[u8]> {
    (!array.is_null(row)).then(|| array.value(row))
}

/// The non-null, non-negative integer at `row`.
#[must_use]
pub fn integer(array: &Int64Array, row: usize) -> Option<u64> {
    if array.is_null(row) { None } else { u64::try_from(array.value(row)).ok() }
}
