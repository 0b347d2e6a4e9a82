//! Atoms: values distinctive enough to be recognised elsewhere, in a canonical form, and the amounts beside a currency.
//!
//! Guarantee: kinds are tried in a fixed order, and what one kind took no later kind sees; the text is expected in the
//! form of [`norm`](super::text::norm). Deterministic; cannot fail.

use super::{idents, numbers, text};
use regex::Regex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Kinds of atoms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtomKind {
    /// A day, `2024-05-13`.
    Date,
    /// An address of mail.
    Email,
    /// An account number.
    Iban,
    /// A word with letters and digits, or joined by underscores.
    Id,
    /// Two or more capitalised words.
    Name,
    /// A number of three digits or more, or an amount.
    Num,
    /// A path or a file name.
    Path,
    /// A time of day, `17:05`.
    Time,
    /// An address of the web.
    Url,
    /// A year, which says nothing.
    Year,
}

impl AtomKind {
    /// How much a shared atom of this kind counts.
    pub fn weight(self) -> f64 {
        match self {
            Self::Email | Self::Url | Self::Iban => 2.0,
            Self::Id | Self::Path | Self::Name => 1.5,
            Self::Date | Self::Time | Self::Num => 1.0,
            Self::Year => 0.0,
        }
    }
}

/// A value in canonical form.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Atom {
    /// Its kind.
    pub kind: AtomKind,
    /// Its canonical form.
    pub value: String,
}

impl Atom {
    /// An atom.
    pub fn new(kind: AtomKind, value: impl Into<String>) -> Self {
        Self { kind, value: value.into() }
    }
}

/// Shortest value that is an atom, in characters.
const ATOM_CHARS_MIN: usize = 3;
/// Shortest path.
const PATH_CHARS_MIN: usize = 4;
/// Stands where an atom was taken out.
const TAKEN: &str = " \u{1} ";

fn fixed(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a fixed pattern")
}

static EMAIL: LazyLock<Regex> = LazyLock::new(|| fixed(r"(?i)[a-z0-9][a-z0-9._%+\-]*@[a-z0-9\-]+(?:\.[a-z0-9\-]+)+"));
static URL: LazyLock<Regex> = LazyLock::new(|| fixed(r#"(?i)(?:https?://|www\.)[^\s"'<>()\[\]{},;]+"#));
static IBAN: LazyLock<Regex> = LazyLock::new(|| fixed(r"(?i)\b[a-z]{2}[0-9]{2}[a-z0-9]{8,30}\b"));
static DATE: LazyLock<Regex> = LazyLock::new(|| fixed(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b"));
static TIME: LazyLock<Regex> = LazyLock::new(|| fixed(r"\b[0-9]{1,2}:[0-9]{2}\b"));
static PATH: LazyLock<Regex> = LazyLock::new(|| fixed(r"(?i)(?:[\w.\-]+)?(?:/[\w.\-]+)+|\b[\w\-]+\.[a-z]{2,5}\b"));
static NAME: LazyLock<Regex> = LazyLock::new(|| fixed(r"\b[A-Z][\w'&]+(?: (?:of|de|the|and|&) )?(?: [A-Z][\w'&]+)+"));
static DAY_FIRST: LazyLock<Regex> = LazyLock::new(|| {
    fixed(
        r"(?i)\b([0-9]{1,2})(?:st|nd|rd|th)?(?: of)? (jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*,? ([0-9]{4})\b",
    )
});
static MONTH_FIRST: LazyLock<Regex> = LazyLock::new(|| {
    fixed(r"(?i)\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* ([0-9]{1,2})(?:st|nd|rd|th)?,? ([0-9]{4})\b")
});
static AMOUNT: LazyLock<Regex> = LazyLock::new(|| {
    fixed(concat!(
        r"(?i)(?:(?:EUR|USD|GBP|CHF|[€$£])\s?([0-9][0-9.,]*[0-9]|[0-9])",
        r"|([0-9][0-9.,]*[0-9]|[0-9])\s?(?:EUR|USD|GBP|CHF|[€$£%]|percent\b)",
        r#"|"?\w*(?:eur|usd|price|amount|limit|total|percent|rate)\w*"?\s*[:=]\s*"?([0-9][0-9.,]*[0-9]|[0-9]))"#
    ))
});
/// Account numbers as people write them: letters and digits in groups of four.
static IN_GROUPS: LazyLock<Regex> = LazyLock::new(|| {
    fixed(concat!(
        r"(?i)\b(?:[a-z]{2}[0-9]{2}(?:[ \-][a-z0-9]{4}){2,7}(?:[ \-][a-z0-9]{1,3})?",
        r"|[0-9]{4}(?:[ \-][0-9]{4}){2,3}(?:[ \-][0-9]{1,3})?)\b"
    ))
});
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// The atoms of a text in normal form.
pub fn atoms(text: &str) -> BTreeSet<Atom> {
    let mut found = BTreeSet::new();
    if text.is_empty() {
        return found;
    }
    written_days(text, &mut found);
    let mut rest = text.to_owned();
    if rest.contains('@') {
        rest = take(&rest, &EMAIL, AtomKind::Email, &mut found);
    }
    rest = take(&rest, &URL, AtomKind::Url, &mut found);
    if rest.bytes().any(|b| b.is_ascii_digit()) {
        rest = take(&rest, &IBAN, AtomKind::Iban, &mut found);
        rest = take(&rest, &DATE, AtomKind::Date, &mut found);
        rest = take(&rest, &TIME, AtomKind::Time, &mut found);
    }
    rest = take_idents(&rest, &mut found);
    if rest.contains(['/', '.']) {
        rest = take(&rest, &PATH, AtomKind::Path, &mut found);
    }
    numbers_of(&rest, &mut found);
    for name in NAME.find_iter(&rest) {
        found.insert(named(name.as_str()));
    }
    found
}

fn named(name: &str) -> Atom {
    Atom::new(AtomKind::Name, text::token_line(&text::tokens(name)))
}

/// Atoms that count, and amounts: what is followed from event to event.
pub fn marks(normal: &str) -> BTreeSet<Atom> {
    let mut found = atoms(normal);
    found.retain(|atom| atom.kind.weight() > 0.0);
    for amount in AMOUNT.captures_iter(normal) {
        let number = [1, 2, 3].iter().find_map(|n| amount.get(*n));
        found.extend(number.map(|n| Atom::new(AtomKind::Num, numbers::canonical(n.as_str()))));
    }
    if normal.contains(['\n', '\t']) || normal.contains("  ") {
        // A name may stand over two lines.
        let one_line = normal.split_whitespace().collect::<Vec<_>>().join(" ");
        found.extend(NAME.find_iter(&one_line).map(|name| named(name.as_str())));
    }
    found.extend(IN_GROUPS.find_iter(normal).filter_map(|groups| account(groups.as_str())));
    found
}

/// An account number without its gaps, as it is found where it stands without them.
fn account(groups: &str) -> Option<Atom> {
    let value: String = groups.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let kind = if digits == value.len() { AtomKind::Num } else { AtomKind::Iban };
    (2 * digits >= value.len()).then(|| Atom::new(kind, value))
}

/// The weight of atoms together.
pub fn weight<'a>(atoms: impl IntoIterator<Item = &'a Atom>) -> f64 {
    atoms.into_iter().map(|atom| atom.kind.weight()).sum()
}

fn written_days(text: &str, found: &mut BTreeSet<Atom>) {
    for day in DAY_FIRST.captures_iter(text) {
        found.extend(date(&day[3], &day[2], &day[1]));
    }
    for day in MONTH_FIRST.captures_iter(text) {
        found.extend(date(&day[3], &day[1], &day[2]));
    }
}

fn date(year: &str, month: &str, day: &str) -> Option<Atom> {
    let month = MONTHS.iter().position(|m| m.eq_ignore_ascii_case(month))? + 1;
    Some(Atom::new(AtomKind::Date, format!("{year}-{month:02}-{day:0>2}")))
}

fn take(text: &str, pattern: &Regex, kind: AtomKind, found: &mut BTreeSet<Atom>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for hit in pattern.find_iter(text) {
        let Some(value) = canonical(hit.as_str(), kind) else { continue };
        out.push_str(&text[done..hit.start()]);
        out.push_str(TAKEN);
        done = hit.end();
        keep(value, kind, found);
    }
    out.push_str(&text[done..]);
    out
}

fn take_idents(text: &str, found: &mut BTreeSet<Atom>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (start, end) in idents::find(text) {
        out.push_str(&text[done..start]);
        out.push_str(TAKEN);
        done = end;
        keep(text[start..end].to_lowercase(), AtomKind::Id, found);
    }
    out.push_str(&text[done..]);
    out
}

fn keep(value: String, kind: AtomKind, found: &mut BTreeSet<Atom>) {
    if value.chars().count() >= ATOM_CHARS_MIN {
        found.insert(Atom::new(kind, value));
    }
}

/// `None` where the hit is too short to be taken out at all.
fn canonical(hit: &str, kind: AtomKind) -> Option<String> {
    let lower = hit.to_lowercase();
    let value = match kind {
        AtomKind::Url => web_address(&lower),
        _ => lower.trim_end_matches('.'),
    };
    (kind != AtomKind::Path || value.chars().count() >= PATH_CHARS_MIN).then(|| value.to_owned())
}

fn web_address(lower: &str) -> &str {
    let rest = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://")).unwrap_or(lower);
    let rest = rest.strip_prefix("www.").unwrap_or(rest);
    rest.trim_end_matches(['/', '.', ',', ':', ';', '!', '?'])
}

fn numbers_of(text: &str, found: &mut BTreeSet<Atom>) {
    for (start, end) in numbers::find(text) {
        let value = numbers::canonical(&text[start..end]);
        if numbers::is_year(&value) {
            found.insert(Atom::new(AtomKind::Year, value));
        } else if numbers::is_long(&value) {
            found.insert(Atom::new(AtomKind::Num, value));
        }
    }
}
