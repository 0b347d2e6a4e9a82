//! Lineage by the indexes beside the table.
//!
//! Guarantee: the same links and descriptions as the tables `stated_edges`, `structural_edges` and `events` give. Fails
//! as the index does.

use crate::context::Engine;
use crate::error::{QueryError, Result};
use crate::limits::{EXCERPT_CHARS_MAX, ROWS_AT_ONCE};
use crate::lineage::describe::Node;
use crate::lineage::edges::{Edge, EdgeIndex};
use crate::lineage::role::Role;
use crate::picked::{self, Picked};
use crate::readable;
use crate::rows::Row;
use async_trait::async_trait;
use schemas::header::Time;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use store::index::{Found, Linked, Place, View};

/// Ids that one thread asks for at a time.
const CHUNK_IDS: usize = 64;

/// See the module.
#[derive(Debug)]
pub(crate) struct IndexedEdges {
    pub(crate) view: View,
}

fn edge(from: &Arc<str>, to: &Arc<str>, link: &Linked) -> Edge {
    Edge {
        from: Arc::clone(from),
        to: Arc::clone(to),
        relation: Arc::clone(&link.relation),
        basis: link.basis.into(),
        digest: link.digest,
    }
}

#[async_trait]
impl EdgeIndex for IndexedEdges {
    async fn causes(&self, _: &Engine, ids: &[Arc<str>]) -> Result<Vec<Edge>> {
        let edges = side_by_side(&self.view, ids, |view, ids| async move {
            let mut edges = Vec::new();
            for id in &ids {
                let before = edges.len();
                for found in view.by_id(id).await? {
                    let links = view.causes(&found).await?;
                    edges.extend(links.iter().map(|link| edge(id, &link.id, link)));
                }
                distinct(&mut edges, before);
            }
            Ok(edges)
        });
        Ok(edges.await?.into_iter().flatten().collect())
    }

    async fn effects(&self, _: &Engine, ids: &[Arc<str>]) -> Result<Vec<Edge>> {
        let edges = side_by_side(&self.view, ids, |view, ids| async move {
            let mut edges = Vec::new();
            for id in &ids {
                let before = edges.len();
                let held = view.by_id(id).await?;
                for found in &held {
                    let links = view.effects(found).await?;
                    edges.extend(links.iter().map(|link| edge(&link.id, id, link)));
                }
                if held.is_empty() {
                    // Events may name a cause that the record does not hold.
                    let links = view.naming(id).await?;
                    edges.extend(links.iter().map(|link| edge(&link.id, id, link)));
                }
                distinct(&mut edges, before);
            }
            Ok(edges)
        });
        Ok(edges.await?.into_iter().flatten().collect())
    }
}

/// Asks for chunks of `ids` on several threads; answers are in the order of the chunks.
async fn side_by_side<T, F, Asked>(view: &View, ids: &[Arc<str>], ask: F) -> Result<Vec<T>>
where
    T: Send + 'static,
    F: Fn(View, Vec<Arc<str>>) -> Asked,
    Asked: Future<Output = Result<T>> + Send + 'static,
{
    let chunks = ids.chunks(CHUNK_IDS).map(|chunk| tokio::spawn(ask(view.clone(), chunk.to_vec())));
    let mut answers = Vec::new();
    for asked in chunks.collect::<Vec<_>>() {
        answers.push(asked.await.map_err(QueryError::bug)??);
    }
    Ok(answers)
}

/// Several events under one id, or both of a call's copies, would give a link twice.
fn distinct(edges: &mut Vec<Edge>, from: usize) {
    let mut seen = BTreeSet::new();
    let new = edges.split_off(from);
    edges.extend(new.into_iter().filter(|edge| seen.insert(edge.clone())));
}

/// Describes the events that the index holds of `ids`.
pub(super) async fn describe(view: &View, ids: &[Arc<str>]) -> Result<HashMap<Arc<str>, Node>> {
    let nodes = side_by_side(view, ids, |view, ids| async move {
        let mut nodes = Vec::with_capacity(ids.len());
        for id in ids {
            let copies = view.by_id(&id).await?;
            if let Some(first) = copies.first() {
                let mut node = node(first);
                node.copies = u32::try_from(copies.len()).unwrap_or(u32::MAX);
                node.digests = copies.iter().filter_map(|f| f.node.digest.as_slice().try_into().ok()).collect();
                nodes.push((id, node));
            }
        }
        Ok(nodes)
    });
    Ok(nodes.await?.into_iter().flatten().collect())
}

/// Fields that an excerpt is made of.
const SAID: [&str; 7] = [
    "id",
    "leaf",
    "contents.list.element.name",
    "contents.list.element.media_type",
    "contents.list.element.size",
    "contents.list.element.salt",
    "contents.list.element.bytes",
];

/// Adds excerpts to those of `ids` whose words stand in their rows; gives the others.
pub(super) async fn excerpts(
    engine: &Engine,
    ids: &[Arc<str>],
    nodes: &mut HashMap<Arc<str>, Node>,
) -> Result<Vec<Arc<str>>> {
    if engine.index().await?.is_none() {
        return Ok(ids.to_vec());
    }
    let place = |node: &Node| {
        let number = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok());
        Place::new(u32::try_from(number(node.log_partition)?).ok()?, number(node.leaf)?)
    };
    let places: Vec<Place> = ids.iter().filter_map(|id| nodes.get(id)).filter_map(place).collect();
    let mut told = HashSet::new();
    for some in places.chunks(ROWS_AT_ONCE) {
        for (_, batch) in engine.rows_at(some, &SAID).await? {
            for row in 0..batch.num_rows() {
                let id = Row::new(&batch, row).str("id").unwrap_or_default();
                let Some(contents) = picked::contents(&batch, row) else { continue };
                if contents.iter().any(|content| content.bytes.is_none()) {
                    continue;
                }
                if let Some(node) = nodes.get_mut(id) {
                    node.excerpt = excerpt(&contents);
                    told.insert(id.to_owned());
                }
            }
        }
    }
    Ok(ids.iter().filter(|id| !told.contains(id.as_ref())).map(Arc::clone).collect())
}

/// The beginning of what the first of the most telling contents says.
fn excerpt(contents: &[Picked<'_>]) -> Option<String> {
    let mut ranked: Vec<(usize, &Picked<'_>)> = contents.iter().map(|c| (readable::rank(c.name), c)).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().find_map(|(_, content)| {
        let text = std::str::from_utf8(content.bytes?).ok()?;
        let said = readable::one_line(&readable::text(text, content.media_type.unwrap_or_default()));
        (!said.is_empty()).then(|| readable::cut(&said, EXCERPT_CHARS_MAX).0)
    })
}

fn node(found: &Found) -> Node {
    let (node, place) = (found.node.as_ref(), found.place);
    let time = |micros: Option<i64>| micros.map(|m| Time(m).to_rfc3339());
    Node {
        id: node.id.clone(),
        role: Role::of(&node.kind),
        kind: node.kind.clone(),
        time: time(node.time),
        committed_at: time(node.committed_at),
        agent: node.agent.clone(),
        agent_version: node.agent_version.clone(),
        model: node.model.clone(),
        tool: node.tool.clone(),
        tool_call_id: node.tool_call_id.clone(),
        subject: node.subject.clone(),
        session: node.session.clone(),
        principal: node.principal.clone(),
        sponsor: node.sponsor.clone(),
        attested: node.attested.clone(),
        signer: node.signer.clone(),
        source: node.source.clone(),
        stream: node.stream.clone(),
        log_partition: Some(i64::from(place.partition())),
        leaf: i64::try_from(place.leaf()).ok(),
        native_id: node.native_id.clone(),
        error_type: node.error_type.clone(),
        copies: 1,
        excerpt: None,
        digests: Vec::new(),
    }
}
