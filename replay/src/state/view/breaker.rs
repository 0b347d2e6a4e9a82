//! The circuit breaker between two agents, from what passed between them.
//!
//! Closed, it trips at enough failures among the last interactions, or at a large enough share of anomalies among
//! enough of them. Open, nothing should pass until the cooldown is over; then probes may, whose answer closes it or
//! opens it anew. A probe without an answer gives way after another cooldown. Answers to what was sent before a trip,
//! and to messages that are not among the facts kept, count nothing.
//!
//! Guarantee: a pure function of the facts kept ([`crate::state::limits::BREAKER_FACTS_MAX`]), the later judgements
//! on their answers, and the time: what lies before the facts kept is taken for a closed breaker without
//! interactions.

use super::View;
use crate::state::cells::{Cell, Fact, What};
use crate::state::key::{Class, Key};
use crate::state::stamp::{EventId, Stamp, rfc3339_option};
use serde::Serialize;
use std::collections::VecDeque;

/// The numbers of a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerRule {
    /// Failures that trip it.
    pub failures: usize,
    /// Share of anomalies that trips it, percent.
    pub anomaly_percent: usize,
    /// Interactions from which the share counts.
    pub min_interactions: usize,
    /// Interactions looked back on.
    pub window: usize,
    /// Seconds from a trip to the first probe.
    pub cooldown_s: i64,
    /// Probes at a time.
    pub probes: usize,
}

impl Default for BreakerRule {
    /// The numbers of the default policy.
    fn default() -> Self {
        Self { failures: 3, anomaly_percent: 15, min_interactions: 10, window: 20, cooldown_s: 300, probes: 1 }
    }
}

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// Messages pass.
    #[default]
    Closed,
    /// No message should pass.
    Open,
    /// The cooldown is over: probes may pass.
    HalfOpen,
}

/// A breaker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BreakerView {
    /// Where it stands.
    pub position: Position,
    /// Since when, microseconds; `None` while nothing moved it.
    #[serde(rename = "since", serialize_with = "rfc3339_option")]
    pub since_us: Option<i64>,
    /// The event that tripped it last.
    pub tripped_by: Option<EventId>,
    /// From when on a probe may pass, microseconds, while it is open.
    #[serde(rename = "probe_from", serialize_with = "rfc3339_option")]
    pub probe_from_us: Option<i64>,
    /// Failures among the interactions looked back on.
    pub failures: usize,
    /// Anomalies among them.
    pub anomalies: usize,
    /// Interactions looked back on.
    pub interactions: usize,
    /// Probes that are out.
    pub probes: usize,
}

impl View<'_> {
    /// The breaker from one agent to another.
    #[must_use]
    pub fn breaker(&self, from: &str, to: &str) -> BreakerView {
        self.breaker_of(&Key::new(Class::Breaker, &[self.tenant, from, to]))
    }

    pub(crate) fn breaker_of(&self, key: &Key) -> BreakerView {
        let Some(Cell::Breaker(facts)) = self.state.get(key) else { return BreakerView::default() };
        let mut machine = Machine { rule: self.rule, ..Machine::default() };
        let mut steps: Vec<(Stamp, Step<'_>)> = Vec::new();
        for fact in facts.list() {
            if let (What::Success, Some(judged)) = (fact.what, self.flag(&fact.stamp.id)) {
                steps.push((judged.max(&fact.stamp).clone(), Step::Judged(&fact.stamp.id)));
            }
            steps.push((fact.stamp.clone(), Step::Fact(fact)));
        }
        // A stable sort: what stands at one place stays in the order of the facts.
        steps.sort_by(|a, b| (&a.0, a.1.judges()).cmp(&(&b.0, b.1.judges())));
        steps.iter().for_each(|(stamp, step)| machine.step(facts.list(), stamp, step));
        machine.view(self.at_us)
    }

    fn flag(&self, id: &EventId) -> Option<&Stamp> {
        match self.cell(Class::Flag, &[&id.to_string()]) {
            Some(Cell::Flag(flag)) => Some(&flag.stamp),
            _ => None,
        }
    }
}

enum Step<'a> {
    Fact(&'a Fact),
    /// An answer that went through turns out to be an anomaly.
    Judged(&'a EventId),
}

impl Step<'_> {
    fn judges(&self) -> bool {
        matches!(self, Self::Judged(_))
    }
}

#[derive(Default)]
struct Machine {
    rule: BreakerRule,
    position: Position,
    since_us: Option<i64>,
    tripped_by: Option<EventId>,
    window: VecDeque<(What, EventId)>,
    probes: Vec<(EventId, i64)>,
}

impl Machine {
    fn step(&mut self, facts: &[Fact], at: &Stamp, step: &Step<'_>) {
        match step {
            Step::Judged(answer) => self.judged(answer, at),
            Step::Fact(fact) => match fact.what {
                What::Sent => self.sent(at),
                What::Tripped => self.trip(at),
                What::Reset => self.close(at.time_us),
                What::Success | What::Failure | What::Anomaly => self.answered(facts, fact),
            },
        }
    }

    fn trip(&mut self, at: &Stamp) {
        (self.position, self.since_us, self.tripped_by) = (Position::Open, Some(at.time_us), Some(at.id.clone()));
        self.window.clear();
        self.probes.clear();
    }

    fn close(&mut self, at_us: i64) {
        (self.position, self.since_us) = (Position::Closed, Some(at_us));
        self.window.clear();
        self.probes.clear();
    }

    fn due_us(&self) -> Option<i64> {
        let since = self.since_us.filter(|_| self.position == Position::Open)?;
        Some(since.saturating_add(self.rule.cooldown_s.saturating_mul(1_000_000)))
    }

    fn sent(&mut self, at: &Stamp) {
        if let Some(due) = self.due_us() {
            if at.time_us < due {
                return;
            }
            (self.position, self.since_us) = (Position::HalfOpen, Some(due));
        }
        if self.position == Position::HalfOpen {
            self.forget_probes(at.time_us);
            if self.probes.len() < self.rule.probes {
                self.probes.push((at.id.clone(), at.time_us));
            }
        }
    }

    fn forget_probes(&mut self, now_us: i64) {
        let stale = now_us.saturating_sub(self.rule.cooldown_s.saturating_mul(1_000_000));
        self.probes.retain(|(_, sent)| *sent > stale);
    }

    fn answered(&mut self, facts: &[Fact], fact: &Fact) {
        let sent = match &fact.message {
            Some(message) => facts.iter().find(|f| f.what == What::Sent && f.stamp.id == *message),
            // A message that could not be sent.
            None => Some(fact),
        };
        let Some(sent) = sent else { return };
        let probe = self.probes.iter().any(|(message, _)| *message == sent.stamp.id)
            || self.due_us().is_some_and(|due| sent.stamp.time_us >= due);
        match (self.position, probe) {
            (Position::Closed, _) => self.push(fact.what, &fact.stamp),
            (_, false) => {}
            (_, true) if fact.what == What::Success => self.close(fact.stamp.time_us),
            (_, true) => self.trip(&fact.stamp),
        }
    }

    fn push(&mut self, what: What, at: &Stamp) {
        self.window.push_back((what, at.id.clone()));
        if self.window.len() > self.rule.window {
            self.window.pop_front();
        }
        self.trip_if_asked(at);
    }

    fn judged(&mut self, answer: &EventId, at: &Stamp) {
        let entry = self.window.iter_mut().find(|(_, shown_by)| shown_by == answer);
        if let (Position::Closed, Some((what, _))) = (self.position, entry) {
            *what = What::Anomaly;
            self.trip_if_asked(at);
        }
    }

    fn trip_if_asked(&mut self, at: &Stamp) {
        let (failures, anomalies, all) = (self.count(What::Failure), self.count(What::Anomaly), self.window.len());
        let share = all >= self.rule.min_interactions && anomalies * 100 >= self.rule.anomaly_percent * all;
        if failures >= self.rule.failures || share {
            self.trip(at);
        }
    }

    fn count(&self, what: What) -> usize {
        self.window.iter().filter(|(own, _)| *own == what).count()
    }

    fn view(mut self, now_us: i64) -> BreakerView {
        self.forget_probes(now_us);
        let probe_from_us = self.due_us();
        let due = probe_from_us.is_some_and(|from| now_us >= from);
        BreakerView {
            position: if due { Position::HalfOpen } else { self.position },
            since_us: if due { probe_from_us } else { self.since_us },
            probe_from_us,
            failures: self.count(What::Failure),
            anomalies: self.count(What::Anomaly),
            interactions: self.window.len(),
            probes: self.probes.len(),
            tripped_by: self.tripped_by,
        }
    }
}
