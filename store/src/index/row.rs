//! An event's columns from its header and what the index knows, without reading the columns.
//!
//! Guarantee: the plain columns of the segment's row, by the code that wrote them; `checkpoint` and `frontier` are null.

use super::view::Found;
use crate::error::{Result, StoreError};
use crate::row::{Row, RowEvent, column};
use crate::segment;
use arrow::array::{RecordBatch, TimestampMicrosecondArray};
use bytes::Bytes;
use schemas::columns::{RowClass, plain_columns};
use schemas::header::Header;
use std::sync::Arc;

/// Roles of signing keys, as segments spell them.
const ROLES: [&str; 3] = ["self", "gateway", "import"];

/// One row: the plain columns of the event `found`, whose header is `header`; `None` when that is not the header that was
/// indexed, so that its columns must be read.
///
/// # Errors
/// `Corrupt` when the columns do not fit together: a bug.
pub fn columns_of(found: &Found, header: &Bytes) -> Result<Option<RecordBatch>> {
    let node = &found.node;
    let corrupt = |detail: String| StoreError::corrupt(format!("event {}", node.id), detail);
    let Some(parsed) = Header::parse(header).ok().filter(|parsed| parsed.id == node.id) else { return Ok(None) };
    let attested = node.attested.as_deref().unwrap_or_default();
    let event = RowEvent {
        stream_index: node.stream_index,
        stream: node.stream.as_deref().unwrap_or_default().into(),
        signer: node.signer.as_deref().unwrap_or_default().into(),
        attested: ROLES.into_iter().find(|role| *role == attested).unwrap_or_default(),
        header: header.clone(),
        parsed: Some(parsed),
        contents: Vec::new(),
        checkpoint: None,
        frontier: None,
    };
    let row = Row::event(RowClass::Event, found.place.leaf(), node.log_offset, event);
    let schema = segment::schema();
    let plain = plain_columns();
    let fields = schema.fields().iter().filter(|field| plain.iter().any(|(name, ..)| name == field.name()));
    let columns = fields.map(|field| {
        let array = match field.name().as_str() {
            "committed_at" => {
                Arc::new(TimestampMicrosecondArray::from(vec![node.committed_at]).with_timezone("UTC")) as _
            }
            _ => column(field, &[&row], 0),
        };
        (field.name().clone(), array, true)
    });
    RecordBatch::try_from_iter_with_nullable(columns).map(Some).map_err(|e| corrupt(e.to_string()))
}
