//! Parts of large contents that wait for the batch which claims them.
//!
//! Guarantee: bounded by [`PARTS_BYTES_MAX`]; what waits too long is handed back, oldest first, to be kept as a reject.
//! `first_offset` tells from which log offset a restart must read to find all waiting parts again.

use bytes::{Bytes, BytesMut};
use schemas::limits::{CONTENT_BYTES_MAX, CONTENT_PART_BYTES};
use schemas::record::ContentPart;
use std::collections::{BTreeMap, HashMap};

/// Most bytes of parts that wait in one partition.
pub(crate) const PARTS_BYTES_MAX: u64 = 256 * 1_048_576;

#[derive(Debug)]
struct Waiting {
    size: u64,
    count: u32,
    parts: BTreeMap<u32, (u64, Bytes, Bytes)>,
    first_offset: u64,
}

/// A part that nobody claimed: its offset and the log record.
#[derive(Debug)]
pub(crate) struct Orphan {
    pub(crate) offset: u64,
    pub(crate) record: Bytes,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    waiting: HashMap<[u8; 32], Waiting>,
    bytes: u64,
}

impl Parts {
    /// Takes a part; returns what must give way, or why the part itself is malformed.
    pub(crate) fn insert(&mut self, offset: u64, record: Bytes, part: ContentPart) -> Result<Vec<Orphan>, String> {
        let commitment = check(&part)?;
        let slot = self.waiting.entry(commitment).or_insert_with(|| Waiting {
            size: part.size,
            count: part.count,
            parts: BTreeMap::new(),
            first_offset: offset,
        });
        if (slot.size, slot.count) != (part.size, part.count) {
            return Err(format!(
                "part of a content of {} bytes in {} parts, but an earlier part of it says {} bytes in {}",
                part.size, part.count, slot.size, slot.count
            ));
        }
        let added = part.data.len() as u64;
        if slot.parts.insert(part.index, (offset, record, part.data)).is_none() {
            self.bytes += added;
        }
        let mut orphans = Vec::new();
        while self.bytes > PARTS_BYTES_MAX {
            orphans.extend(self.evict_oldest());
        }
        Ok(orphans)
    }

    /// The whole content under `commitment`, when all its parts are here; they stay until [`Parts::remove`].
    pub(crate) fn assemble(&self, commitment: &[u8; 32]) -> Option<Bytes> {
        let slot = self.waiting.get(commitment)?;
        if slot.parts.len() != slot.count as usize {
            return None;
        }
        let mut whole = BytesMut::with_capacity(usize::try_from(slot.size).ok()?);
        slot.parts.values().for_each(|(_, _, data)| whole.extend_from_slice(data));
        (whole.len() as u64 == slot.size).then(|| whole.freeze())
    }

    /// Lets go of the parts of a claimed content.
    pub(crate) fn remove(&mut self, commitment: &[u8; 32]) {
        if let Some(slot) = self.waiting.remove(commitment) {
            self.bytes -= slot.parts.values().map(|(_, _, d)| d.len() as u64).sum::<u64>();
        }
    }

    /// First log offset that still matters, if parts wait.
    pub(crate) fn first_offset(&self) -> Option<u64> {
        self.waiting.values().map(|w| w.first_offset).min()
    }

    fn evict_oldest(&mut self) -> Vec<Orphan> {
        let oldest = self.waiting.iter().min_by_key(|(_, w)| w.first_offset).map(|(c, _)| *c);
        let Some(slot) = oldest.and_then(|c| self.waiting.remove(&c)) else { return Vec::new() };
        self.bytes -= slot.parts.values().map(|(_, _, d)| d.len() as u64).sum::<u64>();
        slot.parts.into_values().map(|(offset, record, _)| Orphan { offset, record }).collect()
    }
}

fn check(part: &ContentPart) -> Result<[u8; 32], String> {
    let commitment: [u8; 32] = part
        .commitment
        .as_ref()
        .try_into()
        .map_err(|_| format!("commitment of {} bytes, expected 32", part.commitment.len()))?;
    if part.size > CONTENT_BYTES_MAX {
        return Err(format!("content of {} bytes, at most {CONTENT_BYTES_MAX} are allowed", part.size));
    }
    let count = part.size.div_ceil(CONTENT_PART_BYTES as u64);
    if u64::from(part.count) != count || part.index >= part.count {
        return Err(format!("part {} of {}, but {} bytes make {count} parts", part.index, part.count, part.size));
    }
    let last = part.index + 1 == part.count;
    let want = if last { part.size - (count - 1) * CONTENT_PART_BYTES as u64 } else { CONTENT_PART_BYTES as u64 };
    if part.data.len() as u64 != want {
        return Err(format!("part {} has {} bytes, expected {want}", part.index, part.data.len()));
    }
    Ok(commitment)
}
