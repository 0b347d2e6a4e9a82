//! What is not to be trusted as an input: where `trace --up` stops and says "here it came in".
//!
//! Guarantee: an event is untrusted for the first reason of a fixed order, and that reason is named; what no rule
//! matches is not called trusted, only not untrusted.

use super::glob::any_matches;
use super::load::{kinds, names};
use schemas::kind;
use serde::{Deserialize, Serialize};

/// See the module. An event is untrusted when its kind is listed (for tool calls and results: and the tool matches),
/// when its source or data source matches, or when it is a message that `messages` describes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Untrusted {
    /// Kinds.
    #[serde(deserialize_with = "kinds")]
    pub kinds: Vec<String>,
    /// Tools whose calls and results the listed kinds mean: globs.
    #[serde(deserialize_with = "names")]
    pub tools: Vec<String>,
    /// Tools that are trusted although `tools` matches: globs.
    #[serde(deserialize_with = "names")]
    pub trusted_tools: Vec<String>,
    /// Speakers and data sources, of whatever kind: globs of URIs.
    #[serde(deserialize_with = "names")]
    pub sources: Vec<String>,
    /// Messages.
    pub messages: UntrustedMessages,
}

/// Messages that are untrusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UntrustedMessages {
    /// From senders that are not registered.
    pub unregistered: bool,
    /// From agents of other tenants.
    pub other_tenants: bool,
}

impl Default for UntrustedMessages {
    fn default() -> Self {
        Self { unregistered: true, other_tenants: true }
    }
}

impl Default for Untrusted {
    fn default() -> Self {
        let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        Self {
            kinds: list(&[kind::TOOL_RESULT, kind::RETRIEVAL]),
            tools: list(&["*"]),
            trusted_tools: Vec::new(),
            sources: list(&["http://*", "https://*"]),
            messages: UntrustedMessages::default(),
        }
    }
}

/// What must be known of an event to say whether it is untrusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting<'a> {
    /// Kind.
    pub kind: &'a str,
    /// Tool name.
    pub tool: Option<&'a str>,
    /// URI of the speaker.
    pub source: &'a str,
    /// Where retrieved documents or a page came from (`gen_ai.data_source.id`).
    pub data_source: Option<&'a str>,
    /// Whether the sender of a message is registered.
    pub registered: bool,
    /// Whether it is of the tenant that asks.
    pub own_tenant: bool,
}

/// Why an event is untrusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Distrust {
    /// A message of another tenant's agent.
    OtherTenant,
    /// A message of a sender that is not registered.
    Unregistered,
    /// A speaker or data source of the list, such as a web page.
    Source,
    /// The result or call of a tool of the list.
    Tool,
    /// A kind of the list.
    Kind,
}

impl Untrusted {
    /// Why the event is untrusted; `None` when no rule says so.
    #[must_use]
    pub fn why(&self, event: Sighting<'_>) -> Option<Distrust> {
        let message = event.kind == kind::MESSAGE || event.kind == kind::HANDOFF || event.kind.ends_with(".message");
        if message && self.messages.other_tenants && !event.own_tenant {
            return Some(Distrust::OtherTenant);
        }
        if message && self.messages.unregistered && !event.registered {
            return Some(Distrust::Unregistered);
        }
        let from = |uri: Option<&str>| uri.is_some_and(|uri| any_matches(&self.sources, uri));
        if from(Some(event.source)) || from(event.data_source) {
            return Some(Distrust::Source);
        }
        if !self.kinds.iter().any(|listed| listed == event.kind) {
            return None;
        }
        if event.kind != kind::TOOL_CALL && event.kind != kind::TOOL_RESULT {
            return Some(Distrust::Kind);
        }
        let tool = event.tool.unwrap_or_default();
        let listed = any_matches(&self.tools, tool) && !any_matches(&self.trusted_tools, tool);
        listed.then_some(Distrust::Tool)
    }
}
