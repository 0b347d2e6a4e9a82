//! What a tool's result says beside its text.
//!
//! Guarantee: `details` of the result, or those of the inner result where the call went through a wrapper; where the
//! runtime cut them short, the text is read instead when it is the same JSON. Anything odd reads as absent.

use super::super::json::Fields;
use super::calls::said;
use serde_json::Value;

/// Longest text in bytes that is read as JSON for want of details.
const TEXT_BYTES_MAX: usize = 1_048_576;
/// Words by which a result says that the act was refused.
const DENIALS: [&str; 4] = ["exec denied", "permission denied by", "approval denied", "denied by policy"];

/// The details of a result.
#[derive(Debug, Default)]
pub(super) struct Details(Value);

impl Details {
    pub(super) fn of(message: &Fields<'_>, wrapped: bool) -> Self {
        let stated = message.raw("details").and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
        let whole = stated.filter(|details| details.get("persistedDetailsTruncated").is_none());
        Self(
            whole
                .and_then(|details| inner(details, wrapped))
                .or_else(|| from_text(message, wrapped))
                .unwrap_or_default(),
        )
    }

    pub(super) fn of_nested(details: &Fields<'_>) -> Self {
        let result = details.raw("result").and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
        Self(result.and_then(|mut result| result.get_mut("details").map(Value::take)).unwrap_or_default())
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        self.0.get(name)?.as_i64()
    }

    /// Paths of the hits of a search, each once.
    pub(super) fn hits(&self) -> Vec<String> {
        let mut paths: Vec<String> = Vec::new();
        for hit in self.0.get("results").and_then(Value::as_array).into_iter().flatten() {
            let path = hit.get("path").or_else(|| hit.get("url")).and_then(Value::as_str);
            if let Some(path) = path.filter(|path| !paths.iter().any(|known| known == path)) {
                paths.push(path.to_owned());
            }
        }
        paths
    }

    /// Whether a failed result says that the act was refused, not that it went wrong.
    pub(super) fn denied(&self, message: &Fields<'_>) -> bool {
        let stated = self.text("error").map_or_else(|| said(message), ToOwned::to_owned).to_ascii_lowercase();
        DENIALS.iter().any(|words| stated.contains(words)) || self.text("status") == Some("denied")
    }
}

fn inner(mut details: Value, wrapped: bool) -> Option<Value> {
    match details.pointer_mut("/result/details").filter(|_| wrapped) {
        Some(own) => Some(own.take()),
        None => Some(details).filter(Value::is_object),
    }
}

fn from_text(message: &Fields<'_>, wrapped: bool) -> Option<Value> {
    let text = said(message);
    if text.len() > TEXT_BYTES_MAX || !text.trim_start().starts_with('{') {
        return None;
    }
    inner(serde_json::from_str(&text).ok()?, wrapped)
}
