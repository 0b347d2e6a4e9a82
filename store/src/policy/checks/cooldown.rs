//! Cooldowns: an agent that was told to pause, and acts.
//!
//! Guarantee: one breach for each cooldown, at the first act within it by the events' own times. A later cooldown takes
//! the place of an earlier one.

use crate::policy::attributes::{COOLDOWN_SECONDS, TARGET_AGENT};
use crate::policy::breach::check;
use crate::policy::state::{Cx, micros};
use serde::{Deserialize, Serialize};

/// A cooldown of an agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::policy) struct Pause {
    event: String,
    from_us: i64,
    until_us: i64,
    found: bool,
}

pub(super) fn observe(cx: &mut Cx<'_>) {
    acted(cx);
    begun(cx);
}

fn begun(cx: &mut Cx<'_>) {
    let (event, rule) = (cx.event, &cx.policy.checks.cooldown);
    if !rule.after.contains(&event.kind) {
        return;
    }
    let agent = event.text(TARGET_AGENT).unwrap_or(event.actor());
    let length = micros(event.number(COOLDOWN_SECONDS).unwrap_or(rule.seconds));
    let from_us = event.at_us();
    let pause = Pause { event: event.id.clone(), from_us, until_us: from_us.saturating_add(length), found: false };
    let key = cx.key(&[agent]);
    cx.state.agents.change(&key, |facts| facts.pause = Some(pause));
}

fn acted(cx: &mut Cx<'_>) {
    let (event, rule) = (cx.event, &cx.policy.checks.cooldown);
    if !rule.enabled || !rule.acts.contains(&event.kind) {
        return;
    }
    let (key, at_us) = (cx.key(&[event.actor()]), event.at_us());
    let pause = cx.state.agents.get_mut(&key).and_then(|facts| facts.pause.as_mut());
    let Some(pause) = pause.filter(|p| !p.found && p.from_us < at_us && at_us < p.until_us) else { return };
    pause.found = true;
    let (began, after, length) =
        (pause.event.clone(), (at_us - pause.from_us) / 1_000_000, (pause.until_us - pause.from_us) / 1_000_000);
    let actor = event.actor();
    let detail = format!("{actor}: {} {after} s into a cooldown of {length} s", event.kind);
    let subject = format!("agent {actor} in the cooldown of {began}");
    cx.breach(check::COOLDOWN, rule.severity, subject, vec![(began, "cooldown")], detail);
}
