//! The page as a whole.
//!
//! Guarantee: see the module above. The security policy of the page forbids it to load or run anything.

use super::escape::{apart, escape};
use super::format::{count, counted};
use super::input::Report;
use super::limits::{ARMS_MAX, CELL_CHARS_MAX, ROWS_MAX};
use super::parts::{code, section};
use super::sections;
use super::style::STYLE;
use super::table::{Cell, Table};
use std::fmt::Write;

/// The report as one HTML page.
#[must_use]
pub fn html(report: &Report) -> String {
    let sections = [
        ("findings", "Findings", sections::findings(report)),
        ("measures", "Measures", sections::measures(report)),
        ("distributions", "Distributions", sections::distributions(report)),
        ("trials", "Repeated trials", sections::curves(report)),
        ("segments", "Segments", sections::segments(report)),
        ("arms", "All arms", sections::arms(report)),
        ("drift", "Over time", sections::drift(report)),
        ("rollout", "Rollout", sections::rollout(report)),
        ("divergence", "Where runs part", sections::divergence(report)),
        ("unpaired", "Runs without a pair", sections::unpaired(report)),
        ("provenance", "What this report stands on", provenance(report)),
    ];
    let there = || sections.iter().filter(|(_, _, body)| !body.1.is_empty());
    let links: String = there().map(|(id, title, _)| format!("<li><a href=\"#{id}\">{title}</a></li>")).collect();
    let body: String = there().map(|(id, title, (lead, body))| section(id, title, lead, body)).collect();
    let title = if report.title.is_empty() { "Comparison of agent versions" } else { &report.title };
    let title = escape(title, CELL_CHARS_MAX);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"referrer\" content=\"no-referrer\">\
         <title>{title}</title><style>{STYLE}</style></head><body><a class=\"skip\" href=\"#main\">Skip to the report</a>\
         <header><p class=\"kicker\">Comparison from the record</p><h1><bdi>{title}</bdi></h1>{}{}<nav aria-label=\"Sections\"><ul>{links}</ul></nav></header>\
         <main id=\"main\">{body}</main><footer class=\"faint\">{}</footer></body></html>\n",
        arm_cards(report),
        standing(report),
        made(report)
    )
}

fn arm_cards(report: &Report) -> String {
    let card = |(i, arm): (usize, &super::Arm)| {
        format!(
            "<li class=\"s{}\"><b>{}</b>{}<span class=\"faint\">{}{}</span></li>",
            i % 8,
            apart(&arm.name, CELL_CHARS_MAX),
            code(&arm.selection),
            counted(arm.runs, "run", "runs"),
            if arm.tasks > 0 { format!(" of {}", counted(arm.tasks, "task", "tasks")) } else { String::new() }
        )
    };
    let cards: String = report.arms.iter().take(ARMS_MAX).enumerate().map(card).collect();
    let more = report.arms.len().saturating_sub(ARMS_MAX);
    let more = if more > 0 { format!("<li>{more} more arms: see the table</li>") } else { String::new() };
    format!("<ul class=\"arms\">{cards}{more}</ul>")
}

/// The one line by which a report can be checked.
fn standing(report: &Report) -> String {
    let p = &report.provenance;
    let leaves: u64 = p.heads.iter().map(|head| head.size).sum();
    let mut items = vec![format!("table version <b>{}</b>", p.table_version)];
    if !p.heads.is_empty() {
        items.push(format!("<b>{}</b> leaves in {}", count(leaves), counted(p.heads.len() as u64, "tree", "trees")));
    }
    if let [head] = p.heads.as_slice() {
        items.push(format!("root {}", code(head.root.get(..16).unwrap_or(&head.root))));
    }
    items.push(format!("{} % intervals", super::format::setting(report.confidence * 100.0)));
    if !report.correction.is_empty() {
        items.push(format!("p adjusted: <b>{}</b>", escape(&report.correction, CELL_CHARS_MAX)));
    }
    items.extend(p.prices.iter().map(|prices| format!("prices {}", apart(prices, CELL_CHARS_MAX))));
    let items: String = items.iter().map(|item| format!("<li>{item}</li>")).collect();
    format!("<ul class=\"stand\">{items}</ul>")
}

fn made(report: &Report) -> String {
    let p = &report.provenance;
    let at = p.generated_at.as_ref().map_or_else(String::new, |at| format!(" at {}", escape(at, CELL_CHARS_MAX)));
    let by = if p.generated_by.is_empty() { "Hansard" } else { &p.generated_by };
    format!(
        "Made by {}{at}. This page holds everything it shows, loads nothing and runs no code.",
        escape(by, CELL_CHARS_MAX)
    )
}

fn provenance(report: &Report) -> (String, String) {
    let p = &report.provenance;
    let lead = "The events behind every figure stand in signed, append-only trees. With the version and the roots \
                below the same figures can be computed again, and every event behind them proven.";
    let mut out = String::new();
    if !p.coverage.is_empty() {
        let _ = write!(out, "<p>{}</p>", apart(&p.coverage, CELL_CHARS_MAX * 4));
    }
    let mut heads = Table::new(
        "trees",
        &format!("Trees at table version {} of {}", p.table_version, p.store),
        &[("partition", "Partition"), ("size", "Leaves"), ("root", "Root")],
    );
    let row = |h: &super::PartitionHead| {
        let size = Cell::Whole(i64::try_from(h.size).unwrap_or(i64::MAX));
        vec![Cell::Whole(i64::from(h.partition)), size, Cell::Text(h.root.clone())]
    };
    heads.rows = p.heads.iter().take(ROWS_MAX).map(row).collect();
    if !heads.rows.is_empty() {
        out.push_str(&heads.to_html());
    }
    if !p.commands.is_empty() {
        out.push_str("<h3>Make it again, and prove it</h3>");
    }
    for command in p.commands.iter().take(ROWS_MAX) {
        let line = super::escape::escape_lines(&command.line, CELL_CHARS_MAX * 10);
        let _ = write!(
            out,
            "<p class=\"faint\">{}</p><pre tabindex=\"0\"><code>{line}</code></pre>",
            apart(&command.does, CELL_CHARS_MAX)
        );
    }
    (lead.to_owned(), out)
}
