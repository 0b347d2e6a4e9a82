//! `hansard compare`: arms of runs, measured and compared.
//!
//! Guarantee: what the figures stand on goes with every form. A file appears under its name only when it is whole.

use super::Context;
use crate::args::{CompareArgs, CompareCommon, ReportFormat};
use crate::failure::{Doing, Failure, Result};
use crate::opened;
use query::compare::report::{Command, Report, html};
use query::compare::{Question, output};
use serde::Serialize;
use std::path::Path;

/// Runs the command.
///
/// # Errors
/// When the question cannot be answered, or the report not be written.
pub async fn run(context: Context<'_>, args: &CompareArgs) -> Result<()> {
    let question = Question {
        arms: args.arms.clone(),
        by: args.by.clone(),
        bh: args.bh,
        sequential: args.sequential,
        median: args.median,
        segments: args.segments.clone(),
        drift: args.drift.clone(),
        ..question(&args.common)?
    };
    let engine = opened::engine(context.settings, context.env).await?;
    let mut compared = engine.compare(&question).await?;
    made(&mut compared.report, &command_line());
    let report = compared.report.clone();
    write(context, &args.common, &compared, &report)
}

/// What all reports take, as a question without arms.
///
/// # Errors
/// When the price table cannot be read.
pub fn question(common: &CompareCommon) -> Result<Question> {
    let prices = match &common.prices {
        Some(path) => Some(std::fs::read_to_string(path).doing(format!("reading prices from {}", path.display()))?),
        None => None,
    };
    Ok(Question {
        filter: common.filter.clone(),
        measures: common.measures.clone(),
        only: common.only.clone(),
        success: common.success.clone(),
        level: common.level,
        seed: common.seed,
        detailed: common.detailed,
        prices,
        ..Question::default()
    })
}

/// The command line as it was typed, quoted for a shell.
#[must_use]
pub fn command_line() -> String {
    let quoted = |word: String| {
        let plain = |c: char| c.is_alphanumeric() || "-_=./:,".contains(c);
        if word.chars().all(plain) && !word.is_empty() { word } else { format!("'{}'", word.replace('\'', "'\\''")) }
    };
    let words: Vec<String> = std::env::args().skip(1).map(quoted).collect();
    format!("hansard {}", words.join(" "))
}

/// Says by what program and command a report was made.
pub fn made(report: &mut Report, line: &str) {
    report.provenance.generated_by = format!("Hansard {}", env!("CARGO_PKG_VERSION"));
    let again = Command { does: "Make this report again".to_owned(), line: line.to_owned() };
    report.provenance.commands.insert(0, again);
}

/// Writes a report in the form that is asked for; `document` is what JSON holds.
///
/// # Errors
/// When there is no such table, or the output cannot be written.
pub fn write(context: Context<'_>, common: &CompareCommon, document: &impl Serialize, report: &Report) -> Result<()> {
    let format = format(context, common);
    let first = || report.tables().into_iter().find(|t| t.name == "measures").or(report.tables().into_iter().next());
    let table = || match &common.table {
        Some(name) => output::table(report, name).map_err(Failure::from),
        None => first().ok_or_else(|| Failure::new("this report has no table")),
    };
    let bytes = match format {
        ReportFormat::Table => output::text(report).into_bytes(),
        ReportFormat::Json => {
            let mut bytes = serde_json::to_vec(document)?;
            bytes.push(b'\n');
            bytes
        }
        ReportFormat::Html => html(report).into_bytes(),
        ReportFormat::Csv => output::csv(&table()?)?,
        ReportFormat::Parquet => output::parquet(&table()?)?,
    };
    let Some(path) = &common.out else {
        if format == ReportFormat::Parquet && context.console.out_is_terminal() {
            return Err(Failure::new("Parquet is not for terminals").hint("name a file with --out, or pipe it on"));
        }
        return context.console.bytes(&bytes);
    };
    whole(path, &bytes)?;
    context.console.note(format!("{}: {}", path.display(), report.provenance.coverage));
    if context.console.is_json() {
        context.console.document(&serde_json::json!({ "out": path, "coverage": report.provenance.coverage }))?;
    }
    Ok(())
}

fn format(context: Context<'_>, common: &CompareCommon) -> ReportFormat {
    let by_name = |path: &Path| match path.extension().and_then(|e| e.to_str()) {
        Some("html" | "htm") => ReportFormat::Html,
        Some("json") => ReportFormat::Json,
        Some("csv") => ReportFormat::Csv,
        Some("parquet") => ReportFormat::Parquet,
        _ => ReportFormat::Table,
    };
    match (common.format, &common.out) {
        (Some(format), _) => format,
        (None, Some(path)) => by_name(path),
        (None, None) if context.console.is_json() => ReportFormat::Json,
        (None, None) => ReportFormat::Table,
    }
}

fn whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".part-{}", std::process::id()));
    let part = path.with_file_name(name);
    std::fs::write(&part, bytes).doing(format!("writing {}", part.display()))?;
    std::fs::rename(&part, path).doing(format!("naming {}", path.display()))
}
