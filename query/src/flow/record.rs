//! The words that a native record of an importer holds.
//!
//! Guarantee: text as it stands; of JSON the words of chat messages and blocks, calls left out, to a depth of
//! [`ARGUMENT_DEPTH_MAX`] levels; JSON of no known form gives none. Cannot fail.

use super::limits::ARGUMENT_DEPTH_MAX;
use super::stored::StoredContent;
use serde_json::Value;

/// The words of a native record.
pub(super) fn words(record: &StoredContent<'_>) -> String {
    if !record.media_type.contains("json") {
        return record.text.to_owned();
    }
    let mut parts = Vec::new();
    if let Ok(value) = serde_json::from_str::<Value>(record.text) {
        collect(&value, 0, &mut parts);
    }
    parts.join("\n")
}

/// The words of a chat message or block, calls left out.
fn collect(value: &Value, depth: usize, out: &mut Vec<String>) {
    if depth > ARGUMENT_DEPTH_MAX {
        return;
    }
    match value {
        Value::String(text) => out.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, depth + 1, out)),
        Value::Object(object) => {
            let nested = object.get("details").and_then(|d| d.get("result")).and_then(|r| r.get("content"));
            let message = object.get("message").filter(|message| message.is_object());
            let own = ["content", "text", "thinking", "parts", "output"];
            let own = own.iter().filter_map(|name| object.get(*name)).find(|value| !value.is_null());
            if let Some(inner) = message.or(own.filter(|v| !is_empty(v))).or(nested).or(own) {
                collect(inner, depth + 1, out);
            }
        }
        _ => {}
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_str() == Some("") || value.as_array().is_some_and(Vec::is_empty)
}
