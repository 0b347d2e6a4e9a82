//! Imports of native transcripts: files in, unsigned events out.
//!
//! Guarantee: a format module is a pure function from the bytes of one file to drafts, in file order, with ids derived
//! from the native records' own identity: neither the folder, the machine, the time nor the key plays a part, so that
//! importing again, or a longer copy, gives the same ids and more. (Causes and attributes of a format that surveys also
//! depend on the other files of the same import.) Each native record is kept verbatim. A damaged record becomes a draft
//! of kind [`REJECT_KIND`] that carries its bytes, reason, file and line; it never stops the import. Only a path that
//! does not exist, or the caller, does.
//!
//! The same record seen in two files with different bytes (a rewritten copy) has one id: the store keeps the second as
//! a `duplicate` row. Giving it an id of its own would make the set of ids depend on the order in which files come.

mod agentdojo;
mod agentrx;
mod chat;
mod checkpoint;
mod claude_code;
mod claude_line;
mod formats;
mod gemini;
mod ids;
mod json;
pub mod json_event;
mod lines;
mod native;
mod openclaw;
mod reject;
pub mod source;
mod steps;
mod swe_agent;
mod tau_bench;
mod usage;
mod who_and_when;

pub use formats::{Format, format, formats, looks_like};
pub use json::rebuild;
pub use lines::LINE_BYTES_MAX;

use schemas::draft::Draft;
use source::{SourceError, SourceFile, Visit};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use thiserror::Error;

/// Kind of the drafts that carry records which could not be read: the compactor gives them the row class `reject`.
/// Attributes: `hansard.reject.reason`, `hansard.reject.detail`, `hansard.reject.line` (from 1, where there are
/// lines); content `record`: the bytes; header `origin`.
pub const REJECT_KIND: &str = "import.reject";

/// A draft and the native session that it belongs to: the session is the partition key and names the stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// `<format>/<native session>`, at most 256 bytes.
    pub session_key: String,
    /// The event.
    pub draft: Draft,
}

/// The caller wants no more drafts. What it has taken so far is complete in itself: importing again goes on from
/// there, because ids are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the import was stopped by its caller")]
pub struct Stop;

/// Where drafts go. Returning [`Stop`] ends the import after this draft.
pub type Sink<'a> = dyn FnMut(Imported) -> Result<(), Stop> + 'a;

/// Why an import ended early.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The caller ended it.
    #[error(transparent)]
    Stopped(#[from] Stop),
    /// A path could not be opened at all.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files that the format read.
    pub files: u64,
    /// Files that are none of the format's.
    pub skipped: u64,
    /// Bytes of native records read, uncompressed.
    pub bytes: u64,
    /// Drafts handed out that are events.
    pub events: u64,
    /// Drafts handed out that are rejects.
    pub rejects: u64,
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It was read; what was damaged in it became rejects.
    Read,
    /// It is none of the format's files, for this reason.
    Skipped(&'static str),
}

/// Whether the file of this name is left out.
pub type LeaveOut = Box<dyn Fn(&str) -> bool + Send + Sync>;
/// Hears what became of the file of this name.
pub type FileDone = Box<dyn Fn(&str, &Taken) + Send + Sync>;

/// What a caller may watch and decide while an import runs.
#[derive(Default)]
pub struct Control {
    /// Bytes read from disk so far, as they lie there (compressed); compare with [`source::total_bytes`].
    pub disk_bytes: AtomicU64,
    /// Asked before each file, by its name inside the arguments: `true` leaves it out (a resumed import that already
    /// had it), unless the format needs it to judge others.
    pub leave_out: Option<LeaveOut>,
    /// Told after each file what became of it.
    pub file_done: Option<FileDone>,
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").field("disk_bytes", &self.disk_bytes.load(Ordering::Relaxed)).finish_non_exhaustive()
    }
}

/// A reader of one native format. State lives for one import, so that files which belong together may be joined.
pub trait Importer {
    /// Reads one file.
    ///
    /// # Errors
    /// [`Stop`] when the caller wants no more; nothing else ends an import.
    fn file(&mut self, file: &mut SourceFile<'_>, out: &mut Out<'_>) -> Result<Taken, Stop>;

    /// Whether a file is needed even by a resumed import that had it: others are judged together with it.
    fn needs(&self, path: &str) -> bool {
        let _ = path;
        false
    }

    /// Whether all files are read once before, with nothing handed out: what a file gives may depend on others that come
    /// after it. Nothing but [`Importer::file`] and [`Importer::finish`] is called, and both must bear it twice.
    fn surveys(&self) -> bool {
        false
    }

    /// Hands out what waited for a file that did not come.
    ///
    /// # Errors
    /// [`Stop`] when the caller wants no more.
    fn finish(&mut self, out: &mut Out<'_>) -> Result<(), Stop> {
        let _ = out;
        Ok(())
    }
}

/// Hands drafts to the caller and counts them.
pub struct Out<'a> {
    sink: &'a mut Sink<'a>,
    totals: Totals,
}

impl std::fmt::Debug for Out<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Out").field("totals", &self.totals).finish_non_exhaustive()
    }
}

impl<'a> Out<'a> {
    /// Drafts go to `sink`.
    #[must_use]
    pub fn new(sink: &'a mut Sink<'a>) -> Self {
        Self { sink, totals: Totals::default() }
    }

    /// What was handed out so far.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Hands out one draft.
    ///
    /// # Errors
    /// [`Stop`] when the caller wants no more.
    pub fn put(&mut self, session_key: String, draft: Draft) -> Result<(), Stop> {
        match draft.kind == REJECT_KIND {
            true => self.totals.rejects += 1,
            false => self.totals.events += 1,
        }
        (self.sink)(Imported { session_key, draft })
    }

    pub(crate) fn count_bytes(&mut self, bytes: usize) {
        self.totals.bytes += bytes as u64;
    }
}

/// Imports `paths` (files, folders, `.gz`, `.tar`, `.tar.gz`, `.tgz`) with one format.
///
/// # Errors
/// [`ImportError::Source`] before anything is read when a path cannot be opened, [`ImportError::Stopped`] when `sink`
/// said so. Damage inside files is in the drafts instead.
pub fn run<'a>(
    format: &Format,
    paths: &[PathBuf],
    control: &Control,
    sink: &'a mut Sink<'a>,
) -> Result<Totals, ImportError> {
    source::total_bytes(paths)?;
    let mut importer = (format.importer)();
    if importer.surveys() {
        survey(importer.as_mut(), paths)?;
    }
    let mut out = Out::new(sink);
    source::walk(paths, &control.disk_bytes, &mut |visit| match visit {
        Visit::File(mut file) => one_file(importer.as_mut(), &mut file, control, &mut out),
        Visit::Damaged { name, detail } => reject::source_damage(format.name, &name, &detail, &mut out),
    })?;
    importer.finish(&mut out)?;
    Ok(out.totals)
}

/// Reads everything once and hands out nothing.
fn survey(importer: &mut dyn Importer, paths: &[PathBuf]) -> Result<(), Stop> {
    let mut nowhere = |_: Imported| Ok(());
    let mut out = Out::new(&mut nowhere);
    source::walk(paths, &AtomicU64::new(0), &mut |visit| match visit {
        Visit::File(mut file) => importer.file(&mut file, &mut out).map(|_| ()),
        Visit::Damaged { .. } => Ok(()),
    })?;
    importer.finish(&mut out)
}

fn one_file(
    importer: &mut dyn Importer,
    file: &mut SourceFile<'_>,
    control: &Control,
    out: &mut Out<'_>,
) -> Result<(), Stop> {
    let leave_out = control.leave_out.as_ref().is_some_and(|leave_out| leave_out(&file.name));
    if leave_out && !importer.needs(&file.path) {
        return Ok(());
    }
    let taken = importer.file(file, out)?;
    match taken {
        Taken::Read => out.totals.files += 1,
        Taken::Skipped(_) => out.totals.skipped += 1,
    }
    if let Some(done) = &control.file_done {
        done(&file.name, &taken);
    }
    Ok(())
}
