//! Measures and segments: the table of verdicts and the plots of intervals.
//!
//! Guarantee: see the module above; a measure without a difference is in the table and in no plot.

use super::{
    Axis, Better, CELL_CHARS_MAX, Forest, Measure, ROWS_MAX, Report, Row, Section, Unit, Verdict, Write, apart, count,
    escape, figure, source, verdict,
};
use crate::compare::report::format::{ABSENT, p, setting};
use std::collections::BTreeMap;

pub(in crate::compare::report) fn measures(report: &Report) -> Section {
    if report.measures.is_empty() {
        return Section::default();
    }
    let names: Vec<_> = report.arms.iter().take(2).map(|arm| apart(&arm.name, CELL_CHARS_MAX)).collect();
    let against = match names.as_slice() {
        [a, b] => format!("A stands for “{a}”, B for “{b}”. "),
        _ => String::new(),
    };
    let lead = format!(
        "{against}A difference counts as shown when its p, adjusted for the number of measures, is below {}; what is \
         not shown is not thereby absent.",
        setting(report.alpha)
    );
    let mut out = verdicts(report);
    let shares = report.measures.iter().filter(|m| m.unit == Unit::Share);
    let rows: Vec<_> = shares.filter_map(|m| row(m, &m.name, 1.0, &m.unit, report.alpha)).collect();
    out.push_str(&forest("points", "Shares: B − A in percentage points", Axis::Signed(Unit::Share), rows));
    let others = report.measures.iter().filter(|m| m.unit != Unit::Share);
    let rows: Vec<_> = others.filter_map(|m| relative(m, report.alpha)).collect();
    out.push_str(&forest("relative", "Other measures: B − A in percent of A", Axis::Signed(Unit::Relative), rows));
    let sources: String = report.measures.iter().take(ROWS_MAX).map(|m| source(&m.name, &m.source)).collect();
    if !sources.is_empty() {
        let _ = write!(out, "<details><summary>SQL and runs behind each measure</summary>{sources}</details>");
    }
    (lead, out)
}

fn forest(id: &str, title: &str, axis: Axis, rows: Vec<Row>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let shown = rows.iter().filter(|row| row.verdict != Verdict::NotShown).count();
    let words =
        format!("{} rows, {shown} with a difference shown. The figures are in the table of measures.", rows.len());
    let plot = Forest { rows, axis, label: "B − A", zero: true };
    figure(title, &plot.draw(id, title, &words), "", &[])
}

/// A row of a plot, in the measure's own unit times `scale`.
fn row(m: &Measure, name: &str, scale: f64, unit: &Unit, alpha: f64) -> Option<Row> {
    let d = m.difference.as_ref().filter(|d| d.value.is_finite())?;
    let (value, low, high) = (d.value * scale, d.low * scale, d.high * scale);
    let words = unit.signed(value);
    Some(Row { name: name.to_owned(), value, low, high, words, verdict: verdict(m, alpha) })
}

/// The same in percent of A; none where A is 0.
fn relative(m: &Measure, alpha: f64) -> Option<Row> {
    let base = m.a.filter(|a| a.is_finite() && a.abs() > f64::EPSILON)?;
    row(m, &m.name, 1.0 / base.abs(), &Unit::Relative, alpha)
}

fn verdicts(report: &Report) -> String {
    let mut out = String::from(
        "<div class=\"scroll\" tabindex=\"0\"><table><caption>Measures, B against A</caption><thead><tr><th scope=\"col\">Measure</th>\
         <th scope=\"col\" class=\"num\">A</th><th scope=\"col\" class=\"num\">B</th><th scope=\"col\" class=\"num\">B − A</th>\
         <th scope=\"col\" class=\"num\">p adjusted</th><th scope=\"col\" class=\"num\">Effect</th><th scope=\"col\">Verdict</th></tr></thead><tbody>",
    );
    for m in report.measures.iter().take(ROWS_MAX) {
        let value = |value: Option<f64>| value.map_or_else(|| ABSENT.into(), |v| m.unit.value(v));
        let (difference, interval) = difference(m);
        let found = verdict(m, report.alpha);
        let raw = m.p.map_or_else(String::new, |raw| format!("<span class=\"sub\">p {}</span>", escape(&p(raw), 40)));
        let effect = m.effect.as_ref().map_or_else(
            || ABSENT.to_owned(),
            |e| {
                let name = apart(&e.name, CELL_CHARS_MAX);
                format!("{}<span class=\"sub\">{name}</span>", Unit::Number.signed(e.value))
            },
        );
        let _ = write!(
            out,
            "<tr><th scope=\"row\">{}<span class=\"sub\">{}</span></th><td class=\"num\">{}</td><td class=\"num\">{}</td>\
             <td class=\"num\">{difference}<span class=\"sub\">{interval}</span></td><td class=\"num\">{}{raw}</td>\
             <td class=\"num\">{effect}</td><td><span class=\"badge {}\">{}</span></td></tr>",
            apart(&m.name, CELL_CHARS_MAX),
            details(m),
            escape(&value(m.a), CELL_CHARS_MAX),
            escape(&value(m.b), CELL_CHARS_MAX),
            escape(&m.p_adjusted.or(m.p).map_or_else(|| ABSENT.into(), p), CELL_CHARS_MAX),
            found.class(),
            found.words(),
        );
    }
    out.push_str("</tbody></table></div>");
    if report.measures.len() > ROWS_MAX {
        let _ =
            write!(out, "<p class=\"faint\">{} more measures are in the tables.</p>", report.measures.len() - ROWS_MAX);
    }
    out
}

fn difference(m: &Measure) -> (String, String) {
    match &m.difference {
        None => (ABSENT.into(), String::new()),
        Some(d) => {
            (escape(&m.unit.signed(d.value), CELL_CHARS_MAX), escape(&m.unit.interval(d.low, d.high), CELL_CHARS_MAX))
        }
    }
}

/// Sample, ties, method, what could be detected, and what to know.
fn details(m: &Measure) -> String {
    let mut parts = vec![format!("{} {}", count(m.n), m.basis)];
    parts.extend(m.ties.map(|ties| format!("{} tied", count(ties))));
    if !m.method.is_empty() {
        parts.push(m.method.clone());
    }
    parts.extend(m.detectable.map(|d| format!("would show {} or more", m.unit.signed(d.abs()).replace('+', "±"))));
    if m.better != Better::Neither {
        parts.push(format!("{} is better", if m.better == Better::Higher { "higher" } else { "lower" }));
    }
    if !m.note.is_empty() {
        parts.push(m.note.clone());
    }
    apart(&parts.join(" · "), CELL_CHARS_MAX)
}

pub(in crate::compare::report) fn segments(report: &Report) -> Section {
    if report.segments.is_empty() {
        return Section::default();
    }
    let lead = "The same measures within parts of the work, with the same statistics. An arm that wins on the whole \
                may lose in a part.";
    let mut groups: BTreeMap<(&str, &str), Vec<&crate::compare::report::Segment>> = BTreeMap::new();
    for segment in &report.segments {
        groups.entry((&segment.by, &segment.measure.name)).or_default().push(segment);
    }
    let mut out = String::new();
    for (i, ((by, name), segments)) in groups.into_iter().take(ROWS_MAX).enumerate() {
        let rows: Vec<_> = segments
            .iter()
            .filter_map(|s| {
                let mut row = row(&s.measure, &s.name, 1.0, &s.measure.unit, report.alpha)?;
                row.words = format!("{}  (n {})", row.words, count(s.measure.n));
                Some(row)
            })
            .collect();
        let unit = segments.first().map_or(Unit::Number, |s| s.measure.unit.clone());
        out.push_str(&forest(&format!("seg{i}"), &format!("{name} by {by}: B − A"), Axis::Signed(unit), rows));
        let of = |s: &&crate::compare::report::Segment| source(&format!("{name}, {}", s.name), &s.measure.source);
        let sources: String = segments.iter().map(of).collect();
        if !sources.is_empty() {
            let _ = write!(out, "<details><summary>SQL and runs behind each segment</summary>{sources}</details>");
        }
    }
    let table = report.segments_table().to_html();
    let _ = write!(out, "<details><summary>All segments as a table</summary>{table}</details>");
    (lead.to_owned(), out)
}
