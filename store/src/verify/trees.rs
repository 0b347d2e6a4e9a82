//! The published trees of the partitions and the root log, against what the table leads to.
//!
//! Guarantee: as [`super::published`], [`super::tiles`] and [`super::root_log`] say, for every tree of the store.

use super::delta::Replay;
use super::join::Joined;
use super::published::{self, Notes};
use super::report::{Findings, Kind, Progress};
use super::root_log::{self, Position};
use super::tiles::{self, Folder, Levels};
use crate::layout;
use crate::location::Storage;
use crate::snapshot::StoreIdentity;
use schemas::tlog::{Checkpoint, CompactRange, leaf_hash};
use std::collections::BTreeMap;

/// The public keys that the store's identity pins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys {
    pub(super) registry: [u8; 32],
    pub(super) log: [u8; 32],
}

impl Keys {
    pub(super) fn of(identity: &StoreIdentity, findings: &mut Findings) -> Self {
        let mut read = |name: &str, text: &str| {
            let mut key = [0u8; 32];
            if hex::decode_to_slice(text, &mut key).is_err() {
                findings.problem(
                    Kind::DeltaLog,
                    "identity of the store",
                    format!("{name} {text:?} is not 64 hex digits"),
                );
            }
            key
        };
        Self { registry: read("registry key", &identity.registry_key), log: read("log key", &identity.log_key) }
    }
}

/// The checkpoints whose signature holds.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    root: Option<Checkpoint>,
    partitions: BTreeMap<u32, Checkpoint>,
}

impl Checkpoints {
    pub(super) fn sizes(&self) -> BTreeMap<u32, u64> {
        self.partitions.iter().map(|(p, c)| (*p, c.size)).collect()
    }
}

/// Opens all notes of the store's trees.
pub(super) fn open_all(notes: &Notes, identity: &StoreIdentity, keys: &Keys, findings: &mut Findings) -> Checkpoints {
    let mut checkpoints = Checkpoints::default();
    let root_origin = layout::root_origin(&identity.origin);
    checkpoints.root = published::open(notes, layout::ROOT_LOG, &root_origin, &keys.log, findings);
    for partition in 0..identity.partitions {
        let origin = layout::tree_origin(&identity.origin, partition);
        if let Some(checkpoint) = published::open(notes, &layout::tree(partition), &origin, &keys.log, findings) {
            checkpoints.partitions.insert(partition, checkpoint);
        }
    }
    let known =
        |folder: &String| *folder == layout::ROOT_LOG || (0..identity.partitions).any(|p| *folder == layout::tree(p));
    for folder in notes.notes.keys().filter(|f| !known(f)) {
        findings.problem(Kind::Checkpoint, layout::checkpoint(folder).to_string(), "it is of no tree of this store");
    }
    checkpoints
}

/// What speaks for a tree having been published.
#[derive(Debug, Clone, Copy)]
struct Told {
    /// Leaves or entries that are said to have been published.
    size: u64,
    /// Versions that published a head.
    versions: usize,
}

/// What was published, and what it is derived from.
#[derive(Debug)]
pub(super) struct Published<'a> {
    pub(super) storage: &'a Storage,
    pub(super) notes: &'a Notes,
    pub(super) checkpoints: &'a Checkpoints,
    pub(super) identity: &'a StoreIdentity,
    pub(super) replay: &'a Replay,
}

impl Published<'_> {
    /// Checks all trees.
    pub(super) async fn check(&self, joined: &Joined, findings: &mut Findings, progress: &dyn Progress) {
        let newest = self.check_root(joined, findings, progress).await;
        for partition in 0..self.identity.partitions {
            let told = newest.get(&partition).copied().unwrap_or_default();
            self.check_partition(partition, told, joined, findings, progress).await;
        }
    }

    /// Checks the root log; gives the size of each partition that it has seen.
    async fn check_root(
        &self,
        joined: &Joined,
        findings: &mut Findings,
        progress: &dyn Progress,
    ) -> BTreeMap<u32, u64> {
        let origin = &self.identity.origin;
        let position = self.position(findings);
        let wanted = root_log::wanted(self.replay, origin, position, findings);
        let Some(checkpoint) = &self.checkpoints.root else {
            let told = Told { size: position.map_or(0, |p| p.size), versions: self.replay.versions_with_heads() };
            self.require_note(layout::ROOT_LOG, told, findings).await;
            return BTreeMap::new();
        };
        let size = checkpoint.size;
        if let Some(position) = position.filter(|p| p.size > size)
            && !published::reaches(self.storage, layout::ROOT_LOG, position.size).await
        {
            let detail = format!("it signs {size} entries, {} were published before: it was set back", position.size);
            findings.problem(Kind::Checkpoint, "tlog/root/checkpoint", detail);
        }
        let found = root_log::read(self.storage, size.min(wanted.skipped + wanted.texts.len() as u64), findings).await;
        root_log::check(&found, size, &wanted, &joined.roots, origin, findings);
        let entries = if wanted.skipped == 0 { &wanted.texts } else { &found };
        let leaves: Vec<[u8; 32]> = entries.iter().map(|t| leaf_hash(t.as_bytes()).to_bytes()).collect();
        if let Some(signed) = leaves.get(..usize::try_from(size).unwrap_or(usize::MAX)) {
            let root = signed.iter().map(|h| (*h).into()).collect::<CompactRange>().root();
            if root != checkpoint.root {
                let detail = format!(
                    "it signs root {} of {size} entries, they lead to {}",
                    checkpoint.root.to_hex(),
                    root.to_hex()
                );
                findings.problem(Kind::Checkpoint, "tlog/root/checkpoint", detail);
            }
        }
        let above = tiles::above(&leaves);
        let levels = Levels { leaves: &leaves, above: &above };
        let folder = Folder { name: layout::ROOT_LOG.to_owned(), levels, size, entries: Some(entries) };
        tiles::check(self.storage, &folder, findings, progress).await;
        root_log::newest(&found, origin)
    }

    fn position(&self, findings: &mut Findings) -> Option<Position> {
        let bytes = self.notes.position.as_ref()?;
        let position: Option<Position> = serde_json::from_slice(bytes).ok();
        let place = format!("{}/position.json", layout::ROOT_LOG);
        match position {
            None => findings.problem(Kind::RootLog, place, "it cannot be read"),
            Some(p) if p.version > self.replay.version => {
                let detail = format!(
                    "it is at version {}, the table at {}: the table was set back",
                    p.version, self.replay.version
                );
                findings.problem(Kind::RootLog, place, detail);
            }
            Some(p) if self.replay.first_json <= 1 => {
                let size = self.replay.history.iter().filter(|h| h.version <= p.version).count() as u64;
                if size != p.size {
                    findings.problem(
                        Kind::RootLog,
                        place,
                        format!("it says {} entries at version {}, the versions make {size}", p.size, p.version),
                    );
                }
            }
            Some(_) => {}
        }
        position
    }

    /// Says what a note means that is not there. (One that is not the store's was reported when it was opened.) Only a
    /// store whose first commit has just happened may lack it.
    async fn require_note(&self, folder: &str, told: Told, findings: &mut Findings) {
        if self.notes.notes.contains_key(folder) {
            return;
        }
        let place = layout::checkpoint(folder).to_string();
        if told.size == 0 && told.versions <= 1 {
            findings.warning(Kind::Checkpoint, place, "not yet published");
        } else if !published::reaches(self.storage, folder, told.size.max(1)).await {
            let Told { size, versions } = told;
            let detail =
                format!("it is gone: {size} leaves or entries were published, {versions} versions are behind them");
            findings.problem(Kind::Checkpoint, place, detail);
        }
    }

    async fn check_partition(
        &self,
        partition: u32,
        told: u64,
        joined: &Joined,
        findings: &mut Findings,
        progress: &dyn Progress,
    ) {
        let folder = layout::tree(partition);
        let place = layout::checkpoint(&folder).to_string();
        let head = self.replay.heads.get(&partition).map_or(0, |h| h.tree.size());
        let Some(checkpoint) = self.checkpoints.partitions.get(&partition) else {
            if head > 0 {
                let told = Told { size: told, versions: self.replay.versions_of(partition) };
                self.require_note(&folder, told, findings).await;
            }
            return;
        };
        let size = checkpoint.size;
        if size > head {
            findings.problem(
                Kind::Checkpoint,
                place.as_str(),
                format!("it signs {size} leaves, the table has {head}: the table was set back"),
            );
        } else if size < told && !published::reaches(self.storage, &folder, told).await {
            let detail = format!("it signs {size} leaves, the root log holds it at {told}: it was set back");
            findings.problem(Kind::Checkpoint, place.as_str(), detail);
        } else if size < head {
            findings.warning(
                Kind::Checkpoint,
                place.as_str(),
                format!("not yet published: it signs {size} of {head} leaves"),
            );
        }
        if let Some(root) = joined.roots.get(&partition).and_then(|r| r.get(&size))
            && *root != checkpoint.root
        {
            let detail = format!(
                "it signs root {} of {size} leaves, the headers in the table lead to {}",
                checkpoint.root.to_hex(),
                root.to_hex()
            );
            findings.problem(Kind::Checkpoint, place, detail);
        }
        let Some(rows) = joined.collected.partitions.get(&partition) else { return };
        let known = joined.known.get(&partition).copied().unwrap_or_default();
        let above = joined.above.get(&partition).map_or(&[][..], Vec::as_slice);
        let levels = Levels { leaves: &rows.hashes[..known], above };
        tiles::check(self.storage, &Folder { name: folder, levels, size, entries: None }, findings, progress).await;
    }
}
