//! Which segments may hold an event that is wanted.
//!
//! Guarantee: leaves out a segment only when its leaf tags or its statistics rule every row out; a segment that does
//! not say is read.

use crate::state::timeline::Tail;
use schemas::columns::RowClass;
use schemas::header::Time;
use serde::Deserialize;
use serde_json::Value;
use store::files::{LEAF_FROM_TAG, LEAF_TO_TAG};
use store::snapshot::{DataFile, Snapshot};

/// The segments to read, in the order of their first leaves.
pub(super) fn files<'a>(snapshot: &'a Snapshot, tail: &Tail) -> Vec<&'a DataFile> {
    let events = snapshot.files.iter().filter(|file| file.class == RowClass::Event && file.rows > 0);
    let mut files: Vec<&DataFile> = events.filter(|file| may_hold(file, tail)).collect();
    files.sort_by_key(|file| leaves(file).map_or(0, |(from, _)| from));
    files
}

/// First leaf of a segment, and the one after its last.
pub(super) fn leaves(file: &DataFile) -> Option<(u64, u64)> {
    let number = |tag: &str| file.tags.get(tag).and_then(|text| text.parse().ok());
    Some((number(LEAF_FROM_TAG)?, number(LEAF_TO_TAG)?))
}

/// Bounds of what a segment holds, microseconds.
struct Times {
    /// No event counts from before this: the least of times and commits.
    at_min: Option<i64>,
    at_max: Option<i64>,
    committed_min: Option<i64>,
    committed_max: Option<i64>,
}

impl Times {
    fn of(file: &DataFile) -> Self {
        let stats: Value = file.stats.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let bound = |side: &str, column: &str| Time::deserialize(stats.get(side)?.get(column)?).ok().map(|time| time.0);
        let (committed_min, committed_max) = (bound("minValues", "committed_at"), bound("maxValues", "committed_at"));
        // An event without a time of its own has that of its commit.
        let both = |a: Option<i64>, b: Option<i64>, pick: fn(i64, i64) -> i64| Some(pick(a?, b?));
        let at_min = both(bound("minValues", "time"), committed_min, i64::min);
        let at_max = both(bound("maxValues", "time"), committed_max, i64::max);
        Self { at_min, at_max, committed_min, committed_max }
    }
}

fn may_hold(file: &DataFile, tail: &Tail) -> bool {
    let (Some((from, to)), times) = (leaves(file), Times::of(file)) else { return true };
    let wanted = &tail.wanted;
    let beyond = wanted.sizes.is_some() && from >= wanted.size(file.partition);
    let too_late = wanted.until.as_ref().zip(times.at_min).is_some_and(|(until, min)| min > until.time_us);
    let unknown = wanted.known_us.zip(times.committed_min).is_some_and(|(known, min)| min > known);
    let held = &tail.held;
    let in_trees = held.sizes.is_none() || to <= held.size(file.partition);
    let in_time = held.until.as_ref().is_none_or(|until| times.at_max.is_some_and(|max| max < until.time_us));
    let was_known = held.known_us.is_none_or(|known| times.committed_max.is_some_and(|max| max <= known));
    !(beyond || too_late || unknown || (in_trees && in_time && was_known))
}
