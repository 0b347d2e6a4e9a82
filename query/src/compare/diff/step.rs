//! One step of a run, as it is compared.
//!
//! Guarantee: a step holds no more text than [`EXCERPT_CHARS_MAX`] characters besides its id, kind and name.

use super::limits::EXCERPT_CHARS_MAX;
use super::normal::Digests;
use serde::Serialize;
use std::ops::Range;
use utoipa::ToSchema;

/// One event of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Event id.
    pub id: String,
    /// Kind.
    pub kind: String,
    /// Tool, model, role or another name that tells steps of one kind apart; empty where there is none.
    pub name: String,
    /// What it says, volatile parts left out; see [`super::Normaliser`].
    pub digests: Digests,
    /// The beginning of what it says.
    pub excerpt: String,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<f64>,
    /// Tokens it took, in and out.
    pub tokens: Option<u64>,
}

impl Step {
    /// A step without duration and tokens; `excerpt` is cut to its bound.
    #[must_use]
    pub fn new(id: impl Into<String>, kind: &str, name: &str, digests: Digests, excerpt: &str) -> Self {
        Self {
            id: id.into(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            digests,
            excerpt: excerpt.chars().take(EXCERPT_CHARS_MAX).collect(),
            duration_ms: None,
            tokens: None,
        }
    }

    /// Kind and name, as they stand in summaries.
    #[must_use]
    pub fn label(&self) -> String {
        if self.name.is_empty() { self.kind.clone() } else { format!("{} {}", self.kind, self.name) }
    }

    pub(super) fn same_label(&self, other: &Self) -> bool {
        self.kind == other.kind && self.name == other.name
    }
}

/// Steps in a row. `first` counts from 1; of an empty span it says before which step it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Span {
    /// The first step, from 1.
    pub first: usize,
    /// How many.
    pub count: usize,
}

impl Span {
    pub(super) fn of(range: &Range<usize>) -> Self {
        Self { first: range.start + 1, count: range.len() }
    }

    /// The same as indexes from 0.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.first - 1..self.first - 1 + self.count
    }

    /// The last step, from 1; before `first` when the span is empty.
    #[must_use]
    pub fn last(self) -> usize {
        self.first + self.count - 1
    }
}

/// A step as results name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StepRef {
    /// Its place in the run, from 1.
    pub step: usize,
    /// Event id.
    pub id: String,
    /// Kind.
    pub kind: String,
    /// Tool, model or role.
    pub name: String,
    /// The beginning of what it says.
    pub excerpt: String,
}

impl StepRef {
    pub(super) fn of(steps: &[Step], index: usize) -> Option<Self> {
        let step = steps.get(index)?;
        Some(Self {
            step: index + 1,
            id: step.id.clone(),
            kind: step.kind.clone(),
            name: step.name.clone(),
            excerpt: step.excerpt.clone(),
        })
    }
}
