//! A bed that holds a corpus: its log is filled by the signed path, and compacted in steps where the disk is small.
//!
//! Guarantee: `corpus.json` is written when everything was appended; with steps, the log is trimmed as far as the table has
//! it, so that log and table never hold all events both. A compaction counts only when every event was committed.

use crate::bed::{self, Bed};
use crate::corpus::{Corpus, CorpusPlan, Manifest};
use crate::error::{Doing, Error, Result};
use crate::generator::{Made, Plan};
use crate::lane::KEYS;
use crate::machine::{self, Usage};
use ingest::log::{Log, LogError, NewRecord};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use store::clean::Retention;
use store::compactor::{Compactor, Options, Totals};
use tokio::sync::mpsc;

/// Rounds that wait between generator and log.
const QUEUE_ROUNDS: usize = 4;
/// Log records kept in each partition although the table has them.
const GRACE_RECORDS: u64 = 64;

/// What filling and compacting came to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Filled {
    /// Events.
    pub events: u64,
    /// Mean size of header and contents in bytes.
    pub event_bytes: f64,
    /// Seconds of generating and appending (and compacting, when in steps).
    pub fill_seconds: f64,
    /// Seconds of compacting and merging.
    pub compact_seconds: f64,
    /// Merges.
    pub merges: usize,
    /// Bytes of the store.
    pub store_bytes: u64,
    /// Cost of this process.
    pub usage: Usage,
}

/// Makes a bed; with `step`, compacts after so many events each.
///
/// # Errors
/// When the folder holds a bed already, or log, store or generator fail.
pub async fn fill(dir: &Path, plan: CorpusPlan, step: Option<u64>) -> Result<Filled> {
    let started = Instant::now();
    let empty = Plan { seed: plan.seed, events: 0, batch: plan.batch, lanes: 1 };
    let mut bed = Bed::fill(dir, empty, None).await?;
    let log = bed.log().await?;
    let (sender, mut rounds) = mpsc::channel::<Vec<NewRecord>>(QUEUE_ROUNDS);
    let making = tokio::task::spawn_blocking(move || make(plan, &sender));
    let mut compaction = None;
    let mut waiting = 0;
    while let Some(round) = rounds.recv().await {
        waiting += (round.len() * plan.batch) as u64;
        append(&*log, round).await?;
        if step.is_some_and(|step| waiting >= step) {
            waiting = 0;
            let open = match compaction.take() {
                Some(open) => open,
                None => Compaction::open(&bed, Arc::clone(&log)).await?,
            };
            compaction = Some(open.advance().await?);
        }
    }
    let (made, manifest) = making.await.doing("generating events")??;
    bed.note.made = made;
    bed.note.fill_seconds = started.elapsed().as_secs_f64();
    let text = serde_json::to_string_pretty(&bed.note).doing("writing bed.json")?;
    std::fs::write(dir.join("bed.json"), text).doing("writing bed.json")?;
    manifest.save(dir)?;
    match (compaction, step) {
        (Some(open), _) => open.end(&bed).await,
        // Fewer events than a step.
        (None, Some(_)) => Compaction::open(&bed, log).await?.end(&bed).await,
        (None, None) => Ok(filled(&bed)),
    }
}

/// Compacts and merges a bed that was filled without steps.
///
/// # Errors
/// When the compactor fails, or did not commit exactly what was generated.
pub async fn compact(dir: &Path) -> Result<Filled> {
    let bed = Bed::open(dir)?;
    let log = bed.log().await?;
    Compaction::open(&bed, log).await?.end(&bed).await
}

/// Makes all of a plan; ends early when nobody takes it.
pub(super) fn make(plan: CorpusPlan, sender: &mpsc::Sender<Vec<NewRecord>>) -> Result<(Made, Manifest)> {
    let mut corpus = Corpus::new(plan)?;
    loop {
        let round = corpus.round()?;
        if round.is_empty() {
            return Ok(corpus.finish(plan));
        }
        sender.blocking_send(round).map_err(|_| Error::new("filling a log", "the log failed"))?;
    }
}

/// Appends records, waiting where the log is overloaded.
///
/// # Errors
/// When the log fails.
pub async fn append(log: &dyn Log, records: Vec<NewRecord>) -> Result<()> {
    loop {
        match log.append(records.clone()).await {
            Ok(_) => return Ok(()),
            Err(LogError::Busy { after, .. }) => tokio::time::sleep(after).await,
            Err(e) => return Err(Error::new("appending to the log", e)),
        }
    }
}

fn filled(bed: &Bed) -> Filled {
    Filled {
        events: bed.note.made.events,
        event_bytes: bed.note.made.event_bytes_mean(),
        fill_seconds: bed.note.fill_seconds,
        store_bytes: machine::folder_bytes(&bed.store_dir()),
        usage: machine::usage("self"),
        ..Filled::default()
    }
}

/// A compactor that catches up step by step.
#[derive(Debug)]
struct Compaction {
    compactor: Compactor,
    totals: Totals,
    merges: usize,
    seconds: f64,
}

impl Compaction {
    async fn open(bed: &Bed, log: Arc<dyn Log>) -> Result<Self> {
        let options = Options { log_grace_records: GRACE_RECORDS, ..Options::default() };
        let key = bed::log_key(bed.note.plan.seed);
        let compactor = Compactor::open(bed.storage()?, log, key, bed::env(), options).await;
        let compactor = compactor.doing("opening the compactor")?;
        Ok(Self { compactor, totals: Totals::default(), merges: 0, seconds: 0.0 })
    }

    /// Commits what the log holds, merges what is small, and deletes what was merged.
    async fn advance(mut self) -> Result<Self> {
        let started = Instant::now();
        let done = self.compactor.catch_up().await.doing("compacting")?;
        self.totals.events += done.events;
        self.totals.rejects += done.rejects;
        self.totals.duplicates += done.duplicates;
        self.totals.findings += done.findings;
        self.merges += self.compactor.merge_all().await.doing("merging segments")?;
        // Nobody reads an older version of a bed.
        let retention = Retention { files_ms: 0, ..Retention::default() };
        self.compactor.clean(retention).await.doing("cleaning up")?;
        self.seconds += started.elapsed().as_secs_f64();
        Ok(self)
    }

    async fn end(self, bed: &Bed) -> Result<Filled> {
        let mut done = self.advance().await?;
        done.compactor.checkpoint().await.doing("writing a checkpoint of the table")?;
        let (expected, t) = (bed.note.made.events + KEYS as u64, done.totals);
        if (t.events, t.rejects, t.duplicates, t.findings) != (expected, 0, 0, 0) {
            return Err(Error::new("compacting", format!("{expected} events and nothing else expected, found {t:?}")));
        }
        Ok(Filled { compact_seconds: done.seconds, merges: done.merges, ..filled(bed) })
    }
}
