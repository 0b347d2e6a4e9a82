//! Points in the past: which events count.
//!
//! Guarantee: an event counts when it passes all three: its own time and id are not after `until`, its commit is not
//! after `known_us`, and its leaf is in the trees of `sizes`. An event without a time of its own has that of its
//! commit.

use super::event::StateEvent;
use super::stamp::Stamp;
use super::wire::wire;
use serde::Serialize;
use std::collections::BTreeMap;

/// Size of the tree of each log partition; a partition that is absent has none.
pub type Sizes = BTreeMap<u32, u64>;

/// See the module. The default is: everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Point {
    /// The events' own time: nothing after this place in the order of (time, id).
    pub until: Option<Until>,
    /// Nothing that was committed later, microseconds.
    pub known_us: Option<i64>,
    /// Nothing outside trees of these sizes.
    pub sizes: Option<Vec<(u64, u64)>>,
}

wire!(Point { until, known_us, sizes });

/// A place in the order of events.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Until {
    /// Time, microseconds.
    pub time_us: i64,
    /// The last event of that time that counts; `None`: all of them.
    pub event: Option<Stamp>,
}

wire!(Until { time_us, event });

impl Point {
    /// Everything up to a time, and at it.
    #[must_use]
    pub fn time(time_us: i64) -> Self {
        Self { until: Some(Until { time_us, event: None }), ..Self::default() }
    }

    /// An event and everything before it in the order of (time, id).
    #[must_use]
    pub fn event(event: &StateEvent) -> Self {
        Self { until: Some(Until::event(event.stamp())), ..Self::default() }
    }

    /// The events of trees of these sizes, as a size of the root log names them.
    #[must_use]
    pub fn sizes(sizes: &Sizes) -> Self {
        let sizes = sizes.iter().filter(|(_, size)| **size > 0).map(|(p, size)| (u64::from(*p), *size)).collect();
        Self { sizes: Some(sizes), ..Self::default() }
    }

    /// The same as it was known at a time, microseconds.
    #[must_use]
    pub fn known_at(mut self, us: i64) -> Self {
        self.known_us = Some(us);
        self
    }

    /// Whether an event counts.
    #[must_use]
    pub fn holds(&self, event: &StateEvent) -> bool {
        let known = self.known_us.is_none_or(|us| event.committed_us <= us);
        let in_time = self.until.as_ref().is_none_or(|until| match &until.event {
            Some(stamp) => event.stamp() <= *stamp,
            None => event.at_us() <= until.time_us,
        });
        known && in_time && (self.sizes.is_none() || event.leaf < self.size(event.partition))
    }

    /// Size of a partition's tree, 0 where it is not named.
    #[must_use]
    pub fn size(&self, partition: u32) -> u64 {
        let sizes = self.sizes.iter().flatten();
        sizes.clone().find(|(p, _)| *p == u64::from(partition)).map_or(0, |(_, size)| *size)
    }

    /// Whether every event that counts here counts there.
    #[must_use]
    pub fn within(&self, other: &Self) -> bool {
        let until = match (&self.until, &other.until) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(mine), Some(theirs)) => mine.before_or_at(theirs),
        };
        let known = match (self.known_us, other.known_us) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(mine), Some(theirs)) => mine <= theirs,
        };
        let sizes = match (&self.sizes, &other.sizes) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(mine), _) => mine.iter().all(|(p, size)| u32::try_from(*p).is_ok_and(|p| *size <= other.size(p))),
        };
        until && known && sizes
    }
}

impl Until {
    /// Up to an event, and with it.
    #[must_use]
    pub fn event(stamp: Stamp) -> Self {
        Self { time_us: stamp.time_us, event: Some(stamp) }
    }

    fn before_or_at(&self, other: &Self) -> bool {
        match (&self.event, &other.event) {
            (_, None) => self.time_us <= other.time_us,
            (None, Some(_)) => self.time_us < other.time_us,
            (Some(mine), Some(theirs)) => mine <= theirs,
        }
    }
}
