//! Blocks of index objects in memory, shared by all questions of a process.
//!
//! Guarantee: at most [`BLOCK_CACHE_BYTES`] of blocks, [`TEXT_CACHE_BYTES`] of blocks of texts and [`PARTS_CACHE_BYTES`] of
//! what is indexed in memory. Objects are immutable, so nothing here goes stale.

use super::memory::MemoryPart;
use super::nodes::NodesMeta;
use super::object;
use super::postings::PostingsMeta;
use crate::error::Result;
use crate::location::Storage;
use crate::text_index::{self, TextIndex};
use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Bytes of blocks that are kept.
const BLOCK_CACHE_BYTES: u64 = 448 * 1_048_576;
/// Bytes of indexes of single segments that are kept.
const PARTS_CACHE_BYTES: u64 = 256 * 1_048_576;
/// Bytes of blocks of texts that are kept.
const TEXT_CACHE_BYTES: usize = 384 * 1_048_576;
/// Bytes of texts that are indexed in memory.
const TEXTS_CACHE_BYTES: u64 = 128 * 1_048_576;
/// Files of this machine that stay open.
const FILES_OPEN_MAX: usize = 256;
/// Blocks and parts that are expected, for the tables' first size.
const ITEMS_EXPECTED: usize = 65_536;

#[derive(Debug, Clone)]
pub(super) struct ByLength;

impl Weighter<(Arc<str>, u32), Bytes> for ByLength {
    fn weight(&self, _: &(Arc<str>, u32), block: &Bytes) -> u64 {
        block.len() as u64 + 64
    }
}

impl Weighter<Arc<str>, (Option<TextIndex>, usize)> for ByLength {
    fn weight(&self, _: &Arc<str>, text: &(Option<TextIndex>, usize)) -> u64 {
        // What an opened one keeps of its object beside the blocks.
        text.1 as u64 + 16_384
    }
}

impl Weighter<Arc<str>, Arc<MemoryPart>> for ByLength {
    fn weight(&self, _: &Arc<str>, part: &Arc<MemoryPart>) -> u64 {
        part.weight() as u64 + 64
    }
}

/// Opened texts by name, with the bytes of those that lie in memory.
pub(super) type Texts = Cache<Arc<str>, (Option<TextIndex>, usize), ByLength>;

/// See the module. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BlockCache {
    blocks: Arc<Cache<(Arc<str>, u32), Bytes, ByLength>>,
    pub(super) postings: Arc<Cache<Arc<str>, Arc<PostingsMeta>>>,
    pub(super) nodes: Arc<Cache<Arc<str>, Arc<NodesMeta>>>,
    parts: Arc<Cache<Arc<str>, Arc<MemoryPart>, ByLength>>,
    files: Arc<Cache<Arc<str>, Arc<File>>>,
    /// Opened texts, with the bytes of those that lie in memory; `None`: there are none.
    pub(super) texts: Arc<Texts>,
    pub(super) text_blocks: Arc<text_index::BlockCache>,
}

impl Default for BlockCache {
    fn default() -> Self {
        Self {
            blocks: Arc::new(Cache::with_weighter(ITEMS_EXPECTED, BLOCK_CACHE_BYTES, ByLength)),
            // What an object's end says is small, and needed by every look-up.
            postings: Arc::new(Cache::new(ITEMS_EXPECTED)),
            nodes: Arc::new(Cache::new(ITEMS_EXPECTED)),
            parts: Arc::new(Cache::with_weighter(ITEMS_EXPECTED, PARTS_CACHE_BYTES, ByLength)),
            files: Arc::new(Cache::new(FILES_OPEN_MAX)),
            texts: Arc::new(Cache::with_weighter(FILES_OPEN_MAX, TEXTS_CACHE_BYTES, ByLength)),
            text_blocks: text_index::BlockCache::new(TEXT_CACHE_BYTES),
        }
    }
}

impl BlockCache {
    /// Reads a range of an object; a file of this machine stays open, and is read where the question runs: what is wanted is
    /// a few KiB, mostly in the system's cache.
    pub(super) async fn range(&self, storage: &Storage, name: &Arc<str>, range: Range<u64>) -> Result<Bytes> {
        let Some(root) = storage.local_root() else { return object::range(storage, name, range).await };
        let file = match self.files.get(name) {
            Some(file) => file,
            None => {
                let Ok(file) = File::open(root.join(name.as_ref())) else {
                    return object::range(storage, name, range).await;
                };
                let file = Arc::new(file);
                self.files.insert(Arc::clone(name), Arc::clone(&file));
                file
            }
        };
        let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or(usize::MAX)];
        match file.read_exact_at(&mut bytes, range.start) {
            Ok(()) => Ok(bytes.into()),
            // The other way says what is wrong.
            Err(_) => object::range(storage, name, range).await,
        }
    }

    pub(super) fn block(&self, object: &Arc<str>, block: u32) -> Option<Bytes> {
        self.blocks.get(&(Arc::clone(object), block))
    }

    pub(super) fn keep_block(&self, object: &Arc<str>, block: u32, bytes: Bytes) {
        self.blocks.insert((Arc::clone(object), block), bytes);
    }

    /// The index of the segment at `path`, if it is held.
    #[must_use]
    pub fn part(&self, path: &str) -> Option<Arc<MemoryPart>> {
        self.parts.get(path)
    }

    /// Holds the index of the segment at `path`.
    pub fn keep_part(&self, path: &str, part: Arc<MemoryPart>) {
        self.parts.insert(path.into(), part);
    }
}
