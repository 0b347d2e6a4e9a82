//! Approvals and credentials: what the record holds of them is never given out as if it were still good.
//!
//! Guarantee: a result or an answer is refused when (1) it is, or is linked to, an event of kind `approval.*` or
//! `credential.*`; (2) its attributes name one; (3) its tool asks for approval; (4) its text has the shape of a
//! credential. An act that was done under an approval is refused as well, since the approval does not hold any
//! more; one that was merely authorised by a credential is not. Errs on the side of refusing; there is no setting
//! that turns it off.

use super::event::{RecordedCause, RecordedEvent};
use super::limits::CREDENTIAL_SCAN_BYTES_MAX;
use serde_json::Value;
use std::collections::HashMap;

/// What is not given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Withheld {
    /// Somebody's approval, or what was done under it.
    Approval,
    /// A credential.
    Credential,
}

impl Withheld {
    /// The word that stands in answers and records.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Approval => "approval",
            Self::Credential => "credential",
        }
    }
}

/// Why something recorded was not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What it carries.
    pub withheld: Withheld,
    /// The event that says so.
    pub event: String,
    /// The reason in words.
    pub why: String,
}

impl Refusal {
    fn new(withheld: Withheld, event: &str, why: impl Into<String>) -> Self {
        Self { withheld, event: event.to_owned(), why: why.into() }
    }
}

/// Which events of a run are guarded.
#[derive(Debug, Default)]
pub(super) struct Guard {
    by_event: HashMap<String, Refusal>,
}

/// Links that carry an approval or a credential from one event to the other.
const CARRYING: &[&str] = &["responds_to", "derived_from", "used", "read"];

impl Guard {
    pub(super) fn new(events: &[RecordedEvent]) -> Self {
        let mut guard = Self::default();
        for event in events {
            if let Some(refusal) = by_kind(event).or_else(|| by_attributes(event)) {
                guard.by_event.insert(event.id.clone(), refusal);
            }
        }
        guard.spread(events);
        guard
    }

    /// From a marked event to the call that it answers, and from there to the call's results.
    fn spread(&mut self, events: &[RecordedEvent]) {
        let kinds: HashMap<&str, &str> = events.iter().map(|e| (e.id.as_str(), e.kind.as_str())).collect();
        for event in events.iter().filter(|event| is_given_out(&event.kind)) {
            for cause in event.causes.iter().filter(|cause| CARRYING.contains(&cause.relation.as_str())) {
                if kinds.get(cause.id.as_str()) == Some(&"tool.call") {
                    let marked = self.by_event[&event.id].clone();
                    self.by_event.entry(cause.id.clone()).or_insert(marked);
                }
            }
        }
        for event in events.iter().filter(|event| event.kind == "tool.result" || event.kind == "message") {
            let refusal = event.causes.iter().find_map(|cause| self.carried(cause, &kinds));
            if let Some(refusal) = refusal {
                self.by_event.entry(event.id.clone()).or_insert(refusal);
            }
        }
    }

    /// What a cause brings into the event that names it.
    fn carried(&self, cause: &RecordedCause, kinds: &HashMap<&str, &str>) -> Option<Refusal> {
        let kind = kinds.get(cause.id.as_str()).copied().unwrap_or_default();
        if CARRYING.contains(&cause.relation.as_str()) && (is_given_out(kind) || kind == "tool.call") {
            return self.by_event.get(&cause.id).cloned();
        }
        let why = "what was done under an approval needs a new approval";
        (cause.relation == "approved_by").then(|| Refusal::new(Withheld::Approval, &cause.id, why))
    }

    /// Whether an event may not be served.
    pub(super) fn of(&self, event: &str) -> Option<&Refusal> {
        self.by_event.get(event)
    }
}

/// Whether an event of this kind gave something out; the use of a credential shows it to nobody.
fn is_given_out(kind: &str) -> bool {
    kind.starts_with("approval.") || kind == "credential.issued"
}

fn by_kind(event: &RecordedEvent) -> Option<Refusal> {
    let why = |what: &str| format!("the record has {what} as {}", event.kind);
    if event.kind.starts_with("approval.") {
        return Some(Refusal::new(Withheld::Approval, &event.id, why("an approval")));
    }
    event.kind.starts_with("credential.").then(|| Refusal::new(Withheld::Credential, &event.id, why("a credential")))
}

/// Attributes that name an approval or hold a credential. Counts of tokens are none.
fn by_attributes(event: &RecordedEvent) -> Option<Refusal> {
    event.attributes.iter().find_map(|(name, value)| {
        let name = name.as_str();
        let said = value.as_str().is_some_and(|text| !is_masked(text)) || value.as_bool() == Some(true);
        let has = |word: &str| name.split(['.', '_', '-']).any(|part| part == word);
        let is_setting = ["policy", "mode", "required"].into_iter().any(has);
        let withheld = if is_setting {
            return None;
        } else if has("approval") || has("approved") {
            Withheld::Approval
        } else if has("credential") || is_secret_name(name.rsplit('.').next().unwrap_or(name)) {
            Withheld::Credential
        } else {
            return None;
        };
        let why = format!("attribute {name} is set");
        said.then(|| Refusal::new(withheld, &event.id, why))
    })
}

/// Whether a tool by its name asks somebody for leave.
pub(super) fn of_tool(event: &str, name: &str) -> Option<Refusal> {
    let lower = name.to_ascii_lowercase();
    let asks = ["approval", "approve", "permission", "consent"];
    let part = lower.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| asks.contains(&part));
    let why = || format!("tool {name} asks for approval, and a recorded answer is none");
    part.then(|| Refusal::new(Withheld::Approval, event, why()))
}

/// Whether a text carries a credential, or as JSON an approval.
pub(super) fn of_text(event: &str, text: &str) -> Option<Refusal> {
    let mut end = text.len().min(CREDENTIAL_SCAN_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let head = &text[..end];
    if let Some(shape) = shape_of(head) {
        return Some(Refusal::new(Withheld::Credential, event, format!("the text holds what looks like {shape}")));
    }
    let object =
        head.trim_start().starts_with(['{', '[']).then(|| serde_json::from_str::<Value>(text).ok()).flatten()?;
    of_members(event, &object)
}

fn of_members(event: &str, value: &Value) -> Option<Refusal> {
    match value {
        Value::Array(values) => values.iter().find_map(|value| of_members(event, value)),
        Value::Object(members) => members.iter().find_map(|(name, value)| {
            let lower = name.to_ascii_lowercase();
            if is_secret_name(&lower) && value.as_str().is_some_and(|text| !is_masked(text)) {
                return Some(Refusal::new(Withheld::Credential, event, format!("member {name} of the result is set")));
            }
            if is_approval_name(&lower) && (value == true || value.as_str().is_some_and(|text| !text.is_empty())) {
                return Some(Refusal::new(Withheld::Approval, event, format!("member {name} of the result is set")));
            }
            of_members(event, value)
        }),
        _ => None,
    }
}

fn is_approval_name(name: &str) -> bool {
    matches!(name, "approved" | "approval" | "approval_id" | "approval_token" | "approved_by" | "consent_given")
}

fn is_secret_name(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "access_token",
        "refresh_token",
        "id_token",
        "auth_token",
        "bearer_token",
        "session_token",
        "client_secret",
        "secret_key",
        "secret_access_key",
        "private_key",
        "api_key",
        "apikey",
        "password",
    ];
    NAMES.contains(&name)
}

/// A value that was masked when it was recorded tells nobody anything.
fn is_masked(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    text.is_empty() || text.starts_with('*') || upper.contains("REDACTED") || text.starts_with("hmac-sha256:")
}

/// The kind of credential whose shape a word of the text has.
fn shape_of(text: &str) -> Option<&'static str> {
    if text.contains("-----BEGIN ") && text.contains("PRIVATE KEY-----") {
        return Some("a private key");
    }
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    text.split(|c: char| !word(c)).filter(|word| word.len() >= 16).find_map(shape_of_word)
}

fn shape_of_word(word: &str) -> Option<&'static str> {
    let mixed = word.bytes().any(|b| b.is_ascii_digit()) && word.bytes().any(|b| b.is_ascii_alphabetic());
    let long = |prefix: &str, least: usize| word.starts_with(prefix) && word.len() >= prefix.len() + least && mixed;
    if ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-"].iter().any(|p| long(p, 20)) {
        return Some("a token of a code forge");
    }
    if ["sk-", "sk_live_", "rk_live_", "AIza"].iter().any(|p| long(p, 20)) {
        return Some("an API key");
    }
    if ["xoxb-", "xoxp-", "xoxa-", "xoxr-"].iter().any(|p| long(p, 10)) || long("hvs.", 20) {
        return Some("a service token");
    }
    let upper = |word: &str| word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if (word.starts_with("AKIA") || word.starts_with("ASIA")) && word.len() == 20 && upper(word) {
        return Some("a cloud access key");
    }
    let parts: Vec<&str> = word.split('.').collect();
    let token = parts.len() == 3 && parts[0].starts_with("eyJ") && parts[1].starts_with("eyJ");
    token.then_some("a signed web token")
}

#[cfg(test)]
mod tests {
    use super::{Withheld, of_text, of_tool};

    #[test]
    fn shapes_of_credentials_are_seen_and_prose_is_not() {
        let token = format!("here it is: ghp_{}", "a1B2".repeat(9));
        assert_eq!(of_text("e", &token).map(|r| r.withheld), Some(Withheld::Credential));
        let member = r#"{"user": {"access_token": "x1"}}"#;
        assert_eq!(of_text("e", member).map(|r| r.withheld), Some(Withheld::Credential));
        assert_eq!(of_text("e", r#"{"approved": true}"#).map(|r| r.withheld), Some(Withheld::Approval));
        for harmless in [r#"{"approved": false}"#, r#"{"password": "REDACTED"}"#, "ask-for-the-sk-learn-guide-please"] {
            assert_eq!(of_text("e", harmless), None, "{harmless}");
        }
        assert!(of_tool("e", "request_approval").is_some());
        assert!(of_tool("e", "get_balance").is_none());
    }
}
