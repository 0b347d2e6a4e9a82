//! Builders for the tests of the policy engine: events in a line each, and what a run of them breaches.

use serde_json::{Value, json};
use store::policy::{Breach, Evaluator, Policy, PolicyCause, PolicyEvent, check};

/// The first second of every story.
pub(crate) const START_S: i64 = 1_800_000_000;

/// An event of `agent`, `second` seconds into the story, signed with the agent's own key, in trace `t1`.
pub(crate) fn event(id: &str, second: i64, agent: &str, kind: &str) -> PolicyEvent {
    PolicyEvent {
        id: id.into(),
        time_us: Some((START_S + second) * 1_000_000),
        committed_at_us: (START_S + second + 5) * 1_000_000,
        kind: kind.into(),
        source: format!("urn:agent:{agent}"),
        tenant: "acme".into(),
        agent: Some(agent.into()),
        session: Some("s1".into()),
        trace: Some("t1".into()),
        task: Some("task-1".into()),
        attested: "self".into(),
        signer: Some(format!("key-of-{agent}")),
        ..PolicyEvent::default()
    }
}

/// A message of `agent` to `recipients`.
pub(crate) fn message(id: &str, second: i64, agent: &str, recipients: &[&str]) -> PolicyEvent {
    event(id, second, agent, "message").with("hansard.message.recipients", json!(recipients))
}

/// RFC 3339 of a second of the story.
pub(crate) fn at(second: i64) -> String {
    schemas::header::Time((START_S + second) * 1_000_000).to_rfc3339()
}

/// What an event says, added in a line.
pub(crate) trait Says {
    fn with(self, name: &str, value: impl Into<Value>) -> Self;
    fn because(self, relation: &str, id: &str) -> Self;
    fn seen_by(self, attested: &str) -> Self;
}

impl Says for PolicyEvent {
    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    fn because(mut self, relation: &str, id: &str) -> Self {
        self.causes.push(PolicyCause { id: id.into(), relation: relation.into() });
        self
    }

    fn seen_by(mut self, attested: &str) -> Self {
        self.attested = attested.into();
        self.signer = Some("key-of-gateway".into());
        self
    }
}

/// A message of a person, recorded by the gateway.
pub(crate) fn person(id: &str, second: i64, name: &str) -> PolicyEvent {
    event(id, second, name, "message").with("hansard.role", "user").seen_by("gateway")
}

/// Everything that `events` breach under `policy`.
pub(crate) fn breaches(policy: &Policy, events: &[PolicyEvent]) -> Vec<Breach> {
    let mut evaluator = Evaluator::new(policy.clone());
    events.iter().flat_map(|event| evaluator.observe(event)).collect()
}

/// (check, event) of everything that `events` breach under the default policy.
pub(crate) fn found(events: &[PolicyEvent]) -> Vec<(&'static str, String)> {
    let found = breaches(&Policy::default(), events);
    for breach in &found {
        assert!(check::ALL.contains(&breach.check), "{breach:?}");
        assert!(!breach.detail.is_empty() && !breach.subject.is_empty(), "{breach:?}");
        assert_eq!(breach.policy_version, "default-1");
    }
    found.into_iter().map(|breach| (breach.check, breach.event_id)).collect()
}

/// Asserts which (check, event) `events` breach, in order.
#[track_caller]
pub(crate) fn expect(events: &[PolicyEvent], wanted: &[(&'static str, &str)]) {
    let wanted: Vec<(&str, String)> = wanted.iter().map(|(check, event)| (*check, (*event).to_owned())).collect();
    assert_eq!(found(events), wanted);
}
