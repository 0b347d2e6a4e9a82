//! Nothing but questions gets through, and limits hold.

use crate::fixture::{Builder, Row};
use query::{Limits, QueryError};
use schemas::columns::RowClass;
use std::time::Duration;

fn many(count: i64) -> Vec<Row> {
    (0..count).map(|n| Row::event(&format!("e-{n:06}"), "message", n).session("s")).collect()
}

#[tokio::test]
async fn writes_and_settings_are_refused() {
    let store = Builder::new().file(0, RowClass::Event, many(1)).build();
    let engine = store.engine().await;
    for sql in [
        "CREATE TABLE x AS SELECT 1",
        "CREATE VIEW x AS SELECT 1",
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
        "DROP TABLE events",
        "INSERT INTO segments SELECT * FROM segments",
        "DELETE FROM events",
        "UPDATE events SET id = 'x'",
        "COPY (SELECT 1) TO '/tmp/out.csv'",
        "SET datafusion.execution.batch_size = 1",
        "PREPARE p AS SELECT 1",
        "BEGIN",
        "EXPLAIN INSERT INTO segments SELECT * FROM segments",
        "SELECT 1; SELECT 2",
        "SELECT * FROM '/etc/passwd'",
    ] {
        let error = engine.sql(sql).await.expect_err(sql);
        assert!(matches!(error, QueryError::Invalid { .. }), "{sql}: {error}");
    }
    for sql in [
        "SELECT 1",
        "WITH x AS (SELECT 1 AS a) SELECT a FROM x",
        "EXPLAIN SELECT * FROM events",
        "SHOW TABLES",
        "DESCRIBE events",
        "SHOW COLUMNS FROM events",
    ] {
        engine.sql(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
}

#[tokio::test]
async fn errors_name_what_there_is() {
    let store = Builder::new().file(0, RowClass::Event, many(1)).build();
    let engine = store.engine().await;
    let table = engine.sql("SELECT * FROM event").await.unwrap_err().to_string();
    assert!(table.contains("Did you mean `events`?") && table.contains("contents"), "{table}");
    let column = engine.sql("SELECT agnet FROM events").await.unwrap_err().to_string();
    assert!(column.contains("agnet") && column.contains("agent"), "{column}");
    assert!(matches!(engine.sql("SELEC 1").await, Err(QueryError::Invalid { .. })));
    assert!(matches!(engine.sql("SELECT json_get(header, '$[x]') FROM events").await, Err(QueryError::Invalid { .. })));
}

#[tokio::test]
async fn time_and_memory_are_limited() {
    let store = Builder::new().file(0, RowClass::Event, many(2_000)).build();
    let brief = Limits { time_max: Duration::from_millis(50), ..Limits::default() };
    let engine = store.engine_with(brief, store.storage()).await;
    let cross = "SELECT count(*) FROM events a, events b, events c WHERE a.leaf + b.leaf + c.leaf = 7";
    assert!(matches!(engine.sql(cross).await, Err(QueryError::Limit { .. })));
    let small = Limits { memory_bytes_max: 100_000, ..Limits::default() };
    let runtime = query::Runtime::new(&store.storage(), small, None).unwrap();
    let snapshot = store::snapshot::Snapshot::load(&store.storage(), None).await.unwrap();
    let engine = query::Engine::open(std::sync::Arc::new(snapshot), &runtime).await.unwrap();
    let grouped = "SELECT id || 'x' AS k, array_agg(header) AS h FROM events GROUP BY id || 'x' ORDER BY k";
    let error = engine.sql(grouped).await.expect_err("memory");
    assert!(matches!(error, QueryError::Limit { .. }), "{error}");
}

#[tokio::test]
async fn functions_without_a_bound_are_not_there_and_say_so() {
    let store = Builder::new().file(0, RowClass::Event, many(1)).build();
    let engine = store.engine().await;
    for (name, call) in [
        ("repeat", "repeat('a', 2000000000)"),
        ("repeat", "REPEAT('a', 2)"),
        ("lpad", "lpad('a', 2000000000, 'b')"),
        ("rpad", "rpad('a', 2000000000)"),
        ("array_repeat", "array_repeat(1, 2000000000)"),
        ("list_repeat", "list_repeat(1, 2000000000)"),
        ("array_resize", "array_resize([1], 2000000000)"),
        ("list_resize", "list_resize([1], 2000000000)"),
        ("range", "range(1, 2000000000)"),
        ("generate_series", "generate_series(1, 2000000000)"),
    ] {
        let error = engine.sql(&format!("SELECT {call}")).await.expect_err(call);
        assert!(matches!(error, QueryError::Invalid { .. }), "{call}: {error}");
        let text = error.to_string();
        assert!(text.contains(&format!("`{name}` is not available")) && text.contains("no bound"), "{call}: {text}");
    }
    let other = engine.sql("SELECT no_such_function(1)").await.unwrap_err().to_string();
    assert!(other.contains("no_such_function") && !other.contains("no bound"), "{other}");
    let rows = crate::fixture::ask(&engine, "SELECT count(*) AS n FROM range(0, 10)").await;
    assert_eq!(rows[0]["n"], 10, "the table of that name gives its rows batch by batch");
    engine.sql("SELECT replace(upper('a'), 'A', 'b'), array_length([1, 2])").await.unwrap();
}
