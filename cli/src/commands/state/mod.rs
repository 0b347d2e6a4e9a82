//! `hansard state`: what was so at a point, what differs between two, proofs of it, and the snapshots that make it quick.
//!
//! Guarantee: an answer names the point, the number of its events and the root of its cells, which anybody who has the
//! events computes again. Only committed events count.

pub(super) mod point;
mod proof;

use super::Context;
use crate::args::{StateArgs, StateCommand};
use crate::console::{counted, thousands};
use crate::failure::{Failure, Result};
use point::Past;
use replay::source::{Making, Reached, Source, Wanted};
use replay::state::key::Class;
use replay::state::{Diff, render};
use serde_json::{Value, json};

/// Runs the command.
///
/// # Errors
/// When there is no such point, or the record cannot be read.
pub async fn run(context: Context<'_>, args: &StateArgs) -> Result<()> {
    match &args.command {
        None if args.proof.is_some() => proof::make(context, args).await,
        None => show(context, args).await,
        Some(StateCommand::Diff { from, to, known_at }) => diff(context, [from, to], known_at.as_deref()).await,
        Some(StateCommand::Verify { proof, root, at }) => proof::verify(context, proof, root.as_deref(), at).await,
        Some(StateCommand::Snapshot { rebuild }) => snapshot(context, *rebuild).await,
    }
}

async fn show(context: Context<'_>, args: &StateArgs) -> Result<()> {
    let classes = args.class.iter().map(|name| class(name)).collect::<Result<Vec<_>>>()?;
    let past = Past::open(context).await?;
    let asked = past.point(&args.at).await?;
    let reached = past.source.reach(asked.point).await?;
    let at_us = asked.at_us.or_else(|| reached.state.last_us()).unwrap_or_default();
    let filter = render::Filter { agent: args.agent.clone(), session: args.session.clone(), classes, all: args.all };
    let mut rows = reached.state.view(&past.source.snapshot().identity.tenant, at_us).rows(&filter);
    let more = rows.len().saturating_sub(args.limit);
    rows.truncate(args.limit);
    let mut document = head(&reached, asked.root_log_size, at_us);
    document["rows"] = serde_json::to_value(&rows)?;
    document["rows_more"] = more.into();
    document["coverage"] = serde_json::to_value(past.engine.coverage())?;
    context.console.answer(&document, || {
        let rest =
            if more > 0 { format!("… {} more; --limit shows them\n", thousands(more as u64)) } else { String::new() };
        format!("{}\n{}{rest}", head_text(&reached, at_us), render::text(&rows))
    })
}

/// What every answer about a state begins with.
pub(super) fn head(reached: &Reached, root_log_size: Option<u64>, at_us: i64) -> Value {
    let root = reached.state.root();
    let sizes: serde_json::Map<String, Value> =
        reached.point.sizes.iter().flatten().map(|(p, size)| (p.to_string(), (*size).into())).collect();
    let until = reached.point.until.as_ref();
    json!({
        "at": {
            "time": time(at_us),
            "until": until.map(|until| time(until.time_us)),
            "event": until.and_then(|until| until.event.as_ref()).map(|stamp| stamp.id.to_string()),
            "known_at": reached.point.known_us.map(time),
            "root_log_size": root_log_size,
            "tree_sizes": sizes,
        },
        "events": reached.events,
        "cells": root.cells,
        "root": root.to_string(),
        "from": { "snapshot": reached.base, "tail": reached.tail, "note": reached.note },
    })
}

fn time(us: i64) -> String {
    schemas::header::Time(us).to_rfc3339()
}

fn head_text(reached: &Reached, at_us: i64) -> String {
    let events = counted(reached.events, "event", "events");
    let from = match &reached.base {
        Some(base) => format!("snapshot of {} and {} more", thousands(base.events), thousands(reached.tail)),
        None => "all of them".to_owned(),
    };
    let note = reached.note.as_ref().map(|note| format!("\n{note}")).unwrap_or_default();
    format!("state at {}: {events} ({from}), root {}{note}", time(at_us), reached.state.root())
}

fn class(name: &str) -> Result<Class> {
    Class::ALL.iter().copied().find(|class| class.name() == name).ok_or_else(|| {
        let names: Vec<&str> = Class::ALL.iter().map(|class| class.name()).collect();
        Failure::new(format!("there is no class {name:?} of state; there are: {}", names.join(", ")))
    })
}

async fn diff(context: Context<'_>, points: [&String; 2], known_at: Option<&str>) -> Result<()> {
    let past = Past::open(context).await?;
    let [from, to] = points.map(|at| past.asked(Some(at), known_at));
    let (from, to) = (from.await?, to.await?);
    let (before, after) = (past.source.reach(from.point).await?, past.source.reach(to.point).await?);
    let mut diff = Diff::between(&before.state, &after.state);
    let mut between =
        past.source.collect("the time between", &Wanted::between(before.point.clone(), after.point.clone())).await?;
    if between.is_empty() {
        between = past
            .source
            .collect("the time between", &Wanted::between(after.point.clone(), before.point.clone()))
            .await?;
    }
    diff.explain(&between);
    let at_us = |reached: &Reached, asked: Option<i64>| asked.or_else(|| reached.state.last_us()).unwrap_or_default();
    let document = json!({
        "from": head(&before, from.root_log_size, at_us(&before, from.at_us)),
        "to": head(&after, to.root_log_size, at_us(&after, to.at_us)),
        "events_between": between.len(),
        "changes": render::diff_json(&diff),
        "coverage": past.engine.coverage(),
    });
    context.console.answer(&document, || {
        format!(
            "{} by {}\n{}",
            counted(diff.changes.len() as u64, "cell differs", "cells differ"),
            counted(between.len() as u64, "event", "events"),
            render::diff_text(&diff)
        )
    })
}

async fn snapshot(context: Context<'_>, rebuild: bool) -> Result<()> {
    let source = Source::new(crate::opened::snapshot(context.settings).await?.into());
    let made = source.keep_snapshots(Making { rebuild, end: true }).await?;
    context.console.answer(&json!({ "made": made }), || match made.last() {
        None => "nothing is new since the last snapshot".to_owned(),
        Some(last) => format!(
            "{} made; the last is of {} at size {} of the root log, root {}",
            counted(made.len() as u64, "snapshot", "snapshots"),
            counted(last.events, "event", "events"),
            last.root_log_size,
            last.root
        ),
    })
}
