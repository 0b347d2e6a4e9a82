//! The checks, one file each, in the order in which an event passes through them.
//!
//! Guarantee: a check that is switched off finds nothing, but what the others need of it is still remembered, so that
//! switching one check changes no other.

mod answers;
mod approval;
mod breaker;
pub(super) mod breaker_state;
mod breaker_window;
pub(super) mod cooldown;
pub(super) mod credential;
mod credential_use;
mod depth;
mod fan_out;
pub(super) mod kill;
pub(super) mod memory;
mod messages;
pub(super) mod rights;
mod self_change;
mod senders;
pub(super) mod waiting;

use super::state::{AgentFacts, Cx, EventFacts, MessageFacts};

/// Passes one event through every check and remembers it.
pub(super) fn observe(cx: &mut Cx<'_>) {
    senders::observe(cx);
    if cx.event.rejected.is_some() {
        return;
    }
    let chain = depth::observe(cx);
    fan_out::observe(cx);
    messages::observe(cx);
    let answers = answers::settle(cx);
    waiting::observe(cx, &answers);
    breaker::observe(cx, &answers);
    cooldown::observe(cx);
    kill::observe(cx);
    memory::observe(cx);
    credential::observe(cx);
    rights::observe(cx);
    let approval = approval::observe(cx);
    self_change::observe(cx);

    let event = cx.event;
    let answered = answers.iter().filter(|a| a.to == event.actor()).map(|a| a.from.clone()).collect();
    let message = event.hands_on().then(|| {
        let recipients: Vec<String> = event.recipients().into_iter().map(str::to_owned).collect();
        let downstream = recipients.iter().cloned().collect();
        let cycle = event.cycle();
        Box::new(MessageFacts { cycle, recipients, downstream, answers: answered, ..MessageFacts::default() })
    });
    let key = cx.key(&[&event.id]);
    let (actor, at_us) = (event.actor().to_owned(), event.at_us());
    let facts = EventFacts { actor, at_us, path: chain.path, root: chain.root, message, approval };
    // The first event of an id stays: a later one of another source is an id conflict, and must not rewrite what was asked
    // or shown under that id.
    if cx.state.events.get(&key).is_none() {
        cx.state.events.insert(&key, facts);
    }
    let key = cx.key(&[event.actor()]);
    cx.state.agents.change(&key, |_: &mut AgentFacts| ());
}
