//! Builds a recording from events: which answers there are, and the conversation that each one answered.
//!
//! Guarantee: a conversation is what the causes say (`responds_to`, from each record to the one before), or the
//! bytes of the request where those were recorded; only a run without any such link is taken in the order of its
//! events. Parts of one answer are put together by the answer's id, and results of its calls are added even where
//! they hang on another branch. Costs one visit for each record between two model calls. Fails when there are too
//! many events.

use super::answer::{Answer, Usage, What};
use super::dialect::{Dialect, Facts, dialect_of, wire_answer};
use super::event::RecordedEvent;
use super::guard::{self, Guard, Refusal, Withheld};
use super::item::{Item, Placed};
use super::json;
use super::limits::RECORDED_EVENTS_MAX;
use super::record::{Said, failed, said};
use super::recording::{Cursor, Exchange, Recording};
use super::tools::{RecordedCall, ToolResult, ToolWorld, guarded};
use bytes::Bytes;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::AtomicUsize;

/// Shorter results of tools that give out credentials are not looked for in answers: they would be found everywhere.
const SECRET_BYTES_MIN: usize = 6;

/// Why no recording could be built.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BuildError {
    /// Too many events.
    #[error("the run has {found} events, at most {RECORDED_EVENTS_MAX} are replayed at once: choose a session of it")]
    TooManyEvents {
        /// How many there are.
        found: usize,
    },
    /// Nothing to serve.
    #[error("none of the run's {events} events holds an answer or a tool's result; {unread} could not be read")]
    Nothing {
        /// How many events there are.
        events: usize,
        /// How many of them should hold one.
        unread: usize,
    },
}

/// The events of one answer.
struct Group {
    /// Index of the first.
    first: usize,
    answer: Answer,
    events: Vec<usize>,
}

struct Builder<'a> {
    events: &'a [RecordedEvent],
    at: HashMap<&'a str, usize>,
    said: Vec<Option<Said>>,
    groups: Vec<Group>,
    /// Group of an event that holds an answer.
    group_of: HashMap<usize, usize>,
    /// Results by call id: the event that holds it and the item's place in it.
    results: HashMap<String, Vec<(usize, usize)>>,
    /// Whether records name the one before.
    linked: bool,
    recording: Recording,
    guard: Guard,
    /// Tool definitions that requests carried.
    tools: Vec<Value>,
    /// Items of recorded requests by call id, for runs without events of tools.
    wire_results: HashMap<String, String>,
}

impl Recording {
    /// Builds the recording of a run; `events` stand in the run's order.
    pub fn build(events: &[RecordedEvent]) -> Result<Self, BuildError> {
        if events.len() > RECORDED_EVENTS_MAX {
            return Err(BuildError::TooManyEvents { found: events.len() });
        }
        let mut builder = Builder::new(events);
        builder.group();
        for group in 0..builder.groups.len() {
            builder.exchange(group);
        }
        builder.finish()
    }
}

impl<'a> Builder<'a> {
    fn new(events: &'a [RecordedEvent]) -> Self {
        let responds = |event: &RecordedEvent| event.kind != "tool.call" && event.cause("responds_to").is_some();
        Self {
            events,
            at: events.iter().enumerate().map(|(at, event)| (event.id.as_str(), at)).collect(),
            said: Vec::with_capacity(events.len()),
            groups: Vec::new(),
            group_of: HashMap::new(),
            results: HashMap::new(),
            linked: events.iter().any(responds),
            recording: Recording::default(),
            guard: Guard::new(events),
            tools: Vec::new(),
            wire_results: HashMap::new(),
        }
    }

    /// Reads every event, and puts the parts of answers together.
    fn group(&mut self) {
        let mut by_id: HashMap<String, usize> = HashMap::new();
        for (at, event) in self.events.iter().enumerate() {
            let mut said = self.read(event);
            if let Some(answer) = said.as_mut().and_then(|said| said.answer.take()) {
                let known = answer.id.as_ref().and_then(|id| by_id.get(id)).copied();
                let group = known.unwrap_or(self.groups.len());
                if let Some(id) = &answer.id {
                    by_id.insert(id.clone(), group);
                }
                match known {
                    Some(group) => self.groups[group].add(at, answer),
                    None => self.groups.push(Group { first: at, answer, events: vec![at] }),
                }
                self.group_of.insert(at, group);
            }
            for (place, item) in said.iter().flat_map(|said| &said.items).enumerate() {
                if let Item::Result { call, .. } = &item.item {
                    self.results.entry(call.clone()).or_default().push((at, place));
                }
            }
            self.said.push(said);
        }
    }

    fn read(&mut self, event: &RecordedEvent) -> Option<Said> {
        if let Some(definitions) = event.content("tools").and_then(|bytes| serde_json::from_slice(bytes).ok()) {
            let listed: Value = definitions;
            let own = listed.as_array().or_else(|| json::array(&listed, "tools"));
            self.tools.extend(own.into_iter().flatten().cloned());
        }
        let wire = event.content("response").filter(|_| event.kind == "model.call").and_then(wire_answer);
        let said = wire.map(|answer| Said { answer: Some(answer), ..Said::default() }).or_else(|| said(event));
        let speaks = matches!(event.kind.as_str(), "model.call" | "tool.result" | "message");
        if speaks && said.is_none() && !event.contents.is_empty() {
            self.recording.unread.push(event.id.clone());
        }
        said
    }

    /// Adds an exchange at the end of its conversation.
    fn exchange(&mut self, group: usize) {
        let event = &self.events[self.groups[group].first];
        let request = event.content("request");
        let asked = request.and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok()).and_then(|body| {
            let recorded = self.groups[group].answer.wire.as_ref().map(|wire| wire.dialect);
            recorded.or_else(|| dialect_of(&body))?.ask(&body).ok()
        });
        let mut settings = None;
        let mut cursor = match asked {
            Some(asked) => {
                let from = asked.previous.as_ref().and_then(|id| self.recording.by_response.get(id));
                let mut cursor = from.map(|at| self.recording.exchanges[*at].after.clone()).unwrap_or_default();
                self.tools.extend(asked.tools);
                for placed in asked.items {
                    if let Item::Result { call, text } = &placed.item {
                        self.wire_results.entry(call.clone()).or_insert_with(|| text.clone());
                    }
                    cursor.push(placed, &mut self.recording.tree);
                }
                settings = Some((asked.dialect, asked.settings));
                cursor
            }
            None => self.conversation(group),
        };
        let node = cursor.end(&mut self.recording.tree);
        let answer = self.groups[group].answer.clone();
        answer.items().for_each(|item| cursor.push(item, &mut self.recording.tree));
        self.put(group, node, cursor, settings, request.cloned(), answer);
    }

    fn put(
        &mut self,
        group: usize,
        node: usize,
        after: Cursor,
        settings: Option<(Dialect, BTreeMap<String, String>)>,
        request: Option<Bytes>,
        answer: Answer,
    ) {
        let event = &self.events[self.groups[group].first];
        let index = self.recording.exchanges.len();
        self.recording.tree.node_mut(node).exchanges.push(index);
        if let Some(request) = request {
            self.recording.by_bytes.entry(*blake3::hash(&request).as_bytes()).or_default().push(index);
        }
        let response_id = answer.id.clone().unwrap_or_else(|| Facts::of(&event.id).id("resp_", None));
        self.recording.by_response.insert(response_id, index);
        self.recording.models.extend(answer.model.clone());
        let system = self.recording.tree.node(node).system;
        self.recording.without_system |= !system && settings.is_none();
        let exchange = Exchange {
            step: index + 1,
            event: event.id.clone(),
            agent: event.agent.clone(),
            time_us: event.time_us,
            refusal: self.refusal(group, &answer),
            answer,
            exposed: false,
            settings,
            system,
            node,
            after,
            served: AtomicUsize::new(0),
        };
        self.recording.exchanges.push(exchange);
    }

    fn refusal(&self, group: usize, answer: &Answer) -> Option<Refusal> {
        let events = &self.groups[group].events;
        let marked = events.iter().find_map(|at| self.guard.of(&self.events[*at].id));
        let event = &self.events[self.groups[group].first].id;
        let carried = || {
            answer.blocks.iter().find_map(|block| match &block.what {
                What::Text(text) => guard::of_text(event, text),
                What::Call { arguments, .. } => guard::of_text(event, arguments),
                What::Other => None,
            })
        };
        marked.cloned().or_else(carried)
    }

    /// The conversation before a group's first event, from what the causes say.
    fn conversation(&mut self, group: usize) -> Cursor {
        let first = self.groups[group].first;
        let mut between = Vec::new();
        let mut base = None;
        let mut visited = HashSet::new();
        let mut next = self.before(first);
        while let Some(at) = next.filter(|at| visited.insert(*at)) {
            match self.group_of.get(&at) {
                Some(found) if base.is_none() && *found < self.recording.exchanges.len() => base = Some(*found),
                _ => between.push(at),
            }
            if base.is_some_and(|base| self.groups[base].first == at) {
                break;
            }
            next = self.before(at);
        }
        between.reverse();
        let mut cursor = base.map(|base| self.recording.exchanges[base].after.clone()).unwrap_or_default();
        let mut items: Vec<Placed> = Vec::new();
        for at in between.iter().filter(|at| !self.group_of.contains_key(at)) {
            items.extend(self.said[*at].iter().flat_map(|said| said.items.iter().cloned()));
        }
        let missing = base.map(|base| self.missing_results(base, first, &items)).unwrap_or_default();
        missing.into_iter().chain(items).for_each(|item| cursor.push(item, &mut self.recording.tree));
        cursor
    }

    /// The record before one, where it is in this run.
    fn before(&self, at: usize) -> Option<usize> {
        if self.linked {
            return self.events[at].cause("responds_to").and_then(|id| self.at.get(id).copied());
        }
        let agent = &self.events[at].agent;
        let speaks = |before: &usize| self.said[*before].is_some() || self.group_of.contains_key(before);
        (0..at).rev().find(|before| self.events[*before].agent == *agent && speaks(before))
    }

    /// Results of a group's calls that stand on another branch of the record.
    fn missing_results(&self, base: usize, before: usize, there: &[Placed]) -> Vec<Placed> {
        let answered: HashSet<&str> = there
            .iter()
            .filter_map(|placed| if let Item::Result { call, .. } = &placed.item { Some(call.as_str()) } else { None })
            .collect();
        let first = self.groups[base].first;
        let find = |id: &String| {
            let found = self.results.get(id)?.iter().find(|(at, _)| *at > first && *at < before)?;
            self.said[found.0].as_ref()?.items.get(found.1).cloned()
        };
        let ids = self.groups[base].answer.blocks.iter().filter_map(|block| match &block.what {
            What::Call { id, .. } if !id.is_empty() && !answered.contains(id.as_str()) => Some(id),
            _ => None,
        });
        ids.filter_map(find).collect()
    }

    fn finish(mut self) -> Result<Recording, BuildError> {
        let mut tools = ToolWorld::new(self.events, &self.guard);
        if tools.calls.is_empty() {
            self.tools_of_requests(&mut tools);
        }
        tools.define(&self.tools);
        self.recording.tools = tools;
        self.keep_secrets();
        if self.recording.exchanges.is_empty() && self.recording.tools.calls.is_empty() {
            let unread = self.recording.unread.len();
            return Err(BuildError::Nothing { events: self.events.len(), unread });
        }
        Ok(self.recording)
    }

    /// Remembers the credentials that tools gave out, and withholds the answers that repeat one.
    fn keep_secrets(&mut self) {
        let given = self.recording.tools.calls.iter().filter_map(|call| {
            let refusal = call.refusal.as_ref().filter(|refusal| refusal.withheld == Withheld::Credential)?;
            let said = call.result.as_ref()?.said().trim().to_owned();
            (said.len() >= SECRET_BYTES_MIN).then(|| (said, refusal.clone()))
        });
        let secrets: Vec<(String, Refusal)> = given.collect();
        for exchange in self.recording.exchanges.iter_mut().filter(|exchange| exchange.refusal.is_none()) {
            let mut texts = exchange.answer.calls().into_iter().map(|(_, arguments)| arguments).collect::<Vec<_>>();
            texts.push(exchange.answer.said());
            let repeated = secrets.iter().find(|(secret, _)| texts.iter().any(|text| text.contains(secret.as_str())));
            exchange.refusal = repeated.map(|(_, refusal)| refusal.clone());
        }
        self.recording.secrets = secrets.into_iter().map(|(secret, _)| secret).collect();
    }

    /// Calls and results as recorded requests show them, for runs that recorded nothing else of their tools.
    fn tools_of_requests(&self, tools: &mut ToolWorld) {
        for group in &self.groups {
            let event = &self.events[group.first];
            for block in &group.answer.blocks {
                let What::Call { id, name, arguments } = &block.what else { continue };
                let text = self.wire_results.get(id).filter(|_| !id.is_empty());
                let call = RecordedCall {
                    name: name.clone(),
                    arguments: json::canonical_text(arguments),
                    id: id.clone(),
                    event: event.id.clone(),
                    result_event: text.map(|_| event.id.clone()),
                    result: text.map(|text| ToolResult::text(text, failed(event))),
                    refusal: None,
                    served: AtomicUsize::new(0),
                };
                tools.add(guarded(&Guard::default(), call));
            }
        }
    }
}

impl Group {
    /// Adds a part of the same answer: its blocks, and what it says last of usage and stop reason.
    fn add(&mut self, at: usize, part: Answer) {
        self.events.push(at);
        let output = |usage: &Option<Usage>| usage.as_ref().map_or(0, |usage| usage.output);
        self.answer.blocks.extend(part.blocks);
        if output(&part.usage) >= output(&self.answer.usage) {
            self.answer.usage = part.usage.or(self.answer.usage.take());
        }
        self.answer.stop = part.stop.or(self.answer.stop.take());
        self.answer.stop_sequence = part.stop_sequence.or(self.answer.stop_sequence.take());
    }
}
