//! Power of a planned comparison, and the smallest difference that a sample could find.
//!
//! Guarantee: the formula is that of the test or interval that the comparison itself uses, so that simulated and
//! predicted power agree (benches, coverage). Observed differences do not enter; only spread and size do. Cannot fail:
//! what no difference can reach is `None`.

use super::discrete::binomial;
use super::limits::EXACT_POWER_PAIRS_MAX;
use super::result::Detectable;
use super::special::{noncentral_t_cdf, normal_cdf, normal_quantile, t_reach};

/// Power of a two-sided t test when the true difference is `shift` standard errors.
#[must_use]
pub fn of_t(shift: f64, df: f64, level: f64) -> f64 {
    let reach = t_reach(level, df);
    (1.0 - noncentral_t_cdf(reach, df, shift) + noncentral_t_cdf(-reach, df, shift)).clamp(0.0, 1.0)
}

/// Power for `pairs` pairs with this spread of differences.
#[must_use]
pub fn paired_means(pairs: u64, spread: f64, difference: f64, level: f64) -> f64 {
    let n = pairs as f64;
    of_t(difference * n.sqrt() / spread, n - 1.0, level)
}

/// Power for two arms with this common spread.
#[must_use]
pub fn two_means(n_a: u64, n_b: u64, spread: f64, difference: f64, level: f64) -> f64 {
    let (a, b) = (n_a as f64, n_b as f64);
    of_t(difference / (spread * (1.0 / a + 1.0 / b).sqrt()), a + b - 2.0, level)
}

/// Power of Fisher's exact test for two arms of rates: the normal formula with the pooled rate under "no difference"
/// and the correction for continuity (Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions, 2003,
/// section 4.4; Casagrande, Pike and Smith 1978).
#[must_use]
pub fn two_rates(n_a: u64, n_b: u64, rate_a: f64, rate_b: f64, level: f64) -> f64 {
    two_rates_normal(n_a, n_b, rate_a, rate_b, level, 0.5 * (1.0 / n_a as f64 + 1.0 / n_b as f64))
}

/// The normal formula; `continuity` is taken off the size of the difference.
pub(super) fn two_rates_normal(n_a: u64, n_b: u64, rate_a: f64, rate_b: f64, level: f64, continuity: f64) -> f64 {
    let (a, b) = (n_a as f64, n_b as f64);
    let pooled = (rate_a * a + rate_b * b) / (a + b);
    let null = (pooled * (1.0 - pooled) * (1.0 / a + 1.0 / b)).sqrt();
    let true_error = (rate_a * (1.0 - rate_a) / a + rate_b * (1.0 - rate_b) / b).sqrt();
    let reach = normal_quantile(0.5 + level / 2.0) * null + continuity;
    let difference = rate_b - rate_a;
    normal_cdf((difference - reach) / true_error) + normal_cdf((-difference - reach) / true_error)
}

/// Power of McNemar's exact test when this share of pairs is won by A only and by B only: summed over all tables up to
/// [`super::limits::EXACT_POWER_PAIRS_MAX`] pairs, above by the normal formula (Connor, Biometrics 43:207, 1987).
#[must_use]
pub fn paired_rates(pairs: u64, only_a: f64, only_b: f64, level: f64) -> f64 {
    let discordance = only_a + only_b;
    if discordance <= 0.0 || discordance > 1.0 {
        return 0.0;
    }
    if pairs <= EXACT_POWER_PAIRS_MAX {
        let tails = tails_by_discordant(pairs, level);
        return exact_paired_power(pairs, &tails, discordance, only_b / discordance);
    }
    let n = pairs as f64;
    let difference = only_b - only_a;
    let spread = (discordance - difference * difference).max(f64::MIN_POSITIVE).sqrt();
    let reach = normal_quantile(0.5 + level / 2.0) * discordance.sqrt();
    normal_cdf((difference * n.sqrt() - reach) / spread) + normal_cdf((-difference * n.sqrt() - reach) / spread)
}

/// For each number of discordant pairs, the largest smaller count that rejects.
fn tails_by_discordant(pairs: u64, level: f64) -> Vec<Option<u64>> {
    let limit = |d: u64| {
        let window = binomial(d, 0.5);
        let mut sum = 0.0;
        let mut last = None;
        for x in 0..=d / 2 {
            sum += window.at(x);
            if 2.0 * sum > 1.0 - level {
                break;
            }
            last = Some(x);
        }
        last
    };
    (0..=pairs).map(limit).collect()
}

fn exact_paired_power(pairs: u64, tails: &[Option<u64>], discordance: f64, share_b: f64) -> f64 {
    let discordant = binomial(pairs, discordance);
    let mut power = 0.0;
    for (d, tail) in tails.iter().enumerate() {
        let weight = discordant.at(d as u64);
        if let (Some(x), true) = (tail, weight > 1e-12) {
            let won = binomial(d as u64, share_b);
            power += weight * (won.up_to(*x) + won.from(d as u64 - x));
        }
    }
    power.min(1.0)
}

/// Smallest difference that a t interval with this error and these degrees of freedom finds.
#[must_use]
pub fn detectable_by_t(error: f64, df: f64, level: f64, power: f64) -> Option<Detectable> {
    if error.is_nan() || error <= 0.0 || df.is_nan() || df <= 0.0 {
        return None;
    }
    let reach = t_reach(level, df);
    let found = |shift: f64| 1.0 - noncentral_t_cdf(reach, df, shift) + noncentral_t_cdf(-reach, df, shift);
    let shift = search(0.0, 20.0 + 4.0 * reach, |s| found(s) < power);
    Some(Detectable { difference: shift * error, power, level, method: "noncentral t with the sample's error" })
}

/// Smallest difference of paired rates that McNemar's exact test finds at this share of discordant pairs.
#[must_use]
pub fn detectable_paired_rates(pairs: u64, discordance: f64, level: f64, power: f64) -> Option<Detectable> {
    let exact = pairs <= EXACT_POWER_PAIRS_MAX;
    let tails = if exact { tails_by_discordant(pairs, level) } else { Vec::new() };
    let found = |d: f64| {
        let only_b = (discordance + d) / 2.0;
        if exact {
            exact_paired_power(pairs, &tails, discordance, only_b / discordance)
        } else {
            paired_rates(pairs, discordance - only_b, only_b, level)
        }
    };
    if discordance <= 0.0 || discordance > 1.0 || found(discordance) < power {
        return None;
    }
    let difference = search(0.0, discordance, |d| found(d) < power);
    Some(Detectable { difference, power, level, method: "McNemar at the sample's share of discordant pairs" })
}

/// Smallest rise (or fall, if no rise is possible) from A's rate that two arms of this size show.
#[must_use]
pub fn detectable_two_rates(n_a: u64, n_b: u64, rate_a: f64, level: f64, power: f64) -> Option<Detectable> {
    let room = (1.0 - rate_a).max(rate_a);
    let sign = if rate_a <= 0.5 { 1.0 } else { -1.0 };
    let found = |d: f64| two_rates(n_a, n_b, rate_a, rate_a + sign * d, level);
    if found(room * (1.0 - 1e-9)) < power {
        return None;
    }
    let difference = search(0.0, room, |d| found(d) < power);
    Some(Detectable { difference, power, level, method: "Fisher (normal formula) at A's rate" })
}

/// How much larger the variance of a mean is for `mean_size` trials per task with this correlation within tasks (Kish
/// 1965).
#[must_use]
pub fn design_effect(mean_size: f64, correlation: f64) -> f64 {
    1.0 + (mean_size - 1.0) * correlation
}

/// Correlation within clusters, by analysis of variance (Donner and Koval 1980); `None` without repeats or spread.
#[must_use]
pub fn correlation_within(values: &[f64], cluster: &[u32]) -> Option<f64> {
    let mut sums: std::collections::BTreeMap<u32, (f64, f64)> = Default::default();
    for (&value, &c) in values.iter().zip(cluster) {
        let cell = sums.entry(c).or_default();
        cell.0 += value;
        cell.1 += 1.0;
    }
    let (n, g) = (values.len() as f64, sums.len() as f64);
    let grand = values.iter().sum::<f64>() / n;
    let between: f64 = sums.values().map(|(s, k)| k * (s / k - grand).powi(2)).sum();
    let within: f64 =
        values.iter().zip(cluster).map(|(v, c)| sums.get(c).map_or(0.0, |(s, k)| (v - s / k).powi(2))).sum();
    let size = (n - sums.values().map(|(_, k)| k * k).sum::<f64>() / n) / (g - 1.0);
    let (between, within) = (between / (g - 1.0), within / (n - g));
    let correlation = (between - within) / (between + (size - 1.0) * within);
    correlation.is_finite().then_some(correlation)
}

/// Bisection to about nine digits: power is not known better.
fn search(mut low: f64, mut high: f64, below: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..30 {
        let middle = 0.5 * (low + high);
        if below(middle) { low = middle } else { high = middle }
    }
    high
}
