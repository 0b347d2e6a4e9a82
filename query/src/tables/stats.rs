//! Delta's statistics of a file, as DataFusion reads them.
//!
//! Guarantee: they serve as bounds only, never as values, so that at worst a file is opened for nothing; a value of
//! another type than its column counts as unknown.

use crate::tables::log_table::partition_values;
use arrow::datatypes::{DataType, Schema};
use arrow::temporal_conversions::timestamp_ms_to_datetime;
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use object_store::ObjectMeta;
use serde_json::{Map, Value};
use std::sync::Arc;
use store::snapshot::DataFile;

/// The file with its partition values and statistics.
pub(crate) fn partitioned_file(file: &DataFile, schema: &Schema) -> PartitionedFile {
    let meta = ObjectMeta {
        location: file.path.clone(),
        // Part of the key of the metadata cache.
        last_modified: timestamp_ms_to_datetime(file.modified_ms).unwrap_or_default().and_utc(),
        size: file.size,
        e_tag: None,
        version: None,
    };
    PartitionedFile::new_from_meta(meta)
        .with_partition_values(partition_values(file.partition, file.class))
        .with_statistics(Arc::new(statistics(file.stats.as_deref(), schema)))
}

fn statistics(stats: Option<&str>, schema: &Schema) -> Statistics {
    let mut out = Statistics::new_unknown(schema);
    let parsed: Option<Map<String, Value>> = stats.and_then(|text| serde_json::from_str(text).ok());
    let Some(parsed) = parsed else { return out };
    let rows = parsed.get("numRecords").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    out.num_rows = rows.map_or(Precision::Absent, Precision::Exact);
    let of = |name: &str| parsed.get(name).and_then(Value::as_object);
    let (min, max, nulls) = (of("minValues"), of("maxValues"), of("nullCount"));
    for (field, column) in schema.fields().iter().zip(&mut out.column_statistics) {
        let bound = |side: Option<&Map<String, Value>>| {
            let value = side.and_then(|s| s.get(field.name())).and_then(|v| scalar(v, field.data_type()));
            value.map_or(Precision::Absent, Precision::Exact)
        };
        let (min_value, max_value) = (bound(min), bound(max));
        let null_count =
            nulls.and_then(|n| n.get(field.name())).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        *column = ColumnStatistics {
            // Equal bounds without nulls would be read as the value of every row, which a cut text is not.
            null_count: match null_count {
                Some(nulls) if min_value != max_value => Precision::Exact(nulls),
                _ => Precision::Absent,
            },
            min_value,
            max_value,
            ..ColumnStatistics::new_unknown()
        };
    }
    out
}

fn scalar(value: &Value, data_type: &DataType) -> Option<ScalarValue> {
    match (value, data_type) {
        (Value::Number(n), DataType::Int64) => n.as_i64().map(|n| ScalarValue::Int64(Some(n))),
        (Value::Number(n), DataType::Float64) => n.as_f64().map(|n| ScalarValue::Float64(Some(n))),
        (Value::String(s), DataType::Utf8) => Some(ScalarValue::Utf8(Some(s.clone()))),
        (Value::String(s), DataType::Timestamp(_, _)) => ScalarValue::Utf8(Some(s.clone())).cast_to(data_type).ok(),
        _ => None,
    }
}
