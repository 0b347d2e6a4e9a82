//! Writing an answer as OpenAI chat completions do, whole or streamed.
//!
//! Guarantee: ids, words, calls, usage and finish reason are those of the answer; what was not recorded is either
//! left out (usage) or made from the event's id (ids).

use super::facts::Facts;
use super::{Dialect, sse};
use crate::serve::answer::{Answer, Stop, Usage, What};
use crate::serve::limits::STREAM_PIECE_CHARS;
use serde_json::{Value, json};

pub(super) fn body(answer: &Answer, facts: &Facts<'_>) -> Value {
    let mut message = json!({"role": "assistant", "content": content(answer), "refusal": null});
    let calls: Vec<Value> = calls(answer, facts).map(|(_, call)| call).collect();
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    let mut body = head(answer, facts, "chat.completion");
    body["choices"] =
        json!([{"index": 0, "message": message, "logprobs": null, "finish_reason": finish(&answer.stopped())}]);
    if let Some(usage) = &answer.usage {
        body["usage"] = written(usage);
    }
    body
}

pub(super) fn stream(answer: &Answer, facts: &Facts<'_>) -> String {
    let mut out = String::new();
    let head = head(answer, facts, "chat.completion.chunk");
    let chunk = |delta: Value, finish: Value| {
        let mut chunk = head.clone();
        chunk["choices"] = json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]);
        chunk
    };
    let content = content(answer);
    let first = json!({"role": "assistant", "content": content.as_str().map(|_| "")});
    sse::data(&mut out, &chunk(first, Value::Null));
    for piece in content.as_str().map(|text| sse::pieces(text, STREAM_PIECE_CHARS)).unwrap_or_default() {
        if !piece.is_empty() {
            sse::data(&mut out, &chunk(json!({"content": piece}), Value::Null));
        }
    }
    for (index, mut call) in calls(answer, facts) {
        let arguments = call["function"]["arguments"].as_str().unwrap_or_default().to_owned();
        call["function"]["arguments"] = "".into();
        call["index"] = index.into();
        sse::data(&mut out, &chunk(json!({"tool_calls": [call]}), Value::Null));
        for piece in sse::pieces(&arguments, STREAM_PIECE_CHARS) {
            let delta = json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]});
            sse::data(&mut out, &chunk(delta, Value::Null));
        }
    }
    sse::data(&mut out, &chunk(json!({}), finish(&answer.stopped()).into()));
    if let Some(usage) = answer.usage.as_ref().filter(|_| facts.include_usage) {
        let mut last = head;
        last["choices"] = json!([]);
        last["usage"] = written(usage);
        sse::data(&mut out, &last);
    }
    out.push_str("data: [DONE]\n\n");
    out
}

fn head(answer: &Answer, facts: &Facts<'_>, object: &str) -> Value {
    json!({
        "id": answer.id.clone().unwrap_or_else(|| facts.id("chatcmpl-", None)),
        "object": object,
        "created": facts.created_s,
        "model": answer.model.as_deref().unwrap_or(facts.model),
    })
}

/// All words, or null where there is no block of words.
fn content(answer: &Answer) -> Value {
    let any = answer.blocks.iter().any(|block| matches!(block.what, What::Text(_)));
    if any { answer.said().into() } else { Value::Null }
}

fn calls<'a>(answer: &'a Answer, facts: &'a Facts<'_>) -> impl Iterator<Item = (usize, Value)> + 'a {
    let calls = answer.blocks.iter().filter_map(|block| match &block.what {
        What::Call { id, name, arguments } => Some((id, name, arguments)),
        _ => None,
    });
    calls.enumerate().map(|(index, (id, name, arguments))| {
        let function = json!({"name": name, "arguments": arguments});
        (index, json!({"id": facts.call_id(id, index), "type": "function", "function": function}))
    })
}

fn finish(stop: &Stop) -> String {
    match stop {
        Stop::End | Stop::Sequence => "stop".to_owned(),
        Stop::Tools => "tool_calls".to_owned(),
        Stop::Length => "length".to_owned(),
        Stop::Refused => "content_filter".to_owned(),
        Stop::Other(word) => word.clone(),
    }
}

fn written(usage: &Usage) -> Value {
    if let Some((Dialect::Chat, native)) = &usage.native {
        return native.clone();
    }
    let prompt = usage.input + usage.cache_read + usage.cache_write;
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": usage.output,
        "total_tokens": prompt + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    })
}
