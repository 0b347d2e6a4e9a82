//! A server's view of a store: an engine that follows the table.
//!
//! Guarantee: [`QueryService::engine`] gives an engine over a version that was the newest at most `refresh` before, plus
//! the time that one look takes; while one question looks, the others go on with the version held. When storage fails
//! while a version is held, that one answers; its coverage names it. A question keeps the engine that it began with.
//! Looking for a newer version costs one request. Where a compactor runs in the same process, the engine also sees what
//! that has verified and not committed.

use crate::context::Engine;
use crate::error::{QueryError, Result};
use crate::runtime::Runtime;
use async_trait::async_trait;
use futures::StreamExt;
use object_store::ObjectStore;
use object_store::path::Path;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::location::Storage;
use store::snapshot::Snapshot;
use store::tail::Tail;
use tokio::sync::{Mutex, RwLock};

/// Tells how far the log is, so that answers can say what the table does not have yet.
#[async_trait]
pub trait LogTail: Send + Sync {
    /// The next offset of each partition; `None` when the log cannot be asked.
    async fn next_offsets(&self) -> Option<BTreeMap<u32, u64>>;
}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct QueryService {
    inner: Arc<Inner>,
}

struct Inner {
    storage: Storage,
    runtime: Runtime,
    refresh: Duration,
    tail: Option<Arc<dyn LogTail>>,
    rows: Option<Arc<Tail>>,
    current: RwLock<Option<Engine>>,
    /// When a newer version was last looked for; held while looking.
    looked: Mutex<Option<Instant>>,
}

impl std::fmt::Debug for QueryService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryService").field("url", &self.inner.storage.url.as_str()).finish_non_exhaustive()
    }
}

impl QueryService {
    /// A service over `storage`, which need not hold a table yet. `refresh` is the shortest time between two looks for
    /// a newer version.
    #[must_use]
    pub fn new(storage: Storage, runtime: Runtime, refresh: Duration, tail: Option<Arc<dyn LogTail>>) -> Self {
        Self::with_rows(storage, runtime, refresh, tail, None)
    }

    /// As [`QueryService::new`], with the rows that a compactor of this process shows before it commits them.
    #[must_use]
    pub fn with_rows(
        storage: Storage,
        runtime: Runtime,
        refresh: Duration,
        tail: Option<Arc<dyn LogTail>>,
        rows: Option<Arc<Tail>>,
    ) -> Self {
        let (current, looked) = (RwLock::new(None), Mutex::new(None));
        Self { inner: Arc::new(Inner { storage, runtime, refresh, tail, rows, current, looked }) }
    }

    /// The engine for a new question.
    ///
    /// # Errors
    /// `Store` when there is no table, or no version was ever read.
    pub async fn engine(&self) -> Result<Engine> {
        let mut engine = self.newest().await?;
        if let Some(rows) = &self.inner.rows {
            engine = engine.with_tail(rows);
        }
        let next = match &self.inner.tail {
            Some(tail) => tail.next_offsets().await,
            None => None,
        };
        Ok(match next {
            Some(next) => engine.with_log_next(next),
            None => engine,
        })
    }

    /// The rows that a compactor of this process shows before it commits them, where there is one.
    #[must_use]
    pub fn rows(&self) -> Option<&Arc<Tail>> {
        self.inner.rows.as_ref()
    }

    async fn newest(&self) -> Result<Engine> {
        let held = self.inner.current.read().await.clone();
        let Some(held) = held else { return self.first().await };
        let Ok(mut looked) = self.inner.looked.try_lock() else { return Ok(held) };
        if looked.is_some_and(|at| at.elapsed() < self.inner.refresh) {
            return Ok(held);
        }
        *looked = Some(Instant::now());
        match self.advance(&held).await {
            Ok(Some(engine)) => {
                *self.inner.current.write().await = Some(engine.clone());
                Ok(engine)
            }
            Ok(None) => Ok(held),
            Err(error) => {
                tracing::warn!(%error, "the table could not be refreshed; answers come from the version held");
                Ok(held)
            }
        }
    }

    /// Loads the first version, once for all questions that wait for it.
    async fn first(&self) -> Result<Engine> {
        let mut current = self.inner.current.write().await;
        if let Some(engine) = current.as_ref() {
            return Ok(engine.clone());
        }
        let engine = self.load().await?;
        *current = Some(engine.clone());
        Ok(engine)
    }

    async fn advance(&self, held: &Engine) -> Result<Option<Engine>> {
        // Not the next version alone: clean-up may have removed that one and later ones.
        let held = Path::from(format!("_delta_log/{:020}.json", held.snapshot().version));
        let table = self.inner.storage.table_store();
        let mut newer = table.list_with_offset(Some(&Path::from("_delta_log")), &held);
        while let Some(object) = newer.next().await {
            let unavailable = |e: object_store::Error| QueryError::Unavailable {
                what: "the Delta log".to_owned(),
                detail: e.to_string(),
            };
            let name = object.map_err(unavailable)?.location;
            if name.as_ref().ends_with(".json") {
                return self.load().await.map(Some);
            }
        }
        Ok(None)
    }

    async fn load(&self) -> Result<Engine> {
        let snapshot = Snapshot::load(&self.inner.storage, None).await?;
        Engine::open(Arc::new(snapshot), &self.inner.runtime).await
    }
}
