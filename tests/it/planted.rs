//! Poison planted in generated corpora, in one record beside each other: what `trace --down` finds of it over HTTP
//! (`/v1/influence/EVENT`, and `/v1/trace/EVENT` for what only links tell), against what the generator planted.
//!
//! `HANSARD_SEEDS` says how many corpora (default 20; 1,000 take some minutes). Figures with `--show-output`. The
//! generator and the counting are those of the algorithm's own test in `query/src/flow/tests/planted`.

#[path = "../../query/src/flow/tests/planted/corpus/mod.rs"]
mod corpus;
#[path = "../../query/src/flow/tests/planted/score.rs"]
mod score;

use corpus::{Body, Corpus, Event};
use score::Score;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tests::{Guard, Hansard, free_port, http, wait_for};

/// Corpora unless `HANSARD_SEEDS` says otherwise.
const SEEDS: u64 = 20;
/// Least precision of what is found, in tenths of a percent: carried, received.
const PRECISION_MIN: (usize, usize) = (960, 850);

/// An event as programs write it.
fn line(event: &Event) -> String {
    let contents = event.contents.iter().map(|(name, body)| match body {
        Body::Text(text) => json!({"name": name, "text": text}),
        Body::Json(value) => json!({"name": name, "json": value}),
    });
    let causes = event.causes.iter().map(|(id, relation)| json!({"id": id, "relation": relation}));
    let (hour, minute, second) = (event.second / 3_600, event.second / 60 % 60, event.second % 60);
    let line = json!({
        "id": event.id,
        "source": format!("agent://planted/{}", event.agent),
        "type": event.kind,
        "time": format!("2026-03-01T{hour:02}:{minute:02}:{second:02}Z"),
        "data": {
            "session": event.session,
            "agent": {"id": event.agent},
            "causes": causes.collect::<Vec<_>>(),
            "attributes": event.attributes,
            "contents": contents.collect::<Vec<_>>(),
        },
    });
    line.to_string()
}

fn write(corpora: &[Corpus], folder: &Path) {
    std::fs::create_dir(folder).expect("a folder of its own");
    for (seed, corpus) in corpora.iter().enumerate() {
        let lines: Vec<String> = corpus.events.iter().map(line).collect();
        std::fs::write(folder.join(format!("{seed}.ndjson")), lines.join("\n")).expect("the folder can be written");
    }
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "%{byte:02X}");
        out
    })
}

fn ask(port: u16, path: &str) -> Value {
    let (status, body) = http(port, "GET", path, "text/plain", b"").expect("the server answers");
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).expect("an answer is JSON")
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map(Vec::as_slice).unwrap_or_else(|| panic!("no list {name} in {value}"))
}

fn texts(values: &[Value], name: &str) -> BTreeSet<String> {
    values.iter().filter_map(|value| value[name].as_str()).map(str::to_owned).collect()
}

/// What the links lead to.
fn walked(port: u16, corpus: &Corpus) -> BTreeSet<String> {
    let trace = ask(port, &format!("/v1/trace/{}?direction=down&depth=200", corpus.origin));
    assert_eq!(trace["cut"], Value::Null, "{}: {trace}", corpus.origin);
    texts(list(&trace, "nodes"), "id")
}

fn check(port: u16, corpus: &Corpus, score: &mut Score) {
    let text = corpus.text.as_ref().map(|text| format!("?text={}", encoded(text))).unwrap_or_default();
    let down = ask(port, &format!("/v1/influence/{}{text}", corpus.origin));
    assert_eq!(down["bounds"], json!([]), "{}", corpus.origin);
    let effects = list(&down, "effects").iter().filter_map(|effect| {
        let grade = ["carried", "received", "reachable"].into_iter().find(|grade| effect["grade"] == *grade);
        Some((effect["event"].as_str()?, grade.expect("a grade")))
    });
    let corrections = list(&down, "corrections").iter().filter_map(|correction| correction["event"].as_str());
    score.add(corpus, effects, corrections, Some(&walked(port, corpus)));
    let held = &down["containment"];
    let keys = list(held, "keys").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    score.held(corpus, &keys, &texts(list(held, "credentials"), "event"));
}

#[test]
fn planted_poison_is_found() {
    let seeds = std::env::var("HANSARD_SEEDS").map_or(SEEDS, |seeds| seeds.parse().expect("a number of seeds"));
    let corpora: Vec<Corpus> = (0..seeds).map(corpus::corpus).collect();
    let dir = tempfile::tempdir().expect("a temporary folder");
    let folder = dir.path().join("events");
    write(&corpora, &folder);
    let hansard = Hansard::new(&dir.path().join("data"));
    let said = hansard.json(&["import", "hansard", "--strict", &folder.display().to_string()]);
    let events: usize = corpora.iter().map(|corpus| corpus.events.len()).sum();
    assert_eq!(hansard.number("select count(*) from events where id like 'planted-%'"), events as i64, "{said}");
    let port = free_port();
    let mut serve = hansard.command(&["serve", "--roles", "query", "--listen", &format!("127.0.0.1:{port}")]);
    let _server = Guard(serve.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("serve starts"));
    let ready = || http(port, "GET", "/readyz", "text/plain", b"").is_ok_and(|(status, _)| status == 200);
    wait_for("the server is ready", Duration::from_secs(60), ready);
    let mut score = Score::default();
    for corpus in &corpora {
        check(port, corpus, &mut score);
    }
    println!("{score}");
    score.assert(PRECISION_MIN);
}
