//! Which API recorded wire bytes belong to.
//!
//! Guarantee: the bytes decide, by members that only one API has; bytes that fit none are no answer.

use super::{Dialect, chat, messages, responses, sse};
use crate::serve::answer::{Answer, Wire};
use crate::serve::json::text;
use bytes::Bytes;
use serde_json::Value;

/// The API that a request was made for.
pub(in crate::serve) fn dialect_of(request: &Value) -> Option<Dialect> {
    if request.get("input").is_some() && request.get("messages").is_none() {
        return Some(Dialect::Responses);
    }
    let messages = request.get("messages")?.as_array()?;
    let anthropic = |block: &Value| {
        let kind = text(block, "type").unwrap_or_default();
        matches!(kind, "tool_use" | "tool_result" | "thinking" | "redacted_thinking")
    };
    let blocks = messages.iter().filter_map(|message| message.get("content")?.as_array()).flatten();
    let tools = request.get("tools").and_then(Value::as_array).into_iter().flatten();
    let own = request.get("system").is_some()
        || blocks.into_iter().any(anthropic)
        || tools.into_iter().any(|tool| tool.get("input_schema").is_some());
    Some(if own { Dialect::Messages } else { Dialect::Chat })
}

/// The answer in a response's bytes, whole or streamed.
pub(in crate::serve) fn wire_answer(bytes: &Bytes) -> Option<Answer> {
    let (dialect, streamed, answer) = match serde_json::from_slice::<Value>(bytes) {
        Ok(body) => {
            let dialect = whole(&body)?;
            (dialect, false, dialect.answer(&body)?)
        }
        Err(_) => {
            let dialect = sse::events(bytes).iter().find_map(piece)?;
            let answer = match dialect {
                Dialect::Chat => chat::streamed(bytes),
                Dialect::Responses => responses::streamed(bytes),
                Dialect::Messages => messages::streamed(bytes),
            };
            (dialect, true, answer?)
        }
    };
    Some(Answer { wire: Some(Wire { dialect, streamed, bytes: bytes.clone() }), ..answer })
}

fn whole(body: &Value) -> Option<Dialect> {
    if body.get("choices").is_some() {
        return Some(Dialect::Chat);
    }
    if body.get("output").is_some_and(Value::is_array) {
        return Some(Dialect::Responses);
    }
    (text(body, "type") == Some("message") && body.get("content").is_some()).then_some(Dialect::Messages)
}

fn piece(event: &Value) -> Option<Dialect> {
    match text(event, "type") {
        Some("message_start") => Some(Dialect::Messages),
        Some(kind) if kind.starts_with("response.") => Some(Dialect::Responses),
        _ => event.get("choices").map(|_| Dialect::Chat),
    }
}
