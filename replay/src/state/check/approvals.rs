//! Approvals: decided about what was shown, and acts about what was approved.
//!
//! Guarantee: a decision has the digest of its request; an act that names a decision with `approved_by` names a grant,
//! and has its digest where it states one. Requests and decisions that are not on record are unknown.

use super::{Cx, Facts};
use crate::state::cells::Cell;
use crate::state::event::StateEvent;
use crate::state::key::Class;
use crate::state::limits::REQUESTS_MAX;
use crate::state::units::approval_digest;
use schemas::kind;

const DECISION: &str = "approval.digest";
const ACT: &str = "approval.act";

pub(super) fn learn(facts: &mut Facts, event: &StateEvent) {
    let granted = match &*event.kind {
        kind::APPROVAL_GRANTED => true,
        kind::APPROVAL_DENIED => false,
        _ => return,
    };
    facts.decisions.insert(event.id.clone(), (granted, approval_digest(event)));
}

/// Decisions that were there before.
pub(super) fn learn_before(facts: &mut Facts, cell: &Cell) {
    let Cell::Approval(approval) = cell else { return };
    if let Some(decision) = &approval.decision {
        facts.decisions.insert(decision.stamp.id.clone(), (decision.granted, decision.digest.clone()));
    }
}

pub(super) fn check(cx: &mut Cx<'_>) {
    if matches!(&*cx.event.kind, kind::APPROVAL_GRANTED | kind::APPROVAL_DENIED) {
        decided(cx);
    }
    acted(cx);
}

fn decided(cx: &mut Cx<'_>) {
    let event = cx.event;
    let own = approval_digest(event);
    let named = event.causes.iter().filter(|cause| &*cause.relation == "responds_to").take(REQUESTS_MAX);
    for cause in named {
        let id = cause.id.to_string();
        let request = match cx.view.cell(Class::Approval, &[&id, ""]) {
            Some(Cell::Approval(approval)) => approval.request.as_ref(),
            _ => None,
        };
        let shown = request.and_then(|request| request.digest.clone());
        match shown {
            None => cx.unknown(DECISION),
            Some(shown) => {
                let found = own.as_deref().unwrap_or("no digest").to_owned();
                cx.compare(DECISION, own.as_ref() == Some(&shown), || {
                    (format!("digest {shown} of request {id}"), found)
                });
            }
        }
    }
}

fn acted(cx: &mut Cx<'_>) {
    let event = cx.event;
    for cause in event.causes.iter().filter(|cause| &*cause.relation == "approved_by") {
        let Some((granted, digest)) = cx.facts.decisions.get(&cause.id).cloned() else {
            cx.unknown(ACT);
            continue;
        };
        cx.compare(ACT, granted, || (format!("a grant, which {} is not", cause.id), "an act that names it".to_owned()));
        if let Some(own) = approval_digest(event) {
            let wanted = digest.as_deref().unwrap_or("no digest").to_owned();
            cx.compare(ACT, digest.as_ref() == Some(&own), || {
                (format!("digest {wanted} of {}", cause.id), own.to_string())
            });
        }
    }
}
