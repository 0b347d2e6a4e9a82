//! `hansard status`: where the record lies, which settings are in force, what is in it, how far it is behind the log.
//!
//! Guarantee: what cannot be reached is said, and does not keep the rest from being shown. Without a record it is still
//! told which settings are in force.

use super::Context;
use crate::console::{Style, thousands};
use crate::failure::Result;
use crate::opened;
use crate::settings::{Origin, Settings};
use query::Coverage;
use serde_json::{Value, json};
use std::time::Duration;
use store::snapshot::Snapshot;

/// How long the log may take to answer.
const LOG_WAIT_MAX: Duration = Duration::from_secs(5);

/// Runs the command.
///
/// # Errors
/// When there is a record that cannot be read.
pub async fn run(context: Context<'_>) -> Result<()> {
    let settings = context.settings;
    let snapshot = opened::snapshot_if_any(settings).await?;
    let log = match tokio::time::timeout(LOG_WAIT_MAX, log_state(context)).await {
        Ok(Ok(state)) => state,
        Ok(Err(failure)) => json!({ "error": failure.message }),
        Err(_) => json!({ "error": format!("no answer within {LOG_WAIT_MAX:?}") }),
    };
    let next = opened::next_offsets(settings, context.env).await;
    let coverage = snapshot.as_ref().map(|s| Coverage::of(s, next.as_ref()));
    let document = json!({
        "settings": settings_json(settings),
        "record": snapshot.as_ref().map(record_json),
        "log": log,
        "coverage": coverage,
    });
    context.console.answer(&document, || text(context, snapshot.as_ref(), &log, coverage.as_ref()))
}

async fn log_state(context: Context<'_>) -> Result<Value> {
    let log = opened::log(context.settings, context.env).await?;
    let durability = log.durability();
    let next = opened::next_of(&*log).await?;
    Ok(json!({
        "id": log.id(),
        "partitions": log.partitions(),
        "durability": durability.text,
        "durability_strong": durability.strong,
        "next_offsets": next,
    }))
}

fn settings_json(settings: &Settings) -> Value {
    json!({
        "data": settings.data,
        "home": settings.home.dir(),
        "config": settings.config_file,
        "config_exists": settings.config_file.exists(),
        "log": settings.log.to_string(),
        "store": settings.store,
        "query_memory_bytes": settings.limits.memory_bytes_max,
        "query_seconds": settings.limits.time_max.as_secs(),
        "from": settings.origins,
    })
}

fn record_json(snapshot: &Snapshot) -> Value {
    let bytes: u64 = snapshot.files.iter().map(|f| f.size).sum();
    let heads = snapshot.heads.iter().map(|(p, head)| {
        json!({ "partition": p, "tree_size": head.tree.size(), "root": head.tree.root().to_hex(), "log_offset": head.offset })
    });
    json!({
        "identity": snapshot.identity,
        "version": snapshot.version,
        "tree_size": snapshot.tree_size(),
        "segments": snapshot.files.len(),
        "segment_bytes": bytes,
        "heads": heads.collect::<Vec<_>>(),
    })
}

fn text(context: Context<'_>, snapshot: Option<&Snapshot>, log: &Value, coverage: Option<&Coverage>) -> String {
    let (settings, console) = (context.settings, context.console);
    let from = |name: &str| match settings.origins.get(name) {
        Some(Origin::Flag) => " (flag)",
        Some(Origin::Environment) => " (environment)",
        Some(Origin::File) => " (file)",
        _ => "",
    };
    let config = if settings.config_file.exists() { "" } else { " (not there)" };
    let mut lines = vec![
        console.styled(Style::Bold, "settings"),
        format!("  data    {}{}", settings.data, if from("data").is_empty() { " (default)" } else { from("data") }),
        format!("  config  {}{config}", settings.config_file.display()),
        format!("  log     {}{}", settings.log, from("log")),
        format!("  store   {}{}", settings.store, from("store")),
        console.styled(Style::Bold, "log"),
    ];
    match log.get("error").and_then(Value::as_str) {
        Some(error) => lines.push(format!("  {}", console.styled(Style::Yellow, error))),
        None => lines.push(format!(
            "  {}, {} partitions, {}",
            log["id"].as_str().unwrap_or_default(),
            log["partitions"],
            log["durability"].as_str().unwrap_or_default()
        )),
    }
    lines.push(console.styled(Style::Bold, "record"));
    match (snapshot, coverage) {
        (Some(snapshot), Some(coverage)) => {
            let bytes: u64 = snapshot.files.iter().map(|f| f.size).sum();
            lines.push(format!("  {}, tenant {}", snapshot.identity.origin, snapshot.identity.tenant));
            lines.push(format!(
                "  {} events in {} segments of {} bytes",
                thousands(coverage.events),
                snapshot.files.len(),
                thousands(bytes)
            ));
            lines.push(format!("  {}", coverage.sentence()));
        }
        _ => lines.push(
            "  there is none yet: `hansard demo`, `hansard import FORMAT PATH` or `hansard init` begin one".to_owned(),
        ),
    }
    lines.join("\n")
}
