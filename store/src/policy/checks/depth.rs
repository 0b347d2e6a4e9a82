//! Chain depth: how many agents work was handed through.
//!
//! A chain begins with a person, who counts nothing, or with an agent, who counts one. It goes on along causes that
//! carry content (`responds_to`, `delegated_by`, `derived_from`, `used`); a step to another agent counts when what was
//! handed on is a message or handoff, or the relation is `delegated_by`. Work that comes back to an agent of the chain
//! shortens it to where that agent stood: an orchestrator that asks ten agents in turn is not ten deep.
//!
//! Guarantee: of several causes the longest chain counts. Breach at the event that makes a chain too long, once.

use crate::policy::breach::check;
use crate::policy::limits::CHAIN_AGENTS_MAX;
use crate::policy::state::{Cx, EventFacts};

/// Relations along which content reaches an event.
const CARRIES: &[&str] = &["responds_to", "delegated_by", "derived_from", "used"];
/// Relations whose cause would have to be known.
const HANDS_WORK: &[&str] = &["responds_to", "delegated_by"];

/// Where an event stands.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    /// Agents from the first to this one.
    pub(super) path: Vec<String>,
    /// The event that it began with.
    pub(super) root: String,
    /// The cause through which it came from another agent.
    from: Option<String>,
}

/// Whether content reaches an event along `relation`.
pub(super) fn carries(relation: &str) -> bool {
    CARRIES.contains(&relation)
}

pub(super) fn observe(cx: &mut Cx<'_>) -> Chain {
    let event = cx.event;
    if event.is_person() {
        return Chain { path: Vec::new(), root: event.id.clone(), from: None };
    }
    let actor = event.actor();
    let mut longest = Chain { path: vec![actor.to_owned()], root: event.id.clone(), from: None };
    let (mut known_depth, mut missing) = (0, None);
    for cause in event.causes.iter().filter(|cause| carries(&cause.relation)) {
        let Some(facts) = cx.facts(&cause.id) else {
            missing = missing.or(HANDS_WORK.contains(&cause.relation.as_str()).then_some(&cause.id));
            continue;
        };
        let hop = facts.actor != actor && (facts.message.is_some() || cause.relation == "delegated_by");
        if !hop {
            known_depth = known_depth.max(facts.path.len());
        }
        let path = continued(facts, actor, hop);
        if path.len() > longest.path.len() || longest.root == event.id {
            longest = Chain { path, root: facts.root.clone(), from: hop.then(|| cause.id.clone()) };
        }
    }
    report(cx, &longest, known_depth, missing);
    longest
}

/// The path of an event that comes from `facts`.
fn continued(facts: &EventFacts, actor: &str, hop: bool) -> Vec<String> {
    let mut path = facts.path.clone();
    if let Some(at) = path.iter().position(|agent| agent == actor) {
        path.truncate(at + 1);
    } else if (hop || path.is_empty()) && path.len() < CHAIN_AGENTS_MAX {
        path.push(actor.to_owned());
    }
    path
}

fn report(cx: &mut Cx<'_>, chain: &Chain, known_depth: usize, missing: Option<&String>) {
    let rule = &cx.policy.checks.chain_depth;
    if !rule.enabled {
        return;
    }
    let depth = chain.path.len() as u64;
    let (severity, max) = (rule.severity, rule.max);
    let subject = format!("agent {} in the chain from {}", cx.event.actor(), chain.root);
    if let (true, Some(from)) = (depth > max && chain.path.len() > known_depth, &chain.from) {
        let detail = format!("chain depth {depth}, at most {max} allowed: {}", chain.path.join(" > "));
        let related = vec![(from.clone(), "handed_on_by"), (chain.root.clone(), "root")];
        return cx.breach(check::CHAIN_DEPTH, severity, subject, related, detail);
    }
    let forgotten = cx.state.events.forgotten();
    if let (true, Some(id)) = (forgotten > 0 && depth <= max, missing) {
        cx.unknown(check::CHAIN_DEPTH, subject, &format!("event {id}"), forgotten);
    }
}
