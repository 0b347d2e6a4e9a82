//! `kill -9` at random moments of receiving, importing and compacting: every acknowledged event is there once, and the
//! whole record verifies. `HANSARD_CRASHES` sets how many kills (default 12 here; the recorded run used 200).

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tests::{Broker, Guard, Hansard, free_port, http, wait_for};

fn crashes() -> usize {
    std::env::var("HANSARD_CRASHES").ok().and_then(|n| n.parse().ok()).unwrap_or(12)
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

fn serve(hansard: &Hansard, port: u16) -> Guard {
    let listen = format!("127.0.0.1:{port}");
    let child = hansard
        .command(&["serve", "--listen", &listen])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("serve starts");
    Guard(child)
}

/// Sends events until told to stop; returns the ids that were acknowledged.
fn sender(port: u16, name: String, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<BTreeSet<String>> {
    std::thread::spawn(move || {
        let mut acked = BTreeSet::new();
        let mut n = 0;
        while !stop.load(Ordering::Relaxed) {
            let events: Vec<Value> = (0..20).map(|i| event(&name, n + i)).collect();
            let body = Value::Array(events.clone()).to_string();
            match http(port, "POST", "/v1/events", "application/json", body.as_bytes()) {
                Ok((200, answer)) if serde_json::from_str::<Value>(&answer).is_ok() => {
                    acked.extend(events.iter().filter_map(|e| e["id"].as_str().map(str::to_owned)));
                    n += 20;
                }
                // Not acknowledged: the same events are sent again, which must not double them.
                _ => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        acked
    })
}

fn event(name: &str, n: usize) -> Value {
    json!({"specversion": "1.0", "id": format!("{name}-{n}"), "source": "urn:test:crash", "type": "dev.hansard.message",
        "data": {"session": format!("{name}-{}", n % 5), "contents": [{"name": "text", "text": format!("{name} says {n}")}]}})
}

fn crash_serving(hansard: &Hansard, crashes: usize) {
    let port = free_port();
    let stop = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..3).map(|i| sender(port, format!("s{i}"), Arc::clone(&stop))).collect();
    let mut dice = Dice(42);
    for _ in 0..crashes {
        let mut server = serve(hansard, port);
        std::thread::sleep(Duration::from_millis(250 + dice.next(1_500)));
        server.kill();
    }
    let _server = serve(hansard, port);
    wait_for("the server to come back", Duration::from_secs(60), || {
        matches!(http(port, "GET", "/readyz", "text/plain", b""), Ok((200, _)))
    });
    std::thread::sleep(Duration::from_millis(500));
    stop.store(true, Ordering::Relaxed);
    let acked: BTreeSet<String> = senders.into_iter().flat_map(|s| s.join().expect("a sender ends")).collect();
    assert!(!acked.is_empty(), "nothing was acknowledged");
    let stored = || ids(hansard);
    wait_for("all acknowledged events in the table", Duration::from_secs(120), || stored().is_superset(&acked));
    let doubled = hansard.rows("select id, count(*) n from events group by id having count(*) > 1");
    assert!(doubled.is_empty(), "doubled: {doubled:?}");
    println!("{} events acknowledged over {crashes} kills, each there once", acked.len());
}

fn ids(hansard: &Hansard) -> BTreeSet<String> {
    let rows = hansard.rows("select id from events where source = 'urn:test:crash'");
    rows.iter().filter_map(|r| r["id"].as_str().map(str::to_owned)).collect()
}

fn crash_importing(hansard: &Hansard, dir: &std::path::Path, crashes: usize) {
    let mut dice = Dice(7);
    let mut written = 0usize;
    let file = dir.join("events.ndjson");
    for round in 0..crashes {
        // A file that grows: what was imported before must not come twice.
        let lines: String = (0..2_000).map(|i| format!("{}\n", event("import", round * 2_000 + i))).collect();
        written += 2_000;
        let mut all = std::fs::read_to_string(&file).unwrap_or_default();
        all.push_str(&lines);
        std::fs::write(&file, all).expect("the file is written");
        let mut child = Guard(
            hansard
                .command(&["import", "hansard", &file.display().to_string()])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("import starts"),
        );
        std::thread::sleep(Duration::from_millis(30 + dice.next(900)));
        child.kill();
    }
    // A consumer group waits out the members that were killed while they joined, longer than one import is patient; the
    // embedded log has no such excuse.
    let tries = if hansard.flags.is_empty() { 1 } else { 6 };
    let path = file.display().to_string();
    let done = (0..tries).any(|_| hansard.run(&["import", "hansard", &path]).status.success());
    assert!(done, "the last import does not end");
    let count = hansard.number("select count(*) from events where source = 'urn:test:crash' and id like 'import-%'");
    let distinct =
        hansard.number("select count(distinct id) from events where source = 'urn:test:crash' and id like 'import-%'");
    assert_eq!((count, distinct), (written as i64, written as i64));
}

fn both(flags: Vec<String>) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut hansard = Hansard::new(&dir.path().join("data"));
    hansard.flags = flags;
    let mut init = hansard.command(&["init", "--replication", "1"]);
    assert!(init.output().expect("init runs").status.success());
    crash_importing(&hansard, dir.path(), crashes() / 2);
    crash_serving(&hansard, crashes().div_ceil(2));
    let _ = hansard.ok(&["verify"]);
}

#[test]
fn killed_at_random_embedded() {
    both(Vec::new());
}

#[test]
fn killed_at_random_kafka() {
    let Some(broker) = Broker::start() else { return };
    both(vec!["--log".to_owned(), broker.url("crash")]);
}
