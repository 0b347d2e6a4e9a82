//! Contents: references, blobs, erasure, and reading no more than is asked.

use crate::fixture::{Builder, Row, ask};
use schemas::columns::RowClass;
use serde_json::json;

const SYSTEM: &[u8] = b"You are a careful agent.";
const DIGEST: &str = "ab00000000000000000000000000000000000000000000000000000000000000";
const ABSENT: &str = "cd00000000000000000000000000000000000000000000000000000000000000";

#[tokio::test]
async fn references_resolve_within_their_stream_across_files_and_classes() {
    let store = Builder::new()
        .file(0, RowClass::Event, vec![Row::event("e-0", "model.call", 0).says("input", "text/plain", SYSTEM)])
        .file(0, RowClass::Duplicate, vec![Row::event("d-0", "message", 1).says("text", "text/plain", b"seen before")])
        .file(
            0,
            RowClass::Event,
            vec![
                Row::event("e-1", "model.call", 2).refers("input", "text/plain", SYSTEM).says(
                    "output",
                    "application/octet-stream",
                    &[0xff, 0xfe],
                ),
                Row::event("e-2", "model.call", 3).refers("input", "text/plain", b"seen before"),
                Row::event("e-3", "model.call", 4).with("stream", "s2").refers("input", "text/plain", SYSTEM),
            ],
        )
        .build();
    let engine = store.engine().await;
    let answer = engine
        .sql("SELECT event_id, position, name, text, referred FROM contents ORDER BY event_id, position")
        .await
        .unwrap();
    assert_eq!(
        json!(crate::fixture::json_rows(&answer)),
        json!([
            {"event_id": "e-0", "position": 0, "name": "input", "text": "You are a careful agent.", "referred": false},
            {"event_id": "e-1", "position": 0, "name": "input", "text": "You are a careful agent.", "referred": true},
            {"event_id": "e-1", "position": 1, "name": "output", "text": null, "referred": false},
            {"event_id": "e-2", "position": 0, "name": "input", "text": "seen before", "referred": true},
            {"event_id": "e-3", "position": 0, "name": "input", "text": null, "referred": false},
        ])
    );
    assert_eq!(answer.coverage.contents_missing, 1, "another stream's content must not answer for this one's");
    let filtered =
        ask(&engine, "SELECT hex(bytes) AS b, size FROM contents WHERE event_id = 'e-1' AND name = 'output'").await;
    assert_eq!(json!(filtered), json!([{"b": "fffe", "size": 2}]));
}

#[tokio::test]
async fn blobs_are_loaded_when_asked_and_absent_ones_counted() {
    let store = Builder::new()
        .blob(DIGEST, b"a large report")
        .file(
            0,
            RowClass::Event,
            vec![
                Row::event("e-0", "tool.result", 0)
                    .blob("result", b"a large report", DIGEST)
                    .blob("other", b"gone", ABSENT),
            ],
        )
        .build();
    let engine = store.engine().await;
    let answer = engine.sql("SELECT name, text, blob FROM contents ORDER BY position").await.unwrap();
    assert_eq!(
        json!(crate::fixture::json_rows(&answer)),
        json!([{"name": "result", "text": "a large report", "blob": DIGEST}, {"name": "other", "text": null, "blob": ABSENT}])
    );
    assert_eq!(answer.coverage.contents_missing, 1);
    let described = engine.sql("SELECT name, size, commitment FROM contents").await.unwrap();
    assert_eq!((described.rows(), described.coverage.contents_missing), (2, 0));
}

#[tokio::test]
async fn sizes_are_read_without_bytes() {
    let body = vec![b'x'; 400_000];
    let rows = (0..20).map(|n| Row::event(&format!("e-{n}"), "message", n).says("text", "text/plain", &body));
    let store = Builder::new().file(0, RowClass::Event, rows.collect()).build();
    let engine = store.engine().await;
    let scanned = async |sql: &str| -> u64 {
        let plan = ask(&engine, &format!("EXPLAIN ANALYZE {sql}")).await;
        let text = plan.iter().map(|r| r["plan"].as_str().unwrap()).collect::<String>();
        let after = text.split("bytes_scanned=").nth(1).unwrap_or_else(|| panic!("{text}"));
        let number: String = after.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        let unit = after[number.len()..].trim_start().chars().next().unwrap_or(' ');
        let scale = match unit {
            'K' => 1e3,
            'M' => 1e6,
            'G' => 1e9,
            _ => 1.0,
        };
        (number.parse::<f64>().unwrap() * scale) as u64
    };
    let (sizes, texts) =
        (scanned("SELECT sum(size) FROM contents").await, scanned("SELECT max(text) FROM contents").await);
    assert!(sizes * 2 < texts, "{sizes} bytes for sizes, {texts} for texts");
    assert_eq!(ask(&engine, "SELECT sum(size) AS n FROM contents").await[0]["n"], 8_000_000);
}
