//! Versions over time: each one's share of the traffic, and a measure of each, by bucket.
//!
//! Rows are folded as they come, in any order. Buckets have one width and begin at a multiple of it (counted from 1970 in UTC).
//! When rows would span more than [`BUCKETS_MAX`] buckets the width doubles until they do not: what was folded is
//! merged. Mean and spread are exact; quantiles come from a sample of at most [`SAMPLE_MAX`] values of each bucket and
//! version, chosen by a fixed rule, and `sampled` says whether values were left out of it.
//!
//! Guarantee: memory is bounded by `BUCKETS_MAX` x `VERSIONS_MAX` x `SAMPLE_MAX` values; versions beyond [`VERSIONS_MAX`]
//! are folded into one named [`OTHER_VERSIONS`]; rows with a value that is no finite number count as traffic and not
//! as values. The same rows in the same order give the same result.

use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

#[cfg(test)]
mod tests;
mod values;

use values::Values;

/// Buckets of one series.
pub const BUCKETS_MAX: usize = 400;
/// Versions of one series.
pub const VERSIONS_MAX: usize = 24;
/// Values kept of one bucket and version for quantiles.
pub const SAMPLE_MAX: usize = 512;
/// Narrowest bucket, in microseconds: one second.
pub const WIDTH_MIN_US: i64 = 1_000_000;
/// The name of all versions after the first [`VERSIONS_MAX`].
pub const OTHER_VERSIONS: &str = "(other versions)";

/// One version in one bucket.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Share {
    /// Which version, by its place in [`Rollout::versions`].
    pub version: usize,
    /// Runs.
    pub runs: u64,
    /// Its share of the bucket's runs.
    pub share: f64,
    /// Runs that have a value.
    pub values: u64,
    /// Mean of the values.
    pub mean: Option<f64>,
    /// Standard error of the mean, from two values on.
    pub standard_error: Option<f64>,
    /// The values at each of [`Rollout::levels`].
    pub quantiles: Vec<f64>,
    /// Whether the quantiles come from a sample.
    pub sampled: bool,
}

/// A bucket with at least one run.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Bucket {
    /// Its beginning, microseconds since 1970.
    pub start_us: i64,
    /// Runs.
    pub runs: u64,
    /// Its versions, in their order; those without a run in it are left out.
    pub shares: Vec<Share>,
}

/// Versions over time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Rollout {
    /// Width of a bucket, microseconds.
    pub width_us: i64,
    /// Versions, in order of their first run in time.
    pub versions: Vec<String>,
    /// Levels of the quantiles.
    pub levels: Vec<f64>,
    /// Buckets in order.
    pub buckets: Vec<Bucket>,
    /// Rows that had no time, and are in no bucket.
    pub without_time: u64,
    /// Rows that had no version, and are counted under the empty name.
    pub without_version: u64,
}

/// Folds rows into a [`Rollout`].
#[derive(Debug, Clone)]
pub struct RolloutFold {
    width_us: i64,
    levels: Vec<f64>,
    versions: BTreeMap<String, (usize, i64)>,
    /// By the bucket's number and the version's.
    cells: BTreeMap<i64, BTreeMap<usize, Values>>,
    without_time: u64,
    without_version: u64,
}

impl RolloutFold {
    /// A fold into buckets of `width_us` microseconds (at least [`WIDTH_MIN_US`]), with quantiles at `levels` (0 to 1).
    #[must_use]
    pub fn new(width_us: i64, levels: &[f64]) -> Self {
        Self {
            width_us: width_us.max(WIDTH_MIN_US),
            levels: levels.to_vec(),
            versions: BTreeMap::new(),
            cells: BTreeMap::new(),
            without_time: 0,
            without_version: 0,
        }
    }

    /// Adds a run: when it began, microseconds since 1970, its version, and the value of the measure.
    pub fn add(&mut self, time_us: Option<i64>, version: Option<&str>, value: Option<f64>) {
        let Some(time) = time_us else {
            self.without_time += 1;
            return;
        };
        self.without_version += u64::from(version.is_none());
        let version = self.version(version.unwrap_or_default(), time);
        let bucket = time.div_euclid(self.width_us);
        self.cells.entry(bucket).or_default().entry(version).or_default().add(value);
        while self.span() > BUCKETS_MAX as i128 {
            self.widen();
        }
    }

    fn version(&mut self, name: &str, time: i64) -> usize {
        let room = self.versions.len() < VERSIONS_MAX - 1 || self.versions.contains_key(name);
        let (name, next) = (if room { name } else { OTHER_VERSIONS }, self.versions.len());
        if let Some((number, first)) = self.versions.get_mut(name) {
            *first = time.min(*first);
            return *number;
        }
        self.versions.insert(name.to_owned(), (next, time));
        next
    }

    /// Buckets from the first to the last, the empty ones included.
    fn span(&self) -> i128 {
        let ends = self.cells.first_key_value().zip(self.cells.last_key_value());
        ends.map_or(0, |((first, _), (last, _))| i128::from(*last) - i128::from(*first) + 1)
    }

    fn widen(&mut self) {
        self.width_us = self.width_us.saturating_mul(2);
        for (bucket, versions) in std::mem::take(&mut self.cells) {
            let wider = self.cells.entry(bucket.div_euclid(2)).or_default();
            for (version, values) in versions {
                match wider.remove(&version) {
                    None => wider.insert(version, values),
                    Some(mut earlier) => {
                        earlier.merge(values);
                        wider.insert(version, earlier)
                    }
                };
            }
        }
    }

    /// What it has come to.
    #[must_use]
    pub fn finish(self) -> Rollout {
        let mut order: Vec<_> =
            self.versions.into_iter().map(|(name, (number, first))| (first, number, name)).collect();
        order.sort();
        let mut place = vec![0; order.len()];
        order.iter().enumerate().for_each(|(at, (_, number, _))| place[*number] = at);
        let levels = self.levels;
        let bucket = |(number, versions): (i64, BTreeMap<usize, Values>)| {
            let runs = versions.values().map(|values| values.runs).sum();
            let share = |(version, values): (usize, Values)| values.share(place[version], runs, &levels);
            let mut shares: Vec<_> = versions.into_iter().map(share).collect();
            shares.sort_by_key(|share| share.version);
            Bucket { start_us: number.saturating_mul(self.width_us), runs, shares }
        };
        let buckets = self.cells.into_iter().map(bucket).collect();
        Rollout {
            width_us: self.width_us,
            versions: order.into_iter().map(|(_, _, name)| name).collect(),
            buckets,
            levels,
            without_time: self.without_time,
            without_version: self.without_version,
        }
    }
}
