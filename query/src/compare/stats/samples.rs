//! What a comparison is given: pairs, or two arms.
//!
//! Guarantee: a value that is missing (NaN) or not finite enters no figure and is counted; nothing is dropped in
//! silence. Fails when columns that belong together differ in length.

use super::error::{Result, StatsError};
use super::result::{Kind, Missing, PairCounts};
use std::collections::BTreeMap;

/// Pairs by task: `a[i]` and `b[i]` are the two arms' values of one task (or one trial of it).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pairs {
    /// Values of A; NaN where there is none.
    pub a: Vec<f64>,
    /// Values of B; NaN where there is none.
    pub b: Vec<f64>,
    /// The task of each pair: pairs of one task are not independent. Empty: every pair is a task of its own.
    pub cluster: Vec<u32>,
}

/// Two arms without pairs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Arms {
    /// Values of A; NaN where there is none.
    pub a: Vec<f64>,
    /// Values of B; NaN where there is none.
    pub b: Vec<f64>,
    /// The task of each value of A; the same number in both arms is the same task. Empty: every value stands alone.
    pub cluster_a: Vec<u32>,
    /// The task of each value of B; empty together with `cluster_a`.
    pub cluster_b: Vec<u32>,
}

/// Pairs without missing values, and what was set aside.
#[derive(Debug, Clone)]
pub(super) struct CleanPairs {
    pub(super) a: Vec<f64>,
    pub(super) b: Vec<f64>,
    /// Dense numbers from 0.
    pub(super) cluster: Vec<u32>,
    pub(super) clusters: usize,
    pub(super) missing: Missing,
}

/// Arms without missing values, and what was set aside.
#[derive(Debug, Clone)]
pub(super) struct CleanArms {
    pub(super) a: Vec<f64>,
    pub(super) b: Vec<f64>,
    pub(super) cluster_a: Vec<u32>,
    pub(super) cluster_b: Vec<u32>,
    pub(super) clusters: usize,
    /// No task occurs in both arms.
    pub(super) nested: bool,
    /// Each value stands alone.
    pub(super) single: bool,
    pub(super) missing: Missing,
}

/// Gives dense numbers to cluster ids in order of first sight.
#[derive(Default)]
struct Dense(BTreeMap<u32, u32>);

impl Dense {
    fn number(&mut self, id: u32) -> u32 {
        let next = self.0.len() as u32;
        *self.0.entry(id).or_insert(next)
    }
}

fn same_length(what: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found { Ok(()) } else { Err(StatsError::Length { what, expected, found }) }
}

impl Pairs {
    /// Pairs that each are a task of their own.
    #[must_use]
    pub fn of(a: Vec<f64>, b: Vec<f64>) -> Self {
        Self { a, b, cluster: Vec::new() }
    }

    /// Pairs of outcomes with these counts, as published tables give them.
    #[must_use]
    pub fn from_counts(counts: PairCounts) -> Self {
        let mut pairs = Self::default();
        let cells = [(1.0, 1.0, counts.both), (1.0, 0.0, counts.only_a), (0.0, 1.0, counts.only_b)];
        for (a, b, n) in cells.into_iter().chain([(0.0, 0.0, counts.neither)]) {
            pairs.a.extend(std::iter::repeat_n(a, n as usize));
            pairs.b.extend(std::iter::repeat_n(b, n as usize));
        }
        pairs
    }

    pub(super) fn clean(&self) -> Result<CleanPairs> {
        same_length("values of B", self.a.len(), self.b.len())?;
        if !self.cluster.is_empty() {
            same_length("tasks of the pairs", self.a.len(), self.cluster.len())?;
        }
        let mut dense = Dense::default();
        let n = self.a.len();
        let (mut a, mut b, mut cluster) = (Vec::with_capacity(n), Vec::with_capacity(n), Vec::with_capacity(n));
        let mut missing = Missing::default();
        for (i, (&x, &y)) in self.a.iter().zip(&self.b).enumerate() {
            match (x.is_finite(), y.is_finite()) {
                (true, true) => {
                    a.push(x);
                    b.push(y);
                    cluster.push(match self.cluster.get(i) {
                        Some(&id) => dense.number(id),
                        None => a.len() as u32 - 1,
                    });
                }
                (false, true) => missing.a += 1,
                (true, false) => missing.b += 1,
                (false, false) => missing.both += 1,
            }
        }
        let clusters = if self.cluster.is_empty() { a.len() } else { dense.0.len() };
        Ok(CleanPairs { a, b, cluster, clusters, missing })
    }
}

impl CleanPairs {
    pub(super) fn single(&self) -> bool {
        self.clusters == self.a.len()
    }

    pub(super) fn kind(&self) -> Kind {
        kind(self.a.iter().chain(&self.b))
    }

    /// B minus A of each pair.
    pub(super) fn differences(&self) -> Vec<f64> {
        self.a.iter().zip(&self.b).map(|(a, b)| b - a).collect()
    }

    /// Means of A, B and their difference by task, in order of first sight.
    pub(super) fn by_task(&self) -> (Vec<f64>, Vec<f64>) {
        (means(&self.a, &self.cluster, self.clusters), means(&self.b, &self.cluster, self.clusters))
    }

    pub(super) fn counts(&self) -> PairCounts {
        let mut counts = PairCounts::default();
        for (&a, &b) in self.a.iter().zip(&self.b) {
            match (a > 0.5, b > 0.5) {
                (true, true) => counts.both += 1,
                (true, false) => counts.only_a += 1,
                (false, true) => counts.only_b += 1,
                (false, false) => counts.neither += 1,
            }
        }
        counts
    }
}

impl Arms {
    /// Arms in which each value stands alone.
    #[must_use]
    pub fn of(a: Vec<f64>, b: Vec<f64>) -> Self {
        Self { a, b, ..Self::default() }
    }

    pub(super) fn clean(&self) -> Result<CleanArms> {
        let single = self.cluster_a.is_empty() && self.cluster_b.is_empty();
        if !single {
            same_length("tasks of A", self.a.len(), self.cluster_a.len())?;
            same_length("tasks of B", self.b.len(), self.cluster_b.len())?;
        }
        let mut dense = Dense::default();
        let mut missing = Missing::default();
        let mut next = 0;
        let mut take = |values: &[f64], ids: &[u32], lost: &mut usize| {
            let (mut kept, mut cluster) = (Vec::with_capacity(values.len()), Vec::with_capacity(values.len()));
            for (i, &value) in values.iter().enumerate() {
                if value.is_finite() {
                    kept.push(value);
                    cluster.push(ids.get(i).map_or(next, |&id| dense.number(id)));
                    next += 1;
                } else {
                    *lost += 1;
                }
            }
            (kept, cluster)
        };
        let (a, cluster_a) = take(&self.a, &self.cluster_a, &mut missing.a);
        let (b, cluster_b) = take(&self.b, &self.cluster_b, &mut missing.b);
        let clusters = if single { a.len() + b.len() } else { dense.0.len() };
        let single = clusters == a.len() + b.len();
        let in_a: std::collections::BTreeSet<u32> =
            if single { Default::default() } else { cluster_a.iter().copied().collect() };
        let nested = single || !cluster_b.iter().any(|c| in_a.contains(c));
        Ok(CleanArms { a, b, cluster_a, cluster_b, clusters, nested, single, missing })
    }
}

impl CleanArms {
    pub(super) fn kind(&self) -> Kind {
        kind(self.a.iter().chain(&self.b))
    }
}

fn kind<'a>(mut values: impl Iterator<Item = &'a f64>) -> Kind {
    if values.all(|&v| v == 0.0 || v == 1.0) { Kind::Binary } else { Kind::Numeric }
}

fn means(values: &[f64], cluster: &[u32], clusters: usize) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); clusters];
    for (&value, &c) in values.iter().zip(cluster) {
        let cell = &mut sums[c as usize];
        cell.0 += value;
        cell.1 += 1.0;
    }
    sums.into_iter().map(|(sum, n)| sum / n).collect()
}

/// Mean; NaN of nothing.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Unbiased variance about the mean, in two passes.
pub(super) fn variance(values: &[f64]) -> f64 {
    let centre = mean(values);
    values.iter().map(|v| (v - centre) * (v - centre)).sum::<f64>() / (values.len() as f64 - 1.0)
}
