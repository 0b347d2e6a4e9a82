//! Writing an answer as Anthropic messages do, whole or streamed.
//!
//! Guarantee: blocks that were recorded in this API's form are given back as they are, reasoning and its signatures
//! included. Usage that was not recorded is written as zeros, because the SDKs need the member.

use super::facts::Facts;
use super::{Dialect, sse};
use crate::serve::answer::{Answer, Block, Stop, Usage, What};
use crate::serve::json::text;
use crate::serve::limits::STREAM_PIECE_CHARS;
use serde_json::{Value, json};

pub(super) fn body(answer: &Answer, facts: &Facts<'_>) -> Value {
    let mut body = head(answer, facts);
    body["content"] = blocks(answer, facts).into();
    body["stop_reason"] = word(&answer.stopped()).into();
    body["stop_sequence"] = answer.stop_sequence.as_deref().into();
    body["usage"] = written(answer.usage.as_ref());
    body
}

pub(super) fn stream(answer: &Answer, facts: &Facts<'_>) -> String {
    let mut out = String::new();
    let usage = written(answer.usage.as_ref());
    let mut message = head(answer, facts);
    message["content"] = json!([]);
    message["usage"] = usage.clone();
    sse::named(&mut out, &json!({"type": "message_start", "message": message}));
    sse::named(&mut out, &json!({"type": "ping"}));
    for (index, block) in blocks(answer, facts).into_iter().enumerate() {
        let (start, deltas) = in_pieces(block);
        sse::named(&mut out, &json!({"type": "content_block_start", "index": index, "content_block": start}));
        for delta in deltas {
            sse::named(&mut out, &json!({"type": "content_block_delta", "index": index, "delta": delta}));
        }
        sse::named(&mut out, &json!({"type": "content_block_stop", "index": index}));
    }
    let delta = json!({"stop_reason": word(&answer.stopped()), "stop_sequence": answer.stop_sequence});
    let output = json!({"output_tokens": usage["output_tokens"]});
    sse::named(&mut out, &json!({"type": "message_delta", "delta": delta, "usage": output}));
    sse::named(&mut out, &json!({"type": "message_stop"}));
    out
}

/// A block as its beginning and what is added to it.
fn in_pieces(block: Value) -> (Value, Vec<Value>) {
    let mut start = block.clone();
    let mut deltas = Vec::new();
    let mut cut = |name: &str, kind: &str, deltas: &mut Vec<Value>| {
        let whole = text(&block, name).unwrap_or_default();
        start[name] = "".into();
        let pieces = sse::pieces(whole, STREAM_PIECE_CHARS).into_iter().filter(|piece| !piece.is_empty());
        deltas.extend(pieces.map(|piece| json!({"type": kind, name: piece})));
    };
    match text(&block, "type").unwrap_or_default() {
        "text" => cut("text", "text_delta", &mut deltas),
        "thinking" => {
            cut("thinking", "thinking_delta", &mut deltas);
            if let Some(signature) = text(&block, "signature") {
                start["signature"] = "".into();
                deltas.push(json!({"type": "signature_delta", "signature": signature}));
            }
        }
        "tool_use" => {
            let input = block.get("input").map(Value::to_string).unwrap_or_default();
            start["input"] = json!({});
            let pieces = sse::pieces(&input, STREAM_PIECE_CHARS).into_iter();
            deltas.extend(pieces.map(|piece| json!({"type": "input_json_delta", "partial_json": piece})));
        }
        _ => {}
    }
    (start, deltas)
}

fn head(answer: &Answer, facts: &Facts<'_>) -> Value {
    json!({
        "id": answer.id.clone().unwrap_or_else(|| facts.id("msg_", None)),
        "type": "message",
        "role": "assistant",
        "model": answer.model.as_deref().unwrap_or(facts.model),
        "stop_reason": null,
        "stop_sequence": null,
    })
}

fn blocks(answer: &Answer, facts: &Facts<'_>) -> Vec<Value> {
    answer.blocks.iter().enumerate().filter_map(|(at, block)| written_block(block, at, facts)).collect()
}

fn written_block(block: &Block, at: usize, facts: &Facts<'_>) -> Option<Value> {
    if let Some(native) = block.native_in(Dialect::Messages) {
        return Some(native.clone());
    }
    match &block.what {
        What::Text(text) => Some(json!({"type": "text", "text": text})),
        What::Call { id, name, arguments } => {
            let input: Value = serde_json::from_str(arguments).unwrap_or_else(|_| json!({"input": arguments}));
            Some(json!({"type": "tool_use", "id": facts.call_id(id, at), "name": name, "input": input}))
        }
        What::Other => None,
    }
}

fn word(stop: &Stop) -> String {
    match stop {
        Stop::End => "end_turn".to_owned(),
        Stop::Tools => "tool_use".to_owned(),
        Stop::Length => "max_tokens".to_owned(),
        Stop::Sequence => "stop_sequence".to_owned(),
        Stop::Refused => "refusal".to_owned(),
        Stop::Other(word) => word.clone(),
    }
}

fn written(usage: Option<&Usage>) -> Value {
    match usage {
        Some(Usage { native: Some((Dialect::Messages, native)), .. }) => native.clone(),
        Some(usage) => json!({
            "input_tokens": usage.input,
            "output_tokens": usage.output,
            "cache_read_input_tokens": usage.cache_read,
            "cache_creation_input_tokens": usage.cache_write,
        }),
        None => json!({"input_tokens": 0, "output_tokens": 0}),
    }
}
