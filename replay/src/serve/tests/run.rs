//! Events of runs as the importers of chat benchmarks write them.

use super::super::{RecordedCause, RecordedContent, RecordedEvent};
use bytes::Bytes;
use serde_json::{Value, json};

pub(super) fn content(name: &str, bytes: impl Into<Bytes>) -> RecordedContent {
    RecordedContent { name: name.into(), media_type: "application/json".into(), bytes: bytes.into() }
}

pub(super) fn cause(id: &str, relation: &str) -> RecordedCause {
    RecordedCause { id: id.into(), relation: relation.into() }
}

pub(super) fn event(id: &str, kind: &str) -> RecordedEvent {
    RecordedEvent { id: id.into(), kind: kind.into(), agent: Some("agent".into()), ..RecordedEvent::default() }
}

/// An answer that calls a tool.
pub(super) fn calling(id: &str, name: &str, arguments: &Value) -> Value {
    let function = json!({"name": name, "arguments": arguments.to_string()});
    json!({"role": "assistant", "content": null, "tool_calls": [{"id": id, "type": "function", "function": function}]})
}

pub(super) fn said(role: &str, text: &str) -> Value {
    json!({"role": role, "content": text})
}

pub(super) fn result(call: &str, text: &str) -> Value {
    json!({"role": "tool", "tool_call_id": call, "content": text})
}

/// `message-<n>` and `message-<n>#<call>`, linked as the importers link them.
pub(super) fn chat(messages: &[Value]) -> Vec<RecordedEvent> {
    let mut events: Vec<RecordedEvent> = Vec::new();
    let mut open: Vec<(String, String)> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let kind = match message["role"].as_str() {
            Some("assistant") => "model.call",
            Some("tool") => "tool.result",
            _ => "message",
        };
        let mut own = event(&format!("message-{index}"), kind);
        own.contents.push(content("record", message.to_string()));
        own.attributes.insert("hansard.role".into(), message["role"].clone());
        if index > 0 {
            own.causes.push(cause(&format!("message-{}", index - 1), "responds_to"));
        }
        if kind == "tool.result" {
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            own.attributes.insert("gen_ai.tool.call.id".into(), id.into());
            if let Some(at) = open.iter().position(|(_, call)| call == id) {
                own.causes.push(cause(&open.remove(at).0, "responds_to"));
            }
        }
        events.push(own);
        for (n, call) in message["tool_calls"].as_array().into_iter().flatten().enumerate() {
            let mut child = event(&format!("message-{index}#{n}"), "tool.call");
            child.causes.push(cause(&format!("message-{index}"), "responds_to"));
            child.attributes.insert("gen_ai.tool.name".into(), call["function"]["name"].clone());
            child.attributes.insert("gen_ai.tool.call.id".into(), call["id"].clone());
            let arguments = call["function"]["arguments"].as_str().unwrap_or("{}").to_owned();
            child.contents.push(content("arguments", arguments));
            open.push((child.id.clone(), call["id"].as_str().unwrap_or_default().to_owned()));
            events.push(child);
        }
    }
    events
}

/// A model call whose bytes went over the wire.
pub(super) fn wire(id: &str, request: &str, response: &str) -> RecordedEvent {
    let mut own = event(id, "model.call");
    own.contents.push(content("request", request.to_owned()));
    own.contents.push(content("response", response.to_owned()));
    own
}
