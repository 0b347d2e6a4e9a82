//! Events of the record as events of the algorithm.
//!
//! Guarantee: a pure mapping of kind, attributes, contents and causes; unknown kinds take no part, and JSON that is no
//! known form of a record gives no text. What the model was shown (`input`, `prompt`) is never taken for what it said.

use super::arguments::unwrapped;
use super::event::{FlowEvent, FlowKind};
use super::record;
use schemas::kind;
use serde_json::{Map, Value};

/// Content of a native record, verbatim.
const RECORD: &str = "record";
/// Content of a call's arguments.
const ARGUMENTS: &str = "arguments";
/// Content of what a reviewer is shown, which a request for approval says itself.
const SHOWN_TO_REVIEWER: &str = "shown";
/// Contents that are not what the event itself says.
const SHOWN: [&str; 6] = [ARGUMENTS, "input", "prompt", SHOWN_TO_REVIEWER, "tools", "system"];
/// Kinds of copies and of acts on files, which the schema does not name.
const NESTED_COPY: &str = "openclaw.nested_tool";
const FILE_READ: &str = "file.read";
const FILE_WRITE: &str = "file.write";
const FILE_DELETE: &str = "file.delete";
/// Content of a session's start that holds what a person asked.
const QUESTION: &str = "question";
/// Speakers who are persons, where a log names each step's speaker.
const PERSONS: [&str; 2] = ["human", "user"];
/// Who speaks in a user's record and is no person.
const OTHER_SENDERS: [&str; 4] = ["session", "subagent", "schedule", "system"];

/// A content: its name, its media type, its text.
#[derive(Debug, Clone, Copy)]
pub struct StoredContent<'a> {
    /// Name, e.g. `record`.
    pub name: &'a str,
    /// Media type.
    pub media_type: &'a str,
    /// Text; contents that are no text are left out by the caller.
    pub text: &'a str,
}

/// A stored event, as far as the algorithm needs it.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// Id.
    pub id: &'a str,
    /// Session.
    pub session: &'a str,
    /// Agent.
    pub agent: &'a str,
    /// Kind.
    pub kind: &'a str,
    /// Attributes.
    pub attributes: &'a Map<String, Value>,
    /// Contents, in order.
    pub contents: &'a [StoredContent<'a>],
    /// Causes: id and relation.
    pub causes: &'a [(String, String)],
    /// Place in the order of time over all sessions.
    pub order: u64,
}

impl Stored<'_> {
    /// The event of the algorithm.
    pub fn flow_event(&self) -> FlowEvent {
        let kind = self.flow_kind();
        let tool = self.attribute("gen_ai.tool.name");
        let key = self.attribute("hansard.memory.key").or_else(|| self.attribute("hansard.file.path"));
        let act = self.attribute("hansard.act");
        FlowEvent {
            agent: self.agent.to_owned(),
            tool: tool.map(str::to_owned),
            call_id: self.attribute("gen_ai.tool.call.id").map(str::to_owned),
            texts: self.texts(),
            arguments: if kind == FlowKind::ToolCall { self.arguments(tool.unwrap_or_default()) } else { None },
            key: key.map(str::to_owned),
            edits: act == Some("edit"),
            causes: self.causes.to_vec(),
            ..FlowEvent::new(self.id, self.session, kind, self.order)
        }
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).and_then(Value::as_str)
    }

    fn flow_kind(&self) -> FlowKind {
        match self.kind {
            kind::MESSAGE => self.message_kind(),
            kind::SESSION_START if self.contents.iter().any(|c| c.name == QUESTION) => FlowKind::User,
            // What an agent plans, decides, hands on or asks for is said by it as much as an answer is.
            kind::MODEL_CALL | kind::PLAN | kind::DECISION | kind::HANDOFF | kind::APPROVAL_REQUESTED => {
                FlowKind::ModelCall
            }
            kind::TOOL_CALL => FlowKind::ToolCall,
            kind::TOOL_RESULT | NESTED_COPY => FlowKind::ToolResult,
            kind::MEMORY_READ | FILE_READ => FlowKind::MemoryRead,
            kind::MEMORY_WRITE | kind::MEMORY_DELETE | FILE_WRITE | FILE_DELETE => FlowKind::MemoryWrite,
            kind::RETRIEVAL => FlowKind::Retrieval,
            _ => FlowKind::Other,
        }
    }

    fn message_kind(&self) -> FlowKind {
        if self.attribute("hansard.sender").is_some_and(|sender| OTHER_SENDERS.contains(&sender)) {
            return FlowKind::Message;
        }
        if let Some(speaker) = self.attribute("hansard.speaker") {
            // Among named speakers `user` and `assistant` are no roles: each reads what the others say.
            return if PERSONS.contains(&speaker) { FlowKind::User } else { FlowKind::Message };
        }
        let role = self.attribute("hansard.role").map(str::to_owned).or_else(|| self.role_of_record());
        match role.as_deref() {
            Some("system" | "developer") => FlowKind::System,
            Some("user") => FlowKind::User,
            Some("assistant") => FlowKind::Other,
            Some(_) => FlowKind::Message,
            // Without a role only a named sender tells a person from an agent.
            None if self.attribute("hansard.sender") == Some("person") => FlowKind::User,
            None => FlowKind::Message,
        }
    }

    /// The role that the native record names.
    fn role_of_record(&self) -> Option<String> {
        let record = self.contents.iter().find(|content| content.name == RECORD)?;
        let value: Value = serde_json::from_str(record.text).ok()?;
        let role = value.get("message").and_then(|message| message.get("role")).or_else(|| value.get("role"))?;
        role.as_str().map(str::to_owned)
    }

    fn arguments(&self, tool: &str) -> Option<Value> {
        let content = self.contents.iter().find(|content| content.name == ARGUMENTS)?;
        let value = serde_json::from_str(content.text).unwrap_or_else(|_| Value::String(content.text.to_owned()));
        Some(unwrapped(tool, &value).clone())
    }

    /// Its own words: named contents, or else those of the native record.
    fn texts(&self) -> Vec<(String, String)> {
        if self.kind == kind::SESSION_START {
            let asked = self.contents.iter().filter(|content| content.name == QUESTION);
            return asked.map(|c| (c.name.to_owned(), c.text.to_owned())).collect();
        }
        let to_reviewer = |name: &str| name == SHOWN_TO_REVIEWER && self.kind == kind::APPROVAL_REQUESTED;
        let is_own = |name: &str| name != RECORD && (!SHOWN.contains(&name) || to_reviewer(name));
        let own = self.contents.iter().filter(|content| is_own(content.name));
        let own: Vec<_> = own.map(|c| (c.name.to_owned(), c.text.to_owned())).collect();
        if !own.is_empty() || self.kind == kind::TOOL_CALL {
            return own;
        }
        let record = self.contents.iter().find(|content| content.name == RECORD);
        record.map(|c| (RECORD.to_owned(), record::words(c))).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stored(kind: &str, attributes: Value, contents: &[(&str, &str)]) -> FlowEvent {
        let attributes = attributes.as_object().cloned().unwrap_or_default();
        let contents: Vec<StoredContent<'_>> =
            contents.iter().map(|(name, text)| StoredContent { name, media_type: "application/json", text }).collect();
        let (id, session, agent) = ("e", "s", "a");
        Stored { id, session, agent, kind, attributes: &attributes, contents: &contents, causes: &[], order: 1 }
            .flow_event()
    }

    #[test]
    fn events_of_importers() {
        let said = stored(
            "model.call",
            json!({}),
            &[(
                "record",
                r#"{"role":"assistant","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"yes"},{"type":"toolCall","id":"c","name":"read","arguments":{"path":"x"}}]}"#,
            )],
        );
        assert_eq!((said.kind, said.text().as_str()), (FlowKind::ModelCall, "hm\nyes"));
        let result = stored(
            "tool.result",
            json!({"gen_ai.tool.name": "read"}),
            &[(
                "record",
                r#"{"type":"message","message":{"role":"toolResult","content":[{"type":"text","text":"720 EUR"}]}}"#,
            )],
        );
        assert_eq!((result.kind, result.text().as_str()), (FlowKind::ToolResult, "720 EUR"));
        let copy = stored(
            NESTED_COPY,
            json!({}),
            &[(
                "record",
                r#"{"message":{"content":"","details":{"result":{"content":[{"type":"text","text":"in"}]}}}}"#,
            )],
        );
        assert_eq!((copy.kind, copy.text().as_str()), (FlowKind::ToolResult, "in"));
        let call = stored(
            "tool.call",
            json!({"gen_ai.tool.name": "read"}),
            &[("arguments", r#"{"id":"core:read","args":{"path":"x"}}"#)],
        );
        assert_eq!(call.arguments, Some(json!({"path": "x"})));
        let write = stored("file.write", json!({"hansard.act": "edit", "hansard.file.path": "/a"}), &[("edits", "{}")]);
        assert_eq!((write.kind, write.edits, write.key.as_deref()), (FlowKind::MemoryWrite, true, Some("/a")));
        let shown = stored("model.call", json!({}), &[("input", "Send it"), ("output", "no")]);
        assert_eq!(shown.text(), "no");
    }

    #[test]
    fn who_speaks() {
        let kind = |attributes| stored("message", attributes, &[]).kind;
        assert_eq!(kind(json!({"hansard.role": "system"})), FlowKind::System);
        assert_eq!(kind(json!({"hansard.role": "user"})), FlowKind::User);
        assert_eq!(kind(json!({"hansard.role": "user", "hansard.sender": "session"})), FlowKind::Message);
        assert_eq!(kind(json!({"hansard.role": "assistant"})), FlowKind::Other);
        assert_eq!(kind(json!({})), FlowKind::Message);
        assert_eq!(kind(json!({"hansard.role": "user", "hansard.speaker": "Math_Expert"})), FlowKind::Message);
        assert_eq!(kind(json!({"hansard.role": "human", "hansard.speaker": "human"})), FlowKind::User);
        let start = stored("session.start", json!({}), &[("run", "{}"), ("question", "How many?")]);
        assert_eq!((start.kind, start.text().as_str()), (FlowKind::User, "How many?"));
        let asks = stored("approval.requested", json!({}), &[("shown", "Pay 4711 EUR?")]);
        assert_eq!((asks.kind, asks.text().as_str()), (FlowKind::ModelCall, "Pay 4711 EUR?"));
        let record = [("record", r#"{"type":"user","message":{"role":"user","content":"do it"}}"#)];
        assert_eq!(stored("message", json!({}), &record).kind, FlowKind::User);
    }
}
