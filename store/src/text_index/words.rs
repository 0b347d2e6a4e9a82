//! How text becomes terms: pure, the same for texts and queries, never fails.
//!
//! A word is a run of letters, digits, marks and `_`; everything else separates. Terms are NFKC and lower case.
//! - `userName` and `user_name` stand whole (`username`, `user_name`) and as their parts (`user`, `name`) in the
//!   positions that the parts take. A query asks for the whole.
//! - Scripts written without spaces become pairs of neighbouring characters, plus the last character of the run, so
//!   that any substring of a run is found.
//! - A word beyond `WORD_BYTES` becomes pieces in consecutive positions; a query for it is a phrase of the pieces, and a
//!   prefix is looked for at the start of every piece.

use std::ops::Range;

use super::limits::{WORD_BYTES, WORD_PARTS};
use super::normal;

/// A term's place: bytes of the text, and its position among the words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Bytes of the text that it is made from.
    pub(super) bytes: Range<usize>,
    /// Position; terms in consecutive positions are neighbours.
    pub(super) position: u32,
}

/// Whether terms are for the index or for a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Wholes and parts.
    Index,
    /// Wholes only.
    Query,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Gap,
    Word,
    Unspaced,
}

/// Walks over the pieces of one text.
#[derive(Debug)]
pub(super) struct Pieces<'a> {
    text: &'a str,
    purpose: Purpose,
    at: usize,
    position: u32,
    /// Pieces of the current word, and how many of them are given out.
    ready: Vec<Piece>,
    given: usize,
    /// The last run was one character of a script without spaces.
    lone: bool,
}

impl<'a> Pieces<'a> {
    /// Starts at the beginning of `text`.
    pub(super) fn new(text: &'a str, purpose: Purpose) -> Self {
        Self { text, purpose, at: 0, position: 0, ready: Vec::new(), given: 0, lone: false }
    }

    /// The next piece.
    pub(super) fn next(&mut self) -> Option<&Piece> {
        while self.given == self.ready.len() {
            self.ready.clear();
            self.given = 0;
            let (class, run) = next_run(self.text, self.at)?;
            self.at = run.end;
            self.lone = false;
            match class {
                Class::Unspaced => self.take_unspaced(run),
                _ => self.take_word(run),
            }
        }
        self.given += 1;
        self.ready.get(self.given - 1)
    }

    /// Whether the text ended with a single character of a script without spaces.
    pub(super) fn ended_lone(&self) -> bool {
        self.lone
    }

    fn push(&mut self, bytes: Range<usize>, ahead: u32) {
        self.ready.push(Piece { bytes, position: self.position.wrapping_add(ahead) });
    }

    fn take_word(&mut self, run: Range<usize>) {
        if run.len() > WORD_BYTES {
            return self.take_long(run);
        }
        let word = &self.text[run.clone()];
        if is_simple(word) {
            self.push(run, 0);
            self.position = self.position.wrapping_add(1);
            return;
        }
        let parts = parts_of(word);
        let steps = match parts.len() {
            0 => return,
            n if n > WORD_PARTS => 1,
            n => n as u32,
        };
        self.push(run.clone(), 0);
        let split = parts.len() <= WORD_PARTS && (parts.len() > 1 || parts[0].len() != word.len());
        if split && self.purpose == Purpose::Index {
            for (ahead, part) in parts.iter().enumerate() {
                self.push(run.start + part.start..run.start + part.end, ahead as u32);
            }
        }
        self.position = self.position.wrapping_add(steps);
    }

    fn take_long(&mut self, run: Range<usize>) {
        let mut from = run.start;
        while from < run.end {
            let to = cut_at(self.text, from, run.end);
            self.push(from..to, 0);
            self.position = self.position.wrapping_add(1);
            from = to;
        }
    }

    fn take_unspaced(&mut self, run: Range<usize>) {
        let run_text = &self.text[run.clone()];
        let mut before: Option<usize> = None;
        let mut count = 0_u32;
        for (at, char) in run_text.char_indices() {
            if let Some(previous) = before {
                self.push(run.start + previous..run.start + at + char.len_utf8(), count - 1);
            }
            before = Some(at);
            count += 1;
        }
        self.lone = count == 1;
        if let (Some(last), true) = (before, self.purpose == Purpose::Index || count == 1) {
            self.push(run.start + last..run.end, count.saturating_sub(1));
        }
        self.position = self.position.wrapping_add(count);
    }
}

/// Writes the term of `piece`, a stretch of a text, into `term`.
pub(super) fn fold(piece: &str, term: &mut String) {
    term.clear();
    if piece.is_ascii() {
        term.push_str(piece);
        term.make_ascii_lowercase();
    } else {
        normal::fold_into(piece, term);
    }
}

/// One lower-case part without `_`: nothing to split.
fn is_simple(word: &str) -> bool {
    let bytes = word.as_bytes();
    word.is_ascii() && !bytes.contains(&b'_') && !bytes[1..].iter().any(u8::is_ascii_uppercase)
}

fn cut_at(text: &str, from: usize, end: usize) -> usize {
    let mut to = (from + WORD_BYTES).min(end);
    while !text.is_char_boundary(to) {
        to -= 1;
    }
    to
}

/// Parts between `_` and at changes of case; stops counting after one too many.
fn parts_of(word: &str) -> Vec<Range<usize>> {
    let mut parts = Vec::with_capacity(WORD_PARTS + 1);
    let mut start = 0;
    let mut before = ' ';
    let mut chars = word.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        let after = chars.peek().map_or(' ', |next| next.1);
        let turns = char.is_uppercase() && (before.is_lowercase() || (before.is_uppercase() && after.is_lowercase()));
        if char == '_' || turns {
            if at > start {
                parts.push(start..at);
            }
            start = if char == '_' { at + 1 } else { at };
        }
        if parts.len() > WORD_PARTS {
            return parts;
        }
        before = char;
    }
    if word.len() > start {
        parts.push(start..word.len());
    }
    parts
}

/// The next run of one class at or after `from`.
fn next_run(text: &str, from: usize) -> Option<(Class, Range<usize>)> {
    let bytes = text.as_bytes();
    let mut at = from;
    let (mut class, mut start) = (Class::Gap, from);
    while at < bytes.len() {
        let (found, width) = class_at(text, bytes, at);
        if found != class {
            if class != Class::Gap {
                return Some((class, start..at));
            }
            (class, start) = (found, at);
        }
        at += width;
    }
    (class != Class::Gap).then_some((class, start..at))
}

#[inline]
fn class_at(text: &str, bytes: &[u8], at: usize) -> (Class, usize) {
    let byte = bytes[at];
    if byte < 0x80 {
        let word = byte.is_ascii_alphanumeric() || byte == b'_';
        return (if word { Class::Word } else { Class::Gap }, 1);
    }
    let char = text[at..].chars().next().unwrap_or(' ');
    let class = match char {
        _ if is_unspaced(char) => Class::Unspaced,
        _ if char.is_alphanumeric() || is_mark(char) => Class::Word,
        _ => Class::Gap,
    };
    (class, char.len_utf8())
}

/// Combining marks and joiners that belong to the letter before them.
fn is_mark(char: char) -> bool {
    matches!(char, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{64b}'..='\u{65f}'
        | '\u{93c}' | '\u{94d}' | '\u{9bc}' | '\u{9cd}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{200c}' | '\u{200d}' | '\u{20d0}'..='\u{20f0}' | '\u{fe20}'..='\u{fe2f}')
}

/// Letters of scripts that are written without spaces between words, and Hangul, whose words carry endings.
fn is_unspaced(char: char) -> bool {
    matches!(char, '\u{e01}'..='\u{e3a}' | '\u{e40}'..='\u{e4e}' | '\u{e81}'..='\u{ecd}' | '\u{1000}'..='\u{109f}'
        | '\u{1780}'..='\u{17d3}' | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{309f}' | '\u{30a1}'..='\u{30ff}'
        | '\u{3105}'..='\u{312f}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3fffd}')
}
