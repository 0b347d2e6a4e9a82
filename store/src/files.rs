//! From pending rows to segments in the storage and their `add` actions.
//!
//! Guarantee: every file is durable before its action is handed to the commit, under a name that no other writer can
//! use. A commit that fails leaves files that nothing names; vacuuming removes them.

use crate::error::Result;
use crate::layout;
use crate::location::Storage;
use crate::row::Row;
use crate::segment::{self, Segment};
use deltalake_core::kernel::Add;
use object_store::path::Path;
use rayon::prelude::*;
use schemas::chain::Link;
use schemas::columns::{LOG_PARTITION, ROW_CLASS, RowClass};
use std::collections::{BTreeMap, HashMap};

/// Tag of an add: BLAKE3 of the file, hex.
pub const DIGEST_TAG: &str = "hansard.digest";
/// Tag of an add: smallest leaf in the file.
pub const LEAF_FROM_TAG: &str = "hansard.leaf_from";
/// Tag of an add: largest leaf in the file, plus one.
pub const LEAF_TO_TAG: &str = "hansard.leaf_to";
/// Tag of an add: `1` when the file holds events of the registry.
pub const REGISTRY_TAG: &str = "hansard.registry";

/// A segment that is to be stored.
#[derive(Debug)]
pub(crate) struct NewFile {
    pub(crate) partition: u32,
    pub(crate) class: RowClass,
    pub(crate) name: String,
    pub(crate) has_registry: bool,
    pub(crate) segment: Segment,
}

/// What one partition adds to a commit.
#[derive(Debug)]
pub(crate) struct PartitionRows<'a> {
    pub(crate) partition: u32,
    pub(crate) rows: &'a [Row],
    pub(crate) link: &'a Link,
    /// Makes the file names distinct.
    pub(crate) suffix: String,
}

/// Encodes all files of a commit, on all cores.
///
/// # Errors
/// When the encoder refuses rows: a bug.
pub(crate) fn encode_all(parts: &[PartitionRows<'_>], committed_at_us: i64) -> Result<Vec<NewFile>> {
    let jobs: Vec<(&PartitionRows<'_>, RowClass, Vec<&Row>)> = parts.iter().flat_map(jobs_of).collect();
    jobs.into_par_iter().map(|(part, class, rows)| encode_one(part, class, rows, committed_at_us)).collect()
}

fn jobs_of<'a>(part: &'a PartitionRows<'a>) -> Vec<(&'a PartitionRows<'a>, RowClass, Vec<&'a Row>)> {
    let mut by_class: BTreeMap<RowClass, Vec<&Row>> = BTreeMap::new();
    for row in part.rows {
        by_class.entry(row.class).or_default().push(row);
    }
    by_class.into_iter().map(|(class, rows)| (part, class, rows)).collect()
}

fn encode_one(part: &PartitionRows<'_>, class: RowClass, rows: Vec<&Row>, committed_at_us: i64) -> Result<NewFile> {
    let has_registry = rows.iter().any(|r| r.header().is_some_and(|h| h.kind().starts_with("key.")));
    let segment = segment::encode(rows, std::slice::from_ref(part.link), committed_at_us)?;
    let name = format!("{:020}-{}", part.link.offset_from, part.suffix);
    Ok(NewFile { partition: part.partition, class, name, has_registry, segment })
}

/// Puts a file durably and makes its action.
///
/// # Errors
/// `Unavailable` when the storage fails.
pub(crate) async fn put(storage: &Storage, file: NewFile, now_ms: i64, data_change: bool) -> Result<Add> {
    let path = layout::segment(file.partition, file.class, &file.name);
    let size = file.segment.bytes.len() as i64;
    let mut tags = HashMap::from([
        (DIGEST_TAG.to_owned(), Some(blake3::hash(&file.segment.bytes).to_hex().to_string())),
        (REGISTRY_TAG.to_owned(), Some(u8::from(file.has_registry).to_string())),
    ]);
    if let Some((low, high)) = file.segment.leaves {
        tags.insert(LEAF_FROM_TAG.to_owned(), Some(low.to_string()));
        tags.insert(LEAF_TO_TAG.to_owned(), Some((high + 1).to_string()));
    }
    let key = Path::from(format!("{}/{path}", layout::TABLE));
    storage.put(&key, file.segment.bytes).await?;
    Ok(Add {
        path,
        partition_values: HashMap::from([
            (LOG_PARTITION.to_owned(), Some(file.partition.to_string())),
            (ROW_CLASS.to_owned(), Some(file.class.as_str().to_owned())),
        ]),
        size,
        modification_time: now_ms,
        data_change,
        stats: Some(file.segment.stats),
        tags: Some(tags),
        deletion_vector: None,
        base_row_id: None,
        default_row_commit_version: None,
        clustering_provider: None,
    })
}

/// What a chain link covers of a row that is no event: docs/format.md section 5.2.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OutsideFields<'a> {
    pub(crate) class: RowClass,
    pub(crate) log_offset: u64,
    pub(crate) leaf: Option<u64>,
    /// Kind of a finding; empty for other rows.
    pub(crate) finding: &'a str,
    pub(crate) reason: &'a str,
    pub(crate) detail: &'a str,
    pub(crate) stream: &'a str,
    pub(crate) event_id: &'a str,
    pub(crate) bytes: &'a [u8],
}

impl OutsideFields<'_> {
    /// The row's own digest.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let leaf = self.leaf.map(u64::to_le_bytes);
        let fields: [&[u8]; 9] = [
            self.class.as_str().as_bytes(),
            &self.log_offset.to_le_bytes(),
            leaf.as_ref().map_or(&[], |l| l),
            self.finding.as_bytes(),
            self.reason.as_bytes(),
            self.detail.as_bytes(),
            self.stream.as_bytes(),
            self.event_id.as_bytes(),
            self.bytes,
        ];
        schemas::digest::fields_digest(schemas::digest::CHAIN_CONTEXT, &fields)
    }
}

/// Where a row stands among those of its commit that are no events, and its digest.
pub(crate) type Outside = ((u64, RowClass, Option<u64>), [u8; 32]);

/// Digest over the time of a commit and its rows that are no events.
pub(crate) fn outside_digest(committed_at_us: i64, mut rows: Vec<Outside>) -> [u8; 32] {
    // Stable: rows of one place (several findings of one record) stay in the order in which they were written.
    rows.sort_by_key(|(place, _)| *place);
    let time = committed_at_us.to_le_bytes();
    let fields: Vec<&[u8]> = std::iter::once(&time[..]).chain(rows.iter().map(|(_, d)| &d[..])).collect();
    schemas::digest::fields_digest(schemas::digest::CHAIN_CONTEXT, &fields)
}

/// What a commit's link says of its rows that are no events.
pub(crate) fn rows_digest(committed_at_us: i64, rows: &[Row]) -> [u8; 32] {
    let outside = rows.iter().filter(|r| r.class != RowClass::Event).map(|row| {
        let fields = OutsideFields {
            class: row.class,
            log_offset: row.log_offset,
            leaf: row.leaf,
            finding: row.finding.unwrap_or_default(),
            reason: row.reason.as_deref().unwrap_or_default(),
            detail: row.detail.as_deref().unwrap_or_default(),
            stream: row.event.as_ref().map(|e| &*e.stream).or(row.about_stream.as_deref()).unwrap_or_default(),
            event_id: row.about_event.as_deref().unwrap_or_default(),
            bytes: row.bytes.as_deref().unwrap_or_default(),
        };
        ((row.log_offset, row.class, row.leaf), fields.digest())
    });
    outside_digest(committed_at_us, outside.collect())
}
