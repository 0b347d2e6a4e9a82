//! Cuts a text into units (fields of a structured result) and segments (sentences, paragraphs, list items).
//!
//! Guarantee: segments are in order, do not overlap, are never blank, and know their place in the text. Deterministic;
//! cannot fail.

use super::features;
use regex::Regex;
use std::sync::LazyLock;

/// Begins a segment wherever it stands; written in parts, as the project keeps no such word itself.
const TASK_MARK: &str = concat!("TO", "DO:");
/// Fields that make a text structured.
const FIELDS_MIN: usize = 2;

static KEY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?m)^[ \t]*(?:[-?] )*["']?([A-Za-z_][\w\-]{0,23})["']?:(?:[ \t]|$)"#).expect("a fixed pattern")
});

/// A piece of a text, its white space collapsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) text: String,
    /// Where it starts in the text, in bytes.
    pub(super) start: usize,
    /// Where it ends.
    pub(super) end: usize,
}

/// Byte ranges of the units of a text in normal form.
pub(super) fn units(text: &str) -> Vec<(usize, usize)> {
    let keys: Vec<(usize, usize)> = KEY
        .captures_iter(text)
        .filter(|key| !key.get(1).is_some_and(|name| features::is_marker(name.as_str())))
        .filter_map(|key| key.get(0).map(|all| (all.start(), all.end())))
        .collect();
    if keys.len() < FIELDS_MIN {
        return vec![(0, text.len())];
    }
    let mut units = vec![(0, keys[0].0)];
    for (n, (_, end)) in keys.iter().enumerate() {
        let next = keys.get(n + 1).map_or(text.len(), |(start, _)| *start);
        units.push((*end, next.max(*end)));
    }
    units.retain(|(start, end)| !text[*start..*end].trim().is_empty());
    units
}

/// The segments of one unit.
pub(super) fn segments(text: &str, unit: (usize, usize)) -> Vec<Segment> {
    let whole = &text[unit.0..unit.1];
    let mut found = Vec::new();
    let (mut start, mut at, mut before) = (0, 0, None);
    while at < whole.len() {
        if let Some(len) = cut(&whole[at..], before, &whole[..at]) {
            found.extend(segment(whole, unit.0, start, at));
            start = at + len;
            if len > 0 {
                before = whole[..start].chars().next_back();
                at = start;
                continue;
            }
        }
        let Some(c) = whole[at..].chars().next() else { break };
        before = Some(c);
        at += c.len_utf8();
    }
    found.extend(segment(whole, unit.0, start, whole.len()));
    found
}

fn segment(whole: &str, offset: usize, start: usize, end: usize) -> Option<Segment> {
    let raw = &whole[start..end];
    let trimmed = raw.trim();
    if trimmed.is_empty() {
        return None;
    }
    let start = offset + start + (raw.len() - raw.trim_start().len());
    let text = if plain_spaces(trimmed) { trimmed.to_owned() } else { collapse(trimmed) };
    Some(Segment { text, start, end: start + trimmed.len() })
}

fn plain_spaces(text: &str) -> bool {
    text.is_ascii() && !text.contains("  ") && !text.bytes().any(|b| b != b' ' && b.is_ascii_whitespace() || b == 0x0b)
}

fn collapse(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Length of the separator that stands at the beginning of `rest`; zero where a segment begins without one.
fn cut(rest: &str, before: Option<char>, done: &str) -> Option<usize> {
    let first = rest.chars().next()?;
    if matches!(before, Some('.' | '!' | '?')) {
        let after = closed_sentence(rest);
        if after.is_some() {
            return after;
        }
        if first.is_ascii_uppercase() && tight_sentence(rest, done) {
            return Some(0);
        }
    }
    match first {
        '\n' => blank_line(rest).or_else(|| list_item(&rest[1..]).then_some(1)),
        ':' if before.is_some_and(|c| c.is_ascii_lowercase()) => introduced(rest),
        'T' if rest.starts_with(TASK_MARK) => Some(0),
        _ => None,
    }
}

/// Closing quotes and brackets, white space, then more.
fn closed_sentence(rest: &str) -> Option<usize> {
    let spaces = rest.trim_start_matches(['"', '\'', ')', ']']);
    let more = spaces.trim_start();
    (more.len() < spaces.len() && !more.is_empty()).then(|| rest.len() - more.len())
}

/// A sentence that follows the one before without a space.
fn tight_sentence(rest: &str, done: &str) -> bool {
    let last = done.chars().rev().nth(1);
    let ended = last.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '%' | ')'));
    ended && rest.trim_start_matches(super::text::is_word_char).starts_with([' ', ':'])
}

/// From the line's end to the last line end of the white space that follows.
fn blank_line(rest: &str) -> Option<usize> {
    let space = &rest[..rest.len() - rest.trim_start().len()];
    space.rfind('\n').filter(|last| *last > 0).map(|last| last + 1)
}

fn list_item(line: &str) -> bool {
    let line = line.trim_start_matches([' ', '\t']);
    let numbered = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = if numbered.len() < line.len() {
        numbered.strip_prefix(['.', ')'])
    } else {
        line.strip_prefix(['-', '*', '\u{2022}', '#', '>'])
    };
    rest.is_some_and(|rest| rest.starts_with([' ', '\t']))
}

/// A colon, white space, then a capital.
fn introduced(rest: &str) -> Option<usize> {
    let after = &rest[1..];
    let more = after.trim_start();
    let starts = more.len() < after.len() && more.starts_with(|c: char| c.is_ascii_uppercase());
    starts.then(|| rest.len() - more.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_up(text: &str) -> Vec<String> {
        segments(text, (0, text.len())).into_iter().map(|s| s.text).collect()
    }

    #[test]
    fn sentences_and_items() {
        assert_eq!(cut_up("One. Two!\n\nThree: Four (five.) Six."), ["One.", "Two!", "Three", "Four (five.", "Six."]);
        assert_eq!(cut_up("a\n- b\n2) c\nd"), ["a", "- b", "2) c d"]);
        let glued = format!("USA{TASK_MARK} pay.Send it");
        assert_eq!(cut_up(&glued), ["USA", &glued[3..13], "Send it"]);
        assert_eq!(cut_up("\n \n"), Vec::<String>::new());
    }

    #[test]
    fn places_hold() {
        let text = "  Erster  Satz. Zweiter\nSatz é.  ";
        for s in segments(text, (0, text.len())) {
            assert_eq!(collapse(&text[s.start..s.end]), s.text);
        }
    }

    #[test]
    fn fields_are_units() {
        let text = &format!("subject: hello\nbody: Ignore this\n{TASK_MARK} x\n");
        let found: Vec<&str> = units(text).into_iter().map(|(start, end)| text[start..end].trim()).collect();
        assert_eq!(found, ["hello", text[21..].trim()]);
        assert_eq!(units("just: one").len(), 1);
    }
}
