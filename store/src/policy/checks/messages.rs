//! Messages and handoffs of one agent in one cycle (one root trace; a session where no trace is named).
//!
//! Guarantee: one breach for an agent and cycle, at the first message too many. People are not counted. A message
//! without trace and session counts into one cycle of its agent, so that leaving both out is no way around the limit.

use crate::policy::breach::check;
use crate::policy::state::Cx;

pub(super) fn observe(cx: &mut Cx<'_>) {
    let event = cx.event;
    if !event.hands_on() || event.is_person() {
        return;
    }
    let cycle = event.cycle();
    let key = cx.key(&[event.actor(), &cycle]);
    let (sent, first) = cx.state.cycles.change(&key, |facts| {
        facts.messages += 1;
        if facts.messages == 1 {
            facts.first = event.id.clone();
        }
        (facts.messages, facts.first.clone())
    });
    let rule = &cx.policy.checks.messages_per_cycle;
    if rule.enabled && sent == rule.max + 1 {
        let detail = format!("{} sent {sent} messages in {cycle}, at most {} allowed", event.actor(), rule.max);
        let subject = format!("agent {} in {cycle}", event.actor());
        cx.breach(check::MESSAGES_PER_CYCLE, rule.severity, subject, vec![(first, "first_message")], detail);
    }
}
