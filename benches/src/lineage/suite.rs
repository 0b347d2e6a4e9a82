//! The whole suite: one bed per size, each figure in a process of its own, then freshness.
//!
//! Guarantee: a step that fails is reported and the rest goes on.

use super::ask::{self, Asked, Once};
use super::fill::Filled;
use super::fresh::Fresh;
use super::peers;
use super::report::{Cold, Report, Scale};
use super::spread::Spread;
use super::target::Kind;
use crate::child::{self, Manner, Outcome};
use crate::error::Result;
use crate::machine;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What to run.
#[derive(Debug, Clone)]
pub struct Suite {
    /// Where beds are made; what the suite made is removed again.
    pub dir: PathBuf,
    /// Seed of the events.
    pub seed: u64,
    /// Sizes in events, the smallest first.
    pub sizes: Vec<u64>,
    /// Short events.
    pub lean: bool,
    /// Compact after so many events each while filling.
    pub step: u64,
    /// Warm questions of a kind at most.
    pub count: usize,
    /// Seconds for the warm questions of a kind, and for those of a peer.
    pub seconds: u64,
    /// Cold questions of a kind.
    pub cold: usize,
    /// Seconds of the measurement of freshness; zero: leave it out.
    pub fresh_seconds: u64,
    /// Also the peers.
    pub peers: bool,
    /// Python with the peers' packages; one is made without.
    pub python: Option<PathBuf>,
    /// How children run.
    pub manner: Manner,
    /// Keep the beds.
    pub keep: bool,
}

/// Runs the suite.
///
/// # Errors
/// When the folder cannot be made.
pub async fn run(suite: &Suite, command: String) -> Result<Report> {
    let mut report = Report {
        command,
        date: jiff::Timestamp::now().to_string(),
        machine: machine::look(&suite.dir),
        scales: Vec::new(),
        fresh: None,
        failures: Vec::new(),
    };
    for events in &suite.sizes {
        match suite.scale(*events).await {
            Ok(scale) => report.scales.push(scale),
            Err(e) => report.failures.push(format!("{events} events: {e}")),
        }
    }
    if suite.fresh_seconds > 0 {
        match suite.fresh() {
            Ok(fresh) => report.fresh = Some(fresh),
            Err(e) => report.failures.push(e.to_string()),
        }
    }
    Ok(report)
}

impl Suite {
    async fn scale(&self, events: u64) -> Result<Scale> {
        let dir = self.dir.join(format!("corpus-{events}"));
        // A bed that an interrupted run left behind.
        let _ = std::fs::remove_dir_all(&dir);
        let filled = self.filled(&dir, events)?;
        let started = Instant::now();
        let bytes: u64 = self.child("index", &dir, &[])?;
        let index = (started.elapsed().as_secs_f64(), bytes);
        let mut scale = Scale {
            events,
            filled,
            index,
            warm: None,
            cold: Vec::new(),
            cache_dropped: false,
            peers: peers::Peers::new(),
            failures: Vec::new(),
        };
        let (count, seconds) = (self.count.to_string(), self.seconds.to_string());
        match self.child::<Asked>("ask", &dir, &["--count", &count, "--seconds", &seconds]) {
            Ok(asked) => scale.warm = Some(asked),
            Err(e) => scale.failures.push(e.to_string()),
        }
        self.cold(&dir, &mut scale).await;
        if self.peers {
            say("the peers");
            match peers::run(&dir, &self.dir, self.python.as_deref(), self.seconds).await {
                Ok(peers) => scale.peers = peers,
                Err(e) => scale.failures.push(e.to_string()),
            }
        }
        self.clear(&dir);
        Ok(scale)
    }

    fn filled(&self, dir: &Path, events: u64) -> Result<Filled> {
        let (seed, events, step) = (self.seed.to_string(), events.to_string(), self.step.to_string());
        let mut words = vec!["--seed", &seed, "--events", &events, "--step", &step];
        if self.lean {
            words.push("--lean");
        }
        self.child("gen", dir, &words)
    }

    /// Each kind in fresh processes, with the page cache dropped where that is allowed.
    async fn cold(&self, dir: &Path, scale: &mut Scale) {
        if self.cold == 0 {
            return;
        }
        if let Err(e) = ask::keep_cursors(dir).await {
            scale.failures.push(e.to_string());
        }
        for kind in Kind::ALL {
            let mut runs: Vec<Once> = Vec::new();
            for number in 0..self.cold {
                scale.cache_dropped = ask::drop_caches();
                match self.child("one", dir, &["--kind", &kind.word(), "--number", &number.to_string()]) {
                    Ok(once) => runs.push(once),
                    Err(e) => scale.failures.push(e.to_string()),
                }
            }
            let spread = Spread::of(runs.iter().map(|once| once.open_ms + once.ask_ms).collect());
            let open_ms = Spread::of(runs.iter().map(|once| once.open_ms).collect()).p50;
            scale.cold.push(Cold { kind, spread, open_ms, runs });
        }
    }

    fn fresh(&self) -> Result<Fresh> {
        let dir = self.dir.join("fresh");
        let _ = std::fs::remove_dir_all(&dir);
        let fresh = self.child("fresh", &dir, &["--seconds", &self.fresh_seconds.to_string()]);
        self.clear(&dir);
        fresh
    }

    /// A step in a process of its own.
    fn child<T: DeserializeOwned>(&self, verb: &str, dir: &Path, words: &[&str]) -> Result<T> {
        say(&format!("{verb} of {}", dir.file_name().unwrap_or_default().to_string_lossy()));
        let folder = dir.to_string_lossy();
        let mut arguments = vec![verb, "--dir", &folder];
        arguments.extend(words);
        let outcome: Outcome<Printed<T>> = child::call(&arguments, &self.dir, self.manner)?;
        Ok(outcome.value.value)
    }

    fn clear(&self, dir: &Path) {
        if !self.keep {
            // What stays is only litter.
            let _ = std::fs::remove_dir_all(dir);
        }
    }
}

/// What a step prints: one object, whatever it found.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct Printed<T> {
    /// What it found.
    pub value: T,
}

fn say(what: &str) {
    tracing::info!("{what}");
}
