//! What people and programs see: results on stdout, everything else on stderr.
//!
//! Guarantee: with `--json`, stdout gets exactly one JSON document. Colours appear only on a terminal and never when
//! `NO_COLOR` is set. When the reader of stdout goes away, the command ends with success. Notes that cannot be
//! written are dropped: there is nobody to read them.

use crate::failure::{Failure, Kind, Result};
use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, Table};
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

/// Columns of a table that is not shown on a terminal.
const WIDTH_WITHOUT_TERMINAL: u16 = 200;

/// See the module.
#[derive(Debug, Clone)]
pub struct Console {
    json: bool,
    out_terminal: bool,
    colour_out: bool,
    colour_err: bool,
    err_terminal: bool,
}

/// A colour or weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Headings.
    Bold,
    /// What matters less.
    Dim,
    /// Bad news.
    Red,
    /// Good news.
    Green,
    /// Warnings and hints.
    Yellow,
    /// Names to type.
    Cyan,
}

impl Style {
    fn code(self) -> u8 {
        match self {
            Self::Bold => 1,
            Self::Dim => 2,
            Self::Red => 31,
            Self::Green => 32,
            Self::Yellow => 33,
            Self::Cyan => 36,
        }
    }
}

impl Console {
    /// For this process.
    #[must_use]
    pub fn new(json: bool) -> Self {
        // https://no-color.org: present and not empty.
        let allowed = std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        let (out_terminal, err_terminal) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        Self {
            json,
            out_terminal,
            err_terminal,
            colour_out: allowed && out_terminal,
            colour_err: allowed && err_terminal,
        }
    }

    /// Whether one JSON document is asked for.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether progress may be drawn on stderr.
    #[must_use]
    pub fn draws_progress(&self) -> bool {
        self.err_terminal && !self.json
    }

    /// Whether stdout is a terminal.
    #[must_use]
    pub fn out_is_terminal(&self) -> bool {
        self.out_terminal
    }

    /// Whether stdout may carry colours.
    #[must_use]
    pub fn colours(&self) -> bool {
        self.colour_out
    }

    /// Whether stderr may carry colours.
    #[must_use]
    pub fn error_colours(&self) -> bool {
        self.colour_err
    }

    /// `text` in a style, where stdout allows it.
    #[must_use]
    pub fn styled(&self, style: Style, text: &str) -> String {
        paint(self.colour_out, style, text)
    }

    /// Writes a line to stdout.
    ///
    /// # Errors
    /// When stdout is closed.
    pub fn line(&self, text: impl AsRef<str>) -> Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_ref().as_bytes())?;
        out.write_all(b"\n")?;
        Ok(out.flush()?)
    }

    /// Writes bytes to stdout as they are.
    ///
    /// # Errors
    /// When stdout is closed.
    pub fn bytes(&self, bytes: &[u8]) -> Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(bytes)?;
        Ok(out.flush()?)
    }

    /// Writes the one JSON document of a command.
    ///
    /// # Errors
    /// When stdout is closed.
    pub fn document(&self, value: &impl Serialize) -> Result<()> {
        let text = match self.out_terminal {
            true => serde_json::to_string_pretty(value)?,
            false => serde_json::to_string(value)?,
        };
        self.line(text)
    }

    /// Writes the JSON document or, for people, what `text` makes.
    ///
    /// # Errors
    /// When stdout is closed.
    pub fn answer(&self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<()> {
        if self.json { self.document(value) } else { self.line(text().trim_end_matches('\n')) }
    }

    /// Writes a remark to stderr.
    pub fn note(&self, text: impl AsRef<str>) {
        let line = paint(self.colour_err, Style::Dim, text.as_ref());
        // Nobody listens: nothing to do about it.
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }

    /// Writes a warning to stderr.
    pub fn warn(&self, text: impl AsRef<str>) {
        let label = paint(self.colour_err, Style::Yellow, "warning:");
        let _ = writeln!(std::io::stderr().lock(), "{label} {}", text.as_ref());
    }

    /// A table for people, as wide as the terminal.
    #[must_use]
    pub fn table(&self, head: &[&str], rows: &[Vec<String>]) -> String {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
        if !self.colour_out {
            let width = table.width().filter(|_| self.out_terminal).unwrap_or(WIDTH_WITHOUT_TERMINAL);
            table.force_no_tty().set_width(width);
        }
        table.set_header(head.iter().map(|name| Cell::new(name).add_attribute(Attribute::Bold)));
        for row in rows {
            table.add_row(row.iter().map(|text| aligned(text)));
        }
        table.to_string()
    }

    /// Says how a command ended and gives its exit code.
    #[must_use]
    pub fn finish(&self, done: Result<()>) -> ExitCode {
        let Err(failure) = done else { return ExitCode::SUCCESS };
        if failure.kind != Kind::PipeClosed {
            self.explain(&failure);
        }
        ExitCode::from(failure.code())
    }

    fn explain(&self, failure: &Failure) {
        if self.json && !failure.told {
            // A closed stdout leaves only the exit code.
            let _ = self.document(&failure.json());
        }
        let mut text = format!("{} {}\n", paint(self.colour_err, Style::Red, "error:"), failure.message);
        for cause in &failure.causes {
            text.push_str(&format!("  caused by: {cause}\n"));
        }
        if let Some(hint) = &failure.hint {
            text.push_str(&format!("{} {hint}\n", paint(self.colour_err, Style::Yellow, "hint:")));
        }
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}

fn paint(colour: bool, style: Style, text: &str) -> String {
    if colour { format!("\u{1b}[{}m{text}\u{1b}[0m", style.code()) } else { text.to_owned() }
}

/// Numbers stand at the right.
fn aligned(text: &str) -> Cell {
    let number = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | '.' | '-'));
    Cell::new(text).set_alignment(if number { CellAlignment::Right } else { CellAlignment::Left })
}

/// `n` with a comma between thousands.
#[must_use]
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 event`, `2 events`.
#[must_use]
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(n), if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::{counted, thousands};

    #[test]
    fn numbers_are_grouped() {
        for (n, want) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(n), want);
        }
        assert_eq!(
            (counted(1, "event", "events"), counted(2, "event", "events")),
            ("1 event".into(), "2 events".into())
        );
    }
}
