//! The three model APIs: reading requests and responses of each, and writing an answer as each would.
//!
//! Guarantee: what one of these modules writes, the official SDK of that API reads, whole or streamed; what it cannot
//! read is an error that names the place. Nothing here knows of recordings.

pub(super) mod ask;
pub(super) mod chat;
mod chat_out;
mod detect;
pub(super) mod facts;
pub(super) mod messages;
mod messages_out;
pub(super) mod parts;
pub(super) mod responses;
pub(super) mod responses_items;
mod responses_out;
mod sse;

pub(super) use ask::Ask;
pub(super) use detect::{dialect_of, wire_answer};
pub(super) use facts::Facts;

use super::answer::Answer;
use super::limits::CONVERSATION_ITEMS_MAX;
use serde_json::{Value, json};

/// A model API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// OpenAI chat completions.
    Chat,
    /// OpenAI responses.
    Responses,
    /// Anthropic messages.
    Messages,
}

impl Dialect {
    /// The path that requests go to.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Responses => "/v1/responses",
            Self::Messages => "/v1/messages",
        }
    }

    /// Reads a request.
    pub(super) fn ask(self, body: &Value) -> Result<Ask, String> {
        if !body.is_object() {
            return Err(format!("expected one JSON object for {}", self.path()));
        }
        let ask = match self {
            Self::Chat => chat::ask(body),
            Self::Responses => responses::ask(body),
            Self::Messages => messages::ask(body),
        }?;
        if ask.items.len() > CONVERSATION_ITEMS_MAX {
            let found = ask.items.len();
            return Err(format!("the conversation has {found} items, at most {CONVERSATION_ITEMS_MAX} are compared"));
        }
        Ok(ask)
    }

    /// Reads a whole response; `None` where it is none of this API.
    pub(super) fn answer(self, body: &Value) -> Option<Answer> {
        match self {
            Self::Chat => chat::answer(body),
            Self::Responses => responses::answer(body),
            Self::Messages => messages::answer(body),
        }
    }

    /// Writes an answer: whole, or as a stream of events.
    pub(super) fn write(self, answer: &Answer, facts: &Facts<'_>, streamed: bool) -> Vec<u8> {
        if streamed {
            return match self {
                Self::Chat => chat_out::stream(answer, facts),
                Self::Responses => responses_out::stream(answer, facts),
                Self::Messages => messages_out::stream(answer, facts),
            }
            .into_bytes();
        }
        let body = match self {
            Self::Chat => chat_out::body(answer, facts),
            Self::Responses => responses_out::body(answer, facts),
            Self::Messages => messages_out::body(answer, facts),
        };
        body.to_string().into_bytes()
    }

    /// An error as this API writes it, with what only Hansard says beside.
    pub(super) fn error(self, kind: &str, message: &str, more: &Value) -> Vec<u8> {
        let body = match self {
            Self::Messages => {
                json!({"type": "error", "error": {"type": kind, "message": message}, "hansard": more})
            }
            Self::Chat | Self::Responses => {
                let path = more.pointer("/difference/path").cloned().unwrap_or_default();
                json!({"error": {"message": message, "type": kind, "code": kind, "param": path}, "hansard": more})
            }
        };
        body.to_string().into_bytes()
    }
}
