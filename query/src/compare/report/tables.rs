//! Every figure of a report as a table.
//!
//! Guarantee: tables hold all that was handed in, unabridged; names of tables and columns are stable.

use super::cells::{number, p, signed, text, whole};
use super::format::Unit;
use super::input::{CurveKind, Distribution, Estimate, Measure, Report};
use super::table::{Cell, Table};

mod over_time;

impl Report {
    /// All tables with at least one row, in the order of the page.
    #[must_use]
    pub fn tables(&self) -> Vec<Table> {
        let mut all = vec![self.arms_table(), self.measures_table(), self.segments_table(), self.curves_table()];
        all.extend(self.distributions.iter().enumerate().flat_map(|(i, d)| distribution_tables(i, d)));
        all.extend([self.matrix_table(), self.ranking_table(), self.drift_table(), self.changes_table()]);
        all.extend([self.rollout_table(), self.divergence_table(), self.labels_table(), self.unpaired_table()]);
        all.retain(|table| !table.rows.is_empty());
        all
    }

    pub(super) fn arms_table(&self) -> Table {
        let columns = [("arm", "Arm"), ("selection", "Selection"), ("runs", "Runs"), ("tasks", "Tasks")];
        let mut table = Table::new("arms", "What was compared", &columns);
        let row = |arm: &super::Arm| vec![text(&arm.name), text(&arm.selection), whole(arm.runs), whole(arm.tasks)];
        table.rows = self.arms.iter().map(row).collect();
        table
    }

    pub(super) fn measures_table(&self) -> Table {
        let mut table = Table::new("measures", "Measures, B against A", &measure_columns(&[("measure", "Measure")]));
        table.rows = self.measures.iter().map(|m| measure_row(vec![text(&m.name)], m)).collect();
        table
    }

    pub(super) fn segments_table(&self) -> Table {
        let columns = measure_columns(&[("by", "By"), ("segment", "Segment"), ("measure", "Measure")]);
        let mut table = Table::new("segments", "Measures within segments", &columns);
        let row = |s: &super::Segment| measure_row(vec![text(&s.by), text(&s.name), text(&s.measure.name)], &s.measure);
        table.rows = self.segments.iter().map(row).collect();
        table
    }

    pub(super) fn curves_table(&self) -> Table {
        let columns = [
            ("arm", "Arm"),
            ("curve", "Curve"),
            ("k", "k"),
            ("estimate", "Estimate"),
            ("low", "Low"),
            ("high", "High"),
            ("tasks", "Tasks"),
        ];
        let mut table = Table::new("pass", "Success in k trials", &columns);
        for curve in &self.curves {
            let kind = if curve.kind == CurveKind::All { "pass^k" } else { "pass@k" };
            for (k, estimate, tasks) in &curve.points {
                let mut row = vec![text(&curve.arm), text(kind), whole(u64::from(*k))];
                row.extend(estimate_cells(estimate, &Unit::Share));
                row.push(whole(*tasks));
                table.rows.push(row);
            }
        }
        table
    }

    pub(super) fn matrix_table(&self) -> Table {
        let columns = [
            ("row", "Arm"),
            ("column", "Against"),
            ("difference", "Difference"),
            ("low", "Low"),
            ("high", "High"),
            ("p", "p"),
            ("n", "n"),
        ];
        let mut table = Table::new("matrix", "Every arm against every other", &columns);
        let Some(matrix) = &self.matrix else { return table };
        for (arm, cells) in matrix.arms.iter().zip(&matrix.cells) {
            for (other, cell) in matrix.arms.iter().zip(cells) {
                if let Some(cell) = cell {
                    let d = &cell.difference;
                    let ends = [d.value, d.low, d.high].map(|v| signed(Some(v), &matrix.unit));
                    let mut row = vec![text(arm), text(other)];
                    row.extend(ends);
                    row.extend([p(cell.p), whole(cell.n)]);
                    table.rows.push(row);
                }
            }
        }
        table
    }

    pub(super) fn ranking_table(&self) -> Table {
        let columns = [
            ("rank", "Place"),
            ("rank_low", "Best place"),
            ("rank_high", "Worst place"),
            ("arm", "Arm"),
            ("estimate", "Estimate"),
            ("low", "Low"),
            ("high", "High"),
        ];
        let mut table = Table::new("ranking", "The arms in order", &columns);
        for row in &self.ranking {
            let mut cells: Vec<Cell> =
                [row.rank, row.rank_low, row.rank_high].map(|place| whole(u64::from(place))).to_vec();
            cells.push(text(&row.arm));
            cells.extend(estimate_cells(&row.estimate, &row.unit));
            table.rows.push(cells);
        }
        table
    }
}

fn measure_columns(first: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let rest = [
        ("a", "A"),
        ("b", "B"),
        ("difference", "B − A"),
        ("low", "Low"),
        ("high", "High"),
        ("p", "p"),
        ("p_adjusted", "p adjusted"),
        ("effect", "Effect"),
        ("effect_name", "Effect size"),
        ("n", "n"),
        ("basis", "of"),
        ("ties", "Ties"),
        ("detectable", "Detectable"),
        ("method", "Method"),
        ("note", "Note"),
    ];
    first.iter().copied().chain(rest).collect()
}

fn measure_row(mut row: Vec<Cell>, m: &Measure) -> Vec<Cell> {
    row.extend([number(m.a, &m.unit), number(m.b, &m.unit)]);
    let ends = |d: Option<&Estimate>| [d.map(|d| d.value), d.map(|d| d.low), d.map(|d| d.high)];
    row.extend(ends(m.difference.as_ref()).map(|value| signed(value, &m.unit)));
    row.extend([p(m.p), p(m.p_adjusted), number(m.effect.as_ref().map(|e| e.value), &Unit::Number)]);
    row.extend([text(m.effect.as_ref().map_or("", |e| &e.name)), whole(m.n), text(&m.basis)]);
    row.extend([m.ties.map_or(Cell::Empty, whole), number(m.detectable, &m.unit), text(&m.method), text(&m.note)]);
    row
}

fn estimate_cells(estimate: &Estimate, unit: &Unit) -> [Cell; 3] {
    [estimate.value, estimate.low, estimate.high].map(|value| number(Some(value), unit))
}

/// Histogram and functions of one measure.
pub(super) fn distribution_tables(i: usize, d: &Distribution) -> Vec<Table> {
    let columns = [("from", "From"), ("to", "To"), ("pairs", "Pairs")];
    let mut bars =
        Table::new(&format!("differences_{}", i + 1), &format!("{}: differences within pairs", d.measure), &columns);
    if let Some(histogram) = &d.differences {
        let from = |bar: usize| Some(histogram.from + histogram.width * bar as f64);
        let row = |(bar, count): (usize, &u64)| {
            vec![signed(from(bar), &d.unit), signed(from(bar + 1), &d.unit), whole(*count)]
        };
        bars.rows = histogram.counts.iter().enumerate().map(row).collect();
    }
    let columns = [("arm", "Arm"), ("value", "Value"), ("share", "Share of values up to it")];
    let mut steps =
        Table::new(&format!("distribution_{}", i + 1), &format!("{}: distribution by arm", d.measure), &columns);
    for (arm, function) in &d.functions {
        let row = |(value, share): &(f64, f64)| {
            vec![text(arm), number(Some(*value), &d.unit), number(Some(*share), &Unit::Share)]
        };
        steps.rows.extend(function.points.iter().map(row));
    }
    vec![bars, steps]
}
