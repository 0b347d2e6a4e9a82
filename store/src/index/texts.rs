//! The texts of events in the index: what is indexed of a stretch of rows.
//!
//! Guarantee: every content whose bytes are text (UTF-8) and lie in the row, or in a blob of at most
//! [`BLOB_BYTES_MAX`], is indexed under its event's place; a content that was sent by reference is found where its bytes
//! first stood. Binary contents are not. Memory: the rows of one step.

use super::extract::{field, fields, moment};
use crate::error::Result;
use crate::layout;
use crate::location::Storage;
use crate::scan::{binary, column, integer, text};
use crate::text_index::{BuiltText, RunSpan, TextBuilder, TextLimits};
use arrow::array::{Array, BinaryArray, Int64Array, ListArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use bytes::Bytes;
use std::collections::HashMap;

/// Largest blob that is indexed, in bytes.
const BLOB_BYTES_MAX: i64 = 16 * 1_048_576;

/// Where a text stands in the batches.
struct At {
    leaf: u64,
    position: u16,
    time_us: i64,
    batch: usize,
    element: usize,
}

/// The blobs that hold contents of `batches`, by name.
pub(super) async fn blobs(storage: &Storage, batches: &[RecordBatch]) -> Result<HashMap<String, Bytes>> {
    let mut found = HashMap::new();
    for batch in batches {
        let lists: &ListArray = column(batch, "contents")?;
        let elements = fields(lists.values(), "contents")?;
        let (names, sizes): (&StringArray, &Int64Array) = (field(elements, "blob")?, field(elements, "size")?);
        for i in 0..names.len() {
            let Some(name) = text(names, i).filter(|_| sizes.value(i) <= BLOB_BYTES_MAX) else { continue };
            if !found.contains_key(name)
                && let Some(bytes) = storage.get(&layout::blob(name)).await?
            {
                found.insert(name.to_owned(), bytes);
            }
        }
    }
    Ok(found)
}

/// Indexes the texts of the rows with a leaf of `span`; `None` when there are none.
pub(super) fn build(
    span: &RunSpan,
    batches: &[RecordBatch],
    blobs: &HashMap<String, Bytes>,
    limits: TextLimits,
) -> Result<Option<BuiltText>> {
    let mut places = Vec::new();
    for (n, batch) in batches.iter().enumerate() {
        places_of(n, batch, span, &mut places)?;
    }
    places.sort_by_key(|at| (at.leaf, at.position));
    let columns = batches.iter().map(elements).collect::<Result<Vec<_>>>()?;
    let mut builder = TextBuilder::new(span, limits)?;
    let mut any = false;
    for at in &places {
        let (bytes, names) = columns[at.batch];
        let inline = binary(bytes, at.element);
        let held = inline.or_else(|| text(names, at.element).and_then(|name| blobs.get(name)).map(|b| &b[..]));
        if let Some(said) = held.and_then(|bytes| std::str::from_utf8(bytes).ok()).filter(|said| !said.is_empty()) {
            builder.add(at.leaf, at.position, at.time_us, said)?;
            any = true;
        }
    }
    if any { builder.finish().map(Some) } else { Ok(None) }
}

fn elements(batch: &RecordBatch) -> Result<(&BinaryArray, &StringArray)> {
    let elements = fields(column::<ListArray>(batch, "contents")?.values(), "contents")?;
    Ok((field(elements, "bytes")?, field(elements, "blob")?))
}

fn places_of(batch: usize, rows: &RecordBatch, span: &RunSpan, places: &mut Vec<At>) -> Result<()> {
    let lists: &ListArray = column(rows, "contents")?;
    let leaves: &Int64Array = column(rows, "leaf")?;
    let time: &TimestampMicrosecondArray = column(rows, "time")?;
    let committed: &TimestampMicrosecondArray = column(rows, "committed_at")?;
    for row in 0..rows.num_rows() {
        let leaf = integer(leaves, row).filter(|leaf| (span.leaf_from..span.leaf_to).contains(leaf));
        let Some(leaf) = leaf.filter(|_| lists.is_valid(row)) else { continue };
        let time_us = moment(time, row).or_else(|| moment(committed, row)).unwrap_or(i64::MAX);
        let (from, to) = (lists.value_offsets()[row] as usize, lists.value_offsets()[row + 1] as usize);
        for (position, element) in (from..to).enumerate() {
            let position = u16::try_from(position).unwrap_or(u16::MAX);
            places.push(At { leaf, position, time_us, batch, element });
        }
    }
    Ok(())
}
