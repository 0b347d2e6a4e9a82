//! The last interactions of two agents, and when they trip the breaker.
//!
//! Guarantee: never longer than the policy's window; pure.

use super::answers::Outcome;
use crate::policy::rules::BreakerRule;
use crate::policy::state::Related;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// See the module: outcomes with the events that showed them, the oldest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(in crate::policy) struct Window(VecDeque<(Outcome, String)>);

impl Window {
    pub(super) fn push(&mut self, outcome: Outcome, event: &str, max: u64) {
        self.0.push_back((outcome, event.to_owned()));
        while self.0.len() as u64 > max {
            self.0.pop_front();
        }
    }

    /// Turns the success that `event` showed into an anomaly; one that is not there is added.
    pub(super) fn flag(&mut self, event: &str, max: u64) {
        match self.0.iter_mut().find(|(_, shown_by)| shown_by == event) {
            Some((outcome @ Outcome::Success, _)) => *outcome = Outcome::Anomaly,
            Some(_) => {}
            None => self.push(Outcome::Anomaly, event, max),
        }
    }

    pub(super) fn count(&self, wanted: Outcome) -> u64 {
        self.0.iter().filter(|(outcome, _)| *outcome == wanted).count() as u64
    }

    pub(super) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Why the breaker trips, if it does: words with numbers, and the events that did it.
    pub(super) fn trips(&self, rule: &BreakerRule) -> Option<(String, Related)> {
        let (failures, anomalies, all) = (self.count(Outcome::Failure), self.count(Outcome::Anomaly), self.len());
        if failures >= rule.failures {
            let words = format!("{failures} failures in the last {all} interactions, {} trip it", rule.failures);
            return Some((words, self.related(Outcome::Failure, "failure")));
        }
        if all >= rule.min_interactions && anomalies * 100 >= rule.anomaly_percent * all {
            let words = format!(
                "{anomalies} anomalies in the last {all} interactions ({} %), {} % trip it",
                anomalies * 100 / all.max(1),
                rule.anomaly_percent
            );
            return Some((words, self.related(Outcome::Anomaly, "anomaly")));
        }
        None
    }

    fn related(&self, wanted: Outcome, part: &'static str) -> Related {
        self.0.iter().filter(|(outcome, _)| *outcome == wanted).map(|(_, event)| (event.clone(), part)).collect()
    }
}
