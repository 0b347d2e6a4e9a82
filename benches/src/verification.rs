//! How fast the whole store is verified, as `hansard verify` does it.
//!
//! Guarantee: a measurement counts only when the report is complete and without a problem, and covers every generated
//! event. The log is not compared, because a compactor may have trimmed it.

use crate::bed::Bed;
use crate::error::{Doing, Error, Result};
use crate::lane::KEYS;
use crate::machine::{self, Usage};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Instant;
use store::verify::{Silent, verify};

/// What a verification came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Verification {
    /// Events checked.
    pub events: u64,
    /// Seconds.
    pub seconds: f64,
    /// Processor time and memory of the process.
    pub usage: Usage,
}

impl Verification {
    /// Events per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.events as f64 / self.seconds
    }
}

/// Verifies the bed's store in this process.
///
/// # Errors
/// When it cannot be read, or the report is anything but clean and whole.
pub async fn run(dir: &Path) -> Result<Verification> {
    let bed = Bed::open(dir)?;
    let storage = bed.storage()?;
    let started = Instant::now();
    let report = verify(&storage, None, &Silent).await.doing("verifying the store")?;
    let seconds = started.elapsed().as_secs_f64();
    let expected = bed.note.made.events + KEYS as u64;
    if !report.is_ok() || report.events != expected {
        let first = report.problems.first().map_or_else(|| "none".to_owned(), ToString::to_string);
        let cause = format!(
            "a clean report of {expected} events expected, found {} events, complete: {}, first problem: {first}",
            report.events, report.complete
        );
        return Err(Error::new("verifying the store", cause));
    }
    Ok(Verification { events: bed.note.made.events, seconds, usage: machine::usage("self") })
}
