//! The normal form in which altered copies are compared: NFKC, lower case, one space for any white space, invisible
//! characters left out. Pure; never fails.

use icu_normalizer::ComposingNormalizerBorrowed;

/// The normal form of `text`.
pub fn normal_text(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    walk(text, &mut |char, _| normal.push(char));
    normal
}

/// Appends NFKC in lower case, without touching white space.
pub(super) fn fold_into(text: &str, to: &mut String) {
    let composed = ComposingNormalizerBorrowed::new_nfkc().normalize(text);
    to.extend(composed.chars().flat_map(char::to_lowercase));
}

/// Gives every character of the normal form, and the byte of `text` that it came from.
pub(super) fn walk(text: &str, give: &mut dyn FnMut(char, usize)) {
    let bytes = text.as_bytes();
    let mut spaces = Spaces { pending: false, begun: false };
    let mut folded = String::new();
    let mut at = 0;
    while at < bytes.len() {
        let next = bytes.get(at + 1);
        if bytes[at] < 0x80 && next.is_none_or(|byte| *byte < 0x80) {
            spaces.give(char::from(bytes[at].to_ascii_lowercase()), at, give);
            at += 1;
            continue;
        }
        let end = stretch_end(bytes, at);
        folded.clear();
        fold_into(&text[at..end], &mut folded);
        give_stretch(&text[at..end], at, &folded, &mut spaces, give);
        at = end;
    }
}

/// End of the stretch from `at` that is normalised as one: up to an ASCII byte that another one follows.
fn stretch_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while end < bytes.len() && !(bytes[end] < 0x80 && bytes.get(end + 1).is_none_or(|byte| *byte < 0x80)) {
        end += 1;
    }
    end
}

fn give_stretch(from: &str, start: usize, folded: &str, spaces: &mut Spaces, give: &mut dyn FnMut(char, usize)) {
    let places: Vec<usize> = from.char_indices().map(|(at, _)| start + at).collect();
    let count = folded.chars().count();
    for (index, char) in folded.chars().enumerate() {
        let place = places.get(index * places.len() / count.max(1)).copied().unwrap_or(start);
        spaces.give(char, place, give);
    }
}

/// White space seen and not yet given.
struct Spaces {
    pending: bool,
    begun: bool,
}

impl Spaces {
    fn give(&mut self, char: char, at: usize, give: &mut dyn FnMut(char, usize)) {
        if char.is_whitespace() {
            self.pending = self.begun;
        } else if !is_invisible(char) {
            if std::mem::take(&mut self.pending) {
                give(' ', at);
            }
            self.begun = true;
            give(char, at);
        }
    }
}

fn is_invisible(char: char) -> bool {
    matches!(char, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}
