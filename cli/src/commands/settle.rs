//! Brings what is in the log into the table: in this process, or by waiting for the one that compacts.
//!
//! Guarantee: on success everything that was in the log at the time of the call is committed. With an embedded log one
//! process compacts a home at a time; a second one waits for it. With Kafka the consumer group divides the work, and
//! what other members own is waited for.

use super::Context;
use super::init::{Record, log_key};
use crate::console::counted;
use crate::failure::{Failure, Result};
use crate::opened;
use crate::settings::LogPlace;
use indicatif::ProgressBar;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use store::clean::{Cleaned, Retention};
use store::compactor::{Compactor, Options, Status, Totals};
use store::snapshot::Snapshot;
use tokio::sync::watch;

/// Between two looks at the table while another process compacts.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Without any progress for so long, waiting ends with an error.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two updates of a progress bar.
const DRAW_EVERY: Duration = Duration::from_millis(100);
/// How long rows wait for more during an import: few large segments are better than many small ones.
const IMPORT_LINGER: Duration = Duration::from_secs(5);

/// What settling did.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settled {
    /// What this process committed; `None` when another one did.
    pub totals: Option<Totals>,
}

/// A compactor of this process and the lock that makes it the only one.
#[derive(Debug)]
pub struct Own {
    compactor: Compactor,
    status: Arc<Status>,
    _lock: Option<crate::home::CompactorLock>,
}

/// Opens the compactor, or gives `None` when another process of this home compacts.
///
/// # Errors
/// When table or log cannot be used, or the log key is missing.
pub async fn own_compactor(context: Context<'_>, record: &Record, options: Options) -> Result<Option<Own>> {
    let embedded = matches!(context.settings.log, LogPlace::Embedded(_));
    let lock = match embedded {
        true => match context.settings.home.lock_compactor()? {
            Some(lock) => Some(lock),
            None => return Ok(None),
        },
        false => None,
    };
    let key = log_key(context)?;
    let policy = context.settings.policy()?.map(Arc::new);
    let options = Options { policy, ..options };
    let compactor =
        Compactor::open(record.storage.clone(), Arc::clone(&record.log), key, context.env.clone(), options).await?;
    let status = compactor.status();
    Ok(Some(Own { compactor, status, _lock: lock }))
}

impl Own {
    /// The counters.
    #[must_use]
    pub fn status(&self) -> Arc<Status> {
        Arc::clone(&self.status)
    }

    /// Compacts until `stop` says true.
    ///
    /// # Errors
    /// As [`Compactor::run`].
    pub async fn run(mut self, stop: watch::Receiver<bool>) -> Result<Self> {
        self.compactor.run(stop).await?;
        Ok(self)
    }

    /// Commits what the log holds, merges until nothing is left to merge, checkpoints and cleans up.
    ///
    /// # Errors
    /// When table or log fail; what was done stays.
    pub async fn maintain(&mut self, retention: Retention) -> Result<(usize, Cleaned)> {
        let _ = self.compactor.catch_up().await?;
        let merges = self.compactor.merge_all().await?;
        self.compactor.checkpoint().await?;
        Ok((merges, self.compactor.clean(retention).await?))
    }

    /// Commits everything that is in the log at the time of the call.
    ///
    /// # Errors
    /// As [`Compactor::catch_up`].
    pub async fn catch_up(&mut self) -> Result<Totals> {
        Ok(self.compactor.catch_up().await?)
    }
}

/// Options for the time of an import.
#[must_use]
pub fn import_options() -> Options {
    Options { linger: IMPORT_LINGER, ..Options::default() }
}

/// See the module. `bar` shows log records that are judged.
///
/// # Errors
/// When nobody compacts, or compacting fails.
pub async fn settle(context: Context<'_>, record: &Record, bar: Option<&ProgressBar>) -> Result<Settled> {
    let own = own_compactor(context, record, Options::default()).await?;
    settle_with(context, record, own, bar).await
}

/// [`settle`] with a compactor that is open already.
///
/// # Errors
/// As [`settle`].
pub async fn settle_with(
    context: Context<'_>,
    record: &Record,
    own: Option<Own>,
    bar: Option<&ProgressBar>,
) -> Result<Settled> {
    let targets = opened::next_of(&*record.log).await?;
    let Some(mut own) = own else {
        wait_for_others(context, record, &targets, bar).await?;
        return Ok(Settled { totals: None });
    };
    let status = own.status();
    let drawing = bar.map(|bar| draw(bar.clone(), Arc::clone(&status)));
    let totals = own.compactor.catch_up().await;
    if let Some(drawing) = drawing {
        drawing.abort();
    }
    let totals = totals?;
    if !matches!(context.settings.log, LogPlace::Embedded(_)) {
        wait_for_others(context, record, &targets, bar).await?;
    }
    Ok(Settled { totals: Some(totals) })
}

fn draw(bar: ProgressBar, status: Arc<Status>) -> tokio::task::JoinHandle<()> {
    let before = status.records.load(Ordering::Relaxed);
    tokio::spawn(async move {
        loop {
            bar.set_position(status.records.load(Ordering::Relaxed) - before);
            tokio::time::sleep(DRAW_EVERY).await;
        }
    })
}

/// Waits until the table has reached `targets`.
async fn wait_for_others(
    context: Context<'_>,
    record: &Record,
    targets: &BTreeMap<u32, u64>,
    bar: Option<&ProgressBar>,
) -> Result<()> {
    let (mut least, mut progress, mut said) = (u64::MAX, Instant::now(), false);
    loop {
        let snapshot = Snapshot::load(&record.storage, None).await?;
        let behind = behind(&snapshot, targets);
        if behind == 0 {
            return Ok(());
        }
        if behind < least {
            (least, progress) = (behind, Instant::now());
        }
        if let Some(bar) = bar {
            bar.set_message(format!("{} left for the running compactor", counted(behind, "log record", "log records")));
        } else if !said && progress.elapsed() > Duration::from_secs(2) {
            context.console.note("waiting for the compactor of another process");
            said = true;
        }
        if progress.elapsed() > PATIENCE {
            let message = format!(
                "{} not committed, and nothing moved for {PATIENCE:?}",
                counted(behind, "log record is", "log records are")
            );
            return Err(Failure::new(message).hint(
                "they are durable in the log; look at the running compactor's log, or stop it and run this again",
            ));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Log records that the table does not have.
fn behind(snapshot: &Snapshot, targets: &BTreeMap<u32, u64>) -> u64 {
    let missing = |(p, next): (&u32, &u64)| next.saturating_sub(snapshot.heads.get(p).map_or(0, |head| head.offset));
    targets.iter().map(missing).sum()
}
