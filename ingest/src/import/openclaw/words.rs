//! Kinds and attributes of records, as OpenClaw's own words say.
//!
//! Guarantee: a type that is not known is kept as `openclaw.<type>`. Only short words go into headers. Cannot fail.

use super::super::json::Fields;
use super::FORMAT;
use super::transcript::{OPENING, Record};
use schemas::kind;
use serde_json::{Map, Value};

/// The kind of a record.
pub(super) fn kind_of(fields: &Fields<'_>, message: Option<&Fields<'_>>) -> String {
    let role = message.and_then(|m| m.text("role"));
    let custom = message.and_then(|m| m.text("customType"));
    match (fields.text("type").as_deref(), role.as_deref()) {
        (Some(OPENING), _) => kind::SESSION_START.to_owned(),
        (Some("message"), Some("assistant")) => kind::MODEL_CALL.to_owned(),
        (Some("message"), Some("toolResult")) => kind::TOOL_RESULT.to_owned(),
        (Some("message"), Some("user")) => kind::MESSAGE.to_owned(),
        (Some("message"), Some("custom")) if custom.is_some_and(|c| c.starts_with("openclaw.nested-tool")) => {
            "openclaw.nested_tool".to_owned()
        }
        (Some(other), _) => format!("{FORMAT}.{}", clean(other)),
        (None, _) => format!("{FORMAT}.untyped"),
    }
}

/// A word that may stand in a kind.
pub(super) fn clean(word: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    word.chars().take(64).map(keep).collect()
}

/// Copies a short text.
pub(super) fn copy(from: &Fields<'_>, name: &str, attribute: &str, attributes: &mut Map<String, Value>) {
    if let Some(value) = from.short(name) {
        attributes.insert(attribute.to_owned(), value.into());
    }
}

/// What a record says of itself.
pub(super) fn record_attributes(record: &Record<'_>, attributes: &mut Map<String, Value>) {
    let fields = &record.fields;
    for (name, attribute) in [
        ("type", "openclaw.type"),
        ("customType", "openclaw.custom_type"),
        ("parentId", "openclaw.parent_id"),
        ("reason", "openclaw.reason"),
        ("modelId", "gen_ai.request.model"),
        ("thinkingLevel", "openclaw.thinking_level"),
    ] {
        copy(fields, name, attribute, attributes);
    }
    for (name, attribute) in [("tokensBefore", "openclaw.tokens.before"), ("tokensAfter", "openclaw.tokens.after")] {
        if let Some(count) = fields.integer(name) {
            attributes.insert(attribute.into(), count.into());
        }
    }
    let Some(message) = &record.message else { return };
    copy(message, "role", "hansard.role", attributes);
    copy(message, "customType", "openclaw.custom_type", attributes);
    if let Some(own) = message.object("__openclaw") {
        copy(&own, "runId", "openclaw.run_id", attributes);
    }
}
