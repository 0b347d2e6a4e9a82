//! The main figure: a filled log becomes verified, committed segments, by the compactor as a server runs it.
//!
//! Guarantee: a measurement counts only when every generated event was committed as an event: none rejected, doubled or
//! missing. Runs in a process of its own, so that its peak of memory is the compactor's and nobody else's.

use crate::bed::{self, Bed};
use crate::error::{Doing, Error, Result};
use crate::lane::KEYS;
use crate::machine::{self, Usage};
use ingest::log::Log;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use store::compactor::{Compactor, Options};

/// What a compaction came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Compaction {
    /// Events committed.
    pub events: u64,
    /// Commits.
    pub commits: u64,
    /// Seconds from opening the store to the last commit.
    pub seconds: f64,
    /// Of these, opening.
    pub open_seconds: f64,
    /// Processor time and memory of the process.
    pub usage: Usage,
    /// Processor seconds of its threads by name.
    pub threads: Vec<(String, f64)>,
    /// Seconds inside tracing spans by name, where the code has any.
    pub stages: Vec<(String, f64)>,
}

impl Compaction {
    /// Events per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.events as f64 / self.seconds
    }

    /// Processor microseconds per event, over all cores.
    #[must_use]
    pub fn cpu_us(&self) -> f64 {
        (self.usage.user_seconds + self.usage.system_seconds) * 1e6 / self.events.max(1) as f64
    }
}

/// Compacts the bed's log in this process.
///
/// # Errors
/// When the compactor fails, or did not commit exactly what was generated.
pub async fn run(dir: &Path) -> Result<Compaction> {
    let bed = Bed::open(dir)?;
    let log = bed.log().await?;
    let started = Instant::now();
    let mut compactor = open(&bed, log).await?;
    let open_seconds = started.elapsed().as_secs_f64();
    let totals = compactor.catch_up().await.doing("compacting")?;
    let seconds = started.elapsed().as_secs_f64();
    let expected = bed.note.made.events + KEYS as u64;
    if (totals.events, totals.rejects, totals.duplicates, totals.findings) != (expected, 0, 0, 0) {
        return Err(Error::new("compacting", format!("{expected} events and nothing else expected, found {totals:?}")));
    }
    Ok(Compaction {
        events: bed.note.made.events,
        commits: totals.commits,
        seconds,
        open_seconds,
        usage: machine::usage("self"),
        threads: machine::threads(),
        stages: crate::stages::spent(),
    })
}

/// Merges the bed's small segments until none are left to merge; gives the number of merges.
///
/// # Errors
/// When the compactor fails.
pub async fn merge(dir: &Path) -> Result<usize> {
    let bed = Bed::open(dir)?;
    let log = bed.log().await?;
    open(&bed, log).await?.merge_all().await.doing("merging segments")
}

async fn open(bed: &Bed, log: Arc<dyn Log>) -> Result<Compactor> {
    let key = bed::log_key(bed.note.plan.seed);
    let opened = Compactor::open(bed.storage()?, log, key, bed::env(), Options::default()).await;
    opened.doing("opening the compactor")
}
