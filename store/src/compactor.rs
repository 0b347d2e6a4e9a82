//! The compactor: gathers judged shares from the log, commits them, and again; two stages that overlap.
//!
//! Guarantee: what was committed is in the table once, whatever is killed when: the offsets are in the commit. While one
//! commit is being written the next is gathered; a commit that fails throws both away and starts again from the table,
//! with the code that starts a compactor. Memory: at most two commits' worth of rows.

use crate::clean::{self, Cleaned, Retention};
use crate::committer::{Committer, Done, Share};
use crate::error::{Result, StoreError};
use crate::gather::Gatherer;
use crate::location::Storage;
use crate::maintain;
pub use crate::options::{Options, Status, Totals};
use crate::policing::{self, Policing};
use crate::snapshot::Snapshot;
use ed25519_dalek::SigningKey;
use ingest::env::Env;
use ingest::log::Log;
use schemas::columns::RowClass;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Pause after a failure, before starting again from the table.
const FAILURE_PAUSE: Duration = Duration::from_millis(200);
/// Failures in a row after which `catch_up` gives up (`run` goes on for ever).
const FAILURES_MAX: u32 = 10;
/// How long a look at a log that should hold more waits for it.
const IDLE_WAIT: Duration = Duration::from_millis(250);
/// Such looks in a row after which `catch_up` takes the log for read.
const IDLE_ROUNDS_MAX: u32 = 40;
/// Rows do not wait for more when nothing came for so long.
const LULL: Duration = Duration::from_millis(500);
/// Least time between two looks for registrations by other processes.
const REFRESH_INTERVAL: Duration = Duration::from_secs(2);

type InFlight = JoinHandle<(Committer, Result<Done>)>;

/// See the module.
#[derive(Debug)]
pub struct Compactor {
    storage: Storage,
    log: Arc<dyn Log>,
    log_key: SigningKey,
    env: Env,
    options: Options,
    status: Arc<Status>,
    gatherer: Gatherer,
    committer: Option<Committer>,
    policing: Option<Policing>,
    in_flight: Option<(InFlight, Counts)>,
    refreshed: Instant,
    /// The version in which nothing was left to merge.
    maintained: Option<u64>,
    cleaned: Instant,
}

#[derive(Debug, Clone, Default)]
struct Counts {
    rows: [usize; 4],
    /// Offset and parts offset by partition: what the log may forget.
    offsets: BTreeMap<u32, u64>,
    /// Offset after it by partition.
    ends: BTreeMap<u32, u64>,
    /// State of the policy after it, when that is due to be stored.
    state: Option<Vec<u8>>,
}

impl Compactor {
    /// Opens the table's newest version, publishes what a crash left out, and makes ready to go on.
    ///
    /// # Errors
    /// `Invalid` when log and table do not belong together, `Corrupt` when the table is damaged.
    pub async fn open(
        storage: Storage,
        log: Arc<dyn Log>,
        log_key: SigningKey,
        env: Env,
        options: Options,
    ) -> Result<Self> {
        let status = Arc::new(Status::default());
        let (gatherer, committer, policing) = start(&storage, &log, &log_key, &env, &options, &status).await?;
        Ok(Self {
            storage,
            log,
            log_key,
            env,
            options,
            status,
            gatherer,
            committer: Some(committer),
            policing,
            in_flight: None,
            refreshed: Instant::now(),
            maintained: None,
            cleaned: Instant::now(),
        })
    }

    /// The counters.
    #[must_use]
    pub fn status(&self) -> Arc<Status> {
        Arc::clone(&self.status)
    }

    /// Commits everything that is in the log at the time of the call.
    ///
    /// # Errors
    /// The last failure, after several in a row.
    pub async fn catch_up(&mut self) -> Result<Totals> {
        let before = self.totals();
        let (mut failures, mut idle) = (0, 0);
        let targets = self.targets().await?;
        loop {
            match self.advance(&targets, &mut idle).await {
                Ok(true) => failures = 0,
                Ok(false) => break,
                Err(e) => {
                    failures += 1;
                    if failures >= FAILURES_MAX {
                        return Err(e);
                    }
                    if let Err(again) = self.restart(&e).await {
                        tracing::warn!("compactor could not start again: {again}");
                    }
                }
            }
        }
        Ok(self.totals().since(before))
    }

    /// Compacts until told to stop, then commits what was gathered and returns.
    ///
    /// # Errors
    /// Only when the table cannot be opened again after a failure while stopping.
    pub async fn run(&mut self, mut stop: watch::Receiver<bool>) -> Result<()> {
        loop {
            let stopping = *stop.borrow();
            let step = if stopping { self.flush().await.map(|()| false) } else { self.tend().await };
            match step {
                Ok(_) if stopping => return Ok(()),
                Ok(true) => self.status.set_error(None),
                Ok(false) => {
                    let pause = tokio::time::sleep(self.options.idle_poll);
                    tokio::select! { () = pause => {}, _ = stop.changed() => {} }
                }
                Err(e) if stopping => return Err(e),
                Err(e) => {
                    if let Err(e) = self.restart(&e).await {
                        tracing::warn!("compactor could not start again: {e}");
                        self.status.set_error(Some(e.to_string()));
                        tokio::time::sleep(FAILURE_PAUSE).await;
                    }
                }
            }
        }
    }

    /// One step of `run`: gathers for at most the linger, then commits; false when there was nothing to do.
    async fn tend(&mut self) -> Result<bool> {
        self.own().await?;
        let started = Instant::now();
        let mut any = self.gatherer.round().await?;
        let mut news = Instant::now();
        while any
            && !self.gatherer.is_full()
            && !self.gatherer.must_commit()
            && started.elapsed() < self.options.linger
            && news.elapsed() < LULL
        {
            match self.gatherer.round().await? {
                true => news = Instant::now(),
                false => tokio::time::sleep(self.options.idle_poll).await,
            }
        }
        any |= self.gatherer.rows() > 0 || self.gatherer.must_commit();
        if any {
            self.commit().await?;
        } else if self.in_flight.is_some() {
            self.land().await?;
        } else {
            self.maintain().await?;
        }
        self.look_at_lag().await;
        self.refresh().await?;
        Ok(any)
    }

    /// One step of `catch_up`: false when the targets are committed.
    async fn advance(&mut self, targets: &BTreeMap<u32, u64>, idle: &mut u32) -> Result<bool> {
        self.own().await?;
        // What was asked of the table is settled by the first round: everything before it has landed by now.
        let found = self.gatherer.round().await?;
        while found && !self.gatherer.is_full() && !self.gatherer.must_commit() && self.gatherer.round().await? {}
        if found || self.gatherer.must_commit() {
            *idle = 0;
            self.gatherer.wait = Duration::ZERO;
            self.commit().await?;
            return Ok(true);
        }
        if self.reached(targets) || *idle >= IDLE_ROUNDS_MAX {
            self.flush().await?;
            return Ok(false);
        }
        // A log over a network has records that this process has not fetched yet; the last offsets of a Kafka
        // partition may also be markers that are never read, so the wait ends.
        *idle += 1;
        self.gatherer.wait = IDLE_WAIT;
        Ok(true)
    }

    /// Takes over the partitions that were assigned since the last look. What is in flight lands first, so that their
    /// state is read from a version that has it.
    async fn own(&mut self) -> Result<()> {
        let new = self.gatherer.newly_assigned().await?;
        if new.is_empty() {
            return Ok(());
        }
        self.land().await?;
        let snapshot = Snapshot::load(&self.storage, None).await?;
        self.gatherer.take_over(&snapshot, &new).await?;
        match &mut self.committer {
            Some(committer) => committer.take_over(&snapshot, &new).await,
            None => Err(stopped()),
        }
    }

    fn reached(&self, targets: &BTreeMap<u32, u64>) -> bool {
        let done = |p: &u32, t: &u64| self.gatherer.is_halted(*p) || self.gatherer.offset(*p).is_none_or(|o| o >= *t);
        targets.iter().all(|(p, t)| done(p, t))
    }

    async fn targets(&mut self) -> Result<BTreeMap<u32, u64>> {
        self.own().await?;
        let mut targets = BTreeMap::new();
        for partition in self.gatherer.owned().to_vec() {
            let offsets = self.log.offsets(partition).await?;
            targets.insert(partition, offsets.next);
        }
        Ok(targets)
    }

    /// Lets the commit in flight land, then sends off what was gathered.
    async fn commit(&mut self) -> Result<()> {
        self.land().await?;
        let mut shares = self.gatherer.take();
        if shares.is_empty() {
            return Ok(());
        }
        let now_us = self.env.clock.now_us();
        let state = self.police(&mut shares, now_us);
        let counts = Counts { state, ..count(&shares) };
        let Some(mut committer) = self.committer.take() else {
            return Err(stopped());
        };
        let task = tokio::spawn(async move {
            let done = committer.commit(shares, now_us).await;
            (committer, done)
        });
        self.in_flight = Some((task, counts));
        if self.gatherer.must_commit() {
            self.land().await?;
        }
        Ok(())
    }

    /// Waits for the commit in flight, if any.
    async fn land(&mut self) -> Result<()> {
        let Some((task, mut counts)) = self.in_flight.take() else { return Ok(()) };
        let (committer, done) = task.await.map_err(|e| StoreError::unavailable("commit", e))?;
        let done = done?;
        self.committer = Some(committer);
        self.gatherer.set_links(&done.links);
        self.account(&done, &counts);
        if let Some(tail) = &self.options.tail {
            counts.ends.iter().for_each(|(partition, offset)| tail.committed(*partition, *offset));
        }
        if let (Some(policy), Some(state)) = (&self.options.policy, counts.state.take())
            && let Err(e) = policing::save(&self.storage, policy, state).await
        {
            tracing::warn!("the policy's state was not stored: {e}");
        }
        self.trim_log(&counts).await;
        maintain::checkpoint_if_due(&self.storage, done.version).await;
        Ok(())
    }

    /// Adds what breaches the policy to the shares; gives the policy's state when it is due to be stored.
    fn police(&mut self, shares: &mut [Share], now_us: i64) -> Option<Vec<u8>> {
        let policing = self.policing.as_mut()?;
        tokio::task::block_in_place(|| {
            policing.judge(shares, now_us);
            policing.due()
        })
    }

    async fn flush(&mut self) -> Result<()> {
        self.commit().await?;
        self.land().await
    }

    /// Merges, and from time to time deletes what is no longer needed.
    async fn maintain(&mut self) -> Result<()> {
        if self.cleaned.elapsed() >= self.options.clean_interval {
            self.cleaned = Instant::now();
            let cleaned = self.clean(self.options.retention).await?;
            tracing::info!(files = cleaned.files, log_entries = cleaned.log_entries, "cleaned up");
        }
        self.merge().await
    }

    /// Deletes what `retention` no longer keeps.
    ///
    /// # Errors
    /// As [`clean::clean`].
    pub async fn clean(&self, retention: Retention) -> Result<Cleaned> {
        clean::clean(&self.storage, self.env.clock.now_us() / 1_000, retention).await
    }

    /// Writes a Delta checkpoint of the newest version that this compactor knows.
    ///
    /// # Errors
    /// When the table cannot be read or the checkpoint not be written.
    pub async fn checkpoint(&mut self) -> Result<()> {
        self.flush().await?;
        match &self.committer {
            Some(committer) => maintain::checkpoint(&self.storage, committer.base).await,
            None => Ok(()),
        }
    }

    async fn merge(&mut self) -> Result<()> {
        let Some(committer) = &mut self.committer else { return Ok(()) };
        if self.maintained == Some(committer.base) {
            return Ok(());
        }
        let owned = self.gatherer.owned();
        // The next commit steps over the merge by itself: its base stays the version that its heads were read from.
        let merged = maintain::merge_small(&self.storage, owned, &self.env, &self.options).await?;
        if let Some(version) = merged {
            Status::add(&self.status.merges, 1);
            committer.follow(version).await?;
            // A merge may take the very version at which a checkpoint is due.
            maintain::checkpoint_if_due(&self.storage, version).await;
        }
        // Looks at a version once: an idle compactor reads nothing.
        self.maintained = merged.is_none().then_some(committer.base);
        Ok(())
    }

    /// Merges small segments until none are left to merge; returns how many merges were committed.
    ///
    /// # Errors
    /// When the table fails; nothing is lost, merge again.
    pub async fn merge_all(&mut self) -> Result<usize> {
        self.flush().await?;
        self.own().await?;
        let mut all = 0;
        let Some(committer) = &mut self.committer else { return Ok(0) };
        while let Some(version) =
            maintain::merge_small(&self.storage, self.gatherer.owned(), &self.env, &self.options).await?
        {
            committer.follow(version).await?;
            all += 1;
        }
        Ok(all)
    }

    async fn refresh(&mut self) -> Result<()> {
        if self.refreshed.elapsed() < REFRESH_INTERVAL {
            return Ok(());
        }
        self.refreshed = Instant::now();
        self.gatherer.refresh_speakers().await
    }

    fn account(&self, done: &Done, counts: &Counts) {
        let s = &self.status;
        for (counter, n) in [&s.events, &s.rejects, &s.duplicates, &s.findings].into_iter().zip(counts.rows) {
            Status::add(counter, n);
        }
        Status::add(&s.commits, 1);
        s.version.store(done.version, Ordering::Relaxed);
    }

    /// Lets the log forget what the table has, minus the grace. A log that cannot is only larger than it need be.
    async fn trim_log(&self, counts: &Counts) {
        for (partition, offset) in &counts.offsets {
            let before = offset.saturating_sub(self.options.log_grace_records);
            // Trimming costs a write: done when at least a grace's worth can go.
            let Ok(held) = self.log.offsets(*partition).await else { continue };
            if before.saturating_sub(held.first) < self.options.log_grace_records.max(1) {
                continue;
            }
            if let Err(e) = self.log.trim(*partition, before).await {
                tracing::warn!(partition, "log was not trimmed below {before}: {e}");
            }
        }
    }

    async fn look_at_lag(&mut self) {
        let mut lag = 0;
        for partition in 0..self.log.partitions() {
            if let (Some(at), Ok(held)) = (self.gatherer.offset(partition), self.log.offsets(partition).await) {
                lag += held.next.saturating_sub(at);
            }
        }
        self.status.lag.store(lag, Ordering::Relaxed);
    }

    async fn restart(&mut self, cause: &StoreError) -> Result<()> {
        if matches!(cause, StoreError::Fenced { .. }) {
            self.status.fenced.fetch_add(1, Ordering::Relaxed);
        }
        tracing::warn!("compactor starts again from the table: {cause}");
        self.status.set_error(Some(cause.to_string()));
        if let Some(tail) = &self.options.tail {
            tail.reset();
        }
        if let Some((task, _)) = self.in_flight.take() {
            // Its outcome is read from the table.
            let _ = task.await;
        }
        tokio::time::sleep(FAILURE_PAUSE).await;
        let (gatherer, committer, policing) =
            start(&self.storage, &self.log, &self.log_key, &self.env, &self.options, &self.status).await?;
        self.gatherer = gatherer;
        self.committer = Some(committer);
        self.policing = policing;
        Ok(())
    }

    fn totals(&self) -> Totals {
        let read = |c: &std::sync::atomic::AtomicU64| c.load(Ordering::Relaxed);
        let s = &self.status;
        Totals {
            events: read(&s.events),
            rejects: read(&s.rejects),
            duplicates: read(&s.duplicates),
            findings: read(&s.findings),
            commits: read(&s.commits),
            version: read(&s.version),
        }
    }
}

impl Totals {
    fn since(self, before: Self) -> Self {
        Self {
            events: self.events - before.events,
            rejects: self.rejects - before.rejects,
            duplicates: self.duplicates - before.duplicates,
            findings: self.findings - before.findings,
            commits: self.commits - before.commits,
            version: self.version,
        }
    }
}

async fn start(
    storage: &Storage,
    log: &Arc<dyn Log>,
    log_key: &SigningKey,
    env: &Env,
    options: &Options,
    status: &Arc<Status>,
) -> Result<(Gatherer, Committer, Option<Policing>)> {
    let snapshot = Snapshot::load(storage, None).await?;
    status.version.store(snapshot.version, Ordering::Relaxed);
    let gatherer = Gatherer::open(&snapshot, Arc::clone(log), options.clone(), Arc::clone(status)).await?;
    gatherer.check_log()?;
    if snapshot.identity.log_key != hex::encode(log_key.verifying_key().to_bytes()) {
        let detail = "the key given is not the one that signs this store's trees; check the keys folder";
        return Err(StoreError::invalid("log key", detail));
    }
    let committer = Committer::open(&snapshot, log_key.clone(), env.clone()).await?;
    let policing = match &options.policy {
        Some(policy) => Some(Policing::open(&snapshot, policy).await?),
        None => None,
    };
    Ok((gatherer, committer, policing))
}

fn stopped() -> StoreError {
    StoreError::unavailable("compactor", "it was stopped by an earlier failure; start again")
}

fn count(shares: &[Share]) -> Counts {
    let mut counts = Counts::default();
    for share in shares {
        counts.offsets.insert(share.partition, share.after.offset.min(share.after.parts_from));
        counts.ends.insert(share.partition, share.after.offset);
        for row in &share.pending.rows {
            let slot = RowClass::ALL.iter().position(|c| *c == row.class).unwrap_or_default();
            counts.rows[slot] += 1;
        }
    }
    // Status counts events, rejects, duplicates, findings in the order of RowClass::ALL.
    counts
}
