//! Observations summed by cluster, and the cluster-robust error of a mean or of a difference of means.
//!
//! Guarantee: what comes from one task counts as one independent piece of evidence. The error is unbiased when
//! observations are independent (CR2), and its degrees of freedom are those of the clusters, not of the observations.
//! Fails nowhere; with one cluster the error is NaN.

use super::result::Test;
use super::samples::{CleanArms, CleanPairs};
use super::special::t_two_sided;

/// One mean: pairs have one (of their differences), arms have two.
#[derive(Debug, Clone)]
struct Column {
    sign: f64,
    mean: f64,
    total: f64,
    /// By cluster: sum of values less the mean.
    centred: Vec<f64>,
    /// By cluster: observations.
    size: Vec<f64>,
}

/// Sums by cluster, from which errors and resamples are taken.
#[derive(Debug, Clone)]
pub(super) struct Grouped {
    columns: Vec<Column>,
    /// Clusters are drawn anew within each of these: one for pairs and shared tasks, one per arm when tasks are in one
    /// arm only.
    strata: Vec<Vec<u32>>,
    /// Tasks occur in both arms, or values are paired.
    shared: bool,
    clusters: usize,
}

/// A difference with its error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Robust {
    pub(super) estimate: f64,
    pub(super) error: f64,
    pub(super) df: f64,
}

impl Column {
    fn new(sign: f64, values: &[f64], cluster: &[u32], clusters: usize) -> Self {
        let total = values.len() as f64;
        let mean = values.iter().sum::<f64>() / total;
        let mut column = Self { sign, mean, total, centred: vec![0.0; clusters], size: vec![0.0; clusters] };
        for (&value, &c) in values.iter().zip(cluster) {
            column.centred[c as usize] += value - mean;
            column.size[c as usize] += 1.0;
        }
        column
    }
}

impl Grouped {
    /// Differences of pairs.
    pub(super) fn pairs(pairs: &CleanPairs) -> Self {
        Self::one_mean(&pairs.differences(), &pairs.cluster, pairs.clusters)
    }

    /// One mean of values in clusters.
    pub(super) fn one_mean(values: &[f64], cluster: &[u32], clusters: usize) -> Self {
        let columns = vec![Column::new(1.0, values, cluster, clusters)];
        Self { columns, strata: vec![(0..clusters as u32).collect()], shared: true, clusters }
    }

    /// Two arms.
    pub(super) fn arms(arms: &CleanArms) -> Self {
        let a = Column::new(-1.0, &arms.a, &arms.cluster_a, arms.clusters);
        let b = Column::new(1.0, &arms.b, &arms.cluster_b, arms.clusters);
        let all = 0..arms.clusters as u32;
        let strata = if arms.nested {
            let in_a = |c: &u32| a.size[*c as usize] > 0.0;
            vec![all.clone().filter(in_a).collect(), all.filter(|c| !in_a(c)).collect()]
        } else {
            vec![all.collect()]
        };
        Self { columns: vec![a, b], strata, shared: !arms.nested, clusters: arms.clusters }
    }

    pub(super) fn clusters(&self) -> usize {
        self.clusters
    }

    pub(super) fn strata(&self) -> &[Vec<u32>] {
        &self.strata
    }

    /// Mean of B minus mean of A, or the mean.
    pub(super) fn estimate(&self) -> f64 {
        self.columns.iter().map(|c| c.sign * c.mean).sum()
    }

    /// CR1 error, with the small-sample factor of Stata and statsmodels: G / (G - 1) * (N - 1) / (N - K).
    pub(super) fn cr1(&self) -> f64 {
        let (g, k) = (self.clusters as f64, self.columns.len() as f64);
        let n: f64 = self.columns.iter().map(|c| c.total).sum();
        let sum: f64 = (0..self.clusters).map(|i| self.influence(i, |_, _| 1.0).powi(2)).sum();
        (sum * g / (g - 1.0) * (n - 1.0) / (n - k)).sqrt()
    }

    /// The t test on the CR1 error with G - 1 degrees of freedom: what Stata and statsmodels print.
    pub(super) fn cr1_test(&self) -> Test {
        let t = self.estimate() / self.cr1();
        let p = if t.is_finite() { t_two_sided(t, self.clusters as f64 - 1.0) } else { f64::NAN };
        Test { method: "cluster-robust t (CR1)", statistic: t.is_finite().then_some(t), p }
    }

    /// CR2 error with Satterthwaite degrees of freedom (Bell and McCaffrey, Survey Methodology 28, 2002; Pustejovsky
    /// and Tipton, JBES 36, 2018), in closed form for means: a cluster's residuals are divided by sqrt(1 - its share
    /// of the arm). Where tasks occur in both arms, degrees are at most the clusters less one, because the working
    /// model of independence would otherwise count a task twice.
    pub(super) fn cr2(&self) -> Robust {
        let adjust = |c: &Column, i: usize| 1.0 / (1.0 - c.size[i] / c.total).sqrt();
        let variance: f64 = (0..self.clusters).map(|i| self.influence(i, adjust).powi(2)).sum();
        let k = self.columns.len();
        let (mut trace, mut square, mut cross) = (0.0, 0.0, vec![0.0; k * k]);
        for i in 0..self.clusters {
            let mut diagonal = 0.0;
            let mut p = [0.0; 2];
            for (j, c) in self.columns.iter().enumerate() {
                let w = adjust(c, i);
                diagonal += w * w * c.size[i] / (c.total * c.total);
                p[j] = w * c.size[i] / c.total.powf(1.5);
            }
            let own: f64 = p.iter().map(|x| x * x).sum();
            trace += diagonal - own;
            square += diagonal * diagonal - 2.0 * diagonal * own;
            (0..k * k).for_each(|at| cross[at] += p[at / k] * p[at % k]);
        }
        square += cross.iter().map(|x| x * x).sum::<f64>();
        let most = if self.shared { self.clusters as f64 - 1.0 } else { f64::INFINITY };
        Robust { estimate: self.estimate(), error: variance.sqrt(), df: (trace * trace / square).min(most) }
    }

    /// What cluster `i` adds to the estimate's error.
    fn influence(&self, i: usize, adjust: impl Fn(&Column, usize) -> f64) -> f64 {
        let part = |c: &Column| if c.size[i] > 0.0 { c.sign * c.centred[i] / c.total * adjust(c, i) } else { 0.0 };
        self.columns.iter().map(part).sum()
    }

    /// Every cluster is one observation of one mean: resampling has a short form.
    pub(super) fn plain(&self) -> Option<&[f64]> {
        match self.columns.as_slice() {
            [only] if only.size.iter().all(|&n| n == 1.0) => Some(&only.centred),
            _ => None,
        }
    }

    /// Shift of the estimate and its error when `drawn` (by stratum) stands for the clusters; `None` if an arm is
    /// empty.
    pub(super) fn redrawn(&self, drawn: &[Vec<u32>]) -> Option<(f64, f64)> {
        let mut shift = 0.0;
        let mut means = [(0.0, 0.0); 2];
        for (column, slot) in self.columns.iter().zip(&mut means) {
            let (mut sum, mut n) = (0.0, 0.0);
            for &c in drawn.iter().flatten() {
                sum += column.centred[c as usize];
                n += column.size[c as usize];
            }
            if n == 0.0 {
                return None;
            }
            *slot = (sum / n, n);
            shift += column.sign * sum / n;
        }
        let mut variance = 0.0;
        for stratum in drawn {
            let mut sum = 0.0;
            for &c in stratum {
                let c = c as usize;
                let part = |(column, (mean, n)): (&Column, &(f64, f64))| {
                    column.sign * (column.centred[c] - column.size[c] * mean) / n
                };
                let influence: f64 = self.columns.iter().zip(&means).map(part).sum();
                sum += influence * influence;
            }
            let g = stratum.len() as f64;
            variance += sum * g / (g - 1.0);
        }
        Some((shift, variance.sqrt()))
    }
}
