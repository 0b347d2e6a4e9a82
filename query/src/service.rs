//! A server's view of a store: an engine that follows the table.
//!
//! Guarantee: [`QueryService::engine`] gives an engine over a version that was the newest at most `refresh` ago, or,
//! when storage fails while an older one is held, that older one; its coverage names the version. A question keeps the
//! engine that it began with. Looking for a newer version costs one request.

use crate::context::Engine;
use crate::error::{QueryError, Result};
use crate::runtime::Runtime;
use async_trait::async_trait;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::location::Storage;
use store::snapshot::Snapshot;
use tokio::sync::Mutex;

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
    current: Mutex<Option<Current>>,
}

#[derive(Clone)]
struct Current {
    engine: Engine,
    looked: Instant,
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
        Self { inner: Arc::new(Inner { storage, runtime, refresh, tail, current: Mutex::new(None) }) }
    }

    /// The engine for a new question.
    ///
    /// # Errors
    /// `Store` when there is no table, or no version was ever read.
    pub async fn engine(&self) -> Result<Engine> {
        let engine = self.newest().await?;
        let next = match &self.inner.tail {
            Some(tail) => tail.next_offsets().await,
            None => None,
        };
        Ok(match next {
            Some(next) => engine.with_log_next(next),
            None => engine,
        })
    }

    async fn newest(&self) -> Result<Engine> {
        let mut current = self.inner.current.lock().await;
        let Some(held) = current.as_mut() else {
            let engine = self.load().await?;
            *current = Some(Current { engine: engine.clone(), looked: Instant::now() });
            return Ok(engine);
        };
        if held.looked.elapsed() < self.inner.refresh {
            return Ok(held.engine.clone());
        }
        held.looked = Instant::now();
        match self.advance(&held.engine).await {
            Ok(Some(engine)) => held.engine = engine,
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "the table could not be refreshed; answers come from the version held")
            }
        }
        Ok(held.engine.clone())
    }

    async fn advance(&self, held: &Engine) -> Result<Option<Engine>> {
        let next = Path::from(format!("_delta_log/{:020}.json", held.snapshot().version + 1));
        match self.inner.storage.table_store().head(&next).await {
            Ok(_) => self.load().await.map(Some),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(QueryError::Unavailable { what: "the Delta log".to_owned(), detail: e.to_string() }),
        }
    }

    async fn load(&self) -> Result<Engine> {
        let snapshot = Snapshot::load(&self.inner.storage, None).await?;
        Engine::open(Arc::new(snapshot), &self.inner.runtime).await
    }
}
