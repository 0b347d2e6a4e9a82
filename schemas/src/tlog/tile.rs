//! Names of tiles: which tiles a tree has, and the path of each (C2SP tlog-tiles v0.1.0).
//!
//! Guarantees that a [`TileId`] always has a level of at most 63 and a width of 1 to 256, and that a path has one
//! spelling: [`TileId::parse_path`] accepts exactly what [`TileId::path`] writes. Fails with [`TileError`].

use super::decimal;

/// Hashes in a full tile, and entries in a full bundle.
pub const TILE_WIDTH: u64 = 256;

/// Tree levels that one tile level spans: a full tile is a subtree of 2^8 hashes.
pub(super) const TILE_LEVELS: u8 = 8;

/// The highest tile level that the specification allows.
const TILE_LEVEL_MAX: u8 = 63;

/// Bytes of the longest path: `tile/entries/`, seven digit groups for 2^64, `.p/255`, rounded up.
const PATH_BYTES_MAX: usize = 64;

/// Names one tile: its level, its position in the level, and how many hashes it holds (256 when full).
///
/// Ordered by level, then index, then width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// At most 63.
    level: u8,
    index: u64,
    /// 1 to 256.
    width: u16,
}

/// Why there is no such tile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// The level is above 63.
    #[error("tile level {level} is above {TILE_LEVEL_MAX}")]
    Level {
        /// The level that was given.
        level: u8,
    },
    /// The width is not in 1 to 256.
    #[error("tile width {width} is not in 1 to {TILE_WIDTH}")]
    Width {
        /// The width that was given.
        width: u16,
    },
    /// The path is not the canonical path of a tile.
    #[error("not the path of a tile: {path:?}")]
    Path {
        /// The path, cut when it is too long to be one.
        path: String,
    },
}

impl TileId {
    /// Checks the bounds and names a tile.
    pub const fn new(level: u8, index: u64, width: u16) -> Result<Self, TileError> {
        if level > TILE_LEVEL_MAX {
            return Err(TileError::Level { level });
        }
        if width == 0 || width as u64 > TILE_WIDTH {
            return Err(TileError::Width { width });
        }
        Ok(Self { level, index, width })
    }

    /// Level of the tile: its hashes each cover 256^level leaves.
    pub const fn level(&self) -> u8 {
        self.level
    }

    /// Position of the tile in its level.
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Number of hashes in the tile, 1 to 256.
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// Whether the tile holds all 256 hashes and will never change.
    pub const fn is_full(&self) -> bool {
        self.width as u64 == TILE_WIDTH
    }

    /// Writes the path below the log's prefix, such as `tile/0/x001/x234/067` or `tile/1/000.p/17`.
    pub fn path(&self) -> String {
        format!("tile/{}/{}", self.level, place(self.index, self.width))
    }

    /// Reads a path that [`TileId::path`] writes; any other spelling is refused.
    pub fn parse_path(path: &str) -> Result<Self, TileError> {
        Self::parse(path).ok_or_else(|| bad_path(path))
    }

    fn parse(path: &str) -> Option<Self> {
        let (level, place) = strip_prefix(path, "tile/")?.split_once('/')?;
        let level = u8::try_from(decimal::parse(level)?).ok()?;
        let (index, width) = parse_place(place)?;
        Self::new(level, index, width).ok()
    }
}

/// Names the tiles that a log must publish when it grows from `old` to `new` leaves: every full tile that was not full
/// before, and the new partial tile at the right edge of each level that changed, level by level from the leaves up.
///
/// Nothing when `new <= old`.
pub fn tiles_to_write(old: u64, new: u64) -> impl Iterator<Item = TileId> {
    (0..u64::BITS as u8 / TILE_LEVELS)
        .map(move |level| (level, level_width(old, level), level_width(new, level)))
        .take_while(|(_, before, after)| before < after)
        .flat_map(|(level, before, after)| {
            places_to_write(before, after).map(move |(index, width)| TileId { level, index, width })
        })
}

/// Number of hashes in one tile level of a tree: `floor(size / 256^level)`.
pub(super) fn level_width(size: u64, level: u8) -> u64 {
    size.checked_shr(u32::from(level) * u32::from(TILE_LEVELS)).unwrap_or(0)
}

/// Positions and widths of what one level must publish when it grows from `before` to `after` hashes.
pub(super) fn places_to_write(before: u64, after: u64) -> impl Iterator<Item = (u64, u16)> {
    let full = (before / TILE_WIDTH..after / TILE_WIDTH).map(|index| (index, TILE_WIDTH as u16));
    let rest = (after % TILE_WIDTH) as u16;
    let partial = (rest != 0 && after > before).then_some((after / TILE_WIDTH, rest));
    full.chain(partial)
}

/// Writes an index in groups of three digits, all but the last marked `x`, and the width of a partial tile.
pub(super) fn place(index: u64, width: u16) -> String {
    let mut groups = format!("{:03}", index % 1000);
    let mut higher = index / 1000;
    while higher > 0 {
        groups = format!("x{:03}/{groups}", higher % 1000);
        higher /= 1000;
    }
    if u64::from(width) < TILE_WIDTH {
        groups.push_str(&format!(".p/{width}"));
    }
    groups
}

/// Reads what [`place`] writes.
pub(super) fn parse_place(text: &str) -> Option<(u64, u16)> {
    let (groups, width) = match text.split_once(".p/") {
        Some((groups, width)) => (groups, parse_partial_width(width)?),
        None => (text, TILE_WIDTH as u16),
    };
    let index = parse_index(groups)?;
    // Leading groups of zeros would be a second spelling of the same index.
    (place(index, width) == text).then_some((index, width))
}

/// Cuts the prefix off, refusing paths that are too long to be read.
pub(super) fn strip_prefix<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    (path.len() <= PATH_BYTES_MAX).then(|| path.strip_prefix(prefix)).flatten()
}

/// Makes the error for a path, quoting no more of it than a path can have.
pub(super) fn bad_path(path: &str) -> TileError {
    TileError::Path { path: path.chars().take(PATH_BYTES_MAX).collect() }
}

fn parse_partial_width(text: &str) -> Option<u16> {
    let width = decimal::parse(text).filter(|w| (1..TILE_WIDTH).contains(w))?;
    u16::try_from(width).ok()
}

fn parse_index(groups: &str) -> Option<u64> {
    let mut index = 0u64;
    for group in groups.split('/') {
        let digits = group.strip_prefix('x').unwrap_or(group);
        if digits.len() != 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
    }
    Some(index)
}
