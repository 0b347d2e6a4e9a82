//! The check of a run: what holds, and each thing that can fail.

use super::super::check::{Report, check};
use super::super::view::BreakerRule;
use super::super::{State, event::StateEvent};
use super::{Value, event};

fn judge(before: &[StateEvent], events: &[StateEvent]) -> Report {
    // Commitments of one byte stand for their content: 0x2b and 0x2c commit to the same bytes.
    let plain = |commitment: &[u8; 32]| Some([if commitment[0] == 0x2c { 0x2b } else { commitment[0] }; 32]);
    check(State::of(before), events, |_| true, &plain, BreakerRule::default())
}

fn memory(id: &str, second: i64, kind: &str, version: u64, byte: u8) -> StateEvent {
    let event = event(id, second, "a", kind).with("hansard.memory.key", "k").with("hansard.memory.version", version);
    event.value_of(byte)
}

fn story() -> Vec<StateEvent> {
    let call = |e: StateEvent| e.with("gen_ai.tool.call.id", "x").with("gen_ai.tool.name", "t");
    let tokens = |e: StateEvent, input: u64| e.with("gen_ai.usage.input_tokens", input);
    vec![
        event("issue", 1, "vault", "credential.issued")
            .with("hansard.credential.id", "c")
            .with("hansard.credential.expires", "1970-01-01T00:01:00Z"),
        memory("w1", 2, "memory.write", 1, 0x2a),
        memory("w2", 3, "memory.write", 2, 0x2b),
        memory("r2", 4, "memory.read", 2, 0x2c).because("read", "w2"),
        call(event("call", 5, "a", "tool.call")).with("hansard.credential.id", "c"),
        call(event("result", 6, "a", "tool.result")).because("responds_to", "call"),
        event("ask", 7, "a", "approval.requested").with("hansard.approval.digest", "D1"),
        event("grant", 8, "h", "approval.granted").with("hansard.approval.digest", "d1").because("responds_to", "ask"),
        event("act", 9, "a", "decision").with("hansard.approval.digest", "d1").because("approved_by", "grant"),
        tokens(event("model", 10, "a", "model.call"), 40),
        event("say", 11, "a", "message").with("hansard.message.recipients", "b"),
        tokens(event("end", 12, "a", "session.end"), 40),
    ]
}

#[test]
fn a_run_without_contradictions_has_none() {
    let report = judge(&[], &story());
    assert_eq!((report.first(), report.more, report.events), (None, 0, 12));
    let compared: Vec<_> = report.checks.iter().filter(|(_, c)| c.compared > 0).map(|(name, _)| *name).collect();
    let all = [
        "agent.running",
        "approval.act",
        "approval.digest",
        "breaker.closed",
        "call.result",
        "credential.alive",
        "memory.read",
        "memory.version",
        "tokens.total",
    ];
    assert_eq!(compared, all);
    // The same from a state of the first half.
    let (before, after) = (&story()[..5], &story()[5..]);
    assert_eq!(judge(before, after).first(), None);
}

/// The story with one event put in another way.
fn changed(id: &str, change: impl FnOnce(&mut StateEvent)) -> Report {
    let mut events = story();
    change(events.iter_mut().find(|event| event.id.to_string() == id).unwrap());
    judge(&[], &events)
}

fn found(report: &Report) -> (&'static str, String) {
    let first = report.first().expect("a divergence");
    (first.check, first.stamp.id.to_string())
}

#[test]
fn each_contradiction_is_found_at_its_event() {
    let set =
        |name: &'static str, value: Value| move |e: &mut StateEvent| drop(e.attributes.insert(name.into(), value));
    let report = changed("r2", set("hansard.memory.version", 1.into()));
    assert_eq!(found(&report), ("memory.read", "r2".into()));
    let first = report.first().unwrap();
    assert_eq!((first.expected.as_str(), first.found.as_str()), ("version 2 of w2", "version 1"));
    let report = changed("r2", |e| e.contents[0].commitment = [0x2a; 32]);
    assert_eq!(found(&report), ("memory.read", "r2".into()));
    let report = changed("r2", |e| e.causes[0].id = super::EventId::new("w1"));
    assert_eq!(found(&report), ("memory.read", "r2".into()));
    let report = changed("w2", set("hansard.memory.version", 1.into()));
    assert_eq!(found(&report), ("memory.version", "w2".into()));
    let report = changed("result", |e| {
        e.causes.clear();
        e.attributes.insert("gen_ai.tool.call.id".into(), "y".into());
    });
    assert_eq!(found(&report), ("call.result", "result".into()));
    let report = changed("result", |e| e.time_us = Some(4_500_000));
    assert_eq!(found(&report), ("call.result", "result".into()));
    let report = changed("result", set("gen_ai.tool.name", "other".into()));
    assert_eq!(found(&report), ("call.result", "result".into()));
    let report = changed("issue", set("hansard.credential.expires", "1970-01-01T00:00:04Z".into()));
    assert_eq!(found(&report), ("credential.alive", "call".into()));
    let report = changed("grant", set("hansard.approval.digest", "d2".into()));
    assert_eq!(found(&report), ("approval.digest", "grant".into()));
    let report = changed("act", set("hansard.approval.digest", "d2".into()));
    assert_eq!(found(&report), ("approval.act", "act".into()));
    let report = changed("grant", |e| e.kind = "approval.denied".into());
    assert_eq!(found(&report), ("approval.act", "act".into()));
    let report = changed("end", set("gen_ai.usage.input_tokens", 41.into()));
    assert_eq!(found(&report), ("tokens.total", "end".into()));
    let report = changed("model", set("gen_ai.usage.cache_read.input_tokens", 41.into()));
    assert_eq!(found(&report), ("tokens.parts", "model".into()));
}

#[test]
fn stops_revocations_and_breakers_of_before_count() {
    let kill = event("kill", 0, "gate", "agent.killed").with("hansard.target.agent", "a");
    assert_eq!(found(&judge(&[kill], &story())), ("agent.running", "w1".into()));
    let mut events = story();
    events.push(event("revoke", 4, "vault", "credential.revoked").with("hansard.credential.id", "c"));
    assert_eq!(found(&judge(&[], &events)), ("credential.alive", "call".into()));
    let trip =
        event("trip", 0, "gate", "breaker.tripped").with("hansard.breaker.from", "a").with("hansard.breaker.to", "b");
    assert_eq!(found(&judge(&[trip], &story())), ("breaker.closed", "say".into()));
}

#[test]
fn what_the_record_does_not_hold_is_unknown() {
    let report = judge(&[], &story()[3..]);
    assert_eq!(report.first(), None);
    assert_eq!((report.checks["memory.read"].unknown, report.checks["credential.alive"].unknown), (1, 1));
    let other = check(State::new(), &story(), |event| &*event.kind == "plan", &|_| None, BreakerRule::default());
    assert_eq!((other.events, other.checks.len()), (0, 0));
}
