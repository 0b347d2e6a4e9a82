//! `trace`: everything upstream or downstream of an event.
//!
//! Guarantee and failure: see [`crate::lineage`].

use crate::context::Engine;
use crate::coverage::Coverage;
use crate::error::{QueryError, Result};
use crate::limits::EXCERPT_NODES_MAX;
use crate::lineage::describe::{self, Node};
use crate::lineage::edges::Edge;
use crate::lineage::walk::{Bounds, Cut, Missing, Walk};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;
use utoipa::ToSchema;

/// Which way to walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Towards causes.
    Up,
    /// Towards effects.
    Down,
}

impl FromStr for Direction {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "up" => Ok(Self::Up),
            "down" => Ok(Self::Down),
            other => Err(QueryError::invalid(
                "direction",
                format!("expected up (causes) or down (effects), found {other:?}"),
            )),
        }
    }
}

/// Whether a link is itself evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkDigest {
    /// The effect's signed header carries the cause's header digest, and the record holds that header.
    Matches,
    /// It carries a digest, but the record holds another header under this id.
    Differs,
    /// It carries a digest, and the record does not hold the cause.
    Unchecked,
    /// It names the cause by id only.
    None,
}

/// A link of a walk, from the effect to its cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Link {
    /// The effect.
    pub from: String,
    /// The cause.
    pub to: String,
    /// How: responds_to, used, ...
    pub relation: String,
    /// How the link is known: stated, ...
    pub basis: String,
    /// Who attests the event that states it: `self`, `gateway` or `import`.
    pub attested: Option<String>,
    /// Whether the link is itself evidence.
    pub digest: LinkDigest,
}

/// An event of a trace.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Visited {
    /// Links from the start.
    pub depth: u32,
    /// The link that reached it first, as a position in `links`.
    pub via: Option<usize>,
    /// The event; `null` when the record does not hold it.
    #[serde(flatten)]
    pub node: Option<Node>,
    /// Its id, which stands there even when nothing else does.
    pub event_id: String,
}

/// See the module.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Trace {
    /// Where the walk began.
    pub starts: Vec<String>,
    /// Which way it went.
    pub direction: Direction,
    /// Events in the order they were reached.
    pub nodes: Vec<Visited>,
    /// Links between them.
    pub links: Vec<Link>,
    /// Causes that the record does not hold.
    pub missing: Vec<Missing>,
    /// The bound that stopped the walk; `null` when it is complete.
    pub cut: Option<Cut>,
    /// What it stands on.
    pub coverage: Coverage,
}

impl Engine {
    /// Everything upstream or downstream of the event that `reference` names (see [`Engine::resolve`]).
    ///
    /// # Errors
    /// `NotFound` when there is no such event, `Invalid` when several answer to it.
    pub async fn trace(&self, reference: &str, direction: Direction, bounds: Bounds) -> Result<Trace> {
        let start: Arc<str> = self.resolve(reference).await?.into();
        self.trace_from(&[start], direction, bounds).await
    }

    pub(super) async fn trace_from(&self, starts: &[Arc<str>], direction: Direction, bounds: Bounds) -> Result<Trace> {
        let walk = Walk::run(self, starts, direction, bounds).await?;
        let digests = walk.edges.iter().any(|edge| edge.digest.is_some());
        let mut nodes = describe::describe(self, &walk.order, digests).await?;
        let mut coverage = self.coverage();
        let told = &walk.order[..walk.order.len().min(EXCERPT_NODES_MAX)];
        describe::excerpts(self, told, &mut nodes, &mut coverage).await?;
        Ok(assemble(starts, direction, walk, &mut nodes, coverage))
    }
}

fn assemble(
    starts: &[Arc<str>],
    direction: Direction,
    walk: Walk,
    nodes: &mut HashMap<Arc<str>, Node>,
    coverage: Coverage,
) -> Trace {
    let missing = walk.edges.iter().filter(|edge| !nodes.contains_key(&edge.to)).map(|edge| Missing {
        id: edge.to.to_string(),
        named_by: edge.from.to_string(),
        relation: edge.relation.to_string(),
    });
    let missing = missing.collect();
    let links = walk.edges.iter().map(|edge| link(edge, nodes)).collect();
    let visited = walk.order.iter().map(|id| Visited {
        depth: walk.depth.get(id).copied().unwrap_or_default(),
        via: walk.via.get(id).copied(),
        node: nodes.remove(id),
        event_id: id.to_string(),
    });
    Trace {
        starts: starts.iter().map(ToString::to_string).collect(),
        direction,
        nodes: visited.collect(),
        links,
        missing,
        cut: walk.cut,
        coverage,
    }
}

fn link(edge: &Edge, nodes: &HashMap<Arc<str>, Node>) -> Link {
    let digest = match (edge.digest, nodes.get(&edge.to)) {
        (None, _) => LinkDigest::None,
        (Some(_), None) => LinkDigest::Unchecked,
        (Some(digest), Some(cause)) if cause.digests.contains(&digest) => LinkDigest::Matches,
        (Some(_), Some(_)) => LinkDigest::Differs,
    };
    Link {
        from: edge.from.to_string(),
        to: edge.to.to_string(),
        relation: edge.relation.to_string(),
        basis: edge.basis.to_string(),
        attested: nodes.get(&edge.from).and_then(|node| node.attested.clone()),
        digest,
    }
}
