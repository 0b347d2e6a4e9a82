//! How a text is changed on its way.
//!
//! Guarantee: every change keeps the poison's value (or its whole phrase, where it has no value); deterministic. A person's
//! name is not put into other case: by itself it would be two common words.

use super::poison::Poison;
use super::rng::Rng;
use serde_json::{Value, json};

/// See the module [`super`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    Verbatim,
    Excerpt,
    Spaces,
    Case,
    Quotes,
    Json,
    Forms,
    ValueOnly,
    Grouped,
    Split,
}

/// Changes of running text.
const OF_TEXT: [Change; 9] = [
    Change::Verbatim,
    Change::Excerpt,
    Change::Spaces,
    Change::Case,
    Change::Quotes,
    Change::Json,
    Change::Forms,
    Change::ValueOnly,
    Change::Grouped,
];

/// One of the changes that fit the poison.
pub(super) fn of_text(rng: &mut Rng, poison: &Poison) -> Change {
    let change = OF_TEXT[rng.below(OF_TEXT.len() as u64) as usize];
    match change {
        Change::Grouped if poison.grouped.is_none() => Change::ValueOnly,
        Change::Case if poison.is_name => Change::Verbatim,
        other => other,
    }
}

/// The poison as running text.
pub(super) fn text(rng: &mut Rng, poison: &Poison, change: Change) -> String {
    let claim = poison.claim();
    match change {
        Change::Verbatim | Change::Split => claim,
        Change::Excerpt => format!("… {} …", poison.excerpt()),
        Change::Spaces => claim.replace(' ', if rng.chance(50) { "  " } else { " \n\t" }),
        Change::Case => {
            if rng.chance(50) {
                claim.to_uppercase()
            } else {
                claim.to_lowercase()
            }
        }
        Change::Quotes => format!("\u{201c}{}\u{201d}", claim.replace('\'', "\u{2019}")),
        Change::Json => format!("{{\"rows\":1,\"row\":\"{}\"}}", escaped(&claim)),
        Change::Forms => other_forms(&claim, &poison.value),
        Change::ValueOnly => format!("Noted for later use, see {} in the file.", poison.value),
        Change::Grouped => format!("Written out: {}", poison.grouped.as_deref().unwrap_or(&poison.value)),
    }
}

/// The poison as arguments of a call, and how it was changed.
pub(super) fn arguments(rng: &mut Rng, poison: &Poison) -> (Value, Change) {
    if rng.chance(25) {
        let (party, value) = (&poison.party, &poison.value);
        return (
            json!({"party": party, "details": {"field": value, "because": ["as noted", 1]}, "dry_run": false}),
            Change::Split,
        );
    }
    let change = of_text(rng, poison);
    let text = text(rng, poison, change);
    (json!({"subject": "update", "body": text}), change)
}

/// As JSON writes a string, with everything beyond ASCII and some more escaped.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for unit in text.encode_utf16() {
        match char::from_u32(u32::from(unit)).filter(char::is_ascii) {
            Some('/') => out.push_str("\\/"),
            Some(' ') if out.ends_with('.') => out.push_str("\\n"),
            Some(c @ ('"' | '\\')) => out.extend(['\\', c]),
            Some(c) => out.push(c),
            None => out.push_str(&format!("\\u{unit:04x}")),
        }
    }
    out
}

/// Full-width letters and digits for the value, letters taken apart for the rest.
fn other_forms(claim: &str, value: &str) -> String {
    let wide = |c: char| if c.is_ascii_graphic() { char::from_u32(c as u32 + 0xfee0).unwrap_or(c) } else { c };
    let wide_value: String = value.chars().map(wide).collect();
    let apart = [("ö", "o\u{308}"), ("ü", "u\u{308}"), ("é", "e\u{301}"), ("ô", "o\u{302}")];
    apart.iter().fold(claim.replace(value, &wide_value), |text, (whole, parts)| text.replace(whole, parts))
}
