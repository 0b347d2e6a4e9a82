//! Range reads of one packed run through the block cache. Every block is checked against the footer before anything
//! sees it: damage is an error of kind `InvalidData`, never wrong bytes.
//!
//! Reads block their thread: call them where `tokio` allows blocking, never from an asynchronous task.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore};
use tantivy::HasLen;
use tantivy::directory::{FileHandle, OwnedBytes};
use tokio::runtime::Handle;

use super::cache::BlockCache;
use super::footer::{self, Footer, Part, SUM_BYTES, TAIL_LEN, Tail};
use super::limits::{BLOCK_BYTES, READ_GAP_BYTES, TAIL_BYTES};
use crate::error::{Result, StoreError};

/// One packed run in a store.
pub(super) struct PackedObject {
    store: Arc<dyn ObjectStore>,
    path: Path,
    cache: Arc<BlockCache>,
    runtime: Handle,
    key: u64,
    sums: Vec<u8>,
    pub(super) footer: Footer,
}

impl fmt::Debug for PackedObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackedObject").field("path", &self.path).finish_non_exhaustive()
    }
}

impl PackedObject {
    /// Reads the footer, with one request unless the run is very large.
    pub(super) async fn open(store: Arc<dyn ObjectStore>, path: Path, cache: Arc<BlockCache>) -> Result<Self> {
        let what = path.to_string();
        let (end, size) = read_end(&store, &path, TAIL_BYTES).await?;
        let tail = Tail::decode(&what, &end)?;
        let wanted = tail.footer_len() + TAIL_LEN;
        let end = if wanted <= end.len() { end } else { read_end(&store, &path, wanted as u64).await?.0 };
        let Some(from) = end.len().checked_sub(wanted) else {
            return Err(StoreError::corrupt(what, "the object is shorter than its footer; rebuild the index"));
        };
        let (footer, sums) = tail.footer(&what, &end[from..end.len() - TAIL_LEN], size)?;
        Ok(Self { store, path, cache, runtime: Handle::current(), key: tail.key(), sums, footer })
    }

    /// Fetches what opening and every search need.
    pub(super) async fn fetch_opening(&self) -> Result<()> {
        let last = self.block_count();
        let missing = self.footer.opening.iter().copied().filter(|block| *block < last);
        let missing: Vec<u32> = missing.filter(|block| self.cache.get(self.key, *block).is_none()).collect();
        let fetched = self.fetch(&missing).await;
        fetched.map(|_| ()).map_err(|cause| super::fault::io_fault(self.path.as_ref(), &cause))
    }

    /// Where the object is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The file of that kind.
    pub(super) fn part(self: &Arc<Self>, kind: &str) -> Option<PartHandle> {
        let part = self.footer.parts.iter().find(|part| part.kind == kind)?.clone();
        Some(PartHandle { object: Arc::clone(self), part })
    }

    fn block_count(&self) -> u32 {
        (self.sums.len() / SUM_BYTES) as u32
    }

    fn block_range(&self, block: u32) -> Range<u64> {
        let from = u64::from(block) * BLOCK_BYTES as u64;
        from..(from + BLOCK_BYTES as u64).min(self.footer.data_bytes)
    }

    /// Bytes of the object; `range` lies inside the data.
    fn read(&self, range: Range<u64>) -> io::Result<OwnedBytes> {
        if range.is_empty() {
            return Ok(OwnedBytes::empty());
        }
        let size = BLOCK_BYTES as u64;
        let (first, last) = ((range.start / size) as u32, ((range.end - 1) / size) as u32);
        let blocks = self.blocks(first..last + 1)?;
        let start = (range.start - u64::from(first) * size) as usize;
        let length = (range.end - range.start) as usize;
        if let [block] = blocks.as_slice() {
            return Ok(OwnedBytes::new(Arc::clone(block)).slice(start..start + length));
        }
        let mut joined = Vec::with_capacity(blocks.len() * BLOCK_BYTES);
        blocks.iter().for_each(|block| joined.extend_from_slice(block));
        Ok(OwnedBytes::new(joined).slice(start..start + length))
    }

    fn blocks(&self, wanted: Range<u32>) -> io::Result<Vec<Arc<[u8]>>> {
        let mut found: Vec<Option<Arc<[u8]>>> = wanted.clone().map(|block| self.cache.get(self.key, block)).collect();
        let missing: Vec<u32> =
            wanted.clone().zip(&found).filter(|(_, held)| held.is_none()).map(|(block, _)| block).collect();
        if !missing.is_empty() {
            for (block, bytes) in self.runtime.block_on(self.fetch(&missing))? {
                found[(block - wanted.start) as usize] = Some(bytes);
            }
        }
        found.into_iter().map(|block| block.ok_or_else(|| self.damaged("a block is missing"))).collect()
    }

    /// Reads, checks and caches blocks; neighbours come with one request.
    async fn fetch(&self, blocks: &[u32]) -> io::Result<Vec<(u32, Arc<[u8]>)>> {
        if blocks.is_empty() {
            return Ok(Vec::new());
        }
        let stretches = stretches(blocks);
        let ranges: Vec<Range<u64>> =
            stretches.iter().map(|s| self.block_range(s.start).start..self.block_range(s.end - 1).end).collect();
        let read = self.store.get_ranges(&self.path, &ranges).await.map_err(io::Error::other)?;
        let mut fetched = Vec::with_capacity(blocks.len());
        for (stretch, bytes) in stretches.into_iter().zip(read) {
            for block in stretch.clone() {
                fetched.push((block, self.take_block(block, stretch.start, &bytes)?));
            }
        }
        Ok(fetched)
    }

    fn take_block(&self, block: u32, first: u32, stretch: &Bytes) -> io::Result<Arc<[u8]>> {
        let (whole, start) = (self.block_range(block), self.block_range(first).start);
        let (from, to) = ((whole.start - start) as usize, (whole.end - start) as usize);
        let bytes = stretch.get(from..to).ok_or_else(|| self.damaged("the object ended early"))?;
        let at = block as usize * SUM_BYTES;
        if self.sums.get(at..at + SUM_BYTES) != Some(footer::sum(bytes).as_slice()) {
            return Err(self.damaged(&format!("block {block} (bytes {}..{}) is altered", whole.start, whole.end)));
        }
        let bytes: Arc<[u8]> = Arc::from(bytes);
        self.cache.put(self.key, block, Arc::clone(&bytes));
        Ok(bytes)
    }

    fn damaged(&self, found: &str) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, format!("text index {}: {found}", self.path))
    }
}

async fn read_end(store: &Arc<dyn ObjectStore>, path: &Path, bytes: u64) -> Result<(Bytes, u64)> {
    let failed = |error: object_store::Error| match error {
        object_store::Error::NotFound { .. } => {
            StoreError::corrupt(path.to_string(), "it is gone; build the index again with `hansard maintain --reindex`")
        }
        other => StoreError::unavailable(path.to_string(), other),
    };
    let options = GetOptions { range: Some(GetRange::Suffix(bytes)), ..GetOptions::default() };
    let found = store.get_opts(path, options).await.map_err(failed)?;
    let size = found.meta.size;
    Ok((found.bytes().await.map_err(failed)?, size))
}

/// Ascending blocks as stretches; small gaps are read along.
fn stretches(blocks: &[u32]) -> Vec<Range<u32>> {
    let gap = (READ_GAP_BYTES / BLOCK_BYTES as u64) as u32;
    let mut stretches: Vec<Range<u32>> = Vec::new();
    for block in blocks {
        match stretches.last_mut() {
            Some(last) if *block <= last.end + gap => last.end = (*block + 1).max(last.end),
            _ => stretches.push(*block..*block + 1),
        }
    }
    stretches
}

/// One file of a packed run.
#[derive(Debug)]
pub(super) struct PartHandle {
    object: Arc<PackedObject>,
    part: Part,
}

impl HasLen for PartHandle {
    fn len(&self) -> usize {
        self.part.bytes as usize
    }
}

impl FileHandle for PartHandle {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        if range.start > range.end || range.end > self.len() {
            let found = format!("bytes {range:?} of {} were asked for in {}", self.len(), self.part.kind);
            return Err(self.object.damaged(&found));
        }
        self.object.read(self.part.from + range.start as u64..self.part.from + range.end as u64)
    }
}
