//! `spine`: the benchmarks of the main path. `benches/README.md` explains each figure.

use benches::all::{self, Suite};
use benches::bed::Bed;
use benches::child::Manner;
use benches::error::{Doing, Result};
use benches::generator::Plan;
use benches::limits::{self, Time};
use benches::report::limits_text;
use benches::{compaction, generator, size, stages, tessera, verification};
use clap::{Args, Parser, Subcommand};
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Measures the path from a filled log to a verified table.
#[derive(Debug, Parser)]
#[command(name = "spine")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Fill a log with generated events, for the verbs below.
    Gen(Gen),
    /// Print what a plan comes to and its digest, without writing anything.
    Digest(PlanArgs),
    /// Compact a filled log (once per bed).
    Compact(BedArgs),
    /// Compare the store's size with zstd -3 of NDJSON.
    Size(BedArgs),
    /// Merge small segments, then do as `size`.
    MergeSize(BedArgs),
    /// Verify the whole store.
    Verify(BedArgs),
    /// Measure what the machine can do at most.
    Limits(LimitsArgs),
    /// Measure Tessera, the peer.
    Tessera(LimitsArgs),
    /// Everything, as a table and as JSON.
    All(AllArgs),
}

#[derive(Debug, Args)]
struct PlanArgs {
    /// Everything is drawn from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Events.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Events of a batch.
    #[arg(long, default_value_t = 256)]
    batch: usize,
    /// Streams.
    #[arg(long, default_value_t = 64)]
    lanes: usize,
}

#[derive(Debug, Args)]
struct BedArgs {
    /// Folder of the bed.
    #[arg(long)]
    dir: PathBuf,
}

#[derive(Debug, Args)]
struct Gen {
    #[command(flatten)]
    plan: PlanArgs,
    #[command(flatten)]
    bed: BedArgs,
    /// kafka://HOST:PORT/TOPIC instead of an embedded log; the topic is made.
    #[arg(long)]
    log: Option<String>,
}

#[derive(Debug, Args)]
struct LimitsArgs {
    /// Folder on the disk that is measured.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Seconds for each limit.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
}

#[derive(Debug, Args)]
struct AllArgs {
    /// Events of the main figure; the memory bar is meant at 5,000,000.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Everything is drawn from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Streams.
    #[arg(long, default_value_t = 64)]
    lanes: usize,
    /// Also through a Kafka broker, which is started.
    #[arg(long)]
    kafka: bool,
    /// Also Tessera (needs Go).
    #[arg(long)]
    tessera: bool,
    /// Record profiles with perf.
    #[arg(long)]
    profile: bool,
    /// Cores that a measured process may use.
    #[arg(long, default_value_t = 2)]
    cores: usize,
    /// Seconds for each limit.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Folder to work in, on the disk that is measured.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Keep the beds.
    #[arg(long)]
    keep: bool,
    /// Write the results into benches/results/<date>-<cpu>.
    #[arg(long)]
    save: bool,
    /// Print JSON instead of the table.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match run(Cli::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            let _ = writeln!(std::io::stderr(), "spine: {e}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Gen(args) => {
            let bed = wait(Bed::fill(&args.bed.dir, args.plan.plan(), args.log))?;
            print(&bed.note)
        }
        Verb::Digest(args) => print(&generator::run(args.plan(), |_| Ok(()))?),
        Verb::Compact(args) => {
            stages::install();
            print(&wait(compaction::run(&args.dir))?)
        }
        Verb::Size(args) => print(&wait(size::run(&args.dir))?),
        Verb::MergeSize(args) => print(&wait(async {
            compaction::merge(&args.dir).await?;
            size::run(&args.dir).await
        })?),
        Verb::Verify(args) => {
            stages::install();
            print(&wait(verification::run(&args.dir))?)
        }
        Verb::Limits(args) => {
            let dir = work_dir(args.dir)?;
            let found = limits::measure(&dir, 1, Time(Duration::from_secs(args.seconds)))?;
            show(&limits_text(&found))?;
            print(&found)
        }
        Verb::Tessera(args) => tessera::run(&work_dir(args.dir)?, args.seconds)?.iter().try_for_each(print),
        Verb::All(args) => suite(args),
    }
}

fn suite(args: AllArgs) -> Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false).compact().init();
    let command = command_line();
    let suite = Suite {
        dir: work_dir(args.dir)?,
        seed: args.seed,
        events: args.events,
        lanes: args.lanes,
        kafka: args.kafka,
        tessera: args.tessera,
        time: Duration::from_secs(args.seconds),
        manner: Manner { cores: Some(args.cores), profile: args.profile },
        keep: args.keep,
    };
    let report = all::run(&suite, command)?;
    if args.json {
        print(&report)?
    } else {
        show(&report.text())?
    }
    if args.save {
        let folder = report.save(&Path::new(env!("CARGO_MANIFEST_DIR")).join("results"))?;
        show(&format!("written: benches/results/{}\n", folder.file_name().unwrap_or_default().to_string_lossy()))?;
    }
    Ok(())
}

impl PlanArgs {
    fn plan(&self) -> Plan {
        Plan { seed: self.seed, events: self.events, batch: self.batch, lanes: self.lanes }
    }
}

/// The command as it was given, without its folder, which is the machine's own business.
fn command_line() -> String {
    let mut words = vec!["spine".to_owned()];
    let mut given = std::env::args().skip(1);
    while let Some(word) = given.next() {
        if word == "--dir" {
            given.next();
        } else if !word.starts_with("--dir=") {
            words.push(word);
        }
    }
    words.join(" ")
}

/// The folder that was given, or `spine` in cargo's target folder; it is made.
fn work_dir(given: Option<PathBuf>) -> Result<PathBuf> {
    let here = std::env::current_exe().doing("finding the folder to work in")?;
    let dir = given.unwrap_or_else(|| here.ancestors().nth(2).unwrap_or(Path::new(".")).join("spine"));
    std::fs::create_dir_all(&dir).doing("making the folder to work in")?;
    Ok(dir)
}

fn wait<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().doing("starting the runtime")?;
    runtime.block_on(work)
}

fn print(value: &impl Serialize) -> Result<()> {
    show(&format!("{}\n", serde_json::to_string(value).doing("printing")?))
}

/// Writes to standard output; a closed pipe is not an error.
fn show(text: &str) -> Result<()> {
    let mut out = std::io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(e).doing("printing"),
        _ => Ok(()),
    }
}
