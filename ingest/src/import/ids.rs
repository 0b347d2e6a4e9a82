//! Names of imported things: sessions, native ids, occurrences, times.
//!
//! Guarantee: every name fits the format's limits, and is the same for the same native record. Cannot fail.

use schemas::id;
use std::collections::HashMap;

/// Longest native session in bytes: with the format before it, it must fit a stream's name.
pub(super) const SESSION_BYTES_MAX: usize = 200;

/// `name` itself when it fits `limit` bytes, else its beginning and a digest of the whole.
pub(super) fn bounded(name: &str, limit: usize) -> String {
    if name.len() <= limit {
        return name.to_owned();
    }
    let mut cut = limit.saturating_sub(33);
    while !name.is_char_boundary(cut) {
        cut -= 1;
    }
    format!("{}~{}", &name[..cut], digest(name.as_bytes()))
}

/// A session's name within limits, without control characters, which no stream name may hold.
pub(super) fn session_name(name: &str) -> String {
    if name.len() <= SESSION_BYTES_MAX && !name.chars().any(|c| c.is_control() || c.is_whitespace() || c == '+') {
        return name.to_owned();
    }
    let clean: String =
        name.chars().map(|c| if c.is_control() || c.is_whitespace() || c == '+' { '_' } else { c }).collect();
    let kept = bounded(&clean, SESSION_BYTES_MAX - 33);
    format!("{kept}~{}", digest(name.as_bytes()))
}

/// 32 hex digits that name bytes.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex::encode(&blake3::hash(bytes).as_bytes()[..16])
}

/// A time stamp that the format accepts, or `None`.
pub(super) fn time(text: &str) -> Option<String> {
    text.parse::<jiff::Timestamp>().ok().map(|_| text.to_owned())
}

/// Counts how often a native id came in a session of one file.
#[derive(Debug, Default)]
pub(super) struct Occurrences(HashMap<String, u64>);

impl Occurrences {
    /// The id of the next record with this native id. The first one's is what others refer to.
    pub(super) fn next(&mut self, format: &str, session: &str, native_id: &str) -> String {
        let first = id::imported(format, session, native_id, 0);
        let count = self.0.entry(first.clone()).or_insert(0);
        *count += 1;
        match *count {
            1 => first,
            n => id::imported(format, session, native_id, n - 1),
        }
    }

    /// Whether a record with this first id came already.
    pub(super) fn has(&self, first: &str) -> bool {
        self.0.contains_key(first)
    }
}
