//! The check of a run: everything in it that follows from the events before it is derived again and compared.
//!
//! Results have their calls; reads of memory give what the fold holds; versions grow; credentials are alive when
//! used; approvals and acts match what was shown; nobody acts who was stopped; nothing passes an open breaker; stated
//! sums are the sums. Guarantee: the events' own order (time, id) decides, and events of one time are not held
//! against each other's order. What cannot be decided from the record counts as unknown, never as a divergence.
//! Divergences stand in the order of events; the first [`DIVERGENCES_MAX`] are listed, the rest counted.

mod acts;
mod approvals;
mod calls;
mod memory;
mod sums;

use super::State;
use super::event::StateEvent;
use super::limits::DIVERGENCES_MAX;
use super::stamp::{EventId, Stamp};
use super::view::{BreakerRule, View};
use serde::Serialize;
use std::collections::BTreeMap;

/// The plain digest of a content by its commitment, where the caller has the bytes: commitments are salted, so that two
/// of the same bytes differ.
pub type PlainDigest<'a> = &'a dyn Fn(&[u8; 32]) -> Option<[u8; 32]>;

/// A place where the record contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Divergence {
    /// The event.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Which check.
    pub check: &'static str,
    /// What follows from the events before it.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

/// How a check went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Comparisons that were made.
    pub compared: u64,
    /// Comparisons that did not hold.
    pub diverged: u64,
    /// What could not be decided from the record.
    pub unknown: u64,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Events of the run.
    pub events: u64,
    /// By check.
    pub checks: BTreeMap<&'static str, Count>,
    /// The first divergences.
    pub divergences: Vec<Divergence>,
    /// How many more there are.
    pub more: u64,
}

impl Report {
    /// The first divergence.
    #[must_use]
    pub fn first(&self) -> Option<&Divergence> {
        self.divergences.first()
    }

    fn count(&mut self, check: &'static str) -> &mut Count {
        self.checks.entry(check).or_default()
    }
}

/// What a check works with.
pub(crate) struct Cx<'a> {
    event: &'a StateEvent,
    /// The state before the event.
    view: View<'a>,
    /// All events of the event's time, itself among them.
    group: &'a [&'a StateEvent],
    facts: &'a mut Facts,
    plain: PlainDigest<'a>,
    report: &'a mut Report,
}

/// What the checks remember beside the state.
#[derive(Default)]
pub(crate) struct Facts {
    /// Calls by event id: stamp and tool.
    calls: BTreeMap<EventId, (Stamp, Option<Box<str>>)>,
    /// Calls by session and call id.
    by_call_id: BTreeMap<(Box<str>, Box<str>), Vec<EventId>>,
    /// Calls that have a result: the result.
    answered: BTreeMap<EventId, EventId>,
    /// Decisions by event id: granted, digest.
    decisions: BTreeMap<EventId, (bool, Option<Box<str>>)>,
}

impl Cx<'_> {
    /// Notes one comparison; `words` gives what was expected and found when it does not hold.
    fn compare(&mut self, check: &'static str, holds: bool, words: impl FnOnce() -> (String, String)) {
        let count = self.report.count(check);
        count.compared += 1;
        if holds {
            return;
        }
        count.diverged += 1;
        if self.report.divergences.len() >= DIVERGENCES_MAX {
            self.report.more += 1;
            return;
        }
        let (expected, found) = words();
        self.report.divergences.push(Divergence { stamp: self.event.stamp(), check, expected, found });
    }

    fn unknown(&mut self, check: &'static str) {
        self.report.count(check).unknown += 1;
    }
}

/// Checks the events of a run. `before` is the state before the first of `events`, which are those of the run and of
/// everything else that happened meanwhile: others may write what the run reads. `in_run` says which are the run's.
pub fn check(
    before: State,
    events: &[StateEvent],
    in_run: impl Fn(&StateEvent) -> bool,
    plain: PlainDigest<'_>,
    rule: BreakerRule,
) -> Report {
    let mut sorted: Vec<&StateEvent> = events.iter().collect();
    sorted.sort_by_cached_key(|event| event.stamp());
    let (mut state, mut report, mut facts) = (before, Report::default(), Facts::default());
    facts.learn(&state, &sorted);
    for group in sorted.chunk_by(|a, b| a.at_us() == b.at_us()) {
        for event in group {
            if in_run(event) {
                report.events += 1;
                let view = state.view(&event.tenant, event.at_us()).with_rule(rule);
                let mut cx = Cx { event, view, group, facts: &mut facts, plain, report: &mut report };
                calls::check(&mut cx);
                memory::check(&mut cx);
                acts::check(&mut cx);
                approvals::check(&mut cx);
                sums::check(&mut cx);
            }
            state.apply(event);
        }
    }
    report
}

impl Facts {
    fn learn(&mut self, before: &State, events: &[&StateEvent]) {
        for (key, cell) in before.cells() {
            calls::learn_before(self, key, cell);
            approvals::learn_before(self, cell);
        }
        for event in events {
            calls::learn(self, event);
            approvals::learn(self, event);
        }
    }
}
