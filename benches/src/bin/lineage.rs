//! `lineage`: the benchmarks of lineage, search and freshness at scale. `benches/README.md` explains each figure.

use benches::asks;
use benches::child::Manner;
use benches::corpus::CorpusPlan;
use benches::error::{Doing, Result};
use benches::lineage::suite::{self, Printed, Suite};
use benches::lineage::target::Kind;
use benches::lineage::{ask, fill, fresh, peers};
use clap::{Args, Parser, Subcommand};
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Measures questions about lineage on a corpus with planted answers.
#[derive(Debug, Parser)]
#[command(name = "lineage")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Fill a log with a corpus, and compact it in steps when asked to.
    Gen(Gen),
    /// Compact and merge a filled log.
    Compact(BedArgs),
    /// Build the indexes up to the newest version.
    Index(BedArgs),
    /// Ask every kind of question many times in one process.
    Ask(AskArgs),
    /// Ask one question in this process, which has asked nothing yet.
    One(OneArgs),
    /// Ask DuckDB and ClickHouse the same.
    Peers(PeersArgs),
    /// Measure freshness in a bed of its own.
    Fresh(FreshArgs),
    /// Everything, as a table and as JSON.
    All(AllArgs),
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
    bed: BedArgs,
    /// Everything is drawn from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Events.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Events of a batch.
    #[arg(long, default_value_t = 256)]
    batch: usize,
    /// Short headers and contents, so that more events fit the disk.
    #[arg(long)]
    lean: bool,
    /// Compact after so many events each, so that log and table never hold all of them both.
    #[arg(long)]
    step: Option<u64>,
}

#[derive(Debug, Args)]
struct AskArgs {
    #[command(flatten)]
    bed: BedArgs,
    /// Kinds of questions; all of them when none is given.
    #[arg(long)]
    kind: Vec<Kind>,
    /// Questions of a kind at most.
    #[arg(long, default_value_t = 500)]
    count: usize,
    /// Seconds for a kind.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

#[derive(Debug, Args)]
struct OneArgs {
    #[command(flatten)]
    bed: BedArgs,
    /// Kind of the question.
    #[arg(long)]
    kind: Kind,
    /// Which of its targets.
    #[arg(long, default_value_t = 0)]
    number: usize,
}

#[derive(Debug, Args)]
struct PeersArgs {
    #[command(flatten)]
    bed: BedArgs,
    /// Python that has the packages of benches/peers/requirements.txt; an environment is made without.
    #[arg(long)]
    python: Option<PathBuf>,
    /// Seconds for a kind.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

#[derive(Debug, Args)]
struct FreshArgs {
    #[command(flatten)]
    bed: BedArgs,
    /// Everything is drawn from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Events offered per second.
    #[arg(long, default_value_t = 5_000)]
    rate: u64,
    /// Seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

#[derive(Debug, Args)]
struct AllArgs {
    /// Sizes in events, the smallest first.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000_000, 10_000_000])]
    events: Vec<u64>,
    /// Everything is drawn from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Short headers and contents, so that more events fit the disk.
    #[arg(long)]
    lean: bool,
    /// Compact after so many events each while filling.
    #[arg(long, default_value_t = 2_000_000)]
    step: u64,
    /// Warm questions of a kind at most.
    #[arg(long, default_value_t = 500)]
    count: usize,
    /// Seconds for the warm questions of a kind, and for those of a peer.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Cold questions of a kind.
    #[arg(long, default_value_t = 5)]
    cold: usize,
    /// Seconds of the measurement of freshness; 0 leaves it out.
    #[arg(long, default_value_t = 60)]
    fresh_seconds: u64,
    /// Also DuckDB and ClickHouse (needs Python).
    #[arg(long)]
    peers: bool,
    /// Python that has the packages of benches/peers/requirements.txt; an environment is made without.
    #[arg(long)]
    python: Option<PathBuf>,
    /// Cores that a measured process may use.
    #[arg(long, default_value_t = 2)]
    cores: usize,
    /// Folder to work in, on the disk that is measured.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Keep the beds.
    #[arg(long)]
    keep: bool,
    /// Write the results into benches/results/<date>-<cpu>-lineage.
    #[arg(long)]
    save: bool,
    /// Print JSON instead of the table.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match wait(run(Cli::parse().verb)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            let _ = writeln!(std::io::stderr(), "lineage: {e}");
            ExitCode::FAILURE
        }
    }
}

async fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Gen(args) => {
            let plan = CorpusPlan { seed: args.seed, events: args.events, batch: args.batch, lean: args.lean };
            print(fill::fill(&args.bed.dir, plan, args.step).await?)
        }
        Verb::Compact(args) => print(fill::compact(&args.dir).await?),
        Verb::Index(args) => print(asks::index(&args.dir).await?),
        Verb::Ask(args) => {
            let kinds = if args.kind.is_empty() { Kind::ALL.to_vec() } else { args.kind };
            print(ask::warm(&args.bed.dir, &kinds, args.count, Duration::from_secs(args.seconds)).await?)
        }
        Verb::One(args) => print(ask::once(&args.bed.dir, args.kind, args.number).await?),
        Verb::Peers(args) => {
            let dir = &args.bed.dir;
            print(peers::run(dir, dir, args.python.as_deref(), args.seconds).await?)
        }
        Verb::Fresh(args) => {
            let time = Duration::from_secs(args.seconds);
            print(fresh::run(&args.bed.dir, args.seed, args.rate, time).await?)
        }
        Verb::All(args) => all(args).await,
    }
}

async fn all(args: AllArgs) -> Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false).compact().init();
    let suite = Suite {
        dir: work_dir(args.dir)?,
        seed: args.seed,
        sizes: args.events,
        lean: args.lean,
        step: args.step,
        count: args.count,
        seconds: args.seconds,
        cold: args.cold,
        fresh_seconds: args.fresh_seconds,
        peers: args.peers,
        python: args.python,
        manner: Manner { cores: Some(args.cores), profile: false },
        keep: args.keep,
    };
    let report = suite::run(&suite, command_line()).await?;
    if args.json {
        print(&report)?;
    } else {
        show(&report.text())?;
    }
    if args.save {
        let folder = report.save(&Path::new(env!("CARGO_MANIFEST_DIR")).join("results"))?;
        show(&format!("written: benches/results/{}\n", folder.file_name().unwrap_or_default().to_string_lossy()))?;
    }
    Ok(())
}

/// The command as it was given, without its folders, which are the machine's own business.
fn command_line() -> String {
    let mut words = vec!["lineage".to_owned()];
    let mut given = std::env::args().skip(1);
    while let Some(word) = given.next() {
        if ["--dir", "--python"].contains(&word.as_str()) {
            given.next();
        } else if !word.starts_with("--dir=") && !word.starts_with("--python=") {
            words.push(word);
        }
    }
    words.join(" ")
}

/// The folder that was given, or `lineage` in cargo's target folder; it is made.
fn work_dir(given: Option<PathBuf>) -> Result<PathBuf> {
    let here = std::env::current_exe().doing("finding the folder to work in")?;
    let dir = given.unwrap_or_else(|| here.ancestors().nth(2).unwrap_or(Path::new(".")).join("lineage-bench"));
    std::fs::create_dir_all(&dir).doing("making the folder to work in")?;
    Ok(dir)
}

fn wait<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().doing("starting the runtime")?;
    runtime.block_on(work)
}

/// Prints one object on one line, whatever was found.
fn print(value: impl Serialize) -> Result<()> {
    let printed = Printed { value };
    show(&format!("{}\n", serde_json::to_string(&printed).doing("printing")?))
}

/// Writes to standard output; a closed pipe is not an error.
fn show(text: &str) -> Result<()> {
    let mut out = std::io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(e).doing("printing"),
        _ => Ok(()),
    }
}
