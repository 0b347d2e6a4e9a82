//! What the algorithm reads of one event.
//!
//! Guarantee: plain data, made by the caller from a stored event; nothing here is looked up. Every field may be empty.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What an event is to the flow of data and orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowKind {
    /// Words of the operator to the agent.
    System,
    /// Words of a person to the agent.
    User,
    /// A message of another agent.
    Message,
    /// What the model said: text and thinking, a plan, a decision, what it hands on. Its calls are events of their own.
    ModelCall,
    /// A call of a tool.
    ToolCall,
    /// What a tool answered.
    ToolResult,
    /// A read of memory. Without text of its own it only names what the result of its call read.
    MemoryRead,
    /// A write to memory or a file.
    MemoryWrite,
    /// A file, page or document that was fetched. Without text of its own as [`FlowKind::MemoryRead`].
    Retrieval,
    /// Anything else: takes no part.
    Other,
}

/// An event as the algorithm sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FlowEvent {
    /// Id of the event.
    pub id: String,
    /// Its session.
    pub session: String,
    /// Its agent.
    pub agent: String,
    /// What it is.
    pub kind: FlowKind,
    /// Name of the tool, for calls and their results.
    pub tool: Option<String>,
    /// The tool call's id as the producer gave it.
    pub call_id: Option<String>,
    /// Named texts, in order: words, results, what was written.
    pub texts: Vec<(String, String)>,
    /// Arguments of a call.
    pub arguments: Option<Value>,
    /// Canonical memory key, or absolute path, that was read or written.
    pub key: Option<String>,
    /// Whether a write changes only part of what the key holds.
    pub edits: bool,
    /// Stated causes: id and relation.
    pub causes: Vec<(String, String)>,
    /// Why the text is not trusted though its kind would be, if so.
    pub untrusted: Option<String>,
    /// Whether a policy vouches for what it brings in, though its kind would not be trusted.
    #[serde(default)]
    pub vouched: bool,
    /// Place in the order of time over all sessions; ties are broken by the id.
    pub order: u64,
}

impl FlowEvent {
    /// An event with nothing but its place.
    pub fn new(id: &str, session: &str, kind: FlowKind, order: u64) -> Self {
        Self {
            id: id.to_owned(),
            session: session.to_owned(),
            agent: String::new(),
            kind,
            tool: None,
            call_id: None,
            texts: Vec::new(),
            arguments: None,
            key: None,
            edits: false,
            causes: Vec::new(),
            untrusted: None,
            vouched: false,
            order,
        }
    }

    /// All texts, one to a line.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for (_, text) in &self.texts {
            if !out.is_empty() {
                out.push('\n');
            }
            out.push_str(text);
        }
        out
    }

    /// Whether its words are taken as an order of somebody who may give orders.
    pub fn is_trusted(&self) -> bool {
        matches!(self.kind, FlowKind::System | FlowKind::User) && self.untrusted.is_none()
    }

    /// Whether it brings text into its session from outside.
    pub fn is_untrusted_input(&self) -> bool {
        if self.vouched {
            return false;
        }
        match self.kind {
            FlowKind::ToolResult | FlowKind::Message => true,
            FlowKind::MemoryRead | FlowKind::Retrieval => self.texts.iter().any(|(_, text)| !text.is_empty()),
            FlowKind::System | FlowKind::User => self.untrusted.is_some(),
            _ => false,
        }
    }

    /// Ids of the causes with this relation.
    pub fn caused<'a>(&'a self, relation: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.causes.iter().filter(move |(_, how)| how == relation).map(|(id, _)| id.as_str())
    }

    /// Tool name without a namespace before a colon.
    pub fn tool_name(&self) -> &str {
        let name = self.tool.as_deref().unwrap_or_default();
        name.rsplit(':').next().unwrap_or(name)
    }
}
