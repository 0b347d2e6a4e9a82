//! Figures put into the report's form: measures, findings in sentences, notes.
//!
//! Guarantee: every figure carries the SQL that gives it and the runs behind it; what was left out, tied, missing or given
//! way to a bound stands in a note.

mod beside;

use super::compare::{Detail, Figures, p_of};
use super::figure_sql::source;
use super::measures::{Measure, of_one_tool};
use super::pairing::{Pairing, Rule};
use super::plan::Plan;
use super::report::{self, Better, Estimate, Report};
use super::shown::shown;
use super::stats::{Comparison, Design};
use super::table::RunTable;

/// Findings that are told in sentences.
const FINDINGS_MAX: usize = 12;

/// Characters of all selections in the title.
const TITLE_CHARS: usize = 180;

/// Everything that words are made from.
pub(super) struct Words<'a> {
    pub(super) plan: &'a Plan,
    pub(super) table: &'a RunTable,
    pub(super) arms: &'a [Vec<u32>],
    pub(super) figures: &'a Figures,
    pub(super) bh: bool,
    pub(super) sequential: bool,
}

impl Words<'_> {
    /// The report, but for what it stands on.
    pub(super) fn report(&self) -> Report {
        let measures = self.measures();
        let mut report = Report {
            title: self.title(),
            arms: self.arms(),
            alpha: 1.0 - self.plan.options.level,
            confidence: self.plan.options.level,
            correction: if self.bh { "Benjamini-Hochberg".into() } else { "Holm".into() },
            findings: self.findings(&measures),
            notes: self.notes(),
            curves: self.curves(),
            distributions: self.distributions(),
            segments: self.segments(),
            measures,
            ..Report::default()
        };
        if let Some(ranking) = &self.figures.ranking {
            report.matrix = self.matrix(ranking);
            report.ranking = self.ranking(ranking);
            report.notes.extend(ranking.notes.iter().cloned());
        }
        self.unpaired(&mut report);
        report
    }

    fn title(&self) -> String {
        let most = if self.plan.arms.len() > 2 { TITLE_CHARS / 3 } else { TITLE_CHARS / 2 };
        let names: Vec<String> = self.plan.arms.iter().map(|arm| shown(&arm.text, most)).take(3).collect();
        let more = self.plan.arms.len().saturating_sub(names.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}", names.join(" against "))
    }

    fn arms(&self) -> Vec<report::Arm> {
        let tasks = |runs: &[u32]| {
            let Some(keys) = &self.figures.keys else { return 0 };
            let mut all: Vec<u32> = runs.iter().map(|run| keys.of_run[*run as usize]).collect();
            all.sort_unstable();
            all.dedup();
            all.iter().filter(|key| **key != super::table::NO_TEXT).count() as u64
        };
        let arm = |(selection, runs): (&super::select::Selection, &Vec<u32>)| report::Arm {
            name: selection.name.clone(),
            selection: selection.text.clone(),
            runs: runs.len() as u64,
            tasks: tasks(runs),
        };
        self.plan.arms.iter().zip(self.arms).map(arm).collect()
    }

    fn measure_of(&self, name: &str) -> Option<(usize, &Measure)> {
        self.plan.measures.iter().enumerate().find(|(_, m)| m.name == name)
    }

    fn measures(&self) -> Vec<report::Measure> {
        self.figures.details.iter().filter_map(|detail| self.measure(detail)).collect()
    }

    fn measure(&self, detail: &Detail) -> Option<report::Measure> {
        let (index, measure) = self.measure_of(&detail.measure)?;
        let b = self.plan.arms.iter().position(|arm| arm.name == detail.b)?;
        let pairing = &self.figures.pairings[b - 1];
        let name =
            if self.arms.len() > 2 { format!("{}: {}", detail.b, detail.measure) } else { detail.measure.clone() };
        let mut shown = report::Measure {
            name,
            unit: self.figures.units[index].clone(),
            better: measure.better,
            p_adjusted: detail.p_adjusted,
            source: source(
                self.plan,
                self.figures.key_sql.as_deref(),
                pairing.rule,
                &measure.name,
                b,
                self.table,
                pairing.runs(),
            ),
            ..report::Measure::default()
        };
        match &detail.comparison {
            Some(comparison) => fill(&mut shown, comparison, detail.pairing),
            None => shown.note = detail.refused.clone().unwrap_or_default(),
        }
        if let Some((sequence, look)) = detail.sequence.as_ref().and_then(|s| Some((s, s.looks.last()?))) {
            shown.difference =
                Some(Estimate { value: look.estimate, low: look.interval.low, high: look.interval.high });
            shown.p = p_of(detail);
            shown.method = format!("{}, {} looks", sequence.method, sequence.looks.len());
            let mut notes = sequence.notes.clone();
            if look.estimate < look.interval.low || look.estimate > look.interval.high {
                notes.push(
                    "the mean lies outside of the interval, which holds what all looks have in common: values are not \
                     alike over time, or too skewed for so few tasks"
                        .to_owned(),
                );
            }
            shown.note = notes.join("; ");
        }
        Some(shown)
    }

    fn findings(&self, measures: &[report::Measure]) -> Vec<String> {
        let alpha = 1.0 - self.plan.options.level;
        let mut told: Vec<String> = measures
            .iter()
            .filter(|m| m.p_adjusted.is_some_and(|p| p < alpha))
            .filter_map(|m| sentence(m, self.arms.len(), self.plan.options.level))
            .collect();
        let more = told.len().saturating_sub(FINDINGS_MAX);
        told.truncate(FINDINGS_MAX);
        if told.is_empty() {
            told.push(format!(
                "No measure differs by more than chance allows at {:.0} % after correction.",
                100.0 * self.plan.options.level
            ));
        }
        if more > 0 {
            told.push(format!("{more} further measures differ: see the table."));
        }
        told
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = self.plan.notes.clone();
        let figures = self.figures;
        for (b, pairing) in figures.pairings.iter().enumerate() {
            notes.push(format!("{} against {}: {}", self.plan.arms[b + 1].name, self.plan.arms[0].name, rule(pairing)));
        }
        if self.sequential && figures.pairings.iter().any(|pairing| pairing.rule == Rule::Arms) {
            notes.push(
                "the sequential mode needs pairs: figures of arms without pairs hold for one look only".to_owned(),
            );
        }
        if let Some(key) = &figures.key_sql {
            notes.push(format!("a task is: {key}"));
        }
        if figures.overlapping > 0 {
            notes.push(format!("{} runs are in several arms", figures.overlapping));
        }
        for (what, names) in
            [("no run has", &figures.absent), ("the same in every run, and so not compared", &figures.constant)]
        {
            let shown: Vec<&str> = names.iter().map(String::as_str).filter(|name| !of_one_tool(name)).collect();
            if !shown.is_empty() {
                notes.push(format!("{what}: {}", shown.join(", ")));
            }
        }
        if figures.details.iter().any(|d| d.family == "tools") {
            notes.push("calls and errors of single tools are corrected among themselves".to_owned());
        }
        let table = &self.plan.prices;
        if figures.details.iter().any(|d| d.measure == "cost") && table.is_example() {
            notes
                .push(format!("costs are by the example price table {}: give your own with --prices", table.version()));
        }
        if !self.plan.unpriced.is_empty() && !figures.absent.iter().any(|name| name == "input_tokens") {
            notes.push(format!("no price for: {}; runs with their calls have no cost", self.plan.unpriced.join(", ")));
        }
        let kinds =
            |design: Design| figures.details.iter().filter_map(|d| d.comparison.as_ref()).any(|c| c.design == design);
        if kinds(Design::UnpairedClustered) {
            notes.push("runs of one task count as one piece of evidence".to_owned());
        }
        notes
    }
}

/// The statistics of a measure in the report's form.
fn fill(shown: &mut report::Measure, c: &Comparison, basis: &str) {
    shown.basis = basis.to_owned();
    shown.n = if c.pairs > 0 { c.pairs } else { c.n_a + c.n_b } as u64;
    (shown.a, shown.b) = (Some(c.value_a), Some(c.value_b));
    shown.difference = Some(Estimate { value: c.estimate, low: c.interval.low, high: c.interval.high });
    shown.p = Some(c.p).filter(|p| p.is_finite());
    let effect = c.effects.iter().find_map(|e| Some((e.name, e.value.filter(|v| v.is_finite())?)));
    shown.effect = effect.map(|(name, value)| report::Effect { name: name.to_owned(), value });
    shown.method = format!("{}; {}", c.test.method, c.interval.method);
    shown.ties = Some(c.ties as u64);
    shown.detectable = c.detectable.as_ref().map(|d| d.difference);
    let mut notes = vec![c.why.clone()];
    notes.extend(c.notes.iter().cloned());
    shown.note = notes.join("; ");
}

fn sentence(m: &report::Measure, arms: usize, level: f64) -> Option<String> {
    let d = m.difference.as_ref()?;
    let (arm, name) = match m.name.split_once(": ") {
        Some(both) if arms > 2 => both,
        _ => ("B", m.name.as_str()),
    };
    let way = match (d.value > 0.0, m.better) {
        (_, Better::Neither) => "",
        (true, Better::Higher) | (false, Better::Lower) => ", which is better",
        _ => ", which is worse",
    };
    Some(format!(
        "{name}: {} in A, {} in {arm}, {} ({:.0} % {}){way}; adjusted p {}.",
        m.a.map_or_else(String::new, |v| m.unit.value(v)),
        m.b.map_or_else(String::new, |v| m.unit.value(v)),
        m.unit.signed(d.value),
        100.0 * level,
        m.unit.interval(d.low, d.high),
        m.p_adjusted.map_or_else(String::new, |p| if p < 0.0001 { format!("{p:.1e}") } else { format!("{p:.4}") }),
    ))
}

fn rule(pairing: &Pairing) -> String {
    let (tasks, n) = (pairing.tasks.len(), pairing.count());
    let left = match pairing.left.len() {
        0 => String::new(),
        left => format!("; {left} runs have no pair and are listed"),
    };
    match pairing.rule {
        Rule::Pairs => format!("{n} pairs by task{left}"),
        Rule::Trials => format!("{n} pairs of trials of {tasks} tasks; tasks are what is independent{left}"),
        Rule::TaskMeans => {
            format!("tasks were tried unequally often: {tasks} tasks, each by the means of its trials{left}")
        }
        Rule::Arms => format!("no pairs: {n} runs as they are"),
    }
}
