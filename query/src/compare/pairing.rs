//! How the runs of two arms belong together.
//!
//! - A task that both arms ran once each is a pair.
//! - Where tasks are repeated and both arms tried each as often, the i-th trials (in time, then by name) are pairs, and the
//!   task is what is independent.
//! - Where arms tried tasks unequally often, a task is one pair of the means of its trials.
//! - Where no task is in both arms, or pairs are not wanted, the arms are compared as they are; runs of one task then
//!   belong together.
//!
//! Guarantee: every run of both arms is in a figure or among those left over, with the reason.

use super::stats::{Arms, Comparison, Options, Pairs, Result, compare_arms, compare_pairs};
use super::table::NO_TEXT;
use std::collections::HashMap;

/// Which of the rules above holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    Pairs,
    Trials,
    TaskMeans,
    Arms,
}

impl Rule {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Pairs => "pairs",
            Self::Trials => "trials",
            Self::TaskMeans => "tasks",
            Self::Arms => "runs",
        }
    }
}

/// Runs of one task in both arms.
#[derive(Debug, Clone, Default)]
pub(super) struct Task {
    pub(super) key: u32,
    pub(super) a: Vec<u32>,
    pub(super) b: Vec<u32>,
}

/// Two arms, put together.
#[derive(Debug, Clone)]
pub(super) struct Pairing {
    pub(super) rule: Rule,
    /// Tasks of both arms, in order of first sight; for [`Rule::Arms`] of any arm.
    pub(super) tasks: Vec<Task>,
    /// Runs that no figure holds, and why.
    pub(super) left: Vec<(u32, Side, &'static str)>,
}

/// Which arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    A,
    B,
}

/// Puts two arms together. `keys` holds each run's task ([`NO_TEXT`] for none); runs of an arm come in order of time.
pub(super) fn pair(keys: &[u32], a: &[u32], b: &[u32], paired: bool) -> Pairing {
    let mut tasks: Vec<Task> = Vec::new();
    let mut place: HashMap<u32, usize> = HashMap::new();
    let mut keyless = Vec::new();
    for (side, runs) in [(Side::A, a), (Side::B, b)] {
        for &run in runs {
            let key = keys[run as usize];
            if key == NO_TEXT {
                keyless.push((run, side));
                continue;
            }
            let at = *place.entry(key).or_insert_with(|| {
                tasks.push(Task { key, ..Task::default() });
                tasks.len() - 1
            });
            match side {
                Side::A => tasks[at].a.push(run),
                Side::B => tasks[at].b.push(run),
            }
        }
    }
    let shared = |task: &Task| !task.a.is_empty() && !task.b.is_empty();
    if !paired || !tasks.iter().any(shared) {
        // A run without a task stands alone.
        tasks.extend(keyless.into_iter().map(|(run, side)| match side {
            Side::A => Task { key: NO_TEXT, a: vec![run], b: Vec::new() },
            Side::B => Task { key: NO_TEXT, a: Vec::new(), b: vec![run] },
        }));
        return Pairing { rule: Rule::Arms, tasks, left: Vec::new() };
    }
    let mut left: Vec<(u32, Side, &'static str)> =
        keyless.into_iter().map(|(run, side)| (run, side, "it names no task")).collect();
    for task in tasks.iter().filter(|task| !shared(task)) {
        left.extend(task.a.iter().map(|run| (*run, Side::A, "the other arm did not run its task")));
        left.extend(task.b.iter().map(|run| (*run, Side::B, "the other arm did not run its task")));
    }
    tasks.retain(shared);
    let rule = match () {
        () if tasks.iter().all(|t| t.a.len() == 1 && t.b.len() == 1) => Rule::Pairs,
        () if tasks.iter().all(|t| t.a.len() == t.b.len()) => Rule::Trials,
        () => Rule::TaskMeans,
    };
    Pairing { rule, tasks, left }
}

impl Pairing {
    /// Only these tasks.
    pub(super) fn of(&self, wanted: impl Fn(&Task) -> bool) -> Self {
        let tasks = self.tasks.iter().filter(|task| wanted(task)).cloned().collect();
        Self { rule: self.rule, tasks, left: Vec::new() }
    }

    /// Only these runs.
    pub(super) fn of_runs(&self, wanted: impl Fn(u32) -> bool) -> Self {
        let kept = |runs: &[u32]| runs.iter().copied().filter(|run| wanted(*run)).collect::<Vec<u32>>();
        let mut tasks: Vec<Task> =
            self.tasks.iter().map(|t| Task { key: t.key, a: kept(&t.a), b: kept(&t.b) }).collect();
        tasks.retain(|task| !task.a.is_empty() || !task.b.is_empty());
        Self { rule: self.rule, tasks, left: Vec::new() }
    }

    /// Pairs of values, in order; empty for [`Rule::Arms`].
    pub(super) fn pairs(&self, values: &[f64]) -> Pairs {
        let mut pairs = Pairs::default();
        let value = |run: &u32| values[*run as usize];
        match self.rule {
            Rule::Arms => {}
            Rule::Pairs | Rule::Trials => {
                for (cluster, task) in self.tasks.iter().enumerate() {
                    pairs.a.extend(task.a.iter().map(value));
                    pairs.b.extend(task.b.iter().map(value));
                    if self.rule == Rule::Trials {
                        pairs.cluster.extend(std::iter::repeat_n(cluster as u32, task.a.len()));
                    }
                }
            }
            Rule::TaskMeans => {
                pairs.a.extend(self.tasks.iter().map(|task| mean(task.a.iter().map(value))));
                pairs.b.extend(self.tasks.iter().map(|task| mean(task.b.iter().map(value))));
            }
        }
        pairs
    }

    /// Compares by the values of all runs.
    pub(super) fn compare(&self, values: &[f64], options: &Options) -> Result<Comparison> {
        if self.rule != Rule::Arms {
            return compare_pairs(&self.pairs(values), options);
        }
        let mut arms = Arms::default();
        let repeated = self.tasks.iter().any(|task| task.a.len() + task.b.len() > 1);
        for (cluster, task) in self.tasks.iter().enumerate() {
            arms.a.extend(task.a.iter().map(|run| values[*run as usize]));
            arms.b.extend(task.b.iter().map(|run| values[*run as usize]));
            if repeated {
                arms.cluster_a.extend(std::iter::repeat_n(cluster as u32, task.a.len()));
                arms.cluster_b.extend(std::iter::repeat_n(cluster as u32, task.b.len()));
            }
        }
        compare_arms(&arms, options)
    }

    /// Runs in the figures.
    pub(super) fn runs(&self) -> impl Iterator<Item = u32> + Clone {
        self.tasks.iter().flat_map(|task| task.a.iter().chain(&task.b)).copied()
    }

    /// What counts: pairs, trials, tasks or runs.
    pub(super) fn count(&self) -> usize {
        match self.rule {
            Rule::Pairs | Rule::TaskMeans => self.tasks.len(),
            Rule::Trials => self.tasks.iter().map(|task| task.a.len()).sum(),
            Rule::Arms => self.runs().count(),
        }
    }
}

/// Mean of the values that are there; NaN of none.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.filter(|v| v.is_finite()).fold((0.0, 0.0), |(sum, n), v| (sum + v, n + 1.0));
    sum / n
}

#[cfg(test)]
mod tests {
    use super::{NO_TEXT, Rule, Side, pair};

    #[test]
    fn the_rule_follows_from_how_tasks_repeat() {
        // Runs 0.. with their tasks.
        let once = pair(&[1, 2, 1, 2], &[0, 1], &[2, 3], true);
        assert_eq!((once.rule, once.tasks.len(), once.left.len()), (Rule::Pairs, 2, 0));
        let trials = pair(&[1, 1, 1, 1], &[0, 1], &[2, 3], true);
        assert_eq!((trials.rule, trials.count()), (Rule::Trials, 2));
        let unequal = pair(&[1, 1, 1, 2, 2], &[0, 1, 3], &[2, 4], true);
        assert_eq!((unequal.rule, unequal.count()), (Rule::TaskMeans, 2));
        assert_eq!(unequal.pairs(&[1.0, 0.0, 1.0, 5.0, f64::NAN]).a, [0.5, 5.0]);
        let apart = pair(&[1, 2, 3, 4], &[0, 1], &[2, 3], true);
        assert_eq!((apart.rule, apart.left.len()), (Rule::Arms, 0));
        assert_eq!(pair(&[1, 2, 1, 2], &[0, 1], &[2, 3], false).rule, Rule::Arms);
    }

    #[test]
    fn what_has_no_pair_is_left_with_its_reason() {
        let pairing = pair(&[1, 2, 1, 3, NO_TEXT], &[0, 1], &[2, 3, 4], true);
        assert_eq!((pairing.rule, pairing.count()), (Rule::Pairs, 1));
        let left: Vec<(u32, Side)> = pairing.left.iter().map(|(run, side, _)| (*run, *side)).collect();
        assert_eq!(left, [(4, Side::B), (1, Side::A), (3, Side::B)]);
    }
}
