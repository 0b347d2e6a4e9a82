//! A database in memory that waits for its write-ahead log.
//!
//! Guarantee: at most [`DATABASE_BYTES_MAX`] bytes are held, one database at a time. One that is larger is
//! not read; one that broke off, or whose log is damaged, is read as far as it goes. A reject says so either way. Nothing
//! on disk is touched.

use super::super::source::SourceFile;
use super::super::{Out, Stop, Taken};
use super::index::Index;
use super::place::Place;
use super::{database, wal};
use std::io::Read;

/// Largest database, and largest log, in bytes that is read.
const DATABASE_BYTES_MAX: u64 = 1_073_741_824;

/// A database that waits for its write-ahead log.
#[derive(Debug)]
pub(super) struct Held {
    name: String,
    path: String,
    place: Place,
    bytes: Vec<u8>,
    /// What is wrong with it.
    problems: Vec<String>,
}

impl Held {
    pub(super) fn new(file: &mut SourceFile<'_>, place: Place) -> Self {
        let (bytes, problem) = read(file);
        let problems = problem.into_iter().collect();
        Self { name: file.name.clone(), path: file.path.clone(), place, bytes, problems }
    }

    /// Whether a file belongs to this database: its write-ahead log, or the memory that processes share.
    pub(super) fn owns(&self, path: &str) -> bool {
        path.strip_prefix(&self.path).is_some_and(|rest| matches!(rest, "-wal" | "-shm"))
    }

    /// Takes such a file.
    pub(super) fn log(&mut self, file: &mut SourceFile<'_>) -> Taken {
        if !file.path.ends_with("-wal") {
            return Taken::Skipped("what processes share of a database holds no records");
        }
        self.fold(Log::new(file));
        Taken::Read
    }

    /// Applies a log.
    pub(super) fn fold(&mut self, log: Log) {
        let folded = if self.bytes.is_empty() { Ok(0) } else { wal::fold(&mut self.bytes, &log.bytes) };
        let problems = log.problem.into_iter().chain(folded.err().map(ToOwned::to_owned));
        self.problems.extend(problems.map(|problem| format!("write-ahead log: {problem}")));
    }

    /// Hands out what the database holds.
    pub(super) fn settle(self, index: &mut Index, out: &mut Out<'_>) -> Result<(), Stop> {
        let Self { name, place, bytes, problems, .. } = self;
        problems.into_iter().try_for_each(|problem| database::damaged(&name, problem, out))?;
        if bytes.is_empty() {
            return Ok(());
        }
        match database::open(bytes) {
            Ok(opened) => database::read(&opened, &name, &place, index, out),
            Err(error) => database::damaged(&name, format!("the database cannot be opened: {error}"), out),
        }
    }
}

/// A write-ahead log that came before its database, as may happen in an archive.
#[derive(Debug)]
pub(super) struct Log {
    name: String,
    path: String,
    bytes: Vec<u8>,
    problem: Option<String>,
}

impl Log {
    pub(super) fn new(file: &mut SourceFile<'_>) -> Self {
        let (bytes, problem) = read(file);
        Self { name: file.name.clone(), path: file.path.clone(), bytes, problem }
    }

    pub(super) fn is_of(&self, database: &Held) -> bool {
        database.owns(&self.path)
    }

    /// Says that its database did not come.
    pub(super) fn alone(self, out: &mut Out<'_>) -> Result<(), Stop> {
        match self.bytes.is_empty() {
            true => Ok(()),
            false => database::damaged(&self.name, "a write-ahead log without its database".to_owned(), out),
        }
    }
}

/// The bytes, and what is wrong with them.
fn read(file: &mut SourceFile<'_>) -> (Vec<u8>, Option<String>) {
    let mut bytes = Vec::new();
    match file.reader.take(DATABASE_BYTES_MAX + 1).read_to_end(&mut bytes) {
        Err(error) => {
            let problem = format!("the file broke off after {} bytes: {error}", bytes.len());
            (bytes, Some(problem))
        }
        Ok(_) if bytes.len() as u64 > DATABASE_BYTES_MAX => {
            (Vec::new(), Some(format!("more than {DATABASE_BYTES_MAX} bytes; nothing of it was read")))
        }
        Ok(_) => (bytes, None),
    }
}
