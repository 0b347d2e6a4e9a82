//! Finds identifiers: words with letters and digits whose parts `_` or `-` joins, and snake_case words.
//!
//! Guarantee: linear in the text; spans lie on character boundaries, in order, without
//! overlap. Cannot fail.

use super::text::is_word_char;

/// A longest run of letters, digits, `_` and `-`, with the last letter and digit of it.
#[derive(Default)]
struct Run {
    end: usize,
    letter: Option<usize>,
    digit: Option<usize>,
}

impl Run {
    fn at(bytes: &[u8], start: usize) -> Self {
        let end = end_of(bytes, start, |b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        let last = |is: fn(&u8) -> bool| bytes[start..end].iter().rposition(is).map(|n| start + n);
        Self { end, letter: last(u8::is_ascii_alphabetic), digit: last(u8::is_ascii_digit) }
    }

    /// Whether letters and digits follow `start`.
    fn is_mixed(&self, start: usize) -> bool {
        self.letter >= Some(start) && self.digit >= Some(start)
    }
}

/// Byte spans of the identifiers of a text.
pub(super) fn find(text: &str) -> Vec<(usize, usize)> {
    let bytes = text.as_bytes();
    let (mut found, mut run) = (Vec::new(), Run::default());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at].is_ascii_alphanumeric() && !word_before(text, at) {
            if at >= run.end {
                run = Run::at(bytes, at);
            }
            if let Some(end) = ident(text, at, run.is_mixed(at)) {
                found.push((at, end));
                at = end;
                continue;
            }
            at = end_of(bytes, at, |b| b.is_ascii_alphanumeric());
            continue;
        }
        at += 1;
    }
    found
}

fn ident(text: &str, start: usize, mixed: bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let any = mixed.then(|| last_end(text, start, 1, |b| b == b'_' || b == b'-')).flatten();
    any.or_else(|| {
        let first = end_of(bytes, start, |b| b.is_ascii_alphabetic());
        let letters_only = first > start && bytes.get(first) == Some(&b'_');
        letters_only.then(|| last_end(text, start, 2, |b| b == b'_')).flatten()
    })
}

/// End of the last part, of at least `parts_min`, after which the word ends.
fn last_end(text: &str, start: usize, parts_min: usize, joins: impl Fn(u8) -> bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut parts, mut last) = (start, 0, None);
    loop {
        let end = end_of(bytes, at, |b| b.is_ascii_alphanumeric());
        if end == at {
            return last;
        }
        parts += 1;
        if parts >= parts_min && !word_after(text, end) {
            last = Some(end);
        }
        match bytes.get(end) {
            Some(b) if joins(*b) => at = end + 1,
            _ => return last,
        }
    }
}

fn end_of(bytes: &[u8], start: usize, belongs: impl Fn(u8) -> bool) -> usize {
    bytes[start..].iter().position(|b| !belongs(*b)).map_or(bytes.len(), |n| start + n)
}

fn word_before(text: &str, at: usize) -> bool {
    text[..at].chars().next_back().is_some_and(is_word_char)
}

fn word_after(text: &str, at: usize) -> bool {
    text[at..].chars().next().is_some_and(is_word_char)
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn idents_of_texts() {
        let cases: &[(&str, &[&str])] = &[
            ("ticket TK-6165, file_name and x", &["TK-6165", "file_name"]),
            ("a1-b_ x", &["a1"]),
            ("abc_ d", &[]),
            ("é1a b2c", &["b2c"]),
            ("plain words 123", &[]),
            ("snake_case_2 14b", &["snake_case_2", "14b"]),
        ];
        for (text, expected) in cases {
            let found: Vec<&str> = find(text).into_iter().map(|(start, end)| &text[start..end]).collect();
            assert_eq!(&found, expected, "{text}");
        }
    }
}
