//! Whatever stands in the input stays text.

use super::sample::report;
use crate::compare::report::{Cell, Estimate, Report, Table, html};
use proptest::prelude::*;

/// Tags and attributes of a page, without what stands between tags and within attribute values.
fn skeleton(page: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        rest = &rest[at..];
        let mut quoted = false;
        let end = rest.find(|c: char| {
            quoted ^= c == '"';
            c == '>' && !quoted
        });
        let end = end.expect("a tag that does not end");
        let parts = rest[..end].split('"').enumerate().filter(|(i, _)| i % 2 == 0).map(|(_, part)| part);
        tags.push(parts.collect());
        rest = &rest[end..];
    }
    tags
}

fn page_with(hostile: &str) -> String {
    html(&report(&|text: &str| format!("{text}{hostile}")))
}

#[test]
fn markup_stays_text() {
    let plain = skeleton(&page_with(""));
    for hostile in [
        "<script>alert(1)</script>",
        "\" onload=\"alert(1)",
        "' onmouseover='x",
        "</title></style></svg><img src=x onerror=alert(1)>",
        "<!-- ",
        "]]>",
        "&lt;script&gt;",
        "\u{0}\u{1b}[31m",
        "\u{202e}dlrow\u{202c}\u{2066}",
        "\n\r\n<b>",
        "שלום עולם مرحبا",
        "{run}",
        "`$(rm -rf ~)`",
        "\u{feff}\u{200b}",
    ] {
        let page = page_with(hostile);
        assert!(skeleton(&page) == plain, "{hostile:?} changes the structure of the page");
        assert!(page.chars().all(|c| c == '\n' || !c.is_control()), "{hostile:?}");
        assert!(!page.contains(['\u{202e}', '\u{2066}', '\u{200b}']), "{hostile:?}");
    }
}

#[test]
fn very_long_texts_are_cut() {
    let page = page_with(&"very long ".repeat(100_000));
    assert!(page.len() < 3_000_000, "{} bytes", page.len());
    assert_eq!(skeleton(&page).len(), skeleton(&page_with("")).len());
}

#[test]
fn the_page_needs_nothing_and_runs_nothing() {
    let page = page_with(" http://example.com/x.js");
    let tags = skeleton(&page);
    assert!(!tags.iter().any(|tag| tag.starts_with("<script") || tag.contains(" src=") || tag.contains(" on")));
    assert!(page.contains("default-src 'none'"));
    for (at, _) in page.match_indices("href=\"") {
        assert!(page[at..].starts_with("href=\"#"));
    }
    assert!(!page.contains("url(") && !page.contains("@import"));
}

#[test]
fn runs_in_commands_are_quoted_for_the_shell() {
    let page = page_with("'; rm -rf ~; '");
    let quoted = "hansard show &#39;run-1&#39;\\&#39;&#39;; rm -rf ~; &#39;\\&#39;&#39;&#39;";
    assert!(page.contains(quoted));
}

#[test]
fn tables_on_the_terminal_and_in_csv() {
    let mut table = Table::new("t", "T", &[("a", "A"), ("b", "B")]);
    table.rows.push(vec![Cell::Text("x\u{1b}[2J\n\"quoted\", <b>".into()), Cell::Whole(-1_234)]);
    table.rows.push(vec![Cell::P(f64::NAN)]);
    let text = table.to_text();
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()) && text.lines().count() == 4, "{text}");
    let mut out = Vec::new();
    table.write_csv(&mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), "a,b\n\"x\u{1b}[2J\n\"\"quoted\"\", <b>\",-1234\n,\n");
    assert_eq!(table.to_json()["rows"][1], serde_json::json!({"a": null, "b": null}));
}

/// Numbers that are no numbers, and ranges that are none.
#[test]
fn figures_that_are_not_finite() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e308, -1e308, 0.0, 5e-324] {
        let mut broken = report(&|text: &str| text.to_owned());
        let estimate = Estimate { value: bad, low: bad, high: f64::NAN };
        for m in &mut broken.measures {
            (m.a, m.b, m.p, m.difference) = (Some(bad), Some(bad), Some(bad), Some(estimate));
        }
        broken.curves[0].points[0].1 = estimate;
        broken.drift[0].lines[0].points[0].value = bad;
        broken.drift[0].lines[0].points[1].time_us = i64::MAX;
        broken.drift[0].changes[0].time_us = i64::MIN;
        broken.ranking[0].estimate = estimate;
        broken.distributions[0].differences = Some(crate::compare::report::Histogram::of(&[bad, 1.0, bad]));
        broken.distributions[0].functions[0].1 = crate::compare::report::Ecdf::of(&[bad, 1.0]);
        let page = html(&broken);
        assert!(!page.contains("=\"NaN") && !page.contains("=\"inf") && !page.contains("=\"-inf"));
        assert!(!broken.tables().is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_text_stays_text(hostile in "[<>\"'&a-z \\p{C}\\p{Z}\\p{L}]{0,40}") {
        prop_assert!(skeleton(&page_with(&hostile)) == skeleton(&page_with("")));
    }
}

#[test]
fn an_empty_report_is_a_page() {
    let page = html(&Report::default());
    assert!(page.contains("<h1>") && !page.contains("<figure>") && Report::default().tables().is_empty());
}
