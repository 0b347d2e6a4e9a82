//! What happened a second ago: events are seen before they are committed, once, by the server and by commands beside it.

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tests::{Guard, Hansard, free_port, http, http_with, wait_for};

/// A server that receives, compacts and answers.
struct Server {
    port: u16,
    _guard: Guard,
}

impl Server {
    fn start(hansard: &Hansard) -> Self {
        let port = free_port();
        let mut command = hansard.command(&["serve", "--listen", &format!("127.0.0.1:{port}")]);
        let guard = Guard(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("serve starts"));
        let ready = || http(port, "GET", "/readyz", "text/plain", b"").is_ok_and(|(status, _)| status == 200);
        wait_for("the server is ready", Duration::from_secs(60), ready);
        Self { port, _guard: guard }
    }

    fn get(&self, path: &str) -> (u16, Value) {
        let (status, body) = http(self.port, "GET", path, "text/plain", b"").expect("the server answers");
        (status, serde_json::from_str(&body).unwrap_or_default())
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let bytes = body.to_string();
        let answer = http(self.port, "POST", path, "application/json", bytes.as_bytes());
        let (status, body) = answer.expect("the server answers");
        (status, serde_json::from_str(&body).unwrap_or_default())
    }

    /// The one number of a query; of what is committed alone, if asked.
    fn count(&self, sql: &str, committed: bool) -> i64 {
        let headers: &[(&str, &str)] = if committed { &[("hansard-committed", "true")] } else { &[] };
        let body = json!({"sql": sql}).to_string();
        let answer = http_with(self.port, "POST", "/v1/sql", headers, "application/json", body.as_bytes());
        let (status, body) = answer.expect("the server answers");
        assert_eq!(status, 200, "{body}");
        let answer: Value = serde_json::from_str(&body).expect("JSON");
        answer["rows"][0]["n"].as_i64().or_else(|| answer["rows"][0][0].as_i64()).unwrap_or_else(|| panic!("{answer}"))
    }
}

fn event(n: usize) -> Value {
    json!({"id": format!("fresh-event-{n:06}"), "source": "agent://fresh", "type": "dev.hansard.message", "time": "2026-11-26T10:00:00Z",
        "data": {"session": "s", "agent": {"id": "a"},
            "causes": if n > 0 { json!([{"id": format!("fresh-event-{:06}", n - 1), "relation": "responds_to"}]) } else { json!([]) },
            "contents": [{"name": "text", "media_type": "text/plain", "text": format!("word{n} said by nobody else, in event {n} of this test")}]}})
}

/// The slowest of many: from the acknowledgement until `why` answers with the event, while commits and merges go on.
#[test]
fn what_is_acknowledged_is_explained_at_once_and_counted_once() {
    let dir = TempDir::new().unwrap();
    let hansard = Hansard::new(dir.path());
    let _ = hansard.ok(&["init"]);
    let server = Server::start(&hansard);
    let (mut seen, mut committed_lagged) = (Vec::new(), false);
    // The first question wakes the tail.
    let _ = server.get("/v1/why?event=nobody");
    for n in 0..120 {
        let (status, _) = server.post("/v1/events", &event(n));
        assert!((200..300).contains(&status), "event {n}: {status}");
        let acknowledged = Instant::now();
        loop {
            let (status, why) = server.get(&format!("/v1/why?event=fresh-event-{n:06}"));
            if status == 200 {
                let nodes = why["nodes"].as_array().unwrap();
                let ids: BTreeSet<&str> = nodes.iter().filter_map(|node| node["event_id"].as_str()).collect();
                assert_eq!((ids.len(), nodes.len()), (n + 1, n + 1), "each event of the chain once");
                break;
            }
            assert!(acknowledged.elapsed() < Duration::from_secs(10), "event {n} is not seen: {why}");
            std::thread::sleep(Duration::from_millis(2));
        }
        seen.push(acknowledged.elapsed());
        let count = |committed: bool| server.count("SELECT count(*) AS n FROM events WHERE session = 's'", committed);
        assert_eq!(count(false), n as i64 + 1, "counted once");
        committed_lagged |= count(true) < n as i64 + 1;
    }
    seen.sort();
    println!("acknowledged to explained, ms: p50 {}, p99 {}", seen[60].as_millis(), seen[118].as_millis());
    assert!(committed_lagged, "the committed view was never behind: nothing was shown before its commit");
    // Words of an event that may not be committed yet, from the server and from a command in another process.
    let (status, found) = server.get("/v1/search?q=word119");
    assert_eq!((status, found["hits"][0]["event_id"].as_str()), (200, Some("fresh-event-000119")), "{found}");
    let (_, _) = server.post("/v1/events", &event(120));
    let own = hansard.json(&["search", "word120"]);
    let late = Instant::now();
    let mut found = own;
    while found["hits"].as_array().is_some_and(Vec::is_empty) && late.elapsed() < Duration::from_secs(5) {
        found = hansard.json(&["search", "word120"]);
    }
    assert_eq!(found["hits"][0]["event_id"].as_str(), Some("fresh-event-000120"), "{found}");
    // Commands alone see what is committed.
    let all = || server.count("SELECT count(*) AS n FROM events WHERE session = 's'", true) == 121;
    wait_for("the last commit", Duration::from_secs(30), all);
    drop(server);
    assert_eq!(hansard.number("SELECT count(*) FROM events WHERE session = 's'"), 121);
    assert_eq!(hansard.number("SELECT count(DISTINCT id) FROM events WHERE session = 's'"), 121);
}
