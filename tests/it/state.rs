//! The state at points of the demo and of real transcripts, by the binary: counts against SQL, roots against merges and a
//! second build, proofs that hold and proofs that were changed, and a step-through driven by piped commands.

use serde_json::Value;
use std::io::Write;
use std::process::Stdio;
use tests::{Hansard, shared_data};

/// Sums of a state, and the same by SQL.
const SUMS: [(&str, &str); 5] = [
    ("events", "count(*)"),
    ("tool_calls", "count(*) FILTER (WHERE kind = 'tool.call')"),
    ("tool_results", "count(*) FILTER (WHERE kind = 'tool.result')"),
    ("input_tokens", "coalesce(sum(input_tokens), 0)"),
    ("output_tokens", "coalesce(sum(output_tokens), 0)"),
];

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {pointer}: {value}"))
}

/// The state's sums at a point equal those that SQL counts with `condition`.
fn sums_agree(hansard: &Hansard, point: &[&str], condition: &str) {
    let state = hansard.json(&[&["state", "--class", "totals"], point].concat());
    let sums = &state["rows"][0]["cell"]["sums"];
    for (name, sql) in SUMS {
        let counted = hansard.number(&format!("select {sql} as n from events where {condition}"));
        assert_eq!(sums[name].as_i64().unwrap_or_default(), counted, "{name} at {point:?}");
    }
    assert_eq!(
        state["events"].as_i64(),
        Some(hansard.number(&format!("select count(*) as n from events where {condition}")))
    );
}

/// Every memory value in force at a time is the last write that SQL finds.
fn memory_agrees(hansard: &Hansard, time: &str) {
    let state = hansard.json(&["state", "--class", "memory", "--at", time]);
    let rows = state["rows"].as_array().expect("rows");
    let sql = format!(
        "select resource, id from (select *, row_number() over (partition by memory_store, resource order by time desc, id desc) as n \
         from events where kind = 'memory.write' and time <= '{time}') where n = 1"
    );
    let written = hansard.rows(&sql);
    assert!(!written.is_empty(), "nothing was written before {time}");
    assert_eq!(rows.len(), written.len());
    for row in rows {
        let own = written.iter().find(|w| w["resource"] == row["key"]["key"]).expect("SQL knows the key");
        assert_eq!(row["now"]["in_force"], own["id"], "{row}");
    }
}

#[test]
fn the_state_of_the_demo_is_what_sql_counts() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let hansard = Hansard::new(dir.path());
    let demo = hansard.json(&["demo"]);
    sums_agree(&hansard, &[], "true");
    for time in ["2026-03-02T09:05:00Z", "2026-03-03T06:00:06Z", "2026-03-03T12:00:00Z"] {
        sums_agree(&hansard, &["--at", time], &format!("coalesce(time, committed_at) <= '{time}'"));
    }
    memory_agrees(&hansard, "2026-03-03T12:00:00Z");
    memory_agrees(&hansard, "2026-03-05T00:00:00Z");
    let known = hansard.rows("select cast(min(committed_at) as varchar) as t from events")[0]["t"].clone();
    let known = format!("{}Z", known.as_str().expect("a time").trim_end_matches('Z'));
    sums_agree(&hansard, &["--known-at", &known], &format!("committed_at <= '{known}'"));
    let event = demo["ids"]["price.bad.write"].as_str().expect("the demo names its events");
    let by = "(select time from events where id = '";
    sums_agree(&hansard, &["--at", event], &format!("time < {by}{event}') or id = '{event}'"));
    let size = hansard.json(&["state", "--at", "1"]);
    assert_eq!(size["at"]["root_log_size"], 1);
    assert_eq!(hansard.run(&["state", "--at", "100000"]).status.code(), Some(1));
}

#[test]
fn the_difference_names_the_write_that_did_it() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let hansard = Hansard::new(dir.path());
    let demo = hansard.json(&["demo"]);
    let diff = hansard.json(&["state", "diff", "2026-03-03T06:00:12Z", "2026-03-03T06:00:13Z"]);
    let changes = diff["changes"].as_array().expect("changes");
    let poisoned = changes.iter().find(|change| change["class"] == "memory").expect("a value of memory changed");
    assert_eq!(poisoned["by"]["event"], demo["ids"]["price.bad.write"]);
    assert_eq!(poisoned["before"], Value::Null);
    let back = hansard.json(&["state", "diff", "2026-03-03T06:00:13Z", "2026-03-03T06:00:12Z"]);
    assert_eq!(back["changes"].as_array().map(Vec::len), Some(changes.len()));
}

#[test]
fn proofs_of_memory_hold_and_changed_ones_do_not() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let hansard = Hansard::new(dir.path());
    let _ = hansard.json(&["demo"]);
    let file = dir.path().join("memory.proof");
    let path = file.display().to_string();
    let made = hansard.json(&["state", "--proof", "shared/prices", "price/PX-90", "--out", &path]);
    assert_eq!(made["holds"], true);
    let root = text(&made, "/state/root").to_owned();
    let held = hansard.json(&["state", "verify", &path, "--root", &root]);
    assert_eq!((&held["holds"], &held["cell"]["writes"]), (&Value::from(true), &Value::from(2)));
    assert_eq!(hansard.json(&["state", "verify", &path])["root"], root.as_str());
    // Of another point the root is another.
    assert_eq!(hansard.run(&["state", "verify", &path, "--at", "2026-03-03T12:00:00Z"]).status.code(), Some(1));
    let proof: Value = serde_json::from_slice(&std::fs::read(&file).expect("the proof")).expect("JSON");
    let mut changed = 0;
    for pointer in ["/root", "/key", "/shown/0/entry", "/shown/0/path/0"] {
        let mut other = proof.clone();
        let Some(Value::String(hex)) = other.pointer_mut(pointer) else { continue };
        let last = hex.pop().expect("hex digits");
        hex.push(if last == '0' { '1' } else { '0' });
        let tampered = dir.path().join("tampered.proof");
        std::fs::write(&tampered, other.to_string()).expect("written");
        let tampered = tampered.display().to_string();
        assert_eq!(hansard.run(&["state", "verify", &tampered, "--root", &root]).status.code(), Some(1), "{pointer}");
        changed += 1;
    }
    assert_eq!(changed, 4);
    let absent = hansard.json(&["state", "--proof", "shared/prices", "price/none", "--out", &path]);
    assert_eq!(absent["holds"], false);
    assert_eq!(hansard.json(&["state", "verify", &path, "--root", &root])["holds"], false);
}

#[test]
fn a_run_is_stepped_through_by_piped_commands() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let hansard = Hansard::new(dir.path());
    let demo = hansard.json(&["demo"]);
    let event = demo["ids"]["price.bad.write"].as_str().expect("the demo names its events");
    let mut child = hansard
        .command(&["replay", "step", "--run", "prices-2026-03-03", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let commands = format!("n\ns\nj {event}\ns memory\np\ns memory\nn\nj 0\nn 1000\nn\nj 1\ns\nq\n");
    child.stdin.take().expect("a pipe").write_all(commands.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    let said = String::from_utf8_lossy(&output.stdout);
    let said: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect("a document a line")).collect();
    assert_eq!(said.len(), 12, "{said:#?}");
    assert_eq!((&said[0]["at"], &said[2]["event"]), (&Value::from(1), &Value::from(event)));
    let keys = |at: usize| said[at]["rows"].as_array().expect("rows").len();
    assert_eq!((keys(3), keys(5)), (2, 1), "the poisoned value is there, and one step back it is not");
    assert!(said[6]["changes"].as_array().expect("changes").iter().any(|change| change["class"] == "memory"));
    assert_eq!(said[7]["at"], 0);
    assert_eq!(said[8]["at"], said[8]["of"]);
    assert_eq!(said[9]["edge"], "the end");
    assert_eq!(said[1]["root"], said[11]["root"], "whatever way one comes, the state is the same");
}

#[test]
fn the_demo_contradicts_itself_nowhere() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let hansard = Hansard::new(dir.path());
    let _ = hansard.json(&["demo"]);
    for row in hansard.rows("select session from sessions where session is not null") {
        let checked = hansard.json(&["replay", "check", "--run", text(&row, "/session")]);
        assert_eq!(checked["report"]["divergences"], serde_json::json!([]), "{row}");
    }
    assert_eq!(hansard.run(&["replay", "check", "--run", "no-such-run"]).status.code(), Some(1));
}

#[test]
fn roots_of_real_transcripts_are_equal_after_merges_and_in_two_builds() {
    let Some(shared) = shared_data() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let hansard = Hansard::new(&dir.path().join("one"));
    for file in ["single-00ef13bd-99a1-4001-a829-09985a069ab2", "single-170cebcc-4cb9-42aa-a322-6e590fc9db0d"] {
        let path = shared.join(format!("claude-code-sessions/{file}.tar.gz")).display().to_string();
        let _ = hansard.ok(&["import", "claude-code", &path]);
        let _ = hansard.ok(&["state", "snapshot"]);
    }
    let runs = shared.join("agentdojo/runs/gpt-4o-2024-05-13-tool_filter.tar.gz").display().to_string();
    let _ = hansard.ok(&["import", "agentdojo", &runs]);
    sums_agree(&hansard, &[], "true");
    let before = hansard.json(&["state"]);
    assert!(before["from"]["snapshot"]["events"].as_u64().is_some(), "it begins with a snapshot: {}", before["from"]);
    let point =
        hansard.rows("select cast(max(time) as varchar) as t from events where source like 'import:claude-code%'");
    let point = format!("{}Z", text(&point[0], "/t").trim_end_matches('Z'));
    let at_point = hansard.json(&["state", "--at", &point]);
    let _ = hansard.ok(&["maintain"]);
    let rebuilt = hansard.json(&["state", "snapshot", "--rebuild"]);
    let after = hansard.json(&["state"]);
    assert_eq!(before["root"], after["root"]);
    assert_eq!(rebuilt["made"].as_array().and_then(|made| made.last()).map(|last| &last["root"]), Some(&after["root"]));
    assert_eq!(at_point["root"], hansard.json(&["state", "--at", &point])["root"]);
    // Somebody else with the table alone, and none of our snapshots.
    let (own, copy) = (dir.path().join("one/store"), dir.path().join("two/store"));
    let copied = std::process::Command::new("sh")
        .args(["-c", "mkdir -p \"$1\" && cp -R \"$0\"/table \"$0\"/tlog \"$1\"/", &own.display().to_string()])
        .arg(&copy)
        .status();
    assert!(copied.is_ok_and(|status| status.success()));
    let other = Hansard::new(&dir.path().join("two")).json(&["state"]);
    assert_eq!((&other["root"], &other["from"]["snapshot"]), (&after["root"], &Value::Null));
    assert_eq!(other["cells"], after["cells"]);
}
