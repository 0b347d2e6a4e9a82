//! Reading of Delta checkpoint files (one Parquet file with a row per action) by code of our own.
//!
//! Guarantee: gives the live files and domains that the file says, and nothing of any other version. Fails with a text
//! that says what in the file cannot be read.

use super::actions::{AddAction, parse_add};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a checkpoint says of its version.
#[derive(Debug, Default)]
pub(super) struct CheckpointState {
    pub(super) files: BTreeMap<String, AddAction>,
    /// Configuration by domain.
    pub(super) domains: BTreeMap<String, String>,
    /// Newest version by application.
    pub(super) transactions: BTreeMap<String, i64>,
}

/// Reads a checkpoint file.
pub(super) fn read(bytes: Bytes) -> Result<CheckpointState, String> {
    let text = |e: &dyn std::fmt::Display| e.to_string();
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).and_then(|b| b.build()).map_err(|e| text(&e))?;
    let mut state = CheckpointState::default();
    for batch in reader {
        take(&batch.map_err(|e| text(&e))?, &mut state)?;
    }
    Ok(state)
}

fn take(batch: &RecordBatch, state: &mut CheckpointState) -> Result<(), String> {
    for row in 0..batch.num_rows() {
        if let Some(add) = member(batch, "add", row) {
            let add = parse_add(&add)?;
            state.files.insert(add.file.path.to_string(), add);
        }
        if let Some(domain) = member(batch, "domainMetadata", row)
            && let (Some(name), Some(configuration)) = (domain["domain"].as_str(), domain["configuration"].as_str())
            && domain["removed"].as_bool() != Some(true)
        {
            state.domains.insert(name.to_owned(), configuration.to_owned());
        }
        if let Some(txn) = member(batch, "txn", row)
            && let (Some(app), Some(version)) = (txn["appId"].as_str(), txn["version"].as_i64())
        {
            state.transactions.insert(app.to_owned(), version);
        }
    }
    Ok(())
}

fn member(batch: &RecordBatch, name: &str, row: usize) -> Option<Value> {
    let array = batch.column_by_name(name)?;
    match value(array.as_ref(), row) {
        Value::Null => None,
        found => Some(found),
    }
}

/// One cell as JSON; types that the actions which are read here do not use become null.
fn value(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).into(),
        DataType::Utf8View => array.as_string_view().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Struct(fields) => {
            let columns = array.as_struct();
            let member = |(i, f): (usize, &std::sync::Arc<arrow::datatypes::Field>)| {
                (f.name().clone(), value(columns.column(i), row))
            };
            Value::Object(fields.iter().enumerate().map(member).collect())
        }
        DataType::Map(_, _) => {
            let entries = array.as_map().value(row);
            let (keys, values) = (entries.column(0), entries.column(1));
            let pair = |i| value(keys, i).as_str().map(|k| (k.to_owned(), value(values, i)));
            Value::Object((0..entries.len()).filter_map(pair).collect::<Map<_, _>>())
        }
        _ => Value::Null,
    }
}
