//! Whether an act was possible: its credential alive, its agent not stopped, the breaker not open.
//!
//! Guarantee: what happened at the very time of the act is not held against it. A credential whose issue is not on
//! record is unknown.

use super::Cx;
use crate::state::cells::Cell;
use crate::state::cells::credential::Life;
use crate::state::key::Class;
use crate::state::names;
use crate::state::view::Position;
use schemas::header::Time;
use schemas::kind;

const CREDENTIAL: &str = "credential.alive";
const STOPPED: &str = "agent.running";
const BREAKER: &str = "breaker.closed";

/// What an agent that was stopped does not do.
const ACTS: &[&str] = &[
    kind::MODEL_CALL,
    kind::TOOL_CALL,
    kind::MESSAGE,
    kind::HANDOFF,
    kind::MEMORY_READ,
    kind::MEMORY_WRITE,
    kind::MEMORY_DELETE,
    kind::RETRIEVAL,
    kind::PLAN,
    kind::DECISION,
    kind::CREDENTIAL_USED,
];

pub(super) fn check(cx: &mut Cx<'_>) {
    credential(cx);
    stopped(cx);
    breaker(cx);
}

fn credential(cx: &mut Cx<'_>) {
    let event = cx.event;
    let Some(id) = event.text(names::CREDENTIAL_ID) else { return };
    if matches!(&*event.kind, kind::CREDENTIAL_ISSUED | kind::CREDENTIAL_REVOKED) {
        return;
    }
    let Some(Cell::Credential(cell)) = cx.view.cell(Class::Credential, &[id]) else { return cx.unknown(CREDENTIAL) };
    let (expected, now) = (format!("credential {id} to be alive"), event.at_us());
    match cell.life(now) {
        Life::Unknown => cx.unknown(CREDENTIAL),
        Life::Alive => cx.compare(CREDENTIAL, true, Default::default),
        Life::Expired => {
            let until = cell.issued.as_ref().and_then(|issued| issued.expires_us).unwrap_or(now);
            cx.compare(CREDENTIAL, false, || (expected, format!("it expired at {}", Time(until).to_rfc3339())));
        }
        Life::Revoked => {
            let by = cell.revoked.as_ref().map(|revoked| revoked.stamp.clone());
            let earlier = by.as_ref().is_some_and(|by| by.time_us < now);
            let by = by.map(|by| by.id.to_string()).unwrap_or_default();
            cx.compare(CREDENTIAL, !earlier, || (expected, format!("it was revoked by {by}")));
        }
    }
}

fn stopped(cx: &mut Cx<'_>) {
    let event = cx.event;
    let Some(agent) = event.agent.as_deref().filter(|_| ACTS.contains(&&*event.kind)) else { return };
    let kill = cx.view.stopped(agent, event.session.as_deref()).filter(|kill| kill.stamp.time_us < event.at_us());
    let by = kill.map(|kill| kill.stamp.id.to_string());
    cx.compare(STOPPED, by.is_none(), || {
        (format!("no act of {agent}, stopped by {}", by.unwrap_or_default()), format!("a {}", event.kind))
    });
}

fn breaker(cx: &mut Cx<'_>) {
    let event = cx.event;
    if event.is_person() || event.text(names::ERROR_TYPE).is_some() {
        return;
    }
    for to in event.recipients() {
        let breaker = cx.view.breaker(event.actor(), to);
        let same_time = breaker.since_us.is_some_and(|since| since >= event.at_us());
        let full = breaker.position == Position::HalfOpen && breaker.probes >= cx.view.rule.probes;
        let shut = (breaker.position == Position::Open || full) && !same_time;
        cx.compare(BREAKER, !shut, || {
            let until =
                breaker.probe_from_us.map_or_else(|| "its probe is answered".to_owned(), |us| Time(us).to_rfc3339());
            let by = breaker.tripped_by.as_ref().map(ToString::to_string).unwrap_or_default();
            let words = format!("no message from {} to {to} until {until}: breaker tripped by {by}", event.actor());
            (words, format!("a {}", event.kind))
        });
    }
}
