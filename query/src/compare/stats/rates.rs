//! Two rates without pairs: Fisher's exact test and Newcombe's interval.
//!
//! Guarantee: Fisher's p holds its level for every sample size; the interval stays within [-1, 1]. Cannot fail.

use super::discrete::{hypergeometric, wilson};
use super::result::{Interval, Test};
use super::special::normal_quantile;

/// Successes of two arms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TwoRates {
    /// Successes of A.
    pub a: u64,
    /// Observations of A.
    pub n_a: u64,
    /// Successes of B.
    pub b: u64,
    /// Observations of B.
    pub n_b: u64,
}

/// Probabilities this close above that of the table count as no likelier (R and scipy do alike).
const TIE: f64 = 1.0 + 1e-7;

/// Fisher's exact test, two-sided: the probability, both margins given, of tables no likelier than this one.
#[must_use]
pub fn fisher(rates: &TwoRates) -> Test {
    let window = hypergeometric(rates.n_a + rates.n_b, rates.a + rates.b, rates.n_a);
    let limit = window.at(rates.a) * TIE;
    let p: f64 = window.p.iter().filter(|&&p| p <= limit).sum();
    Test { method: "Fisher, exact", statistic: None, p: p.min(1.0) }
}

/// Newcombe's hybrid score interval of rate B minus rate A (Statistics in Medicine 17:873, 1998, method 10): Wilson's
/// limits of each rate, put together by squares.
#[must_use]
pub fn newcombe(rates: &TwoRates, level: f64) -> Interval {
    let z = normal_quantile(0.5 + level / 2.0);
    let (n_a, n_b) = (rates.n_a as f64, rates.n_b as f64);
    let (a, b) = (rates.a as f64 / n_a, rates.b as f64 / n_b);
    let (low_a, high_a) = wilson(rates.a as f64, n_a, z);
    let (low_b, high_b) = wilson(rates.b as f64, n_b, z);
    let low = b - a - (b - low_b).hypot(high_a - a);
    let high = b - a + (high_b - b).hypot(a - low_a);
    Interval { low: low.max(-1.0), high: high.min(1.0), level, method: "hybrid score interval (Newcombe)" }
}
