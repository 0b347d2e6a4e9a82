//! What an event says about the breakers between agents.
//!
//! A message or handoff that names recipients went from its agent to each of them. Where it also names, with
//! `responds_to` or `delegated_by`, a message of theirs, it is an answer to it: a failure with `error.type`, an anomaly
//! when it is flagged, else a success. An answer that names no recipients belongs to nobody's breaker. People have no
//! breakers. A gateway's own `breaker.tripped` and `.reset` count unless one of the two agents recorded them.
//!
//! Guarantee: a pure function of the event, so that no other event need be known.

use super::cells::{Cell, Fact, Facts, Flagged, What};
use super::event::StateEvent;
use super::key::Class;
use super::names;
use super::stamp::EventId;
use super::units::Units;
use schemas::kind;

/// Verdicts of guardrails and policies that are refusals.
const REFUSALS: &[&str] = &["block", "blocked", "deny", "denied", "fail", "failed"];

pub(super) fn observe(out: &mut Units<'_>) {
    recorded(out);
    flagged(out);
    if !out.event.is_person() {
        passed(out);
    }
}

fn fact(event: &StateEvent, what: What, message: Option<&EventId>) -> Cell {
    Facts::of(Fact { stamp: event.stamp(), what, message: message.cloned() }).into()
}

/// A gateway's own breaker.
fn recorded(out: &mut Units<'_>) {
    let event = out.event;
    let what = match &*event.kind {
        kind::BREAKER_TRIPPED => What::Tripped,
        kind::BREAKER_RESET => What::Reset,
        _ => return,
    };
    let (Some(from), Some(to)) = (event.text(names::BREAKER_FROM), event.text(names::BREAKER_TO)) else { return };
    if &*event.attested != "self" || ![from, to].contains(&event.actor()) {
        out.put(Class::Breaker, &[from, to], fact(event, what, None));
    }
}

/// A judgement on earlier events.
fn flagged(out: &mut Units<'_>) {
    let event = out.event;
    let judges = matches!(&*event.kind, kind::GUARDRAIL | kind::POLICY_VERDICT);
    let refused = judges && event.text(names::VERDICT).is_some_and(|verdict| REFUSALS.contains(&verdict));
    let elsewhere = event.flag(names::ANOMALY) == Some(true) && !event.hands_on();
    if refused || elsewhere {
        for cause in &event.causes {
            out.put(Class::Flag, &[&cause.id.to_string()], Flagged { stamp: event.stamp() });
        }
    }
}

/// A message and, where it is one, an answer.
fn passed(out: &mut Units<'_>) {
    let event = out.event;
    let (failed, actor) = (event.text(names::ERROR_TYPE).is_some(), event.actor());
    let answered =
        event.last_cause(&["responds_to", "delegated_by"]).filter(|_| failed || &*event.kind != kind::HANDOFF);
    let outcome = match (failed, event.flag(names::ANOMALY)) {
        (true, _) => What::Failure,
        (false, Some(true)) => What::Anomaly,
        (false, _) => What::Success,
    };
    for other in event.recipients() {
        if answered.is_some() {
            out.put(Class::Breaker, &[other, actor], fact(event, outcome, answered));
        }
        // An error about a message of its own, or about this one, which then did not go out.
        let what = if failed { What::Failure } else { What::Sent };
        out.put(Class::Breaker, &[actor, other], fact(event, what, answered.filter(|_| failed)));
    }
}
