//! `hansard replay batch`: an agent's command against each of many recorded runs, and how many ended otherwise.
//!
//! Guarantee: what is done is noted, durably, before the next run starts; a batch that was killed goes on with the rest when
//! it is started again under its name. At most `--jobs` runs at a time. A run that cannot be served is counted as broken
//! with its reason, and does not stop the others.

use super::super::Context;
use super::super::sessions::json_rows;
use super::super::state::point::Past;
use super::recorder::Recorder;
use super::run::{one, word};
use super::world::World;
use crate::args::{AtArgs, ReplayBatchArgs, ReplayPlanArgs, ReplayRunArgs, RunOf};
use crate::console::counted;
use crate::failure::{Doing, Failure, Result};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Runs of one batch.
const RUNS_MAX: usize = 100_000;

/// What is noted of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Noted {
    run: String,
    outcome: String,
    detail: Value,
}

/// Runs the command.
pub(super) async fn run(context: Context<'_>, args: &ReplayBatchArgs) -> Result<()> {
    let recorder = Recorder::open(context, true).await?;
    let past = Past::open(context).await?;
    let wanted = select(&past, &args.filter).await?;
    let path = notes(context, &args.name)?;
    let mut done = read(&path)?;
    let left: Vec<&String> = wanted.iter().filter(|run| !done.contains_key(*run)).collect();
    let known = wanted.len() - left.len();
    context.console.note(format!(
        "{}: {} to do, {known} done before",
        args.name,
        counted(left.len() as u64, "run", "runs")
    ));
    let mut file =
        OpenOptions::new().create(true).append(true).open(&path).doing(format!("opening {}", path.display()))?;
    let (past, recorder) = (&past, &recorder);
    let jobs = left.into_iter().map(|run| async move { replayed(context, past, recorder, args, run).await });
    let mut running = futures::stream::iter(jobs).buffer_unordered(usize::from(args.jobs));
    while let Some(noted) = running.next().await {
        note(&mut file, &noted).doing(format!("writing {}", path.display()))?;
        done.insert(noted.run.clone(), noted);
        context.console.note(format!("{} of {}", done.len(), wanted.len()));
    }
    recorder.finish(context).await?;
    report(context, args, &wanted, &done, known)
}

async fn select(past: &Past<'_>, filter: &str) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT session FROM sessions WHERE session IS NOT NULL AND ({filter}) ORDER BY session LIMIT {}",
        RUNS_MAX + 1
    );
    let rows = json_rows(&past.engine, &sql).await?;
    if rows.len() > RUNS_MAX {
        return Err(Failure::new(format!("more than {RUNS_MAX} runs; choose fewer with --where")));
    }
    Ok(rows.iter().filter_map(|row| row["session"].as_str().map(str::to_owned)).collect())
}

/// One run; what goes wrong with it is what is noted.
async fn replayed(
    context: Context<'_>,
    past: &Past<'_>,
    recorder: &Recorder,
    args: &ReplayBatchArgs,
    run: &str,
) -> Noted {
    let args = of_run(args, run);
    let ended = async {
        let world = World::of(past, run, &args.plan).await?;
        one(context, &world, recorder, &args, true).await
    };
    match ended.await {
        Ok(done) => Noted { run: run.to_owned(), outcome: word(&done.outcome).to_owned(), detail: done.document },
        Err(failure) => Noted { run: run.to_owned(), outcome: "broken".to_owned(), detail: failure.message.into() },
    }
}

fn of_run(args: &ReplayBatchArgs, run: &str) -> ReplayRunArgs {
    let plan = ReplayPlanArgs {
        of: RunOf { run: run.to_owned(), at: AtArgs::default() },
        miss: args.miss.clone(),
        live: args.live.clone(),
        live_key: args.live_key.clone(),
        fork_at: args.fork_at,
        without: None,
        set: None,
        accept_settings: args.accept_settings,
        accept_nearest: false,
    };
    ReplayRunArgs { plan, n: 0, seconds: args.seconds, command: args.command.clone() }
}

/// The file of a batch.
fn notes(context: Context<'_>, name: &str) -> Result<PathBuf> {
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !plain {
        return Err(Failure::new(format!("--name {name:?} is no name")).hint("use letters, digits, - and _"));
    }
    let folder = context.settings.home.dir().join("replays");
    std::fs::create_dir_all(&folder).doing(format!("making {}", folder.display()))?;
    Ok(folder.join(format!("{name}.ndjson")))
}

/// What is noted; a last line that was torn by a crash is as good as not there, and is cut off.
fn read(path: &Path) -> Result<BTreeMap<String, Noted>> {
    if !path.exists() {
        return Ok(BTreeMap::new());
    }
    let bytes = std::fs::read(path).doing(format!("reading {}", path.display()))?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if whole < bytes.len() {
        let file = OpenOptions::new().write(true).open(path).doing(format!("opening {}", path.display()))?;
        file.set_len(whole as u64).doing(format!("cutting {}", path.display()))?;
    }
    let lines = bytes[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let parse = |line| serde_json::from_slice::<Noted>(line).doing(format!("reading {}", path.display()));
    lines.map(|line| parse(line).map(|noted| (noted.run.clone(), noted))).collect()
}

fn note(file: &mut File, noted: &Noted) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(noted)?;
    line.push(b'\n');
    file.write_all(&line)?;
    file.sync_data()
}

fn report(
    context: Context<'_>,
    args: &ReplayBatchArgs,
    wanted: &[String],
    done: &BTreeMap<String, Noted>,
    known: usize,
) -> Result<()> {
    let noted: Vec<&Noted> = wanted.iter().filter_map(|run| done.get(run)).collect();
    let mut by: BTreeMap<&str, u64> = BTreeMap::new();
    noted.iter().for_each(|noted| *by.entry(noted.outcome.as_str()).or_default() += 1);
    let other: Vec<&&Noted> = noted.iter().filter(|noted| !noted.outcome.starts_with("same")).collect();
    let document =
        json!({ "name": args.name, "runs": noted.len(), "done_before": known, "outcomes": by, "others": other });
    context.console.answer(&document, || {
        let counts: Vec<String> = by.iter().map(|(word, n)| format!("{n} {word}")).collect();
        let lines: String =
            other.iter().map(|n| format!("\n  {} {} {}", n.run, n.outcome, n.detail["detail"])).collect();
        format!(
            "{}: {} ({known} of them before): {}{lines}",
            args.name,
            counted(noted.len() as u64, "run", "runs"),
            counts.join(", ")
        )
    })
}
