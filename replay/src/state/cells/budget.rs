//! Budgets, and agents that were stopped or told to pause.
//!
//! Guarantee: the last by time and id.

use super::config::last_wins;
use super::{Join, later};
use crate::state::stamp::{Stamp, rfc3339_option};
use crate::state::wire::wire;
use serde::Serialize;

/// What a budget last said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Budget {
    /// The event, and when.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// `budget.warning`, `budget.throttled` or `budget.killed`.
    pub kind: Box<str>,
    /// What is allowed, as it was stated.
    pub limit: Option<Box<str>>,
    /// What is used, as it was stated.
    pub used: Option<Box<str>>,
    /// In which unit.
    pub unit: Option<Box<str>>,
    /// Who says so.
    pub by: Box<str>,
}

wire!(Budget { stamp, kind, limit, used, unit, by });

last_wins!(Budget);

/// A kill or a resumption.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Mark {
    /// The event, and when.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Its kind.
    pub kind: Box<str>,
    /// Who did it.
    pub by: Box<str>,
}

wire!(Mark { stamp, kind, by });

/// A pause.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Pause {
    /// The event, and when.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Until when, microseconds, where the event says how long.
    #[serde(rename = "until", serialize_with = "rfc3339_option")]
    pub until_us: Option<i64>,
    /// Who said so.
    pub by: Box<str>,
}

wire!(Pause { stamp, until_us, by });

/// Kills, resumptions and pauses of an agent, in one session or in all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stop {
    /// The last kill.
    pub killed: Option<Mark>,
    /// The last resumption by somebody else; it lifts kills of single sessions too.
    pub resumed: Option<Mark>,
    /// The last `budget.throttled`.
    pub paused: Option<Pause>,
}

wire!(Stop { killed, resumed, paused });

impl Join for Stop {
    fn join(&mut self, other: Self) {
        later(&mut self.killed, other.killed);
        later(&mut self.resumed, other.resumed);
        later(&mut self.paused, other.paused);
    }
}

impl Stop {
    pub(crate) fn latest(&self) -> Option<&Stamp> {
        let marks = [&self.killed, &self.resumed].into_iter().flatten().map(|mark| &mark.stamp);
        marks.chain(self.paused.as_ref().map(|pause| &pause.stamp)).max()
    }
}
