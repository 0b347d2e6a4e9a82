//! Tries to get approvals and credentials out of a replay through every door.

use super::run::{calling, cause, chat, event, result, said, wire};
use super::*;
use std::sync::atomic::Ordering;

const SECRET: &str = "correct horse battery staple";

/// A run that asks for leave, gets it, pays; gets a credential, and repeats it.
fn run() -> Vec<RecordedEvent> {
    let mut events = chat(&[
        said("user", "Pay the rent, then log in."),
        calling("c1", "ask_owner", &json!({"for": "rent"})),
        result("c1", "yes, go ahead"),
        calling("c2", "pay", &json!({"to": "landlord"})),
        result("c2", "paid"),
        calling("c3", "login", &json!({})),
        result("c3", SECRET),
        calling("c4", "open", &json!({"with": SECRET})),
        result("c4", "open"),
        calling("c5", "status", &json!({})),
        result("c5", "fine"),
        said("assistant", "Done."),
    ]);
    let mut granted = event("granted", "approval.granted");
    granted.causes.push(cause("message-1#0", "responds_to"));
    let mut issued = event("issued", "credential.issued");
    issued.causes.push(cause("message-5#0", "responds_to"));
    let paid = events.iter_mut().find(|event| event.id == "message-4").unwrap();
    paid.causes.push(cause("granted", "approved_by"));
    events.extend([granted, issued]);
    events
}

fn call(replay: &Replay, name: &str, arguments: &Value) -> ToolReply {
    wait(replay.tool(name, arguments, false, Bytes::from("{}")))
}

fn refused(reply: &ToolReply) -> Option<String> {
    let ToolReply::Result(result, _) = reply else { return None };
    assert!(result.is_error);
    Some(result.structured.as_ref()?.pointer("/hansard/refused")?.as_str()?.to_owned())
}

#[test]
fn no_approval_or_credential_is_served_as_valid() {
    let (replay, kept) = replay(&run(), Plan { accept_nearest: true, ..Plan::default() }, None);
    let approval = Some("approval".to_owned());
    assert_eq!(refused(&call(&replay, "ask_owner", &json!({"for": "rent"}))), approval);
    assert_eq!(refused(&call(&replay, "pay", &json!({"to": "landlord"}))), approval, "done under the approval");
    assert_eq!(refused(&call(&replay, "login", &json!({}))), Some("credential".to_owned()));
    let answered = wait(replay.tool("status", &json!({}), true, Bytes::from("{}")));
    assert_eq!(refused(&answered), approval, "somebody's answer to a question");
    assert!(matches!(call(&replay, "status", &json!({})), ToolReply::Result(result, _) if !result.is_error));
    // The model's own answer repeats the credential.
    let nearest = [said("user", "Pay the rent, then log in."), said("assistant", "x"), said("user", "y")];
    for dialect in [Dialect::Chat, Dialect::Messages] {
        ask(&replay, dialect, &json!({"model": "m", "max_tokens": 1, "messages": nearest}));
    }
    // Other arguments: the difference would show the recorded ones.
    call(&replay, "open", &json!({"with": "guess"}));
    let counts = replay.counts();
    assert_eq!(counts.refused_approvals.load(Ordering::Relaxed), 3);
    assert_eq!(counts.refused_credentials.load(Ordering::Relaxed), 1);
    for one in kept.all() {
        assert!(!String::from_utf8_lossy(&one.response).contains(SECRET), "{:?}", one.surface);
        assert!(one.difference.is_none_or(|difference| !difference.recorded.contains(SECRET)));
        assert!(!matches!(one.how, How::Refused(_)) || one.refusal.is_some());
    }
}

#[test]
fn after_a_refusal_the_recorded_course_is_not_gone_on_with() {
    let (replay, kept) = replay(&run(), Plan::default(), None);
    let ToolReply::Result(refusal, _) = call(&replay, "ask_owner", &json!({"for": "rent"})) else {
        panic!("no result")
    };
    let asked = [
        said("user", "Pay the rent, then log in."),
        calling("c1", "ask_owner", &json!({"for": "rent"})),
        result("c1", &refusal.said()),
    ];
    assert_eq!(ask(&replay, Dialect::Chat, &chat_body(&asked)).0, 422);
    let difference = kept.all()[1].difference.clone().unwrap();
    assert_eq!((difference.step, difference.path.as_str()), (Some(2), "messages[2].content"));
}

#[test]
fn an_answer_that_holds_a_token_is_refused_whatever_its_kind() {
    let token = format!("ghp_{}", "a1B2".repeat(9));
    let request = r#"{"model":"m","messages":[{"role":"user","content":"token?"}]}"#;
    let message = json!({"role": "assistant", "content": token});
    let response = json!({"id": "r", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]});
    let (replay, kept) = replay(&[wire("one", request, &response.to_string())], Plan::default(), None);
    let reply = wait(replay.model(Dialect::Chat, Bytes::from(request)));
    assert_eq!(reply.status, 403);
    assert!(!String::from_utf8_lossy(&reply.body).contains(&token));
    assert_eq!(kept.all()[0].how, How::Refused(Withheld::Credential));
}

#[test]
fn events_and_attributes_that_name_one_are_guarded() {
    let mut events =
        chat(&[said("user", "go"), calling("c1", "f", &json!({})), result("c1", "ok"), said("assistant", "x")]);
    events[3].attributes.insert("mcp.approval.id".into(), "a-17".into());
    let (replay, _) = replay(&events, Plan::default(), None);
    assert_eq!(refused(&call(&replay, "f", &json!({}))), Some("approval".to_owned()));
}
