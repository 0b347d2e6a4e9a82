//! What an input shows of the text that is followed.
//!
//! Guarantee: a unit gets at most one grade for each of its events; by its link and by what stands in it. A
//! version that a correction wrote is not graded at all.

use super::acts::names;
use super::atoms::{Atom, AtomKind, weight};
use super::down::{Correction, Grade};
use super::feats::Feats;
use super::limits::{EDITS_BACK_MAX, EVIDENCE_MAX};
use super::links::{Links, Looked};
use super::store::{At, Version};
use super::up::Basis;
use super::view::View;
use super::walk::{Fate, Walk};
use std::collections::BTreeSet;
use std::rc::Rc;

/// Least weight of tainted marks that shows that a text arrived or came out.
pub(super) const WEIGHT_MIN: f64 = 1.0;

/// What a look at an input found.
enum Found {
    /// It does not apply.
    Nothing,
    /// It applies; whether the input counts as known from elsewhere.
    Graded { seen: bool },
}

/// Grades what came in.
pub(super) fn input<L: Links>(walk: &mut Walk<'_, L>, at: At, view: &View) -> Looked<()> {
    let mut found = answers(walk, at, view)?;
    if matches!(found, Found::Nothing) {
        found = message(walk, at, view)?;
    }
    if matches!(found, Found::Nothing) {
        found = version(walk, at, view)?;
    }
    if matches!(found, Found::Nothing) {
        found = same_session(walk, at, view);
    }
    if !matches!(found, Found::Graded { seen: false }) {
        let (taint, bounds) = (walk.taints.entry(at.view).or_default(), &mut walk.store.bounds);
        taint.see(view.feats(at.unit), false, view.id(at.unit), bounds);
    }
    Ok(())
}

/// The result of a call that carries or corrects.
fn answers<L: Links>(walk: &mut Walk<'_, L>, at: At, view: &View) -> Looked<Found> {
    let Some(call) = view.call_event(at.unit) else { return Ok(Found::Nothing) };
    let Some((fate, _)) = walk.fates.get(&call.id).cloned() else { return Ok(Found::Nothing) };
    let id = call.id.clone();
    walk.taints.entry(at.view).or_default().reached = true;
    if fate == Fate::Corrects {
        for n in events_of(view, at.unit) {
            let event = view.events[n].id.clone();
            let evidence = vec![format!("result of {id}")];
            walk.corrections.push(Correction { event, session: view.session.clone(), evidence });
        }
        return Ok(Found::Graded { seen: false });
    }
    let feats = view.feats(at.unit);
    if view.computes(at.unit) {
        // A computed value is new text made from the tainted one.
        let given = call.arguments.as_ref().map(|a| Feats::of(&super::arguments::as_text(a))).unwrap_or_default();
        let taint = walk.taints.entry(at.view).or_default();
        taint.taint(feats.marks.difference(&given.marks).cloned(), []);
    }
    for version in walk.store.versions(at)?.iter() {
        if let Some((_, carried)) = carrier(walk, version)? {
            let here: Vec<Atom> = feats.marks.intersection(&carried.marks).cloned().collect();
            walk.taints.entry(at.view).or_default().taint(here, []);
        }
    }
    grade(walk, at, view, Grade::Carried, Basis::Structural, vec![format!("result of {id}")], Some(id.clone()));
    Ok(Found::Graded { seen: false })
}

/// A message whose sender carries the text: all that is new in it counts.
fn message<L: Links>(walk: &mut Walk<'_, L>, at: At, view: &View) -> Looked<Found> {
    let Some(sender) = walk.store.sender(at)? else { return Ok(Found::Nothing) };
    if !matches!(walk.fates.get(&sender.event), Some((Fate::Carries, _))) {
        return Ok(Found::Nothing);
    }
    let taint = walk.taints.entry(at.view).or_default();
    let (marks, grams) = taint.unseen(view.feats(at.unit));
    taint.taint(marks, grams);
    let evidence = vec![format!("message from {}", sender.event)];
    grade(walk, at, view, Grade::Received, Basis::Structural, evidence, Some(sender.event));
    Ok(Found::Graded { seen: false })
}

/// A read of a version that the record holds.
fn version<L: Links>(walk: &mut Walk<'_, L>, at: At, view: &View) -> Looked<Found> {
    let versions = walk.store.versions(at)?;
    if versions.is_empty() {
        return Ok(Found::Nothing);
    }
    let feats = view.feats(at.unit);
    let (mut values, mut from, mut linked) = (BTreeSet::new(), None, None);
    for version in versions.iter() {
        let Some((writer, carried)) = carrier(walk, version)? else { continue };
        let taint = walk.taints.entry(at.view).or_default();
        taint.reached = true;
        let (marks, grams) = taint.unseen(feats);
        let marks: Vec<Atom> = marks.into_iter().filter(|m| carried.marks.contains(m)).collect();
        let grams: Vec<u64> = grams.into_iter().filter(|g| carried.grams.contains(g)).collect();
        linked = Some(writer);
        if marks.is_empty() && grams.is_empty() {
            continue;
        }
        values.extend(marks.iter().map(|m| m.value.clone()));
        values.insert(format!("version of {}", version.key));
        from = linked.clone();
        taint.taint(marks, grams);
    }
    match (from, linked) {
        (Some(writer), _) => {
            let values = values.into_iter().take(EVIDENCE_MAX).collect();
            grade(walk, at, view, Grade::Received, Basis::Structural, values, Some(writer));
            Ok(Found::Graded { seen: false })
        }
        (None, Some(writer)) => {
            grade(walk, at, view, Grade::Reachable, Basis::Structural, Vec::new(), Some(writer));
            Ok(Found::Graded { seen: true })
        }
        (None, None) => Ok(Found::Graded { seen: true }),
    }
}

/// What of the text a version holds, and the last write that brought some of it: that of the last write that replaced
/// all, and of the edits since.
pub(super) fn carrier<L: Links>(walk: &mut Walk<'_, L>, version: &Version) -> Looked<Option<(String, Rc<Feats>)>> {
    let mut version = version.clone();
    let mut found: Option<(String, Rc<Feats>)> = None;
    for _ in 0..EDITS_BACK_MAX {
        match walk.fates.get(&version.writer.event) {
            Some((Fate::Carries, feats)) => {
                found = match found {
                    Some((writer, later)) => Some((writer, Rc::new(later.and(feats)))),
                    None => Some((version.writer.event.clone(), Rc::clone(feats))),
                }
            }
            Some((Fate::Corrects, _)) => return Ok(found),
            None => {}
        }
        let Some(earlier) = walk.store.before_edit(&version)? else { return Ok(found) };
        version = earlier;
    }
    walk.store.bounds.hit("edits_back_max", EDITS_BACK_MAX, "edits", &version.key);
    Ok(found)
}

/// Another input of a session that was reached.
fn same_session<L: Links>(walk: &mut Walk<'_, L>, at: At, view: &View) -> Found {
    let taint = walk.taints.entry(at.view).or_default();
    if !taint.reached {
        return Found::Nothing;
    }
    let hit = taint.hit(&view.feats(at.unit).marks);
    let via = taint.via.clone();
    // No link says that it is the text's: a name of somebody that both know does not either.
    if weight(hit.iter().filter(|mark| mark.kind != AtomKind::Name)) >= WEIGHT_MIN {
        grade(walk, at, view, Grade::Received, Basis::Content, names(&hit), via);
        return Found::Graded { seen: false };
    }
    grade(walk, at, view, Grade::Reachable, Basis::Structural, Vec::new(), via);
    Found::Graded { seen: true }
}

/// The events of an input: its own, and those that state what was read.
fn events_of(view: &View, unit: usize) -> Vec<usize> {
    let of = &view.units[unit];
    let facts = of.facts.iter().copied().filter(|_| !of.copy);
    std::iter::once(of.head).chain(facts).collect()
}

fn grade<L: Links>(
    walk: &mut Walk<'_, L>,
    at: At,
    view: &View,
    grade: Grade,
    basis: Basis,
    evidence: Vec<String>,
    via: Option<String>,
) {
    let taint = walk.taints.entry(at.view).or_default();
    taint.reached = true;
    if grade != Grade::Reachable {
        taint.via = Some(view.id(at.unit).to_owned());
    }
    for n in events_of(view, at.unit) {
        walk.effect(view, n, grade, basis, evidence.clone(), via.clone());
    }
}
