//! What a use of a credential can breach: scope, expiry, revocation, its holder, its task.
//!
//! Guarantee: a credential whose issue is not on record breaches nothing that its issue would have to say; where
//! credentials were forgotten, that is `unknown`.

use super::credential::{Credential, Issued, task};
use crate::policy::attributes::CREDENTIAL_SCOPE;
use crate::policy::breach::check;
use crate::policy::limits::SET_ENTRIES_MAX;
use crate::policy::state::{Cx, Related, micros, shown};
use std::collections::BTreeSet;

pub(super) fn observe(cx: &mut Cx<'_>, id: &str) {
    let (key, event) = (cx.key(&[id]), cx.event);
    let (actor, at_us) = (event.actor(), event.at_us());
    let before = cx.state.credentials.get(&key).cloned().unwrap_or_default();
    cx.state.credentials.change(&key, |credential| {
        if credential.users.len() < SET_ENTRIES_MAX && !credential.users.iter().any(|(agent, _)| agent == actor) {
            credential.users.push((actor.to_owned(), event.id.clone()));
        }
        if credential.last_use.as_ref().is_none_or(|(_, _, last)| *last <= at_us) {
            credential.last_use = Some((event.id.clone(), actor.to_owned(), at_us));
        }
    });
    after_revocation(cx, id, &event.id, actor, at_us);
    shared(cx, id, &before);
    let Some(issued) = &before.issued else { return unissued(cx, id) };
    beyond_scope(cx, id, issued);
    after_expiry(cx, id, issued);
    in_another_task(cx, id, issued);
    hold(cx, actor, id);
}

fn subject(id: &str) -> String {
    format!("credential {id}")
}

fn unissued(cx: &mut Cx<'_>, id: &str) {
    let forgotten = cx.state.credentials.forgotten();
    if forgotten > 0 && cx.policy.checks.credential_scope.enabled {
        cx.unknown(check::CREDENTIAL_SCOPE, subject(id), &format!("the issue of credential {id}"), forgotten);
    }
}

fn beyond_scope(cx: &mut Cx<'_>, id: &str, issued: &Issued) {
    let rule = &cx.policy.checks.credential_scope;
    let (Some(used), Some(held)) = (cx.event.terms(CREDENTIAL_SCOPE), &issued.scope) else { return };
    if let (true, Some(beyond)) = (rule.enabled, used.beyond(held)) {
        let detail = format!("{} used credential {id} for \"{beyond}\", issued for \"{held}\"", cx.event.actor());
        cx.breach(check::CREDENTIAL_SCOPE, rule.severity, subject(id), vec![(issued.event.clone(), "issue")], detail);
    }
}

fn after_expiry(cx: &mut Cx<'_>, id: &str, issued: &Issued) {
    let rule = &cx.policy.checks.credential_expired;
    let Some(until) = issued.expires_us.filter(|_| rule.enabled) else { return };
    let at_us = cx.event.at_us();
    if at_us > until.saturating_add(micros(rule.leeway_s)) {
        let late = at_us.saturating_sub(until) as f64 / 1e6;
        let detail = format!("{} used credential {id} {late:.3} s after its expiry", cx.event.actor());
        cx.breach(check::CREDENTIAL_EXPIRED, rule.severity, subject(id), vec![(issued.event.clone(), "issue")], detail);
    }
}

/// A use, of now or of before, against the revocation on record.
pub(super) fn after_revocation(cx: &mut Cx<'_>, id: &str, use_event: &str, agent: &str, at_us: i64) {
    let rule = &cx.policy.checks.credential_revoked;
    let revoked = cx.state.credentials.get(&cx.key(&[id])).and_then(|credential| credential.revoked.clone());
    let Some((revocation, from)) = revoked.filter(|_| rule.enabled) else { return };
    if at_us > from.saturating_add(micros(rule.leeway_s)) {
        let late = at_us.saturating_sub(from) as f64 / 1e6;
        let detail = format!("{agent} used credential {id} {late:.3} s after its revocation");
        let related = vec![(revocation, "revocation")];
        cx.breach_at(use_event.to_owned(), check::CREDENTIAL_REVOKED, rule.severity, subject(id), related, detail);
    }
}

/// Another agent than the holder, or than the first to use it: once for each.
fn shared(cx: &mut Cx<'_>, id: &str, before: &Credential) {
    let (rule, actor) = (&cx.policy.checks.credential_shared, cx.event.actor());
    if !rule.enabled || before.users.iter().any(|(agent, _)| agent == actor) {
        return;
    }
    let issued = before.issued.as_ref();
    let holder = issued.and_then(|issued| Some((issued.holder.clone()?, issued.event.clone(), "issue")));
    let first = before.users.first().map(|(agent, event)| (agent.clone(), event.clone(), "first_use"));
    let Some((holder, event, part)) = holder.or(first).filter(|(holder, ..)| holder != actor) else { return };
    let related: Related = vec![(event, part)];
    let detail = format!("{actor} used credential {id}, which {holder} holds; one agent expected");
    cx.breach(check::CREDENTIAL_SHARED, rule.severity, subject(id), related, detail);
}

fn in_another_task(cx: &mut Cx<'_>, id: &str, issued: &Issued) {
    let rule = &cx.policy.checks.credential_accumulated;
    let (Some(here), Some(there)) = (task(cx.event), &issued.task) else { return };
    if rule.enabled && rule.across_tasks && here != *there {
        let detail = format!("{} used credential {id} in task {here}, issued for task {there}", cx.event.actor());
        let related = vec![(issued.event.clone(), "issue")];
        cx.breach(check::CREDENTIAL_ACCUMULATED, rule.severity, subject(id), related, detail);
    }
}

/// An agent holds a credential from now on: breach when live ones come from too many tasks.
pub(super) fn hold(cx: &mut Cx<'_>, agent: &str, id: &str) {
    let credential = cx.state.credentials.get(&cx.key(&[id]));
    let Some(task) = credential.and_then(|c| c.issued.as_ref()?.task.clone()) else { return };
    let key = cx.key(&[agent]);
    let mut holds = cx.state.agents.get(&key).map(|facts| facts.holds.clone()).unwrap_or_default();
    if holds.iter().any(|(held, _)| held == id) {
        return;
    }
    let at_us = cx.event.at_us();
    let live = |held: &str| cx.state.credentials.get(&cx.key(&[held])).is_some_and(|c| c.live(at_us));
    holds.retain(|(held, _)| live(held));
    let before: BTreeSet<&String> = holds.iter().map(|(_, task)| task).collect();
    let new = !before.contains(&task);
    holds.push((id.to_owned(), task));
    let excess = holds.len().saturating_sub(SET_ENTRIES_MAX);
    holds.drain(..excess);
    cx.state.agents.change(&key, |facts| facts.holds.clone_from(&holds));
    let (rule, tasks) =
        (&cx.policy.checks.credential_accumulated, holds.iter().map(|(_, t)| t).collect::<BTreeSet<_>>());
    if rule.enabled && new && tasks.len() as u64 > rule.max_tasks {
        let detail = format!(
            "{agent} holds {} live credentials of {} tasks, at most {} tasks allowed: {}",
            holds.len(),
            tasks.len(),
            rule.max_tasks,
            shown(tasks)
        );
        let related: Related = holds
            .iter()
            .filter_map(|(held, _)| cx.state.credentials.get(&cx.key(&[held]))?.issued.as_ref())
            .map(|issued| (issued.event.clone(), "issue"))
            .collect();
        let subject = format!("credentials of agent {agent}");
        cx.breach(check::CREDENTIAL_ACCUMULATED, rule.severity, subject, related, detail);
    }
}
