//! One line of a Claude Code session as events: the line itself, and a child for each tool call inside it.
//!
//! Guarantee: every line that is not empty gives one event whose content `record` is the line, or one reject. Ids come
//! from session and `uuid` (or, where a line has none, from its bytes), so causes can name lines that are in another
//! file or missing. First cause: the parent line. What a member of odd type would have said is left out of the header.

use super::ids::{Occurrences, digest, session_name, time};
use super::json::{Fields, object, slice};
use super::lines::Line;
use super::reject::{Reject, origin, source_of};
use super::usage::Ledger;
use super::{Out, Stop};
use schemas::draft::{Draft, DraftCause, DraftContent};
use schemas::{id, kind};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

/// Name of the format, of its ids and of the agent.
pub(super) const FORMAT: &str = "claude-code";

/// What is known of a file after the lines read so far.
#[derive(Debug)]
pub(super) struct SessionFile<'n> {
    name: &'n str,
    /// Session of lines that name none: that of the line before.
    session: String,
    seen: Occurrences,
    ledger: Ledger,
    /// Tool call ids: event and tool name.
    calls: HashMap<String, (String, Option<String>)>,
    /// Events that are tool results.
    results: HashSet<String>,
}

/// A line that was parsed, with what all its events share.
struct Parsed<'a> {
    line: &'a Line,
    fields: Fields<'a>,
    session: String,
    native_id: String,
    event: String,
    kind: String,
    /// The blocks of `message.content`, as objects.
    blocks: Vec<Fields<'a>>,
}

impl<'n> SessionFile<'n> {
    pub(super) fn new(name: &'n str, session: String) -> Self {
        Self {
            name,
            session,
            seen: Occurrences::default(),
            ledger: Ledger::default(),
            calls: HashMap::new(),
            results: HashSet::new(),
        }
    }

    /// Turns a line into drafts.
    pub(super) fn line(&mut self, line: &Line, out: &mut Out<'_>) -> Result<(), Stop> {
        out.count_bytes(line.bytes.len() + 1);
        if let Some(damage) = &line.damage {
            return self.reject(line, "source.damaged", damage.clone(), out);
        }
        if let Some(part) = line.part {
            return self.reject(line, "line.too_long", format!("part {part} of a line that is too long"), out);
        }
        if line.bytes.is_empty() {
            return Ok(());
        }
        match Fields::parse(&line.bytes) {
            Ok(fields) => self.parsed(line, fields, out),
            Err(error) => self.reject(line, "line.json", format!("expected one JSON object: {error}"), out),
        }
    }

    fn reject(&mut self, line: &Line, reason: &'static str, detail: String, out: &mut Out<'_>) -> Result<(), Stop> {
        let reject = Reject {
            format: FORMAT,
            session: &self.session,
            name: self.name,
            line: Some(line.number),
            reason,
            detail,
            bytes: line.bytes.clone(),
        };
        reject.put(&mut self.seen, out)
    }

    fn parsed(&mut self, line: &Line, fields: Fields<'_>, out: &mut Out<'_>) -> Result<(), Stop> {
        if let Some(session) = fields.short("sessionId") {
            self.session = session_name(&session);
        }
        let message = fields.object("message");
        let blocks: Vec<Fields<'_>> = message
            .as_ref()
            .and_then(|m| m.elements("content"))
            .map_or_else(Vec::new, |blocks| blocks.into_iter().filter_map(object).collect());
        let native_id = match fields.short("uuid") {
            Some(uuid) => uuid.into_owned(),
            None => format!("line:{}", digest(&line.bytes)),
        };
        let session = self.session.clone();
        let event = self.seen.next(FORMAT, &session, &native_id);
        let kind = kind_of(&fields, &blocks);
        let parsed = Parsed { line, fields, session, native_id, event, kind, blocks };
        let mut draft = self.base(&parsed, parsed.event.clone(), parsed.native_id.clone(), &parsed.kind);
        draft.contents = vec![DraftContent::new("record", "application/json", line.bytes.clone())];
        draft.causes = self.line_causes(&parsed);
        line_attributes(&parsed.fields, &mut draft.attributes);
        let mut children = Vec::new();
        match parsed.kind.as_str() {
            kind::MODEL_CALL => {
                if let Some(message) = &message {
                    self.response(message, &mut draft.attributes);
                }
                children = self.tool_calls(&parsed);
            }
            kind::TOOL_RESULT => children = self.tool_results(&parsed, &mut draft),
            kind::MESSAGE => speaker(&parsed.fields, &mut draft.attributes),
            _ => {}
        }
        let key = format!("{FORMAT}/{}", parsed.session);
        out.put(key.clone(), draft)?;
        for child in children {
            out.put(key.clone(), child)?;
        }
        Ok(())
    }

    fn base(&self, parsed: &Parsed<'_>, id: String, native_id: String, kind: &str) -> Draft {
        let mut draft = Draft {
            id,
            source: source_of(FORMAT),
            kind: kind.to_owned(),
            time: parsed.fields.short("timestamp").and_then(|t| time(&t)),
            session: Some(parsed.session.clone()),
            agent: Some(FORMAT.to_owned()),
            agent_version: parsed.fields.short("version").map(Into::into),
            origin: Some(origin(self.name, Some(parsed.line.number))),
            native_id: Some(native_id),
            ..Draft::default()
        };
        if let Some(agent) = parsed.fields.short("agentId") {
            draft.attributes.insert("gen_ai.agent.id".into(), agent.into());
        }
        draft
    }

    /// Causes of the line's own event, the parent first.
    fn line_causes(&mut self, parsed: &Parsed<'_>) -> Vec<DraftCause> {
        let fields = &parsed.fields;
        let of = |uuid: &str| id::imported(FORMAT, &parsed.session, uuid, 0);
        let mut causes = Vec::new();
        if let Some(parent) = fields.short("parentUuid") {
            let parent = of(&parent);
            causes.push(DraftCause::new(parent.clone(), "responds_to"));
            if parsed.kind == kind::MODEL_CALL && self.results.contains(&parent) {
                causes.push(DraftCause::new(parent, "used"));
            }
        } else if let Some(agent) = fields.short("agentId") {
            causes.push(DraftCause::new(of(&agent_native_id(&agent)), "delegated_by"));
        }
        if let Some(parent) = fields.short("logicalParentUuid") {
            causes.push(DraftCause::new(of(&parent), "derived_from"));
        }
        // A summary and a snapshot may speak of lines of other sessions: only those seen in this file are linked.
        for name in ["leafUuid", "messageId"] {
            if let Some(other) = fields.short(name).map(|uuid| of(&uuid)).filter(|id| self.seen.has(id)) {
                causes.push(DraftCause::new(other, "derived_from"));
            }
        }
        let caller = ["sourceToolUseID", "parentToolUseID", "toolUseID"]
            .iter()
            .find_map(|name| self.calls.get(fields.short(name)?.as_ref()));
        if let Some((call, _)) = caller {
            causes.push(DraftCause::new(call.clone(), "derived_from"));
        }
        causes.retain(|cause| cause.id != parsed.event);
        causes
    }

    /// What a response says about itself, with the usage that this line adds.
    fn response(&mut self, message: &Fields<'_>, attributes: &mut Map<String, Value>) {
        attributes.insert("gen_ai.operation.name".into(), "chat".into());
        attributes.insert("gen_ai.provider.name".into(), "anthropic".into());
        copy(message, "model", "gen_ai.response.model", attributes);
        copy(message, "id", "gen_ai.response.id", attributes);
        if let Some(reason) = message.short("stop_reason") {
            attributes.insert("gen_ai.response.finish_reasons".into(), Value::from(vec![reason.into_owned()]));
        }
        if let (Some(message_id), Some(usage)) = (message.short("id"), message.object("usage")) {
            self.ledger.add(&message_id, &usage, attributes);
        }
    }

    fn tool_calls(&mut self, parsed: &Parsed<'_>) -> Vec<Draft> {
        let mut children = Vec::new();
        for block in parsed.blocks.iter().filter(|b| b.text("type").as_deref() == Some("tool_use")) {
            let native_id = format!("{}#{}", parsed.native_id, children.len());
            let event = self.seen.next(FORMAT, &parsed.session, &native_id);
            let mut draft = self.base(parsed, event.clone(), native_id, kind::TOOL_CALL);
            draft.causes = vec![DraftCause::new(parsed.event.clone(), "responds_to")];
            draft.attributes.insert("gen_ai.operation.name".into(), "execute_tool".into());
            copy(block, "name", "gen_ai.tool.name", &mut draft.attributes);
            copy(block, "id", "gen_ai.tool.call.id", &mut draft.attributes);
            if let Some(input) = block.raw("input") {
                let bytes = slice(&parsed.line.bytes, input.get());
                draft.contents.push(DraftContent::new("arguments", "application/json", bytes));
            }
            if let Some(call) = block.short("id") {
                self.calls.insert(call.into_owned(), (event, block.short("name").map(Into::into)));
            }
            children.push(draft);
        }
        children
    }

    /// The line is the first result; further results in the same line are children `uuid#r1`, `uuid#r2`, ...
    fn tool_results(&mut self, parsed: &Parsed<'_>, draft: &mut Draft) -> Vec<Draft> {
        self.results.insert(parsed.event.clone());
        let mut children = Vec::new();
        let results = parsed.blocks.iter().filter(|b| is_result(b));
        for (n, block) in results.enumerate() {
            if n == 0 {
                self.tool_result(block, draft);
                children.extend(self.agent_invoked(parsed, draft));
                continue;
            }
            let native_id = format!("{}#r{n}", parsed.native_id);
            let event = self.seen.next(FORMAT, &parsed.session, &native_id);
            let mut child = self.base(parsed, event, native_id, kind::TOOL_RESULT);
            if let Some(content) = block.raw("content") {
                let bytes = slice(&parsed.line.bytes, content.get());
                child.contents.push(DraftContent::new("result", "application/json", bytes));
            }
            child.causes.push(DraftCause::new(parsed.event.clone(), "derived_from"));
            self.tool_result(block, &mut child);
            children.push(child);
        }
        children
    }

    fn tool_result(&self, block: &Fields<'_>, draft: &mut Draft) {
        copy(block, "tool_use_id", "gen_ai.tool.call.id", &mut draft.attributes);
        if block.boolean("is_error") == Some(true) {
            draft.attributes.insert("error.type".into(), "tool_error".into());
        }
        let known = block.short("tool_use_id").and_then(|call| self.calls.get(call.as_ref()));
        if let Some((call, tool)) = known {
            draft.causes.push(DraftCause::new(call.clone(), "responds_to"));
            if let Some(tool) = tool {
                draft.attributes.insert("gen_ai.tool.name".into(), tool.as_str().into());
            }
        }
    }

    /// A result that names the subagent it came from: the subagent's own lines are delegated by this event.
    fn agent_invoked(&mut self, parsed: &Parsed<'_>, result: &mut Draft) -> Option<Draft> {
        let agent = parsed.fields.object("toolUseResult")?.short("agentId")?;
        let native_id = agent_native_id(&agent);
        let first = id::imported(FORMAT, &parsed.session, &native_id, 0);
        let call = result.causes.iter().rev().find(|c| c.relation == "responds_to").cloned();
        result.causes.push(DraftCause::new(first.clone(), "derived_from"));
        if self.seen.has(&first) {
            return None;
        }
        let event = self.seen.next(FORMAT, &parsed.session, &native_id);
        let mut draft = self.base(parsed, event, native_id, kind::AGENT_INVOKED);
        draft.attributes.insert("gen_ai.agent.id".into(), agent.into());
        draft.causes.extend(call);
        Some(draft)
    }
}

fn agent_native_id(agent: &str) -> String {
    format!("agent:{agent}")
}

fn is_result(block: &Fields<'_>) -> bool {
    block.text("type").as_deref() == Some("tool_result")
}

fn copy(from: &Fields<'_>, name: &str, attribute: &str, attributes: &mut Map<String, Value>) {
    if let Some(value) = from.short(name) {
        attributes.insert(attribute.to_owned(), value.into());
    }
}

/// Who speaks in a record of the user's: a person, or in a side chain the agent that gave the task.
fn speaker(fields: &Fields<'_>, attributes: &mut Map<String, Value>) {
    attributes.insert("hansard.role".into(), "user".into());
    let sender = if fields.boolean("isSidechain") == Some(true) { "session" } else { "person" };
    attributes.insert("hansard.sender".into(), sender.into());
}

fn kind_of(fields: &Fields<'_>, blocks: &[Fields<'_>]) -> String {
    match fields.text("type").as_deref() {
        Some("assistant") => kind::MODEL_CALL.to_owned(),
        Some("user") if blocks.iter().any(is_result) => kind::TOOL_RESULT.to_owned(),
        Some("user") => kind::MESSAGE.to_owned(),
        Some(other) => format!("{FORMAT}.{}", clean(other)),
        None => format!("{FORMAT}.untyped"),
    }
}

/// A word that may stand in a kind.
fn clean(word: &str) -> String {
    let keep = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' }
    };
    word.chars().take(64).map(keep).collect()
}

fn line_attributes(fields: &Fields<'_>, attributes: &mut Map<String, Value>) {
    for (name, attribute) in [
        ("type", "claude_code.type"),
        ("subtype", "claude_code.subtype"),
        ("parentUuid", "claude_code.parent_uuid"),
        ("requestId", "claude_code.request_id"),
        ("leafUuid", "claude_code.leaf_uuid"),
        ("messageId", "claude_code.message_id"),
        ("operation", "claude_code.operation"),
        ("permissionMode", "claude_code.permission_mode"),
        ("gitBranch", "vcs.ref.head.name"),
    ] {
        copy(fields, name, attribute, attributes);
    }
    for (name, attribute) in [
        ("isSidechain", "claude_code.sidechain"),
        ("isMeta", "claude_code.meta"),
        ("isCompactSummary", "claude_code.compact_summary"),
    ] {
        if fields.boolean(name) == Some(true) {
            attributes.insert(attribute.to_owned(), true.into());
        }
    }
    if fields.boolean("isApiErrorMessage") == Some(true) {
        attributes.insert("error.type".into(), "api_error".into());
    }
    if let Some(folder) = fields.short("cwd") {
        attributes.insert("process.working_directory".into(), without_home(&folder).into());
    }
}

/// The folder with the home folder as `~`: headers can never be erased, so no user's name goes into them.
fn without_home(folder: &str) -> String {
    let unified = folder.replace('\\', "/");
    let parts: Vec<&str> = unified.split('/').collect();
    let home = parts.iter().take(3).position(|p| matches!(*p, "Users" | "home"));
    match home.and_then(|at| parts.get(at + 2..)) {
        Some([]) => "~".to_owned(),
        Some(rest) => format!("~/{}", rest.join("/")),
        None => unified,
    }
}
