//! Random stories of few agents, for the tests of the evaluator as a fold.

use crate::policy_support::{Says, at, event};
use proptest::prelude::*;
use serde_json::json;
use store::policy::{Policy, PolicyEvent};

const KINDS: &[&str] = &[
    "message",
    "message",
    "message",
    "message",
    "message",
    "message",
    "message",
    "message",
    "message",
    "handoff",
    "agent.invoked",
    "tool.call",
    "decision",
    "memory.write",
    "memory.read",
    "memory.grant",
    "credential.issued",
    "credential.used",
    "credential.revoked",
    "approval.requested",
    "approval.granted",
    "agent.killed",
    "agent.resumed",
    "budget.throttled",
    "config.changed",
    "guardrail",
    "breaker.reset",
];

/// An event from numbers: few agents, partitions and credentials, so that everything meets everything, and every other
/// message answers one of those before.
fn from_numbers(before: &[PolicyEvent], dice: &[u16; 8]) -> PolicyEvent {
    let n = before.len();
    let pick = |i: usize, from: usize| usize::from(dice[i]) % from;
    let agent = |i: usize| format!("a{}", pick(i, 4));
    let second = n as i64 * 7 + i64::from(dice[0] % 40);
    let mut event = event(&format!("e{n}"), second, &agent(1), KINDS[pick(2, KINDS.len())])
        .with("hansard.message.recipients", json!([agent(3), agent(4), agent(5), agent(6)][..pick(6, 5)]))
        .with("gen_ai.memory.store.id", format!("p{}", pick(3, 3)))
        .with("hansard.grant.reader", agent(4))
        .with("hansard.credential.scope", ["x:read", "x:write", "x:*"][pick(5, 3)])
        .with("hansard.principal.rights", ["x:read", "x:*"][pick(6, 2)])
        .with("hansard.approval.digest", format!("d{}", pick(6, 2)))
        .with("hansard.config.name", format!("prompt/{}", agent(3)))
        .with("hansard.target.agent", agent(4))
        .with("hansard.breaker.from", agent(3))
        .with("hansard.breaker.to", agent(4))
        .with("hansard.policy.verdict", ["pass", "block"][pick(5, 2)]);
    if event.kind.starts_with("credential.") || dice[7].is_multiple_of(5) {
        let credential = format!("c{}", pick(3, 4));
        event = event.with("hansard.credential.id", credential).with("hansard.credential.expires", at(900));
    }
    event.task = Some(format!("task-{}", pick(5, 2)));
    event.principal = Some(format!("u{}", pick(7, 2)));
    event.trace = (!dice[7].is_multiple_of(11)).then(|| format!("t{}", pick(7, 2)));
    event.error_type = (dice[6] % 5 < 2).then(|| "failed".into());
    let relations = ["responds_to", "used", "delegated_by", "approved_by", "derived_from", "responds_to"];
    for i in 0..pick(4, 3) {
        let back = 1 + pick(5 + i, 12);
        if n >= back {
            event = event.because(relations[pick(3 + i, relations.len())], &format!("e{}", n - back));
        }
    }
    let asked = before.iter().rfind(|e| e.is_message() && e.agent != event.agent);
    if let (true, true, Some(asked)) = (event.is_message(), dice[4].is_multiple_of(2), asked) {
        event = event.because("responds_to", &asked.id);
    }
    event
}

/// Stories of up to 160 events.
pub(crate) fn stories() -> impl Strategy<Value = Vec<PolicyEvent>> {
    proptest::collection::vec(any::<[u16; 8]>(), 0..160).prop_map(|all| {
        all.iter().fold(Vec::new(), |mut story, dice| {
            let event = from_numbers(&story, dice);
            story.push(event);
            story
        })
    })
}

/// Limits that short stories reach.
pub(crate) fn strict() -> Policy {
    let text = "version: strict\nchecks: {messages_per_cycle: {max: 4}, concurrent_fan_out: {max: 2}, fan_out: {max: 2}, \
                credential_accumulated: {max_tasks: 1}, chain_depth: {max: 3}, \
                breaker: {failures: 2, cooldown_s: 90, min_interactions: 4}}";
    Policy::from_yaml(text).expect("a policy")
}
