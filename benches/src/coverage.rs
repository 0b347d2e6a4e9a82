//! Whether the statistics of `compare` hold what they say, by simulation.
//!
//! Guarantee: a figure is the share of simulated comparisons in which an interval covered the truth, or a test called a
//! difference; the same seed gives the same table. A row that misses its bar says so. Nothing is read or written.

pub mod false_alarms;
pub mod intervals;
pub mod powers;
pub mod scenarios;

use serde::Serialize;

/// Comparisons per row of the published table.
pub const SIMULATIONS: usize = 10_000;
/// Resamples within one simulated comparison: fewer than in use, which costs a little length and no coverage.
pub const RESAMPLES: u32 = 499;
/// Level of every interval.
pub const LEVEL: f64 = 0.95;

/// What a row is held to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum Bar {
    /// Between these two shares.
    Within(f64, f64),
    /// At least this share.
    AtLeast(f64),
    /// At most this share.
    AtMost(f64),
    /// Shown for the curve, or to show what goes wrong without.
    None,
}

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// What was simulated.
    pub scenario: &'static str,
    /// Interval or test.
    pub method: &'static str,
    /// Pairs, observations per arm, or tasks.
    pub n: usize,
    /// Simulated comparisons.
    pub simulations: usize,
    /// "coverage", "false alarms" or "power".
    pub figure: &'static str,
    /// Share of simulations.
    pub share: f64,
    /// What was predicted, for power.
    pub predicted: Option<f64>,
    /// What the row is held to.
    pub bar: Bar,
}

impl Row {
    /// Three standard errors of a share this size.
    #[must_use]
    pub fn noise(share: f64, simulations: usize) -> f64 {
        3.0 * (share * (1.0 - share) / simulations as f64).sqrt()
    }

    /// One line for people.
    #[must_use]
    pub fn text(&self) -> String {
        let bar = match (self.bar, self.holds()) {
            (Bar::None, _) => String::new(),
            (bar, true) => format!("holds {}", words(bar)),
            (bar, false) => format!("MISSES {}", words(bar)),
        };
        let predicted = self.predicted.map_or(String::new(), |p| format!("predicted {:6.2} %  ", 100.0 * p));
        let share = 100.0 * self.share;
        let (scenario, method, n, figure) = (self.scenario, self.method, self.n, self.figure);
        format!("{scenario:<28} {method:<41} n {n:>4}  {figure:<12} {share:6.2} %  {predicted}{bar}")
    }

    /// Whether the bar is met.
    #[must_use]
    pub fn holds(&self) -> bool {
        match self.bar {
            Bar::Within(low, high) => (low..=high).contains(&self.share),
            Bar::AtLeast(low) => self.share >= low,
            Bar::AtMost(high) => self.share <= high,
            Bar::None => true,
        }
    }
}

/// All figures.
#[derive(Debug, Clone, Serialize)]
pub struct Table {
    /// Seed of the run.
    pub seed: u64,
    /// Rows in the order of the scenarios.
    pub rows: Vec<Row>,
}

impl Table {
    /// Rows that miss their bar.
    pub fn missed(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|r| !r.holds())
    }

    /// A table for people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("seed {}\n", self.seed);
        for row in &self.rows {
            text.push_str(&row.text());
            text.push('\n');
        }
        text
    }
}

fn words(bar: Bar) -> String {
    match bar {
        Bar::Within(low, high) => format!("{:.2} to {:.2}", 100.0 * low, 100.0 * high),
        Bar::AtLeast(low) => format!("at least {:.2}", 100.0 * low),
        Bar::AtMost(high) => format!("at most {:.2}", 100.0 * high),
        Bar::None => String::new(),
    }
}

/// Simulates everything.
#[must_use]
pub fn run(seed: u64, simulations: usize) -> Table {
    let mut rows = Vec::new();
    run_each(seed, simulations, &mut |row| rows.push(row));
    Table { seed, rows }
}

/// Simulates everything and hands out each row as soon as it is known.
pub fn run_each(seed: u64, simulations: usize, each: &mut dyn FnMut(Row)) {
    intervals::rows(seed, simulations, each);
    false_alarms::rows(seed, simulations, each);
    powers::rows(seed, simulations, each);
}
