//! The meaning of every column, and `columns`, the table that lists them.
//!
//! Guarantee: a table with a column that has no meaning here is not registered (`Bug`), so that the listing is whole.
//! Meanings of the log's own columns are those of `schemas::columns`.

use crate::error::{QueryError, Result};
use crate::tables::{ColumnDoc, TableDoc};
use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use schemas::columns::plain_columns;
use std::sync::Arc;

/// (table, meaning, the columns whose meaning is not the log's).
type Entry = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Columns of the tables of links.
const EDGE_COLUMNS: &[(&str, &str)] = &[
    ("from_id", "the effect"),
    ("to_id", "the cause; it need not be in the record"),
    ("relation", "how: responds_to, used, derived_from, approved_by, read, ..."),
    (
        "basis",
        "how the link is known: stated (by the producer, under its signature), structural (both events are about the same thing) or content (the same bytes stand in both)",
    ),
    ("from_kind", "kind of the effect"),
    ("to_digest", "header digest of the cause, where the producer knew it: makes the link itself evidence"),
];

const ENTRIES: &[Entry] = &[
    ("events", "one row per event of the record, each exactly once", &[]),
    ("duplicates", "events that came again under the same source and id; columns as in events", &[]),
    ("log", "every row of the table with its class, of which the other tables are views", &[]),
    (
        "contents",
        "one row per content of an event: messages, arguments, results, native records",
        &[
            ("event_id", "the event that lists it"),
            ("position", "place in the event's list, from 0"),
            ("name", "name within the event, e.g. input, arguments, record"),
            ("media_type", "media type of the bytes"),
            ("size", "bytes"),
            ("commitment", "BLAKE3 commitment to salt and bytes that the signed header carries"),
            (
                "bytes",
                "the bytes; a reference is resolved within its stream, a blob is loaded up to 16 MiB; null when erased, missing or larger",
            ),
            ("text", "the bytes as text, where they are valid UTF-8"),
            ("blob", "digest under which the bytes lie in blobs/, for large contents"),
            ("salt", "the salt of the commitment; null when erased"),
            ("referred", "sent by reference to the same content earlier in the stream"),
        ],
    ),
    (
        "edges",
        "one row per link, from an event to one that it came from; those by equal bytes are in content_edges",
        EDGE_COLUMNS,
    ),
    (
        "content_edges",
        "the links that equal bytes show: to the event that last held a content of the same bytes, of 64 bytes or more",
        EDGE_COLUMNS,
    ),
    ("stated_edges", "the links that a producer stated under its signature", EDGE_COLUMNS),
    (
        "structural_edges",
        "the links that follow from what events are about: reads and writes of a resource, credentials, approvals, calls and results",
        EDGE_COLUMNS,
    ),
    (
        "llm_calls",
        "one row per recorded answer of a model; a source that splits one answer over several records has several rows of one response_id, with the usage on one of them",
        &[
            ("event_id", "the event"),
            ("response_id", "the provider's id of the answer"),
            ("provider", "who runs the model"),
        ],
    ),
    (
        "tool_calls",
        "one row per tool call, with what became of it",
        &[
            ("event_id", "the event"),
            ("result_id", "event of its result; null when the record has none"),
            ("error_type", "error.type of the result"),
            ("result_time", "time of the result"),
        ],
    ),
    (
        "memory",
        "one row per read, write or deletion of a memory value or file",
        &[("event_id", "the event"), ("version", "version that was read or written, where the producer names it")],
    ),
    (
        "messages",
        "one row per message, handoff or invocation",
        &[
            ("event_id", "the event"),
            ("role", "role of the speaker: user, assistant, system"),
            ("recipients", "agents that it is for, as JSON"),
            ("text", "the content named text, where it stands in the event"),
        ],
    ),
    (
        "approvals",
        "one row per approval asked for, granted or denied",
        &[("event_id", "the event"), ("asker", "who asked"), ("approver", "who decided")],
    ),
    (
        "credentials",
        "one row per act with a credential",
        &[("event_id", "the event"), ("scope", "what it allows"), ("expires", "until when")],
    ),
    (
        "policy_findings",
        "one row per breach of the policy in force when the event was committed",
        &[
            ("time", "when it was found"),
            ("check", "which check of the policy"),
            ("severity", "notice, warning, critical, or unknown when what the verdict needs was forgotten"),
            ("event_id", "the event that showed it"),
            ("detail", "what was expected and found, and the events that it rests on"),
        ],
    ),
    (
        "evaluations",
        "one row per evaluation of a run, a session or an event",
        &[
            ("event_id", "the evaluation's event"),
            ("name", "name of the evaluation"),
            ("score", "score"),
            ("label", "label, e.g. pass or fail"),
        ],
    ),
    (
        "sessions",
        "one row per session",
        &[
            ("agent", "agent id; the first in order when there are several"),
            ("agents", "different agents"),
            ("agent_version", "agent version; the first in order when there are several"),
            ("variant", "variant; the first in order when there are several"),
            ("first_time", "earliest time of its events; null where the source has none"),
            ("last_time", "latest time of its events"),
            ("first_committed_at", "when the table got its first event"),
            ("last_committed_at", "when the table got its last event"),
            ("events", "events"),
            ("model_calls", "events of kind model.call"),
            ("tool_calls", "events of kind tool.call"),
            ("tool_results", "events of kind tool.result"),
            ("messages", "events of kind message"),
            ("evaluations", "events of kind evaluation"),
            ("errors", "events with an error type"),
            ("models", "different models"),
            ("streams", "different streams"),
        ],
    ),
    (
        "rejects",
        "one row per record or event that failed a check, kept whole",
        &[
            ("time", "when the table got it"),
            ("reason", "which check failed"),
            ("detail", "what was expected and found"),
            ("bytes", "the record as it came: the log record, or the native record that an importer could not read"),
        ],
    ),
    (
        "findings",
        "one row per thing that the record shows about itself: gap, fork, id conflict",
        &[
            ("time", "when it was found"),
            ("kind", "what was found"),
            ("detail", "what was expected and found"),
            ("event_id", "the event that it is about"),
        ],
    ),
    (
        "streams",
        "one row per producer's stream",
        &[
            ("signer", "Ed25519 public key that signed it, hex; the first in order when there are several"),
            ("signers", "different keys"),
            ("size", "events that the stream has, by its highest position"),
            ("events", "of them in events"),
            ("duplicates", "of them in duplicates"),
            ("rejects", "of them in rejects"),
            ("first_time", "earliest time of its events"),
            ("last_time", "latest time of its events"),
            ("first_committed_at", "when the table got its first event"),
            ("last_committed_at", "when the table got its last event"),
            ("first_leaf", "its first position in the partition's tree"),
            ("last_leaf", "its last position in the partition's tree"),
        ],
    ),
    (
        "segments",
        "one row per Parquet file of this table version",
        &[
            ("path", "path within the table"),
            ("rows", "rows"),
            ("bytes", "size in bytes"),
            ("leaf_from", "first position in the partition's tree"),
            ("leaf_to", "position after the last"),
            ("digest", "BLAKE3 of the file, hex"),
            ("modified", "when it was written"),
        ],
    ),
    (
        "columns",
        "one row per column of these tables",
        &[("table_name", "table"), ("column_name", "column"), ("data_type", "Arrow type"), ("description", "meaning")],
    ),
];

/// Meanings that hold in every table and are not in `schemas::columns::plain_columns`.
const COMMON: &[(&str, &str)] = &[
    ("log_partition", "log partition"),
    ("row_class", "event, reject, duplicate or finding"),
    ("causes", "list of {id, relation, leaf}: see edges"),
    ("contents", "list of {name, media_type, size, commitment, salt, bytes, blob}: see contents"),
];

/// Documents `table` by its schema.
pub(super) fn document(table: &str, schema: &Schema) -> Result<TableDoc> {
    let missing = |what: &str| QueryError::bug(format!("{what} has no documentation"));
    let (name, description, own) =
        ENTRIES.iter().find(|e| e.0 == table).ok_or_else(|| missing(&format!("table {table}")))?;
    let columns = schema.fields().iter().map(|field| {
        let meaning = meaning(field.name(), own).ok_or_else(|| missing(&format!("column {table}.{}", field.name())))?;
        Ok(ColumnDoc {
            name: field.name().clone(),
            data_type: type_name(field.data_type()),
            description: meaning.to_owned(),
        })
    });
    Ok(TableDoc { name, description, columns: columns.collect::<Result<_>>()? })
}

fn meaning(column: &str, own: &[(&'static str, &'static str)]) -> Option<&'static str> {
    let log = plain_columns().into_iter().map(|(name, _, meaning)| (name, meaning));
    own.iter().copied().chain(COMMON.iter().copied()).chain(log).find(|(name, _)| *name == column).map(|(_, m)| m)
}

fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Timestamp(..) => "Timestamp (us, UTC)".to_owned(),
        DataType::List(element) => format!("List of {}", type_name(element.data_type())),
        DataType::Struct(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|f| format!("{} {}", f.name(), type_name(f.data_type()))).collect();
            format!("Struct({})", fields.join(", "))
        }
        other => other.to_string(),
    }
}

/// Registers `columns` over `tables`, itself included.
pub(super) fn register(context: &SessionContext, tables: &mut Vec<TableDoc>) -> Result<()> {
    let fields =
        ["table_name", "column_name", "data_type", "description"].map(|n| Field::new(n, DataType::Utf8, false));
    let schema: SchemaRef = Arc::new(Schema::new(fields.to_vec()));
    tables.push(document("columns", &schema)?);
    let rows: Vec<(&'static str, &ColumnDoc)> =
        tables.iter().flat_map(|t| t.columns.iter().map(|c| (t.name, c))).collect();
    let column = |of: fn(&(&'static str, &ColumnDoc)) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let columns = vec![
        column(|(table, _)| (*table).to_owned()),
        column(|(_, doc)| doc.name.clone()),
        column(|(_, doc)| doc.data_type.clone()),
        column(|(_, doc)| doc.description.clone()),
    ];
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    context.register_table("columns", Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))?;
    Ok(())
}
