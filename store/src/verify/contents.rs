//! The contents of events: columns against the header's list, openings against their commitments.
//!
//! Guarantee: salt and bytes that stand in the table open the commitment in the signed header. A content without both is
//! a reference, or erased; which of the two is told by whether the stream opens the same commitment elsewhere. Blobs are
//! read as a stream, so that a content of 1 GiB needs no more memory than a small one.

use super::columns::Place;
use super::part::{Absent, BlobCheck, FilePart};
use super::report::{Findings, Kind, Progress, Step};
use crate::layout;
use crate::location::Storage;
use arrow::array::{Array, AsArray, BinaryArray, Int64Array, ListArray, RecordBatch, StringArray};
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;
use schemas::digest::{ContentHasher, content_commitment};
use schemas::header::{ContentEntry, Header};
use schemas::limits::{CONTENT_TABLE_BYTES_MAX, SALT_BYTES};

/// Blobs that are read at once.
const BLOBS_IN_FLIGHT: usize = 4;

/// The `contents` column of a batch.
pub(super) struct ContentColumns<'a> {
    list: &'a ListArray,
    name: &'a StringArray,
    media_type: &'a StringArray,
    size: &'a Int64Array,
    commitment: &'a BinaryArray,
    salt: &'a BinaryArray,
    bytes: &'a BinaryArray,
    blob: &'a StringArray,
}

impl<'a> ContentColumns<'a> {
    pub(super) fn of(batch: &'a RecordBatch) -> crate::error::Result<Self> {
        let bad = || {
            crate::error::StoreError::corrupt(
                "column contents",
                "missing in a segment, or of another type than the format says",
            )
        };
        let list = batch.column_by_name("contents").and_then(|a| a.as_list_opt::<i32>()).ok_or_else(bad)?;
        let all = list.values().as_struct_opt().ok_or_else(bad)?;
        let text =
            |name| all.column_by_name(name).and_then(|a| a.as_any().downcast_ref::<StringArray>()).ok_or_else(bad);
        let binary =
            |name| all.column_by_name(name).and_then(|a| a.as_any().downcast_ref::<BinaryArray>()).ok_or_else(bad);
        let size = all.column_by_name("size").and_then(|a| a.as_any().downcast_ref::<Int64Array>()).ok_or_else(bad)?;
        Ok(Self {
            list,
            name: text("name")?,
            media_type: text("media_type")?,
            size,
            commitment: binary("commitment")?,
            salt: binary("salt")?,
            bytes: binary("bytes")?,
            blob: text("blob")?,
        })
    }

    /// Contents of a row.
    pub(super) fn len(&self, row: usize) -> usize {
        self.list.value_length(row) as usize
    }

    /// Checks the contents of a row: `leaf`, the hash of its stream, and whether it was refused for its contents.
    pub(super) fn check(
        &self,
        row: usize,
        place: Place<'_>,
        header: &Header,
        what: (u64, u128, bool),
        part: &mut FilePart,
    ) {
        let listed = &header.data.contents;
        if listed.len() != self.len(row) {
            let detail = format!("header lists {} contents, the column has {}", listed.len(), self.len(row));
            return part.findings.problem(Kind::Column, format!("{} column contents", place.row(row)), detail);
        }
        let first = self.list.value_offsets()[row] as usize;
        for (position, entry) in listed.iter().enumerate() {
            let at = || format!("{} content {position} ({})", place.row(row), entry.name);
            if let Err(detail) = self.describes(first + position, entry) {
                part.findings.problem(Kind::Column, at(), detail);
            }
            if let Err(detail) = self.open(first + position, entry, what, &at, part) {
                part.findings.problem(Kind::Content, at(), detail);
            }
        }
    }

    fn describes(&self, i: usize, entry: &ContentEntry) -> Result<(), String> {
        let same = |array: &StringArray, wanted: &str| array.is_valid(i) && array.value(i) == wanted;
        if !same(self.name, &entry.name) || !same(self.media_type, &entry.media_type) {
            return Err("name or media type differ from the header's".to_owned());
        }
        if self.size.is_null(i) || u64::try_from(self.size.value(i)) != Ok(entry.size) {
            return Err(format!("header says {} bytes, the column another size", entry.size));
        }
        // Null where salt and bytes stand beside it: `open` then compares what they come to.
        let inline = self.salt.is_valid(i) && self.bytes.is_valid(i);
        match self.commitment.is_valid(i).then(|| self.commitment.value(i)) {
            Some(found) if found == entry.commitment.0 => Ok(()),
            Some(_) => Err("the commitment differs from the header's".to_owned()),
            None if inline => Ok(()),
            None => Err("the commitment is missing, and so are salt or bytes".to_owned()),
        }
    }

    fn open(
        &self,
        i: usize,
        entry: &ContentEntry,
        (leaf, stream, rejected): (u64, u128, bool),
        at: &dyn Fn() -> String,
        part: &mut FilePart,
    ) -> Result<(), String> {
        let commitment = &entry.commitment.0;
        let (salt, bytes, blob) =
            (get(self.salt, i), get(self.bytes, i), self.blob.is_valid(i).then(|| self.blob.value(i)));
        if salt.is_some_and(|s| s.len() != SALT_BYTES) {
            return Err(format!("a salt has {SALT_BYTES} bytes, it has {}", salt.map_or(0, <[u8]>::len)));
        }
        match (salt, bytes, blob) {
            (Some(_), Some(bytes), None) if bytes.len() as u64 != entry.size => {
                return Err(format!("header says {} bytes, {} are there", entry.size, bytes.len()));
            }
            (Some(_), Some(bytes), None) if bytes.len() > CONTENT_TABLE_BYTES_MAX => {
                return Err(format!("{} bytes stand in the table, at most {CONTENT_TABLE_BYTES_MAX} may", bytes.len()));
            }
            (Some(salt), Some(bytes), None) => {
                if content_commitment(salt, bytes) != *commitment {
                    return Err("salt and bytes do not open the signed commitment".to_owned());
                }
            }
            (Some(salt), None, Some(name)) => {
                if name != hex::encode(commitment) {
                    return Err(format!("blob {name} is not named after the commitment"));
                }
                let (name, salt) = (name.to_owned(), salt.to_vec());
                part.blobs.push(BlobCheck { place: at(), name, salt, size: entry.size, commitment: *commitment });
            }
            (None, None, None) => {
                if !rejected {
                    part.absent.push(Absent { key: content_key(stream, commitment), leaf, name: entry.name.clone() });
                }
                return Ok(());
            }
            _ => return Err("salt, bytes and blob do not fit together".to_owned()),
        }
        part.opened.push(content_key(stream, commitment));
        part.contents += 1;
        Ok(())
    }
}

fn get(array: &BinaryArray, i: usize) -> Option<&[u8]> {
    array.is_valid(i).then(|| array.value(i))
}

/// 128 bits that name a commitment within a stream.
fn content_key(stream: u128, commitment: &[u8; 32]) -> u128 {
    let mut half = [0u8; 16];
    half.copy_from_slice(&commitment[..16]);
    stream ^ u128::from_le_bytes(half)
}

/// Reads the blobs and opens their commitments.
pub(super) async fn check_blobs(
    storage: &Storage,
    blobs: Vec<BlobCheck>,
    findings: &mut Findings,
    progress: &dyn Progress,
) {
    let total = blobs.len() as u64;
    let mut checks = stream::iter(blobs)
        .map(|blob| async move { (open_blob(storage, &blob).await, blob) })
        .buffered(BLOBS_IN_FLIGHT);
    let mut done = 0;
    while let Some((opened, blob)) = checks.next().await {
        done += 1;
        progress.step(Step { phase: "blobs", done, total });
        match opened {
            Ok(()) => {}
            Err(BlobError::Wrong(detail)) => {
                findings.problem(Kind::Content, format!("{}, blob {}", blob.place, layout::blob(&blob.name)), detail)
            }
            Err(BlobError::Unseen(detail)) => findings.unseen(format!("blob {}: {detail}", layout::blob(&blob.name))),
        }
    }
}

enum BlobError {
    Wrong(String),
    Unseen(String),
}

async fn open_blob(storage: &Storage, blob: &BlobCheck) -> Result<(), BlobError> {
    let unseen = |e: object_store::Error| BlobError::Unseen(e.to_string());
    let found = match storage.root.get(&layout::blob(&blob.name)).await {
        Ok(found) => found,
        Err(object_store::Error::NotFound { .. }) => return Err(BlobError::Wrong("it is gone".to_owned())),
        Err(e) => return Err(unseen(e)),
    };
    if found.meta.size != blob.size {
        return Err(BlobError::Wrong(format!("header says {} bytes, it has {}", blob.size, found.meta.size)));
    }
    let mut hasher = ContentHasher::new(&blob.salt);
    let mut chunks = found.into_stream();
    while let Some(chunk) = chunks.try_next().await.map_err(unseen)? {
        hasher.update(&chunk);
    }
    if hasher.finish() == blob.commitment {
        return Ok(());
    }
    Err(BlobError::Wrong("salt and blob do not open the signed commitment".to_owned()))
}
