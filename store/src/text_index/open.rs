//! Opens packed runs, one or many, as one index of the library, so that scores come from the statistics of all of
//! them. A process needs nothing on its disk. Damage is `Corrupt`, a missing object `NotFound`.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::ObjectStore;
use serde_json::json;
use tantivy::directory::FileHandle;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{DirectoryLock, Lock, WatchCallback, WatchHandle, WritePtr};
use tantivy::{Index, ReloadPolicy, Searcher};

use super::cache::BlockCache;
use super::fault::fault;
use super::footer::RunFacts;
use super::object::PackedObject;
use super::schema;
use crate::error::{Result, StoreError};

const META: &str = "meta.json";

/// One opened run: its footer is read and checked, its blocks come as they are needed.
#[derive(Clone, Debug)]
pub struct TextIndex {
    object: Arc<PackedObject>,
}

impl TextIndex {
    /// Opens the run at `path`. Must be called inside a `tokio` runtime with its time and I/O drivers on.
    pub async fn open(
        store: Arc<dyn ObjectStore>,
        path: object_store::path::Path,
        cache: Arc<BlockCache>,
    ) -> Result<Self> {
        let object = PackedObject::open(store, path, cache).await?;
        object.fetch_opening().await?;
        Ok(Self { object: Arc::new(object) })
    }

    /// What the run covers.
    pub fn facts(&self) -> &RunFacts {
        &self.object.footer.facts
    }

    /// Where the run is.
    pub fn path(&self) -> &object_store::path::Path {
        self.object.path()
    }

    /// The object, for messages.
    pub(super) fn name(&self) -> String {
        self.object.path().to_string()
    }
}

/// Opens `runs` together; blocks its thread.
pub(super) fn open_runs(runs: &[TextIndex]) -> Result<Searcher> {
    let segments: Vec<(String, u32)> =
        runs.iter().enumerate().map(|(number, run)| (segment_name(number), run.facts().docs)).collect();
    let meta = MetaFile::of(&segments)?;
    let objects = runs.iter().map(|run| Arc::clone(&run.object)).collect();
    let directory = Runs { objects, meta: meta.bytes().into() };
    searcher(directory).map_err(|error| fault(&names(runs), error))
}

/// The runs, for messages.
pub(super) fn names(runs: &[TextIndex]) -> String {
    match runs {
        [one] => one.name(),
        many => format!("{} text indexes ({} …)", many.len(), many.first().map(TextIndex::name).unwrap_or_default()),
    }
}

/// Number of the run that a segment of `open_runs` stands for.
pub(super) fn run_of(segment: &str) -> Option<usize> {
    usize::from_str_radix(segment, 16).ok()?.checked_sub(1)
}

fn segment_name(run: usize) -> String {
    format!("{:032x}", run + 1)
}

/// A searcher over a directory that never changes.
pub(super) fn searcher(directory: impl tantivy::Directory) -> tantivy::Result<Searcher> {
    let mut index = Index::open(directory)?;
    schema::equip(&mut index);
    let builder = index.reader_builder().reload_policy(ReloadPolicy::Manual).doc_store_cache_num_blocks(0);
    Ok(builder.try_into()?.searcher())
}

/// The library's list of segments.
pub(super) struct MetaFile(Vec<u8>);

impl MetaFile {
    /// Lists segments by name and documents.
    pub(super) fn of(segments: &[(String, u32)]) -> Result<Self> {
        let segments: Vec<_> = segments
            .iter()
            .map(|(name, docs)| json!({"segment_id": uuid_form(name), "max_doc": docs, "deletes": null}))
            .collect();
        let (fields, _) = schema::schema();
        let meta = json!({
            "index_settings": schema::settings(), "segments": segments, "schema": fields, "opstamp": 0,
        });
        serde_json::to_vec(&meta).map(Self).map_err(|cause| StoreError::invalid("text index schema", cause))
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        self.0
    }
}

/// `0123…` with the dashes of a UUID.
fn uuid_form(name: &str) -> String {
    let cut = |from: usize, to: usize| name.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", cut(0, 8), cut(8, 12), cut(12, 16), cut(16, 20), cut(20, 32))
}

/// Answers a read of a whole small file from the list of segments.
pub(super) fn meta_read(path: &Path, meta: &[u8]) -> std::result::Result<Vec<u8>, OpenReadError> {
    if path == Path::new(META) { Ok(meta.to_vec()) } else { Err(OpenReadError::FileDoesNotExist(path.to_path_buf())) }
}

/// The answer to any attempt to write.
pub(super) fn read_only(path: &Path) -> OpenWriteError {
    let cause = io::Error::new(io::ErrorKind::PermissionDenied, "a packed text index is never written");
    OpenWriteError::wrap_io_error(cause, path.to_path_buf())
}

/// The files of several packed runs.
#[derive(Clone)]
struct Runs {
    objects: Arc<[Arc<PackedObject>]>,
    meta: Arc<[u8]>,
}

impl fmt::Debug for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runs").field("runs", &self.objects.len()).finish_non_exhaustive()
    }
}

impl Runs {
    fn part(&self, path: &Path) -> Option<Arc<dyn FileHandle>> {
        let run = run_of(path.file_stem()?.to_str()?)?;
        let part = self.objects.get(run)?.part(path.extension()?.to_str()?)?;
        Some(Arc::new(part))
    }
}

impl tantivy::Directory for Runs {
    fn get_file_handle(&self, path: &Path) -> std::result::Result<Arc<dyn FileHandle>, OpenReadError> {
        self.part(path).ok_or_else(|| OpenReadError::FileDoesNotExist(path.to_path_buf()))
    }

    fn exists(&self, path: &Path) -> std::result::Result<bool, OpenReadError> {
        Ok(path == Path::new(META) || self.part(path).is_some())
    }

    fn atomic_read(&self, path: &Path) -> std::result::Result<Vec<u8>, OpenReadError> {
        meta_read(path, &self.meta)
    }

    fn delete(&self, path: &Path) -> std::result::Result<(), DeleteError> {
        Err(DeleteError::FileDoesNotExist(PathBuf::from(path)))
    }

    fn open_write(&self, path: &Path) -> std::result::Result<WritePtr, OpenWriteError> {
        Err(read_only(path))
    }

    fn atomic_write(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::PermissionDenied, "a packed text index is never written"))
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
