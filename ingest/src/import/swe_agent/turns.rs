//! Which messages of the `history` belong to which step of the `trajectory`: SWE-agent writes a run twice.
//!
//! Guarantee: each message belongs to one step or to none, and the order of both lists is kept. A step has the next
//! answer with the same words or the same action, as far as [`AHEAD_MAX`] messages ahead, and what followed it up to
//! the next answer. Messages of no step (prompts, demonstrations, answers that were asked for again) stand by
//! themselves. Cannot fail: where nothing fits, the message stands alone.

use super::super::json::{Fields, object};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::ops::Range;

/// Messages that are looked through for a step's answer.
const AHEAD_MAX: usize = 64;

/// Messages that are kept beside one step: each needs room in a header.
const REPLIES_MAX: usize = 32;

/// A message of the history.
#[derive(Debug)]
pub(super) struct Message<'a> {
    pub(super) raw: &'a RawValue,
    /// `None` where it is no object.
    pub(super) fields: Option<Fields<'a>>,
    pub(super) role: String,
}

/// Reads what is left of the history, step by step.
#[derive(Debug)]
pub(super) struct History<'a> {
    pub(super) messages: Vec<Message<'a>>,
    at: usize,
}

/// Messages before a step that belong to none, and those of the step.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) before: Range<usize>,
    pub(super) own: Range<usize>,
}

impl<'a> Message<'a> {
    pub(super) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.fields.as_ref()?.text(name)
    }

    pub(super) fn is_answer(&self) -> bool {
        self.role == "assistant"
    }

    pub(super) fn calls(&self) -> Vec<&'a RawValue> {
        self.fields.as_ref().and_then(|fields| fields.elements("tool_calls")).unwrap_or_default()
    }

    fn answers(&self, step: &Fields<'_>) -> bool {
        let same = |name: &str, of_step: &str| {
            let said = self.text(name);
            said.as_ref().is_some_and(|said| !said.is_empty()) && said == step.text(of_step)
        };
        self.is_answer() && (same("content", "response") || same("action", "action"))
    }
}

impl<'a> History<'a> {
    pub(super) fn new(elements: &[&'a RawValue]) -> Self {
        let message = |raw: &&'a RawValue| {
            let fields = object(raw);
            let role = fields.as_ref().and_then(|f| f.short("role")).unwrap_or_default().into_owned();
            Message { raw, fields, role }
        };
        Self { messages: elements.iter().map(message).collect(), at: 0 }
    }

    /// What stands before the first answer: the prompts.
    pub(super) fn prompts(&mut self) -> Range<usize> {
        self.at = self.messages.iter().position(Message::is_answer).unwrap_or(self.messages.len());
        0..self.at
    }

    /// The share of the next step.
    pub(super) fn of_step(&mut self, step: &Fields<'_>) -> Share {
        let left = &self.messages[self.at..];
        let Some(ahead) = left.iter().take(AHEAD_MAX).position(|message| message.answers(step)) else {
            return Share { before: self.at..self.at, own: self.at..self.at };
        };
        let answer = self.at + ahead;
        let rest = &self.messages[answer + 1..];
        let replies = rest.iter().take(REPLIES_MAX).take_while(|message| !message.is_answer()).count();
        let share = Share { before: self.at..answer, own: answer..answer + 1 + replies };
        self.at = share.own.end;
        share
    }

    /// What no step took.
    pub(super) fn rest(&mut self) -> Range<usize> {
        let rest = self.at..self.messages.len();
        self.at = self.messages.len();
        rest
    }
}
