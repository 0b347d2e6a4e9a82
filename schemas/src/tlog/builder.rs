//! Making of the tiles of a growing log (C2SP tlog-tiles v0.1.0).
//!
//! A [`TileBuilder`] keeps only the right edge of the tree: for each level the hashes of its partial tile, at most 255.
//! It can therefore be restored from the partial tiles of the last published size, without reading the log.
//!
//! Guarantees that [`TileBuilder::append`] yields exactly the tiles that [`tiles_to_write`](super::tiles_to_write)
//! names, in that order, and that a partial tile is never hashed into the level above. Restoring believes the tiles it
//! is given: compare [`TileBuilder::range`]'s root with the signed checkpoint. Fails with [`BuilderError`].

use super::hash::{HASH_BYTES, Hash, bytes_of, hashes_of};
use super::range::CompactRange;
use super::tile::{TILE_WIDTH, TileId, level_width};
use super::{RangeError, SIZE_MAX};

/// The right edge of a tree in tiles, ready to take more leaves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TileBuilder {
    size: u64,
    /// For each tile level, the hashes of its partial tile: `floor(size / 256^level) mod 256` of them.
    edge: Vec<Vec<Hash>>,
}

/// Why a right edge cannot be restored, or leaves cannot be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuilderError {
    /// The size is above [`SIZE_MAX`].
    #[error("a tree of {size} leaves is larger than the limit of {SIZE_MAX}")]
    Size {
        /// The size that was given or would be reached.
        size: u64,
    },
    /// The partial tiles given do not match those that [`right_edge`] names.
    #[error("the right edge of {size} leaves has {expected} partial tiles, found {found}")]
    TileCount {
        /// Size of the tree.
        size: u64,
        /// Partial tiles of a tree of that size.
        expected: usize,
        /// Tiles that were given.
        found: usize,
    },
    /// A partial tile has the wrong number of bytes.
    #[error("tile {} has {found} bytes, expected {expected}", .tile.path())]
    TileLength {
        /// The tile.
        tile: TileId,
        /// Bytes that its width asks for.
        expected: usize,
        /// Bytes that were given.
        found: usize,
    },
    /// The frontier could not be formed from the right edge.
    #[error("the right edge does not form a frontier")]
    Range(#[source] RangeError),
}

/// Names the partial tiles of a tree of `size` leaves, from the leaves up: what must be read to restore a builder.
pub fn right_edge(size: u64) -> impl Iterator<Item = TileId> {
    (0..u64::BITS as u8 / 8).filter_map(move |level| {
        let hashes = level_width(size, level);
        // A width of 0 names no tile, and is filtered out by the check of the bounds.
        TileId::new(level, hashes / TILE_WIDTH, (hashes % TILE_WIDTH) as u16).ok()
    })
}

impl TileBuilder {
    /// The builder of an empty log.
    pub const fn new() -> Self {
        Self { size: 0, edge: Vec::new() }
    }

    /// Restores a builder at `size` from the bytes of the tiles that [`right_edge`] names, in its order.
    pub fn from_right_edge<I>(size: u64, tiles: I) -> Result<Self, BuilderError>
    where
        I: IntoIterator,
        I::Item: AsRef<[u8]>,
    {
        if size > SIZE_MAX {
            return Err(BuilderError::Size { size });
        }
        let mut edge = Vec::new();
        let mut given = tiles.into_iter();
        for (found, tile) in right_edge(size).enumerate() {
            let bytes = given.next().ok_or_else(|| miscounted(size, found))?;
            // Levels below whose width is a multiple of 256 have no partial tile.
            edge.resize_with(usize::from(tile.level()), Vec::new);
            edge.push(edge_hashes(tile, bytes.as_ref())?);
        }
        if given.next().is_some() {
            return Err(miscounted(size, right_edge(size).count() + 1));
        }
        Ok(Self { size, edge })
    }

    /// Number of leaves so far.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The frontier of the tree, from which its root follows.
    pub fn range(&self) -> Result<CompactRange, BuilderError> {
        let mut hashes = Vec::new();
        // The partial tile of level l covers bits 8l to 8l+7 of the size, and larger subtrees come first.
        for level in self.edge.iter().rev() {
            let within = level.iter().copied().collect::<CompactRange>();
            hashes.extend_from_slice(within.hashes());
        }
        CompactRange::from_parts(self.size, hashes).map_err(BuilderError::Range)
    }

    /// Adds leaves and returns every tile that the grown log must publish, with its bytes.
    ///
    /// Holds all returned tiles in memory, 32 bytes for each leaf: the caller bounds how many leaves it adds at once.
    /// Nothing changes when it fails.
    pub fn append(&mut self, leaves: &[Hash]) -> Result<Vec<(TileId, Vec<u8>)>, BuilderError> {
        let size = self.size.saturating_add(leaves.len() as u64);
        if size > SIZE_MAX {
            return Err(BuilderError::Size { size });
        }
        let mut tiles = Vec::new();
        let mut added = leaves.to_vec();
        for level in 0..u64::BITS as u8 / 8 {
            if added.is_empty() {
                break;
            }
            added = self.append_level(level, &added, &mut tiles);
        }
        self.size = size;
        Ok(tiles)
    }

    /// Adds hashes to one level, and returns those that its full tiles add to the level above.
    fn append_level(&mut self, level: u8, added: &[Hash], tiles: &mut Vec<(TileId, Vec<u8>)>) -> Vec<Hash> {
        let place = usize::from(level);
        if self.edge.len() <= place {
            self.edge.resize_with(place + 1, Vec::new);
        }
        let mut hashes = std::mem::take(&mut self.edge[place]);
        hashes.extend_from_slice(added);
        let mut index = level_width(self.size, level) / TILE_WIDTH;
        let mut above = Vec::new();
        let mut full = hashes.chunks_exact(TILE_WIDTH as usize);
        for chunk in full.by_ref() {
            push_tile(level, index, chunk, tiles);
            above.push(chunk.iter().copied().collect::<CompactRange>().root());
            index += 1;
        }
        push_tile(level, index, full.remainder(), tiles);
        self.edge[place] = full.remainder().to_vec();
        above
    }
}

/// Adds a tile to the list; an empty one is not a tile.
fn push_tile(level: u8, index: u64, hashes: &[Hash], tiles: &mut Vec<(TileId, Vec<u8>)>) {
    if let Ok(tile) = TileId::new(level, index, hashes.len() as u16) {
        tiles.push((tile, bytes_of(hashes)));
    }
}

fn edge_hashes(tile: TileId, bytes: &[u8]) -> Result<Vec<Hash>, BuilderError> {
    let expected = usize::from(tile.width()) * HASH_BYTES;
    let wrong = BuilderError::TileLength { tile, expected, found: bytes.len() };
    if bytes.len() != expected {
        return Err(wrong);
    }
    hashes_of(bytes).map_err(|_| wrong)
}

fn miscounted(size: u64, found: usize) -> BuilderError {
    BuilderError::TileCount { size, expected: right_edge(size).count(), found }
}
