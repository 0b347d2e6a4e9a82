//! Grounds of a decision: the reads that it stands on, and the rules that it cites.
//!
//! Guarantee: only reads before the act in its own session are grounds, each with what makes it one; the session that
//! wrote what was read is named where the record holds it. Deterministic.

use super::arguments;
use super::atoms::Atom;
use super::feats::Feats;
use super::limits::{Bound, EVIDENCE_MAX};
use super::links::{Links, Looked, Place};
use super::store::{At, Store};
use super::text::norm;
use super::view::{Role, View};
use regex::Regex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::LazyLock;

static CITED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\brules? ([0-9]+(?:(?:, | and |,)[0-9]+)*)").expect("a fixed pattern"));
static RULE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m)^\s*([0-9]+)[.)] (.+)$").expect("a fixed pattern"));
/// Arguments that name what a read reads.
const PLACE_ARGUMENTS: [&str; 4] = ["path", "file_path", "filePath", "url"];

/// A rule that a decision cites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its number.
    pub number: u32,
    /// Its words, as they were read.
    pub text: String,
}

/// A read that a decision stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ground {
    /// The read's result.
    pub event: String,
    /// What was read: path or address.
    pub place: Option<String>,
    /// Whether the decision cites that place.
    pub cited: bool,
    /// Values that stand in both, at most [`EVIDENCE_MAX`].
    pub values: Vec<String>,
    /// Rules of it that the decision cites.
    pub rules: Vec<Rule>,
    /// The writes whose version was read: event and session.
    pub written_by: Vec<(String, String)>,
}

/// The grounds of an act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grounds {
    /// The event that was asked about; absent if the record does not hold it.
    pub event: Option<String>,
    /// Numbers of the rules that it cites.
    pub rules_cited: Vec<u32>,
    /// The reads, in the order of the session.
    pub grounds: Vec<Ground>,
    /// Bounds that were hit.
    pub bounds: Vec<Bound>,
}

/// The grounds of an act.
///
/// # Errors
/// If a look-up fails.
pub fn why<L: Links>(links: &L, event: &str) -> Looked<Grounds> {
    let mut store = Store::new(links);
    let Some(at) = store.find(event)? else {
        return Ok(Grounds { event: None, rules_cited: Vec::new(), grounds: Vec::new(), bounds: store.into_bounds() });
    };
    let view = store.view(at.view);
    let text = norm(&view.new_text(at.unit));
    let cited = rules_cited(&text);
    let marks = known_marks(&view, at.unit);
    let mut grounds = Vec::new();
    for unit in 0..at.unit {
        if view.units[unit].role != Role::Result || view.units[unit].copy || !view.reads(unit) {
            continue;
        }
        let versions = store.versions(At { unit, ..at })?;
        let writers = versions.iter().map(|v| v.writer.clone()).collect();
        grounds.extend(ground(&view, unit, &text, &cited, &marks, writers));
    }
    let rules_cited = cited.into_iter().collect();
    Ok(Grounds { event: Some(event.to_owned()), rules_cited, grounds, bounds: store.into_bounds() })
}

fn ground(
    view: &View,
    unit: usize,
    text: &str,
    cited: &BTreeSet<u32>,
    marks: &BTreeSet<Atom>,
    writers: Vec<Place>,
) -> Option<Ground> {
    let place = place(view, unit);
    let by_place = place.as_ref().is_some_and(|p| !p.is_empty() && text.contains(p.as_str()));
    let shared = view.feats(unit).marks.intersection(marks).map(|mark| mark.value.clone());
    let values: Vec<String> = shared.take(EVIDENCE_MAX).collect();
    let rules = if cited.is_empty() { Vec::new() } else { rules(&view.input(unit), cited) };
    let holds = by_place || !values.is_empty() || !rules.is_empty();
    let written_by = writers.into_iter().map(|place| (place.event, place.session)).collect();
    let event = view.id(unit).to_owned();
    holds.then_some(Ground { event, place, cited: by_place, values, rules, written_by })
}

/// The numbers that a text cites as rules.
fn rules_cited(text: &str) -> BTreeSet<u32> {
    let lists = CITED.captures_iter(text).filter_map(|found| found.get(1));
    lists.flat_map(|list| list.as_str().split(|c: char| !c.is_ascii_digit())).filter_map(|n| n.parse().ok()).collect()
}

fn rules(text: &str, cited: &BTreeSet<u32>) -> Vec<Rule> {
    let text = norm(text);
    let lines = RULE.captures_iter(&text);
    let rule = |found: regex::Captures<'_>| Some(Rule { number: found[1].parse().ok()?, text: found[2].to_owned() });
    lines.filter_map(rule).filter(|rule| cited.contains(&rule.number)).collect()
}

/// What was read, as the call or the event names it.
fn place(view: &View, unit: usize) -> Option<String> {
    let named = view.call_event(unit).and_then(|call| call.arguments.as_ref());
    let named = named.and_then(|a| PLACE_ARGUMENTS.iter().find_map(|name| a.get(*name)?.as_str()));
    let of = &view.units[unit];
    let key = || std::iter::once(&of.head).chain(&of.facts).find_map(|n| view.events[*n].key.clone());
    named.map(str::to_owned).or_else(key)
}

/// Marks of the act and the acts before it, without the places of reads and without what trusted words say.
fn known_marks(view: &View, act: usize) -> BTreeSet<Atom> {
    let mut marks = BTreeSet::new();
    for unit in (0..=act).filter(|n| view.units[*n].role == Role::Act) {
        let places = read_places(view, unit);
        marks.extend(view.feats(unit).marks.difference(&Feats::of(&places).marks).cloned());
    }
    for unit in (0..act).filter(|n| view.units[*n].role == Role::Trusted) {
        marks.retain(|mark| !view.feats(unit).marks.contains(mark));
    }
    marks
}

fn read_places(view: &View, act: usize) -> String {
    let mut places = Vec::new();
    for (n, part) in view.units[act].parts.iter().enumerate() {
        let result = view.units.iter().position(|unit| unit.call == Some((act, n)) && !unit.copy);
        let reads = result.is_some_and(|result| view.reads(result));
        let arguments = view.events[part.event].arguments.as_ref().filter(|_| reads);
        let named = arguments.into_iter().flat_map(|a| PLACE_ARGUMENTS.iter().filter_map(|name| a.get(*name)));
        places.extend(named.map(arguments::as_text));
    }
    places.join(" ")
}
