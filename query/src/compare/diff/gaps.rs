//! Within a gap: which step of one run stands in the place of which step of the other.
//!
//! Steps of the same kind and name are paired in order. In a small gap the pairs are those whose excerpts have most words
//! in common (dynamic programming over all pairs); in a large one, or when [`PAIRS_MAX`] pairs of a comparison have been
//! weighed, labels alone decide.
//!
//! Guarantee: pairs are of the same label and in order in both runs; no gap takes more than [`GAP_PAIRS_MAX`] cells.

use super::limits::{GAP_PAIRS_MAX, PAIRS_MAX, WORDS_WEIGHED_MAX};
use super::step::Step;
use similar::Algorithm;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

/// What a pair is worth for its labels alone; its words add 0 to this much again.
const LABEL_WEIGHT: u32 = 100;

/// Pairs steps of gaps, within the bound of one comparison.
#[derive(Default)]
pub(super) struct Pairing {
    weighed: usize,
}

impl Pairing {
    /// The pairs of one gap, as indexes into the runs.
    pub(super) fn pairs(&mut self, a: &[Step], b: &[Step], gap: (&Range<usize>, &Range<usize>)) -> Vec<(usize, usize)> {
        let (a_steps, b_steps) = (&a[gap.0.clone()], &b[gap.1.clone()]);
        let cells = a_steps.len().saturating_mul(b_steps.len());
        let within = if cells == 0 {
            Vec::new()
        } else if cells <= GAP_PAIRS_MAX && self.weighed + cells <= PAIRS_MAX {
            self.weighed += cells;
            by_words(a_steps, b_steps)
        } else {
            by_label(a_steps, b_steps)
        };
        within.into_iter().map(|(a, b)| (a + gap.0.start, b + gap.1.start)).collect()
    }
}

fn by_label(a: &[Step], b: &[Step]) -> Vec<(usize, usize)> {
    let mut numbers = HashMap::new();
    let mut number = |steps: &[Step]| -> Vec<u32> {
        let labels = steps.iter().map(Step::label);
        labels
            .map(|label| {
                let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
                *numbers.entry(label).or_insert(next)
            })
            .collect()
    };
    let (a, b) = (number(a), number(b));
    let mut pairs = Vec::new();
    for op in similar::capture_diff_slices(Algorithm::Myers, &a, &b) {
        if let similar::DiffOp::Equal { old_index, new_index, len } = op {
            pairs.extend((0..len).map(|i| (old_index + i, new_index + i)));
        }
    }
    pairs
}

/// The heaviest pairing in order.
fn by_words(a: &[Step], b: &[Step]) -> Vec<(usize, usize)> {
    let (a_words, b_words): (Vec<_>, Vec<_>) = (a.iter().map(words).collect(), b.iter().map(words).collect());
    let width = b.len() + 1;
    // best[i * width + j]: the most that a[i..] and b[j..] can be worth.
    let mut best = vec![0u32; (a.len() + 1) * width];
    let mut weights = vec![0u32; a.len() * b.len()];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            let mut value = best[(i + 1) * width + j].max(best[i * width + j + 1]);
            if a[i].same_label(&b[j]) {
                let weight = LABEL_WEIGHT + likeness(&a_words[i], &b_words[j]);
                weights[i * b.len() + j] = weight;
                value = value.max(weight + best[(i + 1) * width + j + 1]);
            }
            best[i * width + j] = value;
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < a.len() && j < b.len() {
        let here = best[i * width + j];
        let weight = weights[i * b.len() + j];
        if weight > 0 && here == weight + best[(i + 1) * width + j + 1] {
            pairs.push((i, j));
            i += 1;
            j += 1;
        } else if here == best[(i + 1) * width + j] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

/// The different words of an excerpt, hashed and sorted.
fn words(step: &Step) -> Vec<u64> {
    let split = step.excerpt.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let hashed = split.take(WORDS_WEIGHED_MAX).map(|word| {
        let mut hasher = DefaultHasher::new();
        word.hash(&mut hasher);
        hasher.finish()
    });
    let mut words: Vec<u64> = hashed.collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// How much two sets of words share, 0 to [`LABEL_WEIGHT`].
fn likeness(a: &[u64], b: &[u64]) -> u32 {
    let (mut i, mut j, mut shared) = (0, 0, 0usize);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        shared += usize::from(x == y);
        i += usize::from(x <= y);
        j += usize::from(y <= x);
    }
    let union = a.len() + b.len() - shared;
    let share = (shared * LABEL_WEIGHT as usize).checked_div(union).unwrap_or(0);
    u32::try_from(share).unwrap_or(0)
}
