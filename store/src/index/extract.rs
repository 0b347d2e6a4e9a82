//! From rows of the table to nodes of the index.
//!
//! Guarantee: one node for each row with a leaf in the range; contents are hashed, not kept. Fails with `Corrupt` when a
//! column is of another type than the format says.

use super::key::{Place, content_key};
use super::node::{DIGEST_BYTES, Node, NodeCause};
use crate::error::{Result, StoreError};
use crate::scan::{binary, column, integer, text};
use arrow::array::{
    Array, BinaryArray, Int64Array, ListArray, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
};
use schemas::digest::header_digest;
use schemas::header::all_attributes;
use std::ops::Range;

/// Bytes from which on a content is found by its bytes: shorter ones are equal by chance.
const CONTENT_BYTES_MIN: usize = 64;

/// The columns that [`super::MemoryPart::of`] reads.
#[must_use]
pub fn needed_columns() -> Vec<&'static str> {
    TEXTS.iter().copied().chain(OTHERS).collect()
}

/// The columns beside the texts.
const OTHERS: [&str; 8] =
    ["leaf", "stream_index", "log_offset", "time", "committed_at", "header", "causes", "contents"];

/// One text column of a batch; absent in files that are older than it.
struct Texts<'a>(Option<&'a StringArray>);

impl<'a> Texts<'a> {
    fn of(batch: &'a RecordBatch, name: &str) -> Result<Self> {
        batch.column_by_name(name).map(|_| column::<StringArray>(batch, name)).transpose().map(Self)
    }

    fn at(&self, row: usize) -> Option<String> {
        self.0.and_then(|array| text(array, row)).map(str::to_owned)
    }
}

struct Columns<'a> {
    texts: Vec<Texts<'a>>,
    leaf: &'a Int64Array,
    stream_index: &'a Int64Array,
    log_offset: &'a Int64Array,
    time: &'a TimestampMicrosecondArray,
    committed_at: &'a TimestampMicrosecondArray,
    header: &'a BinaryArray,
    causes: &'a ListArray,
    contents: &'a ListArray,
}

/// The text columns, in the order in which [`Columns::node`] takes them.
const TEXTS: [&str; 21] = [
    "id",
    "kind",
    "agent",
    "agent_version",
    "model",
    "tool",
    "tool_call_id",
    "subject",
    "session",
    "principal",
    "sponsor",
    "attested",
    "signer",
    "source",
    "stream",
    "native_id",
    "error_type",
    "memory_store",
    "resource",
    "credential",
    "approval_digest",
];

/// Gives each row of `batch` with a leaf in `leaves` as a node.
pub(super) fn extract(
    partition: u32,
    batch: &RecordBatch,
    leaves: &Range<u64>,
    mut each: impl FnMut(Place, Node),
) -> Result<()> {
    let columns = Columns {
        texts: TEXTS.iter().map(|name| Texts::of(batch, name)).collect::<Result<_>>()?,
        leaf: column(batch, "leaf")?,
        stream_index: column(batch, "stream_index")?,
        log_offset: column(batch, "log_offset")?,
        time: column(batch, "time")?,
        committed_at: column(batch, "committed_at")?,
        header: column(batch, "header")?,
        causes: column(batch, "causes")?,
        contents: column(batch, "contents")?,
    };
    for row in 0..batch.num_rows() {
        let Some(leaf) = integer(columns.leaf, row).filter(|leaf| leaves.contains(leaf)) else { continue };
        let place = Place::new(partition, leaf).ok_or_else(|| {
            StoreError::invalid(format!("leaf {leaf} of partition {partition}"), "beyond what an index can name")
        })?;
        each(place, columns.node(row)?);
    }
    Ok(())
}

impl Columns<'_> {
    fn node(&self, row: usize) -> Result<Node> {
        let mut texts = self.texts.iter().map(|texts| texts.at(row));
        let mut next = || texts.next().flatten();
        let header = binary(self.header, row).unwrap_or_default();
        let mut node = Node {
            id: next().unwrap_or_default(),
            kind: next().unwrap_or_default(),
            time: moment(self.time, row),
            committed_at: moment(self.committed_at, row),
            agent: next(),
            agent_version: next(),
            model: next(),
            tool: next(),
            tool_call_id: next(),
            subject: next(),
            session: next(),
            principal: next(),
            sponsor: next(),
            attested: next(),
            signer: next(),
            source: next(),
            stream: next(),
            native_id: next(),
            error_type: next(),
            memory_store: next(),
            resource: next(),
            credential: next(),
            approval_digest: next(),
            memory_version: None,
            digest: header_digest(header)[..DIGEST_BYTES].to_vec(),
            causes: self.causes_of(row)?,
            contents: self.contents_of(row)?,
            stream_index: integer(self.stream_index, row).unwrap_or_default(),
            log_offset: integer(self.log_offset, row).unwrap_or_default(),
        };
        if node.access().is_some() {
            node.memory_version = version(header);
        }
        Ok(node)
    }

    fn causes_of(&self, row: usize) -> Result<Vec<NodeCause>> {
        if self.causes.is_null(row) {
            return Ok(Vec::new());
        }
        let list = self.causes.value(row);
        let list = fields(&list, "causes")?;
        let (ids, relations): (&StringArray, &StringArray) = (field(list, "id")?, field(list, "relation")?);
        let digests: &BinaryArray = field(list, "leaf")?;
        let cause = |i: usize| NodeCause {
            id: text(ids, i).unwrap_or_default().to_owned(),
            relation: text(relations, i).unwrap_or_default().to_owned(),
            digest: binary(digests, i).and_then(|d| d.get(..DIGEST_BYTES)).unwrap_or_default().to_vec(),
        };
        Ok((0..list.len()).map(cause).collect())
    }

    fn contents_of(&self, row: usize) -> Result<Vec<u64>> {
        if self.contents.is_null(row) {
            return Ok(Vec::new());
        }
        let list = self.contents.value(row);
        let list = fields(&list, "contents")?;
        let bytes: &BinaryArray = field(list, "bytes")?;
        let long = (0..list.len()).filter_map(|i| binary(bytes, i)).filter(|b| b.len() >= CONTENT_BYTES_MIN);
        Ok(long.map(|b| content_key(blake3::hash(b).as_bytes()).0).collect())
    }
}

/// The version that a read or write names. It stands in the header alone.
fn version(header: &[u8]) -> Option<String> {
    match all_attributes(header).remove("hansard.memory.version")? {
        serde_json::Value::String(text) => Some(text),
        serde_json::Value::Null => None,
        other => Some(other.to_string()),
    }
}

/// The time at `row`, in microseconds since 1970.
pub(super) fn moment(array: &TimestampMicrosecondArray, row: usize) -> Option<i64> {
    (!array.is_null(row)).then(|| array.value(row))
}

pub(super) fn fields<'a>(list: &'a std::sync::Arc<dyn Array>, name: &str) -> Result<&'a StructArray> {
    list.as_any()
        .downcast_ref()
        .ok_or_else(|| StoreError::corrupt(format!("column {name}"), "expected a list of structs"))
}

pub(super) fn field<'a, T: 'static>(list: &'a StructArray, name: &str) -> Result<&'a T> {
    list.column_by_name(name).and_then(|c| c.as_any().downcast_ref()).ok_or_else(|| {
        StoreError::corrupt(format!("field {name} of a list"), "missing in a segment, or of another type")
    })
}
