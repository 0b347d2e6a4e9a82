//! Answers as text and files: table, JSON, NDJSON, CSV, Parquet.
//!
//! Guarantee: only the table shortens wide cells, and says so below; every other format is whole. Binary is hex in all
//! text formats and binary in Parquet. Times are RFC 3339 in UTC. JSON is one document `{columns, rows, coverage}`;
//! Parquet carries the coverage under the footer key `hansard.coverage`; of NDJSON and CSV the caller shows the
//! coverage elsewhere. In CSV null is empty. Fails with `Unavailable` when the output cannot be written.

mod flat;
pub(crate) mod table;

pub use table::printable;

use crate::answer::{Answer, RowStream};
use crate::coverage::Coverage;
use crate::error::{QueryError, Result};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::json::writer::{JsonArray, LineDelimited, WriterBuilder};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::str::FromStr;
use table::TableWriter;
use utoipa::ToSchema;

/// How an answer is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people at a terminal; wide cells are cut.
    Table,
    /// One JSON document.
    #[default]
    Json,
    /// One JSON object per line.
    NdJson,
    /// Comma-separated, with a header line.
    Csv,
    /// A Parquet file.
    Parquet,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 5] = [Self::Table, Self::Json, Self::NdJson, Self::Csv, Self::Parquet];

    /// The name on the command line and in HTTP.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::NdJson => "ndjson",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }

    /// The media type of the output.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Table => "text/plain; charset=utf-8",
            Self::Json => "application/json",
            Self::NdJson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}

impl FromStr for Format {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self> {
        let names = Self::ALL.map(Self::as_str).join(", ");
        let found = Self::ALL.into_iter().find(|f| f.as_str() == text);
        found.ok_or_else(|| QueryError::invalid("format", format!("expected one of {names}, found {text:?}")))
    }
}

/// Writes an answer that is held.
///
/// # Errors
/// See the module.
pub fn write_answer(format: Format, answer: &Answer, out: &mut (dyn Write + Send)) -> Result<()> {
    let mut writer = RowWriter::new(format, &answer.schema, out)?;
    for batch in &answer.batches {
        writer.write(batch)?;
    }
    writer.finish(&answer.coverage)
}

/// Writes an answer as it arrives, and gives what it stands on.
///
/// # Errors
/// See the module, and whatever the query fails with.
pub async fn write_stream(format: Format, mut rows: RowStream, out: &mut (dyn Write + Send)) -> Result<Coverage> {
    let mut writer = RowWriter::new(format, &rows.schema(), out)?;
    while let Some(batch) = rows.next().await? {
        writer.write(&batch)?;
    }
    let coverage = rows.coverage();
    writer.finish(&coverage)?;
    Ok(coverage)
}

/// Writes batches in one format.
pub struct RowWriter<'w>(Kind<'w>);

type Out<'w> = &'w mut (dyn Write + Send);

enum Kind<'w> {
    Table(TableWriter<'w>),
    Json(arrow::json::Writer<Pieces<'w>, JsonArray>),
    NdJson(arrow::json::Writer<Out<'w>, LineDelimited>),
    Csv(Box<arrow::csv::Writer<Out<'w>>>),
    Parquet(Box<ArrowWriter<Out<'w>>>),
}

/// Hands JSON on, so that the document can be closed after the rows.
struct Pieces<'w>(Out<'w>);

impl Write for Pieces<'_> {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.0.write(buf)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

impl std::fmt::Debug for RowWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowWriter").finish_non_exhaustive()
    }
}

impl<'w> RowWriter<'w> {
    /// Begins an output with these columns.
    ///
    /// # Errors
    /// See the module.
    pub fn new(format: Format, schema: &SchemaRef, out: Out<'w>) -> Result<Self> {
        let json = || WriterBuilder::new().with_explicit_nulls(true);
        Ok(Self(match format {
            Format::Table => Kind::Table(TableWriter::new(schema, out)),
            Format::Json => {
                write!(out, "{{\"columns\":{},\"rows\":", columns(schema)).map_err(|e| broken(&e))?;
                Kind::Json(json().build::<_, JsonArray>(Pieces(out)))
            }
            Format::NdJson => Kind::NdJson(json().build::<_, LineDelimited>(out)),
            Format::Csv => {
                let mut writer = arrow::csv::WriterBuilder::new().with_header(true).build(out);
                // The header stands even where no row follows.
                writer.write(&flat::cells(&RecordBatch::new_empty(std::sync::Arc::clone(schema)))?)?;
                Kind::Csv(Box::new(writer))
            }
            Format::Parquet => {
                let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
                let writer = ArrowWriter::try_new(out, std::sync::Arc::clone(schema), Some(properties));
                Kind::Parquet(Box::new(writer.map_err(|e| broken(&e))?))
            }
        }))
    }

    /// Writes rows.
    ///
    /// # Errors
    /// See the module.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match &mut self.0 {
            Kind::Table(w) => w.write(batch),
            Kind::Json(w) => Ok(w.write(batch)?),
            Kind::NdJson(w) => Ok(w.write(batch)?),
            Kind::Csv(w) => Ok(w.write(&flat::cells(batch)?)?),
            Kind::Parquet(w) => w.write(batch).map_err(|e| broken(&e)),
        }
    }

    /// Ends the output.
    ///
    /// # Errors
    /// See the module.
    pub fn finish(self, coverage: &Coverage) -> Result<()> {
        let text = serde_json::to_string(coverage).map_err(QueryError::bug)?;
        match self.0 {
            Kind::Table(w) => w.finish(coverage),
            Kind::Json(mut w) => {
                w.finish()?;
                let out = w.into_inner().0;
                writeln!(out, ",\"coverage\":{text}}}").map_err(|e| broken(&e))
            }
            Kind::NdJson(mut w) => Ok(w.finish()?),
            Kind::Csv(w) => w.into_inner().flush().map_err(|e| broken(&e)),
            Kind::Parquet(mut w) => {
                w.append_key_value_metadata(KeyValue::new("hansard.coverage".to_owned(), text));
                w.close().map(|_| ()).map_err(|e| broken(&e))
            }
        }
    }
}

fn columns(schema: &SchemaRef) -> serde_json::Value {
    let column =
        |f: &arrow::datatypes::FieldRef| serde_json::json!({"name": f.name(), "type": f.data_type().to_string()});
    schema.fields().iter().map(column).collect()
}

fn broken(error: &dyn std::fmt::Display) -> QueryError {
    QueryError::Unavailable { what: "output".to_owned(), detail: error.to_string() }
}
