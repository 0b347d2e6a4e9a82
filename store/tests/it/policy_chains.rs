//! Chain depth, fan-out, messages of a cycle, concurrent fan-out, and who a sender is.

use crate::policy_support::{Says, breaches, event, expect, message, person};
use serde_json::json;
use store::policy::{Policy, PolicyEvent, Severity, check};

/// A person asks a1, who hands on to a2, and so on up to `agents`.
fn chain(agents: usize) -> Vec<PolicyEvent> {
    let mut events = vec![person("m0", 0, "officer")];
    for n in 1..=agents {
        let agent = format!("a{n}");
        let work =
            event(&format!("w{n}"), n as i64, &agent, "agent.invoked").because("responds_to", &format!("m{}", n - 1));
        let next = message(&format!("m{n}"), n as i64, &agent, &[]).because("derived_from", &format!("w{n}"));
        events.extend([work, next]);
    }
    events
}

#[test]
fn five_agents_in_a_chain_pass_and_the_sixth_is_found_once() {
    expect(&chain(5), &[]);
    expect(&chain(6), &[(check::CHAIN_DEPTH, "w6")]);
    let mut goes_on = chain(6);
    goes_on.push(event("x", 9, "a6", "tool.call").because("responds_to", "m5").because("derived_from", "w6"));
    expect(&goes_on, &[(check::CHAIN_DEPTH, "w6")]);
    let found = breaches(&Policy::default(), &chain(6));
    assert_eq!(found[0].detail, "chain depth 6, at most 5 allowed: a1 > a2 > a3 > a4 > a5 > a6");
    assert_eq!(found[0].related, [("m5".to_owned(), "handed_on_by"), ("m0".to_owned(), "root")]);
    assert_eq!(found[0].severity, Severity::Warning);
}

#[test]
fn a_delegation_counts_without_a_message() {
    let events: Vec<_> = (1..=6)
        .map(|n| {
            let plan = event(&format!("p{n}"), n, &format!("a{n}"), "plan");
            if n == 1 { plan } else { plan.because("delegated_by", &format!("p{}", n - 1)) }
        })
        .collect();
    expect(&events, &[(check::CHAIN_DEPTH, "p6")]);
}

#[test]
fn an_orchestrator_that_asks_many_in_turn_is_not_deep() {
    let mut events = vec![person("m0", 0, "officer"), event("o0", 1, "boss", "plan").because("responds_to", "m0")];
    for n in 1..=8 {
        let helper = format!("h{n}");
        let ask = message(&format!("ask{n}"), n, "boss", &[&helper]).because("derived_from", &format!("o{}", n - 1));
        let answer = message(&format!("answer{n}"), n, &helper, &["boss"]).because("responds_to", &format!("ask{n}"));
        let go_on = event(&format!("o{n}"), n, "boss", "plan").because("used", &format!("answer{n}"));
        events.extend([ask, answer, go_on]);
    }
    expect(&events, &[]);
}

#[test]
fn what_a_service_says_about_a_step_adds_nothing() {
    let mut events = chain(5);
    events.push(event("verdict", 9, "policy-engine", "policy.verdict").because("derived_from", "w5"));
    events.push(event("issued", 9, "vault", "credential.issued").because("responds_to", "w5"));
    events.push(event("go", 10, "a5", "decision").because("used", "verdict").because("used", "issued"));
    expect(&events, &[]);
}

#[test]
fn a_message_to_four_agents_is_one_too_many() {
    for (recipients, wanted) in [
        (json!(["b", "c", "d"]), &[][..]),
        (json!(["b", "c", "d", "a", "d"]), &[]),
        (json!("b"), &[]),
        (json!(["b", "c", "d", "e"]), &[(check::FAN_OUT, "m")]),
    ] {
        expect(&[event("m", 0, "a", "message").with("hansard.message.recipients", recipients)], wanted);
    }
}

#[test]
fn agents_that_turn_up_downstream_count_as_well() {
    let mut events = vec![message("m", 0, "a", &["b", "c"])];
    for (n, agent) in ["b", "c", "d", "e", "e", "f"].iter().enumerate() {
        events.push(event(&format!("w{n}"), 1, agent, "agent.invoked").because("delegated_by", "m"));
    }
    events.push(event("own", 2, "a", "plan").because("derived_from", "m"));
    events.push(event("note", 2, "g", "evaluation").because("corrects", "m"));
    expect(&events, &[(check::FAN_OUT, "w3"), (check::FAN_OUT, "w5")]);
}

#[test]
fn twenty_messages_of_an_agent_in_a_cycle_pass() {
    let run = |count: i64, change: &dyn Fn(PolicyEvent, i64) -> PolicyEvent| -> Vec<PolicyEvent> {
        (1..=count).map(|n| change(message(&format!("m{n}"), n, "a", &[]), n)).collect()
    };
    expect(&run(20, &|m, _| m), &[]);
    expect(&run(30, &|m, _| m), &[(check::MESSAGES_PER_CYCLE, "m21")]);
    let two_traces = |m: PolicyEvent, n: i64| PolicyEvent { trace: Some(format!("t{}", n % 2)), ..m };
    expect(&run(40, &two_traces), &[]);
    let sessions = |m: PolicyEvent, n: i64| PolicyEvent { trace: None, session: Some(format!("s{}", n % 2)), ..m };
    expect(&run(40, &sessions), &[]);
    let nameless = |m: PolicyEvent, _| PolicyEvent { trace: None, session: None, ..m };
    expect(&run(21, &nameless), &[(check::MESSAGES_PER_CYCLE, "m21")]);
    let people = |m: PolicyEvent, _| m.with("hansard.role", "user").seen_by("gateway");
    expect(&run(30, &people), &[]);
    let claims_to_be_one = |m: PolicyEvent, _| m.with("hansard.role", "user");
    expect(&run(21, &claims_to_be_one), &[(check::MESSAGES_PER_CYCLE, "m21")]);
    let handoffs = |m: PolicyEvent, _| PolicyEvent { kind: "handoff".into(), ..m };
    expect(&run(21, &handoffs), &[(check::MESSAGES_PER_CYCLE, "m21")]);
}

fn asks(count: i64) -> Vec<PolicyEvent> {
    (1..=count).map(|n| message(&format!("m{n}"), n, "a", &[&format!("b{n}")])).collect()
}

#[test]
fn the_sixth_unanswered_message_is_found() {
    expect(&asks(5), &[]);
    expect(&asks(7), &[(check::CONCURRENT_FAN_OUT, "m6")]);
    let found = breaches(&Policy::default(), &asks(6));
    assert_eq!(found[0].related.len(), 5);
    assert!(found[0].detail.contains("waits for 6 answers") && found[0].detail.contains("at most 5"), "{found:?}");
}

#[test]
fn answers_make_room() {
    let mut linked = asks(5);
    linked.push(event("answer", 6, "b1", "message").because("responds_to", "m1"));
    linked.push(message("m6", 7, "a", &["b6"]));
    expect(&linked, &[]);
    let mut addressed = asks(5);
    addressed.push(message("answer", 6, "b1", &["a"]));
    addressed.push(message("m6", 7, "a", &["b6"]));
    expect(&addressed, &[]);
    let mut begun = asks(5);
    begun.push(event("begun", 6, "b1", "agent.invoked").because("delegated_by", "m1"));
    begun.push(message("m6", 7, "a", &["b6"]));
    expect(&begun, &[(check::CONCURRENT_FAN_OUT, "m6")]);
}

#[test]
fn nobody_waits_for_an_answer_to_an_answer_or_for_ever() {
    let mut long_ago = asks(5);
    long_ago.push(message("m6", 4_000, "a", &["b6"]));
    expect(&long_ago, &[]);
    let mut silent = asks(5);
    silent.push(message("m6", 6, "a", &["b6"]).with("hansard.message.expects_reply", false));
    expect(&silent, &[]);
    let mut replies = Vec::new();
    for n in 1..=8 {
        replies.push(message(&format!("q{n}"), n, &format!("b{n}"), &["a"]));
        replies.push(message(&format!("r{n}"), n, "a", &[&format!("b{n}")]).because("responds_to", &format!("q{n}")));
    }
    expect(&replies, &[]);
}

#[test]
fn senders() {
    let received = |from: &str| event("m", 5, "a", "message").with("hansard.message.sender", from);
    let registered = |by_registry: bool| PolicyEvent {
        registry: by_registry,
        ..event("k", 0, "registry", "key.registered")
            .with("hansard.key.public", "ab")
            .with("hansard.key.sources", json!(["urn:agent:x", "urn:team:*"]))
    };
    let revoked =
        PolicyEvent { registry: true, ..event("r", 1, "registry", "key.revoked").with("hansard.key.public", "ab") };
    let unknown = (check::UNKNOWN_SENDER, "m");
    let unsigned = (check::UNSIGNED_SENDER, "m");
    for (events, wanted) in [
        (vec![received("stranger")], vec![unknown]),
        (vec![event("e", 0, "friend", "plan"), received("friend")], vec![]),
        (vec![registered(true), received("urn:agent:x")], vec![]),
        (vec![registered(true), received("urn:team:y")], vec![]),
        (vec![registered(true), received("urn:agent:y")], vec![unknown]),
        (vec![registered(false), received("urn:agent:x")], vec![unknown]),
        (vec![registered(true), revoked, received("urn:agent:x")], vec![unknown]),
        (vec![received("a")], vec![]),
        (vec![event("e", 0, "b", "plan"), received("b").with("hansard.message.verified", false)], vec![unsigned]),
        (vec![event("m", 0, "a", "message").seen_by("")], vec![unsigned]),
        (vec![event("m", 0, "a", "message").seen_by("import")], vec![]),
        (vec![event("m", 0, "a", "tool.call").seen_by("")], vec![]),
    ] {
        expect(&events, &wanted);
    }
}

#[test]
fn a_policy_may_refuse_what_others_attest() {
    let policy = Policy::from_yaml("version: '2'\nchecks: {unsigned_sender: {attested: [self]}}").unwrap();
    let found = breaches(&policy, &[message("m1", 0, "a", &[]), message("m2", 1, "b", &[]).seen_by("gateway")]);
    assert_eq!((found.len(), found[0].event_id.as_str(), found[0].policy_version.as_str()), (1, "m2", "2"));
    assert!(found[0].detail.contains("by gateway, expected one of: self"), "{}", found[0].detail);
}

#[test]
fn what_the_store_refused_is_judged_for_its_sender_alone() {
    let refused =
        |reason: &str| PolicyEvent { rejected: Some(reason.into()), ..message("m", 0, "a", &["b", "c", "d", "e"]) };
    expect(&[refused("unknown_key")], &[(check::UNKNOWN_SENDER, "m")]);
    expect(&[refused("source")], &[(check::UNKNOWN_SENDER, "m")]);
    expect(&[refused("signature")], &[(check::UNSIGNED_SENDER, "m")]);
    expect(&[refused("content")], &[]);
}
