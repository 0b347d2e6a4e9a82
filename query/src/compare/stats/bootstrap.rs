//! The studentised bootstrap of a mean or of a difference of means, over clusters.
//!
//! Guarantee: the interval is the symmetric bootstrap-t one, whose error in coverage falls fastest of the usual kinds
//! (Hall, The Bootstrap and Edgeworth Expansion, 1992, section 3.6), and its p is that of the same statistic: below
//! 1 - level exactly when zero is outside. Whole clusters are drawn, so repeated trials do not pose as evidence.
//! The same seed gives the same ends.

use super::grouped::Grouped;
use super::limits::{DRAWS_MAX, RESAMPLES_DEFAULT, RESAMPLES_MIN};
use super::random::Random;

/// Interval ends, p and how many resamples they rest on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Studentised {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) p: f64,
    pub(super) statistic: f64,
    pub(super) resamples: u32,
    /// Resamples without spread in which no statistic exists; they count as extreme.
    pub(super) degenerate: u32,
}

/// Resamples for a sample of this many clusters when none are asked for.
pub(super) fn resamples_for(clusters: usize) -> u32 {
    let most = DRAWS_MAX / clusters.max(1) as u64;
    (most.min(u64::from(RESAMPLES_DEFAULT)) as u32).max(RESAMPLES_MIN)
}

/// Draws `resamples` samples of clusters and takes the ends from the sizes of their t statistics; `None` if the sample
/// itself has no spread, fewer than two clusters in a stratum, or so few that resamples without spread reach the ends.
pub(super) fn studentised(data: &Grouped, level: f64, resamples: u32, seed: u64) -> Option<Studentised> {
    if data.strata().iter().any(|s| s.len() < 2) {
        return None;
    }
    let (_, error) = data.redrawn(data.strata())?;
    if error.is_nan() || error <= 0.0 {
        return None;
    }
    let mut random = Random::new(seed, 1);
    let mut sizes = match data.plain() {
        Some(values) => plain_sizes(values, resamples, &mut random),
        None => drawn_sizes(data, resamples, &mut random),
    };
    let estimate = data.estimate();
    let statistic = estimate / error;
    let degenerate = sizes.iter().filter(|t| t.is_infinite()).count() as u32;
    let extreme = sizes.iter().filter(|&&t| t >= statistic.abs()).count();
    sizes.sort_unstable_by(f64::total_cmp);
    let rank = (level * (f64::from(resamples) + 1.0)).ceil() as usize;
    let reach = sizes[rank.clamp(1, sizes.len()) - 1] * error;
    if reach.is_infinite() {
        return None;
    }
    let p = (extreme as f64 + 1.0) / (f64::from(resamples) + 1.0);
    Some(Studentised { low: estimate - reach, high: estimate + reach, p, statistic, resamples, degenerate })
}

/// |t| of each resample of centred values.
fn plain_sizes(centred: &[f64], resamples: u32, random: &mut Random) -> Vec<f64> {
    let n = centred.len();
    let size = |_| {
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..n {
            let value = centred[random.below(n)];
            sum += value;
            squares += value * value;
        }
        let mean = sum / n as f64;
        let variance = (squares - sum * mean).max(0.0) / ((n - 1) as f64 * n as f64);
        size_of(mean, variance.sqrt())
    };
    (0..resamples).map(size).collect()
}

/// |t| of each resample of clusters.
fn drawn_sizes(data: &Grouped, resamples: u32, random: &mut Random) -> Vec<f64> {
    let mut drawn = data.strata().to_vec();
    let size = |_| {
        for (draw, stratum) in drawn.iter_mut().zip(data.strata()) {
            draw.iter_mut().for_each(|slot| *slot = stratum[random.below(stratum.len())]);
        }
        data.redrawn(&drawn).map_or(f64::INFINITY, |(shift, error)| size_of(shift, error))
    };
    (0..resamples).map(size).collect()
}

/// |t| above which a resample has no spread but for rounding: all its values are the same.
const NO_SPREAD: f64 = 1e7;

/// |shift / error|; infinite without spread unless there is no shift either.
fn size_of(shift: f64, error: f64) -> f64 {
    if error * NO_SPREAD > shift.abs() {
        (shift / error).abs()
    } else if shift == 0.0 {
        0.0
    } else {
        f64::INFINITY
    }
}
