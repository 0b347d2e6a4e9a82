//! What differs between two states, cell by cell, and which events did it.
//!
//! Guarantee: every cell that differs stands here once, in the order of keys. The event of an added or changed cell is
//! the latest that shows in it; where a cell is gone, or shows an event of before, [`Diff::explain`] finds it among the
//! events between. Costs what changed, where one state was made from the other.

use super::State;
use super::cells::Cell;
use super::event::StateEvent;
use super::key::Key;
use super::stamp::Stamp;
use super::units::units;
use std::collections::BTreeMap;

/// A cell that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its key.
    pub key: Key,
    /// The cell before; `None` when it is new.
    pub before: Option<Cell>,
    /// The cell after; `None` when it is gone.
    pub after: Option<Cell>,
    /// The last event that did it, where it is known.
    pub by: Option<Stamp>,
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Diff {
    /// Cells that differ, in the order of keys.
    pub changes: Vec<Change>,
}

impl Diff {
    /// What differs from one state to another.
    #[must_use]
    pub fn between(before: &State, after: &State) -> Self {
        let mut changes = Vec::new();
        before.map.differences(&after.map, |key, a, b| {
            let newer = b.and_then(Cell::latest).filter(|stamp| a.and_then(Cell::latest) != Some(stamp));
            let by = newer.cloned();
            changes.push(Change { key: key.clone(), before: a.cloned(), after: b.cloned(), by });
        });
        Self { changes }
    }

    /// Names, for every cell, the last event that touched it, from the events that stand between the two states.
    pub fn explain<'a>(&mut self, events: impl IntoIterator<Item = &'a StateEvent>) {
        let mut last: BTreeMap<Key, Stamp> =
            self.changes.iter().filter_map(|change| Some((change.key.clone(), change.by.clone()?))).collect();
        let wanted: std::collections::BTreeSet<&Key> = self.changes.iter().map(|change| &change.key).collect();
        for event in events {
            let stamp = event.stamp();
            units(event, &mut |key, _| {
                if wanted.contains(&key) && last.get(&key).is_none_or(|own| *own < stamp) {
                    last.insert(key, stamp.clone());
                }
            });
        }
        for change in &mut self.changes {
            change.by = last.remove(&change.key);
        }
    }
}
