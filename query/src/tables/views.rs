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
pub(crate) const EVENT_COLUMNS: &[&str] = &[
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
    "memory_store",
    "resource",
    "credential",
    "approval_digest",
    "causes",
    "contents",
];

const STATED_EDGES: &str = "
SELECT id AS from_id, cause['id'] AS to_id, cause['relation'] AS relation, 'stated' AS basis, kind AS from_kind,
       session, time, committed_at, attested, log_partition, leaf, cause['leaf'] AS to_digest
FROM (SELECT id, kind, session, time, committed_at, attested, log_partition, leaf, unnest(causes) AS cause FROM events)";

/// Links that follow from what the events are about, where no producer needs to state them: a read and the last write of
/// its resource (or the write of the version that it names), a credential's use and its issue, an approval and its
/// request, a tool's result and its call.
const STRUCTURAL_EDGES: &str = "
WITH acts AS (
  SELECT id, kind, session, time, committed_at, attested, log_partition, leaf, coalesce(time, committed_at) AS at,
         coalesce(memory_store, '') AS place, resource, kind IN ('memory.write', 'file.write') AS writes,
         json_get(header, '$.data.attributes.hansard.memory.version') AS version
  FROM events WHERE resource IS NOT NULL AND kind IN ('memory.read', 'memory.write', 'file.read', 'file.write', 'retrieval')),
ordered AS (
  SELECT *, last_value(CASE WHEN writes THEN id END) IGNORE NULLS OVER (
    PARTITION BY place, resource ORDER BY at, log_partition, leaf ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS writer
  FROM acts),
versions AS (SELECT place, resource, version, min(id) AS id FROM acts WHERE writes AND version IS NOT NULL GROUP BY place, resource, version),
reads AS (
  SELECT o.id AS from_id, coalesce(v.id, o.writer) AS to_id, 'read' AS relation, o.kind AS from_kind, o.session, o.time, o.committed_at,
         o.attested, o.log_partition, o.leaf
  FROM ordered o LEFT JOIN versions v ON o.place = v.place AND o.resource = v.resource AND o.version = v.version
  WHERE NOT o.writes AND coalesce(v.id, o.writer) IS NOT NULL),
credentials AS (
  SELECT u.id AS from_id, i.id AS to_id, 'used' AS relation, u.kind AS from_kind, u.session, u.time, u.committed_at, u.attested,
         u.log_partition, u.leaf
  FROM events u JOIN events i ON u.credential = i.credential AND i.kind = 'credential.issued'
  WHERE u.credential IS NOT NULL AND u.kind <> 'credential.issued'),
approvals AS (
  SELECT g.id AS from_id, r.id AS to_id, 'responds_to' AS relation, g.kind AS from_kind, g.session, g.time, g.committed_at, g.attested,
         g.log_partition, g.leaf
  FROM events g JOIN events r ON g.approval_digest = r.approval_digest AND r.kind = 'approval.requested'
  WHERE g.approval_digest IS NOT NULL AND g.kind IN ('approval.granted', 'approval.denied')),
results AS (
  SELECT r.id AS from_id, c.id AS to_id, 'responds_to' AS relation, r.kind AS from_kind, r.session, r.time, r.committed_at, r.attested,
         r.log_partition, r.leaf
  FROM events r JOIN events c ON r.tool_call_id = c.tool_call_id AND r.session = c.session AND c.kind = 'tool.call'
  WHERE r.tool_call_id IS NOT NULL AND r.kind = 'tool.result')
SELECT from_id, to_id, relation, 'structural' AS basis, from_kind, session, time, committed_at, attested, log_partition, leaf,
       CAST(NULL AS bytea) AS to_digest
FROM (SELECT * FROM reads UNION ALL SELECT * FROM credentials UNION ALL SELECT * FROM approvals UNION ALL SELECT * FROM results)";

/// Links by equal bytes: to the event that last held a content of the same bytes, of 64 bytes or more.
const CONTENT_EDGES: &str = "
SELECT from_id, to_id, relation, basis, from_kind, session, time, committed_at, attested, log_partition, leaf, to_digest FROM (
  SELECT event_id AS from_id, lag(event_id) OVER (PARTITION BY digest ORDER BY at, log_partition, leaf, event_id) AS to_id,
         'same_bytes' AS relation, 'content' AS basis, kind AS from_kind, session, time, committed_at, CAST(NULL AS text) AS attested,
         log_partition, leaf, CAST(NULL AS bytea) AS to_digest
  FROM (SELECT DISTINCT event_id, kind, session, time, committed_at, log_partition, leaf, coalesce(time, committed_at) AS at,
               blake3(bytes) AS digest FROM contents WHERE size >= 64 AND bytes IS NOT NULL))
WHERE to_id IS NOT NULL";

/// Equal bytes are apart: to find them all contents are read.
const EDGES: &str = "SELECT * FROM stated_edges UNION ALL SELECT * FROM structural_edges";

const LLM_CALLS: &str = "
SELECT id AS event_id, session, agent, agent_version, model, time, committed_at, input_tokens, output_tokens, cached_tokens,
       cache_write_tokens, reasoning_tokens, error_type, json_get(header, '$.data.attributes.gen_ai.response.id') AS response_id,
       json_get(header, '$.data.attributes.gen_ai.provider.name') AS provider, attested, log_partition, leaf
FROM events WHERE kind = 'model.call'";

const TOOL_CALLS: &str = "
SELECT c.id AS event_id, c.session, c.agent, c.tool, c.tool_call_id, c.time, c.committed_at, r.result_id, r.error_type, r.result_time,
       c.attested, c.log_partition, c.leaf
FROM events c LEFT JOIN (
  SELECT session, tool_call_id, min(id) AS result_id, min(error_type) AS error_type, min(time) AS result_time
  FROM events WHERE kind = 'tool.result' AND tool_call_id IS NOT NULL GROUP BY session, tool_call_id
) r ON c.session = r.session AND c.tool_call_id = r.tool_call_id
WHERE c.kind = 'tool.call'";

const MEMORY: &str = "
SELECT id AS event_id, kind, memory_store, resource, json_get(header, '$.data.attributes.hansard.memory.version') AS version, session,
       agent, time, committed_at, attested, log_partition, leaf
FROM events WHERE kind LIKE 'memory.%' OR (resource IS NOT NULL AND kind LIKE 'file.%')";

const MESSAGES: &str = "
SELECT id AS event_id, session, agent, source, json_get(header, '$.data.attributes.hansard.role') AS role,
       json_get(header, '$.data.attributes.hansard.message.recipients') AS recipients, content_text(contents, 'text') AS text,
       time, committed_at, attested, log_partition, leaf
FROM events WHERE kind IN ('message', 'handoff', 'agent.invoked')";

const APPROVALS: &str = "
SELECT id AS event_id, kind, subject, approval_digest, json_get(header, '$.data.attributes.hansard.approval.asker') AS asker,
       json_get(header, '$.data.attributes.hansard.approval.approver') AS approver, source, agent, principal, sponsor, session, time,
       committed_at, attested, log_partition, leaf
FROM events WHERE kind LIKE 'approval.%'";

const CREDENTIALS: &str = "
SELECT id AS event_id, kind, credential, json_get(header, '$.data.attributes.hansard.credential.scope') AS scope,
       json_get(header, '$.data.attributes.hansard.credential.expires') AS expires, agent, principal, sponsor, task, session, time,
       committed_at, attested, log_partition, leaf
FROM events WHERE credential IS NOT NULL OR kind LIKE 'credential.%'";

const POLICY_FINDINGS: &str = "
SELECT time, kind AS check, reason AS severity, event_id, detail, stream, log_partition, log_offset
FROM findings WHERE kind LIKE 'policy.%'";

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
       min(CASE WHEN model <> '<synthetic>' THEN model END) AS model, count(DISTINCT model) AS models, count(DISTINCT stream) AS streams
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
    super::contents::register(&hidden, snapshot)?;
    let events = format!("SELECT {} FROM event_rows", quoted(EVENT_COLUMNS));
    let duplicates = format!("SELECT {} FROM duplicate_rows", quoted(EVENT_COLUMNS));
    let views = [
        ("events", events.as_str()),
        ("stated_edges", STATED_EDGES),
        ("structural_edges", STRUCTURAL_EDGES),
        ("content_edges", CONTENT_EDGES),
        ("edges", EDGES),
        ("llm_calls", LLM_CALLS),
        ("tool_calls", TOOL_CALLS),
        ("memory", MEMORY),
        ("messages", MESSAGES),
        ("approvals", APPROVALS),
        ("credentials", CREDENTIALS),
        ("evaluations", EVALUATIONS),
        ("sessions", SESSIONS),
        ("rejects", REJECTS),
        ("findings", FINDINGS),
        ("duplicates", duplicates.as_str()),
        ("policy_findings", POLICY_FINDINGS),
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
