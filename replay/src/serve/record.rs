//! What an event says to or from a model, whatever program wrote it down.
//!
//! Guarantee: reads chat messages (AgentDojo, tau-bench), lines of Claude Code, entries of OpenClaw and pi, items of
//! Codex, wire bytes, and plain texts; anything else says nothing, which the recording counts.

use super::answer::{Answer, Block, Stop, Usage, What};
use super::dialect::parts::{joined, texts};
use super::dialect::{Dialect, chat, messages, responses_items};
use super::event::RecordedEvent;
use super::item::{Item, Placed, Role};
use super::json::{array, count, text};
use serde_json::Value;

/// What an event says.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Items that are not a model's answer.
    pub(super) items: Vec<Placed>,
    /// A model's answer, or a part of it: parts share the answer's id.
    pub(super) answer: Option<Answer>,
}

/// Reads an event's own record.
pub(super) fn said(event: &RecordedEvent) -> Option<Said> {
    let record = event.content("record").and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok());
    let said = record.as_ref().and_then(of_record);
    said.or_else(|| of_texts(event))
}

fn of_record(record: &Value) -> Option<Said> {
    if let Some(payload) = record.get("payload").filter(|_| text(record, "type") == Some("response_item")) {
        return Some(of_codex(payload));
    }
    match record.get("message").filter(|message| message.is_object()) {
        Some(message) if text(record, "type") == Some("message") => of_pi(message),
        Some(message) => of_claude(message),
        None => of_chat(record),
    }
}

fn of_chat(message: &Value) -> Option<Said> {
    let role = text(message, "role")?;
    if role == "assistant" {
        return Some(Said { answer: Some(chat_answer(message)), ..Said::default() });
    }
    let mut said = Said::default();
    chat::items_of(message, "record", &mut said.items);
    Some(said)
}

fn chat_answer(message: &Value) -> Answer {
    Answer { blocks: chat::blocks(message), ..Answer::default() }
}

fn of_claude(message: &Value) -> Option<Said> {
    if text(message, "role")? == "assistant" {
        return Some(Said { answer: messages::answer(message), ..Said::default() });
    }
    let mut said = Said::default();
    messages::items_of(message, "record", &mut said.items);
    Some(said)
}

fn of_codex(payload: &Value) -> Said {
    let own = matches!(text(payload, "type"), Some("function_call" | "custom_tool_call" | "local_shell_call"))
        || text(payload, "role") == Some("assistant");
    if own {
        let body = serde_json::json!({"output": [payload]});
        return Said { answer: Dialect::Responses.answer(&body), ..Said::default() };
    }
    let mut said = Said::default();
    responses_items::items_of(payload, "record", &mut said.items);
    said
}

/// A message of OpenClaw or pi.
fn of_pi(message: &Value) -> Option<Said> {
    let content = message.get("content").unwrap_or(&Value::Null);
    match text(message, "role")? {
        "assistant" => Some(Said { answer: Some(pi_answer(message, content)), ..Said::default() }),
        "toolResult" => {
            let call = text(message, "toolCallId").unwrap_or_default().to_owned();
            let item = Item::Result { call, text: joined(content) };
            Some(Said { items: vec![Placed::new(item, "record".to_owned())], answer: None })
        }
        "user" => {
            let item = |(_, text)| Placed::text(Role::User, text, "record".to_owned());
            Some(Said { items: texts(content).into_iter().map(item).collect(), answer: None })
        }
        _ => None,
    }
}

fn pi_answer(message: &Value, content: &Value) -> Answer {
    let block = |part: &Value| match text(part, "type") {
        Some("text") => Block::text(text(part, "text").unwrap_or_default()),
        Some("toolCall") => {
            let own = |name: &str| text(part, name).unwrap_or_default().to_owned();
            let arguments = part.get("arguments").map_or_else(|| "{}".to_owned(), Value::to_string);
            Block { what: What::Call { id: own("id"), name: own("name"), arguments }, native: None }
        }
        _ => Block { what: What::Other, native: None },
    };
    let blocks = match content {
        Value::Array(parts) => parts.iter().map(block).collect(),
        Value::String(text) => vec![Block::text(text.as_str())],
        _ => Vec::new(),
    };
    let stop = text(message, "stopReason").map(|word| match word {
        "stop" => Stop::End,
        "toolUse" => Stop::Tools,
        "length" => Stop::Length,
        other => Stop::Other(other.to_owned()),
    });
    let usage = message.get("usage").map(|usage| Usage {
        input: count(usage, "input").unwrap_or(0),
        output: count(usage, "output").unwrap_or(0),
        cache_read: count(usage, "cacheRead").unwrap_or(0),
        cache_write: count(usage, "cacheWrite").unwrap_or(0),
        ..Usage::default()
    });
    Answer { model: text(message, "model").map(str::to_owned), blocks, usage, stop, ..Answer::default() }
}

/// Events of programs that write plain texts: the contents' names say who speaks.
fn of_texts(event: &RecordedEvent) -> Option<Said> {
    let find = |names: &[&str]| {
        let content = names.iter().find_map(|name| event.content(name))?;
        std::str::from_utf8(content).ok().map(str::to_owned)
    };
    match event.kind.as_str() {
        "model.call" => {
            let blocks = vec![Block::text(find(&["output", "answer"])?)];
            Some(Said { answer: Some(Answer { blocks, ..Answer::default() }), items: Vec::new() })
        }
        "tool.result" => {
            let result = find(&["result", "output"])?;
            let plain = serde_json::from_str::<Value>(&result).ok().filter(|v| v.is_string() || v.is_array());
            let text = plain.as_ref().map_or(result, joined);
            let call = event.attribute("gen_ai.tool.call.id").unwrap_or_default().to_owned();
            Some(Said { items: vec![Placed::new(Item::Result { call, text }, "result".to_owned())], answer: None })
        }
        "message" => {
            let role = match event.attribute("hansard.role") {
                Some("system" | "developer") => Role::System,
                Some("assistant") => Role::Assistant,
                _ => Role::User,
            };
            let text = find(&["text", "message", "input", "prompt", "content"])?;
            Some(Said { items: vec![Placed::text(role, text, "text".to_owned())], answer: None })
        }
        _ => None,
    }
}

/// Whether a result's record says that the tool failed.
pub(super) fn failed(event: &RecordedEvent) -> bool {
    event.attributes.contains_key("error.type")
}

/// The blocks of a tool result in a record, by the call's id where the record holds several.
pub(super) fn result_content(event: &RecordedEvent, call: Option<&str>) -> Option<Value> {
    if let Some(record) = event.content("record").and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok()) {
        let message = record.get("message").or_else(|| record.get("payload")).unwrap_or(&record);
        if let Some(error) = text(message, "error") {
            return Some(error.into());
        }
        if let Some(output) = message.get("output") {
            return Some(output.clone());
        }
        let results =
            || array(message, "content").into_iter().flatten().filter(|b| text(b, "type") == Some("tool_result"));
        let block = results().find(|b| call.is_some() && text(b, "tool_use_id") == call).or_else(|| results().next());
        return match block {
            Some(block) => Some(block.get("content").cloned().unwrap_or_else(|| "".into())),
            None => message.get("content").cloned(),
        };
    }
    let content = ["result", "output", "written"].iter().find_map(|name| event.content(name))?;
    let text = String::from_utf8_lossy(content).into_owned();
    let own = serde_json::from_str::<Value>(&text).ok().filter(|value| value.is_string() || is_result(value));
    Some(own.unwrap_or_else(|| text.into()))
}

/// Whether a value is blocks, or a result as MCP writes it, and not just JSON that a tool printed.
fn is_result(value: &Value) -> bool {
    let blocks = |value: &Value| {
        value.as_array().is_some_and(|blocks| !blocks.is_empty() && blocks.iter().all(|b| text(b, "type").is_some()))
    };
    blocks(value) || value.get("content").is_some_and(blocks)
}
