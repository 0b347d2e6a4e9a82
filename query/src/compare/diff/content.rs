//! How two contents differ: the members of two JSON documents, or the lines of two texts.
//!
//! Guarantee: volatile parts do not count (as in the module `normal`), so contents of equal digests have no
//! difference; at most [`DIFFERENCES_SHOWN_MAX`] entries are kept and the rest counted; values are cut to
//! [`VALUE_CHARS_MAX`] characters, around the place where they differ.

use super::limits::{DEPTH_MAX, DIFFERENCES_SHOWN_MAX, LINES_COMPARED_MAX, VALUE_CHARS_MAX};
use super::normal::normal_text;
use super::volatile::Volatile;
use serde::Serialize;
use serde_json::Value;
use similar::{Algorithm, DiffOp};
use utoipa::ToSchema;

/// One place where two contents differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Difference {
    /// Path of the JSON member (`$.path.to[3]`), or of a text the line from 1, in A where A has it (`line 12`).
    pub at: String,
    /// What A has; `None` where it has nothing.
    pub a: Option<String>,
    /// What B has; `None` where it has nothing.
    pub b: Option<String>,
}

/// How two contents differ.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ContentDiff {
    /// The first differences.
    pub differences: Vec<Difference>,
    /// How many there are besides.
    pub more: usize,
    /// Whether only the beginnings of the contents were compared.
    pub excerpts_only: bool,
}

impl ContentDiff {
    fn add(&mut self, at: impl FnOnce() -> String, a: Option<&str>, b: Option<&str>) {
        if self.differences.len() >= DIFFERENCES_SHOWN_MAX {
            self.more += 1;
            return;
        }
        let start = match (a, b) {
            (Some(a), Some(b)) => a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count(),
            _ => 0,
        };
        let cut = |text: &str| around(text, start);
        self.differences.push(Difference { at: at(), a: a.map(cut), b: b.map(cut) });
    }
}

/// The part of `text` in which its character `at` stands.
fn around(text: &str, at: usize) -> String {
    let from = at.saturating_sub(VALUE_CHARS_MAX / 4);
    let length = text.chars().count();
    if length <= VALUE_CHARS_MAX {
        return text.to_owned();
    }
    let from = from.min(length - VALUE_CHARS_MAX);
    let mut cut = String::from(if from > 0 { "…" } else { "" });
    cut.extend(text.chars().skip(from).take(VALUE_CHARS_MAX));
    if from + VALUE_CHARS_MAX < length {
        cut.push('…');
    }
    cut
}

/// How the contents `a` and `b` of two steps of kind `kind` differ.
#[must_use]
pub fn content_diff(kind: &str, a: &str, b: &str) -> ContentDiff {
    let mut diff = ContentDiff::default();
    let json = |text: &str| serde_json::from_str::<Value>(text).ok().filter(|v| v.is_object() || v.is_array());
    match (json(a), json(b)) {
        (Some(a), Some(b)) => values(Volatile::of_kind(kind), kind, "$", (&a, &b), 0, &mut diff),
        _ => lines(kind, a, b, &mut diff),
    }
    diff
}

fn values(rules: Volatile, kind: &str, path: &str, pair: (&Value, &Value), depth: usize, diff: &mut ContentDiff) {
    match pair {
        (Value::Object(a), Value::Object(b)) if depth < DEPTH_MAX => {
            let mut names: Vec<&String> = a.keys().chain(b.keys().filter(|name| !a.contains_key(*name))).collect();
            names.sort_unstable();
            for name in names.into_iter().filter(|name| !rules.leaves_out_member(name)) {
                member(rules, kind, &format!("{path}.{name}"), (a.get(name), b.get(name)), depth, diff);
            }
        }
        (Value::Array(a), Value::Array(b)) if depth < DEPTH_MAX => {
            for i in 0..a.len().max(b.len()) {
                member(rules, kind, &format!("{path}[{i}]"), (a.get(i), b.get(i)), depth, diff);
            }
        }
        (a, b) if a == b => {}
        (Value::String(a), Value::String(b)) if a.contains('\n') && b.contains('\n') => {
            let mut inner = ContentDiff::default();
            lines(kind, a, b, &mut inner);
            for found in inner.differences {
                diff.add(|| format!("{path}, {}", found.at), found.a.as_deref(), found.b.as_deref());
            }
            diff.more += inner.more;
        }
        (a, b) => {
            let (a, b) = (plain(a), plain(b));
            if normal_text(kind, a.as_bytes()) != normal_text(kind, b.as_bytes()) {
                diff.add(|| path.to_owned(), Some(&a), Some(&b));
            }
        }
    }
}

fn member(
    rules: Volatile,
    kind: &str,
    path: &str,
    pair: (Option<&Value>, Option<&Value>),
    depth: usize,
    diff: &mut ContentDiff,
) {
    match pair {
        (Some(a), Some(b)) => values(rules, kind, path, (a, b), depth + 1, diff),
        (a, b) => diff.add(|| path.to_owned(), a.map(plain).as_deref(), b.map(plain).as_deref()),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Lines are matched as they are compared, and shown as they are.
fn lines(kind: &str, a: &str, b: &str, diff: &mut ContentDiff) {
    let all = |text: &str| text.lines().take(LINES_COMPARED_MAX).map(str::to_owned).collect::<Vec<_>>();
    let (a, b) = (all(a), all(b));
    let normal =
        |lines: &[String]| -> Vec<String> { lines.iter().map(|line| normal_text(kind, line.as_bytes())).collect() };
    for op in similar::capture_diff_slices(Algorithm::Patience, &normal(&a), &normal(&b)) {
        if matches!(op, DiffOp::Equal { .. }) {
            continue;
        }
        let (in_a, in_b) = (op.old_range(), op.new_range());
        for i in 0..in_a.len().max(in_b.len()) {
            let (x, y) = (in_a.start + i, in_b.start + i);
            let line_a = a.get(x).filter(|_| i < in_a.len());
            let line_b = b.get(y).filter(|_| i < in_b.len());
            let line = if line_a.is_some() { x } else { y };
            diff.add(|| format!("line {}", line + 1), line_a.map(String::as_str), line_b.map(String::as_str));
        }
    }
}
