//! Where two runs part, what each of them did then, and where they come together again.
//!
//! Guarantee: see the module above; labels in summaries are the most frequent [`LABELS_SHOWN_MAX`], the rest is counted.

use super::align::common_prefix;
use super::blocks::{Block, BlockKind};
use super::limits::{LABELS_SHOWN_MAX, TOGETHER_STEPS_MIN};
use super::step::{Span, Step, StepRef};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// In what two steps part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The same kind and name, another content.
    Content,
    /// The same but for an opaque id that stands for something else in each run.
    Identifier,
    /// The same kind, another name: another tool, model or role.
    Name,
    /// Another kind of step.
    Kind,
    /// A has no more steps.
    EndOfA,
    /// B has no more steps.
    EndOfB,
}

impl Part {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Content => "same kind and name, other content",
            Self::Identifier => "same but for an id that stands for something else",
            Self::Name => "same kind, other name",
            Self::Kind => "other kind of step",
            Self::EndOfA => "A ends",
            Self::EndOfB => "B ends",
        }
    }
}

/// Where two runs part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Divergence {
    /// The first step, from 1, that is not the same: its place is the same in both runs.
    pub step: usize,
    /// In what.
    pub part: Part,
    /// The step in A; `None` when A has ended.
    pub a: Option<StepRef>,
    /// The step in B; `None` when B has ended.
    pub b: Option<StepRef>,
}

impl Divergence {
    /// What the runs part over, as cohorts count it: `tool.call bash` or `tool.call bash / tool.call edit`.
    #[must_use]
    pub fn label(&self) -> String {
        let label = |step: &Option<StepRef>| match step {
            None => "(end)".to_owned(),
            Some(step) if step.name.is_empty() => step.kind.clone(),
            Some(step) => format!("{} {}", step.kind, step.name),
        };
        let (a, b) = (label(&self.a), label(&self.b));
        if a == b { a } else { format!("{a} / {b}") }
    }
}

/// Where two runs part, without aligning what follows.
#[must_use]
pub fn first_divergence(a: &[Step], b: &[Step]) -> Option<Divergence> {
    at(a, b, common_prefix(a, b))
}

pub(super) fn at(a: &[Step], b: &[Step], prefix: usize) -> Option<Divergence> {
    let part = match (a.get(prefix), b.get(prefix)) {
        (None, None) => return None,
        (None, Some(_)) => Part::EndOfA,
        (Some(_), None) => Part::EndOfB,
        (Some(a), Some(b)) if a.kind != b.kind => Part::Kind,
        (Some(a), Some(b)) if a.name != b.name => Part::Name,
        (Some(a), Some(b)) if a.digests.content == b.digests.content => Part::Identifier,
        _ => Part::Content,
    };
    Some(Divergence { step: prefix + 1, part, a: StepRef::of(a, prefix), b: StepRef::of(b, prefix) })
}

/// Where two runs come together again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Together {
    /// The steps of A that are the same as those of B.
    pub a: Span,
    /// Those of B.
    pub b: Span,
    /// Whether they stay together to the end of both runs.
    pub to_the_end: bool,
}

/// The first [`TOGETHER_STEPS_MIN`] equal steps in a row after the divergence, or fewer when they end both runs.
pub(super) fn together(a: &[Step], b: &[Step], prefix: usize, blocks: &[Block]) -> Option<Together> {
    let after = blocks.iter().filter(|block| block.kind == BlockKind::Equal && block.a.first > prefix);
    let mut found = after.filter_map(|block| {
        let to_the_end = block.a.last() == a.len() && block.b.last() == b.len();
        let enough = block.a.count >= TOGETHER_STEPS_MIN || to_the_end;
        enough.then_some(Together { a: block.a, b: block.b, to_the_end })
    });
    found.next()
}

/// How often a label stands in a part of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LabelTally {
    /// Kind and name.
    pub label: String,
    /// Steps.
    pub steps: usize,
}

/// What a run did after the divergence.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Followed {
    /// Steps.
    pub steps: usize,
    /// Their durations together, in milliseconds, of those that tell it.
    pub duration_ms: Option<f64>,
    /// Their tokens together, of those that tell them.
    pub tokens: Option<u64>,
    /// Their labels, the most frequent first.
    pub labels: Vec<LabelTally>,
    /// Labels besides.
    pub labels_more: usize,
}

impl Followed {
    pub(super) fn of(steps: &[Step]) -> Self {
        let mut tally: BTreeMap<String, usize> = BTreeMap::new();
        for step in steps {
            *tally.entry(step.label()).or_default() += 1;
        }
        let mut labels: Vec<_> = tally.into_iter().map(|(label, steps)| LabelTally { label, steps }).collect();
        labels.sort_by_key(|tally| std::cmp::Reverse(tally.steps));
        let labels_more = labels.len().saturating_sub(LABELS_SHOWN_MAX);
        labels.truncate(LABELS_SHOWN_MAX);
        let durations = steps.iter().filter_map(|step| step.duration_ms);
        let tokens = steps.iter().filter_map(|step| step.tokens);
        Self {
            steps: steps.len(),
            duration_ms: durations.reduce(|sum, next| sum + next),
            tokens: tokens.reduce(u64::saturating_add),
            labels,
            labels_more,
        }
    }
}
