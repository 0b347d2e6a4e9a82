//! `hansard import`: once, again, damaged, without compacting, and while a server compacts.

use crate::program::Place;

const GOOD: &str = r#"{"id":"a-1","source":"urn:test:agent","type":"message","time":"2026-01-02T03:04:05Z","data":{"session":"s-1","agent":{"id":"tester"},"contents":[{"name":"message","text":"hello"}]}}
{"id":"a-2","source":"urn:test:agent","type":"tool.call","time":"2026-01-02T03:04:06Z","data":{"session":"s-1","attributes":{"gen_ai.tool.name":"look"},"causes":[{"id":"a-1","relation":"responds_to"}]}}
"#;

fn events(place: &Place) -> u64 {
    let rows = place.json(&["sql", "SELECT count(*) AS n FROM events WHERE source LIKE 'urn:test:%'", "--data", "d"]);
    rows["rows"][0]["n"].as_u64().expect("a number")
}

#[test]
fn the_record_is_made_on_the_way_and_a_second_import_adds_nothing() {
    let place = Place::new();
    place.file("good.ndjson", GOOD);
    let ran = place.run(&["import", "hansard", "good.ndjson", "--data", "d", "--json"]).ok();
    assert!(ran.err.contains("making one in d"), "it says so and where: {}", ran.err);
    let report = ran.json();
    assert_eq!(
        (report["records"].as_u64(), report["events"].as_u64(), report["rejects"].as_u64()),
        (Some(2), Some(2), Some(0))
    );
    assert_eq!((report["sessions"].as_u64(), report["committed"].as_bool()), (Some(1), Some(true)));
    assert_eq!(report["kinds"]["tool.call"], 1);
    assert_eq!(events(&place), 2);
    let again = place.json(&["import", "hansard", "good.ndjson", "--data", "d"]);
    assert_eq!((again["events"].as_u64(), again["skipped"].as_u64()), (Some(0), Some(2)));
    assert_eq!(events(&place), 2);
    // The importer's memory is lost: the store itself sees the duplicates.
    std::fs::remove_file(place.path().join("d/state/import.sqlite3")).expect("remove the state");
    let third = place.json(&["import", "hansard", "good.ndjson", "--data", "d"]);
    assert_eq!((third["events"].as_u64(), third["duplicates"].as_u64()), (Some(2), Some(2)), "{third}");
    assert_eq!(events(&place), 2);
}

#[test]
fn damaged_lines_are_kept_with_their_place_and_strict_says_1() {
    let place = Place::new();
    place.file("bad.ndjson", &format!("{GOOD}{{\"id\": \"broken\n"));
    let report = place.json(&["import", "hansard", "bad.ndjson", "--data", "d"]);
    assert_eq!((report["events"].as_u64(), report["rejects"].as_u64()), (Some(2), Some(1)), "{report}");
    let rows = place.json(&["sql", "SELECT origin, reason, bytes FROM rejects", "--data", "d"]);
    assert_eq!(rows["rows"].as_array().map(Vec::len), Some(1), "{rows}");
    assert!(rows["rows"][0]["origin"].as_str().is_some_and(|o| o.ends_with("bad.ndjson:3")), "{rows}");
    let place = Place::new();
    place.file("bad.ndjson", "not json\n");
    let strict = place.run(&["import", "hansard", "bad.ndjson", "--data", "d", "--strict", "--json"]).ended(1);
    assert_eq!(strict.json()["rejects"], 1);
}

#[test]
fn without_compacting_the_log_has_it_and_the_next_one_commits() {
    let place = Place::new();
    place.file("good.ndjson", GOOD);
    place.run(&["init", "--data", "d"]).ok();
    let report = place.json(&["import", "hansard", "good.ndjson", "--data", "d", "--no-compact"]);
    assert_eq!((report["events"].as_u64(), report["committed"].as_bool()), (Some(2), Some(false)));
    let rows = place.json(&["sql", "SELECT count(*) AS n FROM events WHERE source LIKE 'urn:test:%'", "--data", "d"]);
    assert_eq!(rows["rows"][0]["n"], 0);
    assert!(
        rows["coverage"]["uncommitted"].as_u64().is_some_and(|n| n > 0),
        "the answer says what it could not see: {rows}"
    );
    place.run(&["init", "--data", "d"]).ok();
    assert_eq!(events(&place), 2);
}

#[test]
fn unknown_formats_and_paths_are_explained() {
    let place = Place::new();
    place.file("good.ndjson", GOOD);
    let ran = place.run(&["import", "nonsense", "good.ndjson", "--data", "d"]).ended(2);
    assert!(ran.err.contains("claude-code") && ran.err.contains("hansard import hansard"), "{}", ran.err);
    let ran = place.run(&["import", "hansard", "missing.ndjson", "--data", "d"]).ended(2);
    assert!(ran.err.contains("missing.ndjson"), "{}", ran.err);
    assert!(!place.path().join("d").exists(), "nothing is made for an import that cannot begin");
}
