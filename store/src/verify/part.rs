//! What the checks on one file learn for the checks that need all files.
//!
//! Guarantee: plain data, about 80 bytes per row that holds an event and 16 per content; it lives until it is taken over
//! ([`super::collected`]).

use super::report::Findings;
use crate::files::Outside;
use crate::judge::StreamKey;
use schemas::chain::Link;
use schemas::columns::RowClass;
use schemas::tlog::{CompactRange, Hash};
use std::collections::HashMap;

/// A row that holds an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct LeafRow {
    pub(super) leaf: u64,
    pub(super) offset: u64,
    pub(super) index: u64,
    pub(super) hash: [u8; 32],
    /// Microseconds since 1970 that the row says it was committed at.
    pub(super) stamp: i64,
    /// Number of the row in its file.
    pub(super) row: u32,
    /// Place in [`FilePart::streams`].
    pub(super) stream: u32,
    /// Place in [`FilePart::speakers`].
    pub(super) speaker: u32,
    pub(super) class: RowClass,
    /// The row carries its batch's checkpoint.
    pub(super) ends_batch: bool,
    /// A reject because its key may not speak for its source.
    pub(super) refused: bool,
}

/// Who speaks for what: signer, the role that the row says, and the source where the header could be read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Speaking {
    pub(super) signer: [u8; 32],
    pub(super) attested: String,
    pub(super) source: Option<String>,
}

/// A row that is no event, as its commit's link covers it.
#[derive(Debug, Clone, Copy)]
pub(super) struct OutsideRow {
    pub(super) outside: Outside,
    pub(super) stamp: i64,
}

/// A row without an event: a finding, or a reject of a whole record.
#[derive(Debug, Clone)]
pub(super) struct BareRow {
    pub(super) row: usize,
    pub(super) offset: u64,
    pub(super) stamp: i64,
    /// `reason` of rejects, `kind` of findings.
    pub(super) word: Option<String>,
    /// Stream and detail of the findings that open a gap.
    pub(super) gap: Option<(String, String)>,
}

/// A content of which neither salt nor bytes are there.
#[derive(Debug, Clone)]
pub(super) struct Absent {
    pub(super) key: u128,
    pub(super) leaf: u64,
    pub(super) name: String,
}

/// A blob that must open a commitment.
#[derive(Debug, Clone)]
pub(super) struct BlobCheck {
    pub(super) place: String,
    pub(super) name: String,
    pub(super) salt: Vec<u8>,
    pub(super) size: u64,
    pub(super) commitment: [u8; 32],
}

/// 128 bits that name (tenant, source, id), in two halves, and the leaf that has them.
pub(super) type Id = (u64, u64, u64);

/// A registry event: leaf, kind, header.
pub(super) type RegistryRow = (u64, String, Vec<u8>);

/// A link of a footer, and when the rows of its commit say that they were committed.
#[derive(Debug, Clone)]
pub(super) struct FooterLink {
    pub(super) link: Link,
    pub(super) digest: [u8; 32],
    pub(super) stamp: Option<i64>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct FilePart {
    pub(super) findings: Findings,
    pub(super) partition: u32,
    pub(super) class: RowClass,
    pub(super) path: String,
    pub(super) total_rows: u64,
    pub(super) rows: Vec<LeafRow>,
    pub(super) streams: Vec<StreamKey>,
    pub(super) speakers: Vec<Speaking>,
    /// Stream, size, root: signed by the stream's key.
    pub(super) checkpoints: Vec<(u32, u64, Hash)>,
    /// Stream, index, frontier before it.
    pub(super) frontiers: Vec<(u32, u64, CompactRange)>,
    pub(super) links: Vec<FooterLink>,
    pub(super) bare: Vec<BareRow>,
    /// Offset and BLAKE3 of the bytes of rejects without an event.
    pub(super) rejects: Vec<(u64, [u8; 32])>,
    pub(super) outside: Vec<OutsideRow>,
    /// Events and imported rejects, of which each may stand there once.
    pub(super) ids: Vec<Id>,
    /// Duplicates, of which each must be one of something.
    pub(super) duplicates: Vec<Id>,
    pub(super) registry: Vec<RegistryRow>,
    pub(super) opened: Vec<u128>,
    pub(super) absent: Vec<Absent>,
    pub(super) blobs: Vec<BlobCheck>,
    pub(super) signatures: u64,
    pub(super) contents: u64,
}

impl FilePart {
    pub(super) fn new(path: String, partition: u32, class: RowClass) -> Self {
        Self {
            findings: Findings::of_place(),
            partition,
            class,
            path,
            total_rows: 0,
            rows: Vec::new(),
            streams: Vec::new(),
            speakers: Vec::new(),
            checkpoints: Vec::new(),
            frontiers: Vec::new(),
            links: Vec::new(),
            bare: Vec::new(),
            rejects: Vec::new(),
            outside: Vec::new(),
            ids: Vec::new(),
            duplicates: Vec::new(),
            registry: Vec::new(),
            opened: Vec::new(),
            absent: Vec::new(),
            blobs: Vec::new(),
            signatures: 0,
            contents: 0,
        }
    }
}

/// Numbers distinct values in the order of their first appearance.
#[derive(Debug)]
pub(super) struct Interner<K>(HashMap<K, u32>);

impl<K: std::hash::Hash + Eq + Clone> Interner<K> {
    pub(super) fn new() -> Self {
        Self(HashMap::new())
    }

    pub(super) fn number(&mut self, key: K, all: &mut Vec<K>) -> u32 {
        if let Some(known) = self.0.get(&key) {
            return *known;
        }
        let next = all.len() as u32;
        all.push(key.clone());
        self.0.insert(key, next);
        next
    }
}
