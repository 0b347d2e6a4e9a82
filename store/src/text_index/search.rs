//! Searches many runs as one. An answer is complete or says that it is not; scores use the statistics of all runs.
//! Work runs on blocking threads, several runs at a time, and ends soon after the time limit or when the caller
//! drops the future.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use tantivy::query::{EnableScoring, Query, Weight};
use tantivy::{Searcher, SegmentReader, Term};

use super::collect::{self, Ask, Collected, Found, Sight};
use super::fault::{fault, task_fault};
use super::footer::RunFacts;
use super::hot;
use super::limits::{RUNS_AT_ONCE, TOP_K};
use super::open::{self, TextIndex};
use super::query;
use super::schema;
use crate::error::{Result, StoreError};

/// Which contents a search may see.
#[derive(Clone, Debug, Default)]
pub struct TextScope {
    /// Per partition, the first leaf that is not seen; partitions that are not named are not seen at all.
    /// Nothing: all leaves.
    pub leaf_bounds: Option<BTreeMap<u32, u64>>,
    /// Events from this time on (microseconds).
    pub from_us: Option<i64>,
    /// Events before this time (microseconds).
    pub to_us: Option<i64>,
}

/// A search for words.
#[derive(Clone, Debug)]
pub struct TextSearch {
    /// The query; see `query.rs` for its language.
    pub query: String,
    /// Whether words without an operator between them are all needed.
    pub every_word: bool,
    /// Hits wanted, at most `TOP_K`.
    pub k: usize,
    /// Whether all matches are counted.
    pub count: bool,
    /// What may be seen.
    pub scope: TextScope,
    /// When the search ends with what it has.
    pub time_limit: Duration,
}

/// One content that matches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextHit {
    /// Partition of the log.
    pub partition: u32,
    /// Leaf of the event.
    pub leaf: u64,
    /// Position of the content in the event.
    pub position: u16,
    /// BM25 for words, shared fingerprints for passages; higher is better.
    pub score: f32,
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct TextAnswer {
    /// Best first; equal scores by partition, leaf and position.
    pub hits: Vec<TextHit>,
    /// Contents that match, when they were counted.
    pub total: Option<u64>,
    /// False when the time limit ended the search: hits and total are then of a part only.
    pub complete: bool,
}

/// Opened runs, searched together. Cheap to clone; keep one per snapshot of the table.
#[derive(Clone)]
pub struct TextSearcher {
    runs: Arc<[TextIndex]>,
    searcher: Searcher,
}

impl std::fmt::Debug for TextSearcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextSearcher").field("runs", &self.runs.len()).finish_non_exhaustive()
    }
}

impl TextSearcher {
    /// Joins opened runs. They must not overlap; the caller chose them from one version of the index.
    pub async fn open(runs: Vec<TextIndex>) -> Result<Self> {
        let what = open::names(&runs);
        let work = tokio::task::spawn_blocking(move || {
            let searcher = open::open_runs(&runs)?;
            let warm = searcher.segment_readers().iter().try_for_each(hot::touch);
            warm.map_err(|error| fault(&open::names(&runs), error))?;
            Ok(Self { runs: runs.into(), searcher })
        });
        work.await.map_err(|error| task_fault(&what, &error))?
    }

    /// Finds contents by their words.
    pub async fn search(&self, search: &TextSearch) -> Result<TextAnswer> {
        let (_, fields) = schema::schema();
        let parsed = query::parse(&search.query, fields.text, search.every_word)?;
        let prefixes = parsed.prefixes;
        let wanted = Wanted { query: parsed.query, k: search.k, count: search.count };
        self.run(wanted, prefixes, &search.scope, search.time_limit).await
    }

    /// Runs a query with a limit in time.
    pub(super) async fn run(
        &self,
        wanted: Wanted,
        prefixes: Vec<(String, usize)>,
        scope: &TextScope,
        time_limit: Duration,
    ) -> Result<TextAnswer> {
        if wanted.k > TOP_K {
            return Err(StoreError::invalid("search hits", format!("{} asked for, at most {TOP_K} allowed", wanted.k)));
        }
        let stop = Stop(Arc::new(AtomicBool::new(false)));
        let work = self.collect(wanted, prefixes, scope, &stop.0);
        tokio::pin!(work);
        tokio::select! {
            done = &mut work => return done,
            () = tokio::time::sleep(time_limit) => stop.0.store(true, Ordering::Relaxed),
        }
        work.await
    }

    async fn collect(
        &self,
        wanted: Wanted,
        prefixes: Vec<(String, usize)>,
        scope: &TextScope,
        stop: &Arc<AtomicBool>,
    ) -> Result<TextAnswer> {
        let (k, count) = (wanted.k, wanted.count);
        let numbers = self.visible(scope);
        let terms = Arc::new(Warm { terms: wanted.terms(), prefixes });
        let looked = self.on_runs(numbers.clone(), move |reader, _| terms.look_up(reader)).await?;
        looked.into_iter().try_for_each(|(_, outcome)| outcome)?;
        let searcher = self.searcher.clone();
        let weight = self.blocking(move || wanted.weight(&searcher)).await?;
        let (scope, stop) = (scope.clone(), Arc::clone(stop));
        let collected = self.on_runs(numbers, move |reader, facts| {
            let ask = Ask { k, count, sight: sight(&scope, facts), cancel: &stop };
            collect::collect(weight.as_ref(), reader, &ask, u64::from(facts.docs) != facts.contents)
        });
        Ok(answer(collected.await?, k, count))
    }

    /// Runs that may hold something that is seen: number of segment and run.
    fn visible(&self, scope: &TextScope) -> Vec<(usize, usize)> {
        let segments = self.searcher.segment_readers().iter().enumerate();
        let runs = segments.filter_map(|(at, reader)| Some((at, open::run_of(&reader.segment_id().uuid_string())?)));
        runs.filter(|(_, run)| self.runs.get(*run).is_some_and(|run| overlaps(scope, run.facts()))).collect()
    }

    /// Calls `f` for each run on blocking threads.
    async fn on_runs<T, F>(&self, numbers: Vec<(usize, usize)>, f: F) -> Result<Vec<(u32, T)>>
    where
        T: Send + 'static,
        F: Fn(&SegmentReader, &RunFacts) -> tantivy::Result<T> + Send + Sync + 'static,
    {
        let f = Arc::new(f);
        let tasks = numbers.into_iter().map(|(segment, run)| {
            let (this, f) = (self.clone(), Arc::clone(&f));
            async move {
                let (name, partition) = (this.runs[run].name(), this.runs[run].facts().partition);
                let work = move || f(this.searcher.segment_reader(segment as u32), this.runs[run].facts());
                let done = tokio::task::spawn_blocking(work).await.map_err(|error| task_fault(&name, &error))?;
                Ok((partition, done.map_err(|error| fault(&name, error))?))
            }
        });
        stream::iter(tasks).buffered(RUNS_AT_ONCE).try_collect().await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> tantivy::Result<T> + Send + 'static,
    ) -> Result<T> {
        let what = open::names(&self.runs);
        let done = tokio::task::spawn_blocking(work).await.map_err(|error| task_fault(&what, &error))?;
        done.map_err(|error| fault(&what, error))
    }
}

/// A query and what is wanted of it.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) query: Box<dyn Query>,
    pub(super) k: usize,
    pub(super) count: bool,
}

impl Wanted {
    fn terms(&self) -> Vec<Term> {
        let mut terms = Vec::new();
        self.query.query_terms(&mut |term, _| terms.push(term.clone()));
        terms
    }

    fn weight(&self, searcher: &Searcher) -> tantivy::Result<Arc<dyn Weight>> {
        Ok(Arc::from(self.query.weight(EnableScoring::enabled_from_searcher(searcher))?))
    }
}

/// What is looked up in every run at once, so that statistics come from memory; and the bound of prefixes.
struct Warm {
    terms: Vec<Term>,
    prefixes: Vec<(String, usize)>,
}

impl Warm {
    fn look_up(&self, reader: &SegmentReader) -> tantivy::Result<Result<()>> {
        for term in &self.terms {
            reader.inverted_index(term.field())?.get_term_info(term)?;
        }
        let (_, fields) = schema::schema();
        for (prefix, most) in &self.prefixes {
            let index = reader.inverted_index(fields.text)?;
            let end = format!("{prefix}\u{10ffff}");
            let mut words = index.terms().range().ge(prefix).lt(end).limit(*most as u64 + 1).into_stream()?;
            let mut count = 0;
            while words.advance() {
                count += 1;
            }
            if count > *most {
                let found = format!("{prefix:?}* stands for more than {most} words; write more of its letters");
                return Ok(Err(StoreError::invalid("search query", found)));
            }
        }
        Ok(Ok(()))
    }
}

/// Stops the work when the caller is gone.
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn overlaps(scope: &TextScope, facts: &RunFacts) -> bool {
    let bound = scope.leaf_bounds.as_ref().map(|bounds| bounds.get(&facts.partition).copied().unwrap_or(0));
    facts.docs > 0
        && bound.is_none_or(|bound| facts.leaf_from < bound)
        && scope.from_us.is_none_or(|from| facts.time_max_us >= from)
        && scope.to_us.is_none_or(|to| facts.time_min_us < to)
}

/// The part of the scope that this run does not meet as a whole.
fn sight(scope: &TextScope, facts: &RunFacts) -> Sight {
    let bound = scope.leaf_bounds.as_ref().map(|bounds| bounds.get(&facts.partition).copied().unwrap_or(0));
    Sight {
        leaf_bound: bound.filter(|bound| *bound < facts.leaf_to),
        from_us: scope.from_us.filter(|from| *from > facts.time_min_us),
        to_us: scope.to_us.filter(|to| *to <= facts.time_max_us),
    }
}

fn answer(runs: Vec<(u32, Collected)>, k: usize, count: bool) -> TextAnswer {
    let total = count.then(|| runs.iter().map(|(_, run)| run.total).sum());
    let complete = runs.iter().all(|(_, run)| run.complete);
    let hit = |partition: u32, found: Found| {
        let Found { score, leaf, position } = found;
        TextHit { partition, leaf, position, score }
    };
    let mut hits: Vec<TextHit> =
        runs.into_iter().flat_map(|(partition, run)| run.best.into_iter().map(move |f| hit(partition, f))).collect();
    let place = |hit: &TextHit| (hit.partition, hit.leaf, hit.position);
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| place(a).cmp(&place(b))));
    hits.truncate(k);
    TextAnswer { hits, total, complete }
}
