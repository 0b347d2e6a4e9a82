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

    /// Asks as a page would whose name points at this machine; gives status and body.
    fn ask_as(&self, host: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("connect");
        stream.set_read_timeout(Some(PATIENCE)).expect("time-out");
        write!(stream, "GET /healthz HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").expect("ask");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
        (status, body.to_owned())
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

/// A client of server-sent events.
struct Tail(BufReader<TcpStream>);

impl Tail {
    fn listen(server: &Server, path: &str, last_id: Option<&str>) -> Self {
        let mut stream = TcpStream::connect(&server.address).expect("connect");
        stream.set_read_timeout(Some(PATIENCE)).expect("time-out");
        let resume = last_id.map_or_else(String::new, |id| format!("last-event-id: {id}\r\n"));
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {}\r\n{resume}\r\n", server.address).expect("ask");
        Self(BufReader::new(stream))
    }

    /// The next block that says something: its id and its data.
    fn block(&mut self) -> (Option<String>, Option<Value>) {
        let (mut id, mut data) = (None, None);
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).expect("readable") > 0, "the stream ended");
            // Between the blocks stand the head of the answer, sizes of chunks and comments that keep it alive.
            if let Some(text) = line.strip_prefix("id: ") {
                id = Some(text.trim().to_owned());
            } else if let Some(text) = line.strip_prefix("data: ") {
                data = Some(serde_json::from_str(text).expect("JSON"));
            } else if line.trim().is_empty() && (id.is_some() || data.is_some()) {
                return (id, data);
            }
        }
    }
}

/// A client that was cut off within a step has no position after it, so that the rest comes again.
#[test]
fn a_tail_gives_its_position_at_the_end_of_a_step() {
    let place = Place::new();
    let server = Server::start(&place, &[]);
    let events: Vec<String> = (0..5).map(event).collect();
    assert_eq!(server.json("POST", "/v1/events", &format!("[{}]", events.join(","))).0, 200);
    let started = Instant::now();
    let count = |sql: &str| server.json("POST", "/v1/sql", &serde_json::json!({ "sql": sql }).to_string()).1;
    while count("SELECT count(*) AS n FROM events WHERE session = 'live'")["rows"][0]["n"] != 5 {
        assert!(started.elapsed() < PATIENCE, "the events are not committed");
        std::thread::sleep(Duration::from_millis(50));
    }
    let all = count("SELECT count(*) AS n FROM events")["rows"][0]["n"].as_u64().expect("a number");
    let mut tail = Tail::listen(&server, "/v1/tail?after=0:0", None);
    let (begin, nothing) = tail.block();
    assert_eq!((begin.as_deref(), nothing), (Some("0:0"), None), "where the stream begins");
    let blocks: Vec<_> = (0..all).map(|_| tail.block()).collect();
    let (last, before) = blocks.split_last().expect("events");
    assert!(before.iter().all(|(id, data)| id.is_none() && data.is_some()), "{blocks:?}");
    let position = last.0.clone().expect("the position after the step");
    // Cut off in the middle: the client knows the beginning only, and everything comes again.
    let mut again = Tail::listen(&server, "/v1/tail", begin.as_deref());
    assert_eq!(again.block().0, begin);
    let repeated: Vec<_> = (0..all).map(|_| again.block()).collect();
    assert_eq!(repeated, blocks);
    // Cut off after the end: nothing comes again.
    let mut rest = Tail::listen(&server, "/v1/tail", Some(&position));
    assert_eq!(rest.block(), (Some(position), None));
    assert_eq!(server.json("POST", "/v1/events", &event(77)).0, 200);
    let (id, data) = rest.block();
    assert_eq!(data.expect("an event")["id"], "live-77");
    assert!(id.is_some());
    drop((tail, again, rest));
    server.signal("-TERM");
    assert_eq!(server.ended().0.code(), Some(0));
}

#[test]
fn a_server_of_this_machine_answers_to_its_own_names_only() {
    let place = Place::new();
    place.run(&["init", "--data", "d"]).ok();
    let server = Server::start(&place, &["--roles", "query", "--allowed-hosts", "hansard.example"]);
    for host in ["localhost:4727", "127.0.0.1", "[::1]:1", "hansard.example", server.address.as_str()] {
        assert_eq!(server.ask_as(host).0, 200, "{host}");
    }
    let (status, body) = server.ask_as("evil.example:4727");
    let problem: Value = serde_json::from_str(&body).expect("a document");
    assert_eq!((status, problem["type"].as_str()), (421, Some("urn:hansard:problem:host")));
    let detail = problem["detail"].as_str().expect("words");
    assert!(detail.contains("evil.example") && detail.contains("localhost") && detail.contains("--allowed-hosts"));
    server.signal("-TERM");
    assert_eq!(server.ended().0.code(), Some(0));
}
