//! Building the index, a bounded step at a time.
//!
//! Guarantee: a step reads the events after those that are covered, at most [`STEP_EVENTS`] and [`STEP_BYTES`] (and one segment's more),
//! writes their objects, then the manifest; a crash in between leaves objects that nothing names, which the next
//! [`Indexer::sweep`] deletes. Who loses the race for a manifest throws the step away. Memory: the rows of a
//! step as they are decoded, and its blobs of at most 16 MiB each.

use super::cache::BlockCache;
use super::extract::{extract, needed_columns};
use super::key::{PLAIN_BYTES, TIMED_BYTES};
use super::manifest::{self, Manifest, ObjectRef, Ranged, Replaced, Run};
use super::memory::MemoryPart;
use super::merge;
use super::nodes::NodesWriter;
use super::postings;
use super::texts;
use crate::error::{Result, StoreError};
use crate::files::{LEAF_FROM_TAG, LEAF_TO_TAG};
use crate::layout;
use crate::location::Storage;
use crate::scan;
use crate::snapshot::{DataFile, Snapshot};
use crate::text_index::{BuiltText, RunSpan, TextBody, TextLimits};
use arrow::array::RecordBatch;
use ingest::env::Env;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use schemas::columns::RowClass;
use std::ops::Range;

/// Events that one step indexes.
pub const STEP_EVENTS: u64 = 200_000;

/// Bytes of segments, as they are stored, that one step reads.
const STEP_BYTES: u64 = 64 * 1_048_576;

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Built {
    /// Everything that the snapshot holds is covered, and nothing is to be merged.
    Nothing,
    /// So many events were indexed, or runs merged.
    Step {
        /// Events.
        events: u64,
        /// Runs that were merged into others.
        merged: usize,
    },
    /// Somebody else published a manifest first.
    Lost,
}

/// See the module.
#[derive(Debug)]
pub struct Indexer {
    pub(super) storage: Storage,
    pub(super) env: Env,
    pub(super) cache: BlockCache,
}

/// A segment with the leaves of its rows.
pub(super) fn leaves_of(file: &DataFile) -> Option<Range<u64>> {
    let number = |tag: &str| file.tags.get(tag).and_then(|text| text.parse().ok());
    (file.class == RowClass::Event).then_some(())?;
    Some(number(LEAF_FROM_TAG)?..number(LEAF_TO_TAG)?)
}

/// What a step takes: one partition, a range of leaves, the segments that hold them.
struct Work<'a> {
    partition: u32,
    leaves: Range<u64>,
    files: Vec<&'a DataFile>,
}

impl Indexer {
    /// An indexer over `storage`.
    #[must_use]
    pub fn new(storage: Storage, env: Env) -> Self {
        Self { storage, env, cache: BlockCache::default() }
    }

    /// Events of `snapshot` that no index covers.
    ///
    /// # Errors
    /// When the manifest cannot be read.
    pub async fn behind(&self, snapshot: &Snapshot) -> Result<u64> {
        let manifest = Manifest::load(&self.storage, &snapshot.identity).await?;
        let behind = |(p, head): (&u32, &crate::head::Head)| {
            head.tree.size().saturating_sub(manifest.covered.get(p).copied().unwrap_or_default())
        };
        Ok(snapshot.heads.iter().map(behind).sum())
    }

    /// Indexes the next events of `snapshot`, or merges runs where there are too many.
    ///
    /// # Errors
    /// When table, index or storage fail; try again, or see the message.
    pub async fn step(&self, snapshot: &Snapshot) -> Result<Built> {
        let mut manifest = Manifest::load(&self.storage, &snapshot.identity).await?;
        let now_ms = self.env.clock.now_us() / 1_000;
        let merged = merge::merge_due(self, &mut manifest, now_ms).await?;
        let events = match merged {
            0 => self.index_next(snapshot, &mut manifest).await?,
            _ => 0,
        };
        if merged == 0 && events == 0 {
            return Ok(Built::Nothing);
        }
        manifest.table_version = manifest.table_version.max(snapshot.version);
        let forgotten = manifest.forget(now_ms);
        if !manifest.publish(&self.storage).await? {
            return Ok(Built::Lost);
        }
        self.delete(&forgotten).await;
        Ok(Built::Step { events, merged })
    }

    /// Steps until nothing is left to do; `each` is told how many events each step indexed, and ends it by saying false.
    ///
    /// # Errors
    /// As [`Indexer::step`].
    pub async fn catch_up(&self, snapshot: &Snapshot, mut each: impl FnMut(u64) -> bool + Send) -> Result<u64> {
        let mut all = 0;
        loop {
            match self.step(snapshot).await? {
                Built::Nothing => return Ok(all),
                Built::Lost => {}
                Built::Step { events, .. } => {
                    all += events;
                    if !each(events) {
                        return Ok(all);
                    }
                }
            }
        }
    }

    /// Merges all runs of postings into one, for the fastest look-ups; false when somebody else published first.
    ///
    /// # Errors
    /// As [`Indexer::step`].
    pub async fn settle(&self, snapshot: &Snapshot) -> Result<bool> {
        let mut manifest = Manifest::load(&self.storage, &snapshot.identity).await?;
        let now_ms = self.env.clock.now_us() / 1_000;
        if merge::merge_all(self, &mut manifest, now_ms).await? == 0 {
            return Ok(true);
        }
        manifest.publish(&self.storage).await
    }

    /// Deletes what crashes and lost races left, once it is old enough that nobody may be about to name it.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn sweep(&self, snapshot: &Snapshot) -> Result<usize> {
        manifest::sweep(&self.storage, &snapshot.identity, self.env.clock.now_us() / 1_000).await
    }

    async fn index_next(&self, snapshot: &Snapshot, manifest: &mut Manifest) -> Result<u64> {
        let Some(work) = next_work(snapshot, manifest) else { return Ok(0) };
        let (mut part, mut batches) = (MemoryPart::default(), Vec::new());
        for file in &work.files {
            let open = scan::fetch(&self.storage, file).await?;
            let read = || {
                for batch in open.batches(&needed_columns())? {
                    let batch = batch?;
                    extract(work.partition, &batch, &work.leaves, |place, node| part.add(place, node))?;
                    batches.push(batch);
                }
                Ok::<_, StoreError>(())
            };
            tokio::task::block_in_place(read)?;
        }
        let text = self.text_of(&work, batches).await?;
        tokio::task::block_in_place(|| part.sort());
        self.put_part(&part, &work, manifest).await?;
        self.put_text(text, &work, manifest).await?;
        manifest.covered.insert(work.partition, work.leaves.end);
        // Leaves without an event (duplicates, rejects) are covered too: there is nothing to find there.
        Ok((part.nodes.len() as u64).max(1))
    }

    /// Indexes the texts of a step, on a thread of its own.
    async fn text_of(&self, work: &Work<'_>, batches: Vec<RecordBatch>) -> Result<Option<BuiltText>> {
        let blobs = texts::blobs(&self.storage, &batches).await?;
        let Range { start: leaf_from, end: leaf_to } = work.leaves;
        let span = RunSpan { partition: work.partition, leaf_from, leaf_to };
        let build = move || texts::build(&span, &batches, &blobs, TextLimits::default());
        tokio::task::spawn_blocking(build).await.map_err(|e| StoreError::unavailable("index of texts", e))?
    }

    async fn put_text(&self, text: Option<BuiltText>, work: &Work<'_>, manifest: &mut Manifest) -> Result<()> {
        if let Some(BuiltText { facts, body: TextBody::Bytes(bytes) }) = text {
            let object = self.put("text", bytes.into(), facts.contents).await?;
            let Range { start: leaf_from, end: leaf_to } = work.leaves;
            manifest.texts.push(Ranged { partition: work.partition, leaf_from, leaf_to, object });
        }
        Ok(())
    }

    async fn put_part(&self, part: &MemoryPart, work: &Work<'_>, manifest: &mut Manifest) -> Result<()> {
        if part.nodes.is_empty() {
            return Ok(());
        }
        let mut writer = NodesWriter::default();
        tokio::task::block_in_place(|| writer.nodes(&part.nodes))?;
        let entries = part.nodes.len() as u64;
        let object = self.put("nodes", writer.finish(), entries).await?;
        let Range { start: leaf_from, end: leaf_to } = work.leaves;
        manifest.nodes.push(Ranged { partition: work.partition, leaf_from, leaf_to, object });
        // Look-ups rest on this order.
        manifest.nodes.sort_by_key(|r| (r.partition, r.leaf_from));
        let plain = self.put_postings(part.plain.as_flattened(), PLAIN_BYTES).await?;
        let timed = self.put_postings(part.timed.as_flattened(), TIMED_BYTES).await?;
        manifest.plain.extend(plain.map(|object| Run { objects: vec![object] }));
        manifest.timed.extend(timed.map(|object| Run { objects: vec![object] }));
        Ok(())
    }

    pub(super) async fn put_postings(&self, entries: &[u8], width: usize) -> Result<Option<ObjectRef>> {
        if entries.is_empty() {
            return Ok(None);
        }
        let object = tokio::task::block_in_place(|| postings::encode(entries, width));
        self.put("postings", object, (entries.len() / width) as u64).await.map(Some)
    }

    pub(super) async fn put(&self, kind: &str, bytes: Vec<u8>, entries: u64) -> Result<ObjectRef> {
        let path = layout::index_object(&hex::encode(self.env.random::<12>()), kind);
        let size = bytes.len() as u64;
        self.storage.put(&path, bytes).await?;
        Ok(ObjectRef { name: path.to_string(), size, entries })
    }

    async fn delete(&self, names: &[String]) {
        for name in names {
            // One that stays is found by the next sweep.
            if let Err(error) = self.storage.root.delete(&Path::from(name.as_str())).await {
                tracing::debug!(%error, name, "a replaced index object was not deleted");
            }
        }
    }
}

pub(super) fn replaced(objects: impl IntoIterator<Item = ObjectRef>, at_ms: i64) -> Vec<Replaced> {
    objects.into_iter().map(|o| Replaced { name: o.name, at_ms }).collect()
}

/// The partition that is furthest behind, and its next segments.
fn next_work<'a>(snapshot: &'a Snapshot, manifest: &Manifest) -> Option<Work<'a>> {
    let covered = |p: u32| manifest.covered.get(&p).copied().unwrap_or_default();
    let (partition, head) =
        snapshot.heads.iter().max_by_key(|(p, head)| head.tree.size().saturating_sub(covered(**p)))?;
    let (from, end) = (covered(*partition), head.tree.size());
    if from >= end {
        return None;
    }
    let of_partition = || snapshot.files.iter().filter(|file| file.partition == *partition);
    // A segment that does not say its leaves cannot be placed: nothing of its partition is called covered.
    if of_partition().any(|f| f.class == RowClass::Event && f.rows > 0 && leaves_of(f).is_none()) {
        return None;
    }
    let mut files: Vec<(Range<u64>, &DataFile)> = of_partition()
        .filter_map(|file| leaves_of(file).map(|leaves| (leaves, file)))
        .filter(|(leaves, _)| leaves.end > from)
        .collect();
    files.sort_by_key(|(leaves, _)| leaves.start);
    let (mut to, mut rows, mut bytes) = (end, 0, 0);
    for (leaves, file) in &files {
        // Merged segments may overlap in their leaves: a cut lies at the beginning of one.
        if (rows >= STEP_EVENTS || bytes >= STEP_BYTES) && leaves.start > from {
            to = leaves.start;
            break;
        }
        rows += file.rows;
        bytes += file.size;
    }
    let files = files.into_iter().filter(|(leaves, _)| leaves.start < to).map(|(_, file)| file).collect();
    Some(Work { partition: *partition, leaves: from..to, files })
}
