//! Real transcripts imported whole, counted by SQL, against what an independent script counts in the same files.

use serde_json::Value;
use std::process::Command;
use tests::{Broker, Hansard, root, shared_data};

struct Set {
    format: &'static str,
    folder: &'static str,
    checks: &'static [(&'static str, &'static str)],
}

const CLAUDE_CODE: Set = Set {
    format: "claude-code",
    folder: "claude-code-sessions",
    checks: &[
        (
            "tool_uses",
            "select count(distinct tool_call_id) from events where kind = 'tool.call' and source = 'import:claude-code'",
        ),
        (
            "tool_results",
            "select count(distinct tool_call_id) from events where kind = 'tool.result' and source = 'import:claude-code'",
        ),
        (
            "uuids",
            "select count(distinct split_part(native_id, '#', 1)) from events where source = 'import:claude-code' and regexp_like(native_id, '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(#|$)') and kind <> 'claude-code.checkpoint'",
        ),
        ("damaged_lines", "select count(*) from rejects where kind = 'import.reject' and reason like 'line%'"),
        ("input_tokens", "select sum(input_tokens) from events where source = 'import:claude-code'"),
        ("output_tokens", "select sum(output_tokens) from events where source = 'import:claude-code'"),
        ("cached_tokens", "select sum(cached_tokens) from events where source = 'import:claude-code'"),
    ],
};

const AGENTDOJO: Set = Set {
    format: "agentdojo",
    folder: "agentdojo",
    checks: &[
        ("runs", "select count(distinct session) from events"),
        ("messages", "select count(*) from events where kind in ('message', 'model.call', 'tool.result')"),
        ("tool_calls", "select count(*) from events where kind = 'tool.call'"),
        ("tool_results", "select count(*) from events where kind = 'tool.result'"),
        ("utility_true", "select count(*) from evaluations where name = 'utility' and score = 1"),
        ("security_true", "select count(*) from evaluations where name = 'security' and score = 1"),
    ],
};

const TAU_BENCH: Set = Set {
    format: "tau-bench",
    folder: "tau-bench",
    checks: &[
        ("runs", "select count(distinct session) from events"),
        ("messages", "select count(*) from events where kind in ('message', 'model.call', 'tool.result')"),
        ("tool_calls", "select count(*) from events where kind = 'tool.call'"),
        ("reward_1", "select count(*) from evaluations where name = 'reward' and score = 1"),
    ],
};

fn oracle(set: &Set, folder: &std::path::Path) -> Value {
    let script = root().join("tests/oracles/python/expected_totals.py");
    let output = Command::new("python3").arg(script).arg(set.format).arg(folder).output().expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the oracle prints JSON")
}

fn check(hansard: &Hansard, set: &Set, expected: &Value) {
    for (name, sql) in set.checks {
        assert_eq!(Some(hansard.number(sql)), expected[name].as_i64(), "{} {name}: {sql}", set.format);
    }
}

fn import_and_check(set: &Set, flags: &[String]) {
    let Some(data) = shared_data() else { return };
    let folder = data.join(set.folder);
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut hansard = Hansard::new(&dir.path().join("data"));
    hansard.flags = flags.to_vec();
    let path = folder.display().to_string();
    let _ = hansard.ok(&["init", "--replication", "1"]);
    let _ = hansard.ok(&["import", set.format, &path]);
    let expected = oracle(set, &folder);
    check(&hansard, set, &expected);
    let events = hansard.number("select count(*) from events");
    let _ = hansard.ok(&["import", set.format, &path]);
    // The same files from another folder, by somebody who does not know what was sent before, with another key.
    let link = dir.path().join("elsewhere");
    std::os::unix::fs::symlink(&folder, &link).expect("a link");
    let key = dir.path().join("other.pem").display().to_string();
    let _ = hansard.ok(&["keys", "new", &key]);
    let _ = hansard.ok(&["keys", "register", "--name", "other", "--role", "import", "--sources", "*", "--pem", &key]);
    std::fs::copy(&key, hansard.data.join("keys/import.pem")).expect("the importer's key is replaced");
    for name in ["import.sqlite3", "import.sqlite3-wal", "import.sqlite3-shm"] {
        let _ = std::fs::remove_file(hansard.data.join("state").join(name));
    }
    let _ = hansard.ok(&["import", set.format, &link.display().to_string()]);
    assert_eq!(hansard.number("select count(*) from events where kind <> 'key.registered'"), hansard_events(events));
    check(&hansard, set, &expected);
    assert!(hansard.number("select count(*) from duplicates") > 0, "the second import went through the log");
    let _ = hansard.ok(&["verify"]);
}

/// `events` counted before the second key was registered includes the registrations made by `init`.
fn hansard_events(all: i64) -> i64 {
    all - INIT_KEYS
}

/// Keys that `init` registers: gateway and importer.
const INIT_KEYS: i64 = 2;

#[test]
fn claude_code_sessions_embedded() {
    import_and_check(&CLAUDE_CODE, &[]);
}

#[test]
fn agentdojo_embedded() {
    import_and_check(&AGENTDOJO, &[]);
}

#[test]
fn tau_bench_embedded() {
    import_and_check(&TAU_BENCH, &[]);
}

#[test]
fn all_three_through_kafka() {
    let Some(broker) = Broker::start() else { return };
    for (set, topic) in [(&CLAUDE_CODE, "claude"), (&TAU_BENCH, "tau"), (&AGENTDOJO, "dojo")] {
        import_and_check(set, &["--log".to_owned(), broker.url(topic)]);
    }
}
