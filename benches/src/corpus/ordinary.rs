//! Ordinary sessions: what agents say when nothing is planted, with the kinds, sizes and lengths of [`crate::measured`].
//!
//! Guarantee: links stay within the session; one of 50 results repeats an earlier one, byte for byte.

use super::plot::{Seat, Speech, answer_attributes, attributes, cause, tool_attributes};
use super::pool::Pool;
use super::stream::Spoken;
use crate::measured::{PROFILES, Profile};
use crate::rng::Rng;
use bytes::Bytes;
use schemas::kind;
use serde_json::{Map, Value};

/// Real bodies are shortened by this, so that header and contents together average 1 KiB.
const BODY_SCALE: f64 = 0.22;
/// Share of results that repeat an earlier one.
const REPEATS: f64 = 0.02;

/// See the module.
#[derive(Debug)]
pub(super) struct Ordinary {
    pub(super) seat: Seat,
    profile: &'static Profile,
    /// Events that are still to come.
    pub(super) left: u64,
    context: usize,
    last: Option<Spoken>,
    answer: Option<Spoken>,
    result: Option<Spoken>,
    /// A call that waits for its result.
    open: Option<(Spoken, Map<String, Value>)>,
    /// A result that may be repeated.
    before: Option<Bytes>,
}

impl Ordinary {
    /// A session of an agent, of exponential length around the measured mean.
    pub(super) fn new(rng: &mut Rng, pool: &Pool, agent: usize) -> Self {
        let profile = &PROFILES[agent % PROFILES.len()];
        let length = -(profile.session_records as f64) * (1.0 - rng.unit()).ln();
        Self::of_length(rng, pool, agent, (length as u64).max(2))
    }

    /// A session of exactly `left` events.
    pub(super) fn of_length(rng: &mut Rng, pool: &Pool, agent: usize, left: u64) -> Self {
        Self {
            seat: Seat::new(rng, pool, agent),
            profile: &PROFILES[agent % PROFILES.len()],
            left,
            context: rng.range(300, 20_000),
            last: None,
            answer: None,
            result: None,
            open: None,
            before: None,
        }
    }

    /// Whether nothing was said in it yet.
    pub(super) fn is_silent(&self) -> bool {
        self.last.is_none()
    }

    /// What is said next.
    pub(super) fn next(&mut self, rng: &mut Rng) -> Speech {
        self.left = self.left.saturating_sub(1);
        if let Some((call, attributes)) = self.open.take() {
            return self.result(rng, call, attributes);
        }
        let p = self.profile;
        match rng.unit() * (p.messages + p.answers + p.calls) {
            d if self.last.is_none() || d < p.messages => self.message(rng),
            d if self.answer.is_none() || d < p.messages + p.answers => self.model(rng),
            _ => self.call(rng),
        }
    }

    /// Takes note of what was said; `content` may be repeated later.
    pub(super) fn heard(&mut self, said: &Speech, spoken: Spoken, content: Option<Bytes>) {
        match said.kind {
            kind::MODEL_CALL => self.answer = Some(spoken.clone()),
            kind::TOOL_CALL => self.open = Some((spoken.clone(), said.attributes.clone())),
            kind::TOOL_RESULT => {
                self.result = Some(spoken.clone());
                self.before = content.or(self.before.take());
            }
            _ => {}
        }
        self.last = Some(spoken);
    }

    fn message(&mut self, rng: &mut Rng) -> Speech {
        let causes = self.last.clone().map(|last| cause(rng, last, "responds_to"));
        Speech {
            kind: kind::MESSAGE,
            causes: causes.into_iter().collect(),
            attributes: attributes([("hansard.role", "user".into())]),
            bytes: Some(size(self.profile.message_bytes.at(rng.unit()))),
            ..Speech::default()
        }
    }

    fn model(&mut self, rng: &mut Rng) -> Speech {
        let bytes = size(self.profile.answer_bytes.at(rng.unit()));
        self.context += bytes / 4 + 1;
        let of = [(self.last.clone(), "responds_to"), (self.result.take(), "used")];
        let causes = of.into_iter().filter_map(|(spoken, relation)| Some(cause(rng, spoken?, relation))).collect();
        let attributes = answer_attributes(bytes, self.context);
        Speech { kind: kind::MODEL_CALL, causes, attributes, bytes: Some(bytes), ..Speech::default() }
    }

    fn call(&mut self, rng: &mut Rng) -> Speech {
        let causes = self.answer.clone().map(|answer| cause(rng, answer, "responds_to"));
        Speech {
            kind: kind::TOOL_CALL,
            causes: causes.into_iter().collect(),
            attributes: tool_attributes(rng),
            bytes: Some(self.profile.call_bytes.at(rng.unit())),
            ..Speech::default()
        }
    }

    fn result(&mut self, rng: &mut Rng, call: Spoken, mut attributes: Map<String, Value>) -> Speech {
        if rng.chance(0.04) {
            attributes.insert("error.type".into(), "tool_error".into());
        }
        let bytes = size(self.profile.result_bytes.at(rng.unit()));
        self.context += bytes / 4;
        Speech {
            kind: kind::TOOL_RESULT,
            causes: vec![cause(rng, call, "responds_to")],
            attributes,
            bytes: Some(bytes),
            repeats: self.before.clone().filter(|_| rng.chance(REPEATS)),
            ..Speech::default()
        }
    }
}

fn size(real: usize) -> usize {
    (real as f64 * BODY_SCALE) as usize
}
