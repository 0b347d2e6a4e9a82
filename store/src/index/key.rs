//! Keys of the index and places of events.
//!
//! A key is the first 8 bytes of BLAKE3 over a domain and the parts of a value, each with its length before it. Two
//! values may share a key (one chance in 2^64 for a pair), so whoever follows one compares the node that it finds.

/// Context of the digest: keys of one format are never taken for those of another.
const KEY_CONTEXT: &str = "hansard 2026 index key v1";
/// Bits of a place that hold the leaf.
const LEAF_BITS: u32 = 48;

/// What a value is a value of. Who offers something and who refers to it are different domains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Domain {
    Id,
    CausedBy,
    NativeId,
    Call,
    Result,
    Issued,
    Used,
    Asked,
    Answered,
    VersionWritten,
    VersionRead,
    // With a time:
    Subject,
    Written,
    Read,
    Content,
}

impl Domain {
    fn tag(self) -> u8 {
        match self {
            Self::Id => 1,
            Self::CausedBy => 2,
            Self::NativeId => 3,
            Self::Call => 4,
            Self::Result => 5,
            Self::Issued => 6,
            Self::Used => 7,
            Self::Asked => 8,
            Self::Answered => 9,
            Self::VersionWritten => 10,
            Self::VersionRead => 11,
            Self::Subject => 33,
            Self::Written => 34,
            Self::Read => 35,
            Self::Content => 36,
        }
    }
}

/// A key. See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub u64);

impl Key {
    pub(super) fn of(domain: Domain, parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(KEY_CONTEXT);
        hasher.update(&[domain.tag()]);
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let mut head = [0; 8];
        hasher.finalize_xof().fill(&mut head);
        Self(u64::from_be_bytes(head))
    }

    pub(super) fn text(domain: Domain, parts: &[&str]) -> Self {
        let parts: Vec<&[u8]> = parts.iter().map(|p| p.as_bytes()).collect();
        Self::of(domain, &parts)
    }
}

/// The key of a content by the BLAKE3 digest of its bytes.
#[must_use]
pub fn content_key(digest: &[u8; 32]) -> Key {
    Key::of(Domain::Content, &[digest])
}

/// Where an event stands: log partition and leaf. Ordered by partition, then leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(pub u64);

impl Place {
    /// The place of `leaf` in `partition`; `None` beyond 2^16 partitions or 2^48 leaves.
    #[must_use]
    pub fn new(partition: u32, leaf: u64) -> Option<Self> {
        let partition = u16::try_from(partition).ok()?;
        (leaf >> LEAF_BITS == 0).then(|| Self((u64::from(partition) << LEAF_BITS) | leaf))
    }

    /// Log partition.
    #[must_use]
    pub fn partition(self) -> u32 {
        (self.0 >> LEAF_BITS) as u32
    }

    /// Position in the partition's tree.
    #[must_use]
    pub fn leaf(self) -> u64 {
        self.0 & ((1 << LEAF_BITS) - 1)
    }
}

/// Bytes of an entry without a time: key, place.
pub(super) const PLAIN_BYTES: usize = 16;
/// Bytes of an entry with a time: key, time, place.
pub(super) const TIMED_BYTES: usize = 24;

/// An entry whose bytes sort as (key, place).
pub(super) fn plain_entry(key: Key, place: Place) -> [u8; PLAIN_BYTES] {
    let mut entry = [0; PLAIN_BYTES];
    entry[..8].copy_from_slice(&key.0.to_be_bytes());
    entry[8..].copy_from_slice(&place.0.to_be_bytes());
    entry
}

/// An entry whose bytes sort as (key, time, place). `at`: microseconds since 1970.
pub(super) fn timed_entry(key: Key, at: i64, place: Place) -> [u8; TIMED_BYTES] {
    let mut entry = [0; TIMED_BYTES];
    entry[..8].copy_from_slice(&key.0.to_be_bytes());
    entry[8..16].copy_from_slice(&((at as u64) ^ (1 << 63)).to_be_bytes());
    entry[16..].copy_from_slice(&place.0.to_be_bytes());
    entry
}

fn word(entry: &[u8], at: usize) -> u64 {
    entry.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_be_bytes)
}

/// Time and place of a timed entry.
pub(super) fn timed_of(entry: &[u8]) -> (i64, Place) {
    ((word(entry, 8) ^ (1 << 63)) as i64, Place(word(entry, 16)))
}

/// Place of a plain entry.
pub(super) fn place_of(entry: &[u8]) -> Place {
    Place(word(entry, 8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn entries_sort_as_their_values(a in any::<(u64, i64, u16, u32)>(), b in any::<(u64, i64, u16, u32)>()) {
            let place = |t: &(u64, i64, u16, u32)| Place::new(u32::from(t.2), u64::from(t.3)).expect("in range");
            let (ea, eb) = (timed_entry(Key(a.0), a.1, place(&a)), timed_entry(Key(b.0), b.1, place(&b)));
            prop_assert_eq!(ea.cmp(&eb), a.cmp(&b));
            prop_assert_eq!(timed_of(&ea), (a.1, place(&a)));
            prop_assert_eq!(place_of(&plain_entry(Key(a.0), place(&a))), place(&a));
            prop_assert_eq!((place(&a).partition(), place(&a).leaf()), (u32::from(a.2), u64::from(a.3)));
        }
    }

    #[test]
    fn parts_of_a_value_do_not_run_into_each_other() {
        assert_ne!(Key::text(Domain::Call, &["ab", "c"]), Key::text(Domain::Call, &["a", "bc"]));
        assert_ne!(Key::text(Domain::Call, &["a"]), Key::text(Domain::Result, &["a"]));
        assert_eq!(Place::new(70_000, 1), None);
        assert_eq!(Place::new(1, 1 << 48), None);
    }
}
