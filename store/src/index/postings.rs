//! Postings: entries of one width in order of their bytes, in blocks, found by the first entry of each block.
//!
//! Stored format (`index/<name>.postings`): see [`super::object`]; magic `HANSPST1`, a block holds [`BLOCK_ENTRIES`]
//! entries (the last one fewer), a record is the block's first entry and its check. Guarantee and failure: as there.

use super::cache::BlockCache;
use super::object::{self, CHECK_BYTES, Table, check, damaged};
use crate::error::Result;
use crate::location::Storage;
use bytes::Bytes;
use std::sync::Arc;

const MAGIC: [u8; 8] = *b"HANSPST1";
/// Entries of a block: a look-up reads one, and keys lie anywhere, so that small blocks make the cache worth more.
const BLOCK_ENTRIES: usize = 128;
/// Blocks that one read of a merge takes.
const READ_AHEAD_BLOCKS: usize = 2_048;

/// What the end of an object says.
#[derive(Debug)]
pub(super) struct PostingsMeta {
    name: Arc<str>,
    width: usize,
    table: Table,
}

/// Encodes entries of `width` bytes, which are sorted.
pub(super) fn encode(entries: &[u8], width: usize) -> Vec<u8> {
    let block_bytes = BLOCK_ENTRIES * width;
    let mut object = Vec::with_capacity(entries.len() + entries.len() / 32 + 64);
    let mut records = Vec::new();
    for block in entries.chunks(block_bytes) {
        object.extend_from_slice(block);
        records.extend_from_slice(&block[..width]);
        records.extend_from_slice(&check(block));
    }
    object::finish(&mut object, MAGIC, &records, width + CHECK_BYTES, (entries.len() / width) as u64);
    object
}

impl PostingsMeta {
    /// Reads what the object's end says, once per process.
    pub(super) async fn open(
        storage: &Storage,
        cache: &BlockCache,
        name: &str,
        size: u64,
        width: usize,
    ) -> Result<Arc<Self>> {
        if let Some(held) = cache.postings.get(name) {
            return Ok(held);
        }
        let table = object::read_table(storage, name, size, MAGIC, width + CHECK_BYTES).await?;
        let expected = table.entries.div_ceil(BLOCK_ENTRIES as u64);
        if table.blocks() as u64 != expected {
            return Err(damaged(name, format!("{} blocks for {} entries", table.blocks(), table.entries)));
        }
        let meta = Arc::new(Self { name: name.into(), width, table });
        cache.postings.insert(name.into(), Arc::clone(&meta));
        Ok(meta)
    }

    pub(super) fn blocks(&self) -> usize {
        self.table.blocks()
    }

    fn first(&self, block: usize) -> &[u8] {
        &self.table.record(block)[..self.width]
    }

    /// The blocks that may hold entries of `low..high`.
    pub(super) fn blocks_of(&self, low: &[u8], high: &[u8]) -> std::ops::Range<usize> {
        let (mut from, mut to) = (0, self.blocks());
        while from < to {
            let middle = from.midpoint(to);
            if self.first(middle) <= low { from = middle + 1 } else { to = middle }
        }
        let start = from.saturating_sub(1);
        let (mut from, mut to) = (start, self.blocks());
        while from < to {
            let middle = from.midpoint(to);
            if self.first(middle) < high { from = middle + 1 } else { to = middle }
        }
        start..from
    }

    fn bytes_of(&self, blocks: std::ops::Range<usize>) -> std::ops::Range<u64> {
        let block = (BLOCK_ENTRIES * self.width) as u64;
        let end = self.table.entries * self.width as u64;
        (blocks.start as u64 * block)..(blocks.end as u64 * block).min(end)
    }

    /// A block, from memory where it is held.
    pub(super) async fn block(&self, storage: &Storage, cache: &BlockCache, block: usize) -> Result<Bytes> {
        if let Some(held) = cache.block(&self.name, block as u32) {
            return Ok(held);
        }
        let bytes = cache.range(storage, &self.name, self.bytes_of(block..block + 1)).await?;
        self.checked(block, &bytes)?;
        cache.keep_block(&self.name, block as u32, bytes.clone());
        Ok(bytes)
    }

    fn checked(&self, block: usize, bytes: &[u8]) -> Result<()> {
        if check(bytes) == self.table.record(block)[self.width..] {
            return Ok(());
        }
        Err(damaged(&self.name, format!("block {block} has another digest")))
    }

    /// Several blocks from `from` on, without keeping them: for merges. Empty at the end.
    pub(super) async fn stretch(&self, storage: &Storage, from: usize) -> Result<Bytes> {
        let to = (from + READ_AHEAD_BLOCKS).min(self.blocks());
        if from >= to {
            return Ok(Bytes::new());
        }
        let bytes = object::range(storage, &self.name, self.bytes_of(from..to)).await?;
        for (i, block) in bytes.chunks(BLOCK_ENTRIES * self.width).enumerate() {
            self.checked(from + i, block)?;
        }
        Ok(bytes)
    }

    /// Blocks that [`PostingsMeta::stretch`] gives at most.
    pub(super) fn stretch_blocks() -> usize {
        READ_AHEAD_BLOCKS
    }
}

/// The entries of `low..high` in a block of entries of `width` bytes.
pub(super) fn within<'a>(block: &'a [u8], width: usize, low: &[u8], high: &[u8]) -> &'a [u8] {
    let count = block.len() / width;
    let below = |bound: &[u8]| {
        let (mut from, mut to) = (0, count);
        while from < to {
            let middle = from.midpoint(to);
            if &block[middle * width..(middle + 1) * width] < bound { from = middle + 1 } else { to = middle }
        }
        from
    };
    let (from, to) = (below(low), below(high));
    &block[from * width..to.max(from) * width]
}
