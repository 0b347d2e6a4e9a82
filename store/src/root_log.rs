//! What the root log says: how large each partition's tree was at each of its sizes.
//!
//! Guarantee: the entries are those that the root log's checkpoint signs; a bundle that was changed gives `Corrupt`.
//! Costs one read for each 256 entries. A size beyond what is published gives `NotFound`.

use crate::error::{Result, StoreError};
use crate::layout;
use crate::snapshot::Snapshot;
use crate::trees::read_checkpoint;
use crate::verify::read_bundle;
use schemas::tlog::{Checkpoint, CompactRange, Hash, NoteVerifier, bundles_to_write, leaf_hash};
use std::collections::BTreeMap;

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct RootLog {
    entries: Vec<(u32, u64)>,
    root: Option<Hash>,
}

impl RootLog {
    /// Reads the published root log of a store.
    ///
    /// # Errors
    /// See the module.
    pub async fn read(snapshot: &Snapshot) -> Result<Self> {
        let (storage, identity) = (&snapshot.storage, &snapshot.identity);
        let bad = |e: &dyn std::fmt::Display| StoreError::corrupt("root log", e);
        let mut key = [0u8; 32];
        hex::decode_to_slice(&identity.log_key, &mut key).map_err(|e| bad(&e))?;
        let verifier = NoteVerifier::new(&layout::root_origin(&identity.origin), &key).map_err(|e| bad(&e))?;
        let Some(checkpoint) = read_checkpoint(storage, layout::ROOT_LOG, &verifier).await? else {
            return Ok(Self::default());
        };
        let (mut entries, mut range) = (Vec::new(), CompactRange::new());
        for bundle in bundles_to_write(0, checkpoint.size) {
            for text in read_bundle(storage, bundle).await.map_err(|e| bad(&e))? {
                range.append(leaf_hash(text.as_bytes()));
                entries.push(entry(&text, &identity.origin)?);
            }
        }
        if range.root() != checkpoint.root {
            return Err(bad(&"its entries do not lead to the root that its checkpoint signs"));
        }
        Ok(Self { entries, root: Some(checkpoint.root) })
    }

    /// Number of entries.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.entries.len() as u64
    }

    /// The root of the whole log; `None` before the first entry.
    #[must_use]
    pub fn root(&self) -> Option<Hash> {
        self.root
    }

    /// The entries in order: a partition, and the size of its tree from then on.
    #[must_use]
    pub fn entries(&self) -> &[(u32, u64)] {
        &self.entries
    }

    /// Sizes of the partitions' trees when this log had `size` entries.
    ///
    /// # Errors
    /// `NotFound` when it never had so many.
    pub fn sizes_at(&self, size: u64) -> Result<BTreeMap<u32, u64>> {
        let entries = usize::try_from(size).ok().and_then(|size| self.entries.get(..size));
        let entries = entries.ok_or_else(|| StoreError::NotFound {
            what: format!("size {size} of the root log"),
            detail: format!("it has {} entries; name a size up to that", self.size()),
        })?;
        Ok(entries.iter().copied().collect())
    }
}

fn entry(text: &str, origin: &str) -> Result<(u32, u64)> {
    let bad = |e: &dyn std::fmt::Display| StoreError::corrupt("an entry of the root log", e);
    let checkpoint = Checkpoint::parse(text).map_err(|e| bad(&e))?;
    let partition = checkpoint.origin.strip_prefix(origin).and_then(|rest| rest.strip_prefix("/p")?.parse().ok());
    let partition =
        partition.ok_or_else(|| bad(&format!("origin {} is no partition of {origin}", checkpoint.origin)))?;
    Ok((partition, checkpoint.size))
}
