//! One session, its events joined to units: what came in (results, messages, words) and acts (an answer and its calls).
//!
//! Guarantee: every unit keeps its events; a nested copy of a result is marked as one. A read or write that an importer
//! states as an event of its own belongs to the result or call that it responds to. Deterministic; cannot fail.

use super::event::{FlowEvent, FlowKind};
use super::feats::Feats;
use std::cell::OnceCell;
use std::collections::HashMap;

/// What a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Words of the operator or of a person.
    Trusted,
    /// A message of another agent.
    Message,
    /// What a tool, memory or a source answered.
    Result,
    /// An answer of the model with its calls, or a write by itself.
    Act,
}

/// A call, or a write by itself.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) event: usize,
    /// Events that state what it wrote.
    pub(super) writes: Vec<usize>,
}

/// Events that belong together.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) role: Role,
    pub(super) order: u64,
    /// The event that names the unit.
    pub(super) head: usize,
    /// The model's answer, for acts.
    pub(super) model: Option<usize>,
    /// Calls, for acts.
    pub(super) parts: Vec<Part>,
    /// The call that a result answers, as unit and part.
    pub(super) call: Option<(usize, usize)>,
    /// Whether a result is a copy of another one.
    pub(super) copy: bool,
    /// Events that state what a result read.
    pub(super) facts: Vec<usize>,
    pub(super) feats: OnceCell<Feats>,
}

/// A session.
#[derive(Debug)]
pub(super) struct View {
    pub(super) session: String,
    pub(super) events: Vec<FlowEvent>,
    pub(super) units: Vec<Unit>,
    unit_of: HashMap<String, usize>,
}

impl View {
    /// Joins the events of a session, which are in the order of time.
    pub(super) fn new(session: &str, events: Vec<FlowEvent>) -> Self {
        let mut view = Self { session: session.to_owned(), events, units: Vec::new(), unit_of: HashMap::new() };
        for n in 0..view.events.len() {
            view.place(n);
        }
        view.attach_reads();
        view
    }

    /// The unit of an event.
    pub(super) fn unit_of(&self, event: &str) -> Option<usize> {
        self.unit_of.get(event).copied()
    }

    fn place(&mut self, n: usize) {
        let event = &self.events[n];
        match event.kind {
            _ if event.is_trusted() => self.push(n, Role::Trusted),
            FlowKind::System | FlowKind::User | FlowKind::Message => self.push(n, Role::Message),
            FlowKind::ModelCall => {
                self.push(n, Role::Act);
                self.last().model = Some(n);
            }
            FlowKind::ToolCall | FlowKind::MemoryWrite => self.act(n),
            FlowKind::ToolResult => self.result(n),
            FlowKind::MemoryRead | FlowKind::Retrieval if self.has_text(n) || self.call_of(n).is_none() => {
                self.push(n, Role::Result);
            }
            FlowKind::MemoryRead | FlowKind::Retrieval | FlowKind::Other => {}
        }
    }

    fn has_text(&self, n: usize) -> bool {
        self.events[n].texts.iter().any(|(_, text)| !text.is_empty())
    }

    fn push(&mut self, n: usize, role: Role) {
        let order = self.events[n].order;
        self.unit_of.insert(self.events[n].id.clone(), self.units.len());
        let feats = OnceCell::new();
        let (parts, facts) = (Vec::new(), Vec::new());
        self.units.push(Unit { role, order, head: n, model: None, parts, call: None, copy: false, facts, feats });
    }

    fn last(&mut self) -> &mut Unit {
        self.units.last_mut().expect("a unit was pushed just before")
    }

    /// A call belongs to the answer that made it, a write to its call.
    fn act(&mut self, n: usize) {
        let event = &self.events[n];
        let call = if event.kind == FlowKind::MemoryWrite { self.call_of(n) } else { None };
        if let Some((unit, part, _)) = call {
            self.units[unit].parts[part].writes.push(n);
            self.unit_of.insert(self.events[n].id.clone(), unit);
            return;
        }
        let is_answer = |id: &str, unit: usize| self.units[unit].model.is_some_and(|m| self.events[m].id == id);
        let made_by = event.causes.iter().rev().find_map(|(id, _)| {
            let unit = *self.unit_of.get(id)?;
            is_answer(id, unit).then_some(unit)
        });
        let writes = if event.key.is_some() { vec![n] } else { Vec::new() };
        let part = Part { event: n, writes };
        match made_by.filter(|_| event.kind == FlowKind::ToolCall) {
            Some(unit) => {
                self.unit_of.insert(self.events[n].id.clone(), unit);
                self.units[unit].parts.push(part);
            }
            None => {
                self.push(n, Role::Act);
                self.last().parts.push(part);
            }
        }
    }

    fn result(&mut self, n: usize) {
        let call = self.call_of(n);
        self.push(n, Role::Result);
        let unit = self.last();
        unit.call = call.map(|(unit, part, _)| (unit, part));
        unit.copy = call.is_some_and(|(_, _, responds)| !responds);
    }

    /// The call that an event names as a cause: unit, part, and whether it responds to it.
    fn call_of(&self, n: usize) -> Option<(usize, usize, bool)> {
        let found = |(id, how): &(String, String)| {
            let unit = *self.unit_of.get(id)?;
            let part = self.units[unit].parts.iter().position(|part| self.events[part.event].id == *id)?;
            Some((unit, part, how == "responds_to"))
        };
        let calls: Vec<_> = self.events[n].causes.iter().filter_map(found).collect();
        calls.iter().find(|call| call.2).or(calls.first()).copied()
    }

    fn attach_reads(&mut self) {
        let mut by_call: HashMap<(usize, usize), Vec<usize>> = HashMap::new();
        for n in 0..self.events.len() {
            let reads = matches!(self.events[n].kind, FlowKind::MemoryRead | FlowKind::Retrieval);
            let call = if reads { self.call_of(n) } else { None };
            if let Some((unit, part, _)) = call.filter(|_| !self.unit_of.contains_key(&self.events[n].id)) {
                by_call.entry((unit, part)).or_default().push(n);
            }
        }
        for place in 0..self.units.len() {
            let facts = self.units[place].call.and_then(|call| by_call.get(&call)).cloned().unwrap_or_default();
            for fact in &facts {
                self.unit_of.entry(self.events[*fact].id.clone()).or_insert(place);
            }
            self.units[place].facts = facts;
        }
    }

    /// The call or write of an act that an event is or states; none for the answer itself and for what came in.
    pub(super) fn part_of(&self, unit: usize, event: &str) -> Option<&Part> {
        let states = |n: &usize| self.events[*n].id == event;
        self.units[unit].parts.iter().find(|part| states(&part.event) || part.writes.iter().any(states))
    }
}
