//! What the events of a walk are.
//!
//! Guarantee: an id that the record does not hold has no description; one that it holds more than once (an id
//! conflict) says so. Excerpts are cut to `EXCERPT_CHARS_MAX`.

use crate::context::Engine;
use crate::coverage::Coverage;
use crate::error::Result;
use crate::limits::{EXCERPT_CHARS_MAX, LOOKUP_IDS_MAX, PRUNING_VALUES_MAX};
use crate::lineage::indexed;
use crate::lineage::role::Role;
use crate::readable;
use crate::rows::{Row, rows};
use datafusion::logical_expr::{Expr, col, lit};
use schemas::digest::header_digest;
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use utoipa::ToSchema;

const COLUMNS: &[&str] = &[
    "id",
    "kind",
    "time",
    "committed_at",
    "agent",
    "agent_version",
    "model",
    "tool",
    "tool_call_id",
    "subject",
    "session",
    "principal",
    "sponsor",
    "attested",
    "signer",
    "source",
    "stream",
    "log_partition",
    "leaf",
    "native_id",
    "error_type",
];

/// An event of a walk.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Node {
    /// Event id.
    pub id: String,
    /// Kind.
    pub kind: String,
    /// Its part in a reason.
    pub role: Role,
    /// The event's own time.
    pub time: Option<String>,
    /// When the table got it.
    pub committed_at: Option<String>,
    /// Agent.
    pub agent: Option<String>,
    /// Agent version.
    pub agent_version: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Tool.
    pub tool: Option<String>,
    /// Id of the tool call.
    pub tool_call_id: Option<String>,
    /// Business object.
    pub subject: Option<String>,
    /// Session.
    pub session: Option<String>,
    /// On behalf of whom.
    pub principal: Option<String>,
    /// Who answers for the agent.
    pub sponsor: Option<String>,
    /// Role of the key that signed it: `self`, `gateway` or `import`.
    pub attested: Option<String>,
    /// The key, hex.
    pub signer: Option<String>,
    /// URI of the speaker.
    pub source: Option<String>,
    /// Stream.
    pub stream: Option<String>,
    /// Log partition.
    pub log_partition: Option<i64>,
    /// Position in the partition's tree.
    pub leaf: Option<i64>,
    /// Id in the place that it was imported from.
    pub native_id: Option<String>,
    /// Error of a failed act.
    pub error_type: Option<String>,
    /// Events under this id; more than one is an id conflict.
    pub copies: u32,
    /// The beginning of what it says.
    pub excerpt: Option<String>,
    /// First 16 bytes of the digests of its copies' headers.
    #[serde(skip)]
    pub(super) digests: Vec<[u8; 16]>,
}

/// Describes `ids`; `digests` also reads the headers, so that links can be checked.
pub(super) async fn describe(engine: &Engine, ids: &[Arc<str>], digests: bool) -> Result<HashMap<Arc<str>, Node>> {
    if let Some(view) = engine.index().await? {
        return indexed::describe(&view, ids).await;
    }
    let mut nodes: HashMap<Arc<str>, Node> = HashMap::new();
    let mut columns = COLUMNS.to_vec();
    columns.extend(digests.then_some("header"));
    for chunk in ids.chunks(LOOKUP_IDS_MAX) {
        let context = engine.context()?;
        let wanted = chunk.iter().map(|id| lit(id.as_ref())).collect();
        let frame =
            context.table("events").await?.filter(col("id").in_list(wanted, false))?.select_columns(&columns)?;
        let mut stream = engine.frame_stream(&context, frame).await?;
        while let Some(batch) = stream.next().await? {
            for row in rows(&[batch]) {
                let node = node(&row);
                let digest: Option<[u8; 16]> =
                    row.bytes("header").map(header_digest).and_then(|d| d.get(..16)?.try_into().ok());
                let held = nodes.entry(node.id.as_str().into()).or_insert(node);
                held.copies += 1;
                held.digests.extend(digest);
            }
        }
    }
    Ok(nodes)
}

fn node(row: &Row<'_>) -> Node {
    let text = |name: &str| row.text(name);
    let kind = text("kind").unwrap_or_default();
    Node {
        id: text("id").unwrap_or_default(),
        role: Role::of(&kind),
        kind,
        time: row.time("time"),
        committed_at: row.time("committed_at"),
        agent: text("agent"),
        agent_version: text("agent_version"),
        model: text("model"),
        tool: text("tool"),
        tool_call_id: text("tool_call_id"),
        subject: text("subject"),
        session: text("session"),
        principal: text("principal"),
        sponsor: text("sponsor"),
        attested: text("attested"),
        signer: text("signer"),
        source: text("source"),
        stream: text("stream"),
        log_partition: row.int("log_partition"),
        leaf: row.int("leaf"),
        native_id: text("native_id"),
        error_type: text("error_type"),
        copies: 0,
        excerpt: None,
        digests: Vec::new(),
    }
}

/// Adds excerpts to `nodes`, and to `coverage` the contents that could not be read for them.
pub(super) async fn excerpts(
    engine: &Engine,
    ids: &[Arc<str>],
    nodes: &mut HashMap<Arc<str>, Node>,
    coverage: &mut Coverage,
) -> Result<()> {
    let rest = indexed::excerpts(engine, ids, nodes).await?;
    let context = engine.context()?;
    let held: Vec<&Node> = rest.iter().filter_map(|id| nodes.get(id)).collect();
    if held.is_empty() {
        return Ok(());
    }
    let frame = context.table("contents").await?.filter(contents_of(&held))?;
    let frame = frame.select_columns(&["event_id", "position", "name", "media_type", "text"])?;
    let mut stream = engine.frame_stream(&context, frame).await?;
    let mut best: HashMap<String, (usize, i64)> = HashMap::new();
    while let Some(batch) = stream.next().await? {
        for row in rows(&[batch]) {
            let (Some(id), Some(text)) = (row.str("event_id"), row.str("text")) else { continue };
            let rank = (readable::rank(row.str("name").unwrap_or_default()), row.int("position").unwrap_or_default());
            if best.get(id).is_some_and(|known| *known <= rank) {
                continue;
            }
            let said = readable::one_line(&readable::text(text, row.str("media_type").unwrap_or_default()));
            if said.is_empty() {
                continue;
            }
            best.insert(id.to_owned(), rank);
            if let Some(node) = nodes.get_mut(id) {
                node.excerpt = Some(readable::cut(&said, EXCERPT_CHARS_MAX).0);
            }
        }
    }
    let seen = stream.coverage();
    coverage.contents_missing += seen.contents_missing;
    coverage.contents_not_loaded += seen.contents_not_loaded;
    Ok(())
}

/// The contents of `nodes`. Rows lie by session, so naming the sessions leaves most pages unread.
fn contents_of(nodes: &[&Node]) -> Expr {
    let ids = nodes.iter().map(|node| lit(node.id.as_str())).collect();
    let filter = col("event_id").in_list(ids, false);
    let sessions: Option<BTreeSet<&str>> = nodes.iter().map(|node| node.session.as_deref()).collect();
    match sessions {
        Some(sessions) if sessions.len() <= PRUNING_VALUES_MAX => {
            filter.and(col("session").in_list(sessions.into_iter().map(lit).collect(), false))
        }
        _ => filter,
    }
}
