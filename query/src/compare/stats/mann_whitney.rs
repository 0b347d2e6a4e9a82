//! The rank sum test of Mann and Whitney (and Wilcoxon) for two arms without pairs.
//!
//! Guarantee: exact, ties included, up to [`super::limits::RANK_SUM_EXACT_MAX`] values in all, then normal with
//! corrections for ties and continuity. What is tested is that a value of B is as likely above one of A as below.
//! Cannot fail: an empty arm or values that are all equal give p = 1.

use super::limits::RANK_SUM_EXACT_MAX;
use super::ranks::{double, draw_sum_p, midranks};
use super::result::{Effect, Test};
use super::special::normal_two_sided;

/// Result of the test.
#[derive(Debug, Clone, PartialEq)]
pub struct RankSum {
    /// Test, with U of B as its statistic: pairs in which B is larger, ties as half.
    pub test: Test,
    /// Values that equal another.
    pub tied: usize,
    /// Cliff's delta (1993): P(B > A) - P(B < A).
    pub cliffs_delta: Effect,
}

/// The test (Mann and Whitney, Annals of Mathematical Statistics 18, 1947).
#[must_use]
pub fn rank_sum(a: &[f64], b: &[f64]) -> RankSum {
    let together: Vec<f64> = b.iter().chain(a).copied().collect();
    let ranked = midranks(&together);
    let (n_a, n_b) = (a.len() as f64, b.len() as f64);
    let sum_b: f64 = ranked.ranks[..b.len()].iter().sum();
    let u = sum_b - n_b * (n_b + 1.0) / 2.0;
    let (method, p) = if a.is_empty() || b.is_empty() {
        ("Mann-Whitney, an arm is empty", 1.0)
    } else if together.len() <= RANK_SUM_EXACT_MAX {
        ("Mann-Whitney, exact", draw_sum_p(&ranked.ranks, b.len(), double(sum_b)))
    } else {
        ("Mann-Whitney, normal with tie and continuity corrections", normal_p(u, n_a, n_b, ranked.tie_term))
    };
    let delta = (n_a * n_b > 0.0).then(|| 2.0 * u / (n_a * n_b) - 1.0);
    RankSum {
        test: Test { method, statistic: Some(u), p },
        tied: ranked.tied,
        cliffs_delta: Effect { name: "Cliff's delta", value: delta, interval: None },
    }
}

/// The normal form, as scipy's `mannwhitneyu(use_continuity=True, method="asymptotic")`.
pub(super) fn normal_p(u: f64, n_a: f64, n_b: f64, tie_term: f64) -> f64 {
    let n = n_a + n_b;
    let variance = n_a * n_b / 12.0 * (n + 1.0 - tie_term / (n * (n - 1.0)));
    let distance = ((u - n_a * n_b / 2.0).abs() - 0.5).max(0.0);
    if variance > 0.0 { normal_two_sided(distance / variance.sqrt()) } else { 1.0 }
}
