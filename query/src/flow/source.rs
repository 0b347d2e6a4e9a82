//! What a question downwards follows of the event that it is asked about.
//!
//! Guarantee: only what the event's session did not know before. Cannot fail.

use super::down::Followed;
use super::feats::Feats;
use super::orders::orders;
use super::view::{Role, View};

/// What of the event is followed: the text that was given, its strong orders, or all of it.
pub(super) fn followed(view: &View, unit: usize, event: &str, text: Option<&str>) -> (Followed, Feats) {
    if let Some(text) = text {
        return (Followed::GivenText, Feats::of(text));
    }
    if view.units[unit].role == Role::Act {
        let part = view.part_of(unit, event).map(|part| view.part_new(part));
        return (Followed::Whole, Feats::of(&part.unwrap_or_else(|| view.new_text(unit))));
    }
    let found = orders(&view.input(unit));
    let strong: Vec<&str> = found.windows.iter().filter(|w| w.is_strong()).map(|w| w.text.as_str()).collect();
    match strong.is_empty() {
        true => {
            (Followed::Whole, Feats { marks: view.feats(unit).marks.clone(), grams: view.feats(unit).grams.clone() })
        }
        false => (Followed::Orders, Feats::of(&strong.join("\n"))),
    }
}

/// What of the text the session did not know before. What an act brings is its own, but for what trusted words said.
pub(super) fn new_here(view: &View, source: usize, mut feats: Feats) -> Feats {
    let of = &view.units[source];
    let copies = |n: usize| view.units[n].copy && of.call.is_some() && view.units[n].call == of.call;
    let counts = |n: usize| view.units[n].role == Role::Trusted || of.role != Role::Act;
    for n in (0..source).filter(|n| !copies(*n) && counts(*n)) {
        let known = Feats::of(&view.all_text(n));
        feats.marks.retain(|mark| !known.marks.contains(mark));
        feats.grams.retain(|gram| !known.grams.contains(gram));
    }
    feats
}
