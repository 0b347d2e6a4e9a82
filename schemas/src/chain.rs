//! The provenance chain: one link per commit and partition, over what that commit added.
//!
//! Guarantee: a link names everything that decided the commit (leaf range, tree root, log offsets, registry state) and
//! its predecessor, so that no commit can be left out, added or altered without changing all later links. Pure.

use crate::digest::{CHAIN_CONTEXT, fields_digest};
use thiserror::Error;

/// Bytes of an encoded link.
pub const LINK_BYTES: usize = 4 + 4 * 8 + 4 * 32;

/// What one commit added to one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Log partition.
    pub partition: u32,
    /// Tree size before.
    pub leaf_from: u64,
    /// Tree size after.
    pub leaf_to: u64,
    /// First log offset covered.
    pub offset_from: u64,
    /// First log offset not covered.
    pub offset_to: u64,
    /// Root of the partition's tree at `leaf_to`.
    pub root: [u8; 32],
    /// Digest of the registry state that judged the records.
    pub registry: [u8; 32],
    /// Digest of the link before, zero for the first.
    pub previous: [u8; 32],
    /// Digest of the rows that the commit added, see `rows_digest` in docs/format.md; zero where none is kept.
    pub rows: [u8; 32],
}

/// Bytes that are not a link.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("a chain link has {LINK_BYTES} bytes, found {found}")]
pub struct LinkError {
    /// Bytes found.
    pub found: usize,
}

impl Link {
    /// Digest that the next link names.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        fields_digest(CHAIN_CONTEXT, &[&self.encode()])
    }

    /// Fixed layout, integers in big-endian order: partition, leaf range, offset range, root, registry, previous, rows.
    #[must_use]
    pub fn encode(&self) -> [u8; LINK_BYTES] {
        let mut out = [0u8; LINK_BYTES];
        out[..4].copy_from_slice(&self.partition.to_be_bytes());
        for (i, n) in [self.leaf_from, self.leaf_to, self.offset_from, self.offset_to].into_iter().enumerate() {
            out[4 + 8 * i..12 + 8 * i].copy_from_slice(&n.to_be_bytes());
        }
        for (i, h) in [&self.root, &self.registry, &self.previous, &self.rows].into_iter().enumerate() {
            out[36 + 32 * i..68 + 32 * i].copy_from_slice(h);
        }
        out
    }

    /// Reads what [`Link::encode`] wrote.
    ///
    /// # Errors
    /// When `bytes` has another length.
    pub fn decode(bytes: &[u8]) -> Result<Self, LinkError> {
        let bytes: &[u8; LINK_BYTES] = bytes.try_into().map_err(|_| LinkError { found: bytes.len() })?;
        let int = |i: usize| {
            let mut b = [0u8; 8];
            b.copy_from_slice(&bytes[4 + 8 * i..12 + 8 * i]);
            u64::from_be_bytes(b)
        };
        let hash = |i: usize| {
            let mut b = [0u8; 32];
            b.copy_from_slice(&bytes[36 + 32 * i..68 + 32 * i]);
            b
        };
        let mut partition = [0u8; 4];
        partition.copy_from_slice(&bytes[..4]);
        Ok(Self {
            partition: u32::from_be_bytes(partition),
            leaf_from: int(0),
            leaf_to: int(1),
            offset_from: int(2),
            offset_to: int(3),
            root: hash(0),
            registry: hash(1),
            previous: hash(2),
            rows: hash(3),
        })
    }
}
