//! A log in memory, for simulations and tests; clones are handles of the same log.
//!
//! Guarantee: the contract of [`Log`] except durability, which its [`Durability`] says. It fails only by the limits
//! of the format.

use super::{Durability, Entry, Log, LogError, NewRecord, Offsets, Position, ReadLimits, check};
use crate::env::Entropy;
use async_trait::async_trait;
use bytes::Bytes;
use schemas::limits::PARTITIONS_MAX;
use schemas::partition::partition_of;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// A log in memory. Clones share it.
#[derive(Debug, Clone)]
pub struct MemoryLog {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    id: String,
    /// One per partition; the mutex guards all of a partition.
    partitions: Vec<Partition>,
}

#[derive(Debug, Default)]
struct Partition {
    records: Mutex<Records>,
    appended: Notify,
}

#[derive(Debug, Default)]
struct Records {
    first: u64,
    entries: VecDeque<Entry>,
}

impl Records {
    fn next(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    fn push(&mut self, record: NewRecord) -> u64 {
        let offset = self.next();
        self.entries.push_back(Entry { offset, key: Bytes::from(record.partition_key), value: record.value });
        offset
    }

    fn read(&self, from: u64, limits: ReadLimits) -> Vec<Entry> {
        let start = usize::try_from(from.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let mut bytes = 0usize;
        let mut found: Vec<Entry> = Vec::new();
        for entry in self.entries.iter().skip(start).take(limits.records_max.max(1)) {
            bytes = bytes.saturating_add(entry.value.len());
            if !found.is_empty() && bytes > limits.bytes_max {
                break;
            }
            found.push(entry.clone());
        }
        found
    }
}

impl MemoryLog {
    /// An empty log of `partitions` partitions (taken into 1..=[`PARTITIONS_MAX`]); its id comes from `entropy`.
    #[must_use]
    pub fn new(partitions: u32, entropy: &dyn Entropy) -> Self {
        let partitions = partitions.clamp(1, PARTITIONS_MAX);
        let shared = Shared {
            id: format!("memory:{}", super::fresh_id(entropy)),
            partitions: (0..partitions).map(|_| Partition::default()).collect(),
        };
        Self { shared: Arc::new(shared) }
    }

    fn partition(&self, partition: u32) -> Result<&Partition, LogError> {
        check::partition(&self.shared.id, partition, self.partitions())?;
        self.shared.partitions.get(partition as usize).ok_or_else(|| LogError::Corrupt {
            log: self.shared.id.clone(),
            detail: format!("partition {partition} is missing"),
        })
    }
}

#[async_trait]
impl Log for MemoryLog {
    fn id(&self) -> &str {
        &self.shared.id
    }

    fn partitions(&self) -> u32 {
        u32::try_from(self.shared.partitions.len()).unwrap_or(PARTITIONS_MAX)
    }

    fn durability(&self) -> Durability {
        Durability { text: "in memory: lost when the process ends".to_owned(), strong: false }
    }

    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<Position>, LogError> {
        check::records(&records)?;
        let mut positions = Vec::with_capacity(records.len());
        for record in records {
            let partition = partition_of(record.partition_key.as_bytes(), self.partitions());
            let home = self.partition(partition)?;
            let offset = check::lock(&home.records).push(record);
            home.appended.notify_waiters();
            positions.push(Position { partition, offset });
        }
        Ok(positions)
    }

    async fn read(&self, partition: u32, from: u64, limits: ReadLimits) -> Result<Vec<Entry>, LogError> {
        let home = self.partition(partition)?;
        let deadline = check::deadline(limits.wait);
        loop {
            let appended = home.appended.notified();
            tokio::pin!(appended);
            // Listening before looking: an append in between wakes us.
            appended.as_mut().enable();
            let found = {
                let records = check::lock(&home.records);
                check::range(&self.shared.id, partition, from, records.first, records.next())?;
                records.read(from, limits)
            };
            if !found.is_empty() || tokio::time::timeout_at(deadline, appended).await.is_err() {
                return Ok(found);
            }
        }
    }

    async fn offsets(&self, partition: u32) -> Result<Offsets, LogError> {
        let records = check::lock(&self.partition(partition)?.records);
        Ok(Offsets { first: records.first, next: records.next() })
    }

    async fn trim(&self, partition: u32, before: u64) -> Result<(), LogError> {
        let mut records = check::lock(&self.partition(partition)?.records);
        let before = before.min(records.next());
        let gone = usize::try_from(before.saturating_sub(records.first)).unwrap_or(usize::MAX);
        records.entries.drain(..gone);
        records.first = records.first.max(before);
        Ok(())
    }

    async fn assignment(&self) -> Result<Vec<u32>, LogError> {
        Ok((0..self.partitions()).collect())
    }
}
