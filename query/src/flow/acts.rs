//! What an act shows of the text that is followed.
//!
//! Guarantee: an act carries the text, corrects it, or is only reachable, by what it brings and what it removes; its
//! calls are told apart where only some of them hold the text. Cannot fail.

use super::atoms::{Atom, AtomKind, weight};
use super::down::{Correction, Grade};
use super::feats::Feats;
use super::inputs::WEIGHT_MIN;
use super::limits::EVIDENCE_MAX;
use super::links::Links;
use super::store::At;
use super::text::{GRAM_TOKENS, gram, norm, tokens};
use super::up::Basis;
use super::view::View;
use super::walk::{Fate, Walk, Written, written};
use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;

/// Calls that carry the text: event, and what it wrote.
type Carried = Vec<(String, Vec<Written>)>;

/// Grades an act.
pub(super) fn act<L: Links>(walk: &mut Walk<'_, L>, at: At, view: &View) -> Carried {
    let feats = view.feats(at.unit);
    let old = Feats::of(&view.removed(at.unit));
    let taint = walk.taints.entry(at.view).or_default();
    let mut carried = Vec::new();
    if taint.reached {
        let hit = taint.hit(&feats.marks);
        let grams = taint.hit_grams(&feats.grams);
        let removed: BTreeSet<Atom> = taint.hit(&old.marks).difference(&feats.marks).cloned().collect();
        let beside = !feats.marks.is_disjoint(&taint.replaced_by);
        // Whom the text is about may well stand in its correction.
        let stays = |mark: &Atom| mark.kind == AtomKind::Name || old.marks.contains(mark);
        if !removed.is_empty() && hit.iter().all(stays) {
            let own = feats.marks.iter().filter(|m| !old.marks.contains(*m) && !taint.marks.contains(*m)).cloned();
            let own: Vec<Atom> = own.collect();
            taint.replaced_by.extend(own);
            taint.corrected.extend(removed.iter().cloned());
            corrects(walk, at, view, &names(&removed));
        } else if !hit.is_empty() && beside && hit.is_subset(&taint.corrected) {
            corrects(walk, at, view, &names(&hit));
        } else if weight(&hit) >= WEIGHT_MIN || !grams.is_empty() {
            carried = carries(walk, at, view, Feats { marks: hit, grams });
        } else if !taint.hit_grams(&old.grams).is_empty() {
            // Words without a value went, and none of them came back.
            let gone = taint.hit_grams(&old.grams);
            corrects(walk, at, view, &words_of(&view.removed(at.unit), &gone));
        } else {
            let via = taint.via.clone();
            for n in act_events(view, at.unit) {
                replaced(walk, view, at.unit, n);
                walk.effect(view, n, Grade::Reachable, Basis::Structural, Vec::new(), via.clone());
            }
        }
    }
    let (taint, bounds) = (walk.taints.entry(at.view).or_default(), &mut walk.store.bounds);
    taint.see(feats, true, view.id(at.unit), bounds);
    carried
}

/// All events of an act: the answer, its calls and what they wrote.
fn act_events(view: &View, unit: usize) -> Vec<usize> {
    let of = &view.units[unit];
    let mut events: Vec<usize> = of.model.into_iter().collect();
    for part in &of.parts {
        events.push(part.event);
        events.extend(part.writes.iter().filter(|n| **n != part.event));
    }
    events
}

fn corrects<L: Links>(walk: &mut Walk<'_, L>, at: At, view: &View, evidence: &[String]) {
    let nothing = Rc::new(Feats::default());
    for n in act_events(view, at.unit) {
        let event = view.events[n].id.clone();
        walk.fates.insert(event.clone(), (Fate::Corrects, Rc::clone(&nothing)));
        if let Some(write) = written(view, n) {
            walk.keys.insert(write.key, false);
        }
        walk.corrections.push(Correction { event, session: view.session.clone(), evidence: evidence.to_vec() });
    }
}

fn carries<L: Links>(walk: &mut Walk<'_, L>, at: At, view: &View, what: Feats) -> Carried {
    let of = &view.units[at.unit];
    let taint = walk.taints.entry(at.view).or_default();
    let via = taint.via.clone();
    let holds = |text: &str| {
        let own = Feats::of(text);
        !own.marks.is_disjoint(&taint.marks) || !own.grams.is_disjoint(&taint.grams)
    };
    let said = holds(&view.said(at.unit));
    let mut parts: Vec<bool> = of.parts.iter().map(|part| holds(&view.part_new(part))).collect();
    if !parts.contains(&true) && said {
        // Only the words of the answer hold it: all calls of the answer count.
        parts.fill(true);
    }
    let evidence =
        if what.marks.is_empty() { words_of(&view.new_text(at.unit), &what.grams) } else { names(&what.marks) };
    let what = Rc::new(what);
    let mut carried = Vec::new();
    if let Some(n) = of.model {
        let id = view.events[n].id.clone();
        walk.fates.insert(id.clone(), (Fate::Carries, Rc::clone(&what)));
        walk.effect(view, n, Grade::Carried, Basis::Content, evidence.clone(), via.clone());
        carried.push((id, Vec::new()));
    }
    for (part, holds) in of.parts.iter().zip(parts) {
        let events = std::iter::once(part.event).chain(part.writes.iter().copied().filter(|n| *n != part.event));
        for n in events {
            if !holds {
                replaced(walk, view, at.unit, n);
                walk.effect(view, n, Grade::Reachable, Basis::Structural, Vec::new(), via.clone());
                continue;
            }
            walk.fates.insert(view.events[n].id.clone(), (Fate::Carries, Rc::clone(&what)));
            walk.effect(view, n, Grade::Carried, Basis::Content, evidence.clone(), via.clone());
        }
        let writes: Vec<Written> = part.writes.iter().filter_map(|n| written(view, *n)).collect();
        if holds {
            walk.keys.extend(writes.iter().map(|write| (write.key.clone(), true)));
            carried.push((view.events[part.event].id.clone(), writes));
        }
    }
    carried
}

/// A write that replaces all of a key ends what the key carried; an edit leaves the rest in place.
fn replaced<L: Links>(walk: &mut Walk<'_, L>, view: &View, unit: usize, event: usize) {
    let write = written(view, event).filter(|write| view.edit(unit, &write.event).is_none());
    if let Some(carries) = write.and_then(|write| walk.keys.get_mut(&write.key)) {
        *carries = false;
    }
}

/// The first run of four tokens of a text that is one of `grams`, in words.
fn words_of(text: &str, grams: &HashSet<u64>) -> Vec<String> {
    let tokens = tokens(&norm(text));
    let first = tokens.windows(GRAM_TOKENS).find(|run| grams.contains(&gram(run)));
    first.map(|run| run.join(" ")).into_iter().collect()
}

/// Some of the values, as evidence.
pub(super) fn names(marks: &BTreeSet<Atom>) -> Vec<String> {
    marks.iter().take(EVIDENCE_MAX).map(|mark| mark.value.clone()).collect()
}
