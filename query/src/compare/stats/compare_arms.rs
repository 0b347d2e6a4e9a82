//! A against B when their observations cannot be paired.
//!
//! Guarantee: as in [`super::compare_pairs`]; tasks that occur in both arms count as one piece of evidence each.
//! Fails on unequal columns, on too few observations and on settings out of range.

use super::compare_pairs::mean_answer;
use super::error::{Result, StatsError};
use super::grouped::Grouped;
use super::options::{Centre, Options};
use super::rates::{TwoRates, fisher, newcombe};
use super::result::{Comparison, Design, Interval, Kind, Test};
use super::samples::{Arms, CleanArms, mean};
use super::{effects, mann_whitney, means, power};

/// Compares B with A without pairs.
pub fn compare_arms(arms: &Arms, options: &Options) -> Result<Comparison> {
    options.check()?;
    let clean = arms.clean()?;
    enough(&clean)?;
    let mut result = blank(&clean, options);
    let together: Vec<f64> = clean.a.iter().chain(&clean.b).copied().collect();
    result.ties = tied(&together);
    if result.kind == Kind::Binary && clean.single {
        outcomes(&mut result, &clean, options);
    } else {
        numbers(&mut result, &clean, options);
    }
    if result.kind == Kind::Numeric && !options.brief {
        by_ranks(&mut result, &clean);
    }
    if options.centre == Centre::Median {
        result.notes.push("medians are compared by pairs only: these are means".to_owned());
    }
    if result.missing.total() > 0 {
        result.notes.push(format!("left out: {} of A, {} of B lack a value", result.missing.a, result.missing.b));
    }
    Ok(result)
}

/// Values that another value equals.
fn tied(values: &[f64]) -> usize {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.chunk_by(|x, y| x == y).map(<[f64]>::len).filter(|&n| n > 1).sum()
}

/// Two observations per arm, and two tasks.
fn enough(clean: &CleanArms) -> Result<()> {
    let sides =
        [("observations of A", clean.a.len(), clean.missing.a), ("observations of B", clean.b.len(), clean.missing.b)];
    for (what, found, missing) in sides {
        if found < 2 {
            return Err(StatsError::TooFew { what, needed: 2, found, missing });
        }
    }
    let distinct = |c: &[u32]| c.iter().collect::<std::collections::BTreeSet<_>>().len();
    if !clean.single {
        for (what, found) in [("tasks of A", distinct(&clean.cluster_a)), ("tasks of B", distinct(&clean.cluster_b))] {
            if found < 2 {
                return Err(StatsError::TooFew { what, needed: 2, found, missing: clean.missing.total() });
            }
        }
    }
    Ok(())
}

fn blank(clean: &CleanArms, options: &Options) -> Comparison {
    let kind = clean.kind();
    let (value_a, value_b) = (mean(&clean.a), mean(&clean.b));
    Comparison {
        design: if clean.single { Design::Unpaired } else { Design::UnpairedClustered },
        kind,
        estimand: if kind == Kind::Binary { "difference of rates" } else { "difference of means" },
        why: String::new(),
        n_a: clean.a.len(),
        n_b: clean.b.len(),
        pairs: 0,
        clusters: clean.clusters,
        missing: clean.missing,
        ties: 0,
        counts: None,
        value_a,
        value_b,
        estimate: value_b - value_a,
        interval: Interval { low: f64::NAN, high: f64::NAN, level: options.level, method: "none" },
        p: f64::NAN,
        test: Test { method: "none", statistic: None, p: f64::NAN },
        further_tests: Vec::new(),
        effects: Vec::new(),
        detectable: None,
        notes: Vec::new(),
    }
}

/// Outcomes that each stand alone.
fn outcomes(result: &mut Comparison, clean: &CleanArms, options: &Options) {
    let count = |values: &[f64]| values.iter().filter(|&&v| v > 0.5).count() as u64;
    let (n_a, n_b) = (clean.a.len() as u64, clean.b.len() as u64);
    let rates = TwoRates { a: count(&clean.a), n_a, b: count(&clean.b), n_b };
    result.why = "outcomes without pairs: exact test of the table, hybrid score interval".to_owned();
    result.interval = newcombe(&rates, options.level);
    result.test = fisher(&rates);
    result.p = result.test.p;
    if options.brief {
        return;
    }
    result.effects = vec![
        effects::risk_ratio(&rates, options.level),
        effects::odds_ratio(&rates, options.level),
        effects::cohens_h(result.value_a, result.value_b),
    ];
    result.detectable = power::detectable_two_rates(n_a, n_b, result.value_a, options.level, options.power);
}

/// What depends on the order of the values only.
fn by_ranks(result: &mut Comparison, clean: &CleanArms) {
    let ranked = mann_whitney::rank_sum(&clean.a, &clean.b);
    result.effects.push(ranked.cliffs_delta);
    if clean.single {
        result.further_tests.extend([ranked.test, means::welch_t(&clean.a, &clean.b)]);
    } else {
        result.notes.push("tests that take every observation as independent are left out".to_owned());
    }
}

/// Numbers, or outcomes in clusters.
fn numbers(result: &mut Comparison, clean: &CleanArms, options: &Options) {
    let data = Grouped::arms(clean);
    let answer = mean_answer(&data, clean.a.len() + clean.b.len(), options, None);
    result.interval = answer.interval;
    result.p = answer.test.p;
    result.test = answer.test;
    result.why = answer.why;
    result.notes.extend(answer.notes);
    if !clean.single {
        let shared = if clean.nested { "tasks occur in one arm only" } else { "tasks occur in both arms" };
        result.notes.push(shared.to_owned());
    }
    if options.brief {
        return;
    }
    if !clean.single {
        result.further_tests.push(data.cr1_test());
    }
    let g = match result.kind {
        Kind::Binary => effects::cohens_h(result.value_a, result.value_b),
        Kind::Numeric => effects::hedges_g(&clean.a, &clean.b),
    };
    result.effects = vec![g, effects::ratio_of_means(result.value_a, result.value_b)];
    let robust = data.cr2();
    result.detectable = power::detectable_by_t(robust.error, robust.df, options.level, options.power);
}
