//! What a run found: a table with one column per size, bars and growth; JSON for programs; a folder that is committed.
//!
//! Guarantee: what could not be measured, was wrong or was cut is shown with its reason. No path of the machine is written.

use super::ask::{Asked, Once, Warm};
use super::fill::Filled;
use super::fresh::Fresh;
use super::peers::{Answered, Peers};
use super::spread::Spread;
use super::target::Kind;
use crate::error::{Doing, Result};
use crate::machine::Machine;
use crate::report::number;
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Most memory of a query process in MiB.
const MEMORY_MIB_MAX: f64 = 2_048.0;
/// Most milliseconds until an event is seen, at the 99th percentile.
const SEEN_MS_MAX: f64 = 500.0;

/// Cold answers of a kind.
#[derive(Debug, Clone, Serialize)]
pub struct Cold {
    /// The kind.
    pub kind: Kind,
    /// Opening and asking together.
    pub spread: Spread,
    /// Of these, opening, at the median.
    pub open_ms: f64,
    /// Each process.
    pub runs: Vec<Once>,
}

/// One size of the corpus.
#[derive(Debug, Clone, Serialize)]
pub struct Scale {
    /// Events.
    pub events: u64,
    /// Filling and compacting.
    pub filled: Filled,
    /// Seconds that the indexes took, and their bytes.
    pub index: (f64, u64),
    /// Warm answers.
    pub warm: Option<Asked>,
    /// Cold answers.
    pub cold: Vec<Cold>,
    /// Whether the page cache of the machine was dropped before each cold answer.
    pub cache_dropped: bool,
    /// The peers.
    pub peers: Peers,
    /// What failed.
    pub failures: Vec<String>,
}

/// Everything that a run found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Command line, without folders.
    pub command: String,
    /// When it began, UTC.
    pub date: String,
    /// The machine.
    pub machine: Machine,
    /// By size, the smallest first.
    pub scales: Vec<Scale>,
    /// Freshness.
    pub fresh: Option<Fresh>,
    /// What failed outside of the sizes.
    pub failures: Vec<String>,
}

impl Report {
    /// The text that is shown and committed.
    #[must_use]
    pub fn text(&self) -> String {
        let m = &self.machine;
        let mut out = format!(
            "{}\n{}\n{}, {} cores, {} MiB, {}, Linux {}\n\n",
            self.command, self.date, m.cpu, m.cores, m.memory_mib, m.disk, m.kernel
        );
        for scale in &self.scales {
            out.push_str(&filled_text(scale));
        }
        let times = "milliseconds, warm: p50 / p99 (answers); then cold p50: a fresh process, opening included";
        out.push_str(&format!("\n{times}\n{}\n", self.ours()));
        out.push_str("\nthe peers, warm p50 in milliseconds, over the same files and targets\n");
        out.push_str(&format!("{}\n", self.theirs()));
        if let Some(fresh) = &self.fresh {
            out.push_str(&fresh_text(fresh));
        }
        let failures = self.failures.iter().cloned().chain(self.scales.iter().flat_map(failures));
        for failure in failures {
            out.push_str(&format!("FAILED: {failure}\n"));
        }
        out
    }

    fn ours(&self) -> Table {
        let mut header = vec!["question".to_owned(), "bar".to_owned()];
        for (at, scale) in self.scales.iter().enumerate() {
            header.extend([format!("{} events", number(scale.events as f64)), "cold".to_owned()]);
            if at > 0 {
                header.push("growth".to_owned());
            }
        }
        let mut table = table(header);
        for kind in Kind::ALL {
            let mut row = vec![kind.label().to_owned(), kind.bar().map_or_else(String::new, |bar| format!("<= {bar}"))];
            let mut before: Option<f64> = None;
            for (at, scale) in self.scales.iter().enumerate() {
                let warm = warm_of(scale, kind);
                row.push(warm.map_or_else(|| "-".to_owned(), |warm| warm_text(warm, kind)));
                let cold = scale.cold.iter().find(|cold| cold.kind == kind);
                row.push(cold.map_or_else(|| "-".to_owned(), |cold| ms(cold.spread.p50)));
                let now = warm.filter(|warm| warm.spread.count > 0).map(|warm| warm.spread.p50);
                if at > 0 {
                    row.push(growth_text(before, now, kind));
                }
                before = now;
            }
            table.add_row(row);
        }
        let mut memory = vec!["peak memory of the asking process, MiB".to_owned(), format!("<= {MEMORY_MIB_MAX}")];
        for (at, scale) in self.scales.iter().enumerate() {
            let peak = scale.warm.as_ref().map(|asked| asked.usage.peak_mib);
            memory.push(peak.map_or_else(|| "-".to_owned(), |peak| judged(&number(peak), peak <= MEMORY_MIB_MAX)));
            memory.push(String::new());
            if at > 0 {
                memory.push(String::new());
            }
        }
        table.add_row(memory);
        table
    }

    fn theirs(&self) -> Table {
        let mut header = vec!["question".to_owned()];
        for scale in &self.scales {
            for (name, peer) in &scale.peers {
                let of = format!("{name} {} at {}", peer.version, number(scale.events as f64));
                let loaded = peer.load_seconds.map_or_else(|| "-".to_owned(), |s| format!("{s:.0} s"));
                header.extend([format!("{of}, files"), format!("links loaded in {loaded}")]);
            }
        }
        let mut table = table(header);
        for kind in Kind::ALL {
            let mut row = vec![kind.label().to_owned()];
            for peer in self.scales.iter().flat_map(|scale| scale.peers.values()) {
                row.extend([peer_text(peer.files.get(&kind)), peer_text(peer.loaded.get(&kind))]);
            }
            table.add_row(row);
        }
        table
    }

    /// Writes `lineage.json` and `lineage.txt` into `results/<date>-<cpu>-lineage`; a second run of the day adds a number.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn save(&self, results: &Path) -> Result<PathBuf> {
        let cpu = self.machine.cpu.to_lowercase();
        let words: Vec<&str> =
            cpu.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).take(4).collect();
        let base = format!("{}-{}-lineage", self.date.get(..10).unwrap_or("undated"), words.join("-"));
        let names = (1..).map(|n| if n == 1 { base.clone() } else { format!("{base}-{n}") });
        let free = names.map(|name| results.join(name)).find(|dir| !dir.exists());
        let dir = free.unwrap_or_else(|| results.join(&base));
        std::fs::create_dir_all(&dir).doing("making the folder of results")?;
        let json = serde_json::to_string_pretty(self).doing("writing results")?;
        std::fs::write(dir.join("lineage.json"), json + "\n").doing("writing results")?;
        std::fs::write(dir.join("lineage.txt"), self.text()).doing("writing results")?;
        Ok(dir)
    }
}

fn table(header: Vec<String>) -> Table {
    let mut table = Table::new();
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(header);
    table
}

fn warm_of(scale: &Scale, kind: Kind) -> Option<&Warm> {
    scale.warm.as_ref()?.kinds.iter().find(|warm| warm.kind == kind)
}

fn warm_text(warm: &Warm, kind: Kind) -> String {
    let spread = warm.spread;
    let text = format!("{} / {} ({})", ms(spread.p50), ms(spread.p99), spread.count);
    if warm.wrong.is_some() {
        return format!("{text} WRONG");
    }
    kind.bar().map_or(text.clone(), |bar| judged(&text, spread.p50 <= bar))
}

fn growth_text(before: Option<f64>, now: Option<f64>, kind: Kind) -> String {
    let (Some(before), Some(now)) = (before, now) else { return "-".to_owned() };
    let growth = now / before.max(1e-6);
    let text = format!("{growth:.2}x");
    kind.growth_bar().map_or(text.clone(), |bar| judged(&text, growth <= bar))
}

fn judged(text: &str, met: bool) -> String {
    if met { format!("{text} met") } else { format!("{text} MISSED") }
}

fn peer_text(answered: Option<&Answered>) -> String {
    match answered {
        None => String::new(),
        Some(Answered { spread, .. }) if spread.count == 0 => "no answer".to_owned(),
        Some(Answered { spread, wrong: None }) => ms(spread.p50),
        Some(Answered { spread, .. }) => format!("{} (not all answered)", ms(spread.p50)),
    }
}

fn ms(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { number(value.round()).trim_end_matches(".00").to_owned() }
}

fn filled_text(scale: &Scale) -> String {
    let f = &scale.filled;
    format!(
        "{} events of {:.0} B: filled in {:.0} s, compacted in {:.0} s with {} merges, {} MB; indexes in {:.0} s, {} MB; \
         page cache dropped for cold answers: {}\n",
        number(scale.events as f64),
        f.event_bytes,
        f.fill_seconds,
        f.compact_seconds,
        f.merges,
        number(f.store_bytes as f64 / 1e6),
        scale.index.0,
        number(scale.index.1 as f64 / 1e6),
        if scale.cache_dropped { "yes" } else { "no" }
    )
}

fn fresh_text(f: &Fresh) -> String {
    format!(
        "\nfreshness at {} events/s, {} commits, {} merges underneath:\n\
         \x20 acknowledged to explained: p50 {} ms, p99 {} ms (bar <= {SEEN_MS_MAX}: {}), max {} ms, of {} events; never: {}\n\
         \x20 {} counts: {} with doubles, {} smaller than the one before, {} behind what was acknowledged (by {} events at most)\n",
        number(f.rate),
        f.commits,
        f.merges,
        ms(f.seen.p50),
        ms(f.seen.p99),
        if f.seen.p99 <= SEEN_MS_MAX && f.missing == 0 { "met" } else { "MISSED" },
        ms(f.seen.max),
        f.seen.count,
        f.missing,
        f.counts,
        f.doubled,
        f.fewer,
        f.behind,
        f.behind_max
    )
}

/// What failed or was wrong at one size.
fn failures(scale: &Scale) -> Vec<String> {
    let at = number(scale.events as f64);
    let warm = scale.warm.iter().flat_map(|asked| &asked.kinds).filter_map(|warm| warm.wrong.clone());
    let cold = scale.cold.iter().flat_map(|cold| &cold.runs).filter_map(|once| once.wrong.clone());
    let peer = |(name, peer): (&String, &super::peers::Peer)| {
        let answers = peer.files.values().chain(peer.loaded.values()).filter_map(|a| a.wrong.clone());
        let own = peer.error.iter().chain(&peer.load_error).cloned();
        answers.chain(own).map(|wrong| format!("{name}: {wrong}")).collect::<Vec<_>>()
    };
    let peers = scale.peers.iter().flat_map(peer);
    let all = scale.failures.iter().cloned().chain(warm).chain(cold).chain(peers);
    all.map(|failure| format!("at {at} events: {failure}")).collect()
}
