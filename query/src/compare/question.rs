//! What is asked of a comparison.
//!
//! Guarantee: plain data, the same on the command line and over HTTP; nothing is checked before it is used.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A comparison that is asked for. Only `arms` must be given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Question {
    /// Selections of runs, the baseline first: `agent_version=1.4;variant=none`, or `where:SQL` over the columns of a run.
    pub arms: Vec<String>,
    /// What pairs runs: columns of a run or an SQL expression; `none` compares without pairs. Absent: by task, and by
    /// variant as well where several arms have several variants.
    pub by: Option<String>,
    /// A condition that runs of all arms meet, in SQL over the columns of a run.
    #[serde(rename = "where")]
    pub filter: Option<String>,
    /// Further measures, `NAME=SQL` (an aggregate over the events of a run, or an expression over the columns of a run) or
    /// `NAME=attr:KEY` (the mean of a numeric attribute).
    pub measures: Vec<String>,
    /// Only these measures; empty: all that some run has.
    pub only: Vec<String>,
    /// The measure that ranks arms and makes pass^k; absent: of `success`, `resolved`, `reward`, `utility` and the like the one that most runs have.
    pub success: Option<String>,
    /// Columns of a run, SQL expressions, `suite` (the task's first part) or `tool` by which runs are split.
    pub segments: Vec<String>,
    /// Correct for many measures after Benjamini and Hochberg instead of Holm.
    pub bh: bool,
    /// Intervals and p that hold at every look, for comparisons that are looked at as runs come in.
    pub sequential: bool,
    /// Compare paired numbers by the median of differences.
    pub median: bool,
    /// A measure to follow over time, by version.
    pub drift: Option<String>,
    /// Coverage of intervals, 0.95 when absent.
    pub level: Option<f64>,
    /// Seed of resampling, 1 when absent.
    pub seed: Option<u64>,
    /// Price table in TOML; absent: the example that comes with the program.
    pub prices: Option<String>,
    /// Look at calls tool by tool and read headers, however large the table is.
    pub detailed: bool,
}
