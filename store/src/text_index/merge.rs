//! Joins neighbouring runs into one without reading their texts again, and leaves out contents that were erased: their
//! words are then nowhere in the new object. (Erasing is complete once the old objects are deleted too.)

use std::path::PathBuf;
use std::sync::Arc;

use tantivy::columnar::Column;
use tantivy::directory::OwnedBytes;
use tantivy::fastfield::{AliveBitSet, write_alive_bitset};
use tantivy::indexer::merge_filtered_segments;
use tantivy::{BitSet, Index, Segment};

use super::fault::{fault, task_fault};
use super::footer::RunFacts;
use super::open::{TextIndex, names, open_runs};
use super::pack::{BuiltText, pack};
use super::schema::{self, LEAF, POSITION};
use super::scratch::Scratch;
use crate::error::{Result, StoreError};

/// Says of (leaf, content position) whether the content is left out.
pub type Erased = Arc<dyn Fn(u64, u16) -> bool + Send + Sync>;

/// Merges opened runs of one partition, in the order of their leaves. With a `scratch` folder, empty and used by
/// nothing else, the work is done in files; without, in memory. `erased` leaves contents out.
pub async fn merge(inputs: Vec<TextIndex>, scratch: Option<PathBuf>, erased: Option<Erased>) -> Result<BuiltText> {
    let facts = joined_facts(&inputs)?;
    let what = names(&inputs);
    let work = tokio::task::spawn_blocking(move || merge_now(&inputs, facts, scratch, erased.as_ref()));
    work.await.map_err(|error| task_fault(&what, &error))?
}

fn merge_now(
    inputs: &[TextIndex],
    mut facts: RunFacts,
    folder: Option<PathBuf>,
    erased: Option<&Erased>,
) -> Result<BuiltText> {
    let searcher = open_runs(inputs)?;
    let scratch = Scratch::new(folder.clone());
    let merged = join(std::slice::from_ref(searcher.index()), erased, &scratch)?;
    facts.docs = merged.docs;
    facts.contents -= merged.erased.min(facts.contents);
    pack(&scratch, &merged.index, facts, folder.as_deref())
}

/// A merged segment in the scratch directory.
pub(super) struct Joined {
    pub(super) index: Index,
    pub(super) docs: u32,
    /// Contents left out.
    pub(super) erased: u64,
}

/// Merges all segments of `indexes`, in order, into `scratch`.
pub(super) fn join(indexes: &[Index], erased: Option<&Erased>, scratch: &Scratch) -> Result<Joined> {
    let bad = |error| fault("text index being merged", error);
    let mut segments: Vec<Segment> = Vec::new();
    for index in indexes {
        let mut of_one = index.searchable_segments().map_err(bad)?;
        of_one.sort_by_key(Segment::id);
        segments.extend(of_one);
    }
    let (mut filters, mut left_out) = (Vec::with_capacity(segments.len()), 0);
    for segment in &segments {
        let filter = erased.map(|erased| alive(segment, erased)).transpose().map_err(bad)?;
        left_out += filter.as_ref().map_or(0, |(_, count)| *count);
        filters.push(filter.map(|(alive, _)| alive));
    }
    let mut index = merge_filtered_segments(&segments, schema::settings(), filters, scratch.clone()).map_err(bad)?;
    schema::equip(&mut index);
    let metas = index.searchable_segment_metas().map_err(bad)?;
    Ok(Joined { index, docs: metas.iter().map(|meta| meta.max_doc()).sum(), erased: left_out })
}

/// Documents that stay, and how many contents do not.
fn alive(segment: &Segment, erased: &Erased) -> tantivy::Result<(AliveBitSet, u64)> {
    let reader = tantivy::SegmentReader::open(segment)?;
    let (leaves, positions): (Column<u64>, Column<u64>) =
        (reader.fast_fields().u64(LEAF)?, reader.fast_fields().u64(POSITION)?);
    let mut stay = BitSet::with_max_value_and_full(reader.max_doc());
    let (mut count, mut before) = (0, None);
    for doc in 0..reader.max_doc() {
        let content = (leaves.first(doc).unwrap_or(0), positions.first(doc).unwrap_or(0) as u16);
        if erased(content.0, content.1) {
            stay.remove(doc);
            count += u64::from(before != Some(content));
            before = Some(content);
        }
    }
    let mut bytes = Vec::new();
    write_alive_bitset(&stay, &mut bytes)?;
    Ok((AliveBitSet::open(OwnedBytes::new(bytes)), count))
}

fn joined_facts(inputs: &[TextIndex]) -> Result<RunFacts> {
    let Some(first) = inputs.first() else {
        return Err(StoreError::invalid("merge of text indexes", "at least one run is needed"));
    };
    let mut joined = first.facts().clone();
    for run in &inputs[1..] {
        let next = run.facts();
        if next.partition != joined.partition || next.leaf_from < joined.leaf_to {
            let found = format!("{} does not follow {} of the same partition", run.name(), first.name());
            return Err(StoreError::invalid("merge of text indexes", found));
        }
        joined.leaf_to = next.leaf_to;
        joined.contents += next.contents;
        joined.text_bytes += next.text_bytes;
        joined.time_min_us = joined.time_min_us.min(next.time_min_us);
        joined.time_max_us = joined.time_max_us.max(next.time_max_us);
    }
    Ok(joined)
}
