//! Sessions that a question has loaded, within its bounds.
//!
//! Guarantee: each session is loaded once; past [`SESSIONS_MAX`] sessions or [`EVENTS_MAX`] events nothing more is
//! loaded and the bound is noted with what was not. A failed look-up ends the question.

use super::edge::ControlEdge;
use super::event::FlowEvent;
use super::limits::{Bound, Bounds, EVENTS_MAX, SESSIONS_MAX, TEXT_BYTES_MAX};
use super::links::{Links, Looked, Place, READ_RELATION};
use super::session::SessionFlow;
use super::view::{Role, View};
use std::collections::HashMap;
use std::rc::Rc;

/// A unit of a loaded session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) view: usize,
    pub(super) unit: usize,
}

/// The version of a key that was read.
#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) key: String,
    pub(super) writer: Place,
}

pub(super) struct Store<'a, L> {
    pub(super) links: &'a L,
    pub(super) bounds: Bounds,
    views: Vec<Rc<View>>,
    by_name: HashMap<String, Option<usize>>,
    events: usize,
    bytes: usize,
    versions: HashMap<At, Rc<Vec<Version>>>,
    /// By event and key of an edit, the version that it changed.
    before_edits: HashMap<(String, String), Option<Version>>,
    senders: HashMap<At, Option<Place>>,
    edges: HashMap<usize, Rc<Vec<ControlEdge>>>,
}

impl<'a, L: Links> Store<'a, L> {
    pub(super) fn new(links: &'a L) -> Self {
        Self {
            links,
            bounds: Bounds::default(),
            views: Vec::new(),
            by_name: HashMap::new(),
            events: 0,
            bytes: 0,
            versions: HashMap::new(),
            before_edits: HashMap::new(),
            senders: HashMap::new(),
            edges: HashMap::new(),
        }
    }

    pub(super) fn view(&self, view: usize) -> Rc<View> {
        Rc::clone(&self.views[view])
    }

    /// Loads a session, if the bounds allow it and the record holds it.
    pub(super) fn load(&mut self, session: &str) -> Looked<Option<usize>> {
        if let Some(known) = self.by_name.get(session) {
            return Ok(*known);
        }
        let room = EVENTS_MAX.saturating_sub(self.events);
        if self.views.len() >= SESSIONS_MAX {
            self.bounds.hit("sessions_max", SESSIONS_MAX, "sessions", session);
            return Ok(None);
        }
        if self.bytes >= TEXT_BYTES_MAX {
            self.bounds.hit("text_bytes_max", TEXT_BYTES_MAX, "bytes", session);
            return Ok(None);
        }
        if room == 0 {
            self.bounds.hit("events_max", EVENTS_MAX, "events", session);
            return Ok(None);
        }
        let mut events = self.links.session(session, room.saturating_add(1))?;
        if events.len() > room {
            events.truncate(room);
            self.bounds.hit("events_max", EVENTS_MAX, "events", session);
        }
        self.events += events.len();
        self.bytes += events.iter().map(text_bytes).sum::<usize>();
        let place = (!events.is_empty()).then(|| {
            self.views.push(Rc::new(View::new(session, events)));
            self.views.len() - 1
        });
        self.by_name.insert(session.to_owned(), place);
        Ok(place)
    }

    /// The unit of an event, its session loaded.
    pub(super) fn find(&mut self, event: &str) -> Looked<Option<At>> {
        match self.links.session_of(event)? {
            Some(session) => self.find_in(event, &session),
            None => Ok(None),
        }
    }

    /// The unit of an event of a session.
    pub(super) fn find_in(&mut self, event: &str, session: &str) -> Looked<Option<At>> {
        let Some(view) = self.load(session)? else { return Ok(None) };
        Ok(self.views[view].unit_of(event).map(|unit| At { view, unit }))
    }

    /// The recorded versions that a result read.
    pub(super) fn versions(&mut self, at: At) -> Looked<Rc<Vec<Version>>> {
        if let Some(known) = self.versions.get(&at) {
            return Ok(Rc::clone(known));
        }
        let view = self.view(at.view);
        let unit = &view.units[at.unit];
        let mut found: Vec<Version> = Vec::new();
        if unit.role == Role::Result {
            for n in std::iter::once(&unit.head).chain(&unit.facts) {
                let event = &view.events[*n];
                let key = event.key.clone().unwrap_or_default();
                let writer = match event.caused(READ_RELATION).next() {
                    Some(stated) => {
                        self.links.session_of(stated)?.map(|session| Place { event: stated.into(), session })
                    }
                    None if key.is_empty() => None,
                    None => self.links.last_writer(&key, unit.order)?,
                };
                let new = |w: &Place| !found.iter().any(|v| v.writer == *w);
                let version = writer.filter(new).map(|writer| Version { key, writer });
                found.extend(version);
            }
        }
        let found = Rc::new(found);
        self.versions.insert(at, Rc::clone(&found));
        Ok(found)
    }

    /// The version that an edit changed; none where the write replaced everything, or the record holds none.
    pub(super) fn before_edit(&mut self, version: &Version) -> Looked<Option<Version>> {
        let place = (version.writer.event.clone(), version.key.clone());
        if let Some(known) = self.before_edits.get(&place) {
            return Ok(known.clone());
        }
        let found = self.edited(version)?;
        self.before_edits.insert(place, found.clone());
        Ok(found)
    }

    fn edited(&mut self, version: &Version) -> Looked<Option<Version>> {
        let Some(at) = self.find_in(&version.writer.event, &version.writer.session)? else { return Ok(None) };
        let view = self.view(at.view);
        let Some(order) = view.edit(at.unit, &version.writer.event).filter(|_| !version.key.is_empty()) else {
            return Ok(None);
        };
        let earlier = self.links.last_writer(&version.key, order)?;
        Ok(earlier.map(|writer| Version { key: version.key.clone(), writer }))
    }

    /// The act that sent a message.
    pub(super) fn sender(&mut self, at: At) -> Looked<Option<Place>> {
        if let Some(known) = self.senders.get(&at) {
            return Ok(known.clone());
        }
        let view = self.view(at.view);
        let unit = &view.units[at.unit];
        let asks = matches!(unit.role, Role::Message | Role::Trusted);
        let sender = if asks { self.links.sender(&view.events[unit.head])? } else { None };
        self.senders.insert(at, sender.clone());
        Ok(sender)
    }

    /// The control edges of a session. Versions of recorded keys, copies and messages of known senders hold no orders of
    /// their own: they are followed to where they were written.
    pub(super) fn control(&mut self, view_place: usize) -> Looked<Rc<Vec<ControlEdge>>> {
        if let Some(known) = self.edges.get(&view_place) {
            return Ok(Rc::clone(known));
        }
        let view = self.view(view_place);
        let mut flow = SessionFlow::new();
        for event in &view.events {
            let at = view.unit_of(&event.id).map(|unit| At { view: view_place, unit });
            let head = at.filter(|at| view.units[at.unit].head < view.events.len() && view.id(at.unit) == event.id);
            match head {
                Some(at) if event.is_untrusted_input() && self.is_recorded(at)? => flow.observe_recorded(event),
                _ => drop(flow.observe(event)),
            }
        }
        self.bounds.add(flow.bounds());
        let edges = Rc::new(flow.edges());
        self.edges.insert(view_place, Rc::clone(&edges));
        Ok(edges)
    }

    fn is_recorded(&mut self, at: At) -> Looked<bool> {
        let view = self.view(at.view);
        let copied = view.original(at.unit) != at.unit;
        Ok(copied || !self.versions(at)?.is_empty() || self.sender(at)?.is_some())
    }

    pub(super) fn into_bounds(self) -> Vec<Bound> {
        self.bounds.into_list()
    }
}

fn text_bytes(event: &FlowEvent) -> usize {
    event.texts.iter().map(|(_, text)| text.len()).sum()
}
