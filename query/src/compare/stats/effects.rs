//! Sizes of effects: B against A, positive (or above one) where B is larger.
//!
//! Guarantee: an effect that is not defined for the data, such as a ratio to zero, has no value. Cannot fail.

use super::discrete::clopper_pearson;
use super::rates::TwoRates;
use super::result::{Effect, Interval, PairCounts};
use super::samples::{mean, variance};
use super::special::normal_quantile;

fn effect(name: &'static str, value: f64) -> Effect {
    Effect { name, value: value.is_finite().then_some(value), interval: None }
}

/// Cohen's h (1988): difference of rates on the scale on which their spread is even.
#[must_use]
pub fn cohens_h(rate_a: f64, rate_b: f64) -> Effect {
    effect("Cohen's h", 2.0 * rate_b.sqrt().asin() - 2.0 * rate_a.sqrt().asin())
}

/// Rate of B over rate of A, of paired outcomes.
#[must_use]
pub fn paired_risk_ratio(counts: &PairCounts) -> Effect {
    effect("risk ratio", (counts.both + counts.only_b) as f64 / (counts.both + counts.only_a) as f64)
}

/// Odds ratio within pairs: only-B over only-A, with the exact interval that agrees with McNemar's test.
#[must_use]
pub fn paired_odds_ratio(counts: &PairCounts, level: f64) -> Effect {
    let discordant = counts.only_a + counts.only_b;
    let mut odds = effect("odds ratio within pairs", counts.only_b as f64 / counts.only_a as f64);
    if discordant > 0 {
        let (low, high) = clopper_pearson(counts.only_b, discordant, level);
        let (low, high) = (low / (1.0 - low), if high < 1.0 { high / (1.0 - high) } else { f64::INFINITY });
        odds.interval = Some(Interval { low, high, level, method: "exact (Clopper-Pearson)" });
    }
    odds
}

/// Rate of B over rate of A with Katz's log interval (1978), which needs a success in both arms.
#[must_use]
pub fn risk_ratio(rates: &TwoRates, level: f64) -> Effect {
    let (a, b, n_a, n_b) = (rates.a as f64, rates.b as f64, rates.n_a as f64, rates.n_b as f64);
    let error = (1.0 / a - 1.0 / n_a + 1.0 / b - 1.0 / n_b).sqrt();
    log_effect("risk ratio", (b / n_b) / (a / n_a), error, level, "log (Katz)")
}

/// Odds of B over odds of A with Woolf's log interval (1955), which needs no empty cell.
#[must_use]
pub fn odds_ratio(rates: &TwoRates, level: f64) -> Effect {
    let (a, b) = (rates.a as f64, rates.b as f64);
    let (not_a, not_b) = (rates.n_a as f64 - a, rates.n_b as f64 - b);
    let error = (1.0 / a + 1.0 / b + 1.0 / not_a + 1.0 / not_b).sqrt();
    log_effect("odds ratio", b * not_a / (a * not_b), error, level, "log (Woolf)")
}

fn log_effect(name: &'static str, value: f64, error: f64, level: f64, method: &'static str) -> Effect {
    let mut result = effect(name, value);
    if value > 0.0 && value.is_finite() && error.is_finite() {
        let reach = (normal_quantile(0.5 + level / 2.0) * error).exp();
        result.interval = Some(Interval { low: value / reach, high: value * reach, level, method });
    }
    result
}

/// Hedges' g (1981) of two arms: difference over the pooled spread, with the correction for small samples.
#[must_use]
pub fn hedges_g(a: &[f64], b: &[f64]) -> Effect {
    let df = (a.len() + b.len()) as f64 - 2.0;
    let pooled = (variance(a) * (a.len() as f64 - 1.0) + variance(b) * (b.len() as f64 - 1.0)) / df;
    effect("Hedges' g", (mean(b) - mean(a)) / pooled.sqrt() * correction(df))
}

/// Hedges' g of pairs, over the mean spread of the arms (Cohen's d_av): comparable with the unpaired one.
#[must_use]
pub fn paired_hedges_g(a: &[f64], b: &[f64]) -> Effect {
    let spread = ((variance(a) + variance(b)) / 2.0).sqrt();
    effect("Hedges' g (average spread)", (mean(b) - mean(a)) / spread * correction(a.len() as f64 - 1.0))
}

/// Mean of B over mean of A, where both are positive.
#[must_use]
pub fn ratio_of_means(mean_a: f64, mean_b: f64) -> Effect {
    effect("ratio of means", if mean_a > 0.0 && mean_b > 0.0 { mean_b / mean_a } else { f64::NAN })
}

/// Hedges' correction in its usual approximation, 1 - 3 / (4 df - 1).
fn correction(df: f64) -> f64 {
    1.0 - 3.0 / (4.0 * df - 1.0)
}
