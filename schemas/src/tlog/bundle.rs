//! Entry bundles: the log entries themselves, 256 to a bundle (C2SP tlog-tiles v0.1.0).
//!
//! A bundle is a run of entries, each preceded by its length as a big-endian 16-bit number. Guarantees that decoding
//! gives back exactly what was encoded, and that bytes which are not exactly the asked number of entries are refused.
//! Decoding borrows; it copies no entry. Fails with [`BundleError`].

use super::tile::{TILE_WIDTH, TileError, bad_path, parse_place, place, places_to_write, strip_prefix};

/// Names one entry bundle: its position and how many entries it holds (256 when full).
///
/// Ordered by index, then width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BundleId {
    index: u64,
    /// 1 to 256.
    width: u16,
}

/// Why entries cannot be bundled, or bytes are not a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// An entry does not fit its 16-bit length.
    #[error("entry {position} has {found} bytes, a bundle takes at most {}", u16::MAX)]
    EntryTooLong {
        /// Place of the entry in the bundle.
        position: usize,
        /// Bytes of the entry.
        found: usize,
    },
    /// There are more entries than a bundle holds.
    #[error("more than {TILE_WIDTH} entries for one bundle")]
    TooManyEntries,
    /// The bytes end inside an entry or its length.
    #[error("the bundle ends inside entry {position}")]
    Truncated {
        /// Place of the entry in the bundle.
        position: usize,
    },
    /// The bytes go on after the last entry asked for.
    #[error("{found} bytes follow the last entry of the bundle")]
    Trailing {
        /// Bytes left over.
        found: usize,
    },
}

impl BundleId {
    /// Checks the bounds and names a bundle.
    pub const fn new(index: u64, width: u16) -> Result<Self, TileError> {
        if width == 0 || width as u64 > TILE_WIDTH {
            return Err(TileError::Width { width });
        }
        Ok(Self { index, width })
    }

    /// Position of the bundle: its first entry is `256 * index`.
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Number of entries, 1 to 256.
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// Writes the path below the log's prefix, such as `tile/entries/x001/000.p/3`.
    pub fn path(&self) -> String {
        format!("tile/entries/{}", place(self.index, self.width))
    }

    /// Reads a path that [`BundleId::path`] writes; any other spelling is refused.
    pub fn parse_path(path: &str) -> Result<Self, TileError> {
        let (index, width) = strip_prefix(path, "tile/entries/").and_then(parse_place).ok_or_else(|| bad_path(path))?;
        Self::new(index, width)
    }
}

/// Names the bundles that a log must publish when it grows from `old` to `new` entries. Nothing when `new <= old`.
pub fn bundles_to_write(old: u64, new: u64) -> impl Iterator<Item = BundleId> {
    places_to_write(old, new).map(|(index, width)| BundleId { index, width })
}

/// Writes up to 256 entries as a bundle.
pub fn encode_bundle<I>(entries: I) -> Result<Vec<u8>, BundleError>
where
    I: IntoIterator,
    I::Item: AsRef<[u8]>,
{
    let mut bundle = Vec::new();
    for (position, entry) in entries.into_iter().enumerate() {
        if position as u64 >= TILE_WIDTH {
            return Err(BundleError::TooManyEntries);
        }
        let entry = entry.as_ref();
        let length =
            u16::try_from(entry.len()).map_err(|_| BundleError::EntryTooLong { position, found: entry.len() })?;
        bundle.extend_from_slice(&length.to_be_bytes());
        bundle.extend_from_slice(entry);
    }
    Ok(bundle)
}

/// Reads a bundle of exactly `width` entries.
pub fn decode_bundle(bundle: &[u8], width: u16) -> Result<Vec<&[u8]>, BundleError> {
    if u64::from(width) > TILE_WIDTH {
        return Err(BundleError::TooManyEntries);
    }
    let mut entries = Vec::with_capacity(usize::from(width));
    let mut rest = bundle;
    for position in 0..usize::from(width) {
        let (entry, after) = split_entry(rest).ok_or(BundleError::Truncated { position })?;
        entries.push(entry);
        rest = after;
    }
    if !rest.is_empty() {
        return Err(BundleError::Trailing { found: rest.len() });
    }
    Ok(entries)
}

fn split_entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}
