//! What an evaluator remembers, and how checks write down what they find.
//!
//! Guarantee: everything here is bounded and serialisable; whatever a later verdict depends on stands in [`State`].

use super::bounded::Bounded;
use super::breach::{Breach, Severity};
use super::checks::breaker_state::Breaker;
use super::checks::credential::Credential;
use super::checks::kill::Kill;
use super::checks::memory::Partition;
use super::checks::rights::Statement;
use super::checks::waiting::Waiting;
use super::event::PolicyEvent;
use super::limits::{Limits, NAMES_SHOWN_MAX, RELATED_MAX, UNKNOWNS_MAX};
use super::rules::Policy;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Everything that later verdicts depend on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct State {
    /// By tenant and event id.
    pub(super) events: Bounded<EventFacts>,
    /// By tenant, agent and cycle.
    pub(super) cycles: Bounded<CycleFacts>,
    /// By tenant, from, to.
    pub(super) breakers: Bounded<Breaker>,
    /// By tenant and credential id.
    pub(super) credentials: Bounded<Credential>,
    /// By tenant and agent.
    pub(super) agents: Bounded<AgentFacts>,
    /// By tenant and agent.
    pub(super) kills: Bounded<Vec<Kill>>,
    /// By tenant and partition.
    pub(super) partitions: Bounded<Partition>,
    /// By tenant and principal.
    pub(super) principals: Bounded<Vec<Statement>>,
    /// Sources by public key.
    pub(super) keys: Bounded<Vec<String>>,
    /// Verdicts `unknown` that were given.
    pub(super) unknowns: Bounded<()>,
    /// The latest time seen, microseconds.
    pub(super) now_us: i64,
}

impl State {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            events: Bounded::new(limits.events),
            cycles: Bounded::new(limits.cycles),
            breakers: Bounded::new(limits.breakers),
            credentials: Bounded::new(limits.credentials),
            agents: Bounded::new(limits.agents),
            kills: Bounded::new(limits.kills),
            partitions: Bounded::new(limits.partitions),
            principals: Bounded::new(limits.principals),
            keys: Bounded::new(limits.keys),
            unknowns: Bounded::new(UNKNOWNS_MAX),
            now_us: i64::MIN,
        }
    }
}

/// What is remembered of an event.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct EventFacts {
    pub(super) actor: String,
    pub(super) at_us: i64,
    /// Agents from the beginning of the chain to this one; empty for a person.
    pub(super) path: Vec<String>,
    /// The event that the chain began with.
    pub(super) root: String,
    /// Of messages and handoffs.
    pub(super) message: Option<Box<MessageFacts>>,
    /// Of requests for approval and approvals.
    pub(super) approval: Option<Box<ApprovalFacts>>,
}

/// What is remembered of a message or handoff.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct MessageFacts {
    pub(super) cycle: String,
    pub(super) recipients: Vec<String>,
    /// Agents that it reached.
    pub(super) downstream: BTreeSet<String>,
    /// Agents whose answer, or failure to answer, is on record.
    pub(super) settled: BTreeSet<String>,
    /// Agents that it answered itself.
    pub(super) answers: Vec<String>,
}

/// What is remembered of a request for approval, or of an approval.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ApprovalFacts {
    pub(super) granted: bool,
    /// Who asked, or who approved.
    pub(super) by: String,
    pub(super) digest: Option<String>,
    /// Key of its own that signed it.
    pub(super) own_key: Option<String>,
    /// Whether it was found to be the asker's own.
    pub(super) found: bool,
}

/// What is remembered of an agent in a cycle.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct CycleFacts {
    pub(super) messages: u64,
    pub(super) first: String,
    pub(super) waiting: Vec<Waiting>,
}

/// What is remembered of an agent.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct AgentFacts {
    /// The latest act: event id, time, session.
    pub(super) last_act: Option<(String, i64, Option<String>)>,
    pub(super) pause: Option<super::checks::cooldown::Pause>,
    /// Credentials that it may hold: id, task.
    pub(super) holds: Vec<(String, String)>,
}

/// What a check works with.
pub(super) struct Cx<'a> {
    pub(super) policy: &'a Policy,
    pub(super) state: &'a mut State,
    pub(super) event: &'a PolicyEvent,
    pub(super) out: &'a mut Vec<Breach>,
}

/// Events that a breach links to, with their parts.
pub(super) type Related = Vec<(String, &'static str)>;

impl Cx<'_> {
    /// Key of something of the event's tenant.
    pub(super) fn key(&self, parts: &[&str]) -> String {
        let mut key = joined(&self.event.tenant);
        parts.iter().for_each(|part| key.push_str(&joined(part)));
        key
    }

    pub(super) fn facts(&self, id: &str) -> Option<&EventFacts> {
        self.state.events.get(&self.key(&[id]))
    }

    pub(super) fn facts_mut(&mut self, id: &str) -> Option<&mut EventFacts> {
        let key = self.key(&[id]);
        self.state.events.get_mut(&key)
    }

    /// Writes a breach down, shown by this event.
    pub(super) fn breach(
        &mut self,
        check: &'static str,
        severity: Severity,
        subject: String,
        related: Related,
        detail: String,
    ) {
        let event = self.event.id.clone();
        self.breach_at(event, check, severity, subject, related, detail);
    }

    /// Writes a breach down, shown by an earlier event.
    pub(super) fn breach_at(
        &mut self,
        event_id: String,
        check: &'static str,
        severity: Severity,
        subject: String,
        mut related: Related,
        detail: String,
    ) {
        related.truncate(RELATED_MAX);
        let policy_version = self.policy.version.clone();
        self.out.push(Breach { check, severity, event_id, subject, related, detail, policy_version });
    }

    /// Says once that a verdict about `missing` cannot be given any more.
    pub(super) fn unknown(&mut self, check: &'static str, subject: String, missing: &str, forgotten: u64) {
        let key = self.key(&[check, missing]);
        if self.state.unknowns.get(&key).is_some() {
            return;
        }
        self.state.unknowns.insert(&key, ());
        let detail =
            format!("unknown: {missing} is not remembered, and {forgotten} entries of its kind had to be forgotten");
        self.breach(check, Severity::Unknown, subject, Vec::new(), detail);
    }
}

/// A part of a key, preceded by its length, so that no two lists of parts make the same key.
fn joined(part: &str) -> String {
    format!("{}:{part}", part.len())
}

/// Names for a text: the first few, then how many more.
pub(super) fn shown<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
    let first = names.get(..NAMES_SHOWN_MAX.min(names.len())).unwrap_or_default().join(", ");
    match names.len().saturating_sub(NAMES_SHOWN_MAX) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// Seconds as microseconds, without overflow.
pub(super) fn micros(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000)
}
