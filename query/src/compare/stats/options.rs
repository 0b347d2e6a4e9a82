//! What may be asked of a comparison beyond the data.
//!
//! Guarantee: every field has a default; a setting outside of its range is refused by name.

use super::error::{Result, StatsError};
use super::limits::RESAMPLES_MAX;

/// Which centre of paired differences is estimated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Centre {
    /// The mean: totals (cost, tokens) follow from it.
    #[default]
    Mean,
    /// The median: what happens to a typical task, whatever a few long ones do.
    Median,
}

/// Which interval a difference of means gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MeanInterval {
    /// Studentised bootstrap up to ten thousand observations, cluster-robust above.
    #[default]
    Automatic,
    /// Studentised bootstrap of clusters, whatever the size.
    Studentised,
    /// BCa bootstrap, for comparison with other tools; pairs only.
    Bca,
    /// Cluster-robust t (CR2).
    ClusterRobust,
}

/// Settings of a comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Coverage of intervals.
    pub level: f64,
    /// Power for which the detectable difference is given.
    pub power: f64,
    /// Seed of resampling: the same seed gives the same result.
    pub seed: u64,
    /// Resamples; `None` lets the size of the sample decide.
    pub resamples: Option<u32>,
    /// Interval of means.
    pub interval: MeanInterval,
    /// Centre of paired differences.
    pub centre: Centre,
    /// Only estimate, interval and p: no further tests, effects or detectable difference.
    pub brief: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            level: 0.95,
            power: 0.8,
            seed: 1,
            resamples: None,
            interval: MeanInterval::default(),
            centre: Centre::default(),
            brief: false,
        }
    }
}

impl Options {
    /// Refuses what is out of range.
    pub(super) fn check(&self) -> Result<()> {
        share("level", self.level)?;
        share("power", self.power)?;
        match self.resamples {
            Some(n) if !(99..=RESAMPLES_MAX).contains(&n) => {
                Err(StatsError::Setting { what: "resamples", expected: "99 to 1,000,000", found: f64::from(n) })
            }
            _ => Ok(()),
        }
    }
}

/// A number strictly between 0 and 1.
pub(super) fn share(what: &'static str, found: f64) -> Result<()> {
    if found > 0.0 && found < 1.0 {
        Ok(())
    } else {
        Err(StatsError::Setting { what, expected: "more than 0 and less than 1", found })
    }
}
