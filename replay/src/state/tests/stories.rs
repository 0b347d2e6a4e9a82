//! Small stories whose outcome is plain.

use super::super::State;
use super::super::cells::credential::Life;
use super::super::key::Class;
use super::super::render::{Filter, diff_json, diff_text, text};
use super::super::view::Position;
use super::super::{Diff, Point};
use super::event;
use super::{StateEvent, Value};

fn write(id: &str, second: i64, version: Option<u64>, byte: u8) -> StateEvent {
    let event = event(id, second, "writer", "memory.write").with("gen_ai.memory.store.id", "shared/prices");
    let event = event.with("hansard.memory.key", "PX-90").value_of(byte);
    version.map_or(event.clone(), |version| event.with("hansard.memory.version", version))
}

fn value(events: &[StateEvent]) -> Option<String> {
    State::of(events).view("t", 0).memory("shared/prices", "PX-90").map(|write| write.stamp.id.to_string())
}

#[test]
fn the_last_writer_is_by_version_then_time_then_id() {
    assert_eq!(value(&[write("a", 9, Some(3), 1), write("b", 1, Some(4), 2)]).as_deref(), Some("b"));
    assert_eq!(value(&[write("a", 9, Some(3), 1), write("b", 1, Some(3), 2)]).as_deref(), Some("a"));
    assert_eq!(value(&[write("a", 1, Some(3), 1), write("b", 1, Some(3), 2)]).as_deref(), Some("b"));
    // One that states no version counts when it came after the one in force.
    assert_eq!(value(&[write("a", 5, Some(3), 1), write("b", 6, None, 2)]).as_deref(), Some("b"));
    assert_eq!(value(&[write("a", 5, Some(3), 1), write("b", 4, None, 2)]).as_deref(), Some("a"));
    let mut deletion = write("d", 7, None, 0);
    deletion.kind = "memory.delete".into();
    assert_eq!(value(&[write("a", 5, Some(3), 1), deletion.clone()]), None);
    assert_eq!(value(&[write("a", 5, Some(3), 1), deletion, write("c", 8, Some(4), 3)]).as_deref(), Some("c"));
}

#[test]
fn a_call_with_its_result_leaves_nothing_and_reused_ids_are_kept_apart() {
    let call = |id: &str, second| event(id, second, "a", "tool.call").with("gen_ai.tool.call.id", "call_0");
    let result = |id: &str, second, call: &str| {
        let event = event(id, second, "a", "tool.result").with("gen_ai.tool.call.id", "call_0");
        // Importers name the record before, then the call.
        event.because("responds_to", "record").because("responds_to", call)
    };
    let events = [call("c1", 1), result("r1", 2, "c1"), call("c2", 3), result("r2", 4, "c2"), call("c3", 5)];
    let state = State::of(&events);
    let open = state.view("t", 0).open_calls(None);
    assert_eq!(open.iter().map(|open| open.call.stamp.id.to_string()).collect::<Vec<_>>(), ["c3"]);
    assert_eq!(state.under(Class::Call, &["t"]).count(), 1, "nothing is left of the closed ones");
}

#[test]
fn a_result_that_names_no_event_closes_the_calls_of_its_id_before_it() {
    let call = |id: &str, second| event(id, second, "a", "tool.call").with("gen_ai.tool.call.id", "x");
    let result = event("r", 4, "a", "tool.result").with("gen_ai.tool.call.id", "x");
    let state = State::of(&[call("c1", 1), result, call("c2", 5)]);
    let open = state.view("t", 0).open_calls(Some("s"));
    assert_eq!((open.len(), open[0].call.stamp.id.to_string().as_str()), (1, "c2"));
}

#[test]
fn credentials_live_until_they_expire_or_are_revoked() {
    let issue = |id: &str, second| {
        let event = event(id, second, "vault", "credential.issued").with("hansard.credential.id", "k");
        event.with("hansard.credential.expires", "1970-01-01T00:01:40Z")
    };
    let revoked = event("r", 50, "vault", "credential.revoked").with("hansard.credential.id", "k");
    let life = |events: &[StateEvent], second: i64| State::of(events).view("t", second * 1_000_000).credential("k");
    assert_eq!(life(&[], 1), Life::Unknown);
    assert_eq!(life(&[issue("i", 1)], 100), Life::Alive);
    assert_eq!(life(&[issue("i", 1)], 101), Life::Expired);
    assert_eq!(life(&[revoked.clone(), issue("i", 1)], 60), Life::Revoked);
    assert_eq!(life(&[revoked, issue("i", 1), issue("j", 55)], 60), Life::Alive);
}

#[test]
fn three_failures_trip_a_breaker_and_one_probe_passes_after_the_cooldown() {
    let send = |id: &str, second| event(id, second, "a", "message").with("hansard.message.recipients", "b");
    let answer = |id: &str, second, to: &str| {
        event(id, second, "b", "message").with("hansard.message.recipients", "a").because("responds_to", to)
    };
    let mut events = Vec::new();
    for n in 0..3 {
        events.push(send(&format!("m{n}"), n * 10));
        events.push(answer(&format!("e{n}"), n * 10 + 1, &format!("m{n}")).with("error.type", "timeout"));
    }
    let at = |events: &[StateEvent], second: i64| State::of(events).view("t", second * 1_000_000).breaker("a", "b");
    assert_eq!((at(&events[..4], 12).position, at(&events[..4], 12).failures), (Position::Closed, 2));
    assert_eq!(at(&events, 22).position, Position::Open);
    assert_eq!(at(&events, 22).tripped_by.unwrap().to_string(), "e2");
    assert_eq!(at(&events, 321).position, Position::HalfOpen);
    events.push(send("probe", 330));
    assert_eq!((at(&events, 331).position, at(&events, 331).probes), (Position::HalfOpen, 1));
    events.push(answer("fine", 332, "probe"));
    assert_eq!(at(&events, 333).position, Position::Closed);
}

#[test]
fn times_of_their_own_and_of_commit_are_kept_apart() {
    let mut late = write("late", 10, Some(2), 2);
    late.committed_us = 500_000_000;
    let events = [write("early", 5, Some(1), 1), late];
    let at = |point: Point| value(&events.iter().filter(|event| point.holds(event)).cloned().collect::<Vec<_>>());
    assert_eq!(at(Point::time(10_000_000)).as_deref(), Some("late"));
    assert_eq!(at(Point::time(10_000_000).known_at(499_000_000)).as_deref(), Some("early"));
    assert_eq!(at(Point::time(9_000_000)).as_deref(), Some("early"));
    assert_eq!(at(Point::sizes(&[(0, 6)].into())).as_deref(), Some("early"));
}

#[test]
fn differences_name_the_event_that_did_it() {
    let call = event("c", 1, "a", "tool.call").with("gen_ai.tool.call.id", "x");
    let result = event("r", 3, "a", "tool.result").with("gen_ai.tool.call.id", "x").because("responds_to", "c");
    let (before, all) = ([call.clone(), write("w", 2, Some(1), 1)], [result, write("v", 4, Some(2), 2)]);
    let a = State::of(&before);
    let mut b = a.clone();
    all.iter().for_each(|event| b.apply(event));
    let mut diff = Diff::between(&a, &b);
    diff.explain(&all);
    let by = |class: Class| {
        let change = diff.changes.iter().find(|change| change.key.class() == Some(class)).unwrap();
        (change.before.is_some(), change.after.is_some(), change.by.as_ref().unwrap().id.to_string())
    };
    assert_eq!(by(Class::Call), (true, false, "r".to_owned()));
    assert_eq!(by(Class::Memory), (true, true, "v".to_owned()));
    assert_eq!(Diff::between(&b, &b.clone()).changes.len(), 0);
    let lines = diff_text(&diff);
    assert!(lines.contains("- call s x c") && lines.contains("versioned.version=1->2"), "{lines}");
    assert!(diff_json(&diff).as_array().unwrap().iter().any(|change| change["after"] == Value::Null));
}

#[test]
fn rows_hold_what_is_in_force_and_lines_no_control_characters() {
    let mut events =
        vec![write("w", 1, Some(1), 1), event("c", 2, "a", "tool.call").with("gen_ai.tool.name", "x\u{1b}[2J\ny")];
    events.push(event("z", 3, "z", "session.end"));
    let state = State::of(&events);
    let view = state.view("t", 5_000_000);
    let all = view.rows(&Filter::default());
    let lines = text(&all);
    assert!(lines.lines().count() == all.len() && !lines.replace('\n', "").chars().any(char::is_control), "{lines}");
    assert!(lines.contains("memory shared/prices PX-90") && lines.contains("now.version=1"), "{lines}");
    assert!(lines.contains("session s") && lines.contains("now.ended=true"), "{lines}");
    let mine = view.rows(&Filter { agent: Some("writer".into()), ..Filter::default() });
    assert_eq!(mine.iter().map(|row| row.class).collect::<Vec<_>>(), ["agent", "memory"]);
    assert_eq!(state.tenants(), ["t"]);
}
