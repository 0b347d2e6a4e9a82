//! How a request differs from what was recorded: where, and what stood there.
//!
//! Guarantee: names the recorded step and event that the request is nearest to, the place in the client's own
//! request, and the first difference with what surrounds it; excerpts are bounded.

use super::item::{Canonical, Kind};
use super::limits::EXCERPT_CHARS_MAX;
use serde_json::{Value, json};
use std::fmt;

/// Characters of an excerpt before the first difference.
const BEFORE_CHARS: usize = 40;

/// A difference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// The step that the request is nearest to, from 1.
    pub step: Option<usize>,
    /// The event of that step.
    pub event: Option<String>,
    /// Place in the request, `messages[3].content[0]`, `temperature`, `arguments`.
    pub path: String,
    /// What was recorded there.
    pub recorded: String,
    /// What the request has there.
    pub requested: String,
    /// Character at which the two part, from 0.
    pub character: usize,
    /// Items of the conversation that differ, compared place by place.
    pub items: usize,
}

impl Difference {
    /// The difference of two texts at a place.
    pub(super) fn texts(path: &str, recorded: &str, requested: &str) -> Self {
        let common = recorded.chars().zip(requested.chars()).take_while(|(a, b)| a == b).count();
        Self {
            path: path.to_owned(),
            recorded: excerpt(recorded, common),
            requested: excerpt(requested, common),
            character: common,
            ..Self::default()
        }
    }

    /// The difference of two items, either of which may be missing.
    pub(super) fn items(recorded: Option<&Canonical>, requested: Option<&Canonical>, end: &str) -> Self {
        let path = requested.map_or(end, |item| item.place.as_str());
        let kind = |item: &Canonical| match item.kind {
            Kind::System => "system",
            Kind::User => "user",
            Kind::Assistant => "assistant",
            Kind::Call => "tool call",
            Kind::Result(_) => "tool result",
        };
        match (recorded, requested) {
            (Some(a), Some(b)) if kind(a) == kind(b) => Self::texts(path, &a.text, &b.text),
            (a, b) => {
                let shown = |item: Option<&Canonical>| {
                    item.map_or_else(|| "nothing".to_owned(), |i| format!("{}: {}", kind(i), excerpt(&i.text, 0)))
                };
                Self { path: path.to_owned(), recorded: shown(a), requested: shown(b), ..Self::default() }
            }
        }
    }

    /// As it stands in answers and in events.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "step": self.step, "event": self.event, "path": self.path, "recorded": self.recorded,
            "requested": self.requested, "character": self.character, "items": self.items,
        })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(step) = self.step {
            write!(f, "at step {step}: ")?;
        }
        write!(f, "{} differs", self.path)?;
        if self.character > 0 {
            write!(f, " from character {}", self.character)?;
        }
        write!(f, "; recorded {:?}, requested {:?}", self.recorded, self.requested)
    }
}

fn excerpt(text: &str, at: usize) -> String {
    let from = at.saturating_sub(BEFORE_CHARS);
    let mut shown: String = text.chars().skip(from).take(EXCERPT_CHARS_MAX).collect();
    if from > 0 {
        shown.insert(0, '…');
    }
    if text.chars().nth(from + EXCERPT_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}
