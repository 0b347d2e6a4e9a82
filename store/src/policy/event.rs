//! One committed event as the checks see it.
//!
//! Guarantee: made from a header without judgement: what a producer said stands here as it was said. Attributes are
//! read leniently ([`super::attributes`]).

use super::attributes as names;
use super::terms::Terms;
use schemas::header::{Header, Time, all_attributes};
use schemas::kind;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A link from an event to one that it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyCause {
    /// Event id of the cause.
    pub id: String,
    /// Relation, from the effect to its cause.
    pub relation: String,
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyEvent {
    /// Event id.
    pub id: String,
    /// Leaf of the event in hex, where the caller knows it; no check reads it.
    pub leaf: Option<String>,
    /// The event's own time, microseconds since 1970.
    pub time_us: Option<i64>,
    /// When the table got it, microseconds since 1970.
    pub committed_at_us: i64,
    /// Kind.
    pub kind: String,
    /// URI of the speaker.
    pub source: String,
    /// Tenant.
    pub tenant: String,
    /// Agent id.
    pub agent: Option<String>,
    /// Session.
    pub session: Option<String>,
    /// W3C trace id: the root trace that a cycle is.
    pub trace: Option<String>,
    /// Task.
    pub task: Option<String>,
    /// On behalf of whom.
    pub principal: Option<String>,
    /// Who answers for the agent.
    pub sponsor: Option<String>,
    /// Role of the key that signed: `self`, `gateway`, `import`; empty when no signature holds.
    pub attested: String,
    /// Public key that signed, hex.
    pub signer: Option<String>,
    /// Causes.
    pub causes: Vec<PolicyCause>,
    /// All attributes.
    pub attributes: Map<String, Value>,
    /// Tool name.
    pub tool: Option<String>,
    /// `error.type` of a failed act.
    pub error_type: Option<String>,
    /// For what the store refused: its reason (`unknown_key`, `signature`, `source`, ...). Such an event is judged by
    /// the checks on senders alone, and is not remembered.
    pub rejected: Option<String>,
    /// Whether the pinned registry key signed it: only then do registrations of keys count.
    pub registry: bool,
}

impl PolicyEvent {
    /// The view of a parsed header, whose `bytes` are read once more for the attributes without a column.
    #[must_use]
    pub fn from_header(header: &Header, bytes: &[u8], attested: &str) -> Self {
        let data = &header.data;
        let cause = |c: &schemas::header::Cause| PolicyCause { id: c.id.clone(), relation: c.relation.clone() };
        Self {
            id: header.id.clone(),
            time_us: header.time.map(|time| time.0),
            kind: header.kind().to_owned(),
            source: header.source.clone(),
            tenant: data.tenant.clone(),
            agent: data.agent.id.clone(),
            session: data.session.clone(),
            trace: data.trace_id.as_ref().map(|id| id.to_ascii_lowercase()),
            task: data.task.clone(),
            principal: data.principal.clone(),
            sponsor: data.sponsor.clone(),
            attested: attested.to_owned(),
            causes: data.causes.iter().map(cause).collect(),
            attributes: all_attributes(bytes),
            tool: data.attributes.tool.clone(),
            error_type: data.attributes.error_type.clone(),
            ..Self::default()
        }
    }

    /// With the time of its commit.
    #[must_use]
    pub fn committed_at(mut self, us: i64) -> Self {
        self.committed_at_us = us;
        self
    }

    /// With the key that signed it, in hex.
    #[must_use]
    pub fn signed_by(mut self, signer: impl Into<String>) -> Self {
        self.signer = Some(signer.into());
        self
    }

    /// The time that checks use: the event's own, else that of its commit.
    #[must_use]
    pub fn at_us(&self) -> i64 {
        self.time_us.unwrap_or(self.committed_at_us)
    }

    /// Who acts: the agent, else the source.
    #[must_use]
    pub fn actor(&self) -> &str {
        self.agent.as_deref().unwrap_or(&self.source)
    }

    /// The cycle that it belongs to, and how it is named: the root trace, else the session.
    #[must_use]
    pub fn cycle(&self) -> String {
        match (&self.trace, &self.session) {
            (Some(trace), _) => format!("trace {trace}"),
            (None, Some(session)) => format!("session {session}"),
            (None, None) => "no trace or session".to_owned(),
        }
    }

    /// Whether a person speaks. An agent cannot claim it under its own key.
    #[must_use]
    pub fn is_person(&self) -> bool {
        self.text(names::ROLE) == Some("user") && self.attested != "self"
    }

    /// Whether it is a message.
    #[must_use]
    pub fn is_message(&self) -> bool {
        self.kind == kind::MESSAGE || self.kind.ends_with(".message")
    }

    /// Whether it hands something to others: a message or a handoff.
    #[must_use]
    pub fn hands_on(&self) -> bool {
        self.kind == kind::HANDOFF || self.is_message()
    }

    /// An attribute that is a text, and not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// An attribute that is true or false.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.attributes.get(name).and_then(Value::as_bool)
    }

    /// An attribute that is a whole number from 0.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.attributes.get(name).and_then(Value::as_u64)
    }

    /// An attribute that is a text or a list of texts.
    pub(super) fn texts(&self, name: &str) -> Vec<&str> {
        match self.attributes.get(name) {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// An attribute that is a time in RFC 3339, in microseconds.
    pub(super) fn time(&self, name: &str) -> Option<i64> {
        let value = self.attributes.get(name)?;
        Time::deserialize(value).ok().map(|time| time.0)
    }

    /// An attribute that is a scope or a list of rights.
    pub(super) fn terms(&self, name: &str) -> Option<Terms> {
        self.attributes.get(name).and_then(Terms::read)
    }

    /// Agents that a message or handoff names, in order, each once, without the sender itself.
    pub(super) fn recipients(&self) -> Vec<&str> {
        if !self.hands_on() {
            return Vec::new();
        }
        let mut recipients = self.texts(names::RECIPIENTS);
        recipients.sort_unstable();
        recipients.dedup();
        recipients.retain(|name| !name.is_empty() && *name != self.actor());
        recipients.truncate(super::limits::SET_ENTRIES_MAX);
        recipients
    }
}
