//! Freshness: how long after its acknowledgement an event is seen by `why`, and whether a reader ever counts wrong.
//!
//! One process, as a server runs: a producer that offers events at a fixed rate, the compactor that commits and merges, and
//! a service that answers. Guarantee: the clock of an event starts when the log has acknowledged it. The reader counts all
//! the time: no event twice, none fewer than it saw before, and how many acknowledged ones it does not see yet.

use super::fill;
use super::spread::Spread;
use crate::asks::Service;
use crate::bed::{self, Bed};
use crate::corpus::{CorpusPlan, EVENTS_MIN};
use crate::error::{Doing, Error, Result};
use crate::generator::Plan;
use crate::lane::KEYS;
use crate::machine::{self, Usage};
use ingest::log::{Log, NewRecord};
use schemas::header::Header;
use schemas::record::{Body, LogRecord};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use store::compactor::{Compactor, Options, Status};
use store::index::Indexer;
use store::location::Storage;
use store::snapshot::Snapshot;
use store::tail::Tail;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

/// Events of a batch: a producer that sends several times a second.
const BATCH: usize = 64;
/// Pause between two looks whether an event is seen.
const LOOK: Duration = Duration::from_millis(5);
/// An event that is not seen after this is missing.
const SEEN_WITHIN: Duration = Duration::from_secs(30);
/// Events that are watched at a time: a sample of what is acknowledged. More would measure the questions.
const WATCHED_MAX: usize = 4;
/// Rounds that are generated before they are offered.
const ROUNDS_AHEAD: usize = 2;
/// Pause between two counts: the reader is to be in the way of commits, not of everything.
const COUNT_PAUSE: Duration = Duration::from_millis(250);
/// Events that wait before they are indexed, as in a server.
const INDEX_EVENTS: u64 = 20_000;
/// Pause between two looks whether so many wait.
const INDEX_LOOK: Duration = Duration::from_secs(2);
/// Segments below this size in bytes are merged.
const MERGE_BELOW: u64 = 4 * 1_048_576;

/// What it came to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Fresh {
    /// Events acknowledged.
    pub events: u64,
    /// Events per second that were acknowledged.
    pub rate: f64,
    /// Milliseconds from acknowledgement until `why` answers with the event.
    pub seen: Spread,
    /// Events whose time was taken and that were never seen.
    pub missing: u64,
    /// Counts by the reader.
    pub counts: u64,
    /// Counts in which ids and events differed.
    pub doubled: u64,
    /// Counts that were smaller than the one before.
    pub fewer: u64,
    /// Counts that held fewer events than had been acknowledged before the question.
    pub behind: u64,
    /// Most acknowledged events that a count did not hold.
    pub behind_max: u64,
    /// Commits and merges underneath.
    pub commits: u64,
    /// Merges.
    pub merges: u64,
    /// Cost of the process.
    pub usage: Usage,
}

/// What the tasks share.
#[derive(Debug, Default)]
struct Shared {
    acknowledged: AtomicU64,
    stop: AtomicBool,
}

impl Shared {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

/// Offers `rate` events a second for `time` in a new bed.
///
/// # Errors
/// When log, compactor or service fail; and when the machine could not offer nine tenths of the rate.
pub async fn run(dir: &Path, seed: u64, rate: u64, time: Duration) -> Result<Fresh> {
    let bed = Bed::fill(dir, Plan { seed, events: 0, batch: BATCH, lanes: 1 }, None).await?;
    let log = bed.log().await?;
    let rows = Arc::new(Tail::default());
    let (stop, status, compacting) = compactor(&bed, Arc::clone(&log), Arc::clone(&rows)).await?;
    let service = Service::start(&bed, rows)?;
    let shared = Arc::new(Shared::default());
    let indexing = tokio::spawn(index(bed.storage()?, Arc::clone(&shared)));
    let counting = tokio::spawn(count(service.clone(), Arc::clone(&shared)));
    let mut watcher = Watcher { service, free: Arc::new(Semaphore::new(WATCHED_MAX)), watched: JoinSet::new() };
    let plan = CorpusPlan { seed, events: EVENTS_MIN.max(rate * time.as_secs() + rate), batch: BATCH, lean: false };
    let started = Instant::now();
    let offered = offer(&*log, plan, rate, time, &shared, &mut watcher).await;
    let seconds = started.elapsed().as_secs_f64();
    let (seen, missing) = watcher.end().await?;
    shared.stop.store(true, Ordering::Release);
    indexing.await.doing("indexing")??;
    let counted = counting.await.doing("counting events")??;
    offered?;
    // The compactor may have ended by itself; then it says why.
    let _ = stop.send(true);
    compacting.await.doing("compacting")??;
    let events = shared.acknowledged.load(Ordering::Acquire);
    let reached = events as f64 / seconds;
    if reached < 0.9 * rate as f64 {
        let cause = format!("{rate} events/s were to be offered, the machine acknowledged {reached:.0}");
        return Err(Error::new("measuring freshness", cause));
    }
    Ok(Fresh {
        events,
        rate: reached,
        seen: Spread::of(seen),
        missing,
        commits: status.commits.load(Ordering::Relaxed),
        merges: status.merges.load(Ordering::Relaxed),
        usage: machine::usage("self"),
        ..counted
    })
}

/// Indexes as a server does beside its compactor.
async fn index(storage: Storage, shared: Arc<Shared>) -> Result<()> {
    let indexer = Indexer::new(storage.clone(), bed::env());
    while !shared.stopped() {
        tokio::time::sleep(INDEX_LOOK).await;
        let snapshot = Snapshot::load(&storage, None).await.doing("reading the table")?;
        if indexer.behind(&snapshot).await.doing("reading the index")? >= INDEX_EVENTS {
            indexer.catch_up(&snapshot, |_| !shared.stopped()).await.doing("building the index")?;
        }
    }
    Ok(())
}

type Compacting = JoinHandle<Result<()>>;

/// A compactor that commits often and merges early, so that readers meet many of both.
async fn compactor(
    bed: &Bed,
    log: Arc<dyn Log>,
    rows: Arc<Tail>,
) -> Result<(watch::Sender<bool>, Arc<Status>, Compacting)> {
    let options =
        Options { merge_files_min: 4, merge_below_bytes: MERGE_BELOW, tail: Some(rows), ..Options::default() };
    let key = bed::log_key(bed.note.plan.seed);
    let opened = Compactor::open(bed.storage()?, log, key, bed::env(), options).await;
    let mut compactor = opened.doing("opening the compactor")?;
    // The table holds something when the service first looks.
    compactor.catch_up().await.doing("compacting")?;
    let status = compactor.status();
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(async move { compactor.run(stopped).await.doing("compacting") });
    Ok((stop, status, task))
}

/// Appends at the rate; has the last event of a record watched whenever the watcher has room.
async fn offer(
    log: &dyn Log,
    plan: CorpusPlan,
    rate: u64,
    time: Duration,
    shared: &Shared,
    watcher: &mut Watcher,
) -> Result<()> {
    let (sender, mut rounds) = mpsc::channel::<Vec<NewRecord>>(ROUNDS_AHEAD);
    // Ends when this function does, because nobody takes more.
    let _making = tokio::task::spawn_blocking(move || fill::make(plan, &sender));
    let mut waiting = rounds.recv().await.unwrap_or_default();
    waiting.reverse();
    let (started, mut offered) = (Instant::now(), 0);
    while started.elapsed() < time {
        if waiting.is_empty() {
            waiting = rounds.recv().await.unwrap_or_default();
            waiting.reverse();
        }
        let Some(record) = waiting.pop() else { break };
        let (events, last) = events_of(&record)?;
        offered += events;
        fill::append(log, vec![record]).await?;
        shared.acknowledged.fetch_add(events, Ordering::AcqRel);
        watcher.watch(last);
        tokio::time::sleep_until((started + Duration::from_secs_f64(offered as f64 / rate as f64)).into()).await;
    }
    Ok(())
}

/// How many events a record carries, and the id of the last.
fn events_of(record: &NewRecord) -> Result<(u64, String)> {
    let Ok(Body::Batch(batch)) = LogRecord::parse(&record.value) else {
        return Err(Error::new("offering events", "a record without a batch was generated"));
    };
    let last = batch.events.last().and_then(|event| Header::parse(&event.header).ok());
    Ok((batch.events.len() as u64, last.map(|header| header.id).unwrap_or_default()))
}

/// Takes the time of a sample of events.
#[derive(Debug)]
struct Watcher {
    service: Service,
    free: Arc<Semaphore>,
    watched: JoinSet<Result<Option<f64>>>,
}

impl Watcher {
    /// Takes the time of an event that was acknowledged just now, unless enough are watched.
    fn watch(&mut self, id: String) {
        let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() else { return };
        let (service, acknowledged) = (self.service.clone(), Instant::now());
        self.watched.spawn(async move {
            let seen = seen(service, &id, acknowledged).await;
            drop(permit);
            seen
        });
    }

    /// The times in milliseconds, and how many events were never seen.
    async fn end(mut self) -> Result<(Vec<f64>, u64)> {
        let (mut times, mut missing) = (Vec::new(), 0);
        while let Some(seen) = self.watched.join_next().await {
            match seen.doing("watching events")?? {
                Some(time) => times.push(time),
                None => missing += 1,
            }
        }
        Ok((times, missing))
    }
}

/// Milliseconds until an event is explained; `None` when it never was.
async fn seen(service: Service, id: &str, acknowledged: Instant) -> Result<Option<f64>> {
    while acknowledged.elapsed() < SEEN_WITHIN {
        // An event that is not seen yet is an error of the question; one of the service is passed on.
        if service.asker().await?.why(id).await.is_ok_and(|found| found.size > 0) {
            return Ok(Some(acknowledged.elapsed().as_secs_f64() * 1e3));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(None)
}

/// Counts until it is told to stop.
async fn count(service: Service, shared: Arc<Shared>) -> Result<Fresh> {
    let mut found = Fresh::default();
    let mut before = 0;
    while !shared.stopped() {
        let acknowledged = shared.acknowledged.load(Ordering::Acquire) + KEYS as u64;
        let (events, different) = service.asker().await?.count().await?;
        found.counts += 1;
        found.doubled += u64::from(events != different);
        found.fewer += u64::from(events < before);
        found.behind += u64::from(events < acknowledged);
        found.behind_max = found.behind_max.max(acknowledged.saturating_sub(events));
        before = events;
        tokio::time::sleep(COUNT_PAUSE).await;
    }
    Ok(found)
}
