//! Walks the arguments of an import: files, folders sorted by name, and `.gz`, `.tar`, `.tar.gz`, `.tgz` of them, read
//! as streams and never unpacked to disk.
//!
//! Guarantee: files come one at a time, in the same order each time, and memory does not grow with their number. What
//! lies before damage in an archive is handed out, then the damage itself as [`Visit::Damaged`]; the walk goes on with
//! the next file. Links to folders are not followed. Only an argument that does not exist is an error.

use super::Stop;
use flate2::bufread::MultiGzDecoder;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use thiserror::Error;

/// Largest file in bytes that is read as one document (a run of a benchmark, a session in one JSON value). Files of
/// lines are streamed and have no limit of their own.
pub const DOCUMENT_BYTES_MAX: u64 = 256 * 1_048_576;
/// Folders deeper than this are reported as damage: a loop is likelier than data.
pub const FOLDER_DEPTH_MAX: usize = 64;
/// Archives within archives deeper than this are reported as damage.
pub const ARCHIVE_DEPTH_MAX: usize = 4;
/// Bytes that are read at once from disk and from a decoder: fewer calls, still small beside one document.
const READ_BUFFER_BYTES: usize = 262_144;

/// Why an argument could not be read.
#[derive(Debug, Error)]
pub enum SourceError {
    /// The path cannot be opened.
    #[error("cannot import {path}: {cause}; check the path and its permissions")]
    Open {
        /// The argument.
        path: String,
        /// What the system said.
        cause: io::Error,
    },
}

/// One file, as a stream.
pub struct SourceFile<'a> {
    /// Path inside the argument or archive, with `/`: goes into `origin`. Holds nothing of the machine's own folders.
    pub name: String,
    /// The whole path with archive and compression suffixes removed: formats whose identity is a path take its last
    /// parts, so that it does not matter at which folder the argument begins.
    pub path: String,
    /// The bytes.
    pub reader: &'a mut dyn BufRead,
}

impl std::fmt::Debug for SourceFile<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SourceFile").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A whole file, or why it is not here.
#[derive(Debug)]
pub(super) enum Document {
    /// All bytes.
    Whole(Vec<u8>),
    /// More than [`DOCUMENT_BYTES_MAX`].
    TooLarge,
    /// The bytes before a read error.
    Damaged(Vec<u8>, io::Error),
}

impl SourceFile<'_> {
    /// The last part of the path, without compression suffix.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The file's name without its last extension.
    #[must_use]
    pub fn stem(&self) -> &str {
        let name = self.file_name();
        name.rsplit_once('.').map_or(name, |(stem, _)| if stem.is_empty() { name } else { stem })
    }

    /// The last `n` parts of the path, or `None` when it has fewer.
    #[must_use]
    pub fn last_parts(&self, n: usize) -> Option<Vec<&str>> {
        let parts: Vec<&str> = self.path.split('/').filter(|p| !p.is_empty()).collect();
        (parts.len() >= n).then(|| parts[parts.len() - n..].to_vec())
    }

    pub(super) fn document(&mut self) -> Document {
        read_document(self.reader, Vec::new())
    }
}

/// Reads what is left after `begun`, up to the limit.
pub(super) fn read_document(reader: &mut dyn BufRead, begun: Vec<u8>) -> Document {
    let mut bytes = begun;
    let left = (DOCUMENT_BYTES_MAX + 1).saturating_sub(bytes.len() as u64);
    match reader.take(left).read_to_end(&mut bytes) {
        Err(error) => Document::Damaged(bytes, error),
        Ok(_) if bytes.len() as u64 > DOCUMENT_BYTES_MAX => Document::TooLarge,
        Ok(_) => Document::Whole(bytes),
    }
}

/// What the walk meets.
#[derive(Debug)]
pub enum Visit<'a> {
    /// A file.
    File(SourceFile<'a>),
    /// Something that cannot be read, or not to its end.
    Damaged {
        /// Name of the file or archive.
        name: String,
        /// What is wrong and where.
        detail: String,
    },
}

type Visitor<'v> = dyn FnMut(Visit<'_>) -> Result<(), Stop> + 'v;

/// Bytes of all files under the arguments, as they lie on disk.
///
/// # Errors
/// [`SourceError::Open`] when an argument does not exist or cannot be listed.
pub fn total_bytes(paths: &[PathBuf]) -> Result<u64, SourceError> {
    let mut total = 0;
    for path in paths {
        let open = |cause| SourceError::Open { path: path.display().to_string(), cause };
        let meta = fs::metadata(path).map_err(open)?;
        total += if meta.is_dir() { folder_bytes(path, 0).map_err(open)? } else { meta.len() };
    }
    Ok(total)
}

fn folder_bytes(folder: &Path, depth: usize) -> io::Result<u64> {
    let mut total = 0;
    if depth >= FOLDER_DEPTH_MAX {
        return Ok(total);
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            total += folder_bytes(&entry.path(), depth + 1).unwrap_or(0);
        } else {
            total += fs::metadata(entry.path()).map_or(0, |m| m.len());
        }
    }
    Ok(total)
}

/// Visits every file under `paths`; `disk_bytes` grows as they are read.
///
/// # Errors
/// [`Stop`] when `visit` says so.
pub fn walk(paths: &[PathBuf], disk_bytes: &AtomicU64, visit: &mut Visitor<'_>) -> Result<(), Stop> {
    let mut walk = Walk { disk_bytes, visit };
    for path in paths {
        let whole = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        if whole.is_dir() {
            walk.folder(&whole, "", 0)?;
        } else {
            let name = whole.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
            walk.file(&whole, &name)?;
        }
    }
    Ok(())
}

struct Walk<'a, 'v> {
    disk_bytes: &'a AtomicU64,
    visit: &'a mut Visitor<'v>,
}

impl Walk<'_, '_> {
    fn damaged(&mut self, name: &str, detail: String) -> Result<(), Stop> {
        (self.visit)(Visit::Damaged { name: name.to_owned(), detail })
    }

    /// Files before folders, each sorted by name: a session comes before the folder of its subagents.
    fn folder(&mut self, folder: &Path, name: &str, depth: usize) -> Result<(), Stop> {
        if depth >= FOLDER_DEPTH_MAX {
            return self.damaged(name, format!("folders are nested deeper than {FOLDER_DEPTH_MAX}"));
        }
        let entries = match list(folder) {
            Ok(entries) => entries,
            Err(error) => return self.damaged(name, format!("folder cannot be listed: {error}")),
        };
        for (is_folder, entry) in entries {
            let own = entry.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
            let inner = if name.is_empty() { own } else { format!("{name}/{own}") };
            match is_folder {
                true => self.folder(&entry, &inner, depth + 1)?,
                false => self.file(&entry, &inner)?,
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, name: &str) -> Result<(), Stop> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) => return self.damaged(name, format!("file cannot be opened: {error}")),
        };
        let counted = Counted { inner: file, disk_bytes: self.disk_bytes };
        let mut reader = BufReader::with_capacity(READ_BUFFER_BYTES, counted);
        let whole = path.to_string_lossy().replace('\\', "/");
        self.stream(name, &whole, &mut reader, 0)
    }

    fn stream(&mut self, name: &str, path: &str, reader: &mut dyn BufRead, depth: usize) -> Result<(), Stop> {
        if depth > ARCHIVE_DEPTH_MAX {
            return self.damaged(name, format!("archives are nested deeper than {ARCHIVE_DEPTH_MAX}"));
        }
        if let Some(path) = suffix_off(path, &[".tgz", ".tar.gz"]) {
            let mut plain = BufReader::with_capacity(READ_BUFFER_BYTES, MultiGzDecoder::new(reader));
            return self.archive(name, path, &mut plain, depth);
        }
        if let Some(path) = suffix_off(path, &[".tar"]) {
            return self.archive(name, path, reader, depth);
        }
        if let Some(path) = suffix_off(path, &[".gz"]) {
            let mut plain = BufReader::with_capacity(READ_BUFFER_BYTES, MultiGzDecoder::new(reader));
            return (self.visit)(Visit::File(SourceFile {
                name: name.to_owned(),
                path: path.to_owned(),
                reader: &mut plain,
            }));
        }
        (self.visit)(Visit::File(SourceFile { name: name.to_owned(), path: path.to_owned(), reader }))
    }

    fn archive(&mut self, name: &str, path: &str, reader: &mut dyn BufRead, depth: usize) -> Result<(), Stop> {
        let mut archive = tar::Archive::new(reader);
        let entries = match archive.entries() {
            Ok(entries) => entries,
            Err(error) => return self.damaged(name, format!("not a tar archive: {error}")),
        };
        let mut last = String::new();
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return self.damaged(name, after(&last, &error)),
            };
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let inner = entry_name(&entry.path_bytes());
            let whole = format!("{path}/{inner}");
            let mut plain = BufReader::with_capacity(READ_BUFFER_BYTES, entry);
            self.stream(&format!("{name}/{inner}"), &whole, &mut plain, depth + 1)?;
            last = inner;
        }
        match rest_of_archive(archive.into_inner()) {
            Ok(0) => Ok(()),
            Ok(bytes) => self.damaged(name, format!("{bytes} bytes that are not zero stand after the archive's end")),
            Err(error) => self.damaged(name, after(&last, &error)),
        }
    }
}

/// Reads what stands after an archive's end, so that damage there, or a wrong checksum, is seen: counts the bytes that
/// are not the zeros with which archives are filled up.
fn rest_of_archive(reader: &mut dyn BufRead) -> io::Result<u64> {
    let mut found = 0;
    loop {
        let buffered = reader.fill_buf()?;
        if buffered.is_empty() {
            return Ok(found);
        }
        found += buffered.iter().filter(|byte| **byte != 0).count() as u64;
        let read = buffered.len();
        reader.consume(read);
    }
}

fn after(last: &str, error: &io::Error) -> String {
    match last {
        "" => format!("archive is damaged at its first entry: {error}"),
        _ => format!("archive is damaged after entry {last}, what follows could not be read: {error}"),
    }
}

/// An entry's name with `/`, without `./` and `..`: it is a label here, nothing is ever written to it.
fn entry_name(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw).replace('\\', "/");
    text.split('/').filter(|part| !matches!(*part, "" | "." | "..")).collect::<Vec<_>>().join("/")
}

fn suffix_off<'p>(path: &'p str, suffixes: &[&str]) -> Option<&'p str> {
    suffixes.iter().find_map(|suffix| {
        let cut = path.len().checked_sub(suffix.len())?;
        let (head, tail) = (path.get(..cut)?, path.get(cut..)?);
        (tail.eq_ignore_ascii_case(suffix) && !head.is_empty()).then_some(head)
    })
}

fn list(folder: &Path) -> io::Result<Vec<(bool, PathBuf)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let followed =
            if kind.is_symlink() { fs::metadata(entry.path()).ok().map(|m| m.file_type()) } else { Some(kind) };
        match followed {
            Some(k) if k.is_dir() && !kind.is_symlink() => entries.push((true, entry.path())),
            Some(k) if k.is_file() => entries.push((false, entry.path())),
            _ => {}
        }
    }
    entries.sort();
    Ok(entries)
}

struct Counted<'a> {
    inner: File,
    disk_bytes: &'a AtomicU64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.disk_bytes.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}
