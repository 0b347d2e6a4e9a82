//! Content that is a text or an array of parts, as every API has it in its own spelling.
//!
//! Guarantee: texts are given as they are; any other part becomes a digest of its data, the same whichever API
//! carried it, so that a changed picture is a changed request.

use crate::serve::json;
use serde_json::Value;

/// A part that is no text stands in a conversation as this and its digest.
const MEDIA: &str = "\u{0}media:";

/// The texts of a content, each with its index where it is an array.
pub(in crate::serve) fn texts(content: &Value) -> Vec<(Option<usize>, String)> {
    match content {
        Value::String(text) => vec![(None, text.clone())],
        Value::Array(parts) => parts.iter().enumerate().map(|(at, part)| (Some(at), part_text(part))).collect(),
        Value::Null => Vec::new(),
        other => vec![(None, json::canonical(other))],
    }
}

/// A content as one text, part after part.
pub(in crate::serve) fn joined(content: &Value) -> String {
    let texts: Vec<String> = texts(content).into_iter().map(|(_, text)| text).filter(|t| !t.is_empty()).collect();
    texts.join("\n")
}

/// The text of a part, or the digest of what it carries.
fn part_text(part: &Value) -> String {
    if let Value::String(text) = part {
        return text.clone();
    }
    let kind = json::text(part, "type").unwrap_or("text");
    if matches!(kind, "text" | "input_text" | "output_text" | "refusal" | "summary_text") {
        let own = ["text", "content", "refusal"].iter().find_map(|name| json::text(part, name));
        return own.unwrap_or_default().to_owned();
    }
    media(part)
}

/// The digest of a part that is no text.
pub(in crate::serve) fn media(part: &Value) -> String {
    let places = [
        "/source/data",
        "/source/url",
        "/image_url/url",
        "/image_url",
        "/data",
        "/input_audio/data",
        "/file/file_data",
        "/file_data",
    ];
    let data = places.iter().find_map(|place| part.pointer(place).and_then(Value::as_str));
    let bytes = data.map_or_else(
        || {
            let mut part = part.clone();
            json::without(&mut part, &["cache_control"]);
            json::canonical(&part)
        },
        |data| {
            let inline = data.strip_prefix("data:").and_then(|rest| rest.split_once(','));
            inline.map_or(data, |(_, data)| data).to_owned()
        },
    );
    format!("{MEDIA}{}", blake3::hash(bytes.as_bytes()).to_hex())
}
