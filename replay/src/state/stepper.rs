//! Steps through the events of a run: forwards, backwards, to an event; what each changed.
//!
//! Guarantee: after any moves the state is that of the events up to where one stands, in the order of (time, id), on
//! top of the state that one began with. A step costs the cells that it changes, either way: each step taken keeps
//! what it changed, which shares everything else with the state. Fails with [`StepperError`] when there are too many
//! events.

use super::diff::{Change, Diff};
use super::event::StateEvent;
use super::limits::STEPPER_EVENTS_MAX;
use super::stamp::{EventId, Stamp};
use super::{State, Undo};
use std::collections::BTreeMap;
use thiserror::Error;

/// Why there is nothing to step through.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StepperError {
    /// Too many events.
    #[error("{found} events, at most {STEPPER_EVENTS_MAX} can be stepped through: choose a session, or a shorter time")]
    TooMany {
        /// Events given.
        found: usize,
    },
}

/// One step: an event, and the cells that it changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its place in the run, from 0.
    pub index: usize,
    /// The event.
    pub stamp: Stamp,
    /// Its kind.
    pub kind: Box<str>,
    /// What it changed, from before it to after it.
    pub diff: Diff,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Stepper {
    state: State,
    events: Vec<StateEvent>,
    /// What takes each event back that was stepped over.
    undo: Vec<Undo>,
}

impl Stepper {
    /// Begins before the first of the events, which are put in order, on top of what was there before the run.
    ///
    /// # Errors
    /// [`StepperError::TooMany`].
    pub fn new(before: State, mut events: Vec<StateEvent>) -> Result<Self, StepperError> {
        if events.len() > STEPPER_EVENTS_MAX {
            return Err(StepperError::TooMany { found: events.len() });
        }
        events.sort_by_cached_key(StateEvent::stamp);
        Ok(Self { state: before, events, undo: Vec::new() })
    }

    /// Events stepped over: 0 before the first.
    #[must_use]
    pub fn position(&self) -> usize {
        self.undo.len()
    }

    /// The events, in order.
    #[must_use]
    pub fn events(&self) -> &[StateEvent] {
        &self.events
    }

    /// The state where one stands.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Steps over the next event; `None` at the end.
    pub fn forward(&mut self) -> Option<Step> {
        self.advance().then(|| self.here()).flatten()
    }

    /// Takes the last step back and says what it had changed; `None` at the beginning.
    pub fn back(&mut self) -> Option<Step> {
        let step = self.here();
        self.retreat();
        step
    }

    /// Goes to where `position` events are stepped over, or to the end; gives the step that leads there.
    pub fn jump(&mut self, position: usize) -> Option<Step> {
        while self.position() < position && self.advance() {}
        while self.position() > position && self.retreat() {}
        self.here()
    }

    /// Goes right behind an event; `None`, and nothing moves, when it is not in the run.
    pub fn jump_to(&mut self, event: &EventId) -> Option<Step> {
        let at = self.events.iter().position(|own| own.id == *event)?;
        self.jump(at + 1)
    }

    /// The step that leads to where one stands; `None` at the beginning.
    #[must_use]
    pub fn here(&self) -> Option<Step> {
        let undo = self.undo.last()?;
        let event = self.events.get(self.undo.len() - 1)?;
        let stamp = event.stamp();
        // The first time that a cell was touched, it was as it had been before the event.
        let mut first = BTreeMap::new();
        for (key, before) in undo {
            first.entry(key).or_insert(before);
        }
        let change = |(key, before): (&super::Key, &super::map::Before)| {
            let (before, after) = (before.as_deref().cloned(), self.state.get(key).cloned());
            (before != after).then(|| Change { key: key.clone(), before, after, by: Some(stamp.clone()) })
        };
        let diff = Diff { changes: first.into_iter().filter_map(change).collect() };
        Some(Step { index: self.undo.len() - 1, stamp, kind: event.kind.clone(), diff })
    }

    fn advance(&mut self) -> bool {
        let Some(event) = self.events.get(self.undo.len()) else { return false };
        let undo = self.state.apply_with_undo(event);
        self.undo.push(undo);
        true
    }

    fn retreat(&mut self) -> bool {
        let Some(undo) = self.undo.pop() else { return false };
        self.state.take_back(undo);
        true
    }
}
