//! Which steps of two runs are the same, in order.
//!
//! First the longest common beginning, step by step, to any length: it decides where the runs part. The rest is aligned
//! by patience diff (steps that stand once in each run are the anchors) and Myers' algorithm between the anchors, both
//! of the crate `similar`, whose search for a split is bounded: on runs that share little it gives a good script and
//! not always the shortest one, in time about linear.
//!
//! Guarantee: the answer depends on the runs alone (no deadline); matches are of equal steps, in order in both runs; no
//! step of the common beginning is missed.

use super::limits::ALIGNED_STEPS_MAX;
use super::step::Step;
use similar::{Algorithm, DiffOp};
use std::collections::HashMap;
use std::ops::Range;

/// A stretch of the alignment, over both runs in order and without holes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stretch {
    /// The same steps.
    Equal(Range<usize>, Range<usize>),
    /// Steps that match none in the other run; one of the two may be empty.
    Gap(Range<usize>, Range<usize>),
}

/// Two runs, aligned.
pub(super) struct Alignment {
    /// Steps that both runs begin with.
    pub(super) prefix: usize,
    /// What follows, up to the bound.
    pub(super) stretches: Vec<Stretch>,
    /// Steps beyond the bound, of each run: not aligned.
    pub(super) beyond: (usize, usize),
}

/// How many steps both runs begin with.
pub(super) fn common_prefix(a: &[Step], b: &[Step]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a.digests == b.digests).count()
}

/// Aligns `a` and `b`.
pub(super) fn align(a: &[Step], b: &[Step]) -> Alignment {
    let prefix = common_prefix(a, b);
    let mut stretches = Vec::new();
    let mut from = prefix;
    // The same words about another id: the runs part here, though everything but the id is the same.
    let only_bound = a.get(prefix).zip(b.get(prefix)).is_some_and(|(a, b)| a.digests.content == b.digests.content);
    if only_bound {
        stretches.push(Stretch::Gap(prefix..prefix + 1, prefix..prefix + 1));
        from += 1;
    }
    let (a_end, b_end) = (a.len().min(from + ALIGNED_STEPS_MAX), b.len().min(from + ALIGNED_STEPS_MAX));
    let mut numbers = HashMap::new();
    let a_numbers = interned(&a[from..a_end], &mut numbers);
    let b_numbers = interned(&b[from..b_end], &mut numbers);
    for op in similar::capture_diff_slices(Algorithm::Patience, &a_numbers, &b_numbers) {
        push(&mut stretches, &op, from);
    }
    Alignment { prefix, stretches, beyond: (a.len() - a_end, b.len() - b_end) }
}

/// A number for each step, the same for the same content.
fn interned<'a>(steps: &'a [Step], numbers: &mut HashMap<&'a [u8; 32], u32>) -> Vec<u32> {
    let mut number = |step: &'a Step| {
        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        *numbers.entry(&step.digests.content).or_insert(next)
    };
    steps.iter().map(&mut number).collect()
}

/// Appends an operation, moved by `from`; gaps that touch become one.
fn push(stretches: &mut Vec<Stretch>, op: &DiffOp, from: usize) {
    let (_, a, b) = op.as_tag_tuple();
    let (a, b) = (a.start + from..a.end + from, b.start + from..b.end + from);
    match (op, stretches.last_mut()) {
        (DiffOp::Equal { .. }, _) => stretches.push(Stretch::Equal(a, b)),
        (_, Some(Stretch::Gap(last_a, last_b))) => {
            last_a.end = last_a.end.max(a.end);
            last_b.end = last_b.end.max(b.end);
        }
        _ => stretches.push(Stretch::Gap(a, b)),
    }
}
