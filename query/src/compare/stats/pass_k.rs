//! pass^k and pass@k: how often k trials of a task all succeed, or at least one does.
//!
//! Guarantee: estimators are unbiased for any number of trials per task; tasks with fewer than k trials are left out
//! and counted. The interval treats a task as one piece of evidence. Fails when fewer than two tasks have k trials.

use super::error::{Result, StatsError};
use super::grouped::Grouped;
use super::options::Options;
use super::result::Interval;
use super::samples::mean;
use super::{bootstrap, bootstrap::studentised};
use serde::Serialize;

/// Trials of one task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskTrials {
    /// Trials that succeeded.
    pub successes: u64,
    /// Trials.
    pub trials: u64,
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum PassKind {
    /// All of k trials succeed (tau-bench, Yao et al. 2024).
    #[serde(rename = "pass^k")]
    All,
    /// At least one of k trials succeeds (Chen et al. 2021).
    #[serde(rename = "pass@k")]
    Any,
}

/// pass^k or pass@k over tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PassK {
    /// Which of the two.
    pub kind: PassKind,
    /// Trials that are looked at together.
    pub k: u64,
    /// Tasks in the figures.
    pub tasks: usize,
    /// Trials of these tasks.
    pub trials: u64,
    /// Tasks left out because they have fewer than k trials.
    pub tasks_short: usize,
    /// Mean over tasks.
    pub estimate: f64,
    /// Interval over tasks, within [0, 1].
    pub interval: Interval,
}

/// C(c, k) / C(n, k): chance that k trials drawn from n, c of them successes, all succeed. `None` if n < k or k = 0.
#[must_use]
pub fn all_of(task: TaskTrials, k: u64) -> Option<f64> {
    let TaskTrials { successes: c, trials: n } = task;
    (k > 0 && k <= n && c <= n).then(|| (0..k).map(|i| c.saturating_sub(i) as f64 / (n - i) as f64).product())
}

/// 1 - C(n - c, k) / C(n, k): chance that at least one of k succeeds. `None` if n < k or k = 0.
#[must_use]
pub fn any_of(task: TaskTrials, k: u64) -> Option<f64> {
    let failures = TaskTrials { successes: task.trials.checked_sub(task.successes)?, ..task };
    all_of(failures, k).map(|none| 1.0 - none)
}

/// The estimate by task: what two versions are compared by (`Pairs` of these values, one per task).
#[must_use]
pub fn by_task(tasks: &[TaskTrials], kind: PassKind, k: u64) -> Vec<Option<f64>> {
    let one = match kind {
        PassKind::All => all_of,
        PassKind::Any => any_of,
    };
    tasks.iter().map(|&t| one(t, k)).collect()
}

/// The mean over tasks with its interval.
pub fn pass_k(tasks: &[TaskTrials], kind: PassKind, k: u64, options: &Options) -> Result<PassK> {
    options.check()?;
    let each = by_task(tasks, kind, k);
    let values: Vec<f64> = each.iter().flatten().copied().collect();
    let tasks_short = tasks.len() - values.len();
    if values.len() < 2 {
        let (what, found) = ("tasks with k trials", values.len());
        return Err(StatsError::TooFew { what, needed: 2, found, missing: tasks_short });
    }
    let trials = tasks.iter().zip(&each).filter(|(_, v)| v.is_some()).map(|(t, _)| t.trials).sum();
    let interval = unit_interval(&values, options);
    Ok(PassK { kind, k, tasks: values.len(), trials, tasks_short, estimate: mean(&values), interval })
}

/// Interval of a mean of values within [0, 1], one per task.
fn unit_interval(values: &[f64], options: &Options) -> Interval {
    let level = options.level;
    let cluster: Vec<u32> = (0..values.len() as u32).collect();
    let data = Grouped::one_mean(values, &cluster, values.len());
    let resamples = options.resamples.unwrap_or_else(|| bootstrap::resamples_for(values.len()));
    let small = values.len() <= super::limits::RESAMPLED_OBSERVATIONS_MAX;
    let (low, high, method) = match studentised(&data, level, resamples, options.seed) {
        Some(s) if small => (s.low, s.high, "studentised bootstrap over tasks"),
        _ if values.iter().all(|&v| v == values[0]) => {
            // No spread: how large a share of tasks could differ and still not have been seen (Clopper and Pearson).
            let unseen = 1.0 - ((1.0 - level) / 2.0).powf(1.0 / values.len() as f64);
            let (low, high) = (values[0] * (1.0 - unseen), values[0] + (1.0 - values[0]) * unseen);
            (low, high, "share of tasks that may differ unseen")
        }
        _ => {
            let robust = data.cr2();
            let reach = super::special::t_reach(level, robust.df) * robust.error;
            (robust.estimate - reach, robust.estimate + reach, "t over tasks")
        }
    };
    Interval { low: low.max(0.0), high: high.min(1.0), level, method }
}
