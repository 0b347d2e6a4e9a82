//! The Merkle root of a state: RFC 6962 over its cells in the order of their keys.
//!
//! A leaf's entry is the key and the value, each with its length before it (unsigned number, then bytes; `wire.rs`,
//! `key.rs`). Guarantee: the same cells give the same root, whoever computes it. A root is always given with the number
//! of cells: paths mean nothing without it.

use super::State;
use super::cells::Cell;
use super::key::Key;
use super::wire::put_sized;
use schemas::tlog::{CompactRange, Hash, leaf_hash, node_hash};
use std::fmt;

/// The commitment to a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateRoot {
    /// Number of cells.
    pub cells: u64,
    /// Root of the tree over them.
    pub root: Hash,
}

impl fmt::Display for StateRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.cells, self.root)
    }
}

/// The entry of a cell.
pub(crate) fn entry(key: &Key, cell: &Cell, out: &mut Vec<u8>) {
    let mut value = Vec::new();
    cell.put(&mut value);
    put_sized(key.bytes(), out);
    put_sized(&value, out);
}

impl State {
    /// See the module. Costs one pass over the cells.
    #[must_use]
    pub fn root(&self) -> StateRoot {
        let (mut range, mut bytes) = (CompactRange::new(), Vec::new());
        for (key, cell) in self.cells() {
            bytes.clear();
            entry(key, cell, &mut bytes);
            range.append(leaf_hash(&bytes));
        }
        StateRoot { cells: range.size(), root: range.root() }
    }
}

/// All hashes of the tree over a state, for proofs: 64 bytes a cell.
#[derive(Debug, Clone)]
pub struct StateTree {
    /// For each level, the hashes of its complete subtrees.
    levels: Vec<Vec<Hash>>,
    root: StateRoot,
}

impl StateTree {
    /// The tree over a state.
    #[must_use]
    pub fn new(state: &State) -> Self {
        let mut bytes = Vec::new();
        let leaf = |(key, cell): (&Key, &Cell)| {
            bytes.clear();
            entry(key, cell, &mut bytes);
            leaf_hash(&bytes)
        };
        let leaves: Vec<Hash> = state.cells().map(leaf).collect();
        let root: CompactRange = leaves.iter().copied().collect();
        let root = StateRoot { cells: root.size(), root: root.root() };
        let mut levels = vec![leaves];
        while let Some(below) = levels.last().filter(|below| below.len() > 1) {
            let (pairs, _) = below.as_chunks::<2>();
            levels.push(pairs.iter().map(|[left, right]| node_hash(left, right)).collect());
        }
        Self { levels, root }
    }

    /// Number of cells and root.
    #[must_use]
    pub fn root(&self) -> StateRoot {
        self.root
    }

    /// The path of the cell at an index, the sibling of its leaf first; `None` outside the tree.
    #[must_use]
    pub fn path(&self, index: u64) -> Option<Vec<Hash>> {
        schemas::tlog::inclusion_proof(index, self.root.cells, self).ok()
    }
}

impl schemas::tlog::HashReader for StateTree {
    type Error = schemas::tlog::MissingSubtree;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, Self::Error> {
        let hash = usize::try_from(index).ok().and_then(|at| self.levels.get(usize::from(level))?.get(at));
        hash.copied().ok_or(schemas::tlog::MissingSubtree { level, index })
    }
}
