//! What the table says of a partition: the state from which its next commit goes on.
//!
//! Guarantee: a head is read from one table version and written by the commit that names this version as its base.
//! It lies in `domainMetadata`, which survives Delta checkpoints and log clean-up. Unknown fields are refused, because
//! an older writer must not drop what a newer one keeps there.

use crate::error::{Result, StoreError};
use schemas::tlog::{CompactRange, Hash};
use serde::{Deserialize, Serialize};

/// Head of one log partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Frontier of the partition's tree; its size is the next leaf.
    pub tree: CompactRange,
    /// First log offset that is not in the table.
    pub offset: u64,
    /// First log offset that must be read again after a restart: below it no content part waits for its batch.
    pub parts_from: u64,
    /// Digest of the last chain link, zero before the first.
    pub link: [u8; 32],
    /// Digest of the registry state that judged the last commit.
    pub registry: [u8; 32],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: u32,
    size: u64,
    root: String,
    frontier: String,
    offset: u64,
    parts_from: u64,
    link: String,
    registry: String,
}

impl Head {
    /// The head of a partition that holds nothing.
    #[must_use]
    pub fn empty() -> Self {
        Self { tree: CompactRange::new(), offset: 0, parts_from: 0, link: [0; 32], registry: [0; 32] }
    }

    /// The JSON that is stored.
    #[must_use]
    pub fn to_json(&self) -> String {
        let stored = Stored {
            format: 1,
            size: self.tree.size(),
            root: self.tree.root().to_hex(),
            frontier: hex::encode(self.tree.to_bytes()),
            offset: self.offset,
            parts_from: self.parts_from,
            link: hex::encode(self.link),
            registry: hex::encode(self.registry),
        };
        serde_json::to_string(&stored).expect("a struct of strings and integers is always serialisable")
    }

    /// Reads what [`Head::to_json`] wrote.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] names the partition and what is wrong.
    pub fn from_json(partition: u32, text: &str) -> Result<Self> {
        let bad = |e: &dyn std::fmt::Display| StoreError::corrupt(format!("head of partition {partition}"), e);
        let s: Stored = serde_json::from_str(text).map_err(|e| bad(&e))?;
        if s.format != 1 {
            return Err(bad(&format!("format {}, this program reads 1: update it", s.format)));
        }
        let frontier = hex::decode(&s.frontier).map_err(|e| bad(&e))?;
        let tree = CompactRange::from_bytes(s.size, &frontier).map_err(|e| bad(&e))?;
        let root = Hash::from_hex(&s.root).map_err(|e| bad(&e))?;
        if tree.root() != root {
            return Err(bad(&format!("frontier leads to root {}, {} is stored", tree.root().to_hex(), s.root)));
        }
        let digest = |text: &str| -> Result<[u8; 32]> {
            let mut out = [0u8; 32];
            hex::decode_to_slice(text, &mut out).map_err(|e| bad(&e))?;
            Ok(out)
        };
        let (link, registry) = (digest(&s.link)?, digest(&s.registry)?);
        Ok(Self { tree, offset: s.offset, parts_from: s.parts_from, link, registry })
    }
}
