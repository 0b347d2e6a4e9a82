//! Cells that every text format can hold: binary as hex, lists and structs as JSON.
//!
//! Guarantee: values that are text, numbers, booleans or times already pass unchanged.

use crate::error::{QueryError, Result};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use std::sync::Arc;

/// `batch` with every column made flat.
pub(super) fn cells(batch: &RecordBatch) -> Result<RecordBatch> {
    let columns = batch.columns().iter().map(column).collect::<Result<Vec<_>>>()?;
    let fields: Vec<Field> = batch
        .schema()
        .fields()
        .iter()
        .zip(&columns)
        .map(|(field, column)| Field::new(field.name(), column.data_type().clone(), true))
        .collect();
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?)
}

fn column(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(match array.data_type() {
        DataType::Binary | DataType::LargeBinary | DataType::FixedSizeBinary(_) | DataType::BinaryView => {
            let bytes = arrow::compute::cast(array, &DataType::BinaryView)?;
            Arc::new(bytes.as_binary_view().iter().map(|b| b.map(hex::encode)).collect::<StringArray>())
        }
        DataType::Utf8View | DataType::LargeUtf8 => arrow::compute::cast(array, &DataType::Utf8)?,
        nested if nested.is_nested() => Arc::new(json(array)?),
        _ => Arc::clone(array),
    })
}

fn json(array: &ArrayRef) -> Result<StringArray> {
    let batch = RecordBatch::try_from_iter_with_nullable([("v", Arc::clone(array), true)])?;
    let mut writer = arrow::json::WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, arrow::json::writer::LineDelimited>(Vec::new());
    writer.write(&batch)?;
    writer.finish()?;
    let text = String::from_utf8(writer.into_inner()).map_err(QueryError::bug)?;
    // Each line is {"v":…}: what stands between is the cell.
    let cell = |(row, line): (usize, &str)| {
        let inner = line.strip_prefix("{\"v\":").and_then(|l| l.strip_suffix('}'));
        inner.filter(|_| array.is_valid(row)).map(str::to_owned)
    };
    Ok(text.lines().enumerate().map(cell).collect())
}
