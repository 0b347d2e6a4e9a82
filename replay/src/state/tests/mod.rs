//! Tests of the state, from outside: against a second implementation, in any order, through files and proofs.

mod checks;
mod files;
mod fold;
mod generator;
mod oracle;
mod proofs;
mod stepping;
mod stories;

use super::event::{StateCause, StateContent, StateEvent};
use super::stamp::EventId;
use serde_json::{Map, Value};

/// An event of agent `agent` in session `s`, at `second`.
fn event(id: &str, second: i64, agent: &str, kind: &str) -> StateEvent {
    StateEvent {
        id: EventId::new(id),
        partition: 0,
        leaf: second.unsigned_abs(),
        time_us: Some(second * 1_000_000),
        committed_us: second * 1_000_000 + 500,
        kind: kind.into(),
        source: "urn:test".into(),
        tenant: "t".into(),
        session: Some("s".into()),
        agent: Some(agent.into()),
        agent_version: None,
        agent_digests: Vec::new(),
        task: None,
        principal: None,
        attested: "gateway".into(),
        causes: Vec::new(),
        contents: Vec::new(),
        attributes: Map::new(),
    }
}

impl StateEvent {
    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.attributes.insert(name.to_owned(), value.into());
        self
    }

    fn because(mut self, relation: &str, id: &str) -> Self {
        self.causes.push(StateCause { id: EventId::new(id), relation: relation.into() });
        self
    }

    fn value_of(mut self, byte: u8) -> Self {
        self.contents.push(StateContent { name: "value".into(), size: 4, commitment: [byte; 32] });
        self
    }
}
