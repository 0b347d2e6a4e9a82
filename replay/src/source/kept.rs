//! The snapshots of the state that a store keeps: a list, and one object each.
//!
//! Format of `state/manifest.json`, version 1: for each snapshot its key, the size of the root log, events, cells,
//! root, and the bounds that every event in it keeps (`cover`: a point as in snapshots, hex). Guarantee: derived from
//! the table; a list of another store, or one that cannot be read, is as good as none, and [`Kept::note`] says so. A
//! snapshot is used only when its cells lead to the root that the list names.

use crate::ReplayError;
use crate::state::wire::{Reader, Wire, WireError};
use crate::state::{Point, Snapshot as StateSnapshot};
use serde::{Deserialize, Serialize};
use store::error::StoreError;
use store::layout;
use store::location::Storage;
use store::snapshot::Snapshot;

const FORMAT: u32 = 1;

/// One snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its key in the store.
    pub name: String,
    /// Size of the root log that it is of.
    pub root_log_size: u64,
    /// Events in it.
    pub events: u64,
    /// Number of cells and root.
    pub root: String,
    /// Bytes of the object.
    pub bytes: u64,
    /// Bounds of its events.
    cover: String,
}

/// See the module.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Kept {
    format: u32,
    origin: String,
    entries: Vec<Entry>,
    #[serde(skip)]
    note: Option<String>,
}

impl Kept {
    /// Reads the list.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn load(snapshot: &Snapshot) -> Result<Self, ReplayError> {
        let origin = snapshot.identity.origin.clone();
        let none = |note| Self { format: FORMAT, origin: origin.clone(), entries: Vec::new(), note };
        let key = layout::state_manifest();
        let Some(bytes) = snapshot.storage.get(&key).await? else { return Ok(none(None)) };
        Ok(match serde_json::from_slice::<Self>(&bytes) {
            Ok(kept) if kept.format == FORMAT && kept.origin == origin => kept,
            Ok(_) => none(Some(format!("{key} is of another store or version and was not used"))),
            Err(error) => none(Some(format!("{key} cannot be read and was not used: {error}"))),
        })
    }

    /// The snapshots, in the order of the root log.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Why the list that is there is not used.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// The one with most events of which every one counts at a point.
    pub(super) fn best(&self, point: &Point) -> Option<&Entry> {
        let fits = |entry: &&Entry| entry.cover().is_ok_and(|cover| cover.within(point));
        self.entries.iter().filter(fits).max_by_key(|entry| entry.events)
    }

    /// Reads a snapshot.
    pub(super) async fn read(&self, storage: &Storage, entry: &Entry) -> Result<StateSnapshot, ReplayError> {
        let key = layout::object(&entry.name);
        let missing = || StoreError::NotFound { what: entry.name.clone(), detail: "its list names it".to_owned() };
        let bytes = storage.get(&key).await?.ok_or_else(missing)?;
        let bad = |source| ReplayError::Snapshot { name: entry.name.clone(), source };
        let (snapshot, root) = tokio::task::block_in_place(|| StateSnapshot::decode(&bytes)).map_err(bad)?;
        if root.to_string() != entry.root {
            let detail = format!("its cells lead to {root}, the list names {}", entry.root);
            return Err(StoreError::corrupt(entry.name.clone(), detail).into());
        }
        Ok(snapshot)
    }

    /// Writes a snapshot, then the list with it.
    pub(super) async fn put(
        &mut self,
        storage: &Storage,
        root_log_size: u64,
        kept: &crate::state::timeline::Checkpoint,
    ) -> Result<Entry, ReplayError> {
        let snapshot = StateSnapshot { point: kept.point.clone(), state: kept.state.clone() };
        let (bytes, root) = tokio::task::block_in_place(|| snapshot.encode());
        let key = layout::state_snapshot(root_log_size, &root.root.to_hex());
        let mut cover = Vec::new();
        kept.cover.put(&mut cover);
        let entry = Entry {
            name: key.to_string(),
            root_log_size,
            events: kept.events,
            root: root.to_string(),
            bytes: bytes.len() as u64,
            cover: hex::encode(cover),
        };
        storage.put(&key, bytes).await?;
        self.entries.retain(|own| own.root_log_size != root_log_size);
        self.entries.push(entry.clone());
        self.entries.sort_by_key(|own| own.root_log_size);
        let list = serde_json::to_vec(self).map_err(|e| StoreError::corrupt("the list of snapshots", e))?;
        storage.put(&layout::state_manifest(), list).await?;
        Ok(entry)
    }

    /// Forgets those from a size of the root log on.
    pub(super) fn drop_from(&mut self, root_log_size: u64) {
        self.entries.retain(|own| own.root_log_size < root_log_size);
    }

    /// Forgets all of them; what is put next makes the list anew.
    pub(super) fn forget(&mut self) {
        self.entries.clear();
    }
}

impl Entry {
    pub(super) fn cover(&self) -> Result<Point, WireError> {
        let bytes = hex::decode(&self.cover).map_err(|_| WireError { at: 0, expected: "a point in hex" })?;
        let mut from = Reader::new(&bytes);
        let point = Point::take(&mut from)?;
        from.end()?;
        Ok(point)
    }
}
