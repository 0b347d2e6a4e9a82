//! The state of a partition rebuilt from the table: streams, gaps, known ids, registrations.
//!
//! Guarantee: everything comes from one snapshot, so the state is that of its heads. A compactor that starts, is fenced
//! or takes over a partition runs this and nothing else. Cost: one pass over a few columns of the partition's files.

use crate::error::{Result, StoreError};
use crate::head::Head;
use crate::ids::Ids;
use crate::judge::{PartitionState, StreamKey};
use crate::keys::Speakers;
use crate::parts::Parts;
use crate::scan::{self, OpenFile, binary, column, integer, text};
use crate::snapshot::{DataFile, Snapshot};
use crate::stream::{Gap, StreamState};
use arrow::array::{BinaryArray, Int64Array, RecordBatch, StringArray};
use ingest::import::REJECT_KIND;
use schemas::check::event_leaf;
use schemas::columns::RowClass;
use schemas::tlog::{Checkpoint, CompactRange, Hash, Note};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What one pass learns of a stream.
#[derive(Debug, Default)]
struct Seen {
    rows: u64,
    /// Root at each checkpointed size that may matter: the last, and all when the stream has gaps.
    checkpoints: BTreeMap<u64, Hash>,
    /// Index and root of each batch that began after a gap.
    frontiers: BTreeMap<u64, Hash>,
}

/// Rebuilds one partition.
///
/// # Errors
/// `Corrupt` when the table is not what this program wrote.
pub(crate) async fn partition_state(snapshot: &Snapshot, partition: u32) -> Result<PartitionState> {
    let head = snapshot.heads.get(&partition).cloned().unwrap_or_else(Head::empty);
    let mut ids = Ids::default();
    let mut seen: HashMap<StreamKey, Seen> = HashMap::new();
    for file in files(snapshot, partition) {
        let open = scan::fetch(&snapshot.storage, file).await?;
        for batch in open.batches(&[
            "id",
            "kind",
            "source",
            "tenant",
            "stream",
            "stream_index",
            "signer",
            "leaf",
            "checkpoint",
            "frontier",
            "reason",
        ])? {
            let batch = batch?;
            if file.class != RowClass::Duplicate {
                collect_ids(&batch, file.class, &mut ids)?;
            }
            collect_streams(&open, &batch, &mut seen)?;
        }
    }
    let mut streams = HashMap::new();
    for (key, seen) in seen {
        let state = stream_state(snapshot, partition, &key, seen).await?;
        streams.insert(key, state);
    }
    Ok(PartitionState { head, streams, ids, parts: Parts::default() })
}

fn files(snapshot: &Snapshot, partition: u32) -> impl Iterator<Item = &DataFile> {
    snapshot.files.iter().filter(move |f| f.partition == partition && f.class != RowClass::Finding)
}

fn collect_ids(batch: &RecordBatch, class: RowClass, ids: &mut Ids) -> Result<()> {
    let [id, kind, source, tenant, reason] =
        ["id", "kind", "source", "tenant", "reason"].map(|c| column::<StringArray>(batch, c));
    let (id, kind, source, tenant, reason) = (id?, kind?, source?, tenant?, reason?);
    for row in 0..batch.num_rows() {
        // An import's own reject was remembered when it was judged; one that we refused was not.
        let imported =
            text(kind, row) == Some(REJECT_KIND) && !matches!(text(reason, row), Some("content" | "tenant" | "source"));
        let counts = class == RowClass::Event || imported;
        if let (true, Some(id), Some(source), Some(tenant)) =
            (counts, text(id, row), text(source, row), text(tenant, row))
        {
            ids.insert(tenant, source, id);
        }
    }
    Ok(())
}

fn collect_streams(file: &OpenFile, batch: &RecordBatch, seen: &mut HashMap<StreamKey, Seen>) -> Result<()> {
    let (stream, signer) = (column::<StringArray>(batch, "stream")?, column::<StringArray>(batch, "signer")?);
    let (index, leaf) = (column::<Int64Array>(batch, "stream_index")?, column::<Int64Array>(batch, "leaf")?);
    let checkpoint = column::<BinaryArray>(batch, "checkpoint")?;
    let frontier = column::<BinaryArray>(batch, "frontier")?;
    // Rows of a file are sorted by session, so runs of rows share a stream: look it up once per run.
    let mut current: Option<(StreamKey, Seen)> = None;
    for row in 0..batch.num_rows() {
        let (Some(stream), Some(signer), Some(index), Some(_)) =
            (text(stream, row), text(signer, row), integer(index, row), integer(leaf, row))
        else {
            continue;
        };
        let same = current.as_ref().is_some_and(|(k, _)| &*k.1 == stream && hex_is(&k.0, signer));
        if !same {
            flush(&mut current, seen);
            let mut key = [0u8; 32];
            hex::decode_to_slice(signer, &mut key)
                .map_err(|e| StoreError::corrupt(format!("signer in {}", file.path), e))?;
            current = Some(((key, Arc::from(stream)), Seen::default()));
        }
        let Some((_, entry)) = current.as_mut() else { continue };
        entry.rows += 1;
        if let Some(note) = binary(checkpoint, row) {
            entry.checkpoints.insert(index + 1, note_root(file, note)?);
        }
        if let Some(bytes) = binary(frontier, row) {
            let range = CompactRange::from_bytes(index, bytes)
                .map_err(|e| StoreError::corrupt(format!("frontier in {}", file.path), e))?;
            entry.frontiers.insert(index, range.root());
        }
    }
    flush(&mut current, seen);
    Ok(())
}

fn hex_is(bytes: &[u8; 32], text: &str) -> bool {
    let mut buffer = [0u8; 64];
    hex::encode_to_slice(bytes, &mut buffer).is_ok_and(|()| buffer == text.as_bytes())
}

fn flush(current: &mut Option<(StreamKey, Seen)>, seen: &mut HashMap<StreamKey, Seen>) {
    let Some((key, found)) = current.take() else { return };
    let entry = seen.entry(key).or_default();
    entry.rows += found.rows;
    entry.checkpoints.extend(found.checkpoints);
    entry.frontiers.extend(found.frontiers);
    if entry.frontiers.is_empty() {
        // Without gaps only the last checkpoint matters.
        while entry.checkpoints.len() > 1 {
            entry.checkpoints.pop_first();
        }
    }
}

/// The root that a stored note signs. Its signature was checked before it was stored; `hansard verify` checks it again.
fn note_root(file: &OpenFile, note: &[u8]) -> Result<Hash> {
    let bad = |e: &dyn std::fmt::Display| StoreError::corrupt(format!("checkpoint in {}", file.path), e);
    let note = Note::parse(note).map_err(|e| bad(&e))?;
    Checkpoint::parse(note.text()).map(|c| c.root).map_err(|e| bad(&e))
}

async fn stream_state(snapshot: &Snapshot, partition: u32, key: &StreamKey, seen: Seen) -> Result<StreamState> {
    let missing = || {
        StoreError::corrupt(
            format!("stream {} in partition {partition}", key.1),
            "no row carries the checkpoint of its last batch",
        )
    };
    let (next, root) = seen.checkpoints.last_key_value().map(|(n, r)| (*n, *r)).ok_or_else(missing)?;
    if seen.rows == next {
        return Ok(StreamState::restored(next, root, Vec::new()));
    }
    let leaves = stream_leaves(snapshot, partition, key, 0, next).await?;
    Ok(StreamState::restored(next, root, gaps(&leaves, &seen)))
}

fn gaps(leaves: &[Option<Hash>], seen: &Seen) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let mut at = 0u64;
    while at < leaves.len() as u64 {
        if leaves[at as usize].is_some() {
            at += 1;
            continue;
        }
        let from = at;
        while (at as usize) < leaves.len() && leaves[at as usize].is_none() {
            at += 1;
        }
        let from_root = if from == 0 { Some(CompactRange::new().root()) } else { seen.checkpoints.get(&from).copied() };
        // The batch after a gap carries its frontier; without it the gap stays open for good, which is the safe side.
        if let Some(to_root) = seen.frontiers.get(&at) {
            gaps.push(Gap { from, from_root, to: at, to_root: *to_root });
        }
    }
    gaps
}

/// The leaf hashes of `[from, to)` of a stream, as the table holds them.
///
/// # Errors
/// `Corrupt` when the table is not what this program wrote.
pub(crate) async fn stream_leaves(
    snapshot: &Snapshot,
    partition: u32,
    key: &StreamKey,
    from: u64,
    to: u64,
) -> Result<Vec<Option<Hash>>> {
    let mut leaves = vec![None; (to - from) as usize];
    for file in files(snapshot, partition) {
        let open = scan::fetch(&snapshot.storage, file).await?;
        for batch in open.batches(&["stream", "stream_index", "signer", "leaf", "header"])? {
            let batch = batch?;
            let (stream, signer) = (column::<StringArray>(&batch, "stream")?, column::<StringArray>(&batch, "signer")?);
            let (index, leaf) = (column::<Int64Array>(&batch, "stream_index")?, column::<Int64Array>(&batch, "leaf")?);
            let header = column::<BinaryArray>(&batch, "header")?;
            for row in 0..batch.num_rows() {
                let own = text(stream, row) == Some(&key.1) && text(signer, row).is_some_and(|s| hex_is(&key.0, s));
                if let (true, Some(i), Some(_), Some(h)) =
                    (own, integer(index, row), integer(leaf, row), binary(header, row))
                    && (from..to).contains(&i)
                {
                    leaves[(i - from) as usize] = Some(event_leaf(h));
                }
            }
        }
    }
    Ok(leaves)
}

/// The leaf hashes of `[from, to)` of a partition's tree, from the headers in the table.
///
/// # Errors
/// `Corrupt` when one is missing.
pub(crate) async fn partition_leaves(snapshot: &Snapshot, partition: u32, from: u64, to: u64) -> Result<Vec<Hash>> {
    let mut leaves = vec![None; (to - from) as usize];
    for file in files(snapshot, partition) {
        if !overlaps(file, from, to) {
            continue;
        }
        let open = scan::fetch(&snapshot.storage, file).await?;
        for batch in open.batches(&["leaf", "header"])? {
            let batch = batch?;
            let (leaf, header) = (column::<Int64Array>(&batch, "leaf")?, column::<BinaryArray>(&batch, "header")?);
            for row in 0..batch.num_rows() {
                if let (Some(l), Some(h)) = (integer(leaf, row), binary(header, row))
                    && (from..to).contains(&l)
                {
                    leaves[(l - from) as usize] = Some(event_leaf(h));
                }
            }
        }
    }
    let missing = leaves.iter().position(Option::is_none).map(|i| from + i as u64);
    match missing {
        Some(leaf) => {
            Err(StoreError::corrupt(format!("leaf {leaf} of partition {partition}"), "no row of the table holds it"))
        }
        None => Ok(leaves.into_iter().flatten().collect()),
    }
}

fn overlaps(file: &DataFile, from: u64, to: u64) -> bool {
    let tag = |name: &str| file.tags.get(name).and_then(|v| v.parse::<u64>().ok());
    match (tag(crate::files::LEAF_FROM_TAG), tag(crate::files::LEAF_TO_TAG)) {
        (Some(low), Some(high)) => low < to && from < high,
        _ => true,
    }
}

/// Whether the table holds a finding of this kind at this log offset of a partition.
///
/// # Errors
/// `Corrupt` when the table is not what this program wrote.
pub(crate) async fn has_finding(snapshot: &Snapshot, partition: u32, kind: &str, log_offset: u64) -> Result<bool> {
    let own = |f: &&DataFile| f.partition == partition && f.class == RowClass::Finding;
    for file in snapshot.files.iter().filter(own) {
        let open = scan::fetch(&snapshot.storage, file).await?;
        for batch in open.batches(&["kind", "log_offset"])? {
            let batch = batch?;
            let kinds = column::<StringArray>(&batch, "kind")?;
            let offsets = column::<Int64Array>(&batch, "log_offset")?;
            let found = |row| text(kinds, row) == Some(kind) && integer(offsets, row) == Some(log_offset);
            if (0..batch.num_rows()).any(found) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The registrations in force at a snapshot.
///
/// # Errors
/// `Corrupt` when the pinned registry key or a stored registration cannot be read.
pub(crate) async fn speakers(snapshot: &Snapshot) -> Result<Speakers> {
    let pinned = &snapshot.identity.registry_key;
    let mut speakers = Speakers::new(pinned).ok_or_else(|| {
        StoreError::corrupt("registry key of the store", format!("{pinned} is not an Ed25519 public key"))
    })?;
    let mut events: BTreeMap<(u32, u64), (String, Vec<u8>)> = BTreeMap::new();
    for file in snapshot.files.iter().filter(|f| f.class == RowClass::Event) {
        if file.tags.get(crate::files::REGISTRY_TAG).is_some_and(|v| v == "0") {
            continue;
        }
        let open = scan::fetch(&snapshot.storage, file).await?;
        for batch in open.batches(&["kind", "signer", "stream", "leaf", "header"])? {
            collect_registry(&batch?, file.partition, &speakers, &mut events)?;
        }
    }
    for ((partition, leaf), (kind, header)) in events {
        // One that had no effect when it was judged has none now; the finding beside it says why.
        if let Err(detail) = speakers.apply(&kind, &header) {
            tracing::warn!(partition, leaf, detail, "registry event has no effect");
        }
    }
    Ok(speakers)
}

fn collect_registry(
    batch: &RecordBatch,
    partition: u32,
    speakers: &Speakers,
    events: &mut BTreeMap<(u32, u64), (String, Vec<u8>)>,
) -> Result<()> {
    let [kind, signer, stream] = ["kind", "signer", "stream"].map(|c| column::<StringArray>(batch, c));
    let (kind, signer, stream) = (kind?, signer?, stream?);
    let (leaf, header) = (column::<Int64Array>(batch, "leaf")?, column::<BinaryArray>(batch, "header")?);
    for row in 0..batch.num_rows() {
        let (Some(kind), Some(signer), Some(stream)) = (text(kind, row), text(signer, row), text(stream, row)) else {
            continue;
        };
        let mut key = [0u8; 32];
        if !kind.starts_with("key.")
            || hex::decode_to_slice(signer, &mut key).is_err()
            || !speakers.is_registry(&key, stream)
        {
            continue;
        }
        if let (Some(leaf), Some(header)) = (integer(leaf, row), binary(header, row)) {
            events.insert((partition, leaf), (kind.to_owned(), header.to_vec()));
        }
    }
    Ok(())
}
