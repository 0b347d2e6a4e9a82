//! Nodes of a range of leaves of one partition, in order of place.
//!
//! Stored format (`index/<name>.nodes`): see [`super::object`]; magic `HANSNOD1`; a block is zstd of: count u32, then for
//! each node place u64 and end u32 of its message, then the messages ([`Node`] as protobuf). A record is the block's first
//! place u64, its offset u64 and length u32 in the object, and its check. Guarantee and failure: as there.

use super::cache::BlockCache;
use super::key::Place;
use super::node::Node;
use super::object::{self, CHECK_BYTES, Table, check, damaged};
use crate::error::Result;
use crate::location::Storage;
use bytes::Bytes;
use prost::Message;
use std::sync::Arc;

const MAGIC: [u8; 8] = *b"HANSNOD1";
/// Nodes of a block.
const BLOCK_NODES: usize = 16;
/// Bytes of a record.
const RECORD_BYTES: usize = 8 + 8 + 4 + CHECK_BYTES;
/// zstd level: blocks are decompressed for single nodes.
const LEVEL: i32 = 3;
/// Bytes of a block before compression: headers of the largest size.
const BLOCK_BYTES_MAX: usize = 64 * 1_048_576;

/// What the end of an object says.
#[derive(Debug)]
pub(super) struct NodesMeta {
    name: Arc<str>,
    table: Table,
}

/// Builds an object node by node, or block by block from other objects.
#[derive(Debug, Default)]
pub(super) struct NodesWriter {
    object: Vec<u8>,
    records: Vec<u8>,
    entries: u64,
}

impl NodesWriter {
    pub(super) fn nodes(&mut self, nodes: &[(Place, Arc<Node>)]) -> Result<()> {
        for block in nodes.chunks(BLOCK_NODES) {
            let (mut head, mut messages) = ((block.len() as u32).to_le_bytes().to_vec(), Vec::new());
            for (place, node) in block {
                messages.extend_from_slice(&node.encode_to_vec());
                head.extend_from_slice(&place.0.to_le_bytes());
                head.extend_from_slice(&(messages.len() as u32).to_le_bytes());
            }
            head.extend_from_slice(&messages);
            let packed = zstd::bulk::compress(&head, LEVEL).map_err(|e| damaged("in memory", e))?;
            if let Some((first, _)) = block.first() {
                self.block(*first, &packed, block.len());
            }
        }
        Ok(())
    }

    pub(super) fn block(&mut self, first: Place, packed: &[u8], nodes: usize) {
        self.records.extend_from_slice(&first.0.to_le_bytes());
        self.records.extend_from_slice(&(self.object.len() as u64).to_le_bytes());
        self.records.extend_from_slice(&(packed.len() as u32).to_le_bytes());
        self.records.extend_from_slice(&check(packed));
        self.object.extend_from_slice(packed);
        self.entries += nodes as u64;
    }

    /// Adds the blocks of another object, whose places come after those that are there.
    pub(super) async fn append(&mut self, storage: &Storage, meta: &NodesMeta, size: u64) -> Result<()> {
        let blocks = meta.table.blocks();
        let end = size - (blocks * RECORD_BYTES) as u64 - 40;
        let bytes = object::range(storage, &meta.name, 0..end).await?;
        for block in 0..blocks {
            let (first, from, to) = meta.place_of(block);
            let packed = usize::try_from(from).ok().zip(usize::try_from(to).ok()).and_then(|(f, t)| bytes.get(f..t));
            let packed = packed.filter(|p| check(p) == meta.table.record(block)[20..]);
            let packed = packed.ok_or_else(|| damaged(&meta.name, format!("block {block} is not what was written")))?;
            self.block(first, packed, 0);
        }
        self.entries += meta.table.entries;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        object::finish(&mut self.object, MAGIC, &self.records, RECORD_BYTES, self.entries);
        self.object
    }
}

impl NodesMeta {
    pub(super) async fn open(storage: &Storage, cache: &BlockCache, name: &str, size: u64) -> Result<Arc<Self>> {
        if let Some(held) = cache.nodes.get(name) {
            return Ok(held);
        }
        let table = object::read_table(storage, name, size, MAGIC, RECORD_BYTES).await?;
        let meta = Arc::new(Self { name: name.into(), table });
        cache.nodes.insert(name.into(), Arc::clone(&meta));
        Ok(meta)
    }

    /// First place, begin and end of a block.
    fn place_of(&self, block: usize) -> (Place, u64, u64) {
        let record = self.table.record(block);
        let number = |at: usize| u64::from_le_bytes(record[at..at + 8].try_into().unwrap_or_default());
        let length = u32::from_le_bytes(record[16..20].try_into().unwrap_or_default());
        (Place(number(0)), number(8), number(8).saturating_add(u64::from(length)))
    }

    /// The node at `place`.
    pub(super) async fn node(&self, storage: &Storage, cache: &BlockCache, place: Place) -> Result<Option<Node>> {
        let (mut from, mut to) = (0, self.table.blocks());
        while from < to {
            let middle = from.midpoint(to);
            if self.place_of(middle).0 <= place { from = middle + 1 } else { to = middle }
        }
        let Some(block) = from.checked_sub(1) else { return Ok(None) };
        let bytes = self.block(storage, cache, block).await?;
        find(&bytes, place).map_err(|detail| damaged(&self.name, format!("block {block}: {detail}")))
    }

    async fn block(&self, storage: &Storage, cache: &BlockCache, block: usize) -> Result<Bytes> {
        if let Some(held) = cache.block(&self.name, block as u32) {
            return Ok(held);
        }
        let (_, from, to) = self.place_of(block);
        let packed = cache.range(storage, &self.name, from..to).await?;
        if check(&packed) != self.table.record(block)[20..] {
            return Err(damaged(&self.name, format!("block {block} has another digest")));
        }
        let bytes: Bytes = unpack(&packed).map_err(|e| damaged(&self.name, e))?.into();
        cache.keep_block(&self.name, block as u32, bytes.clone());
        Ok(bytes)
    }
}

fn unpack(packed: &[u8]) -> std::result::Result<Vec<u8>, std::io::Error> {
    let stated = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten();
    let size = stated.and_then(|n| usize::try_from(n).ok()).unwrap_or(BLOCK_BYTES_MAX);
    zstd::bulk::decompress(packed, size.min(BLOCK_BYTES_MAX))
}

/// The node at `place` in an unpacked block.
fn find(block: &[u8], place: Place) -> std::result::Result<Option<Node>, String> {
    let cut = || "it is shorter than its own table says".to_owned();
    let count = block.get(..4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes).ok_or_else(cut)? as usize;
    let heads = block.get(4..4 + count.min(BLOCK_NODES) * 12).ok_or_else(cut)?;
    let messages = &block[4 + heads.len()..];
    let end = |i: usize| u32::from_le_bytes(heads[i * 12 + 8..i * 12 + 12].try_into().unwrap_or_default()) as usize;
    let at = heads.chunks_exact(12).position(|head| head[..8] == place.0.to_le_bytes());
    let Some(at) = at else { return Ok(None) };
    let from = if at == 0 { 0 } else { end(at - 1) };
    let message = messages.get(from..end(at)).ok_or_else(cut)?;
    Node::decode(message).map(Some).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_give_a_node_or_an_error(block in proptest::collection::vec(any::<u8>(), 0..200), place in any::<u64>()) {
            let _ = find(&block, Place(place));
            let _ = unpack(&block);
        }
    }
}
