//! The recorded world of one run: its model exchanges, each at the end of its conversation, and its tools.
//!
//! Guarantee: pure, and the same for the same events. An exchange is found by its request's bytes where those were
//! recorded, and by its conversation in any case. What says nothing that a model or tool could give back is counted
//! in [`Recording::unread`], not hidden.

use super::answer::Answer;
use super::dialect::Dialect;
use super::difference::Difference;
use super::guard::{self, Refusal, Withheld};
use super::item::{Canonical, Placed, Settler};
use super::tools::ToolWorld;
use super::tree::{NodeId, ROOT, Tree};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::AtomicUsize;

/// A recorded model call.
#[derive(Debug)]
pub struct Exchange {
    /// Position among the run's model calls, from 1.
    pub step: usize,
    /// The event of the answer; its first one, where several hold parts of it.
    pub event: String,
    /// The agent that asked.
    pub agent: Option<String>,
    /// Time of the event in microseconds.
    pub time_us: Option<i64>,
    /// What was answered.
    pub answer: Answer,
    /// Why the answer is not given out.
    pub refusal: Option<Refusal>,
    /// Whether the request carries the input that was changed.
    pub exposed: bool,
    /// Settings of the request, where its bytes were recorded.
    pub(super) settings: Option<(Dialect, BTreeMap<String, String>)>,
    /// Whether the conversation holds a system prompt.
    pub(super) system: bool,
    /// The conversation that was asked.
    pub(super) node: NodeId,
    /// The conversation with the answer, to go on from.
    pub(super) after: Cursor,
    pub(super) served: AtomicUsize,
}

/// A run as a world that answers.
#[derive(Debug, Default)]
pub struct Recording {
    /// Model calls in recorded order.
    pub exchanges: Vec<Exchange>,
    /// The tools.
    pub tools: ToolWorld,
    /// Ids of messages, model calls and results that could not be read.
    pub unread: Vec<String>,
    pub(super) tree: Tree,
    pub(super) by_bytes: HashMap<[u8; 32], Vec<usize>>,
    pub(super) by_response: HashMap<String, usize>,
    pub(super) models: BTreeSet<String>,
    /// Whether a model call of this run was recorded without its system prompt.
    pub(super) without_system: bool,
    /// Texts of credentials that tools gave out, which no answer and no difference may show.
    pub(super) secrets: Vec<String>,
}

/// A place in the tree from which a conversation goes on.
#[derive(Debug, Clone, Default)]
pub(super) struct Cursor {
    pub(super) node: NodeId,
    pub(super) settler: Settler,
}

impl Cursor {
    /// Adds an item.
    pub(super) fn push(&mut self, placed: Placed, tree: &mut Tree) {
        let mut settled = Vec::new();
        self.settler.push(placed, &mut settled);
        self.node = settled.into_iter().fold(self.node, |node, item| tree.extend(node, item));
    }

    /// The node of the conversation if it ends here.
    pub(super) fn end(&self, tree: &mut Tree) -> NodeId {
        let mut settled = Vec::new();
        self.settler.clone().finish(&mut settled);
        settled.into_iter().fold(self.node, |node, item| tree.extend(node, item))
    }
}

impl Recording {
    /// The items of a conversation.
    pub(super) fn items(&self, node: NodeId) -> Vec<&Canonical> {
        self.tree.path(node).into_iter().filter_map(|node| self.tree.node(node).item.as_ref()).collect()
    }

    /// Whether a text shows a credential of the record.
    pub(super) fn shows_secret(&self, text: &str) -> bool {
        let known = self.secrets.iter().any(|secret| text.contains(secret.as_str()));
        known || guard::of_text("", text).is_some_and(|refusal| refusal.withheld == Withheld::Credential)
    }

    /// A difference without the credentials that the recorded side may show.
    pub(super) fn masked(&self, difference: Difference, recorded: &str) -> Difference {
        if self.shows_secret(recorded) {
            return Difference { recorded: "(a credential, withheld)".to_owned(), ..difference };
        }
        difference
    }

    /// Number of distinct conversations.
    #[must_use]
    pub fn conversations(&self) -> usize {
        let ends = self.exchanges.iter().map(|exchange| exchange.node);
        ends.filter(|node| *node != ROOT).collect::<BTreeSet<_>>().len()
    }

    /// Calls of a step's answer as (tool, canonical arguments); empty for a step that is not there.
    #[must_use]
    pub fn calls_of(&self, step: usize) -> Vec<(String, String)> {
        let exchange = step.checked_sub(1).and_then(|index| self.exchanges.get(index));
        exchange.map(|exchange| exchange.answer.calls()).unwrap_or_default()
    }
}
