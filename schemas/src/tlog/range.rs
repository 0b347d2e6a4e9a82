//! The frontier of a tree: the roots of the complete subtrees that cover its leaves from the left.
//!
//! A frontier of `[0, size)` holds one hash for each set bit of `size`, the largest subtree first, and is all that is
//! needed to append to a tree and to know its root (RFC 6962 section 2.1; named "compact range" by Trillian and Tessera).
//!
//! Guarantees that the number of hashes always equals the number of set bits of the size. It does not know whether the
//! hashes are true: only comparing [`CompactRange::root`] with a signed root does. Construction fails with [`RangeError`].

use super::hash::{EMPTY_ROOT, HASH_BYTES, Hash, bytes_of, hashes_of, node_hash};
use super::{HashError, SIZE_MAX};

/// The frontier of the first `size` leaves of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CompactRange {
    size: u64,
    /// One hash for each set bit of `size`, the largest subtree first.
    hashes: Vec<Hash>,
}

/// Why a size and hashes are not a frontier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// The size is above [`SIZE_MAX`].
    #[error("a tree of {size} leaves is larger than the limit of {SIZE_MAX}")]
    Size {
        /// The size that was given.
        size: u64,
    },
    /// The number of hashes does not follow from the size.
    #[error("the frontier of {size} leaves has {expected} hashes, found {found}")]
    Count {
        /// The size that was given.
        size: u64,
        /// Set bits of that size.
        expected: usize,
        /// Hashes that were given.
        found: usize,
    },
    /// The bytes are not a whole number of hashes.
    #[error("the frontier is not a run of {HASH_BYTES}-byte hashes")]
    Bytes(#[source] HashError),
}

impl CompactRange {
    /// The frontier of the empty tree.
    pub const fn new() -> Self {
        Self { size: 0, hashes: Vec::new() }
    }

    /// Rebuilds a frontier from its parts, the hash of the largest subtree first.
    pub fn from_parts(size: u64, hashes: Vec<Hash>) -> Result<Self, RangeError> {
        if size > SIZE_MAX {
            return Err(RangeError::Size { size });
        }
        let expected = size.count_ones() as usize;
        if hashes.len() != expected {
            return Err(RangeError::Count { size, expected, found: hashes.len() });
        }
        Ok(Self { size, hashes })
    }

    /// Reads what [`CompactRange::to_bytes`] wrote; the size is not part of the bytes.
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Result<Self, RangeError> {
        // Checked before any hash is copied, so that long input cannot make a long allocation.
        let expected = size.count_ones() as usize;
        if bytes.len() / HASH_BYTES > expected {
            return Err(RangeError::Count { size, expected, found: bytes.len() / HASH_BYTES });
        }
        Self::from_parts(size, hashes_of(bytes).map_err(RangeError::Bytes)?)
    }

    /// Writes the hashes back to back, 32 bytes each, the largest subtree first.
    pub fn to_bytes(&self) -> Vec<u8> {
        bytes_of(&self.hashes)
    }

    /// Number of leaves covered.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The subtree hashes, the largest subtree first.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Adds the next leaf. One node hash per leaf on average.
    pub fn append(&mut self, leaf: Hash) {
        let mut subtree = leaf;
        // Each trailing one bit of the size is a complete subtree as large as the one in hand.
        for _ in 0..self.size.trailing_ones() {
            let Some(left) = self.hashes.pop() else { break };
            subtree = node_hash(&left, &subtree);
        }
        self.hashes.push(subtree);
        // Cannot wrap: a size starts at 2^63 - 1 at most, and no process appends 2^63 leaves.
        self.size = self.size.wrapping_add(1);
    }

    /// The root of the tree over these leaves: the subtrees joined from the right (RFC 6962 section 2.1).
    pub fn root(&self) -> Hash {
        join_from_right(&self.hashes)
    }
}

impl Extend<Hash> for CompactRange {
    fn extend<I: IntoIterator<Item = Hash>>(&mut self, leaves: I) {
        for leaf in leaves {
            self.append(leaf);
        }
    }
}

impl FromIterator<Hash> for CompactRange {
    fn from_iter<I: IntoIterator<Item = Hash>>(leaves: I) -> Self {
        let mut range = Self::new();
        range.extend(leaves);
        range
    }
}

/// Joins the hashes of adjacent complete subtrees, the largest first, into the hash of the tree they cover.
pub(super) fn join_from_right(subtrees: &[Hash]) -> Hash {
    let Some((last, larger)) = subtrees.split_last() else {
        return EMPTY_ROOT;
    };
    larger.iter().rev().fold(*last, |right, left| node_hash(left, &right))
}
