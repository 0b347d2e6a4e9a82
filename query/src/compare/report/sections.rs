//! The sections of the page, each as (sentence at its head, body); an empty body leaves it out.
//!
//! Guarantee: see the module above; each section shows at most what `limits` allows and says what it leaves to the
//! tables.

use super::charts::{Axis, Bars, Stacked, legend};
use super::curves::{Join, Line, LineChart, Point};
use super::escape::{apart, escape};
use super::forest::{Forest, Row, Verdict};
use super::format::{ABSENT, Unit, count, counted};
use super::input::{Better, CurveKind, Distribution, DriftSeries, Matrix, Measure, Report};
use super::limits::{CELL_CHARS_MAX, LINES_MAX, ROWS_MAX};
use super::parts::{figure, source};
use super::tables::distribution_tables;
use std::fmt::Write;

mod many;
mod measured;

pub(super) use many::{arms, drift, rollout};
pub(super) use measured::{measures, segments};

type Section = (String, String);

pub(super) fn findings(report: &Report) -> Section {
    let item = |text: &String| format!("<li>{}</li>", apart(text, CELL_CHARS_MAX * 2));
    let mut out = String::new();
    if !report.findings.is_empty() {
        let items: String = report.findings.iter().take(ROWS_MAX).map(item).collect();
        let _ = write!(out, "<ul class=\"findings\">{items}</ul>");
    }
    if !report.notes.is_empty() {
        let items: String = report.notes.iter().take(ROWS_MAX).map(item).collect();
        let _ = write!(out, "<ul class=\"notes\" aria-label=\"Notes\">{items}</ul>");
    }
    (String::new(), out)
}

/// How a measure's difference is judged at `alpha`.
fn verdict(m: &Measure, alpha: f64) -> Verdict {
    let Some(d) = m.difference.as_ref() else { return Verdict::NotShown };
    let shown = match m.p_adjusted.or(m.p) {
        Some(p) => p < alpha,
        None => d.low > 0.0 || d.high < 0.0,
    };
    match (shown, m.better) {
        (false, _) => Verdict::NotShown,
        (true, Better::Higher) if d.value > 0.0 => Verdict::Better,
        (true, Better::Lower) if d.value < 0.0 => Verdict::Better,
        (true, Better::Neither) => Verdict::Differs,
        (true, _) => Verdict::Worse,
    }
}

pub(super) fn distributions(report: &Report) -> Section {
    let lead = "What an average hides: how the differences within pairs are spread, and each arm's share of runs \
                up to a value.";
    let body = report.distributions.iter().enumerate().map(|(i, d)| distribution(i, d)).collect();
    (lead.to_owned(), body)
}

fn distribution(i: usize, d: &Distribution) -> String {
    let tables = distribution_tables(i, d);
    let mut out = format!("<h3>{}</h3>", apart(&d.measure, CELL_CHARS_MAX));
    if let Some(histogram) = &d.differences {
        out.push_str(&differences(i, d, histogram, &tables[..1]));
    }
    if !d.functions.is_empty() {
        out.push_str(&functions(i, d, &tables[1..]));
    }
    out + &source(&d.measure, &d.source)
}

fn differences(i: usize, d: &Distribution, h: &super::Histogram, tables: &[super::Table]) -> String {
    let bar = |(bar, count): (usize, &u64)| {
        let from = h.from + h.width * bar as f64;
        (from, from + h.width, *count)
    };
    let mut marks = vec![(0.0, "no difference".to_owned())];
    marks.retain(|_| h.from < 0.0 && h.from + h.width * h.counts.len() as f64 > 0.0);
    let bars = Bars {
        bars: h.counts.iter().enumerate().map(bar).collect(),
        axis: Axis::Signed(d.unit.clone()),
        label: "B − A, within a pair",
        counted: "pairs",
        marks,
        signed: true,
        zeros: h.zeros,
    };
    let middle = |value: Option<f64>| value.map_or_else(|| ABSENT.into(), |v| d.unit.signed(v));
    let words = format!(
        "{}: mean {}, median {}, {}",
        counted(h.counts.iter().sum(), "pair", "pairs"),
        middle(h.mean),
        middle(h.median),
        counted(h.zeros, "tie", "ties")
    );
    let grey = if h.zeros > 0 { ", in grey" } else { "" };
    let svg = bars.draw(&format!("hist{i}"), &format!("Differences of {}", d.measure), &words);
    figure(&format!("Differences within pairs ({words}{grey})"), &svg, "", tables)
}

fn functions(i: usize, d: &Distribution, tables: &[super::Table]) -> String {
    let line = |(series, (_, function)): (usize, &(String, super::Ecdf))| {
        let point = |(x, y): &(f64, f64)| Point { x: *x, y: *y, interval: None, words: String::new() };
        // Before the smallest value the share is 0.
        let start = function.points.first().map(|(x, _)| point(&(*x, 0.0)));
        Line { series, points: start.into_iter().chain(function.points.iter().map(point)).collect() }
    };
    let chart = LineChart {
        lines: d.functions.iter().take(LINES_MAX).enumerate().map(line).collect(),
        x: Axis::Value(d.unit.clone()),
        y: Axis::Value(Unit::Share),
        label: &d.measure,
        join: Join::Steps,
        range: Some((0.0, 1.0)),
        marks: Vec::new(),
    };
    let names = d.functions.iter().take(LINES_MAX).map(|(arm, _)| arm.as_str()).enumerate();
    let words = "For each arm, the share of runs whose value is at most the one below.";
    let svg = chart.draw(&format!("ecdf{i}"), &format!("Distribution of {}", d.measure), words);
    figure("Share of runs up to a value", &svg, &legend(names, true), tables)
}

pub(super) fn curves(report: &Report) -> Section {
    let lead = "pass^k: the chance that all of k trials of a task succeed. pass@k: that at least one does. Unbiased \
                estimates over tasks with at least k trials; bands are intervals over tasks.";
    let mut out = String::new();
    for (id, kind, name) in [("passall", CurveKind::All, "pass^k"), ("passany", CurveKind::Any, "pass@k")] {
        let of_kind: Vec<_> = report.curves.iter().filter(|curve| curve.kind == kind).take(LINES_MAX).collect();
        if of_kind.is_empty() {
            continue;
        }
        let line = |(series, curve): (usize, &&super::Curve)| {
            let points = curve.points.iter().map(|(k, e, tasks)| Point {
                x: f64::from(*k),
                y: e.value,
                interval: Some((e.low, e.high)),
                words: format!("{}, k = {k}: {} ({} tasks)", curve.arm, Unit::Share.value(e.value), count(*tasks)),
            });
            Line { series, points: points.collect() }
        };
        let chart = LineChart {
            lines: of_kind.iter().enumerate().map(line).collect(),
            x: Axis::Whole,
            y: Axis::Value(Unit::Share),
            label: "k, trials of a task",
            join: Join::Straight,
            range: None,
            marks: Vec::new(),
        };
        let names = of_kind.iter().map(|curve| curve.arm.as_str()).enumerate();
        let svg = chart.draw(id, &format!("{name} by arm"), "One line for each arm, with its interval as a band.");
        let mut table = report.curves_table();
        table.rows.retain(|row| row.get(1) == Some(&super::cells::text(name)));
        out.push_str(&figure(name, &svg, &legend(names, true), &[table]));
        of_kind.iter().for_each(|curve| out.push_str(&source(&format!("{name} of {}", curve.arm), &curve.source)));
    }
    (lead.to_owned(), out)
}

pub(super) fn divergence(report: &Report) -> Section {
    let Some(cohort) = &report.divergence else { return Section::default() };
    let parted = cohort.pairs - cohort.same.min(cohort.pairs);
    let mut lead = format!(
        "Of {}, {} part ({}) and {} are the same step by step.",
        counted(cohort.pairs as u64, "pair of runs", "pairs of runs"),
        count(parted as u64),
        Unit::Share.value(parted as f64 / cohort.pairs.max(1) as f64),
        count(cohort.same as u64)
    );
    if let Some(step) = cohort.median_step {
        let _ = write!(lead, " By step {} half of all pairs have parted.", count(step as u64));
    }
    let bar = |bin: &crate::compare::diff::Bin| (bin.from as f64 - 0.5, bin.to as f64 + 0.5, bin.pairs as u64);
    let bars = Bars {
        bars: cohort.histogram.iter().map(bar).collect(),
        axis: Axis::Whole,
        label: "step",
        counted: "pairs",
        marks: Vec::new(),
        signed: false,
        zeros: 0,
    };
    let svg = bars.draw("parted", "Pairs of runs by the step at which they part", &lead);
    let mut out = figure("At which step they part", &svg, "", &[report.divergence_table()]);
    out.push_str(&survival(cohort));
    let labels = report.labels_table();
    if !labels.rows.is_empty() {
        out.push_str("<h3>What they part over</h3>");
        out.push_str(&labels.to_html());
    }
    out.push_str(&source("where runs part", &report.divergence_source));
    (lead, out)
}

fn survival(cohort: &crate::compare::diff::Cohort) -> String {
    let point = |x: usize, y: f64| Point { x: x as f64, y, interval: None, words: String::new() };
    let points = std::iter::once(point(0, 1.0)).chain(cohort.curve.iter().map(|p| point(p.step, p.same)));
    let chart = LineChart {
        lines: vec![Line { series: 0, points: points.collect() }],
        x: Axis::Whole,
        y: Axis::Value(Unit::Share),
        label: "step",
        join: Join::Steps,
        range: Some((0.0, 1.0)),
        marks: cohort.median_step.map(|step| (step as f64, "half".to_owned())).into_iter().collect(),
    };
    let words = "Estimated share of pairs that are still the same after each step; pairs that end the same leave the \
                 estimate at their last step.";
    figure("Share of pairs still the same", &chart.draw("same", "Share still the same", words), "", &[])
}

pub(super) fn unpaired(report: &Report) -> Section {
    let total = report.unpaired_total.max(report.unpaired.len());
    if total == 0 {
        return Section::default();
    }
    let lead = format!(
        "{} could not be paired and are in no paired figure; unpaired measures use them. {} listed.",
        counted(total as u64, "run", "runs"),
        count(report.unpaired.len().min(ROWS_MAX) as u64)
    );
    (lead, report.unpaired_table().to_html())
}
