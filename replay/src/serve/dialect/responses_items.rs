//! The items of OpenAI responses, as input and as output; Codex keeps the same items in its session files.
//!
//! Guarantee: a call and its output find each other by `call_id`; reasoning is not part of the conversation.

use super::Dialect;
use super::parts::{joined, media, texts};
use crate::serve::answer::{Block, What};
use crate::serve::item::{Item, Placed, Role};
use crate::serve::json::{array, canonical_text, text};
use serde_json::{Value, json};

/// The items of an input item.
pub(in crate::serve) fn items_of(item: &Value, place: &str, items: &mut Vec<Placed>) {
    let kind = text(item, "type").unwrap_or("message");
    if kind == "message" {
        message(item, place, items);
        return;
    }
    if let Some((id, name, arguments)) = call(item, kind) {
        let arguments = canonical_text(&arguments);
        items.push(Placed::new(Item::Call { id, name, arguments }, place.to_owned()));
        return;
    }
    if kind.ends_with("_output") {
        let call = text(item, "call_id").unwrap_or_default().to_owned();
        let text = joined(item.get("output").unwrap_or(&Value::Null));
        items.push(Placed::new(Item::Result { call, text }, format!("{place}.output")));
        return;
    }
    // Reasoning and what the API's own tools did are the model's; a reference names one of those.
    if kind != "reasoning" && kind != "item_reference" && !kind.ends_with("_call") {
        items.push(Placed::text(Role::User, media(item), place.to_owned()));
    }
}

fn message(item: &Value, place: &str, items: &mut Vec<Placed>) {
    let role = match text(item, "role").unwrap_or("user") {
        "assistant" => Role::Assistant,
        "system" | "developer" => Role::System,
        _ => Role::User,
    };
    for (at, text) in texts(item.get("content").unwrap_or(&Value::Null)) {
        let place = at.map_or_else(|| format!("{place}.content"), |at| format!("{place}.content[{at}]"));
        items.push(Placed::text(role, text, place));
    }
}

/// Id, name and arguments of a call that the client answers.
fn call(item: &Value, kind: &str) -> Option<(String, String, String)> {
    let own = |name: &str| text(item, name).unwrap_or_default().to_owned();
    match kind {
        "function_call" => Some((own("call_id"), own("name"), own("arguments"))),
        "custom_tool_call" => Some((own("call_id"), own("name"), Value::from(own("input")).to_string())),
        "local_shell_call" | "shell_call" => {
            let action = item.get("action").cloned().unwrap_or_else(|| json!({}));
            Some((own("call_id"), kind.trim_end_matches("_call").to_owned(), action.to_string()))
        }
        _ => None,
    }
}

/// The blocks of an output item. The whole item stays with its first block.
pub(super) fn output_block(item: &Value) -> Vec<Block> {
    let native = Some((Dialect::Responses, item.clone()));
    let kind = text(item, "type").unwrap_or_default();
    if kind == "message" {
        let words: Vec<String> = array(item, "content")
            .into_iter()
            .flatten()
            .filter_map(|part| text(part, "text").or_else(|| text(part, "refusal")).map(str::to_owned))
            .collect();
        return vec![Block { what: What::Text(words.concat()), native }];
    }
    let what = call(item, kind).map_or(What::Other, |(id, name, arguments)| What::Call { id, name, arguments });
    vec![Block { what, native }]
}
