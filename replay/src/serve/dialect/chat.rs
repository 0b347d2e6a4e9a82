//! Reading OpenAI chat completions: requests, responses, streams, and messages of benchmarks that keep the same form
//! with small changes (AgentDojo: `function` is the name, `args` the arguments, `error` beside the content).
//!
//! Guarantee: a message gives its items whatever optional members it lacks; the first choice is the answer.

use super::parts::{joined, texts};
use super::sse;
use super::{Ask, Dialect};
use crate::serve::answer::{Answer, Block, Stop, Usage, What};
use crate::serve::item::{Item, Placed, Role};
use crate::serve::json::{array, canonical_text, count, text};
use serde_json::{Value, json};

pub(super) fn ask(body: &Value) -> Result<Ask, String> {
    let messages = array(body, "messages").ok_or("expected an array `messages`")?;
    let mut items = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        items_of(message, &format!("messages[{index}]"), &mut items);
    }
    Ok(Ask::new(Dialect::Chat, body, items))
}

/// The items of a message.
pub(in crate::serve) fn items_of(message: &Value, place: &str, items: &mut Vec<Placed>) {
    let content = message.get("content").unwrap_or(&Value::Null);
    match text(message, "role").unwrap_or("user") {
        "tool" | "function" => {
            let call = text(message, "tool_call_id").or_else(|| message.pointer("/tool_call/id")?.as_str());
            let said = text(message, "error").map_or_else(|| joined(content), str::to_owned);
            let item = Item::Result { call: call.unwrap_or_default().to_owned(), text: said };
            items.push(Placed::new(item, format!("{place}.content")));
        }
        "assistant" => {
            for (at, text) in texts(content) {
                items.push(Placed::text(Role::Assistant, text, part_place(place, at)));
            }
            for (at, block) in calls(message).into_iter().enumerate() {
                if let What::Call { id, name, arguments } = block.what {
                    let item = Item::Call { id, name, arguments: canonical_text(&arguments) };
                    items.push(Placed::new(item, format!("{place}.tool_calls[{at}]")));
                }
            }
        }
        role => {
            let role = if matches!(role, "system" | "developer") { Role::System } else { Role::User };
            for (at, text) in texts(content) {
                items.push(Placed::text(role, text, part_place(place, at)));
            }
        }
    }
}

fn part_place(place: &str, at: Option<usize>) -> String {
    at.map_or_else(|| format!("{place}.content"), |at| format!("{place}.content[{at}]"))
}

fn calls(message: &Value) -> Vec<Block> {
    let mut blocks: Vec<Block> = array(message, "tool_calls").into_iter().flatten().map(call).collect();
    if let Some(old) = message.get("function_call").filter(|call| call.is_object()) {
        blocks.push(call(&json!({"function": old})));
    }
    blocks
}

fn call(call: &Value) -> Block {
    let function = call.get("function").or_else(|| call.get("custom")).unwrap_or(&Value::Null);
    let name = function.as_str().or_else(|| text(function, "name")).or_else(|| text(call, "name")).unwrap_or_default();
    let given = call.get("args").or_else(|| function.get("arguments")).or_else(|| function.get("input"));
    let arguments = match given {
        Some(Value::String(written)) => written.clone(),
        Some(value) if !value.is_null() => value.to_string(),
        _ => "{}".to_owned(),
    };
    let id = text(call, "id").unwrap_or_default().to_owned();
    Block { what: What::Call { id, name: name.to_owned(), arguments }, native: None }
}

/// The blocks of an assistant's message.
pub(in crate::serve) fn blocks(message: &Value) -> Vec<Block> {
    let content = message.get("content").unwrap_or(&Value::Null);
    let mut blocks: Vec<Block> = texts(content).into_iter().map(|(_, text)| Block::text(text)).collect();
    blocks.extend(text(message, "refusal").map(Block::text));
    blocks.extend(calls(message));
    blocks
}

pub(super) fn answer(body: &Value) -> Option<Answer> {
    let choice = array(body, "choices")?.first()?;
    Some(Answer {
        id: text(body, "id").map(str::to_owned),
        model: text(body, "model").map(str::to_owned),
        blocks: blocks(choice.get("message")?),
        usage: body.get("usage").and_then(usage),
        stop: text(choice, "finish_reason").map(stop),
        ..Answer::default()
    })
}

fn usage(usage: &Value) -> Option<Usage> {
    let prompt = count(usage, "prompt_tokens")?;
    let detail = |place: &str| usage.pointer(place).and_then(Value::as_u64).unwrap_or(0);
    let cache_read = detail("/prompt_tokens_details/cached_tokens");
    Some(Usage {
        input: prompt.saturating_sub(cache_read),
        output: count(usage, "completion_tokens").unwrap_or(0),
        cache_read,
        cache_write: 0,
        reasoning: detail("/completion_tokens_details/reasoning_tokens"),
        native: Some((Dialect::Chat, usage.clone())),
    })
}

fn stop(word: &str) -> Stop {
    match word {
        "stop" => Stop::End,
        "tool_calls" => Stop::Tools,
        "length" => Stop::Length,
        "content_filter" => Stop::Refused,
        other => Stop::Other(other.to_owned()),
    }
}

/// The answer that a stream adds up to.
pub(super) fn streamed(bytes: &[u8]) -> Option<Answer> {
    let mut body = json!({"choices": [{"message": {"role": "assistant"}}]});
    let (mut said, mut any_text) = (String::new(), false);
    let mut calls: Vec<(String, String, String)> = Vec::new();
    for event in sse::events(bytes) {
        for name in ["id", "model", "usage"] {
            if let Some(value) = event.get(name).filter(|value| !value.is_null()) {
                body[name] = value.clone();
            }
        }
        let choices = array(&event, "choices").map(Vec::as_slice).unwrap_or_default();
        let Some(choice) = choices.iter().find(|choice| count(choice, "index").unwrap_or(0) == 0) else { continue };
        if let Some(reason) = choice.get("finish_reason").filter(|reason| !reason.is_null()) {
            body["choices"][0]["finish_reason"] = reason.clone();
        }
        let Some(delta) = choice.get("delta") else { continue };
        if let Some(piece) = text(delta, "content") {
            any_text = true;
            said.push_str(piece);
        }
        for piece in array(delta, "tool_calls").into_iter().flatten() {
            add_call(piece, &mut calls);
        }
    }
    let message = &mut body["choices"][0]["message"];
    if any_text && (!said.is_empty() || calls.is_empty()) {
        message["content"] = said.into();
    }
    let call = |(id, name, arguments)| json!({"id": id, "function": {"name": name, "arguments": arguments}});
    message["tool_calls"] = calls.into_iter().map(call).collect();
    body.get("id")?;
    answer(&body)
}

fn add_call(piece: &Value, calls: &mut Vec<(String, String, String)>) {
    let last = calls.len().saturating_sub(1);
    let at = count(piece, "index").and_then(|at| usize::try_from(at).ok()).unwrap_or(last);
    if at > calls.len() {
        return;
    }
    if at == calls.len() {
        calls.push(Default::default());
    }
    let call = &mut calls[at];
    call.0.push_str(text(piece, "id").unwrap_or_default());
    let function = piece.get("function").unwrap_or(&Value::Null);
    call.1.push_str(text(function, "name").unwrap_or_default());
    call.2.push_str(text(function, "arguments").unwrap_or_default());
}
