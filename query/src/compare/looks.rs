//! The sequential mode: differences of tasks in order of time, looked at again and again.
//!
//! Guarantee: at most [`LOOKS_MAX`] looks, the last at the end; none where arms have no pairs.

use super::compare::Work;
use super::limits::LOOKS_MAX;
use super::pairing::{Pairing, Rule};
use super::stats::sequential::{Bounds, Sequence, confidence_sequence};

/// One difference for each task, in order of time, looked at once a day, or ten times where all came in one day.
pub(super) fn sequence(work: &Work<'_>, pairing: &Pairing, values: &[f64], binary: bool) -> Option<Sequence> {
    if pairing.rule == Rule::Arms {
        return None;
    }
    let value = |runs: &[u32]| {
        let there = runs.iter().map(|run| values[*run as usize]).filter(|v| v.is_finite());
        let (sum, n) = there.fold((0.0, 0.0), |(sum, n), v| (sum + v, n + 1.0));
        sum / n
    };
    let end = |runs: &[u32]| runs.iter().map(|run| work.table.at[*run as usize]).max().unwrap_or_default();
    let mut tasks: Vec<(i64, f64)> =
        pairing.tasks.iter().map(|t| (end(&t.a).max(end(&t.b)), value(&t.b) - value(&t.a))).collect();
    tasks.sort_by_key(|(at, _)| *at);
    let looks = looks(&tasks.iter().map(|(at, _)| *at).collect::<Vec<_>>());
    let differences: Vec<f64> = tasks.into_iter().map(|(_, difference)| difference).collect();
    let bounds = if binary { Bounds::Within(-1.0, 1.0) } else { Bounds::None };
    confidence_sequence(&differences, bounds, &looks, work.plan.options.level).ok()
}

fn looks(times: &[i64]) -> Vec<usize> {
    const DAY_US: i64 = 86_400_000_000;
    let n = times.len();
    let day = |at: usize| times[at].div_euclid(DAY_US);
    let mut looks: Vec<usize> = (1..n).filter(|at| day(*at) != day(at - 1)).collect();
    if looks.is_empty() {
        looks = (1..10).map(|i| n * i / 10).filter(|at| *at > 0).collect();
    }
    looks.push(n);
    looks.dedup();
    let more = looks.len().div_ceil(LOOKS_MAX).max(1);
    let last = looks.len() - 1;
    looks.into_iter().enumerate().filter(|(i, _)| (last - i).is_multiple_of(more)).map(|(_, at)| at).collect()
}
