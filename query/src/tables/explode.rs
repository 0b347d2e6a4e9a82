//! One row per content out of one row per event.
//!
//! Guarantee: order is kept, nothing is copied but the described columns; bytes stay in the batch that was read and
//! are reached by index. An event without contents gives no row. Fails with an internal error when a column has
//! another type than `schemas::columns` says.

use crate::tables::references::Key;
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
    UInt32Array,
};
use arrow::compute::{filter, take};
use arrow::datatypes::SchemaRef;
use datafusion::common::{Result, internal_datafusion_err};
use schemas::digest::content_commitment;

/// The columns of an event that every content row repeats: (name in `contents`, name in the log).
pub(super) const PARENT_COLUMNS: &[(&str, &str)] = &[
    ("event_id", "id"),
    ("stream", "stream"),
    ("session", "session"),
    ("kind", "kind"),
    ("time", "time"),
    ("committed_at", "committed_at"),
    ("log_partition", "log_partition"),
    ("leaf", "leaf"),
];
/// The fields of a content that are there without reading its bytes; the commitment only of contents that are not inline.
pub(super) const DESCRIBED: &[&str] = &["name", "media_type", "size", "commitment", "blob"];

/// The contents of one batch of events.
#[derive(Debug, Clone)]
pub(super) struct Exploded {
    /// Columns that can be filtered before any bytes are touched, under their names in `contents`.
    pub(super) described: RecordBatch,
    /// Position of each row's content in `elements`.
    element: UInt32Array,
    elements: StructArray,
}

impl Exploded {
    /// Explodes `events`, whose columns are those of [`PARENT_COLUMNS`] and `contents`.
    pub(super) fn new(events: &RecordBatch, schema: &SchemaRef) -> Result<Self> {
        let lists: &ListArray = column(events, "contents")?.as_list_opt().ok_or_else(|| wrong("contents"))?;
        let elements = lists.values().as_struct_opt().ok_or_else(|| wrong("contents"))?.clone();
        let (mut parent, mut element, mut position) = (Vec::new(), Vec::new(), Vec::new());
        for row in (0..lists.len()).filter(|row| lists.is_valid(*row)) {
            let (from, to) = (lists.value_offsets()[row], lists.value_offsets()[row + 1]);
            for (place, index) in (from..to).enumerate() {
                parent.push(u32::try_from(row).map_err(|_| wrong("contents"))?);
                element.push(u32::try_from(index).map_err(|_| wrong("contents"))?);
                position.push(i64::try_from(place).unwrap_or(i64::MAX));
            }
        }
        let (parent, element) = (UInt32Array::from(parent), UInt32Array::from(element));
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let name = field.name().as_str();
            columns.push(match PARENT_COLUMNS.iter().find(|(own, _)| *own == name) {
                Some((_, in_log)) => take(column(events, in_log)?, &parent, None)?,
                None if name == "position" => std::sync::Arc::new(Int64Array::from(std::mem::take(&mut position))),
                None => take(elements.column_by_name(name).ok_or_else(|| wrong(name))?, &element, None)?,
            });
        }
        let described = RecordBatch::try_new(std::sync::Arc::clone(schema), columns)?;
        Ok(Self { described, element, elements })
    }

    /// The rows for which `keep` holds.
    pub(super) fn filter(self, keep: &BooleanArray) -> Result<Self> {
        let described = arrow::compute::filter_record_batch(&self.described, keep)?;
        let element = filter(&self.element, keep)?;
        let element = element.as_primitive_opt().ok_or_else(|| wrong("contents"))?.clone();
        Ok(Self { described, element, elements: self.elements })
    }

    pub(super) fn rows(&self) -> usize {
        self.described.num_rows()
    }

    /// The contents as they were sent, with their bytes.
    pub(super) fn sent(&self) -> Result<Sent<'_>> {
        Ok(Sent {
            element: &self.element,
            stream: text(&self.described, "stream")?,
            commitment: self
                .described
                .column_by_name("commitment")
                .and_then(|c| c.as_binary_opt())
                .ok_or_else(|| wrong("commitment"))?,
            blob: text(&self.described, "blob")?,
            size: self
                .described
                .column_by_name("size")
                .and_then(|c| c.as_primitive_opt())
                .ok_or_else(|| wrong("size"))?,
            salt: self.elements.column_by_name("salt").and_then(|c| c.as_binary_opt()).ok_or_else(|| wrong("salt"))?,
            bytes: self
                .elements
                .column_by_name("bytes")
                .and_then(|c| c.as_binary_opt())
                .ok_or_else(|| wrong("bytes"))?,
        })
    }
}

/// Typed access to the rows of an [`Exploded`].
#[derive(Debug)]
pub(super) struct Sent<'a> {
    element: &'a UInt32Array,
    stream: &'a StringArray,
    commitment: &'a BinaryArray,
    blob: &'a StringArray,
    size: &'a Int64Array,
    salt: &'a BinaryArray,
    bytes: &'a BinaryArray,
}

/// One content as it was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct SentContent<'a> {
    pub(super) stream: &'a str,
    stored: Option<&'a [u8]>,
    pub(super) size: i64,
    pub(super) salt: Option<&'a [u8]>,
    pub(super) bytes: Option<&'a [u8]>,
    pub(super) blob: Option<&'a str>,
}

impl SentContent<'_> {
    /// The commitment: as it is stored, or computed where salt and bytes stand in its place.
    pub(super) fn commitment(&self) -> Option<Vec<u8>> {
        let computed = || Some(content_commitment(self.salt?, self.bytes?).to_vec());
        self.stored.map(<[u8]>::to_vec).or_else(computed)
    }

    /// Whether it was sent by reference: nothing but the commitment is here.
    pub(super) fn is_reference(&self) -> bool {
        self.salt.is_none() && self.bytes.is_none() && self.blob.is_none()
    }

    /// What it is found by.
    pub(super) fn key(&self) -> Key {
        (self.stream.to_owned(), self.commitment().unwrap_or_default())
    }
}

impl<'a> Sent<'a> {
    /// The content of `row`.
    pub(super) fn get(&self, row: usize) -> SentContent<'a> {
        let element = self.element.value(row) as usize;
        let text = |array: &'a StringArray| array.is_valid(row).then(|| array.value(row));
        let inner = |array: &'a BinaryArray| array.is_valid(element).then(|| array.value(element));
        SentContent {
            stream: text(self.stream).unwrap_or_default(),
            stored: self.commitment.is_valid(row).then(|| self.commitment.value(row)),
            size: if self.size.is_valid(row) { self.size.value(row) } else { 0 },
            salt: inner(self.salt),
            bytes: inner(self.bytes),
            blob: text(self.blob),
        }
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef> {
    batch.column_by_name(name).ok_or_else(|| wrong(name))
}

fn text<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray> {
    batch.column_by_name(name).and_then(|c| c.as_string_opt()).ok_or_else(|| wrong(name))
}

fn wrong(column: &str) -> datafusion::error::DataFusionError {
    internal_datafusion_err!("column {column} is missing or has another type than schemas::columns says")
}
