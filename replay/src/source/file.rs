//! One segment: which of its rows are wanted, and the events that they are.
//!
//! Guarantee: leaf, times and session decide which rows are read before a header is; of a header that cannot be read
//! the leaf is named.

use super::{Source, Wanted};
use crate::ReplayError;
use crate::state::event::{RowColumns, StateEvent};
use arrow::array::{Array, BinaryArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use schemas::header::Header;
use std::ops::Range;
use store::error::StoreError;
use store::pick;
use store::scan::{binary, column, integer, text};
use store::snapshot::DataFile;

/// What an event is made from.
pub(super) const EVENT_COLUMNS: &[&str] = &["leaf", "committed_at", "attested", "header"];
/// What decides whether a row is wanted.
const DECIDING: &[&str] = &["leaf", "time", "committed_at", "session", "kind"];

impl Source {
    /// The events of a segment that are wanted.
    pub(super) async fn file(&self, file: &DataFile, wanted: &Wanted) -> Result<Vec<StateEvent>, ReplayError> {
        let mut found = Vec::new();
        for batch in self.batches(file, wanted, EVENT_COLUMNS).await? {
            found.extend(events(file.partition, &batch)?.into_iter().filter(|event| wanted.takes(event)));
        }
        Ok(found)
    }

    /// Columns of the rows of a segment that may be wanted.
    pub(super) async fn batches(
        &self,
        file: &DataFile,
        wanted: &Wanted,
        columns: &[&str],
    ) -> Result<Vec<RecordBatch>, ReplayError> {
        let (storage, cache) = (&self.snapshot.storage, &self.cache);
        let (mut rows, mut at) = (Vec::new(), 0);
        for batch in &pick::rows_of(storage, cache, file, DECIDING, None).await? {
            choose(file, batch, wanted, at, &mut rows)?;
            at += batch.num_rows();
        }
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let all = rows.len() == 1 && rows[0] == (0..at);
        let some = (!all).then_some(rows);
        Ok(pick::rows_of(storage, cache, file, columns, some).await?)
    }
}

/// Adds the rows that may be wanted, as ranges in order; `before` rows of the file stand before this batch.
fn choose(
    file: &DataFile,
    batch: &RecordBatch,
    wanted: &Wanted,
    before: usize,
    rows: &mut Vec<Range<usize>>,
) -> Result<(), StoreError> {
    let leaves = column::<Int64Array>(batch, "leaf")?;
    let times = column::<TimestampMicrosecondArray>(batch, "time")?;
    let commits = column::<TimestampMicrosecondArray>(batch, "committed_at")?;
    let sessions = column::<StringArray>(batch, "session")?;
    let kinds = column::<StringArray>(batch, "kind")?;
    let (from, to) = wanted.tail.leaves(file.partition);
    let last = wanted.tail.wanted.until.as_ref().map_or(i64::MAX, |until| until.time_us);
    for row in 0..batch.num_rows() {
        let leaf = integer(leaves, row);
        let committed = commits.value(row);
        let at = if times.is_null(row) { committed } else { times.value(row) };
        let in_tree = leaf.is_some_and(|leaf| leaf >= from && to.is_none_or(|to| leaf < to));
        let known = wanted.tail.wanted.known_us.is_none_or(|known| committed <= known);
        let session = wanted.session.as_deref().is_none_or(|session| text(sessions, row) == Some(session));
        let kind = wanted.kinds.is_empty() || text(kinds, row).is_some_and(|kind| wanted.kinds.contains(&kind));
        let held = || held(wanted, file.partition, leaf.unwrap_or_default(), at, committed);
        if in_tree && known && at <= last && session && kind && !held() {
            let row = before + row;
            match rows.last_mut() {
                Some(range) if range.end == row => range.end += 1,
                _ => rows.push(row..row + 1),
            }
        }
    }
    Ok(())
}

/// Whether a row certainly counts at the point that is held. Of rows at the very time the event decides.
fn held(wanted: &Wanted, partition: u32, leaf: u64, at_us: i64, committed_us: i64) -> bool {
    let held = &wanted.tail.held;
    let in_tree = held.sizes.is_none() || leaf < held.size(partition);
    let in_time = held.until.as_ref().is_none_or(|until| at_us < until.time_us);
    in_tree && in_time && held.known_us.is_none_or(|known| committed_us <= known)
}

/// The events of rows with [`EVENT_COLUMNS`].
pub(super) fn events(partition: u32, batch: &RecordBatch) -> Result<Vec<StateEvent>, ReplayError> {
    let leaves = column::<Int64Array>(batch, "leaf")?;
    let commits = column::<TimestampMicrosecondArray>(batch, "committed_at")?;
    let attested = column::<StringArray>(batch, "attested")?;
    let headers = column::<BinaryArray>(batch, "header")?;
    let mut events = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let (Some(leaf), Some(bytes)) = (integer(leaves, row), binary(headers, row)) else { continue };
        let bad = |detail| ReplayError::Header { partition, leaf, detail };
        let header = Header::parse(bytes).map_err(|e| bad(e.to_string()))?;
        let committed_us = commits.value(row);
        let columns = RowColumns { partition, leaf, committed_us, attested: text(attested, row).unwrap_or_default() };
        events.push(StateEvent::from_header(&header, bytes, columns));
    }
    Ok(events)
}
