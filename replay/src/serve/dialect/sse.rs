//! Server-sent events: reading a recorded stream, writing one.
//!
//! Guarantee: an event's data are its `data:` lines joined; comments and other fields are skipped.

use serde_json::Value;

/// The JSON of every event of a stream; `[DONE]` and what is no JSON are left out.
pub(super) fn events(bytes: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    let data = |event: &str| {
        let lines: Vec<&str> = event.lines().filter_map(|l| l.strip_prefix("data:")).map(str::trim_start).collect();
        serde_json::from_str(&lines.join("\n")).ok()
    };
    text.split("\n\n").filter_map(data).collect()
}

/// Writes an event without a name.
pub(super) fn data(out: &mut String, value: &Value) {
    out.push_str("data: ");
    out.push_str(&value.to_string());
    out.push_str("\n\n");
}

/// Writes an event that is named by its member `type`.
pub(super) fn named(out: &mut String, value: &Value) {
    out.push_str("event: ");
    out.push_str(value.get("type").and_then(Value::as_str).unwrap_or("message"));
    out.push('\n');
    data(out, value);
}

/// A text in pieces of at most so many characters; an empty text is one empty piece.
pub(super) fn pieces(text: &str, chars_max: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((at, _)) = rest.char_indices().nth(chars_max) {
        let (piece, after) = rest.split_at(at);
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}
