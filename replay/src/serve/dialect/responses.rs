//! Reading OpenAI responses: requests, responses, streams.
//!
//! Guarantee: every output item is kept in its own form. A request that goes on from an earlier response says which.

use super::responses_items::{items_of, output_block};
use super::sse;
use super::{Ask, Dialect};
use crate::serve::answer::{Answer, Stop, Usage};
use crate::serve::item::{Placed, Role};
use crate::serve::json::{array, count, text};
use serde_json::Value;

pub(super) fn ask(body: &Value) -> Result<Ask, String> {
    let mut items = Vec::new();
    if let Some(instructions) = text(body, "instructions") {
        items.push(Placed::text(Role::System, instructions, "instructions".to_owned()));
    }
    match body.get("input") {
        Some(Value::String(input)) => items.push(Placed::text(Role::User, input.as_str(), "input".to_owned())),
        Some(Value::Array(input)) => {
            for (index, item) in input.iter().enumerate() {
                items_of(item, &format!("input[{index}]"), &mut items);
            }
        }
        _ => return Err("expected `input`, a text or an array".to_owned()),
    }
    Ok(Ask::new(Dialect::Responses, body, items))
}

pub(super) fn answer(body: &Value) -> Option<Answer> {
    let blocks = array(body, "output")?.iter().flat_map(output_block).collect();
    Some(Answer {
        id: text(body, "id").map(str::to_owned),
        model: text(body, "model").map(str::to_owned),
        blocks,
        usage: body.get("usage").and_then(usage),
        stop: stop(body),
        ..Answer::default()
    })
}

/// Why it stopped; a completed response leaves it to the blocks.
fn stop(body: &Value) -> Option<Stop> {
    match (text(body, "status")?, body.pointer("/incomplete_details/reason").and_then(Value::as_str)) {
        ("incomplete", Some("max_output_tokens")) => Some(Stop::Length),
        ("incomplete", Some("content_filter")) => Some(Stop::Refused),
        ("completed", _) => None,
        (status, _) => Some(Stop::Other(status.to_owned())),
    }
}

fn usage(usage: &Value) -> Option<Usage> {
    let input = count(usage, "input_tokens")?;
    let detail = |place: &str| usage.pointer(place).and_then(Value::as_u64).unwrap_or(0);
    let cache_read = detail("/input_tokens_details/cached_tokens");
    Some(Usage {
        input: input.saturating_sub(cache_read),
        output: count(usage, "output_tokens").unwrap_or(0),
        cache_read,
        cache_write: 0,
        reasoning: detail("/output_tokens_details/reasoning_tokens"),
        native: Some((Dialect::Responses, usage.clone())),
    })
}

/// The answer that a stream ends with: the last event that carries the whole response, with the items that were done
/// where it carries none.
pub(super) fn streamed(bytes: &[u8]) -> Option<Answer> {
    let ends = ["response.completed", "response.incomplete", "response.failed"];
    let mut done = Vec::new();
    let mut whole = None;
    for mut event in sse::events(bytes) {
        let kind = text(&event, "type").unwrap_or_default().to_owned();
        if kind == "response.output_item.done" {
            done.push(event.get_mut("item")?.take());
        } else if ends.contains(&kind.as_str()) {
            whole = event.get_mut("response").map(Value::take);
        }
    }
    let mut whole = whole?;
    if array(&whole, "output").is_none_or(Vec::is_empty) {
        whole["output"] = done.into();
    }
    answer(&whole)
}
