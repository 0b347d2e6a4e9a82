//! A model's answer that does not depend on the API that carried it, and what of it was recorded.
//!
//! Guarantee: a block that was recorded in an API's own form is kept in that form, so that the same API gives it back
//! unchanged; another API gets the same text, name, arguments and id.

use super::dialect::Dialect;
use super::item::{Item, Placed, Role};
use super::json::canonical_text;
use bytes::Bytes;
use serde_json::Value;

/// What a model answered.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The response's id, where one was recorded.
    pub id: Option<String>,
    /// The model that answered.
    pub model: Option<String>,
    /// Blocks in order.
    pub blocks: Vec<Block>,
    /// Usage, where it was recorded.
    pub usage: Option<Usage>,
    /// Why the model stopped, where it was recorded.
    pub stop: Option<Stop>,
    /// The stop sequence that it met.
    pub stop_sequence: Option<String>,
    /// The response as it went over the wire.
    pub wire: Option<Wire>,
}

/// One block of an answer.
#[derive(Debug, Clone)]
pub struct Block {
    /// What it says.
    pub what: What,
    /// The block as its own API writes it.
    pub native: Option<(Dialect, Value)>,
}

/// What a block says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Words.
    Text(String),
    /// A tool call; the arguments are JSON as the model wrote it.
    Call {
        /// The call's id, empty where none was recorded.
        id: String,
        /// The tool.
        name: String,
        /// Arguments.
        arguments: String,
    },
    /// Anything else, which only its own API can carry (reasoning, server tools).
    Other,
}

/// Tokens as they were counted; input without what came from a cache.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Input tokens outside the cache.
    pub input: u64,
    /// Output tokens.
    pub output: u64,
    /// Input tokens read from a cache.
    pub cache_read: u64,
    /// Input tokens written to a cache.
    pub cache_write: u64,
    /// Output tokens of reasoning.
    pub reasoning: u64,
    /// The object as its own API writes it.
    pub native: Option<(Dialect, Value)>,
}

/// Why a model stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// It was done.
    End,
    /// It wants tools.
    Tools,
    /// It reached a limit of tokens.
    Length,
    /// It met a stop sequence.
    Sequence,
    /// It was filtered, or it refused.
    Refused,
    /// Another word of its API.
    Other(String),
}

/// A response's bytes.
#[derive(Debug, Clone)]
pub struct Wire {
    /// The API.
    pub dialect: Dialect,
    /// Whether it was a stream of events.
    pub streamed: bool,
    /// The bytes, verbatim.
    pub bytes: Bytes,
}

impl Block {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self { what: What::Text(text.into()), native: None }
    }

    /// The block in the form of an API, where it was recorded in it.
    pub(super) fn native_in(&self, dialect: Dialect) -> Option<&Value> {
        self.native.as_ref().filter(|(own, _)| *own == dialect).map(|(_, value)| value)
    }
}

impl Answer {
    /// Why it stopped: as recorded, or else as its blocks say.
    #[must_use]
    pub fn stopped(&self) -> Stop {
        let calls = || self.blocks.iter().any(|block| matches!(block.what, What::Call { .. }));
        self.stop.clone().unwrap_or_else(|| if calls() { Stop::Tools } else { Stop::End })
    }

    /// All words, one after the other.
    #[must_use]
    pub fn said(&self) -> String {
        self.blocks
            .iter()
            .filter_map(|b| if let What::Text(text) = &b.what { Some(text.as_str()) } else { None })
            .collect()
    }

    /// Tool and arguments of each call, the arguments in canonical JSON.
    #[must_use]
    pub fn calls(&self) -> Vec<(String, String)> {
        let call = |block: &Block| match &block.what {
            What::Call { name, arguments, .. } => Some((name.clone(), canonical_text(arguments))),
            _ => None,
        };
        self.blocks.iter().filter_map(call).collect()
    }

    /// The items that this answer adds to a conversation.
    pub(super) fn items(&self) -> impl Iterator<Item = Placed> + '_ {
        let item = |block: &Block| match &block.what {
            What::Text(text) => Some(Item::Text { role: Role::Assistant, text: text.clone() }),
            What::Call { id, name, arguments } => {
                Some(Item::Call { id: id.clone(), name: name.clone(), arguments: canonical_text(arguments) })
            }
            What::Other => None,
        };
        self.blocks.iter().filter_map(item).map(|item| Placed::new(item, String::new()))
    }
}
