//! Runs in memory for the tests.

use std::sync::Arc;
use std::time::Duration;

use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::text_index::limits::BUILD_MEMORY_MIN_BYTES;
use crate::text_index::{
    BlockCache, RunSpan, TextAnswer, TextBody, TextBuilder, TextIndex, TextLimits, TextScope, TextSearch, TextSearcher,
};

pub(super) const CACHE_BYTES: usize = 8 << 20;

/// Limits for small runs.
pub(super) fn small() -> TextLimits {
    TextLimits { memory_bytes: BUILD_MEMORY_MIN_BYTES, ..TextLimits::default() }
}

/// Packs texts, one per leaf from `leaf_from` on, at `time_us = leaf * 10`.
pub(super) fn packed(leaf_from: u64, texts: &[String], limits: TextLimits) -> Vec<u8> {
    let span = RunSpan { partition: 3, leaf_from, leaf_to: leaf_from + texts.len() as u64 };
    let mut builder = TextBuilder::new(&span, limits).unwrap();
    for (leaf, text) in (leaf_from..).zip(texts) {
        builder.add(leaf, 1, leaf as i64 * 10, text).unwrap();
    }
    bytes_of(builder.finish().unwrap().body)
}

pub(super) fn bytes_of(body: TextBody) -> Vec<u8> {
    match body {
        TextBody::Bytes(bytes) => bytes.to_vec(),
        TextBody::File { path, .. } => std::fs::read(path).unwrap(),
    }
}

pub(super) async fn put(objects: &[Vec<u8>]) -> Arc<dyn ObjectStore> {
    let store = InMemory::new();
    for (number, bytes) in objects.iter().enumerate() {
        store.put(&Path::from(format!("run-{number}")), bytes.clone().into()).await.unwrap();
    }
    Arc::new(store)
}

pub(super) async fn open(objects: &[Vec<u8>]) -> Vec<TextIndex> {
    let (store, cache) = (put(objects).await, BlockCache::new(CACHE_BYTES));
    let mut runs = Vec::new();
    for number in 0..objects.len() {
        let path = Path::from(format!("run-{number}"));
        runs.push(TextIndex::open(Arc::clone(&store), path, Arc::clone(&cache)).await.unwrap());
    }
    runs
}

pub(super) async fn searcher(objects: &[Vec<u8>]) -> TextSearcher {
    TextSearcher::open(open(objects).await).await.unwrap()
}

pub(super) fn ask(query: &str) -> TextSearch {
    TextSearch {
        query: query.to_owned(),
        every_word: true,
        k: 1_000,
        count: true,
        scope: TextScope::default(),
        time_limit: Duration::from_secs(30),
    }
}

/// Leaves found, ascending.
pub(super) fn leaves(answer: &TextAnswer) -> Vec<u64> {
    assert!(answer.complete);
    let mut leaves: Vec<u64> = answer.hits.iter().map(|hit| hit.leaf).collect();
    leaves.sort_unstable();
    leaves
}

pub(super) fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(work)
}
