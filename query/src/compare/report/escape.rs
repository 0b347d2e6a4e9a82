//! Text of the input as text of the page.
//!
//! Guarantee: the result holds none of `< > & " '` but as references, so it stays text both between tags and within
//! quoted attributes; hidden characters are written out (see `compare::shown`), so it cannot turn the text around it.

use crate::compare::shown::shown;

/// One line, at most `chars_max` characters of it.
pub(super) fn escape(text: &str, chars_max: usize) -> String {
    references(&shown(text, chars_max))
}

/// The same for text of several lines, which stay apart.
pub(super) fn escape_lines(text: &str, chars_max: usize) -> String {
    let cut: String = text.chars().take(chars_max).collect();
    let mut lines: Vec<_> = cut.lines().map(|line| references(&shown(line, chars_max))).collect();
    if cut.len() < text.len() {
        lines.push("…".into());
    }
    lines.join("\n")
}

/// One line of the page, set apart from the direction of the text around it.
pub(super) fn apart(text: &str, chars_max: usize) -> String {
    format!("<bdi>{}</bdi>", escape(text, chars_max))
}

fn references(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
