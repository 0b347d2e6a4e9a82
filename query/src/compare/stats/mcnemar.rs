//! McNemar's test of paired outcomes, exact.
//!
//! Guarantee: under "no difference" a p below x comes with probability at most x for the exact form, whatever the
//! number of discordant pairs; the mid-p form holds that on average only. Cannot fail.

use super::discrete::binomial;
use super::result::{PairCounts, Test};

/// Exact test (McNemar, Psychometrika 12, 1947, on the binomial distribution): twice the smaller tail of
/// Binomial(discordant pairs, 1/2), at most 1.
#[must_use]
pub fn exact(counts: &PairCounts) -> Test {
    let (small, tails) = tail(counts);
    Test { method: "McNemar, exact", statistic: Some(small as f64), p: (2.0 * tails.0).min(1.0) }
}

/// The mid-p form (Lancaster 1961; Fagerland, Lydersen and Laake, BMC Med Res Methodol 13:91, 2013): half of the
/// probability of the table itself is taken off each tail.
#[must_use]
pub fn mid_p(counts: &PairCounts) -> Test {
    let (small, tails) = tail(counts);
    let p = if counts.only_a == counts.only_b { 1.0 } else { 2.0 * tails.0 - tails.1 };
    Test { method: "McNemar, mid-p", statistic: Some(small as f64), p: p.min(1.0) }
}

/// The smaller discordant count, P(X <= it) and P(X = it).
fn tail(counts: &PairCounts) -> (u64, (f64, f64)) {
    let small = counts.only_a.min(counts.only_b);
    let window = binomial(counts.only_a + counts.only_b, 0.5);
    (small, (window.up_to(small), window.at(small)))
}
