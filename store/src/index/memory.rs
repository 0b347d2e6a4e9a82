//! An index of some events in memory: of segments that no index object covers yet, and of what is not committed.
//!
//! Guarantee: sorted once, then read only. Nothing of it is stored.

use super::extract::extract;
use super::key::{Key, PLAIN_BYTES, Place, TIMED_BYTES, place_of, plain_entry, timed_entry, timed_of};
use super::node::Node;
use crate::error::Result;
use arrow::array::RecordBatch;
use std::ops::Range;
use std::sync::Arc;

/// Bytes that a node takes in memory, roughly, beside its texts.
const NODE_BYTES: usize = 900;

/// See the module.
#[derive(Debug, Default)]
pub struct MemoryPart {
    pub(super) plain: Vec<[u8; PLAIN_BYTES]>,
    pub(super) timed: Vec<[u8; TIMED_BYTES]>,
    pub(super) nodes: Vec<(Place, Arc<Node>)>,
}

impl MemoryPart {
    /// An index of the event rows of `batches` whose leaf lies in `leaves`; the batches hold [`super::needed_columns`].
    ///
    /// # Errors
    /// `Corrupt` when a column is missing or of another type.
    pub fn of<'a>(
        partition: u32,
        batches: impl IntoIterator<Item = &'a RecordBatch>,
        leaves: &Range<u64>,
    ) -> Result<Self> {
        let mut part = Self::default();
        for batch in batches {
            extract(partition, batch, leaves, |place, node| part.add(place, node))?;
        }
        part.sort();
        Ok(part)
    }

    pub(super) fn add(&mut self, place: Place, node: Node) {
        node.plain_keys(|key| self.plain.push(plain_entry(key, place)));
        let at = node.at();
        node.timed_keys(|key| self.timed.push(timed_entry(key, at, place)));
        self.nodes.push((place, Arc::new(node)));
    }

    pub(super) fn sort(&mut self) {
        self.plain.sort_unstable();
        self.plain.dedup();
        self.timed.sort_unstable();
        self.timed.dedup();
        self.nodes.sort_by_key(|(place, _)| *place);
    }

    pub(super) fn weight(&self) -> usize {
        self.plain.len() * PLAIN_BYTES + self.timed.len() * TIMED_BYTES + self.nodes.len() * NODE_BYTES
    }

    pub(super) fn places(&self, key: Key, each: &mut impl FnMut(Place)) {
        let low = plain_entry(key, Place(0));
        let from = self.plain.partition_point(|entry| *entry < low);
        self.plain[from..].iter().take_while(|entry| entry[..8] == low[..8]).for_each(|entry| each(place_of(entry)));
    }

    /// Entries from `low` on, up to `high`, in order or against it.
    pub(super) fn timed(
        &self,
        low: &[u8; TIMED_BYTES],
        high: &[u8; TIMED_BYTES],
        back: bool,
        max: usize,
    ) -> Vec<(i64, Place)> {
        let from = self.timed.partition_point(|entry| entry < low);
        let to = self.timed.partition_point(|entry| entry < high).max(from);
        let range = self.timed[from..to].iter().map(|entry| timed_of(entry));
        if back { range.rev().take(max).collect() } else { range.take(max).collect() }
    }

    pub(super) fn node(&self, place: Place) -> Option<&Arc<Node>> {
        self.nodes.binary_search_by_key(&place, |(at, _)| *at).ok().map(|i| &self.nodes[i].1)
    }
}
