//! The statistics of a comparison, pure: no clock, no files, no randomness but from a seed.
//!
//! Guarantee: every result names its method and why it was chosen, what was missing, tied or left out, and is the same
//! for the same data, options and seed. Formulas are checked against scipy and statsmodels (golden.json, made by
//! tests/oracles/python/stats_oracle.py), coverage by simulation (benches, coverage).
//!
//! Which method is used:
//!
//! | data | interval | p |
//! |---|---|---|
//! | outcomes, pairs | Tango's score interval | McNemar, exact |
//! | outcomes, no pairs | Newcombe's hybrid score interval | Fisher, exact |
//! | numbers, up to 10,000 observations | symmetric studentised bootstrap | the same bootstrap |
//! | numbers, more | cluster-robust (CR2) | the same t |
//! | repeated trials of a task | as numbers, tasks being what is drawn | as numbers |
//! | median of differences, on request | BCa bootstrap | sign test, exact |
//!
//! Signed ranks, rank sums, t tests, mid-p and sign flips stand beside them in `further_tests`.

mod asymptotic_sequence;
pub mod bca;
mod betting;
mod bootstrap;
pub mod change;
mod compare_arms;
mod compare_pairs;
mod discrete;
pub mod effects;
mod error;
mod grouped;
pub mod limits;
pub mod mann_whitney;
pub mod many;
pub mod mcnemar;
pub mod means;
mod medians;
pub mod multiple;
mod options;
pub mod paired_rates;
pub mod pass_k;
pub mod permutation;
pub mod power;
pub mod random;
mod ranks;
pub mod rates;
mod result;
mod samples;
pub mod sequential;
mod special;
pub mod wilcoxon;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;

pub use compare_arms::compare_arms;
pub use compare_pairs::compare_pairs;
pub use error::{Result, StatsError};
pub use options::{Centre, MeanInterval, Options};
pub use result::{Comparison, Design, Detectable, Effect, Interval, Kind, Missing, PairCounts, Test};
pub use samples::{Arms, Pairs};
