//! Single rows of a snapshot by their place, without a scan.
//!
//! A segment's leaf column, read once, says in which row a leaf stands; then only the pages with the wanted rows are read.
//! Guarantee: the event rows at the places asked for, as they stand in the segments; a place that no segment holds gives no
//! row. What is kept in memory is bounded by [`ROWS_CACHE_BYTES`] and [`FOOTERS_MAX`]. Fails with `Corrupt` or `NotFound`
//! naming the segment.

use crate::error::{Result, StoreError};
use crate::files::{LEAF_FROM_TAG, LEAF_TO_TAG};
use crate::index::Place;
use crate::layout;
use crate::location::Storage;
use crate::snapshot::{DataFile, Snapshot};
use arrow::array::{Int64Array, RecordBatch};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, RowSelection};
use parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStreamBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use schemas::columns::RowClass;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// Bytes of rows by leaf that are kept: 16 for a row.
const ROWS_CACHE_BYTES: u64 = 128 * 1_048_576;
/// Footers of segments that are kept.
const FOOTERS_MAX: usize = 1_024;

/// Leaves of a segment's rows, in order, with their rows.
type LeafRows = Vec<(u64, u32)>;

#[derive(Debug, Clone)]
struct ByRows;

impl Weighter<Arc<str>, Arc<LeafRows>> for ByRows {
    fn weight(&self, _: &Arc<str>, rows: &Arc<LeafRows>) -> u64 {
        rows.len() as u64 * 16 + 64
    }
}

/// What is kept between look-ups. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PickCache {
    rows: Arc<Cache<Arc<str>, Arc<LeafRows>, ByRows>>,
    footers: Arc<Cache<Arc<str>, ArrowReaderMetadata>>,
}

impl Default for PickCache {
    fn default() -> Self {
        Self {
            rows: Arc::new(Cache::with_weighter(FOOTERS_MAX, ROWS_CACHE_BYTES, ByRows)),
            footers: Arc::new(Cache::new(FOOTERS_MAX)),
        }
    }
}

/// A segment that is read by ranges.
struct Reader {
    store: Arc<dyn ObjectStore>,
    path: Path,
    size: u64,
}

impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        async move {
            let bytes = self.store.get_range(&self.path, range).await;
            bytes.map_err(|e| ParquetError::External(Box::new(e)))
        }
        .boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, parquet::errors::Result<Vec<Bytes>>> {
        async move {
            let bytes = self.store.get_ranges(&self.path, &ranges).await;
            bytes.map_err(|e| ParquetError::External(Box::new(e)))
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        async move {
            let size = self.size;
            let reader = ParquetMetaDataReader::new()
                .with_column_index_policy(PageIndexPolicy::Skip)
                .with_offset_index_policy(PageIndexPolicy::Optional);
            reader.load_and_finish(self, size).await.map(Arc::new)
        }
        .boxed()
    }
}

/// One segment and what is wanted of it.
struct Picked<'a> {
    storage: &'a Storage,
    cache: &'a PickCache,
    file: &'a DataFile,
}

impl Picked<'_> {
    fn bad(&self, error: ParquetError) -> StoreError {
        if let ParquetError::External(cause) = &error
            && let Some(object_store::Error::NotFound { .. }) = cause.downcast_ref()
        {
            return StoreError::NotFound {
                what: format!("file {}", self.file.path),
                detail: "the table names it but it is gone: restore it from a copy".to_owned(),
            };
        }
        StoreError::corrupt(format!("file {}", self.file.path), error)
    }

    async fn builder(&self) -> Result<ParquetRecordBatchStreamBuilder<Reader>> {
        let path = Path::from(format!("{}/{}", layout::TABLE, self.file.path));
        let mut reader = Reader { store: Arc::clone(&self.storage.root), path, size: self.file.size };
        let footer = match self.cache.footers.get(self.file.path.as_ref()) {
            Some(footer) => footer,
            None => {
                let options = ArrowReaderOptions::new();
                let metadata = reader.get_metadata(None).await.map_err(|e| self.bad(e))?;
                let footer = ArrowReaderMetadata::try_new(metadata, options).map_err(|e| self.bad(e))?;
                self.cache.footers.insert(self.file.path.as_ref().into(), footer.clone());
                footer
            }
        };
        Ok(ParquetRecordBatchStreamBuilder::new_with_metadata(reader, footer))
    }

    async fn read(&self, columns: &[&str], rows: Option<Vec<Range<usize>>>) -> Result<Vec<RecordBatch>> {
        let builder = self.builder().await?;
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
        let mut builder = builder.with_projection(mask);
        if let Some(rows) = rows {
            let total = usize::try_from(self.file.rows).unwrap_or(usize::MAX);
            builder = builder.with_row_selection(RowSelection::from_consecutive_ranges(rows.into_iter(), total));
        }
        let stream = builder.build().map_err(|e| self.bad(e))?;
        stream.try_collect().await.map_err(|e| self.bad(e))
    }

    async fn leaf_rows(&self) -> Result<Arc<LeafRows>> {
        if let Some(rows) = self.cache.rows.get(self.file.path.as_ref()) {
            return Ok(rows);
        }
        let (mut found, mut row) = (LeafRows::new(), 0u32);
        for batch in self.read(&["leaf"], None).await? {
            let leaves: &Int64Array = crate::scan::column(&batch, "leaf")?;
            for i in 0..leaves.len() {
                found.extend(crate::scan::integer(leaves, i).map(|leaf| (leaf, row)));
                row += 1;
            }
        }
        found.sort_unstable();
        let found = Arc::new(found);
        self.cache.rows.insert(self.file.path.as_ref().into(), Arc::clone(&found));
        Ok(found)
    }
}

/// The event rows of `snapshot` at `places`, in no order, with `columns`: names of columns, or the path of a field such as
/// `contents.list.element.bytes`. Each batch comes with its partition.
///
/// # Errors
/// See the module.
pub async fn rows_at(
    snapshot: &Snapshot,
    cache: &PickCache,
    places: &[Place],
    columns: &[&str],
) -> Result<Vec<(u32, RecordBatch)>> {
    let mut wanted: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for place in places {
        wanted.entry(place.partition()).or_default().push(place.leaf());
    }
    let mut batches = Vec::new();
    for (partition, mut leaves) in wanted {
        leaves.sort_unstable();
        leaves.dedup();
        for file in &snapshot.files {
            let Some(range) = (file.partition == partition).then(|| leaves_of(file)).flatten() else { continue };
            let within = leaves.partition_point(|l| *l < range.start)..leaves.partition_point(|l| *l < range.end);
            if within.is_empty() {
                continue;
            }
            let picked = Picked { storage: &snapshot.storage, cache, file };
            let rows = ranges(&*picked.leaf_rows().await?, &leaves[within]);
            if !rows.is_empty() {
                let read = picked.read(columns, Some(rows)).await?;
                batches.extend(read.into_iter().map(|batch| (partition, batch)));
            }
        }
    }
    Ok(batches)
}

/// The rows of a segment with `columns`, in the order of the file; with `rows` only those, as ranges in order.
///
/// # Errors
/// See the module.
pub async fn rows_of(
    storage: &Storage,
    cache: &PickCache,
    file: &DataFile,
    columns: &[&str],
    rows: Option<Vec<Range<usize>>>,
) -> Result<Vec<RecordBatch>> {
    Picked { storage, cache, file }.read(columns, rows).await
}

fn leaves_of(file: &DataFile) -> Option<Range<u64>> {
    let number = |tag: &str| file.tags.get(tag).and_then(|text| text.parse().ok());
    (file.class == RowClass::Event).then_some(())?;
    Some(number(LEAF_FROM_TAG)?..number(LEAF_TO_TAG)?)
}

/// The rows of `leaves`, as ranges in order.
fn ranges(rows: &LeafRows, leaves: &[u64]) -> Vec<Range<usize>> {
    let find = |leaf: &u64| rows.binary_search_by_key(leaf, |(l, _)| *l).ok().map(|at| rows[at].1 as usize);
    let mut found: Vec<usize> = leaves.iter().filter_map(find).collect();
    found.sort_unstable();
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for row in found {
        match ranges.last_mut() {
            Some(last) if last.end == row => last.end += 1,
            _ => ranges.push(row..row + 1),
        }
    }
    ranges
}
