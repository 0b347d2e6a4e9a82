//! Plots: sequences of acts over several sessions and agents, whose links are known before they are played.
//!
//! Guarantee: acts of a plot are said in their order, each once, whatever else is said between them.

use super::pool::{Nook, Pool};
use super::stream::Spoken;
use crate::rng::Rng;
use bytes::Bytes;
use schemas::draft::DraftCause;
use schemas::kind;
use serde_json::{Map, Value};

/// Tools that agents call.
const TOOLS: [&str; 8] = [
    "Read",
    "Bash",
    "Grep",
    "get_user_details",
    "get_order_details",
    "search_calendar",
    "get_transactions",
    "update_reservation",
];

/// A session and the agent that speaks in it.
#[derive(Debug, Clone, Default)]
pub(super) struct Seat {
    pub(super) agent: usize,
    pub(super) session: String,
    pub(super) trace: String,
    pub(super) task: String,
    pub(super) nook: Nook,
}

impl Seat {
    pub(super) fn new(rng: &mut Rng, pool: &Pool, agent: usize) -> Self {
        Self {
            agent,
            session: uuid::Builder::from_random_bytes(rng.bytes()).into_uuid().to_string(),
            trace: rng.hex::<16>(),
            task: format!("task-{}", rng.below(500)),
            nook: pool.nook(rng),
        }
    }
}

/// Something that is said: an event before it has id, time and text.
#[derive(Debug, Clone, Default)]
pub(super) struct Speech {
    pub(super) kind: &'static str,
    pub(super) causes: Vec<DraftCause>,
    pub(super) attributes: Map<String, Value>,
    /// Size of the content in bytes; none without.
    pub(super) bytes: Option<usize>,
    /// The content itself, where it repeats an earlier one.
    pub(super) repeats: Option<Bytes>,
    pub(super) subject: Option<String>,
    pub(super) principal: Option<String>,
}

/// What caused an act.
#[derive(Debug, Clone)]
pub(super) enum From {
    /// An act of the same plot.
    Act(usize),
    /// An event of another plot.
    Known(Spoken),
}

/// One act.
#[derive(Debug, Clone, Default)]
pub(super) struct Act {
    pub(super) seat: usize,
    pub(super) kind: &'static str,
    pub(super) causes: Vec<(From, &'static str)>,
    pub(super) attributes: Map<String, Value>,
    pub(super) bytes: Option<usize>,
    pub(super) subject: Option<String>,
}

/// What a plot was for.
#[derive(Debug, Clone)]
pub(super) enum Purpose {
    /// Its last act wrote this key, for others to read.
    Writer { key: String },
    /// Its last act decided.
    Case { subject: String, nodes: u64 },
    /// Its last act wrote poison under this key: session number of the hub, 0 for the first.
    Poison { number: usize, key: String },
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Plot {
    pub(super) seats: Vec<Seat>,
    pub(super) acts: Vec<Act>,
    pub(super) said: Vec<Spoken>,
    pub(super) purpose: Purpose,
}

impl Plot {
    pub(super) fn new(purpose: Purpose) -> Self {
        Self { seats: Vec::new(), acts: Vec::new(), said: Vec::new(), purpose }
    }

    /// Adds an act and gives its number.
    pub(super) fn act(&mut self, act: Act) -> usize {
        self.acts.push(act);
        self.acts.len() - 1
    }

    /// Adds a message at `seat`; `from` is what it answers, in any session.
    pub(super) fn message(&mut self, seat: usize, bytes: usize, from: Option<(usize, &'static str)>) -> usize {
        let role = if from.is_some() { "assistant" } else { "user" };
        self.act(Act {
            seat,
            kind: kind::MESSAGE,
            causes: from.into_iter().map(|(act, relation)| (From::Act(act), relation)).collect(),
            attributes: attributes([("hansard.role", role.into())]),
            bytes: Some(bytes),
            subject: None,
        })
    }

    /// Adds a model's answer to `last`.
    pub(super) fn answer(&mut self, seat: usize, bytes: usize, last: usize) -> usize {
        self.act(Act {
            seat,
            kind: kind::MODEL_CALL,
            causes: vec![(From::Act(last), "responds_to")],
            attributes: answer_attributes(bytes, 4_000 + 200 * last),
            bytes: Some(bytes),
            subject: None,
        })
    }

    /// Adds a tool's call and its result after the answer `last`; gives both.
    pub(super) fn tool(&mut self, rng: &mut Rng, seat: usize, bytes: usize, last: usize) -> (usize, usize) {
        let call = tool_attributes(rng);
        let call_at = self.act(Act {
            seat,
            kind: kind::TOOL_CALL,
            causes: vec![(From::Act(last), "responds_to")],
            attributes: call.clone(),
            bytes: Some(bytes / 4),
            subject: None,
        });
        let result = self.act(Act {
            seat,
            kind: kind::TOOL_RESULT,
            causes: vec![(From::Act(call_at), "responds_to")],
            attributes: call,
            bytes: Some(bytes),
            subject: None,
        });
        (call_at, result)
    }

    /// Acts that were not said yet.
    pub(super) fn left(&self) -> u64 {
        (self.acts.len() - self.said.len()) as u64
    }

    /// The next act as it is said, with its seat.
    pub(super) fn next(&mut self, rng: &mut Rng) -> Option<(usize, Speech)> {
        let act = self.acts.get_mut(self.said.len())?;
        let causes = std::mem::take(&mut act.causes).into_iter().filter_map(|(from, relation)| {
            let spoken = match from {
                From::Act(at) => self.said.get(at).cloned()?,
                From::Known(spoken) => spoken,
            };
            Some(cause(rng, spoken, relation))
        });
        let causes = causes.collect();
        let speech = Speech {
            kind: act.kind,
            causes,
            attributes: std::mem::take(&mut act.attributes),
            bytes: act.bytes,
            repeats: None,
            subject: act.subject.take(),
            principal: None,
        };
        Some((act.seat, speech))
    }
}

/// Share of causes whose header digest the speaker knows and names.
const CAUSE_WITH_LEAF: f64 = 0.25;

/// A cause as a header names it.
pub(super) fn cause(rng: &mut Rng, spoken: Spoken, relation: &str) -> DraftCause {
    let leaf = rng.chance(CAUSE_WITH_LEAF).then_some(spoken.digest);
    DraftCause { id: spoken.id, relation: relation.to_owned(), leaf }
}

/// Attributes from pairs.
pub(super) fn attributes<const N: usize>(of: [(&str, Value); N]) -> Map<String, Value> {
    of.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Attributes of a model's answer of `bytes` bytes.
pub(super) fn answer_attributes(bytes: usize, context: usize) -> Map<String, Value> {
    attributes([
        ("gen_ai.operation.name", "chat".into()),
        ("gen_ai.provider.name", "anthropic".into()),
        ("gen_ai.response.model", "claude-sonnet-4-5".into()),
        ("gen_ai.usage.input_tokens", context.into()),
        ("gen_ai.usage.output_tokens", (bytes / 4 + 1).into()),
        ("gen_ai.usage.cache_read.input_tokens", (context - context / 12).into()),
    ])
}

/// Attributes of a call of some tool, with an id of its own.
pub(super) fn tool_attributes(rng: &mut Rng) -> Map<String, Value> {
    attributes([
        ("gen_ai.operation.name", "execute_tool".into()),
        ("gen_ai.tool.name", TOOLS[rng.below(TOOLS.len())].into()),
        ("gen_ai.tool.call.id", format!("toolu_{}", rng.hex::<12>()).into()),
    ])
}

/// Attributes of an act on shared memory.
pub(super) fn memory_attributes(world: usize, key: &str) -> Map<String, Value> {
    attributes([
        ("gen_ai.memory.store.id", format!("shared-{world}").into()),
        ("hansard.memory.key", key.into()),
        ("hansard.memory.version", "1".into()),
    ])
}
