//! Copies that a tool which runs others writes of what it ran.
//!
//! Guarantee: a copy is recorded as `openclaw.nested_tool`, derived from the call that the model made, never as a call of
//! its own. Behind `tool_call` the call itself already names the inner tool, and its result proves the acts; behind any
//! other tool the copies are the only word on them, so the acts are taken from here. Cannot fail.

use super::super::json::slice;
use super::acts;
use super::calls::Call;
use super::details::Details;
use super::transcript::{Record, Transcript};
use super::words::copy;
use schemas::draft::{Draft, DraftCause};

impl Transcript<'_> {
    /// The copy that a wrapper writes of the call inside it. Acts come from the wrapper's own result.
    pub(super) fn nested(&mut self, record: &Record<'_>, draft: &mut Draft) -> Vec<Draft> {
        let Some(details) = record.message.as_ref().and_then(|m| m.object("details")) else { return Vec::new() };
        copy(&details, "toolName", "gen_ai.tool.name", &mut draft.attributes);
        copy(&details, "parentToolCallId", "openclaw.nested.parent_tool_call_id", &mut draft.attributes);
        copy(&details, "toolCallId", "openclaw.nested.tool_call_id", &mut draft.attributes);
        copy(&details, "runId", "openclaw.run_id", &mut draft.attributes);
        if let Some(order) = details.integer("startOrder") {
            draft.attributes.insert("openclaw.nested.start_order".into(), order.into());
        }
        if details.boolean("isError") == Some(true) {
            draft.attributes.insert("error.type".into(), "tool_error".into());
        }
        if let Some(id) = details.short("toolCallId") {
            self.index.called(&id, record.event.clone());
        }
        let call = details.short("parentToolCallId").and_then(|id| self.calls.get(id.as_ref()).cloned());
        let Some(call) = call else { return Vec::new() };
        draft.causes.push(DraftCause::new(call.event.clone(), "derived_from"));
        let inner = Details::of_nested(&details);
        let tool = details.short("toolName").unwrap_or_default().into_owned();
        let input = details.raw("input").map(|raw| slice(&record.line.bytes, raw.get()));
        let failed = details.boolean("isError") == Some(true);
        if call.wrapped {
            let done = acts::of(&tool, &input.unwrap_or_default(), &inner);
            done.iter().filter(|_| !failed).for_each(|done| self.copied(record, done, draft));
            return Vec::new();
        }
        // A tool that ran several others: its own result does not say what they did.
        let call = Call { tool, arguments: input, ..call };
        self.proven(record, &call, &inner, failed, draft)
    }
}
