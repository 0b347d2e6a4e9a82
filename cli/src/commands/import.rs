//! `hansard import`: transcripts from files into the record, with progress and totals.
//!
//! Guarantee: every native record ends as an event, a duplicate or a reject; none is dropped in silence. An import that
//! was stopped or killed is run again and sends only the rest. Damaged records do not stop it and leave the exit code
//! at 0, because they are in the record; with `--strict` they make it 1.

mod figures;

use super::Context;
use super::indexing;
use super::init::{IMPORT_KEY, Record, open_or_make, own_key};
use super::settle::{self, Own, Settled};
use crate::args::ImportArgs;
use crate::failure::{Failure, Result};
use figures::{Bars, Figures, Report};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};
use ingest::import::{self, Control, Format, source};
use ingest::import_run::{ImportRun, Summary};
use ingest::producer::{Config, Producer};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use store::compactor::Status;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long a producer that is closed may still send.
const FLUSH_MAX: Duration = Duration::from_secs(30);

/// Events from which on an import ends with an index of them.
const INDEX_EVENTS_MIN: u64 = 5_000;

/// Looks after which a watched folder is read again although its size is the same.
const SAME_SIZE_LOOKS: u32 = 12;

/// Runs the command.
///
/// # Errors
/// When a path cannot be opened or log or store fail; with `--strict` also when a record was damaged.
pub async fn run(context: Context<'_>, args: &ImportArgs) -> Result<()> {
    match args.watch {
        None => once(context, args).await,
        Some(seconds) => follow(context, args, Duration::from_secs(seconds)).await,
    }
}

/// Imports whenever the files have changed, until Ctrl-C. What was imported is known by its id, so reading again is safe.
async fn follow(context: Context<'_>, args: &ImportArgs, every: Duration) -> Result<()> {
    let (mut seen, mut same) = (None, 0);
    loop {
        let bytes = source::total_bytes(&args.paths)?;
        same = if seen == Some(bytes) { same + 1 } else { 0 };
        if same == 0 || same >= SAME_SIZE_LOOKS {
            (seen, same) = (Some(bytes), 0);
            once(context, args).await?;
        }
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(()),
            () = tokio::time::sleep(every) => {}
        }
    }
}

async fn once(context: Context<'_>, args: &ImportArgs) -> Result<()> {
    let format = format(args)?;
    let bytes = source::total_bytes(&args.paths)?;
    let started = Instant::now();
    let record = open_or_make(context).await?;
    let draw = MultiProgress::with_draw_target(match context.console.draws_progress() {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    });
    let bars = Arc::new(Bars::new(&draw, bytes));
    let figures = Arc::new(Figures::default());
    let background = match args.no_compact {
        true => None,
        false => Background::start(context, &record).await?,
    };
    let status = background.as_ref().map(|b| Arc::clone(&b.status));
    let summary = read(context, &record, format, args.paths.clone(), &bars, &figures).await;
    bars.reading_done();
    let stopped = summary.as_ref().is_ok_and(|s| s.stopped);
    let settled = finish(context, &record, args, background, bars.committing(), stopped || summary.is_err()).await;
    draw.clear().ok();
    let report =
        Report::new(format.name, &summary?, (&*figures, &*bars), settled?, status.as_deref(), started.elapsed());
    context.console.answer(&report, || report.text(context.console))?;
    verdict(args, &report)
}

fn format(args: &ImportArgs) -> Result<&'static Format> {
    import::format(&args.format).ok_or_else(|| {
        let names: Vec<&str> = import::formats().iter().map(|f| f.name).collect();
        let mut failure =
            Failure::new(format!("format {:?} is not known; there are: {}", args.format, names.join(", ")));
        let mut paths = vec![PathBuf::from(&args.format)];
        paths.extend(args.paths.iter().cloned());
        paths.retain(|path| path.exists());
        if let Some(guess) = import::looks_like(&paths) {
            failure = failure.hint(format!("this looks like {}: hansard import {} PATH…", guess.name, guess.name));
        }
        failure
    })
}

/// A compactor that works while the import reads.
struct Background {
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<Own>>,
    status: Arc<Status>,
}

impl Background {
    /// `None` when another process of this home compacts.
    async fn start(context: Context<'_>, record: &Record) -> Result<Option<Self>> {
        let Some(own) = settle::own_compactor(context, record, settle::import_options()).await? else {
            return Ok(None);
        };
        let (stop, stopped) = watch::channel(false);
        let status = own.status();
        Ok(Some(Self { stop, status, task: tokio::spawn(own.run(stopped)) }))
    }

    async fn stop(self) -> Result<Own> {
        // The compactor may have ended by itself, with an error that the task gives.
        let _ = self.stop.send(true);
        self.task.await?
    }
}

async fn read(
    context: Context<'_>,
    record: &Record,
    format: &'static Format,
    paths: Vec<PathBuf>,
    bars: &Arc<Bars>,
    figures: &Arc<Figures>,
) -> Result<Summary> {
    let config = Config::new(context.settings.home.state(IMPORT_KEY), record.identity.tenant.clone());
    let key = own_key(context, IMPORT_KEY)?;
    let producer = Producer::open(config, key, Arc::clone(&record.log), context.env.clone()).await?;
    let run = ImportRun::new(producer.clone(), Arc::clone(bars) as _);
    let listening = stop_on_interrupt(&run, context);
    let control = Arc::new(Control::default());
    let (counting, reading) = (Arc::clone(figures), Arc::clone(&control));
    let read = move |sink: &mut import::Sink<'_>| {
        let mut counted = |imported: import::Imported| {
            counting.count(&imported);
            sink(imported)
        };
        import::run(format, &paths, &reading, &mut counted)
    };
    let summary = run.drafts(format.name, control, read).await;
    listening.abort();
    producer.close(FLUSH_MAX).await;
    Ok(summary?)
}

fn stop_on_interrupt(run: &ImportRun, context: Context<'_>) -> JoinHandle<()> {
    let (stop, console) = (Arc::clone(&run.stop), context.console.clone());
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            console.note("stopping after what is in hand; run the same command again to go on");
            stop.store(true, Ordering::SeqCst);
        }
    })
}

/// Brings what was sent into the table, unless told not to or there is no time for it.
async fn finish(
    context: Context<'_>,
    record: &Record,
    args: &ImportArgs,
    background: Option<Background>,
    bar: ProgressBar,
    in_a_hurry: bool,
) -> Result<Option<Settled>> {
    let own = match background {
        Some(background) => Some(background.stop().await?),
        None => None,
    };
    if args.no_compact || in_a_hurry {
        return Ok(None);
    }
    let settled = settle::settle_with(context, record, own, Some(&bar)).await?;
    // Questions index a few events themselves; after many it is done once, here.
    if let Err(error) = indexing::catch_up(&record.storage, context.env, INDEX_EVENTS_MIN, |_| true).await {
        tracing::warn!("the import is complete, its index is not: {error}; try `hansard maintain`");
    }
    Ok(Some(settled))
}

fn verdict(args: &ImportArgs, report: &Report) -> Result<()> {
    if report.stopped {
        return Err(Failure::new("the import was stopped before its end")
            .hint("run the same command again: it sends only the rest")
            .told());
    }
    // A folder that is watched may fill up later.
    if report.read_nothing() && args.watch.is_none() {
        let names = args.paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ");
        let failure = Failure::no(format!("no files of format {} were found in {names}", args.format));
        return Err(match import::looks_like(&args.paths) {
            Some(guess) if guess.name != args.format => {
                failure.hint(format!("this looks like {}: hansard import {} PATH…", guess.name, guess.name)).told()
            }
            _ => failure.told(),
        });
    }
    let damaged = report.rejects + report.refused;
    if args.strict && damaged > 0 {
        return Err(Failure::no(format!("{damaged} records were damaged or refused"))
            .hint("hansard sql \"SELECT origin, reason, detail FROM rejects\" shows them")
            .told());
    }
    Ok(())
}
