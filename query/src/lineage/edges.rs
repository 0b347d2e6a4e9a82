//! Edges by either end: the boundary between walks and whatever holds the links.
//!
//! Guarantee of every [`EdgeIndex`]: it answers for one snapshot and gives every edge of the ids asked, each once, in
//! any order. Asking for more ids at a time is cheaper; the caller bounds how many.

use crate::context::Engine;
use crate::error::Result;
use crate::limits::{EDGE_CACHE_EDGES_MAX, EDGE_CACHE_EVENTS_MAX};
use crate::lineage::cache::CachedEdges;
use crate::rows::rows;
use async_trait::async_trait;
use datafusion::logical_expr::{col, lit};
use std::sync::Arc;

/// A link from an effect to its cause.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// The effect.
    pub from: Arc<str>,
    /// The cause.
    pub to: Arc<str>,
    /// How: responds_to, used, ...
    pub relation: Arc<str>,
    /// How the link is known: stated, ...
    pub basis: Arc<str>,
    /// First 16 bytes of the cause's header digest, where the producer stated it.
    pub digest: Option<[u8; 16]>,
}

/// See the module.
#[async_trait]
pub trait EdgeIndex: Send + Sync + std::fmt::Debug {
    /// Edges that begin at one of `ids`: towards causes.
    async fn causes(&self, engine: &Engine, ids: &[Arc<str>]) -> Result<Vec<Edge>>;
    /// Edges that end at one of `ids`: towards effects.
    async fn effects(&self, engine: &Engine, ids: &[Arc<str>]) -> Result<Vec<Edge>>;
}

/// The index for the engine's snapshot: in memory when there are few events, else one SQL question per level.
pub(crate) async fn open(engine: &Engine) -> Result<Arc<dyn EdgeIndex>> {
    if engine.coverage().events <= EDGE_CACHE_EVENTS_MAX
        && let Some(cached) = load(engine).await?
    {
        return Ok(Arc::new(cached));
    }
    Ok(Arc::new(TableEdges))
}

async fn load(engine: &Engine) -> Result<Option<CachedEdges>> {
    // Equal bytes are shown with an event and never walked: boilerplate would join everything.
    let sql = "SELECT from_id, to_id, relation, basis, to_digest FROM edges";
    let mut stream = engine.stream_all(sql).await?;
    let mut cache = CachedEdges::default();
    while let Some(batch) = stream.next().await? {
        let mut full = false;
        read(&[batch], |edge| full |= cache.push(&edge) > EDGE_CACHE_EDGES_MAX);
        if full {
            return Ok(None);
        }
    }
    cache.sort();
    Ok(Some(cache))
}

/// Asks the table itself.
#[derive(Debug)]
struct TableEdges;

impl TableEdges {
    async fn find(engine: &Engine, column: &str, ids: &[Arc<str>]) -> Result<Vec<Edge>> {
        let context = engine.context()?;
        let wanted = ids.iter().map(|id| lit(id.as_ref())).collect();
        let wanted: Vec<datafusion::prelude::Expr> = wanted;
        let mut edges = Vec::new();
        for table in ["stated_edges", "structural_edges"] {
            let frame = context.table(table).await?.filter(col(column).in_list(wanted.clone(), false))?;
            let frame = frame.select_columns(&["from_id", "to_id", "relation", "basis", "to_digest"])?;
            let answer = engine.collect(&context, frame).await?;
            read(&answer.batches, |edge| edges.push(edge));
        }
        Ok(edges)
    }
}

#[async_trait]
impl EdgeIndex for TableEdges {
    async fn causes(&self, engine: &Engine, ids: &[Arc<str>]) -> Result<Vec<Edge>> {
        Self::find(engine, "from_id", ids).await
    }

    async fn effects(&self, engine: &Engine, ids: &[Arc<str>]) -> Result<Vec<Edge>> {
        Self::find(engine, "to_id", ids).await
    }
}

fn read(batches: &[arrow::array::RecordBatch], mut each: impl FnMut(Edge)) {
    for row in rows(batches) {
        let text = |name: &str| -> Arc<str> { row.str(name).unwrap_or_default().into() };
        each(Edge {
            from: text("from_id"),
            to: text("to_id"),
            relation: text("relation"),
            basis: text("basis"),
            digest: row.bytes("to_digest").and_then(|d| d.get(..16)?.try_into().ok()),
        });
    }
}
