//! The life of credentials: issued, used, revoked.
//!
//! `credential.used`, and any other event that names a credential, is a use. What is found about uses stands in
//! `credential_use.rs`. Guarantee: by the events' own times; where a revocation is committed after the use that it
//! forbids, the latest use is still found.

use super::credential_use;
use crate::policy::attributes::{CREDENTIAL_EXPIRES, CREDENTIAL_HOLDER, CREDENTIAL_ID, CREDENTIAL_SCOPE};
use crate::policy::event::PolicyEvent;
use crate::policy::state::Cx;
use crate::policy::terms::Terms;
use schemas::kind;
use serde::{Deserialize, Serialize};

/// What is remembered of a credential.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(in crate::policy) struct Credential {
    pub(super) issued: Option<Issued>,
    /// Event and time of the revocation.
    pub(super) revoked: Option<(String, i64)>,
    /// Agents that used it, each with the event of its first use.
    pub(super) users: Vec<(String, String)>,
    /// The latest use: event, agent, time.
    pub(super) last_use: Option<(String, String, i64)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Issued {
    pub(super) event: String,
    pub(super) scope: Option<Terms>,
    pub(super) expires_us: Option<i64>,
    pub(super) holder: Option<String>,
    pub(super) task: Option<String>,
}

impl Credential {
    /// Whether it can be used at a time.
    pub(super) fn live(&self, at_us: i64) -> bool {
        let expired = self.issued.as_ref().and_then(|i| i.expires_us).is_some_and(|until| at_us > until);
        let revoked = self.revoked.as_ref().is_some_and(|(_, from)| at_us > *from);
        !expired && !revoked
    }
}

pub(super) fn observe(cx: &mut Cx<'_>) {
    let Some(id) = cx.event.text(CREDENTIAL_ID) else { return };
    match cx.event.kind.as_str() {
        kind::CREDENTIAL_ISSUED => issued(cx, id),
        kind::CREDENTIAL_REVOKED => revoked(cx, id),
        _ => credential_use::observe(cx, id),
    }
}

/// The task of an event; its session where no task is named.
pub(super) fn task(event: &PolicyEvent) -> Option<String> {
    event.task.clone().or_else(|| event.session.clone())
}

fn issued(cx: &mut Cx<'_>, id: &str) {
    let (key, event) = (cx.key(&[id]), cx.event);
    let issued = Issued {
        event: event.id.clone(),
        scope: event.terms(CREDENTIAL_SCOPE),
        expires_us: event.time(CREDENTIAL_EXPIRES),
        holder: event.text(CREDENTIAL_HOLDER).map(str::to_owned),
        task: task(event),
    };
    let holder = issued.holder.clone();
    cx.state.credentials.change(&key, |credential| {
        credential.issued = Some(issued);
        credential.revoked = None;
    });
    if let Some(holder) = holder {
        credential_use::hold(cx, &holder, id);
    }
}

fn revoked(cx: &mut Cx<'_>, id: &str) {
    let (key, event) = (cx.key(&[id]), cx.event);
    let revocation = (event.id.clone(), event.at_us());
    let used = cx.state.credentials.change(&key, |credential| {
        credential.revoked.get_or_insert(revocation);
        credential.last_use.clone()
    });
    if let Some((use_event, agent, at_us)) = used {
        credential_use::after_revocation(cx, id, &use_event, &agent, at_us);
    }
}
