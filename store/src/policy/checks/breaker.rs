//! The circuit breaker between two agents, replayed from events: closed, open, half open, for each ordered pair.
//!
//! An interaction is a message or handoff from one agent and the answer of the other. A failure is an answer with
//! `error.type`, or an error that the sender records; an anomaly is an answer that is flagged, or that a guardrail
//! refuses later. Enough of either trips it. While it is open, every message is a breach; after the cooldown one probe
//! may go out, whose answer closes it or opens it anew. A probe that is never answered counts nothing after another
//! cooldown. `breaker.tripped` and `breaker.reset` set it outright, unless one of the two agents recorded them itself.
//!
//! Guarantee: what was sent before a trip and is answered after it moves nothing.

use super::answers::{Answer, Outcome};
use super::breaker_state::{Breaker, Position};
use crate::policy::attributes::{ANOMALY, BREAKER_FROM, BREAKER_TO, VERDICT};
use crate::policy::breach::check;
use crate::policy::rules::BreakerRule;
use crate::policy::state::{Cx, Related, micros};
use schemas::kind;

/// Verdicts of guardrails and policies that are refusals.
const REFUSALS: &[&str] = &["block", "blocked", "deny", "denied", "fail", "failed"];

pub(super) fn observe(cx: &mut Cx<'_>, answers: &[Answer]) {
    recorded(cx);
    for answer in answers.iter().filter(|answer| answer.agents) {
        ended(cx, answer);
    }
    flagged(cx, answers);
    for to in cx.event.recipients() {
        if !cx.event.is_person() && cx.event.error_type.is_none() {
            sent(cx, to);
        }
    }
}

/// Changes the breaker of a pair.
fn with<T>(cx: &mut Cx<'_>, from: &str, to: &str, change: impl FnOnce(&mut Breaker) -> T) -> T {
    let (key, tenant) = (cx.key(&[from, to]), &cx.event.tenant);
    cx.state.breakers.change(&key, |breaker| {
        if breaker.from.is_empty() {
            *breaker = Breaker { tenant: tenant.clone(), from: from.into(), to: to.into(), ..Breaker::default() };
        }
        change(breaker)
    })
}

/// A gateway's own breaker.
fn recorded(cx: &mut Cx<'_>) {
    let event = cx.event;
    let (Some(from), Some(to)) = (event.text(BREAKER_FROM), event.text(BREAKER_TO)) else { return };
    if event.attested == "self" && [from, to].contains(&event.actor()) {
        return;
    }
    match event.kind.as_str() {
        kind::BREAKER_TRIPPED => with(cx, from, to, |breaker| breaker.trip(event.at_us(), &event.id)),
        kind::BREAKER_RESET => with(cx, from, to, |breaker| breaker.close(event.at_us())),
        _ => {}
    }
}

/// An interaction ended.
fn ended(cx: &mut Cx<'_>, answer: &Answer) {
    let (event, rule) = (cx.event, &cx.policy.checks.breaker);
    let tripped = with(cx, &answer.from, &answer.to, |breaker| {
        let probe = breaker.probes.iter().any(|(message, _)| *message == answer.message)
            || breaker.probe_from_us(rule).is_some_and(|from| answer.sent_us >= from);
        match (breaker.position, probe) {
            (Position::Closed, _) => {
                breaker.window.push(answer.outcome, &event.id, rule.window);
                trip(breaker, rule, event.at_us(), &event.id)
            }
            (_, false) => None,
            (_, true) if answer.outcome == Outcome::Success => {
                breaker.close(event.at_us());
                None
            }
            (_, true) => {
                breaker.trip(event.at_us(), &event.id);
                Some(("the probe failed".to_owned(), vec![(answer.message.clone(), "probe")]))
            }
        }
    });
    report_trip(cx, &answer.from, &answer.to, tripped);
}

/// Trips a closed breaker whose window asks for it.
fn trip(breaker: &mut Breaker, rule: &BreakerRule, at_us: i64, event: &str) -> Option<(String, Related)> {
    let why = breaker.window.trips(rule)?;
    breaker.trip(at_us, event);
    Some(why)
}

/// An answer that went through is refused or flagged later.
fn flagged(cx: &mut Cx<'_>, answers: &[Answer]) {
    let (event, rule) = (cx.event, &cx.policy.checks.breaker);
    let judges = event.kind == kind::GUARDRAIL || event.kind == kind::POLICY_VERDICT;
    let refused = judges && event.text(VERDICT).is_some_and(|verdict| REFUSALS.contains(&verdict));
    if !answers.is_empty() || !(refused || event.flag(ANOMALY) == Some(true)) {
        return;
    }
    for cause in &event.causes {
        let Some(facts) = cx.facts(&cause.id) else { continue };
        let (to, askers) = (facts.actor.clone(), facts.message.as_ref().map(|m| m.answers.clone()).unwrap_or_default());
        for from in askers {
            let tripped = with(cx, &from, &to, |breaker| {
                if breaker.position != Position::Closed {
                    return None;
                }
                breaker.window.flag(&cause.id, rule.window);
                trip(breaker, rule, event.at_us(), &event.id)
            });
            report_trip(cx, &from, &to, tripped);
        }
    }
}

fn report_trip(cx: &mut Cx<'_>, from: &str, to: &str, why: Option<(String, Related)>) {
    let rule = &cx.policy.checks.breaker;
    if let (true, Some((words, related))) = (rule.enabled, why) {
        let detail =
            format!("breaker from {from} to {to} tripped: {words}; closed to messages for {} s", rule.cooldown_s);
        cx.breach(check::BREAKER_TRIPPED, rule.severity, subject(from, to), related, detail);
    }
}

/// A message goes out.
fn sent(cx: &mut Cx<'_>, to: &str) {
    let (event, rule) = (cx.event, &cx.policy.checks.breaker);
    let (from, at_us) = (event.actor(), event.at_us());
    if cx.state.breakers.get(&cx.key(&[from, to])).is_none() {
        return;
    }
    let found = with(cx, from, to, |breaker| {
        if breaker.since_us.is_some_and(|since| at_us < since) {
            return None;
        }
        if let Some(due) = breaker.probe_from_us(rule) {
            if at_us < due {
                let left = (due - at_us).div_euclid(1_000_000) + i64::from((due - at_us).rem_euclid(1_000_000) > 0);
                let words = format!("is open: {left} s of its cooldown of {} s are left", rule.cooldown_s);
                return Some((check::BREAKER_OPEN, words, vec![(breaker.tripped_by.clone(), "tripped_by")]));
            }
            breaker.position = Position::HalfOpen;
            breaker.since_us = Some(due);
        }
        if breaker.position != Position::HalfOpen {
            return None;
        }
        let stale = at_us.saturating_sub(micros(rule.cooldown_s));
        breaker.probes.retain(|(_, sent)| *sent > stale);
        if (breaker.probes.len() as u64) < rule.probes {
            breaker.probes.push((event.id.clone(), at_us));
            return None;
        }
        let words = format!("is half open with {} probe(s) out, at most {} allowed", breaker.probes.len(), rule.probes);
        Some((check::BREAKER_PROBE, words, breaker.probes.iter().map(|(id, _)| (id.clone(), "probe")).collect()))
    });
    if let (true, Some((check, words, related))) = (rule.enabled, found) {
        let detail = format!("{from} sent a message to {to}, and the breaker between them {words}");
        cx.breach(check, rule.severity, subject(from, to), related, detail);
    }
}

fn subject(from: &str, to: &str) -> String {
    format!("breaker from {from} to {to}")
}
