//! Writing an answer as OpenAI responses do, whole or streamed.
//!
//! Guarantee: items that were recorded in this API's form are given back as they are; each event has its sequence
//! number, and the last one carries the whole response.

use super::facts::Facts;
use super::{Dialect, sse};
use crate::serve::answer::{Answer, Block, Stop, Usage, What};
use crate::serve::json::{array, text};
use crate::serve::limits::STREAM_PIECE_CHARS;
use serde_json::{Value, json};

pub(super) fn body(answer: &Answer, facts: &Facts<'_>) -> Value {
    let output: Vec<Value> =
        answer.blocks.iter().enumerate().filter_map(|(at, block)| output_item(block, at, facts)).collect();
    let (status, why) = match answer.stopped() {
        Stop::Length => ("incomplete".to_owned(), json!({"reason": "max_output_tokens"})),
        Stop::Refused => ("incomplete".to_owned(), json!({"reason": "content_filter"})),
        Stop::Other(word) if answer.wire.is_some() => (word, Value::Null),
        _ => ("completed".to_owned(), Value::Null),
    };
    let mut body = head(answer, facts, &status);
    body["incomplete_details"] = why;
    body["output"] = output.into();
    body["usage"] = answer.usage.as_ref().map_or(Value::Null, written);
    body
}

pub(super) fn stream(answer: &Answer, facts: &Facts<'_>) -> String {
    let whole = body(answer, facts);
    let mut events = Events::default();
    let begun = head(answer, facts, "in_progress");
    events.put(json!({"type": "response.created", "response": begun}));
    events.put(json!({"type": "response.in_progress", "response": begun}));
    for (index, item) in array(&whole, "output").into_iter().flatten().enumerate() {
        events.item(index, item);
    }
    let end = if whole["status"] == "completed" { "response.completed" } else { "response.incomplete" };
    events.put(json!({"type": end, "response": whole}));
    events.out
}

#[derive(Default)]
struct Events {
    out: String,
    sequence: usize,
}

impl Events {
    fn put(&mut self, mut event: Value) {
        event["sequence_number"] = self.sequence.into();
        self.sequence += 1;
        sse::named(&mut self.out, &event);
    }

    fn item(&mut self, index: usize, item: &Value) {
        let id = text(item, "id").unwrap_or_default();
        let mut begun = item.clone();
        if begun.get("status").is_some() {
            begun["status"] = "in_progress".into();
        }
        match text(item, "type") {
            Some("message") => {
                begun["content"] = json!([]);
                self.put(json!({"type": "response.output_item.added", "output_index": index, "item": begun}));
                for (at, part) in array(item, "content").into_iter().flatten().enumerate() {
                    self.part(index, id, at, part);
                }
            }
            Some("function_call") => {
                begun["arguments"] = "".into();
                self.put(json!({"type": "response.output_item.added", "output_index": index, "item": begun}));
                self.arguments(index, id, item);
            }
            _ => self.put(json!({"type": "response.output_item.added", "output_index": index, "item": begun})),
        }
        self.put(json!({"type": "response.output_item.done", "output_index": index, "item": item}));
    }

    fn part(&mut self, index: usize, id: &str, at: usize, part: &Value) {
        let place = json!({"item_id": id, "output_index": index, "content_index": at});
        let with = |kind: &str, more: Value| {
            let mut event = place.clone();
            event["type"] = kind.into();
            for (name, value) in more.as_object().into_iter().flatten() {
                event[name] = value.clone();
            }
            event
        };
        let mut begun = part.clone();
        let words = text(part, "text").unwrap_or_default();
        if part.get("text").is_some() {
            begun["text"] = "".into();
        }
        self.put(with("response.content_part.added", json!({"part": begun})));
        if text(part, "type") == Some("output_text") {
            for piece in sse::pieces(words, STREAM_PIECE_CHARS) {
                self.put(with("response.output_text.delta", json!({"delta": piece, "logprobs": []})));
            }
            self.put(with("response.output_text.done", json!({"text": words, "logprobs": []})));
        }
        self.put(with("response.content_part.done", json!({"part": part})));
    }

    fn arguments(&mut self, index: usize, id: &str, item: &Value) {
        let arguments = text(item, "arguments").unwrap_or_default();
        for piece in sse::pieces(arguments, STREAM_PIECE_CHARS) {
            self.put(json!({
                "type": "response.function_call_arguments.delta",
                "item_id": id, "output_index": index, "delta": piece,
            }));
        }
        self.put(json!({
            "type": "response.function_call_arguments.done",
            "item_id": id, "output_index": index, "arguments": arguments, "name": text(item, "name"),
        }));
    }
}

fn head(answer: &Answer, facts: &Facts<'_>, status: &str) -> Value {
    json!({
        "id": answer.id.clone().unwrap_or_else(|| facts.id("resp_", None)),
        "object": "response",
        "created_at": facts.created_s,
        "status": status,
        "error": null,
        "incomplete_details": null,
        "instructions": null,
        "metadata": {},
        "model": answer.model.as_deref().unwrap_or(facts.model),
        "output": [],
        "parallel_tool_calls": true,
        "temperature": null,
        "tool_choice": "auto",
        "tools": [],
        "top_p": null,
        "usage": null,
    })
}

fn output_item(block: &Block, at: usize, facts: &Facts<'_>) -> Option<Value> {
    if let Some(native) = block.native_in(Dialect::Responses) {
        return Some(native.clone());
    }
    match &block.what {
        What::Text(text) => Some(json!({
            "id": facts.id("msg_", Some(at)), "type": "message", "status": "completed", "role": "assistant",
            "content": [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}],
        })),
        What::Call { id, name, arguments } => Some(json!({
            "id": facts.id("fc_", Some(at)), "type": "function_call", "status": "completed",
            "call_id": facts.call_id(id, at), "name": name, "arguments": arguments,
        })),
        What::Other => None,
    }
}

fn written(usage: &Usage) -> Value {
    if let Some((Dialect::Responses, native)) = &usage.native {
        return native.clone();
    }
    let input = usage.input + usage.cache_read + usage.cache_write;
    json!({
        "input_tokens": input,
        "input_tokens_details": {"cached_tokens": usage.cache_read},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": input + usage.output,
    })
}
