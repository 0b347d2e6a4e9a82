//! A request to a model, in a form that does not depend on its API.
//!
//! Guarantee: what a client may change from call to call without meaning anything (streaming, user tags, cache marks,
//! stored copies) is left out; everything else is either an item of the conversation or a setting.

use super::Dialect;
use crate::serve::item::Placed;
use crate::serve::json;
use serde_json::Value;
use std::collections::BTreeMap;

/// Members that say nothing about what the model should answer.
const VOLATILE: &[&str] = &[
    "stream",
    "stream_options",
    "user",
    "metadata",
    "store",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "service_tier",
    "cache_control",
    "background",
];

/// Members that hold the conversation.
const CONVERSATION: &[&str] = &["messages", "system", "input", "instructions", "previous_response_id"];

/// A request.
#[derive(Debug, Clone)]
pub(in crate::serve) struct Ask {
    pub(in crate::serve) dialect: Dialect,
    pub(in crate::serve) model: String,
    pub(in crate::serve) items: Vec<Placed>,
    /// Everything that is neither conversation nor volatile, in canonical JSON.
    pub(in crate::serve) settings: BTreeMap<String, String>,
    pub(in crate::serve) streamed: bool,
    pub(in crate::serve) include_usage: bool,
    /// The response that this request goes on from.
    pub(in crate::serve) previous: Option<String>,
    /// Tool definitions as sent.
    pub(in crate::serve) tools: Vec<Value>,
}

impl Ask {
    pub(super) fn new(dialect: Dialect, body: &Value, items: Vec<Placed>) -> Self {
        let flag = |value: Option<&Value>| value.and_then(Value::as_bool).unwrap_or(false);
        Self {
            dialect,
            model: json::text(body, "model").unwrap_or_default().to_owned(),
            items,
            settings: settings(body),
            streamed: flag(body.get("stream")),
            include_usage: flag(body.pointer("/stream_options/include_usage")),
            previous: json::text(body, "previous_response_id").map(str::to_owned),
            tools: json::array(body, "tools").cloned().unwrap_or_default(),
        }
    }
}

fn settings(body: &Value) -> BTreeMap<String, String> {
    let Some(members) = body.as_object() else { return BTreeMap::new() };
    let kept = members.iter().filter(|(name, value)| {
        !VOLATILE.contains(&name.as_str()) && !CONVERSATION.contains(&name.as_str()) && !value.is_null()
    });
    let canonical = |value: &Value| {
        if value.is_object() || value.is_array() {
            let mut value = value.clone();
            json::without(&mut value, &["cache_control"]);
            return json::canonical(&value);
        }
        json::canonical(value)
    };
    kept.map(|(name, value)| (name.clone(), canonical(value))).collect()
}
