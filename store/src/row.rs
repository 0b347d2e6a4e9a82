//! A row of the table before it is encoded, and the arrays that a run of rows becomes.
//!
//! Guarantee: an array has the type that [`schemas::columns::file_schema`] gives its column; header and contents are the
//! bytes that were sent. Building an array does not fail.

use arrow::array::{
    ArrayRef, BinaryArray, Float64Array, Int64Array, ListArray, StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field};
use bytes::Bytes;
use schemas::columns::{RowClass, cause_fields, content_fields};
use schemas::header::{ContentEntry, Header};
use std::sync::Arc;

/// One content of a row.
#[derive(Debug, Clone)]
pub(crate) struct RowContent {
    /// 32-byte salt; `None` for a reference.
    pub(crate) salt: Option<Bytes>,
    /// The bytes; `None` for a reference or a blob.
    pub(crate) bytes: Option<Bytes>,
    /// Name of the blob that holds the bytes.
    pub(crate) blob: Option<String>,
}

/// What a row with a header holds.
#[derive(Debug, Clone)]
pub(crate) struct RowEvent {
    /// Index in the stream.
    pub(crate) stream_index: u64,
    /// Stream name.
    pub(crate) stream: Arc<str>,
    /// Signer, hex.
    pub(crate) signer: Arc<str>,
    /// Role of the signer.
    pub(crate) attested: &'static str,
    /// Header bytes.
    pub(crate) header: Bytes,
    /// Parsed header; `None` where it could not be parsed.
    pub(crate) parsed: Option<Header>,
    /// Openings, in the order of the header's list.
    pub(crate) contents: Vec<RowContent>,
    /// Signed note, on the last event of a batch.
    pub(crate) checkpoint: Option<Bytes>,
    /// Frontier before, on the first event of a batch after a gap.
    pub(crate) frontier: Option<Bytes>,
}

/// A row.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// Row class.
    pub(crate) class: RowClass,
    /// Position in the partition's tree.
    pub(crate) leaf: Option<u64>,
    /// Offset of its log record.
    pub(crate) log_offset: u64,
    /// The event, where there is one.
    pub(crate) event: Option<Box<RowEvent>>,
    /// Kind of a finding.
    pub(crate) finding: Option<&'static str>,
    /// Stream of a finding or reject without an event.
    pub(crate) about_stream: Option<String>,
    /// Event of a finding.
    pub(crate) about_event: Option<String>,
    /// Which check failed.
    pub(crate) reason: Option<String>,
    /// Expected and found.
    pub(crate) detail: Option<String>,
    /// The log record of a reject without an event.
    pub(crate) bytes: Option<Bytes>,
}

impl Row {
    /// A row that holds an event.
    pub(crate) fn event(class: RowClass, leaf: u64, log_offset: u64, event: RowEvent) -> Self {
        Self { leaf: Some(leaf), event: Some(Box::new(event)), ..Self::bare(class, log_offset) }
    }

    /// A row without an event.
    pub(crate) fn bare(class: RowClass, log_offset: u64) -> Self {
        Self {
            class,
            leaf: None,
            log_offset,
            event: None,
            finding: None,
            about_stream: None,
            about_event: None,
            reason: None,
            detail: None,
            bytes: None,
        }
    }

    pub(crate) fn header(&self) -> Option<&Header> {
        self.event.as_ref().and_then(|e| e.parsed.as_ref())
    }

    /// Session, for sorting and statistics.
    pub(crate) fn session(&self) -> &str {
        self.header().and_then(|h| h.data.session.as_deref()).unwrap_or_default()
    }

    /// Bytes that the row keeps in memory, roughly.
    pub(crate) fn weight(&self) -> usize {
        let event = self.event.as_ref().map_or(0, |e| {
            e.header.len() * 2 + e.contents.iter().map(|c| c.bytes.as_ref().map_or(0, Bytes::len) + 64).sum::<usize>()
        });
        512 + event + self.bytes.as_ref().map_or(0, Bytes::len)
    }
}

/// Reads one text column of a row; chosen once per column, not per cell.
type TextOf = for<'a> fn(&'a Row) -> Option<&'a str>;
/// Reads one integer column of a row.
type IntegerOf = fn(&Row) -> Option<i64>;
/// Reads one binary column of a row.
type BinaryOf = for<'a> fn(&'a Row) -> Option<&'a [u8]>;

fn row_text(column: &str) -> Option<TextOf> {
    Some(match column {
        "stream" => |r| r.event.as_ref().map(|e| &*e.stream).or(r.about_stream.as_deref()),
        "signer" => |r| r.event.as_ref().map(|e| &*e.signer),
        "attested" => |r| r.event.as_ref().map(|e| e.attested),
        "kind" => |r| r.finding.or_else(|| r.header().map(Header::kind)),
        "reason" => |r| r.reason.as_deref(),
        "detail" => |r| r.detail.as_deref(),
        "event_id" => |r| r.about_event.as_deref(),
        _ => return None,
    })
}

fn header_text(column: &str) -> TextOf {
    match column {
        "id" => |r| r.header().map(|h| h.id.as_str()),
        "type" => |r| r.header().map(|h| h.event_type.as_str()),
        "source" => |r| r.header().map(|h| h.source.as_str()),
        "subject" => |r| r.header().and_then(|h| h.subject.as_deref()),
        "tenant" => |r| r.header().map(|h| h.data.tenant.as_str()),
        "session" => |r| r.header().and_then(|h| h.data.session.as_deref()),
        "agent" => |r| r.header().and_then(|h| h.data.agent.id.as_deref()),
        "agent_version" => |r| r.header().and_then(|h| h.data.agent.version.as_deref()),
        "variant" => |r| r.header().and_then(|h| h.data.agent.variant.as_deref()),
        "task" => |r| r.header().and_then(|h| h.data.task.as_deref()),
        "principal" => |r| r.header().and_then(|h| h.data.principal.as_deref()),
        "sponsor" => |r| r.header().and_then(|h| h.data.sponsor.as_deref()),
        "trace_id" => |r| r.header().and_then(|h| h.data.trace_id.as_deref()),
        "span_id" => |r| r.header().and_then(|h| h.data.span_id.as_deref()),
        "origin" => |r| r.header().and_then(|h| h.data.origin.as_deref()),
        "native_id" => |r| r.header().and_then(|h| h.data.native_id.as_deref()),
        _ => attribute_text(column),
    }
}

fn attribute_text(column: &str) -> TextOf {
    match column {
        "model" => |r| r.header().and_then(Header::model),
        "tool" => |r| r.header().and_then(|h| h.data.attributes.tool.as_deref()),
        "tool_call_id" => |r| r.header().and_then(|h| h.data.attributes.tool_call_id.as_deref()),
        "evaluation_name" => |r| r.header().and_then(|h| h.data.attributes.evaluation_name.as_deref()),
        "evaluation_label" => |r| r.header().and_then(|h| h.data.attributes.evaluation_label.as_deref()),
        "memory_store" => |r| r.header().and_then(|h| h.data.attributes.memory_store.as_deref()),
        "resource" => |r| r.header().and_then(Header::resource),
        "credential" => |r| r.header().and_then(|h| h.data.attributes.credential.as_deref()),
        "approval_digest" => |r| r.header().and_then(|h| h.data.attributes.approval_digest.as_deref()),
        "error_type" => |r| r.header().and_then(|h| h.data.attributes.error_type.as_deref()),
        _ => |_| None,
    }
}

fn integer_of(column: &str) -> IntegerOf {
    match column {
        "leaf" => |r| r.leaf.and_then(|n| i64::try_from(n).ok()),
        "log_offset" => |r| i64::try_from(r.log_offset).ok(),
        "stream_index" => |r| r.event.as_ref().and_then(|e| i64::try_from(e.stream_index).ok()),
        "input_tokens" => |r| r.header().and_then(|h| h.data.attributes.input_tokens),
        "output_tokens" => |r| r.header().and_then(|h| h.data.attributes.output_tokens),
        "cached_tokens" => |r| r.header().and_then(|h| h.data.attributes.cached_tokens),
        "cache_write_tokens" => |r| r.header().and_then(|h| h.data.attributes.cache_write_tokens),
        "reasoning_tokens" => |r| r.header().and_then(|h| h.data.attributes.reasoning_tokens),
        _ => |_| None,
    }
}

fn binary_of(column: &str) -> BinaryOf {
    match column {
        "header" => |r| r.event.as_ref().map(|e| e.header.as_ref()),
        "checkpoint" => |r| r.event.as_ref().and_then(|e| e.checkpoint.as_deref()),
        "frontier" => |r| r.event.as_ref().and_then(|e| e.frontier.as_deref()),
        "bytes" => |r| r.bytes.as_deref(),
        _ => |_| None,
    }
}

/// A column of a run of rows; `committed_at` is the same for all of them.
pub(crate) fn column(field: &Field, rows: &[&Row], committed_at_us: i64) -> ArrayRef {
    array(field.name(), field.data_type(), rows, committed_at_us)
}

fn array(name: &str, data_type: &DataType, rows: &[&Row], committed_at_us: i64) -> ArrayRef {
    match (name, data_type) {
        ("causes", _) => causes(rows),
        ("contents", _) => contents(rows),
        (_, DataType::Utf8) => {
            let get = row_text(name).unwrap_or_else(|| header_text(name));
            Arc::new(rows.iter().map(|r| get(r)).collect::<StringArray>())
        }
        (_, DataType::Int64) => {
            let get = integer_of(name);
            Arc::new(rows.iter().map(|r| get(r)).collect::<Int64Array>())
        }
        (_, DataType::Binary) => {
            let get = binary_of(name);
            Arc::new(rows.iter().map(|r| get(r)).collect::<BinaryArray>())
        }
        (_, DataType::Float64) => {
            let score = |r: &&Row| r.header().and_then(|h| h.data.attributes.evaluation_score);
            Arc::new(rows.iter().map(score).collect::<Float64Array>())
        }
        ("committed_at", _) => {
            Arc::new(TimestampMicrosecondArray::from(vec![committed_at_us; rows.len()]).with_timezone("UTC"))
        }
        _ => {
            let time = |r: &&Row| r.header().and_then(|h| h.time).map(|t| t.0);
            Arc::new(rows.iter().map(time).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
        }
    }
}

fn offsets(lengths: impl Iterator<Item = usize>) -> OffsetBuffer<i32> {
    let mut all = vec![0i32];
    let mut end = 0i32;
    for length in lengths {
        end += length as i32;
        all.push(end);
    }
    OffsetBuffer::new(ScalarBuffer::from(all))
}

fn list(fields: arrow::datatypes::Fields, offsets: OffsetBuffer<i32>, columns: Vec<ArrayRef>) -> ArrayRef {
    let element = Arc::new(arrow::datatypes::Field::new("element", DataType::Struct(fields.clone()), true));
    let values = StructArray::new(fields, columns, None);
    Arc::new(ListArray::new(element, offsets, Arc::new(values), None))
}

fn causes(rows: &[&Row]) -> ArrayRef {
    let of = |r: &&Row| r.header().map_or(0, |h| h.data.causes.len());
    let offsets = offsets(rows.iter().map(of));
    let all = || rows.iter().filter_map(|r| r.header()).flat_map(|h| &h.data.causes);
    let leaf = |text: &Option<String>| text.as_ref().and_then(|t| hex::decode(t).ok());
    let columns: Vec<ArrayRef> = vec![
        Arc::new(all().map(|c| Some(c.id.as_str())).collect::<StringArray>()),
        Arc::new(all().map(|c| Some(c.relation.as_str())).collect::<StringArray>()),
        Arc::new(all().map(|c| leaf(&c.leaf)).collect::<BinaryArray>()),
    ];
    list(cause_fields(), offsets, columns)
}

/// The commitment, where salt and bytes do not stand beside it: they are what it is computed from.
fn commitment_column((entry, opening): (&ContentEntry, Option<&RowContent>)) -> Option<[u8; 32]> {
    let inline = opening.is_some_and(|o| o.salt.is_some() && o.bytes.is_some());
    (!inline).then_some(entry.commitment.0)
}

fn contents(rows: &[&Row]) -> ArrayRef {
    let listed = |r: &&Row| r.header().map_or(0, |h| h.data.contents.len());
    let offsets = offsets(rows.iter().map(listed));
    let events = || rows.iter().filter_map(|r| r.event.as_deref()).filter(|e| e.parsed.is_some());
    let entries = || events().filter_map(|e| e.parsed.as_ref()).flat_map(|h| &h.data.contents);
    // One opening per entry, also where a reject brought fewer than its header lists.
    let openings = || {
        events().flat_map(|e| {
            let listed = e.parsed.as_ref().map_or(0, |h| h.data.contents.len());
            (0..listed).map(|i| e.contents.get(i))
        })
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(entries().map(|c| Some(c.name.as_str())).collect::<StringArray>()),
        Arc::new(entries().map(|c| Some(c.media_type.as_str())).collect::<StringArray>()),
        Arc::new(entries().map(|c| i64::try_from(c.size).ok()).collect::<Int64Array>()),
        Arc::new(entries().zip(openings()).map(commitment_column).collect::<BinaryArray>()),
        Arc::new(openings().map(|o| o.and_then(|o| o.salt.as_deref())).collect::<BinaryArray>()),
        Arc::new(openings().map(|o| o.and_then(|o| o.bytes.as_deref())).collect::<BinaryArray>()),
        Arc::new(openings().map(|o| o.and_then(|o| o.blob.as_deref())).collect::<StringArray>()),
    ];
    list(content_fields(), offsets, columns)
}
