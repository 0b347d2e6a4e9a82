//! The store as a source of events for the fold.
//!
//! Guarantee: gives every event row of one version of the table that is asked for, once, in no particular order, and
//! reads only segments whose statistics allow one. Memory: what [`limits`] says of segments at a time, beside what the
//! caller keeps. Fails naming the segment or the leaf that cannot be read.

mod build;
mod contents;
mod file;
mod kept;
pub mod limits;
mod prune;
mod reach;

pub use build::Making;
pub use contents::Digests;
pub use kept::{Entry, Kept};
pub use reach::{Base, Reached};

use crate::ReplayError;
use crate::state::event::StateEvent;
use crate::state::timeline::Tail;
use crate::state::{Point, Sizes, Until};
use file::EVENT_COLUMNS;
use futures::{StreamExt, stream};
use limits::{COLLECTED_EVENTS_MAX, FILES_IN_FLIGHT};
use std::sync::Arc;
use store::index::Place;
use store::pick::{self, PickCache};
use store::proof::locate;
use store::snapshot::Snapshot;

/// See the module. Cheap to clone; clones share what was read of the segments' footers.
#[derive(Debug, Clone)]
pub struct Source {
    snapshot: Arc<Snapshot>,
    cache: PickCache,
}

/// Which events are wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Those of one point that another does not hold.
    pub tail: Tail,
    /// Only those of this session.
    pub session: Option<String>,
    /// Only those of these kinds; empty: of all.
    pub kinds: &'static [&'static str],
}

impl Wanted {
    /// Everything that counts at a point.
    #[must_use]
    pub fn at(point: Point) -> Self {
        Self::between(nothing(), point)
    }

    /// What counts at `to` and not at `from`.
    #[must_use]
    pub fn between(from: Point, to: Point) -> Self {
        Self { tail: Tail { held: from, wanted: to }, session: None, kinds: &[] }
    }

    /// Only the events of a session.
    #[must_use]
    pub fn of(mut self, session: &str) -> Self {
        self.session = Some(session.to_owned());
        self
    }

    fn takes(&self, event: &StateEvent) -> bool {
        let session = self.session.as_deref().is_none_or(|session| event.session.as_deref() == Some(session));
        let kind = self.kinds.is_empty() || self.kinds.contains(&&*event.kind);
        session && kind && self.tail.wants(event)
    }
}

/// The point at which no event counts.
pub(crate) fn nothing() -> Point {
    Point::sizes(&Sizes::new())
}

impl Source {
    /// The events of a version of the table.
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>) -> Self {
        Self { snapshot, cache: PickCache::default() }
    }

    /// The version.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Sizes of the partitions' trees in this version.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        self.snapshot.heads.iter().map(|(partition, head)| (*partition, head.tree.size())).collect()
    }

    /// Everything in this version.
    #[must_use]
    pub fn everything(&self) -> Point {
        Point::sizes(&self.sizes())
    }

    /// Gives the events that are wanted to `each`, in no order.
    ///
    /// # Errors
    /// See the module; and what `each` fails with.
    pub async fn each(
        &self,
        wanted: &Wanted,
        each: &mut (dyn FnMut(StateEvent) -> Result<(), ReplayError> + Send),
    ) -> Result<(), ReplayError> {
        let shared = Arc::new(wanted.clone());
        let files = prune::files(&self.snapshot, &wanted.tail);
        let read = |file: &store::snapshot::DataFile| {
            let (source, file, wanted) = (self.clone(), file.clone(), Arc::clone(&shared));
            async move { tokio::spawn(async move { source.file(&file, &wanted).await }).await }
        };
        let reading: Vec<_> = files.into_iter().map(read).collect();
        let mut reading = stream::iter(reading).buffer_unordered(FILES_IN_FLIGHT);
        while let Some(events) = reading.next().await {
            let events = events.map_err(|e| store::error::StoreError::unavailable("reading a segment", e))??;
            events.into_iter().try_for_each(&mut *each)?;
        }
        Ok(())
    }

    /// The events that are wanted, at most [`COLLECTED_EVENTS_MAX`], in the order of time and id.
    ///
    /// # Errors
    /// `TooMany`; see the module.
    pub async fn collect(&self, what: &str, wanted: &Wanted) -> Result<Vec<StateEvent>, ReplayError> {
        let mut events = Vec::new();
        let mut add = |event| {
            if events.len() as u64 >= COLLECTED_EVENTS_MAX {
                let (found, max) = (COLLECTED_EVENTS_MAX + 1, COLLECTED_EVENTS_MAX);
                let hint = "choose a session, or a shorter time";
                return Err(ReplayError::TooMany { what: what.to_owned(), found, max, hint });
            }
            events.push(event);
            Ok(())
        };
        self.each(wanted, &mut add).await?;
        events.sort_by_cached_key(StateEvent::stamp);
        Ok(events)
    }

    /// The event with an id.
    ///
    /// # Errors
    /// `NotFound`; see the module.
    pub async fn event(&self, id: &str) -> Result<StateEvent, ReplayError> {
        let found = locate(&self.snapshot, id).await?;
        let place = found.iter().find(|row| row.class == "event").and_then(|row| Place::new(row.partition, row.leaf));
        let missing = || ReplayError::NotFound {
            what: format!("event {id}"),
            hint: "`hansard tail` shows the newest ones".to_owned(),
        };
        let place = place.ok_or_else(missing)?;
        for (partition, batch) in pick::rows_at(&self.snapshot, &self.cache, &[place], EVENT_COLUMNS).await? {
            if let Some(event) = file::events(partition, &batch)?.pop() {
                return Ok(event);
            }
        }
        Err(missing())
    }

    /// The events of a run in the order of time and id, and those of everybody from its first to its last.
    ///
    /// # Errors
    /// `NotFound` when the session has no event at the point; see the module.
    pub async fn run(&self, session: &str, point: &Point) -> Result<Run, ReplayError> {
        let what = || format!("session {session:?}");
        let own = self.collect(&what(), &Wanted::at(point.clone()).of(session)).await?;
        let (Some(first), Some(last)) = (own.first(), own.last()) else {
            return Err(ReplayError::NotFound { what: what(), hint: "`hansard sessions` lists them".to_owned() });
        };
        let until = Until { time_us: first.at_us().saturating_sub(1), event: None };
        let before = Point { until: Some(until), ..point.clone() };
        let to = Point { until: Some(Until::event(last.stamp())), ..point.clone() };
        let events = self.collect(&what(), &Wanted::between(before.clone(), to)).await?;
        let state = self.reach(before).await?;
        Ok(Run { session: session.to_owned(), own: own.len(), before: state, events })
    }
}

/// A run with what happened meanwhile.
#[derive(Debug)]
pub struct Run {
    /// Its session.
    pub session: String,
    /// How many events are its own.
    pub own: usize,
    /// The state before the time of its first event.
    pub before: Reached,
    /// Its events and those of everybody else up to its last, in the order of time and id.
    pub events: Vec<StateEvent>,
}

impl Run {
    /// Whether an event is of the run itself.
    #[must_use]
    pub fn has(&self, event: &StateEvent) -> bool {
        event.session.as_deref() == Some(self.session.as_str())
    }
}
