//! Acts after a kill.
//!
//! `agent.killed` and `budget.killed` stop an agent, in one session where they name one; `agent.resumed` by somebody
//! else lifts it. Guarantee: by the events' own times; where the kill is committed after the act, the latest act of the
//! agent is still found. At most [`FINDINGS_PER_KILL_MAX`] breaches for one kill, and the last of them says so.

use crate::policy::attributes::{TARGET_AGENT, TARGET_SESSION};
use crate::policy::breach::check;
use crate::policy::limits::{FINDINGS_PER_KILL_MAX, SET_ENTRIES_MAX};
use crate::policy::state::{Cx, micros};
use schemas::kind;
use serde::{Deserialize, Serialize};

/// A kill in force.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::policy) struct Kill {
    event: String,
    at_us: i64,
    /// The one session that was stopped.
    session: Option<String>,
    findings: u64,
}

impl Kill {
    fn stops(&self, session: Option<&str>, at_us: i64, grace_s: u64) -> bool {
        let here = self.session.is_none() || self.session.as_deref() == session;
        here && at_us > self.at_us.saturating_add(micros(grace_s))
    }
}

pub(super) fn observe(cx: &mut Cx<'_>) {
    match cx.event.kind.as_str() {
        kind::AGENT_KILLED | kind::BUDGET_KILLED => killed(cx),
        kind::AGENT_RESUMED => resumed(cx),
        _ if cx.policy.checks.act_after_kill.acts.contains(&cx.event.kind) => acted(cx),
        _ => {}
    }
}

fn killed(cx: &mut Cx<'_>) {
    let event = cx.event;
    let agent = event.text(TARGET_AGENT).unwrap_or(event.actor());
    let session = event.text(TARGET_SESSION).map(str::to_owned);
    let kill = Kill { event: event.id.clone(), at_us: event.at_us(), session, findings: 0 };
    let key = cx.key(&[agent]);
    cx.state.kills.change(&key, |kills| {
        if kills.len() >= SET_ENTRIES_MAX {
            kills.remove(0);
        }
        kills.push(kill);
    });
    let act = cx.state.agents.get(&key).and_then(|facts| facts.last_act.clone());
    if let Some((id, at_us, session)) = act {
        find(cx, agent, &id, at_us, session.as_deref(), "an act");
    }
}

fn acted(cx: &mut Cx<'_>) {
    let event = cx.event;
    let (actor, at_us) = (event.actor(), event.at_us());
    let key = cx.key(&[actor]);
    cx.state.agents.change(&key, |facts| {
        if facts.last_act.as_ref().is_none_or(|(_, last, _)| *last <= at_us) {
            facts.last_act = Some((event.id.clone(), at_us, event.session.clone()));
        }
    });
    find(cx, actor, &event.id, at_us, event.session.as_deref(), &event.kind);
}

fn find(cx: &mut Cx<'_>, agent: &str, id: &str, at_us: i64, session: Option<&str>, what: &str) {
    let rule = &cx.policy.checks.act_after_kill;
    let key = cx.key(&[agent]);
    let kills = cx.state.kills.get_mut(&key).filter(|_| rule.enabled);
    let Some(kill) = kills.and_then(|all| all.iter_mut().find(|kill| kill.stops(session, at_us, rule.grace_s))) else {
        return;
    };
    kill.findings += 1;
    if kill.findings > FINDINGS_PER_KILL_MAX {
        return;
    }
    let last = if kill.findings == FINDINGS_PER_KILL_MAX { "; further acts after it are not listed" } else { "" };
    let after = at_us.saturating_sub(kill.at_us) as f64 / 1e6;
    let killed = kill.event.clone();
    let detail = format!("{agent} was killed and {after:.3} s later there is {what}, none expected{last}");
    let subject = format!("agent {agent} after kill {killed}");
    cx.breach_at(id.to_owned(), check::ACT_AFTER_KILL, rule.severity, subject, vec![(killed, "kill")], detail);
}

fn resumed(cx: &mut Cx<'_>) {
    let (event, rule) = (cx.event, &cx.policy.checks.act_after_kill);
    let target = event.text(TARGET_AGENT);
    let itself = target.map_or(event.attested == "self", |agent| agent == event.actor());
    let agent = target.unwrap_or(event.actor());
    let key = cx.key(&[agent]);
    if !itself {
        cx.state.kills.remove(&key);
        return;
    }
    let killed = cx.state.kills.get(&key).and_then(|kills| kills.last()).map(|kill| kill.event.clone());
    if let (true, Some(killed)) = (rule.enabled, killed) {
        let detail = format!("{agent} was killed and resumed itself, expected somebody else to resume it");
        let subject = format!("agent {agent} after kill {killed}");
        cx.breach(check::ACT_AFTER_KILL, rule.severity, subject, vec![(killed, "kill")], detail);
    }
}
