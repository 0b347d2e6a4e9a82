//! Every figure is there: as a plot with title and description, as a table, with its SQL and its runs.

use super::sample::report;
use crate::compare::report::{Cell, html};

#[test]
fn every_part_has_its_section_and_its_table() {
    let report = report(&|text: &str| text.to_owned());
    let page = html(&report);
    for id in [
        "findings",
        "measures",
        "distributions",
        "trials",
        "segments",
        "arms",
        "drift",
        "rollout",
        "divergence",
        "unpaired",
        "provenance",
    ] {
        assert!(page.contains(&format!("<section id=\"{id}\"")), "{id}");
        assert!(page.contains(&format!("<a href=\"#{id}\">")), "{id}");
    }
    let names: Vec<_> = report.tables().into_iter().map(|table| table.name).collect();
    let expected = [
        "arms",
        "measures",
        "segments",
        "pass",
        "differences_1",
        "distribution_1",
        "matrix",
        "ranking",
        "drift",
        "changes",
        "rollout",
        "divergence",
        "divergence_labels",
        "unpaired",
    ];
    assert_eq!(names, expected);
}

#[test]
fn every_drawing_tells_what_it_shows() {
    let page = html(&report(&|text: &str| text.to_owned()));
    let drawings = page.matches("<svg role=\"img\"").count();
    assert_eq!(drawings, 11);
    assert_eq!(page.matches("<desc id=").count(), drawings);
    let ids: Vec<_> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let mut different = ids.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), ids.len(), "ids of the page are not unique");
    for labelled in page.split("aria-labelledby=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(labelled.split(' ').all(|id| ids.contains(&id)), "{labelled}");
    }
}

#[test]
fn what_a_reader_needs_to_check_it() {
    let page = html(&report(&|text: &str| text.to_owned()));
    for text in
        ["table version <b>812</b>", "1,234,567", "ab12", "SELECT 1", "hansard show run-1", "hansard compare A B"]
    {
        assert!(page.contains(text), "{text}");
    }
    for text in ["▲ better", "▼ worse", "+6.0 pp", "[+2.0, +10.0] pp", "97 pairs", "12 tied"] {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn the_same_report_is_the_same_page() {
    let make = || html(&report(&|text: &str| text.to_owned()));
    assert_eq!(make(), make());
}

#[test]
fn csv_and_json_hold_the_numbers_as_they_are() {
    let tables = report(&|text: &str| text.to_owned()).tables();
    let measures = tables.iter().find(|table| table.name == "measures").unwrap();
    assert_eq!(measures.to_json()["rows"][0]["difference"], serde_json::json!(0.06));
    let mut out = Vec::new();
    measures.write_csv(&mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.starts_with("measure,a,b,difference,low,high,p,p_adjusted,effect,effect_name,n,basis,"));
    assert_eq!(text.lines().count(), 4);
    let drift = tables.iter().find(|table| table.name == "drift").unwrap();
    assert!(matches!(drift.rows[0][2], Cell::TimeUs(_)));
    assert_eq!(drift.to_json()["rows"][0]["time"], "2024-10-04T00:00:00Z");
}
