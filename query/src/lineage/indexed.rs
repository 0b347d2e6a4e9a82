//! Lineage by the indexes beside the table.
//!
//! Guarantee: the same links and descriptions as the tables `stated_edges`, `structural_edges` and `events` give. Fails
//! as the index does.

use crate::context::Engine;
use crate::error::Result;
use crate::lineage::describe::Node;
use crate::lineage::edges::{Edge, EdgeIndex};
use crate::lineage::role::Role;
use async_trait::async_trait;
use schemas::header::Time;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use store::index::{Found, Linked, View};

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
        let mut edges = Vec::new();
        for id in ids {
            let before = edges.len();
            for found in self.view.by_id(id).await? {
                let links = self.view.causes(&found).await?;
                edges.extend(links.iter().map(|link| edge(id, &link.id, link)));
            }
            distinct(&mut edges, before);
        }
        Ok(edges)
    }

    async fn effects(&self, _: &Engine, ids: &[Arc<str>]) -> Result<Vec<Edge>> {
        let mut edges = Vec::new();
        for id in ids {
            let before = edges.len();
            let held = self.view.by_id(id).await?;
            for found in &held {
                let links = self.view.effects(found).await?;
                edges.extend(links.iter().map(|link| edge(&link.id, id, link)));
            }
            if held.is_empty() {
                // Events may name a cause that the record does not hold.
                let links = self.view.naming(id).await?;
                edges.extend(links.iter().map(|link| edge(&link.id, id, link)));
            }
            distinct(&mut edges, before);
        }
        Ok(edges)
    }
}

/// Several events under one id, or both of a call's copies, would give a link twice.
fn distinct(edges: &mut Vec<Edge>, from: usize) {
    let mut seen = BTreeSet::new();
    let new = edges.split_off(from);
    edges.extend(new.into_iter().filter(|edge| seen.insert(edge.clone())));
}

/// Describes the events that the index holds of `ids`.
pub(super) async fn describe(view: &View, ids: &[Arc<str>]) -> Result<HashMap<Arc<str>, Node>> {
    let mut nodes = HashMap::with_capacity(ids.len());
    for id in ids {
        let copies = view.by_id(id).await?;
        if let Some(first) = copies.first() {
            let mut node = node(first);
            node.copies = u32::try_from(copies.len()).unwrap_or(u32::MAX);
            node.digests = copies.iter().filter_map(|f| f.node.digest.as_slice().try_into().ok()).collect();
            nodes.insert(Arc::clone(id), node);
        }
    }
    Ok(nodes)
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
