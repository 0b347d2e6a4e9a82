//! Checking of inclusion and consistency proofs, by the algorithms of RFC 9162.
//!
//! Guarantees that `Ok` means the statement holds for the given roots unless SHA-256 is broken; that work is at most
//! two hashes for each proof element and that a proof above the length limits is refused unread. A proof says nothing
//! about who vouches for a root, and an inclusion proof is not bound to the tree's size: take size and root from one
//! verified checkpoint. Everything else fails with [`ProofError`].

use super::hash::{EMPTY_ROOT, Hash, node_hash};
use super::{CONSISTENCY_HASHES_MAX, INCLUSION_HASHES_MAX};

/// Why a proof does not prove its statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
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
    /// The proof is longer than any honest one.
    #[error("the proof has {found} hashes, at most {max} are possible")]
    TooLong {
        /// Hashes in the proof.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// The proof has too many or too few hashes for its sizes.
    #[error("the proof has {found} hashes, which does not fit the tree's shape")]
    Shape {
        /// Hashes in the proof.
        found: usize,
    },
    /// The proof leads to another root than the (newer) one claimed.
    #[error("the proof leads to root {computed}, claimed is {expected}")]
    RootMismatch {
        /// Root that was claimed.
        expected: Hash,
        /// Root that the proof leads to.
        computed: Hash,
    },
    /// The proof leads to another root for the older tree than the one claimed.
    #[error("the proof leads to older root {computed}, claimed is {expected}")]
    OldRootMismatch {
        /// Root that was claimed for the older tree.
        expected: Hash,
        /// Root that the proof leads to.
        computed: Hash,
    },
}

/// Checks that the tree of `size` leaves with `root` holds `leaf` at `index` (RFC 9162 section 2.1.3.2).
pub fn verify_inclusion(index: u64, size: u64, leaf: Hash, proof: &[Hash], root: Hash) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::IndexOutOfRange { index, size });
    }
    check_length(proof, INCLUSION_HASHES_MAX)?;
    let mut walk = Walk::new(index, size - 1);
    let mut computed = leaf;
    for sibling in proof {
        computed = match walk.step(proof.len())? {
            Side::Left => node_hash(sibling, &computed),
            Side::Right => node_hash(&computed, sibling),
        };
    }
    walk.finish(proof.len())?;
    check_root(root, computed)
}

/// Checks that the tree of `new` leaves with `new_root` begins with the tree of `old` leaves with `old_root`
/// (RFC 9162 section 2.1.4.2). The empty tree begins every tree, with an empty proof.
pub fn verify_consistency(
    old: u64,
    old_root: Hash,
    new: u64,
    new_root: Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::OldLargerThanNew { old, new });
    }
    check_length(proof, CONSISTENCY_HASHES_MAX)?;
    if old == 0 || old == new {
        return check_trivial(old, old_root, new, new_root, proof);
    }
    // The subtree that both trees share is the whole older tree when its size is a power of two; otherwise it is sent.
    let (shared, path) = match proof.split_first() {
        Some(_) if old.is_power_of_two() => (old_root, proof),
        Some((first, rest)) => (*first, rest),
        None => return Err(ProofError::Shape { found: 0 }),
    };
    let mut walk = Walk::new(old - 1, new - 1);
    walk.skip_right_edges();
    let (mut computed_old, mut computed_new) = (shared, shared);
    for sibling in path {
        match walk.step(proof.len())? {
            Side::Left => {
                computed_old = node_hash(sibling, &computed_old);
                computed_new = node_hash(sibling, &computed_new);
            }
            Side::Right => computed_new = node_hash(&computed_new, sibling),
        }
    }
    walk.finish(proof.len())?;
    check_old_root(old_root, computed_old)?;
    check_root(new_root, computed_new)
}

/// Which side of the running hash the next proof element stands on.
enum Side {
    Left,
    Right,
}

/// The climb from a leaf to the root: `node` is the index at the present level, `last` that level's last index.
struct Walk {
    node: u64,
    last: u64,
}

impl Walk {
    fn new(node: u64, last: u64) -> Self {
        Self { node, last }
    }

    /// Climbs while the node is a right child: there the older tree is complete and needs no proof element.
    fn skip_right_edges(&mut self) {
        let levels = self.node.trailing_ones();
        self.node = self.node.checked_shr(levels).unwrap_or(0);
        self.last = self.last.checked_shr(levels).unwrap_or(0);
    }

    /// Climbs past one proof element; fails when the root has been reached already.
    fn step(&mut self, found: usize) -> Result<Side, ProofError> {
        if self.last == 0 {
            return Err(ProofError::Shape { found });
        }
        let side = if self.node & 1 == 1 || self.node == self.last {
            // A last node that is a left child has no sibling and rises unchanged until it is a right child.
            while self.node & 1 == 0 && self.node != 0 {
                self.climb();
            }
            Side::Left
        } else {
            Side::Right
        };
        self.climb();
        Ok(side)
    }

    fn climb(&mut self) {
        self.node >>= 1;
        self.last >>= 1;
    }

    fn finish(&self, found: usize) -> Result<(), ProofError> {
        if self.last == 0 { Ok(()) } else { Err(ProofError::Shape { found }) }
    }
}

fn check_trivial(old: u64, old_root: Hash, new: u64, new_root: Hash, proof: &[Hash]) -> Result<(), ProofError> {
    if !proof.is_empty() {
        return Err(ProofError::Shape { found: proof.len() });
    }
    if old == 0 {
        check_old_root(old_root, EMPTY_ROOT)?;
    }
    if old == new {
        check_root(new_root, old_root)?;
    }
    Ok(())
}

fn check_length(proof: &[Hash], max: usize) -> Result<(), ProofError> {
    if proof.len() > max {
        return Err(ProofError::TooLong { found: proof.len(), max });
    }
    Ok(())
}

fn check_root(expected: Hash, computed: Hash) -> Result<(), ProofError> {
    if expected == computed { Ok(()) } else { Err(ProofError::RootMismatch { expected, computed }) }
}

fn check_old_root(expected: Hash, computed: Hash) -> Result<(), ProofError> {
    if expected == computed { Ok(()) } else { Err(ProofError::OldRootMismatch { expected, computed }) }
}
