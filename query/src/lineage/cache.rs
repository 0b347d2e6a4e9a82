//! All edges of a snapshot in memory, sorted by either end.
//!
//! Guarantee: answers without IO; each id is held once. Filled with `push`, then `sort`, then read only.

use crate::context::Engine;
use crate::error::Result;
use crate::lineage::edges::{Edge, EdgeIndex};
use async_trait::async_trait;
use std::collections::HashMap;
use std::sync::Arc;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct CachedEdges {
    names: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
    edges: Vec<Compact>,
    /// Positions in `edges`, by their cause.
    by_cause: Vec<u32>,
}

#[derive(Debug)]
struct Compact {
    from: u32,
    to: u32,
    relation: u32,
    basis: u32,
    digest: Option<Box<[u8; 16]>>,
}

impl CachedEdges {
    /// Adds an edge and gives how many there are.
    pub(super) fn push(&mut self, edge: &Edge) -> usize {
        let compact = Compact {
            from: self.number(&edge.from),
            to: self.number(&edge.to),
            relation: self.number(&edge.relation),
            basis: self.number(&edge.basis),
            digest: edge.digest.map(Box::new),
        };
        self.edges.push(compact);
        self.edges.len()
    }

    /// Makes it ready for look-ups.
    pub(super) fn sort(&mut self) {
        self.edges.sort_by_key(|e| (e.from, e.to, e.relation));
        self.by_cause = (0u32..).take(self.edges.len()).collect();
        self.by_cause.sort_by_key(|at| self.edges[*at as usize].to);
        self.edges.shrink_to_fit();
        self.names.shrink_to_fit();
    }

    fn number(&mut self, name: &Arc<str>) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(Arc::clone(name));
        self.numbers.insert(Arc::clone(name), number);
        number
    }

    fn edge(&self, compact: &Compact) -> Edge {
        let name = |number: u32| Arc::clone(&self.names[number as usize]);
        Edge {
            from: name(compact.from),
            to: name(compact.to),
            relation: name(compact.relation),
            basis: name(compact.basis),
            digest: compact.digest.as_deref().copied(),
        }
    }

    fn of(&self, id: &Arc<str>, positions: impl Fn(u32) -> (usize, usize), at: impl Fn(usize) -> usize) -> Vec<Edge> {
        let Some(number) = self.numbers.get(id) else { return Vec::new() };
        let (from, to) = positions(*number);
        (from..to).map(|place| self.edge(&self.edges[at(place)])).collect()
    }
}

#[async_trait]
impl EdgeIndex for CachedEdges {
    async fn causes(&self, _: &Engine, ids: &[Arc<str>]) -> Result<Vec<Edge>> {
        let range = |n: u32| (self.edges.partition_point(|e| e.from < n), self.edges.partition_point(|e| e.from <= n));
        Ok(ids.iter().flat_map(|id| self.of(id, range, |place| place)).collect())
    }

    async fn effects(&self, _: &Engine, ids: &[Arc<str>]) -> Result<Vec<Edge>> {
        let cause = |at: &u32| self.edges[*at as usize].to;
        let range = |n: u32| {
            (self.by_cause.partition_point(|at| cause(at) < n), self.by_cause.partition_point(|at| cause(at) <= n))
        };
        Ok(ids.iter().flat_map(|id| self.of(id, range, |place| self.by_cause[place] as usize)).collect())
    }
}
