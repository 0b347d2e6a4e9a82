//! Figures beside their bars and limits: a table for people, JSON for programs, and a folder that is committed.
//!
//! Guarantee: a figure that could not be measured is shown with its reason, never left out. No path of the machine is
//! written.

use crate::error::{Doing, Result};
use crate::limits::Limits;
use crate::machine::Machine;
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// What a figure must reach.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bar {
    /// At least this much.
    Least(f64),
    /// At most this much.
    Most(f64),
}

/// One line of the table.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// The value; `None` when it could not be measured.
    pub value: Option<f64>,
    /// Its unit.
    pub unit: &'static str,
    /// What it must reach.
    pub bar: Option<Bar>,
    /// The machine's limit or the peer, measured in the same run, in words; or why there is no value.
    pub beside: String,
}

impl Figure {
    /// A figure that was measured.
    #[must_use]
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value: Some(value), unit, bar: None, beside: String::new() }
    }

    /// A figure that could not be measured.
    #[must_use]
    pub fn missing(name: impl Into<String>, unit: &'static str, why: impl std::fmt::Display) -> Self {
        Self { name: name.into(), value: None, unit, bar: None, beside: why.to_string() }
    }

    /// With a bar.
    #[must_use]
    pub fn bar(self, bar: Bar) -> Self {
        Self { bar: Some(bar), ..self }
    }

    /// With what stands beside it.
    #[must_use]
    pub fn beside(self, text: impl Into<String>) -> Self {
        Self { beside: text.into(), ..self }
    }

    /// Whether the bar is met; `None` without bar or value.
    #[must_use]
    pub fn met(&self) -> Option<bool> {
        match (self.value?, self.bar?) {
            (value, Bar::Least(least)) => Some(value >= least),
            (value, Bar::Most(most)) => Some(value <= most),
        }
    }

    fn verdict(&self) -> String {
        let (Some(value), Some(bar)) = (self.value, self.bar) else { return String::new() };
        let (Bar::Least(limit) | Bar::Most(limit)) = bar;
        let share = format!("{:+.0} %", (value / limit - 1.0) * 100.0);
        if self.met() == Some(true) { format!("met ({share})") } else { format!("MISSED ({share})") }
    }
}

/// Everything that a run found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Command line, without folders.
    pub command: String,
    /// When it began, UTC.
    pub date: String,
    /// Commit of the source, where it is known.
    pub commit: String,
    /// The machine.
    pub machine: Machine,
    /// Its limits.
    pub limits: Limits,
    /// The figures.
    pub figures: Vec<Figure>,
    /// What the steps returned, whole.
    pub raw: Vec<Value>,
    /// Profiles, by step.
    pub profiles: Vec<(String, String)>,
}

impl Report {
    /// The text that is shown and committed.
    #[must_use]
    pub fn text(&self) -> String {
        let m = &self.machine;
        let mut out = format!(
            "{}\n{} at {}\n{}, {} cores, {} MiB, {}, Linux {}\n\n",
            self.command, self.date, self.commit, m.cpu, m.cores, m.memory_mib, m.disk, m.kernel
        );
        out.push_str(&limits_text(&self.limits));
        let mut table = Table::new();
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
        table.set_header(["figure", "value", "unit", "bar", "", "beside, in the same run"]);
        for f in &self.figures {
            let bar = f.bar.map_or_else(String::new, |bar| match bar {
                Bar::Least(n) => format!(">= {}", number(n)),
                Bar::Most(n) => format!("<= {}", number(n)),
            });
            let value = f.value.map_or_else(|| "-".to_owned(), number);
            table.add_row([f.name.clone(), value, f.unit.to_owned(), bar, f.verdict(), f.beside.clone()]);
        }
        out.push_str(&format!("{table}\n"));
        for (step, profile) in &self.profiles {
            out.push_str(&format!("\nprofile of {step} (share of processor samples)\n{profile}"));
        }
        out
    }

    /// Writes `spine.json` and `spine.txt` into `results/<date>-<cpu>`; a second run of the day adds a number.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn save(&self, results: &Path) -> Result<PathBuf> {
        let day = self.date.get(..10).unwrap_or("undated");
        let base = format!("{day}-{}", slug(&self.machine.cpu));
        let names = (1..).map(|n| if n == 1 { base.clone() } else { format!("{base}-{n}") });
        let free = names.map(|name| results.join(name)).find(|dir| !dir.exists());
        let dir = free.unwrap_or_else(|| results.join(&base));
        std::fs::create_dir_all(&dir).doing("making the folder of results")?;
        let json = serde_json::to_string_pretty(&json!(self)).doing("writing results")?;
        std::fs::write(dir.join("spine.json"), json + "\n").doing("writing results")?;
        std::fs::write(dir.join("spine.txt"), self.text()).doing("writing results")?;
        Ok(dir)
    }
}

/// The limits as text.
#[must_use]
pub fn limits_text(l: &Limits) -> String {
    format!(
        "limits of the machine, all cores:\n\
         \x20 Ed25519 verify_strict  {:>12} /s\n\
         \x20 BLAKE3 of headers      {:>12.2} GB/s\n\
         \x20 SHA-256 tree nodes     {:>12} /s\n\
         \x20 headers parsed         {:>12} /s\n\
         \x20 zstd -3 of NDJSON      {:>12.0} MB/s\n\
         \x20 fsync of 4 KiB         {:>12} /s (one thread)\n\
         \x20 8 MiB files, fsync     {:>12.0} MB/s (one thread)\n\n",
        number(l.verify_strict),
        l.blake3_gb,
        number(l.sha256_nodes),
        number(l.headers),
        l.zstd_mb,
        number(l.fsyncs),
        l.disk_mb
    )
}

/// A number for people: thousands apart, two decimals below 100.
#[must_use]
pub fn number(value: f64) -> String {
    if value.abs() < 100.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (n, c) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) && c != '-' {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// Lower-case words of a name, joined by hyphens.
fn slug(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    words.take(4).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::{Bar, Figure, number};

    #[test]
    fn figures_are_judged_by_their_bar() {
        assert_eq!(Figure::new("a", 61.0, "x").bar(Bar::Least(60.0)).met(), Some(true));
        assert_eq!(Figure::new("a", 59.0, "x").bar(Bar::Least(60.0)).met(), Some(false));
        assert_eq!(Figure::new("a", 1.3, "x").bar(Bar::Most(1.25)).met(), Some(false));
        assert_eq!(Figure::missing("a", "x", "no").bar(Bar::Most(1.0)).met(), None);
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!([number(1.234), number(999.6), number(1_234_567.0)], ["1.23", "1,000", "1,234,567"]);
    }
}
