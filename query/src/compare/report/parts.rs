//! Parts that sections of the page share: figures, sources, commands, sections.
//!
//! Guarantee: everything of the input goes through `escape`; ids are ours.

use super::escape::{apart, escape, escape_lines};
use super::format::count;
use super::input::Source;
use super::limits::{CELL_CHARS_MAX, RUNS_NAMED_MAX, SQL_CHARS_MAX};
use super::table::Table;
use std::fmt::Write;

/// A section with its heading; empty when there is nothing in it.
pub(super) fn section(id: &str, title: &str, lead: &str, body: &str) -> String {
    if body.is_empty() {
        return String::new();
    }
    let lead = if lead.is_empty() { String::new() } else { format!("<p class=\"lead\">{lead}</p>") };
    format!(
        "<section id=\"{id}\" aria-labelledby=\"{id}-h\"><h2 id=\"{id}-h\">{}</h2>{lead}{body}</section>",
        escape(title, CELL_CHARS_MAX)
    )
}

/// A drawing with its caption, its legend and its figures as a table.
pub(super) fn figure(caption: &str, svg: &str, legend: &str, tables: &[Table]) -> String {
    let shown: String = tables.iter().filter(|table| !table.rows.is_empty()).map(Table::to_html).collect();
    let table = if shown.is_empty() {
        String::new()
    } else {
        format!("<details><summary>The figures as a table</summary>{shown}</details>")
    };
    format!(
        "<figure><figcaption>{}</figcaption>{legend}<div class=\"plot\">{svg}</div></figure>{table}",
        escape(caption, CELL_CHARS_MAX)
    )
}

/// Where a figure comes from: its SQL, the runs behind it, how to look at one.
pub(super) fn source(of: &str, source: &Source) -> String {
    if source.sql.is_empty() && source.runs.is_empty() {
        return String::new();
    }
    let mut out =
        format!("<details class=\"source\"><summary>SQL and runs behind {}</summary>", apart(of, CELL_CHARS_MAX));
    if !source.sql.is_empty() {
        let sql = escape_lines(&source.sql, SQL_CHARS_MAX);
        let _ = write!(out, "<pre tabindex=\"0\"><code>{sql}</code></pre>");
    }
    if !source.runs.is_empty() {
        let total = source.runs_total.max(source.runs.len() as u64);
        let _ = write!(
            out,
            "<p class=\"faint\">Runs: {} of {}.</p><ul class=\"runs\">",
            source.runs.len().min(RUNS_NAMED_MAX),
            count(total)
        );
        for run in source.runs.iter().take(RUNS_NAMED_MAX) {
            let _ = write!(out, "<li><code>{}</code></li>", escape(&command(&source.command, run), CELL_CHARS_MAX));
        }
        out.push_str("</ul>");
    }
    out.push_str("</details>");
    out
}

/// The command that shows a run, the run quoted for a shell.
fn command(pattern: &str, run: &str) -> String {
    if pattern.is_empty() { run.to_owned() } else { pattern.replace("{run}", &quoted(run)) }
}

/// A word of a POSIX shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '@' | '+' | '=' | ',');
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// One line of code.
pub(super) fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(text, CELL_CHARS_MAX * 4))
}
