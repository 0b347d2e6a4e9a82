//! The compactor's settings and its counters.
//!
//! Guarantee: every queue and batch of the compactor is bounded by a setting here, with its unit.

use crate::clean::Retention;
use crate::policy::Policy;
use crate::tail::Tail;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Bounds and cadence of a compactor.
#[derive(Debug, Clone)]
pub struct Options {
    /// Most rows of one commit, over all partitions.
    pub commit_rows_max: usize,
    /// Most bytes of rows of one commit, as they lie in memory.
    pub commit_bytes_max: usize,
    /// How long rows may wait for more before they are committed.
    pub linger: Duration,
    /// Most bytes of log records that are read and checked at once.
    pub read_bytes_max: usize,
    /// Most log records that are read and checked at once.
    pub read_records_max: usize,
    /// Pause between looks at an idle log.
    pub idle_poll: Duration,
    /// Log records kept in each partition although the table has them.
    pub log_grace_records: u64,
    /// Number of small segments of one partition and class that are merged into one.
    pub merge_files_min: usize,
    /// Segments below this size in bytes are merged.
    pub merge_below_bytes: u64,
    /// How long replaced segments and old Delta log entries are kept.
    pub retention: Retention,
    /// Least time between two clean-ups by a running compactor.
    pub clean_interval: Duration,
    /// Evaluated over events as they are committed, when there is one.
    pub policy: Option<Arc<Policy>>,
    /// Where rows are shown before they are committed, when somebody may ask.
    pub tail: Option<Arc<Tail>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            commit_rows_max: 65_536,
            commit_bytes_max: 128 * 1_048_576,
            linger: Duration::from_millis(500),
            read_bytes_max: 8 * 1_048_576,
            read_records_max: 8_192,
            idle_poll: Duration::from_millis(25),
            log_grace_records: 10_000,
            merge_files_min: 8,
            merge_below_bytes: 16 * 1_048_576,
            retention: Retention::default(),
            clean_interval: Duration::from_secs(3_600),
            policy: None,
            tail: None,
        }
    }
}

/// Counters of a running compactor, for `/metrics`, `/readyz` and progress bars.
#[derive(Debug, Default)]
pub struct Status {
    /// Log records judged.
    pub records: AtomicU64,
    /// Rows committed of class `event`.
    pub events: AtomicU64,
    /// Rows committed of class `reject`.
    pub rejects: AtomicU64,
    /// Rows committed of class `duplicate`.
    pub duplicates: AtomicU64,
    /// Rows committed of class `finding`.
    pub findings: AtomicU64,
    /// Commits.
    pub commits: AtomicU64,
    /// Commits that were fenced.
    pub fenced: AtomicU64,
    /// Merges of small segments.
    pub merges: AtomicU64,
    /// Newest table version that is known.
    pub version: AtomicU64,
    /// Log records that the table does not have yet, at the last look.
    pub lag: AtomicU64,
    error: Mutex<Option<String>>,
}

impl Status {
    /// What went wrong last, until something went well again.
    #[must_use]
    pub fn last_error(&self) -> Option<String> {
        self.error.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    pub(crate) fn set_error(&self, error: Option<String>) {
        *self.error.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = error;
    }

    pub(crate) fn add(counter: &AtomicU64, n: usize) {
        counter.fetch_add(n as u64, Ordering::Relaxed);
    }
}

/// What a call to `catch_up` committed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Events.
    pub events: u64,
    /// Rejects.
    pub rejects: u64,
    /// Duplicates.
    pub duplicates: u64,
    /// Findings.
    pub findings: u64,
    /// Commits.
    pub commits: u64,
    /// Table version after it.
    pub version: u64,
}
