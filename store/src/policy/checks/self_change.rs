//! An agent that changed its own prompt, policy, tools or budget.
//!
//! `hansard.config.name` says what changed and of whom, `prompt/decider`; `hansard.config.target` says of whom where
//! the name does not. Guarantee: a change that an agent records under its own key and that names nobody is its own; one
//! that others recorded and that names nobody cannot be judged and is not.

use crate::policy::attributes::{CONFIG_NAME, CONFIG_TARGET};
use crate::policy::breach::check;
use crate::policy::glob::any_matches;
use crate::policy::state::Cx;
use schemas::kind;

pub(super) fn observe(cx: &mut Cx<'_>) {
    let (event, rule) = (cx.event, &cx.policy.checks.self_change);
    if !rule.enabled || event.kind != kind::CONFIG_CHANGED {
        return;
    }
    let Some(name) = event.text(CONFIG_NAME) else { return };
    let (what, named) = name.split_once('/').map_or((name, None), |(what, whose)| (what, Some(whose)));
    let actor = event.actor();
    let target = event.text(CONFIG_TARGET).or(named);
    let own = target.map_or(event.attested == "self", |target| target == actor || target == event.source);
    if own && any_matches(&rule.what, what) {
        let detail = format!("{actor} changed its own {what} ({name}); somebody else expected");
        let subject = format!("{what} of agent {actor}");
        cx.breach(check::SELF_CHANGE, rule.severity, subject, Vec::new(), detail);
    }
}
