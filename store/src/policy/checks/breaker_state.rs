//! The state of one breaker, and how it is shown.
//!
//! Guarantee: a breaker that trips or closes forgets the interactions before; the state at a time follows from what is
//! remembered and the policy alone.

use super::answers::Outcome;
use super::breaker_window::Window;
use crate::policy::rules::BreakerRule;
use crate::policy::state::micros;
use serde::{Deserialize, Serialize};

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
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

/// A breaker for those who ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BreakerState {
    /// Tenant.
    pub tenant: String,
    /// Who sends.
    pub from: String,
    /// Who answers.
    pub to: String,
    /// Where it stands.
    pub position: Position,
    /// Since when, microseconds; `None` while it never tripped.
    pub since_us: Option<i64>,
    /// From when on a probe may pass, microseconds, while it is open.
    pub probe_from_us: Option<i64>,
    /// Failures among the interactions looked back on.
    pub failures: u64,
    /// Anomalies among them.
    pub anomalies: u64,
    /// Interactions looked back on.
    pub interactions: u64,
    /// How often it tripped.
    pub trips: u64,
}

/// What is remembered of a pair.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(in crate::policy) struct Breaker {
    pub(super) tenant: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) position: Position,
    pub(super) since_us: Option<i64>,
    /// The event that tripped it.
    pub(super) tripped_by: String,
    /// Probes under way: message, when it was sent.
    pub(super) probes: Vec<(String, i64)>,
    pub(super) window: Window,
    pub(super) trips: u64,
}

impl Breaker {
    pub(super) fn trip(&mut self, at_us: i64, event: &str) {
        self.position = Position::Open;
        self.since_us = Some(at_us);
        event.clone_into(&mut self.tripped_by);
        self.probes.clear();
        self.window.clear();
        self.trips += 1;
    }

    pub(super) fn close(&mut self, at_us: i64) {
        self.position = Position::Closed;
        self.since_us = Some(at_us);
        self.probes.clear();
        self.window.clear();
    }

    pub(super) fn probe_from_us(&self, rule: &BreakerRule) -> Option<i64> {
        let since = self.since_us.filter(|_| self.position == Position::Open)?;
        Some(since.saturating_add(micros(rule.cooldown_s)))
    }

    /// The state at a time.
    pub(in crate::policy) fn state(&self, rule: &BreakerRule, now_us: i64) -> BreakerState {
        let probe_from_us = self.probe_from_us(rule);
        let due = probe_from_us.is_some_and(|from| now_us >= from);
        BreakerState {
            tenant: self.tenant.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            position: if due { Position::HalfOpen } else { self.position },
            since_us: if due { probe_from_us } else { self.since_us },
            probe_from_us,
            failures: self.window.count(Outcome::Failure),
            anomalies: self.window.count(Outcome::Anomaly),
            interactions: self.window.len(),
            trips: self.trips,
        }
    }
}
