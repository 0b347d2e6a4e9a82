//! Scalar values and texts of a call's arguments, and the two sides of an edit.
//!
//! Guarantee: arguments deeper than [`ARGUMENT_DEPTH_MAX`] levels are left out; order is that of the JSON value.
//! Deterministic; cannot fail.

use super::limits::ARGUMENT_DEPTH_MAX;
use serde_json::{Map, Value};

/// Keys under which an edit names what it removes.
const REMOVED_KEYS: [&str; 4] = ["oldText", "old_string", "old_str", "old"];

/// All scalar values, as text.
pub(super) fn scalars(value: &Value) -> Vec<String> {
    let mut out = Vec::new();
    collect(value, 0, &mut out);
    out
}

fn collect(value: &Value, depth: usize, out: &mut Vec<String>) {
    if depth > ARGUMENT_DEPTH_MAX {
        return;
    }
    match value {
        Value::Null => {}
        Value::String(text) => out.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, depth + 1, out)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, depth + 1, out)),
        other => out.push(other.to_string()),
    }
}

/// A value as text: a string is what it says, anything else its JSON.
pub(super) fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What the arguments bring, without what an edit removes.
pub(super) fn new_side(arguments: &Value) -> String {
    let Some(fields) = arguments.as_object() else { return as_text(arguments) };
    let mut parts = Vec::new();
    added(fields, 0, &mut parts);
    parts.join("\n")
}

fn added(fields: &Map<String, Value>, depth: usize, out: &mut Vec<String>) {
    for (_, value) in fields.iter().filter(|(key, _)| !REMOVED_KEYS.contains(&key.as_str())) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| match item {
                Value::Object(inner) if depth < ARGUMENT_DEPTH_MAX => added(inner, depth + 1, out),
                other => out.push(as_text(other)),
            }),
            other => out.push(as_text(other)),
        }
    }
}

/// What an edit removes.
pub(super) fn old_side(arguments: &Value) -> String {
    let mut parts = Vec::new();
    if let Some(fields) = arguments.as_object() {
        removed(fields, 0, &mut parts);
    }
    parts.join("\n")
}

fn removed(fields: &Map<String, Value>, depth: usize, out: &mut Vec<String>) {
    for (key, value) in fields {
        if REMOVED_KEYS.contains(&key.as_str()) {
            out.push(as_text(value));
        } else if let Value::Array(items) = value {
            let inner = items.iter().filter_map(Value::as_object).filter(|_| depth < ARGUMENT_DEPTH_MAX);
            inner.for_each(|fields| removed(fields, depth + 1, out));
        }
    }
}

/// The arguments of the tool that really ran, where a call goes through another tool that names it (`id`, `args`).
pub fn unwrapped<'a>(tool: &str, arguments: &'a Value) -> &'a Value {
    let inner = arguments.get("args").filter(|args| args.is_object());
    let named =
        arguments.get("id").and_then(Value::as_str).is_some_and(|id| id == tool || id.ends_with(&format!(":{tool}")));
    inner.filter(|_| named).unwrap_or(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sides_of_an_edit() {
        let edit = json!({"path": "a.md", "edits": [{"oldText": "16.49", "newText": "24.51"}], "n": 2});
        assert_eq!(old_side(&edit), "16.49");
        let new = new_side(&edit);
        assert!(new.contains("24.51") && new.contains("a.md") && !new.contains("16.49"));
        assert_eq!(scalars(&json!([null, true, {"a": [1.5, "x"]}])), ["true", "1.5", "x"]);
    }

    #[test]
    fn arguments_of_the_inner_tool() {
        let outer = json!({"id": "openclaw:core:read", "args": {"path": "a"}});
        assert_eq!(unwrapped("read", &outer), &json!({"path": "a"}));
        assert_eq!(unwrapped("write", &outer), &outer);
    }
}
