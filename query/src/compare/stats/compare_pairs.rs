//! A against B when they ran the same tasks.
//!
//! Guarantee: the method follows from the data by the rules stated in [`super`], and the result says which and why.
//! Fails on unequal columns, on too few pairs and on settings out of range.

use super::error::{Result, StatsError};
use super::grouped::{Grouped, Robust};
use super::limits::{CLUSTERS_FEW, RESAMPLED_OBSERVATIONS_MAX};
use super::options::{Centre, MeanInterval, Options};
use super::result::{Comparison, Design, Effect, Interval, Kind, Test};
use super::samples::{CleanPairs, Pairs, mean};
use super::special::{t_reach, t_two_sided};
use super::{bca, bootstrap, effects, mcnemar, means, medians, paired_rates, permutation, power, wilcoxon};

/// What an interval of means is, and why.
pub(super) struct MeanAnswer {
    pub(super) interval: Interval,
    pub(super) test: Test,
    pub(super) why: String,
    pub(super) notes: Vec<String>,
}

/// Compares B with A by pairs.
pub fn compare_pairs(pairs: &Pairs, options: &Options) -> Result<Comparison> {
    options.check()?;
    let clean = pairs.clean()?;
    if clean.clusters < 2 {
        let what = if clean.a.len() > 1 { "tasks with pairs" } else { "pairs" };
        let missing = clean.missing.total();
        return Err(StatsError::TooFew { what, needed: 2, found: clean.clusters, missing });
    }
    let mut result = blank(&clean, options);
    match (result.kind, options.centre, clean.single()) {
        (_, Centre::Median, _) => medians::fill(&mut result, &clean, options),
        (Kind::Binary, Centre::Mean, true) => outcomes(&mut result, &clean, options),
        _ => numbers(&mut result, &clean, options),
    }
    if result.missing.total() > 0 {
        let m = result.missing;
        let (a, b, both) = (m.a, m.b, m.both);
        result.notes.push(format!("pairs left out: {a} lack A, {b} lack B, {both} lack both"));
    }
    Ok(result)
}

/// Everything that does not depend on the method.
fn blank(clean: &CleanPairs, options: &Options) -> Comparison {
    let kind = clean.kind();
    let single = clean.single();
    let (value_a, value_b) = (mean(&clean.a), mean(&clean.b));
    let none = Interval { low: f64::NAN, high: f64::NAN, level: options.level, method: "none" };
    Comparison {
        design: if single { Design::Paired } else { Design::PairedClustered },
        kind,
        estimand: if kind == Kind::Binary { "difference of rates" } else { "difference of means" },
        why: String::new(),
        n_a: clean.a.len(),
        n_b: clean.b.len(),
        pairs: clean.a.len(),
        clusters: clean.clusters,
        missing: clean.missing,
        ties: clean.a.iter().zip(&clean.b).filter(|(a, b)| a == b).count(),
        counts: (kind == Kind::Binary).then(|| clean.counts()),
        value_a,
        value_b,
        estimate: value_b - value_a,
        interval: none,
        p: f64::NAN,
        test: Test { method: "none", statistic: None, p: f64::NAN },
        further_tests: Vec::new(),
        effects: Vec::new(),
        detectable: None,
        notes: Vec::new(),
    }
}

/// Outcomes, one pair per task.
fn outcomes(result: &mut Comparison, clean: &CleanPairs, options: &Options) {
    let counts = clean.counts();
    result.why = "outcomes, one pair per task: exact test of the discordant pairs, score interval".to_owned();
    result.interval = paired_rates::tango(&counts, options.level);
    result.test = mcnemar::exact(&counts);
    result.p = result.test.p;
    if options.brief {
        return;
    }
    result.further_tests.push(mcnemar::mid_p(&counts));
    result.effects = vec![
        effects::paired_risk_ratio(&counts),
        effects::paired_odds_ratio(&counts, options.level),
        effects::cohens_h(result.value_a, result.value_b),
    ];
    let discordant = counts.only_a + counts.only_b;
    let discordance = discordant.max(1) as f64 / counts.pairs() as f64;
    result.detectable = power::detectable_paired_rates(counts.pairs(), discordance, options.level, options.power);
    if discordant == 0 {
        result.notes.push("no pair differs: the detectable difference assumes one that does".to_owned());
    }
    if result.detectable.is_none() {
        result.notes.push("no difference that these discordant pairs allow would be found this often".to_owned());
    }
}

/// Numbers, or outcomes with repeated trials.
fn numbers(result: &mut Comparison, clean: &CleanPairs, options: &Options) {
    let data = Grouped::pairs(clean);
    let differences = clean.differences();
    let answer = mean_answer(&data, clean.a.len(), options, clean.single().then_some(differences.as_slice()));
    result.interval = answer.interval;
    result.p = answer.test.p;
    result.test = answer.test;
    result.why = answer.why;
    result.notes.extend(answer.notes);
    if !options.brief {
        beside_numbers(result, clean, &data, options);
    }
}

/// Further tests, effects and the detectable difference.
fn beside_numbers(result: &mut Comparison, clean: &CleanPairs, data: &Grouped, options: &Options) {
    let (task_a, task_b) = clean.by_task();
    let by_task: Vec<f64> = task_a.iter().zip(&task_b).map(|(a, b)| b - a).collect();
    let ranked = wilcoxon::signed_rank(&by_task);
    if !clean.single() {
        result.notes.push("signed ranks, sign flips and paired t see one mean per task".to_owned());
        result.further_tests.push(data.cr1_test());
    }
    if ranked.zeros + ranked.tied > 0 {
        let (zeros, tied) = (ranked.zeros, ranked.tied);
        result.notes.push(format!("signed ranks: {zeros} differences of zero set aside, {tied} sizes tied"));
    }
    result.further_tests.extend([ranked.test, means::paired_t(&by_task)]);
    if by_task.len() <= RESAMPLED_OBSERVATIONS_MAX {
        let resamples = options.resamples.unwrap_or_else(|| bootstrap::resamples_for(by_task.len()));
        result.further_tests.push(permutation::sign_flip(&by_task, resamples, options.seed));
    }
    result.effects = number_effects(result, clean, ranked.rank_biserial);
    let robust = data.cr2();
    result.detectable = power::detectable_by_t(robust.error, robust.df, options.level, options.power);
}

fn number_effects(result: &Comparison, clean: &CleanPairs, rank_biserial: Effect) -> Vec<Effect> {
    let ratio = effects::ratio_of_means(result.value_a, result.value_b);
    match result.kind {
        Kind::Binary => vec![effects::cohens_h(result.value_a, result.value_b), ratio, rank_biserial],
        Kind::Numeric => vec![effects::paired_hedges_g(&clean.a, &clean.b), ratio, rank_biserial],
    }
}

/// The interval of a mean or difference of means. `single` holds the differences when each pair is its own task.
pub(super) fn mean_answer(
    data: &Grouped,
    observations: usize,
    options: &Options,
    single: Option<&[f64]>,
) -> MeanAnswer {
    let resamples = options.resamples.unwrap_or_else(|| bootstrap::resamples_for(data.clusters()));
    let small = observations <= RESAMPLED_OBSERVATIONS_MAX;
    let resample = match options.interval {
        MeanInterval::Automatic => small,
        MeanInterval::Studentised | MeanInterval::Bca => true,
        MeanInterval::ClusterRobust => false,
    };
    let drawn = resample.then(|| bootstrap::studentised(data, options.level, resamples, options.seed)).flatten();
    let Some(drawn) = drawn else {
        return robust_answer(data.cr2(), data.clusters(), small, options);
    };
    let level = options.level;
    let test = Test { method: "studentised bootstrap", statistic: Some(drawn.statistic), p: drawn.p };
    let mut notes = vec![format!("{} resamples of {} tasks, seed {}", drawn.resamples, data.clusters(), options.seed)];
    if drawn.degenerate > 0 {
        notes.push(format!("{} resamples had no spread and count as extreme", drawn.degenerate));
    }
    if drawn.p * (f64::from(drawn.resamples) + 1.0) < 1.5 {
        notes.push("no resample was as extreme: p is an upper bound".to_owned());
    }
    few(&mut notes, data.clusters());
    let ends = single.filter(|_| options.interval == MeanInterval::Bca);
    let ends = ends.and_then(|values| bca::of_mean(values, level, resamples, options.seed));
    let (low, high, method) = match ends {
        Some((low, high)) => {
            notes.push("the interval is BCa as asked for, the p that of the studentised bootstrap".to_owned());
            (low, high, "BCa bootstrap")
        }
        None => (drawn.low, drawn.high, "studentised bootstrap, symmetric"),
    };
    let why = if small {
        format!("at most {RESAMPLED_OBSERVATIONS_MAX} observations: tasks are resampled")
    } else {
        "resampling was asked for".to_owned()
    };
    MeanAnswer { interval: Interval { low, high, level, method }, test, why, notes }
}

fn robust_answer(robust: Robust, clusters: usize, small: bool, options: &Options) -> MeanAnswer {
    let level = options.level;
    let mut notes = Vec::new();
    few(&mut notes, clusters);
    let why = match (small, robust.error > 0.0) {
        (_, false) => "no spread between tasks: nothing to resample".to_owned(),
        (false, _) => format!(
            "more than {RESAMPLED_OBSERVATIONS_MAX} observations: resampling gives way to the cluster-robust interval"
        ),
        (true, _) => "cluster-robust interval, as asked for or because too few tasks are there to resample".to_owned(),
    };
    let reach = if robust.error > 0.0 { t_reach(level, robust.df) * robust.error } else { 0.0 };
    let statistic = robust.estimate / robust.error;
    let p = match (robust.error > 0.0, robust.estimate == 0.0) {
        (true, _) => t_two_sided(statistic, robust.df),
        (false, true) => 1.0,
        // The least that sign flips of this many equal differences can give.
        (false, false) => 2.0_f64.powi(1 - clusters.min(1_000) as i32),
    };
    if robust.error.is_nan() || robust.error <= 0.0 {
        notes.push(
            "every task shows the same difference: the interval is a point and says nothing of other tasks".into(),
        );
    }
    let (low, high) = (robust.estimate - reach, robust.estimate + reach);
    MeanAnswer {
        interval: Interval { low, high, level, method: "cluster-robust (CR2)" },
        test: Test { method: "cluster-robust t (CR2)", statistic: statistic.is_finite().then_some(statistic), p },
        why,
        notes,
    }
}

fn few(notes: &mut Vec<String>, clusters: usize) {
    if clusters < CLUSTERS_FEW {
        notes.push(format!("only {clusters} tasks: intervals from so few are rough"));
    }
}
