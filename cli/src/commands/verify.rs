//! `hansard verify`: is the whole record as it was signed and committed?
//!
//! Guarantee: exit code 0 only when everything was looked at and every check passed. Each problem is listed with its
//! place; a list that is too long for the terminal says how many more there are, and `--json` has them. The record is
//! held to the pins of this machine first; without pins it can only be compared with itself, which is then said.

use super::Context;
use crate::args::VerifyArgs;
use crate::console::{Style, counted, thousands};
use crate::failure::{Failure, Result};
use crate::opened;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use std::time::{Duration, Instant};
use store::verify::{Problem, Report, Step, verify};

/// How long the log may take to answer.
const LOG_WAIT_MAX: Duration = Duration::from_secs(10);

/// Runs the command.
///
/// # Errors
/// Exit code 1 when there are problems or something could not be looked at, 2 when there is no record to verify.
pub async fn run(context: Context<'_>, args: &VerifyArgs) -> Result<()> {
    let snapshot = opened::snapshot(context.settings).await?;
    let pinned = context.settings.pins().registry_key.is_some();
    let log = match tokio::time::timeout(LOG_WAIT_MAX, opened::log(context.settings, context.env)).await {
        Ok(Ok(log)) => Some(log),
        Ok(Err(failure)) => {
            context.console.warn(format!("the log is not compared with the table: {}", failure.message));
            None
        }
        Err(_) => {
            context.console.warn(format!("the log is not compared with the table: no answer within {LOG_WAIT_MAX:?}"));
            None
        }
    };
    let (bar, started) = (bar(context), Instant::now());
    let drawing = bar.clone();
    let report = verify(&snapshot.storage, log.as_deref(), &move |step: Step| draw(&drawing, step)).await;
    bar.finish_and_clear();
    let (report, took) = (report?, started.elapsed());
    let document = json!({
        "ok": report.is_ok(),
        "pinned": pinned,
        "log_compared": log.is_some(),
        "seconds": took.as_secs_f64(),
        "report": report,
    });
    context.console.answer(&document, || text(context, args, &report, pinned, took))?;
    if report.is_ok() {
        return Ok(());
    }
    let problems = report.problems.len() as u64 + report.problems_left_out;
    let message = match problems {
        0 => "not everything could be looked at".to_owned(),
        n => format!("the record is not what it should be: {}", counted(n, "problem", "problems")),
    };
    Err(Failure::no(message).hint("keep the store as it is, and compare it with a copy or with the log").told())
}

fn bar(context: Context<'_>) -> ProgressBar {
    let bar = ProgressBar::new(0);
    bar.set_draw_target(if context.console.draws_progress() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    });
    if let Ok(style) = ProgressStyle::with_template("{msg:9} {bar:30} {pos}/{len} {elapsed}") {
        bar.set_style(style);
    }
    bar
}

fn draw(bar: &ProgressBar, step: Step) {
    bar.set_message(step.phase);
    bar.set_length(step.total);
    bar.set_position(step.done);
}

fn text(context: Context<'_>, args: &VerifyArgs, report: &Report, pinned: bool, took: Duration) -> String {
    let console = context.console;
    let verdict = match (report.is_ok(), report.problems.is_empty()) {
        (true, _) => console.styled(Style::Green, "everything holds"),
        (false, true) => console.styled(Style::Yellow, "nothing is wrong in what could be looked at"),
        (false, false) => console.styled(Style::Red, "NOT as it should be"),
    };
    let seconds = took.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = if seconds > 0.0 { report.events as f64 / seconds } else { 0.0 };
    let mut lines = vec![
        format!(
            "{verdict}: table version {}, tree size {}, in {seconds:.1} s ({rate:.0} events/s)",
            report.version,
            thousands(report.tree_size)
        ),
        format!(
            "checked: {} events in {} rows, {} streams, {} signatures, {} contents, {} files ({} bytes), {} log records",
            thousands(report.events),
            thousands(report.rows),
            thousands(report.streams),
            thousands(report.signatures),
            thousands(report.contents),
            thousands(report.files),
            thousands(report.bytes),
            thousands(report.log_records)
        ),
    ];
    if report.contents_absent > 0 {
        lines.push(format!("{} are erased or were never sent", counted(report.contents_absent, "content", "contents")));
    }
    if !pinned {
        lines.push("nothing is pinned on this machine: that it is the record you mean, its own word says; put the keys that you trust under [pins] in hansard.toml".to_owned());
    }
    list(
        &mut lines,
        &console.styled(Style::Red, "problem:"),
        &report.problems,
        report.problems_left_out,
        args.problems,
    );
    list(
        &mut lines,
        &console.styled(Style::Yellow, "warning:"),
        &report.warnings,
        report.warnings_left_out,
        args.problems,
    );
    lines.extend(
        report.unseen.iter().map(|unseen| format!("{} {unseen}", console.styled(Style::Yellow, "not looked at:"))),
    );
    lines.join("\n")
}

fn list(lines: &mut Vec<String>, label: &str, problems: &[Problem], left_out: u64, most: usize) {
    lines.extend(problems.iter().take(most).map(|problem| format!("{label} {problem}")));
    let more = problems.len().saturating_sub(most) as u64 + left_out;
    if more > 0 {
        lines.push(format!("{label} {} more; --problems N or --json lists them", thousands(more)));
    }
}
