//! An agent that acts with more rights than the principal has for whom it acts.
//!
//! What a principal may do is stated by any event that carries `hansard.principal.rights`; what an agent exercised, by
//! `hansard.rights`, else by the scope of the credential that the event names. Guarantee: what an agent says about the
//! rights of its own principal never counts for itself, and takes nothing away from what others said.

use crate::policy::attributes::{CREDENTIAL_SCOPE, PRINCIPAL_RIGHTS, RIGHTS};
use crate::policy::breach::check;
use crate::policy::limits::RIGHTS_STATEMENTS_MAX;
use crate::policy::state::Cx;
use crate::policy::terms::Terms;
use schemas::kind;
use serde::{Deserialize, Serialize};

/// What somebody said about a principal's rights.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::policy) struct Statement {
    by: String,
    rights: Terms,
    event: String,
}

pub(super) fn observe(cx: &mut Cx<'_>) {
    let Some(principal) = cx.event.principal.as_deref() else { return };
    if let Some(rights) = cx.event.terms(PRINCIPAL_RIGHTS) {
        stated(cx, principal, rights);
    }
    if !matches!(cx.event.kind.as_str(), kind::CREDENTIAL_ISSUED | kind::CREDENTIAL_REVOKED) {
        exercised(cx, principal);
    }
}

fn stated(cx: &mut Cx<'_>, principal: &str, rights: Terms) {
    let (key, event) = (cx.key(&[principal]), cx.event);
    cx.state.principals.change(&key, |statements| {
        statements.retain(|statement| statement.by != event.actor());
        let excess = (statements.len() + 1).saturating_sub(RIGHTS_STATEMENTS_MAX);
        statements.drain(..excess);
        statements.push(Statement { by: event.actor().to_owned(), rights, event: event.id.clone() });
    });
}

fn exercised(cx: &mut Cx<'_>, principal: &str) {
    let (event, rule) = (cx.event, &cx.policy.checks.rights_exceeded);
    let Some(used) = event.terms(RIGHTS).or_else(|| event.terms(CREDENTIAL_SCOPE)).filter(|_| rule.enabled) else {
        return;
    };
    let subject = format!("agent {} for {principal}", event.actor());
    let statements = cx.state.principals.get(&cx.key(&[principal]));
    let latest = statements.and_then(|all| all.iter().rfind(|statement| statement.by != event.actor())).cloned();
    let Some(statement) = latest else {
        let forgotten = cx.state.principals.forgotten();
        if statements.is_none() && forgotten > 0 {
            cx.unknown(check::RIGHTS_EXCEEDED, subject, &format!("what {principal} may do"), forgotten);
        }
        return;
    };
    if let Some(beyond) = used.beyond(&statement.rights) {
        let detail = format!(
            "{} acted with the right \"{beyond}\" for {principal}, who has \"{}\"",
            event.actor(),
            statement.rights
        );
        let related = vec![(statement.event, "rights_of_principal")];
        cx.breach(check::RIGHTS_EXCEEDED, rule.severity, subject, related, detail);
    }
}
