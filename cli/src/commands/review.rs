//! `hansard review` and `hansard drift`: one agent's report card, and a measure over time.
//!
//! Guarantee: the clock is read only where no end is given; the same period gives the same card.

use super::Context;
use super::compare::{command_line, made, question, write};
use crate::args::{DriftArgs, ReportFormat, ReviewArgs};
use crate::failure::{Failure, Result};
use crate::opened;
use query::compare::{Period, Reviewed};

/// Runs `hansard review`.
///
/// # Errors
/// When the agent has no runs in the period.
pub async fn run(context: Context<'_>, args: &ReviewArgs) -> Result<()> {
    let until_us = match &args.until {
        Some(text) => time(text)?,
        None => context.env.clock.now_us(),
    };
    let period = Period { agent: args.agent.clone(), from_us: until_us - length(&args.period)?, until_us };
    let engine = opened::engine(context.settings, context.env).await?;
    let mut reviewed = engine.review(&period, &question(&args.common)?).await?;
    made(&mut reviewed.report, &command_line());
    let report = reviewed.report.clone();
    let for_people = args.common.out.is_none()
        && matches!(args.common.format, None | Some(ReportFormat::Table))
        && !context.console.is_json();
    if for_people {
        context.console.line(card(&reviewed))?;
    }
    write(context, &args.common, &reviewed, &report)
}

/// Runs `hansard drift`.
///
/// # Errors
/// When there is no such measure, or no run is selected.
pub async fn drift(context: Context<'_>, args: &DriftArgs) -> Result<()> {
    let engine = opened::engine(context.settings, context.env).await?;
    let mut report = engine.drift(&args.selection, &args.measure, &question(&args.common)?).await?;
    made(&mut report, &command_line());
    write(context, &args.common, &report, &report)
}

/// What was done in the period, and what happened.
fn card(reviewed: &Reviewed) -> String {
    let mut lines = vec!["in the period:".to_owned()];
    for value in &reviewed.values {
        let (mean, sum) = (value.mean, value.sum);
        lines.push(format!("  {:24} {:>10} runs  mean {mean:>14.4}  sum {sum:>16.2}", value.measure, value.runs));
    }
    for happened in &reviewed.happened {
        let text = |t: &Option<String>| query::output::printable(t.as_deref().unwrap_or("-"));
        lines.push(format!(
            "  {}  {}  run {}  event {}",
            text(&happened.time),
            query::output::printable(&happened.what),
            text(&happened.run),
            query::output::printable(&happened.event)
        ));
    }
    lines.join("\n")
}

/// A period such as 30d, in microseconds.
fn length(text: &str) -> Result<i64> {
    let units = [('d', 86_400), ('w', 604_800), ('h', 3_600), ('m', 60)];
    let parsed = units.iter().find_map(|(unit, seconds)| {
        let n = text.strip_suffix(*unit)?.parse::<i64>().ok().filter(|n| (1..=100_000).contains(n))?;
        n.checked_mul(seconds * 1_000_000)
    });
    parsed.ok_or_else(|| {
        Failure::new(format!("--period: expected a number with d, w, h or m such as 30d, found {text:?}"))
    })
}

/// A day or a time, in microseconds since 1970.
fn time(text: &str) -> Result<i64> {
    let day = || text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|z| z.timestamp());
    let time = text.parse::<jiff::Timestamp>().ok().or_else(day);
    let wrong = || Failure::new(format!("--until: expected a day or a time in RFC 3339, found {text:?}"));
    Ok(time.ok_or_else(wrong)?.as_microsecond())
}
