//! The end of a packed run: what it covers, where each file lies, a checksum per block. Anything that does not add up
//! is `Corrupt`; nothing is read past what the object holds.
//!
//! Layout: magic, the files one after another, the footer as JSON, eight bytes of BLAKE3 per block of everything
//! before the footer, then the tail: lengths of both (u32 little-endian), BLAKE3 of both, magic.

use serde::{Deserialize, Serialize};

use super::limits::{BLOCK_BYTES, FOOTER_BYTES};
use super::schema::FORMAT;
use crate::error::{Result, StoreError};

pub(super) const MAGIC: &[u8; 8] = b"HNSDTXT1";
pub(super) const SUM_BYTES: usize = 8;
pub(super) const TAIL_LEN: usize = 4 + 4 + 32 + 8;

/// What one run covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFacts {
    /// Partition of the log.
    pub partition: u32,
    /// First leaf of the range.
    pub leaf_from: u64,
    /// One past the last leaf of the range.
    pub leaf_to: u64,
    /// Contents in the index.
    pub contents: u64,
    /// Documents of the library; more than contents when long texts were split.
    pub docs: u32,
    /// Bytes of text that were indexed, without repeats at cuts.
    pub text_bytes: u64,
    /// Earliest time of an event (microseconds); `i64::MAX` when empty.
    pub time_min_us: i64,
    /// Latest time of an event (microseconds); `i64::MIN` when empty.
    pub time_max_us: i64,
}

/// One file of the library inside the packed object.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Part {
    /// Extension of the file.
    pub(super) kind: String,
    /// Where it begins (bytes).
    pub(super) from: u64,
    /// Its length (bytes).
    pub(super) bytes: u64,
}

/// The footer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Footer {
    pub(super) format: u32,
    pub(super) facts: RunFacts,
    pub(super) parts: Vec<Part>,
    /// Bytes before the footer.
    pub(super) data_bytes: u64,
    /// Size of a block (bytes).
    pub(super) block_bytes: u64,
    /// Blocks that opening and every search need.
    pub(super) opening: Vec<u32>,
}

/// Checksum of one block.
pub(super) fn sum(block: &[u8]) -> [u8; SUM_BYTES] {
    let mut sum = [0; SUM_BYTES];
    sum.copy_from_slice(&blake3::hash(block).as_bytes()[..SUM_BYTES]);
    sum
}

/// Footer, checksums and tail as they are written.
pub(super) fn encode(footer: &Footer, sums: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(footer).map_err(|cause| StoreError::invalid("text index footer", cause))?;
    let (json, sums_len) = (bytes.len(), sums.len());
    if (json + sums_len) as u64 > FOOTER_BYTES {
        return Err(StoreError::invalid("text index", format!("its footer would be over {FOOTER_BYTES} bytes")));
    }
    bytes.extend_from_slice(sums);
    let digest = *blake3::hash(&bytes).as_bytes();
    bytes.extend_from_slice(&(json as u32).to_le_bytes());
    bytes.extend_from_slice(&(sums_len as u32).to_le_bytes());
    bytes.extend_from_slice(&digest);
    bytes.extend_from_slice(MAGIC);
    Ok(bytes)
}

/// The fixed end of an object.
#[derive(Debug)]
pub(super) struct Tail {
    json: usize,
    sums: usize,
    digest: [u8; 32],
}

impl Tail {
    /// Reads it from the last bytes of the object `what`.
    pub(super) fn decode(what: &str, end: &[u8]) -> Result<Self> {
        let bad =
            |found: &str| StoreError::corrupt(what, format!("not a whole text index: {found}; rebuild the index"));
        let Some(tail) = end.len().checked_sub(TAIL_LEN).map(|from| &end[from..]) else {
            return Err(bad("too short"));
        };
        if &tail[40..] != MAGIC {
            return Err(bad("its end is not that of one"));
        }
        let number = |from: usize| u32::from_le_bytes([tail[from], tail[from + 1], tail[from + 2], tail[from + 3]]);
        let mut digest = [0; 32];
        digest.copy_from_slice(&tail[8..40]);
        let found = Self { json: number(0) as usize, sums: number(4) as usize, digest };
        if found.footer_len() as u64 > FOOTER_BYTES {
            return Err(bad("its footer is too long"));
        }
        Ok(found)
    }

    /// Bytes of footer and checksums.
    pub(super) fn footer_len(&self) -> usize {
        self.json.saturating_add(self.sums)
    }

    /// Reads footer and checksums from `bytes`, which are exactly those, of an object of `size` bytes.
    pub(super) fn footer(&self, what: &str, bytes: &[u8], size: u64) -> Result<(Footer, Vec<u8>)> {
        let bad =
            |found: String| StoreError::corrupt(what, format!("footer of the text index: {found}; rebuild the index"));
        if bytes.len() != self.footer_len() || *blake3::hash(bytes).as_bytes() != self.digest {
            return Err(bad("its checksum does not match".to_owned()));
        }
        let footer: Footer = serde_json::from_slice(&bytes[..self.json]).map_err(|cause| bad(cause.to_string()))?;
        if footer.format != FORMAT {
            return Err(bad(format!("format {} found, {FORMAT} expected", footer.format)));
        }
        let ends = footer.data_bytes.checked_add((self.footer_len() + TAIL_LEN) as u64);
        let blocks = footer.data_bytes.div_ceil(BLOCK_BYTES as u64);
        let inside = |part: &Part| part.from.checked_add(part.bytes).is_some_and(|end| end <= footer.data_bytes);
        if ends != Some(size)
            || footer.block_bytes != BLOCK_BYTES as u64
            || self.sums as u64 != blocks * SUM_BYTES as u64
            || !footer.parts.iter().all(inside)
        {
            return Err(bad("its lengths do not add up".to_owned()));
        }
        Ok((footer, bytes[self.json..].to_vec()))
    }

    /// A short name of the content, for caches.
    pub(super) fn key(&self) -> u64 {
        let mut key = [0; 8];
        key.copy_from_slice(&self.digest[..8]);
        u64::from_le_bytes(key)
    }
}
