//! A text that was rewritten, with the way back to its source.
//!
//! Guarantee: every byte of [`Mapped::text`] leads to a byte of the source, in order. Cannot fail.

use regex::{Captures, Regex};

/// A rewritten text.
#[derive(Debug, Clone)]
pub(super) struct Mapped {
    pub(super) text: String,
    /// Place in the source of each byte, and of the end; none where the text is (the beginning of) the source.
    at: Option<Vec<u32>>,
}

/// Where a rewrite writes to.
#[derive(Debug)]
pub(super) struct Sink<'a> {
    source: &'a Mapped,
    text: String,
    at: Vec<u32>,
}

impl Sink<'_> {
    /// Copies a part of the source.
    pub(super) fn copy(&mut self, start: usize, end: usize) {
        self.text.push_str(&self.source.text[start..end]);
        self.at.extend((start..end).map(|place| self.source.place(place)));
    }

    /// Writes something that stands for the place `at` of the source.
    pub(super) fn put(&mut self, text: &str, at: usize) {
        self.text.push_str(text);
        let place = self.source.place(at);
        self.at.extend(std::iter::repeat_n(place, text.len()));
    }
}

impl Mapped {
    /// A text as it is.
    pub(super) fn whole(text: &str) -> Self {
        Self { text: text.to_owned(), at: None }
    }

    fn place(&self, byte: usize) -> u32 {
        match &self.at {
            None => u32::try_from(byte).unwrap_or(u32::MAX),
            Some(at) => at.get(byte).or(at.last()).copied().unwrap_or(0),
        }
    }

    /// Offset and length in the source, in bytes, of a range of this text.
    pub(super) fn source_span(&self, start: usize, end: usize) -> (usize, usize) {
        let from = self.place(start) as usize;
        let to = (self.place(end) as usize).max(from);
        (from, to - from)
    }

    /// Cuts the text to its first characters.
    pub(super) fn keep_chars(&mut self, chars_max: usize) {
        if self.text.len() <= chars_max {
            return;
        }
        if let Some((end, _)) = self.text.char_indices().nth(chars_max) {
            self.text.truncate(end);
            if let Some(at) = &mut self.at {
                at.truncate(end + 1);
            }
        }
    }

    /// Writes the text anew.
    pub(super) fn rewrite(self, write: impl FnOnce(&str, &mut Sink<'_>)) -> Self {
        let mut sink = Sink { source: &self, text: String::with_capacity(self.text.len()), at: Vec::new() };
        sink.at.reserve(self.text.len() + 1);
        write(&self.text, &mut sink);
        let Sink { text, mut at, .. } = sink;
        at.push(self.place(self.text.len()));
        Self { text, at: Some(at) }
    }

    /// Replaces what a pattern finds; `None` leaves it.
    pub(super) fn replace_all(self, pattern: &Regex, with: impl Fn(&Captures<'_>) -> Option<String>) -> Self {
        if !pattern.is_match(&self.text) {
            return self;
        }
        self.rewrite(|source, sink| {
            let mut done = 0;
            for found in pattern.captures_iter(source) {
                let (Some(all), Some(new)) = (found.get(0), with(&found)) else { continue };
                sink.copy(done, all.start());
                sink.put(&new, all.start());
                done = all.end();
            }
            sink.copy(done, source.len());
        })
    }

    /// Replaces single characters.
    pub(super) fn replace_chars(self, with: impl Fn(char) -> Option<&'static str>) -> Self {
        if !self.text.chars().any(|c| with(c).is_some()) {
            return self;
        }
        self.rewrite(|source, sink| {
            for (at, c) in source.char_indices() {
                match with(c) {
                    Some(new) => sink.put(new, at),
                    None => sink.copy(at, at + c.len_utf8()),
                }
            }
        })
    }
}
