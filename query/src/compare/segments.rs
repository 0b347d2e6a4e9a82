//! The same comparison within segments of the runs, and where the arms differ most.
//!
//! A pair is in the segment of its baseline's run; by `tool`, in that of every tool that one of its runs called. Segments
//! are a family of their own: their p are corrected together.
//!
//! Guarantee: at most [`SEGMENTS_MAX`] segments of a column, the largest first, and how many there are besides.

use super::compare::Work;
use super::limits::{SEGMENT_RESAMPLES, SEGMENTS_MAX};
use super::measures::calls_of;
use super::pairing::{Pairing, Rule, Task};
use super::report::Unit;
use super::stats::multiple::{benjamini_hochberg, holm};
use super::stats::{Comparison, Options};
use super::table::{NO_TEXT, Texts};
use super::threads::in_threads;
use std::collections::{BTreeMap, HashSet};

/// Measures of segments besides evaluations: fewer, because each is looked at in every segment.
const SEGMENT_MEASURES: &[&str] = &["cost", "latency", "input_tokens", "tool_errors"];

/// A measure within a segment.
#[derive(Debug, Clone)]
pub(super) struct SegmentResult {
    pub(super) by: String,
    pub(super) segment: String,
    /// Arm that is compared with the first.
    pub(super) arm: usize,
    pub(super) measure: usize,
    pub(super) pairing: &'static str,
    pub(super) comparison: Option<Comparison>,
    pub(super) refused: Option<String>,
    pub(super) p_adjusted: Option<f64>,
    pub(super) runs: Vec<u32>,
    pub(super) runs_total: u64,
}

struct Job<'a> {
    by: &'a str,
    segment: String,
    arm: usize,
    measure: usize,
    pairing: Pairing,
}

/// All segments, those in which the arms differ most first.
pub(super) fn results(work: &Work<'_>, pairings: &[Pairing], wanted: &[usize], units: &[Unit]) -> Vec<SegmentResult> {
    let measures: Vec<usize> = wanted
        .iter()
        .copied()
        .filter(|i| {
            let m = &work.plan.measures[*i];
            m.evaluation || work.plan.success.as_ref() == Some(&m.name) || SEGMENT_MEASURES.contains(&m.name.as_str())
        })
        .collect();
    let mut jobs = Vec::new();
    let mut column = work.plan.keys.as_ref().map_or(0, Vec::len);
    for by in &work.plan.segments {
        let texts = by.sql.is_some().then(|| {
            column += 1;
            work.table.texts[column - 1].as_ref()
        });
        for (i, pairing) in pairings.iter().enumerate() {
            let segments = match texts {
                Some(texts) => by_text(texts, pairing),
                None => by_tool(work, pairing),
            };
            for (segment, pairing) in segments {
                jobs.extend(measures.iter().map(|measure| Job {
                    by: &by.name,
                    segment: segment.clone(),
                    arm: i + 1,
                    measure: *measure,
                    pairing: pairing.clone(),
                }));
            }
        }
    }
    let resamples = Some(SEGMENT_RESAMPLES);
    let options = Options { brief: true, resamples, ..work.plan.options };
    let mut all = in_threads(work.threads, &jobs, |job| result(work, job, &options));
    let raw: Vec<f64> = all.iter().map(|r| r.comparison.as_ref().map_or(f64::NAN, |c| c.p)).collect();
    let adjusted = if work.bh { benjamini_hochberg(&raw) } else { holm(&raw) };
    all.iter_mut().zip(adjusted).for_each(|(r, p)| r.p_adjusted = p.is_finite().then_some(p));
    all.sort_by(|x, y| key(x, units).0.cmp(&key(y, units).0).then(key(x, units).1.total_cmp(&key(y, units).1)));
    all
}

/// Refused ones last; then by p; of equal p the larger difference of shares first.
fn key(result: &SegmentResult, units: &[Unit]) -> (bool, f64) {
    match &result.comparison {
        None => (true, 0.0),
        Some(c) => {
            let size = if units[result.measure] == Unit::Share { c.estimate.abs() } else { 0.0 };
            (false, c.p - size * 1e-12)
        }
    }
}

fn result(work: &Work<'_>, job: &Job<'_>, options: &Options) -> SegmentResult {
    let (comparison, refused) = match job.pairing.compare(&work.table.values[job.measure], options) {
        Ok(comparison) => (Some(comparison), None),
        Err(error) => (None, Some(error.to_string())),
    };
    SegmentResult {
        by: job.by.to_owned(),
        segment: job.segment.clone(),
        arm: job.arm,
        measure: job.measure,
        pairing: job.pairing.rule.as_str(),
        comparison,
        refused,
        p_adjusted: None,
        runs: job.pairing.runs().take(super::limits::RUNS_NAMED_MAX).collect(),
        runs_total: job.pairing.runs().count() as u64,
    }
}

fn by_text(texts: &Texts, pairing: &Pairing) -> Vec<(String, Pairing)> {
    let of = |task: &Task| task.a.first().or(task.b.first()).map_or(NO_TEXT, |run| texts.of_run[*run as usize]);
    let mut sizes: BTreeMap<u32, usize> = BTreeMap::new();
    pairing.tasks.iter().for_each(|task| *sizes.entry(of(task)).or_default() += task.a.len() + task.b.len());
    let mut largest: Vec<(usize, u32)> = sizes.into_iter().map(|(text, size)| (size, text)).collect();
    largest.sort_by_key(|(size, text)| (std::cmp::Reverse(*size), *text));
    largest.truncate(SEGMENTS_MAX);
    let name = |text: u32| texts.texts.get(text as usize).cloned().unwrap_or_else(|| "(none)".to_owned());
    let part = |text: u32| match pairing.rule {
        // Without pairs a run is in its own segment, whatever its task's first run is in.
        Rule::Arms => pairing.of_runs(|run| texts.of_run[run as usize] == text),
        _ => pairing.of(|task| of(task) == text),
    };
    largest.into_iter().map(|(_, text)| (name(text), part(text))).collect()
}

fn by_tool(work: &Work<'_>, pairing: &Pairing) -> Vec<(String, Pairing)> {
    let mut all = Vec::new();
    for (i, measure) in work.plan.measures.iter().enumerate() {
        let Some(tool) = measure.name.strip_prefix("calls of ").filter(|tool| calls_of(tool) == measure.name) else {
            continue;
        };
        let values = &work.table.values[i];
        let used: HashSet<u32> = pairing.runs().filter(|run| values[*run as usize] > 0.0).collect();
        if !used.is_empty() {
            let within = |task: &Task| task.a.iter().chain(&task.b).any(|run| used.contains(run));
            all.push((tool.to_owned(), pairing.of(within)));
        }
    }
    all.truncate(SEGMENTS_MAX);
    all
}
