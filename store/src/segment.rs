//! Segments: sorted rows as one Parquet file, with the provenance chain in its footer.
//!
//! Guarantee: rows stand in (session, leaf) order; the footer names the store's format, the links of the commits whose
//! rows it holds, and nothing that changes when files are merged but that list. Contents and personal columns carry no
//! statistics. The Delta statistics returned beside the file are those of its rows.

use crate::encode::{ROW_GROUP_ROWS, encode_file};
use crate::error::{Result, StoreError};
use crate::row::{Row, column};
use arrow::datatypes::{Schema, SchemaRef};
use base64::Engine as _;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;
use schemas::chain::Link;
use schemas::columns::file_schema;
use serde_json::json;
use std::sync::Arc;

/// Page size in bytes of the columns that hold bodies: large pages compress repeated text.
const BODY_PAGE_BYTES: usize = 1_048_576;
/// zstd level of the segments of a commit.
pub(crate) const ZSTD_LEVEL: i32 = 3;

/// zstd level of columns that are mostly hexadecimal digits of random numbers. Measured on headers: 128 bytes at level 1,
/// 146 at level 3, 134 at level 9; higher levels find short, costly matches between random digits.
const RANDOM_ZSTD_LEVEL: i32 = 1;

/// Footer key: the chain links of the rows, base64 of their bytes, in order.
pub const LINKS_KEY: &str = "hansard.links";
/// Footer key: the version of the table format.
pub const FORMAT_KEY: &str = "hansard.format";

/// Columns with no dictionary: nearly every value is different.
const UNIQUE: &[&str] = &[
    "id",
    "leaf",
    "log_offset",
    "stream_index",
    "time",
    "header",
    "checkpoint",
    "frontier",
    "bytes",
    "native_id",
    "origin",
    "span_id",
    "tool_call_id",
];
/// Columns without statistics: contents, and what may be personal.
const PRIVATE: &[&str] = &["header", "checkpoint", "frontier", "bytes", "detail", "subject", "principal", "sponsor"];

/// An encoded segment.
#[derive(Debug, Clone)]
pub struct Segment {
    /// The Parquet file.
    pub bytes: Vec<u8>,
    /// Rows in it.
    pub rows: usize,
    /// Delta statistics as JSON.
    pub stats: String,
    /// Smallest and largest leaf, where there are any.
    pub leaves: Option<(u64, u64)>,
}

/// Arrow schema of segments.
#[must_use]
pub fn schema() -> SchemaRef {
    Arc::new(file_schema())
}

/// Writer properties of segments, compressed at zstd `level`; `links` go into the footer.
///
/// # Errors
/// [`StoreError::Invalid`] for a compression level that zstd does not know.
pub fn properties(links: &[Link], level: i32) -> Result<WriterProperties> {
    let zstd = ZstdLevel::try_new(level).map_err(|e| StoreError::invalid("zstd level", e))?;
    let joined: Vec<u8> = links.iter().flat_map(|l| l.encode()).collect();
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(zstd))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_created_by("hansard".to_owned())
        .set_key_value_metadata(Some(vec![
            KeyValue::new(FORMAT_KEY.to_owned(), "1".to_owned()),
            KeyValue::new(LINKS_KEY.to_owned(), base64::prelude::BASE64_STANDARD.encode(joined)),
        ]));
    for name in UNIQUE {
        builder = builder.set_column_dictionary_enabled(ColumnPath::from(*name), false);
    }
    for name in ["leaf", "log_offset", "stream_index", "time"] {
        builder = builder.set_column_encoding(ColumnPath::from(name), Encoding::DELTA_BINARY_PACKED);
    }
    for name in ["header", "span_id"] {
        builder = builder.set_column_encoding(ColumnPath::from(name), Encoding::DELTA_LENGTH_BYTE_ARRAY);
    }
    builder = builder.set_column_encoding(ColumnPath::from("id"), Encoding::DELTA_BYTE_ARRAY);
    let fast =
        Compression::ZSTD(ZstdLevel::try_new(RANDOM_ZSTD_LEVEL).map_err(|e| StoreError::invalid("zstd level", e))?);
    for path in [ColumnPath::from("header"), nested("contents", "salt"), nested("causes", "id")] {
        builder = builder.set_column_compression(path, fast);
    }
    for name in PRIVATE {
        builder = builder.set_column_statistics_enabled(ColumnPath::from(*name), EnabledStatistics::None);
    }
    builder = builder.set_column_bloom_filter_enabled(ColumnPath::from("id"), true);
    Ok(body_columns(builder).build())
}

fn body_columns(mut builder: WriterPropertiesBuilder) -> WriterPropertiesBuilder {
    for leaf in ["name", "media_type", "size", "commitment", "salt", "bytes", "blob"] {
        let path = nested("contents", leaf);
        builder = builder.set_column_statistics_enabled(path.clone(), EnabledStatistics::None);
        if !matches!(leaf, "name" | "media_type") {
            builder = builder.set_column_dictionary_enabled(path, false);
        }
    }
    for leaf in ["id", "leaf"] {
        builder = builder.set_column_dictionary_enabled(nested("causes", leaf), false);
    }
    for path in [nested("contents", "bytes"), nested("contents", "salt"), nested("causes", "id")] {
        builder = builder.set_column_encoding(path, Encoding::DELTA_LENGTH_BYTE_ARRAY);
    }
    builder.set_data_page_size_limit(BODY_PAGE_BYTES)
}

fn nested(list: &str, leaf: &str) -> ColumnPath {
    ColumnPath::new(vec![list.to_owned(), "list".to_owned(), "element".to_owned(), leaf.to_owned()])
}

/// Encodes rows, which it sorts, as one segment.
///
/// # Errors
/// [`StoreError::Corrupt`] when the encoder refuses the rows: a bug.
pub(crate) fn encode(mut rows: Vec<&Row>, links: &[Link], committed_at_us: i64) -> Result<Segment> {
    rows.sort_by(|a, b| (a.session(), a.leaf, a.log_offset).cmp(&(b.session(), b.leaf, b.log_offset)));
    let bytes = encode_file(&schema(), properties(links, ZSTD_LEVEL)?, rows.len(), |field, range| {
        Ok(column(field, &rows[range], committed_at_us))
    })?;
    let leaves = leaf_range(&rows);
    Ok(Segment { bytes, rows: rows.len(), stats: stats(&rows, leaves, committed_at_us), leaves })
}

fn leaf_range(rows: &[&Row]) -> Option<(u64, u64)> {
    let leaves = || rows.iter().filter_map(|r| r.leaf);
    leaves().min().zip(leaves().max())
}

fn stats(rows: &[&Row], leaves: Option<(u64, u64)>, committed_at_us: i64) -> String {
    let mut min = serde_json::Map::new();
    let mut max = serde_json::Map::new();
    if let Some((low, high)) = leaves {
        min.insert("leaf".into(), low.into());
        max.insert("leaf".into(), high.into());
    }
    let times = || rows.iter().filter_map(|r| r.header()).filter_map(|h| h.time);
    if let Some((low, high)) = times().min().zip(times().max()) {
        min.insert("time".into(), low.to_rfc3339().into());
        // Delta readers may cut timestamps to milliseconds: the upper bound is rounded up.
        max.insert("time".into(), schemas::header::Time(high.0.saturating_add(999)).to_rfc3339().into());
    }
    let committed = schemas::header::Time(committed_at_us).to_rfc3339();
    min.insert("committed_at".into(), committed.clone().into());
    max.insert("committed_at".into(), schemas::header::Time(committed_at_us + 999).to_rfc3339().into());
    json!({"numRecords": rows.len(), "minValues": min, "maxValues": max, "nullCount": {}}).to_string()
}

/// Schema as Parquet readers see it, for tests and merging.
#[must_use]
pub fn arrow_schema() -> Schema {
    file_schema()
}

/// The chain links in a footer's key-value list.
///
/// # Errors
/// [`StoreError::Corrupt`] when the entry is missing or not a run of links.
pub fn links_of(file: &str, entries: Option<&Vec<KeyValue>>) -> Result<Vec<Link>> {
    let what = || format!("footer of {file}");
    let text = entries
        .and_then(|all| all.iter().find(|e| e.key == LINKS_KEY))
        .and_then(|e| e.value.as_deref())
        .ok_or_else(|| StoreError::corrupt(what(), format!("{LINKS_KEY} is missing")))?;
    let bytes = base64::prelude::BASE64_STANDARD.decode(text).map_err(|e| StoreError::corrupt(what(), e))?;
    bytes
        .chunks(schemas::chain::LINK_BYTES)
        .map(|c| Link::decode(c).map_err(|e| StoreError::corrupt(what(), e)))
        .collect()
}
