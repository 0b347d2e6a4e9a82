//! The walk itself: breadth first, level by level, within bounds.
//!
//! Guarantee: each event is visited once, at its smallest depth, so that cycles end; a bound that stops the walk is
//! reported with every event that was reached but not followed. Fails only when a look-up fails.

use crate::answer::deadline;
use crate::context::Engine;
use crate::error::{QueryError, Result};
use crate::limits::{
    DEPTH_DEFAULT, FRONTIER_IDS_MAX, LOOKUP_IDS_MAX, NODES_MAX, TRACE_NODES_DEFAULT, WALK_TIME_DEFAULT,
    WHY_NODES_DEFAULT,
};
use crate::lineage::edges::Edge;
use crate::lineage::trace::Direction;
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use utoipa::ToSchema;

/// How far a walk may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Links from the start.
    pub depth_max: u32,
    /// Events, the start included.
    pub nodes_max: usize,
    /// Time.
    pub time_max: Duration,
}

impl Bounds {
    /// The bounds of `trace` when none are given.
    #[must_use]
    pub fn of_trace() -> Self {
        Self { depth_max: DEPTH_DEFAULT, nodes_max: TRACE_NODES_DEFAULT, time_max: WALK_TIME_DEFAULT }
    }

    /// The bounds of `why` when none are given.
    #[must_use]
    pub fn of_why() -> Self {
        Self { nodes_max: WHY_NODES_DEFAULT, ..Self::of_trace() }
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.nodes_max == 0 || self.nodes_max > NODES_MAX {
            return Err(QueryError::invalid("nodes", format!("expected 1 to {NODES_MAX}, found {}", self.nodes_max)));
        }
        Ok(())
    }
}

/// A bound that was hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Cut {
    /// `depth`, `nodes` or `time`.
    pub bound: &'static str,
    /// Its value.
    pub limit: String,
    /// Events that were reached but not followed.
    pub frontier: usize,
    /// The first of them.
    pub frontier_ids: Vec<String>,
}

/// A cause that an event names and the record does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Missing {
    /// Id of the cause.
    pub id: String,
    /// The event that names it.
    pub named_by: String,
    /// How.
    pub relation: String,
}

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Events in the order they were reached.
    pub(super) order: Vec<Arc<str>>,
    pub(super) depth: HashMap<Arc<str>, u32>,
    /// The edge that reached an event first, as a position in `edges`.
    pub(super) via: HashMap<Arc<str>, usize>,
    /// Every edge between events of the walk that was seen.
    pub(super) edges: Vec<Edge>,
    pub(super) cut: Option<Cut>,
}

impl Walk {
    /// Walks from `starts`.
    pub(super) async fn run(
        engine: &Engine,
        starts: &[Arc<str>],
        direction: Direction,
        bounds: Bounds,
    ) -> Result<Self> {
        bounds.check()?;
        let mut walk = Self::default();
        for start in starts {
            walk.admit(start, 0);
        }
        let mut level = walk.order.clone();
        let (mut depth, end) = (0, deadline(Instant::now(), bounds.time_max));
        while !level.is_empty() && walk.cut.is_none() {
            level = walk.level(engine, &level, Step { direction, depth, bounds, deadline: end }).await?;
            depth += 1;
        }
        Ok(walk)
    }

    /// Follows the edges of one level and gives the next.
    async fn level(&mut self, engine: &Engine, level: &[Arc<str>], step: Step) -> Result<Vec<Arc<str>>> {
        let index = engine.edges().await?;
        let (mut next, mut refused) = (Vec::new(), BTreeSet::new());
        for (chunk, ids) in level.chunks(LOOKUP_IDS_MAX).enumerate() {
            if Instant::now() >= step.deadline {
                refused.extend(level[chunk * LOOKUP_IDS_MAX..].iter().map(Arc::clone));
                self.cut = Some(cut("time", format!("{} s", step.bounds.time_max.as_secs_f64()), &refused));
                return Ok(next);
            }
            let edges = match step.direction {
                Direction::Up => index.causes(engine, ids).await?,
                Direction::Down => index.effects(engine, ids).await?,
            };
            for edge in edges {
                self.follow(edge, &step, &mut next, &mut refused);
            }
        }
        if !refused.is_empty() {
            self.cut = Some(if step.depth >= step.bounds.depth_max {
                cut("depth", format!("{} links", step.bounds.depth_max), &refused)
            } else {
                cut("nodes", format!("{} events", step.bounds.nodes_max), &refused)
            });
        }
        Ok(next)
    }

    fn follow(&mut self, edge: Edge, step: &Step, next: &mut Vec<Arc<str>>, refused: &mut BTreeSet<Arc<str>>) {
        let far = Arc::clone(match step.direction {
            Direction::Up => &edge.to,
            Direction::Down => &edge.from,
        });
        if !self.depth.contains_key(&far) {
            if step.depth >= step.bounds.depth_max || self.order.len() >= step.bounds.nodes_max {
                refused.insert(far);
                return;
            }
            self.admit(&far, step.depth + 1);
            self.via.insert(Arc::clone(&far), self.edges.len());
            next.push(far);
        }
        self.edges.push(edge);
    }

    fn admit(&mut self, id: &Arc<str>, depth: u32) {
        if self.depth.insert(Arc::clone(id), depth).is_none() {
            self.order.push(Arc::clone(id));
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Step {
    direction: Direction,
    depth: u32,
    bounds: Bounds,
    deadline: Instant,
}

fn cut(bound: &'static str, limit: String, refused: &BTreeSet<Arc<str>>) -> Cut {
    let frontier_ids = refused.iter().take(FRONTIER_IDS_MAX).map(ToString::to_string).collect();
    Cut { bound, limit, frontier: refused.len(), frontier_ids }
}
