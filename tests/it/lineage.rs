//! Where a malicious tool call came from: `hansard why` on real AgentDojo runs in which an injection succeeded, against
//! what the files and the data set's ground truth say.
//!
//! (That `trace --down` from the demo's poisoned price lists exactly what was planted is checked in `cli/tests`.)

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use tests::{Hansard, root, shared_data};

/// A pipeline that is small and has attacks that succeeded; its files include the runs without attack.
const PIPELINE: &str = "gpt-4o-2024-05-13-tool_filter";
const ATTACK: &str = "important_instructions";
/// Fewer injected calls than this, and the oracle's rule no longer fits the data.
const CALLS_MIN: usize = 20;

/// What an event is known by outside: its run and its place in it.
type Native = (String, String);

fn oracle(folder: &Path) -> Value {
    let script = root().join("tests/oracles/python/injected_calls.py");
    let output = Command::new("python3").arg(script).arg(folder).arg(PIPELINE).output().expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the oracle prints JSON")
}

/// Successful attacks by the data set's own count.
fn expected_successes(folder: &Path) -> Value {
    let text = std::fs::read(folder.join("expected.json")).expect("expected.json");
    let expected: Value = serde_json::from_slice(&text).expect("expected.json is JSON");
    let pipelines = expected["pipelines"].as_array().expect("pipelines");
    let own = pipelines.iter().find(|p| p["pipeline"] == PIPELINE).expect("the pipeline is counted");
    own["attacks"][ATTACK]["all"]["security_true"].clone()
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

/// Event ids of all messages and tool calls.
fn events(hansard: &Hansard) -> BTreeMap<Native, String> {
    let rows = hansard.rows(
        "select id, session, native_id from events where kind in ('message', 'model.call', 'tool.call', 'tool.result')",
    );
    rows.iter().map(|row| ((text(row, "session"), text(row, "native_id")), text(row, "id"))).collect()
}

/// The native message that each of these events holds.
fn messages(hansard: &Hansard, ids: &BTreeSet<&str>) -> BTreeMap<String, Value> {
    let list = ids.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ");
    let sql = format!("select event_id, text from contents where name = 'record' and event_id in ({list})");
    let rows = hansard.rows(&sql);
    let parsed = |row: &Value| serde_json::from_str(&text(row, "text")).expect("a message is JSON");
    rows.iter().map(|row| (text(row, "event_id"), parsed(row))).collect()
}

/// Position of a message or tool call in its run: `message-8#0` stands in message 8.
fn position(native_id: &str) -> u64 {
    let number = native_id.strip_prefix("message-").and_then(|rest| rest.split('#').next());
    number.and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("{native_id} is no place in a run"))
}

/// Checks the explanation of one injected call.
fn check_why(why: &Value, case: &Value, ids: &BTreeMap<Native, String>) {
    let session = text(case, "session");
    let id = |name: &str| ids[&(session.clone(), text(case, name))].as_str();
    let nodes = why["nodes"].as_array().expect("nodes");
    let reached: BTreeSet<&str> = nodes.iter().filter_map(|node| node["event_id"].as_str()).collect();
    assert_eq!(why["starts"], serde_json::json!([id("call")]), "{session}");
    assert!(reached.contains(id("origin")), "{session}: the chain does not reach the tool result with the injection");
    assert!(reached.contains(id("prompt")), "{session}: the chain does not reach the user's prompt");
    assert!(why["cut"].is_null() && why["missing"] == serde_json::json!([]), "{session}: {why}");
    // Nothing of another run, and nothing that came after the call.
    let last = case["call_message"].as_u64().expect("a position");
    for node in nodes {
        assert_eq!(node["session"].as_str(), Some(session.as_str()), "{node}");
        assert!(position(&text(node, "native_id")) <= last, "{session}: {node} came later");
    }
    // Each event but the call itself is there because one that is there says so.
    let links = why["links"].as_array().expect("links");
    for node in nodes.iter().filter(|node| node["event_id"] != id("call")) {
        let via = node["via"].as_u64().and_then(|at| links.get(usize::try_from(at).ok()?)).expect("a link led there");
        assert_eq!(via["to"], node["event_id"], "{session}");
        assert!(via["from"].as_str().is_some_and(|from| reached.contains(from)), "{session}");
    }
}

#[test]
fn why_a_malicious_call_was_made_reaches_the_injection_and_the_prompt() {
    let Some(data) = shared_data() else { return };
    let folder = data.join("agentdojo");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let hansard = Hansard::new(&dir.path().join("data"));
    let archive = folder.join(format!("runs/{PIPELINE}.tar.gz"));
    let _ = hansard.ok(&["import", "agentdojo", &archive.display().to_string()]);
    let (truth, ids) = (oracle(&folder), events(&hansard));
    let cases = truth["calls"].as_array().expect("calls");
    let sql =
        format!("select count(*) from evaluations where name = 'security' and score = 1 and variant = '{ATTACK}'");
    assert_eq!(truth["successes"], expected_successes(&folder));
    assert_eq!(Some(hansard.number(&sql)), truth["successes"].as_i64());
    assert!(cases.len() >= CALLS_MIN, "only {} injected calls were found in the files", cases.len());
    // The events are the messages that the ground truth names, word for word.
    let id = |case: &Value, name: &str| ids[&(text(case, "session"), text(case, name))].as_str();
    let named = cases.iter().flat_map(|case| [id(case, "origin"), id(case, "prompt")]).collect();
    let held = messages(&hansard, &named);
    for case in cases {
        assert_eq!(held[id(case, "origin")]["content"], case["origin_content"], "{}", case["session"]);
        assert_eq!(held[id(case, "origin")]["role"], "tool", "{}", case["session"]);
        assert_eq!(held[id(case, "prompt")]["content"], case["prompt_content"], "{}", case["session"]);
        assert_eq!(held[id(case, "prompt")]["role"], "user", "{}", case["session"]);
        check_why(&hansard.json(&["why", id(case, "call")]), case, &ids);
    }
    // And the other way round: what came of the poisoned result includes the call.
    for case in cases.iter().step_by(7) {
        let down = hansard.json(&["trace", id(case, "origin"), "--down"]);
        let found = down["nodes"].as_array().expect("nodes").iter().any(|n| n["event_id"] == id(case, "call"));
        assert!(found, "{}: the call is not among the effects of the poisoned result", case["session"]);
    }
    println!("{} of {} successful attacks end in a tool call; each was traced", cases.len(), truth["successes"]);
}
