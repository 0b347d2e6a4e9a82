//! More than two versions: every pair compared, and a ranking that says what it does not know.
//!
//! Guarantee: the p values of the whole matrix are corrected together (Holm), and the ranks of all arms lie within
//! their intervals at once with the level asked for. Fails on unequal columns and on more than
//! [`super::limits::ARMS_MAX`] arms; a pair of arms without common tasks is named, not compared.

use super::compare_pairs::compare_pairs;
use super::error::{Result, StatsError};
use super::limits::ARMS_MAX;
use super::multiple::holm;
use super::options::Options;
use super::result::Comparison;
use super::samples::{Pairs, mean};
use serde::Serialize;

/// Values of all arms on the same rows (tasks, or trials of tasks).
#[derive(Debug, Clone, Default)]
pub struct ManyArms {
    /// Names of the arms.
    pub names: Vec<String>,
    /// By arm, one value per row; NaN where there is none.
    pub values: Vec<Vec<f64>>,
    /// The task of each row; empty: every row is a task of its own.
    pub cluster: Vec<u32>,
    /// A larger value is better.
    pub larger_is_better: bool,
}

/// One cell of the matrix: `b` against `a`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cell {
    /// Position of arm A.
    pub a: usize,
    /// Position of arm B.
    pub b: usize,
    /// The comparison; `null` if they share too few tasks.
    pub comparison: Option<Comparison>,
    /// Its p, corrected over the matrix (Holm).
    pub p_adjusted: Option<f64>,
    /// Why it was not compared.
    pub refused: Option<String>,
}

/// Place of one arm.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rank {
    /// Name of the arm.
    pub name: String,
    /// Rows with a value.
    pub n: usize,
    /// Mean over them.
    pub mean: f64,
    /// Place by the mean; equal means share the better place.
    pub rank: usize,
    /// Best place that the corrected comparisons leave open.
    pub best: usize,
    /// Worst place that they leave open.
    pub worst: usize,
}

/// The matrix and the ranking.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ranking {
    /// Cells with `a` < `b`.
    pub cells: Vec<Cell>,
    /// Arms, best first.
    pub ranks: Vec<Rank>,
    /// Chance that all intervals of ranks hold together.
    pub level: f64,
    /// How the ranks were bounded.
    pub method: &'static str,
    /// What a careful reader must know.
    pub notes: Vec<String>,
}

/// Compares all arms. An arm's best place is one more than the number of arms that are significantly better, its worst
/// leaves room below for those significantly worse (Mogstad, Romano, Shaikh and Wilhelm, Review of Economic Studies
/// 91:476, 2024).
pub fn rank_arms(arms: &ManyArms, options: &Options) -> Result<Ranking> {
    check(arms)?;
    let mut cells = matrix(arms, options)?;
    let raw: Vec<f64> = cells.iter().map(|c| c.comparison.as_ref().map_or(f64::NAN, |r| r.p)).collect();
    for (cell, p) in cells.iter_mut().zip(holm(&raw)) {
        cell.p_adjusted = (!p.is_nan()).then_some(p);
    }
    let ranks = ranks(arms, &cells, 1.0 - options.level);
    let refused = cells.iter().filter(|c| c.comparison.is_none()).count();
    let mut notes = Vec::new();
    if refused > 0 {
        notes.push(format!("{refused} pairs of arms could not be compared: they bound no rank"));
    }
    if ranks.windows(2).any(|w| w[0].n != w[1].n) {
        notes.push("arms were measured on different numbers of rows: means are not of the same tasks".to_owned());
    }
    Ok(Ranking { cells, ranks, level: options.level, method: "Holm over all pairs of arms, by direction", notes })
}

fn check(arms: &ManyArms) -> Result<()> {
    let (found, rows) = (arms.values.len(), arms.values.first().map_or(0, Vec::len));
    if found > ARMS_MAX {
        return Err(StatsError::TooMany { what: "arms", limit: ARMS_MAX, found });
    }
    if found < 2 {
        return Err(StatsError::TooFew { what: "arms", needed: 2, found, missing: 0 });
    }
    if arms.names.len() != found {
        return Err(StatsError::Length { what: "names of arms", expected: found, found: arms.names.len() });
    }
    match arms.values.iter().find(|v| v.len() != rows) {
        Some(odd) => Err(StatsError::Length { what: "values of an arm", expected: rows, found: odd.len() }),
        None => Ok(()),
    }
}

fn matrix(arms: &ManyArms, options: &Options) -> Result<Vec<Cell>> {
    let mut cells = Vec::new();
    for b in 1..arms.values.len() {
        for a in 0..b {
            let pairs = Pairs { a: arms.values[a].clone(), b: arms.values[b].clone(), cluster: arms.cluster.clone() };
            let (comparison, refused) = match compare_pairs(&pairs, options) {
                Ok(comparison) => (Some(comparison), None),
                Err(error @ StatsError::TooFew { .. }) => (None, Some(error.to_string())),
                Err(error) => return Err(error),
            };
            cells.push(Cell { a, b, comparison, p_adjusted: None, refused });
        }
    }
    Ok(cells)
}

fn ranks(arms: &ManyArms, cells: &[Cell], alpha: f64) -> Vec<Rank> {
    let count = arms.values.len();
    let (mut better, mut worse) = (vec![0; count], vec![0; count]);
    for cell in cells {
        let (Some(comparison), Some(p)) = (&cell.comparison, cell.p_adjusted) else { continue };
        if p > alpha || comparison.estimate == 0.0 {
            continue;
        }
        let b_wins = (comparison.estimate > 0.0) == arms.larger_is_better;
        let (winner, loser) = if b_wins { (cell.b, cell.a) } else { (cell.a, cell.b) };
        better[loser] += 1;
        worse[winner] += 1;
    }
    let present = |i: usize| arms.values[i].iter().copied().filter(|v| v.is_finite()).collect::<Vec<f64>>();
    let columns: Vec<Vec<f64>> = (0..count).map(present).collect();
    let sign = if arms.larger_is_better { 1.0 } else { -1.0 };
    let means: Vec<f64> = columns.iter().map(|c| mean(c)).collect();
    let mut ranks: Vec<Rank> = (0..count)
        .map(|i| Rank {
            name: arms.names[i].clone(),
            n: columns[i].len(),
            mean: means[i],
            rank: place(&means, i, sign),
            best: 1 + better[i],
            worst: count - worse[i],
        })
        .collect();
    ranks.sort_by(|x, y| x.rank.cmp(&y.rank).then_with(|| x.name.cmp(&y.name)));
    ranks
}

/// One more than the number of better means; last without a mean.
fn place(means: &[f64], i: usize, sign: f64) -> usize {
    if means[i].is_nan() {
        return means.len();
    }
    1 + means.iter().filter(|&&m| sign * m > sign * means[i]).count()
}
