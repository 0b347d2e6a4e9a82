//! What passed between two agents, as far as a breaker looks back.
//!
//! Guarantee: the latest [`BREAKER_FACTS_MAX`] facts by (time, id), which are the same in whatever order they came.
//! What the breaker makes of them: `view/breaker.rs`.

use super::Join;
use crate::state::limits::BREAKER_FACTS_MAX;
use crate::state::stamp::{EventId, Stamp};
use crate::state::wire::{Reader, Wire, WireError, wire, wire_choice};
use serde::Serialize;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A message or handoff went out.
    Sent,
    /// It was answered.
    Success,
    /// It was answered with an error, or could not be sent.
    Failure,
    /// Its answer was flagged.
    Anomaly,
    /// A gateway opened the breaker.
    Tripped,
    /// A gateway closed it.
    Reset,
}

wire_choice!(What { Sent, Success, Failure, Anomaly, Tripped, Reset });

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fact {
    /// The event, and when.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// What happened.
    pub what: What,
    /// Of an answer: the message that it names.
    pub message: Option<EventId>,
}

wire!(Fact { stamp, what, message });

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Facts(Vec<Fact>);

impl Facts {
    pub(crate) fn of(fact: Fact) -> Self {
        Self(vec![fact])
    }

    /// The facts, in order.
    #[must_use]
    pub fn list(&self) -> &[Fact] {
        &self.0
    }

    pub(crate) fn latest(&self) -> Option<&Stamp> {
        self.0.last().map(|fact| &fact.stamp)
    }
}

impl Join for Facts {
    fn join(&mut self, other: Self) {
        for fact in other.0 {
            if let Err(at) = self.0.binary_search(&fact) {
                self.0.insert(at, fact);
            }
        }
        self.0.drain(..self.0.len().saturating_sub(BREAKER_FACTS_MAX));
    }
}

impl Wire for Facts {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let facts = Vec::<Fact>::take(from)?;
        if facts.len() > BREAKER_FACTS_MAX || !facts.is_sorted_by(|a, b| a < b) {
            return from.fail("facts of a breaker in order, no more than are kept");
        }
        Ok(Self(facts))
    }
}

/// An event that a guardrail refused, or a detector flagged, later than it happened: the first such judgement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Flagged {
    /// The judgement, and when.
    #[serde(flatten)]
    pub stamp: Stamp,
}

wire!(Flagged { stamp });

impl Join for Flagged {
    fn join(&mut self, other: Self) {
        if other < *self {
            *self = other;
        }
    }
}

impl Flagged {
    pub(crate) fn latest(&self) -> Option<&Stamp> {
        Some(&self.stamp)
    }
}
