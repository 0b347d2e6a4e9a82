//! The breaker between two agents, cooldowns and kills.

use crate::policy_support::{START_S, Says, event, expect, message, person};
use store::policy::{BreakerState, Evaluator, Policy, PolicyEvent, Position, check};

/// a asks b, and b answers a second later: message `m<n>`, answer `r<n>`.
fn exchange(n: i64, second: i64, end: &str) -> [PolicyEvent; 2] {
    let ask = message(&format!("m{n}"), second, "a", &["b"]);
    let mut answer = message(&format!("r{n}"), second + 1, "b", &["a"]).because("responds_to", &format!("m{n}"));
    match end {
        "fails" => answer.error_type = Some("timeout".into()),
        "odd" => answer = answer.with("hansard.anomaly", true),
        _ => {}
    }
    let trace = Some(format!("trace-{n}"));
    [PolicyEvent { trace: trace.clone(), ..ask }, PolicyEvent { trace, ..answer }]
}

/// Exchanges, ten seconds apart from `second` on.
fn exchanges(from: i64, second: i64, ends: &[&str]) -> Vec<PolicyEvent> {
    let one = |(n, end): (usize, &&str)| exchange(from + n as i64, second + 10 * n as i64, end);
    ends.iter().enumerate().flat_map(one).collect()
}

fn breaker(events: &[PolicyEvent]) -> BreakerState {
    let mut evaluator = Evaluator::new(Policy::default());
    for event in events {
        evaluator.observe(event);
    }
    evaluator.breakers().into_iter().find(|b| (b.from.as_str(), b.to.as_str()) == ("a", "b")).expect("a has sent to b")
}

const TRIPPED: &str = check::BREAKER_TRIPPED;

#[test]
fn three_failures_trip_it_and_two_do_not() {
    expect(&exchanges(1, 0, &["fails", "ok", "fails", "ok"]), &[]);
    let tripping = exchanges(1, 0, &["fails", "ok", "fails", "fails"]);
    expect(&tripping, &[(TRIPPED, "r4")]);
    let state = breaker(&tripping);
    assert_eq!((state.position, state.trips), (Position::Open, 1));
    assert_eq!(state.since_us, Some((START_S + 31) * 1_000_000));
    assert_eq!(state.probe_from_us, Some((START_S + 331) * 1_000_000));
    let closed = breaker(&exchanges(1, 0, &["fails", "ok", "fails"]));
    assert_eq!((closed.position, closed.failures, closed.interactions), (Position::Closed, 2, 3));
}

#[test]
fn failures_that_the_sender_records_count() {
    let mut events = Vec::new();
    for n in 0..3 {
        events.push(message(&format!("m{n}"), n * 10, "a", &["b"]));
        let mut timeout = event(&format!("t{n}"), n * 10 + 5, "a", "message").because("responds_to", &format!("m{n}"));
        timeout.error_type = Some("timeout".into());
        events.push(timeout);
    }
    expect(&events, &[(TRIPPED, "t2")]);
}

#[test]
fn a_message_is_answered_once() {
    let mut events = exchanges(1, 0, &["fails", "fails"]);
    for n in 0..3 {
        let mut again = message(&format!("again{n}"), 20, "b", &["a"]).because("responds_to", "m1");
        again.error_type = Some("timeout".into());
        events.push(again);
    }
    expect(&events, &[]);
    assert_eq!(breaker(&events).failures, 2);
}

#[test]
fn failures_leave_the_window() {
    let mut ends = vec!["fails", "fails"];
    ends.extend(vec!["ok"; 19]);
    ends.extend(["fails"]);
    expect(&exchanges(1, 0, &ends), &[]);
}

#[test]
fn fifteen_percent_anomalies_trip_it_once_there_are_ten() {
    let mut low = vec!["odd"];
    low.extend(vec!["ok"; 9]);
    expect(&exchanges(1, 0, &low), &[]);
    let mut few = vec!["odd"; 2];
    few.extend(vec!["ok"; 7]);
    expect(&exchanges(1, 0, &few), &[]);
    few.push("ok");
    expect(&exchanges(1, 0, &few), &[(TRIPPED, "r10")]);
    let mut exact = vec!["ok"; 17];
    exact.extend(["odd", "odd"]);
    expect(&exchanges(1, 0, &exact), &[]);
    exact.push("odd");
    expect(&exchanges(1, 0, &exact), &[(TRIPPED, "r20")]);
}

#[test]
fn a_guardrail_that_refuses_an_answer_makes_it_an_anomaly() {
    let mut events = exchanges(1, 0, &["ok"; 10]);
    let refusal = |id: &str, answer: &str, verdict: &str| {
        event(id, 200, "guard", "guardrail").with("hansard.policy.verdict", verdict).because("used", answer)
    };
    events.push(refusal("g0", "r3", "pass"));
    events.push(refusal("g1", "r3", "block"));
    events.push(refusal("g2", "r3", "block"));
    events.push(refusal("g3", "r7", "deny"));
    expect(&events, &[(TRIPPED, "g3")]);
}

#[test]
fn an_open_breaker_lets_one_probe_through_after_its_cooldown() {
    let mut events = exchanges(1, 0, &["fails"; 3]);
    events.push(message("early", 320, "a", &["b"]));
    events.push(message("reverse", 320, "b", &["a"]));
    events.push(message("other", 320, "a", &["c"]));
    assert_eq!(breaker(&events).position, Position::Open);
    events.push(message("probe", 321, "a", &["b"]));
    events.push(message("second", 322, "a", &["b"]));
    assert_eq!(breaker(&events).position, Position::HalfOpen);
    let half_open = [(TRIPPED, "r3"), (check::BREAKER_OPEN, "early"), (check::BREAKER_PROBE, "second")];
    expect(&events, &half_open);

    let answer = |failed: bool| {
        let mut answer = message("answer", 330, "b", &["a"]).because("responds_to", "probe");
        answer.error_type = failed.then(|| "timeout".into());
        answer
    };
    let mut closed = events.clone();
    closed.push(answer(false));
    closed.push(message("after", 331, "a", &["b"]));
    assert_eq!(breaker(&closed).position, Position::Closed);
    expect(&closed, &half_open);

    let mut reopened = events;
    reopened.push(answer(true));
    reopened.push(message("after", 629, "a", &["b"]));
    reopened.push(message("later", 630, "a", &["b"]));
    let again = [(TRIPPED, "answer"), (check::BREAKER_OPEN, "after")];
    expect(&reopened, &[&half_open[..], &again[..]].concat());
    assert_eq!(breaker(&reopened).trips, 2);
}

#[test]
fn a_breaker_that_is_due_is_listed_as_half_open() {
    let mut evaluator = Evaluator::new(Policy::default());
    exchanges(1, 0, &["fails"; 3]).iter().for_each(|event| drop(evaluator.observe(event)));
    let position = |second: i64| evaluator.breakers_at((START_S + second) * 1_000_000)[0].position;
    assert_eq!((position(320), position(321)), (Position::Open, Position::HalfOpen));
}

#[test]
fn a_probe_that_nobody_answers_and_late_answers_block_nothing() {
    let mut events = exchanges(1, 0, &["fails"; 3]);
    events.insert(4, message("slow", 15, "a", &["b"]));
    events.push(message("late", 325, "b", &[]).because("responds_to", "slow"));
    events.push(message("probe", 330, "a", &["b"]));
    assert_eq!(breaker(&events).position, Position::HalfOpen);
    events.push(message("probe2", 631, "a", &["b"]));
    expect(&events, &[(TRIPPED, "r3")]);
}

#[test]
fn a_recorded_breaker_is_taken_over_and_people_have_none() {
    let set = |id: &str, second: i64, kind: &str| {
        let event = event(id, second, "gateway", kind).seen_by("gateway");
        event.with("hansard.breaker.from", "a").with("hansard.breaker.to", "b")
    };
    let mut events = vec![set("t", 0, "breaker.tripped"), message("m1", 10, "a", &["b"])];
    events.extend([set("r", 20, "breaker.reset"), message("m2", 30, "a", &["b"])]);
    expect(&events, &[(check::BREAKER_OPEN, "m1")]);
    let own = PolicyEvent { agent: Some("a".into()), attested: "self".into(), ..set("r", 5, "breaker.reset") };
    events.insert(1, own);
    expect(&events, &[(check::BREAKER_OPEN, "m1")]);

    let mut asked = Vec::new();
    for n in 0..5 {
        asked.push(person(&format!("q{n}"), n, "officer"));
        let mut answer = event(&format!("a{n}"), n, "a", "message").because("responds_to", &format!("q{n}"));
        answer.error_type = Some("model_error".into());
        asked.push(answer);
    }
    expect(&asked, &[]);
}

#[test]
fn a_throttled_agent_that_acts_in_its_cooldown_is_found_once() {
    let throttled = event("t", 0, "gateway", "budget.throttled").seen_by("gateway").with("hansard.target.agent", "a");
    let act = |id: &str, second: i64| event(id, second, "a", "model.call");
    let run = |events: &[PolicyEvent], wanted: &[(&'static str, &str)]| expect(events, wanted);
    run(&[throttled.clone(), act("x", 299), act("y", 299)], &[(check::COOLDOWN, "x")]);
    run(&[throttled.clone(), act("x", 300)], &[]);
    run(&[throttled.clone(), event("x", 10, "a", "tool.result"), event("y", 10, "b", "model.call")], &[]);
    run(&[throttled.clone(), act("x", 0), act("y", -1)], &[]);
    run(&[throttled.with("hansard.cooldown.seconds", 10), act("x", 11)], &[]);
}

#[test]
fn acts_after_a_kill() {
    let by_gateway = |id: &str, second: i64, kind: &str| {
        event(id, second, "gateway", kind).seen_by("gateway").with("hansard.target.agent", "a")
    };
    let kill = || by_gateway("k", 10, "agent.killed");
    let act = |id: &str, second: i64| event(id, second, "a", "tool.call");
    let found = |id: &'static str| (check::ACT_AFTER_KILL, id);
    let in_session = kill().with("hansard.target.session", "s1");
    let elsewhere = PolicyEvent { session: Some("s2".into()), ..act("y", 12) };
    let resumes_itself = event("r", 15, "a", "agent.resumed").with("hansard.target.agent", "a");
    for (events, wanted) in [
        (vec![act("x", 9), kill()], vec![]),
        (vec![kill(), act("x", 10)], vec![]),
        (vec![kill(), act("x", 11), act("y", 12)], vec![found("x"), found("y")]),
        (vec![by_gateway("k", 10, "budget.killed"), act("x", 11)], vec![found("x")]),
        (vec![kill(), event("x", 11, "a", "tool.result"), event("y", 11, "b", "tool.call")], vec![]),
        (vec![kill(), by_gateway("r", 15, "agent.resumed"), act("x", 20)], vec![]),
        (vec![kill(), resumes_itself, act("x", 20)], vec![found("r"), found("x")]),
        (vec![in_session, act("x", 11), elsewhere], vec![found("x")]),
        (vec![act("x", 11), kill()], vec![found("x")]),
        (vec![event("k", 10, "a", "agent.killed"), act("x", 11)], vec![found("x")]),
    ] {
        expect(&events, &wanted);
    }
}

#[test]
fn an_agent_that_never_stops_is_not_told_for_ever() {
    let mut events = vec![event("k", 0, "a", "agent.killed")];
    events.extend((1..300).map(|n| event(&format!("x{n}"), n, "a", "tool.call")));
    let found = crate::policy_support::breaches(&Policy::default(), &events);
    assert_eq!(found.len(), 100);
    assert!(found[99].detail.contains("further acts"), "{}", found[99].detail);
}
