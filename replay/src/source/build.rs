//! Makes the snapshots of the state that a store keeps.
//!
//! One is due when the events since the last are at least [`TAIL_EVENTS_MAX`] and at least its cells, so that adding the
//! tail never costs more than reading the snapshot did, and all of them together stay a small multiple of the last.
//! Guarantee: each is the state of a size of the root log, whoever makes it and however often it is made: merges of
//! segments change nothing. One that is damaged is made again with those after it. Memory: the state, and the segments
//! over one stretch between two sizes.

use super::kept::{Entry, Kept};
use super::{Source, Wanted, nothing, prune};
use crate::ReplayError;
use crate::state::event::StateEvent;
use crate::state::limits::TAIL_EVENTS_MAX;
use crate::state::timeline::{Checkpoint, Order, Tail, Timeline};
use crate::state::{Point, Sizes};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::root_log::RootLog;
use store::snapshot::DataFile;

/// How to make them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Making {
    /// Begin with the first event, and forget those that are there.
    pub rebuild: bool,
    /// Make one at the end of the root log also where none is due.
    pub end: bool,
}

/// A size of the root log at which the tail is looked at.
struct Stop {
    root_log_size: u64,
    sizes: Sizes,
}

/// Events that are read and not added yet, by the stop that they come before.
#[derive(Default)]
struct Ahead {
    buckets: BTreeMap<usize, Vec<StateEvent>>,
}

impl Source {
    /// Makes the snapshots that are due; gives those that were made.
    ///
    /// # Errors
    /// When the store cannot be read or written; what was made stays.
    pub async fn keep_snapshots(&self, making: Making) -> Result<Vec<Entry>, ReplayError> {
        let mut kept = Kept::load(&self.snapshot).await?;
        if making.rebuild {
            kept.forget();
        }
        let log = RootLog::read(&self.snapshot).await?;
        let (mut timeline, from, mut since) = self.resume(&mut kept).await?;
        let stops = stops(&log, &from, making.end);
        let (mut ahead, mut made) = (Ahead::default(), Vec::new());
        let mut files = self.files(&from.sizes);
        for (at, stop) in stops.iter().enumerate() {
            self.read_ahead(&mut files, &from.sizes, &stops, at, &mut ahead).await?;
            let events = ahead.buckets.remove(&at).unwrap_or_default();
            since += events.len() as u64;
            tokio::task::block_in_place(|| events.iter().for_each(|event| timeline.push(event)));
            let due = since >= TAIL_EVENTS_MAX.max(timeline.newest().len() as u64);
            let last = making.end && at + 1 == stops.len();
            if !due && !last {
                continue;
            }
            timeline.keep(Point::sizes(&stop.sizes));
            let Some(checkpoint) = timeline.checkpoints().last().cloned() else { continue };
            made.push(kept.put(&self.snapshot.storage, stop.root_log_size, &checkpoint).await?);
            (timeline, since) = (fresh().resume(checkpoint), 0);
        }
        Ok(made)
    }

    /// The newest snapshot that can be used, to go on from; those that cannot are forgotten.
    async fn resume(&self, kept: &mut Kept) -> Result<(Timeline, Stop, u64), ReplayError> {
        let mut entries: Vec<Entry> = kept.entries().to_vec();
        while let Some(entry) = entries.pop() {
            let (Ok(cover), Ok(read)) = (entry.cover(), kept.read(&self.snapshot.storage, &entry).await) else {
                kept.drop_from(entry.root_log_size);
                continue;
            };
            let sizes = sizes_of(&read.point);
            let checkpoint = Checkpoint { point: read.point, cover, events: entry.events, state: read.state };
            let stop = Stop { root_log_size: entry.root_log_size, sizes };
            return Ok((fresh().resume(checkpoint), stop, 0));
        }
        Ok((fresh(), Stop { root_log_size: 0, sizes: Sizes::new() }, 0))
    }

    /// The segments with leaves from `from` on, the ones with the lowest first leaf last.
    fn files(&self, from: &Sizes) -> Vec<DataFile> {
        let tail = Tail { held: Point::sizes(from), wanted: self.everything() };
        let mut files: Vec<DataFile> = prune::files(&self.snapshot, &tail).into_iter().cloned().collect();
        files.reverse();
        files
    }

    /// Reads the segments that hold leaves before a stop, and puts their events before the stops that they belong to.
    async fn read_ahead(
        &self,
        files: &mut Vec<DataFile>,
        from: &Sizes,
        stops: &[Stop],
        at: usize,
        ahead: &mut Ahead,
    ) -> Result<(), ReplayError> {
        let (Some(stop), Some(last)) = (stops.get(at), stops.last()) else { return Ok(()) };
        let needed = |file: &mut DataFile| {
            let size = stop.sizes.get(&file.partition).copied().unwrap_or_default();
            prune::leaves(file).is_none_or(|(from, _)| from < size)
        };
        let due: Vec<DataFile> = files.extract_if(.., needed).collect();
        let held = if from.is_empty() { nothing() } else { Point::sizes(from) };
        let wanted = Arc::new(Wanted::between(held, Point::sizes(&last.sizes)));
        for file in due {
            for event in self.file(&file, &wanted).await? {
                let before = |stop: &Stop| stop.sizes.get(&event.partition).is_some_and(|size| event.leaf < *size);
                let bucket = stops.partition_point(|stop| !before(stop));
                ahead.buckets.entry(bucket).or_default().push(event);
            }
        }
        Ok(())
    }
}

fn fresh() -> Timeline {
    // Snapshots are due at sizes of the root log, not at numbers of events.
    Timeline::every(Order::Committed, u64::MAX)
}

fn sizes_of(point: &Point) -> Sizes {
    let size = |(p, size): &(u64, u64)| Some((u32::try_from(*p).ok()?, *size));
    point.sizes.iter().flatten().filter_map(size).collect()
}

/// Sizes of the root log after `from`, about [`TAIL_EVENTS_MAX`] leaves apart, and with `end` the last one.
fn stops(log: &RootLog, from: &Stop, end: bool) -> Vec<Stop> {
    let (mut sizes, mut stops) = (from.sizes.clone(), Vec::new());
    let mut last: u64 = sizes.values().sum();
    let done = usize::try_from(from.root_log_size).unwrap_or(usize::MAX);
    for (at, (partition, size)) in log.entries().iter().enumerate().skip(done) {
        sizes.insert(*partition, *size);
        let (total, final_one) = (sizes.values().sum::<u64>(), at + 1 == log.entries().len());
        if total - last >= TAIL_EVENTS_MAX || (end && final_one) {
            stops.push(Stop { root_log_size: at as u64 + 1, sizes: sizes.clone() });
            last = total;
        }
    }
    stops
}
