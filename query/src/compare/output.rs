//! A report as text, CSV and Parquet; JSON and HTML it makes itself.
//!
//! Guarantee: text is for people and shows the figures that decide, at most [`ROWS_MAX`] of a kind; CSV and Parquet hold one
//! table whole. Nothing of the record reaches the terminal but printable text.

use super::report::{Cell, Measure, Report, Table};
use super::shown::shown;
use crate::error::{QueryError, Result};
use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use std::fmt::Write;
use std::sync::Arc;

/// Rows of one kind that text shows.
const ROWS_MAX: usize = 60;
/// Characters of a name in text.
const NAME_CHARS_MAX: usize = 44;

/// The table of this name.
///
/// # Errors
/// `Invalid` with the names that there are.
pub fn table(report: &Report, name: &str) -> Result<Table> {
    let tables = report.tables();
    let names = || tables.iter().map(|t| t.name.as_str()).collect::<Vec<_>>().join(", ");
    let found = tables.iter().find(|t| t.name == name);
    found.cloned().ok_or_else(|| QueryError::invalid(format!("table {name:?}"), format!("this report has {}", names())))
}

/// A table as CSV.
///
/// # Errors
/// `Bug` when memory cannot be written.
pub fn csv(table: &Table) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    table.write_csv(&mut out).map_err(QueryError::bug)?;
    Ok(out)
}

/// A table as a Parquet file: numbers as doubles or integers, everything else as text.
///
/// # Errors
/// `Bug` when the file cannot be made.
pub fn parquet(table: &Table) -> Result<Vec<u8>> {
    let column = |i: usize| -> ArrayRef {
        let cells = || table.rows.iter().map(move |row| row.get(i).unwrap_or(&Cell::Empty));
        let whole = |cell: &Cell| matches!(cell, Cell::Whole(_) | Cell::Empty);
        let number = |cell: &Cell| !matches!(cell, Cell::Text(_) | Cell::TimeUs(_));
        if cells().any(|c| *c != Cell::Empty) && cells().all(whole) {
            let value = |cell: &Cell| if let Cell::Whole(n) = cell { Some(*n) } else { None };
            return Arc::new(cells().map(value).collect::<Int64Array>());
        }
        if cells().any(|c| *c != Cell::Empty) && cells().all(number) {
            let value = |cell: &Cell| match cell {
                Cell::Number(v, _) | Cell::Signed(v, _) | Cell::P(v) => Some(*v).filter(|v| v.is_finite()),
                Cell::Whole(n) => Some(*n as f64),
                _ => None,
            };
            return Arc::new(cells().map(value).collect::<Float64Array>());
        }
        let value = |cell: &Cell| Some(cell.plain()).filter(|text| !text.is_empty());
        Arc::new(cells().map(value).collect::<StringArray>())
    };
    let columns = table.columns.iter().enumerate().map(|(i, c)| (c.name.clone(), column(i), true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns)?;
    let mut out = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut out, batch.schema(), None).map_err(QueryError::bug)?;
    writer.write(&batch).map_err(QueryError::bug)?;
    writer.close().map_err(QueryError::bug)?;
    Ok(out)
}

/// The report for a terminal.
#[must_use]
pub fn text(report: &Report) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", shown(&report.title, 400));
    for arm in &report.arms {
        let tasks = if arm.tasks > 0 { format!(", {} tasks", arm.tasks) } else { String::new() };
        let _ = writeln!(out, "  {}  {} runs{tasks}  {}", arm.name, arm.runs, shown(&arm.selection, 200));
    }
    for finding in &report.findings {
        let _ = writeln!(out, "* {}", shown(finding, 600));
    }
    let measures: Vec<(String, &Measure)> = report.measures.iter().map(|m| (m.name.clone(), m)).collect();
    section(&mut out, "measure", &measures, report);
    let segments: Vec<(String, &Measure)> =
        report.segments.iter().map(|s| (format!("{} {}: {}", s.by, s.name, s.measure.name), &s.measure)).collect();
    section(&mut out, "segment, where they differ most first", &segments, report);
    for name in ["ranking", "pass", "changes", "rollout"] {
        if let Ok(found) = table(report, name) {
            let _ = writeln!(out, "\n{}", found.title);
            out.push_str(&cut(&found).to_text());
        }
    }
    let _ = writeln!(out);
    for note in &report.notes {
        let _ = writeln!(out, "note: {}", shown(note, 600));
    }
    if report.unpaired_total > 0 {
        let _ = writeln!(
            out,
            "{} runs without a pair: --format json, csv --table unpaired or html lists them",
            report.unpaired_total
        );
    }
    let _ = writeln!(out, "{}; root {}", report.provenance.coverage, roots(report));
    out
}

fn roots(report: &Report) -> String {
    let short = |h: &super::report::PartitionHead| format!("{}:{}", h.partition, h.root.get(..16).unwrap_or(&h.root));
    report.provenance.heads.iter().map(short).collect::<Vec<_>>().join(" ")
}

fn cut(table: &Table) -> Table {
    let mut table = table.clone();
    table.rows.truncate(ROWS_MAX);
    table
}

/// Rows of measures with the columns that decide.
fn section(out: &mut String, head: &str, rows: &[(String, &Measure)], report: &Report) {
    if rows.is_empty() {
        return;
    }
    let percent = format!("{:.0} %", 100.0 * report.confidence);
    let heads = [head, "A", "B", "B − A", &percent, "p", "p adj.", "n", "of", "test"];
    let mut lines: Vec<Vec<String>> = vec![heads.iter().map(|h| (*h).to_owned()).collect()];
    lines.extend(rows.iter().take(ROWS_MAX).map(|(name, m)| line(name, m)));
    let widths: Vec<usize> =
        (0..heads.len()).map(|i| lines.iter().map(|l| l[i].chars().count()).max().unwrap_or(0)).collect();
    let _ = writeln!(out);
    for line in &lines {
        let cells = line.iter().zip(&widths).enumerate().map(|(i, (cell, width))| match i {
            0 | 8 | 9 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        let _ = writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    if rows.len() > ROWS_MAX {
        let _ = writeln!(out, "{} more rows: --format json, csv or html", rows.len() - ROWS_MAX);
    }
}

fn line(name: &str, m: &Measure) -> Vec<String> {
    let value = |v: Option<f64>| v.map_or_else(|| "–".to_owned(), |v| m.unit.value(v));
    let p = |p: Option<f64>| match p {
        None => "–".to_owned(),
        Some(p) if p < 0.0001 => format!("{p:.1e}"),
        Some(p) => format!("{p:.4}"),
    };
    let (difference, interval) = match &m.difference {
        Some(d) => (m.unit.signed(d.value), m.unit.interval(d.low, d.high)),
        None => ("–".to_owned(), shown(&m.note, 60)),
    };
    vec![
        shown(name, NAME_CHARS_MAX),
        value(m.a),
        value(m.b),
        difference,
        interval,
        p(m.p),
        p(m.p_adjusted),
        m.n.to_string(),
        m.basis.clone(),
        m.method.split(';').next().unwrap_or_default().to_owned(),
    ]
}
