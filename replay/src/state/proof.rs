//! Proofs that a state holds a cell, or holds none under a key.
//!
//! A proof shows one or two cells with their places and paths. Presence: the cell under the key. Absence: the cells
//! on both sides of where the key would stand, next to each other; only one at the ends, none in an empty state.
//! Guarantee: a proof that [`Proof::verify`] accepts for a root holds unless SHA-256 is broken. It shows the
//! neighbours' keys and values too: whoever hands out a proof of absence hands those out. Who vouches for the root is
//! not its subject.

use super::State;
use super::cells::Cell;
use super::key::{Class, Key};
use super::limits::{KEY_BYTES_MAX, PROOF_FILE_BYTES_MAX, VALUE_BYTES_MAX};
use super::root::{StateRoot, StateTree, entry};
use super::wire::{Reader, WireError};
use schemas::tlog::{EMPTY_ROOT, Hash, INCLUSION_HASHES_MAX, ProofError, leaf_hash, verify_inclusion};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// First member of every proof file.
const FORMAT: &str = "hansard state proof v1";

/// Why a proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StateProofError {
    /// Not a proof file.
    #[error("not a proof of a state: {detail}")]
    Malformed {
        /// What was expected and found.
        detail: String,
    },
    /// Made for another state.
    #[error("the proof is about {found}, expected {expected}; ask for a proof under the root that you trust")]
    OtherRoot {
        /// The root that is trusted.
        expected: String,
        /// The one that the proof names.
        found: String,
    },
    /// A cell's entry cannot be read.
    #[error("a cell of the proof cannot be read")]
    Entry(#[from] WireError),
    /// A path does not lead to the root.
    #[error("a cell is not proven to be in the state")]
    Path(#[from] ProofError),
    /// The cells shown say nothing about the key.
    #[error("the cells shown do not settle key {key}: {detail}")]
    Neighbours {
        /// The key asked for.
        key: String,
        /// What was expected.
        detail: &'static str,
    },
}

/// One cell of a proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// Its place among all cells, from 0.
    pub index: u64,
    /// Its entry: key and value, each with its length before it, in hex.
    pub entry: String,
    /// Its path, the sibling of its leaf first, in hex.
    pub path: Vec<String>,
}

/// A proof file, in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// `hansard state proof v1`.
    pub format: String,
    /// Number of cells of the state.
    pub cells: u64,
    /// Its root, in hex.
    pub root: String,
    /// The key that is asked for, in hex.
    pub key: String,
    /// The cell under it; else those on both sides.
    pub shown: Vec<Shown>,
}

impl Proof {
    /// Proves what a state holds under a key. `tree` is that of the state.
    #[must_use]
    pub fn new(state: &State, tree: &StateTree, key: &Key) -> Self {
        let at = state.cells().take_while(|(own, _)| *own < key).count();
        let here = state.get(key).is_some();
        let around = if here { at..at + 1 } else { at.saturating_sub(1)..at + 1 };
        let cells = state.cells().enumerate().skip(around.start).take(around.len());
        let mut shown = Vec::new();
        for (index, (key, cell)) in cells {
            let (index, mut bytes) = (index as u64, Vec::new());
            entry(key, cell, &mut bytes);
            let path = tree.path(index).unwrap_or_default().iter().map(|hash| hash.to_hex()).collect();
            shown.push(Shown { index, entry: hex::encode(bytes), path });
        }
        if !here && at == 0 {
            shown.truncate(1);
        }
        let StateRoot { cells, root } = tree.root();
        Self { format: FORMAT.to_owned(), cells, root: root.to_hex(), key: hex::encode(key.bytes()), shown }
    }

    /// Reads a proof file.
    ///
    /// # Errors
    /// [`StateProofError::Malformed`].
    pub fn parse(file: &[u8]) -> Result<Self, StateProofError> {
        if file.len() > PROOF_FILE_BYTES_MAX {
            return malformed(format!("{} bytes, at most {PROOF_FILE_BYTES_MAX} are read", file.len()));
        }
        let proof: Self = serde_json::from_slice(file).or_else(|e| malformed(e.to_string()))?;
        if proof.format == FORMAT { Ok(proof) } else { malformed(format!("format {:?}, not {FORMAT:?}", proof.format)) }
    }

    /// The key that is asked for.
    ///
    /// # Errors
    /// [`StateProofError::Malformed`] when it is none.
    pub fn key(&self) -> Result<Key, StateProofError> {
        let bytes = hex::decode(&self.key).ok().and_then(|bytes| Key::read(&bytes));
        bytes.map_or_else(|| malformed("the key is no key of a state".to_owned()), Ok)
    }

    /// Checks the proof against a root that the caller trusts: the cell under the key, or `None` when there is none.
    ///
    /// # Errors
    /// [`StateProofError`] says what does not hold.
    pub fn verify(&self, trusted: StateRoot) -> Result<Option<(Key, Cell)>, StateProofError> {
        let named = format!("{}:{}", self.cells, self.root);
        if named != trusted.to_string() {
            return Err(StateProofError::OtherRoot { expected: trusted.to_string(), found: named });
        }
        let key = self.key()?;
        let shown = self.shown.iter().map(|shown| shown.open(trusted)).collect::<Result<Vec<_>, _>>()?;
        match shown.as_slice() {
            [(_, own, cell)] if *own == key => Ok(Some((key, cell.clone()))),
            _ => absent(&shown, &key, trusted).map(|()| None),
        }
    }
}

impl Shown {
    /// Checks that the cell is in the state, and reads it.
    fn open(&self, trusted: StateRoot) -> Result<(u64, Key, Cell), StateProofError> {
        let Ok(bytes) = hex::decode(&self.entry) else { return malformed("an entry is not in hex".to_owned()) };
        if self.path.len() > INCLUSION_HASHES_MAX {
            return malformed(format!("a path of {} hashes", self.path.len()));
        }
        let path = self.path.iter().map(|hash| Hash::from_hex(hash)).collect::<Result<Vec<_>, _>>();
        let path = path.or_else(|e| malformed(e.to_string()))?;
        verify_inclusion(self.index, trusted.cells, leaf_hash(&bytes), &path, trusted.root)?;
        let mut reader = Reader::new(&bytes);
        let (key, cell) = take_cell(&mut reader)?;
        reader.end()?;
        Ok((self.index, key, cell))
    }
}

/// Reads a cell with its key; refuses a value that is not in its one form.
pub(crate) fn take_cell(from: &mut Reader<'_>) -> Result<(Key, Cell), WireError> {
    let key = from.sized(KEY_BYTES_MAX, "a key of at most the allowed length")?;
    let Some((class, key)) = Key::read(key).and_then(|key| Some((key.class()?, key))) else {
        return from.fail("a key of a known class");
    };
    let value = from.sized(VALUE_BYTES_MAX, "a value of at most the allowed length")?;
    let mut reader = Reader::new(value);
    let cell = Cell::take(class, &mut reader)?;
    reader.end()?;
    let mut again = Vec::with_capacity(value.len());
    cell.put(&mut again);
    if again != value || cell.is_empty() { from.fail("a value in its one form") } else { Ok((key, cell)) }
}

/// Checks that the cells shown leave no room for the key.
fn absent(shown: &[(u64, Key, Cell)], key: &Key, trusted: StateRoot) -> Result<(), StateProofError> {
    let fail = |detail| Err(StateProofError::Neighbours { key: format!("{key:?}"), detail });
    match shown {
        [] if trusted.cells == 0 && trusted.root == EMPTY_ROOT => Ok(()),
        [(0, after, _)] if key < after => Ok(()),
        [(last, before, _)] if before < key && *last + 1 == trusted.cells => Ok(()),
        [(first, before, _), (second, after, _)] if before < key && key < after && *first + 1 == *second => Ok(()),
        [] => fail("no cell is shown, and the state has some"),
        [_] => fail("one cell that is the first and after the key, or the last and before it"),
        _ => fail("two cells that stand next to each other, one before and one after the key"),
    }
}

fn malformed<T>(detail: String) -> Result<T, StateProofError> {
    Err(StateProofError::Malformed { detail })
}

impl Key {
    /// The key of a memory value.
    #[must_use]
    pub fn memory(tenant: &str, store: &str, key: &str) -> Self {
        Self::new(Class::Memory, &[tenant, store, key])
    }
}
