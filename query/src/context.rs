//! The engine: one pinned snapshot, its SQL tables, and the limits of every query.
//!
//! Guarantee: read-only. Only SELECT, WITH, EXPLAIN, SHOW and DESCRIBE get through; everything else is refused before
//! it is planned further. Answers come from the one version that was given to [`Engine::open`]. Dropping a future or
//! a stream cancels its query. Fails as [`QueryError`] says; unknown tables are answered with what there is.

use crate::answer::{Answer, RowStream, StreamLimits};
use crate::coverage::Coverage;
use crate::error::{QueryError, Result};
use crate::fresh::Fresh;
use crate::functions;
use crate::limits::{SQL_BYTES_MAX, UNINDEXED_EVENTS_MAX};
use crate::lineage::{EdgeIndex, IndexedEdges};
use crate::rows::rows;
use crate::runtime::Runtime;
use crate::tables::{self, TableDoc};
use crate::transcript::Cursor;
use arrow::array::RecordBatch;
use datafusion::dataframe::DataFrame;
use datafusion::execution::context::{SQLOptions, SessionContext, SessionState};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use quick_cache::sync::Cache;
use schemas::columns::RowClass;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use store::error::StoreError;
use store::index::{Place, View};
use store::snapshot::Snapshot;
use store::tail::{Stretch, Tail};
use store::text_index::RunSpan;
use tokio::sync::OnceCell;

/// Orders of sessions that are kept: those whose pages are being turned.
const ORDERS_KEPT: usize = 16;

/// Orders of sessions by their names.
type Orders = Cache<String, Arc<Vec<Cursor>>>;

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
    log_next: Option<Arc<BTreeMap<u32, u64>>>,
    /// Rows beyond the snapshot, and the index of both.
    fresh: Option<(Arc<Fresh>, Arc<OnceCell<View>>)>,
}

struct Inner {
    snapshot: Arc<Snapshot>,
    runtime: Runtime,
    state: SessionState,
    tables: Vec<TableDoc>,
    index: OnceCell<View>,
    /// Links where there is no index.
    edges: OnceCell<Arc<dyn EdgeIndex>>,
    findings_open: u64,
    orders: Orders,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("version", &self.inner.snapshot.version).finish_non_exhaustive()
    }
}

impl Engine {
    /// Opens `snapshot` for questions. `runtime` must have been made for the same storage.
    ///
    /// # Errors
    /// `Bug` when a view does not fit the columns of this version.
    pub async fn open(snapshot: Arc<Snapshot>, runtime: &Runtime) -> Result<Self> {
        let state = SessionStateBuilder::new()
            .with_config(runtime.config())
            .with_runtime_env(runtime.env())
            .with_default_features()
            .build();
        let context = SessionContext::new_with_state(state);
        functions::register(&context);
        let tables = tables::register(&context, &snapshot).await?;
        let state = context.state();
        let findings_open = if snapshot.files.iter().any(|f| f.class == RowClass::Finding) {
            open_findings(&context).await?
        } else {
            0
        };
        let (index, edges) = (OnceCell::new(), OnceCell::new());
        let inner = Inner {
            snapshot,
            runtime: runtime.clone(),
            state,
            tables,
            index,
            edges,
            findings_open,
            orders: Cache::new(ORDERS_KEPT),
        };
        Ok(Self { inner: Arc::new(inner), log_next: None, fresh: None })
    }

    /// The same engine, whose answers say how far the table is behind a log with these next offsets.
    #[must_use]
    pub fn with_log_next(&self, next_offsets: BTreeMap<u32, u64>) -> Self {
        Self { log_next: Some(Arc::new(next_offsets)), ..self.clone() }
    }

    /// The same engine, whose answers hold what `tail` shows beyond its snapshot.
    #[must_use]
    pub fn with_tail(&self, tail: &Tail) -> Self {
        let fresh = Arc::new(Fresh::of(tail, self.snapshot()));
        Self { fresh: Some((fresh, Arc::default())), ..self.clone() }
    }

    /// The same engine, whose answers hold these rows beyond its snapshot, which another process shows.
    #[must_use]
    pub fn with_stretches(&self, stretches: Vec<Arc<Stretch>>) -> Self {
        let fresh = Arc::new(Fresh::from_stretches(stretches));
        Self { fresh: Some((fresh, Arc::default())), ..self.clone() }
    }

    /// The same engine over its snapshot alone.
    #[must_use]
    pub fn committed(&self) -> Self {
        Self { fresh: None, ..self.clone() }
    }

    /// The snapshot that answers come from.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.inner.snapshot
    }

    /// The limits of each query.
    #[must_use]
    pub fn runtime(&self) -> &Runtime {
        &self.inner.runtime
    }

    /// The SQL tables with their documented columns.
    #[must_use]
    pub fn tables(&self) -> &[TableDoc] {
        &self.inner.tables
    }

    /// What an answer stands on, before its own gaps are counted.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        let committed = Coverage {
            findings_open: self.inner.findings_open,
            ..Coverage::of(&self.inner.snapshot, self.log_next.as_deref())
        };
        match &self.fresh {
            Some((fresh, _)) => committed.with_fresh(&self.inner.snapshot, fresh, self.log_next.as_deref()),
            None => committed,
        }
    }

    /// Answers `text` within the runtime's limits, held in memory.
    ///
    /// # Errors
    /// See the module.
    pub async fn sql(&self, text: &str) -> Result<Answer> {
        self.stream(text, None).await?.collect().await
    }

    /// As [`Engine::sql`], with at most `rows_max` rows (never more than the runtime's).
    ///
    /// # Errors
    /// See the module.
    pub async fn sql_rows(&self, text: &str, rows_max: usize) -> Result<Answer> {
        self.stream(text, Some(rows_max)).await?.collect().await
    }

    /// Answers `text` batch by batch.
    ///
    /// # Errors
    /// See the module.
    pub async fn stream(&self, text: &str, rows_max: Option<usize>) -> Result<RowStream> {
        let started = Instant::now();
        if text.len() > SQL_BYTES_MAX {
            return Err(QueryError::invalid(
                "SQL",
                format!("it has {} bytes, at most {SQL_BYTES_MAX} are allowed", text.len()),
            ));
        }
        let context = self.context()?;
        let state = context.state();
        let plan = state.create_logical_plan(text).await.map_err(|e| self.with_tables(e.into()))?;
        read_only().verify_plan(&plan).map_err(|e| refused(&e))?;
        let plan = state.create_physical_plan(&plan).await.map_err(|e| self.with_tables(e.into()))?;
        self.execute(&context, plan, rows_max, started)
    }

    /// As [`Engine::stream`], for questions of our own, whose rows are not limited.
    pub(crate) async fn stream_all(&self, sql: &str) -> Result<RowStream> {
        let context = self.context()?;
        let frame = context.sql(sql).await?;
        self.frame_stream(&context, frame).await
    }

    /// Runs a data frame that [`Engine::context`]'s session made, batch by batch.
    pub(crate) async fn frame_stream(&self, context: &SessionContext, frame: DataFrame) -> Result<RowStream> {
        let started = Instant::now();
        let plan = frame.create_physical_plan().await?;
        self.execute(context, plan, Some(usize::MAX), started)
    }

    /// Runs a data frame and keeps at most `rows_max` rows, saying so when there are more.
    pub(crate) async fn frame_rows(
        &self,
        context: &SessionContext,
        frame: DataFrame,
        rows_max: usize,
    ) -> Result<Answer> {
        let started = Instant::now();
        let plan = frame.create_physical_plan().await?;
        self.execute(context, plan, Some(rows_max), started)?.collect().await
    }

    /// Runs a data frame that [`Engine::context`]'s session made.
    pub(crate) async fn collect(&self, context: &SessionContext, frame: DataFrame) -> Result<Answer> {
        self.frame_stream(context, frame).await?.collect().await
    }

    /// A session for one query, with its own memory pool.
    pub(crate) fn context(&self) -> Result<SessionContext> {
        let env = self.inner.runtime.for_one_query()?;
        let mut config = self.inner.state.config().clone();
        // The catalog is there already.
        config.options_mut().catalog.create_default_catalog_and_schema = false;
        if let Some((fresh, _)) = &self.fresh {
            config.set_extension(Arc::clone(fresh));
        }
        let state = SessionStateBuilder::new_from_existing(self.inner.state.clone());
        let state = state.with_config(config).with_runtime_env(env).build();
        let context = SessionContext::new_with_state(state);
        tables::lineage_functions::register(&context, self);
        Ok(context)
    }

    /// Orders of sessions of the snapshot.
    pub(crate) fn orders(&self) -> &Orders {
        &self.inner.orders
    }

    /// Whether answers hold events beyond the snapshot.
    pub(crate) fn sees_fresh(&self) -> bool {
        self.fresh.as_ref().is_some_and(|(fresh, _)| fresh.count(RowClass::Event) > 0)
    }

    /// The index of what this engine sees; `None` when too much of the snapshot is not indexed yet.
    pub(crate) async fn index(&self) -> Result<Option<View>> {
        let Some((fresh, own)) = &self.fresh else { return self.committed_index().await };
        if let Some(view) = own.get() {
            return Ok(Some(view.clone()));
        }
        let Some(view) = self.committed_index().await? else { return Ok(None) };
        let view = view.with_tail(&fresh.parts(), &fresh.leaves());
        Ok(Some(own.get_or_init(|| async { view }).await.clone()))
    }

    /// The index of the snapshot. That there is none yet is not kept: one may be built at any time.
    async fn committed_index(&self) -> Result<Option<View>> {
        if let Some(view) = self.inner.index.get() {
            return Ok(Some(view.clone()));
        }
        let opened = View::open(&self.inner.snapshot, self.inner.runtime.index_cache(), UNINDEXED_EVENTS_MAX).await;
        let view = match opened {
            Ok(Some(view)) => view,
            Ok(None) => return Ok(None),
            Err(error @ (StoreError::Corrupt { .. } | StoreError::NotFound { .. })) => {
                tracing::warn!("answers come without the index: {error}");
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Some(self.inner.index.get_or_init(|| async { view }).await.clone()))
    }

    /// The event rows at `places`, with these columns of segments; see [`store::pick::rows_at`].
    pub(crate) async fn rows_at(&self, places: &[Place], columns: &[&str]) -> Result<Vec<(u32, RecordBatch)>> {
        let cache = self.inner.runtime.pick_cache();
        let mut rows = store::pick::rows_at(&self.inner.snapshot, cache, places, columns).await?;
        if let Some((fresh, _)) = &self.fresh {
            rows.extend(fresh.rows_at(places)?);
        }
        Ok(rows)
    }

    /// Rows of the tail with what their texts cover.
    pub(crate) fn fresh_texts(&self) -> Vec<(RunSpan, RecordBatch)> {
        self.fresh.as_ref().map(|(fresh, _)| fresh.texts()).unwrap_or_default()
    }

    /// Edges by either end: see [`crate::lineage`].
    pub(crate) async fn edges(&self) -> Result<Arc<dyn EdgeIndex>> {
        if let Some(view) = self.index().await? {
            return Ok(Arc::new(IndexedEdges { view }));
        }
        if self.sees_fresh() {
            return crate::lineage::open_edges(self).await;
        }
        let open = || crate::lineage::open_edges(self);
        self.inner.edges.get_or_try_init(open).await.map(Arc::clone)
    }

    fn execute(
        &self,
        context: &SessionContext,
        plan: Arc<dyn ExecutionPlan>,
        rows_max: Option<usize>,
        started: Instant,
    ) -> Result<RowStream> {
        let limits = self.inner.runtime.limits();
        let rows_max = match rows_max {
            Some(usize::MAX) => usize::MAX,
            given => given.unwrap_or(limits.rows_max).min(limits.rows_max),
        };
        let stream = execute_stream(Arc::clone(&plan), context.task_ctx())?;
        let limits = StreamLimits { rows_max, time_max: limits.time_max, started };
        Ok(RowStream::new(stream, plan, self.coverage(), &limits))
    }

    /// Adds to an error about an unknown table which tables there are, and says why a function was taken away.
    fn with_tables(&self, error: QueryError) -> QueryError {
        let QueryError::Invalid { what, detail } = error else { return error };
        if let Some(name) = unknown_function(&detail).filter(|name| functions::UNBOUNDED.contains(name)) {
            let detail =
                format!("function `{name}` is not available here: its result has no bound but what a query says");
            return QueryError::Invalid { what, detail };
        }
        let Some(wanted) = unknown_table(&detail) else { return QueryError::Invalid { what, detail } };
        let names: Vec<&str> = self.inner.tables.iter().map(|t| t.name).collect();
        let hint = nearest(&wanted, &names).map_or_else(String::new, |n| format!(" Did you mean `{n}`?"));
        let detail = format!("there is no table `{wanted}`.{hint} Tables: {}", names.join(", "));
        QueryError::Invalid { what, detail }
    }
}

/// What the record shows to be wrong with itself and no later finding settles (breaches of a policy are no such thing): each `gap_closed` settles one `gap`, `gap_narrowed` opens nothing.
const OPEN_FINDINGS: &str = "
SELECT count(*) FILTER (WHERE kind NOT IN ('gap_closed', 'gap_narrowed')) - count(*) FILTER (WHERE kind = 'gap_closed') AS open
FROM findings WHERE kind NOT LIKE 'policy.%'";

async fn open_findings(context: &SessionContext) -> Result<u64> {
    let batches = context.sql(OPEN_FINDINGS).await?.collect().await?;
    let open = rows(&batches).next().and_then(|row| row.int("open"));
    Ok(open.and_then(|n| u64::try_from(n).ok()).unwrap_or_default())
}

fn read_only() -> SQLOptions {
    SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false)
}

fn refused(error: &datafusion::error::DataFusionError) -> QueryError {
    QueryError::invalid(
        "SQL",
        format!(
            "the record is read-only, so only SELECT, WITH, EXPLAIN, SHOW and DESCRIBE are answered ({})",
            error.strip_backtrace()
        ),
    )
}

/// The name in DataFusion's "table 'hansard.public.x' not found".
fn unknown_table(detail: &str) -> Option<String> {
    let rest = detail.split_once("table 'hansard.public.")?.1;
    rest.split_once("' not found").map(|(name, _)| name.to_owned())
}

/// The name in DataFusion's "Invalid function 'x'.".
fn unknown_function(detail: &str) -> Option<&str> {
    let rest = detail.split_once("Invalid function '")?.1;
    rest.split_once('\'').map(|(name, _)| name)
}

fn nearest<'a>(wanted: &str, names: &[&'a str]) -> Option<&'a str> {
    let scored =
        names.iter().map(|name| (datafusion::common::utils::datafusion_strsim::levenshtein(wanted, name), *name));
    scored.min().filter(|(distance, name)| *distance <= name.len() / 2).map(|(_, name)| name)
}
