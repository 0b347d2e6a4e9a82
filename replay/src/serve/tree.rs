//! All conversations of a run in one tree: a node is a conversation up to an item, found by the hash of all of it.
//!
//! Guarantee: memory grows with the distinct items of the run, not with the sum of its requests; a lookup costs one
//! hash and one probe for each item of the request.

use super::item::{Canonical, Kind};
use std::collections::HashMap;

/// Number of a node; 0 is the empty conversation.
pub(super) type NodeId = usize;

/// The empty conversation.
pub(super) const ROOT: NodeId = 0;

#[derive(Debug)]
pub(super) struct Node {
    pub(super) parent: NodeId,
    pub(super) depth: usize,
    /// Whether a system prompt is among the items.
    pub(super) system: bool,
    /// The last item; `None` at the root.
    pub(super) item: Option<Canonical>,
    pub(super) children: Vec<NodeId>,
    /// Exchanges whose request is this conversation, in recorded order.
    pub(super) exchanges: Vec<usize>,
    /// Exchanges whose request is this conversation but for the input that was changed.
    pub(super) changed: Vec<usize>,
    prefix: [u8; 32],
}

#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    by_prefix: HashMap<[u8; 32], NodeId>,
}

impl Default for Tree {
    fn default() -> Self {
        let root = Node {
            parent: ROOT,
            depth: 0,
            system: false,
            item: None,
            children: Vec::new(),
            exchanges: Vec::new(),
            changed: Vec::new(),
            prefix: [0; 32],
        };
        Self { nodes: vec![root], by_prefix: HashMap::new() }
    }
}

impl Tree {
    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    /// Number of nodes.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id]
    }

    /// The node after one more item; made where there is none.
    pub(super) fn extend(&mut self, from: NodeId, item: Canonical) -> NodeId {
        let prefix = next(&self.nodes[from].prefix, &item);
        if let Some(node) = self.by_prefix.get(&prefix) {
            return *node;
        }
        let node = self.nodes.len();
        let depth = self.nodes[from].depth + 1;
        let system = self.nodes[from].system || item.kind == Kind::System;
        self.nodes.push(Node {
            parent: from,
            depth,
            system,
            item: Some(item),
            children: Vec::new(),
            exchanges: Vec::new(),
            changed: Vec::new(),
            prefix,
        });
        self.nodes[from].children.push(node);
        self.by_prefix.insert(prefix, node);
        node
    }

    /// How far a conversation is known: the deepest node, and the number of items up to it.
    pub(super) fn walk<'a>(&self, from: NodeId, items: impl Iterator<Item = &'a Canonical>) -> (NodeId, usize) {
        let (mut node, mut matched) = (from, 0);
        for item in items {
            let Some(found) = self.by_prefix.get(&next(&self.nodes[node].prefix, item)) else { break };
            node = *found;
            matched += 1;
        }
        (node, matched)
    }

    /// The nodes from the first item to this one.
    pub(super) fn path(&self, mut node: NodeId) -> Vec<NodeId> {
        let mut path = Vec::with_capacity(self.nodes[node].depth);
        while node != ROOT {
            path.push(node);
            node = self.nodes[node].parent;
        }
        path.reverse();
        path
    }

    /// Of the exchanges at or below a node, the one whose request is nearest to `depth` items, the earliest first.
    pub(super) fn nearest_below(&self, node: NodeId, depth: usize) -> Option<usize> {
        let mut best: Option<(usize, usize)> = None;
        let mut open = vec![node];
        while let Some(at) = open.pop() {
            let node = &self.nodes[at];
            for exchange in &node.exchanges {
                let rank = (node.depth.abs_diff(depth), *exchange);
                if best.is_none_or(|found| rank < found) {
                    best = Some(rank);
                }
            }
            open.extend(&node.children);
        }
        best.map(|(_, exchange)| exchange)
    }
}

fn next(prefix: &[u8; 32], item: &Canonical) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(prefix);
    hasher.update(&item.digest);
    *hasher.finalize().as_bytes()
}
