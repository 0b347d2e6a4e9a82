//! What a content says, for people: the words out of chat messages and native records.
//!
//! Guarantee: only for display; the bytes themselves are always a question away. JSON that is no known form is shown as
//! it is, so that nothing is hidden.

use serde_json::Value;

/// Names of contents, the most telling first; `record` (a native record, verbatim) comes last.
const TELLING: &[&str] = &[
    "text",
    "message",
    "output",
    "result",
    "arguments",
    "decision",
    "rationale",
    "value",
    "input",
    "prompt",
    "shown",
    "reasoning",
];

/// How telling a content of this name is: less is more.
pub(crate) fn rank(name: &str) -> usize {
    match TELLING.iter().position(|known| *known == name) {
        Some(place) => place,
        None if name == "record" => TELLING.len() + 1,
        None => TELLING.len(),
    }
}

/// The words of `text`.
pub(crate) fn text(text: &str, media_type: &str) -> String {
    if !media_type.contains("json") {
        return text.to_owned();
    }
    let Ok(value) = serde_json::from_str::<Value>(text) else { return text.to_owned() };
    match words(&value) {
        Some(said) if !said.trim().is_empty() => said,
        _ => text.to_owned(),
    }
}

fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => {
            let parts: Vec<String> = items.iter().filter_map(words).filter(|p| !p.is_empty()).collect();
            (!parts.is_empty()).then(|| parts.join("\n"))
        }
        Value::Object(object) => {
            if let Some(message) = object.get("message").filter(|m| m.is_object() || m.is_string()) {
                return words(message);
            }
            let name = object.get("name").and_then(Value::as_str);
            let called = name.and_then(|n| object.get("input").or_else(|| object.get("arguments")).map(|a| call(n, a)));
            let function = object.get("function").and_then(|f| function_call(f, object.get("args")));
            let own = ["content", "text", "thinking", "summary", "output", "parts"]
                .iter()
                .find_map(|k| words(object.get(*k)?));
            let calls = object.get("tool_calls").and_then(words);
            let parts: Vec<String> = [own, called, function, calls].into_iter().flatten().collect();
            (!parts.is_empty()).then(|| parts.join("\n"))
        }
        _ => None,
    }
}

fn function_call(function: &Value, args: Option<&Value>) -> Option<String> {
    match function {
        Value::String(name) => Some(call(name, args.unwrap_or(&Value::Null))),
        Value::Object(object) => {
            Some(call(object.get("name")?.as_str()?, object.get("arguments").unwrap_or(&Value::Null)))
        }
        _ => None,
    }
}

fn call(name: &str, arguments: &Value) -> String {
    match arguments {
        Value::Null => format!("{name}()"),
        Value::String(text) => format!("{name}({text})"),
        other => format!("{name}({other})"),
    }
}

/// `text` with runs of white space made one space.
pub(crate) fn one_line(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// The first `chars_max` characters, and whether any were left off.
pub(crate) fn cut(text: &str, chars_max: usize) -> (String, bool) {
    match text.char_indices().nth(chars_max) {
        None => (text.to_owned(), false),
        Some((end, _)) => (format!("{}…", text[..end].trim_end()), true),
    }
}

#[cfg(test)]
mod tests {
    use super::{cut, text};

    #[test]
    fn words_of_known_forms() {
        let cases = [
            (r#"{"role":"user","content":"hello"}"#, "hello"),
            (
                r#"{"type":"user","message":{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}}"#,
                "a\nb",
            ),
            (
                r#"{"role":"assistant","content":null,"tool_calls":[{"function":"send_money","args":{"amount":5}}]}"#,
                r#"send_money({"amount":5})"#,
            ),
            (
                r#"{"content":[{"type":"tool_use","name":"Bash","input":{"command":"ls"}}]}"#,
                r#"Bash({"command":"ls"})"#,
            ),
            (r#"{"content":[{"type":"tool_result","content":"ok"}]}"#, "ok"),
            (r#"{"x":1}"#, r#"{"x":1}"#),
            ("not json", "not json"),
        ];
        for (json, expected) in cases {
            assert_eq!(text(json, "application/json"), expected);
        }
        assert_eq!(cut("äöü", 2), ("äö…".to_owned(), true));
        assert_eq!(cut("äöü", 3), ("äöü".to_owned(), false));
    }
}
