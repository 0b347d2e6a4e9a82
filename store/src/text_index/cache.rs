//! Blocks of opened runs in memory: at most a stated number of bytes, least recently used go first.
//!
//! Keys name content, so a run that is opened again finds its blocks. Blocks are checked before they enter.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

const SHARDS: usize = 16;

/// A cache that opened runs share.
pub struct BlockCache {
    shards: Vec<Mutex<Shard>>,
    shard_bytes: usize,
}

struct Shard {
    blocks: LruCache<(u64, u32), Arc<[u8]>>,
    bytes: usize,
}

impl BlockCache {
    /// Holds at most `bytes` of blocks.
    pub fn new(bytes: usize) -> Arc<Self> {
        let shard = || Mutex::new(Shard { blocks: LruCache::unbounded(), bytes: 0 });
        Arc::new(Self { shards: (0..SHARDS).map(|_| shard()).collect(), shard_bytes: bytes / SHARDS })
    }

    /// Bytes held now.
    pub fn held_bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).bytes).sum()
    }

    pub(super) fn get(&self, object: u64, block: u32) -> Option<Arc<[u8]>> {
        let mut shard = self.shard(object, block).lock().unwrap_or_else(PoisonError::into_inner);
        shard.blocks.get(&(object, block)).map(Arc::clone)
    }

    pub(super) fn put(&self, object: u64, block: u32, bytes: Arc<[u8]>) {
        let mut shard = self.shard(object, block).lock().unwrap_or_else(PoisonError::into_inner);
        shard.bytes += bytes.len();
        if let Some((_, replaced)) = shard.blocks.push((object, block), bytes) {
            shard.bytes -= replaced.len();
        }
        while shard.bytes > self.shard_bytes {
            let Some((_, least)) = shard.blocks.pop_lru() else { break };
            shard.bytes -= least.len();
        }
    }

    fn shard(&self, object: u64, block: u32) -> &Mutex<Shard> {
        let mixed = (object ^ u64::from(block)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        &self.shards[(mixed >> 60) as usize % SHARDS]
    }
}

impl fmt::Debug for BlockCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockCache").field("shard_bytes", &self.shard_bytes).finish_non_exhaustive()
    }
}
