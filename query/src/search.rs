//! `search`: contents by their words, or by likeness to a passage; narrowed by any column of `events`.
//!
//! Guarantee: over everything that the engine sees, the rows of the tail included. A content that was sent by reference is
//! found where its bytes first stood. Copies of a passage are proposed by shared fingerprints and ranked by the trigrams of
//! the stretch that fits best; one that shares too few fingerprints with it is missed, so that likeness is no proof of
//! absence. Whatever ended a search early is said. Fails when the texts cannot be indexed or read.

use crate::context::Engine;
use crate::coverage::Coverage;
use crate::error::{QueryError, Result};
use crate::limits::{EXCERPT_CHARS_MAX, SEARCH_HITS_MAX, SEARCH_LOOKED_MAX};
use crate::readable;
use crate::rows::rows;
use datafusion::logical_expr::{Expr, col, lit};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::index::{Place, View};
use store::text_index::{BestWindow, CopySearch, TextAnswer, TextHit, TextSearch, best_window};
use utoipa::ToSchema;

/// Least share of a passage's fingerprints that a copy keeps.
const COPY_SHARE_MIN: f32 = 0.2;
/// Least likeness of a stretch to the passage (Jaccard index of their trigrams) that is called a copy.
const COPY_LIKENESS_MIN: f64 = 0.3;

/// Contents that are looked at for each hit that is wanted.
const CONTENTS_PER_HIT: usize = 4;

/// What is looked for.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// Words, "phrases", prefix*, AND, OR, NOT, parentheses.
    Words(String),
    /// Altered copies of this passage.
    LikePassage(String),
}

/// A search.
#[derive(Debug, Clone)]
pub struct Search {
    /// What is looked for; `None`: every event that passes the filter.
    pub wanted: Option<Wanted>,
    /// A condition on `events` in SQL.
    pub filter: Option<String>,
    /// Hits that are given.
    pub hits_max: usize,
}

/// An event with a content that fits.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SearchHit {
    /// Event id.
    pub event_id: String,
    /// Kind.
    pub kind: String,
    /// Session.
    pub session: Option<String>,
    /// Agent.
    pub agent: Option<String>,
    /// The event's own time.
    pub time: Option<String>,
    /// Name of the content.
    pub content: Option<String>,
    /// Words: BM25. Passages: likeness of the best stretch, 0 to 1.
    pub score: f64,
    /// Passages: share of the passage's trigrams that the stretch holds.
    pub containment: Option<f64>,
    /// The stretch that fits.
    pub excerpt: Option<String>,
}

/// What a search found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Searched {
    /// Best first.
    pub hits: Vec<SearchHit>,
    /// Contents that hold the words, where they were counted: without a filter.
    pub total: Option<u64>,
    /// False when time or a bound ended the search before everything was looked at.
    pub complete: bool,
    /// What ended it.
    pub notes: Vec<String>,
    /// What it stands on.
    pub coverage: Coverage,
}

/// A content that the index proposes.
type Proposed = BTreeMap<(Place, u16), f64>;

impl Engine {
    /// Searches.
    ///
    /// # Errors
    /// `Invalid` for a query that cannot be read; see the module.
    pub async fn search(&self, search: &Search) -> Result<Searched> {
        if search.hits_max == 0 || search.hits_max > SEARCH_HITS_MAX {
            let detail = format!("expected 1 to {SEARCH_HITS_MAX}, found {}", search.hits_max);
            return Err(QueryError::invalid("hits", detail));
        }
        let Some(wanted) = &search.wanted else { return self.search_columns(search).await };
        let view = self.index().await?.ok_or_else(|| QueryError::Unavailable {
            what: "search".to_owned(),
            detail: "too much of the table is not indexed yet; run `hansard maintain`".to_owned(),
        })?;
        // Several contents of one event are one hit.
        let looked_max = if search.filter.is_some() { SEARCH_LOOKED_MAX } else { search.hits_max * CONTENTS_PER_HIT };
        let answer = self.propose(&view, wanted, looked_max, search.filter.is_none()).await?;
        let mut notes = Vec::new();
        if !answer.complete {
            notes.push("the time of a query ended the search; what is listed is a part".to_owned());
        }
        if search.filter.is_some() && answer.hits.len() >= looked_max {
            notes.push(format!("the filter was applied to the best {looked_max} contents only"));
        }
        if matches!(wanted, Wanted::LikePassage(_)) && answer.hits.len() >= SEARCH_LOOKED_MAX {
            notes.push(format!("only the {SEARCH_LOOKED_MAX} contents that share most with the passage were compared"));
        }
        let total = answer.total;
        let mut hits = self.tell(wanted, &answer.hits, search).await?;
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.event_id.cmp(&b.event_id)));
        if matches!(wanted, Wanted::LikePassage(_)) && hits.len() > search.hits_max {
            notes.push(format!(
                "{} contents resemble the passage; the best {} are listed",
                hits.len(),
                search.hits_max
            ));
        }
        hits.truncate(search.hits_max);
        Ok(Searched { hits, total, complete: notes.is_empty(), notes, coverage: self.coverage() })
    }

    async fn propose(&self, view: &View, wanted: &Wanted, k: usize, count: bool) -> Result<TextAnswer> {
        let searcher = view.texts(self.snapshot(), &self.fresh_texts()).await?;
        let (scope, time_limit) = (view.scope(), self.runtime().limits().time_max);
        let answer = match wanted {
            Wanted::Words(query) => {
                let search = TextSearch { query: query.clone(), every_word: true, k, count, scope, time_limit };
                searcher.search(&search).await?
            }
            Wanted::LikePassage(passage) => {
                let search = CopySearch {
                    passage: passage.clone(),
                    least_share: COPY_SHARE_MIN,
                    k: SEARCH_LOOKED_MAX,
                    scope,
                    time_limit,
                };
                searcher.copies(&search).await?
            }
        };
        Ok(answer)
    }

    /// The events of `proposed` that pass the filter, with what they say.
    async fn tell(&self, wanted: &Wanted, proposed: &[TextHit], search: &Search) -> Result<Vec<SearchHit>> {
        let scores: Proposed = proposed
            .iter()
            .filter_map(|hit| Some(((Place::new(hit.partition, hit.leaf)?, hit.position), f64::from(hit.score))))
            .collect();
        let mut hits = Vec::new();
        let places: Vec<Place> = scores.keys().map(|(place, _)| *place).collect::<BTreeSet<_>>().into_iter().collect();
        for chunk in places.chunks(crate::limits::PRUNING_VALUES_MAX) {
            let passing = self.passing(chunk, search.filter.as_deref()).await?;
            hits.extend(self.contents_at(wanted, chunk, &scores, &passing).await?);
        }
        Ok(hits)
    }

    /// Where `places` lie, for pruning: their sessions are named as well.
    async fn at(&self, places: &[Place]) -> Result<Expr> {
        let view = self.index().await?;
        let mut leaves: BTreeMap<u32, Vec<Expr>> = BTreeMap::new();
        let mut sessions = BTreeSet::new();
        let mut outside = false;
        for place in places {
            leaves.entry(place.partition()).or_default().push(lit(place.leaf() as i64));
            if let Some(view) = &view {
                match view.node(*place).await?.and_then(|node| node.session.clone()) {
                    Some(session) => drop(sessions.insert(session)),
                    None => outside = true,
                }
            }
        }
        let one = leaves.into_iter().map(|(partition, leaves)| {
            col("log_partition").eq(lit(partition as i32)).and(col("leaf").in_list(leaves, false))
        });
        let at = one.reduce(Expr::or).unwrap_or_else(|| lit(false));
        let sessions: Vec<Expr> = sessions.into_iter().map(lit).collect();
        Ok(if outside || sessions.is_empty() { at } else { at.and(col("session").in_list(sessions, false)) })
    }

    /// The events at `places` that pass the filter, by place.
    async fn passing(&self, places: &[Place], filter: Option<&str>) -> Result<HashMap<Place, SearchHit>> {
        let context = self.context()?;
        let mut frame = context.table("events").await?.filter(self.at(places).await?)?;
        if let Some(filter) = filter {
            let filter =
                frame.parse_sql_expr(filter).map_err(|e| QueryError::invalid("filter", e.strip_backtrace()))?;
            frame = frame.filter(filter)?;
        }
        let frame = frame.select_columns(&["id", "kind", "session", "agent", "time", "log_partition", "leaf"])?;
        let answer = self.collect(&context, frame).await?;
        let hit = |row: crate::rows::Row<'_>| {
            let number = |name: &str| row.int(name).and_then(|n| u64::try_from(n).ok());
            let place = Place::new(u32::try_from(number("log_partition")?).ok()?, number("leaf")?)?;
            let hit = SearchHit {
                event_id: row.text("id").unwrap_or_default(),
                kind: row.text("kind").unwrap_or_default(),
                session: row.text("session"),
                agent: row.text("agent"),
                time: row.time("time"),
                content: None,
                score: 0.0,
                containment: None,
                excerpt: None,
            };
            Some((place, hit))
        };
        Ok(rows(&answer.batches).filter_map(hit).collect())
    }

    async fn contents_at(
        &self,
        wanted: &Wanted,
        places: &[Place],
        scores: &Proposed,
        passing: &HashMap<Place, SearchHit>,
    ) -> Result<Vec<SearchHit>> {
        if passing.is_empty() {
            return Ok(Vec::new());
        }
        let context = self.context()?;
        let frame = context.table("contents").await?.filter(self.at(places).await?)?;
        let columns = ["position", "name", "media_type", "text", "log_partition", "leaf"];
        let mut stream = self.frame_stream(&context, frame.select_columns(&columns)?).await?;
        let mut best: HashMap<Place, SearchHit> = HashMap::new();
        while let Some(batch) = stream.next().await? {
            for row in rows(&[batch]) {
                let number = |name: &str| row.int(name).and_then(|n| u64::try_from(n).ok()).unwrap_or_default();
                let place = Place::new(number("log_partition") as u32, number("leaf"));
                let Some((place, event)) = place.and_then(|p| Some((p, passing.get(&p)?))) else { continue };
                let score = scores.get(&(place, number("position") as u16)).copied();
                let (Some(score), Some(text)) = (score, row.str("text")) else { continue };
                let Some(hit) = fitting(wanted, event, score, text, row.str("media_type").unwrap_or_default()) else {
                    continue;
                };
                let hit = SearchHit { content: row.text("name"), ..hit };
                if best.get(&place).is_none_or(|held| held.score < hit.score) {
                    best.insert(place, hit);
                }
            }
        }
        Ok(best.into_values().collect())
    }

    /// Every event that passes the filter, newest first.
    async fn search_columns(&self, search: &Search) -> Result<Searched> {
        let Some(filter) = &search.filter else {
            return Err(QueryError::invalid("search", "expected words, a passage, or a filter"));
        };
        let context = self.context()?;
        let frame = context.table("events").await?;
        let filter = frame.parse_sql_expr(filter).map_err(|e| QueryError::invalid("filter", e.strip_backtrace()))?;
        let frame = frame.filter(filter)?.sort(vec![col("time").sort(false, false)])?;
        let frame = frame.select_columns(&["id", "kind", "session", "agent", "time"])?;
        let answer = self.frame_rows(&context, frame.limit(0, Some(search.hits_max + 1))?, search.hits_max).await?;
        let hits = rows(&answer.batches).map(|row| SearchHit {
            event_id: row.text("id").unwrap_or_default(),
            kind: row.text("kind").unwrap_or_default(),
            session: row.text("session"),
            agent: row.text("agent"),
            time: row.time("time"),
            content: None,
            score: 0.0,
            containment: None,
            excerpt: None,
        });
        let hits: Vec<SearchHit> = hits.collect();
        let cut = answer.coverage.rows_cut_at.is_some();
        let notes =
            if cut { vec![format!("more than {} events pass; the newest are listed", hits.len())] } else { Vec::new() };
        Ok(Searched { total: None, complete: !cut, notes, hits, coverage: answer.coverage })
    }
}

/// The hit that a content is, with the stretch that fits; `None` when a passage is not in it after all.
fn fitting(wanted: &Wanted, event: &SearchHit, score: f64, text: &str, media_type: &str) -> Option<SearchHit> {
    match wanted {
        Wanted::Words(query) => {
            let said = readable::one_line(&readable::text(text, media_type));
            let excerpt = readable::cut(&around(&said, query), EXCERPT_CHARS_MAX).0;
            Some(SearchHit { score, excerpt: Some(excerpt), ..event.clone() })
        }
        Wanted::LikePassage(passage) => {
            let BestWindow { bytes, similarity } = best_window(passage, text)?;
            (similarity.jaccard >= COPY_LIKENESS_MIN).then(|| SearchHit {
                score: similarity.jaccard,
                containment: Some(similarity.containment),
                excerpt: Some(readable::cut(&readable::one_line(&text[bytes]), EXCERPT_CHARS_MAX).0),
                ..event.clone()
            })
        }
    }
}

/// `text` from a little before the first word of `query` that stands in it.
fn around(text: &str, query: &str) -> String {
    const BEFORE: usize = 40;
    let lower = text.to_lowercase();
    let words = query.split(|c: char| !c.is_alphanumeric()).filter(|w| w.len() > 1);
    let found = words.filter_map(|word| lower.find(&word.to_lowercase())).min().unwrap_or(0);
    // Lower case may have other lengths, so that the place is only near.
    let from = text.char_indices().map(|(at, _)| at).rfind(|at| *at + BEFORE <= found).unwrap_or(0);
    if from == 0 { text.to_owned() } else { format!("…{}", &text[from..]) }
}
