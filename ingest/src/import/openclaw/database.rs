//! SQLite databases of OpenClaw: the agent's own (transcripts, store, trajectories) and the installation's state.
//!
//! Guarantee: a database is read from a copy in memory of at most the size that [`super::held`] states (two while it is opened),
//! with its write-ahead log folded in, so that nothing beside it is created, locked or changed, and one in an archive
//! reads like one on disk. A record is `event_json`, or `event_zstd` unpacked to the size that stands beside it; a row
//! that has neither, or does not unpack, is a reject. Of the state only the tables in [`STATE_TABLES`] are read: the
//! others may hold keys. A damaged database gives what could be read and a reject that says where it ended.

use super::super::ids::{Occurrences, session_name};
use super::super::json::Fields;
use super::super::lines::{LINE_BYTES_MAX, Line, Lines};
use super::super::reject::{NO_SESSION, Reject, origin};
use super::super::{Out, Stop};
use super::FORMAT;
use super::index::Index;
use super::place::{Kind, Place};
use super::transcript::Transcript;
use super::{rows, trajectory, whole};
use bytes::Bytes;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, Rows};
use schemas::draft::Draft;
use std::io::{BufReader, Read};

/// Tables of the installation's state that are records of what happened.
const STATE_TABLES: [&str; 11] = [
    "audit_events",
    "cron_jobs",
    "cron_run_logs",
    "execution_decision_facts",
    "execution_identity_contexts",
    "flow_runs",
    "operator_approvals",
    "session_state_events",
    "subagent_runs",
    "task_delivery_state",
    "task_runs",
];
/// First bytes of a Zstandard frame.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Why a table was not read to its end.
enum Broken {
    Stopped(Stop),
    Damaged(rusqlite::Error),
}

impl From<Stop> for Broken {
    fn from(stop: Stop) -> Self {
        Self::Stopped(stop)
    }
}

impl From<rusqlite::Error> for Broken {
    fn from(error: rusqlite::Error) -> Self {
        Self::Damaged(error)
    }
}

/// Opens a copy in memory. A copy has no log of its own, which its header has to say.
pub(super) fn open(mut bytes: Vec<u8>) -> rusqlite::Result<Connection> {
    if let Some(versions) = bytes.get_mut(18..20) {
        versions.fill(1);
    }
    let mut database = Connection::open_in_memory()?;
    if !bytes.is_empty() {
        database.deserialize_read_exact(rusqlite::MAIN_DB, &bytes[..], bytes.len(), true)?;
    }
    drop(bytes);
    database.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA query_only = ON;")?;
    Ok(database)
}

/// Says that a database, or a part of it, could not be read.
pub(super) fn damaged(name: &str, detail: String, out: &mut Out<'_>) -> Result<(), Stop> {
    let (session, bytes, line) = (NO_SESSION, Bytes::new(), None);
    let reject = Reject { format: FORMAT, session, name, line, reason: "database.damaged", detail, bytes };
    reject.put(&mut Occurrences::default(), out)
}

/// Hands out what a database holds.
pub(super) fn read(
    database: &Connection,
    name: &str,
    place: &Place,
    index: &mut Index,
    out: &mut Out<'_>,
) -> Result<(), Stop> {
    let mut reading = Reading { database, name, place, index };
    match place.kind {
        Kind::AgentDatabase => reading.agent(out),
        _ => STATE_TABLES.iter().try_for_each(|table| reading.guarded(table, out, Reading::state_table)),
    }
}

struct Reading<'r> {
    database: &'r Connection,
    name: &'r str,
    place: &'r Place,
    index: &'r mut Index,
}

type Table<'r> = fn(&mut Reading<'r>, &str, &mut Out<'_>) -> Result<(), Broken>;

impl<'r> Reading<'r> {
    fn agent(&mut self, out: &mut Out<'_>) -> Result<(), Stop> {
        self.guarded("session_nodes", out, Self::store)?;
        self.guarded("session_windows", out, Self::state_table)?;
        self.guarded("transcript_events", out, Self::transcripts)?;
        self.guarded("session_transcript_archives", out, Self::archives)?;
        self.guarded("session_transcript_cold_archives", out, Self::archives)?;
        self.guarded("trajectory_runtime_events", out, Self::trajectories)
    }

    /// Reads a table if it is there; damage ends the table, not the import.
    fn guarded(&mut self, table: &str, out: &mut Out<'_>, read: Table<'r>) -> Result<(), Stop> {
        let is_there = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?1";
        let found = self.database.query_row(is_there, [table], |row| row.get::<_, i64>(0));
        let result = match found {
            Ok(0) => Ok(()),
            Ok(_) => read(self, table, out),
            Err(error) => Err(error.into()),
        };
        match result {
            Ok(()) => Ok(()),
            Err(Broken::Stopped(stop)) => Err(stop),
            Err(Broken::Damaged(error)) => damaged(
                &format!("{}#{table}", self.name),
                format!("table {table} was not read to its end: {error}"),
                out,
            ),
        }
    }

    fn store(&mut self, table: &str, out: &mut Out<'_>) -> Result<(), Broken> {
        let mut statement = self.database.prepare(&format!("SELECT * FROM {table} ORDER BY session_key"))?;
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            let text = |name| column(row, name).and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
            let entry = column(row, "entry_json").unwrap_or_default();
            let key = text("session_key").unwrap_or_default();
            let fields = Fields::parse(&entry).ok();
            let draft = whole::entry_of(&key, entry.clone(), fields, text("status"), self.place, self.index);
            let at = origin(&format!("{}#{table}:{key}", self.name), None);
            let draft = Draft { origin: Some(at), ..draft };
            out.count_bytes(entry.len());
            out.put(whole::partition(&draft), draft)?;
        }
        Ok(())
    }

    fn state_table(&mut self, table: &str, out: &mut Out<'_>) -> Result<(), Broken> {
        let mut statement = self.database.prepare(&format!("SELECT * FROM {table}"))?;
        let mut found = statement.query([])?;
        let mut number = 0;
        while let Some(row) = found.next()? {
            number += 1;
            let at = origin(&format!("{}#{table}", self.name), Some(number));
            rows::row(table, rows::as_json(row)?, at, self.place, self.index, out)?;
        }
        Ok(())
    }

    fn transcripts(&mut self, table: &str, out: &mut Out<'_>) -> Result<(), Broken> {
        let sql = format!("SELECT DISTINCT session_id FROM {table} ORDER BY session_id");
        let mut statement = self.database.prepare(&sql)?;
        let sessions: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let mut records =
            self.database.prepare(&format!("SELECT * FROM {table} WHERE session_id = ?1 ORDER BY seq"))?;
        for session in sessions {
            let name = format!("{}#{session}", self.name);
            let mut transcript = Transcript::new(name, &session, self.place.agent.clone(), self.index);
            transcript_rows(records.query([&session])?, &mut transcript, out)?;
            transcript.finish(out)?;
        }
        Ok(())
    }

    /// Transcripts that were closed and packed whole.
    fn archives(&mut self, table: &str, out: &mut Out<'_>) -> Result<(), Broken> {
        let sql = format!("SELECT * FROM {table} ORDER BY session_id, archive_name");
        let mut statement = self.database.prepare(&sql)?;
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            let (session, archive): (String, String) = (row.get("session_id")?, row.get("archive_name")?);
            let name = format!("{}#{archive}", self.name);
            let Some(packed) = column(row, "archive_blob") else {
                let detail =
                    format!("the transcript of session {session} lies in a file of its own, which is not read");
                damaged(&name, detail, out)?;
                continue;
            };
            let mut transcript = Transcript::new(name, &session, self.place.agent.clone(), self.index);
            let plain: Box<dyn Read> = match packed.starts_with(&ZSTD) {
                true => Box::new(zstd::Decoder::new(&packed[..]).map_err(|_| rusqlite::Error::InvalidQuery)?),
                false => Box::new(&packed[..]),
            };
            let mut plain = BufReader::new(plain);
            let mut lines = Lines::new(&mut plain);
            while let Some(line) = lines.next() {
                transcript.line(&line, out)?;
            }
            transcript.finish(out)?;
        }
        Ok(())
    }

    fn trajectories(&mut self, table: &str, out: &mut Out<'_>) -> Result<(), Broken> {
        let mut statement = self.database.prepare(&format!("SELECT * FROM {table} ORDER BY session_id, seq"))?;
        let mut found = statement.query([])?;
        let mut seen = Occurrences::default();
        let mut number = 0;
        while let Some(row) = found.next()? {
            number += 1;
            let session = column(row, "session_id").and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
            let line = line(number, column(row, "event_json").unwrap_or_default());
            let name = format!("{}#{table}", self.name);
            let place = Place { session: session.map(|s| session_name(&s)), ..self.place.clone() };
            trajectory::line(&name, &line, &place, self.index, &mut seen, out)?;
        }
        Ok(())
    }
}

fn transcript_rows(mut found: Rows<'_>, transcript: &mut Transcript<'_>, out: &mut Out<'_>) -> Result<(), Broken> {
    while let Some(row) = found.next()? {
        let number = row.get::<_, i64>("seq").map_or(0, |seq| u64::try_from(seq).unwrap_or(0)) + 1;
        if let Some(bytes) = column(row, "event_json") {
            transcript.line(&line(number, bytes), out)?;
            continue;
        }
        let packed = column(row, "event_zstd").unwrap_or_default();
        let stated = row.get::<_, i64>("event_utf8_bytes").ok().and_then(|size| usize::try_from(size).ok());
        match unpacked(&packed, stated) {
            Ok(bytes) => transcript.line(&line(number, bytes), out)?,
            Err(detail) => transcript.reject(&line(number, packed), "row.zstd", detail, out)?,
        }
    }
    Ok(())
}

/// A packed record of the size that stands beside it.
fn unpacked(packed: &[u8], stated: Option<usize>) -> Result<Bytes, String> {
    if packed.is_empty() {
        return Err("neither event_json nor event_zstd holds a record".to_owned());
    }
    let size = stated.unwrap_or(LINE_BYTES_MAX).min(LINE_BYTES_MAX);
    match zstd::bulk::decompress(packed, size) {
        Ok(bytes) if stated.is_none_or(|stated| stated == bytes.len()) => Ok(bytes.into()),
        Ok(bytes) => Err(format!("event_zstd unpacks to {} bytes, {size} were stated", bytes.len())),
        Err(error) => Err(format!("event_zstd does not unpack to {size} bytes: {error}")),
    }
}

fn line(number: u64, bytes: Bytes) -> Line {
    Line { number, part: None, bytes, newline: true, damage: None }
}

/// A text or blob; `None` where there is no such column, or nothing in it.
fn column(row: &Row<'_>, name: &str) -> Option<Bytes> {
    match row.get_ref(name).ok()? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(Bytes::copy_from_slice(bytes)),
        _ => None,
    }
}
