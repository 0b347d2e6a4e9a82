//! Where a store lies: a local directory or S3, by URL, with the same guarantees.
//!
//! Guarantee: [`Storage::probe`] refuses a storage whose conditional put does not hold, because the commit rests on
//! it. Secrets are taken from the options that the caller passes in (on the command line: from the environment), never
//! from here. Fails with [`StoreError::Invalid`] for URLs that name nothing usable.

use crate::durable::DurableLocal;
use crate::error::{Result, StoreError};
use crate::layout;
use deltalake_core::logstore::{LogStoreRef, StorageConfig, default_logstore};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, PutMode, PutOptions, PutPayload};
use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;
use url::Url;

/// An opened storage. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Storage {
    /// Everything below the store's root.
    pub root: Arc<dyn ObjectStore>,
    /// URL of the root, with a final slash.
    pub url: Url,
    /// The bucket or file system itself: the Delta kernel names objects by their whole path.
    base: Arc<dyn ObjectStore>,
    local: Option<Arc<std::path::Path>>,
}

impl Storage {
    /// Opens `location`: a path, `file://…` or `s3://bucket/prefix`. `options` are object_store's S3 options.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a URL or an option that cannot be used.
    pub fn open(location: &str, options: &HashMap<String, String>) -> Result<Self> {
        match Url::parse(location) {
            Ok(url) if url.scheme() == "s3" => Self::open_s3(url, options),
            Ok(url) if url.scheme() == "file" => {
                let path = url
                    .to_file_path()
                    .map_err(|()| StoreError::invalid("store URL", format!("{url} is not a local path")))?;
                Self::open_local(&path)
            }
            Ok(url) if url.scheme().len() > 1 => Err(StoreError::invalid(
                "store URL",
                format!("scheme {}:// is not supported; use a directory, file:// or s3://", url.scheme()),
            )),
            _ => Self::open_local(std::path::Path::new(location)),
        }
    }

    fn open_local(path: &std::path::Path) -> Result<Self> {
        let local = DurableLocal::new(path).map_err(|e| StoreError::unavailable(path.display().to_string(), e))?;
        let full = path.canonicalize().map_err(|e| StoreError::unavailable(path.display().to_string(), e))?;
        let url = Url::from_directory_path(&full)
            .map_err(|()| StoreError::invalid("store directory", format!("{} is not absolute", full.display())))?;
        let whole = std::path::Path::new("/");
        let base = DurableLocal::new(whole).map_err(|e| StoreError::unavailable("the file system", e))?;
        Ok(Self { root: Arc::new(local), url, base: Arc::new(base), local: Some(full.into()) })
    }

    fn open_s3(mut url: Url, options: &HashMap<String, String>) -> Result<Self> {
        let bucket =
            url.host_str().ok_or_else(|| StoreError::invalid("store URL", format!("{url} names no bucket")))?;
        let mut builder = AmazonS3Builder::new().with_bucket_name(bucket);
        for (key, value) in options {
            let key =
                AmazonS3ConfigKey::from_str(key).map_err(|e| StoreError::invalid(format!("S3 option {key}"), e))?;
            builder = builder.with_config(key, value);
        }
        let base: Arc<dyn ObjectStore> = Arc::new(builder.build().map_err(|e| StoreError::invalid("S3 store", e))?);
        let prefix = url.path().trim_matches('/').to_owned();
        url.set_path(&format!("{prefix}/").replace("//", "/"));
        let root: Arc<dyn ObjectStore> =
            if prefix.is_empty() { Arc::clone(&base) } else { Arc::new(PrefixStore::new(Arc::clone(&base), prefix)) };
        Ok(Self { root, url, base, local: None })
    }

    /// The root as a folder of this machine; `None` for other storages, and for a wrapped one.
    #[must_use]
    pub fn local_root(&self) -> Option<&std::path::Path> {
        self.local.as_deref()
    }

    /// Wraps the storage below the root, e.g. to inject faults.
    #[must_use]
    pub fn with_root(self, wrap: impl FnOnce(Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore>) -> Self {
        Self { root: wrap(self.root), local: None, ..self }
    }

    /// URL of the table, with a final slash.
    #[must_use]
    pub fn table_url(&self) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{}/", self.url.path(), layout::TABLE));
        url
    }

    /// The table's objects.
    #[must_use]
    pub fn table_store(&self) -> Arc<dyn ObjectStore> {
        Arc::new(PrefixStore::new(Arc::clone(&self.root), layout::TABLE))
    }

    /// The Delta log of the table.
    #[must_use]
    pub fn delta_log(&self) -> LogStoreRef {
        default_logstore(self.table_store(), Arc::clone(&self.base), &self.table_url(), &StorageConfig::default())
    }

    /// Reads an object whole; `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn get(&self, path: &Path) -> Result<Option<bytes::Bytes>> {
        use object_store::ObjectStoreExt;
        match self.root.get(path).await {
            Ok(found) => found.bytes().await.map(Some).map_err(|e| StoreError::unavailable(path.to_string(), e)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(StoreError::unavailable(path.to_string(), e)),
        }
    }

    /// Writes an object durably, replacing what is there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn put(&self, path: &Path, bytes: impl Into<PutPayload> + Send) -> Result<()> {
        let put = self.root.put_opts(path, bytes.into(), PutOptions::default()).await;
        put.map(|_| ()).map_err(|e| StoreError::unavailable(path.to_string(), e))
    }

    /// Refuses a storage on which two writers can both create the same object.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when the second create of one key succeeds; [`StoreError::Unavailable`].
    pub async fn probe(&self, random: [u8; 16]) -> Result<()> {
        use object_store::ObjectStoreExt;
        let path = Path::from(format!("probe/{}", hex::encode(random)));
        let create = || PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let failed = |e| StoreError::unavailable(format!("store {}", self.url), e);
        self.root.put_opts(&path, PutPayload::from_static(b"1"), create()).await.map_err(failed)?;
        let second = self.root.put_opts(&path, PutPayload::from_static(b"2"), create()).await;
        self.root.delete(&path).await.map_err(failed)?;
        match second {
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => Ok(()),
            Err(e) => Err(failed(e)),
            Ok(_) => Err(StoreError::invalid(
                format!("store {}", self.url),
                "its conditional put does not hold (If-None-Match was ignored), so two compactors could both commit; use a storage that supports it",
            )),
        }
    }
}
