//! One input of a run withheld or put right: what would the agent have done without it?
//!
//! Guarantee: every copy of the input's text is changed, in results that tools give and in requests that are sent
//! on, and nothing else. A recorded request that carries it is known again with the changed text
//! (`MatchKind::Changed`), and never answered from the record: the recorded answer was given to other words. Fails,
//! and says why, when the event is not there, is no input, or holds no text.

use super::dialect::parts::joined;
use super::event::RecordedEvent;
use super::item::{Item, Kind, settled};
use super::json;
use super::record::{result_content, said};
use super::recording::Recording;
use bytes::Bytes;
use serde_json::Value;

/// Why an input cannot be changed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ChangeError {
    /// No such event.
    #[error("event {0} is not among the events of this run")]
    NoEvent(String),
    /// The event is an answer of the model.
    #[error("event {0} is the model's own answer, not an input: fork the run at its step instead")]
    OwnAnswer(String),
    /// No text to change.
    #[error("event {event} holds no text{content} that could have reached a model; it has the contents: {there}")]
    NoText {
        /// The event.
        event: String,
        /// Which content was asked for, with a space before.
        content: String,
        /// Names of the contents that it has.
        there: String,
    },
    /// The new bytes are no text.
    #[error("the new bytes for {0} are not UTF-8 text")]
    NotText(String),
}

/// A changed input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The event whose input it is.
    pub event: String,
    /// The content, where one was named.
    pub content: Option<String>,
    /// Texts and what stands in their place.
    swaps: Vec<(String, String)>,
}

impl Change {
    /// The run without an event's texts: nothing stands in their place.
    pub fn without(events: &[RecordedEvent], event: &str) -> Result<Self, ChangeError> {
        let found = find(events, event)?;
        let swaps = texts_of(found, None).into_iter().map(|text| (text, String::new())).collect();
        Self::new(found, None, swaps)
    }

    /// The run with other bytes in the place of a content.
    pub fn set(events: &[RecordedEvent], event: &str, content: &str, bytes: &[u8]) -> Result<Self, ChangeError> {
        let found = find(events, event)?;
        let text = std::str::from_utf8(bytes).map_err(|_| ChangeError::NotText(format!("{event}:{content}")))?;
        let mut other = found.clone();
        other.contents.retain(|own| own.name == content);
        other.contents.iter_mut().for_each(|own| own.bytes = Bytes::copy_from_slice(bytes));
        let before = texts_of(found, Some(content));
        let mut after = texts_of(&other, Some(content));
        if after.len() != before.len() {
            after = vec![text.to_owned(); before.len()];
        }
        Self::new(found, Some(content), before.into_iter().zip(after).collect())
    }

    fn new(event: &RecordedEvent, content: Option<&str>, swaps: Vec<(String, String)>) -> Result<Self, ChangeError> {
        let swaps: Vec<(String, String)> = swaps.into_iter().filter(|(from, _)| !settled(from).is_empty()).collect();
        if swaps.is_empty() {
            let there: Vec<&str> = event.contents.iter().map(|content| content.name.as_str()).collect();
            return Err(ChangeError::NoText {
                event: event.id.clone(),
                content: content.map(|name| format!(" in content {name}")).unwrap_or_default(),
                there: there.join(", "),
            });
        }
        Ok(Self { event: event.id.clone(), content: content.map(str::to_owned), swaps })
    }

    /// A text with the input changed; `None` where it is not in it.
    #[must_use]
    pub fn swap(&self, text: &str) -> Option<String> {
        let mut changed: Option<String> = None;
        for (from, to) in &self.swaps {
            let now = changed.as_deref().unwrap_or(text);
            changed = swapped(now, settled(from).as_str(), settled(to).as_str()).or(changed);
        }
        changed
    }

    /// A request's bytes with the input changed; `None` where it is not in them.
    pub(super) fn swap_json(&self, body: &Value) -> Option<Bytes> {
        let mut body = body.clone();
        json::each_text(&mut body, &|text| self.swap(text)).then(|| Bytes::from(body.to_string()))
    }
}

/// Replaces a text, as it is or as it stands inside JSON that is itself a text.
fn swapped(text: &str, from: &str, to: &str) -> Option<String> {
    if text.contains(from) {
        return Some(text.replace(from, to));
    }
    let inner = |text: &str| {
        let written = Value::from(text).to_string();
        written[1..written.len() - 1].to_owned()
    };
    let escaped = inner(from);
    text.contains(&escaped).then(|| text.replace(&escaped, &inner(to)))
}

fn find<'a>(events: &'a [RecordedEvent], id: &str) -> Result<&'a RecordedEvent, ChangeError> {
    let found = events.iter().find(|event| event.id == id).ok_or_else(|| ChangeError::NoEvent(id.to_owned()))?;
    if matches!(found.kind.as_str(), "model.call" | "tool.call") {
        return Err(ChangeError::OwnAnswer(id.to_owned()));
    }
    Ok(found)
}

/// The texts of an event that may have reached a model.
fn texts_of(event: &RecordedEvent, content: Option<&str>) -> Vec<String> {
    let own = |item: Item| match item {
        Item::Text { text, .. } | Item::Result { text, .. } => Some(text),
        Item::Call { .. } => None,
    };
    if content.is_none_or(|name| event.content(name).is_some()) {
        let spoken = said(event).map(|said| said.items.into_iter().filter_map(|placed| own(placed.item)).collect());
        let texts: Vec<String> = spoken.unwrap_or_default();
        if !texts.is_empty() && content.is_none_or(|name| matches!(name, "record" | "result" | "output" | "text")) {
            return texts;
        }
    }
    if event.kind == "tool.result" && content.is_none() {
        return result_content(event, None).map(|content| joined(&content)).into_iter().collect();
    }
    let named = event.contents.iter().filter(|own| content.is_none_or(|name| own.name == name));
    named.filter_map(|own| std::str::from_utf8(&own.bytes).ok().map(str::to_owned)).collect()
}

impl Recording {
    /// Changes an input: marks the exchanges whose requests carry it, and knows them with the changed text as well.
    /// Gives the steps that were exposed to it.
    pub fn change(&mut self, change: &Change) -> Vec<usize> {
        let mut exposed = Vec::new();
        let text = |node| self.tree.node(node).item.as_ref().and_then(|item| change.swap(&item.text));
        let swapped: Vec<Option<String>> = (0..self.tree.len()).map(text).collect();
        for index in 0..self.exchanges.len() {
            let path = self.tree.path(self.exchanges[index].node);
            let Some(first) = path.iter().position(|node| swapped[*node].is_some()) else { continue };
            let mut at = self.tree.node(path[first]).parent;
            for node in &path[first..] {
                let Some(item) = self.tree.node(*node).item.clone() else { continue };
                let item = match swapped[*node].as_deref().map(settled) {
                    Some(text) if text.is_empty() && !matches!(item.kind, Kind::Result(_)) => continue,
                    Some(text) => item.with_text(&text),
                    None => item,
                };
                at = self.tree.extend(at, item);
            }
            self.tree.node_mut(at).changed.push(index);
            self.exchanges[index].exposed = true;
            exposed.push(index + 1);
        }
        self.tools.change(change);
        exposed
    }
}
