//! Values of one bucket and version, and their sample.
//!
//! Guarantee: count, mean and spread are exact up to rounding, in whatever order parts are merged; at most [`SAMPLE_MAX`]
//! values are kept, each standing for the same number of values.

use super::{SAMPLE_MAX, Share};

/// Values of one bucket and version.
#[derive(Debug, Clone, Default)]
pub(super) struct Values {
    pub(super) runs: u64,
    count: u64,
    mean: f64,
    /// Sum of squared distances from the mean.
    spread: f64,
    sample: Vec<f64>,
    /// Every how many values one is kept.
    stride: u64,
}

impl Values {
    pub(super) fn add(&mut self, value: Option<f64>) {
        self.runs += 1;
        let Some(value) = value.filter(|value| value.is_finite()) else { return };
        if self.count.is_multiple_of(self.stride.max(1)) {
            self.keep(value);
        }
        self.count += 1;
        let distance = value - self.mean;
        self.mean += distance / self.count as f64;
        self.spread += distance * (value - self.mean);
    }

    /// Keeps one value; when there are too many, every second one goes.
    fn keep(&mut self, value: f64) {
        self.sample.push(value);
        if self.sample.len() > SAMPLE_MAX {
            let mut place = 0usize;
            self.sample.retain(|_| {
                place += 1;
                !place.is_multiple_of(2)
            });
            self.stride = self.stride.max(1) * 2;
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        let count = self.count + other.count;
        if count > 0 {
            let distance = other.mean - self.mean;
            let weight = other.count as f64 / count as f64;
            self.mean += distance * weight;
            self.spread += other.spread + distance * distance * self.count as f64 * weight;
        }
        (self.count, self.runs) = (count, self.runs + other.runs);
        // Values of the denser sample are thinned to the stride of the other, so that all weigh the same.
        let stride = self.stride.max(other.stride).max(1);
        let thinned = |sample: Vec<f64>, from: u64| {
            let step = usize::try_from(stride / from.max(1)).unwrap_or(usize::MAX).max(1);
            sample.into_iter().step_by(step)
        };
        let mine = thinned(std::mem::take(&mut self.sample), self.stride);
        self.sample = mine.chain(thinned(other.sample, other.stride)).collect();
        self.stride = stride;
        while self.sample.len() > SAMPLE_MAX {
            self.sample = std::mem::take(&mut self.sample).into_iter().step_by(2).collect();
            self.stride *= 2;
        }
    }

    pub(super) fn share(mut self, version: usize, of: u64, levels: &[f64]) -> Share {
        self.sample.sort_unstable_by(f64::total_cmp);
        let known = self.count > 0;
        let (n, sampled) = (self.count as f64, (self.sample.len() as u64) < self.count);
        let error = (self.count > 1).then(|| (self.spread.max(0.0) / (n - 1.0) / n).sqrt());
        Share {
            version,
            runs: self.runs,
            share: self.runs as f64 / of.max(1) as f64,
            values: self.count,
            mean: known.then_some(self.mean),
            standard_error: error,
            quantiles: levels.iter().filter_map(|level| quantile(&self.sample, *level)).collect(),
            sampled,
        }
    }
}

/// The quantile of sorted values, with linear interpolation between neighbours.
fn quantile(sorted: &[f64], level: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = level.clamp(0.0, 1.0) * last as f64;
    let (low, rest) = (place.floor(), place.fract());
    // `level` is within 0 and 1, so the place is within the values.
    let below = sorted.get(low as usize)?;
    let above = sorted.get(low as usize + 1).unwrap_or(below);
    Some(below + rest * (above - below))
}
