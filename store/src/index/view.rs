//! The index as one question sees it: index objects up to the heads of a snapshot, and in memory what they do not cover.
//!
//! Guarantee: finds every event of the pinned rows (and of the tail that was added) and none beyond; what it finds was
//! compared with the value asked for, not with its key alone. Fails with `Corrupt` for damaged objects, `Invalid` when a
//! look-up would give more than [`LOOKUP_PLACES_MAX`] places: nothing is cut in silence.

use super::build::leaves_of;
use super::cache::BlockCache;
use super::extract::needed_columns;
use super::key::{Domain, Key, PLAIN_BYTES, Place, TIMED_BYTES, place_of, plain_entry, timed_entry, timed_of};
use super::manifest::{Manifest, Ranged};
use super::memory::MemoryPart;
use super::node::Node;
use super::nodes::NodesMeta;
use super::postings::{PostingsMeta, within};
use super::texts;
use crate::error::{Result, StoreError};
use crate::location::Storage;
use crate::scan;
use crate::snapshot::{DataFile, Snapshot};
use crate::text_index::limits::BUILD_MEMORY_MIN_BYTES;
use crate::text_index::{BuiltText, RunSpan, TextBody, TextIndex, TextLimits, TextScope, TextSearcher};
use arrow::array::RecordBatch;
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use quick_cache::sync::Cache;
use schemas::columns::RowClass;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// Places that one look-up gives at most.
pub const LOOKUP_PLACES_MAX: usize = 1_000_000;

/// Events that a view remembers by their ids: about 1 KiB each.
const KNOWN_EVENTS_MAX: usize = 40_000;

/// An event with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it stands.
    pub place: Place,
    /// What it is.
    pub node: Arc<Node>,
}

/// See the module. Cheap to clone.
#[derive(Debug, Clone)]
pub struct View {
    storage: Storage,
    cache: BlockCache,
    manifest: Arc<Manifest>,
    plain: Arc<Vec<Arc<PostingsMeta>>>,
    timed: Arc<Vec<Arc<PostingsMeta>>>,
    parts: Arc<Vec<Arc<MemoryPart>>>,
    /// First leaf beyond what is seen, by partition.
    bounds: Arc<BTreeMap<u32, u64>>,
    /// Events that were found by their ids, for what sees the same.
    known: Arc<Cache<String, Arc<Vec<Found>>>>,
}

/// The other end of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linked {
    /// Its event id.
    pub id: Arc<str>,
    /// How.
    pub relation: Arc<str>,
    /// `stated` or `structural`.
    pub basis: &'static str,
    /// First 16 bytes of the cause's header digest, where a producer stated it.
    pub digest: Option<[u8; 16]>,
}

impl Linked {
    fn structural(node: &Node, relation: &str) -> Self {
        Self { id: node.id.as_str().into(), relation: relation.into(), basis: "structural", digest: None }
    }
}

impl View {
    /// The index of `snapshot`; `None` when more than `uncovered_max` events would have to be indexed in memory first, or
    /// when a segment does not say which leaves it holds.
    ///
    /// # Errors
    /// See the module.
    pub async fn open(snapshot: &Snapshot, cache: &BlockCache, uncovered_max: u64) -> Result<Option<Self>> {
        let storage = snapshot.storage.clone();
        let manifest = Manifest::load(&storage, &snapshot.identity).await?;
        let tagless = |file: &&DataFile| file.class == RowClass::Event && file.rows > 0 && leaves_of(file).is_none();
        if snapshot.files.iter().any(|file| tagless(&file)) {
            return Ok(None);
        }
        let uncovered = uncovered(snapshot, &manifest);
        let rows = |(file, leaves): &(&DataFile, Range<u64>)| file.rows.min(leaves.end - leaves.start);
        if uncovered.iter().map(rows).sum::<u64>() > uncovered_max {
            return Ok(None);
        }
        let mut parts = Vec::new();
        for (file, leaves) in uncovered {
            parts.push(part_of(&storage, cache, file, leaves).await?);
        }
        let open = async |runs: &[super::manifest::Run], width| {
            let mut metas = Vec::new();
            for object in runs.iter().flat_map(|run| &run.objects) {
                metas.push(PostingsMeta::open(&storage, cache, &object.name, object.size, width).await?);
            }
            Ok::<_, StoreError>(Arc::new(metas))
        };
        let (plain, timed) = (open(&manifest.plain, PLAIN_BYTES).await?, open(&manifest.timed, TIMED_BYTES).await?);
        let bounds = snapshot.heads.iter().map(|(p, head)| (*p, head.tree.size())).collect();
        Ok(Some(Self {
            storage,
            cache: cache.clone(),
            manifest: Arc::new(manifest),
            plain,
            timed,
            parts: Arc::new(parts),
            bounds: Arc::new(bounds),
            known: Arc::new(Cache::new(KNOWN_EVENTS_MAX)),
        }))
    }

    /// The same view with `parts` of the tail, up to `ends` by partition.
    #[must_use]
    pub fn with_tail(&self, parts: &[Arc<MemoryPart>], ends: &BTreeMap<u32, u64>) -> Self {
        let all = self.parts.iter().chain(parts).map(Arc::clone).collect();
        let mut bounds = self.bounds.as_ref().clone();
        bounds.extend(ends.iter().map(|(p, end)| (*p, *end)));
        let known = Arc::new(Cache::new(KNOWN_EVENTS_MAX));
        Self { parts: Arc::new(all), bounds: Arc::new(bounds), known, ..self.clone() }
    }

    /// What the index objects cover.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn sees(&self, place: Place) -> bool {
        self.bounds.get(&place.partition()).is_some_and(|bound| place.leaf() < *bound)
    }

    /// Places under a key without a time, in order.
    async fn places(&self, key: Key) -> Result<Vec<Place>> {
        let (low, high) = (plain_entry(key, Place(0)), plain_entry(key, Place(u64::MAX)));
        let mut places = Vec::new();
        for meta in self.plain.iter() {
            for block in meta.blocks_of(&low, &high) {
                let bytes = meta.block(&self.storage, &self.cache, block).await?;
                places.extend(within(&bytes, PLAIN_BYTES, &low, &high).chunks_exact(PLAIN_BYTES).map(place_of));
                bounded(places.len())?;
            }
        }
        for part in self.parts.iter() {
            part.places(key, &mut |place| places.push(place));
        }
        places.retain(|place| self.sees(*place));
        places.sort_unstable();
        places.dedup();
        bounded(places.len())?;
        Ok(places)
    }

    /// Times and places under a key from `from` (included) to `to` (excluded), at most `max`: the first ones, or with
    /// `back` the last ones, last first.
    async fn timed(
        &self,
        key: Key,
        from: (i64, Place),
        to: (i64, Place),
        back: bool,
        max: usize,
    ) -> Result<Vec<(i64, Place)>> {
        let (low, high) = (timed_entry(key, from.0, from.1), timed_entry(key, to.0, to.1));
        let mut found = Vec::new();
        for meta in self.timed.iter() {
            let mut blocks: Vec<usize> = meta.blocks_of(&low, &high).collect();
            if back {
                blocks.reverse();
            }
            let mut taken = 0;
            for block in blocks {
                let bytes = meta.block(&self.storage, &self.cache, block).await?;
                let entries = within(&bytes, TIMED_BYTES, &low, &high).chunks_exact(TIMED_BYTES).map(timed_of);
                let seen = entries.filter(|(_, place)| self.sees(*place));
                let before = found.len();
                if back {
                    found.extend(seen.rev().take(max - taken))
                } else {
                    found.extend(seen.take(max - taken))
                }
                taken += found.len() - before;
                if taken >= max {
                    break;
                }
            }
        }
        for part in self.parts.iter() {
            found.extend(part.timed(&low, &high, back, max).into_iter().filter(|(_, place)| self.sees(*place)));
        }
        found.sort_unstable();
        found.dedup();
        if back {
            found.reverse();
        }
        found.truncate(max);
        Ok(found)
    }

    /// What a search of texts may see.
    #[must_use]
    pub fn scope(&self) -> TextScope {
        TextScope { leaf_bounds: Some(self.bounds.as_ref().clone()), ..TextScope::default() }
    }

    /// The texts of everything that is seen, to search in; `fresh` are rows of the tail with their partitions.
    ///
    /// # Errors
    /// See the module.
    pub async fn texts(&self, snapshot: &Snapshot, fresh: &[(RunSpan, RecordBatch)]) -> Result<TextSearcher> {
        let mut runs = Vec::new();
        for ranged in &self.manifest.texts {
            let name: Arc<str> = ranged.object.name.as_str().into();
            runs.push(match self.cache.texts.get(&name) {
                Some((Some(open), _)) => open,
                _ => {
                    let (root, blocks) = (Arc::clone(&self.storage.root), Arc::clone(&self.cache.text_blocks));
                    let open = TextIndex::open(root, Path::from(name.as_ref()), blocks).await?;
                    self.cache.texts.insert(name, (Some(open.clone()), 0));
                    open
                }
            });
        }
        for (file, leaves) in uncovered(snapshot, &self.manifest) {
            runs.extend(text_of_file(&self.storage, &self.cache, file, leaves).await?);
        }
        for (span, batch) in fresh {
            let (span, batches) = (span.clone(), vec![batch.clone()]);
            runs.extend(text_in_memory(&self.storage, &self.cache, span, batches).await?.0);
        }
        TextSearcher::open(runs).await
    }

    /// The event at `place`.
    ///
    /// # Errors
    /// See the module.
    pub async fn node(&self, place: Place) -> Result<Option<Arc<Node>>> {
        if let Some(node) = self.parts.iter().find_map(|part| part.node(place)) {
            return Ok(Some(Arc::clone(node)));
        }
        let Some(ranged) = self.ranged(place) else { return Ok(None) };
        let meta = NodesMeta::open(&self.storage, &self.cache, &ranged.object.name, ranged.object.size).await?;
        Ok(meta.node(&self.storage, &self.cache, place).await?.map(Arc::new))
    }

    fn ranged(&self, place: Place) -> Option<&Ranged> {
        let nodes = &self.manifest.nodes;
        let after = nodes.partition_point(|r| (r.partition, r.leaf_from) <= (place.partition(), place.leaf()));
        let found = nodes.get(after.checked_sub(1)?)?;
        (found.partition == place.partition() && place.leaf() < found.leaf_to).then_some(found)
    }

    async fn found(&self, places: Vec<Place>, fits: impl Fn(&Node) -> bool) -> Result<Vec<Found>> {
        let mut found = Vec::with_capacity(places.len());
        for place in places {
            found.extend(self.node(place).await?.filter(|node| fits(node)).map(|node| Found { place, node }));
        }
        Ok(found)
    }

    /// The events with this id: one, or several where ids collide.
    ///
    /// # Errors
    /// See the module.
    pub async fn by_id(&self, id: &str) -> Result<Vec<Found>> {
        if let Some(held) = self.known.get(id) {
            return Ok(held.as_ref().clone());
        }
        let found = self.found(self.places(Key::text(Domain::Id, &[id])).await?, |node| node.id == id).await?;
        self.known.insert(id.to_owned(), Arc::new(found.clone()));
        Ok(found)
    }

    /// The events with this native id.
    ///
    /// # Errors
    /// See the module.
    pub async fn by_native_id(&self, native: &str) -> Result<Vec<Found>> {
        let places = self.places(Key::text(Domain::NativeId, &[native])).await?;
        self.found(places, |node| node.native_id.as_deref() == Some(native)).await
    }

    /// At most `max` events about a subject, newest first.
    ///
    /// # Errors
    /// See the module.
    pub async fn subject(&self, subject: &str, max: usize) -> Result<Vec<Found>> {
        let key = Key::text(Domain::Subject, &[subject]);
        let places = self.timed(key, FIRST, LAST, true, max).await?.into_iter().map(|(_, place)| place).collect();
        self.found(places, |node| node.subject.as_deref() == Some(subject)).await
    }

    /// The events that last held (with `later`: next hold) the same bytes as one of the event's contents, one for each.
    ///
    /// # Errors
    /// See the module.
    pub async fn same_bytes(&self, of: &Found, later: bool) -> Result<Vec<Found>> {
        let (mut places, here) = (Vec::new(), (of.node.at(), of.place));
        let after = (here.0, Place(here.1.0.saturating_add(1)));
        for key in &of.node.contents {
            let next = match later {
                true => self.timed(Key(*key), after, LAST, false, 1).await?,
                false => self.timed(Key(*key), FIRST, here, true, 1).await?,
            };
            places.extend(next.into_iter().map(|(_, place)| place));
        }
        places.sort_unstable();
        places.dedup();
        self.found(places, |node| node.contents.iter().any(|key| of.node.contents.contains(key))).await
    }

    /// What the event came from.
    ///
    /// # Errors
    /// See the module.
    pub async fn causes(&self, of: &Found) -> Result<Vec<Linked>> {
        let node = &of.node;
        let mut links: Vec<Linked> = node.causes.iter().map(stated).collect();
        if node.access() == Some(super::node::Access::Reads)
            && let Some(writer) = self.writer_of(of).await?
        {
            links.push(Linked::structural(&writer.node, "read"));
        }
        if let Some(credential) = node.credential.as_deref().filter(|_| node.kind != "credential.issued") {
            let places = self.places(Key::text(Domain::Issued, &[credential])).await?;
            let issued = |n: &Node| n.credential.as_deref() == Some(credential) && n.kind == "credential.issued";
            links.extend(self.found(places, issued).await?.iter().map(|f| Linked::structural(&f.node, "used")));
        }
        if let Some(digest) = node.approval_digest.as_deref().filter(|_| node.approval() == Some(Domain::Answered)) {
            let places = self.places(Key::text(Domain::Asked, &[digest])).await?;
            let asked = |n: &Node| n.approval_digest.as_deref() == Some(digest);
            links.extend(self.found(places, asked).await?.iter().map(|f| Linked::structural(&f.node, "responds_to")));
        }
        if node.kind == "tool.result" {
            let calls = self.other_side(node, Domain::Call).await?;
            links.extend(calls.iter().map(|f| Linked::structural(&f.node, "responds_to")));
        }
        Ok(links)
    }

    /// What came of the event.
    ///
    /// # Errors
    /// See the module.
    pub async fn effects(&self, of: &Found) -> Result<Vec<Linked>> {
        let node = &of.node;
        let mut links = self.naming(&node.id).await?;
        if node.access() == Some(super::node::Access::Writes) {
            links.extend(self.readers_of(of).await?.iter().map(|f| Linked::structural(&f.node, "read")));
        }
        if let Some(credential) = node.credential.as_deref().filter(|_| node.kind == "credential.issued") {
            let places = self.places(Key::text(Domain::Used, &[credential])).await?;
            let uses = self.found(places, |n| n.credential.as_deref() == Some(credential)).await?;
            links.extend(uses.iter().map(|f| Linked::structural(&f.node, "used")));
        }
        if let Some(digest) = node.approval_digest.as_deref().filter(|_| node.approval() == Some(Domain::Asked)) {
            let places = self.places(Key::text(Domain::Answered, &[digest])).await?;
            let answers = self.found(places, |n| n.approval_digest.as_deref() == Some(digest)).await?;
            links.extend(answers.iter().map(|f| Linked::structural(&f.node, "responds_to")));
        }
        if node.kind == "tool.call" {
            let results = self.other_side(node, Domain::Result).await?;
            links.extend(results.iter().map(|f| Linked::structural(&f.node, "responds_to")));
        }
        Ok(links)
    }

    /// The events that state `id` as a cause, whether or not the record holds it.
    ///
    /// # Errors
    /// See the module.
    pub async fn naming(&self, id: &str) -> Result<Vec<Linked>> {
        let places = self.places(Key::text(Domain::CausedBy, &[id])).await?;
        let mut links = Vec::new();
        for effect in self.found(places, |n| n.causes.iter().any(|c| c.id == id)).await? {
            let here = effect.node.causes.iter().filter(|c| c.id == id);
            links.extend(here.map(|c| Linked { id: effect.node.id.as_str().into(), ..stated(c) }));
        }
        Ok(links)
    }

    /// The calls (or results) of the tool call that `node` belongs to.
    async fn other_side(&self, node: &Node, domain: Domain) -> Result<Vec<Found>> {
        let Some(key) = node.call_key(domain) else { return Ok(Vec::new()) };
        let same = |n: &Node| n.session == node.session && n.tool_call_id == node.tool_call_id;
        self.found(self.places(key).await?, same).await
    }

    /// The write that a read saw: that of the version it names, else the last one before it.
    async fn writer_of(&self, read: &Found) -> Result<Option<Found>> {
        if let Some(writer) = self.writer_of_version(&read.node).await? {
            return Ok(Some(writer));
        }
        let (key, now) = (read.node.resource_key(Domain::Written), (read.node.at(), read.place));
        let before = self.timed(key, FIRST, now, true, 1).await?.into_iter().map(|(_, place)| place).collect();
        Ok(self.found(before, |n| same_resource(n, &read.node)).await?.pop())
    }

    /// The write with the smallest id of the version that `node` names.
    async fn writer_of_version(&self, node: &Node) -> Result<Option<Found>> {
        let Some(key) = node.version_key(Domain::VersionWritten) else { return Ok(None) };
        let same = |n: &Node| same_resource(n, node) && n.memory_version == node.memory_version;
        let writes = self.found(self.places(key).await?, same).await?;
        Ok(writes.into_iter().min_by(|a, b| a.node.id.cmp(&b.node.id)))
    }

    /// The reads that saw a write.
    async fn readers_of(&self, write: &Found) -> Result<Vec<Found>> {
        let node = &write.node;
        let (from, key) = ((node.at(), Place(write.place.0.saturating_add(1))), node.resource_key(Domain::Written));
        let next = self.timed(key, from, LAST, false, 1).await?.pop().unwrap_or(LAST);
        let reads = self.timed(node.resource_key(Domain::Read), from, next, false, LOOKUP_PLACES_MAX + 1).await?;
        bounded(reads.len())?;
        let places = reads.into_iter().map(|(_, place)| place).collect();
        let mut readers = Vec::new();
        for read in self.found(places, |n| same_resource(n, node)).await? {
            // One that names a version saw that one.
            if read.node.memory_version.is_none() || self.writer_of_version(&read.node).await?.is_none() {
                readers.push(read);
            }
        }
        let own = self.writer_of_version(node).await?.is_some_and(|first| first.node.id == node.id);
        if let Some(key) = node.version_key(Domain::VersionRead).filter(|_| own) {
            let same = |n: &Node| same_resource(n, node) && n.memory_version == node.memory_version;
            readers.extend(self.found(self.places(key).await?, same).await?);
        }
        Ok(readers)
    }
}

/// Before every time.
const FIRST: (i64, Place) = (i64::MIN, Place(0));
/// After every time.
const LAST: (i64, Place) = (i64::MAX, Place(u64::MAX));

fn bounded(places: usize) -> Result<()> {
    if places <= LOOKUP_PLACES_MAX {
        return Ok(());
    }
    let detail = format!("more than {LOOKUP_PLACES_MAX} events; ask with SQL over `edges`, which streams");
    Err(StoreError::invalid("links of one event", detail))
}

fn same_resource(a: &Node, b: &Node) -> bool {
    a.resource == b.resource && a.memory_store.as_deref().unwrap_or("") == b.memory_store.as_deref().unwrap_or("")
}

fn stated(cause: &super::node::NodeCause) -> Linked {
    Linked {
        id: cause.id.as_str().into(),
        relation: cause.relation.as_str().into(),
        basis: "stated",
        digest: cause.digest.as_slice().try_into().ok(),
    }
}

/// The segments of `snapshot` with event rows that the manifest does not cover, and which leaves of them.
fn uncovered<'a>(snapshot: &'a Snapshot, manifest: &Manifest) -> Vec<(&'a DataFile, Range<u64>)> {
    let files = snapshot.files.iter().filter_map(|file| leaves_of(file).map(|leaves| (file, leaves)));
    let rest = files.map(|(file, leaves)| {
        let covered = manifest.covered.get(&file.partition).copied().unwrap_or_default();
        (file, leaves.start.max(covered)..leaves.end)
    });
    rest.filter(|(_, leaves)| !leaves.is_empty()).collect()
}

async fn part_of(
    storage: &Storage,
    cache: &BlockCache,
    file: &DataFile,
    leaves: Range<u64>,
) -> Result<Arc<MemoryPart>> {
    let name = format!("{}@{}", file.path, leaves.start);
    if let Some(part) = cache.part(&name) {
        return Ok(part);
    }
    let open = scan::fetch(storage, file).await?;
    let batches = open.batches(&needed_columns())?;
    let partition = file.partition;
    let read = move || {
        let batches = batches.collect::<Result<Vec<_>>>()?;
        MemoryPart::of(partition, &batches, &leaves)
    };
    let part = tokio::task::spawn_blocking(read).await.map_err(|e| StoreError::unavailable("index in memory", e))??;
    let part = Arc::new(part);
    cache.keep_part(&name, Arc::clone(&part));
    Ok(part)
}

/// The texts of a segment that no index covers, indexed in memory.
async fn text_of_file(
    storage: &Storage,
    cache: &BlockCache,
    file: &DataFile,
    leaves: Range<u64>,
) -> Result<Option<TextIndex>> {
    let name: Arc<str> = format!("{}@{}", file.path, leaves.start).into();
    if let Some((held, _)) = cache.texts.get(&name) {
        return Ok(held);
    }
    let batches = scan::fetch(storage, file).await?.batches(&needed_columns())?.collect::<Result<Vec<_>>>()?;
    let span = RunSpan { partition: file.partition, leaf_from: leaves.start, leaf_to: leaves.end };
    let open = text_in_memory(storage, cache, span, batches).await?;
    cache.texts.insert(name, open.clone());
    Ok(open.0)
}

async fn text_in_memory(
    storage: &Storage,
    cache: &BlockCache,
    span: RunSpan,
    batches: Vec<RecordBatch>,
) -> Result<(Option<TextIndex>, usize)> {
    let blobs = texts::blobs(storage, &batches).await?;
    // What is not covered is little, and tables for much would be reserved for each piece of it.
    let limits = TextLimits { memory_bytes: BUILD_MEMORY_MIN_BYTES, ..TextLimits::default() };
    let build = move || texts::build(&span, &batches, &blobs, limits);
    let built =
        tokio::task::spawn_blocking(build).await.map_err(|e| StoreError::unavailable("index of texts", e))??;
    let Some(BuiltText { body: TextBody::Bytes(bytes), .. }) = built else { return Ok((None, 0)) };
    let size = bytes.len();
    let (memory, path) = (InMemory::new(), Path::from("texts in memory"));
    let put = memory.put(&path, bytes.into()).await;
    put.map_err(|e| StoreError::unavailable("index of texts in memory", e))?;
    let open = TextIndex::open(Arc::new(memory), path, Arc::clone(&cache.text_blocks)).await?;
    Ok((Some(open), size))
}
