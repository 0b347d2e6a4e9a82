//! Any point from the nearest checkpoint: which states are kept, and which events are missing.
//!
//! A family of checkpoints is made by feeding it events in one order: that of leaves and commits (for tree sizes and
//! times of commit), or that of (time, id) (for the events' own time). Each family keeps a state at every
//! [`TAIL_EVENTS_MAX`] events; states share what did not change between them. A question takes the checkpoint with most
//! events of which every one counts at the point asked for, and adds the events that are missing, which the caller
//! fetches.
//!
//! Guarantee: the answer is the state at the point, whichever checkpoint it began with. In the order in which a family
//! was made, at most [`TAIL_EVENTS_MAX`] events are missing; a point that lies across both (a time of its own and an
//! earlier time of commit) may need more, which [`Plan::tail`] lets the caller count before it fetches.

use super::event::StateEvent;
use super::limits::TAIL_EVENTS_MAX;
use super::stamp::Stamp;
use super::{Point, Sizes, State, Until};

/// A state that is kept.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// Which events are in it: all that this holds.
    pub point: Point,
    /// Bounds that every event in it keeps, as narrow as its family knows them.
    pub cover: Point,
    /// How many.
    pub events: u64,
    /// The state.
    pub state: State,
}

/// In which order a family is fed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// By leaf within each partition, as the table commits them.
    Committed,
    /// By time and id, the events of trees of these sizes.
    Time(Sizes),
}

/// One family of checkpoints.
#[derive(Debug, Clone)]
pub struct Timeline {
    order: Order,
    every: u64,
    state: State,
    events: u64,
    kept: Vec<Checkpoint>,
    cover: Cover,
}

/// The bounds of what was fed.
#[derive(Debug, Clone, Default)]
struct Cover {
    sizes: Sizes,
    last: Option<Stamp>,
    committed_us: Option<i64>,
}

impl Cover {
    fn add(&mut self, event: &StateEvent) {
        let size = self.sizes.entry(event.partition).or_default();
        *size = (*size).max(event.leaf + 1);
        self.committed_us = self.committed_us.max(Some(event.committed_us));
        let stamp = event.stamp();
        if self.last.as_ref().is_none_or(|last| *last < stamp) {
            self.last = Some(stamp);
        }
    }

    fn point(&self) -> Point {
        let until = self.last.clone().map(Until::event);
        Point { until, known_us: self.committed_us, ..Point::sizes(&self.sizes) }
    }

    fn of(point: &Point) -> Self {
        let size = |(p, size): &(u64, u64)| Some((u32::try_from(*p).ok()?, *size));
        let last = point.until.as_ref().and_then(|until| until.event.clone());
        Self { sizes: point.sizes.iter().flatten().filter_map(size).collect(), last, committed_us: point.known_us }
    }
}

/// How a point is reached: a checkpoint, and what to add to it.
#[derive(Debug, Clone)]
pub struct Plan {
    base: Checkpoint,
    point: Point,
}

/// Events that count at one point and are not in a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// What the checkpoint holds.
    pub held: Point,
    /// What is asked for.
    pub wanted: Point,
}

impl Tail {
    /// Whether the event is one of them. The caller may fetch more and leave the choice to this.
    #[must_use]
    pub fn wants(&self, event: &StateEvent) -> bool {
        self.wanted.holds(event) && !self.held.holds(event)
    }

    /// Leaves of a partition among which they all are: from, to (`None`: to the end).
    #[must_use]
    pub fn leaves(&self, partition: u32) -> (u64, Option<u64>) {
        let in_trees = self.held.until.is_none() && self.held.known_us.is_none() && self.held.sizes.is_some();
        let from = if in_trees { self.held.size(partition) } else { 0 };
        (from, self.wanted.sizes.is_some().then(|| self.wanted.size(partition)))
    }
}

impl Timeline {
    /// A family without events, with a checkpoint at every [`TAIL_EVENTS_MAX`].
    #[must_use]
    pub fn new(order: Order) -> Self {
        Self::every(order, TAIL_EVENTS_MAX)
    }

    /// The same with a checkpoint at every so many events.
    #[must_use]
    pub fn every(order: Order, every: u64) -> Self {
        let (state, cover) = (State::new(), Cover::default());
        Self { order, every: every.max(1), state, events: 0, kept: Vec::new(), cover }
    }

    /// Goes on from a checkpoint that was read back. Those before it are not known to it.
    #[must_use]
    pub fn resume(mut self, checkpoint: Checkpoint) -> Self {
        self.cover = Cover::of(&checkpoint.cover);
        (self.state, self.events) = (checkpoint.state.clone(), checkpoint.events);
        self.kept.push(checkpoint);
        self
    }

    /// Adds the next event in the family's order.
    pub fn push(&mut self, event: &StateEvent) {
        self.state.apply(event);
        self.events += 1;
        self.cover.add(event);
        if self.events.is_multiple_of(self.every) {
            self.keep(match &self.order {
                Order::Committed => Point::sizes(&self.cover.sizes),
                Order::Time(sizes) => Point { until: Point::event(event).until, ..Point::sizes(sizes) },
            });
        }
    }

    /// Keeps the state as it is now, as that of a point which the caller answers for: for the family of commits the
    /// sizes of all trees, which may hold leaves that are no events.
    pub fn keep(&mut self, point: Point) {
        let (cover, state) = (self.cover.point(), self.state.clone());
        self.kept.push(Checkpoint { point, cover, events: self.events, state });
    }

    /// Adds what was committed after a family of time was made, to every checkpoint that must hold it: all events of
    /// trees of `sizes` that are not in it yet. Costs one fold for each event and checkpoint after it. A family of
    /// commits is left as it is.
    pub fn extend(&mut self, events: &[StateEvent], sizes: &Sizes) {
        let Order::Time(own) = &mut self.order else { return };
        own.clone_from(sizes);
        for kept in &mut self.kept {
            kept.point.sizes = Point::sizes(sizes).sizes;
            let mut cover = Cover::of(&kept.cover);
            for event in events.iter().filter(|event| kept.point.holds(event)) {
                kept.state.apply(event);
                kept.events += 1;
                cover.add(event);
            }
            kept.cover = cover.point();
        }
        for event in events {
            self.state.apply(event);
            self.events += 1;
            self.cover.add(event);
        }
    }

    /// The checkpoints.
    #[must_use]
    pub fn checkpoints(&self) -> &[Checkpoint] {
        &self.kept
    }

    /// The state of everything that was fed.
    #[must_use]
    pub fn newest(&self) -> &State {
        &self.state
    }

    /// The best way to a point from these families' checkpoints; from nothing when none fits.
    #[must_use]
    pub fn plan(families: &[&Self], point: Point) -> Plan {
        let fits = families.iter().flat_map(|family| &family.kept).filter(|kept| kept.cover.within(&point));
        let nothing = Point::sizes(&Sizes::new());
        let none = || Checkpoint { point: nothing.clone(), cover: nothing.clone(), events: 0, state: State::new() };
        Plan { base: fits.max_by_key(|kept| kept.events).cloned().unwrap_or_else(none), point }
    }
}

impl Plan {
    /// Events of the checkpoint that it begins with.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.base.events
    }

    /// What is missing.
    #[must_use]
    pub fn tail(&self) -> Tail {
        Tail { held: self.base.point.clone(), wanted: self.point.clone() }
    }

    /// The state at the point. Events that are not missing are passed over.
    pub fn finish<'a>(self, events: impl IntoIterator<Item = &'a StateEvent>) -> State {
        let tail = self.tail();
        let mut state = self.base.state;
        events.into_iter().filter(|event| tail.wants(event)).for_each(|event| state.apply(event));
        state
    }
}
