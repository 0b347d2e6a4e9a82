//! Reading the log's file: a few connections of their own, so that readers never wait for the writer.
//!
//! Guarantee: each read sees one state of the file, and its records follow one another without a hole; a hole is
//! reported as damage. At most [`READERS_MAX`] reads run at once, others wait their turn.

use super::file::{DAMAGED, LogFile, Purpose};
use crate::log::{Entry, LogError, Offsets, ReadLimits, check};
use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, Transaction};
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;

/// Most reads at once, each with a connection of its own.
const READERS_MAX: usize = 4;

/// The connections for reading.
#[derive(Debug)]
pub(super) struct Readers {
    file: Arc<LogFile>,
    turns: Semaphore,
    /// Connections that nobody uses; at most [`READERS_MAX`].
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// None open yet: they open when needed.
    pub(super) fn new(file: Arc<LogFile>) -> Self {
        Self { file, turns: Semaphore::new(READERS_MAX), idle: Mutex::new(Vec::new()) }
    }

    /// Runs `work` with a connection, away from the async threads.
    pub(super) async fn with<T, F>(self: &Arc<Self>, work: F) -> Result<T, LogError>
    where
        T: Send + 'static,
        F: FnOnce(&LogFile, &mut Connection) -> Result<T, LogError> + Send + 'static,
    {
        let closed = || self.file.unavailable("it is being closed".to_owned());
        let _turn = self.turns.acquire().await.map_err(|_| closed())?;
        let readers = Arc::clone(self);
        tokio::task::spawn_blocking(move || readers.run(work)).await.map_err(|_| closed())?
    }

    fn run<T>(&self, work: impl FnOnce(&LogFile, &mut Connection) -> Result<T, LogError>) -> Result<T, LogError> {
        let idle = check::lock(&self.idle).pop();
        let mut connection = idle.map_or_else(|| self.file.connect(Purpose::Read), Ok)?;
        let result = work(&self.file, &mut connection)?;
        // After an error the connection is dropped: the next read starts afresh.
        check::lock(&self.idle).push(connection);
        Ok(result)
    }
}

/// The records of a partition from `from` on.
pub(super) fn records(
    file: &LogFile,
    connection: &mut Connection,
    partition: u32,
    from: u64,
    limits: ReadLimits,
) -> Result<Vec<Entry>, LogError> {
    let tx = connection.transaction().map_err(|e| file.fault(&e))?;
    let held = offsets_in(file, &tx, partition)?;
    check::range(&file.name, partition, from, held.first, held.next)?;
    if from == held.next {
        return Ok(Vec::new());
    }
    let found = scan(&tx, partition, from, limits).map_err(|e| file.fault(&e))?;
    drop(tx);
    for (expected, entry) in (from..).zip(&found) {
        if entry.offset != expected {
            return Err(hole(file, partition, expected, Some(entry.offset)));
        }
    }
    if found.is_empty() { Err(hole(file, partition, from, None)) } else { Ok(found) }
}

fn hole(file: &LogFile, partition: u32, expected: u64, found: Option<u64>) -> LogError {
    let found = found.map_or_else(|| "no more records".to_owned(), |offset| format!("offset {offset}"));
    file.corrupt(format!("partition {partition}: offset {expected} expected, {found} found: {DAMAGED}"))
}

fn scan(tx: &Transaction<'_>, partition: u32, from: u64, limits: ReadLimits) -> rusqlite::Result<Vec<Entry>> {
    let sql = format!("SELECT offset, key, value FROM record_{partition} WHERE offset >= ?1 ORDER BY offset LIMIT ?2");
    let mut statement = tx.prepare_cached(&sql)?;
    let most = i64::try_from(limits.records_max.max(1)).unwrap_or(i64::MAX);
    let mut rows = statement.query((signed(from), most))?;
    let mut found = Vec::new();
    let mut bytes = 0usize;
    while let Some(row) = rows.next()? {
        let entry = entry(row)?;
        bytes = bytes.saturating_add(entry.value.len());
        if !found.is_empty() && bytes > limits.bytes_max {
            break;
        }
        found.push(entry);
    }
    Ok(found)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        offset: unsigned(row.get(0)?),
        key: Bytes::copy_from_slice(row.get_ref(1)?.as_blob()?),
        value: Bytes::copy_from_slice(row.get_ref(2)?.as_blob()?),
    })
}

/// First and next offset of a partition.
pub(super) fn offsets(file: &LogFile, connection: &mut Connection, partition: u32) -> Result<Offsets, LogError> {
    let tx = connection.transaction().map_err(|e| file.fault(&e))?;
    offsets_in(file, &tx, partition)
}

/// First and next offset of a partition within a transaction.
pub(super) fn offsets_in(file: &LogFile, tx: &Transaction<'_>, partition: u32) -> Result<Offsets, LogError> {
    let row = tx
        .prepare_cached("SELECT first, next FROM partition WHERE number = ?1")
        .and_then(|mut s| s.query_row([partition], |row| Ok((row.get(0)?, row.get(1)?))).optional())
        .map_err(|e| file.fault(&e))?;
    let (first, next) = row.ok_or_else(|| file.corrupt(format!("partition {partition} is missing: {DAMAGED}")))?;
    if first < 0 || next < first {
        return Err(file.corrupt(format!("partition {partition} has offsets {first} to {next}: {DAMAGED}")));
    }
    Ok(Offsets { first: unsigned(first), next: unsigned(next) })
}

/// SQLite's integers are signed; no log holds 2^63 records.
pub(super) fn signed(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

fn unsigned(offset: i64) -> u64 {
    u64::try_from(offset).unwrap_or_default()
}
