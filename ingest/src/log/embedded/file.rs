//! The log's file: its layout, how it is made, opened and found unfit.
//!
//! Guarantee: a log is there whole or not at all (one transaction makes it), and its identity, version and number of
//! partitions never change afterwards. Layout, version 1 (`application_id` "HSLG", `user_version` 1):
//!
//! - `log(id TEXT, partitions INTEGER)`: one row;
//! - `partition(number, first, next)`: the offsets; `next` outlives every record, so that no offset is given twice;
//! - `record_N(offset, key, value)`: one table per partition, so that appending always fills the last page.

use super::{EmbeddedOptions, PARTITIONS_DEFAULT};
use crate::env::Entropy;
use crate::log::LogError;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use schemas::limits::PARTITIONS_MAX;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file's name in the log's folder.
const FILE_NAME: &str = "log.sqlite3";
/// "HSLG": tells our files from others.
const APPLICATION_ID: i64 = 0x4853_4c47;
/// Version of the layout.
const VERSION: i64 = 1;
/// Bytes of a page: a dozen small records, and short chains for large ones.
const PAGE_BYTES: i64 = 16_384;
/// How long to wait for another process's commit, in milliseconds.
const BUSY_MS: u64 = 5_000;
/// Checkpoint the write-ahead log at this many pages (32 MiB).
const CHECKPOINT_PAGES: i64 = 2_048;
/// Page cache of one connection, in KiB.
const CACHE_KIB: i64 = 4_096;
/// Tries to switch a new file to WAL while another process makes the same log.
const WAL_TRIES: u32 = 50;

/// An existing log's file.
#[derive(Debug)]
pub(super) struct LogFile {
    /// Where it lies.
    pub(super) path: PathBuf,
    /// How errors call it.
    pub(super) name: String,
    /// Identity, made once.
    pub(super) id: String,
    /// Number of partitions.
    pub(super) partitions: u32,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Reading only.
    Read,
    /// Appending and trimming.
    Write,
}

impl LogFile {
    /// Opens or makes the log in `dir`.
    pub(super) fn open(dir: &Path, options: EmbeddedOptions, entropy: &dyn Entropy) -> Result<Self, LogError> {
        let mut file = Self { path: dir.join(FILE_NAME), name: String::new(), id: String::new(), partitions: 0 };
        file.name = format!("embedded:{}", file.path.display());
        if let Some(wanted) = options.partitions.filter(|n| *n == 0 || *n > PARTITIONS_MAX) {
            return Err(file.corrupt(format!("{wanted} partitions were asked for, 1 to {PARTITIONS_MAX} are allowed")));
        }
        if !file.path.exists() && !options.create {
            return Err(file.corrupt("there is no such file; make the log first, or name another folder".to_owned()));
        }
        if options.create {
            make_folder(dir)
                .map_err(|e| file.unavailable(format!("cannot make its folder: {e}; check path and rights")))?;
        }
        let mut connection = file.prepared(options)?;
        if file.is_blank(&connection)? {
            if !options.create {
                return Err(file.corrupt("the file is empty; make the log first, or name another folder".to_owned()));
            }
            file.create(&mut connection, options.partitions.unwrap_or(PARTITIONS_DEFAULT), entropy)?;
            sync_folder(dir).map_err(|e| file.unavailable(format!("cannot sync its folder: {e}; check the disk")))?;
        }
        file.identify(&connection, options.partitions)?;
        Ok(file)
    }

    /// A first connection, with the file in WAL mode.
    fn prepared(&self, options: EmbeddedOptions) -> Result<Connection, LogError> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if options.create {
            flags |= OpenFlags::SQLITE_OPEN_CREATE;
        }
        let connection = Connection::open_with_flags(&self.path, flags).map_err(|e| self.fault(&e))?;
        connection.busy_timeout(Duration::from_millis(BUSY_MS)).map_err(|e| self.fault(&e))?;
        // Only has an effect on a file that has no page yet.
        connection.pragma_update(None, "page_size", PAGE_BYTES).map_err(|e| self.fault(&e))?;
        // A file of somebody else is left as it is.
        if self.is_blank(&connection)? || self.number(&connection, "application_id")? == APPLICATION_ID {
            self.use_wal(&connection)?;
        }
        Ok(connection)
    }

    fn use_wal(&self, connection: &Connection) -> Result<(), LogError> {
        let mut tries = 0;
        loop {
            let mode: rusqlite::Result<String> =
                connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0));
            match mode {
                Ok(mode) if mode.eq_ignore_ascii_case("wal") => return Ok(()),
                Ok(mode) => {
                    return Err(self.unavailable(format!(
                        "its file system allows journal mode {mode} only, WAL is needed; put the log on a local disk"
                    )));
                }
                // The busy timeout does not cover this switch.
                Err(e) if is_busy(&e) && tries < WAL_TRIES => tries += 1,
                Err(e) => return Err(self.fault(&e)),
            }
            std::thread::sleep(Duration::from_millis(BUSY_MS / u64::from(WAL_TRIES)));
        }
    }

    /// Whether nothing was ever written into the file.
    fn is_blank(&self, connection: &Connection) -> Result<bool, LogError> {
        let objects: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(|e| self.fault(&e))?;
        Ok(objects == 0 && self.number(connection, "application_id")? == 0)
    }

    fn number(&self, connection: &Connection, pragma: &str) -> Result<i64, LogError> {
        connection.pragma_query_value(None, pragma, |row| row.get(0)).map_err(|e| self.fault(&e))
    }

    /// Makes the log, unless another process did so a moment ago.
    fn create(&self, connection: &mut Connection, partitions: u32, entropy: &dyn Entropy) -> Result<(), LogError> {
        let made = (|| {
            connection.pragma_update(None, "synchronous", "FULL")?;
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let objects: i64 = tx.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
            if objects == 0 {
                tx.execute_batch(&layout(partitions))?;
                tx.execute("INSERT INTO log VALUES (?1, ?2)", (crate::log::fresh_id(entropy), partitions))?;
            }
            tx.commit()
        })();
        made.map_err(|e: rusqlite::Error| self.fault(&e))
    }

    /// Reads identity and number of partitions, and checks that this is a log that we understand.
    fn identify(&mut self, connection: &Connection, wanted: Option<u32>) -> Result<(), LogError> {
        let application = self.number(connection, "application_id")?;
        if application != APPLICATION_ID {
            return Err(self.corrupt(format!(
                "application id {APPLICATION_ID:#x} expected, {application:#x} found: a file of another program; \
                 name another folder"
            )));
        }
        let version = self.number(connection, "user_version")?;
        if version != VERSION {
            return Err(self.corrupt(format!(
                "layout version {VERSION} expected, {version} found; use the release of Hansard that wrote it"
            )));
        }
        let row = connection.query_row("SELECT id, partitions FROM log", [], |row| Ok((row.get(0)?, row.get(1)?)));
        (self.id, self.partitions) = row.map_err(|e| self.fault(&e))?;
        let rows: u32 =
            connection.query_row("SELECT count(*) FROM partition", [], |row| row.get(0)).map_err(|e| self.fault(&e))?;
        if rows != self.partitions {
            return Err(self.corrupt(format!("{} partitions expected, {rows} found: {DAMAGED}", self.partitions)));
        }
        match wanted {
            Some(wanted) if wanted != self.partitions => Err(self.corrupt(format!(
                "it has {} partitions, {wanted} were asked for; the number is fixed when a log is made: ask for {} \
                 or make a new log",
                self.partitions, self.partitions
            ))),
            _ => Ok(()),
        }
    }

    /// Another connection to the existing log.
    pub(super) fn connect(&self, purpose: Purpose) -> Result<Connection, LogError> {
        let connect = || {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(&self.path, flags)?;
            connection.busy_timeout(Duration::from_millis(BUSY_MS))?;
            // FULL: the WAL is synced with every commit. The next two matter on macOS only.
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update(None, "fullfsync", true)?;
            connection.pragma_update(None, "checkpoint_fullfsync", true)?;
            connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
            connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
            connection.pragma_update(None, "query_only", purpose == Purpose::Read)?;
            connection.set_prepared_statement_cache_capacity(self.partitions as usize * 2 + 8);
            Ok(connection)
        };
        connect().map_err(|e: rusqlite::Error| self.fault(&e))
    }

    /// The log is not what it should be.
    pub(super) fn corrupt(&self, detail: String) -> LogError {
        LogError::Corrupt { log: self.name.clone(), detail }
    }

    /// The log cannot be used now.
    pub(super) fn unavailable(&self, detail: String) -> LogError {
        LogError::Unavailable { log: self.name.clone(), detail }
    }

    /// What an error of SQLite means to the caller.
    pub(super) fn fault(&self, error: &rusqlite::Error) -> LogError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => LogError::Busy {
                detail: format!("another process has kept {} locked for {BUSY_MS} ms", self.path.display()),
                after: Duration::from_secs(1),
            },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => self.corrupt(format!("{error}: {DAMAGED}")),
            Some(ErrorCode::DiskFull) => self.unavailable("the disk is full; free space on it".to_owned()),
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                self.unavailable(format!("{error}; check path and rights of the file and its folder"))
            }
            Some(ErrorCode::SystemIoFailure) => self.unavailable(format!("{error}; check the disk")),
            Some(_) => self.unavailable(error.to_string()),
            // Not from SQLite's engine: a column of another type than ours, a table that is not there.
            None => self.corrupt(format!("{error}: {DAMAGED}")),
        }
    }
}

/// What to do about damage.
pub(super) const DAMAGED: &str =
    "the file is damaged; stop Hansard, keep a copy, and take the file from a backup or salvage it (sqlite3 .recover)";

fn layout(partitions: u32) -> String {
    let mut sql = format!(
        "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};
         CREATE TABLE log (id TEXT NOT NULL, partitions INTEGER NOT NULL) STRICT;
         CREATE TABLE partition (number INTEGER PRIMARY KEY, first INTEGER NOT NULL, next INTEGER NOT NULL) STRICT;"
    );
    for number in 0..partitions {
        // Writing to a String cannot fail.
        let _ = write!(
            sql,
            "CREATE TABLE record_{number} (offset INTEGER PRIMARY KEY, key BLOB NOT NULL, value BLOB NOT NULL) STRICT;
             INSERT INTO partition VALUES ({number}, 0, 0);"
        );
    }
    sql
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Makes `dir` and its missing parents durably: each new entry is synced in its parent.
fn make_folder(dir: &Path) -> std::io::Result<()> {
    if dir.as_os_str().is_empty() || dir.is_dir() {
        return Ok(());
    }
    let parent = dir.parent().unwrap_or(Path::new(""));
    make_folder(parent)?;
    match std::fs::create_dir(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => Err(e),
        _ => sync_folder(parent),
    }
}

fn sync_folder(dir: &Path) -> std::io::Result<()> {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    std::fs::File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::LogFile;
    use crate::log::LogError;
    use rusqlite::ffi;

    /// What each failure of the disk tells the caller to do. (SQLite makes SQLITE_FULL of ENOSPC.)
    #[test]
    fn failures_are_told_apart() {
        let file = LogFile { path: "l".into(), name: "embedded:l".into(), id: String::new(), partitions: 1 };
        let cases = [
            (ffi::SQLITE_FULL, "the disk is full; free space"),
            (ffi::SQLITE_IOERR_FSYNC, "check the disk"),
            (ffi::SQLITE_READONLY, "rights"),
            (ffi::SQLITE_CORRUPT, "damaged"),
            (ffi::SQLITE_NOTADB, "damaged"),
            (ffi::SQLITE_BUSY, "try again in 1s"),
        ];
        for (code, expected) in cases {
            let error: LogError = file.fault(&rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
            assert!(error.to_string().contains(expected), "{code}: {error}");
        }
    }
}
