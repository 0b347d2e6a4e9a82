//! The embedded log: one SQLite file, for one machine without other servers.
//!
//! Guarantee: an acknowledged record is on disk (WAL, `synchronous=FULL`: one fsync per group of appends). Offsets are
//! dense and never given twice, neither after a trim nor after a restart. Several processes may append and read at
//! once. A missing record is an error and never skipped.
//!
//! Failure: a damaged file, another version, a full disk and a file that somebody holds locked are told apart, each
//! with what to do. Bits that rot inside a record are not seen here (SQLite has no page checksums): the compactor sees
//! them by the signatures. A network drive is refused where SQLite refuses WAL.
//!
//! Left out: shrinking the file. Space that a trim frees is used by later records.

mod file;
mod read;
mod write;

use super::{Durability, Entry, Log, LogError, NewRecord, Offsets, Position, ReadLimits, check};
use crate::env::Entropy;
use async_trait::async_trait;
use file::LogFile;
use read::Readers;
use schemas::partition::partition_of;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use write::{Row, Writer};

/// Number of partitions of a new log when none is asked for.
pub const PARTITIONS_DEFAULT: u32 = 4;
/// First pause between looks for records that another process appended, in milliseconds.
const POLL_MS_MIN: u64 = 10;
/// Longest pause between such looks, in milliseconds: bounds how late a reader sees them.
const POLL_MS_MAX: u64 = 50;

/// How to open an embedded log.
#[derive(Debug, Clone, Copy, Default)]
pub struct EmbeddedOptions {
    /// Number of partitions: what a new log gets, and what an old one must have. `None`: [`PARTITIONS_DEFAULT`] for a
    /// new log, any number for an old one.
    pub partitions: Option<u32>,
    /// Make the log when the folder has none.
    pub create: bool,
}

/// A log in one SQLite file. Dropping it ends its writer thread after what was queued is on disk.
#[derive(Debug)]
pub struct EmbeddedLog {
    file: Arc<LogFile>,
    readers: Arc<Readers>,
    writer: Writer,
    /// One per partition: changes with every commit of this handle that touched it.
    commits: Arc<Vec<watch::Sender<()>>>,
}

impl EmbeddedLog {
    /// Opens the log in the folder `dir`, or makes it. Blocks on the disk.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] when it is missing, damaged, of another version or has another number of partitions;
    /// [`LogError::Unavailable`] when the folder or file cannot be used.
    pub fn open(dir: &Path, options: EmbeddedOptions, entropy: &dyn Entropy) -> Result<Self, LogError> {
        let file = Arc::new(LogFile::open(dir, options, entropy)?);
        let commits = Arc::new((0..file.partitions).map(|_| watch::Sender::new(())).collect::<Vec<_>>());
        let writer = Writer::start(Arc::clone(&file), Arc::clone(&commits))?;
        Ok(Self { readers: Arc::new(Readers::new(Arc::clone(&file))), file, writer, commits })
    }

    async fn read_now(&self, partition: u32, from: u64, limits: ReadLimits) -> Result<Vec<Entry>, LogError> {
        self.readers.with(move |file, connection| read::records(file, connection, partition, from, limits)).await
    }

    fn watch(&self, partition: u32) -> Result<watch::Receiver<()>, LogError> {
        check::partition(&self.file.name, partition, self.file.partitions)?;
        let sender = self.commits.get(partition as usize);
        sender
            .map(watch::Sender::subscribe)
            .ok_or_else(|| self.file.corrupt(format!("partition {partition} is missing")))
    }
}

#[async_trait]
impl Log for EmbeddedLog {
    fn id(&self) -> &str {
        &self.file.id
    }

    fn partitions(&self) -> u32 {
        self.file.partitions
    }

    fn durability(&self) -> Durability {
        Durability { text: "on disk of this machine (SQLite, fsync before each answer)".to_owned(), strong: true }
    }

    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<Position>, LogError> {
        check::records(&records)?;
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let partitions = self.file.partitions;
        let rows = records.into_iter().map(|record| {
            let partition = partition_of(record.partition_key.as_bytes(), partitions);
            Row { partition, record }
        });
        self.writer.append(rows.collect()).await
    }

    async fn read(&self, partition: u32, from: u64, limits: ReadLimits) -> Result<Vec<Entry>, LogError> {
        let mut commits = self.watch(partition)?;
        let deadline = check::deadline(limits.wait);
        let mut pause = POLL_MS_MIN;
        loop {
            // Marked as seen before looking: a commit in between ends the wait at once.
            commits.borrow_and_update();
            let found = self.read_now(partition, from, limits).await?;
            if !found.is_empty() || Instant::now() >= deadline {
                return Ok(found);
            }
            let look = deadline.min(Instant::now() + Duration::from_millis(pause));
            // Both outcomes, woken or not, lead to another look.
            let _ = tokio::time::timeout_at(look, commits.changed()).await;
            pause = (pause * 2).min(POLL_MS_MAX);
        }
    }

    async fn offsets(&self, partition: u32) -> Result<Offsets, LogError> {
        check::partition(&self.file.name, partition, self.file.partitions)?;
        self.readers.with(move |file, connection| read::offsets(file, connection, partition)).await
    }

    async fn trim(&self, partition: u32, before: u64) -> Result<(), LogError> {
        check::partition(&self.file.name, partition, self.file.partitions)?;
        while self.writer.trim_some(partition, before).await? {}
        Ok(())
    }

    async fn assignment(&self) -> Result<Vec<u32>, LogError> {
        Ok((0..self.file.partitions).collect())
    }
}
