//! The life of a server: start, take events, answer, refuse a second compactor, stop on SIGTERM with everything
//! committed.

use crate::program::Place;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

struct Server {
    child: Child,
    address: String,
    log: BufReader<ChildStderr>,
}

impl Server {
    fn start(place: &Place, more: &[&str]) -> Self {
        let args = [&["serve", "--data", "d", "--listen", "127.0.0.1:0", "--log-format", "json"][..], more].concat();
        let mut child =
            place.command(&args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("start the server");
        let mut log = BufReader::new(child.stderr.take().expect("piped"));
        let mut seen = String::new();
        let address = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).expect("readable") > 0, "the server ended: {seen}");
            seen.push_str(&line);
            let entry: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = entry["address"].as_str() {
                break address.to_owned();
            }
        };
        Self { child, address, log }
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("connect");
        stream.set_read_timeout(Some(PATIENCE)).expect("time-out");
        let length = body.len();
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}", self.address).expect("ask");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
        let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        (status, if chunked { unchunked(body) } else { body.to_owned() })
    }

    fn json(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let (status, text) = self.ask(method, path, body);
        (status, serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}: {text}")))
    }

    fn signal(&self, name: &str) {
        let done = Command::new("kill").args([name, &self.child.id().to_string()]).status().expect("kill");
        assert!(done.success());
    }

    /// The exit status and the rest of the log.
    fn ended(mut self) -> (ExitStatus, String) {
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("wait") {
                break status;
            }
            assert!(started.elapsed() < PATIENCE, "the server does not end");
            std::thread::sleep(Duration::from_millis(20));
        };
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).expect("readable");
        (status, rest)
    }
}

fn unchunked(body: &str) -> String {
    let (mut out, mut rest) = (String::new(), body);
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        if size == 0 {
            break;
        }
        out.push_str(&after[..size]);
        rest = &after[size + 2..];
    }
    out
}

fn event(n: usize) -> String {
    format!(
        r#"{{"id":"live-{n}","source":"urn:test:agent","type":"message","data":{{"session":"live","contents":[{{"name":"message","text":"number {n}"}}]}}}}"#
    )
}

#[test]
fn events_are_taken_answered_and_committed_before_the_end() {
    let place = Place::new();
    let server = Server::start(&place, &[]);
    assert_eq!(server.ask("GET", "/healthz", "").0, 200);
    let (status, ready) = server.json("GET", "/readyz", "");
    assert_eq!(status, 200, "{ready}");
    assert_eq!(ready["roles"], serde_json::json!(["ingest", "compact", "query"]));
    assert!(ready["durability"].as_str().is_some_and(|d| d.contains("fsync")), "{ready}");
    for n in 0..20 {
        let (status, receipt) = server.json("POST", "/v1/events", &event(n));
        assert_eq!(status, 200, "{receipt}");
        assert_eq!(receipt["events"][0]["id"], format!("live-{n}"));
    }
    let started = Instant::now();
    let question = r#"{"sql":"SELECT count(*) AS n FROM events WHERE session = 'live'"}"#;
    loop {
        let (status, answer) = server.json("POST", "/v1/sql", question);
        assert_eq!(status, 200, "{answer}");
        if answer["rows"][0]["n"] == 20 {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "{answer}");
        std::thread::sleep(Duration::from_millis(50));
    }
    let metrics = server.ask("GET", "/metrics", "").1;
    for name in [
        "hansard_compactor_events_total",
        "hansard_http_requests_total{route=\"/v1/events\",status=\"2xx\"} 20",
        "hansard_outbox_records 0",
    ] {
        assert!(metrics.contains(name), "{name} is missing: {metrics}");
    }
    let openapi = server.json("GET", "/openapi.json", "").1;
    for path in ["/v1/events", "/v1/batches", "/v1/sql", "/v1/why", "/readyz"] {
        assert!(openapi["paths"][path].is_object(), "{path} is not in the document");
    }
    let (status, problem) = server.json("GET", "/nowhere", "");
    assert_eq!((status, problem["status"].as_u64()), (404, Some(404)));
    // Acknowledged right before the end: it must be in the table afterwards.
    assert_eq!(server.json("POST", "/v1/events", &event(99)).0, 200);
    server.signal("-TERM");
    let (status, log) = server.ended();
    assert_eq!(status.code(), Some(0), "{log}");
    let rows = place.json(&["sql", "SELECT count(*) AS n FROM events WHERE session = 'live'", "--data", "d"]);
    assert_eq!((rows["rows"][0]["n"].as_u64(), rows["coverage"]["uncommitted"].as_u64()), (Some(21), Some(0)));
}

#[test]
fn one_process_compacts_and_an_import_beside_it_waits_for_it() {
    let place = Place::new();
    let server = Server::start(&place, &[]);
    let second = place.run(&["serve", "--data", "d", "--listen", "127.0.0.1:0"]).ended(2);
    assert!(
        second.err.contains("another process compacts") && second.err.contains("--roles ingest,query"),
        "{}",
        second.err
    );
    place.file("one.ndjson", &format!("{}\n", event(1)));
    let report = place.json(&["import", "hansard", "one.ndjson", "--data", "d"]);
    assert_eq!(
        (report["committed"].as_bool(), report["duplicates"].as_u64()),
        (Some(true), None),
        "the server committed it: {report}"
    );
    let rows = place.json(&["sql", "SELECT attested FROM events WHERE session = 'live'", "--data", "d"]);
    assert_eq!(rows["rows"], serde_json::json!([{"attested": "import"}]));
    server.signal("-INT");
    let (status, log) = server.ended();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn roles_that_do_not_run_are_not_there() {
    let place = Place::new();
    place.run(&["init", "--data", "d"]).ok();
    let server = Server::start(&place, &["--roles", "query"]);
    assert_eq!(server.ask("POST", "/v1/events", &event(1)).0, 404);
    assert_eq!(server.json("GET", "/v1/tables", "").0, 200);
    server.signal("-TERM");
    assert_eq!(server.ended().0.code(), Some(0));
}

#[test]
fn an_address_that_is_taken_is_said() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let ran = place.run(&["serve", "--data", "d", "--listen", &address]).ended(2);
    assert!(ran.err.contains(&address) && ran.err.contains("--listen"), "{}", ran.err);
}
