//! Rows of the tail between processes: what a compactor shows, for a query process elsewhere.
//!
//! Form: BLAKE3 of what follows (32 bytes), then for each stretch the length (u32, little-endian) and the bytes of a JSON head, then for each class that the head
//! names the length (u32) and the bytes of an Arrow IPC stream. Guarantee: reading gives the stretches that were written, or
//! `Corrupt`; at most [`WIRE_BYTES_MAX`] are read. The index of a stretch is made anew by whoever reads.

use crate::error::{Result, StoreError};
use crate::index::MemoryPart;
use crate::tail::Stretch;
use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use schemas::columns::RowClass;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// HTTP header that names the store whose rows these are: [`crate::snapshot::StoreIdentity::fingerprint`].
pub const STORE_HEADER: &str = "hansard-store";
/// Bytes of all stretches of one answer.
pub const WIRE_BYTES_MAX: usize = 256 * 1_048_576;

/// Bytes of the digest in front.
const DIGEST_BYTES: usize = 32;

#[derive(Serialize, Deserialize)]
struct Head {
    partition: u32,
    offset_from: u64,
    offset_to: u64,
    leaf_from: u64,
    leaf_to: u64,
    classes: Vec<String>,
}

fn corrupt(detail: impl std::fmt::Display) -> StoreError {
    StoreError::corrupt("rows of the tail from another process", detail)
}

/// Writes stretches.
///
/// # Errors
/// `Corrupt` when rows cannot be encoded: a bug.
pub fn encode(stretches: &[Arc<Stretch>]) -> Result<Vec<u8>> {
    let mut out = vec![0; DIGEST_BYTES];
    for stretch in stretches {
        let head = Head {
            partition: stretch.partition,
            offset_from: stretch.offset_from,
            offset_to: stretch.offset_to,
            leaf_from: stretch.leaves.start,
            leaf_to: stretch.leaves.end,
            classes: stretch.rows.iter().map(|(class, _)| class.as_str().to_owned()).collect(),
        };
        block(&mut out, &serde_json::to_vec(&head).map_err(corrupt)?)?;
        for (_, rows) in &stretch.rows {
            let mut writer = StreamWriter::try_new(Vec::new(), &rows.schema()).map_err(corrupt)?;
            writer.write(rows).map_err(corrupt)?;
            block(&mut out, &writer.into_inner().map_err(corrupt)?)?;
        }
        if out.len() > WIRE_BYTES_MAX {
            return Err(corrupt(format!("more than {WIRE_BYTES_MAX} bytes wait; they are committed soon")));
        }
    }
    let digest = blake3::hash(&out[DIGEST_BYTES..]);
    out[..DIGEST_BYTES].copy_from_slice(digest.as_bytes());
    Ok(out)
}

fn block(out: &mut Vec<u8>, bytes: &[u8]) -> Result<()> {
    let length = u32::try_from(bytes.len()).map_err(|_| corrupt("a block beyond 4 GiB"))?;
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

fn next<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8]> {
    let short = || corrupt("it ends in the middle");
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
    let (block, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(short)?;
    *bytes = rest;
    Ok(block)
}

/// The batches of one stream.
fn batches(stream: &[u8]) -> Result<Vec<RecordBatch>> {
    let read = StreamReader::try_new(stream, None).map_err(corrupt)?;
    read.collect::<std::result::Result<Vec<_>, _>>().map_err(corrupt)
}

/// Reads stretches.
///
/// # Errors
/// See the module.
pub fn decode(mut bytes: &[u8]) -> Result<Vec<Arc<Stretch>>> {
    if bytes.len() > WIRE_BYTES_MAX {
        return Err(corrupt(format!("{} bytes, at most {WIRE_BYTES_MAX} are taken", bytes.len())));
    }
    // Arrow's reader is not made for damaged bytes: they do not reach it.
    let (digest, rest) = bytes.split_first_chunk::<DIGEST_BYTES>().ok_or_else(|| corrupt("it has no digest"))?;
    if blake3::hash(rest).as_bytes() != digest {
        return Err(corrupt("its bytes are not those that were sent"));
    }
    bytes = rest;
    let mut stretches = Vec::new();
    while !bytes.is_empty() {
        let head: Head = serde_json::from_slice(next(&mut bytes)?).map_err(corrupt)?;
        let mut rows: Vec<(RowClass, RecordBatch)> = Vec::new();
        for class in &head.classes {
            let known = RowClass::ALL.into_iter().find(|c| c.as_str() == class);
            let class = known.ok_or_else(|| corrupt(format!("row class {class:?} is not known")))?;
            rows.extend(batches(next(&mut bytes)?)?.into_iter().map(|batch| (class, batch)));
        }
        let leaves = head.leaf_from..head.leaf_to;
        let events = rows.iter().filter(|(class, _)| *class == RowClass::Event).map(|(_, batch)| batch);
        let index = Arc::new(MemoryPart::of(head.partition, events, &leaves)?);
        let size = rows.iter().map(|(_, batch)| batch.get_array_memory_size()).sum();
        let (offset_from, offset_to) = (head.offset_from, head.offset_to);
        stretches.push(Arc::new(Stretch {
            partition: head.partition,
            offset_from,
            offset_to,
            leaves,
            rows,
            index,
            bytes: size,
        }));
    }
    Ok(stretches)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Row;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read() {
        let row = Row { finding: Some("gap"), detail: Some("x".into()), ..Row::bare(RowClass::Finding, 7) };
        let stretch = Arc::new(Stretch::of(3, 7..8, 5..5, &[row]).expect("a stretch"));
        let read = decode(&encode(std::slice::from_ref(&stretch)).expect("encoded")).expect("decoded");
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].partition, read[0].offset_from, read[0].offset_to), (3, 7, 8));
        assert_eq!((&read[0].leaves, &read[0].rows), (&stretch.leaves, &stretch.rows));
    }

    #[test]
    fn a_changed_or_missing_byte_is_an_error() {
        let row = Row { finding: Some("gap"), detail: Some("x".into()), ..Row::bare(RowClass::Finding, 7) };
        let stretch = Arc::new(Stretch::of(3, 7..8, 5..5, &[row]).expect("a stretch"));
        let good = encode(&[stretch]).expect("encoded");
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 0x41;
            assert!(decode(&bytes).is_err(), "byte {at} was changed unseen");
            assert!(decode(&good[..at]).is_err(), "cut at {at} unseen");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_stretches_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&bytes);
        }
    }
}
