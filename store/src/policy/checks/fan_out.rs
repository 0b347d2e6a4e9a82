//! Fan-out: how many agents one message reaches directly.
//!
//! Downstream of a message are the recipients that it names and the agents whose events name it as a cause that carries
//! content. Guarantee: one breach for the message when it names too many, one for each further agent that turns up.

use super::depth::carries;
use crate::policy::breach::check;
use crate::policy::limits::SET_ENTRIES_MAX;
use crate::policy::state::{Cx, shown};

pub(super) fn observe(cx: &mut Cx<'_>) {
    named(cx);
    if !cx.event.is_person() {
        reached(cx);
    }
}

fn named(cx: &mut Cx<'_>) {
    let (recipients, rule) = (cx.event.recipients(), &cx.policy.checks.fan_out);
    let found = recipients.len() as u64;
    if rule.enabled && found > rule.max {
        let detail = format!(
            "message of {} names {found} agents, at most {} downstream allowed: {}",
            cx.event.actor(),
            rule.max,
            shown(recipients)
        );
        cx.breach(check::FAN_OUT, rule.severity, subject(&cx.event.id), Vec::new(), detail);
    }
}

fn reached(cx: &mut Cx<'_>) {
    let (event, rule) = (cx.event, &cx.policy.checks.fan_out);
    for cause in event.causes.iter().filter(|cause| carries(&cause.relation)) {
        let Some(facts) = cx.facts_mut(&cause.id).filter(|facts| facts.actor != event.actor()) else { continue };
        let sender = facts.actor.clone();
        let Some(message) = &mut facts.message else { continue };
        if message.downstream.len() >= SET_ENTRIES_MAX || !message.downstream.insert(event.actor().to_owned()) {
            continue;
        }
        let found = message.downstream.len() as u64;
        if rule.enabled && found > rule.max {
            let agents = shown(&message.downstream);
            let detail = format!(
                "message of {sender} reached {found} agents, at most {} downstream allowed: {agents}",
                rule.max
            );
            cx.breach(check::FAN_OUT, rule.severity, subject(&cause.id), vec![(cause.id.clone(), "message")], detail);
        }
    }
}

fn subject(message: &str) -> String {
    format!("message {message}")
}
