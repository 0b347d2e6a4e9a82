//! The columns of the one Delta table, as an Arrow schema, each with its meaning.
//!
//! Guarantee: columns are only ever added, nullable, at the end; the order and types here are what stands in every
//! segment. Types are those that Delta readers give back unchanged (Int64, Utf8, Binary, Float64, Timestamp(us, UTC)).

use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};
use std::sync::Arc;

/// First partition column of the table: the log partition (Int32).
pub const LOG_PARTITION: &str = "log_partition";
/// Second partition column of the table: the row class.
pub const ROW_CLASS: &str = "row_class";

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowClass {
    /// An event.
    Event,
    /// A record or event that failed a check, kept whole.
    Reject,
    /// An event that the table holds already, under the same source and id.
    Duplicate,
    /// Something that the record shows about itself: fork, gap, id conflict.
    Finding,
}

impl RowClass {
    /// All classes.
    pub const ALL: [Self; 4] = [Self::Event, Self::Reject, Self::Duplicate, Self::Finding];

    /// The value of the partition column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Reject => "reject",
            Self::Duplicate => "duplicate",
            Self::Finding => "finding",
        }
    }
}

/// (name, type, meaning) of every plain column, in table order.
#[must_use]
pub fn plain_columns() -> Vec<(&'static str, DataType, &'static str)> {
    use DataType::{Binary, Float64, Int64, Utf8};
    let ts = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    vec![
        ("id", Utf8, "event id; unique with source within a tenant"),
        ("stream", Utf8, "name of the producer's stream"),
        ("stream_index", Int64, "position in that stream, from 0"),
        ("leaf", Int64, "position in the partition's tree, from 0; null where the record never entered it"),
        ("log_offset", Int64, "offset of the log record that carried it"),
        ("time", ts.clone(), "the event's own time; null where the source has none"),
        ("committed_at", ts, "when the table got it, by the compactor's clock"),
        ("signer", Utf8, "Ed25519 public key that signed it, hex"),
        ("attested", Utf8, "role of that key: self, gateway or import"),
        ("type", Utf8, "CloudEvents type"),
        ("kind", Utf8, "the type without Hansard's prefix"),
        ("source", Utf8, "URI of the agent or gateway that speaks"),
        ("subject", Utf8, "business object, e.g. loan/4711"),
        ("tenant", Utf8, "tenant"),
        ("session", Utf8, "session or conversation"),
        ("agent", Utf8, "agent id"),
        ("agent_version", Utf8, "agent version"),
        ("variant", Utf8, "variant of the run, e.g. an A/B arm or an attack"),
        ("task", Utf8, "what the run was about, for pairing runs"),
        ("principal", Utf8, "on behalf of whom (pseudonym)"),
        ("sponsor", Utf8, "human who answers for the agent (pseudonym)"),
        ("trace_id", Utf8, "W3C trace id"),
        ("span_id", Utf8, "W3C span id"),
        ("model", Utf8, "model that answered, else the one asked for"),
        ("tool", Utf8, "tool name"),
        ("tool_call_id", Utf8, "id of the tool call"),
        ("input_tokens", Int64, "input tokens, cached ones included"),
        ("output_tokens", Int64, "output tokens"),
        ("cached_tokens", Int64, "input tokens read from a cache"),
        ("cache_write_tokens", Int64, "input tokens written to a cache"),
        ("reasoning_tokens", Int64, "output tokens spent on reasoning"),
        ("evaluation_name", Utf8, "name of the evaluation"),
        ("evaluation_score", Float64, "score of the evaluation"),
        ("evaluation_label", Utf8, "label of the evaluation"),
        ("error_type", Utf8, "error.type of a failed act"),
        ("origin", Utf8, "file or connector, and position, that a record was read from"),
        ("native_id", Utf8, "the id that it had there"),
        ("header", Binary, "the signed header, verbatim"),
        ("checkpoint", Binary, "signed note of the batch that ends with this event; null elsewhere"),
        ("frontier", Binary, "compact range before the batch that begins with this event, only after a gap"),
        ("reason", Utf8, "rejects: which check failed"),
        ("detail", Utf8, "rejects and findings: what was expected and found"),
        ("bytes", Binary, "rejects: the log record, verbatim, where it holds no event of its own"),
        ("event_id", Utf8, "findings: the event that they are about"),
        ("memory_store", Utf8, "memory store that is read or written"),
        ("resource", Utf8, "what is read or written: memory key, else file, else address of a page"),
        ("credential", Utf8, "credential that is issued, used or revoked"),
        ("approval_digest", Utf8, "digest of what an approval was asked or given for"),
    ]
}

/// Columns that older files of format 1 lack: null there.
pub const ADDED_COLUMNS: &[&str] = &["memory_store", "resource", "credential", "approval_digest"];

/// Fields of the structs in the `contents` column. `commitment` is null where salt and bytes stand beside it, because
/// it is computed from them (docs/format.md section 1.3) and stands in the header.
#[must_use]
pub fn content_fields() -> Fields {
    Fields::from(vec![
        Field::new("name", DataType::Utf8, true),
        Field::new("media_type", DataType::Utf8, true),
        Field::new("size", DataType::Int64, true),
        Field::new("commitment", DataType::Binary, true),
        Field::new("salt", DataType::Binary, true),
        Field::new("bytes", DataType::Binary, true),
        Field::new("blob", DataType::Utf8, true),
    ])
}

/// Fields of the structs in the `causes` column.
#[must_use]
pub fn cause_fields() -> Fields {
    Fields::from(vec![
        Field::new("id", DataType::Utf8, true),
        Field::new("relation", DataType::Utf8, true),
        Field::new("leaf", DataType::Binary, true),
    ])
}

fn list_of(name: &str, fields: Fields) -> Field {
    Field::new(name, DataType::List(Arc::new(Field::new("element", DataType::Struct(fields), true))), true)
}

/// Schema of the rows of a segment file: every column but the two partition columns.
#[must_use]
pub fn file_schema() -> Schema {
    let mut fields: Vec<Field> = plain_columns().into_iter().map(|(name, t, _)| Field::new(name, t, true)).collect();
    fields.push(list_of("causes", cause_fields()));
    fields.push(list_of("contents", content_fields()));
    Schema::new(fields)
}

/// Schema of the table: the file's columns, then `log_partition` and `row_class`.
#[must_use]
pub fn table_schema() -> Schema {
    let mut fields: Vec<Field> = file_schema().fields().iter().map(|f| f.as_ref().clone()).collect();
    fields.push(Field::new(LOG_PARTITION, DataType::Int32, true));
    fields.push(Field::new(ROW_CLASS, DataType::Utf8, true));
    Schema::new(fields)
}
