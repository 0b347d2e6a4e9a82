//! From the log to judged shares: the read half of the compactor.
//!
//! Guarantee: records of a partition are judged in offset order, each once. What is gathered is bounded by
//! [`Options::commit_rows_max`] and [`Options::commit_bytes_max`] (one read may exceed them by its own size). A log that
//! begins after the offset that the table has reached halts its partition with a finding; nothing is skipped.

use crate::committer::Share;
use crate::error::{Result, StoreError};
use crate::judge::{Judged, PartitionState, Pending, StreamKey};
use crate::keys::{Speakers, registry_stream};
use crate::location::Storage;
use crate::options::{Options, Status};
use crate::prepare::{self, Prepared, What};
use crate::recover;
use crate::row::Row;
use crate::snapshot::{Snapshot, StoreIdentity};
use crate::tail::Stretch;
use ingest::log::{Entry, Log, LogError, ReadLimits};
use schemas::columns::RowClass;
use schemas::partition::partition_of;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Kind of the finding that a partition goes no further, because its log begins too late.
const LOG_TRUNCATED: &str = "log_truncated";

/// See the module.
#[derive(Debug)]
pub(crate) struct Gatherer {
    storage: Storage,
    identity: StoreIdentity,
    log: Arc<dyn Log>,
    options: Options,
    status: Arc<Status>,
    speakers: Speakers,
    states: BTreeMap<u32, PartitionState>,
    halted: BTreeSet<u32>,
    /// A batch that must be compared with the table before its partition goes on.
    asked: Option<(u32, Box<Prepared>)>,
    /// Partitions that were taken over, in the order in which they are read.
    owned: Vec<u32>,
    shares: BTreeMap<u32, Share>,
    /// Rows of each share that the tail shows, and the offset and leaf up to which.
    shown: BTreeMap<u32, (usize, u64, u64)>,
    /// How long a read waits for the first record.
    pub(crate) wait: Duration,
}

impl Gatherer {
    /// State at a snapshot; partitions are loaded when they are first read.
    pub(crate) async fn open(
        snapshot: &Snapshot,
        log: Arc<dyn Log>,
        options: Options,
        status: Arc<Status>,
    ) -> Result<Self> {
        Ok(Self {
            storage: snapshot.storage.clone(),
            identity: snapshot.identity.clone(),
            log,
            options,
            status,
            speakers: recover::speakers(snapshot).await?,
            states: BTreeMap::new(),
            halted: BTreeSet::new(),
            asked: None,
            owned: Vec::new(),
            shares: BTreeMap::new(),
            shown: BTreeMap::new(),
            wait: Duration::ZERO,
        })
    }

    /// Log offset up to which a partition was judged.
    pub(crate) fn offset(&self, partition: u32) -> Option<u64> {
        self.states.get(&partition).map(|s| s.head.offset)
    }

    /// Whether a partition goes no further until somebody acts.
    pub(crate) fn is_halted(&self, partition: u32) -> bool {
        self.halted.contains(&partition)
    }

    /// Whether everything that was judged must be committed before gathering goes on.
    pub(crate) fn must_commit(&self) -> bool {
        self.asked.is_some()
    }

    /// Rows that wait.
    pub(crate) fn rows(&self) -> usize {
        self.shares.values().map(|s| s.pending.rows.len()).sum()
    }

    /// Whether the bounds of a commit are reached.
    pub(crate) fn is_full(&self) -> bool {
        let weight: usize = self.shares.values().map(|s| s.pending.weight).sum();
        self.rows() >= self.options.commit_rows_max || weight >= self.options.commit_bytes_max
    }

    /// Takes what was gathered, for one commit.
    pub(crate) fn take(&mut self) -> Vec<Share> {
        let registry = self.speakers.digest();
        self.shown.clear();
        let shares = std::mem::take(&mut self.shares).into_values();
        shares
            .filter_map(|mut share| {
                let state = self.states.get_mut(&share.partition)?;
                state.head.registry = registry;
                state.head.parts_from = state.parts.first_offset().unwrap_or(state.head.offset).min(state.head.offset);
                share.after = state.head.clone();
                (share.after.offset != share.before.offset || !share.pending.rows.is_empty()).then_some(share)
            })
            .collect()
    }

    /// Reads and judges one stretch of each assigned partition; true when there was anything.
    ///
    /// # Errors
    /// When log or table fail; the state is then to be thrown away.
    pub(crate) async fn round(&mut self) -> Result<bool> {
        if let Some((partition, record)) = self.asked.take() {
            self.settle(partition, *record).await?;
        }
        let mut any = false;
        for partition in self.owned.clone() {
            any |= self.stretch(partition).await?;
            if self.is_full() || self.must_commit() {
                break;
            }
        }
        if any {
            self.show();
        }
        Ok(any)
    }

    /// Shows what was judged since the last time, while somebody asks.
    fn show(&mut self) {
        let Some(tail) = self.options.tail.clone().filter(|tail| tail.is_wanted(self.rows())) else { return };
        for (partition, share) in &self.shares {
            let Some(head) = self.states.get(partition).map(|state| &state.head) else { continue };
            let before = (0, share.before.offset, share.before.tree.size());
            let (rows, from, leaf) = self.shown.get(partition).copied().unwrap_or(before);
            if from < head.offset {
                let new = &share.pending.rows[rows..];
                let (offsets, leaves) = (from..head.offset, leaf..head.tree.size());
                match tokio::task::block_in_place(|| Stretch::of(*partition, offsets, leaves, new)) {
                    Ok(stretch) => tail.show(stretch),
                    // What is not shown is seen when it is committed.
                    Err(error) => tracing::warn!(partition, "rows are not shown before their commit: {error}"),
                }
                self.shown.insert(*partition, (share.pending.rows.len(), head.offset, head.tree.size()));
            }
        }
    }

    /// Partitions that were taken over.
    pub(crate) fn owned(&self) -> &[u32] {
        &self.owned
    }

    /// Looks at the assignment, lets go of what is no longer ours, and gives the partitions that are to be taken over.
    ///
    /// # Errors
    /// When the log cannot be asked.
    pub(crate) async fn newly_assigned(&mut self) -> Result<Vec<u32>> {
        let mut partitions = self.log.assignment().await?;
        let registry = partition_of(registry_stream(&self.identity.registry_key).as_bytes(), self.identity.partitions);
        // The partition with the fewest records judged goes first, so that none starves when commits fill up early.
        partitions.sort_by_key(|p| (*p != registry, self.offset(*p).unwrap_or(0)));
        self.states.retain(|p, _| partitions.contains(p));
        self.shares.retain(|p, _| partitions.contains(p));
        self.shown.retain(|p, _| partitions.contains(p));
        if let Some(tail) = &self.options.tail {
            tail.keep(&partitions);
        }
        self.halted.retain(|p| partitions.contains(p));
        if self.asked.as_ref().is_some_and(|(p, _)| !partitions.contains(p)) {
            self.asked = None;
        }
        let missing: Vec<u32> = partitions.iter().copied().filter(|p| !self.states.contains_key(p)).collect();
        self.owned = partitions;
        Ok(missing)
    }

    /// Loads the state of partitions from a snapshot that has everything that was committed of them.
    ///
    /// # Errors
    /// When table or log cannot be read.
    pub(crate) async fn take_over(&mut self, snapshot: &Snapshot, partitions: &[u32]) -> Result<()> {
        let registry = partition_of(registry_stream(&self.identity.registry_key).as_bytes(), self.identity.partitions);
        if !self.states.contains_key(&registry) {
            // Registrations that were committed since this process opened the table.
            self.speakers = recover::speakers(snapshot).await?;
        }
        for partition in partitions {
            let state = self.load(snapshot, *partition).await?;
            self.states.insert(*partition, state);
        }
        Ok(())
    }

    async fn load(&self, snapshot: &Snapshot, partition: u32) -> Result<PartitionState> {
        let mut state = recover::partition_state(snapshot, partition).await?;
        let mut from = state.head.parts_from;
        while from < state.head.offset {
            let entries = match self.log.read(partition, from, self.limits(Duration::ZERO)).await {
                Ok(entries) => entries,
                // Parts that are gone make their batch a reject when it comes, with that reason.
                Err(LogError::Truncated { first, .. }) if first <= state.head.offset => {
                    from = first;
                    continue;
                }
                Err(LogError::Truncated { .. }) => break,
                Err(e) => return Err(e.into()),
            };
            let Some(last) = entries.last() else { break };
            from = last.offset + 1;
            let below = entries.into_iter().filter(|e| e.offset < state.head.offset).collect();
            for record in prepare::prepare_all(below, &self.speakers) {
                state.replay_parts(record);
            }
        }
        Ok(state)
    }

    fn limits(&self, wait: Duration) -> ReadLimits {
        ReadLimits { records_max: self.options.read_records_max, bytes_max: self.options.read_bytes_max, wait }
    }

    async fn stretch(&mut self, partition: u32) -> Result<bool> {
        if self.halted.contains(&partition) {
            return Ok(false);
        }
        let Some(from) = self.offset(partition) else { return Ok(false) };
        let entries = match self.log.read(partition, from, self.limits(self.wait)).await {
            Ok(entries) => entries,
            Err(LogError::Truncated { first, .. }) => return self.halt(partition, from, first).await,
            Err(e) => return Err(e.into()),
        };
        if entries.is_empty() {
            return Ok(false);
        }
        Status::add(&self.status.records, entries.len());
        tokio::task::block_in_place(|| self.judge_all(partition, entries));
        Ok(true)
    }

    fn judge_all(&mut self, partition: u32, entries: Vec<Entry>) {
        let known = self.speakers.digest();
        let records = prepare::prepare_all(entries, &self.speakers);
        for mut record in records {
            // Registrations and revocations of this very stretch count for what follows them.
            if self.speakers.digest() != known {
                record = prepare::prepare(record.offset, record.value, &self.speakers);
            }
            let Some((state, share)) = share_of(&mut self.states, &mut self.shares, partition) else { return };
            match state.judge(record, &mut self.speakers, &mut share.pending, &self.identity.tenant) {
                Judged::Done => {}
                Judged::AskTable(record) => {
                    self.asked = Some((partition, record));
                    return;
                }
            }
        }
    }

    /// Compares a repeated batch with the table, which holds everything judged before it by now.
    async fn settle(&mut self, partition: u32, record: Prepared) -> Result<()> {
        let What::Batch(batch, _) = &record.what else { return Ok(()) };
        let snapshot = Snapshot::load(&self.storage, None).await?;
        let key: StreamKey = (batch.signer, batch.stream.as_str().into());
        let (from, to) = (batch.before.size(), batch.after.size());
        let stored = recover::stream_leaves(&snapshot, partition, &key, from, to).await?;
        if let Some((state, share)) = share_of(&mut self.states, &mut self.shares, partition) {
            state.settle_repeat(record, &stored, &mut self.speakers, &mut share.pending, &self.identity.tenant);
        }
        Ok(())
    }

    async fn halt(&mut self, partition: u32, from: u64, first: u64) -> Result<bool> {
        self.halted.insert(partition);
        let detail = format!(
            "partition {partition} of log {} begins at offset {first}, the table has everything below {from}: records between them are lost to it; restore them, or start a new topic epoch",
            self.log.id()
        );
        tracing::error!(partition, "{detail}");
        self.status.set_error(Some(detail.clone()));
        let snapshot = Snapshot::load(&self.storage, None).await?;
        if recover::has_finding(&snapshot, partition, LOG_TRUNCATED, from).await? {
            return Ok(false);
        }
        if let Some((_, share)) = share_of(&mut self.states, &mut self.shares, partition) {
            let row = Row { finding: Some(LOG_TRUNCATED), detail: Some(detail), ..Row::bare(RowClass::Finding, from) };
            share.pending.rows.push(row);
        }
        Ok(true)
    }

    /// Records the links that a commit gave to its partitions' heads.
    pub(crate) fn set_links(&mut self, links: &BTreeMap<u32, [u8; 32]>) {
        for (partition, link) in links {
            if let Some(state) = self.states.get_mut(partition) {
                state.head.link = *link;
            }
            if let Some(share) = self.shares.get_mut(partition) {
                share.before.link = *link;
            }
        }
    }

    /// The registrations of another process may have been committed since: reads them again from the table.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub(crate) async fn refresh_speakers(&mut self) -> Result<()> {
        let registry = partition_of(registry_stream(&self.identity.registry_key).as_bytes(), self.identity.partitions);
        if self.states.contains_key(&registry) {
            return Ok(());
        }
        let snapshot = Snapshot::load(&self.storage, None).await?;
        self.speakers = recover::speakers(&snapshot).await?;
        Ok(())
    }

    /// Checks that the log is the one that the table is fed from.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] with both identities.
    pub(crate) fn check_log(&self) -> Result<()> {
        let (want, found) = (&self.identity, (self.log.id(), self.log.partitions()));
        if want.log_id == found.0 && want.partitions == found.1 {
            return Ok(());
        }
        let detail = format!(
            "the table is fed from log {} with {} partitions, this is log {} with {}; check --log",
            want.log_id, want.partitions, found.0, found.1
        );
        Err(StoreError::invalid("log", detail))
    }
}

/// State and share of a partition; the share begins at the state's head.
fn share_of<'a>(
    states: &'a mut BTreeMap<u32, PartitionState>,
    shares: &'a mut BTreeMap<u32, Share>,
    partition: u32,
) -> Option<(&'a mut PartitionState, &'a mut Share)> {
    let state = states.get_mut(&partition)?;
    let share = shares.entry(partition).or_insert_with(|| Share {
        partition,
        pending: Pending::default(),
        before: state.head.clone(),
        after: state.head.clone(),
    });
    Some((state, share))
}
