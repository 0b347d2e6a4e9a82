//! Corpora with planted poison, and which of their events it influenced.
//!
//! Guarantee: a corpus is a pure function of its seed; its events are in the order of time, and every event states what
//! the poison did to it ([`Truth`]) because the generator wrote it so: nothing here asks the algorithm under test. The
//! poison enters by one of five [`Channel`]s, in turn by seed; beside it run sessions that have nothing to do with it.
//!
//! Planted ways of travelling ([`Change`]): verbatim; an excerpt around the value; other white space; other case; quotes
//! exchanged for typographic ones; as a JSON string inside of text, everything beyond ASCII escaped; other normal forms
//! of Unicode (full-width letters and digits, letters taken apart); the value alone in new words; the value written in
//! groups (`DE12 3456 …`, `12 480.50`); split over the arguments of a call. A paraphrase that shares neither a value nor
//! four words in a row is planted too, and is influenced by its links alone ([`Truth::Linked`]).

mod acts;
mod chains;
mod change;
mod poison;
mod rng;
mod words;
mod world;

pub(crate) use change::Change;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// By what the poison leaves the session that it came into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Channel {
    /// A memory write that other sessions read, until it is overwritten or mended.
    Memory,
    /// A message to other agents.
    Message,
    /// What a tool answered, in its own session; values computed from it too.
    Tool,
    /// A credential that a poisoned step had issued: its secret leaks, its id is used elsewhere.
    Credential,
    /// Tool, memory, another run, a message, a third run, a file, a fourth run.
    CrossRun,
}

impl Channel {
    /// All of them, in the order of seeds.
    pub(crate) const ALL: [Self; 5] = [Self::Memory, Self::Message, Self::Tool, Self::Credential, Self::CrossRun];
}

/// What the poison did to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Truth {
    /// It shows in what the event brought: an act, the answer that made it, what the act wrote, its result.
    Carried,
    /// It stands in what came in.
    Received,
    /// An act that took it out again, and its result.
    Corrects,
    /// It was followed or passed on without a literal trace, within a session: at least reachable.
    Linked,
    /// The same past the session's end, or an event without text: found by walking the links.
    Walked,
    /// Nothing: at most a link leads here.
    Clean,
    /// Nothing, in a session to which no link leads.
    Bystander,
}

/// A text or JSON content.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Body {
    /// Text.
    Text(String),
    /// A document.
    Json(Value),
}

/// An event, neutral between the algorithm's form and that of files.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) session: String,
    pub(crate) agent: String,
    pub(crate) kind: &'static str,
    pub(crate) attributes: Map<String, Value>,
    pub(crate) contents: Vec<(&'static str, Body)>,
    pub(crate) causes: Vec<(String, &'static str)>,
    /// Seconds since the corpus began; no two events share one.
    pub(crate) second: u32,
    pub(crate) truth: Truth,
    /// How the poison was changed on the way to this event.
    pub(crate) change: Option<Change>,
}

/// A corpus.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Corpus {
    pub(crate) channel: Channel,
    /// The event where the poison came in.
    pub(crate) origin: String,
    /// The text to ask about; none where the event is asked about as a whole.
    pub(crate) text: Option<String>,
    pub(crate) events: Vec<Event>,
    /// Keys that hold the poison at the end.
    pub(crate) keys_held: BTreeSet<String>,
    /// Keys that held it and do not any more.
    pub(crate) keys_mended: BTreeSet<String>,
    /// Calls that use a secret which the poison brought about.
    pub(crate) secrets_used: BTreeSet<String>,
}

/// The corpus of a seed.
pub(crate) fn corpus(seed: u64) -> Corpus {
    let channel = Channel::ALL[(seed % Channel::ALL.len() as u64) as usize];
    chains::plant(channel, world::World::new(seed))
}
