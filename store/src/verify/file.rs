//! One live file of the table: its bytes against its `add` action, its footer, its rows.
//!
//! Guarantee: a file that cannot be decoded is a problem, never a failure, and what could be read of it is checked all
//! the same. Pure: the bytes are handed in.

use super::columns::check_schema;
use super::delta::LiveFile;
use super::links;
use super::part::{FilePart, FooterLink};
use super::report::Kind;
use super::rows::{RowChecks, Store};
use crate::files::{DIGEST_TAG, LEAF_FROM_TAG, LEAF_TO_TAG, REGISTRY_TAG};
use crate::segment::{FORMAT_KEY, links_of};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use schemas::chain::Link;
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Rows that are decoded at once: few, because each may hold contents of 1 MiB.
const BATCH_ROWS: usize = 1_024;

/// Checks a file.
pub(super) fn check(store: &Store, live: &LiveFile, bytes: Bytes) -> FilePart {
    let file = &live.file;
    let mut part = FilePart::new(file.path.to_string(), file.partition, file.class);
    if bytes.len() as u64 != file.size {
        part.findings.problem(
            Kind::File,
            part.path.as_str(),
            format!("{} bytes, its add says {}", bytes.len(), file.size),
        );
    }
    let digest = blake3::hash(&bytes).to_hex();
    match file.tags.get(DIGEST_TAG) {
        Some(tag) if **tag == *digest => {}
        tag => part.findings.problem(
            Kind::File,
            part.path.as_str(),
            format!("BLAKE3 of the file is {digest}, its add says {tag:?}"),
        ),
    }
    let mut checks = RowChecks::new(store, part);
    // The Parquet decoder may panic on bytes that were tampered with.
    let decoded = catch_unwind(AssertUnwindSafe(|| decode(live, bytes, &mut checks)));
    let failed = match decoded {
        Ok(Ok(())) => None,
        Ok(Err(detail)) => Some(detail),
        Err(_) => Some("the Parquet decoder gave up".to_owned()),
    };
    if let Some(detail) = &failed {
        let place = checks.part.path.clone();
        checks.part.findings.problem(Kind::File, place, format!("after {} rows: {detail}", checks.part.total_rows));
    } else {
        check_add(live, &mut checks);
        links::check(live, &mut checks.part);
    }
    checks.part
}

fn decode(live: &LiveFile, bytes: Bytes, checks: &mut RowChecks<'_>) -> Result<(), String> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|e| e.to_string())?;
    let entries = builder.metadata().file_metadata().key_value_metadata();
    let format = entries.and_then(|all| all.iter().find(|e| e.key == FORMAT_KEY)).and_then(|e| e.value.clone());
    if format.as_deref() != Some("1") {
        return Err(format!("footer says format {format:?}, this program reads 1"));
    }
    let path = checks.part.path.clone();
    match links_of(&path, entries) {
        Ok(links) => take_links(live, links, &mut checks.part),
        Err(e) => checks.part.findings.problem(Kind::Chain, path, e),
    }
    check_schema(builder.schema())?;
    let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(|e| e.to_string())?;
    for batch in reader {
        let batch = batch.map_err(|e| e.to_string())?;
        checks.check(&batch, checks.part.total_rows as usize).map_err(|e| e.to_string())?;
        checks.part.total_rows += batch.num_rows() as u64;
    }
    Ok(())
}

fn take_links(live: &LiveFile, links: Vec<Link>, part: &mut FilePart) {
    let place = format!("footer of {}", part.path);
    let digests: Vec<[u8; 32]> = links.iter().map(Link::digest).collect();
    if links.is_empty() {
        part.findings.problem(Kind::Chain, place.as_str(), "it names no chain link");
    }
    if let Some(wanted) = live.link
        && digests != [wanted]
    {
        let detail = format!("it must hold the one link {} that its commit gave to the head", hex::encode(wanted));
        part.findings.problem(Kind::Chain, place.as_str(), detail);
    }
    for (link, digest) in links.into_iter().zip(digests) {
        if link.partition != part.partition {
            part.findings.problem(
                Kind::Chain,
                place.as_str(),
                format!("a link of partition {} in a file of {}", link.partition, part.partition),
            );
            continue;
        }
        part.links.push(FooterLink { link, digest, stamp: None });
    }
    part.links.sort_by_key(|l| (l.link.offset_from, l.link.leaf_from, l.link.offset_to));
}

/// The `add` action against the rows: counts, tags, statistics.
fn check_add(live: &LiveFile, checks: &mut RowChecks<'_>) {
    let file = &live.file;
    let part = &mut checks.part;
    let place = part.path.clone();
    let mut differs = |what: &str, says: String, found: String| {
        if says != found {
            part.findings.problem(
                Kind::File,
                place.as_str(),
                format!("its add says {what} {says}, the rows make it {found}"),
            );
        }
    };
    differs("numRecords", file.rows.to_string(), part.total_rows.to_string());
    let low = part.rows.iter().map(|r| r.leaf).min();
    let high = part.rows.iter().map(|r| r.leaf).max();
    let tag = |name: &str| file.tags.get(name).map_or("nothing", String::as_str).to_owned();
    let shown = |n: Option<u64>| n.map_or_else(|| "nothing".to_owned(), |n| n.to_string());
    differs(LEAF_FROM_TAG, tag(LEAF_FROM_TAG), shown(low));
    differs(LEAF_TO_TAG, tag(LEAF_TO_TAG), shown(high.map(|h| h.saturating_add(1))));
    differs(REGISTRY_TAG, tag(REGISTRY_TAG), u8::from(checks.has_registry).to_string());
    let stats: Value = file.stats.as_deref().and_then(|s| serde_json::from_str(s).ok()).unwrap_or_default();
    let leaves =
        low.zip(high).map(|(l, h)| (i64::try_from(l).unwrap_or(i64::MAX), i64::try_from(h).unwrap_or(i64::MAX)));
    for (column, range) in [("leaf", leaves), ("time", checks.times), ("committed_at", checks.stamps)] {
        let bound = |side: &str| bound_of(&stats[side][column]);
        let outside = |(low, high): (i64, i64)| {
            bound("minValues").is_some_and(|b| b > low) || bound("maxValues").is_some_and(|b| b < high)
        };
        if range.is_some_and(outside) {
            let detail = format!("statistics of column {column} do not bound its values {range:?}");
            part.findings.problem(Kind::File, place.as_str(), detail);
        }
    }
}

/// A bound in Delta statistics: a number, or a time in microseconds.
fn bound_of(value: &Value) -> Option<i64> {
    let time = |t: &str| t.parse::<jiff::Timestamp>().ok().map(|t| t.as_microsecond());
    value.as_i64().or_else(|| value.as_str().and_then(time))
}
