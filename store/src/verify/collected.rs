//! The facts of all files, by partition: what remains in memory until the end.
//!
//! Guarantee: about 60 bytes per event (leaf hash 32, offset 8, tag 4, stream entry 16), 24 per id, 16 per content and 56 per row that is no event,
//! sized by what the live files can hold and never by what a head claims. A leaf that is there twice, or lies above the
//! head, is a problem; so is a commit whose files disagree on when it was.

use super::links::OutsideRows;
use super::part::{Absent, BlobCheck, FilePart, FooterLink, Id, Interner, LeafRow, RegistryRow, Speaking};
use super::report::{Findings, Kind};
use crate::head::Head;
use crate::judge::StreamKey;
use schemas::columns::RowClass;
use schemas::tlog::{CompactRange, Hash};
use std::collections::{BTreeMap, HashMap};

/// Least bytes of a row that holds an event, compressed: its header has 16 random bytes in it.
const ROW_BYTES_MIN: u64 = 16;

/// What is known of a leaf besides its hash, in four bytes: class and flags above the number of the speaker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tag(u32);

impl Tag {
    const ENDS: u32 = 1 << 29;
    const REFUSED: u32 = 1 << 28;

    fn new(row: &LeafRow, speaker: u32) -> Self {
        let class = match row.class {
            RowClass::Event => 1,
            RowClass::Reject => 2,
            RowClass::Duplicate | RowClass::Finding => 3,
        };
        let flags = if row.ends_batch { Self::ENDS } else { 0 } | if row.refused { Self::REFUSED } else { 0 };
        Self((class << 30) | flags | (speaker & (Self::REFUSED - 1)))
    }

    /// Whether a row holds the leaf.
    pub(super) fn is_present(self) -> bool {
        self.0 != 0
    }

    pub(super) fn class(self) -> RowClass {
        match self.0 >> 30 {
            1 => RowClass::Event,
            2 => RowClass::Reject,
            _ => RowClass::Duplicate,
        }
    }

    /// Whether its row carries the checkpoint of a batch.
    pub(super) fn ends_batch(self) -> bool {
        self.0 & Self::ENDS != 0
    }

    /// Whether it was refused because its key may not speak for its source.
    pub(super) fn is_refused(self) -> bool {
        self.0 & Self::REFUSED != 0
    }

    pub(super) fn speaker(self) -> u32 {
        self.0 & (Self::REFUSED - 1)
    }
}

/// One stream in one partition.
#[derive(Debug, Default)]
pub(super) struct StreamRows {
    /// Index and leaf.
    pub(super) entries: Vec<(u64, u64)>,
    /// Size and root, signed.
    pub(super) checkpoints: Vec<(u64, Hash)>,
    /// Index and frontier before it.
    pub(super) frontiers: Vec<(u64, CompactRange)>,
}

/// One partition.
#[derive(Debug)]
pub(super) struct PartitionRows {
    pub(super) number: u32,
    pub(super) head: Head,
    /// Leaves that the live files can hold.
    capacity: u64,
    pub(super) hashes: Vec<[u8; 32]>,
    pub(super) offsets: Vec<u64>,
    pub(super) tags: Vec<Tag>,
    pub(super) streams: HashMap<StreamKey, StreamRows>,
    pub(super) links: BTreeMap<[u8; 32], FooterLink>,
    pub(super) rejects: Vec<(u64, [u8; 32])>,
    /// Stream and detail of the findings that open a gap.
    pub(super) gaps: Vec<(String, String)>,
    pub(super) ids: Vec<Id>,
    pub(super) duplicates: Vec<Id>,
    pub(super) registry: Vec<RegistryRow>,
    pub(super) opened: Vec<u128>,
    pub(super) absent: Vec<Absent>,
}

impl PartitionRows {
    fn new(number: u32, head: Head, bytes: u64) -> Self {
        let capacity = head.tree.size().min(bytes / ROW_BYTES_MIN);
        let room = usize::try_from(capacity).unwrap_or_default();
        Self {
            number,
            head,
            capacity,
            hashes: Vec::with_capacity(room),
            offsets: Vec::with_capacity(room),
            tags: Vec::with_capacity(room),
            streams: HashMap::new(),
            links: BTreeMap::new(),
            rejects: Vec::new(),
            gaps: Vec::new(),
            ids: Vec::new(),
            duplicates: Vec::new(),
            registry: Vec::new(),
            opened: Vec::new(),
            absent: Vec::new(),
        }
    }

    /// Leaves from 0 on that are there without a hole.
    pub(super) fn known(&self) -> usize {
        self.tags.iter().position(|t| !t.is_present()).unwrap_or(self.tags.len())
    }

    pub(super) fn hash(&self, leaf: usize) -> Hash {
        Hash::from_bytes(self.hashes[leaf])
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) partitions: BTreeMap<u32, PartitionRows>,
    pub(super) speakers: Vec<Speaking>,
    speaker_numbers: Option<Interner<Speaking>>,
    pub(super) blobs: Vec<BlobCheck>,
    pub(super) outside_of: OutsideRows,
    pub(super) rows: u64,
    pub(super) events: u64,
    pub(super) signatures: u64,
    pub(super) contents: u64,
}

impl Collected {
    /// For partitions with these heads and bytes of live files.
    pub(super) fn new(heads: &BTreeMap<u32, Head>, bytes: &BTreeMap<u32, u64>) -> Self {
        let numbers = heads.keys().chain(bytes.keys());
        let partition = |p: &u32| {
            let head = heads.get(p).cloned().unwrap_or_else(Head::empty);
            (*p, PartitionRows::new(*p, head, bytes.get(p).copied().unwrap_or_default()))
        };
        Self { partitions: numbers.map(partition).collect(), ..Self::default() }
    }

    /// Takes over the facts of a file.
    pub(super) fn absorb(&mut self, part: FilePart, findings: &mut Findings) {
        self.rows += part.total_rows;
        self.events += part.rows.len() as u64;
        self.signatures += part.signatures;
        self.contents += part.contents;
        self.blobs.extend(part.blobs);
        let mut own = part.findings;
        let numbers = self.speaker_numbers.get_or_insert_with(Interner::new);
        let speakers: Vec<u32> = part.speakers.into_iter().map(|s| numbers.number(s, &mut self.speakers)).collect();
        if let Some(partition) = self.partitions.get_mut(&part.partition) {
            partition.take_rows(&part.path, &part.rows, &speakers, &mut own);
            partition.take_streams(&part.streams, &part.rows, part.checkpoints, part.frontiers);
            for bare in part.bare {
                partition.gaps.extend(bare.gap);
            }
            for row in part.outside {
                if let Some(link) = super::links::link_of_outside(&part.links, &row) {
                    self.outside_of.entry(link.digest).or_default().push(row.outside);
                }
            }
            partition.take_links(&part.path, part.links, &mut own);
            partition.rejects.extend(part.rejects);
            partition.ids.extend(part.ids);
            partition.duplicates.extend(part.duplicates);
            partition.registry.extend(part.registry);
            partition.opened.extend(part.opened);
            partition.absent.extend(part.absent);
        }
        findings.absorb(own);
    }
}

impl PartitionRows {
    fn take_rows(&mut self, path: &str, rows: &[LeafRow], speakers: &[u32], findings: &mut Findings) {
        for row in rows {
            let place = || format!("partition {} leaf {} ({path} row {})", self.number, row.leaf, row.row);
            if row.leaf >= self.head.tree.size() || row.leaf >= self.capacity {
                findings.problem(
                    Kind::Leaf,
                    place(),
                    format!("above the head, which has {} leaves", self.head.tree.size()),
                );
                continue;
            }
            let at = row.leaf as usize;
            if self.tags.len() <= at {
                self.hashes.resize(at + 1, [0; 32]);
                self.offsets.resize(at + 1, 0);
                self.tags.resize(at + 1, Tag::default());
            }
            if self.tags[at].is_present() {
                findings.problem(Kind::Leaf, place(), "a second row holds it");
                continue;
            }
            self.hashes[at] = row.hash;
            self.offsets[at] = row.offset;
            self.tags[at] = Tag::new(row, speakers[row.speaker as usize]);
        }
    }

    fn take_streams(
        &mut self,
        keys: &[StreamKey],
        rows: &[LeafRow],
        checkpoints: Vec<(u32, u64, Hash)>,
        frontiers: Vec<(u32, u64, CompactRange)>,
    ) {
        let mut found: Vec<StreamRows> = keys.iter().map(|_| StreamRows::default()).collect();
        rows.iter().for_each(|r| found[r.stream as usize].entries.push((r.index, r.leaf)));
        checkpoints.into_iter().for_each(|(s, size, root)| found[s as usize].checkpoints.push((size, root)));
        frontiers.into_iter().for_each(|(s, index, range)| found[s as usize].frontiers.push((index, range)));
        for (key, mut rows) in keys.iter().zip(found) {
            let stream = self.streams.entry(key.clone()).or_default();
            stream.entries.append(&mut rows.entries);
            stream.checkpoints.append(&mut rows.checkpoints);
            stream.frontiers.append(&mut rows.frontiers);
        }
    }

    fn take_links(&mut self, path: &str, links: Vec<FooterLink>, findings: &mut Findings) {
        for link in links {
            let known = self.links.entry(link.digest).or_insert_with(|| FooterLink { stamp: None, ..link.clone() });
            match (known.stamp, link.stamp) {
                (Some(a), Some(b)) if a != b => {
                    let detail = format!("committed_at is {b} us, in another file of the same commit {a} us");
                    findings.problem(Kind::Row, format!("{path}, {}", super::chain::name(&link.link)), detail);
                }
                (None, found) => known.stamp = found,
                _ => {}
            }
        }
    }
}
