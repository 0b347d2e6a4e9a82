//! The tables that are SQL over the log's rows.
//!
//! Guarantee: each view is planned once per snapshot and inlined into questions, so that filters and projections reach
//! the files. The rows that views are built from are not visible to users under any other name than `log`.

use crate::error::Result;
use crate::functions;
use crate::tables::TableDoc;
use crate::tables::catalog;
use crate::tables::log_table::{ContentLeaves, LogTable, file_schema};
use datafusion::datasource::ViewTable;
use datafusion::prelude::SessionContext;
use schemas::columns::RowClass;
use std::sync::Arc;
use store::snapshot::Snapshot;

/// Columns of `events` and `duplicates`, in order. The first stay as they are for ever; further ones follow.
pub(super) const EVENT_COLUMNS: &[&str] = &[
    "id",
    "stream",
    "stream_index",
    "log_partition",
    "leaf",
    "log_offset",
    "time",
    "committed_at",
    "signer",
    "attested",
    "type",
    "kind",
    "source",
    "subject",
    "tenant",
    "session",
    "agent",
    "agent_version",
    "variant",
    "task",
    "principal",
    "sponsor",
    "trace_id",
    "span_id",
    "model",
    "tool",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "origin",
    "native_id",
    "header",
    "tool_call_id",
    "cache_write_tokens",
    "evaluation_name",
    "evaluation_score",
    "evaluation_label",
    "error_type",
    "checkpoint",
    "frontier",
    "causes",
    "contents",
];

const EDGES: &str = "
SELECT id AS from_id, cause['id'] AS to_id, cause['relation'] AS relation, 'stated' AS basis, kind AS from_kind,
       session, time, committed_at, attested, log_partition, leaf, cause['leaf'] AS to_digest
FROM (SELECT id, kind, session, time, committed_at, attested, log_partition, leaf, unnest(causes) AS cause FROM events)";

const EVALUATIONS: &str = "
SELECT id AS event_id, session, task, agent, agent_version, variant, evaluation_name AS name, evaluation_score AS score,
       evaluation_label AS label, time, committed_at, subject, model, source, attested, log_partition, leaf, native_id
FROM events WHERE evaluation_name IS NOT NULL OR kind = 'evaluation'";

const SESSIONS: &str = "
SELECT session, min(agent) AS agent, count(DISTINCT agent) AS agents, min(agent_version) AS agent_version,
       min(variant) AS variant, min(task) AS task, min(tenant) AS tenant, min(time) AS first_time, max(time) AS last_time,
       min(committed_at) AS first_committed_at, max(committed_at) AS last_committed_at, count(*) AS events,
       count(*) FILTER (WHERE kind = 'model.call') AS model_calls,
       count(*) FILTER (WHERE kind = 'tool.call') AS tool_calls,
       count(*) FILTER (WHERE kind = 'tool.result') AS tool_results,
       count(*) FILTER (WHERE kind = 'message') AS messages,
       count(*) FILTER (WHERE kind = 'evaluation') AS evaluations,
       count(error_type) AS errors,
       sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(cached_tokens) AS cached_tokens,
       sum(cache_write_tokens) AS cache_write_tokens, sum(reasoning_tokens) AS reasoning_tokens,
       min(model) AS model, count(DISTINCT model) AS models, count(DISTINCT stream) AS streams
FROM events WHERE session IS NOT NULL GROUP BY session";

const REJECTS: &str = "
SELECT committed_at AS time, reason, detail, origin,
       coalesce(bytes, CASE WHEN kind = 'import.reject' THEN content_bytes(contents, 'record') END) AS bytes,
       log_partition, log_offset, stream, stream_index, leaf, id, kind, source, session, native_id, signer, attested,
       header, contents
FROM log WHERE row_class = 'reject'";

const FINDINGS: &str = "
SELECT committed_at AS time, kind, stream, event_id, detail, log_partition, log_offset, stream_index, leaf, source,
       signer, reason
FROM log WHERE row_class = 'finding'";

const STREAMS: &str = "
SELECT stream, min(signer) AS signer, count(DISTINCT signer) AS signers, min(attested) AS attested, log_partition,
       max(stream_index) + 1 AS size, count(*) FILTER (WHERE row_class = 'event') AS events,
       count(*) FILTER (WHERE row_class = 'duplicate') AS duplicates,
       count(*) FILTER (WHERE row_class = 'reject') AS rejects,
       min(time) AS first_time, max(time) AS last_time, min(committed_at) AS first_committed_at,
       max(committed_at) AS last_committed_at, min(leaf) AS first_leaf, max(leaf) AS last_leaf, min(tenant) AS tenant
FROM log WHERE row_class <> 'finding' AND stream IS NOT NULL AND stream_index IS NOT NULL
GROUP BY stream, log_partition";

/// Registers the views for `snapshot`, and `log`, the rows that they are made of.
pub(super) async fn register(context: &SessionContext, snapshot: &Snapshot) -> Result<Vec<TableDoc>> {
    let hidden = hidden_context(context, snapshot)?;
    let events = format!("SELECT {} FROM event_rows", quoted(EVENT_COLUMNS));
    let duplicates = format!("SELECT {} FROM duplicate_rows", quoted(EVENT_COLUMNS));
    let views = [
        ("events", events.as_str()),
        ("edges", EDGES),
        ("evaluations", EVALUATIONS),
        ("sessions", SESSIONS),
        ("rejects", REJECTS),
        ("findings", FINDINGS),
        ("duplicates", duplicates.as_str()),
        ("streams", STREAMS),
    ];
    let mut tables = Vec::new();
    for (name, sql) in views {
        let plan = hidden.sql(sql).await?.into_unoptimized_plan();
        let view = Arc::new(ViewTable::new(plan, Some(sql.trim().to_owned())));
        let schema = datafusion::datasource::TableProvider::schema(view.as_ref());
        tables.push(catalog::document(name, &schema)?);
        hidden.register_table(name, Arc::clone(&view) as _)?;
        context.register_table(name, view)?;
    }
    let log = hidden.table_provider("log").await?;
    tables.push(catalog::document("log", &log.schema())?);
    context.register_table("log", log)?;
    Ok(tables)
}

/// A session that knows the log's rows by class, for planning the views.
fn hidden_context(context: &SessionContext, snapshot: &Snapshot) -> Result<SessionContext> {
    let hidden = SessionContext::new_with_config(context.copied_config());
    functions::register(&hidden);
    let rows = |classes: &[RowClass]| Arc::new(LogTable::new(snapshot, classes, file_schema(ContentLeaves::All)));
    hidden.register_table("event_rows", rows(&[RowClass::Event]))?;
    hidden.register_table("duplicate_rows", rows(&[RowClass::Duplicate]))?;
    hidden.register_table("log", rows(&RowClass::ALL))?;
    Ok(hidden)
}

fn quoted(columns: &[&str]) -> String {
    columns.iter().map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(", ")
}
