//! Points at which a measure changes its level over time.
//!
//! Guarantee: deterministic for a seed. Candidates are those of a penalised segmentation of the whole series; each is
//! kept only if shuffling the values between its neighbours seldom makes as large a step, and its p says how seldom.
//! Levels are weighted by how many runs stand behind each point. Fails on a series that is too long or of unequal
//! columns.

use super::error::{Result, StatsError};
use super::limits::{CHANGE_PERMUTATIONS, SERIES_POINTS_MAX};
use super::options::share;
use super::random::Random;
use serde::Serialize;

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Position of the first point at the new level.
    pub at: usize,
    /// Level before, since the change before.
    pub before: f64,
    /// Level after, until the next change.
    pub after: f64,
    /// Share of shuffles of the points between the neighbouring changes that make as large a step somewhere.
    pub p: f64,
}

/// All changes of a series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Changes {
    /// How they were found.
    pub method: &'static str,
    /// Points in the figures.
    pub n: usize,
    /// Points without a value, set aside.
    pub missing: usize,
    /// In order of time; positions are those of the series that was given.
    pub changes: Vec<Change>,
}

/// Fewest points of a segment: the last of a series cannot be a level of its own.
const SEGMENT_MIN: usize = 3;

/// A point with its weight and its position in what was given.
#[derive(Debug, Clone, Copy)]
struct Point {
    value: f64,
    weight: f64,
    at: usize,
}

/// Finds changes of level. `weights` holds the runs behind each point (empty: all alike); `level` is one less the
/// chance of a false mark by candidate.
pub fn changes(values: &[f64], weights: &[f64], level: f64, seed: u64) -> Result<Changes> {
    share("level", level)?;
    if values.len() > SERIES_POINTS_MAX {
        return Err(StatsError::TooMany { what: "points of a series", limit: SERIES_POINTS_MAX, found: values.len() });
    }
    if !weights.is_empty() && weights.len() != values.len() {
        return Err(StatsError::Length { what: "weights", expected: values.len(), found: weights.len() });
    }
    let point = |(at, &value): (usize, &f64)| Point { value, weight: weights.get(at).copied().unwrap_or(1.0), at };
    let usable = |p: &Point| p.value.is_finite() && p.weight.is_finite() && p.weight > 0.0;
    let points: Vec<Point> = values.iter().enumerate().map(point).filter(usable).collect();
    let (n, missing) = (points.len(), values.len() - points.len());
    let candidates = segmentation(&points);
    let changes = confirmed(&points, candidates, 1.0 - level, seed);
    Ok(Changes { method: "PELT on weighted levels, each change confirmed by permutation", n, missing, changes })
}

/// Sums from the start, so that the cost of any segment takes one step.
struct Costs {
    weight: Vec<f64>,
    value: Vec<f64>,
    square: Vec<f64>,
}

impl Costs {
    fn of(points: &[Point], centre: f64) -> Self {
        let mut costs = Self { weight: vec![0.0], value: vec![0.0], square: vec![0.0] };
        let (mut w, mut v, mut s) = (0.0, 0.0, 0.0);
        for p in points {
            let away = p.value - centre;
            w += p.weight;
            v += p.weight * away;
            s += p.weight * away * away;
            costs.weight.push(w);
            costs.value.push(v);
            costs.square.push(s);
        }
        costs
    }

    /// Weighted squares about the level of points `from..to`.
    fn of_segment(&self, from: usize, to: usize) -> f64 {
        let (w, v) = (self.weight[to] - self.weight[from], self.value[to] - self.value[from]);
        (self.square[to] - self.square[from] - v * v / w).max(0.0)
    }
}

/// PELT (Killick, Fearnhead and Eckley, JASA 107, 2012) with squared distance from the level as cost and 3 ln n times
/// the noise as the price of a change. The noise is taken robustly from steps between neighbours, which a few changes
/// of level do not widen. Returns where segments start, the first not included.
fn segmentation(points: &[Point]) -> Vec<usize> {
    let n = points.len();
    if n < 2 * SEGMENT_MIN {
        return Vec::new();
    }
    let centre = points.iter().map(|p| p.value).sum::<f64>() / n as f64;
    let costs = Costs::of(points, centre);
    let price = 3.0 * (n as f64).ln() * noise(points).max(1e-12 * costs.of_segment(0, n) / n as f64);
    if price <= 0.0 {
        return Vec::new();
    }
    let mut best = vec![f64::INFINITY; n + 1];
    best[0] = -price;
    let mut last = vec![0; n + 1];
    let mut open = vec![0];
    for to in SEGMENT_MIN..=n {
        let cost = |from: usize| best[from] + costs.of_segment(from, to);
        let choices = open.iter().copied().filter(|&from| to - from >= SEGMENT_MIN);
        let Some(from) = choices.min_by(|&x, &y| cost(x).total_cmp(&cost(y))) else { continue };
        let least = cost(from) + price;
        open.retain(|&from| to - from < SEGMENT_MIN || cost(from) <= least);
        best[to] = least;
        last[to] = from;
        open.push(to);
    }
    let mut starts = Vec::new();
    let mut at = last[n];
    while at > 0 {
        starts.push(at);
        at = last[at];
    }
    starts.reverse();
    starts
}

/// Variance of a point of weight one, from the median size of steps between neighbours (normal at heart).
fn noise(points: &[Point]) -> f64 {
    let step = |w: &[Point]| (w[1].value - w[0].value).powi(2) / (1.0 / w[0].weight + 1.0 / w[1].weight);
    let mut steps: Vec<f64> = points.windows(2).map(step).collect();
    // Median of chi-square with one degree of freedom.
    let robust = super::bca::median(&steps) / 0.454_936_423_119_573;
    if robust > 0.0 {
        return robust;
    }
    // More than half of the steps are none: take the plain mean, which ties do not make zero.
    steps.retain(|s| *s > 0.0);
    steps.iter().sum::<f64>() / points.len() as f64
}

/// Drops the weakest candidate, and tests its neighbours anew, until all that remain are confirmed.
fn confirmed(points: &[Point], mut starts: Vec<usize>, alpha: f64, seed: u64) -> Vec<Change> {
    let mut found: Vec<Change> = (0..starts.len()).map(|i| tested(points, &starts, i, seed)).collect();
    while let Some(weakest) = (0..found.len()).max_by(|&x, &y| found[x].p.total_cmp(&found[y].p)) {
        if found[weakest].p <= alpha {
            break;
        }
        starts.remove(weakest);
        found.remove(weakest);
        let first = weakest.saturating_sub(1);
        for (i, change) in found.iter_mut().enumerate().take(weakest + 1).skip(first) {
            *change = tested(points, &starts, i, seed);
        }
    }
    found
}

fn tested(points: &[Point], starts: &[usize], i: usize, seed: u64) -> Change {
    let from = if i == 0 { 0 } else { starts[i - 1] };
    let to = starts.get(i + 1).copied().unwrap_or(points.len());
    let mut part = points[from..to].to_vec();
    let observed = largest_step(&part);
    let mut random = Random::new(seed, 5 + starts[i] as u64);
    let mut count = 0_u32;
    for _ in 0..CHANGE_PERMUTATIONS {
        random.shuffle(&mut part);
        count += u32::from(largest_step(&part) >= observed * (1.0 - 1e-12));
    }
    Change {
        at: points[starts[i]].at,
        before: level(&points[from..starts[i]]),
        after: level(&points[starts[i]..to]),
        p: f64::from(count + 1) / f64::from(CHANGE_PERMUTATIONS + 1),
    }
}

/// Largest gain in squares over all splits.
fn largest_step(points: &[Point]) -> f64 {
    let centre = level(points);
    let total: f64 = points.iter().map(|p| p.weight).sum();
    let (mut weight, mut sum, mut largest) = (0.0, 0.0, 0.0_f64);
    for (taken, p) in points.iter().enumerate() {
        if taken >= SEGMENT_MIN && points.len() - taken >= SEGMENT_MIN {
            largest = largest.max(sum * sum * total / (weight * (total - weight)));
        }
        weight += p.weight;
        sum += p.weight * (p.value - centre);
    }
    largest
}

fn level(points: &[Point]) -> f64 {
    let weight: f64 = points.iter().map(|p| p.weight).sum();
    points.iter().map(|p| p.weight * p.value).sum::<f64>() / weight
}
