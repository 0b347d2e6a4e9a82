//! Making of inclusion and consistency proofs (RFC 6962 sections 2.1.1 and 2.1.2) from any [`HashReader`].
//!
//! Guarantees that a proof made here from true hashes is the one the RFC defines and that at most 64 subtree hashes
//! per proof element, and at most about 130 in all, are asked for. The hashes read are believed: a caller that does not
//! trust its source verifies the proof against a signed root. Fails with [`ProveError`] on impossible sizes or when the
//! reader fails.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::convert::Infallible;

use super::hash::{EMPTY_ROOT, Hash};
use super::range::join_from_right;
use super::reader::{HashReader, tile_of_subtree};
use super::tile::TileId;

/// Why a proof cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProveError<E> {
    /// The leaf's index is not below the tree's size.
    #[error("leaf {index} is outside a tree of {size} leaves")]
    IndexOutOfRange {
        /// Index of the leaf.
        index: u64,
        /// Size of the tree.
        size: u64,
    },
    /// The older tree is larger than the newer one.
    #[error("a tree of {old} leaves cannot come before one of {new}")]
    OldLargerThanNew {
        /// Size of the older tree.
        old: u64,
        /// Size of the newer tree.
        new: u64,
    },
    /// A subtree hash could not be read.
    #[error("a subtree hash that the proof needs could not be read")]
    Read(#[source] E),
}

/// Makes the path that proves the leaf at `index` to be in the tree of `size` leaves, the leaf's sibling first.
pub fn inclusion_proof<R: HashReader>(index: u64, size: u64, reader: &R) -> Result<Vec<Hash>, ProveError<R::Error>> {
    if index >= size {
        return Err(ProveError::IndexOutOfRange { index, size });
    }
    let (mut start, mut end) = (0, size);
    let mut path = Vec::new();
    while end - start > 1 {
        let middle = start + left_width(end - start);
        if index < middle {
            path.push(root_of(middle, end, reader)?);
            end = middle;
        } else {
            path.push(root_of(start, middle, reader)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// Makes the proof that the tree of `new` leaves begins with the tree of `old` leaves; empty when `old` is 0 or `new`.
pub fn consistency_proof<R: HashReader>(old: u64, new: u64, reader: &R) -> Result<Vec<Hash>, ProveError<R::Error>> {
    if old > new {
        return Err(ProveError::OldLargerThanNew { old, new });
    }
    let (mut start, mut end) = (0, new);
    let mut path = Vec::new();
    if old == 0 {
        return Ok(path);
    }
    while old != end {
        let middle = start + left_width(end - start);
        if old <= middle {
            path.push(root_of(middle, end, reader)?);
            end = middle;
        } else {
            path.push(root_of(start, middle, reader)?);
            start = middle;
        }
    }
    // A shared subtree that begins at leaf 0 is the whole older tree, whose root the verifier has.
    if start != 0 {
        path.push(root_of(start, end, reader)?);
    }
    path.reverse();
    Ok(path)
}

/// Names the tiles that [`inclusion_proof`] reads, so that a caller can fetch them beforehand and at once.
/// Empty when the index is out of range.
pub fn inclusion_tiles(index: u64, size: u64) -> Vec<TileId> {
    let recorder = Recorder::new(size);
    // The only possible error is a bad index, which touches no tile.
    let _ = inclusion_proof(index, size, &recorder);
    recorder.into_tiles()
}

/// Names the tiles that [`consistency_proof`] reads. Empty when `old` is larger than `new`.
pub fn consistency_tiles(old: u64, new: u64) -> Vec<TileId> {
    let recorder = Recorder::new(new);
    // The only possible error is a pair of sizes in the wrong order, which touches no tile.
    let _ = consistency_proof(old, new, &recorder);
    recorder.into_tiles()
}

/// The largest power of two below `width`, which is where RFC 6962 splits a tree of `width >= 2` leaves.
fn left_width(width: u64) -> u64 {
    1 << (width - 1).ilog2()
}

/// Hashes the leaves `[start, end)`, where `start` is a multiple of a power of two no smaller than `end - start`.
fn root_of<R: HashReader>(start: u64, end: u64, reader: &R) -> Result<Hash, ProveError<R::Error>> {
    let mut subtrees = Vec::new();
    let mut next = start;
    while next < end {
        let level = (end - next).ilog2();
        let hash = reader.subtree(level as u8, next >> level).map_err(ProveError::Read)?;
        subtrees.push(hash);
        next += 1 << level;
    }
    Ok(join_from_right(&subtrees))
}

/// A reader that answers nothing and notes which tiles hold what it was asked for.
struct Recorder {
    size: u64,
    tiles: RefCell<BTreeSet<TileId>>,
}

impl Recorder {
    fn new(size: u64) -> Self {
        Self { size, tiles: RefCell::default() }
    }

    fn into_tiles(self) -> Vec<TileId> {
        self.tiles.into_inner().into_iter().collect()
    }
}

impl HashReader for Recorder {
    type Error = Infallible;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, Infallible> {
        if let Some((tile, _)) = tile_of_subtree(level, index, self.size) {
            self.tiles.borrow_mut().insert(tile);
        }
        Ok(EMPTY_ROOT)
    }
}
