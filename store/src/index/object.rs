//! What index objects have in common: blocks, then a table with one record for each block, then a footer.
//!
//! ```text
//! blocks... | table: blocks x record bytes | footer: magic 8, record bytes u32, blocks u32, entries u64, table digest 16
//! ```
//! Integers are little-endian. Each record ends with the first 8 bytes of its block's BLAKE3 digest. Guarantee: a table or
//! block that was changed or cut is refused with `Corrupt`, which names the object and says how to build the index again.

use crate::error::{Result, StoreError};
use crate::location::Storage;
use bytes::Bytes;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use std::ops::Range;

/// Bytes of the footer.
const FOOTER_BYTES: u64 = 40;
/// Bytes of a block's digest that its record keeps.
pub(super) const CHECK_BYTES: usize = 8;
/// Bytes of a table: as many as an object of the largest size could need.
const TABLE_BYTES_MAX: u64 = 64 * 1_048_576;

/// The table of an object.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) records: Bytes,
    pub(super) record_bytes: usize,
    pub(super) entries: u64,
}

impl Table {
    pub(super) fn blocks(&self) -> usize {
        self.records.len() / self.record_bytes.max(1)
    }

    pub(super) fn record(&self, block: usize) -> &[u8] {
        &self.records[block * self.record_bytes..(block + 1) * self.record_bytes]
    }
}

pub(super) fn check(block: &[u8]) -> [u8; CHECK_BYTES] {
    let mut head = [0; CHECK_BYTES];
    head.copy_from_slice(&blake3::hash(block).as_bytes()[..CHECK_BYTES]);
    head
}

/// Appends table and footer to `object`, which holds the blocks.
pub(super) fn finish(object: &mut Vec<u8>, magic: [u8; 8], records: &[u8], record_bytes: usize, entries: u64) {
    object.extend_from_slice(records);
    object.extend_from_slice(&magic);
    object.extend_from_slice(&(record_bytes as u32).to_le_bytes());
    object.extend_from_slice(&((records.len() / record_bytes.max(1)) as u32).to_le_bytes());
    object.extend_from_slice(&entries.to_le_bytes());
    object.extend_from_slice(&blake3::hash(records).as_bytes()[..16]);
}

pub(super) fn damaged(name: &str, detail: impl std::fmt::Display) -> StoreError {
    let how = "the index is derived: build it again with `hansard maintain --reindex`";
    StoreError::corrupt(format!("index object {name}"), format!("{detail}; {how}"))
}

/// Reads a range of an object.
///
/// # Errors
/// `Corrupt` when it is gone or shorter, `Unavailable` when the storage fails.
pub(super) async fn range(storage: &Storage, name: &str, range: Range<u64>) -> Result<Bytes> {
    let wanted = range.end - range.start;
    match storage.root.get_range(&Path::from(name), range).await {
        Ok(bytes) if bytes.len() as u64 == wanted => Ok(bytes),
        Ok(bytes) => Err(damaged(name, format!("{wanted} bytes expected, {} found", bytes.len()))),
        Err(object_store::Error::NotFound { .. }) => Err(damaged(name, "it is gone")),
        Err(e) => Err(StoreError::unavailable(format!("index object {name}"), e)),
    }
}

/// Reads the table of an object of `size` bytes.
///
/// # Errors
/// As [`range`]; `Corrupt` when it is not the table that was written.
pub(super) async fn read_table(
    storage: &Storage,
    name: &str,
    size: u64,
    magic: [u8; 8],
    record_bytes: usize,
) -> Result<Table> {
    let end = size.checked_sub(FOOTER_BYTES).ok_or_else(|| damaged(name, format!("{size} bytes are too few")))?;
    let footer = range(storage, name, end..size).await?;
    let number = |at: usize| u64::from(u32::from_le_bytes(footer[at..at + 4].try_into().unwrap_or_default()));
    if footer[..8] != magic || number(8) != record_bytes as u64 {
        return Err(damaged(name, "its footer is not that of this kind of object"));
    }
    let bytes = number(8) * number(12);
    let from = end.checked_sub(bytes).filter(|_| bytes <= TABLE_BYTES_MAX);
    let from = from.ok_or_else(|| damaged(name, format!("a table of {bytes} bytes does not fit")))?;
    let records = range(storage, name, from..end).await?;
    if blake3::hash(&records).as_bytes()[..16] != footer[24..40] {
        return Err(damaged(name, "its table has another digest"));
    }
    let entries = u64::from_le_bytes(footer[16..24].try_into().unwrap_or_default());
    Ok(Table { records, record_bytes, entries })
}
