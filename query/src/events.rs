//! One event: found by id, unique prefix of an id, or native id, and shown whole.
//!
//! Guarantee: a reference that fits several events is refused with the candidates, never guessed. Header and contents
//! are given verbatim; contents that are not UTF-8 come as hex.

use crate::context::Engine;
use crate::coverage::Coverage;
use crate::error::{QueryError, Result};
use crate::limits::{CANDIDATES_MAX, ID_PREFIX_CHARS_MIN};
use crate::picked::{self, CONTENT_FIELDS, Picked};
use crate::rows::{Row, rows};
use crate::tables::EVENT_COLUMNS;
use arrow::array::{ArrayRef, Int32Array, RecordBatch, new_null_array};
use arrow::datatypes::DataType;
use arrow::json::writer::{JsonArray, WriterBuilder};
use bytes::Bytes;
use datafusion::logical_expr::{Expr, col, lit};
use datafusion::prelude::{SessionContext, starts_with};
use schemas::digest::content_commitment;
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::Arc;
use store::index::{Found, columns_of};
use utoipa::ToSchema;

/// A content of an event.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ContentRecord {
    /// Name within the event.
    pub name: String,
    /// Media type.
    pub media_type: Option<String>,
    /// Bytes.
    pub size: Option<i64>,
    /// Commitment, hex.
    pub commitment: Option<String>,
    /// The bytes as text, where they are UTF-8.
    pub text: Option<String>,
    /// The bytes in hex, where they are not.
    pub hex: Option<String>,
    /// Digest of the blob that holds them, where they are large.
    pub blob: Option<String>,
    /// Whether the bytes could not be shown: erased, missing or too large.
    pub absent: bool,
}

/// An event, whole.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EventRecord {
    /// The columns of `events` but header, causes and contents.
    #[schema(value_type = Object)]
    pub columns: Map<String, Value>,
    /// The signed header, as JSON. Its bytes are in `header_hex`.
    #[schema(value_type = Object)]
    pub header: Value,
    /// The header's bytes, hex: what was signed.
    pub header_hex: String,
    /// Its contents.
    pub contents: Vec<ContentRecord>,
    /// Links to its causes.
    pub causes: Vec<Relation>,
    /// Links from its effects.
    pub effects: Vec<Relation>,
    /// Events under this id; more than one is an id conflict, and the first is shown.
    pub copies: usize,
    /// What it stands on.
    pub coverage: Coverage,
}

/// A link to another event.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Relation {
    /// The other event.
    pub id: String,
    /// How.
    pub relation: String,
    /// How the link is known.
    pub basis: String,
}

impl Engine {
    /// The id of the event that `reference` names: an id, a native id that fits one event, or a prefix of an id of at least
    /// eight characters that fits one event, in this order.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` with the candidates when several fit.
    pub async fn resolve(&self, reference: &str) -> Result<String> {
        let long_enough = reference.chars().count() >= ID_PREFIX_CHARS_MIN;
        let native = || col("native_id").eq(lit(reference));
        let mut tries: Vec<Expr> = match self.index().await? {
            None => vec![col("id").eq(lit(reference)), native()],
            Some(view) if !view.by_id(reference).await?.is_empty() => return Ok(reference.to_owned()),
            Some(view) => match view.by_native_id(reference).await?.as_slice() {
                [] => Vec::new(),
                [one] => return Ok(one.node.id.clone()),
                // The table tells whether that is one event or several.
                _ => vec![native()],
            },
        };
        if long_enough {
            tries.push(starts_with(col("id"), lit(reference)));
        }
        for filter in tries {
            if let Some(id) = self.only(reference, filter).await? {
                return Ok(id);
            }
        }
        let hint = if long_enough { "" } else { " (a prefix of an id needs at least 8 characters)" };
        Err(QueryError::not_found(
            format!("event {reference:?}"),
            format!("it is no id, prefix of an id or native id in table version {}{hint}", self.snapshot().version),
        ))
    }

    async fn only(&self, reference: &str, filter: Expr) -> Result<Option<String>> {
        let context = self.context()?;
        let columns = ["id", "kind", "session", "time"];
        let frame = context.table("events").await?.filter(filter)?.select_columns(&columns)?.limit(0, Some(1_000))?;
        let answer = self.collect(&context, frame).await?;
        let mut found: Vec<Row<'_>> = rows(&answer.batches).collect();
        found.sort_by_key(|row| row.str("id"));
        found.dedup_by_key(|row| row.str("id"));
        match found.as_slice() {
            [] => Ok(None),
            [one] => Ok(one.text("id")),
            several => Err(ambiguous(reference, several)),
        }
    }

    /// What narrows a look-up of the event `id` down to a few pages: where it stands, by the index.
    pub(crate) async fn around(&self, id: &str) -> Result<Option<Expr>> {
        let Some(view) = self.index().await? else { return Ok(None) };
        let found = view.by_id(id).await?;
        let one = found.iter().map(|f| {
            let at = col("log_partition").eq(lit(f.place.partition() as i32));
            let at = at.and(col("leaf").eq(lit(f.place.leaf() as i64)));
            match &f.node.session {
                Some(session) => at.and(col("session").eq(lit(session.as_str()))),
                None => at,
            }
        });
        Ok(one.reduce(Expr::or))
    }

    /// The event that `reference` names, whole.
    ///
    /// # Errors
    /// As [`Engine::resolve`].
    pub async fn event(&self, reference: &str) -> Result<EventRecord> {
        let id = self.resolve(reference).await?;
        if let Some(event) = self.event_by_place(&id).await? {
            return Ok(event);
        }
        let context = self.context()?;
        let mut named = col("id").eq(lit(id.as_str()));
        if let Some(around) = self.around(&id).await? {
            named = named.and(around);
        }
        let frame = context.table("events").await?.filter(named)?;
        let frame = frame.drop_columns(&["causes", "contents", "checkpoint", "frontier"])?;
        let answer = self.collect(&context, frame).await?;
        let Some(row) = rows(&answer.batches).next() else {
            return Err(QueryError::bug(format!("event {id} was found and is gone")));
        };
        let header = row.bytes("header").unwrap_or_default();
        let (contents, mut coverage) = self.event_contents(&context, &id).await?;
        coverage.rows_cut_at = None;
        let (causes, effects) = self.relations(&id).await?;
        Ok(EventRecord {
            columns: columns(&answer.batches)?,
            header: serde_json::from_slice(header).unwrap_or(Value::Null),
            header_hex: hex::encode(header),
            contents,
            causes,
            effects,
            copies: answer.rows(),
            coverage,
        })
    }

    async fn relations(&self, id: &str) -> Result<(Vec<Relation>, Vec<Relation>)> {
        let (index, ids) = (self.edges().await?, [Arc::from(id)]);
        let relation = |id: &Arc<str>, e: &crate::lineage::Edge| Relation {
            id: id.to_string(),
            relation: e.relation.to_string(),
            basis: e.basis.to_string(),
        };
        let mut causes: Vec<Relation> = index.causes(self, &ids).await?.iter().map(|e| relation(&e.to, e)).collect();
        let mut effects: Vec<Relation> =
            index.effects(self, &ids).await?.iter().map(|e| relation(&e.from, e)).collect();
        if let Some(view) = self.index().await? {
            for found in view.by_id(id).await? {
                causes.extend(view.same_bytes(&found, false).await?.iter().map(same_bytes));
                effects.extend(view.same_bytes(&found, true).await?.iter().map(same_bytes));
            }
        }
        Ok((causes, effects))
    }

    /// The event `id`, read by its place; `None` where there is no index, or where a content must be looked up elsewhere.
    async fn event_by_place(&self, id: &str) -> Result<Option<EventRecord>> {
        let Some(view) = self.index().await? else { return Ok(None) };
        let found = view.by_id(id).await?;
        let Some(first) = found.first() else { return Ok(None) };
        let mut wanted = vec!["leaf", "header"];
        wanted.extend(CONTENT_FIELDS);
        let Some((partition, batch)) = self.rows_at(&[first.place], &wanted).await?.pop() else { return Ok(None) };
        let Some(contents) = picked::contents(&batch, 0).filter(|all| all.iter().all(|c| c.bytes.is_some())) else {
            return Ok(None);
        };
        let header = Bytes::copy_from_slice(Row::new(&batch, 0).bytes("header").unwrap_or_default());
        let Some(shown) = columns_of(first, &header)? else { return Ok(None) };
        let (causes, effects) = self.relations(id).await?;
        Ok(Some(EventRecord {
            columns: columns(&[in_table(&shown, partition)?])?,
            header: serde_json::from_slice(&header).unwrap_or(Value::Null),
            header_hex: hex::encode(&header),
            contents: contents.iter().map(inline).collect(),
            causes,
            effects,
            copies: found.len(),
            coverage: self.coverage(),
        }))
    }

    async fn event_contents(&self, context: &SessionContext, id: &str) -> Result<(Vec<ContentRecord>, Coverage)> {
        let mut named = col("event_id").eq(lit(id));
        if let Some(around) = self.around(id).await? {
            named = named.and(around);
        }
        let frame = context.table("contents").await?.filter(named)?;
        let columns = ["position", "name", "media_type", "size", "commitment", "bytes", "blob"];
        let answer = self
            .collect(context, frame.select_columns(&columns)?.sort(vec![col("position").sort(true, true)])?)
            .await?;
        Ok((rows(&answer.batches).map(|row| content(&row)).collect(), answer.coverage))
    }
}

/// Columns of `events` that are no columns of segments, or that are shown apart.
const DROPPED: [&str; 5] = ["log_partition", "causes", "contents", "checkpoint", "frontier"];

/// The columns of `events` that are shown, of a row of a segment.
fn in_table(batch: &RecordBatch, partition: u32) -> Result<RecordBatch> {
    let shown = EVENT_COLUMNS.iter().filter(|c| **c == "log_partition" || !DROPPED.contains(c));
    let column = |name: &&str| -> (String, ArrayRef) {
        let array: ArrayRef = match batch.column_by_name(name) {
            Some(array) => Arc::clone(array),
            None if *name == "log_partition" => Arc::new(Int32Array::from(vec![partition as i32; batch.num_rows()])),
            // A column that is younger than the segment.
            None => new_null_array(&DataType::Utf8, batch.num_rows()),
        };
        ((*name).to_owned(), array)
    };
    Ok(RecordBatch::try_from_iter_with_nullable(shown.map(column).map(|(name, array)| (name, array, true)))?)
}

/// A link by equal bytes.
fn same_bytes(other: &Found) -> Relation {
    Relation { id: other.node.id.clone(), relation: "same_bytes".to_owned(), basis: "content".to_owned() }
}

/// A content whose bytes stand in the row.
fn inline(content: &Picked<'_>) -> ContentRecord {
    let bytes = content.bytes.unwrap_or_default();
    let text = std::str::from_utf8(bytes).ok();
    ContentRecord {
        name: content.name.to_owned(),
        media_type: content.media_type.map(str::to_owned),
        size: content.size,
        commitment: content.salt.map(|salt| hex::encode(content_commitment(salt, bytes))),
        text: text.map(str::to_owned),
        hex: text.is_none().then(|| hex::encode(bytes)),
        blob: None,
        absent: false,
    }
}

fn content(row: &Row<'_>) -> ContentRecord {
    let bytes = row.bytes("bytes");
    let text = bytes.and_then(|b| std::str::from_utf8(b).ok());
    ContentRecord {
        name: row.text("name").unwrap_or_default(),
        media_type: row.text("media_type"),
        size: row.int("size"),
        commitment: row.bytes("commitment").map(hex::encode),
        text: text.map(str::to_owned),
        hex: bytes.filter(|_| text.is_none()).map(hex::encode),
        blob: row.text("blob"),
        absent: bytes.is_none(),
    }
}

fn columns(batches: &[arrow::array::RecordBatch]) -> Result<Map<String, Value>> {
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(Vec::new());
    for batch in batches {
        writer.write(batch)?;
    }
    writer.finish()?;
    let mut rows: Vec<Map<String, Value>> = serde_json::from_slice(&writer.into_inner()).map_err(QueryError::bug)?;
    if rows.is_empty() {
        return Ok(Map::new());
    }
    let mut first = rows.swap_remove(0);
    first.remove("header");
    Ok(first)
}

fn ambiguous(reference: &str, found: &[Row<'_>]) -> QueryError {
    let shown = found.iter().take(CANDIDATES_MAX).map(|row| {
        let part = |name: &str| row.str(name).unwrap_or("-").to_owned();
        format!(
            "{} ({}, session {}, {})",
            part("id"),
            part("kind"),
            part("session"),
            row.time("time").unwrap_or_else(|| "no time".to_owned())
        )
    });
    let shown: Vec<String> = shown.collect();
    let more = if found.len() > CANDIDATES_MAX { ", ..." } else { "" };
    QueryError::invalid(
        format!("event {reference:?}"),
        format!("{} events answer to it, give one of their ids: {}{more}", found.len(), shown.join("; ")),
    )
}
