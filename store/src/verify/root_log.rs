//! The root log: its entries against the heads that the table's versions published.
//!
//! Guarantee: the entries are the unsigned checkpoint texts of the heads in the order of versions, and of partitions
//! within one. Where the commits of old versions were cleaned up, their entries are held to the chain instead: each is
//! a root at the end of a link (or of no leaf), and those of one partition never go back.

use super::delta::{Published, Replay};
use super::report::{Findings, Kind};
use crate::committer::root_entry;
use crate::layout;
use crate::location::Storage;
use schemas::tlog::{BundleId, Checkpoint, Hash, decode_bundle};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Roots at the ends of links, by partition and size.
pub(super) type Roots = BTreeMap<u32, BTreeMap<u64, Hash>>;

/// How far the root log says that it follows the table.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Position {
    pub(super) version: u64,
    pub(super) size: u64,
}

/// The entries that the root log must have.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Entries before these that the log no longer tells.
    pub(super) skipped: u64,
    pub(super) texts: Vec<String>,
}

/// Derives the entries from the history.
pub(super) fn wanted(replay: &Replay, origin: &str, position: Option<Position>, findings: &mut Findings) -> Wanted {
    let mut wanted = Wanted::default();
    for Published { partition, head, .. } in &replay.history {
        match root_entry(origin, *partition, head) {
            Ok(text) => wanted.texts.push(text),
            Err(e) => findings.problem(Kind::RootLog, format!("partition {partition}"), e),
        }
    }
    if replay.first_json > 1 {
        // The entries of cleaned-up versions are counted by what the position says of the rest.
        let covered = |p: &Position| replay.history.iter().filter(|h| h.version <= p.version).count() as u64;
        match position.map(|p| p.size.checked_sub(covered(&p))) {
            Some(Some(skipped)) => wanted.skipped = skipped,
            _ => findings.problem(
                Kind::RootLog,
                "tlog/root/position.json",
                "it does not fit the versions that are there",
            ),
        }
    }
    wanted
}

/// Reads the first `size` entries.
pub(super) async fn read(storage: &Storage, size: u64, findings: &mut Findings) -> Vec<String> {
    let mut entries = Vec::new();
    for bundle in schemas::tlog::bundles_to_write(0, size) {
        match read_bundle(storage, bundle).await {
            Ok(texts) => entries.extend(texts),
            Err(detail) => {
                findings.problem(Kind::RootLog, format!("{}/{}", layout::ROOT_LOG, bundle.path()), detail);
                break;
            }
        }
    }
    entries
}

/// The entries of one bundle. A partial bundle whose full one exists is cut from that.
pub(crate) async fn read_bundle(storage: &Storage, bundle: BundleId) -> Result<Vec<String>, String> {
    let get = |id: BundleId| async move {
        let key = layout::tree_file(layout::ROOT_LOG, &id.path());
        storage.get(&key).await.map_err(|e| e.to_string())
    };
    let mut id = bundle;
    let mut bytes = get(id).await?;
    if bytes.is_none() {
        id = BundleId::new(bundle.index(), 256).map_err(|e| e.to_string())?;
        bytes = get(id).await?;
    }
    let bytes = bytes.ok_or("it is missing")?;
    let entries = decode_bundle(&bytes, id.width()).map_err(|e| e.to_string())?;
    let text = |e: &&[u8]| String::from_utf8(e.to_vec()).map_err(|_| "an entry is not UTF-8".to_owned());
    entries.iter().take(usize::from(bundle.width())).map(text).collect()
}

/// Compares the entries that are there with those that must be.
pub(super) fn check(
    entries: &[String],
    size: u64,
    wanted: &Wanted,
    roots: &Roots,
    origin: &str,
    findings: &mut Findings,
) {
    let total = wanted.skipped + wanted.texts.len() as u64;
    if size > total {
        let detail = format!("it signs {size} entries, the table's versions make {total}: the table was set back");
        findings.problem(Kind::RootLog, "tlog/root/checkpoint", detail);
    }
    if size < total {
        let detail = format!("not yet published: it signs {size} of {total} entries");
        findings.warning(Kind::RootLog, "tlog/root/checkpoint", detail);
    }
    let skipped = (wanted.skipped as usize).min(entries.len());
    for (number, (found, text)) in entries[skipped..].iter().zip(&wanted.texts).enumerate() {
        if found != text {
            let detail = format!("it is {found:?}, the table's versions make it {text:?}");
            findings.problem(Kind::RootLog, format!("entry {} of the root log", skipped + number), detail);
        }
    }
    check_by_chain(&entries[..skipped], roots, origin, findings);
}

fn check_by_chain(entries: &[String], roots: &Roots, origin: &str, findings: &mut Findings) {
    let mut sizes: BTreeMap<u32, u64> = BTreeMap::new();
    for (number, entry) in entries.iter().enumerate() {
        let mut bad =
            |detail: String| findings.problem(Kind::RootLog, format!("entry {number} of the root log"), detail);
        let Ok(checkpoint) = Checkpoint::parse(entry) else {
            bad("it is not a checkpoint".to_owned());
            continue;
        };
        let prefix = format!("{origin}/p");
        let Some(partition) = checkpoint.origin.strip_prefix(&prefix).and_then(|p| p.parse::<u32>().ok()) else {
            bad(format!("it is of {}, not of a partition of this store", checkpoint.origin));
            continue;
        };
        let before = sizes.insert(partition, checkpoint.size).unwrap_or(0);
        if checkpoint.size < before {
            bad(format!("partition {partition} goes back from {before} to {} leaves", checkpoint.size));
        }
        let known = roots.get(&partition).and_then(|r| r.get(&checkpoint.size));
        if checkpoint.size > 0 && known != Some(&checkpoint.root) {
            bad(format!("it is no root of partition {partition} at the end of a commit"));
        }
    }
}

/// The largest size of each partition that the root log holds.
pub(super) fn newest(entries: &[String], origin: &str) -> BTreeMap<u32, u64> {
    let mut newest = BTreeMap::new();
    let prefix = format!("{origin}/p");
    for entry in entries {
        let mut lines = entry.lines();
        let partition = lines.next().and_then(|l| l.strip_prefix(&prefix)).and_then(|p| p.parse::<u32>().ok());
        if let (Some(partition), Some(size)) = (partition, lines.next().and_then(|l| l.parse::<u64>().ok())) {
            let slot = newest.entry(partition).or_insert(0);
            *slot = size.max(*slot);
        }
    }
    newest
}
