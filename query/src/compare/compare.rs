//! The comparison of arms: pairs, statistics, ranking, trials and segments.
//!
//! Guarantee: all figures come from the one question that loaded the runs; the same record, question and seed give the same
//! figures. A comparison that cannot be made (too few runs with a value) is named with its reason, not left out.

use super::limits::BRIEF_OBSERVATIONS;
use super::looks::sequence;
use super::measures::{Measure, of_one_tool};
use super::pairing::{Pairing, pair};
use super::plan::{Plan, SUCCESS};
use super::report::Unit;
use super::segments::{self, SegmentResult};
use super::stats::many::Ranking;
use super::stats::multiple::{benjamini_hochberg, holm};
use super::stats::pass_k::PassK;
use super::stats::sequential::Sequence;
use super::stats::{Comparison, Kind};
use super::table::{NO_TEXT, RunTable, Texts};
use super::threads::in_threads;
use super::trials::{passes, ranking, rates};
use serde::Serialize;
use std::sync::Arc;

/// The family of all measures but those of single tools.
const MEASURES: &str = "measures";
/// The family of calls and errors of single tools: so many that they would drown the others.
const TOOLS: &str = "tools";

/// One measure of one arm against the baseline.
#[derive(Debug, Clone, Serialize)]
pub struct Detail {
    /// Measure.
    pub measure: String,
    /// The baseline.
    pub a: String,
    /// The arm.
    pub b: String,
    /// What was compared: pairs, trials (pairs within tasks), tasks (means of unequal trials) or runs (without pairs).
    pub pairing: &'static str,
    /// The statistics; `null` where there are too few values.
    pub comparison: Option<Comparison>,
    /// Measures that are corrected together: `measures`, or `tools` for calls and errors of single tools.
    pub family: &'static str,
    /// p, corrected for all measures of the family and all arms.
    pub p_adjusted: Option<f64>,
    /// The confidence sequence, where one was asked for.
    pub sequence: Option<Sequence>,
    /// Why there are no statistics.
    pub refused: Option<String>,
}

/// A measure over all runs of an arm, whatever they are paired with.
#[derive(Debug, Clone, Serialize)]
pub struct ArmValue {
    /// Arm.
    pub arm: String,
    /// Measure.
    pub measure: String,
    /// Runs with a value.
    pub runs: u64,
    /// Runs without one.
    pub missing: u64,
    /// Sum of the values.
    pub sum: f64,
    /// Mean of the values.
    pub mean: f64,
}

/// All figures, before they are put into words.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) details: Vec<Detail>,
    pub(super) values: Vec<ArmValue>,
    /// Of each arm but the first with the first.
    pub(super) pairings: Vec<Pairing>,
    pub(super) keys: Option<Arc<Texts>>,
    /// Columns that pair runs, as SQL.
    pub(super) key_sql: Option<String>,
    pub(super) ranking: Option<Ranking>,
    /// Interval of each arm's rate over its tasks, where the measure that ranks is a rate.
    pub(super) rates: Vec<Option<PassK>>,
    pub(super) passes: Vec<(usize, PassK)>,
    pub(super) segments: Vec<SegmentResult>,
    /// Measures that no run has, and those that are the same in all.
    pub(super) absent: Vec<String>,
    pub(super) constant: Vec<String>,
    pub(super) units: Vec<Unit>,
    pub(super) success: Option<usize>,
    /// Runs that are in several arms.
    pub(super) overlapping: usize,
}

/// What is computed with, besides the runs.
pub(super) struct Work<'a> {
    pub(super) plan: &'a Plan,
    pub(super) table: &'a RunTable,
    pub(super) bh: bool,
    pub(super) sequential: bool,
    pub(super) threads: usize,
}

/// Computes all figures.
pub(super) fn figures(work: &Work<'_>, arms: &[Vec<u32>]) -> Figures {
    let (plan, table) = (work.plan, work.table);
    let (keys, key_sql) = keys(plan, table, arms);
    let none = vec![NO_TEXT; table.at.len()];
    let of_run = keys.as_ref().map_or(none.as_slice(), |keys| keys.of_run.as_slice());
    let pairings: Vec<Pairing> = (1..arms.len()).map(|b| pair(of_run, &arms[0], &arms[b], keys.is_some())).collect();
    let (mut absent, mut constant, mut wanted) = (Vec::new(), Vec::new(), Vec::new());
    for (i, measure) in plan.measures.iter().enumerate() {
        match spread(&table.values[i], arms) {
            Spread::None => absent.push(measure.name.clone()),
            Spread::Same => constant.push(measure.name.clone()),
            Spread::Some => wanted.push(i),
        }
    }
    let units: Vec<Unit> = (0..plan.measures.len()).map(|i| unit(&plan.measures[i], &table.values[i])).collect();
    let success = success(plan, table, arms, &wanted, &units);
    if let Some(at) = success.and_then(|s| wanted.iter().position(|i| *i == s)) {
        let first = wanted.remove(at);
        wanted.insert(0, first);
    }
    let jobs: Vec<(usize, usize)> =
        (1..arms.len()).flat_map(|b| wanted.iter().map(move |measure| (b, *measure))).collect();
    let mut details =
        in_threads(work.threads, &jobs, |&(b, measure)| detail(work, &pairings[b - 1], b, measure, success));
    adjust(&mut details, work.bh);
    let ranking = success.filter(|_| arms.len() > 2).and_then(|s| ranking(work, of_run, arms, s));
    let rate = success.filter(|s| units[*s] == Unit::Share);
    let passes = rate.map(|s| passes(work, of_run, arms, s)).unwrap_or_default();
    let rates = rate.filter(|_| ranking.is_some()).map(|s| rates(work, of_run, arms, s)).unwrap_or_default();
    let segments = segments::results(work, &pairings, &wanted, &units);
    let values = values(plan, table, arms, &wanted);
    let overlapping = overlapping(table.at.len(), arms);
    Figures {
        details,
        values,
        pairings,
        keys,
        key_sql,
        ranking,
        rates,
        passes,
        segments,
        absent,
        constant,
        units,
        success,
        overlapping,
    }
}

/// The tasks of runs, and the SQL that gives them.
pub(super) fn keys(plan: &Plan, table: &RunTable, arms: &[Vec<u32>]) -> (Option<Arc<Texts>>, Option<String>) {
    let Some(sql) = &plan.keys else { return (None, None) };
    let first = Arc::clone(&table.texts[0]);
    if !plan.automatic {
        return (Some(first), sql.first().cloned());
    }
    let variants = &table.texts[1];
    let several = |runs: &Vec<u32>| {
        let of = |run: &u32| variants.of_run[*run as usize];
        runs.first().is_some_and(|one| runs.iter().any(|run| of(run) != of(one)))
    };
    if arms.iter().filter(|runs| several(runs)).count() < 2 {
        return (Some(first), Some("task".to_owned()));
    }
    (Some(Arc::new(first.with(variants))), Some("task || ' · ' || coalesce(variant, '')".to_owned()))
}

enum Spread {
    None,
    Same,
    Some,
}

fn spread(values: &[f64], arms: &[Vec<u32>]) -> Spread {
    let mut there = arms.iter().flatten().map(|run| values[*run as usize]).filter(|v| v.is_finite());
    match there.next() {
        None => Spread::None,
        Some(first) if there.all(|v| v == first) => Spread::Same,
        Some(_) => Spread::Some,
    }
}

/// Evaluations of 0 and 1 are shares.
fn unit(measure: &Measure, values: &[f64]) -> Unit {
    let binary = || values.iter().all(|v| v.is_nan() || *v == 0.0 || *v == 1.0);
    if measure.evaluation && binary() { Unit::Share } else { measure.unit.clone() }
}

/// The measure that ranks: the one asked for, else of the evaluations that mean success the one that most runs have, else
/// the first evaluation, binary ones before others.
fn success(plan: &Plan, table: &RunTable, arms: &[Vec<u32>], wanted: &[usize], units: &[Unit]) -> Option<usize> {
    if let Some(name) = &plan.success {
        return wanted.iter().find(|i| plan.measures[**i].name == *name).copied();
    }
    let runs = |i: usize| arms.iter().flatten().filter(|run| table.values[i][**run as usize].is_finite()).count();
    let named = SUCCESS.iter().filter_map(|name| wanted.iter().find(|i| plan.measures[**i].name == *name));
    // Of equally many the first of the list: `max_by_key` takes the last.
    let most = named.rev().max_by_key(|i| runs(**i));
    let evaluation = |i: &&usize| plan.measures[**i].evaluation;
    let binary = || wanted.iter().filter(evaluation).find(|i| units[**i] == Unit::Share);
    most.or_else(binary).or_else(|| wanted.iter().find(evaluation)).copied()
}

fn detail(work: &Work<'_>, pairing: &Pairing, b: usize, measure: usize, success: Option<usize>) -> Detail {
    let plan = work.plan;
    let mut options = plan.options;
    options.brief = pairing.count() > BRIEF_OBSERVATIONS && success != Some(measure);
    let values = &work.table.values[measure];
    let done = pairing.compare(values, &options);
    let binary = done.as_ref().is_ok_and(|c| c.kind == Kind::Binary);
    let sequence = work.sequential.then(|| sequence(work, pairing, values, binary)).flatten();
    let (comparison, refused) = match done {
        Ok(comparison) => (Some(comparison), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Detail {
        measure: plan.measures[measure].name.clone(),
        a: plan.arms[0].name.clone(),
        b: plan.arms[b].name.clone(),
        pairing: pairing.rule.as_str(),
        comparison,
        family: if of_one_tool(&plan.measures[measure].name) { TOOLS } else { MEASURES },
        p_adjusted: None,
        sequence,
        refused,
    }
}

/// Corrects the p of each family together: that of the confidence sequence, where there is one.
fn adjust(details: &mut [Detail], bh: bool) {
    for family in [MEASURES, TOOLS] {
        let mut of_family: Vec<&mut Detail> = details.iter_mut().filter(|d| d.family == family).collect();
        let raw: Vec<f64> = of_family.iter().map(|d| p_of(d).unwrap_or(f64::NAN)).collect();
        let adjusted = if bh { benjamini_hochberg(&raw) } else { holm(&raw) };
        for (detail, p) in of_family.iter_mut().zip(adjusted) {
            detail.p_adjusted = p.is_finite().then_some(p);
        }
    }
}

/// The p that counts.
pub(super) fn p_of(detail: &Detail) -> Option<f64> {
    let look = detail.sequence.as_ref().and_then(|s| s.looks.last());
    look.map(|look| look.p).or_else(|| detail.comparison.as_ref().map(|c| c.p)).filter(|p| p.is_finite())
}

fn values(plan: &Plan, table: &RunTable, arms: &[Vec<u32>], wanted: &[usize]) -> Vec<ArmValue> {
    let one = |arm: usize, measure: usize| {
        let all = arms[arm].iter().map(|run| table.values[measure][*run as usize]);
        let (sum, n) = all.filter(|v| v.is_finite()).fold((0.0, 0u64), |(sum, n), v| (sum + v, n + 1));
        ArmValue {
            arm: plan.arms[arm].name.clone(),
            measure: plan.measures[measure].name.clone(),
            runs: n,
            missing: arms[arm].len() as u64 - n,
            sum,
            mean: sum / n as f64,
        }
    };
    (0..arms.len()).flat_map(|arm| wanted.iter().map(move |measure| one(arm, *measure))).collect()
}

fn overlapping(runs: usize, arms: &[Vec<u32>]) -> usize {
    let mut seen = vec![0u8; runs];
    arms.iter().flatten().for_each(|run| seen[*run as usize] = seen[*run as usize].saturating_add(1));
    seen.into_iter().filter(|n| *n > 1).count()
}
