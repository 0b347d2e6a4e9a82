//! `hansard sql`: five forms, files, stdin, and documented columns.

use crate::demo::told;

const QUERY: &str = "SELECT kind, count(*) AS n FROM events GROUP BY kind ORDER BY kind";

#[test]
fn five_forms_say_the_same() {
    let (place, _) = told();
    let json = place.json(&["sql", QUERY, "--data", "story"]);
    let rows = json["rows"].as_array().expect("rows").clone();
    assert!(json["coverage"]["table_version"].is_u64() && !rows.is_empty());
    let ndjson = place.run(&["sql", QUERY, "--format", "ndjson", "--data", "story"]).ok();
    let lines: Vec<serde_json::Value> = ndjson.out.lines().map(|l| serde_json::from_str(l).expect("a row")).collect();
    assert_eq!(lines, rows);
    assert!(ndjson.err.contains("table version"), "coverage goes to stderr: {}", ndjson.err);
    let csv = place.run(&["sql", QUERY, "--format", "csv", "--data", "story"]).ok();
    assert_eq!(csv.out.lines().next(), Some("kind,n"));
    assert_eq!(csv.out.lines().count(), rows.len() + 1);
    let table = place.run(&["sql", QUERY, "--data", "story"]).ok();
    assert!(table.out.contains("approval.granted") && table.out.contains("table version"), "{}", table.out);
    place.run(&["sql", QUERY, "--out", "answer.parquet", "--data", "story"]).ok();
    let bytes = std::fs::read(place.path().join("answer.parquet")).expect("a file");
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
}

#[test]
fn queries_come_from_stdin_and_rows_are_limited() {
    let (place, _) = told();
    let fed = place.run_fed(&["sql", "-", "--json", "--data", "story"], "SELECT 1 AS one").ok();
    assert_eq!(fed.json()["rows"][0]["one"], 1);
    let cut = place.json(&["sql", "SELECT id FROM events", "--rows", "3", "--data", "story"]);
    assert_eq!(cut["rows"].as_array().map(Vec::len), Some(3));
    assert_eq!(cut["coverage"]["rows_cut_at"], 3);
}

#[test]
fn the_record_is_read_only_and_mistakes_are_explained() {
    let (place, _) = told();
    for query in ["DROP TABLE events", "INSERT INTO events VALUES (1)", "SELECT * FROM evnts", "SELEC 1"] {
        let ran = place.run(&["sql", query, "--data", "story"]).ended(2);
        assert!(ran.err.starts_with("error:"), "{query}: {}", ran.err);
        assert_eq!(ran.out, "", "{query}");
    }
    let misspelt = place.run(&["sql", "SELECT * FROM evnts", "--data", "story"]).ended(2);
    assert!(misspelt.err.contains("events"), "{}", misspelt.err);
}

#[test]
fn every_column_has_a_meaning() {
    let (place, _) = told();
    let tables = place.json(&["sql", "--describe", "--data", "story"]);
    let names: Vec<&str> =
        tables["tables"].as_array().expect("tables").iter().filter_map(|t| t["name"].as_str()).collect();
    for name in ["events", "contents", "edges", "evaluations", "sessions", "rejects", "findings", "streams", "segments"]
    {
        assert!(names.contains(&name), "{names:?}");
        let described = place.run(&["sql", "--describe", name, "--data", "story"]).ok();
        assert!(described.out.contains("meaning"), "{}", described.out);
    }
}
