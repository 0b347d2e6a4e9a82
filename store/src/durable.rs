//! A local directory as an object store whose puts survive power loss.
//!
//! Guarantee: when a put returns, the bytes, the name and every new parent directory are on disk (fsync). `Create`
//! fails with `AlreadyExists` when the name exists, however many processes race. `Update` compares the e-tag under a
//! lock of this process only. Multipart uploads are collected in memory and put at once. Everything else is
//! object_store's `LocalFileSystem`, which itself never calls fsync.
//! Two processes never write one temporary file, even where both have the same process id (containers that share a
//! volume): each file is made by the one process for which its name did not exist.
//! Failure: an error leaves either the old object or the new one, never a part; a stale `.tmp-` file may stay, and is
//! in nobody's way.

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};
use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names of temporary files that one put tries. Each that is taken is litter of a crash or a file that another process
/// with our id writes right now; as many as this do not come together.
const TEMPORARY_NAMES_MAX: u32 = 1_000_000;

/// See the module.
#[derive(Debug, Clone)]
pub struct DurableLocal {
    inner: Arc<LocalFileSystem>,
    root: PathBuf,
    /// Makes the names of temporary files of this process distinct; between processes the file system does so.
    counter: Arc<AtomicU64>,
}

impl DurableLocal {
    /// Over `root`, which is made when it does not exist.
    ///
    /// # Errors
    /// When the directory cannot be made or read.
    pub fn new(root: &FsPath) -> Result<Self> {
        fs::create_dir_all(root).map_err(|e| generic(root, e))?;
        let root = root.canonicalize().map_err(|e| generic(root, e))?;
        let inner = LocalFileSystem::new_with_prefix(&root)?;
        Ok(Self { inner: Arc::new(inner), root, counter: Arc::new(AtomicU64::new(0)) })
    }

    fn put_blocking(&self, location: &Path, payload: &PutPayload, mode: &PutMode) -> Result<PutResult> {
        let path = self.inner.path_to_filesystem(location)?;
        let parent = path.parent().unwrap_or(&self.root).to_path_buf();
        make_dirs(&self.root, &parent).map_err(|e| generic(&parent, e))?;
        let (temp, file) = self.temporary(&parent).map_err(|e| generic(&parent, e))?;
        let put = write_file(file, payload).and_then(|()| match mode {
            PutMode::Create => fs::hard_link(&temp, &path),
            _ => fs::rename(&temp, &path),
        });
        if !matches!(put, Ok(()) if !matches!(mode, PutMode::Create)) {
            // A link leaves the temporary name behind; so does a failure. What stays is only litter.
            let _ = fs::remove_file(&temp);
        }
        put.map_err(|e| already_or_generic(&path, e))?;
        sync_dir(&parent).map_err(|e| generic(&parent, e))?;
        Ok(PutResult { e_tag: None, version: None })
    }

    /// A new file in `dir` that nobody else has.
    fn temporary(&self, dir: &FsPath) -> io::Result<(PathBuf, File)> {
        for _ in 0..TEMPORARY_NAMES_MAX {
            let n = self.counter.fetch_add(1, Ordering::Relaxed);
            let path = dir.join(format!(".tmp-{}-{n}", std::process::id()));
            match File::options().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((path, file)),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
            }
        }
        let detail = format!("{TEMPORARY_NAMES_MAX} names of temporary files are taken: remove what begins with .tmp-");
        Err(io::Error::other(detail))
    }
}

impl std::fmt::Display for DurableLocal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DurableLocal({})", self.root.display())
    }
}

#[async_trait]
impl ObjectStore for DurableLocal {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        if matches!(opts.mode, PutMode::Update(_)) {
            let operation = "put with PutMode::Update".to_owned();
            return Err(Error::NotImplemented { operation, implementer: self.to_string() });
        }
        let (this, location) = (self.clone(), location.clone());
        blocking(move || this.put_blocking(&location, &payload, &opts.mode)).await
    }

    async fn put_multipart_opts(&self, location: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(Collected { store: self.clone(), location: location.clone(), parts: Vec::new() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.inner.rename_opts(from, to, options).await
    }
}

/// A multipart upload that is put in one piece at the end.
#[derive(Debug)]
struct Collected {
    store: DurableLocal,
    location: Path,
    parts: Vec<PutPayload>,
}

#[async_trait]
impl MultipartUpload for Collected {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.parts.push(data);
        Box::pin(async { Ok(()) })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let payload: PutPayload = self.parts.drain(..).flat_map(IntoIterator::into_iter).collect();
        self.store.put_opts(&self.location, payload, PutOptions::default()).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.parts.clear();
        Ok(())
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::runtime::Handle::try_current() {
        Ok(handle) => handle.spawn_blocking(work).await.map_err(|source| Error::JoinError { source })?,
        Err(_) => work(),
    }
}

fn write_file(mut file: File, payload: &PutPayload) -> io::Result<()> {
    for chunk in payload {
        file.write_all(chunk)?;
    }
    file.sync_all()
}

/// Makes `dir` and its missing parents below `root`, each recorded on disk by an fsync of the directory that holds it.
fn make_dirs(root: &FsPath, dir: &FsPath) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let parent = dir.parent().unwrap_or(root);
    if parent != dir && dir != root {
        make_dirs(root, parent)?;
    }
    match fs::create_dir(dir) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        _ => sync_dir(parent),
    }
}

fn sync_dir(dir: &FsPath) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn generic(path: &FsPath, source: io::Error) -> Error {
    let source = io::Error::new(source.kind(), format!("{}: {source}", path.display()));
    Error::Generic { store: "local directory", source: Box::new(source) }
}

fn already_or_generic(path: &FsPath, source: io::Error) -> Error {
    if source.kind() == io::ErrorKind::AlreadyExists {
        return Error::AlreadyExists { path: path.display().to_string(), source: Box::new(source) };
    }
    generic(path, source)
}
