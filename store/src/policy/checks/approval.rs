//! Approvals: by the asker itself, or of something else than what was shown.
//!
//! An approval belongs to the request that it names as a cause; an act to the approval that it names with
//! `approved_by`. Guarantee: an approval without a request on record is judged where an act uses it; one whose request
//! was forgotten is `unknown`. Asker and approver are the same when they have one name, or when one agent's own key
//! signed both.

use crate::policy::attributes::{APPROVAL_APPROVER, APPROVAL_ASKER, APPROVAL_DIGEST};
use crate::policy::breach::check;
use crate::policy::event::PolicyEvent;
use crate::policy::state::{ApprovalFacts, Cx};
use schemas::kind;

/// Judges the event, and gives what must be remembered of it.
pub(super) fn observe(cx: &mut Cx<'_>) -> Option<Box<ApprovalFacts>> {
    used(cx);
    let event = cx.event;
    match event.kind.as_str() {
        kind::APPROVAL_REQUESTED => Some(Box::new(facts(event, APPROVAL_ASKER, false))),
        kind::APPROVAL_GRANTED => {
            let mut facts = facts(event, APPROVAL_APPROVER, true);
            facts.found = granted(cx, &facts);
            Some(Box::new(facts))
        }
        _ => None,
    }
}

fn facts(event: &PolicyEvent, name: &str, granted: bool) -> ApprovalFacts {
    ApprovalFacts {
        granted,
        by: event.text(name).unwrap_or(event.actor()).to_owned(),
        digest: event.text(APPROVAL_DIGEST).map(str::to_ascii_lowercase),
        own_key: event.signer.clone().filter(|_| event.attested == "self"),
        found: false,
    }
}

/// An approval against its request; whether it was found to be the asker's own.
fn granted(cx: &mut Cx<'_>, approval: &ApprovalFacts) -> bool {
    let event = cx.event;
    let subject = format!("approval {}", event.id);
    let request = event.causes.iter().find_map(|cause| {
        let facts = cx.facts(&cause.id)?.approval.as_ref().filter(|facts| !facts.granted)?;
        Some((cause.id.clone(), facts.as_ref().clone()))
    });
    let Some((id, request)) = request else {
        let missing = event.causes.iter().find(|cause| cx.facts(&cause.id).is_none());
        let forgotten = cx.state.events.forgotten();
        if let (true, Some(cause)) = (forgotten > 0 && cx.policy.checks.approval_digest.enabled, missing) {
            cx.unknown(check::APPROVAL_DIGEST, subject, &format!("request {}", cause.id), forgotten);
        }
        return false;
    };
    let same_key = approval.own_key.is_some() && approval.own_key == request.own_key;
    let own = approval.by == request.by || same_key;
    let rule = &cx.policy.checks.approval_self;
    if own && rule.enabled {
        let how = if approval.by == request.by { "" } else { " (one key signed both)" };
        let detail = format!("{} approved what {} asked for{how}; somebody else expected", approval.by, request.by);
        cx.breach(check::APPROVAL_SELF, rule.severity, subject.clone(), vec![(id.clone(), "request")], detail);
    }
    let rule = &cx.policy.checks.approval_digest;
    if rule.enabled && request.digest.is_some() && request.digest != approval.digest {
        let detail = digests("approved", approval.digest.as_deref(), "shown", request.digest.as_deref());
        cx.breach(check::APPROVAL_DIGEST, rule.severity, subject, vec![(id, "request")], detail);
    }
    own
}

/// An act against the approval that it names.
fn used(cx: &mut Cx<'_>) {
    let event = cx.event;
    for cause in event.causes.iter().filter(|cause| cause.relation == "approved_by") {
        let approval = cx.facts(&cause.id).and_then(|facts| facts.approval.clone());
        let Some(approval) = approval.filter(|approval| approval.granted) else { continue };
        let (subject, related) = (format!("approval {}", cause.id), vec![(cause.id.clone(), "approval")]);
        let rule = &cx.policy.checks.approval_self;
        if rule.enabled && !approval.found && approval.by == event.actor() {
            let detail = format!("{} acted on an approval of its own; somebody else's expected", event.actor());
            cx.breach(check::APPROVAL_SELF, rule.severity, subject.clone(), related.clone(), detail);
        }
        let done = event.text(APPROVAL_DIGEST).map(str::to_ascii_lowercase);
        let rule = &cx.policy.checks.approval_digest;
        if rule.enabled && done.is_some() && done != approval.digest {
            let detail = digests("carried out", done.as_deref(), "approved", approval.digest.as_deref());
            cx.breach(check::APPROVAL_DIGEST, rule.severity, subject, related, detail);
        }
    }
}

fn digests(found: &str, digest: Option<&str>, expected: &str, wanted: Option<&str>) -> String {
    let text = |digest: Option<&str>| digest.unwrap_or("no digest").to_owned();
    format!("{found} was {}, {expected} was {}", text(digest), text(wanted))
}
