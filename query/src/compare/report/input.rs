//! What a report is made of: plain data, filled in by whoever did the comparison.
//!
//! Guarantee: none; [`super::html`] and [`Report::tables`] take any values.

use super::distribution::{Ecdf, Histogram};
use super::format::Unit;
use crate::compare::diff::Cohort;
use crate::compare::rollout::Rollout;
use serde::Serialize;
use utoipa::ToSchema;

/// A comparison, ready to be shown.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Report {
    /// Title.
    pub title: String,
    /// What was compared, the baseline first.
    pub arms: Vec<Arm>,
    /// What it stands on, and how to make it again.
    pub provenance: Provenance,
    /// The findings in sentences, the most important first.
    pub findings: Vec<String>,
    /// Warnings: what could not be done, what gave way to a bound, what to keep in mind.
    pub notes: Vec<String>,
    /// Share of wrong alarms that is accepted; a finding has its adjusted p (or p) below it.
    pub alpha: f64,
    /// Confidence of all intervals, 0.95.
    pub confidence: f64,
    /// How p-values were adjusted for many measures: `Holm`, `Benjamini-Hochberg`, or `none`.
    pub correction: String,
    /// The measures, B against A.
    pub measures: Vec<Measure>,
    /// Distributions of measures.
    pub distributions: Vec<Distribution>,
    /// pass^k and pass@k.
    pub curves: Vec<Curve>,
    /// The measures within segments.
    pub segments: Vec<Segment>,
    /// Every arm against every other.
    pub matrix: Option<Matrix>,
    /// The arms in order.
    pub ranking: Vec<RankRow>,
    /// Measures over time.
    pub drift: Vec<DriftSeries>,
    /// Share of traffic of each version.
    pub rollout: Option<Rollout>,
    /// Where `rollout` comes from.
    pub rollout_source: Source,
    /// Where the pairs of runs part.
    pub divergence: Option<Cohort>,
    /// Where `divergence` comes from.
    pub divergence_source: Source,
    /// Runs that have no pair.
    pub unpaired: Vec<Unpaired>,
    /// How many there are in all.
    pub unpaired_total: usize,
}

/// One of the things compared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Arm {
    /// Name: `A`, or a version.
    pub name: String,
    /// How its runs were selected.
    pub selection: String,
    /// Runs.
    pub runs: u64,
    /// Tasks.
    pub tasks: u64,
}

/// The head of one partition's tree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct PartitionHead {
    /// Partition.
    pub partition: u32,
    /// Leaves of its tree.
    pub size: u64,
    /// Root, hex.
    pub root: String,
}

/// A command to run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Command {
    /// What it does.
    pub does: String,
    /// The command line.
    pub line: String,
}

/// What a report stands on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Provenance {
    /// Store's origin.
    pub store: String,
    /// Version of the table.
    pub table_version: i64,
    /// Trees at that version.
    pub heads: Vec<PartitionHead>,
    /// What the answer covers, in a sentence.
    pub coverage: String,
    /// Program and version.
    pub generated_by: String,
    /// When, RFC 3339; `None` for a report that is the same whenever it is made.
    pub generated_at: Option<String>,
    /// The price table: version and whether it is an example.
    pub prices: Option<String>,
    /// How to make the report again and to prove what it stands on.
    pub commands: Vec<Command>,
}

/// Where a figure comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Source {
    /// The SQL that gives it.
    pub sql: String,
    /// Runs behind it.
    pub runs: Vec<String>,
    /// How many there are in all.
    pub runs_total: u64,
    /// A command with `{run}` in the place of a run: `hansard show {run}`.
    pub command: String,
}

/// Which way a measure is good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// Higher is better.
    Higher,
    /// Lower is better.
    Lower,
    /// Neither.
    #[default]
    Neither,
}

/// An estimate with its interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, ToSchema)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// An effect size.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Effect {
    /// Which: `Cohen's h`, `rank-biserial`, `odds ratio`.
    pub name: String,
    /// Its value.
    pub value: f64,
}

/// One measure, B against A.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Measure {
    /// Name.
    pub name: String,
    /// Unit.
    pub unit: Unit,
    /// Which way is good.
    pub better: Better,
    /// What was compared: `pairs`, `tasks`, `runs`.
    pub basis: String,
    /// How many of them.
    pub n: u64,
    /// A's value.
    pub a: Option<f64>,
    /// B's value.
    pub b: Option<f64>,
    /// B minus A.
    pub difference: Option<Estimate>,
    /// p.
    pub p: Option<f64>,
    /// p, adjusted for the number of measures.
    pub p_adjusted: Option<f64>,
    /// Effect size.
    pub effect: Option<Effect>,
    /// Test and interval.
    pub method: String,
    /// Ties among the pairs.
    pub ties: Option<u64>,
    /// The smallest difference that this sample would show.
    pub detectable: Option<f64>,
    /// What to know about it.
    pub note: String,
    /// Where it comes from.
    pub source: Source,
}

/// How a measure is distributed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Distribution {
    /// Measure.
    pub measure: String,
    /// Unit.
    pub unit: Unit,
    /// Differences within pairs, B minus A.
    pub differences: Option<Histogram>,
    /// Distribution functions by arm.
    pub functions: Vec<(String, Ecdf)>,
    /// Where it comes from.
    pub source: Source,
}

/// Which curve.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub enum CurveKind {
    /// All of k trials succeed.
    #[default]
    #[serde(rename = "pass^k")]
    All,
    /// One of k trials succeeds.
    #[serde(rename = "pass@k")]
    Any,
}

/// pass^k or pass@k of one arm.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Curve {
    /// Arm.
    pub arm: String,
    /// Which.
    pub kind: CurveKind,
    /// (k, estimate, tasks with k trials), by k.
    pub points: Vec<(u32, Estimate, u64)>,
    /// Where it comes from.
    pub source: Source,
}

/// One measure within one segment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Segment {
    /// By what: `suite`, `tool`.
    pub by: String,
    /// Which segment.
    pub name: String,
    /// The measure there.
    pub measure: Measure,
}

/// One arm against another.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct MatrixCell {
    /// Row's arm minus column's arm.
    pub difference: Estimate,
    /// p, adjusted for the number of comparisons.
    pub p: Option<f64>,
    /// Pairs.
    pub n: u64,
}

/// Every arm against every other, by one measure.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Matrix {
    /// Measure.
    pub measure: String,
    /// Unit.
    pub unit: Unit,
    /// Which way is good.
    pub better: Better,
    /// Arms.
    pub arms: Vec<String>,
    /// A row for each arm, a cell for each arm; `None` where there is nothing to compare.
    pub cells: Vec<Vec<Option<MatrixCell>>>,
    /// Where it comes from.
    pub source: Source,
}

/// An arm's place.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct RankRow {
    /// Arm.
    pub arm: String,
    /// Its value.
    pub estimate: Estimate,
    /// Unit.
    pub unit: Unit,
    /// Its place, from 1.
    pub rank: u32,
    /// The best place that it may have.
    pub rank_low: u32,
    /// The worst.
    pub rank_high: u32,
}

/// A point of a measure over time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, ToSchema)]
pub struct DriftPoint {
    /// Beginning of the bucket, microseconds since 1970.
    pub time_us: i64,
    /// Value.
    pub value: f64,
    /// Its interval, where there is one.
    pub interval: Option<(f64, f64)>,
    /// Runs in the bucket.
    pub n: u64,
}

/// A version's points.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct VersionLine {
    /// Version.
    pub version: String,
    /// Points in order of time.
    pub points: Vec<DriftPoint>,
}

/// A change found in a series.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct ChangePoint {
    /// When, microseconds since 1970.
    pub time_us: i64,
    /// In which version's line.
    pub version: String,
    /// Level before.
    pub before: f64,
    /// Level after.
    pub after: f64,
    /// p, where there is one.
    pub p: Option<f64>,
}

/// A measure over time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct DriftSeries {
    /// Measure.
    pub measure: String,
    /// Unit.
    pub unit: Unit,
    /// A line for each version.
    pub lines: Vec<VersionLine>,
    /// Changes.
    pub changes: Vec<ChangePoint>,
    /// Where it comes from.
    pub source: Source,
}

/// A run without a pair.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Unpaired {
    /// Run.
    pub run: String,
    /// Arm.
    pub arm: String,
    /// Task.
    pub task: String,
    /// Why.
    pub reason: String,
}
