//! The state at a point: a pure fold of events into cells, snapshots of it with a Merkle root, proofs, differences, a
//! step-through, and the check of what a run could have known.
//!
//! Guarantee: the state of a set of events is the same in whatever order, batches or sub-folds they come ([`cells`]):
//! anybody who has the events computes the same cells and the same root. Nothing here does IO or reads a clock. Two
//! times are kept apart: a [`Point`] says which events count by their own time, and which by their commit. Memory is
//! that of the state: sessions, agents, pairs of agents, keys of memory, credentials, approvals and calls that are
//! open; a call with its result leaves nothing behind (`cells/call.rs` says when). Fails only where bytes are read.

pub mod cells;
pub mod check;
mod diff;
pub mod event;
pub mod journal;
pub mod key;
pub mod limits;
mod map;
pub mod names;
mod point;
pub mod proof;
pub mod render;
mod root;
mod snapshot;
pub mod stamp;
mod stepper;
pub mod timeline;
mod traffic;
mod units;
pub mod view;
pub mod wire;

use cells::Cell;
use event::StateEvent;
use key::{Class, Key};
use map::CellMap;

pub use diff::{Change, Diff};
pub use point::{Point, Sizes, Until};
pub use root::{StateRoot, StateTree};
pub use snapshot::{Snapshot, SnapshotError};
pub use stepper::{Step, Stepper, StepperError};

/// See the module. A copy shares everything that does not change later.
#[derive(Debug, Clone, Default)]
pub struct State {
    map: CellMap,
}

impl State {
    /// The state before any event.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The state of some events, in any order, each once.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a StateEvent>) -> Self {
        let mut state = Self::new();
        events.into_iter().for_each(|event| state.apply(event));
        state
    }

    /// Adds an event that is not in it yet.
    pub fn apply(&mut self, event: &StateEvent) {
        units::units(event, &mut |key, cell| self.map.join(key, cell));
    }

    /// Adds an event and gives the cells that it touched, each as it was before, in the order in which they were
    /// touched.
    pub(crate) fn apply_with_undo(&mut self, event: &StateEvent) -> Undo {
        let mut undo = Vec::new();
        units::units(event, &mut |key, cell| {
            undo.push((key.clone(), self.map.get(&key).cloned()));
            self.map.join(key, cell);
        });
        undo
    }

    /// Takes an event back; `undo` becomes what would add it again.
    pub(crate) fn take_back(&mut self, undo: Undo) {
        for (key, before) in undo.into_iter().rev() {
            self.map.put_back(key, before);
        }
    }

    /// Adds the state of other events.
    pub fn join(&mut self, other: &Self) {
        for (key, cell) in other.map.iter() {
            self.map.join(key.clone(), Cell::clone(cell));
        }
    }

    /// Number of cells.
    #[must_use]
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether no event is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.len() == 0
    }

    /// A cell.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Cell> {
        self.map.get(key).map(AsRef::as_ref)
    }

    /// All cells, in the order of their keys.
    pub fn cells(&self) -> impl Iterator<Item = (&Key, &Cell)> {
        self.map.iter().map(|(key, cell)| (key, cell.as_ref()))
    }

    /// The cells of a class whose keys begin with these parts, the tenant first.
    pub fn under<'a>(&'a self, class: Class, parts: &[&str]) -> impl Iterator<Item = (&'a Key, &'a Cell)> + use<'a> {
        let prefix = Key::prefix(class, parts);
        let from = self.map.iter_from(&prefix);
        from.take_while(move |(key, _)| key.bytes().starts_with(&prefix)).map(|(key, cell)| (key, cell.as_ref()))
    }

    /// Events in it, of all tenants.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.totals().map(|totals| totals.sums.events).sum()
    }

    /// The time of its last event, microseconds; `None` before any.
    #[must_use]
    pub fn last_us(&self) -> Option<i64> {
        self.totals().filter_map(|totals| totals.last.as_ref()).map(|stamp| stamp.time_us).max()
    }

    fn totals(&self) -> impl Iterator<Item = &cells::Totals> {
        self.under(Class::Totals, &[]).filter_map(|(_, cell)| match cell {
            Cell::Totals(totals) => Some(totals.as_ref()),
            _ => None,
        })
    }
}

impl PartialEq for State {
    /// Whether all cells are equal.
    fn eq(&self, other: &Self) -> bool {
        let mut same = self.len() == other.len();
        self.map.differences(&other.map, |_, _, _| same = false);
        same
    }
}

/// What takes one event back.
pub(crate) type Undo = Vec<(Key, map::Before)>;

#[cfg(test)]
mod tests;
