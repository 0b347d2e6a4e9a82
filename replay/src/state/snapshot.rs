//! A state as a file.
//!
//! Format, version 1: the 24 bytes `hansard state snapshot1` with a line feed; the point (`point.rs`); the number of
//! cells; for each cell in the order of keys its key and its value, each with its length before it; the 32 bytes of
//! the root (`root.rs`). Numbers and values: `wire.rs`; keys: `key.rs`.
//!
//! Guarantee: one state at one point has one file. Reading refuses keys out of order, values in another form, a root
//! that does not follow from the cells, and anything after it; it uses memory in proportion to the file. Whether the
//! cells follow from the events only a fold of the events can say. Fails with [`SnapshotError`].

use super::limits::{PARTITIONS_MAX, SNAPSHOT_CELLS_MAX};
use super::map::CellMap;
use super::proof::take_cell;
use super::root::{StateRoot, entry};
use super::wire::{Reader, Wire, WireError};
use super::{Point, State};
use schemas::tlog::{CompactRange, Hash, leaf_hash};
use thiserror::Error;

const MAGIC: &[u8; 24] = b"hansard state snapshot1\n";

/// Why bytes are no snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SnapshotError {
    /// The beginning is another.
    #[error("not a snapshot of version 1: the first 24 bytes differ; make it again from the events")]
    Magic,
    /// Something is not what it should be.
    #[error("the snapshot cannot be read; make it again from the events")]
    Wire(#[from] WireError),
    /// Cells are not in order.
    #[error("cell {index} does not come after the one before it; make the snapshot again from the events")]
    Order {
        /// Its place, from 0.
        index: u64,
    },
    /// The root does not follow from the cells.
    #[error("the snapshot names root {expected}, its cells lead to {found}; make it again from the events")]
    Root {
        /// The root that it names.
        expected: Hash,
        /// The root of its cells.
        found: Hash,
    },
}

/// A state and the point that it is of.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Which events are in it.
    pub point: Point,
    /// The state.
    pub state: State,
}

impl Snapshot {
    /// Writes the file; gives the root with it.
    #[must_use]
    pub fn encode(&self) -> (Vec<u8>, StateRoot) {
        let (mut out, mut range) = (MAGIC.to_vec(), CompactRange::new());
        self.point.put(&mut out);
        (self.state.len() as u64).put(&mut out);
        for (key, cell) in self.state.cells() {
            let from = out.len();
            entry(key, cell, &mut out);
            range.append(leaf_hash(out.get(from..).unwrap_or_default()));
        }
        let root = range.root();
        out.extend_from_slice(root.as_bytes());
        (out, StateRoot { cells: range.size(), root })
    }

    /// Reads a file; gives the root with it, which is that of the cells.
    ///
    /// # Errors
    /// See the module.
    pub fn decode(file: &[u8]) -> Result<(Self, StateRoot), SnapshotError> {
        let Some(body) = file.strip_prefix(MAGIC) else { return Err(SnapshotError::Magic) };
        let mut from = Reader::new(body);
        let point = Point::take(&mut from)?;
        if !point.is_canonical() {
            return Err(WireError { at: 0, expected: "partitions in order, each with a size" }.into());
        }
        let cells = u64::take(&mut from)?;
        if cells > SNAPSHOT_CELLS_MAX {
            return from.fail("a number of cells that is allowed").map_err(Into::into);
        }
        let (map, root) = read_cells(&mut from, body, cells)?;
        let expected = Hash::from_bytes(from.array("a root")?);
        from.end()?;
        if expected != root.root {
            return Err(SnapshotError::Root { expected, found: root.root });
        }
        Ok((Self { point, state: State { map } }, root))
    }
}

fn read_cells(from: &mut Reader<'_>, body: &[u8], cells: u64) -> Result<(CellMap, StateRoot), SnapshotError> {
    let (mut map, mut range, mut last) = (CellMap::builder(), CompactRange::new(), None);
    for index in 0..cells {
        let start = body.len() - from.rest();
        let (key, cell) = take_cell(from)?;
        let end = body.len() - from.rest();
        if last.as_ref() >= Some(&key) {
            return Err(SnapshotError::Order { index });
        }
        range.append(leaf_hash(body.get(start..end).unwrap_or_default()));
        last = Some(key.clone());
        map.push(key, cell);
    }
    Ok((map.finish(), StateRoot { cells: range.size(), root: range.root() }))
}

impl Point {
    /// Whether partitions stand in order, each with leaves.
    fn is_canonical(&self) -> bool {
        let Some(sizes) = &self.sizes else { return true };
        let few = sizes.len() as u64 <= PARTITIONS_MAX
            && sizes.iter().all(|(p, size)| *p <= u64::from(u32::MAX) && *size > 0);
        few && sizes.is_sorted_by(|a, b| a.0 < b.0)
    }
}
