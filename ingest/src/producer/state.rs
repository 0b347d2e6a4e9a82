//! The durable state of a producer: one SQLite file with the streams, the outbox and the ledger of imported ids.
//!
//! Guarantee: the file is locked exclusively while it is open, so that two processes never sign the same streams; it is
//! pinned to one key, one log and one tenant. A transaction is on disk when [`Tx::commit`] returns (WAL,
//! `synchronous=FULL`). Everything fails with [`ProducerError`]; after a failed commit the file must be opened again,
//! because what a failed fsync left on disk is unknown until then.

use super::error::ProducerError;
use super::key_file::sync_folder;
use crate::env::Env;
use crate::log::NewRecord;
use bytes::Bytes;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, params};
use schemas::tlog::CompactRange;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Version of the tables below.
const STATE_VERSION: &str = "1";
/// Bytes of a ledger key: 128 bits of a digest over source and id.
pub(super) const LEDGER_KEY_BYTES: usize = 16;
/// Pages of 8 KiB that the WAL grows to before it is copied into the file: 32 MiB.
const WAL_PAGES: u32 = 4_096;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS streams(
  name TEXT PRIMARY KEY, partition_key TEXT NOT NULL, size INTEGER NOT NULL, frontier BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, partition_key TEXT NOT NULL, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS ledger(key BLOB PRIMARY KEY) WITHOUT ROWID;
";

/// To whom a state file belongs.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    /// Public key in hex.
    pub(super) key: String,
    /// [`crate::log::Log::id`].
    pub(super) log: String,
    /// Tenant.
    pub(super) tenant: String,
}

/// A stream as it is stored.
#[derive(Debug, Clone)]
pub(super) struct StreamState {
    /// Partition key, fixed when the stream begins.
    pub(super) partition_key: String,
    /// Size and frontier.
    pub(super) range: CompactRange,
}

/// The open file.
#[derive(Debug)]
pub(super) struct State {
    conn: Connection,
    path: PathBuf,
    id: String,
}

/// One transaction.
#[derive(Debug)]
pub(super) struct Tx<'a> {
    tx: Transaction<'a>,
    path: &'a Path,
}

impl State {
    /// Opens or creates the file and takes its lock.
    pub(super) fn open(path: &Path, owner: &Owner, env: &Env) -> Result<Self, ProducerError> {
        let mut conn = Connection::open(path).map_err(failure(path, "opening"))?;
        configure(&conn).map_err(failure(path, "locking and configuring"))?;
        let id = pin(&mut conn, path, owner, env)?;
        sync_folder(path).map_err(|e| ProducerError::State {
            path: path.to_owned(),
            doing: "syncing the folder",
            source: Arc::new(e),
        })?;
        Ok(Self { conn, path: path.to_owned(), id })
    }

    /// Eight hex digits drawn when the file was made: part of every stream name, so that a file that was lost, and
    /// replaced by a new one, does not make the same key sign a second history of the old streams.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The records that wait for the log, in order.
    pub(super) fn outbox(&self) -> Result<Vec<(i64, NewRecord)>, ProducerError> {
        let doing = "reading the outbox";
        let mut statement = self
            .conn
            .prepare("SELECT seq, partition_key, value FROM outbox ORDER BY seq")
            .map_err(failure(&self.path, doing))?;
        let rows = statement
            .query_map([], |row| {
                let value: Vec<u8> = row.get(2)?;
                Ok((row.get(0)?, NewRecord { partition_key: row.get(1)?, value: Bytes::from(value) }))
            })
            .map_err(failure(&self.path, doing))?;
        rows.collect::<Result<_, _>>().map_err(failure(&self.path, doing))
    }

    /// Begins a transaction.
    pub(super) fn begin(&mut self) -> Result<Tx<'_>, ProducerError> {
        let tx = self
            .conn
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failure(&self.path, "beginning a transaction"))?;
        Ok(Tx { tx, path: &self.path })
    }
}

impl Tx<'_> {
    /// Reads a stream.
    pub(super) fn stream(&self, name: &str) -> Result<Option<StreamState>, ProducerError> {
        let doing = "reading a stream";
        let row: Option<(String, i64, Vec<u8>)> = self
            .tx
            .prepare_cached("SELECT partition_key, size, frontier FROM streams WHERE name = ?1")
            .and_then(|mut s| s.query_row([name], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).optional())
            .map_err(failure(self.path, doing))?;
        let Some((partition_key, size, frontier)) = row else { return Ok(None) };
        let range = CompactRange::from_bytes(u64::try_from(size).unwrap_or(u64::MAX), &frontier)
            .map_err(|e| ProducerError::State { path: self.path.to_owned(), doing, source: Arc::new(e) })?;
        Ok(Some(StreamState { partition_key, range }))
    }

    /// Writes a stream.
    pub(super) fn put_stream(&self, name: &str, stream: &StreamState) -> Result<(), ProducerError> {
        let size = i64::try_from(stream.range.size()).unwrap_or(i64::MAX);
        self.tx
            .prepare_cached(
                "INSERT OR REPLACE INTO streams(name, partition_key, size, frontier) VALUES(?1, ?2, ?3, ?4)",
            )
            .and_then(|mut s| s.execute(params![name, stream.partition_key, size, stream.range.to_bytes()]))
            .map_err(failure(self.path, "writing a stream"))?;
        Ok(())
    }

    /// Adds a record to the outbox; numbers grow and are never used again.
    pub(super) fn push(&self, record: &NewRecord) -> Result<i64, ProducerError> {
        self.tx
            .prepare_cached("INSERT INTO outbox(partition_key, value) VALUES(?1, ?2)")
            .and_then(|mut s| s.insert(params![record.partition_key, record.value.as_ref()]))
            .map_err(failure(self.path, "writing the outbox"))
    }

    /// Deletes what the log has acknowledged.
    pub(super) fn forget_through(&self, seq: i64) -> Result<(), ProducerError> {
        self.tx
            .prepare_cached("DELETE FROM outbox WHERE seq <= ?1")
            .and_then(|mut s| s.execute([seq]))
            .map_err(failure(self.path, "clearing the outbox"))?;
        Ok(())
    }

    /// Enters a key into the ledger; `false` when it is there already.
    pub(super) fn claim(&self, key: &[u8; LEDGER_KEY_BYTES]) -> Result<bool, ProducerError> {
        self.tx
            .prepare_cached("INSERT OR IGNORE INTO ledger(key) VALUES(?1)")
            .and_then(|mut s| s.execute([key.as_slice()]))
            .map(|rows| rows == 1)
            .map_err(failure(self.path, "writing the ledger"))
    }

    /// Takes a key out of the ledger again: nothing was signed under it.
    pub(super) fn unclaim(&self, key: &[u8; LEDGER_KEY_BYTES]) -> Result<(), ProducerError> {
        self.tx
            .prepare_cached("DELETE FROM ledger WHERE key = ?1")
            .and_then(|mut s| s.execute([key.as_slice()]))
            .map_err(failure(self.path, "writing the ledger"))?;
        Ok(())
    }

    /// Makes all of it durable.
    pub(super) fn commit(self) -> Result<(), ProducerError> {
        self.tx.commit().map_err(failure(
            self.path,
            "committing (whether the events were signed is known when the producer is opened again)",
        ))
    }
}

fn configure(conn: &Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(std::time::Duration::ZERO)?;
    // Only for a file that is being made; 8 KiB keeps half-megabyte records to few pages.
    conn.pragma_update(None, "page_size", 8_192)?;
    // Before the first access in WAL mode, so that the index stays in memory and the lock is held for good
    // (sqlite.org/wal.html, "Use of WAL Without Shared-Memory").
    conn.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
    conn.set_prepared_statement_cache_capacity(16);
    conn.execute_batch("BEGIN EXCLUSIVE; COMMIT;")
}

/// Writes the owner into a new file or compares it with that of an old one; returns the file's id.
fn pin(conn: &mut Connection, path: &Path, owner: &Owner, env: &Env) -> Result<String, ProducerError> {
    let failed = |e| failure(path, "reading its owner")(e);
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    tx.execute_batch(TABLES).map_err(failed)?;
    let expected = [("version", STATE_VERSION), ("key", &owner.key), ("log", &owner.log), ("tenant", &owner.tenant)];
    for (what, expected) in expected {
        let found = meta(&tx, what, expected).map_err(failed)?;
        if found != expected {
            return Err(ProducerError::Mismatch { path: path.to_owned(), what, expected: expected.to_owned(), found });
        }
    }
    let id = meta(&tx, "state_id", &hex::encode(env.random::<4>())).map_err(failed)?;
    tx.commit().map_err(failed)?;
    Ok(id)
}

fn meta(tx: &Transaction<'_>, name: &str, default: &str) -> rusqlite::Result<String> {
    tx.execute("INSERT OR IGNORE INTO meta(name, value) VALUES(?1, ?2)", [name, default])?;
    tx.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0))
}

fn failure(path: &Path, doing: &'static str) -> impl Fn(rusqlite::Error) -> ProducerError + use<> {
    let path = path.to_owned();
    move |source| match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ProducerError::Locked { path: path.clone() },
        _ => ProducerError::State { path: path.clone(), doing, source: Arc::new(source) },
    }
}
