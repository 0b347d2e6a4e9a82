//! One committed event as the fold sees it.
//!
//! Guarantee: made from a header without judgement; everything here is signed or stands in the row of the table. Only
//! the attributes of [`super::names::READ`] are kept. The feeder sees to it that an event id comes once.

use super::limits::{AGENT_DIGESTS_MAX, RECIPIENTS_MAX};
use super::names;
use super::stamp::{EventId, Stamp};
use schemas::header::{Header, Time};
use schemas::kind;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A link from an event to one that it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateCause {
    /// Event id of the cause.
    pub id: EventId,
    /// Relation, from the effect to its cause.
    pub relation: Box<str>,
}

/// What an event commits to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateContent {
    /// Name within the event.
    pub name: Box<str>,
    /// Bytes.
    pub size: u64,
    /// Salted commitment.
    pub commitment: [u8; 32],
}

/// What stands about an event in its row and not in its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowColumns<'a> {
    /// Log partition.
    pub partition: u32,
    /// Position in the partition's tree.
    pub leaf: u64,
    /// When the table got it, microseconds since 1970.
    pub committed_us: i64,
    /// Role of the key that signed: `self`, `gateway`, `import`.
    pub attested: &'a str,
}

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub struct StateEvent {
    /// Event id.
    pub id: EventId,
    /// Log partition.
    pub partition: u32,
    /// Position in the partition's tree.
    pub leaf: u64,
    /// The event's own time, microseconds since 1970.
    pub time_us: Option<i64>,
    /// When the table got it, microseconds since 1970.
    pub committed_us: i64,
    /// Kind.
    pub kind: Box<str>,
    /// URI of the speaker.
    pub source: Box<str>,
    /// Tenant.
    pub tenant: Box<str>,
    /// Session.
    pub session: Option<Box<str>>,
    /// Agent id.
    pub agent: Option<Box<str>>,
    /// Agent version.
    pub agent_version: Option<Box<str>>,
    /// Digests of the agent's prompt, tools and configuration, by name.
    pub agent_digests: Vec<(Box<str>, Box<str>)>,
    /// Task.
    pub task: Option<Box<str>>,
    /// On behalf of whom.
    pub principal: Option<Box<str>>,
    /// Role of the key that signed.
    pub attested: Box<str>,
    /// Causes.
    pub causes: Vec<StateCause>,
    /// Contents.
    pub contents: Vec<StateContent>,
    /// The attributes of [`super::names::READ`].
    pub attributes: Map<String, Value>,
}

/// What [`Header`] leaves in the bytes.
#[derive(Deserialize)]
struct Envelope {
    data: Rest,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Rest {
    attributes: Map<String, Value>,
    agent: Digests,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Digests {
    digests: Map<String, Value>,
}

impl StateEvent {
    /// The view of a parsed header, whose `bytes` are read once more for what has no column, with its row.
    #[must_use]
    pub fn from_header(header: &Header, bytes: &[u8], row: RowColumns<'_>) -> Self {
        let data = &header.data;
        let rest = serde_json::from_slice::<Envelope>(bytes).map(|envelope| envelope.data).unwrap_or_default();
        let mut attributes = rest.attributes;
        attributes.retain(|name, _| names::READ.contains(&name.as_str()));
        let digests = rest.agent.digests.iter().filter_map(|(name, value)| Some((boxed(name), boxed(value.as_str()?))));
        let option = |text: &Option<String>| text.as_deref().map(boxed);
        Self {
            id: EventId::new(&header.id),
            partition: row.partition,
            leaf: row.leaf,
            time_us: header.time.map(|time| time.0),
            committed_us: row.committed_us,
            kind: boxed(header.kind()),
            source: boxed(&header.source),
            tenant: boxed(&data.tenant),
            session: option(&data.session),
            agent: option(&data.agent.id),
            agent_version: option(&data.agent.version),
            agent_digests: digests.take(AGENT_DIGESTS_MAX).collect(),
            task: option(&data.task),
            principal: option(&data.principal),
            attested: boxed(row.attested),
            causes: data.causes.iter().map(cause).collect(),
            contents: data.contents.iter().map(content).collect(),
            attributes,
        }
    }

    /// The time that the fold uses: the event's own, else that of its commit.
    #[must_use]
    pub fn at_us(&self) -> i64 {
        self.time_us.unwrap_or(self.committed_us)
    }

    /// Its place in the order of events.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp { time_us: self.at_us(), id: self.id.clone() }
    }

    /// Who acts: the agent, else the source.
    #[must_use]
    pub fn actor(&self) -> &str {
        self.agent.as_deref().unwrap_or(&self.source)
    }

    /// An attribute that is a text, and not empty.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// An attribute that is true or false.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.attributes.get(name).and_then(Value::as_bool)
    }

    /// An attribute that is a whole number from 0; one with a fraction of zero counts.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        let value = self.attributes.get(name)?;
        let whole = |number: f64| (number.fract() == 0.0 && (0.0..9.0e15).contains(&number)).then_some(number as u64);
        value.as_u64().or_else(|| value.as_f64().and_then(whole))
    }

    /// An attribute that is a text or a list of texts, joined by line feeds as it is shown.
    pub(crate) fn texts(&self, name: &str) -> Vec<&str> {
        match self.attributes.get(name) {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// An attribute that is a time in RFC 3339, in microseconds.
    pub(crate) fn time(&self, name: &str) -> Option<i64> {
        Time::deserialize(self.attributes.get(name)?).ok().map(|time| time.0)
    }

    /// Whether a person speaks. An agent cannot claim it under its own key.
    pub(crate) fn is_person(&self) -> bool {
        self.text(names::ROLE) == Some("user") && &*self.attested != "self"
    }

    /// Whether it hands something to others: a message or a handoff.
    pub(crate) fn hands_on(&self) -> bool {
        matches!(&*self.kind, kind::MESSAGE | kind::HANDOFF) || self.kind.ends_with(".message")
    }

    /// Agents that a message or handoff names, each once, in order, without the sender itself.
    pub(crate) fn recipients(&self) -> Vec<&str> {
        if !self.hands_on() {
            return Vec::new();
        }
        let mut names = self.texts(names::RECIPIENTS);
        names.sort_unstable();
        names.dedup();
        names.retain(|name| !name.is_empty() && *name != self.actor());
        names.truncate(RECIPIENTS_MAX);
        names
    }

    /// The last event that it names with one of these relations. Importers name the call of a result last.
    pub(crate) fn last_cause(&self, relations: &[&str]) -> Option<&EventId> {
        self.causes.iter().rfind(|cause| relations.contains(&&*cause.relation)).map(|cause| &cause.id)
    }

    /// Key of the memory value that it is about.
    pub(crate) fn memory_key(&self) -> Option<&str> {
        self.text(names::MEMORY_KEY).or_else(|| self.text(names::MEMORY_RECORD)).or_else(|| self.text(names::FILE_PATH))
    }

    /// The version that it states, where that is a whole number: only those are ordered.
    pub(crate) fn version(&self) -> Option<u64> {
        self.number(names::MEMORY_VERSION).or_else(|| self.text(names::MEMORY_VERSION)?.parse().ok())
    }

    /// The content that is the value: the one of that name, else the first.
    pub(crate) fn value(&self) -> Option<&StateContent> {
        self.contents.iter().find(|content| &*content.name == "value").or_else(|| self.contents.first())
    }
}

fn boxed(text: &str) -> Box<str> {
    text.into()
}

fn cause(cause: &schemas::header::Cause) -> StateCause {
    StateCause { id: EventId::new(&cause.id), relation: boxed(&cause.relation) }
}

fn content(entry: &schemas::header::ContentEntry) -> StateContent {
    StateContent { name: boxed(&entry.name), size: entry.size, commitment: entry.commitment.0 }
}
