//! Lines of a stream, verbatim and numbered.
//!
//! Guarantee: the lines' bytes, joined by newlines, are the stream; nothing is dropped or cut. A line longer than the
//! limit comes in parts that the caller keeps as rejects. A read error ends the lines with the bytes that stood before
//! it. Memory is bounded by one line.

use bytes::Bytes;
use std::io::{BufRead, Read};

/// Longest line in bytes that is one record: what one content may hold by default.
pub const LINE_BYTES_MAX: usize = 64 * 1_048_576;
/// Bytes set aside for a line before it is read: most lines need no second allocation.
const LINE_BYTES_USUAL: usize = 2_048;

/// One line, or a part of one that is too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Number in the file, from 1.
    pub(super) number: u64,
    /// Which part this is, from 0, when the line is longer than the limit.
    pub(super) part: Option<u64>,
    /// The bytes, without the newline.
    pub(super) bytes: Bytes,
    /// Whether a newline stood after it.
    pub(super) newline: bool,
    /// What the stream said when it broke off within or before this line.
    pub(super) damage: Option<String>,
}

/// Reads lines from a stream.
pub(super) struct Lines<'a> {
    reader: &'a mut dyn BufRead,
    limit: usize,
    number: u64,
    part: Option<u64>,
    done: bool,
}

impl<'a> Lines<'a> {
    pub(super) fn new(reader: &'a mut dyn BufRead) -> Self {
        Self::with_limit(reader, LINE_BYTES_MAX)
    }

    pub(super) fn with_limit(reader: &'a mut dyn BufRead, limit: usize) -> Self {
        Self { reader, limit, number: 0, part: None, done: false }
    }

    /// The stream itself, after the lines read so far.
    pub(super) fn into_reader(self) -> &'a mut dyn BufRead {
        self.reader
    }

    /// The next line; `None` after the last. The bytes after the last newline are a line when there are any.
    pub(super) fn next(&mut self) -> Option<Line> {
        if self.done {
            return None;
        }
        let mut bytes = Vec::with_capacity(LINE_BYTES_USUAL);
        let read = self.reader.take(self.limit as u64 + 1).read_until(b'\n', &mut bytes);
        if self.part.is_none() {
            self.number += 1;
        }
        let newline = bytes.last() == Some(&b'\n');
        let whole = newline || bytes.len() <= self.limit;
        let part = if whole { self.part.take() } else { Some(self.part.unwrap_or(0)) };
        if newline {
            bytes.pop();
        } else if !whole {
            self.part = part.map(|n| n + 1);
        }
        let damage = read.err().map(|error| error.to_string());
        self.done = damage.is_some() || (whole && !newline);
        if self.done && bytes.is_empty() && damage.is_none() && part.is_none() {
            return None;
        }
        Some(Line { number: self.number, part, bytes: bytes.into(), newline, damage })
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, Lines};
    use proptest::prelude::*;

    fn all(mut input: &[u8], limit: usize) -> Vec<Line> {
        let mut lines = Lines::with_limit(&mut input, limit);
        std::iter::from_fn(|| lines.next()).collect()
    }

    #[test]
    fn a_long_line_comes_in_parts_and_keeps_its_number() {
        let lines = all(b"ab\n0123456789\ncd", 3);
        let seen: Vec<(u64, Option<u64>, &[u8])> = lines.iter().map(|l| (l.number, l.part, &l.bytes[..])).collect();
        let expected: Vec<(u64, Option<u64>, &[u8])> =
            vec![(1, None, b"ab"), (2, Some(0), b"0123"), (2, Some(1), b"4567"), (2, Some(2), b"89"), (3, None, b"cd")];
        assert_eq!(seen, expected);
    }

    proptest! {
        #[test]
        fn lines_joined_are_the_stream(input in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..200), limit in 1usize..40) {
            let mut rebuilt = Vec::new();
            let mut last = 1;
            for line in all(&input, limit) {
                rebuilt.extend((last..line.number).map(|_| b'\n'));
                last = line.number;
                rebuilt.extend_from_slice(&line.bytes);
            }
            if input.ends_with(b"\n") {
                rebuilt.push(b'\n');
            }
            prop_assert_eq!(rebuilt, input);
        }
    }
}
