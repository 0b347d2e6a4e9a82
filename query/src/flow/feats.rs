//! What a unit says, brings and removes, and what kind of tool stands behind a result.
//!
//! Guarantee: texts and features are pure functions of the unit's events. Cannot fail.

use super::arguments;
use super::atoms::{Atom, marks};
use super::event::{FlowEvent, FlowKind};
use super::mapped::Mapped;
use super::text::{grams, normal, tokens};
use super::view::{Part, Role, View};
use super::wrappers;
use std::collections::{BTreeSet, HashSet};

/// Tools that read, by name, where no event says what was read.
const READ_TOOLS: [&str; 8] = ["read", "memory_get", "memory_search", "web_fetch", "web_search", "grep", "glob", "ls"];
/// Tools that write.
const WRITE_TOOLS: [&str; 3] = ["write", "edit", "apply_patch"];
/// Tools that change a part.
const EDIT_TOOLS: [&str; 2] = ["edit", "apply_patch"];
/// Tools that send.
const SEND_TOOLS: [&str; 4] = ["sessions_send", "sessions_spawn", "message", "sessions_yield"];

/// What a text is followed by.
#[derive(Debug, Default)]
pub(super) struct Feats {
    pub(super) marks: BTreeSet<Atom>,
    pub(super) grams: HashSet<u64>,
}

impl Feats {
    pub(super) fn of(text: &str) -> Self {
        Self::of_normal(&normal(Mapped::whole(text)).text)
    }

    /// Both together.
    pub(super) fn and(&self, other: &Self) -> Self {
        Self { marks: &self.marks | &other.marks, grams: &self.grams | &other.grams }
    }

    fn of_normal(text: &str) -> Self {
        Self { marks: marks(text), grams: grams(&tokens(text)) }
    }
}

impl View {
    /// The head's id.
    pub(super) fn id(&self, unit: usize) -> &str {
        &self.events[self.units[unit].head].id
    }

    /// What came in.
    pub(super) fn input(&self, unit: usize) -> String {
        self.events[self.units[unit].head].text()
    }

    /// The model's own words.
    pub(super) fn said(&self, unit: usize) -> String {
        self.units[unit].model.map(|n| self.events[n].text()).unwrap_or_default()
    }

    /// What a call or write brings.
    pub(super) fn part_new(&self, part: &Part) -> String {
        let event = &self.events[part.event];
        event.arguments.as_ref().map_or_else(|| event.text(), arguments::new_side)
    }

    /// What an act brings, without what it removes; what came in, for the others.
    pub(super) fn new_text(&self, unit: usize) -> String {
        if self.units[unit].role != Role::Act {
            return self.input(unit);
        }
        let parts = self.units[unit].parts.iter().map(|part| self.part_new(part));
        std::iter::once(self.said(unit)).chain(parts).collect::<Vec<_>>().join("\n")
    }

    /// What an act removes.
    pub(super) fn removed(&self, unit: usize) -> String {
        let parts = self.units[unit].parts.iter();
        let old = parts.filter_map(|p| self.events[p.event].arguments.as_ref()).map(arguments::old_side);
        old.collect::<Vec<_>>().join("\n")
    }

    /// Everything that stands in a unit, arguments whole.
    pub(super) fn all_text(&self, unit: usize) -> String {
        let parts = self.units[unit].parts.iter().map(|p| &self.events[p.event]);
        let whole = parts.map(|e| e.arguments.as_ref().map_or_else(|| e.text(), arguments::as_text));
        let own = if self.units[unit].role == Role::Act { self.said(unit) } else { self.input(unit) };
        std::iter::once(own).chain(whole).collect::<Vec<_>>().join("\n")
    }

    /// Marks and grams of what a unit brings; frames of known products are taken off what came in.
    pub(super) fn feats(&self, unit: usize) -> &Feats {
        let of = &self.units[unit];
        of.feats.get_or_init(|| {
            let text = self.new_text(unit);
            let text = if of.role == Role::Act { Mapped::whole(&text) } else { wrappers::strip(&text) };
            Feats::of_normal(&normal(text).text)
        })
    }

    /// The call that a result answers.
    pub(super) fn call_event(&self, unit: usize) -> Option<&FlowEvent> {
        let (act, part) = self.units[unit].call?;
        Some(&self.events[self.units[act].parts.get(part)?.event])
    }

    /// Name of the tool behind a result.
    fn tool(&self, unit: usize) -> &str {
        let own = self.events[self.units[unit].head].tool_name();
        self.call_event(unit).map_or(own, FlowEvent::tool_name)
    }

    /// Whether a result is that of a read.
    pub(super) fn reads(&self, unit: usize) -> bool {
        let of = &self.units[unit];
        let head = &self.events[of.head];
        let own = matches!(head.kind, FlowKind::MemoryRead | FlowKind::Retrieval) || head.key.is_some();
        own || !of.facts.is_empty() || READ_TOOLS.contains(&self.tool(unit))
    }

    /// Whether a result is made from the call's arguments: neither read, written nor sent.
    pub(super) fn computes(&self, unit: usize) -> bool {
        let wrote = self.units[unit].call.is_some_and(|(act, part)| !self.units[act].parts[part].writes.is_empty());
        let tool = self.tool(unit);
        !self.reads(unit) && !wrote && !WRITE_TOOLS.contains(&tool) && !SEND_TOOLS.contains(&tool)
    }

    /// The moment of a write that changes only part of what its key holds; none for any other event.
    pub(super) fn edit(&self, unit: usize, write: &str) -> Option<u64> {
        let part = self.part_of(unit, write)?;
        let states = |n: usize| self.events[n].id == write;
        let event = std::iter::once(part.event).chain(part.writes.iter().copied()).find(|n| states(*n))?;
        let (event, call) = (&self.events[event], &self.events[part.event]);
        let removes = call.arguments.as_ref().is_some_and(|a| !arguments::old_side(a).is_empty());
        (event.edits || removes || EDIT_TOOLS.contains(&call.tool_name())).then_some(event.order)
    }

    /// A copy stands for the result of the call that it belongs to.
    pub(super) fn original(&self, unit: usize) -> usize {
        let of = &self.units[unit];
        let Some(call) = of.call.filter(|_| of.copy) else { return unit };
        self.units.iter().position(|other| other.call == Some(call) && !other.copy).unwrap_or(unit)
    }
}
