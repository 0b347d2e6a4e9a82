//! The fold: a policy, the events one after the other, and what they breach.
//!
//! Guarantee: deterministic; the state is bounded and serialisable, and an evaluator that was stored and read again
//! goes on as if it had not been. It never fails: what an event does not say is not judged.

use super::breach::Breach;
use super::checks;
use super::checks::breaker_state::BreakerState;
use super::event::PolicyEvent;
use super::limits::Limits;
use super::rules::Policy;
use super::state::{Cx, State};
use serde::{Deserialize, Deserializer, Serialize};

/// Version of the stored state: another version is refused, and the events must be observed again.
const STATE_VERSION: u32 = 1;

/// See the module.
///
/// Events are to be observed in the order of their commits, each once, with causes before effects as far as the record
/// has them so. Serialising it gives everything; the policy is part of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Evaluator {
    #[serde(deserialize_with = "this_version")]
    state_version: u32,
    policy: Policy,
    state: State,
    observed: u64,
}

/// Entries that had to give way, by what they were about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// Events.
    pub events: u64,
    /// (agent, cycle) pairs: their messages are counted from 0 again.
    pub cycles: u64,
    /// Breakers: they are closed again.
    pub breakers: u64,
    /// Credentials.
    pub credentials: u64,
    /// Agents.
    pub agents: u64,
    /// Agents under a kill: their acts are not found any more.
    pub kills: u64,
    /// Memory partitions.
    pub partitions: u64,
    /// Principals.
    pub principals: u64,
    /// Registered keys.
    pub keys: u64,
}

impl Forgotten {
    /// All of them together.
    #[must_use]
    pub fn total(&self) -> u64 {
        let Self { events, cycles, breakers, credentials, agents, kills, partitions, principals, keys } = self;
        events + cycles + breakers + credentials + agents + kills + partitions + principals + keys
    }
}

impl Evaluator {
    /// An evaluator that saw nothing yet.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self::with_limits(policy, Limits::default())
    }

    /// An evaluator with limits of its own.
    #[must_use]
    pub fn with_limits(policy: Policy, limits: Limits) -> Self {
        Self { state_version: STATE_VERSION, policy, state: State::new(limits), observed: 0 }
    }

    /// The policy that judges.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// How many events were observed.
    #[must_use]
    pub fn observed(&self) -> u64 {
        self.observed
    }

    /// Judges one event and remembers what later ones need of it.
    pub fn observe(&mut self, event: &PolicyEvent) -> Vec<Breach> {
        let mut out = Vec::new();
        self.observed += 1;
        self.state.now_us = self.state.now_us.max(event.at_us());
        checks::observe(&mut Cx { policy: &self.policy, state: &mut self.state, event, out: &mut out });
        out
    }

    /// Every breaker as of the latest time observed, in a fixed order.
    #[must_use]
    pub fn breakers(&self) -> Vec<BreakerState> {
        self.breakers_at(self.state.now_us)
    }

    /// Every breaker at a time, microseconds, at or after the latest one observed.
    #[must_use]
    pub fn breakers_at(&self, at_us: i64) -> Vec<BreakerState> {
        let rule = &self.policy.checks.breaker;
        let mut breakers: Vec<_> = self.state.breakers.values().map(|breaker| breaker.state(rule, at_us)).collect();
        breakers.sort_by(|a, b| (&a.tenant, &a.from, &a.to).cmp(&(&b.tenant, &b.from, &b.to)));
        breakers
    }

    /// What had to be forgotten so far.
    #[must_use]
    pub fn forgotten(&self) -> Forgotten {
        let state = &self.state;
        Forgotten {
            events: state.events.forgotten(),
            cycles: state.cycles.forgotten(),
            breakers: state.breakers.forgotten(),
            credentials: state.credentials.forgotten(),
            agents: state.agents.forgotten(),
            kills: state.kills.forgotten(),
            partitions: state.partitions.forgotten(),
            principals: state.principals.forgotten(),
            keys: state.keys.forgotten(),
        }
    }
}

fn this_version<'de, D: Deserializer<'de>>(d: D) -> Result<u32, D::Error> {
    let found = u32::deserialize(d)?;
    if found == STATE_VERSION {
        return Ok(found);
    }
    let words = format!("state of version {found}, this program reads {STATE_VERSION}: observe the events again");
    Err(serde::de::Error::custom(words))
}
