//! A row of the table before it is encoded, and the record batch that a run of rows becomes.
//!
//! Guarantee: columns come in the order and types of [`schemas::columns::file_schema`]; header and contents are the
//! bytes that were sent. Building fails only when arrays and schema disagree, which is a bug and says so.

use crate::error::{Result, StoreError};
use arrow::array::{
    ArrayRef, BinaryArray, Float64Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, SchemaRef};
use bytes::Bytes;
use schemas::columns::{RowClass, cause_fields, content_fields};
use schemas::header::Header;
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

    fn text(&self, column: &str) -> Option<&str> {
        let event = self.event.as_deref();
        match column {
            "stream" => return event.map(|e| &*e.stream).or(self.about_stream.as_deref()),
            "signer" => return event.map(|e| &*e.signer),
            "attested" => return event.map(|e| e.attested),
            "kind" if self.finding.is_some() => return self.finding,
            "reason" => return self.reason.as_deref(),
            "detail" => return self.detail.as_deref(),
            "event_id" => return self.about_event.as_deref(),
            _ => {}
        }
        self.header().and_then(|h| header_text(h, column))
    }

    fn integer(&self, column: &str) -> Option<i64> {
        let wide = |n: u64| i64::try_from(n).ok();
        match column {
            "leaf" => return self.leaf.and_then(wide),
            "log_offset" => return wide(self.log_offset),
            "stream_index" => return self.event.as_ref().and_then(|e| wide(e.stream_index)),
            _ => {}
        }
        let a = &self.header()?.data.attributes;
        match column {
            "input_tokens" => a.input_tokens,
            "output_tokens" => a.output_tokens,
            "cached_tokens" => a.cached_tokens,
            "cache_write_tokens" => a.cache_write_tokens,
            "reasoning_tokens" => a.reasoning_tokens,
            _ => None,
        }
    }

    fn binary(&self, column: &str) -> Option<&[u8]> {
        let event = self.event.as_deref();
        match column {
            "header" => event.map(|e| e.header.as_ref()),
            "checkpoint" => event.and_then(|e| e.checkpoint.as_deref()),
            "frontier" => event.and_then(|e| e.frontier.as_deref()),
            "bytes" => self.bytes.as_deref(),
            _ => None,
        }
    }
}

fn header_text<'a>(h: &'a Header, column: &str) -> Option<&'a str> {
    let (d, a) = (&h.data, &h.data.attributes);
    match column {
        "id" => Some(&h.id),
        "type" => Some(&h.event_type),
        "kind" => Some(h.kind()),
        "source" => Some(&h.source),
        "subject" => h.subject.as_deref(),
        "tenant" => Some(&d.tenant),
        "session" => d.session.as_deref(),
        "agent" => d.agent.id.as_deref(),
        "agent_version" => d.agent.version.as_deref(),
        "variant" => d.agent.variant.as_deref(),
        "task" => d.task.as_deref(),
        "principal" => d.principal.as_deref(),
        "sponsor" => d.sponsor.as_deref(),
        "trace_id" => d.trace_id.as_deref(),
        "span_id" => d.span_id.as_deref(),
        "model" => h.model(),
        "tool" => a.tool.as_deref(),
        "tool_call_id" => a.tool_call_id.as_deref(),
        "evaluation_name" => a.evaluation_name.as_deref(),
        "evaluation_label" => a.evaluation_label.as_deref(),
        "error_type" => a.error_type.as_deref(),
        "origin" => d.origin.as_deref(),
        "native_id" => d.native_id.as_deref(),
        _ => None,
    }
}

/// The record batch of a run of rows; `committed_at` is the same for all of them.
///
/// # Errors
/// [`StoreError::Corrupt`] when columns and schema disagree: a bug.
pub(crate) fn record_batch(schema: &SchemaRef, rows: &[&Row], committed_at_us: i64) -> Result<RecordBatch> {
    let columns = schema.fields().iter().map(|f| column(f.name(), f.data_type(), rows, committed_at_us)).collect();
    RecordBatch::try_new(Arc::clone(schema), columns).map_err(|e| StoreError::corrupt("columns of a segment", e))
}

fn column(name: &str, data_type: &DataType, rows: &[&Row], committed_at_us: i64) -> ArrayRef {
    match (name, data_type) {
        ("causes", _) => causes(rows),
        ("contents", _) => contents(rows),
        (_, DataType::Utf8) => Arc::new(rows.iter().map(|r| r.text(name)).collect::<StringArray>()),
        (_, DataType::Int64) => Arc::new(rows.iter().map(|r| r.integer(name)).collect::<Int64Array>()),
        (_, DataType::Binary) => Arc::new(rows.iter().map(|r| r.binary(name)).collect::<BinaryArray>()),
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
        Arc::new(entries().map(|c| Some(c.commitment.0)).collect::<BinaryArray>()),
        Arc::new(openings().map(|o| o.and_then(|o| o.salt.as_deref())).collect::<BinaryArray>()),
        Arc::new(openings().map(|o| o.and_then(|o| o.bytes.as_deref())).collect::<BinaryArray>()),
        Arc::new(openings().map(|o| o.and_then(|o| o.blob.as_deref())).collect::<StringArray>()),
    ];
    list(content_fields(), offsets, columns)
}
