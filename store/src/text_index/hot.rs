//! Which blocks opening a run and every search in it read: found by doing so once while packing, so that a process
//! without local state fetches them together, with one request.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{DirectoryLock, FileHandle, Lock, OwnedBytes, WatchCallback, WatchHandle, WritePtr};
use tantivy::{HasLen, SegmentReader};

use super::fault::fault;
use super::footer::Part;
use super::limits::{BLOCK_BYTES, OPENING_BYTES};
use super::open::{self, MetaFile};
use super::schema::{self, LEAF, POSITION, TIME};
use super::scratch::Scratch;
use crate::error::Result;

/// Blocks, ascending; none when they are more than `OPENING_BYTES`.
pub(super) fn blocks(scratch: &Scratch, parts: &[Part], segment: &str, docs: u32) -> Result<Vec<u32>> {
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let meta = MetaFile::of(&[(segment.to_owned(), docs)])?;
    let watched =
        Watched { scratch: scratch.clone(), parts: parts.into(), meta: meta.bytes(), seen: Arc::clone(&seen) };
    let opened = open::searcher(watched).and_then(|searcher| searcher.segment_readers().iter().try_for_each(touch));
    opened.map_err(|error| fault("text index being packed", error))?;
    let seen = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(if seen.len() * BLOCK_BYTES > OPENING_BYTES { Vec::new() } else { seen.into_iter().collect() })
}

/// Reads what every search reads.
pub(super) fn touch(reader: &SegmentReader) -> tantivy::Result<()> {
    let (_, fields) = schema::schema();
    reader.inverted_index(fields.text)?;
    reader.inverted_index(fields.prints)?;
    let columns = reader.fast_fields();
    columns.u64(LEAF)?;
    columns.u64(POSITION)?;
    columns.i64(TIME)?;
    Ok(())
}

/// A scratch directory that notes what is read of it.
#[derive(Clone, Debug)]
struct Watched {
    scratch: Scratch,
    parts: Arc<[Part]>,
    meta: Vec<u8>,
    seen: Arc<Mutex<BTreeSet<u32>>>,
}

impl tantivy::Directory for Watched {
    fn get_file_handle(&self, path: &Path) -> std::result::Result<Arc<dyn FileHandle>, OpenReadError> {
        let inner = self.scratch.get_file_handle(path)?;
        let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
        let from = self.parts.iter().find(|part| part.kind == kind).map_or(0, |part| part.from);
        Ok(Arc::new(WatchedFile { inner, from, seen: Arc::clone(&self.seen) }))
    }

    fn exists(&self, path: &Path) -> std::result::Result<bool, OpenReadError> {
        self.scratch.exists(path)
    }

    fn atomic_read(&self, path: &Path) -> std::result::Result<Vec<u8>, OpenReadError> {
        open::meta_read(path, &self.meta)
    }

    fn delete(&self, path: &Path) -> std::result::Result<(), DeleteError> {
        Err(DeleteError::FileDoesNotExist(path.to_path_buf()))
    }

    fn open_write(&self, path: &Path) -> std::result::Result<WritePtr, OpenWriteError> {
        Err(open::read_only(path))
    }

    fn atomic_write(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        Err(io::Error::other("a packed text index is never written"))
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn acquire_lock(&self, _: &Lock) -> std::result::Result<DirectoryLock, LockError> {
        Ok(DirectoryLock::from(Box::new(())))
    }

    fn watch(&self, _: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}

#[derive(Debug)]
struct WatchedFile {
    inner: Arc<dyn FileHandle>,
    from: u64,
    seen: Arc<Mutex<BTreeSet<u32>>>,
}

impl HasLen for WatchedFile {
    fn len(&self) -> usize {
        self.inner.len()
    }
}

impl FileHandle for WatchedFile {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        if !range.is_empty() {
            let block = |at: usize| ((self.from + at as u64) / BLOCK_BYTES as u64) as u32;
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.extend(block(range.start)..=block(range.end - 1));
        }
        self.inner.read_bytes(range)
    }
}
