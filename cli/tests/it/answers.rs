//! Policy, live views, upkeep and the forms of lineage, asked of the demo's record.

use crate::demo::told;
use crate::program::Place;
use serde_json::Value;

fn decision(place: &Place) -> String {
    let rows = place.json(&["sql", "SELECT id FROM events WHERE kind = 'decision' LIMIT 1", "--data", "story"]);
    rows["rows"][0]["id"].as_str().expect("a decision").to_owned()
}

#[test]
fn the_newest_events_are_shown_and_a_filter_holds() {
    let (place, _) = told();
    let document = place.json(&["tail", "-n", "5", "--data", "story"]);
    assert_eq!(document["events"].as_array().map(Vec::len), Some(5), "{document}");
    let calls = place.json(&["tail", "-n", "1000", "--where", "kind = 'tool.call'", "--data", "story"]);
    let calls = calls["events"].as_array().expect("events").clone();
    assert!(!calls.is_empty() && calls.iter().all(|e| e["kind"] == "tool.call"), "{calls:?}");
    let wrong = place.run(&["tail", "--where", "no_such_column = 1", "--data", "story"]).ended(2);
    assert!(wrong.err.contains("no_such_column"), "{}", wrong.err);
}

#[test]
fn another_policy_flips_and_says_so_with_its_exit_code() {
    let (place, _) = told();
    let same = place.run(&["policy", "check", "--policy", "default", "--data", "story"]).ok();
    assert!(same.out.contains("nothing flips"), "{}", same.out);
    let _ = place.file("strict.yaml", "version: strict\nchecks:\n  chain_depth:\n    max: 1\n");
    let strict =
        place.run(&["policy", "check", "--policy", "strict.yaml", "--data", "story", "--json"]).ended(1).json();
    let flips = strict["flips"].as_array().expect("flips");
    assert!(flips.iter().any(|f| f["flip"] == "appears" && f["breach"]["check"] == "policy.chain_depth"), "{strict}");
    let _ = place.file("wrong.yaml", "checks:\n  chain_depht:\n    max: 1\n");
    let wrong = place.run(&["policy", "check", "--policy", "wrong.yaml", "--data", "story"]).ended(2);
    assert!(wrong.err.contains("chain_depht") && wrong.err.contains("line"), "{}", wrong.err);
    assert!(place.json(&["policy", "show"])["checks"].is_object());
}

#[test]
fn a_policy_in_force_finds_in_the_commit_of_the_event() {
    let place = Place::new();
    let _ = place.file("strict.yaml", "version: strict\nchecks:\n  chain_depth:\n    max: 1\n");
    let _ = place.run(&["demo", "--dir", "policed", "--boundaries", "strict.yaml"]).ok();
    let found =
        place.json(&["sql", "SELECT \"check\", count(*) AS n FROM policy_findings GROUP BY 1", "--data", "policed"]);
    assert!(found["rows"][0]["n"].as_i64() > Some(0), "{found}");
    let _ = place.run(&["verify", "--data", "policed"]).ok();
}

#[test]
fn lineage_comes_in_the_forms_of_other_tools() {
    let (place, _) = told();
    let event = decision(place);
    let form = |format: &str| place.run(&["why", &event, "--format", format, "--data", "story"]).ok().out;
    assert!(form("mermaid").starts_with("flowchart TD"));
    assert!(form("dot").starts_with("digraph"));
    let prov: Value = serde_json::from_str(&form("prov-json")).expect("PROV-JSON is JSON");
    assert!(prov["activity"].as_object().is_some_and(|a| !a.is_empty()) && prov["wasInformedBy"].is_object());
    let lines = form("openlineage");
    let runs: Vec<Value> = lines.lines().map(|l| serde_json::from_str(l).expect("one run event a line")).collect();
    assert!(runs.iter().all(|r| r["eventTime"].is_string() && r["run"]["runId"].is_string()), "{lines}");
    assert!(runs.iter().any(|r| r["inputs"].as_array().is_some_and(|i| !i.is_empty())));
}

#[test]
fn lineage_is_there_in_sql() {
    let (place, _) = told();
    let event = decision(place);
    let rows = |function: &str| {
        let sql = format!("SELECT event_id, depth, relation, basis, grade FROM {function}");
        place.json(&["sql", &sql, "--data", "story"])["rows"].as_array().expect("rows").len()
    };
    assert!(rows(&format!("upstream('{event}')")) > rows(&format!("upstream('{event}', 1)")));
    assert!(rows(&format!("why('{event}')")) > 0);
    let first = place.json(&[
        "sql",
        "SELECT id FROM events WHERE kind = 'retrieval' OR kind = 'tool.result' LIMIT 1",
        "--data",
        "story",
    ]);
    let first = first["rows"][0]["id"].as_str().expect("a result").to_owned();
    assert!(rows(&format!("downstream('{first}')")) > 0);
    let _ = place.run(&["sql", "SELECT * FROM upstream()", "--data", "story"]).ended(2);
}

#[test]
fn a_record_is_maintained_by_hand() {
    let place = Place::new();
    let _ = place.run(&["demo", "--dir", "kept"]).ok();
    let done = place.json(&["maintain", "--file-days", "0", "--log-days", "0", "--data", "kept"]);
    assert!(done["deleted"]["log_entries"].as_u64() > Some(0), "{done}");
    let _ = place.run(&["verify", "--data", "kept"]).ok();
}
