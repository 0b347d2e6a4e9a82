//! What the algorithm asks of a record: sessions on demand, writers and readers of keys, senders and receivers.
//!
//! Guarantee: the algorithm calls these one after the other, never twice for the same session, and stops at the bounds
//! of [`super::limits`]. An error ends the question; nothing is concluded from it. [`Loaded`] serves events that are in
//! memory.

use super::event::{FlowEvent, FlowKind};
use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// Why a look-up failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkError(pub String);

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "looking up the record: {}", self.0)
    }
}

impl std::error::Error for LinkError {}

/// The result of a look-up.
pub type Looked<T> = std::result::Result<T, LinkError>;

/// An event and the session that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Id of the event.
    pub event: String,
    /// Its session.
    pub session: String,
}

/// A record, as far as the algorithm needs it.
pub trait Links {
    /// The session of an event; none if the record does not hold it.
    fn session_of(&self, event: &str) -> Looked<Option<String>>;
    /// At most `events_max` events of a session, the first in the order of time.
    fn session(&self, session: &str, events_max: usize) -> Looked<Vec<FlowEvent>>;
    /// The last write of a key before a moment.
    fn last_writer(&self, key: &str, before: u64) -> Looked<Option<Place>>;
    /// The reads of what a write at a moment made: those before the key's next write that replaces all of it, and all
    /// that state the write as a cause. At most `reads_max`.
    fn readers(&self, write: &str, key: &str, at: u64, reads_max: usize) -> Looked<Vec<Place>>;
    /// The act that sent a message, in whatever session.
    fn sender(&self, message: &FlowEvent) -> Looked<Option<Place>>;
    /// The messages that an act sent, in other sessions.
    fn receivers(&self, act: &str) -> Looked<Vec<Place>>;
}

/// Relations by which a message leads to the act that sent it.
const SENT_RELATIONS: [&str; 3] = ["responds_to", "delegated_by", "derived_from"];
/// Relation of a read to the write whose version it read.
pub(super) const READ_RELATION: &str = "read";

/// By moment and event the session, and whether a write only changes a part.
type Moments = BTreeMap<(u64, String), (String, bool)>;

/// Events in memory, by session. Senders and receivers are those that causes state.
#[derive(Debug, Default)]
pub struct Loaded {
    sessions: BTreeMap<String, Vec<FlowEvent>>,
    session_of: HashMap<String, String>,
    /// Writes of a key.
    writes: HashMap<String, Moments>,
    /// Reads of a key.
    reads: HashMap<String, Moments>,
    caused: HashMap<String, Vec<Place>>,
}

impl Loaded {
    /// Takes in events, in any order.
    pub fn new(events: impl IntoIterator<Item = FlowEvent>) -> Self {
        let mut loaded = Self::default();
        for event in events {
            loaded.add(event);
        }
        for events in loaded.sessions.values_mut() {
            events.sort_by(|a, b| (a.order, &a.id).cmp(&(b.order, &b.id)));
        }
        loaded
    }

    /// The sessions' names.
    pub fn sessions(&self) -> impl Iterator<Item = &str> {
        self.sessions.keys().map(String::as_str)
    }

    fn add(&mut self, event: FlowEvent) {
        if let Some(key) = &event.key {
            let moments = match event.kind {
                FlowKind::MemoryWrite | FlowKind::ToolCall => &mut self.writes,
                _ => &mut self.reads,
            };
            let moments = moments.entry(key.clone()).or_default();
            moments.insert((event.order, event.id.clone()), (event.session.clone(), event.edits));
        }
        for (cause, _) in &event.causes {
            let place = Place { event: event.id.clone(), session: event.session.clone() };
            self.caused.entry(cause.clone()).or_default().push(place);
        }
        self.session_of.insert(event.id.clone(), event.session.clone());
        self.sessions.entry(event.session.clone()).or_default().push(event);
    }

    fn place(&self, event: &str) -> Option<Place> {
        self.session_of.get(event).map(|session| Place { event: event.to_owned(), session: session.clone() })
    }
}

impl Links for Loaded {
    fn session_of(&self, event: &str) -> Looked<Option<String>> {
        Ok(self.session_of.get(event).cloned())
    }

    fn session(&self, session: &str, events_max: usize) -> Looked<Vec<FlowEvent>> {
        Ok(self.sessions.get(session).into_iter().flatten().take(events_max).cloned().collect())
    }

    fn last_writer(&self, key: &str, before: u64) -> Looked<Option<Place>> {
        let earlier = self.writes.get(key).and_then(|w| w.range(..(before, String::new())).next_back());
        Ok(earlier.map(|((_, event), (session, _))| Place { event: event.clone(), session: session.clone() }))
    }

    fn readers(&self, write: &str, key: &str, at: u64, reads_max: usize) -> Looked<Vec<Place>> {
        let after = (at, String::from(char::MAX));
        let last = (u64::MAX, String::from(char::MAX));
        let later = self.writes.get(key).into_iter().flat_map(|w| w.range(after.clone()..));
        let until = later.filter(|(_, (_, edits))| !edits).map(|(moment, _)| moment.clone()).next().unwrap_or(last);
        let reads =
            self.reads.get(key).into_iter().flat_map(|r| r.range(after.clone()..until.clone().max(after.clone())));
        let read = reads.map(|((_, event), (session, _))| Place { event: event.clone(), session: session.clone() });
        let stated = self.caused.get(write).into_iter().flatten().cloned();
        Ok(read.chain(stated).take(reads_max).collect())
    }

    fn sender(&self, message: &FlowEvent) -> Looked<Option<Place>> {
        let stated = message.causes.iter().filter(|(_, how)| SENT_RELATIONS.contains(&how.as_str()));
        let mut places = stated.filter_map(|(id, _)| self.place(id));
        Ok(places.find(|place| place.session != message.session))
    }

    fn receivers(&self, act: &str) -> Looked<Vec<Place>> {
        let own = self.session_of.get(act);
        let caused = self.caused.get(act).into_iter().flatten();
        Ok(caused.filter(|place| Some(&place.session) != own).cloned().collect())
    }
}
