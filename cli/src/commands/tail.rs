//! `hansard tail`: the newest events, and with `-f` those that come.
//!
//! Guarantee: every committed event that passes the filter is shown once, in the order of the commits. With `--json` one
//! document, but with `-f` too, which has no end, one object a line. Ends on Ctrl-C with exit code 0.

use super::Context;
use crate::args::TailArgs;
use crate::failure::Result;
use crate::opened;
use query::QueryService;
use query::tail::Position;
use serde_json::{Value, json};
use std::time::Duration;

/// Between two looks for a new version of the table.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Runs the command.
///
/// # Errors
/// When the record cannot be read or the filter is no SQL condition.
pub async fn run(context: Context<'_>, args: &TailArgs) -> Result<()> {
    let service = opened::following(context.settings).await?;
    let engine = service.engine().await?;
    let filter = args.filter.as_deref();
    let mut position = Position::end(&engine, args.lines);
    // Each partition gives its newest; of all of them the newest are shown.
    let mut newest = Vec::new();
    while position.is_behind(&engine) {
        let (lines, next) = engine.tail(&position, filter).await?;
        newest.extend(lines);
        position = next;
    }
    let from = newest.len().saturating_sub(usize::try_from(args.lines).unwrap_or(usize::MAX));
    if context.console.is_json() && !args.follow {
        let events: Vec<Value> = newest[from..].iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let document = json!({"events": events, "position": position.to_string(), "coverage": engine.coverage()});
        return context.console.document(&document);
    }
    show(context, &newest[from..])?;
    if args.follow { follow(context, &service, position, filter).await } else { Ok(()) }
}

async fn follow(
    context: Context<'_>,
    service: &QueryService,
    mut position: Position,
    filter: Option<&str>,
) -> Result<()> {
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(()),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let engine = service.engine().await?;
        while position.is_behind(&engine) {
            let (lines, next) = engine.tail(&position, filter).await?;
            show(context, &lines)?;
            position = next;
        }
    }
}

fn show(context: Context<'_>, lines: &[String]) -> Result<()> {
    for line in lines {
        match context.console.is_json() {
            true => context.console.line(line)?,
            false => context.console.line(readable(line))?,
        }
    }
    Ok(())
}

fn readable(line: &str) -> String {
    let event: Value = serde_json::from_str(line).unwrap_or_default();
    let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let time = match event["time"].as_str() {
        Some(time) => time.to_owned(),
        None => format!("({})", text("committed_at")),
    };
    let what: Vec<String> =
        ["agent", "tool", "model", "subject", "error_type"].into_iter().map(text).filter(|t| !t.is_empty()).collect();
    format!("{time}  {:16} {}  {}  {}", text("kind"), what.join(" "), text("session"), text("id"))
}
