//! Wilcoxon's signed rank test of paired numbers.
//!
//! Guarantee: differences of zero are set aside and counted (Wilcoxon's own rule); exact, ties included, up to
//! [`super::limits::SIGNED_RANK_EXACT_MAX`] nonzero differences, then normal with corrections for ties and continuity.
//! What is tested is that the differences lie symmetrically about zero. Cannot fail: without a nonzero difference p is
//! 1.

use super::limits::SIGNED_RANK_EXACT_MAX;
use super::ranks::{coin_sum_p, double, midranks};
use super::result::{Effect, Test};
use super::special::normal_two_sided;

/// Result of the test.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedRank {
    /// Test, with the sum of ranks of positive differences as its statistic.
    pub test: Test,
    /// Differences of zero, set aside.
    pub zeros: usize,
    /// Nonzero differences whose size another has too.
    pub tied: usize,
    /// Matched-pairs rank-biserial correlation (Kerby 2014): share of rank sum for B minus that for A.
    pub rank_biserial: Effect,
}

/// The test (Wilcoxon, Biometrics Bulletin 1, 1945) of differences B minus A.
#[must_use]
pub fn signed_rank(differences: &[f64]) -> SignedRank {
    let nonzero: Vec<f64> = differences.iter().copied().filter(|&d| d != 0.0).collect();
    let sizes: Vec<f64> = nonzero.iter().map(|d| d.abs()).collect();
    let ranked = midranks(&sizes);
    let plus: f64 = nonzero.iter().zip(&ranked.ranks).filter(|(d, _)| **d > 0.0).map(|(_, r)| r).sum();
    let n = nonzero.len() as f64;
    let all = n * (n + 1.0) / 2.0;
    let (method, p) = if nonzero.is_empty() {
        ("Wilcoxon signed rank, no nonzero difference", 1.0)
    } else if nonzero.len() <= SIGNED_RANK_EXACT_MAX {
        ("Wilcoxon signed rank, exact", coin_sum_p(&ranked.ranks, double(plus)))
    } else {
        ("Wilcoxon signed rank, normal with tie and continuity corrections", normal_p(plus, n, ranked.tie_term))
    };
    let biserial = (!nonzero.is_empty()).then(|| (2.0 * plus - all) / all);
    SignedRank {
        test: Test { method, statistic: Some(plus), p },
        zeros: differences.len() - nonzero.len(),
        tied: ranked.tied,
        rank_biserial: Effect { name: "matched-pairs rank-biserial correlation", value: biserial, interval: None },
    }
}

/// The normal form, as scipy's `wilcoxon(correction=True, method="asymptotic")`.
pub(super) fn normal_p(plus: f64, n: f64, tie_term: f64) -> f64 {
    let variance = (n * (n + 1.0) * (2.0 * n + 1.0) - tie_term / 2.0) / 24.0;
    let distance = ((plus - n * (n + 1.0) / 4.0).abs() - 0.5).max(0.0);
    normal_two_sided(distance / variance.sqrt())
}
