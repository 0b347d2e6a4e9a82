//! Unsigned and unknown senders.
//!
//! Three things show them: what the store refused (`unknown_key`, `source`; `signature`), the role of the key under
//! which a message stands on record, and what a receiver says about a message that it got (`hansard.message.sender`,
//! `hansard.message.verified`). A sender is known when a registered key may speak for it, when it spoke before in this
//! tenant, or when the policy lists it.
//!
//! Guarantee: registrations count only when the registry key signed them.

use crate::policy::attributes::{KEY_PUBLIC, KEY_SOURCES, SENDER, VERIFIED};
use crate::policy::breach::check;
use crate::policy::glob::any_matches;
use crate::policy::limits::SET_ENTRIES_MAX;
use crate::policy::state::Cx;
use schemas::kind;

/// Reasons of the store for what nobody known sent.
const UNKNOWN_REASONS: &[&str] = &["unknown_key", "source"];
/// Reasons of the store for what no signature covers.
const UNSIGNED_REASONS: &[&str] = &["signature", "root"];

pub(super) fn observe(cx: &mut Cx<'_>) {
    if let Some(reason) = &cx.event.rejected {
        return rejected(cx, reason);
    }
    registered(cx);
    if cx.event.hands_on() {
        unsigned(cx);
        unknown(cx);
    }
}

fn registered(cx: &mut Cx<'_>) {
    let event = cx.event;
    let Some(key) = event.text(KEY_PUBLIC).filter(|_| event.registry) else { return };
    match event.kind.as_str() {
        kind::KEY_REGISTERED => {
            let sources = event.texts(KEY_SOURCES).into_iter().take(SET_ENTRIES_MAX).map(str::to_owned).collect();
            cx.state.keys.insert(key, sources);
        }
        kind::KEY_REVOKED => drop(cx.state.keys.remove(key)),
        _ => {}
    }
}

fn rejected(cx: &mut Cx<'_>, reason: &str) {
    let (checks, source) = (&cx.policy.checks, &cx.event.source);
    let subject = format!("sender {source}");
    let detail = format!("the store refused an event of {source} for the reason {reason}");
    if UNKNOWN_REASONS.contains(&reason) && checks.unknown_sender.enabled {
        cx.breach(check::UNKNOWN_SENDER, checks.unknown_sender.severity, subject, Vec::new(), detail);
    } else if UNSIGNED_REASONS.contains(&reason) && checks.unsigned_sender.enabled {
        cx.breach(check::UNSIGNED_SENDER, checks.unsigned_sender.severity, subject, Vec::new(), detail);
    }
}

fn unsigned(cx: &mut Cx<'_>) {
    let (event, rule) = (cx.event, &cx.policy.checks.unsigned_sender);
    let sender = event.text(SENDER).unwrap_or(event.actor());
    let detail = if event.flag(VERIFIED) == Some(false) {
        format!("{} could not verify a signature of {sender}", event.actor())
    } else if !rule.attested.contains(&event.attested) {
        let found = if event.attested.is_empty() { "nobody" } else { &event.attested };
        format!("the message of {sender} is signed for by {found}, expected one of: {}", rule.attested.join(", "))
    } else {
        return;
    };
    if rule.enabled {
        cx.breach(check::UNSIGNED_SENDER, rule.severity, format!("sender {sender}"), Vec::new(), detail);
    }
}

fn unknown(cx: &mut Cx<'_>) {
    let (event, rule) = (cx.event, &cx.policy.checks.unknown_sender);
    let Some(sender) = event.text(SENDER).filter(|s| rule.enabled && *s != event.actor() && *s != event.source) else {
        return;
    };
    let spoke = cx.state.agents.get(&cx.key(&[sender])).is_some();
    if spoke || any_matches(&rule.known, sender) || cx.state.keys.values().any(|s| any_matches(s, sender)) {
        return;
    }
    let subject = format!("sender {sender}");
    let forgotten = cx.state.agents.forgotten() + cx.state.keys.forgotten();
    if forgotten > 0 {
        return cx.unknown(check::UNKNOWN_SENDER, subject, &format!("sender {sender}"), forgotten);
    }
    let detail = format!("{} got a message of {sender}, for whom no key is registered", event.actor());
    cx.breach(check::UNKNOWN_SENDER, rule.severity, subject, Vec::new(), detail);
}
