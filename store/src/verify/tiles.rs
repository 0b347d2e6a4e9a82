//! The files of one published tree against the hashes that the table leads to.
//!
//! Guarantee: every tile and entry bundle that lies in a tree's folder, needed or left over, holds what the leaves make
//! it, and every tile that the checkpoint needs is there. Reads all of them: 32 bytes per leaf, a few at a time.

use super::report::{Findings, Kind, Progress, Step};
use crate::layout;
use crate::location::Storage;
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::path::Path;
use rayon::prelude::*;
use schemas::tlog::{BundleId, CompactRange, Hash, TileId, encode_bundle};
use std::collections::BTreeSet;

/// Tiles that are read at once.
const TILES_IN_FLIGHT: usize = 16;
/// Hashes in a full tile.
const WIDTH: usize = 256;

/// The hashes of a tree by tile level, as far as they are known.
#[derive(Debug)]
pub(super) struct Levels<'a> {
    pub(super) leaves: &'a [[u8; 32]],
    /// What [`above`] makes of them.
    pub(super) above: &'a [Vec<[u8; 32]>],
}

/// The tile levels above the leaves, on all cores.
pub(super) fn above(leaves: &[[u8; 32]]) -> Vec<Vec<[u8; 32]>> {
    let mut levels: Vec<Vec<[u8; 32]>> = Vec::new();
    loop {
        let below = levels.last().map_or(leaves, Vec::as_slice);
        if below.len() < WIDTH {
            return levels;
        }
        let root =
            |chunk: &[[u8; 32]]| chunk.iter().map(|h| Hash::from_bytes(*h)).collect::<CompactRange>().root().to_bytes();
        let next = below.par_chunks_exact(WIDTH).map(root).collect();
        levels.push(next);
    }
}

impl Levels<'_> {
    fn level(&self, level: u8) -> &[[u8; 32]] {
        match level {
            0 => self.leaves,
            n => self.above.get(usize::from(n) - 1).map_or(&[], Vec::as_slice),
        }
    }

    /// The bytes that a tile must hold; `None` where the hashes are not known.
    fn tile(&self, tile: TileId) -> Option<&[u8]> {
        let from = usize::try_from(tile.index()).ok()?.checked_mul(WIDTH)?;
        let hashes = self.level(tile.level()).get(from..from + usize::from(tile.width()))?;
        Some(hashes.as_flattened())
    }
}

/// What a tree's folder must hold.
#[derive(Debug)]
pub(super) struct Folder<'a> {
    pub(super) name: String,
    pub(super) levels: Levels<'a>,
    /// Size that the checkpoint signs.
    pub(super) size: u64,
    /// Texts of the entries, where the tree keeps bundles of them.
    pub(super) entries: Option<&'a [String]>,
}

/// Checks everything in the folder.
pub(super) async fn check(storage: &Storage, folder: &Folder<'_>, findings: &mut Findings, progress: &dyn Progress) {
    let paths = match list(storage, &folder.name).await {
        Ok(paths) => paths,
        Err(e) => return findings.unseen(format!("{}: {e}", folder.name)),
    };
    check_needed(&paths, folder, findings);
    let total = paths.len() as u64;
    let reads =
        paths.iter().map(|path| async move { (path, storage.get(&layout::tree_file(&folder.name, path)).await) });
    let mut reads = stream::iter(reads).buffered(TILES_IN_FLIGHT);
    let mut done = 0;
    while let Some((path, bytes)) = reads.next().await {
        done += 1;
        if done % 256 == 0 || done == total {
            progress.step(Step { phase: "trees", done, total });
        }
        match bytes {
            Ok(Some(bytes)) => check_one(path, &bytes, folder, findings),
            // A partial tile goes away while its full one takes its place.
            Ok(None) => {}
            Err(e) => findings.unseen(format!("{}/{path}: {e}", folder.name)),
        }
    }
}

/// Paths of the files below the folder, other than checkpoint and position.
async fn list(storage: &Storage, folder: &str) -> Result<BTreeSet<String>, object_store::Error> {
    let prefix = Path::from(folder);
    let objects: Vec<_> = storage.root.list(Some(&prefix)).try_collect().await?;
    let below =
        |m: &object_store::ObjectMeta| m.location.as_ref().strip_prefix(folder)?.strip_prefix('/').map(str::to_owned);
    let paths = objects.iter().filter_map(below);
    Ok(paths.filter(|p| p != "checkpoint" && p != "position.json").collect())
}

fn check_needed(paths: &BTreeSet<String>, folder: &Folder<'_>, findings: &mut Findings) {
    let mut require = |path: String, full: Option<String>| {
        if !paths.contains(&path) && !full.is_some_and(|f| paths.contains(&f)) {
            let detail = format!("it is missing; the checkpoint of {} leaves needs it", folder.size);
            findings.problem(Kind::Tile, format!("{}/{path}", folder.name), detail);
        }
    };
    for tile in needed(folder.size) {
        let full = TileId::new(tile.level(), tile.index(), 256).ok().map(|t| t.path());
        require(tile.path(), full.filter(|_| !tile.is_full()));
    }
    if folder.entries.is_some() {
        for bundle in schemas::tlog::bundles_to_write(0, folder.size) {
            let full = BundleId::new(bundle.index(), 256).ok().map(|b| b.path());
            require(bundle.path(), full);
        }
    }
}

fn needed(size: u64) -> impl Iterator<Item = TileId> {
    schemas::tlog::tiles_to_write(0, size)
}

fn check_one(path: &str, bytes: &[u8], folder: &Folder<'_>, findings: &mut Findings) {
    let place = format!("{}/{path}", folder.name);
    if let Ok(tile) = TileId::parse_path(path) {
        let Some(wanted) = folder.levels.tile(tile) else { return };
        if bytes != wanted {
            findings.problem(Kind::Tile, place, difference(tile, bytes, wanted));
        }
        return;
    }
    match (BundleId::parse_path(path), folder.entries) {
        (Ok(bundle), Some(entries)) => {
            let from = bundle.index() as usize * WIDTH;
            let Some(texts) = entries.get(from..from + usize::from(bundle.width())) else { return };
            if encode_bundle(texts.iter().map(String::as_bytes)).is_ok_and(|wanted| wanted != bytes) {
                findings.problem(
                    Kind::Tile,
                    place,
                    "its entries are not the checkpoints that the table's versions make",
                );
            }
        }
        _ => findings.warning(Kind::Tile, place, "it is no file of a tree"),
    }
}

fn difference(tile: TileId, found: &[u8], wanted: &[u8]) -> String {
    if found.len() != wanted.len() {
        return format!("it has {} bytes, expected {}", found.len(), wanted.len());
    }
    let at = found.chunks(32).zip(wanted.chunks(32)).position(|(a, b)| a != b).unwrap_or_default() as u64;
    let place = tile.index() * WIDTH as u64 + at;
    match tile.level() {
        0 => format!("hash {at} is not that of leaf {place}, as its header in the table makes it"),
        level => {
            format!("hash {at} is not that of subtree {place} of level {level}, as the headers in the table make it")
        }
    }
}
