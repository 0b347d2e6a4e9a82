//! Publishing of the trees: tiles and signed checkpoints of the partitions, and the root log over them.
//!
//! Guarantee: everything here is derived from committed versions, in their order, so publishing again writes the same
//! bytes: recovery is the same code as the live path. Within one call tiles come before the checkpoint that needs them.
//! A tree is only ever extended from what its last checkpoint says; one that does not lead to the committed root is
//! refused ([`StoreError::Corrupt`]) and never signed.

use crate::error::{Result, StoreError};
use crate::layout;
use crate::location::Storage;
use futures::stream::{self, StreamExt, TryStreamExt};
use schemas::tlog::{
    Checkpoint, CompactRange, Hash, NoteSigner, NoteVerifier, TileBuilder, TileId, bundles_to_write, encode_bundle,
    leaf_hash, right_edge,
};
use std::sync::Arc;

/// Tile puts in flight at once: they wait for the disk, not for the processor.
const PUTS_IN_FLIGHT: usize = 16;

/// One published tree: its right edge in memory, its files in the storage.
#[derive(Debug, Clone)]
pub struct Tree {
    storage: Storage,
    folder: String,
    signer: Arc<NoteSigner>,
    builder: TileBuilder,
}

impl Tree {
    /// Opens the tree in `folder` at its last published checkpoint (size 0 when there is none).
    ///
    /// # Errors
    /// `Corrupt` when checkpoint or tiles are not what the log key signed.
    pub async fn open(storage: &Storage, folder: String, signer: Arc<NoteSigner>) -> Result<Self> {
        let checkpoint = read_checkpoint(storage, &folder, &signer.verifier()).await?;
        let builder = match &checkpoint {
            None => TileBuilder::new(),
            Some(c) => read_right_edge(storage, &folder, c).await?,
        };
        Ok(Self { storage: storage.clone(), folder, signer, builder })
    }

    /// Leaves published.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.builder.size()
    }

    /// Publishes the tree grown by `leaves`, which must lead to `root`, and returns the signed checkpoint text.
    ///
    /// # Errors
    /// `Corrupt` when the leaves lead elsewhere, `Unavailable` when the storage fails: publish again later.
    pub async fn publish(&mut self, leaves: &[Hash], root: Hash) -> Result<()> {
        let mut grown = self.builder.clone();
        let before = grown.size();
        let tiles = grown.append(leaves).map_err(|e| StoreError::corrupt(self.folder.clone(), e))?;
        let found = grown.range().map_err(|e| StoreError::corrupt(self.folder.clone(), e))?.root();
        if found != root {
            let detail = format!(
                "leaves lead to root {} at size {}, the table says {}",
                found.to_hex(),
                grown.size(),
                root.to_hex()
            );
            return Err(StoreError::corrupt(format!("tree {}", self.folder), detail));
        }
        self.put_tiles(tiles).await?;
        self.put_checkpoint(grown.size(), root).await?;
        self.builder = grown;
        self.delete_outgrown(before).await;
        Ok(())
    }

    /// Publishes a part of what leads to `goal`: the whole of it when the leaves reach its size.
    ///
    /// # Errors
    /// As [`Tree::publish`].
    pub async fn publish_towards(&mut self, leaves: &[Hash], goal: &CompactRange) -> Result<()> {
        let mut grown = self.builder.range().map_err(|e| StoreError::corrupt(self.folder.clone(), e))?;
        leaves.iter().for_each(|l| grown.append(*l));
        let root = if grown.size() == goal.size() { goal.root() } else { grown.root() };
        self.publish(leaves, root).await
    }

    async fn put_tiles(&self, tiles: Vec<(TileId, Vec<u8>)>) -> Result<()> {
        let puts = tiles.into_iter().map(|(tile, bytes)| {
            let key = layout::tree_file(&self.folder, &tile.path());
            async move { self.storage.put(&key, bytes).await }
        });
        stream::iter(puts).buffer_unordered(PUTS_IN_FLIGHT).try_collect::<Vec<()>>().await.map(|_| ())
    }

    async fn put_checkpoint(&self, size: u64, root: Hash) -> Result<()> {
        let bad = |e: &dyn std::fmt::Display| StoreError::corrupt(format!("checkpoint of {}", self.folder), e);
        let checkpoint = Checkpoint::new(self.signer.name(), size, root).map_err(|e| bad(&e))?;
        let note = checkpoint.sign(&self.signer).map_err(|e| bad(&e))?;
        self.storage.put(&layout::checkpoint(&self.folder), note.to_bytes()).await
    }

    /// Deletes partial tiles that full ones have replaced. Litter that stays does no harm, so failures are let go.
    async fn delete_outgrown(&self, before: u64) {
        for tile in right_edge(before) {
            let full = TileId::new(tile.level(), tile.index(), 256);
            let still_partial = right_edge(self.size()).any(|t| (t.level(), t.index()) == (tile.level(), tile.index()));
            let (Ok(full), false) = (full, still_partial) else { continue };
            let prefix = layout::tree_file(&self.folder, &format!("{}.p", full.path()));
            let listed = self.storage.root.list(Some(&prefix)).map_ok(|m| m.location).boxed();
            let _ = self.storage.root.delete_stream(listed).try_collect::<Vec<_>>().await;
        }
    }
}

/// The checkpoint that a tree's folder holds, if any, verified.
///
/// # Errors
/// `Corrupt` when the note is not one of this tree's key.
pub async fn read_checkpoint(storage: &Storage, folder: &str, verifier: &NoteVerifier) -> Result<Option<Checkpoint>> {
    let key = layout::checkpoint(folder);
    let Some(note) = storage.get(&key).await? else { return Ok(None) };
    let checkpoint =
        Checkpoint::open(&note, verifier, verifier.name()).map_err(|e| StoreError::corrupt(key.to_string(), e))?;
    Ok(Some(checkpoint))
}

async fn read_right_edge(storage: &Storage, folder: &str, checkpoint: &Checkpoint) -> Result<TileBuilder> {
    let mut tiles = Vec::new();
    for tile in right_edge(checkpoint.size) {
        tiles.push(read_tile(storage, folder, tile).await?);
    }
    let builder = TileBuilder::from_right_edge(checkpoint.size, &tiles).map_err(|e| StoreError::corrupt(folder, e))?;
    let range: CompactRange = builder.range().map_err(|e| StoreError::corrupt(folder, e))?;
    if range.root() != checkpoint.root {
        let detail =
            format!("tiles lead to root {}, the checkpoint signs {}", range.root().to_hex(), checkpoint.root.to_hex());
        return Err(StoreError::corrupt(format!("tiles of {folder} at size {}", checkpoint.size), detail));
    }
    Ok(builder)
}

/// The bytes of one tile. A partial tile whose full one exists is cut from that.
///
/// # Errors
/// `NotFound` when neither exists, `Corrupt` when it has another length.
pub async fn read_tile(storage: &Storage, folder: &str, tile: TileId) -> Result<bytes::Bytes> {
    let key = layout::tree_file(folder, &tile.path());
    let want = usize::from(tile.width()) * 32;
    let mut found = storage.get(&key).await?;
    if found.is_none()
        && let Ok(full) = TileId::new(tile.level(), tile.index(), 256)
    {
        found = storage.get(&layout::tree_file(folder, &full.path())).await?.filter(|b| b.len() == 8_192);
    }
    match found {
        Some(bytes) if bytes.len() >= want => Ok(bytes.slice(..want)),
        Some(bytes) => Err(StoreError::corrupt(key.to_string(), format!("{} bytes, expected {want}", bytes.len()))),
        None => Err(StoreError::NotFound {
            what: key.to_string(),
            detail: "the tile is missing: delete the checkpoint in its folder, and the next start of a compactor publishes the tree again from the table".to_owned(),
        }),
    }
}

/// Appends entries to the root log: the unsigned checkpoint texts of partitions.
///
/// # Errors
/// As [`Tree::publish`].
pub async fn publish_root(tree: &mut Tree, texts: &[String]) -> Result<()> {
    if texts.is_empty() {
        return Ok(());
    }
    let before = tree.size();
    let leaves: Vec<Hash> = texts.iter().map(|t| leaf_hash(t.as_bytes())).collect();
    put_bundles(tree, before, texts).await?;
    let mut grown = tree.builder.range().map_err(|e| StoreError::corrupt(layout::ROOT_LOG, e))?;
    leaves.iter().for_each(|l| grown.append(*l));
    tree.publish(&leaves, grown.root()).await
}

/// Takes the entries up to `size`, which the bundles hold already, into the root log's tree and signs it.
///
/// # Errors
/// As [`Tree::publish`]; `Corrupt` when an entry is missing.
pub async fn extend_root(tree: &mut Tree, size: u64) -> Result<()> {
    let mut texts = Vec::new();
    let mut at = tree.size();
    while at < size {
        let width = (size - at / 256 * 256).min(256) as u16;
        let entries = read_bundle(tree, at / 256, width).await?;
        let new = entries.into_iter().skip((at % 256) as usize);
        texts.extend(new.map(|e| String::from_utf8_lossy(&e).into_owned()));
        at = (at / 256 + 1) * 256;
    }
    publish_root(tree, &texts).await
}

async fn put_bundles(tree: &Tree, before: u64, texts: &[String]) -> Result<()> {
    let after = before + texts.len() as u64;
    let held = before % 256;
    let mut entries: Vec<Vec<u8>> = Vec::new();
    if held > 0 {
        entries = read_bundle(tree, before / 256, held as u16).await?;
    }
    entries.extend(texts.iter().map(|t| t.clone().into_bytes()));
    let first = before - held;
    for bundle in bundles_to_write(before, after) {
        let from = (bundle.index() * 256 - first) as usize;
        let slice = &entries[from..from + usize::from(bundle.width())];
        let bytes = encode_bundle(slice).map_err(|e| StoreError::corrupt(layout::ROOT_LOG, e))?;
        tree.storage.put(&layout::tree_file(&tree.folder, &bundle.path()), bytes).await?;
    }
    Ok(())
}

async fn read_bundle(tree: &Tree, index: u64, width: u16) -> Result<Vec<Vec<u8>>> {
    let bad = |e: &dyn std::fmt::Display| StoreError::corrupt(format!("entries of {}", tree.folder), e);
    let id = schemas::tlog::BundleId::new(index, width).map_err(|e| bad(&e))?;
    let key = layout::tree_file(&tree.folder, &id.path());
    let bytes = tree.storage.get(&key).await?.ok_or_else(|| bad(&format!("{key} is missing")))?;
    let entries = schemas::tlog::decode_bundle(&bytes, width).map_err(|e| bad(&e))?;
    Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
}
