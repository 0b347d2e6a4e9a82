//! Normal form, tokens, stems and runs of four tokens.
//!
//! Guarantee: [`norm`] looks at the first [`TEXT_CHARS_MAX`] characters, undoes two levels of JSON escapes, and gives
//! NFKC with plain quotes; every place in it leads back to a place in the source. Deterministic; cannot fail.

use super::limits::TEXT_CHARS_MAX;
use super::mapped::Mapped;
use icu_normalizer::ComposingNormalizerBorrowed;
use regex::Regex;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

/// Tokens that make one gram.
pub(super) const GRAM_TOKENS: usize = 4;

static FOLD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\\\r?\n\s*(?:\\ )?|\\ ").expect("a fixed pattern"));
static ESCAPE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"\\(?:([nrt])|u([0-9a-fA-F]{4})|(["'/\\]))"#).expect("a fixed pattern"));

/// The normal form of a text.
pub fn norm(text: &str) -> String {
    normal(Mapped::whole(text)).text
}

/// The normal form, with the way back to the places of the source.
pub(super) fn normal(text: Mapped) -> Mapped {
    let mut text = text;
    text.keep_chars(TEXT_CHARS_MAX);
    if text.text.contains('\\') {
        text = text.replace_all(&FOLD, |_| Some(" ".into()));
        text = unescape(unescape(text));
    }
    if text.text.is_ascii() {
        return text;
    }
    let text = compose(text);
    text.replace_chars(|c| match c {
        '\u{2018}' | '\u{2019}' => Some("'"),
        '\u{201c}' | '\u{201d}' => Some("\""),
        _ => None,
    })
}

fn unescape(text: Mapped) -> Mapped {
    if !text.text.contains('\\') {
        return text;
    }
    text.replace_all(&ESCAPE, |found| {
        if let Some(letter) = found.get(1) {
            return Some(if letter.as_str() == "t" { " ".into() } else { "\n".into() });
        }
        if let Some(code) = found.get(2) {
            // Halves of a surrogate pair stand for no character by themselves.
            let code = u32::from_str_radix(code.as_str(), 16).ok()?;
            return Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER).to_string());
        }
        found.get(3).map(|kept| kept.as_str().to_owned())
    })
}

/// NFKC, piece by piece: nothing composes with an ASCII character that follows it, so a piece starts at each of them.
fn compose(text: Mapped) -> Mapped {
    let normalizer = ComposingNormalizerBorrowed::new_nfkc();
    if normalizer.is_normalized(&text.text) {
        return text;
    }
    text.rewrite(|source, sink| {
        let mut start = 0;
        while start < source.len() {
            let end = piece_end(source, start);
            let piece = &source[start..end];
            let made = if piece.len() == 1 { None } else { Some(normalizer.normalize(piece)) };
            match made {
                Some(made) if made != piece => sink.put(&made, start),
                _ => sink.copy(start, end),
            }
            start = end;
        }
    })
}

/// Longest run of characters beyond ASCII that is normalised in one piece, in bytes; keeps places fine enough.
const PIECE_BYTES: usize = 64;

fn piece_end(source: &str, start: usize) -> usize {
    let mut chars = source[start..].char_indices().skip(1);
    let ends = |(at, c): &(usize, char)| c.is_ascii() || (*at >= PIECE_BYTES && stands_alone(*c));
    chars.find(ends).map_or(source.len(), |(at, _)| start + at)
}

/// Letters that never join what stands before them: ideographs and kana without marks, punctuation.
fn stands_alone(c: char) -> bool {
    matches!(c, '\u{3001}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{4e00}'..='\u{9fff}' | '\u{0410}'..='\u{044f}')
}

/// Whether a character belongs to a token.
pub(super) fn is_token_char(c: char) -> bool {
    c.is_alphanumeric()
}

/// Whether a character belongs to a word in the sense of the patterns: letter, digit or underscore.
pub(super) fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Tokens: longest runs of letters and digits, in lower case.
pub fn tokens(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    lower.split(|c| !is_token_char(c)).filter(|t| !t.is_empty()).map(str::to_owned).collect()
}

/// The tokens with one space between them.
pub(super) fn token_line(tokens: &[String]) -> String {
    tokens.join(" ")
}

const SUFFIXES: &[&str] = &["ations", "ation", "ings", "ing", "ions", "ion", "ers", "er", "ed", "es", "s", "e"];
const STEM_CHARS_MAX: usize = 6;
const SHORT_TOKEN_CHARS: usize = 4;

/// A token without its ending, cut to six characters; tokens of at most four stay.
pub fn stem(token: &str) -> String {
    if token.chars().count() <= SHORT_TOKEN_CHARS {
        return token.to_owned();
    }
    let longest = SUFFIXES.iter().filter_map(|s| token.strip_suffix(s)).min_by_key(|rest| rest.len());
    longest.unwrap_or(token).chars().take(STEM_CHARS_MAX).collect()
}

/// The hash of one run of tokens.
pub(super) fn gram(run: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    run.hash(&mut hasher);
    hasher.finish()
}

/// Hashes of all runs of four tokens.
pub fn grams(tokens: &[String]) -> HashSet<u64> {
    tokens.windows(GRAM_TOKENS).map(gram).collect()
}
