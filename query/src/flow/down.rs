//! Downwards: what a text did.
//!
//! Guarantee: values travel only along links (same session, version of a key, message, call and result); the text
//! decides whether they arrived (`received`) and came out again (`carried`); a link alone is `reachable`, which is no
//! finding. Whoever took the value out again is a correction, and what reads the mended version is not named. Memory and
//! sessions are bounded; bounds that were hit are named.

use super::event::FlowEvent;
use super::limits::Bound;
use super::links::{Links, Looked};
use super::store::Store;
use super::up::Basis;
use super::walk::Walk;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// How far the text came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Its values or words came out of an agent again.
    Carried,
    /// Its values or words stand in what came in.
    Received,
    /// A link leads here; nothing of it was found.
    Reachable,
}

/// An event that the text reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// The event.
    pub event: String,
    /// Its session.
    pub session: String,
    /// How far the text came.
    pub grade: Grade,
    /// What shows it.
    pub basis: Basis,
    /// The event from which it came here, where one is known.
    pub via: Option<String>,
    /// The values, or in words what leads here.
    pub evidence: Vec<String>,
}

/// An event that took the text's values out again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// The event.
    pub event: String,
    /// Its session.
    pub session: String,
    /// The values that it removes or names beside their correction.
    pub evidence: Vec<String>,
}

/// What of the event was followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Followed {
    /// The text that was given.
    GivenText,
    /// Its strong orders.
    Orders,
    /// All of it.
    Whole,
}

/// A secret that an affected call used, by name only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Credential {
    /// The call.
    pub event: String,
    /// The tool.
    pub tool: String,
    /// Name of the argument that held it.
    pub argument: String,
}

/// What to hold back until somebody has looked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Containment {
    /// Keys whose last known version carries the text.
    pub keys: Vec<String>,
    /// Secrets that calls used which carry the text.
    pub credentials: Vec<Credential>,
    /// Sessions that received or carried it.
    pub sessions: Vec<String>,
    /// Agents that carried it.
    pub agents: Vec<String>,
}

/// The answer downwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Down {
    /// The event that was asked about; absent if the record does not hold it.
    pub event: Option<String>,
    /// What of it was followed.
    pub followed: Followed,
    /// The values that were followed: those of the text that the session did not know before.
    pub values: Vec<String>,
    /// What it reached, in the order of time.
    pub effects: Vec<Effect>,
    /// What took it out again.
    pub corrections: Vec<Correction>,
    /// Copies of the event's own result.
    pub copies: Vec<String>,
    /// What to hold back.
    pub containment: Containment,
    /// Bounds that were hit.
    pub bounds: Vec<Bound>,
}

/// Traces an event downwards; with `text`, that text instead of the event's.
///
/// # Errors
/// If a look-up fails.
pub fn down<L: Links>(links: &L, event: &str, text: Option<&str>) -> Looked<Down> {
    let mut store = Store::new(links);
    match store.find(event)? {
        Some(at) => Walk::new(store, at, event, text)?.run(event),
        None => Ok(Down {
            event: None,
            followed: if text.is_some() { Followed::GivenText } else { Followed::Whole },
            values: Vec::new(),
            effects: Vec::new(),
            corrections: Vec::new(),
            copies: Vec::new(),
            containment: Containment::default(),
            bounds: store.into_bounds(),
        }),
    }
}

/// Parts of argument names that say that a secret is held.
const SECRET_NAMES: [&str; 7] = ["password", "passwd", "token", "api_key", "apikey", "secret", "credential"];

/// The secrets among a call's arguments, by name.
pub(super) fn credentials(call: &FlowEvent, into: &mut BTreeSet<Credential>) {
    let Some(Value::Object(arguments)) = &call.arguments else { return };
    for name in arguments.keys() {
        let lower = name.to_lowercase();
        if SECRET_NAMES.iter().any(|secret| lower.contains(secret)) {
            into.insert(Credential {
                event: call.id.clone(),
                tool: call.tool_name().to_owned(),
                argument: name.clone(),
            });
        }
    }
}
