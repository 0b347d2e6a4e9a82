//! A producer that shares no code with us writes to a real Kafka topic as `docs/format.md` section 3 says: a stock Kafka
//! client, PyNaCl and blake3. What it sent is in the table as it said; what it may not send is kept as a reject.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tests::{Broker, Guard, Hansard, b3sum, free_port, python, root, unhex, wait_for};

const STREAM: &str = "acme.example/agent-7";
const SOURCE: &str = "agent://acme/7";
/// Longer than what travels in a batch, so that it is sent in parts.
const LARGE_BYTES: usize = 700_000;

/// Somebody with a key.
struct Agent<'a> {
    python: &'a str,
    broker: &'a Broker,
    dir: &'a Path,
    name: &'a str,
}

impl Agent<'_> {
    fn command(&self) -> Command {
        let mut command = Command::new(self.python);
        command.arg(root().join("tests/oracles/python/producer.py"));
        command.arg("--key").arg(self.dir.join(format!("{}.key", self.name)));
        command
    }

    fn public(&self) -> String {
        let output = self.command().arg("--public").output().expect("the producer runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Sends events as `source` in `stream`, going on where the last call ended; what the producer says of them.
    fn send(&self, stream: &str, source: &str, events: &[Value]) -> Value {
        let state = self.dir.join(format!("{}.state", stream.replace('/', "_")));
        let mut child = self
            .command()
            .args(["--bootstrap", &self.broker.bootstrap, "--topic", "python", "--stream", stream, "--source", source])
            .arg("--state")
            .arg(state)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the producer runs");
        let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
        child.stdin.take().expect("piped").write_all(lines.as_bytes()).expect("the producer reads");
        let output = child.wait_with_output().expect("the producer ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("the producer prints JSON")
    }
}

fn prompt() -> String {
    "Pay what is due, and say why. ".repeat(20)
}

fn large() -> String {
    (0..LARGE_BYTES / 10).map(|n| format!("{n:09}\n")).collect()
}

fn event(id: &str, kind: &str, cause: Option<&str>, contents: &Value) -> Value {
    let causes: Vec<Value> = cause.iter().map(|id| json!({"id": id, "relation": "derived_from"})).collect();
    json!({"id": id, "type": format!("dev.hansard.{kind}"), "subject": "loan/4711", "contents": contents,
        "data": {"session": "py", "agent": {"id": "agent-7"}, "causes": causes,
            "attributes": {"gen_ai.tool.name": "pay"}}})
}

/// The first batch: inline, by reference, in parts, and bytes that are no text.
fn first() -> Vec<Value> {
    let input = json!([{"name": "input", "text": prompt()}]);
    vec![
        event("py-0", "message", None, &json!([{"name": "message", "text": "Grüß Gott, please pay."}])),
        event("py-1", "model.call", Some("py-0"), &input),
        event(
            "py-2",
            "tool.call",
            Some("py-1"),
            &json!([{"name": "arguments", "media_type": "application/json", "text": "{\"amount\": 7}"}]),
        ),
        event("py-3", "model.call", Some("py-2"), &input),
        event("py-4", "tool.result", Some("py-2"), &json!([{"name": "result", "text": large()}])),
        event(
            "py-5",
            "message",
            None,
            &json!([{"name": "scan", "media_type": "application/octet-stream", "base64": "/wD+"}]),
        ),
    ]
}

/// A later run of the same producer.
fn second() -> Vec<Value> {
    (6..9)
        .map(|n| event(&format!("py-{n}"), "message", None, &json!([{"name": "message", "text": format!("no. {n}")}])))
        .collect()
}

fn rows(hansard: &Hansard, sql: &str) -> Vec<Value> {
    hansard.json(&["sql", sql])["rows"].as_array().expect("rows").clone()
}

fn committed(hansard: &Hansard) -> bool {
    hansard.json(&["sql", "select 1 as one"])["coverage"]["uncommitted"] == 0
}

/// Every event stands where its producer says, under its key, with the bytes that it signed.
fn check_events(hansard: &Hansard, python: &str, dir: &Path, told: &[Value]) {
    let sql = format!(
        "select id, stream_index, log_partition, log_offset, attested, signer, source, subject, tool, agent, tenant, header from events where stream = '{STREAM}' order by stream_index"
    );
    let stored = rows(hansard, &sql);
    let sent: Vec<(&Value, &Value)> =
        told.iter().flat_map(|t| t["events"].as_array().expect("events").iter().map(move |e| (t, e))).collect();
    assert_eq!((stored.len(), sent.len()), (9, 9));
    for (index, (row, (told, event))) in stored.iter().zip(sent).enumerate() {
        assert_eq!(row["id"], format!("py-{index}"));
        assert_eq!(row["stream_index"], index);
        let place = [&row["id"], &row["stream_index"], &row["log_partition"], &row["log_offset"], &row["signer"]];
        assert_eq!(place, [&event["id"], &event["index"], &told["partition"], &event["offset"], &told["public_key"]]);
        let names = ["attested", "source", "subject", "tool", "agent", "tenant"].map(|name| row[name].as_str());
        assert_eq!(names, ["self", SOURCE, "loan/4711", "pay", "agent-7", "default"].map(Some));
        std::fs::write(dir.join("header"), unhex(&row["header"])).expect("written");
        let digest = b3sum(python, "hansard 2026-11 event header v1", &dir.join("header"));
        assert_eq!(Some(digest.as_str()), event["digest"].as_str(), "py-{index}");
    }
}

fn check_contents(hansard: &Hansard) {
    let sql = "select event_id, name, size, text, bytes, referred from contents where session = 'py'";
    let stored = rows(hansard, sql);
    let by_event: BTreeMap<&str, &Value> =
        stored.iter().filter_map(|row| Some((row["event_id"].as_str()?, row))).collect();
    assert_eq!((stored.len(), by_event.len()), (9, 9));
    let (prompt, large) = (prompt(), large());
    let texts = ["Grüß Gott, please pay.", &prompt, "{\"amount\": 7}", &prompt, &large];
    for (index, text) in texts.iter().enumerate() {
        let row = by_event[format!("py-{index}").as_str()];
        assert!(row["text"] == *text, "text of py-{index}: {:.200}", row["text"].to_string());
        assert_eq!(row["size"], text.len(), "py-{index}");
        assert_eq!(row["referred"], index == 3, "only py-3 was sent by reference; this is py-{index}");
    }
    assert_eq!((by_event["py-5"]["bytes"].as_str(), by_event["py-5"]["text"].is_null()), (Some("ff00fe"), true));
    assert_eq!(by_event["py-8"]["text"], "no. 8");
}

#[test]
fn a_foreign_producer_writes_to_the_topic() {
    let (Some(broker), Some(python)) = (Broker::start(), python()) else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut hansard = Hansard::new(&dir.path().join("data"));
    hansard.flags = vec!["--log".to_owned(), broker.url("python")];
    let _ = hansard.ok(&["init", "--replication", "1", "--partitions", "3"]);
    let agent = |name| Agent { python: &python, broker: &broker, dir: dir.path(), name };
    let (known, stranger) = (agent("known"), agent("stranger"));
    let public = known.public();
    let register = ["keys", "register", "--name", "agent-7", "--sources", SOURCE, "--public", &public];
    assert_eq!(hansard.json(&register)["state"], "is in force");
    // Before a compactor runs, and while one does.
    let mut told = vec![known.send(STREAM, SOURCE, &first())];
    let listen = format!("127.0.0.1:{}", free_port());
    let mut server = hansard.command(&["serve", "--roles", "compact", "--listen", &listen]);
    let mut server = Guard(server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("serve starts"));
    wait_for("the compactor to catch up", Duration::from_secs(120), || committed(&hansard));
    told.push(known.send(STREAM, SOURCE, &second()));
    let message = json!([{"name": "message", "text": "let me in"}]);
    let denied = stranger.send("acme.example/stranger", SOURCE, &[event("no-0", "message", None, &message)]);
    let _ = known.send("acme.example/other", "agent://acme/8", &[event("no-1", "message", None, &message)]);
    wait_for("the compactor to catch up again", Duration::from_secs(120), || committed(&hansard));
    assert!(server.terminate(Duration::from_secs(60)), "the server ends with success when it is asked to");

    assert_eq!(told[0]["public_key"], public);
    assert_eq!((&told[0]["size"], &told[1]["size"]), (&json!(6), &json!(9)));
    check_events(&hansard, &python, dir.path(), &told);
    check_contents(&hansard);
    let rejects = rows(&hansard, "select reason, detail from rejects order by reason");
    let reasons: Vec<_> = rejects.iter().filter_map(|row| row["reason"].as_str()).collect();
    assert_eq!(reasons, ["source", "unknown_key"], "{rejects:?}");
    let stranger_key = denied["public_key"].as_str().expect("a key");
    assert!(rejects[1]["detail"].as_str().is_some_and(|detail| detail.contains(stranger_key)), "{rejects:?}");
    assert_eq!(hansard.number("select count(*) from events where id like 'no-%'"), 0);
    assert_eq!(hansard.number("select count(*) from findings"), 0);
    let why = hansard.json(&["why", "py-3"]);
    let chain: Vec<_> = why["nodes"].as_array().expect("nodes").iter().filter_map(|n| n["event_id"].as_str()).collect();
    assert_eq!(chain, ["py-3", "py-2", "py-1", "py-0"]);
    let verified = hansard.json(&["verify"]);
    assert_eq!((&verified["ok"], &verified["log_compared"]), (&json!(true), &json!(true)), "{verified}");
}
