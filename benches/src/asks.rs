//! The questions that are measured, one function each: the only place of the benchmarks that knows the query engine.
//!
//! Guarantee: every answer is told with its size and whether it is whole, so that a fast wrong answer counts for nothing.

use crate::bed::Bed;
use crate::error::{Doing, Result};
use query::limits::SEARCH_HITS_DEFAULT;
use query::lineage::{Bounds, Direction};
use query::search::{Search, Wanted};
use query::transcript::Page;
use query::{Engine, Limits, QueryService, Runtime};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::index::Indexer;
use store::snapshot::Snapshot;
use store::tail::Tail;

/// Most events that a walk may reach: twice what the largest planted one does.
const NODES_MAX: usize = 20_000;
/// Shortest time between two looks of a service for a newer version of the table.
const REFRESH: Duration = Duration::from_millis(50);

/// What came of a question.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Events that the answer holds (or contents that hold the words).
    pub size: u64,
    /// Whether no bound cut it.
    pub whole: bool,
    /// Where to go on, for pages.
    pub next: Option<String>,
}

/// A process that asks.
#[derive(Debug, Clone)]
pub struct Asker {
    engine: Engine,
}

impl Asker {
    /// Opens the newest version of a bed's table, as a query process does that starts.
    ///
    /// # Errors
    /// When there is none.
    pub async fn open(dir: &Path) -> Result<Self> {
        let bed = Bed::open(dir)?;
        let storage = bed.storage()?;
        let runtime = Runtime::new(&storage, Limits::default(), None).doing("starting the query engine")?;
        let snapshot = Snapshot::load(&storage, None).await.doing("reading the table")?;
        let engine = Engine::open(Arc::new(snapshot), &runtime).await.doing("opening the query engine")?;
        Ok(Self { engine })
    }

    /// One event by its id, whole.
    ///
    /// # Errors
    /// When it is not found.
    pub async fn event(&self, id: &str) -> Result<Found> {
        let event = self.engine.event(id).await.doing("asking for an event")?;
        Ok(Found { size: event.copies as u64, whole: true, next: None })
    }

    /// What explains an event or a subject.
    ///
    /// # Errors
    /// When it is not found.
    pub async fn why(&self, question: &str) -> Result<Found> {
        let why = self.engine.why(question, Bounds::of_why()).await.doing("asking why")?;
        Ok(Found { size: why.trace.nodes.len() as u64, whole: why.trace.cut.is_none(), next: None })
    }

    /// Everything downstream of an event.
    ///
    /// # Errors
    /// When it is not found.
    pub async fn blast_radius(&self, id: &str) -> Result<Found> {
        let bounds = Bounds { nodes_max: NODES_MAX, ..Bounds::of_trace() };
        let trace = self.engine.trace(id, Direction::Down, bounds).await.doing("asking for what came of it")?;
        Ok(Found { size: trace.nodes.len() as u64, whole: trace.cut.is_none(), next: None })
    }

    /// In how many contents `words` stand, several words in a row, and the first page of them.
    ///
    /// # Errors
    /// When the question fails.
    pub async fn full_text(&self, words: &str) -> Result<Found> {
        let phrase = format!("\"{words}\"");
        let search = Search { wanted: Some(Wanted::Words(phrase)), filter: None, hits_max: SEARCH_HITS_DEFAULT };
        let found = self.engine.search(&search).await.doing("searching")?;
        Ok(Found { size: found.total.unwrap_or_default(), whole: found.complete, next: None })
    }

    /// A page of a session, of the default size, after a cursor.
    ///
    /// # Errors
    /// When there is no such session.
    pub async fn page(&self, session: &str, after: Option<String>) -> Result<Found> {
        self.pages(session, Page { after, ..Page::default() }).await
    }

    /// The cursor `events` events after another one; for going to the middle of a session without measuring it.
    ///
    /// # Errors
    /// When there is no such session.
    pub async fn skip(&self, session: &str, after: Option<String>, events: usize) -> Result<Option<String>> {
        Ok(self.pages(session, Page { after, events_max: events, chars_max: 1 }).await?.next)
    }

    async fn pages(&self, session: &str, page: Page) -> Result<Found> {
        let page = self.engine.transcript(session, &page).await.doing("asking for a page of a session")?;
        Ok(Found { size: page.turns.len() as u64, whole: true, next: page.next })
    }

    /// (events, different ids among them) that this asker sees.
    ///
    /// # Errors
    /// When the question fails.
    pub async fn count(&self) -> Result<(u64, u64)> {
        let all = self.number("SELECT count(*) AS n FROM events").await?;
        let different = self.number("SELECT count(*) AS n FROM (SELECT DISTINCT id FROM events)").await?;
        Ok((all, different))
    }

    /// The one number that `sql` gives.
    async fn number(&self, sql: &str) -> Result<u64> {
        let answer = self.engine.sql(sql).await.doing("asking for a number")?;
        let mut text = Vec::new();
        query::output::write_answer(query::Format::NdJson, &answer, &mut text).doing("reading a number")?;
        let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let row: serde_json::Value = serde_json::from_slice(first).doing("reading a number")?;
        Ok(row.get("n").and_then(serde_json::Value::as_u64).unwrap_or_default())
    }
}

/// A service that follows the table, as a server holds it.
#[derive(Debug, Clone)]
pub struct Service {
    service: QueryService,
}

impl Service {
    /// A service over a bed.
    ///
    /// `rows` is what the compactor of this process shows before it commits.
    ///
    /// # Errors
    /// When the engine cannot be started.
    pub fn start(bed: &Bed, rows: Arc<Tail>) -> Result<Self> {
        let storage = bed.storage()?;
        let runtime = Runtime::new(&storage, Limits::default(), None).doing("starting the query engine")?;
        Ok(Self { service: QueryService::with_rows(storage, runtime, REFRESH, None, Some(rows)) })
    }

    /// Who answers a question that is put now.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn asker(&self) -> Result<Asker> {
        Ok(Asker { engine: self.service.engine().await.doing("asking the service")? })
    }
}

/// Builds the indexes of a bed up to its newest version; gives the bytes that they take.
///
/// # Errors
/// When the store cannot be read.
pub async fn index(dir: &Path) -> Result<u64> {
    let bed = Bed::open(dir)?;
    let storage = bed.storage()?;
    let snapshot = Snapshot::load(&storage, None).await.doing("reading the table")?;
    let indexer = Indexer::new(storage, crate::bed::env());
    indexer.catch_up(&snapshot, |_| true).await.doing("building the index")?;
    indexer.settle(&snapshot).await.doing("merging the index")?;
    Ok(crate::machine::folder_bytes(&bed.store_dir().join("index")))
}
