//! Keeping the indexes beside the table up with it.
//!
//! Guarantee: only derived objects are written; a failure is reported and costs speed, never an answer. Questions index
//! what is missing in memory, so that there is no hurry: a run begins when enough events wait.

use ingest::env::Env;
use store::error::Result;
use std::time::Duration;
use store::index::Indexer;
use store::location::Storage;
use store::snapshot::Snapshot;
use tokio::sync::watch;

/// Events that wait before a running server indexes them.
const EVENTS_MIN: u64 = 20_000;
/// Pause between two looks at the table.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Indexes what `snapshot` holds and no index covers, when that is at least `events_min`; gives how many events that were.
/// `each` is told the events of each step.
///
/// # Errors
/// When table, index or storage fail.
pub async fn catch_up(
    storage: &Storage,
    env: &Env,
    events_min: u64,
    each: impl FnMut(u64) -> bool + Send,
) -> Result<u64> {
    let snapshot = Snapshot::load(storage, None).await?;
    let indexer = Indexer::new(storage.clone(), env.clone());
    if indexer.behind(&snapshot).await? < events_min.max(1) {
        return Ok(0);
    }
    indexer.catch_up(&snapshot, each).await
}

/// Follows the table until told to stop.
pub async fn follow(storage: Storage, env: Env, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let running = stop.clone();
        if let Err(error) = catch_up(&storage, &env, EVENTS_MIN, |_| !*running.borrow()).await {
            tracing::warn!("the index was not brought up to date: {error}");
        }
        tokio::select! { () = tokio::time::sleep(LOOK_EVERY) => {}, _ = stop.changed() => {} }
    }
}
