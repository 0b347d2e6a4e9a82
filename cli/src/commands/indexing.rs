//! Keeping the indexes beside the table up with it.
//!
//! Guarantee: only derived objects are written; a failure is reported and costs speed, never an answer. Questions index
//! what is missing in memory, so that there is no hurry: a run begins when enough events wait.

use ingest::env::Env;
use std::time::Duration;
use store::error::Result;
use store::index::Indexer;
use store::location::Storage;
use store::snapshot::Snapshot;
use tokio::sync::watch;

/// Events that wait before a running server indexes them.
const EVENTS_MIN: u64 = 20_000;
/// Looks after which left-over objects are swept.
const SWEEP_LOOKS: u32 = 720;
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
    let mut looks = 0u32;
    while !*stop.borrow() {
        looks = looks.wrapping_add(1);
        if looks % SWEEP_LOOKS == 1
            && let Ok(snapshot) = Snapshot::load(&storage, None).await
            && let Err(error) = Indexer::new(storage.clone(), env.clone()).sweep(&snapshot).await
        {
            tracing::warn!("old index objects were not swept: {error}");
        }
        let running = stop.clone();
        if let Err(error) = catch_up(&storage, &env, EVENTS_MIN, |_| !*running.borrow()).await {
            tracing::warn!("the index was not brought up to date: {error}");
        }
        tokio::select! { () = tokio::time::sleep(LOOK_EVERY) => {}, _ = stop.changed() => {} }
    }
}
