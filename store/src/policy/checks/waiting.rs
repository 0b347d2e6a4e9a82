//! Concurrent fan-out: messages of one agent in one cycle that were sent to named recipients and not answered yet.
//!
//! Guarantee: one breach each time the number goes over the limit, with the messages that wait. An answer awaits no
//! answer; neither do messages of people, or such as say so. Nobody waits longer than the policy's `expires_s`.

use super::answers::Answer;
use crate::policy::attributes::EXPECTS_REPLY;
use crate::policy::breach::check;
use crate::policy::limits::SET_ENTRIES_MAX;
use crate::policy::state::{Cx, Related, micros, shown};
use serde::{Deserialize, Serialize};

/// A message that waits for one agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::policy) struct Waiting {
    pub(super) message: String,
    pub(super) to: String,
    since_us: i64,
}

pub(super) fn observe(cx: &mut Cx<'_>, answers: &[Answer]) {
    for answer in answers {
        let key = cx.key(&[&answer.from, &answer.cycle]);
        if let Some(facts) = cx.state.cycles.get_mut(&key) {
            facts.waiting.retain(|w| w.message != answer.message || w.to != answer.to);
        }
    }
    let event = cx.event;
    let failed = event.error_type.is_some();
    if !event.is_person() && !failed && event.flag(EXPECTS_REPLY).unwrap_or(answers.is_empty()) {
        sent(cx);
    }
}

fn sent(cx: &mut Cx<'_>) {
    let event = cx.event;
    let (recipients, cycle, at_us) = (event.recipients(), event.cycle(), event.at_us());
    if recipients.is_empty() {
        return;
    }
    let rule = &cx.policy.checks.concurrent_fan_out;
    let expired = at_us.saturating_sub(micros(rule.expires_s));
    let key = cx.key(&[event.actor(), &cycle]);
    let (before, waiting) = cx.state.cycles.change(&key, |facts| {
        facts.waiting.retain(|w| w.since_us > expired);
        let before = facts.waiting.len() as u64;
        for to in recipients {
            facts.waiting.push(Waiting { message: event.id.clone(), to: to.to_owned(), since_us: at_us });
        }
        let excess = facts.waiting.len().saturating_sub(SET_ENTRIES_MAX);
        facts.waiting.drain(..excess);
        (before, facts.waiting.clone())
    });
    let found = waiting.len() as u64;
    if rule.enabled && found > rule.max && before <= rule.max {
        let agents = shown(waiting.iter().map(|w| &w.to));
        let actor = event.actor();
        let detail =
            format!("{actor} waits for {found} answers at a time in {cycle}, at most {} allowed: {agents}", rule.max);
        let mut related: Related = Vec::new();
        for w in waiting.iter().filter(|w| w.message != event.id) {
            if related.last().is_none_or(|(id, _)| *id != w.message) {
                related.push((w.message.clone(), "unanswered"));
            }
        }
        cx.breach(check::CONCURRENT_FAN_OUT, rule.severity, format!("agent {actor} in {cycle}"), related, detail);
    }
}
