//! Reading Anthropic messages: requests, responses, streams, and the messages of Claude Code's transcripts.
//!
//! Guarantee: every block of a response is kept in its own form; reasoning is not part of the conversation.

use super::parts::{joined, media};
use super::sse;
use super::{Ask, Dialect};
use crate::serve::answer::{Answer, Block, Stop, Usage, What};
use crate::serve::item::{Item, Placed, Role};
use crate::serve::json::{array, canonical, count, text};
use serde_json::{Value, json};

pub(super) fn ask(body: &Value) -> Result<Ask, String> {
    let messages = array(body, "messages").ok_or("expected an array `messages`")?;
    let mut items = Vec::new();
    if let Some(system) = body.get("system") {
        content_items(Role::System, system, "system", &mut items);
    }
    for (index, message) in messages.iter().enumerate() {
        items_of(message, &format!("messages[{index}]"), &mut items);
    }
    Ok(Ask::new(Dialect::Messages, body, items))
}

/// The items of a message.
pub(in crate::serve) fn items_of(message: &Value, place: &str, items: &mut Vec<Placed>) {
    let role = match text(message, "role") {
        Some("assistant") => Role::Assistant,
        Some("system") => Role::System,
        _ => Role::User,
    };
    content_items(role, message.get("content").unwrap_or(&Value::Null), &format!("{place}.content"), items);
}

fn content_items(role: Role, content: &Value, place: &str, items: &mut Vec<Placed>) {
    match content {
        Value::String(text) => items.push(Placed::text(role, text.as_str(), place.to_owned())),
        Value::Array(blocks) => {
            for (at, block) in blocks.iter().enumerate() {
                let place = format!("{place}[{at}]");
                items.extend(block_item(role, block).map(|item| Placed::new(item, place)));
            }
        }
        _ => {}
    }
}

fn block_item(role: Role, block: &Value) -> Option<Item> {
    let own = |name: &str| text(block, name).unwrap_or_default().to_owned();
    match text(block, "type").unwrap_or("text") {
        "text" => Some(Item::Text { role, text: own("text") }),
        "tool_use" => Some(Item::Call {
            id: own("id"),
            name: own("name"),
            arguments: block.get("input").map_or_else(|| "{}".to_owned(), canonical),
        }),
        "tool_result" => {
            Some(Item::Result { call: own("tool_use_id"), text: joined(block.get("content").unwrap_or(&Value::Null)) })
        }
        "thinking" | "redacted_thinking" => None,
        _ if role == Role::Assistant => None,
        _ => Some(Item::Text { role, text: media(block) }),
    }
}

/// A block of a response.
pub(in crate::serve) fn block(block: &Value) -> Block {
    let own = |name: &str| text(block, name).unwrap_or_default().to_owned();
    let what = match text(block, "type") {
        Some("text") => What::Text(own("text")),
        Some("tool_use") => What::Call {
            id: own("id"),
            name: own("name"),
            arguments: block.get("input").map_or_else(|| "{}".to_owned(), Value::to_string),
        },
        _ => What::Other,
    };
    Block { what, native: Some((Dialect::Messages, block.clone())) }
}

/// The answer that a response holds, or a transcript's message of the assistant.
pub(in crate::serve) fn answer(body: &Value) -> Option<Answer> {
    let blocks = match body.get("content")? {
        Value::String(text) => vec![Block::text(text.as_str())],
        Value::Array(blocks) => blocks.iter().map(block).collect(),
        _ => return None,
    };
    Some(Answer {
        id: text(body, "id").map(str::to_owned),
        model: text(body, "model").map(str::to_owned),
        blocks,
        usage: body.get("usage").and_then(usage),
        stop: text(body, "stop_reason").map(stop),
        stop_sequence: text(body, "stop_sequence").map(str::to_owned),
        wire: None,
    })
}

fn usage(usage: &Value) -> Option<Usage> {
    Some(Usage {
        input: count(usage, "input_tokens")?,
        output: count(usage, "output_tokens").unwrap_or(0),
        cache_read: count(usage, "cache_read_input_tokens").unwrap_or(0),
        cache_write: count(usage, "cache_creation_input_tokens").unwrap_or(0),
        reasoning: 0,
        native: Some((Dialect::Messages, usage.clone())),
    })
}

fn stop(word: &str) -> Stop {
    match word {
        "end_turn" => Stop::End,
        "tool_use" => Stop::Tools,
        "max_tokens" => Stop::Length,
        "stop_sequence" => Stop::Sequence,
        "refusal" => Stop::Refused,
        other => Stop::Other(other.to_owned()),
    }
}

/// The answer that a stream adds up to.
pub(super) fn streamed(bytes: &[u8]) -> Option<Answer> {
    let mut body = Value::Null;
    let mut inputs: Vec<String> = Vec::new();
    for event in sse::events(bytes) {
        let at = count(&event, "index").and_then(|at| usize::try_from(at).ok()).unwrap_or(0);
        match text(&event, "type").unwrap_or_default() {
            "message_start" => {
                body = event.get("message")?.clone();
                body["content"] = json!([]);
            }
            "content_block_start" => {
                array_mut(&mut body)?.push(event.get("content_block")?.clone());
                inputs.push(String::new());
            }
            "content_block_delta" => add(array_mut(&mut body)?.get_mut(at)?, inputs.get_mut(at)?, event.get("delta")?),
            "message_delta" => end(&mut body, &event),
            _ => {}
        }
    }
    for (block, input) in array_mut(&mut body)?.iter_mut().zip(&inputs).filter(|(_, input)| !input.is_empty()) {
        block["input"] = serde_json::from_str(input).ok()?;
    }
    answer(&body)
}

fn array_mut(body: &mut Value) -> Option<&mut Vec<Value>> {
    body.get_mut("content")?.as_array_mut()
}

fn add(block: &mut Value, input: &mut String, delta: &Value) {
    for name in ["text", "thinking", "signature"] {
        if let Some(piece) = text(delta, name) {
            let before = text(block, name).unwrap_or_default();
            block[name] = format!("{before}{piece}").into();
        }
    }
    input.push_str(text(delta, "partial_json").unwrap_or_default());
    if let Some(citation) = delta.get("citation") {
        match block.get_mut("citations").and_then(Value::as_array_mut) {
            Some(citations) => citations.push(citation.clone()),
            None => block["citations"] = json!([citation]),
        }
    }
}

fn end(body: &mut Value, event: &Value) {
    for name in ["stop_reason", "stop_sequence"] {
        if let Some(value) = event.get("delta").and_then(|delta| delta.get(name)) {
            body[name] = value.clone();
        }
    }
    for (name, value) in event.get("usage").and_then(Value::as_object).into_iter().flatten() {
        if !value.is_null() && body.get("usage").is_some_and(Value::is_object) {
            body["usage"][name] = value.clone();
        }
    }
}
