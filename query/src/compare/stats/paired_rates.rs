//! The interval of a difference of paired rates.
//!
//! Guarantee: stays within [-1, 1], is never a point, and agrees with the score test. Cannot fail for one pair or more.

use super::result::{Interval, PairCounts};
use super::special::{bisect, normal_quantile};

/// Name in results.
pub(super) const TANGO: &str = "score interval of paired rates (Tango)";

/// Tango's score interval (Statistics in Medicine 17:891, 1998) for rate B minus rate A: the differences d whose score
/// statistic (b - c - n d) / sqrt(n (2 q + d (1 - d))) lies within the normal quantiles, where b and c count the pairs
/// in which only B and only A succeeded and q is the likeliest rate of the latter at that d.
#[must_use]
pub fn tango(counts: &PairCounts, level: f64) -> Interval {
    let n = counts.pairs() as f64;
    let (only_b, only_a) = (counts.only_b as f64, counts.only_a as f64);
    let estimate = (only_b - only_a) / n;
    let reach = normal_quantile(0.5 + level / 2.0);
    let statistic = |d: f64| score(n, only_b, only_a, d);
    let low = if estimate <= -1.0 { -1.0 } else { bisect(-1.0, estimate, |d| statistic(d) > reach) };
    let high = if estimate >= 1.0 { 1.0 } else { bisect(estimate, 1.0, |d| statistic(d) > -reach) };
    Interval { low, high, level, method: TANGO }
}

/// The score statistic at difference `d`.
fn score(n: f64, only_b: f64, only_a: f64, d: f64) -> f64 {
    let quadratic = 2.0 * n;
    let linear = (2.0 * n - only_b + only_a) * d - only_b - only_a;
    let constant = -only_a * d * (1.0 - d);
    let root = (linear * linear - 4.0 * quadratic * constant).max(0.0).sqrt();
    let rate = (root - linear) / (2.0 * quadratic);
    let variance = n * (2.0 * rate + d * (1.0 - d));
    let distance = only_b - only_a - n * d;
    if variance <= 0.0 {
        return if distance == 0.0 { 0.0 } else { f64::INFINITY.copysign(distance) };
    }
    distance / variance.sqrt()
}
