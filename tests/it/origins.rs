//! Where injected tool calls came from: the origin that `trace --up` finds on real AgentDojo runs, against what the
//! files and the data set's ground truth say; and where no injection can have caused a call, that there is no origin.
//!
//! It is asked over HTTP (`/v1/origin/EVENT` gives the `origin` of `trace --up`). Figures with `--show-output`.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tests::{Guard, Hansard, free_port, http, root, shared_data, wait_for};

/// Pipelines that are small and have attacks that succeeded. Fewer injected calls than the number, and the oracle's rule
/// no longer fits the data.
const PIPELINES: [(&str, usize); 2] =
    [("gpt-4o-2024-05-13-tool_filter", 20), ("gpt-4o-2024-05-13-repeat_user_prompt", 100)];
/// Why no injection can have caused a call, and of how many runs each the calls are asked about.
const UNINJECTED: [(&str, usize); 3] = [("not attacked", 40), ("never came in", 15), ("came in later", 15)];
/// Least precision and recall, in percent.
const PERCENT_MIN: usize = 95;

/// What an event is known by outside: its run and its place in it.
type Native = (String, String);

fn oracle(script: &str, folder: &Path, pipeline: &str) -> Value {
    let script = root().join("tests/oracles/python").join(script);
    let output =
        Command::new("python3").arg("-B").arg(script).arg(folder).arg(pipeline).output().expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the oracle prints JSON")
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

/// One pipeline's runs, imported and served.
struct Runs {
    ids: BTreeMap<Native, String>,
    port: u16,
    _server: Guard,
}

impl Runs {
    fn import(archive: &Path, data: &Path) -> Self {
        let hansard = Hansard::new(data);
        let _ = hansard.ok(&["import", "agentdojo", &archive.display().to_string()]);
        let rows = hansard.rows("select id, session, native_id from events where kind in ('tool.call', 'tool.result')");
        let ids = rows.iter().map(|row| ((text(row, "session"), text(row, "native_id")), text(row, "id"))).collect();
        let port = free_port();
        let mut serve = hansard.command(&["serve", "--roles", "query", "--listen", &format!("127.0.0.1:{port}")]);
        let server = Guard(serve.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("serve starts"));
        let ready = || http(port, "GET", "/readyz", "text/plain", b"").is_ok_and(|(status, _)| status == 200);
        wait_for("the server is ready", Duration::from_secs(60), ready);
        Self { ids, port, _server: server }
    }

    fn id(&self, session: &str, place: &str) -> &str {
        let known = self.ids.get(&(session.to_owned(), place.to_owned()));
        known.unwrap_or_else(|| panic!("{session} {place} was not imported"))
    }

    /// The event that is the origin of one, if it has one.
    fn origin(&self, session: &str, place: &str) -> Option<String> {
        let path = format!("/v1/origin/{}", self.id(session, place));
        let (status, body) = http(self.port, "GET", &path, "text/plain", b"").expect("the server answers");
        assert_eq!(status, 200, "{path}: {body}");
        let up: Value = serde_json::from_str(&body).expect("an answer is JSON");
        assert_eq!(up["event"].as_str(), Some(self.id(session, place)), "{path}: {body}");
        assert_eq!(up["bounds"], serde_json::json!([]), "{path}: {body}");
        let origin = up.get("origin").expect("an answer says whether there is an origin");
        (!origin.is_null()).then(|| text(origin, "event"))
    }
}

/// Calls asked about, and those of them that have an origin, of runs spread over the whole list.
fn uninjected(runs: &Runs, sessions: &Value, runs_max: usize) -> (usize, Vec<String>) {
    let sessions = sessions.as_object().expect("calls by session");
    assert!(sessions.len() >= runs_max, "only {} runs", sessions.len());
    let (mut asked, mut found) = (0, Vec::new());
    for (session, places) in sessions.iter().step_by(sessions.len() / runs_max).take(runs_max) {
        for place in places.as_array().expect("places").iter().filter_map(Value::as_str) {
            asked += 1;
            found.extend(runs.origin(session, place).map(|origin| format!("{session} {place}: {origin}")));
        }
    }
    (asked, found)
}

fn check(folder: &Path, pipeline: &str, calls_min: usize, dir: &Path) {
    let runs = Runs::import(&folder.join(format!("runs/{pipeline}.tar.gz")), &dir.join(pipeline));
    let truth = oracle("injected_calls.py", folder, pipeline);
    let cases = truth["calls"].as_array().expect("calls");
    assert!(cases.len() >= calls_min, "only {} injected calls were found in the files", cases.len());
    let (mut right, mut wrong, mut missed) = (0, Vec::new(), Vec::new());
    for case in cases {
        let (session, call) = (text(case, "session"), text(case, "call"));
        let what = format!("{session} {call} ({}), injected in {}", text(case, "tool"), text(case, "origin"));
        match runs.origin(&session, &call) {
            Some(origin) if origin == runs.id(&session, &text(case, "origin")) => right += 1,
            Some(origin) => wrong.push(format!("{what}: {origin}")),
            None => missed.push(what),
        }
    }
    let listed = oracle("uninjected_calls.py", folder, pipeline);
    let mut false_ones = Vec::new();
    for (why, runs_max) in UNINJECTED {
        let (asked, found) = uninjected(&runs, &listed[why], runs_max);
        println!("{pipeline}: {why}: {} of {asked} calls in {runs_max} runs have an origin", found.len());
        false_ones.extend(found);
    }
    let found = right + wrong.len() + false_ones.len();
    println!(
        "{pipeline}: {} attacks succeeded, {} by a call that can be told; recall {right}/{}, precision {right}/{found}",
        truth["successes"],
        cases.len(),
        cases.len()
    );
    println!("  wrong: {wrong:#?}\n  missed: {missed:#?}");
    assert!(false_ones.is_empty(), "origins of calls that no injection caused: {false_ones:#?}");
    assert!(right * 100 >= PERCENT_MIN * cases.len(), "{pipeline}: recall {right} of {}", cases.len());
    assert!(right * 100 >= PERCENT_MIN * found, "{pipeline}: precision {right} of {found}");
}

#[test]
fn agentdojo_origins() {
    let Some(shared) = shared_data() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (pipeline, calls_min) in PIPELINES {
        check(&shared.join("agentdojo"), pipeline, calls_min, dir.path());
    }
}
