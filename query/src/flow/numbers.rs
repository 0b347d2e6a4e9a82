//! Finds numbers and gives them one form: no sign, no thousands separators, a decimal point, no idle zeros.
//!
//! Guarantee: linear in the text; digits are those of ASCII; spans are in order and do not overlap. Cannot fail.

use super::text::is_word_char;

/// Digits that make a number distinctive.
const LONG_DIGITS: usize = 3;
/// Digits of a group between thousands separators.
const GROUP_DIGITS: usize = 3;

/// Byte spans of the numbers of a text.
pub(super) fn find(text: &str) -> Vec<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !matches!(bytes[at], b'0'..=b'9' | b'+' | b'-') {
            at += 1;
            continue;
        }
        match grouped(text, at).or_else(|| plain(text, at)) {
            Some(end) => {
                found.push((at, end));
                at = end;
            }
            None => at += 1,
        }
    }
    found
}

/// A number with thousands separators.
fn grouped(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let before = text[..start].chars().next_back();
    if before.is_some_and(|c| is_word_char(c) || matches!(c, '.' | '-' | '/')) {
        return None;
    }
    let first = start + usize::from(matches!(bytes[start], b'+' | b'-'));
    let mut at = digits_end(bytes, first);
    if at == first || at - first > GROUP_DIGITS {
        return None;
    }
    let mut ends = Vec::new();
    while let Some(group) = separator_end(text, at) {
        let run = digits_end(bytes, group) - group;
        if run < GROUP_DIGITS {
            break;
        }
        at = group + GROUP_DIGITS;
        ends.push(at);
        if run > GROUP_DIGITS {
            break;
        }
    }
    ends.into_iter().rev().find_map(|end| {
        let fraction = fraction_end(bytes, end, b".").filter(|end| !word_at(text, *end));
        fraction.or_else(|| (!word_at(text, end)).then_some(end))
    })
}

fn plain(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let before = text[..start].chars().next_back();
    if !bytes[start].is_ascii_digit() || before.is_some_and(|c| is_word_char(c) || c == '.') {
        return None;
    }
    let end = digits_end(bytes, start);
    let fraction = fraction_end(bytes, end, b".,").filter(|end| !word_at(text, *end));
    fraction.or_else(|| (!word_at(text, end)).then_some(end))
}

fn digits_end(bytes: &[u8], start: usize) -> usize {
    bytes[start..].iter().position(|b| !b.is_ascii_digit()).map_or(bytes.len(), |n| start + n)
}

fn fraction_end(bytes: &[u8], at: usize, points: &[u8]) -> Option<usize> {
    bytes.get(at).filter(|b| points.contains(b))?;
    let end = digits_end(bytes, at + 1);
    (end > at + 1).then_some(end)
}

fn separator_end(text: &str, at: usize) -> Option<usize> {
    let c = text[at..].chars().next()?;
    matches!(c, ' ' | ',' | '\'' | '\u{202f}').then(|| at + c.len_utf8())
}

fn word_at(text: &str, at: usize) -> bool {
    text[at..].chars().next().is_some_and(is_word_char)
}

/// The one form of a number.
pub(super) fn canonical(number: &str) -> String {
    let mut text: String = number.trim().trim_start_matches(['+', '-']).into();
    text.retain(|c| !matches!(c, ' ' | '\'' | '\u{202f}'));
    if text.contains(',') {
        let with = if text.contains('.') || has_groups(&text) { "" } else { "." };
        text = text.replace(',', with);
    }
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').len());
        text.truncate(text.trim_end_matches('.').len());
    }
    let bare = text.trim_start_matches('0');
    if bare.is_empty() { "0".into() } else { bare.into() }
}

fn has_groups(text: &str) -> bool {
    let mut parts = text.split(',');
    let first = parts.next().is_some_and(|p| (1..=GROUP_DIGITS).contains(&p.len()) && all_digits(p));
    first && parts.all(|p| p.len() == GROUP_DIGITS && all_digits(p))
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a canonical number looks like a year of our time.
pub(super) fn is_year(number: &str) -> bool {
    number.len() == 4 && all_digits(number) && (number.starts_with("19") || number.starts_with("20"))
}

/// Whether a canonical number has enough digits to be distinctive.
pub(super) fn is_long(number: &str) -> bool {
    number.chars().filter(|c| *c != '.').count() >= LONG_DIGITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form() {
        for (number, expected) in [
            ("24,735.00", "24735"),
            ("24735.0", "24735"),
            ("24735", "24735"),
            ("0012", "12"),
            ("1,5", "1.5"),
            ("1 000 000", "1000000"),
            ("000", "0"),
            ("-720", "720"),
        ] {
            assert_eq!(canonical(number), expected, "{number}");
        }
    }

    #[test]
    fn numbers_of_texts() {
        let cases: &[(&str, &[&str])] = &[
            ("pay 24,735.00 or 12 345, now", &["24,735.00", "12 345"]),
            ("v1.2.3 a12 12a", &[]),
            ("1,2345 and 3.50x", &["1,2345", "3"]),
            ("-1 000 x-1 000", &["-1 000", "1", "000"]),
            ("5,123,45", &["5,123", "45"]),
        ];
        for (text, expected) in cases {
            let found: Vec<&str> = find(text).into_iter().map(|(start, end)| &text[start..end]).collect();
            assert_eq!(&found, expected, "{text}");
        }
    }
}
