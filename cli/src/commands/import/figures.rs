//! What an import did, while it runs and at its end.
//!
//! Guarantee: `records` = `events` + `rejects` + `skipped` + `refused`, so that nothing is lost between the figures.

use super::settle::Settled;
use crate::console::{Console, Style, thousands};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use ingest::import::Imported;
use ingest::import_run::{Done, Progress, Summary};
use ingest::producer::DraftError;
use schemas::draft::Draft;
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use store::compactor::Status;

/// Refused drafts that are named one by one.
const REFUSED_SHOWN_MAX: usize = 20;

/// Counted while reading.
#[derive(Debug, Default)]
pub(super) struct Figures(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    kinds: BTreeMap<String, u64>,
    sessions: HashSet<u64>,
}

impl Figures {
    /// Counts a record.
    pub(super) fn count(&self, imported: &Imported) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match counted.kinds.get_mut(&imported.draft.kind) {
            Some(n) => *n += 1,
            None => {
                counted.kinds.insert(imported.draft.kind.clone(), 1);
            }
        }
        // Eight bytes of a digest tell sessions apart far beyond any number of them.
        let digest = blake3::hash(imported.session_key.as_bytes());
        let mut key = [0u8; 8];
        key.copy_from_slice(&digest.as_bytes()[..8]);
        counted.sessions.insert(u64::from_le_bytes(key));
    }
}

/// The bars of an import, and what could not be recorded in any form.
#[derive(Debug)]
pub(super) struct Bars {
    reading: ProgressBar,
    committing: ProgressBar,
    refused: Mutex<Vec<String>>,
}

impl Bars {
    pub(super) fn new(draw: &MultiProgress, bytes: u64) -> Self {
        let style = |template: &str| {
            // The templates are constants; a mistake in one leaves the plain bar.
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
        };
        let reading = draw.add(ProgressBar::new(bytes));
        reading.set_style(style("reading    {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {msg}"));
        let committing = draw.add(ProgressBar::new_spinner());
        committing.set_style(style("committing {spinner} {pos} log records {msg}"));
        Self { reading, committing, refused: Mutex::default() }
    }

    pub(super) fn reading_done(&self) {
        self.reading.finish();
    }

    pub(super) fn committing(&self) -> ProgressBar {
        self.committing.clone()
    }

    fn refused_first(&self) -> Vec<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Progress for Bars {
    fn done(&self, done: &Done) {
        self.reading.set_position(done.disk_bytes);
        self.reading.set_message(format!("{} events", thousands(done.events)));
    }

    fn refused(&self, draft: &Draft, error: &DraftError) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() < REFUSED_SHOWN_MAX {
            let place = draft.origin.as_deref().unwrap_or(&draft.id);
            refused.push(format!("{place}: {error}"));
        }
    }
}

/// The end of an import.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    format: String,
    files: Option<u64>,
    files_skipped: Option<u64>,
    bytes: Option<u64>,
    /// Records read: native ones and the acts inside them.
    pub(super) records: u64,
    /// Events that the log has now and had not before.
    events: u64,
    /// Damaged records, kept as rejects.
    pub(super) rejects: u64,
    /// Sent by an earlier import of this home.
    skipped: u64,
    /// Could not be recorded in any form.
    pub(super) refused: u64,
    refused_first: Vec<String>,
    sessions: usize,
    kinds: BTreeMap<String, u64>,
    /// Whether the caller stopped it.
    pub(super) stopped: bool,
    committed: bool,
    /// Rows of the table that were there already, under another key or from another machine; `null` when another
    /// process commits.
    duplicates: Option<u64>,
    table_version: Option<u64>,
    seconds: f64,
}

impl Report {
    /// Whether no file was of the format.
    pub(super) fn read_nothing(&self) -> bool {
        self.files == Some(0) && self.records == 0 && self.skipped == 0
    }

    pub(super) fn new(
        format: &str,
        summary: &Summary,
        (figures, bars): (&Figures, &Bars),
        settled: Option<Settled>,
        status: Option<&Status>,
        took: Duration,
    ) -> Self {
        let counted = figures.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Done { read, events, rejects, skipped, refused, .. } = summary.done;
        let totals = summary.totals;
        // The counters of the whole process: the compactor may have begun before the last call.
        let own = settled.and_then(|s| s.totals);
        Self {
            format: format.to_owned(),
            files: totals.map(|t| t.files),
            files_skipped: totals.map(|t| t.skipped),
            bytes: totals.map(|t| t.bytes),
            records: read,
            events,
            rejects,
            skipped,
            refused,
            refused_first: bars.refused_first(),
            sessions: counted.sessions.len(),
            kinds: counted.kinds.clone(),
            stopped: summary.stopped,
            committed: settled.is_some(),
            duplicates: own.and(status).map(|s| s.duplicates.load(Ordering::Relaxed)),
            table_version: own.map(|t| t.version),
            seconds: took.as_secs_f64(),
        }
    }

    pub(super) fn text(&self, console: &Console) -> String {
        let mut rows = vec![
            ("records read", Some(self.records)),
            ("events recorded", Some(self.events)),
            ("rejects (damaged, kept)", Some(self.rejects)),
            ("skipped (sent before)", Some(self.skipped)),
            ("duplicates", self.duplicates),
            ("sessions", Some(self.sessions as u64)),
            ("files", self.files),
            ("files of other kinds", self.files_skipped),
        ];
        if self.refused > 0 {
            rows.push(("refused (not recorded)", Some(self.refused)));
        }
        let mut text =
            format!("{}\n", console.styled(Style::Bold, &format!("imported {} in {:.1} s", self.format, self.seconds)));
        for (name, n) in rows {
            if let Some(n) = n {
                text.push_str(&format!("  {name:24} {:>12}\n", thousands(n)));
            }
        }
        text.push_str("records by kind\n");
        for (kind, n) in &self.kinds {
            text.push_str(&format!("  {kind:24} {:>12}\n", thousands(*n)));
        }
        for line in &self.refused_first {
            text.push_str(&format!("{} {line}\n", console.styled(Style::Yellow, "refused:")));
        }
        let end = match (self.committed, self.table_version) {
            (true, Some(version)) => {
                format!("committed at table version {version}: `hansard sessions` lists what is there")
            }
            (true, None) => "committed by the running compactor: `hansard sessions` lists what is there".to_owned(),
            (false, _) => "in the log, not yet in the table: `hansard serve` or the next import commits it".to_owned(),
        };
        text + &end
    }
}
