//! Histories that look like agents at work, from one seed: sessions that overlap, shared memory, calls that are
//! answered late, twice or never, credentials, approvals, messages that fail, kills, budgets; written down out of
//! order.

use super::super::event::{StateCause, StateContent, StateEvent};
use super::super::stamp::EventId;
use schemas::kind;
use serde_json::{Map, Value};

/// Numbers from a seed (SplitMix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, max: u64) -> u64 {
        self.next() % max.max(1)
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// Makes events one after another.
pub(crate) struct Generator {
    dice: Dice,
    now_us: i64,
    made: u64,
    agents: u64,
    keys: u64,
    sessions: Vec<Running>,
    next_session: u64,
    messages: Vec<(EventId, u64, u64)>,
    requests: Vec<(EventId, u64)>,
    answers: Vec<EventId>,
    versions: std::collections::HashMap<u64, u64>,
}

struct Running {
    name: String,
    agent: u64,
    left: u64,
    calls: Vec<(EventId, Option<String>)>,
}

impl Generator {
    pub(crate) fn new(seed: u64, agents: u64, keys: u64) -> Self {
        let dice = Dice(seed);
        let (messages, requests, answers) = (Vec::new(), Vec::new(), Vec::new());
        let (sessions, versions) = (Vec::new(), Default::default());
        let now_us = 1_700_000_000_000_000;
        Self { dice, now_us, made: 0, agents, keys, sessions, next_session: 0, messages, requests, answers, versions }
    }

    fn agent_name(agent: u64) -> String {
        format!("agent-{agent}")
    }

    /// The next event, in the order of leaves; its own time may lie before those of the events before.
    pub(crate) fn event(&mut self) -> StateEvent {
        self.now_us += self.dice.below(3_000_000) as i64;
        let slot = self.dice.below(40) as usize;
        if self.sessions.len() <= slot {
            self.next_session += 1;
            let agent = self.dice.below(self.agents);
            let left = 10 + self.dice.below(90);
            let name = format!("session-{:08}", self.next_session);
            self.sessions.push(Running { name, agent, left, calls: Vec::new() });
        }
        let slot = slot.min(self.sessions.len() - 1);
        let ends = self.sessions[slot].left == 0;
        self.sessions[slot].left = self.sessions[slot].left.saturating_sub(1);
        let mut event = self.bare(slot);
        if ends {
            event.kind = kind::SESSION_END.into();
            self.sessions.swap_remove(slot);
        } else {
            self.fill(&mut event, slot);
        }
        event
    }

    fn bare(&mut self, slot: usize) -> StateEvent {
        let random = self.dice.next();
        let late = if self.dice.chance(10) { self.dice.below(60_000_000) as i64 } else { 0 };
        // A few share one time, so that ids must decide.
        let time_us = (self.now_us - late) / 500_000 * 500_000;
        let id = format!("{:08x}-0000-7000-8000-{:012x}", random as u32, self.made);
        let id = if self.dice.chance(2) { format!("odd:{random}:{}", self.made) } else { id };
        self.made += 1;
        let session = &self.sessions[slot];
        StateEvent {
            id: EventId::new(&id),
            partition: (session.agent % 4) as u32,
            leaf: self.made,
            time_us: (!self.dice.chance(1)).then_some(time_us),
            committed_us: self.now_us + 2_000_000,
            kind: kind::PLAN.into(),
            source: "urn:generated".into(),
            tenant: "acme".into(),
            session: Some(session.name.as_str().into()),
            agent: Some(Self::agent_name(session.agent).into()),
            agent_version: Some(format!("{}", self.now_us / 100_000_000_000).into()),
            agent_digests: Vec::new(),
            task: None,
            principal: None,
            attested: "gateway".into(),
            causes: Vec::new(),
            contents: Vec::new(),
            attributes: Map::new(),
        }
    }

    fn fill(&mut self, event: &mut StateEvent, slot: usize) {
        match self.dice.below(100) {
            0..25 => self.model(event),
            25..45 => self.call(event, slot),
            45..65 => self.result(event, slot),
            65..75 => self.memory(event),
            75..88 => self.message(event, slot),
            88..91 => self.credential(event),
            91..94 => self.approval(event),
            94..96 => self.governance(event),
            96..97 => self.judgement(event),
            _ => {}
        }
    }

    fn model(&mut self, event: &mut StateEvent) {
        event.kind = kind::MODEL_CALL.into();
        for name in ["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"] {
            event.attributes.insert(name.into(), self.dice.below(5_000).into());
        }
    }

    fn call(&mut self, event: &mut StateEvent, slot: usize) {
        event.kind = kind::TOOL_CALL.into();
        put(event, "gen_ai.tool.name", format!("tool-{}", self.dice.below(12)));
        // Some producers count their calls, and begin anew; some name none.
        let call_id = match self.dice.below(20) {
            0 => None,
            1 | 2 => Some(format!("call_{}", self.dice.below(3))),
            _ => Some(format!("call-{:x}", self.dice.next())),
        };
        if let Some(call_id) = &call_id {
            put(event, "gen_ai.tool.call.id", call_id.clone());
        }
        self.sessions[slot].calls.push((event.id.clone(), call_id));
    }

    fn result(&mut self, event: &mut StateEvent, slot: usize) {
        event.kind = kind::TOOL_RESULT.into();
        let calls = &mut self.sessions[slot].calls;
        if calls.is_empty() {
            return;
        }
        let at = self.dice.below(calls.len() as u64) as usize;
        let (call, call_id) = if self.dice.chance(3) { calls[at].clone() } else { calls.swap_remove(at) };
        let loose = self.dice.chance(4);
        if let Some(call_id) = call_id.filter(|_| loose || !self.dice.chance(3)) {
            put(event, "gen_ai.tool.call.id", call_id);
        }
        if !loose {
            cause(event, "responds_to", &call);
        } else if self.dice.chance(30) {
            cause(event, "responds_to", &EventId::new("no call at all"));
        }
    }

    fn memory(&mut self, event: &mut StateEvent) {
        let number = self.dice.below(self.keys).min(self.dice.below(self.keys));
        put(event, "gen_ai.memory.store.id", format!("shared/{}", number % 7));
        put(event, "gen_ai.memory.record.id", format!("key-{number:08}"));
        event.contents.push(StateContent {
            name: "value".into(),
            size: self.dice.below(999),
            commitment: [self.dice.next() as u8; 32],
        });
        event.kind = match self.dice.below(20) {
            0 => kind::MEMORY_DELETE,
            1..7 => kind::MEMORY_READ,
            _ => kind::MEMORY_WRITE,
        }
        .into();
        if self.dice.chance(70) {
            let version = self.versions.entry(number).or_default();
            *version += u64::from(!self.dice.chance(10));
            let version = Value::from(*version);
            event.attributes.insert("hansard.memory.version".into(), version);
        } else if self.dice.chance(10) {
            put(event, "hansard.memory.version", "etag-7".to_owned());
        }
    }

    fn message(&mut self, event: &mut StateEvent, slot: usize) {
        event.kind = kind::MESSAGE.into();
        let actor = self.sessions[slot].agent;
        let to = self.dice.below(self.agents.min(actor + 4));
        put(event, "hansard.message.recipients", Self::agent_name(to));
        if self.dice.chance(60)
            && let Some(at) = self.messages.iter().rposition(|(_, _, to)| *to == actor)
        {
            let (id, from, _) = self.messages.swap_remove(at);
            put(event, "hansard.message.recipients", Self::agent_name(from));
            cause(event, "responds_to", &id);
            self.answers.push(event.id.clone());
            match self.dice.below(10) {
                0 | 1 => put(event, "error.type", "timeout".to_owned()),
                2 => drop(event.attributes.insert("hansard.anomaly".into(), true.into())),
                _ => {}
            }
        } else {
            self.messages.push((event.id.clone(), actor, to));
        }
        let excess = self.messages.len().saturating_sub(500);
        self.messages.drain(..excess);
    }

    fn credential(&mut self, event: &mut StateEvent) {
        put(event, "hansard.credential.id", format!("cred-{}", self.dice.below(self.agents * 5)));
        event.kind = match self.dice.below(10) {
            0..3 => kind::CREDENTIAL_ISSUED,
            3 => kind::CREDENTIAL_REVOKED,
            _ => kind::CREDENTIAL_USED,
        }
        .into();
        if &*event.kind == kind::CREDENTIAL_ISSUED && self.dice.chance(70) {
            let until = schemas::header::Time(self.now_us + self.dice.below(3_600_000_000) as i64).to_rfc3339();
            put(event, "hansard.credential.expires", until);
        }
    }

    fn approval(&mut self, event: &mut StateEvent) {
        if self.dice.chance(50) || self.requests.is_empty() {
            event.kind = kind::APPROVAL_REQUESTED.into();
            let digest = self.dice.below(1_000);
            put(event, "hansard.approval.digest", format!("blake3:{digest}"));
            return self.requests.push((event.id.clone(), digest));
        }
        let at = self.dice.below(self.requests.len() as u64) as usize;
        let (id, digest) = self.requests.swap_remove(at);
        event.kind = if self.dice.chance(80) { kind::APPROVAL_GRANTED } else { kind::APPROVAL_DENIED }.into();
        put(event, "hansard.approval.digest", format!("blake3:{digest}"));
        if self.dice.chance(80) {
            cause(event, "responds_to", &id);
        }
    }

    fn governance(&mut self, event: &mut StateEvent) {
        let agent = Self::agent_name(self.dice.below(self.agents));
        event.kind = match self.dice.below(8) {
            0 => kind::AGENT_KILLED,
            1 => kind::AGENT_RESUMED,
            2 => kind::BUDGET_WARNING,
            3 => kind::BUDGET_THROTTLED,
            4 => kind::BREAKER_TRIPPED,
            5 => kind::BREAKER_RESET,
            6 => kind::POLICY_VERDICT,
            _ => kind::CONFIG_CHANGED,
        }
        .into();
        put(event, "hansard.target.agent", agent.clone());
        put(event, "hansard.config.name", format!("prompt/{agent}"));
        put(event, "hansard.policy.name", format!("policy-{}", self.dice.below(3)));
        put(event, "hansard.policy.version", format!("{}", self.dice.below(9)));
        put(event, "hansard.breaker.from", agent);
        put(event, "hansard.breaker.to", Self::agent_name(self.dice.below(self.agents)));
    }

    fn judgement(&mut self, event: &mut StateEvent) {
        event.kind = kind::GUARDRAIL.into();
        put(event, "hansard.policy.verdict", "block".to_owned());
        if !self.answers.is_empty() {
            let at = self.answers.len() - 1 - self.dice.below(self.answers.len().min(50) as u64) as usize;
            let answer = self.answers[at].clone();
            cause(event, "used", &answer);
        }
    }
}

fn put(event: &mut StateEvent, name: &str, value: String) {
    event.attributes.insert(name.to_owned(), value.into());
}

fn cause(event: &mut StateEvent, relation: &str, id: &EventId) {
    event.causes.push(StateCause { id: id.clone(), relation: relation.into() });
}

/// A history.
pub(crate) fn history(seed: u64, events: usize, agents: u64, keys: u64) -> Vec<StateEvent> {
    let mut generator = Generator::new(seed, agents, keys);
    (0..events).map(|_| generator.event()).collect()
}

/// The same in another order.
pub(crate) fn shuffled(events: &[StateEvent], seed: u64) -> Vec<StateEvent> {
    let (mut out, mut dice) = (events.to_vec(), Dice(seed));
    for at in (1..out.len()).rev() {
        out.swap(at, dice.below(at as u64 + 1) as usize);
    }
    out
}
