//! The walk downwards: units of the sessions that were reached, in the order of time.
//!
//! Guarantee: a session is loaded when a version or a message of something that carries the text leads to it; what it
//! held before counts as known from elsewhere. Each unit is looked at once, in the order of time and then of names.

use super::acts;
use super::down::{Containment, Correction, Credential, Down, Effect, Followed, Grade, credentials};
use super::feats::Feats;
use super::inputs;
use super::limits::{FRONTIER_MAX, SESSION_GRAMS_MAX, SESSION_MARKS_MAX};
use super::links::{Links, Looked, Place};
use super::source::{followed, new_here};
use super::store::{At, Store, Version};
use super::taint::Taint;
use super::up::Basis;
use super::view::{Role, View};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};
use std::rc::Rc;

/// Readers of one version that are looked at.
const READERS_MAX: usize = 4_096;

/// How a unit was graded as an act or the result of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Carries,
    Corrects,
}

/// A write of a key.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) event: String,
    pub(super) key: String,
    order: u64,
}

pub(super) struct Walk<'a, L> {
    pub(super) store: Store<'a, L>,
    source: At,
    followed: Followed,
    pub(super) first: Rc<Feats>,
    pub(super) taints: HashMap<usize, Taint>,
    queue: BinaryHeap<Reverse<(u64, String, At)>>,
    /// Events that carry or correct, by id, with the tainted part of what they carry.
    pub(super) fates: HashMap<String, (Fate, Rc<Feats>)>,
    pub(super) effects: Vec<Effect>,
    pub(super) corrections: Vec<Correction>,
    /// Keys by whether their last known version carries the text.
    pub(super) keys: BTreeMap<String, bool>,
    pub(super) credentials: BTreeSet<Credential>,
    pub(super) agents: BTreeSet<String>,
    copies: Vec<String>,
}

impl<'a, L: Links> Walk<'a, L> {
    pub(super) fn new(store: Store<'a, L>, source: At, event: &str, text: Option<&str>) -> Looked<Self> {
        let view = store.view(source.view);
        let (followed, feats) = followed(&view, source.unit, event, text);
        let mut walk = Self {
            store,
            source,
            followed,
            first: Rc::new(new_here(&view, source.unit, feats)),
            taints: HashMap::new(),
            queue: BinaryHeap::new(),
            fates: HashMap::new(),
            effects: Vec::new(),
            corrections: Vec::new(),
            keys: BTreeMap::new(),
            credentials: BTreeSet::new(),
            agents: BTreeSet::new(),
            copies: Vec::new(),
        };
        walk.begin(&view);
        Ok(walk)
    }

    fn begin(&mut self, view: &View) {
        let source = &view.units[self.source.unit];
        let mut taint = Taint { reached: true, via: Some(view.id(self.source.unit).to_owned()), ..Taint::default() };
        taint.taint(self.first.marks.iter().cloned(), self.first.grams.iter().copied());
        let at = view.id(self.source.unit);
        if taint.marks.len() >= SESSION_MARKS_MAX {
            self.store.bounds.hit("session_marks_max", SESSION_MARKS_MAX, "marks", at);
        }
        if taint.grams.len() >= SESSION_GRAMS_MAX {
            self.store.bounds.hit("session_grams_max", SESSION_GRAMS_MAX, "runs of four tokens", at);
        }
        self.taints.insert(self.source.view, taint);
        for (n, unit) in view.units.iter().enumerate() {
            let copies = unit.role == Role::Result && source.role == Role::Result && source.call.is_some();
            if n != self.source.unit && copies && unit.call == source.call {
                self.copies.push(view.id(n).to_owned());
            } else if n > self.source.unit {
                self.enqueue(view, At { view: self.source.view, unit: n });
            }
        }
    }

    fn enqueue(&mut self, view: &View, at: At) {
        self.queue.push(Reverse((view.units[at.unit].order, view.session.clone(), at)));
    }

    /// Walks, and gives the answer.
    pub(super) fn run(mut self, event: &str) -> Looked<Down> {
        let view = self.store.view(self.source.view);
        if view.units[self.source.unit].role == Role::Act {
            self.source_act(&view, event)?;
        }
        while let Some(Reverse((order, _, at))) = self.queue.pop() {
            let view = self.store.view(at.view);
            if view.units[at.unit].role != Role::Act {
                inputs::input(&mut self, at, &view)?;
                continue;
            }
            for (part, writes) in acts::act(&mut self, at, &view) {
                self.spread(&part, &writes, order)?;
            }
        }
        self.settle_keys()?;
        Ok(self.answer(event))
    }

    /// Keys that a session out of reach has overwritten since carry the text no more.
    fn settle_keys(&mut self) -> Looked<()> {
        let carrying: Vec<String> = self.keys.iter().filter(|(_, carries)| **carries).map(|(k, _)| k.clone()).collect();
        for key in carrying {
            let Some(writer) = self.store.links.last_writer(&key, u64::MAX)? else { continue };
            let carries = inputs::carrier(self, &Version { key: key.clone(), writer })?.is_some();
            self.keys.insert(key, carries);
        }
        Ok(())
    }

    /// An act as the source carries its text by itself.
    fn source_act(&mut self, view: &View, event: &str) -> Looked<()> {
        let unit = &view.units[self.source.unit];
        let taint = Rc::clone(&self.first);
        let asked = view.part_of(self.source.unit, event);
        let mut events: Vec<usize> = unit.model.filter(|_| asked.is_none()).into_iter().collect();
        let parts = unit.parts.iter().filter(|part| asked.is_none_or(|asked| asked.event == part.event));
        events.extend(parts.flat_map(|part| std::iter::once(part.event).chain(part.writes.iter().copied())));
        for n in &events {
            self.fates.insert(view.events[*n].id.clone(), (Fate::Carries, Rc::clone(&taint)));
        }
        let writes: Vec<Written> = events.iter().filter_map(|n| written(view, *n)).collect();
        for n in events {
            self.spread(&view.events[n].id, &writes, unit.order)?;
        }
        Ok(())
    }

    /// Loads the sessions to which a call that carries the text leads: readers of what it wrote, receivers of what it sent.
    fn spread(&mut self, call: &str, writes: &[Written], now: u64) -> Looked<()> {
        let mut places: Vec<Place> = self.store.links.receivers(call)?;
        for write in writes {
            let readers = self.store.links.readers(&write.event, &write.key, write.order, READERS_MAX)?;
            if readers.len() >= READERS_MAX {
                self.store.bounds.hit("readers_max", READERS_MAX, "reads", &write.key);
            }
            places.extend(readers);
        }
        let sessions: BTreeSet<String> = places.into_iter().map(|place| place.session).collect();
        sessions.iter().try_for_each(|session| self.join(session, now))
    }

    /// A session takes part from now on; what it held before is known from elsewhere.
    fn join(&mut self, session: &str, now: u64) -> Looked<()> {
        let Some(place) = self.store.load(session)? else { return Ok(()) };
        if self.taints.contains_key(&place) {
            return Ok(());
        }
        let view = self.store.view(place);
        let mut taint = Taint::default();
        for n in 0..view.units.len() {
            if view.units[n].order <= now {
                taint.see(view.feats(n), view.units[n].role == Role::Act, view.id(n), &mut self.store.bounds);
            } else {
                self.enqueue(&view, At { view: place, unit: n });
            }
        }
        self.taints.insert(place, taint);
        Ok(())
    }

    pub(super) fn effect(
        &mut self,
        view: &View,
        event: usize,
        grade: Grade,
        basis: Basis,
        evidence: Vec<String>,
        via: Option<String>,
    ) {
        let event = &view.events[event];
        if grade == Grade::Carried {
            self.agents.insert(event.agent.clone());
            credentials(event, &mut self.credentials);
        }
        let (event, session) = (event.id.clone(), view.session.clone());
        self.effects.push(Effect { event, session, grade, basis, via, evidence });
    }

    fn answer(self, event: &str) -> Down {
        let touched = self.effects.iter().filter(|e| e.grade != Grade::Reachable).map(|e| e.session.clone());
        let sessions: BTreeSet<String> = touched.collect();
        let containment = Containment {
            keys: self.keys.into_iter().filter(|(_, carries)| *carries).map(|(key, _)| key).collect(),
            credentials: self.credentials.into_iter().collect(),
            sessions: sessions.into_iter().collect(),
            agents: self.agents.into_iter().filter(|agent| !agent.is_empty()).collect(),
        };
        Down {
            event: Some(event.to_owned()),
            followed: self.followed,
            values: self.first.marks.iter().take(FRONTIER_MAX).map(|mark| mark.value.clone()).collect(),
            effects: self.effects,
            corrections: self.corrections,
            copies: self.copies,
            containment,
            bounds: self.store.into_bounds(),
        }
    }
}

/// The write that an event states.
pub(super) fn written(view: &View, event: usize) -> Option<Written> {
    let event = &view.events[event];
    event.key.clone().map(|key| Written { event: event.id.clone(), key, order: event.order })
}
