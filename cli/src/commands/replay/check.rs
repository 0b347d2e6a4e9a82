//! `hansard replay check`: what a run says, against what follows from the events before.
//!
//! Guarantee: exit code 1 when the record contradicts itself, with the first place where it does. What cannot be decided
//! is counted as unknown.

use super::super::Context;
use super::super::state::point::Past;
use crate::args::RunOf;
use crate::console::counted;
use crate::failure::{Failure, Result};
use replay::source::Wanted;
use replay::state::check::{Report, check};
use replay::state::view::BreakerRule;
use replay::state::{Point, Until};
use serde_json::json;

/// Runs the command.
pub(super) async fn run(context: Context<'_>, args: &RunOf) -> Result<()> {
    let past = Past::open(context).await?;
    let session = past.session(&args.run).await?;
    let asked = past.point(&args.at).await?;
    let run = past.source.run(&session, &asked.point).await?;
    let last = run.events.last().map(|event| Until::event(event.stamp()));
    let digests = past.source.memory_digests(Wanted::at(Point { until: last, ..asked.point })).await?;
    let plain = |commitment: &[u8; 32]| digests.get(commitment).copied();
    let before = run.before.state.clone();
    let report = check(before, &run.events, |event| run.has(event), &plain, BreakerRule::default());
    let document = json!({ "session": session, "report": report, "coverage": past.engine.coverage() });
    context.console.answer(&document, || text(&session, &report))?;
    match report.first() {
        None => Ok(()),
        Some(first) => {
            Err(Failure::no(format!("the record of {session} contradicts itself at {}", first.stamp.id)).told())
        }
    }
}

fn text(session: &str, report: &Report) -> String {
    let mut out = format!("run {session}: {}\n", counted(report.events, "event", "events"));
    for (name, count) in &report.checks {
        out.push_str(&format!(
            "  {name}: {} compared, {} diverged, {} unknown\n",
            count.compared, count.diverged, count.unknown
        ));
    }
    for (at, divergence) in report.divergences.iter().enumerate() {
        let first = if at == 0 { "first divergence" } else { "then" };
        let time = schemas::header::Time(divergence.stamp.time_us).to_rfc3339();
        out.push_str(&format!("{first}: {time} {} {}\n", divergence.stamp.id, divergence.check));
        out.push_str(&format!("  expected {}\n  found    {}\n", divergence.expected, divergence.found));
    }
    if report.more > 0 {
        out.push_str(&format!("… {} more\n", report.more));
    }
    if report.divergences.is_empty() {
        out.push_str("nothing diverges\n");
    }
    out
}
