//! Proofs of single events: that the log holds it (partition tree), and that the root log holds that state.
//!
//! Guarantee: proofs are made from tiles and published checkpoints alone, are verified here before they are handed
//! out, and are C2SP tlog-proof files that Go's `x/mod` and `hansard-verify` check without us. What is committed but
//! not published yet gives `NotFound`; damaged tiles and checkpoints of another key give `Corrupt`.

use crate::error::{Result, StoreError};
use crate::files::{LEAF_FROM_TAG, LEAF_TO_TAG};
use crate::layout;
use crate::location::Storage;
use crate::scan::{binary, column, integer, text};
use crate::snapshot::{DataFile, Snapshot};
use crate::trees::read_tile;
use crate::verify::read_bundle;
use arrow::array::{Array, BinaryArray, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow::error::ArrowError;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use parquet::arrow::arrow_reader::{ArrowPredicateFn, ArrowReaderOptions, RowFilter};
use parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStreamBuilder};
use parquet::arrow::{ProjectionMask, arrow_reader::ArrowReaderMetadata};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use schemas::columns::RowClass;
use schemas::digest::header_digest;
use schemas::tlog::{
    BundleId, Checkpoint, Hash, Note, NoteVerifier, TileId, TileReader, TlogProof, inclusion_proof, inclusion_tiles,
    leaf_hash,
};
use serde::Serialize;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Bundles of the root log that are searched for a partition's checkpoint, from the newest back: 16.7 million entries.
const ROOT_BUNDLES_MAX: u64 = 65_536;

/// Where an event stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Located {
    /// Log partition.
    pub partition: u32,
    /// Position in the partition's tree.
    pub leaf: u64,
    /// Event id; `None` where the header could not be read.
    pub id: Option<String>,
    /// Source of the event.
    pub source: Option<String>,
    /// Row class.
    pub class: &'static str,
    /// Header bytes, verbatim.
    #[serde(skip)]
    pub header: Vec<u8>,
}

/// The proofs of one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventProof {
    /// Log partition.
    pub partition: u32,
    /// Position in the partition's tree.
    pub leaf: u64,
    /// Digest of the header in hex: the entry that the proof proves.
    pub digest: String,
    /// `.tlog-proof` file: the entry is in the tree of the partition's published checkpoint.
    pub proof: String,
    /// Key that signs the partition's checkpoints, as a C2SP vkey.
    pub vkey: String,
    /// Text of that checkpoint: the entry of the root log.
    pub checkpoint: String,
    /// `.tlog-proof` file: that text is in the root log; `None` while the root log does not hold it yet.
    pub root_proof: Option<String>,
    /// Key that signs the root log, as a C2SP vkey.
    pub root_vkey: String,
}

/// Every row that holds an event of this id: more than one when there are duplicates or an id conflict.
///
/// # Errors
/// `Unavailable` when the storage fails, `Corrupt` when a segment cannot be read.
pub async fn locate(snapshot: &Snapshot, event_id: &str) -> Result<Vec<Located>> {
    let mut found = Vec::new();
    for file in snapshot.files.iter().filter(|f| f.class != RowClass::Finding) {
        found.extend(search(&snapshot.storage, file, &Wanted::Id(event_id.to_owned())).await?);
    }
    found.sort_by_key(|l| (l.partition, l.leaf));
    Ok(found)
}

/// The row at a leaf.
///
/// # Errors
/// `NotFound` when the table has no such leaf; otherwise as [`locate`].
pub async fn locate_leaf(snapshot: &Snapshot, partition: u32, leaf: u64) -> Result<Located> {
    let tag = |f: &DataFile, name: &str| f.tags.get(name).and_then(|v| v.parse::<u64>().ok());
    let may = |f: &&DataFile| {
        let (from, to) = (tag(f, LEAF_FROM_TAG), tag(f, LEAF_TO_TAG));
        f.partition == partition && from.is_none_or(|n| n <= leaf) && to.is_none_or(|n| leaf < n)
    };
    for file in snapshot.files.iter().filter(|f| f.class != RowClass::Finding).filter(may) {
        if let Some(found) = search(&snapshot.storage, file, &Wanted::Leaf(leaf)).await?.pop() {
            return Ok(found);
        }
    }
    let size = snapshot.heads.get(&partition).map_or(0, |h| h.tree.size());
    let detail = format!("partition {partition} has {size} leaves in version {}", snapshot.version);
    Err(StoreError::NotFound { what: format!("leaf {leaf} of partition {partition}"), detail })
}

/// The proofs of the event at a leaf.
///
/// # Errors
/// `NotFound` when there is no such leaf or it is not published yet; see the module.
pub async fn inclusion(snapshot: &Snapshot, partition: u32, leaf: u64) -> Result<EventProof> {
    let located = locate_leaf(snapshot, partition, leaf).await?;
    let digest = header_digest(&located.header);
    let (storage, identity) = (&snapshot.storage, &snapshot.identity);
    let own = Published::read(
        storage,
        layout::tree(partition),
        &layout::tree_origin(&identity.origin, partition),
        &identity.log_key,
    )
    .await?;
    let what = || format!("proof of leaf {leaf} of partition {partition}");
    let own = own.filter(|p| leaf < p.checkpoint.size).ok_or_else(|| StoreError::NotFound {
        what: what(),
        detail: "it is committed but its tree is not published yet: try again in a moment".to_owned(),
    })?;
    let proof = own.prove(storage, leaf, leaf_hash(&digest)).await?;
    let text = own.checkpoint.to_text();
    let root_origin = layout::root_origin(&identity.origin);
    let root = Published::read(storage, layout::ROOT_LOG.to_owned(), &root_origin, &identity.log_key).await?;
    let root_proof = match &root {
        Some(root) => root.prove_entry(storage, &text).await?,
        None => None,
    };
    let root_vkey = verifier(&root_origin, &identity.log_key)?.to_vkey();
    Ok(EventProof {
        partition,
        leaf,
        digest: hex::encode(digest),
        proof,
        vkey: own.verifier.to_vkey(),
        checkpoint: text,
        root_proof,
        root_vkey,
    })
}

fn verifier(origin: &str, log_key: &str) -> Result<NoteVerifier> {
    let mut key = [0u8; 32];
    hex::decode_to_slice(log_key, &mut key).map_err(|e| StoreError::corrupt("log key of the store", e))?;
    NoteVerifier::new(origin, &key).map_err(|e| StoreError::corrupt(format!("log key of {origin}"), e))
}

/// A tree at its published checkpoint.
struct Published {
    folder: String,
    verifier: NoteVerifier,
    note: Bytes,
    checkpoint: Checkpoint,
}

impl Published {
    async fn read(storage: &Storage, folder: String, origin: &str, log_key: &str) -> Result<Option<Self>> {
        let key = layout::checkpoint(&folder);
        let Some(note) = storage.get(&key).await? else { return Ok(None) };
        let verifier = verifier(origin, log_key)?;
        let checkpoint =
            Checkpoint::open(&note, &verifier, origin).map_err(|e| StoreError::corrupt(key.to_string(), e))?;
        Ok(Some(Self { folder, verifier, note, checkpoint }))
    }

    /// The proof file of the entry with this leaf hash.
    async fn prove(&self, storage: &Storage, index: u64, leaf: Hash) -> Result<String> {
        let bad = |e: &dyn std::fmt::Display| StoreError::corrupt(format!("tree {} at leaf {index}", self.folder), e);
        let size = self.checkpoint.size;
        let mut tiles: HashMap<TileId, Bytes> = HashMap::new();
        for tile in inclusion_tiles(index, size) {
            tiles.insert(tile, read_tile(storage, &self.folder, tile).await?);
        }
        let reader = TileReader::new(size, |tile: TileId| tiles.get(&tile).cloned().ok_or("not fetched"));
        let path = inclusion_proof(index, size, &reader).map_err(|e| bad(&e))?;
        let note = Note::parse(&self.note).map_err(|e| bad(&e))?;
        let proof = TlogProof::new(index, path, note).map_err(|e| bad(&e))?;
        let damaged = |e| bad(&format!("{e}: its tiles do not lead to its checkpoint; `hansard verify` tells which"));
        proof.verify(leaf, &self.verifier, &self.checkpoint.origin).map_err(damaged)?;
        Ok(proof.to_string())
    }

    /// The proof file of an entry of the root log, searched from the newest back; `None` when it is not there.
    async fn prove_entry(&self, storage: &Storage, text: &str) -> Result<Option<String>> {
        let size = self.checkpoint.size;
        for back in 0..size.div_ceil(256).min(ROOT_BUNDLES_MAX) {
            let number = size.div_ceil(256) - 1 - back;
            let width = (size - number * 256).min(256) as u16;
            let bad =
                |e: &dyn std::fmt::Display| StoreError::corrupt(format!("{}/tile/entries/{number}", self.folder), e);
            let bundle = BundleId::new(number, width).map_err(|e| bad(&e))?;
            let entries = read_bundle(storage, bundle).await.map_err(|e| bad(&e))?;
            if let Some(at) = entries.iter().rposition(|e| e == text) {
                return self.prove(storage, number * 256 + at as u64, leaf_hash(text.as_bytes())).await.map(Some);
            }
        }
        Ok(None)
    }
}

/// What a search looks for.
#[derive(Clone)]
enum Wanted {
    Id(String),
    Leaf(u64),
}

impl Wanted {
    fn column(&self) -> &'static str {
        match self {
            Self::Id(_) => "id",
            Self::Leaf(_) => "leaf",
        }
    }

    fn matches(&self, batch: &RecordBatch) -> std::result::Result<BooleanArray, ArrowError> {
        let failed = |e: StoreError| ArrowError::ComputeError(e.to_string());
        match self {
            Self::Id(id) => {
                let ids: &StringArray = column(batch, "id").map_err(failed)?;
                Ok((0..ids.len()).map(|row| Some(text(ids, row) == Some(id))).collect())
            }
            Self::Leaf(leaf) => {
                let leaves: &Int64Array = column(batch, "leaf").map_err(failed)?;
                Ok((0..leaves.len()).map(|row| Some(integer(leaves, row) == Some(*leaf))).collect())
            }
        }
    }
}

/// Reads the rows that are wanted; of the others only the searched column, and where bloom filters allow not even that.
async fn search(storage: &Storage, file: &DataFile, wanted: &Wanted) -> Result<Vec<Located>> {
    let bad = |e: &dyn std::fmt::Display| StoreError::corrupt(format!("file {}", file.path), e);
    let mut reader = SegmentReader {
        storage: storage.clone(),
        path: Path::from(format!("{}/{}", layout::TABLE, file.path)),
        size: file.size,
    };
    let metadata =
        ArrowReaderMetadata::load_async(&mut reader, ArrowReaderOptions::new()).await.map_err(|e| bad(&e))?;
    let mut builder = ParquetRecordBatchStreamBuilder::new_with_metadata(reader, metadata);
    let groups = groups_of(&mut builder, wanted).await.map_err(|e| bad(&e))?;
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let schema = builder.parquet_schema();
    let roots = |names: &[&str]| {
        let fields = schema.root_schema().get_fields().iter().enumerate();
        let wanted: Vec<usize> = fields.filter(|(_, f)| names.contains(&f.name())).map(|(i, _)| i).collect();
        ProjectionMask::roots(schema, wanted)
    };
    let (searched, read) = (roots(&[wanted.column()]), roots(&["id", "source", "leaf", "header"]));
    let by = wanted.clone();
    let filter = RowFilter::new(vec![Box::new(ArrowPredicateFn::new(searched, move |batch| by.matches(&batch)))]);
    let stream =
        builder.with_row_groups(groups).with_projection(read).with_row_filter(filter).build().map_err(|e| bad(&e))?;
    let batches: Vec<RecordBatch> = stream.try_collect().await.map_err(|e| bad(&e))?;
    let mut found = Vec::new();
    for batch in &batches {
        found.extend(rows_of(batch, file)?);
    }
    Ok(found)
}

/// The row groups whose bloom filter does not rule the id out.
async fn groups_of(
    builder: &mut ParquetRecordBatchStreamBuilder<SegmentReader>,
    wanted: &Wanted,
) -> std::result::Result<Vec<usize>, ParquetError> {
    let count = builder.metadata().num_row_groups();
    let Wanted::Id(id) = wanted else { return Ok((0..count).collect()) };
    let mut groups = Vec::new();
    for group in 0..count {
        let columns = builder.metadata().row_group(group).columns();
        let at = columns.iter().position(|c| c.column_path().string() == "id");
        let filter = match at {
            Some(at) => builder.get_row_group_column_bloom_filter(group, at).await?,
            None => None,
        };
        if filter.is_none_or(|f| f.check(&id.as_str())) {
            groups.push(group);
        }
    }
    Ok(groups)
}

fn rows_of(batch: &RecordBatch, file: &DataFile) -> Result<Vec<Located>> {
    let (ids, sources) = (column::<StringArray>(batch, "id")?, column::<StringArray>(batch, "source")?);
    let (leaves, headers) = (column::<Int64Array>(batch, "leaf")?, column::<BinaryArray>(batch, "header")?);
    let row = |row| {
        Some(Located {
            partition: file.partition,
            leaf: integer(leaves, row)?,
            id: text(ids, row).map(str::to_owned),
            source: text(sources, row).map(str::to_owned),
            class: file.class.as_str(),
            header: binary(headers, row)?.to_vec(),
        })
    };
    Ok((0..batch.num_rows()).filter_map(row).collect())
}

/// Reads ranges of a segment.
struct SegmentReader {
    storage: Storage,
    path: Path,
    size: u64,
}

impl AsyncFileReader for SegmentReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        async move { self.storage.root.get_range(&self.path, range).await.map_err(|e| ParquetError::External(Box::new(e))) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        let size = self.size;
        async move { ParquetMetaDataReader::new().load_and_finish(self, size).await.map(Arc::new) }.boxed()
    }
}
