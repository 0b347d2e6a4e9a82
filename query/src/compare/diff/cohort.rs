//! Many pairs of runs: at which step the versions part, how often, and over what.
//!
//! The curve is the Kaplan-Meier estimate of the share of pairs that are still the same after a step. Pairs that are
//! the same to their end are known to be the same only so far: they leave the risk set at their last step (censored),
//! instead of counting as if they had gone on for ever.
//!
//! Guarantee: linear in the pairs plus sorting; at most `COHORT_PAIRS_MAX` pairs are taken and the rest is counted, at
//! most `BINS_MAX` bars, `CURVE_POINTS_MAX` points and `LABELS_SHOWN_MAX` labels are given.

use super::divergence::{Divergence, Part};
use super::limits::{BINS_MAX, COHORT_PAIRS_MAX, CURVE_POINTS_MAX, EXAMPLES_MAX, LABELS_SHOWN_MAX};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// One pair of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CohortPair {
    /// How the pair is named: task and trial.
    pub pair: String,
    /// Run in A.
    pub a: String,
    /// Run in B.
    pub b: String,
    /// The first step, from 1, that is not the same; `None` when the runs are the same.
    pub step: Option<usize>,
    /// Steps that are known to be the same: all before `step`, or all.
    pub same_steps: usize,
    /// What they part over.
    pub label: String,
    /// In what they part.
    pub part: Option<Part>,
}

impl CohortPair {
    /// A pair from where its runs part; `a` and `b` are (run, steps).
    #[must_use]
    pub fn new(pair: &str, a: (&str, usize), b: (&str, usize), divergence: Option<&Divergence>) -> Self {
        Self {
            pair: pair.to_owned(),
            a: a.0.to_owned(),
            b: b.0.to_owned(),
            step: divergence.map(|d| d.step),
            same_steps: divergence.map_or(a.1.min(b.1), |d| d.step - 1),
            label: divergence.map_or_else(String::new, Divergence::label),
            part: divergence.map(|d| d.part),
        }
    }
}

/// A bar of the histogram.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Bin {
    /// First step of the bar.
    pub from: usize,
    /// Last step of the bar.
    pub to: usize,
    /// Pairs that part there.
    pub pairs: usize,
}

/// A point of the curve.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CurvePoint {
    /// Step.
    pub step: usize,
    /// Pairs that were the same before it and have it.
    pub at_risk: usize,
    /// Pairs that part at it.
    pub parted: usize,
    /// Estimated share of pairs that are the same through it.
    pub same: f64,
}

/// What pairs part over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LabelCount {
    /// Kind and name, of both runs where they are not the same.
    pub label: String,
    /// In what they part.
    pub part: Part,
    /// Pairs.
    pub pairs: usize,
    /// The middle step at which they part over it.
    pub median_step: usize,
    /// Pairs of this sort: (pair, run in A, run in B).
    pub examples: Vec<(String, String, String)>,
}

/// Where many pairs of runs part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Cohort {
    /// Pairs compared.
    pub pairs: usize,
    /// Pairs that are the same to the end.
    pub same: usize,
    /// Pairs left out, because there are more than the bound.
    pub left_out: usize,
    /// The step by which half of all pairs have parted, by the curve; `None` when it never falls that far.
    pub median_step: Option<usize>,
    /// Pairs by the step at which they part.
    pub histogram: Vec<Bin>,
    /// Share of pairs that are still the same.
    pub curve: Vec<CurvePoint>,
    /// What they part over, the most frequent first.
    pub labels: Vec<LabelCount>,
    /// Labels besides.
    pub labels_more: usize,
}

/// Where `pairs` part.
#[must_use]
pub fn cohort(pairs: &[CohortPair]) -> Cohort {
    let left_out = pairs.len().saturating_sub(COHORT_PAIRS_MAX);
    let pairs = &pairs[..pairs.len() - left_out];
    let mut parted: Vec<usize> = pairs.iter().filter_map(|pair| pair.step).collect();
    parted.sort_unstable();
    let curve = curve(pairs);
    let median_step = curve.iter().find(|point| point.same <= 0.5).map(|point| point.step);
    let (labels, labels_more) = labels(pairs);
    Cohort {
        pairs: pairs.len(),
        same: pairs.len() - parted.len(),
        left_out,
        median_step,
        histogram: histogram(&parted),
        curve: thinned(curve),
        labels,
        labels_more,
    }
}

/// Bars of equal width from step 1 to the last parting.
fn histogram(parted: &[usize]) -> Vec<Bin> {
    let Some(last) = parted.last() else { return Vec::new() };
    let width = last.div_ceil(BINS_MAX).max(1);
    let bins = last.div_ceil(width);
    let mut out: Vec<Bin> = (0..bins).map(|i| Bin { from: i * width + 1, to: (i + 1) * width, pairs: 0 }).collect();
    for step in parted {
        if let Some(bin) = out.get_mut(step.saturating_sub(1) / width) {
            bin.pairs += 1;
        }
    }
    out
}

fn curve(pairs: &[CohortPair]) -> Vec<CurvePoint> {
    // By step: pairs that part at it; pairs whose last common step is it, and that part nowhere.
    let mut events: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for pair in pairs {
        match pair.step {
            Some(step) => events.entry(step).or_default().0 += 1,
            None => events.entry(pair.same_steps).or_default().1 += 1,
        }
    }
    let (mut at_risk, mut same, mut points) = (pairs.len(), 1.0, Vec::new());
    for (step, (parted, ended)) in events {
        if parted > 0 {
            same *= (at_risk - parted) as f64 / at_risk as f64;
            points.push(CurvePoint { step, at_risk, parted, same });
        }
        at_risk -= parted + ended;
    }
    points
}

/// At most [`CURVE_POINTS_MAX`] points, the first and the last among them.
fn thinned(points: Vec<CurvePoint>) -> Vec<CurvePoint> {
    let count = points.len();
    if count <= CURVE_POINTS_MAX {
        return points;
    }
    let kept = (0..CURVE_POINTS_MAX).map(|i| i * (count - 1) / (CURVE_POINTS_MAX - 1));
    kept.filter_map(|i| points.get(i).cloned()).collect()
}

fn labels(pairs: &[CohortPair]) -> (Vec<LabelCount>, usize) {
    let mut by_label: BTreeMap<(&str, Part), Vec<&CohortPair>> = BTreeMap::new();
    for pair in pairs {
        if let Some(part) = pair.part {
            by_label.entry((&pair.label, part)).or_default().push(pair);
        }
    }
    let mut counts: Vec<LabelCount> = by_label.into_iter().map(label_count).collect();
    counts.sort_by_key(|count| std::cmp::Reverse(count.pairs));
    let more = counts.len().saturating_sub(LABELS_SHOWN_MAX);
    counts.truncate(LABELS_SHOWN_MAX);
    (counts, more)
}

fn label_count(((label, part), pairs): ((&str, Part), Vec<&CohortPair>)) -> LabelCount {
    let mut steps: Vec<usize> = pairs.iter().filter_map(|pair| pair.step).collect();
    steps.sort_unstable();
    let examples = pairs.iter().take(EXAMPLES_MAX);
    LabelCount {
        label: label.to_owned(),
        part,
        pairs: pairs.len(),
        median_step: steps.get((steps.len() - 1) / 2).copied().unwrap_or(0),
        examples: examples.map(|pair| (pair.pair.clone(), pair.a.clone(), pair.b.clone())).collect(),
    }
}
