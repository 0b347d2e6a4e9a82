//! The manifest: which index objects there are, and up to which leaf of each partition they reach.
//!
//! Stored as JSON under `index/manifest/<number>.json`, numbers from 1 without gaps; the one with the highest number
//! holds. A new one is put only if nobody put that number before (conditional put), so that of two that index at once one
//! throws its work away. Guarantee: what a manifest names was written before it. What is replaced stays for
//! [`KEEP_REPLACED_MS`], so that a question which began before ends in peace. Fails with `Corrupt` for a manifest that
//! cannot be read, or that is of another store.

use crate::error::{Result, StoreError};
use crate::layout;
use crate::location::Storage;
use crate::snapshot::StoreIdentity;
use futures::StreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};

/// Version of the index format.
const FORMAT: u32 = 1;
/// How long a replaced object stays, in milliseconds.
pub(super) const KEEP_REPLACED_MS: i64 = 3_600_000;
/// Manifests that are kept.
const MANIFESTS_KEPT: u64 = 3;

/// An object with its size in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ObjectRef {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) entries: u64,
}

/// A sorted run of postings, cut into objects of bounded size.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) objects: Vec<ObjectRef>,
}

impl Run {
    pub(super) fn entries(&self) -> u64 {
        self.objects.iter().map(|o| o.entries).sum()
    }
}

/// Something that covers a range of leaves of one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ranged {
    pub(super) partition: u32,
    pub(super) leaf_from: u64,
    pub(super) leaf_to: u64,
    #[serde(flatten)]
    pub(super) object: ObjectRef,
}

/// An object that a manifest no longer names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Replaced {
    pub(super) name: String,
    pub(super) at_ms: i64,
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub(super) format: u32,
    /// Identity of the store: log and registry key.
    pub(super) store: String,
    /// Number of this manifest; 0: none was ever written.
    #[serde(skip)]
    pub(super) number: u64,
    /// Table version whose rows were read last.
    pub table_version: u64,
    /// First leaf that is not covered, by partition.
    pub covered: BTreeMap<u32, u64>,
    pub(super) plain: Vec<Run>,
    pub(super) timed: Vec<Run>,
    pub(super) nodes: Vec<Ranged>,
    #[serde(default)]
    pub(super) texts: Vec<Ranged>,
    #[serde(default)]
    pub(super) replaced: Vec<Replaced>,
}

fn store_of(identity: &StoreIdentity) -> String {
    format!("{} {} {}", identity.origin, identity.log_id, identity.registry_key)
}

async fn numbers(storage: &Storage) -> Result<Vec<u64>> {
    let folder = Path::from(layout::INDEX_MANIFESTS);
    let unavailable = |e| StoreError::unavailable(layout::INDEX_MANIFESTS, e);
    let mut found = Vec::new();
    let mut objects = storage.root.list(Some(&folder));
    while let Some(object) = objects.next().await {
        let name = object.map_err(unavailable)?.location;
        let number: Option<u64> = name.filename().and_then(|n| n.strip_suffix(".json")).and_then(|n| n.parse().ok());
        found.extend(number);
    }
    found.sort_unstable();
    Ok(found)
}

impl Manifest {
    /// Bytes of all objects that it names.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let runs = self.plain.iter().chain(&self.timed).flat_map(|run| &run.objects);
        runs.chain(self.nodes.iter().chain(&self.texts).map(|r| &r.object)).map(|o| o.size).sum()
    }

    /// Events that it covers.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.nodes.iter().map(|r| r.object.entries).sum()
    }

    /// The newest manifest; an empty one where there is none.
    ///
    /// # Errors
    /// See the module.
    pub async fn load(storage: &Storage, identity: &StoreIdentity) -> Result<Self> {
        let mut last = None;
        loop {
            let Some(number) = numbers(storage).await?.pop() else {
                return Ok(Self { format: FORMAT, store: store_of(identity), ..Self::default() });
            };
            match Self::read(storage, identity, number).await {
                // Newer ones may have been put, and this one deleted, since the look.
                Err(_) if last != Some(number) => last = Some(number),
                read => return read,
            }
        }
    }

    /// Names of all objects that it names, those that were replaced included.
    fn names(&self) -> impl Iterator<Item = &str> {
        let runs = self.plain.iter().chain(&self.timed).flat_map(|run| &run.objects);
        let objects = runs.chain(self.nodes.iter().chain(&self.texts).map(|r| &r.object)).map(|o| o.name.as_str());
        objects.chain(self.replaced.iter().map(|r| r.name.as_str()))
    }

    async fn read(storage: &Storage, identity: &StoreIdentity, number: u64) -> Result<Self> {
        let path = layout::index_manifest(number);
        let bad = |detail: String| super::object::damaged(path.as_ref(), detail);
        let bytes = storage.get(&path).await?.ok_or_else(|| bad("it is gone".to_owned()))?;
        let read: Self = serde_json::from_slice(&bytes).map_err(|e| bad(e.to_string()))?;
        if read.format != FORMAT {
            return Err(bad(format!("format {}, this program knows {FORMAT}", read.format)));
        }
        if read.store != store_of(identity) {
            return Err(bad(format!("it belongs to the store {}, this is {}", read.store, store_of(identity))));
        }
        Ok(Self { number, ..read })
    }

    /// Puts it as the next number; false when somebody else did. Old ones go.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(super) async fn publish(&mut self, storage: &Storage) -> Result<bool> {
        let path = layout::index_manifest(self.number + 1);
        let bytes = serde_json::to_vec(self).map_err(|e| StoreError::corrupt(path.to_string(), e))?;
        let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match storage.root.put_opts(&path, PutPayload::from(bytes), create).await {
            Ok(_) => {}
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                return Ok(false);
            }
            Err(e) => return Err(StoreError::unavailable(path.to_string(), e)),
        }
        self.number += 1;
        // One who is so far behind that this number was deleted has put it anew, and has lost all the same.
        if numbers(storage).await?.last() != Some(&self.number) {
            let _ = storage.root.delete(&path).await;
            return Ok(false);
        }
        if let Some(old) = self.number.checked_sub(MANIFESTS_KEPT).filter(|n| *n > 0) {
            let _ = storage.root.delete(&layout::index_manifest(old)).await;
        }
        Ok(true)
    }

    /// Forgets objects that were replaced before `now_ms` less the time that they stay, and gives their names.
    pub(super) fn forget(&mut self, now_ms: i64) -> Vec<String> {
        let (old, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.replaced).into_iter().partition(|r| r.at_ms + KEEP_REPLACED_MS < now_ms);
        self.replaced = kept;
        old.into_iter().map(|r| r.name).collect()
    }
}

/// Publishes an empty manifest, so that the index is built again; its objects go an hour later, because questions may stand
/// on them. Gives how many objects that are.
///
/// # Errors
/// `Unavailable`.
pub async fn rebuild(storage: &Storage, identity: &StoreIdentity, now_ms: i64) -> Result<usize> {
    loop {
        // A manifest that cannot be read is passed over: what it named is swept later.
        let newest = numbers(storage).await?.pop().unwrap_or_default();
        let old = Manifest::load(storage, identity).await.unwrap_or_default();
        let runs = old.plain.into_iter().chain(old.timed).flat_map(|run| run.objects);
        let objects = runs.chain(old.nodes.into_iter().chain(old.texts).map(|r| r.object));
        let mut replaced = old.replaced;
        replaced.extend(objects.map(|object| Replaced { name: object.name, at_ms: now_ms }));
        let count = replaced.len();
        let mut empty =
            Manifest { format: FORMAT, store: store_of(identity), number: newest, replaced, ..Manifest::default() };
        if empty.publish(storage).await? {
            return Ok(count);
        }
    }
}

/// Deletes index objects that the newest manifest does not name and that are older than replaced ones stay.
///
/// # Errors
/// `Unavailable`, `Corrupt` when the manifest cannot be read.
pub(super) async fn sweep(storage: &Storage, identity: &StoreIdentity, now_ms: i64) -> Result<usize> {
    let manifest = Manifest::load(storage, identity).await?;
    let named: HashSet<String> = manifest.names().map(str::to_owned).collect();
    let folder = storage.root.list_with_delimiter(Some(&Path::from(layout::INDEX))).await;
    let folder = folder.map_err(|e| StoreError::unavailable(layout::INDEX, e))?;
    let mut swept = 0;
    for object in folder.objects {
        let old = object.last_modified.timestamp_millis() + KEEP_REPLACED_MS < now_ms;
        if old && !named.contains(object.location.as_ref()) && storage.root.delete(&object.location).await.is_ok() {
            swept += 1;
        }
    }
    Ok(swept)
}
