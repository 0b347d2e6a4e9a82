//! The model's responses in one run of OpenHands: what the run's own ledger says of each, and which are not yet told.
//!
//! Guarantee: each response is told once, at its first action; one that led to no action (a call that was refused, a
//! plain message) is told where its message or error stands, else before the next response. Tokens come from the
//! ledger of the run, else from the response itself, so that they add up to the run's total. Cannot fail.

use super::super::json::{Fields, object};
use super::{INPUT_TOKENS, OUTPUT_TOKENS};
use schemas::draft::Draft;
use serde_json::value::RawValue;
use std::collections::{HashMap, HashSet};

/// What is known of a response.
#[derive(Debug, Default)]
struct Known<'a> {
    usage: Option<Fields<'a>>,
    latency: Option<f64>,
}

/// The responses of a run, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Responses<'a> {
    order: Vec<String>,
    at: usize,
    known: HashMap<String, Known<'a>>,
    /// Those that an action names.
    acted: HashSet<String>,
    told: HashSet<String>,
}

impl<'a> Responses<'a> {
    pub(super) fn new(metrics: &Fields<'a>, history: &[&'a RawValue]) -> Self {
        let mut responses = Self::default();
        for entry in list(metrics, "response_latencies") {
            let latency = entry.number("latency");
            responses.of(&entry, |known| known.latency = latency);
        }
        for entry in list(metrics, "token_usages") {
            if let Some(id) = entry.short("response_id").map(String::from) {
                responses.learn(id, |known| known.usage = Some(entry));
            }
        }
        let named = history.iter().filter_map(|raw| response(&object(raw)?)?.short("id").map(String::from));
        responses.acted = named.collect();
        responses
    }

    fn of(&mut self, entry: &Fields<'_>, change: impl FnOnce(&mut Known<'a>)) {
        if let Some(id) = entry.short("response_id").map(String::from) {
            self.learn(id, change);
        }
    }

    fn learn(&mut self, id: String, change: impl FnOnce(&mut Known<'a>)) {
        if !self.known.contains_key(&id) {
            self.order.push(id.clone());
        }
        change(self.known.entry(id).or_default());
    }

    /// Those not told that came before `id`, and `id` itself when it is new.
    pub(super) fn up_to(&mut self, id: &str) -> Vec<String> {
        let mut due = Vec::new();
        if self.known.contains_key(id) && !self.told.contains(id) {
            while let Some(next) = self.order.get(self.at) {
                self.at += 1;
                if next == id {
                    break;
                }
                if !self.acted.contains(next) && self.told.insert(next.clone()) {
                    due.push(next.clone());
                }
            }
        }
        if self.told.insert(id.to_owned()) {
            due.push(id.to_owned());
        }
        due
    }

    /// The next response, when no action names it.
    pub(super) fn without_action(&mut self) -> Option<String> {
        let next = self.order.get(self.at).filter(|id| !self.acted.contains(*id))?.clone();
        self.at += 1;
        self.told.insert(next.clone()).then_some(next)
    }

    /// Those that were never told.
    pub(super) fn rest(&mut self) -> Vec<String> {
        let left = self.order.get(self.at..).unwrap_or_default();
        let rest = left.iter().filter(|id| !self.acted.contains(*id) && !self.told.contains(*id)).cloned().collect();
        self.at = self.order.len();
        rest
    }

    /// Writes what is known of `id` into its event; `response` is the response itself, where an action holds it.
    pub(super) fn describe(&self, id: &str, response: Option<&Fields<'_>>, draft: &mut Draft) {
        let known = self.known.get(id);
        let attributes = &mut draft.attributes;
        attributes.insert("gen_ai.response.id".into(), id.into());
        let model = response.and_then(|response| response.short("model"));
        attributes.extend(model.map(|model| ("gen_ai.response.model".to_owned(), model.into())));
        let latency = known.and_then(|known| known.latency);
        attributes.extend(latency.map(|seconds| ("openhands.latency_seconds".to_owned(), seconds.into())));
        let own = response.and_then(|response| response.object("usage"));
        let Some(usage) = known.and_then(|known| known.usage.as_ref()).or(own.as_ref()) else { return };
        let details = |name: &str, count: &str| own.as_ref()?.object(name)?.integer(count);
        let cached = usage.integer("cache_read_tokens").filter(|count| *count > 0);
        for (name, count) in [
            (INPUT_TOKENS, usage.integer("prompt_tokens")),
            (OUTPUT_TOKENS, usage.integer("completion_tokens")),
            (
                "gen_ai.usage.cache_read.input_tokens",
                cached.or_else(|| details("prompt_tokens_details", "cached_tokens")),
            ),
            ("gen_ai.usage.cache_creation.input_tokens", usage.integer("cache_write_tokens").filter(|n| *n > 0)),
            ("gen_ai.usage.reasoning.output_tokens", details("completion_tokens_details", "reasoning_tokens")),
        ] {
            attributes.extend(count.map(|count| (name.to_owned(), count.into())));
        }
    }
}

/// The response that a history entry holds.
pub(super) fn response<'a>(entry: &Fields<'a>) -> Option<Fields<'a>> {
    entry.object("tool_call_metadata")?.object("model_response")
}

fn list<'a>(metrics: &Fields<'a>, name: &str) -> Vec<Fields<'a>> {
    metrics.elements(name).unwrap_or_default().into_iter().filter_map(object).collect()
}
