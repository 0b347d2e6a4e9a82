//! A report with something in every part of it, all text of the input made by one function.

use crate::compare::diff::{CohortPair, Part, cohort};
use crate::compare::report::*;
use crate::compare::rollout::RolloutFold;

pub(super) const DAY_US: i64 = 86_400_000_000;

fn source(text: &dyn Fn(&str) -> String) -> Source {
    Source {
        sql: text("SELECT 1"),
        runs: vec![text("run-1"), text("run-2")],
        runs_total: 2,
        command: "hansard show {run}".into(),
    }
}

fn measure(text: &dyn Fn(&str) -> String, name: &str, unit: Unit, shift: f64) -> Measure {
    Measure {
        name: text(name),
        unit,
        better: Better::Higher,
        basis: text("pairs"),
        n: 97,
        a: Some(0.5),
        b: Some(0.5 + shift),
        difference: Some(Estimate { value: shift, low: shift - 0.04, high: shift + 0.04 }),
        p: Some(0.01),
        p_adjusted: Some(0.04),
        effect: Some(Effect { name: text("Cohen's h"), value: 0.12 }),
        method: text("paired bootstrap (BCa)"),
        ties: Some(12),
        detectable: Some(0.05),
        note: text("none"),
        source: source(text),
    }
}

fn series(text: &dyn Fn(&str) -> String) -> DriftSeries {
    let point = |day: i64| DriftPoint {
        time_us: 20_000 * DAY_US + day * DAY_US,
        value: 0.5 + day as f64 / 100.0,
        interval: Some((0.4, 0.7)),
        n: 40,
    };
    let change = ChangePoint { time_us: 20_005 * DAY_US, version: text("v2"), before: 0.5, after: 0.6, p: Some(0.001) };
    DriftSeries {
        measure: text("success"),
        unit: Unit::Share,
        lines: vec![VersionLine { version: text("v2"), points: (0..10).map(point).collect() }],
        changes: vec![change],
        source: source(text),
    }
}

fn matrix(text: &dyn Fn(&str) -> String) -> Matrix {
    let cell = |value: f64| {
        Some(MatrixCell { difference: Estimate { value, low: value - 0.01, high: value + 0.01 }, p: None, n: 9 })
    };
    Matrix {
        measure: text("success"),
        unit: Unit::Share,
        better: Better::Higher,
        arms: vec![text("A"), text("B")],
        cells: vec![vec![None, cell(-0.1)], vec![cell(0.1), None]],
        source: source(text),
    }
}

fn provenance(text: &dyn Fn(&str) -> String) -> Provenance {
    Provenance {
        store: text("store"),
        table_version: 812,
        heads: vec![PartitionHead { partition: 0, size: 1_234_567, root: text("ab12") }],
        coverage: text("all committed events"),
        generated_by: text("hansard 0.1.0"),
        generated_at: Some(text("2026-11-26T05:00:00Z")),
        prices: Some(text("example")),
        commands: vec![Command { does: text("make it again"), line: text("hansard compare A B") }],
    }
}

/// The report; `text` is given every text of the input.
pub(super) fn report(text: &dyn Fn(&str) -> String) -> Report {
    let arm = |name: &str| Arm { name: text(name), selection: text("version = 'v1'"), runs: 97, tasks: 97 };
    let pair = CohortPair {
        pair: text("task-1"),
        a: text("run-1"),
        b: text("run-2"),
        step: Some(7),
        same_steps: 6,
        label: text("tool.call bash"),
        part: Some(Part::Content),
    };
    let mut fold = RolloutFold::new(DAY_US, &[0.5]);
    (0..20).for_each(|day| fold.add(Some(day * DAY_US), Some(&text(if day < 9 { "v1" } else { "v2" })), Some(1.0)));
    let estimate = Estimate { value: 0.6, low: 0.5, high: 0.7 };
    Report {
        title: text("Comparison"),
        arms: vec![arm("A"), arm("B")],
        provenance: provenance(text),
        findings: vec![text("B succeeds more often")],
        notes: vec![text("resampling gave way")],
        alpha: 0.05,
        confidence: 0.95,
        correction: text("Holm"),
        measures: vec![
            measure(text, "success", Unit::Share, 0.06),
            measure(text, "cost", Unit::Money(text("USD")), -0.1),
            measure(text, "latency", Unit::Seconds, 0.0),
        ],
        distributions: vec![Distribution {
            measure: text("cost"),
            unit: Unit::Number,
            differences: Some(Histogram::of(&[-1.0, 0.0, 0.0, 0.5, 2.0])),
            functions: vec![(text("A"), Ecdf::of(&[1.0, 2.0, 2.0, 3.0])), (text("B"), Ecdf::of(&[1.0, 4.0]))],
            source: source(text),
        }],
        curves: vec![Curve {
            arm: text("A"),
            kind: CurveKind::All,
            points: vec![(1, estimate, 50), (2, estimate, 50)],
            source: source(text),
        }],
        segments: vec![Segment {
            by: text("suite"),
            name: text("banking"),
            measure: measure(text, "success", Unit::Share, 0.1),
        }],
        matrix: Some(matrix(text)),
        ranking: vec![RankRow { arm: text("A"), estimate, unit: Unit::Share, rank: 1, rank_low: 1, rank_high: 2 }],
        drift: vec![series(text)],
        rollout: Some(fold.finish()),
        rollout_source: source(text),
        divergence: Some(cohort(&[pair])),
        divergence_source: source(text),
        unpaired: vec![Unpaired {
            run: text("run-9"),
            arm: text("A"),
            task: text("t"),
            reason: text("no such task in B"),
        }],
        unpaired_total: 1,
    }
}
