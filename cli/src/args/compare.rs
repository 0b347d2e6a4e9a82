//! What is typed after `hansard compare`, `diff`, `review` and `drift`.
//!
//! Guarantee: parsing has no effect, as in [`super`].

use clap::{Args as ClapArgs, ValueEnum};
use std::path::PathBuf;

const SELECTIONS: &str = "\
A selection is KEY=VALUE[;KEY=VALUE...]: agent, version, variant, model, task, tenant, principal, run, since, until,
label.NAME (an attribute of events), prompt (beginning of the BLAKE3 digest of the system prompt). `*` stands for any text,
`|` separates alternatives, KEY!=VALUE excludes. `where:SQL` takes a condition over the columns of a run: run, task, agent,
agent_version, variant, model, at, events and every measure by name. docs/compare.md says which method is used when.";

/// Form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people at a terminal.
    Table,
    /// One JSON document: report, all statistics, coverage.
    Json,
    /// One table of the report as comma-separated values.
    Csv,
    /// A page that needs nothing else, with plots.
    Html,
    /// One table of the report as a Parquet file.
    Parquet,
}

/// What all reports take.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct CompareCommon {
    /// A condition that all runs meet, in SQL over the columns of a run
    #[arg(long = "where", value_name = "SQL")]
    pub filter: Option<String>,
    /// A further measure: an aggregate over the events of a run, an expression over the columns of a run, or attr:KEY
    #[arg(long = "measure", value_name = "NAME=SQL")]
    pub measures: Vec<String>,
    /// Only these measures, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "MEASURE")]
    pub only: Vec<String>,
    /// The measure that says whether a run succeeded [default: of success, resolved, reward, utility, ... the one that most runs have]
    #[arg(long, value_name = "MEASURE")]
    pub success: Option<String>,
    /// Price table in TOML [default: an example of public list prices]
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// Coverage of intervals [default: 0.95]
    #[arg(long, value_name = "SHARE")]
    pub level: Option<f64>,
    /// Seed of resampling [default: 1]
    #[arg(long)]
    pub seed: Option<u64>,
    /// Look at calls tool by tool and read headers, however large the table is
    #[arg(long)]
    pub detailed: bool,
    /// Form of the report [default: by the name of --out, else table]
    #[arg(long, value_enum, conflicts_with = "json")]
    pub format: Option<ReportFormat>,
    /// Which table CSV and Parquet hold: measures, segments, pass, matrix, ranking, unpaired, ... [default: the first]
    #[arg(long, value_name = "NAME")]
    pub table: Option<String>,
    /// Write the report to a file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `hansard compare`.
#[derive(Debug, Clone, Default, ClapArgs)]
#[command(after_help = SELECTIONS)]
pub struct CompareArgs {
    /// Selections of runs, the baseline first
    #[arg(required = true, num_args = 2.., value_name = "SELECTION")]
    pub arms: Vec<String>,
    /// What pairs runs: columns of a run, or SQL; `none` compares without pairs [default: task, and variant where several
    /// arms have several]
    #[arg(long, value_name = "COLUMNS|SQL|none")]
    pub by: Option<String>,
    /// Correct for many measures after Benjamini and Hochberg instead of Holm
    #[arg(long)]
    pub bh: bool,
    /// Intervals and p that hold at every look, for comparisons that are looked at as runs come in
    #[arg(long)]
    pub sequential: bool,
    /// Compare paired numbers by the median of differences
    #[arg(long)]
    pub median: bool,
    /// Split runs by a column, an SQL expression, `suite` or `tool`, and say where the arms differ most
    #[arg(long = "segment", value_name = "COLUMN")]
    pub segments: Vec<String>,
    /// Follow a measure over time by version as well
    #[arg(long, value_name = "MEASURE")]
    pub drift: Option<String>,
    /// What all reports take.
    #[command(flatten)]
    pub common: CompareCommon,
}

/// `hansard diff`.
#[derive(Debug, Clone, ClapArgs)]
pub struct DiffArgs {
    /// A run (session), or with --cohort a selection of runs
    pub a: String,
    /// Another
    pub b: String,
    /// Compare the paired runs of two selections: at which step they part, and how often
    #[arg(long)]
    pub cohort: bool,
    /// A condition that all runs of a cohort meet, in SQL over the columns of a run
    #[arg(long = "where", value_name = "SQL", requires = "cohort")]
    pub filter: Option<String>,
    /// Pairs of a cohort at most
    #[arg(long, default_value_t = query::compare::limits::COHORT_PAIRS_DEFAULT, value_name = "PAIRS", requires = "cohort")]
    pub pairs: usize,
    /// Equal steps shown around what differs
    #[arg(long, default_value_t = 3, value_name = "STEPS")]
    pub context: usize,
    /// Lines of steps
    #[arg(long, default_value_t = 400, value_name = "LINES")]
    pub lines: usize,
}

/// `hansard review`.
#[derive(Debug, Clone, ClapArgs)]
pub struct ReviewArgs {
    /// Agent
    pub agent: String,
    /// How far back: 30d, 12w, 24h
    #[arg(long, default_value = "30d", value_name = "PERIOD")]
    pub period: String,
    /// End of the period, a day or a time [default: now]
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// What all reports take.
    #[command(flatten)]
    pub common: CompareCommon,
}

/// `hansard drift`.
#[derive(Debug, Clone, ClapArgs)]
pub struct DriftArgs {
    /// Selection of runs
    pub selection: String,
    /// Measure
    pub measure: String,
    /// What all reports take.
    #[command(flatten)]
    pub common: CompareCommon,
}
