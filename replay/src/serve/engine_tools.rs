//! Answers tool calls from a recording.
//!
//! Guarantee: a call is answered with the recorded result of the same call and never executed here. A result that
//! carries an approval or a credential comes back as a tool error with `structuredContent.hansard.refused`; a call
//! that was not recorded as the error [`STOPPED`] with the difference.

use super::difference::Difference;
use super::engine::{Draft, Replay};
use super::guard::{Refusal, Withheld};
use super::json::canonical;
use super::matching::{Found, MatchKind};
use super::plan::{How, Miss, Surface};
use super::tools::{RecordedCall, ToolResult};
use bytes::Bytes;
use serde_json::{Value, json};

/// JSON-RPC code of a call that the record does not answer.
pub const STOPPED: i64 = -32_010;
/// JSON-RPC code of a call that failed here (live tool, sink).
pub const FAILED: i64 = -32_011;

/// How a tool call was answered.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolReply {
    /// With a result, and what is said about it under `_meta`.
    Result(ToolResult, Value),
    /// With an error: code, message, data.
    Error(i64, String, Value),
}

impl Replay {
    /// Answers a call; `request` is the message as it came. `answers_request` says that it brings a person's answer
    /// to a question, which is never taken for one.
    pub async fn tool(&self, name: &str, arguments: &Value, answers_request: bool, request: Bytes) -> ToolReply {
        let written = canonical(arguments);
        let taken = self.recording.tools.take(name, &written);
        let found = match taken {
            Some((index, repeated)) => {
                Found { kind: MatchKind::Same, exchange: Some(index), repeated, difference: None }
            }
            None => Found {
                kind: MatchKind::None,
                exchange: None,
                repeated: false,
                difference: Some(self.tool_difference(name, &written)),
            },
        };
        let call = found.exchange.map(|index| &self.recording.tools.calls[index]);
        let refusal = call.and_then(|call| call.refusal.clone()).or_else(|| {
            answers_request.then(|| Refusal {
                withheld: Withheld::Approval,
                event: call.map(|call| call.event.clone()).unwrap_or_default(),
                why: "an answer to a request for input counts for nothing in a replay".to_owned(),
            })
        });
        let (how, reply) = match (refusal.clone(), call) {
            (Some(refusal), _) => (How::Refused(refusal.withheld), refused(&refusal)),
            (None, Some(RecordedCall { result: Some(result), .. })) => {
                (How::Recorded(found.kind), ToolReply::Result(result.clone(), meta(call, found.repeated)))
            }
            (None, Some(call)) => (How::Stopped, without_result(call)),
            (None, None) => self.missed(name, arguments, found.difference.as_ref()).await,
        };
        self.record_tool(Draft { surface: Surface::Tool, request, found }, how, refusal, reply).await
    }

    async fn missed(&self, name: &str, arguments: &Value, difference: Option<&Difference>) -> (How, ToolReply) {
        match (&self.plan.tool_miss, &self.live) {
            (Miss::Stub(text), _) => {
                (How::Stub, ToolReply::Result(ToolResult::text(text, true), json!({"how": "stub"})))
            }
            (Miss::Live, Some(live)) => {
                let answered = tokio::time::timeout(self.limits.live_wait, live.tool(name, arguments)).await;
                let late = || Err(format!("tool {name} gave no answer in {} s", self.limits.live_wait.as_secs()));
                match answered.unwrap_or_else(|_| late()) {
                    Ok(result) => (How::Live, ToolReply::Result(result, json!({"how": "live"}))),
                    Err(why) => (How::Failed, ToolReply::Error(FAILED, why, Value::Null)),
                }
            }
            _ => {
                let shown = difference.map(ToString::to_string).unwrap_or_default();
                let message = format!("replay stopped: this call of {name} is not in the record; {shown}");
                let data = json!({"hansard": {"difference": difference.map(Difference::to_json)}});
                (How::Stopped, ToolReply::Error(STOPPED, message, data))
            }
        }
    }

    fn tool_difference(&self, name: &str, arguments: &str) -> Difference {
        match self.recording.tools.nearest(name) {
            Some(call) => {
                let difference = Difference::texts("arguments", &call.arguments, arguments);
                Difference { event: Some(call.event.clone()), ..self.recording.masked(difference, &call.arguments) }
            }
            None => {
                let names: Vec<&str> = self.recording.tools.names().collect();
                Difference::texts("name", &names.join(", "), name)
            }
        }
    }

    async fn record_tool(&self, draft: Draft, how: How, refusal: Option<Refusal>, reply: ToolReply) -> ToolReply {
        let body = match &reply {
            ToolReply::Result(result, meta) => to_json(result, meta),
            ToolReply::Error(code, message, data) => json!({"code": code, "message": message, "data": data}),
        };
        let form = (200, "application/json".to_owned(), Bytes::from(body.to_string()));
        let recorded = self.reply(draft, how, None, refusal, form).await;
        if recorded.status == 200 {
            return reply;
        }
        ToolReply::Error(FAILED, String::from_utf8_lossy(&recorded.body).into_owned(), Value::Null)
    }
}

/// A result as MCP writes it.
pub(super) fn to_json(result: &ToolResult, meta: &Value) -> Value {
    let mut written = json!({
        "content": result.content,
        "isError": result.is_error,
        "_meta": {"dev.hansard/replay": meta},
    });
    if let Some(structured) = &result.structured {
        written["structuredContent"] = structured.clone();
    }
    written
}

fn meta(call: Option<&RecordedCall>, repeated: bool) -> Value {
    let event = call.map(|call| call.result_event.as_ref().unwrap_or(&call.event));
    json!({"how": "recorded", "event": event, "repeated": repeated})
}

fn refused(refusal: &Refusal) -> ToolReply {
    let text =
        format!("Refused by the replay: {}. Recorded {}s are not valid again.", refusal.why, refusal.withheld.word());
    let typed = json!({"refused": refusal.withheld.word(), "event": refusal.event, "why": refusal.why});
    let result = ToolResult { structured: Some(json!({"hansard": typed})), ..ToolResult::text(&text, true) };
    ToolReply::Result(result, json!({"how": "refused", "withheld": refusal.withheld.word()}))
}

fn without_result(call: &RecordedCall) -> ToolReply {
    let message = format!("replay stopped: the recorded call of {} never got a result", call.name);
    ToolReply::Error(STOPPED, message, json!({"hansard": {"event": call.event}}))
}
