//! What an assistant's record asks for and what a tool's record answers.
//!
//! Guarantee: each `toolCall` block is one `tool.call`, under the name of the tool that really ran: a call that goes
//! through `tool_call` names the inner one, and `openclaw.tool.wrapper` the outer. A nested copy of a call
//! (`openclaw.nested-tool`) is recorded and derived from that call, never a second one. A result responds to the call
//! that its `toolCallId` names in the same transcript, wherever it stands. Cannot fail: what is missing is left out.

use super::super::ids::digest;
use super::super::json::{Fields, elements, object, slice, text};
use super::FORMAT;
use super::acts::{self, Done};
use super::details::Details;
use super::index::Spawn;
use super::tokens;
use super::transcript::{Record, Transcript};
use super::words::copy;
use bytes::Bytes;
use schemas::draft::{Draft, DraftCause, DraftContent};
use schemas::kind;
use serde_json::Value;
use serde_json::value::RawValue;

/// A tool that runs another one.
const WRAPPER: &str = "tool_call";
/// Bytes of a sent message that are kept to find it again in the session that got it.
const MESSAGE_BYTES_KEPT: usize = 256;

/// A call of this transcript.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) event: String,
    pub(super) tool: String,
    pub(super) wrapped: bool,
    /// What the tool was asked, until its result comes.
    pub(super) arguments: Option<Bytes>,
    pub(super) millis: i64,
    pub(super) answered: bool,
}

impl Transcript<'_> {
    /// A model's answer, or a mirror of one.
    pub(super) fn assistant(&mut self, record: &Record<'_>, draft: &mut Draft) -> Vec<Draft> {
        let Some(message) = &record.message else { return Vec::new() };
        let said = said(message);
        if let Some(first) = self.mirror(message, &said) {
            kind::MESSAGE.clone_into(&mut draft.kind);
            draft.attributes.insert("openclaw.mirror".into(), true.into());
            draft.causes.push(DraftCause::new(first, "derived_from"));
            return Vec::new();
        }
        self.woken(record, draft);
        draft.causes.extend(self.results.drain(..).map(|id| DraftCause::new(id, "used")));
        self.answer(record, message, draft);
        self.texts.entry(digest(said.as_bytes())).or_insert_with(|| record.event.clone());
        let ended = message.text("stopReason").as_deref() == Some("stop");
        self.waiting = ended;
        if ended && !said.is_empty() {
            self.index.answered(&self.session, (record.millis, record.event.clone()));
        }
        if message.short("responseId").is_some() {
            self.answered = Some(record.event.clone());
        }
        let blocks: Vec<Fields<'_>> =
            message.elements("content").unwrap_or_default().into_iter().filter_map(object).collect();
        let calls = blocks.iter().filter(|b| b.text("type").as_deref() == Some("toolCall"));
        let children: Vec<Draft> = calls.enumerate().map(|(n, block)| self.call(record, block, n)).collect();
        self.turn.answer(record, message, &said, children.is_empty());
        children
    }

    /// The answer that a record repeats: `api: "cli"` and no answer id, with a text that stood before, or in a run that
    /// left its own answers.
    fn mirror(&self, message: &Fields<'_>, said: &str) -> Option<String> {
        if message.text("api").as_deref() != Some("cli") || message.short("responseId").is_some() {
            return None;
        }
        let repeated = self.texts.get(&digest(said.as_bytes())).filter(|_| !said.is_empty());
        repeated.or(self.answered.as_ref()).cloned()
    }

    fn answer(&mut self, record: &Record<'_>, message: &Fields<'_>, draft: &mut Draft) {
        let attributes = &mut draft.attributes;
        attributes.insert("gen_ai.operation.name".into(), "chat".into());
        copy(message, "provider", "gen_ai.provider.name", attributes);
        copy(message, "model", "gen_ai.request.model", attributes);
        let model = message.short("responseModel").or_else(|| message.short("model"));
        attributes.extend(model.map(|model| ("gen_ai.response.model".to_owned(), Value::from(model.into_owned()))));
        copy(message, "responseId", "gen_ai.response.id", attributes);
        copy(message, "api", "openclaw.api", attributes);
        if let Some(reason) = message.short("stopReason") {
            if reason == "error" || reason == "aborted" {
                let error = message.short("errorType").unwrap_or_else(|| "model_error".into());
                attributes.insert("error.type".into(), error.into());
                copy(message, "errorMessage", "error.message", attributes);
            }
            attributes.insert("gen_ai.response.finish_reasons".into(), Value::from(vec![reason.into_owned()]));
        }
        let counts = match message.short("responseId") {
            Some(response) => self.index.counts(&response, &record.event),
            None => true,
        };
        if let Some(usage) = message.object("usage").filter(|_| counts) {
            tokens::write(&usage, attributes);
        }
    }

    fn call(&mut self, record: &Record<'_>, block: &Fields<'_>, n: usize) -> Draft {
        let native_id = format!("{}#{n}", record.native_id);
        let event = self.seen.next(FORMAT, &self.session, &native_id);
        let mut draft = self.base(record, event.clone(), native_id, kind::TOOL_CALL);
        draft.causes = vec![DraftCause::new(record.event.clone(), "responds_to")];
        draft.attributes.insert("gen_ai.operation.name".into(), "execute_tool".into());
        copy(block, "id", "gen_ai.tool.call.id", &mut draft.attributes);
        let name = block.short("name").unwrap_or_default().into_owned();
        let given = block.raw("arguments");
        if let Some(given) = given {
            let bytes = slice(&record.line.bytes, given.get());
            draft.contents.push(DraftContent::new("arguments", "application/json", bytes));
        }
        let inner = given.filter(|_| name == WRAPPER).and_then(wrapped);
        let (tool, arguments) = match inner {
            Some((tool, arguments)) => {
                draft.attributes.insert("openclaw.tool.wrapper".into(), WRAPPER.into());
                (tool, arguments)
            }
            None => (name.clone(), given.map(|given| slice(&record.line.bytes, given.get()))),
        };
        draft.attributes.insert("gen_ai.tool.name".into(), tool.as_str().into());
        if tool == "sessions_send" {
            self.sends(record, &event, arguments.as_deref());
        }
        if let Some(id) = block.short("id") {
            self.index.called(&id, event.clone());
            let wrapped = name == WRAPPER;
            let call = Call { event, tool, wrapped, arguments, millis: record.millis, answered: false };
            self.calls.insert(id.into_owned(), call);
        }
        draft
    }

    fn sends(&mut self, record: &Record<'_>, event: &str, arguments: Option<&[u8]>) {
        let fields = arguments.and_then(|bytes| Fields::parse(bytes).ok()).unwrap_or_default();
        let (Some(from), Some(target)) = (self.key(), fields.short("sessionKey").or_else(|| fields.short("label")))
        else {
            return;
        };
        let mut text = fields.text("message").unwrap_or_default().into_owned();
        let mut cut = text.len().min(MESSAGE_BYTES_KEPT);
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        text.truncate(cut);
        self.index.send(&from, (record.millis, event.to_owned()), &target, text);
    }

    /// A tool's answer; gives the acts that it proves.
    pub(super) fn result(&mut self, record: &Record<'_>, draft: &mut Draft) -> Vec<Draft> {
        self.waiting = false;
        self.results.push(record.event.clone());
        let Some(message) = &record.message else { return Vec::new() };
        copy(message, "toolCallId", "gen_ai.tool.call.id", &mut draft.attributes);
        copy(message, "toolName", "gen_ai.tool.name", &mut draft.attributes);
        let id = message.short("toolCallId").map(String::from);
        let call = id.as_ref().and_then(|id| self.calls.get_mut(id)).map(|call| {
            call.answered = true;
            let arguments = call.arguments.take();
            Call { arguments, ..call.clone() }
        });
        let details = Details::of(message, call.as_ref().is_some_and(|call| call.wrapped));
        let failed = message.boolean("isError") == Some(true);
        if let Some(code) = details.integer("exitCode") {
            draft.attributes.insert("process.exit.code".into(), code.into());
        }
        let denied = failed && details.denied(message);
        if failed {
            draft.attributes.insert("error.type".into(), if denied { "denied" } else { "tool_error" }.into());
        }
        let Some(call) = call else {
            self.turn.orphan(record, id);
            return Vec::new();
        };
        draft.causes.push(DraftCause::new(call.event.clone(), "responds_to"));
        draft.attributes.insert("gen_ai.tool.name".into(), call.tool.as_str().into());
        self.turn.result(record, &call, failed, denied);
        self.proven(record, &call, &details, failed, draft)
    }

    /// Spawns, replies and acts that a result proves.
    pub(super) fn proven(
        &mut self,
        record: &Record<'_>,
        call: &Call,
        details: &Details,
        failed: bool,
        draft: &mut Draft,
    ) -> Vec<Draft> {
        if let Some(child) = details.text("childSessionKey").filter(|_| call.tool == "sessions_spawn") {
            draft.attributes.insert("openclaw.child_session_key".into(), child.into());
            let parent = self.session.clone();
            self.index.spawned(child, Spawn { call: call.event.clone(), time: call.millis, parent });
        }
        if let Some(target) = details.text("sessionKey").filter(|_| call.tool == "sessions_send") {
            draft.attributes.insert("openclaw.target_session_key".into(), target.into());
            let reply = details.text("reply").and_then(|_| self.index.answer(target, record.millis));
            draft.causes.extend(reply.map(|(_, answer)| DraftCause::new(answer, "derived_from")));
        }
        if failed {
            return Vec::new();
        }
        let arguments = call.arguments.clone().unwrap_or_default();
        let done = acts::of(&call.tool, &arguments, details);
        let made: Vec<Draft> = done.into_iter().enumerate().map(|(n, act)| self.act(record, call, &act, n)).collect();
        draft.causes.extend(made.iter().map(|act| DraftCause::new(act.id.clone(), "derived_from")));
        made
    }

    fn act(&mut self, record: &Record<'_>, call: &Call, done: &Done, n: usize) -> Draft {
        let native_id = format!("{}#a{n}", record.native_id);
        let event = self.seen.next(FORMAT, &self.session, &native_id);
        let mut draft = self.base(record, event, native_id, "");
        draft.causes.push(DraftCause::new(call.event.clone(), "responds_to"));
        draft.attributes.insert("gen_ai.tool.name".into(), call.tool.as_str().into());
        self.describe(record, done, &mut draft);
        draft
    }
}

/// The tool and arguments inside a call of the wrapper.
fn wrapped(given: &RawValue) -> Option<(String, Option<Bytes>)> {
    let fields = object(given)?;
    let id = fields.short("id")?;
    let tool = id.rsplit(':').next().unwrap_or(&id).to_owned();
    let arguments = fields.raw("args").map(|args| match text(args) {
        Some(written) => Bytes::from(written.into_owned().into_bytes()),
        None => Bytes::copy_from_slice(args.get().as_bytes()),
    });
    Some((tool, arguments))
}

/// The texts of a message, joined.
pub(super) fn said(message: &Fields<'_>) -> String {
    let Some(content) = message.raw("content") else { return String::new() };
    if let Some(text) = text(content) {
        return text.into_owned();
    }
    let blocks = elements(content).unwrap_or_default();
    let texts = blocks.into_iter().filter_map(object).filter_map(|block| block.text("text").map(String::from));
    texts.collect::<Vec<_>>().join("\n")
}
