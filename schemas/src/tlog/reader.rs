//! Sources of subtree hashes for proofs: leaves in memory, a frontier with a batch on top, and tiles.
//!
//! A subtree `(level, index)` covers the leaves `[index << level, (index + 1) << level)` and is complete.
//!
//! Guarantees: no reader hashes more than its own leaves or one tile for one answer, and [`TileReader`] asks for one
//! tile per answer and checks that it is whole. None checks that the hashes are true; verify the finished proof. A
//! subtree that is not (wholly) in the tree fails with [`MissingSubtree`] or [`TileReadError`].

use std::ops::Range;

use super::hash::{HASH_BYTES, Hash, hashes_of};
use super::range::CompactRange;
use super::tile::{TILE_LEVELS, TILE_WIDTH, TileId};

/// Gives the hashes of complete subtrees.
///
/// An answer must be a pure function of the arguments for as long as a proof is being made. Not retried on error.
pub trait HashReader {
    /// Why a hash cannot be read.
    type Error;

    /// Returns the hash of the complete subtree with the given index among those of 2^level leaves.
    fn subtree(&self, level: u8, index: u64) -> Result<Hash, Self::Error>;
}

/// A subtree that the reader does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("subtree {index} of level {level} is not at hand")]
pub struct MissingSubtree {
    /// Height of the subtree: it covers 2^level leaves.
    pub level: u8,
    /// Position among the subtrees of its level.
    pub index: u64,
}

/// Reads from all leaf hashes of a tree. Costs as many hashes as the subtree has leaves: for tests and small trees.
#[derive(Debug, Clone, Copy)]
pub struct LeafReader<'a>(pub &'a [Hash]);

impl HashReader for LeafReader<'_> {
    type Error = MissingSubtree;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, MissingSubtree> {
        let missing = MissingSubtree { level, index };
        let leaves = leaves_of(level, index).ok_or_else(|| missing.clone())?;
        root_of_slice(self.0, 0, leaves).ok_or(missing)
    }
}

/// Reads from the frontier before a batch and the leaf hashes of that batch.
///
/// This is enough for every inclusion proof of a leaf of the batch, and for the consistency proof from the frontier's
/// size, in the tree that ends with the batch. Costs up to as many hashes as the batch has leaves.
#[derive(Debug, Clone, Copy)]
pub struct RangeReader<'a> {
    before: &'a CompactRange,
    leaves: &'a [Hash],
}

impl<'a> RangeReader<'a> {
    /// Joins a frontier and the leaves that follow it.
    pub const fn new(before: &'a CompactRange, leaves: &'a [Hash]) -> Self {
        Self { before, leaves }
    }

    /// Finds a subtree among those of the frontier itself.
    fn read_frontier(&self, level: u8, leaves: &Range<u64>) -> Option<Hash> {
        let size = self.before.size();
        let is_frontier = (size >> level) & 1 == 1 && leaves.end == (size >> level) << level;
        let larger = (size >> level >> 1).count_ones() as usize;
        is_frontier.then(|| self.before.hashes().get(larger).copied()).flatten()
    }

    /// Finds a subtree that straddles the frontier's end by joining its two halves.
    fn join_halves(&self, level: u8, index: u64) -> Result<Hash, MissingSubtree> {
        let half = level - 1;
        let left = self.subtree(half, 2 * index)?;
        let right = self.subtree(half, 2 * index + 1)?;
        Ok(super::node_hash(&left, &right))
    }
}

impl HashReader for RangeReader<'_> {
    type Error = MissingSubtree;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, MissingSubtree> {
        let missing = MissingSubtree { level, index };
        let leaves = leaves_of(level, index).ok_or_else(|| missing.clone())?;
        let (size, end) = (self.before.size(), self.leaves.len() as u64);
        if leaves.end <= size {
            self.read_frontier(level, &leaves).ok_or(missing)
        } else if leaves.start >= size {
            root_of_slice(self.leaves, size, leaves).ok_or(missing)
        } else if leaves.end - size > end {
            Err(missing)
        } else {
            // Recursion is at most `level` deep: one half lies wholly on one side of the frontier's end.
            self.join_halves(level, index)
        }
    }
}

/// Reads from tiles that the given function fetches.
///
/// The function is called once for each subtree asked for, always with a tile of a tree of `size` leaves; it may be
/// called for the same tile again, so a caller whose fetch is dear keeps the tiles of
/// [`inclusion_tiles`](super::inclusion_tiles) at hand.
#[derive(Debug, Clone)]
pub struct TileReader<F> {
    size: u64,
    fetch: F,
}

/// Why a hash cannot be read from tiles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TileReadError<E> {
    /// The subtree is not wholly inside the tree.
    #[error(transparent)]
    Missing(MissingSubtree),
    /// The tile has the wrong number of bytes for its width.
    #[error("tile {} has {found} bytes, expected {expected}", .tile.path())]
    Length {
        /// The tile.
        tile: TileId,
        /// Bytes that its width asks for.
        expected: usize,
        /// Bytes that it has.
        found: usize,
    },
    /// The tile could not be fetched.
    #[error("tile {} could not be fetched", .tile.path())]
    Fetch {
        /// The tile.
        tile: TileId,
        /// What the fetch function returned.
        source: E,
    },
}

impl<F> TileReader<F> {
    /// Reads a tree of `size` leaves through `fetch`.
    pub const fn new(size: u64, fetch: F) -> Self {
        Self { size, fetch }
    }
}

impl<F, B, E> HashReader for TileReader<F>
where
    F: Fn(TileId) -> Result<B, E>,
    B: AsRef<[u8]>,
{
    type Error = TileReadError<E>;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, TileReadError<E>> {
        let missing = || TileReadError::Missing(MissingSubtree { level, index });
        let (tile, places) = tile_of_subtree(level, index, self.size).ok_or_else(missing)?;
        let data = (self.fetch)(tile).map_err(|source| TileReadError::Fetch { tile, source })?;
        let data = data.as_ref();
        let expected = usize::from(tile.width()) * HASH_BYTES;
        if data.len() != expected {
            return Err(TileReadError::Length { tile, expected, found: data.len() });
        }
        let hashes = hashes_of(&data[places.start * HASH_BYTES..places.end * HASH_BYTES]).map_err(|_| missing())?;
        Ok(hashes.into_iter().collect::<CompactRange>().root())
    }
}

/// Finds the tile of a tree of `size` leaves whose hashes give a subtree's hash, and their places in it.
///
/// Tile level `l` holds the hashes of subtrees of 256^l leaves (C2SP tlog-tiles); lower levels of a tile are computed
/// from these. `None` when the subtree is not wholly inside the tree.
pub fn tile_of_subtree(level: u8, index: u64, size: u64) -> Option<(TileId, Range<usize>)> {
    if leaves_of(level, index)?.end > size {
        return None;
    }
    let (tile_level, height) = (level / TILE_LEVELS, level % TILE_LEVELS);
    let first = index << height;
    let tile_index = first / TILE_WIDTH;
    let level_width = size >> (tile_level * TILE_LEVELS);
    let width = (level_width - tile_index * TILE_WIDTH).min(TILE_WIDTH);
    let tile = TileId::new(tile_level, tile_index, width as u16).ok()?;
    let place = (first % TILE_WIDTH) as usize;
    Some((tile, place..place + (1 << height)))
}

/// The leaves that a subtree covers; `None` when they cannot be counted in 64 bits.
fn leaves_of(level: u8, index: u64) -> Option<Range<u64>> {
    let width = 1u64.checked_shl(u32::from(level))?;
    let start = index.checked_mul(width)?;
    Some(start..start.checked_add(width)?)
}

/// Hashes leaves out of a slice whose first element is leaf `base`; `None` when some are not in it.
fn root_of_slice(hashes: &[Hash], base: u64, leaves: Range<u64>) -> Option<Hash> {
    let start = usize::try_from(leaves.start.checked_sub(base)?).ok()?;
    let end = usize::try_from(leaves.end.checked_sub(base)?).ok()?;
    let covered = hashes.get(start..end)?;
    Some(covered.iter().copied().collect::<CompactRange>().root())
}
