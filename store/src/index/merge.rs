//! Merging runs of the index, so that a look-up meets few of them.
//!
//! Postings: where [`RUNS_PER_TIER`] runs are of one size (by powers of it), they become one, streamed. Nodes: small
//! neighbouring objects are joined block by block. Guarantee: the merged run holds the same entries; objects stay below
//! [`OBJECT_BYTES_MAX`]; memory is one stretch of each input and one object.

use super::build::{Indexer, replaced};
use super::key::{PLAIN_BYTES, TIMED_BYTES};
use super::manifest::{Manifest, ObjectRef, Ranged, Run};
use super::nodes::{NodesMeta, NodesWriter};
use super::postings::PostingsMeta;
use crate::error::Result;
use crate::text_index::{self, TextBody, TextIndex};
use bytes::{Buf, Bytes};
use object_store::path::Path;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

/// Runs of one tier that are merged into one of the next.
const RUNS_PER_TIER: u64 = 6;
/// Entries of the lowest tier.
const TIER_ENTRIES: u64 = 65_536;
/// Bytes of an object of postings or nodes.
const OBJECT_BYTES_MAX: usize = 64 * 1_048_576;
/// Bytes of an index of texts that others are joined into; it is made in memory.
const TEXT_BYTES_MAX: usize = 192 * 1_048_576;
/// Objects of nodes of one partition that are joined at once.
const NODES_PER_JOIN: usize = 12;

/// Merges all runs of postings into one of each form; gives how many went.
pub(super) async fn merge_all(indexer: &Indexer, manifest: &mut Manifest, now_ms: i64) -> Result<usize> {
    let mut gone = Vec::new();
    for (runs, width) in [(&mut manifest.plain, PLAIN_BYTES), (&mut manifest.timed, TIMED_BYTES)] {
        if runs.len() > 1 {
            let inputs = std::mem::take(runs);
            runs.push(merge(indexer, &inputs, width).await?);
            gone.extend(inputs.into_iter().flat_map(|run| run.objects));
        }
    }
    let merged = gone.len();
    manifest.replaced.extend(replaced(gone, now_ms));
    Ok(merged)
}

/// Merges what is due; gives how many runs went.
pub(super) async fn merge_due(indexer: &Indexer, manifest: &mut Manifest, now_ms: i64) -> Result<usize> {
    let plain = merge_runs(indexer, &mut manifest.plain, PLAIN_BYTES).await?;
    let timed = merge_runs(indexer, &mut manifest.timed, TIMED_BYTES).await?;
    let nodes = join_nodes(indexer, &mut manifest.nodes).await?;
    let texts = join_texts(indexer, &mut manifest.texts).await?;
    let gone: Vec<ObjectRef> = plain.into_iter().chain(timed).chain(nodes).chain(texts).collect();
    let merged = gone.len();
    manifest.replaced.extend(replaced(gone, now_ms));
    Ok(merged)
}

fn tier(entries: u64) -> u32 {
    (entries / TIER_ENTRIES).max(1).ilog(RUNS_PER_TIER)
}

async fn merge_runs(indexer: &Indexer, runs: &mut Vec<Run>, width: usize) -> Result<Vec<ObjectRef>> {
    let mut tiers: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (i, run) in runs.iter().enumerate() {
        tiers.entry(tier(run.entries())).or_default().push(i);
    }
    let due = tiers.into_values().find(|members| members.len() as u64 >= RUNS_PER_TIER);
    let Some(members) = due else { return Ok(Vec::new()) };
    let inputs: Vec<Run> = members.iter().rev().map(|i| runs.remove(*i)).collect();
    runs.push(merge(indexer, &inputs, width).await?);
    Ok(inputs.into_iter().flat_map(|run| run.objects).collect())
}

/// One run that is read from front to back.
struct Reader<'a> {
    indexer: &'a Indexer,
    objects: std::slice::Iter<'a, ObjectRef>,
    open: Option<(Arc<PostingsMeta>, usize)>,
    bytes: Bytes,
    width: usize,
}

impl Reader<'_> {
    /// The next entry's bytes, if any are left.
    async fn fill(&mut self) -> Result<bool> {
        while self.bytes.is_empty() {
            if let Some((meta, next)) = &mut self.open {
                self.bytes = meta.stretch(&self.indexer.storage, *next).await?;
                *next += PostingsMeta::stretch_blocks();
                if !self.bytes.is_empty() {
                    return Ok(true);
                }
            }
            let Some(object) = self.objects.next() else { return Ok(false) };
            let (storage, cache) = (&self.indexer.storage, &self.indexer.cache);
            let meta = PostingsMeta::open(storage, cache, &object.name, object.size, self.width).await?;
            self.open = Some((meta, 0));
        }
        Ok(true)
    }

    fn take(&mut self, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.bytes[..self.width]);
        self.bytes.advance(self.width);
    }
}

async fn merge(indexer: &Indexer, inputs: &[Run], width: usize) -> Result<Run> {
    let mut readers: Vec<Reader<'_>> = inputs
        .iter()
        .map(|run| Reader { indexer, objects: run.objects.iter(), open: None, bytes: Bytes::new(), width })
        .collect();
    let mut heap: BinaryHeap<Reverse<([u8; TIMED_BYTES], usize)>> = BinaryHeap::new();
    let head = |reader: &Reader<'_>| {
        let mut entry = [0; TIMED_BYTES];
        entry[..width].copy_from_slice(&reader.bytes[..width]);
        entry
    };
    for (i, reader) in readers.iter_mut().enumerate() {
        if reader.fill().await? {
            heap.push(Reverse((head(reader), i)));
        }
    }
    let (mut out, mut merged) = (Vec::new(), Run::default());
    while let Some(Reverse((_, i))) = heap.pop() {
        let reader = &mut readers[i];
        reader.take(&mut out);
        if !reader.bytes.is_empty() || reader.fill().await? {
            heap.push(Reverse((head(reader), i)));
        }
        if out.len() >= OBJECT_BYTES_MAX {
            merged.objects.extend(indexer.put_postings(&out, width).await?);
            out.clear();
            tokio::task::yield_now().await;
        }
    }
    merged.objects.extend(indexer.put_postings(&out, width).await?);
    Ok(merged)
}

/// Joins small neighbouring objects of nodes, of like size.
async fn join_nodes(indexer: &Indexer, nodes: &mut Vec<Ranged>) -> Result<Vec<ObjectRef>> {
    nodes.sort_by_key(|r| (r.partition, r.leaf_from));
    let Some(range) = joinable(nodes, OBJECT_BYTES_MAX) else { return Ok(Vec::new()) };
    let inputs: Vec<Ranged> = nodes.drain(range).collect();
    let mut writer = NodesWriter::default();
    for input in &inputs {
        let (storage, cache) = (&indexer.storage, &indexer.cache);
        let meta = NodesMeta::open(storage, cache, &input.object.name, input.object.size).await?;
        writer.append(storage, &meta, input.object.size).await?;
    }
    let entries = inputs.iter().map(|r| r.object.entries).sum();
    let object = indexer.put("nodes", writer.finish(), entries).await?;
    if let (Some(first), Some(last)) = (inputs.first(), inputs.last()) {
        nodes.push(Ranged { partition: first.partition, leaf_from: first.leaf_from, leaf_to: last.leaf_to, object });
        nodes.sort_by_key(|r| (r.partition, r.leaf_from));
    }
    Ok(inputs.into_iter().map(|r| r.object).collect())
}

/// Joins small neighbouring indexes of texts, without reading the texts again.
async fn join_texts(indexer: &Indexer, texts: &mut Vec<Ranged>) -> Result<Vec<ObjectRef>> {
    texts.sort_by_key(|r| (r.partition, r.leaf_from));
    let Some(range) = joinable(texts, TEXT_BYTES_MAX) else { return Ok(Vec::new()) };
    let inputs: Vec<Ranged> = texts.drain(range).collect();
    let mut open = Vec::new();
    for input in &inputs {
        let (store, cache) = (Arc::clone(&indexer.storage.root), Arc::clone(&indexer.cache.text_blocks));
        open.push(TextIndex::open(store, Path::from(input.object.name.as_str()), cache).await?);
    }
    let merged = text_index::merge(open, None, None).await?;
    if let (Some(first), Some(last), TextBody::Bytes(bytes)) = (inputs.first(), inputs.last(), merged.body) {
        let object = indexer.put("text", bytes.into(), merged.facts.contents).await?;
        texts.push(Ranged { partition: first.partition, leaf_from: first.leaf_from, leaf_to: last.leaf_to, object });
    }
    Ok(inputs.into_iter().map(|r| r.object).collect())
}

/// A stretch of neighbours of one partition and one tier that fit into one object.
fn joinable(nodes: &[Ranged], bytes_max: usize) -> Option<std::ops::Range<usize>> {
    let like = |a: &Ranged, b: &Ranged| {
        a.partition == b.partition && a.leaf_to == b.leaf_from && a.object.size.ilog2() / 3 == b.object.size.ilog2() / 3
    };
    let mut from = 0;
    for at in 1..=nodes.len() {
        if at < nodes.len() && like(&nodes[at - 1], &nodes[at]) && at - from < NODES_PER_JOIN {
            continue;
        }
        let bytes: u64 = nodes[from..at].iter().map(|r| r.object.size).sum();
        if (at - from) as u64 >= RUNS_PER_TIER && bytes <= bytes_max as u64 {
            return Some(from..at);
        }
        from = at;
    }
    None
}
