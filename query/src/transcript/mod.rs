//! A session as people read it: who said and did what, in order, page by page.
//!
//! Order: the order within each stream is kept as it was signed; streams are merged by time, where an event without a
//! time stands with the one before it in its stream. Guarantee: pages neither overlap nor leave out events of one table
//! version; text that is cut for display says how long it is. Fails with `NotFound` for an unknown session, `Invalid`
//! for a cursor that this version did not give.

mod cursor;
mod render;

use crate::context::Engine;
use crate::coverage::Coverage;
use crate::error::{QueryError, Result};
use crate::functions::json_get;
use crate::limits::{PAGE_EVENTS_DEFAULT, PAGE_EVENTS_MAX, ROWS_AT_ONCE, TRANSCRIPT_CHARS_DEFAULT};
use crate::picked::{self, CONTENT_FIELDS, Picked};
use crate::readable;
use crate::rows::{Row, rows};
pub(crate) use cursor::Cursor;
use datafusion::logical_expr::{Expr, col, lit};
use datafusion::prelude::SessionContext;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;
use store::index::Place;
use utoipa::ToSchema;

/// Which part of a session is wanted, and how much of each content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Continue after this cursor of an earlier page.
    pub after: Option<String>,
    /// Events.
    pub events_max: usize,
    /// Characters of each content.
    pub chars_max: usize,
}

impl Default for Page {
    fn default() -> Self {
        Self { after: None, events_max: PAGE_EVENTS_DEFAULT, chars_max: TRANSCRIPT_CHARS_DEFAULT }
    }
}

/// A content as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Said {
    /// Name within the event.
    pub name: String,
    /// Media type.
    pub media_type: Option<String>,
    /// Bytes.
    pub size: i64,
    /// Its words; `null` when it is erased, missing, too large or not text.
    pub text: Option<String>,
    /// Whether the words were cut for display.
    pub cut: bool,
}

/// An event as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Turn {
    /// Where it stands; give it as `after` to go on from here.
    pub cursor: String,
    /// Event id.
    pub id: String,
    /// Kind.
    pub kind: String,
    /// Role of a message, where the record says it.
    pub role: Option<String>,
    /// The event's own time.
    pub time: Option<String>,
    /// When the table got it.
    pub committed_at: Option<String>,
    /// Agent.
    pub agent: Option<String>,
    /// Agent version.
    pub agent_version: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Tool.
    pub tool: Option<String>,
    /// Id of the tool call.
    pub tool_call_id: Option<String>,
    /// Business object.
    pub subject: Option<String>,
    /// Error of a failed act.
    pub error_type: Option<String>,
    /// Input tokens.
    pub input_tokens: Option<i64>,
    /// Output tokens.
    pub output_tokens: Option<i64>,
    /// Name of an evaluation.
    pub evaluation_name: Option<String>,
    /// Its score.
    pub evaluation_score: Option<f64>,
    /// Its label.
    pub evaluation_label: Option<String>,
    /// Role of the key that signed it.
    pub attested: Option<String>,
    /// Id in the place that it was imported from.
    pub native_id: Option<String>,
    /// Position in the partition's tree.
    pub leaf: Option<i64>,
    /// What it says.
    pub contents: Vec<Said>,
}

/// A page of a session.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Transcript {
    /// The session.
    pub session: String,
    /// Its events in this table version.
    pub events_total: usize,
    /// The events of this page, in order.
    pub turns: Vec<Turn>,
    /// Cursor of the next page; `null` at the end.
    pub next: Option<String>,
    /// What it stands on.
    pub coverage: Coverage,
}

/// Orders a session: the running maximum of times keeps each stream in its own order.
const ORDER: &str = "
SELECT log_partition, leaf, coalesce(
         max(time) OVER (PARTITION BY stream ORDER BY stream_index ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
         min(time) OVER (PARTITION BY stream), committed_at) AS at
FROM events WHERE session = ";

const COLUMNS: &[&str] = &[
    "id",
    "kind",
    "time",
    "committed_at",
    "agent",
    "agent_version",
    "model",
    "tool",
    "tool_call_id",
    "subject",
    "error_type",
    "input_tokens",
    "output_tokens",
    "evaluation_name",
    "evaluation_score",
    "evaluation_label",
    "attested",
    "native_id",
    "log_partition",
    "leaf",
    "header",
];

impl Engine {
    /// A page of the transcript of `session`.
    ///
    /// # Errors
    /// See the module.
    pub async fn transcript(&self, session: &str, page: &Page) -> Result<Transcript> {
        if page.events_max == 0 || page.events_max > PAGE_EVENTS_MAX {
            return Err(QueryError::invalid(
                "events per page",
                format!("expected 1 to {PAGE_EVENTS_MAX}, found {}", page.events_max),
            ));
        }
        let after = page.after.as_deref().map(Cursor::parse).transpose()?;
        let order = self.session_order(session).await?;
        if order.is_empty() {
            return Err(QueryError::not_found(
                format!("session {session:?}"),
                "see `hansard sessions` for those that there are",
            ));
        }
        let from = after.map_or(0, |after| order.partition_point(|cursor| *cursor <= after));
        let wanted = &order[from..order.len().min(from + page.events_max)];
        let next = (from + wanted.len() < order.len()).then(|| wanted.last().map(ToString::to_string)).flatten();
        let (turns, coverage) = self.turns(session, wanted, page.chars_max).await?;
        Ok(Transcript { session: session.to_owned(), events_total: order.len(), turns, next, coverage })
    }

    /// The order of a session, kept for the pages that follow while nothing is there beyond the snapshot.
    async fn session_order(&self, session: &str) -> Result<Arc<Vec<Cursor>>> {
        let keep = !self.sees_fresh();
        if let Some(order) = self.orders().get(session).filter(|_| keep) {
            return Ok(order);
        }
        let order = Arc::new(self.read_order(session).await?);
        if keep {
            self.orders().insert(session.to_owned(), Arc::clone(&order));
        }
        Ok(order)
    }

    async fn read_order(&self, session: &str) -> Result<Vec<Cursor>> {
        let sql = format!("{ORDER}'{}'", session.replace('\'', "''"));
        let mut stream = self.stream_all(&sql).await?;
        let mut order = Vec::new();
        while let Some(batch) = stream.next().await? {
            order.extend(rows(&[batch]).map(|row| Cursor {
                at: row.int("at").unwrap_or_default(),
                partition: row.int("log_partition").unwrap_or_default(),
                leaf: row.int("leaf").unwrap_or_default(),
            }));
        }
        order.sort_unstable();
        Ok(order)
    }

    async fn turns(&self, session: &str, wanted: &[Cursor], chars_max: usize) -> Result<(Vec<Turn>, Coverage)> {
        if let Some(turns) = self.turns_by_place(wanted, chars_max).await? {
            return Ok((turns, self.coverage()));
        }
        let context = self.context()?;
        let filter = page_filter(session, wanted);
        let frame = context.table("events").await?.filter(filter.clone())?.select_columns(COLUMNS)?;
        let answer = self.collect(&context, frame).await?;
        let (mut said, coverage) = self.page_contents(&context, filter, chars_max).await?;
        let places: HashMap<(i64, i64), &Cursor> = wanted.iter().map(|c| ((c.partition, c.leaf), c)).collect();
        let mut turns: Vec<(&Cursor, Turn)> = Vec::with_capacity(wanted.len());
        for row in rows(&answer.batches) {
            let place = (row.int("log_partition").unwrap_or_default(), row.int("leaf").unwrap_or_default());
            if let Some(cursor) = places.get(&place) {
                let contents = said.remove(&place).unwrap_or_default();
                turns.push((cursor, turn(&row, cursor, contents)));
            }
        }
        turns.sort_by_key(|(cursor, _)| **cursor);
        Ok((turns.into_iter().map(|(_, turn)| turn).collect(), coverage))
    }

    /// The turns, read by their places; `None` where there is no index, or where a content must be looked up elsewhere.
    async fn turns_by_place(&self, wanted: &[Cursor], chars_max: usize) -> Result<Option<Vec<Turn>>> {
        let place = |c: &Cursor| Place::new(u32::try_from(c.partition).ok()?, u64::try_from(c.leaf).ok()?);
        let places: Vec<Place> = wanted.iter().filter_map(place).collect();
        let mut columns: Vec<&str> = COLUMNS.iter().copied().filter(|c| *c != "log_partition").collect();
        columns.extend(CONTENT_FIELDS);
        let cursors: HashMap<(i64, i64), &Cursor> = wanted.iter().map(|c| ((c.partition, c.leaf), c)).collect();
        let mut turns: Vec<(&Cursor, Turn)> = Vec::with_capacity(wanted.len());
        // A few at a time: contents are cut before the next are read.
        for some in places.chunks(ROWS_AT_ONCE) {
            for (partition, batch) in self.rows_at(some, &columns).await? {
                for n in 0..batch.num_rows() {
                    let row = Row::new(&batch, n);
                    let contents = picked::contents(&batch, n);
                    let Some(contents) = contents.filter(|all| all.iter().all(|c| c.bytes.is_some())) else {
                        return Ok(None);
                    };
                    let place = (i64::from(partition), row.int("leaf").unwrap_or_default());
                    if let Some(cursor) = cursors.get(&place) {
                        let said = contents.iter().map(|content| inline(content, chars_max)).collect();
                        turns.push((cursor, turn(&row, cursor, said)));
                    }
                }
            }
        }
        turns.sort_by_key(|(cursor, _)| **cursor);
        Ok((turns.len() == wanted.len()).then(|| turns.into_iter().map(|(_, turn)| turn).collect()))
    }

    async fn page_contents(
        &self,
        context: &SessionContext,
        filter: Expr,
        chars_max: usize,
    ) -> Result<(Contents, Coverage)> {
        let columns = ["log_partition", "leaf", "position", "name", "media_type", "size", "text"];
        let frame = context.table("contents").await?.filter(filter)?.select_columns(&columns)?;
        let mut stream = self.frame_stream(context, frame).await?;
        let mut found: HashMap<(i64, i64), Vec<(i64, Said)>> = HashMap::new();
        while let Some(batch) = stream.next().await? {
            for row in rows(&[batch]) {
                let place = (row.int("log_partition").unwrap_or_default(), row.int("leaf").unwrap_or_default());
                found.entry(place).or_default().push((row.int("position").unwrap_or_default(), said(&row, chars_max)));
            }
        }
        let in_order = found.into_iter().map(|(place, mut list)| {
            list.sort_by_key(|(position, _)| *position);
            (place, list.into_iter().map(|(_, said)| said).collect())
        });
        Ok((in_order.collect(), stream.coverage()))
    }
}

type Contents = HashMap<(i64, i64), Vec<Said>>;

/// The session's rows between the page's first and last leaf of each partition: what both scans read.
fn page_filter(session: &str, wanted: &[Cursor]) -> Expr {
    let mut ranges: HashMap<i64, (i64, i64)> = HashMap::new();
    for cursor in wanted {
        let range = ranges.entry(cursor.partition).or_insert((cursor.leaf, cursor.leaf));
        *range = (range.0.min(cursor.leaf), range.1.max(cursor.leaf));
    }
    let within = ranges.into_iter().map(|(partition, (from, to))| {
        let partition = lit(i32::try_from(partition).unwrap_or(i32::MAX));
        col("log_partition").eq(partition).and(col("leaf").between(lit(from), lit(to)))
    });
    let session = col("session").eq(lit(session));
    match within.reduce(Expr::or) {
        Some(within) => session.and(within),
        None => session.and(lit(false)),
    }
}

/// A content whose bytes stand in the row.
fn inline(content: &Picked<'_>, chars_max: usize) -> Said {
    let text = content.bytes.and_then(|bytes| std::str::from_utf8(bytes).ok());
    let words = text.map(|text| readable::text(text, content.media_type.unwrap_or_default()));
    let (text, cut) = words.map_or((None, false), |words| {
        let (text, cut) = readable::cut(&words, chars_max);
        (Some(text), cut)
    });
    Said {
        name: content.name.to_owned(),
        media_type: content.media_type.map(str::to_owned),
        size: content.size.unwrap_or_default(),
        text,
        cut,
    }
}

fn said(row: &Row<'_>, chars_max: usize) -> Said {
    let media_type = row.text("media_type");
    let words = row.str("text").map(|text| readable::text(text, media_type.as_deref().unwrap_or_default()));
    let (text, cut) = words.map_or((None, false), |words| {
        let (text, cut) = readable::cut(&words, chars_max);
        (Some(text), cut)
    });
    Said {
        name: row.text("name").unwrap_or_default(),
        media_type,
        size: row.int("size").unwrap_or_default(),
        text,
        cut,
    }
}

fn turn(row: &Row<'_>, cursor: &Cursor, contents: Vec<Said>) -> Turn {
    let text = |name: &str| row.text(name);
    let attribute = |path: &str| row.bytes("header").and_then(|header| json_get(header, path).ok().flatten());
    Turn {
        cursor: cursor.to_string(),
        id: text("id").unwrap_or_default(),
        kind: text("kind").unwrap_or_default(),
        role: attribute("$.data.attributes.hansard.role"),
        time: row.time("time"),
        committed_at: row.time("committed_at"),
        agent: text("agent"),
        agent_version: text("agent_version"),
        model: text("model"),
        tool: text("tool"),
        tool_call_id: text("tool_call_id"),
        subject: text("subject"),
        error_type: text("error_type"),
        input_tokens: row.int("input_tokens"),
        output_tokens: row.int("output_tokens"),
        evaluation_name: text("evaluation_name"),
        evaluation_score: row.float("evaluation_score"),
        evaluation_label: text("evaluation_label"),
        attested: text("attested"),
        native_id: text("native_id"),
        leaf: row.int("leaf"),
        contents,
    }
}
