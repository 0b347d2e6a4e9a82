//! More than two arms, and versions over time.
//!
//! Guarantee: see the module above.

use super::{
    Axis, Better, CELL_CHARS_MAX, DriftSeries, Forest, Join, LINES_MAX, Line, LineChart, Matrix, Point, Report, Row,
    Section, Stacked, Unit, Verdict, Write, apart, count, escape, figure, legend, source,
};
use crate::compare::report::format::{p, width};
use crate::compare::report::limits::ARMS_MAX;
use crate::compare::report::time::{rfc3339, short};

pub(in crate::compare::report) fn arms(report: &Report) -> Section {
    let mut out = String::new();
    if !report.ranking.is_empty() {
        let row = |r: &crate::compare::report::RankRow| Row {
            name: r.arm.clone(),
            value: r.estimate.value,
            low: r.estimate.low,
            high: r.estimate.high,
            words: format!("{}  place {}", r.unit.value(r.estimate.value), places(r)),
            verdict: if r.rank_high == 1 { Verdict::Better } else { Verdict::NotShown },
        };
        let unit = report.ranking.first().map_or(Unit::Number, |r| r.unit.clone());
        let plot = Forest {
            rows: report.ranking.iter().map(row).collect(),
            axis: Axis::Value(unit),
            label: "estimate",
            zero: false,
        };
        let words = "Each arm with its interval, and the places that it may have.";
        out.push_str(&figure(
            "Ranking",
            &plot.draw("ranks", "Ranking of the arms", words),
            "",
            &[report.ranking_table()],
        ));
    }
    if let Some(matrix) = &report.matrix {
        let _ = write!(
            out,
            "<h3>{}: row minus column</h3>{}",
            apart(&matrix.measure, CELL_CHARS_MAX),
            grid(matrix, report.alpha)
        );
        out.push_str(&source(&matrix.measure, &matrix.source));
    }
    let lead =
        "Places carry intervals too: from the best to the worst place that an arm may have, all arms considered.";
    (lead.to_owned(), out)
}

fn places(r: &crate::compare::report::RankRow) -> String {
    if r.rank_low == r.rank_high {
        format!("{}", r.rank)
    } else {
        format!("{} ({}–{})", r.rank, r.rank_low, r.rank_high)
    }
}

fn grid(matrix: &Matrix, alpha: f64) -> String {
    let arms = || matrix.arms.iter().take(ARMS_MAX);
    let mut out = String::from("<div class=\"scroll\" tabindex=\"0\"><table><thead><tr><td></td>");
    arms().for_each(|arm| out.push_str(&format!("<th scope=\"col\">{}</th>", apart(arm, CELL_CHARS_MAX))));
    out.push_str("</tr></thead><tbody>");
    for (i, (arm, cells)) in arms().zip(&matrix.cells).enumerate() {
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", apart(arm, CELL_CHARS_MAX));
        for (j, _) in arms().enumerate() {
            match cells.get(j).and_then(Option::as_ref) {
                None => out.push_str(if i == j { "<td class=\"self\"></td>" } else { "<td class=\"num\">–</td>" }),
                Some(cell) => {
                    let d = &cell.difference;
                    let shown = cell.p.map_or(d.low > 0.0 || d.high < 0.0, |p| p < alpha);
                    let class = match (shown, matrix.better, d.value > 0.0) {
                        (false, _, _) => "",
                        (true, Better::Neither, _) => " differs",
                        (true, Better::Higher, true) | (true, Better::Lower, false) => " better",
                        _ => " worse",
                    };
                    let interval = matrix.unit.interval(d.low, d.high);
                    let sample = cell.p.map_or_else(String::new, |value| format!("p {}, ", p(value)));
                    let _ = write!(
                        out,
                        "<td class=\"num{class}\">{}<span class=\"sub\">{}</span><span class=\"sub\">{}</span></td>",
                        escape(&matrix.unit.signed(d.value), CELL_CHARS_MAX),
                        escape(&interval, CELL_CHARS_MAX),
                        escape(&format!("{sample}n {}", count(cell.n)), CELL_CHARS_MAX)
                    );
                }
            }
        }
        out.push_str("</tr>");
    }
    out + "</tbody></table></div>"
}

pub(in crate::compare::report) fn drift(report: &Report) -> Section {
    let lead = "Each measure over time, by version, with the changes that were found in it.";
    let mut out: String = {
        let versions = versions(report);
        report.drift.iter().enumerate().map(|(i, series)| line_of(i, series, &versions)).collect()
    };
    let changes = report.changes_table();
    if !changes.rows.is_empty() {
        out.push_str(&changes.to_html());
    }
    if !report.drift.is_empty() {
        let table = report.drift_table().to_html();
        let _ = write!(out, "<details><summary>The figures as a table</summary>{table}</details>");
    }
    (lead.to_owned(), out)
}

/// All versions over time, so that each has one colour on the page.
fn versions(report: &Report) -> Vec<&str> {
    let drift = report.drift.iter().flat_map(|series| &series.lines).map(|line| line.version.as_str());
    let rollout = report.rollout.iter().flat_map(|rollout| &rollout.versions).map(String::as_str);
    let mut seen = Vec::new();
    for version in drift.take(LINES_MAX * LINES_MAX).chain(rollout) {
        if !seen.contains(&version) {
            seen.push(version);
        }
    }
    seen
}

fn number(versions: &[&str], version: &str) -> usize {
    versions.iter().position(|known| *known == version).unwrap_or(versions.len())
}

fn line_of(i: usize, series: &DriftSeries, versions: &[&str]) -> String {
    let line = |line: &crate::compare::report::VersionLine| {
        let points = line.points.iter().map(|p| Point {
            x: p.time_us as f64,
            y: p.value,
            interval: p.interval,
            words: format!(
                "{}, {}: {} (n {})",
                line.version,
                rfc3339(p.time_us),
                series.unit.value(p.value),
                count(p.n)
            ),
        });
        Line { series: number(versions, &line.version), points: points.collect() }
    };
    let mark = |c: &crate::compare::report::ChangePoint| {
        let words = format!("{} → {}", series.unit.value(c.before), series.unit.value(c.after));
        (c.time_us as f64, words)
    };
    let chart = LineChart {
        lines: series.lines.iter().take(LINES_MAX).map(line).collect(),
        x: Axis::Time,
        y: Axis::Value(series.unit.clone()),
        label: "time (UTC)",
        join: Join::Straight,
        range: None,
        marks: series.changes.iter().take(LINES_MAX).map(mark).collect(),
    };
    let told = series.changes.iter().take(LINES_MAX).map(|c| {
        let levels = format!("from {} to {}", series.unit.value(c.before), series.unit.value(c.after));
        format!("{} changes at {} {levels}.", c.version, rfc3339(c.time_us))
    });
    let words = format!("One line for each version. {}", told.collect::<Vec<_>>().join(" "));
    let lines = series.lines.iter().take(LINES_MAX);
    let names = lines.map(|line| (number(versions, &line.version), line.version.as_str()));
    let svg = chart.draw(&format!("drift{i}"), &format!("{} over time", series.measure), &words);
    figure(&series.measure, &svg, &legend(names, true), &[]) + &source(&series.measure, &series.source)
}

pub(in crate::compare::report) fn rollout(report: &Report) -> Section {
    let Some(rollout) = report.rollout.as_ref().filter(|r| !r.buckets.is_empty()) else { return Section::default() };
    let versions = versions(report);
    let column = |bucket: &crate::compare::rollout::Bucket| {
        let at = short(bucket.start_us, rollout.width_us);
        let shares = bucket.shares.iter().map(|share| {
            let version = rollout.versions.get(share.version).map_or("", String::as_str);
            let words = format!("{at} {version}: {} ({} runs)", Unit::Share.value(share.share), count(share.runs));
            (number(&versions, version), share.share, words)
        });
        let start = bucket.start_us as f64;
        (start, start + rollout.width_us as f64, shares.collect())
    };
    let stacked = Stacked { columns: rollout.buckets.iter().map(column).collect() };
    let words = "For each bucket of time, the share of runs by version; an empty stretch had no runs.";
    let svg = stacked.draw("rollout-share", "Share of traffic by version", words);
    let mut lead = format!("Buckets of {}, beginning in UTC.", width(rollout.width_us));
    if rollout.without_time > 0 {
        let _ = write!(lead, " {} runs without a time are in none.", count(rollout.without_time));
    }
    let names = rollout.versions.iter().map(|version| (number(&versions, version), version.as_str()));
    let body = figure("Share of traffic", &svg, &legend(names, false), &[report.rollout_table()]);
    (lead, body + &source("the rollout", &report.rollout_source))
}
