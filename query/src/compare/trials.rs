//! What repeated trials and more than two arms add: ranking, pass^k and pass@k, rates over tasks.
//!
//! Guarantee: a task is one piece of evidence, however often it was tried; arms are ranked over the rows (tasks, or the i-th
//! trials of tasks) that they share.

use super::compare::Work;
use super::limits::PASS_K_MAX;
use super::report::Better;
use super::stats::many::{ManyArms, Ranking, rank_arms};
use super::stats::pass_k::{PassK, PassKind, TaskTrials, pass_k};
use super::table::NO_TEXT;
use std::collections::BTreeMap;

/// All arms on the same rows: tasks, or the i-th trials of tasks.
pub(super) fn ranking(work: &Work<'_>, keys: &[u32], arms: &[Vec<u32>], measure: usize) -> Option<Ranking> {
    let values = &work.table.values[measure];
    let mut rows: BTreeMap<(u32, usize), Vec<f64>> = BTreeMap::new();
    for (arm, runs) in arms.iter().enumerate() {
        let mut trials: BTreeMap<u32, usize> = BTreeMap::new();
        for (place, &run) in runs.iter().enumerate() {
            let key = keys[run as usize];
            let trial = trials.entry(key).or_insert(0);
            // A run without a task shares its row with nobody.
            let row = if key == NO_TEXT { (NO_TEXT, (place << 5) + arm) } else { (key, *trial) };
            rows.entry(row).or_insert_with(|| vec![f64::NAN; arms.len()])[arm] = values[run as usize];
            *trial += 1;
        }
    }
    let cluster: Vec<u32> = rows.keys().map(|(key, _)| *key).collect();
    let repeated = cluster.windows(2).any(|w| w[0] == w[1]);
    let many = ManyArms {
        names: work.plan.arms.iter().map(|arm| arm.name.clone()).collect(),
        values: (0..arms.len()).map(|arm| rows.values().map(|row| row[arm]).collect()).collect(),
        cluster: if repeated { cluster } else { Vec::new() },
        larger_is_better: work.plan.measures[measure].better != Better::Lower,
    };
    rank_arms(&many, &work.plan.options).ok()
}

/// Trials and successes of each task of an arm.
fn trials(values: &[f64], keys: &[u32], runs: &[u32]) -> Vec<TaskTrials> {
    let mut tasks: BTreeMap<u32, TaskTrials> = BTreeMap::new();
    for &run in runs.iter().filter(|run| keys[**run as usize] != NO_TEXT) {
        let value = values[run as usize];
        if value.is_finite() {
            let task = tasks.entry(keys[run as usize]).or_insert(TaskTrials { successes: 0, trials: 0 });
            task.trials += 1;
            task.successes += u64::from(value > 0.5);
        }
    }
    tasks.into_values().collect()
}

/// The rate of each arm over its tasks, with its interval.
pub(super) fn rates(work: &Work<'_>, keys: &[u32], arms: &[Vec<u32>], measure: usize) -> Vec<Option<PassK>> {
    let values = &work.table.values[measure];
    let one = |runs: &Vec<u32>| pass_k(&trials(values, keys, runs), PassKind::All, 1, &work.plan.options).ok();
    arms.iter().map(one).collect()
}

/// pass^k and pass@k of arms that try tasks repeatedly.
pub(super) fn passes(work: &Work<'_>, keys: &[u32], arms: &[Vec<u32>], measure: usize) -> Vec<(usize, PassK)> {
    let values = &work.table.values[measure];
    let mut all = Vec::new();
    for (arm, runs) in arms.iter().enumerate() {
        let tasks = trials(values, keys, runs);
        let most = tasks.iter().map(|t| t.trials).max().unwrap_or(0).min(PASS_K_MAX);
        for kind in [PassKind::All, PassKind::Any] {
            for k in (1..=most).filter(|_| most > 1) {
                all.extend(pass_k(&tasks, kind, k, &work.plan.options).ok().map(|pass| (arm, pass)));
            }
        }
    }
    all
}
