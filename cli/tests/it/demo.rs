//! The story of the demo: recorded through the real path, asked about, and exactly what was planted is found.

use crate::program::Place;
use hansard::demo::planted::planted;
use hansard::demo::story;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// The story, recorded once for all tests that only read it; in the folder `story`.
pub(crate) fn told() -> &'static (Place, Value) {
    static TOLD: OnceLock<(Place, Value)> = OnceLock::new();
    TOLD.get_or_init(|| {
        let place = Place::new();
        let document = place.json(&["demo", "--dir", "story"]);
        (place, document)
    })
}

fn ids(nodes: &Value) -> BTreeSet<String> {
    nodes.as_array().expect("nodes").iter().filter_map(|node| node["event_id"].as_str().map(str::to_owned)).collect()
}

#[test]
fn everything_is_recorded_and_nothing_is_rejected() {
    let (place, document) = told();
    assert_eq!(document["recorded"].as_u64(), Some(story().acts().len() as u64));
    assert_eq!(document["coverage"]["rejects"], 0, "{}", document["coverage"]);
    assert_eq!(document["coverage"]["findings"], 0, "{}", document["coverage"]);
    assert_eq!(document["coverage"]["uncommitted"], 0, "{}", document["coverage"]);
    let rows = place.json(&[
        "sql",
        "SELECT count(*) AS n, count(DISTINCT id) AS ids FROM events WHERE source LIKE 'urn:hansard:demo:%'",
        "--data",
        "story",
    ]);
    assert_eq!(rows["rows"][0]["n"].as_u64(), Some(story().acts().len() as u64));
    assert_eq!(rows["rows"][0]["n"], rows["rows"][0]["ids"]);
    let attested =
        place.json(&["sql", "SELECT DISTINCT attested FROM events WHERE agent = 'decider'", "--data", "story"]);
    assert_eq!(attested["rows"], serde_json::json!([{"attested": "self"}]), "agents sign with keys of their own");
}

#[test]
fn why_a_loan_was_approved_reaches_the_people_and_the_files() {
    let (place, document) = told();
    let why = place.json(&["why", "loan/4711", "--data", "story"]);
    let found = ids(&why["nodes"]);
    for label in [
        "loan.decision",
        "loan.approval",
        "loan.approval.asked",
        "loan.verdict",
        "loan.decider.model",
        "loan.policy-file",
        "loan.file",
        "loan.prompt",
        "loan.request",
        "loan.credential.read",
    ] {
        let id = document["ids"][label].as_str().unwrap_or_else(|| panic!("{label} has no id"));
        assert!(found.contains(id), "{label} is not in the answer");
    }
    assert!(why["cut"].is_null() && why["missing"].as_array().is_some_and(Vec::is_empty), "{why}");
    assert_eq!(why["sponsors"], serde_json::json!(["sponsor:head-of-lending"]));
    let links = why["links"].as_array().expect("links");
    let stated = |link: &&serde_json::Value| link["basis"] == "stated";
    assert!(
        links.iter().filter(stated).all(|link| link["digest"] == "matches"),
        "every stated link is itself evidence"
    );
    assert!(
        links.iter().any(|link| link["basis"] == "structural"),
        "credentials and approvals are linked by what they are"
    );
    assert!(!links.is_empty());
    let text = place.run(&["why", "loan/4712", "--data", "story"]).ok();
    assert!(text.out.contains("approval.denied") && !text.out.contains('\u{1b}'), "{}", text.out);
}

#[test]
fn the_blast_radius_is_exactly_what_was_planted() {
    let (place, _) = told();
    let planted = planted(&story()).expect("planted");
    let trace = place.json(&["trace", &planted.root.id, "--down", "--data", "story"]);
    let mut expected: BTreeSet<String> =
        planted.influenced.iter().chain(&planted.corrections).map(|n| n.id.clone()).collect();
    expected.insert(planted.root.id.clone());
    assert_eq!(ids(&trace["nodes"]), expected);
    assert!(trace["cut"].is_null());
    for correction in &planted.corrections {
        let led: Vec<&str> = trace["links"]
            .as_array()
            .expect("links")
            .iter()
            .filter(|l| l["from"] == correction.id.as_str())
            .filter_map(|l| l["relation"].as_str())
            .collect();
        assert_eq!(led, ["corrects"]);
    }
    let up = place.json(&["trace", &planted.influenced.last().expect("effects").id, "--up", "--data", "story"]);
    assert!(ids(&up["nodes"]).contains(&planted.root.id), "the origin is found from the report");
}

#[test]
fn bounds_that_were_hit_are_told() {
    let (place, document) = told();
    let root = document["planted"]["root"]["id"].as_str().expect("root");
    let trace = place.json(&["trace", root, "--down", "--depth", "1", "--data", "story"]);
    assert_eq!(trace["cut"]["bound"], "depth", "{trace}");
}

#[test]
fn telling_it_again_adds_nothing() {
    let place = Place::new();
    let first = place.json(&["demo", "--dir", "again"]);
    let second = place.json(&["demo", "--dir", "again"]);
    assert_eq!((second["recorded"].as_u64(), &second["ids"]), (Some(0), &first["ids"]));
    assert_eq!(second["coverage"]["events"], first["coverage"]["events"]);
}

#[test]
fn the_questions_can_be_pasted() {
    let (place, document) = told();
    let questions = document["questions"].as_array().expect("questions");
    assert!(questions.len() >= 6);
    for question in questions {
        let command =
            question["command"].as_str().expect("a command").replacen("hansard", env!("CARGO_BIN_EXE_hansard"), 1);
        let ran = std::process::Command::new("sh")
            .args(["-c", &command])
            .current_dir(place.path())
            .output()
            .expect("start a shell");
        assert!(ran.status.success(), "{command}: {}", String::from_utf8_lossy(&ran.stderr));
        assert!(!ran.stdout.is_empty(), "{command}");
    }
}

#[test]
fn a_session_reads_in_order() {
    let (place, _) = told();
    let text = place.run(&["session", "loan-4711", "--data", "story"]).ok().out;
    let (request, approval) = (text.find("Please decide on loan 4711"), text.find("Checked against the payslips"));
    assert!(request.is_some() && request < approval, "{text}");
    let sessions = place.json(&["sessions", "--data", "story"]);
    let names: BTreeSet<&str> =
        sessions["rows"].as_array().expect("rows").iter().filter_map(|r| r["session"].as_str()).collect();
    assert!(
        names.is_superset(&BTreeSet::from(["loan-4711", "loan-4712", "quote-881", "order-5532", "restock-PX-17"])),
        "{names:?}"
    );
    let prefix = place.json(&["session", "quote-", "--data", "story"]);
    assert_eq!(prefix["session"], "quote-881");
    let several = place.run(&["session", "loan-", "--data", "story"]).ended(2);
    assert!(several.err.contains("loan-4712"), "{}", several.err);
}
