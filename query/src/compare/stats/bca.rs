//! Efron's bias-corrected and accelerated bootstrap interval (JASA 82:171, 1987).
//!
//! Guarantee: given the same resampled values it gives scipy's ends (`scipy.stats.bootstrap(method="BCa")`). Known to
//! be too short for means of long-tailed values below some thousands of them (benches, coverage): it is the default
//! for medians only, and on request for means.

use super::random::Random;
use super::special::{normal_cdf, normal_quantile};

/// Ends of the interval from resampled statistics, the statistic of the sample, and those with one observation left
/// out. `None` when the resamples do not vary about the estimate.
#[must_use]
pub fn ends(resampled: &[f64], estimate: f64, left_out: &[f64], level: f64) -> Option<(f64, f64)> {
    let below = resampled.iter().filter(|&&v| v < estimate).count();
    let up_to = resampled.iter().filter(|&&v| v <= estimate).count();
    let bias = normal_quantile((below + up_to) as f64 / (2 * resampled.len()) as f64);
    if !bias.is_finite() {
        return None;
    }
    let acceleration = acceleration(left_out);
    let mut sorted = resampled.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let end = |tail: f64| {
        let z = bias + normal_quantile(tail);
        quantile(&sorted, normal_cdf(bias + z / (1.0 - acceleration * z)))
    };
    Some((end((1.0 - level) / 2.0), end((1.0 + level) / 2.0)))
}

/// Skewness of the jackknife values, over six.
fn acceleration(left_out: &[f64]) -> f64 {
    let centre = left_out.iter().sum::<f64>() / left_out.len() as f64;
    let (mut cubes, mut squares) = (0.0, 0.0);
    for value in left_out {
        let away = centre - value;
        cubes += away * away * away;
        squares += away * away;
    }
    if squares > 0.0 { cubes / (6.0 * squares.powf(1.5)) } else { 0.0 }
}

/// Quantile of sorted values by linear interpolation (numpy's default).
pub(super) fn quantile(sorted: &[f64], p: f64) -> f64 {
    let at = p.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let low = at.floor() as usize;
    let high = (low + 1).min(sorted.len() - 1);
    sorted[low] + (sorted[high] - sorted[low]) * (at - low as f64)
}

/// The interval of the mean of `values`.
pub(super) fn of_mean(values: &[f64], level: f64, resamples: u32, seed: u64) -> Option<(f64, f64)> {
    let n = values.len() as f64;
    let sum: f64 = values.iter().sum();
    let left_out: Vec<f64> = values.iter().map(|v| (sum - v) / (n - 1.0)).collect();
    let mut random = Random::new(seed, 2);
    let mut draw = || (0..values.len()).map(|_| values[random.below(values.len())]).sum::<f64>() / n;
    let resampled: Vec<f64> = (0..resamples).map(|_| draw()).collect();
    ends(&resampled, sum / n, &left_out, level)
}

/// The interval of the median of `values`.
pub(super) fn of_median(values: &[f64], level: f64, resamples: u32, seed: u64) -> Option<(f64, f64)> {
    let n = values.len();
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let without = |i: usize, at: usize| sorted[if at < i { at } else { at + 1 }];
    let left_out: Vec<f64> = (0..n)
        .map(|i| {
            if n.is_multiple_of(2) {
                without(i, (n - 1) / 2)
            } else {
                (without(i, n / 2 - 1) + without(i, n / 2)) / 2.0
            }
        })
        .collect();
    let mut random = Random::new(seed, 3);
    let mut draw = vec![0.0; n];
    let mut resampled = Vec::with_capacity(resamples as usize);
    for _ in 0..resamples {
        draw.iter_mut().for_each(|slot| *slot = sorted[random.below(n)]);
        resampled.push(median_of(&mut draw));
    }
    ends(&resampled, median(values), &left_out, level)
}

/// Median; NaN of nothing.
pub(super) fn median(values: &[f64]) -> f64 {
    median_of(&mut values.to_vec())
}

/// Median; the values are reordered.
fn median_of(values: &mut [f64]) -> f64 {
    let n = values.len();
    if n == 0 {
        return f64::NAN;
    }
    let (below, middle, _) = values.select_nth_unstable_by(n / 2, f64::total_cmp);
    let middle = *middle;
    if n % 2 == 1 {
        return middle;
    }
    below.iter().copied().fold(f64::NEG_INFINITY, f64::max).midpoint(middle)
}
