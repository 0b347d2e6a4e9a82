//! A table that JSON, CSV, HTML and the terminal all render from.
//!
//! Guarantee: JSON and CSV hold the numbers as they are (empty where absent or not finite) and times in RFC 3339 in UTC;
//! HTML and text show them for people. A row with more cells than columns shows those that have one; one with fewer is
//! filled up with empty cells. Text of the input never becomes markup or drives the terminal.

use super::escape::{apart, escape};
use super::format::{self, ABSENT, Unit};
use super::limits::{CELL_CHARS_MAX, ROWS_MAX};
use super::time::rfc3339;
use crate::compare::shown::shown;
use serde_json::{Map, Value, json};
use std::fmt::Write;
use std::io;

/// Characters of a cell in text.
const TEXT_CELL_CHARS_MAX: usize = 60;

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Name in JSON and CSV.
    pub name: String,
    /// Heading for people.
    pub label: String,
}

/// A cell.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Cell {
    /// Nothing.
    #[default]
    Empty,
    /// Text.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// A value.
    Number(f64, Unit),
    /// A difference.
    Signed(f64, Unit),
    /// A p-value.
    P(f64),
    /// A point in time, microseconds since 1970.
    TimeUs(i64),
}

impl Cell {
    fn shown(&self) -> String {
        match self {
            Self::Empty => ABSENT.into(),
            Self::Text(text) => text.clone(),
            Self::Whole(n) => {
                let sign = if *n < 0 { "−" } else { "" };
                format!("{sign}{}", format::count(n.unsigned_abs()))
            }
            Self::Number(value, unit) => unit.value(*value),
            Self::Signed(value, unit) => unit.signed(*value),
            Self::P(value) => format::p(*value),
            Self::TimeUs(time) => rfc3339(*time),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Empty => Value::Null,
            Self::Text(text) => json!(text),
            Self::Whole(n) => json!(n),
            // What is not finite has no JSON number and becomes null.
            Self::Number(value, _) | Self::Signed(value, _) | Self::P(value) => json!(value),
            Self::TimeUs(time) => json!(rfc3339(*time)),
        }
    }

    /// As it stands in CSV.
    pub(in crate::compare) fn plain(&self) -> String {
        match self.json() {
            Value::Null => String::new(),
            Value::String(text) => text,
            other => other.to_string(),
        }
    }

    fn is_text(&self) -> bool {
        matches!(self, Self::Text(_) | Self::TimeUs(_))
    }
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Name: of a CSV file, of a JSON member.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// Columns.
    pub columns: Vec<Column>,
    /// Rows.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table; `columns` are (name, heading).
    #[must_use]
    pub fn new(name: &str, title: &str, columns: &[(&str, &str)]) -> Self {
        let column = |(name, label): &(&str, &str)| Column { name: (*name).to_owned(), label: (*label).to_owned() };
        Self {
            name: name.to_owned(),
            title: title.to_owned(),
            columns: columns.iter().map(column).collect(),
            rows: Vec::new(),
        }
    }

    fn cells<'a>(&'a self, row: &'a [Cell]) -> impl Iterator<Item = &'a Cell> {
        (0..self.columns.len()).map(|i| row.get(i).unwrap_or(&Cell::Empty))
    }

    /// `{name, title, columns, rows}`; each row is an object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let row = |row: &Vec<Cell>| {
            let cells = self.columns.iter().zip(self.cells(row));
            Value::Object(cells.map(|(column, cell)| (column.name.clone(), cell.json())).collect::<Map<_, _>>())
        };
        let columns = self.columns.iter().map(|column| json!({"name": column.name, "label": column.label}));
        json!({
            "name": self.name,
            "title": self.title,
            "columns": columns.collect::<Vec<_>>(),
            "rows": self.rows.iter().map(row).collect::<Vec<_>>(),
        })
    }

    /// Writes the table as CSV (RFC 4180) with a header line.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn write_csv(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(self.columns.iter().map(|column| &column.name)).map_err(io::Error::other)?;
        for row in &self.rows {
            writer.write_record(self.cells(row).map(Cell::plain)).map_err(io::Error::other)?;
        }
        writer.flush()
    }

    /// Whether a column holds numbers: it is set to the right.
    fn right(&self, column: usize) -> bool {
        let mut cells = self.rows.iter().filter_map(|row| row.get(column)).filter(|cell| **cell != Cell::Empty);
        cells.all(|cell| !cell.is_text())
    }

    /// For the terminal: one line for a row, wide cells cut.
    #[must_use]
    pub fn to_text(&self) -> String {
        let line = |row: &Vec<Cell>| self.cells(row).map(|c| shown(&c.shown(), TEXT_CELL_CHARS_MAX)).collect();
        let head = self.columns.iter().map(|column| shown(&column.label, TEXT_CELL_CHARS_MAX)).collect();
        let lines: Vec<Vec<String>> = std::iter::once(head).chain(self.rows.iter().map(line)).collect();
        let width = |i: usize| lines.iter().map(|line| line[i].chars().count()).max().unwrap_or(0);
        let widths: Vec<(usize, bool)> = (0..self.columns.len()).map(|i| (width(i), self.right(i))).collect();
        let mut text = String::new();
        for (i, line) in lines.iter().enumerate() {
            let cells = line.iter().zip(&widths).map(|(cell, (width, right))| match right {
                true => format!("{cell:>width$}"),
                false => format!("{cell:<width$}"),
            });
            let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
            if i == 0 {
                let rule = widths.iter().map(|(width, _)| "-".repeat(*width)).collect::<Vec<_>>();
                let _ = writeln!(text, "{}", rule.join("  "));
            }
        }
        text
    }

    /// For a page; rows above [`ROWS_MAX`] are counted below.
    pub(super) fn to_html(&self) -> String {
        let class = |i: usize| if self.right(i) { " class=\"num\"" } else { "" };
        let classes: Vec<_> = (0..self.columns.len()).map(class).collect();
        let mut out = format!(
            "<div class=\"scroll\" tabindex=\"0\"><table><caption>{}</caption><thead><tr>",
            escape(&self.title, CELL_CHARS_MAX)
        );
        for (column, class) in self.columns.iter().zip(&classes) {
            let _ = write!(out, "<th scope=\"col\"{class}>{}</th>", escape(&column.label, CELL_CHARS_MAX));
        }
        out.push_str("</tr></thead><tbody>");
        for row in self.rows.iter().take(ROWS_MAX) {
            out.push_str("<tr>");
            for (cell, class) in self.cells(row).zip(&classes) {
                let _ = write!(out, "<td{class}>{}</td>", apart(&cell.shown(), CELL_CHARS_MAX));
            }
            out.push_str("</tr>");
        }
        out.push_str("</tbody></table></div>");
        let more = self.rows.len().saturating_sub(ROWS_MAX);
        if more > 0 {
            let _ = write!(out, "<p class=\"faint\">{more} more rows are in the CSV and JSON of this report.</p>");
        }
        out
    }
}
