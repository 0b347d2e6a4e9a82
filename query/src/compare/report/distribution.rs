//! Distributions, made small: histograms and empirical distribution functions.
//!
//! Guarantee: values that are not finite are counted and left out; bars and steps are bounded.

use super::limits::{BARS_MAX, ECDF_POINTS_MAX};
use super::svg::step;
use serde::Serialize;
use utoipa::ToSchema;

/// Bars of equal width.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Histogram {
    /// Beginning of the first bar.
    pub from: f64,
    /// Width of a bar.
    pub width: f64,
    /// Values in each bar; its beginning belongs to it, its end to the next.
    pub counts: Vec<u64>,
    /// Values that are exactly 0: ties, of differences.
    pub zeros: u64,
    /// Values that are not finite.
    pub left_out: u64,
    /// Mean of the values.
    pub mean: Option<f64>,
    /// Median of the values.
    pub median: Option<f64>,
}

impl Histogram {
    /// Of `values`, with bars at round numbers by the rule of Freedman and Diaconis.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let sorted = sorted(values);
        let left_out = (values.len() - sorted.len()) as u64;
        let (Some(low), Some(high)) = (sorted.first(), sorted.last()) else {
            return Self { left_out, ..Self::default() };
        };
        let n = sorted.len() as f64;
        let at = |share: f64| sorted[((n - 1.0) * share) as usize];
        let rule = 2.0 * (at(0.75) - at(0.25)) / n.cbrt();
        let least = (high - low) / BARS_MAX as f64 * 1.1;
        let rule = if rule > 0.0 { rule } else { (high - low) / n.sqrt().ceil().max(1.0) };
        let width = Some(step(rule.max(least), 1)).filter(|w| w.is_finite() && *w > 0.0).unwrap_or(1.0);
        let from = (low / width).floor() * width;
        let bars = ((high - from) / width).floor().clamp(0.0, BARS_MAX as f64) as usize + 1;
        let mut counts = vec![0u64; bars];
        for value in &sorted {
            let bar = (((value - from) / width).floor().max(0.0) as usize).min(bars - 1);
            counts[bar] += 1;
        }
        let zeros = sorted.iter().filter(|v| **v == 0.0).count() as u64;
        let mean = Some(sorted.iter().sum::<f64>() / n);
        let middle = (at(0.5) + sorted[sorted.len() / 2]) / 2.0;
        Self { from, width, counts, zeros, left_out, mean, median: Some(middle) }
    }
}

/// An empirical distribution function: at each value, the share of values up to it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Ecdf {
    /// (value, share), by value; the last share is 1.
    pub points: Vec<(f64, f64)>,
    /// Values.
    pub n: u64,
}

impl Ecdf {
    /// Of `values`; of many, those at equal distances of rank.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let sorted = sorted(values);
        let n = sorted.len();
        let kept = n.min(ECDF_POINTS_MAX);
        let rank = |i: usize| if kept < 2 { n - 1 } else { i * (n - 1) / (kept - 1) };
        let point = |i: usize| (sorted[rank(i)], (rank(i) + 1) as f64 / n as f64);
        let mut points: Vec<(f64, f64)> = (0..kept).map(point).collect();
        // Of equal values the last says how many there are up to it.
        points.reverse();
        points.dedup_by(|next, kept| next.0 == kept.0);
        points.reverse();
        Self { points, n: n as u64 }
    }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}
