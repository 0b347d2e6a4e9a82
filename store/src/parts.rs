//! Parts of large contents that wait for the batch which claims them.
//!
//! Anyone who may write to the log can send parts, signed by nobody; so what waits is bounded three ways: in bytes
//! ([`PARTS_BYTES_MAX`]), in number ([`PARTS_MAX`]) and in age ([`PARTS_RECORDS_MAX`]). Guarantee: what must give way is
//! handed back, oldest first, to be kept as a reject; nothing is dropped but a repeat of a part that waits already.
//! `first_offset` tells from which log offset a restart must read to find all waiting parts again. Taking a part costs
//! logarithmic time, however many wait.

use bytes::{Bytes, BytesMut};
use schemas::limits::{CONTENT_BYTES_MAX, CONTENT_PART_BYTES};
use schemas::record::ContentPart;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Most bytes of parts that wait in one partition, each with [`PART_OVERHEAD_BYTES`].
pub(crate) const PARTS_BYTES_MAX: u64 = 256 * 1_048_576;
/// Bytes that a waiting part counts beyond its record: what it costs in maps and buffers, so that tiny ones count too.
pub(crate) const PART_OVERHEAD_BYTES: u64 = 1_024;
/// Most parts that wait in one partition.
pub(crate) const PARTS_MAX: usize = 65_536;
/// How many log records a content may be behind the newest: one that nobody claims must not hold the log for ever.
pub(crate) const PARTS_RECORDS_MAX: u64 = 1_000_000;

/// A part that waits.
#[derive(Debug)]
struct Part {
    offset: u64,
    record: Bytes,
    data: Bytes,
}

impl Part {
    fn weight(&self) -> u64 {
        self.record.len() as u64 + PART_OVERHEAD_BYTES
    }

    fn orphan(self) -> Orphan {
        Orphan { offset: self.offset, record: self.record }
    }
}

/// A content whose parts wait.
#[derive(Debug)]
struct Waiting {
    size: u64,
    count: u32,
    parts: BTreeMap<u32, Part>,
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
    /// The contents by the offset of the part that came first.
    oldest: BTreeSet<(u64, [u8; 32])>,
    /// Parts that wait.
    count: usize,
    /// Their weight.
    bytes: u64,
}

impl Parts {
    /// Takes a part; returns what must give way, or why the part itself is malformed.
    pub(crate) fn insert(&mut self, offset: u64, record: Bytes, part: ContentPart) -> Result<Vec<Orphan>, String> {
        let commitment = check(&part)?;
        if let Some(slot) = self.waiting.get(&commitment)
            && (slot.size, slot.count) != (part.size, part.count)
        {
            return Err(format!(
                "part of a content of {} bytes in {} parts, but an earlier part of it says {} bytes in {}",
                part.size, part.count, slot.size, slot.count
            ));
        }
        let mut orphans = self.expire(offset);
        orphans.extend(self.put(commitment, offset, record, part));
        while (self.bytes > PARTS_BYTES_MAX || self.count > PARTS_MAX)
            && let Some((_, commitment)) = self.oldest.first().copied()
        {
            orphans.extend(self.take(&commitment).into_values().map(Part::orphan));
        }
        Ok(orphans)
    }

    /// Hands back the contents that are more than [`PARTS_RECORDS_MAX`] records behind `newest`.
    pub(crate) fn expire(&mut self, newest: u64) -> Vec<Orphan> {
        let mut orphans = Vec::new();
        while let Some((first, commitment)) = self.oldest.first().copied()
            && newest.saturating_sub(first) > PARTS_RECORDS_MAX
        {
            orphans.extend(self.take(&commitment).into_values().map(Part::orphan));
        }
        orphans
    }

    /// The whole content under `commitment`, when all its parts are here; they stay until [`Parts::remove`].
    pub(crate) fn assemble(&self, commitment: &[u8; 32]) -> Option<Bytes> {
        let slot = self.waiting.get(commitment)?;
        if slot.parts.len() != slot.count as usize {
            return None;
        }
        let mut whole = BytesMut::with_capacity(usize::try_from(slot.size).ok()?);
        slot.parts.values().for_each(|part| whole.extend_from_slice(&part.data));
        (whole.len() as u64 == slot.size).then(|| whole.freeze())
    }

    /// Lets go of the parts of a claimed content.
    pub(crate) fn remove(&mut self, commitment: &[u8; 32]) {
        self.take(commitment);
    }

    /// First log offset that still matters, if parts wait.
    pub(crate) fn first_offset(&self) -> Option<u64> {
        self.oldest.first().map(|(offset, _)| *offset)
    }

    /// Puts a part into its content; gives the one of other bytes whose place it takes.
    fn put(&mut self, commitment: [u8; 32], offset: u64, record: Bytes, part: ContentPart) -> Option<Orphan> {
        let slot = self.waiting.entry(commitment).or_insert_with(|| {
            self.oldest.insert((offset, commitment));
            Waiting { size: part.size, count: part.count, parts: BTreeMap::new(), first_offset: offset }
        });
        if slot.parts.get(&part.index).is_some_and(|known| known.data == part.data) {
            return None;
        }
        let new = Part { offset, record, data: part.data };
        self.bytes += new.weight();
        self.count += 1;
        let replaced = slot.parts.insert(part.index, new)?;
        self.bytes -= replaced.weight();
        self.count -= 1;
        Some(replaced.orphan())
    }

    /// Takes a content's parts out.
    fn take(&mut self, commitment: &[u8; 32]) -> BTreeMap<u32, Part> {
        let Some(slot) = self.waiting.remove(commitment) else { return BTreeMap::new() };
        self.oldest.remove(&(slot.first_offset, *commitment));
        self.count -= slot.parts.len();
        self.bytes -= slot.parts.values().map(Part::weight).sum::<u64>();
        slot.parts
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

#[cfg(test)]
mod tests {
    use super::{CONTENT_PART_BYTES, PART_OVERHEAD_BYTES, PARTS_BYTES_MAX, PARTS_MAX, PARTS_RECORDS_MAX, Parts};
    use bytes::Bytes;
    use schemas::record::ContentPart;

    fn name(n: u64) -> [u8; 32] {
        let mut name = [0; 32];
        name[..8].copy_from_slice(&n.to_le_bytes());
        name
    }

    fn part(n: u64, size: u64, index: u32, data: impl Into<Bytes>) -> ContentPart {
        ContentPart {
            commitment: Bytes::copy_from_slice(&name(n)),
            size,
            index,
            count: size.div_ceil(CONTENT_PART_BYTES as u64) as u32,
            data: data.into(),
            partition_key: "k".to_owned(),
        }
    }

    /// A content of one byte, at an offset of the same number.
    fn tiny(parts: &mut Parts, n: u64) -> Vec<u64> {
        let orphans = parts.insert(n, Bytes::from_static(b"record"), part(n, 1, 0, "x")).unwrap();
        orphans.into_iter().map(|o| o.offset).collect()
    }

    #[test]
    fn tiny_parts_are_bounded_in_number_and_the_oldest_give_way() {
        let mut parts = Parts::default();
        let most = PARTS_MAX as u64;
        assert!((0..most).all(|n| tiny(&mut parts, n).is_empty()));
        assert_eq!(tiny(&mut parts, most), [0]);
        assert_eq!(tiny(&mut parts, most + 1), [1]);
        assert_eq!((parts.first_offset(), parts.count), (Some(2), PARTS_MAX));
        (0..most + 2).for_each(|n| parts.remove(&name(n)));
        assert_eq!((parts.first_offset(), parts.count, parts.bytes), (None, 0, 0));
    }

    #[test]
    fn bytes_count_with_what_a_part_costs_beyond_them() {
        let mut parts = Parts::default();
        let (size, data) = (CONTENT_PART_BYTES as u64, Bytes::from(vec![7; CONTENT_PART_BYTES]));
        let fit = PARTS_BYTES_MAX / (size + PART_OVERHEAD_BYTES);
        assert!(fit < PARTS_BYTES_MAX / size, "the overhead counts");
        for n in 0..fit {
            assert!(parts.insert(n, data.clone(), part(n, size, 0, data.clone())).unwrap().is_empty());
        }
        let orphans = parts.insert(fit, data.clone(), part(fit, size, 0, data.clone())).unwrap();
        assert_eq!(orphans.iter().map(|o| o.offset).collect::<Vec<_>>(), [0]);
        assert!(parts.bytes <= PARTS_BYTES_MAX);
    }

    #[test]
    fn a_part_that_nobody_claims_does_not_hold_the_log_for_ever() {
        let mut parts = Parts::default();
        assert!(tiny(&mut parts, 5).is_empty());
        assert!(parts.expire(5 + PARTS_RECORDS_MAX).is_empty());
        assert_eq!(parts.first_offset(), Some(5));
        assert_eq!(tiny(&mut parts, 6 + PARTS_RECORDS_MAX), [5], "another part is reason enough to look");
        let gone: Vec<u64> = parts.expire(7 + 2 * PARTS_RECORDS_MAX).into_iter().map(|o| o.offset).collect();
        assert_eq!((gone, parts.first_offset()), (vec![6 + PARTS_RECORDS_MAX], None));
        // The late part of a content whose first one is too old begins it anew and is not lost.
        let size = CONTENT_PART_BYTES as u64 + 1;
        let data = vec![7; CONTENT_PART_BYTES];
        assert!(parts.insert(1, Bytes::new(), part(1, size, 0, data)).unwrap().is_empty());
        let orphans = parts.insert(2 + PARTS_RECORDS_MAX, Bytes::new(), part(1, size, 1, "x")).unwrap();
        assert_eq!(orphans.iter().map(|o| o.offset).collect::<Vec<_>>(), [1]);
        assert_eq!(parts.first_offset(), Some(2 + PARTS_RECORDS_MAX));
    }

    #[test]
    fn a_repeat_changes_nothing_and_other_bytes_in_its_place_hand_the_first_back() {
        let mut parts = Parts::default();
        let record = || Bytes::from_static(b"record");
        assert!(parts.insert(1, record(), part(1, 1, 0, "x")).unwrap().is_empty());
        assert!(parts.insert(2, record(), part(1, 1, 0, "x")).unwrap().is_empty());
        assert_eq!((parts.count, parts.first_offset()), (1, Some(1)));
        let orphans = parts.insert(3, record(), part(1, 1, 0, "y")).unwrap();
        assert_eq!(orphans.iter().map(|o| o.offset).collect::<Vec<_>>(), [1]);
        assert_eq!(parts.assemble(&name(1)).as_deref(), Some(&b"y"[..]));
        assert!(parts.insert(4, record(), part(1, 2, 0, "xy")).is_err(), "of another size");
        parts.remove(&name(1));
        assert_eq!((parts.count, parts.bytes, parts.first_offset()), (0, 0, None));
    }
}
