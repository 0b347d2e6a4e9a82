//! `hansard sessions` and `hansard session`: what there is to read, and reading it.
//!
//! Guarantee: a beginning of a session id stands for it only where it fits one; otherwise the candidates are listed.
//! With `--json` contents are whole.

use super::Context;
use crate::args::{SessionArgs, SessionsArgs};
use crate::failure::{Failure, Result};
use crate::opened;
use query::limits::PAGE_EVENTS_MAX;
use query::lineage::Style;
use query::transcript::Page;
use query::{Engine, Format, output};
use serde_json::Value;

/// Candidates that are listed.
const CANDIDATES_MAX: usize = 10;

const LIST: &str = "SELECT session, agent, agents, agent_version, variant, task, first_time, last_time, events, model_calls, \
     tool_calls, errors, input_tokens, output_tokens, model FROM sessions";

/// Runs `hansard sessions`.
///
/// # Errors
/// When the record cannot be read.
pub async fn list(context: Context<'_>, args: &SessionsArgs) -> Result<()> {
    let engine = opened::engine(context.settings, context.env).await?;
    let filter =
        args.prefix.as_deref().map_or_else(String::new, |p| format!(" WHERE starts_with(session, {})", quoted(p)));
    let sql =
        format!("{LIST}{filter} ORDER BY coalesce(last_time, last_committed_at) DESC, session LIMIT {}", args.limit);
    let answer = engine.sql(&sql).await?;
    let mut out = Vec::new();
    let format = if context.console.is_json() { Format::Json } else { Format::Table };
    output::write_answer(format, &answer, &mut out)?;
    context.console.bytes(&out)?;
    let total = count(&engine, &format!("SELECT count(*) AS n FROM sessions{filter}")).await?;
    if total > answer.rows() as u64 {
        context.console.note(format!("{total} sessions match; --limit shows more"));
    }
    Ok(())
}

/// Runs `hansard session`.
///
/// # Errors
/// When there is no such session, or several.
pub async fn show(context: Context<'_>, args: &SessionArgs) -> Result<()> {
    let engine = opened::engine(context.settings, context.env).await?;
    let session = resolve(&engine, &args.id).await?;
    let mut page = Page { after: args.after.clone(), ..Page::default() };
    if context.console.is_json() || args.full || args.chars == Some(0) {
        page.chars_max = usize::MAX;
    }
    if context.console.is_json() {
        page.events_max = PAGE_EVENTS_MAX;
    }
    page.chars_max = args.chars.filter(|n| *n > 0).unwrap_or(page.chars_max);
    page.events_max = args.limit.unwrap_or(page.events_max);
    let transcript = engine.transcript(&session, &page).await?;
    let style = Style { colour: context.console.colours() };
    context.console.answer(&transcript, || transcript.to_text(style))
}

pub(crate) async fn resolve(engine: &Engine, given: &str) -> Result<String> {
    let exact = format!("SELECT session FROM sessions WHERE session = {}", quoted(given));
    if !names(engine, &exact).await?.is_empty() {
        return Ok(given.to_owned());
    }
    let sql = format!(
        "SELECT session FROM sessions WHERE starts_with(session, {}) ORDER BY session LIMIT {}",
        quoted(given),
        CANDIDATES_MAX + 1
    );
    let found = names(engine, &sql).await?;
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => {
            Err(Failure::no(format!("there is no session {given:?}"))
                .hint("`hansard sessions` lists those that there are"))
        }
        several => {
            let more = if several.len() > CANDIDATES_MAX { ", …" } else { "" };
            let names = several[..several.len().min(CANDIDATES_MAX)].join(", ");
            Err(Failure::new(format!("several sessions begin with {given:?}: {names}{more}"))
                .hint("give more of the id"))
        }
    }
}

async fn names(engine: &Engine, sql: &str) -> Result<Vec<String>> {
    let rows = json_rows(engine, sql).await?;
    Ok(rows.iter().filter_map(|row| row.get("session").and_then(Value::as_str).map(str::to_owned)).collect())
}

/// The single number of a query that selects `n`.
///
/// # Errors
/// When the query fails.
pub async fn count(engine: &Engine, sql: &str) -> Result<u64> {
    let rows = json_rows(engine, sql).await?;
    Ok(rows.first().and_then(|row| row.get("n")).and_then(Value::as_u64).unwrap_or(0))
}

/// The rows of a small answer as JSON objects.
///
/// # Errors
/// When the query fails.
pub async fn json_rows(engine: &Engine, sql: &str) -> Result<Vec<Value>> {
    let answer = engine.sql(sql).await?;
    let mut out = Vec::new();
    output::write_answer(Format::Json, &answer, &mut out)?;
    let mut document: Value = serde_json::from_slice(&out)?;
    Ok(match document.get_mut("rows").map(Value::take) {
        Some(Value::Array(rows)) => rows,
        _ => Vec::new(),
    })
}

/// A string literal of SQL.
#[must_use]
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
