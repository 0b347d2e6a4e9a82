//! The SQL tables and their documented columns.

use crate::fixture::{Builder, Row, Store, ask};
use schemas::columns::RowClass;
use serde_json::json;

fn store() -> Store {
    let events = vec![
        Row::event("e-0", "message", 0)
            .session("a")
            .with("agent", "planner")
            .with("time", "2026-01-01T00:00:00Z")
            .says("text", "text/plain", b"hi"),
        Row::event("e-1", "model.call", 1)
            .session("a")
            .with("agent", "planner")
            .with("model", "m-1")
            .with("input_tokens", 10)
            .with("output_tokens", 5)
            .with("time", "2026-01-01T00:00:01Z")
            .cause("e-0", "responds_to"),
        Row::event("e-2", "tool.call", 2)
            .session("a")
            .with("agent", "worker")
            .with("tool", "ls")
            .cause("e-1", "responds_to")
            .cause("gone", "used"),
        Row::event("e-3", "evaluation", 3)
            .session("a")
            .with("evaluation_name", "utility")
            .with("evaluation_score", 1.0)
            .with("evaluation_label", "pass")
            .cause("e-2", "derived_from"),
    ];
    let rejects = vec![
        Row::event("r-0", "import.reject", 4).with("reason", "line.json").with("detail", "expected JSON").says(
            "record",
            "text/plain",
            b"{broken",
        ),
        Row::event("r-1", "message", 5).with("reason", "signature").with("bytes", "0102"),
    ];
    let findings = vec![
        Row::event("f", "gap", 6).with("event_id", "e-2").with("detail", "3 expected, 5 found"),
        Row::event("g", "gap", 6),
        Row::event("h", "gap_closed", 6),
    ];
    Builder::new()
        .file(0, RowClass::Event, events)
        .file(0, RowClass::Reject, rejects)
        .file(0, RowClass::Finding, findings)
        .file(0, RowClass::Duplicate, vec![Row::event("e-0", "message", 7)])
        .build()
}

/// Tables of kinds that this store has no event of; `links_and_tables_of_kinds` has.
const OF_KINDS: &[&str] = &[
    "structural_edges",
    "content_edges",
    "llm_calls",
    "tool_calls",
    "memory",
    "approvals",
    "credentials",
    "policy_findings",
];

#[tokio::test]
async fn links_and_tables_of_kinds() {
    let memory = |id: &str, kind: &str, leaf: i64| {
        Row::event(id, kind, leaf).with("memory_store", "shared").with("resource", "price").session("s-1")
    };
    let events = vec![
        memory("w-1", "memory.write", 0),
        memory("r-1", "memory.read", 1),
        memory("w-2", "memory.write", 2),
        memory("r-2", "memory.read", 3),
        Row::event("i-1", "credential.issued", 4).with("credential", "c"),
        Row::event("u-1", "credential.used", 5).with("credential", "c"),
        Row::event("a-1", "approval.requested", 6).with("approval_digest", "d"),
        Row::event("a-2", "approval.granted", 7).with("approval_digest", "d"),
        Row::event("m-1", "model.call", 8),
        Row::event("t-1", "tool.call", 9).session("s-1").with("tool_call_id", "t"),
        Row::event("t-2", "tool.result", 10).session("s-1").with("tool_call_id", "t").with("error_type", "timeout"),
    ];
    let breach = Row::event("b", "policy.fan_out", 11).with("event_id", "m-1").with("reason", "warning");
    let store = Builder::new().file(0, RowClass::Event, events).file(0, RowClass::Finding, vec![breach]).build();
    let engine = store.engine().await;
    let links =
        ask(&engine, "SELECT from_id, to_id, relation, basis FROM structural_edges ORDER BY from_id, to_id").await;
    let link = |from: &str, to: &str, relation: &str| json!({"from_id": from, "to_id": to, "relation": relation, "basis": "structural"});
    let wanted = vec![
        link("a-2", "a-1", "responds_to"),
        link("r-1", "w-1", "read"),
        link("r-2", "w-2", "read"),
        link("t-2", "t-1", "responds_to"),
        link("u-1", "i-1", "used"),
    ];
    assert_eq!(links, wanted);
    // Equal bytes: `indexed.rs`.
    for table in OF_KINDS.iter().filter(|table| **table != "content_edges") {
        let rows = ask(&engine, &format!("SELECT * FROM {table}")).await;
        assert!(!rows.is_empty(), "{table} is empty");
    }
    let calls = ask(&engine, "SELECT event_id, result_id, error_type FROM tool_calls").await;
    assert_eq!(calls, vec![json!({"event_id": "t-1", "result_id": "t-2", "error_type": "timeout"})]);
}

#[tokio::test]
async fn every_table_answers_and_every_column_is_documented() {
    let store = store();
    let engine = store.engine().await;
    let names: Vec<&str> = engine.tables().iter().map(|t| t.name).collect();
    for expected in [
        "events",
        "contents",
        "edges",
        "evaluations",
        "sessions",
        "rejects",
        "findings",
        "duplicates",
        "streams",
        "segments",
        "columns",
        "log",
    ] {
        assert!(names.contains(&expected), "{expected} is not among {names:?}");
    }
    for table in engine.tables() {
        let answer = engine.sql(&format!("SELECT * FROM {}", table.name)).await.unwrap();
        let columns: Vec<&str> = answer.schema.fields().iter().map(|f| f.name().as_str()).collect();
        let documented: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(columns, documented, "{}", table.name);
        assert!(table.columns.iter().all(|c| !c.description.is_empty()));
        assert!(answer.rows() > 0 || OF_KINDS.contains(&table.name), "{} is empty", table.name);
        for batch in &answer.batches {
            assert_eq!(batch.schema(), answer.schema, "{}", table.name);
        }
    }
    let listed = ask(&engine, "SELECT count(*) AS n FROM columns").await;
    assert_eq!(listed[0]["n"], json!(engine.tables().iter().map(|t| t.columns.len()).sum::<usize>()));
}

#[tokio::test]
async fn event_columns_stand_in_the_promised_order() {
    let store = store();
    let engine = store.engine().await;
    let promised = "id stream stream_index log_partition leaf log_offset time committed_at signer attested type kind source subject \
        tenant session agent agent_version variant task principal sponsor trace_id span_id model tool input_tokens output_tokens \
        cached_tokens reasoning_tokens origin native_id header";
    let events = engine.tables().iter().find(|t| t.name == "events").unwrap();
    let columns: Vec<&str> = events.columns.iter().map(|c| c.name.as_str()).collect();
    let promised: Vec<&str> = promised.split_whitespace().collect();
    assert_eq!(columns[..promised.len()], promised);
}

#[tokio::test]
async fn views_say_what_the_rows_hold() {
    let store = store();
    let engine = store.engine().await;
    let check = async |sql: &str, expected: serde_json::Value| {
        assert_eq!(json!(ask(&engine, sql).await), expected, "{sql}");
    };
    check("SELECT count(*) AS n FROM events", json!([{"n": 4}])).await;
    check(
        "SELECT from_id, to_id, relation, basis FROM edges ORDER BY from_id, to_id",
        json!([
            {"from_id": "e-1", "to_id": "e-0", "relation": "responds_to", "basis": "stated"},
            {"from_id": "e-2", "to_id": "e-1", "relation": "responds_to", "basis": "stated"},
            {"from_id": "e-2", "to_id": "gone", "relation": "used", "basis": "stated"},
            {"from_id": "e-3", "to_id": "e-2", "relation": "derived_from", "basis": "stated"},
        ]),
    )
    .await;
    check("SELECT to_id FROM edges WHERE from_id = 'e-3'", json!([{"to_id": "e-2"}])).await;
    check(
        "SELECT session, agent, agents, events, model_calls, tool_calls, messages, evaluations, input_tokens, output_tokens FROM sessions",
        json!([{"session": "a", "agent": "planner", "agents": 2, "events": 4, "model_calls": 1, "tool_calls": 1, "messages": 1,
            "evaluations": 1, "input_tokens": 10, "output_tokens": 5}]),
    )
    .await;
    check(
        "SELECT event_id, name, score, label FROM evaluations",
        json!([{"event_id": "e-3", "name": "utility", "score": 1.0, "label": "pass"}]),
    )
    .await;
    check(
        "SELECT reason, bytes, utf8(bytes) AS text FROM rejects ORDER BY leaf",
        json!([{"reason": "line.json", "bytes": "7b62726f6b656e", "text": "{broken"}, {"reason": "signature", "bytes": "0102", "text": "\u{1}\u{2}"}]),
    )
    .await;
    check(
        "SELECT kind, event_id FROM findings WHERE event_id IS NOT NULL",
        json!([{"kind": "gap", "event_id": "e-2"}]),
    )
    .await;
    check(
        "SELECT stream, size, events, duplicates, rejects FROM streams",
        json!([{"stream": "s1", "size": 8, "events": 4, "duplicates": 1, "rejects": 2}]),
    )
    .await;
    check("SELECT sum(rows) AS n FROM segments", json!([{"n": 10}])).await;
    check(
        "SELECT json_get(header, '$.data.attributes.gen_ai.tool.name') AS tool, json_get('{\"a\":[1,2]}', 'a[1]') AS n FROM events LIMIT 1",
        json!([{"tool": "ls", "n": "2"}]),
    )
    .await;
}

#[tokio::test]
async fn answers_say_what_they_stand_on() {
    let store = store();
    let engine = store.engine().await.with_log_next([(0, 17), (1, 2)].into());
    let coverage = engine.sql("SELECT 1").await.unwrap().coverage;
    assert_eq!(
        (coverage.table_version, coverage.events, coverage.rejects, coverage.findings, coverage.findings_open),
        (0, 4, 2, 3, 1)
    );
    assert_eq!(coverage.uncommitted, Some(11));
    assert_eq!(store.engine().await.coverage().uncommitted, None);
    let cut = engine.sql_rows("SELECT id FROM events", 3).await.unwrap();
    assert_eq!((cut.rows(), cut.coverage.rows_cut_at), (3, Some(3)));
    let whole = engine.sql_rows("SELECT id FROM events", 4).await.unwrap();
    assert_eq!((whole.rows(), whole.coverage.rows_cut_at), (4, None));
}

#[tokio::test]
async fn an_empty_table_answers() {
    let store = Builder::new().build();
    let engine = store.engine().await;
    for table in engine.tables() {
        let answer = engine.sql(&format!("SELECT * FROM {}", table.name)).await.unwrap();
        assert_eq!(answer.rows() > 0, table.name == "columns", "{}", table.name);
    }
    assert_eq!(ask(&engine, "SELECT count(*) AS n FROM events").await[0]["n"], 0);
}
