//! The table for terminals.
//!
//! Guarantee: one line per row; control characters are shown, never sent, so that a record cannot drive the terminal.
//! Cells above `TABLE_CELL_CHARS_MAX` characters are cut and the last line says so.

use crate::coverage::Coverage;
use crate::error::Result;
use crate::limits::TABLE_CELL_CHARS_MAX;
use crate::output::{Out, broken, flat};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::util::display::{ArrayFormatter, FormatOptions};

pub(super) struct TableWriter<'w> {
    out: Out<'w>,
    head: Vec<String>,
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
    cut: usize,
}

impl<'w> TableWriter<'w> {
    pub(super) fn new(schema: &SchemaRef, out: Out<'w>) -> Self {
        let head = schema.fields().iter().map(|f| f.name().clone()).collect();
        let right = schema.fields().iter().map(|f| f.data_type().is_numeric()).collect();
        Self { out, head, right, rows: Vec::new(), cut: 0 }
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let flat = flat::cells(batch)?;
        let options = FormatOptions::default().with_null("");
        let columns = flat
            .columns()
            .iter()
            .map(|c| ArrayFormatter::try_new(c, &options))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        for row in 0..flat.num_rows() {
            let cells = columns.iter().map(|c| self.cell(&c.value(row).to_string())).collect();
            self.rows.push(cells);
        }
        Ok(())
    }

    fn cell(&mut self, text: &str) -> String {
        let mut shown = printable(text);
        if shown.chars().count() > TABLE_CELL_CHARS_MAX {
            self.cut += 1;
            shown = shown.chars().take(TABLE_CELL_CHARS_MAX - 1).chain(['…']).collect();
        }
        shown
    }

    pub(super) fn finish(self, coverage: &Coverage) -> Result<()> {
        let text = self.render(coverage);
        self.out.write_all(text.as_bytes()).map_err(|e| broken(&e))
    }

    fn render(&self, coverage: &Coverage) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| &row[column]).chain([&self.head[column]]);
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let line = |cells: &[String]| {
            let padded = cells.iter().zip(&widths).zip(&self.right).map(|((cell, width), right)| match right {
                true => format!("{cell:>width$}"),
                false => format!("{cell:<width$}"),
            });
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
        };
        let mut text = line(&self.head);
        text.push_str(&line(&widths.iter().map(|w| "-".repeat(*w)).collect::<Vec<_>>()));
        self.rows.iter().for_each(|row| text.push_str(&line(row)));
        let rows = if self.rows.len() == 1 { "row" } else { "rows" };
        text.push_str(&format!("{} {rows}; {}\n", self.rows.len(), coverage.sentence()));
        if self.cut > 0 {
            text.push_str(&format!(
                "{} cells are cut at {TABLE_CELL_CHARS_MAX} characters: --format json, ndjson, csv or parquet gives them whole\n",
                self.cut
            ));
        }
        text
    }
}

/// `text` with control characters shown instead of sent.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push(' '),
            c if c.is_control() => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}
