//! The whole path on a real S3 server: recorded, asked, verified; tampered with on the server's disk; refused with a wrong
//! key; killed while it imports.

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tests::{Guard, Hansard, S3, shared_data};

/// Events of the import that is killed.
const EVENTS: usize = 12_000;

/// A record whose store is `prefix` of the server; everything else lies in `home`.
fn record(s3: &S3, home: &Path, prefix: &str) -> Hansard {
    let mut hansard = Hansard::new(home);
    hansard.flags = vec!["--store".to_owned(), s3.url(prefix)];
    hansard.env.clone_from(&s3.env);
    hansard
}

/// Files under `folder` whose path ends in `end`, sorted; those that come or go meanwhile may be among them or not.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        match path.is_dir() {
            true => found.extend(files(&path, end)),
            false if path.to_string_lossy().ends_with(end) => found.push(path),
            false => {}
        }
    }
    found.sort();
    found
}

fn segments(s3: &S3, prefix: &str) -> Vec<PathBuf> {
    let mut all = files(&s3.folder(prefix).join("table"), ".parquet");
    all.retain(|path| !path.components().any(|part| part.as_os_str() == "_delta_log"));
    all
}

fn versions(s3: &S3, prefix: &str) -> usize {
    files(&s3.folder(prefix).join("table/_delta_log"), ".json").len()
}

/// The events of an explanation.
fn chain(why: &Value) -> BTreeSet<String> {
    let nodes = why["nodes"].as_array().expect("nodes");
    nodes.iter().filter_map(|node| node["event_id"].as_str().map(str::to_owned)).collect()
}

fn count(hansard: &Hansard) -> i64 {
    hansard.number("select count(*) from events")
}

/// Real runs imported twice, when the shared data is there; the figures are those of the data set.
fn import_runs(hansard: &Hansard) {
    let Some(data) = shared_data().map(|data| data.join("tau-bench")) else { return };
    let expected = std::fs::read(data.join("expected.json")).expect("expected.json");
    let expected: Value = serde_json::from_slice(&expected).expect("expected.json is JSON");
    let (expected, file) = (&expected["gpt-4o-airline.even-tasks"], data.join("gpt-4o-airline.even-tasks.json.gz"));
    let file = file.display().to_string();
    let of = "source = 'import:tau-bench'";
    for round in 0..2 {
        let before = count(hansard);
        let report = hansard.json(&["import", "tau-bench", &file]);
        assert_eq!(report["events"].as_i64(), Some(count(hansard) - before), "{report}");
        assert_eq!(report["events"] == 0, round == 1, "the second import adds nothing: {report}");
        let messages =
            format!("select count(*) from events where {of} and kind in ('message', 'model.call', 'tool.result')");
        assert_eq!(Some(hansard.number(&messages)), expected["messages"].as_i64());
        let calls = format!("select count(*) from events where {of} and kind = 'tool.call'");
        assert_eq!(Some(hansard.number(&calls)), expected["tool_calls"].as_i64());
        let runs = format!("select count(distinct session) from events where {of}");
        assert_eq!(Some(hansard.number(&runs)), expected["runs"].as_i64());
    }
}

#[test]
fn the_whole_path() {
    let Some(s3) = S3::start() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let home = dir.path().join("home");
    let hansard = record(&s3, &home, "whole");
    assert_eq!(hansard.json(&["init"])["made"], true);
    assert_eq!(hansard.json(&["init"])["made"], false);
    let told = hansard.json(&["demo"]);
    assert_eq!(told["recorded"], told["events"]);
    let story = "select count(*) from events where source like 'urn:hansard:demo:%'";
    assert_eq!(Some(hansard.number(story)), told["events"].as_i64());
    let why = hansard.json(&["why", "loan/4711"]);
    assert!(why["cut"].is_null() && why["missing"] == json!([]), "{why}");
    assert_eq!(why["sponsors"], json!(["sponsor:head-of-lending"]));
    import_runs(&hansard);
    let before = count(&hansard);
    assert_eq!(hansard.json(&["demo"])["recorded"], 0);
    assert_eq!(count(&hansard), before);
    let verified = hansard.json(&["verify"]);
    assert_eq!((&verified["ok"], &verified["pinned"]), (&json!(true), &json!(true)), "{verified}");
    // All of it lies on the server, and somebody with no more than the URL reads it.
    assert!(!home.join("store").exists() && !segments(&s3, "whole").is_empty());
    assert!(s3.folder("whole").join("tlog/root/checkpoint").is_file());
    let mut reader = Hansard::new(Path::new(&s3.url("whole")));
    reader.flags = vec!["--home".to_owned(), dir.path().join("reader").display().to_string()];
    reader.env.clone_from(&s3.env);
    assert_eq!(count(&reader), before);
    assert_eq!(chain(&reader.json(&["why", "loan/4711"])), chain(&why));
}

#[test]
fn a_tampered_object_is_named() {
    let Some(s3) = S3::start() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let hansard = record(&s3, &dir.path().join("home"), "tampered");
    let _ = hansard.ok(&["demo"]);
    let _ = hansard.ok(&["verify"]);
    let live = hansard.rows("select path from segments order by bytes desc limit 1");
    let path = live[0]["path"].as_str().expect("a path");
    let object = s3.folder("tampered").join("table").join(path);
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    let named = || {
        let output = hansard.run(&["verify", "--json"]);
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
        let document: Value = serde_json::from_slice(&output.stdout).expect("one document");
        assert_eq!(document["ok"], false);
        let said = hansard.run(&["verify"]);
        assert_eq!(said.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&said.stdout).contains(&name), "people are told of {name} too");
        document["report"].clone()
    };
    let good = std::fs::read(&object).expect("the object is a file");
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    std::fs::write(&object, &bad).expect("tampered");
    let report = named();
    let problems = report["problems"].as_array().expect("problems");
    let place = |problem: &Value| problem["place"].as_str().is_some_and(|place| place.contains(&name));
    assert!(problems.iter().any(|problem| problem["kind"] == "file" && place(problem)), "{report}");
    std::fs::write(&object, &good).expect("mended");
    let _ = hansard.ok(&["verify"]);
    // Taken away.
    let aside = dir.path().join("aside");
    std::fs::copy(&object, &aside).expect("copied");
    std::fs::remove_file(&object).expect("removed");
    let report = named();
    assert!(report.to_string().contains(&name), "{report}");
}

#[test]
fn a_wrong_key_is_told_from_a_missing_record() {
    let Some(s3) = S3::start() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let hansard = record(&s3, &dir.path().join("home"), "locked");
    let _ = hansard.ok(&["init"]);
    let mut wrong = hansard.clone();
    wrong.env.push(("AWS_SECRET_ACCESS_KEY".to_owned(), "a-wrong-secret".to_owned()));
    let mut fresh = record(&s3, &dir.path().join("fresh"), "fresh");
    fresh.env.clone_from(&wrong.env);
    for (hansard, args) in
        [(&wrong, &["sessions"][..]), (&wrong, &["verify"]), (&wrong, &["demo"]), (&fresh, &["init"])]
    {
        let output = hansard.run(args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        let reasons = ["403", "Forbidden", "SignatureDoesNotMatch", "AccessDenied", "privileges"];
        assert!(reasons.iter().any(|reason| said.contains(reason)), "{args:?} does not say what is wrong: {said}");
        assert!(said.contains("s3://hansard/") && said.contains("hint:"), "{args:?}: {said}");
        assert!(!said.contains("there is no record"), "{args:?}: {said}");
        assert!(!said.contains("a-wrong-secret"), "{args:?} shows the secret: {said}");
    }
    assert!(files(&s3.folder("fresh"), "").is_empty(), "a refused init leaves nothing");
    let _ = hansard.ok(&["verify"]);
}

/// Starts the import and kills it as `kill -9` does, at once when `seen` has become more; whether it was killed.
fn kill_when(hansard: &Hansard, file: &str, seen: impl Fn() -> usize) -> bool {
    let before = seen();
    let mut import = hansard.command(&["import", "hansard", file]);
    let mut import = Guard(import.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("import starts"));
    let started = Instant::now();
    while seen() <= before {
        if import.0.try_wait().expect("a child").is_some() {
            return false;
        }
        assert!(started.elapsed() < Duration::from_secs(120), "the import neither writes nor ends");
        std::thread::sleep(Duration::from_millis(2));
    }
    import.kill();
    true
}

#[test]
fn a_killed_import_is_completed_by_the_next_one() {
    let Some(s3) = S3::start() else { return };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let hansard = record(&s3, &dir.path().join("home"), "killed");
    let _ = hansard.ok(&["init"]);
    let event = |n: usize| {
        json!({"specversion": "1.0", "id": format!("k-{n}"), "source": "urn:test:s3", "type": "dev.hansard.message",
            "data": {"session": format!("s-{}", n % 50), "contents": [{"name": "text", "text": format!("no. {n}")}]}})
    };
    let file = dir.path().join("events.ndjson");
    std::fs::write(&file, (0..EVENTS).map(|n| format!("{}\n", event(n))).collect::<String>()).expect("written");
    let file = file.display().to_string();
    // In the middle of a commit: a segment is there that no version names yet. Then as soon as a version is there.
    assert!(kill_when(&hansard, &file, || segments(&s3, "killed").len()), "the import writes segments");
    let _ = kill_when(&hansard, &file, || versions(&s3, "killed"));
    let _ = hansard.ok(&["import", "hansard", &file]);
    for what in ["count(*)", "count(distinct id)"] {
        let sql = format!("select {what} from events where source = 'urn:test:s3'");
        assert_eq!(hansard.number(&sql), EVENTS as i64, "{what}");
    }
    let _ = hansard.ok(&["verify"]);
}
