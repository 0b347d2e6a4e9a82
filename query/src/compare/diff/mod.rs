//! Two runs side by side: where they part by content, what followed, and whether they came together again.
//!
//! [`diff`] compares two runs, [`Cohort`] says of many pairs at which step they part. [`Normaliser`] turns the contents
//! of an event into the digests that are compared; [`counts`] says which contents take part. Steps in results count
//! from 1.
//!
//! Guarantee: the first divergence is exact at any length: every step before it has the same digests in both runs, and
//! the step itself has not. The alignment after it covers [`limits::ALIGNED_STEPS_MAX`] steps of each run, and says how
//! many it left out. Everything here depends on its arguments alone and never fails; memory is linear in the steps.

mod align;
mod blocks;
mod cohort;
mod content;
mod divergence;
mod gaps;
pub mod limits;
mod lines;
mod normal;
mod render;
mod render_cohort;
mod step;
#[cfg(test)]
mod tests;
mod volatile;

pub use blocks::{Block, BlockKind};
pub use cohort::{Bin, Cohort, CohortPair, CurvePoint, LabelCount, cohort};
pub use content::{ContentDiff, Difference, content_diff};
pub use divergence::{Divergence, Followed, LabelTally, Part, Together, first_divergence};
pub use lines::{Line, Mark, Piece, lines_to_text};
pub use normal::{Digests, Normaliser, counts, digest, normal_text};
pub use render::{RenderOptions, run_lines};
pub use render_cohort::cohort_lines;
pub use step::{Span, Step, StepRef};

use limits::{CHANGES_EXPLAINED_MAX, EXCERPT_CHARS_MAX};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A step that says something else in the other run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Change {
    /// The step in A, from 1.
    pub a: usize,
    /// The step in B, from 1.
    pub b: usize,
    /// How they differ.
    pub diff: ContentDiff,
}

/// Two runs, compared. Steps count from 1.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RunDiff {
    /// Steps of A.
    pub a_steps: usize,
    /// Steps of B.
    pub b_steps: usize,
    /// Where they part; `None` when they are the same to the end.
    pub divergence: Option<Divergence>,
    /// Where they come together again after that, if they do.
    pub together: Option<Together>,
    /// What A did between parting and coming together (or its end).
    pub a_followed: Followed,
    /// What B did.
    pub b_followed: Followed,
    /// Steps by kind of block: those of A, or for blocks of B alone those of B.
    pub steps: BTreeMap<BlockKind, usize>,
    /// The alignment.
    pub blocks: Vec<Block>,
    /// The first changed steps, and how they differ.
    pub changes: Vec<Change>,
    /// Changed steps besides.
    pub changes_more: usize,
    /// Steps of A that were not aligned, because the run is longer than the bound.
    pub a_beyond: usize,
    /// Steps of B, likewise.
    pub b_beyond: usize,
}

/// Compares two runs.
#[must_use]
pub fn diff(a: &[Step], b: &[Step]) -> RunDiff {
    let alignment = align::align(a, b);
    let blocks = blocks::blocks(a, b, &alignment);
    let divergence = divergence::at(a, b, alignment.prefix);
    let together = divergence.as_ref().and_then(|_| divergence::together(a, b, alignment.prefix, &blocks));
    let until = together.as_ref().map_or((a.len(), b.len()), |t| (t.a.first - 1, t.b.first - 1));
    let mut steps = BTreeMap::new();
    for block in &blocks {
        *steps.entry(block.kind).or_default() += block.a.count.max(block.b.count);
    }
    let (changes, changes_more) = changes(a, b, &blocks);
    RunDiff {
        a_steps: a.len(),
        b_steps: b.len(),
        a_followed: Followed::of(&a[alignment.prefix.min(until.0)..until.0]),
        b_followed: Followed::of(&b[alignment.prefix.min(until.1)..until.1]),
        divergence,
        together,
        steps,
        blocks,
        changes,
        changes_more,
        a_beyond: alignment.beyond.0,
        b_beyond: alignment.beyond.1,
    }
}

/// The differences of changed steps by their excerpts.
fn changes(a: &[Step], b: &[Step], blocks: &[Block]) -> (Vec<Change>, usize) {
    let changed = || blocks.iter().filter(|block| block.kind == BlockKind::Changed);
    let pairs = changed().flat_map(|block| block.a.range().zip(block.b.range()));
    let told = pairs.take(CHANGES_EXPLAINED_MAX).map(|(i, j)| {
        let (x, y) = (&a[i], &b[j]);
        let mut diff = content_diff(&x.kind, &x.excerpt, &y.excerpt);
        let cut = |step: &Step| step.excerpt.chars().count() >= EXCERPT_CHARS_MAX;
        diff.excerpts_only = cut(x) || cut(y) || diff.differences.is_empty();
        Change { a: i + 1, b: j + 1, diff }
    });
    let told: Vec<_> = told.collect();
    let all: usize = changed().map(|block| block.a.count).sum();
    let more = all - told.len();
    (told, more)
}

impl RunDiff {
    /// Indexes (from 0) of the changed steps whose difference is told from excerpts only: those to load contents of.
    pub fn unexplained(&self) -> impl Iterator<Item = (usize, usize)> {
        self.changes.iter().filter(|change| change.diff.excerpts_only).map(|change| (change.a - 1, change.b - 1))
    }

    /// Puts the difference of whole contents in the place of that of excerpts. Indexes from 0.
    pub fn explain(&mut self, a: usize, b: usize, diff: ContentDiff) {
        if let Some(change) = self.changes.iter_mut().find(|change| (change.a, change.b) == (a + 1, b + 1)) {
            change.diff = diff;
        }
    }
}
