//! Whether an act does what a window of orders says, beyond what the trusted words say.
//!
//! Guarantee: evidence is only what act and window share; what the trusted words say too counts little or nothing, and
//! so does what also stands in plain data. Deterministic; cannot fail.

use super::arguments;
use super::atoms::{Atom, atoms};
use super::features;
use super::lexicon::{self, Classes};
use super::limits::{TRUSTED_BYTES_MAX, VALUE_CHARS_MAX, VALUES_OF_CALL_MAX};
use super::orders::Window;
use super::text::{grams, norm, stem, token_line, tokens};
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};
use std::hash::Hash;

/// Part of an atom's weight that counts where the atom is known: from plain data, or from the trusted words.
const KNOWN_PART: f64 = 0.25;
/// What a shared run of four tokens counts.
const GRAM_WEIGHT: f64 = 1.5;
/// What a shared value counts, and one of a single character.
const VALUE_WEIGHT: f64 = 1.0;
const SHORT_VALUE_WEIGHT: f64 = 0.5;
/// What shared words count: each, each that plain data has, and all together at most.
const STEM_WEIGHT: f64 = 0.5;
const PLAIN_STEM_WEIGHT: f64 = 0.1;
const STEMS_WEIGHT_MAX: f64 = 2.0;
/// What a shared part of the tool's name counts, and a shared class of acts.
const TOOL_STEM_WEIGHT: f64 = 1.0;
const CLASS_WEIGHT: f64 = 0.75;
/// What the tool's whole name counts, and how long it must be, in bytes.
const TOOL_NAME_WEIGHT: f64 = 1.5;
const TOOL_NAME_BYTES_MIN: usize = 6;
/// Least evidence: a call and a text against strong orders; a call against weak ones, and its part from values.
const STRONG_CALL_MIN: f64 = 1.5;
const STRONG_TEXT_MIN: f64 = 2.0;
const WEAK_CALL_MIN: f64 = 2.5;
const WEAK_VALUES_MIN: f64 = 1.0;
/// Strength of a weak window in a source that the user named or handed work over to.
const NAMED_STRENGTH_MIN: u32 = 2;
/// Least evidence of a call once another act of the session follows the window.
pub(super) const FOLLOWED_MIN: f64 = 1.0;

/// The trusted words of a session: the operator's and people's.
#[derive(Debug, Clone, Default)]
pub(super) struct Trusted {
    line: String,
    lower: String,
    stems: HashSet<String>,
    atoms: BTreeSet<Atom>,
    grams: HashSet<u64>,
    classes: Classes,
    /// Whether they hand over work that stands elsewhere.
    pub(super) delegates: bool,
    /// Whether words were left out.
    pub(super) full: bool,
}

impl Trusted {
    /// Adds words.
    pub(super) fn add(&mut self, text: &str) {
        if self.line.len() + text.len() > TRUSTED_BYTES_MAX {
            self.full = true;
            return;
        }
        let text = norm(text);
        let tokens = tokens(&text);
        self.line.push_str(&format!(" {} ", token_line(&tokens)));
        self.lower.push_str(&text.to_lowercase());
        let stems: Vec<String> = tokens.iter().map(|t| stem(t)).collect();
        self.classes = self.classes.or(Classes::of(&stems));
        self.stems.extend(stems);
        self.atoms.extend(atoms(&text));
        self.grams.extend(grams(&tokens));
        self.delegates |= features::delegates(&text);
    }

    fn says(&self, value: &str) -> bool {
        self.line.contains(&format!(" {value} "))
    }
}

/// What an act is compared by.
#[derive(Debug, Clone)]
pub(super) struct Act {
    /// Name of the tool, for calls.
    pub(super) tool: Option<String>,
    atoms: BTreeSet<Atom>,
    grams: HashSet<u64>,
    stems: HashSet<String>,
    tool_stems: HashSet<String>,
    tool_classes: Classes,
    values: BTreeSet<String>,
}

impl Act {
    /// A call.
    pub(super) fn call(tool: &str, arguments: &Value) -> Self {
        let texts = arguments::scalars(arguments);
        let short = texts.iter().filter(|t| t.chars().nth(VALUE_CHARS_MAX).is_none());
        let values =
            short.take(VALUES_OF_CALL_MAX).map(|t| token_line(&tokens(&norm(t)))).filter(|v| !v.is_empty()).collect();
        let tool_stems = lexicon::tool_stems(tool);
        let base = Self::of_text(&texts.join("\n"));
        let tool_classes = Classes::of(&tool_stems);
        Self { tool: Some(tool.to_owned()), values, tool_classes, tool_stems, ..base }
    }

    /// A final text.
    pub(super) fn of_text(text: &str) -> Self {
        let text = norm(text);
        let tokens = tokens(&text);
        Self {
            tool: None,
            atoms: atoms(&text),
            grams: grams(&tokens),
            stems: lexicon::telling_stems(&tokens),
            tool_stems: HashSet::new(),
            tool_classes: Classes::default(),
            values: BTreeSet::new(),
        }
    }

    /// Whether the act took something of the trusted words: then they named what it looked at.
    pub(super) fn is_named_by(&self, trusted: &Trusted) -> bool {
        use super::atoms::AtomKind::{Date, Num, Time, Year};
        let telling = self.atoms.iter().filter(|a| !matches!(a.kind, Year | Num | Time | Date));
        telling.into_iter().any(|a| trusted.atoms.contains(a)) || !self.grams.is_disjoint(&trusted.grams)
    }

    /// Whether the trusted words name every argument and the kind of call.
    pub(super) fn is_explained_by(&self, trusted: &Trusted) -> bool {
        let kind = !self.tool_stems.is_disjoint(&trusted.stems) || !self.tool_classes.and(trusted.classes).is_empty();
        !self.values.is_empty() && kind && self.values.iter().all(|v| trusted.says(v))
    }

    /// Whether a text (a line of tokens) supplies a value of this act that neither trusted words nor window have.
    pub(super) fn is_fed_by(&self, line: &str, trusted: &Trusted, window: &Window) -> bool {
        let atoms = self.atoms.iter().map(|a| token_line(&tokens(&a.value)));
        let telling = |v: &String| v.len() > 1 && v.chars().nth(1).is_some() || v.chars().all(|c| c.is_ascii_digit());
        let mut values = self.values.iter().cloned().chain(atoms).filter(|v| !v.is_empty()).filter(telling);
        values.any(|v| {
            let spaced = format!(" {v} ");
            line.contains(&spaced) && !trusted.line.contains(&spaced) && !window.line.contains(&spaced)
        })
    }
}

/// Plain data up to a point: atoms and stems, each with the number of the text that first held it.
pub(super) trait Plain {
    /// Whether the atom is known.
    fn has_atom(&self, atom: &Atom) -> bool;
    /// Whether the stem is known.
    fn has_stem(&self, stem: &str) -> bool;
}

/// How much an act and a window share.
#[derive(Debug, Clone, Default)]
pub(super) struct Match {
    /// The sum.
    pub(super) m: f64,
    /// Its part from values and atoms.
    values: f64,
    gram: bool,
    tool: bool,
    /// What is shared: values first, then words and the tool.
    pub(super) evidence: Vec<String>,
}

/// Compares an act with a window.
pub(super) fn compare(act: &Act, window: &Window, trusted: &Trusted, plain: &impl Plain) -> Match {
    let shared: Vec<&Atom> = act.atoms.intersection(&window.atoms).collect();
    let new: Vec<&Atom> = shared.iter().copied().filter(|a| !trusted.atoms.contains(*a)).collect();
    let part = |a: &Atom| if trusted.atoms.contains(a) || plain.has_atom(a) { KNOWN_PART } else { 1.0 };
    let atoms: f64 = shared.iter().map(|a| part(a) * a.kind.weight()).sum();
    let own: Vec<String> = new.iter().map(|a| token_line(&tokens(&a.value))).collect();
    let values: Vec<&String> =
        act.values.iter().filter(|v| in_window(v, window, trusted) && !own.contains(v)).collect();
    let value = |v: &&String| if v.chars().nth(1).is_some() { VALUE_WEIGHT } else { SHORT_VALUE_WEIGHT };
    let values_sum = atoms + values.iter().map(value).sum::<f64>();
    let gram = common(&act.grams, &window.grams).any(|g| !trusted.grams.contains(g));
    let mut stems: Vec<&String> = common(&act.stems, &window.stems).filter(|s| !trusted.stems.contains(*s)).collect();
    stems.sort_unstable();
    let (tool, tool_words) = tool_evidence(act, window, trusted, plain);
    let m = values_sum + if gram { GRAM_WEIGHT } else { 0.0 } + words(&stems, plain) + tool;
    let evidence: Vec<String> = new.iter().map(|a| a.value.clone()).chain(values.into_iter().cloned()).collect();
    let words_only = stems.into_iter().filter(|s| !evidence.contains(s)).cloned().collect::<Vec<_>>();
    let evidence = evidence.into_iter().chain(words_only).chain(tool_words.iter().cloned()).collect();
    Match { m, values: values_sum, gram, tool: !tool_words.is_empty(), evidence }
}

/// What stands in both sets, looked up from the smaller one.
fn common<'a, T: Eq + Hash>(a: &'a HashSet<T>, b: &'a HashSet<T>) -> impl Iterator<Item = &'a T> {
    let (small, large) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    small.iter().filter(move |item| large.contains(*item))
}

fn in_window(value: &str, window: &Window, trusted: &Trusted) -> bool {
    window.line.contains(&format!(" {value} ")) && !trusted.says(value)
}

fn words(stems: &[&String], plain: &impl Plain) -> f64 {
    let known = stems.iter().filter(|s| plain.has_stem(s)).count() as f64;
    let new = stems.len() as f64 - known;
    (STEM_WEIGHT * new + PLAIN_STEM_WEIGHT * known).min(STEMS_WEIGHT_MAX)
}

fn tool_evidence(act: &Act, window: &Window, trusted: &Trusted, plain: &impl Plain) -> (f64, Vec<String>) {
    let Some(name) = &act.tool else { return (0.0, Vec::new()) };
    let mut stems: Vec<&String> = act.tool_stems.intersection(&window.stems).collect();
    stems.sort_unstable();
    let known = |s: &&String| trusted.stems.contains(*s) || plain.has_stem(s);
    let mut sum: f64 = stems.iter().map(|s| TOOL_STEM_WEIGHT * if known(s) { KNOWN_PART } else { 1.0 }).sum();
    let classes = act.tool_classes.and(window.classes).without(Classes::of(stems.iter().copied()));
    if !classes.is_empty() {
        let new = !classes.without(trusted.classes).is_empty();
        sum += if new { CLASS_WEIGHT } else { CLASS_WEIGHT * KNOWN_PART };
    }
    let lower = name.to_lowercase();
    if name.len() >= TOOL_NAME_BYTES_MIN && window.lower.contains(&lower) && !trusted.lower.contains(&lower) {
        sum += TOOL_NAME_WEIGHT;
    }
    let classes = classes.names().into_iter().map(str::to_owned);
    (sum, stems.into_iter().cloned().chain(classes).collect())
}

/// Whether the evidence is enough. `named`: the trusted words named the source, or hand over work.
pub(super) fn accepts(act: &Act, window: &Window, found: &Match, named: bool) -> bool {
    match (window.is_strong(), act.tool.is_some()) {
        (true, true) => found.m >= STRONG_CALL_MIN,
        (true, false) => found.m >= STRONG_TEXT_MIN,
        (false, false) => false,
        (false, true) => {
            let values = found.values + if found.gram { 1.0 } else { 0.0 };
            let strength = if named { NAMED_STRENGTH_MIN } else { 1 };
            window.strength >= strength && found.m >= WEAK_CALL_MIN && found.tool && values >= WEAK_VALUES_MIN
        }
    }
}
