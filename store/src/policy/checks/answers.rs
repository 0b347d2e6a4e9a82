//! Which messages an event answers, and whether the answer is a failure: what waiting and breakers are made of.
//!
//! An event answers a message when it is a message, a decision or an error and names it with `responds_to` or
//! `delegated_by`; or, where no such link stands, when it is a message to an agent that waits for its sender in the
//! same cycle (the longest wait is meant). An error that the sender itself records about its own message is a failure
//! of those who had not answered.
//!
//! Guarantee: a message and an agent that it went to make one answer at most; later ones count nothing.

use crate::policy::attributes::ANOMALY;
use crate::policy::event::PolicyEvent;
use crate::policy::limits::SET_ENTRIES_MAX;
use crate::policy::state::Cx;
use schemas::kind;

/// How an interaction of two agents ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::policy) enum Outcome {
    Success,
    Failure,
    Anomaly,
}

/// A message that is settled by the event at hand.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// Who had sent it.
    pub(super) from: String,
    /// To whom.
    pub(super) to: String,
    /// The message.
    pub(super) message: String,
    /// When it was sent.
    pub(super) sent_us: i64,
    /// Its cycle.
    pub(super) cycle: String,
    /// How it ended.
    pub(super) outcome: Outcome,
    /// Whether both are agents: nobody breaks a circuit to a person.
    pub(super) agents: bool,
}

/// Answers that the event gives; each message and agent is settled once.
pub(super) fn settle(cx: &mut Cx<'_>) -> Vec<Answer> {
    let event = cx.event;
    let failed = event.error_type.is_some();
    if !(event.is_message() || event.kind == kind::DECISION || failed) {
        return Vec::new();
    }
    let linked = |relation: &str| relation == "responds_to" || relation == "delegated_by";
    let mut answers = Vec::new();
    for cause in event.causes.iter().filter(|cause| linked(&cause.relation)) {
        for agent in answering(cx, &cause.id, failed) {
            answers.extend(settle_one(cx, &cause.id, &agent));
        }
    }
    if answers.is_empty() && event.is_message() {
        for (message, agent) in waited_for(cx) {
            answers.extend(settle_one(cx, &message, &agent));
        }
    }
    answers
}

fn outcome(event: &PolicyEvent) -> Outcome {
    match (event.error_type.is_some(), event.flag(ANOMALY)) {
        (true, _) => Outcome::Failure,
        (false, Some(true)) => Outcome::Anomaly,
        (false, _) => Outcome::Success,
    }
}

/// For whom the event settles `message`: its own agent, or all who are open where the sender reports an error.
fn answering(cx: &Cx<'_>, message: &str, failed: bool) -> Vec<String> {
    let actor = cx.event.actor();
    match cx.facts(message) {
        Some(facts) if facts.actor != actor => vec![actor.to_owned()],
        Some(facts) if failed => facts.message.as_ref().map(|m| m.recipients.clone()).unwrap_or_default(),
        _ => Vec::new(),
    }
}

fn settle_one(cx: &mut Cx<'_>, id: &str, agent: &str) -> Option<Answer> {
    let (outcome, person) = (outcome(cx.event), cx.event.is_person());
    let facts = cx.facts_mut(id)?;
    let agents = !person && !facts.path.is_empty();
    let (from, sent_us) = (facts.actor.clone(), facts.at_us);
    let message = facts.message.as_mut()?;
    if message.settled.len() >= SET_ENTRIES_MAX || !message.settled.insert(agent.to_owned()) {
        return None;
    }
    let cycle = message.cycle.clone();
    Some(Answer { from, to: agent.to_owned(), message: id.to_owned(), sent_us, cycle, outcome, agents })
}

/// Messages to this agent that the recipients of the event wait for: (message, this agent).
fn waited_for(cx: &Cx<'_>) -> Vec<(String, String)> {
    let (event, cycle) = (cx.event, cx.event.cycle());
    let oldest = |asker: &str| {
        let waiting = &cx.state.cycles.get(&cx.key(&[asker, &cycle]))?.waiting;
        let first = waiting.iter().find(|w| w.to == event.actor())?;
        Some((first.message.clone(), event.actor().to_owned()))
    };
    event.recipients().into_iter().filter_map(oldest).collect()
}
