//! Where a segment is written before it is packed: memory, or files in a folder that the caller names.
//!
//! Files are removed when the last handle to them is dropped. Nothing here is durable and nothing needs to be.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tantivy::HasLen;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    AntiCallToken, DirectoryLock, FileHandle, Lock, OwnedBytes, TerminatingWrite, WatchCallback, WatchHandle, WritePtr,
};

type Files = Mutex<HashMap<PathBuf, Stored>>;

/// One directory of the library, for one segment or several that are about to be merged.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch {
    files: Arc<Files>,
    folder: Option<Arc<PathBuf>>,
}

#[derive(Clone, Debug)]
enum Stored {
    Memory(Arc<[u8]>),
    Disk(Arc<DiskFile>),
}

impl Scratch {
    /// Keeps files in `folder`, which must exist and be used by nothing else, or in memory.
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Self { files: Arc::default(), folder: folder.map(Arc::new) }
    }

    /// A finished file.
    pub(super) fn file(&self, path: &Path) -> Option<Arc<dyn FileHandle>> {
        self.lock().get(path).map(Stored::handle)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, Stored>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sink(&self, path: &Path) -> io::Result<Sink> {
        let Some(folder) = &self.folder else { return Ok(Sink::Memory(Vec::new())) };
        let at = folder.join(path);
        let file = File::options().read(true).write(true).create_new(true).open(&at)?;
        Ok(Sink::Disk(DiskFile { file, path: at, len: 0 }))
    }
}

impl Stored {
    fn handle(&self) -> Arc<dyn FileHandle> {
        match self {
            Self::Memory(bytes) => Arc::new(OwnedBytes::new(Arc::clone(bytes))),
            Self::Disk(file) => Arc::clone(file) as Arc<dyn FileHandle>,
        }
    }
}

impl tantivy::Directory for Scratch {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.file(path).ok_or_else(|| OpenReadError::FileDoesNotExist(path.to_path_buf()))
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        let found = self.lock().remove(path);
        found.map(|_| ()).ok_or_else(|| DeleteError::FileDoesNotExist(path.to_path_buf()))
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        Ok(self.lock().contains_key(path))
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let sink = self.sink(path).map_err(|cause| OpenWriteError::wrap_io_error(cause, path.to_path_buf()))?;
        let writer = Writer { path: path.to_path_buf(), sink, files: Arc::clone(&self.files) };
        Ok(BufWriter::new(Box::new(writer)))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let handle = self.get_file_handle(path)?;
        let bytes = handle.read_bytes(0..handle.len());
        Ok(bytes.map_err(|cause| OpenReadError::wrap_io_error(cause, path.to_path_buf()))?.to_vec())
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.lock().insert(path.to_path_buf(), Stored::Memory(Arc::from(data)));
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn acquire_lock(&self, _: &Lock) -> Result<DirectoryLock, LockError> {
        Ok(DirectoryLock::from(Box::new(())))
    }

    fn watch(&self, _: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}

enum Sink {
    Memory(Vec<u8>),
    Disk(DiskFile),
    Done,
}

struct Writer {
    path: PathBuf,
    sink: Sink,
    files: Arc<Files>,
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.sink {
            Sink::Memory(to) => to.extend_from_slice(bytes),
            Sink::Disk(file) => {
                file.file.write_all(bytes)?;
                file.len += bytes.len();
            }
            Sink::Done => return Err(io::Error::other("a finished scratch file was written to")),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TerminatingWrite for Writer {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        let stored = match std::mem::replace(&mut self.sink, Sink::Done) {
            Sink::Memory(bytes) => Stored::Memory(Arc::from(bytes)),
            Sink::Disk(file) => Stored::Disk(Arc::new(file)),
            Sink::Done => return Ok(()),
        };
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert(std::mem::take(&mut self.path), stored);
        Ok(())
    }
}

/// A file that is removed when nobody reads it any more.
#[derive(Debug)]
struct DiskFile {
    file: File,
    path: PathBuf,
    len: usize,
}

impl Drop for DiskFile {
    fn drop(&mut self) {
        // A file left behind is in a folder that the caller clears.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl HasLen for DiskFile {
    fn len(&self) -> usize {
        self.len
    }
}

impl FileHandle for DiskFile {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        let mut bytes = vec![0; range.len()];
        self.file.read_exact_at(&mut bytes, range.start as u64)?;
        Ok(OwnedBytes::new(bytes))
    }
}
