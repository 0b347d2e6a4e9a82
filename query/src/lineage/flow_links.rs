//! The record as the flow algorithm asks for it: sessions, writers and readers of keys, senders and receivers, by SQL.
//!
//! Guarantee: answers for the engine's snapshot; the order of events is their own time, else that of their commit, and
//! then their place in the log. Blocking: to be used on a thread that may block. Fails as a query fails.

use crate::context::Engine;
use crate::error::QueryError;
use crate::flow::event::{FlowEvent, FlowKind};
use crate::flow::links::{LinkError, Links, Looked, Place};
use crate::flow::stored::{Stored, StoredContent};
use crate::rows::{Row, rows};
use arrow::array::RecordBatch;
use datafusion::logical_expr::{Expr, SortExpr, col, lit};
use schemas::header::{Header, all_attributes};
use std::collections::HashMap;
use store::error::StoreError;
use store::index::View;
use store::policy::Sighting;
use tokio::runtime::Handle;

/// Kinds that write a resource.
const WRITES: [&str; 4] = ["memory.write", "memory.delete", "file.write", "file.delete"];
/// Kinds that read a resource.
const READS: [&str; 3] = ["memory.read", "file.read", "retrieval"];
/// Bits of an event's order that its place in the log takes up.
const PLACE_BITS: u32 = 12;
/// Writes of a key, or links to an act, that one look-up reads.
const LOOKED_UP_MAX: usize = 100_000;

/// See the module.
#[derive(Debug)]
pub(super) struct EngineLinks {
    pub(super) engine: Engine,
    pub(super) runtime: Handle,
}

/// A text content: event, name, media type, text.
type Texts = HashMap<String, Vec<(String, String, String)>>;

impl EngineLinks {
    fn ask(
        &self,
        table: &str,
        filter: Expr,
        columns: &[&str],
        sort: Vec<SortExpr>,
        rows_max: usize,
    ) -> Looked<Vec<RecordBatch>> {
        let ask = async {
            let context = self.engine.context()?;
            let mut frame = context.table(table).await?.filter(filter)?;
            if !sort.is_empty() {
                frame = frame.sort(sort)?;
            }
            let frame = frame.select_columns(columns)?.limit(0, (rows_max < usize::MAX).then_some(rows_max))?;
            Ok::<_, QueryError>(self.engine.collect(&context, frame).await?.batches)
        };
        self.runtime.block_on(ask).map_err(|e| LinkError(e.to_string()))
    }

    fn texts(&self, session: &str) -> Looked<Texts> {
        let filter = col("session").eq(lit(session)).and(col("text").is_not_null());
        let columns = ["event_id", "position", "name", "media_type", "text"];
        let sort = vec![col("event_id").sort(true, true), col("position").sort(true, true)];
        let mut texts = Texts::new();
        for row in rows(&self.ask("contents", filter, &columns, sort, usize::MAX)?) {
            let said = |name: &str| row.str(name).unwrap_or_default().to_owned();
            texts.entry(said("event_id")).or_default().push((said("name"), said("media_type"), said("text")));
        }
        Ok(texts)
    }

    /// Events that read or write a key, in order.
    fn of_key(&self, key: &str, kinds: &[&str]) -> Looked<Vec<(u64, Place, bool)>> {
        let kinds = kinds.iter().map(|k| lit(*k)).collect();
        let filter = col("resource").eq(lit(key)).and(col("kind").in_list(kinds, false));
        let columns = ["id", "session", "time", "committed_at", "leaf", "header"];
        let batches = self.ask("events", filter, &columns, Vec::new(), LOOKED_UP_MAX)?;
        let edits = |row: &Row<'_>| {
            let act = all_attributes(row.bytes("header").unwrap_or_default()).remove("hansard.act");
            act.as_ref().and_then(|a| a.as_str()) == Some("edit")
        };
        let mut found: Vec<_> = rows(&batches).map(|row| (order(&row), place(&row, "id"), edits(&row))).collect();
        found.sort_by(|a, b| (a.0, &a.1.event).cmp(&(b.0, &b.1.event)));
        Ok(found)
    }

    /// The event, and what the policy in force says of its trust.
    fn judged(&self, row: &Row<'_>, texts: &Texts) -> Option<FlowEvent> {
        let mut event = flow_event(row, texts)?;
        let Some(untrusted) = self.engine.runtime().untrusted() else { return Some(event) };
        let attributes = all_attributes(row.bytes("header").unwrap_or_default());
        let why = untrusted.why(Sighting {
            kind: row.str("kind").unwrap_or_default(),
            tool: row.str("tool"),
            source: row.str("source").unwrap_or_default(),
            data_source: attributes.get("gen_ai.data_source.id").and_then(|v| v.as_str()),
            // The record holds events of registered keys only.
            registered: true,
            own_tenant: row.str("tenant") == Some(self.engine.snapshot().identity.tenant.as_str()),
        });
        match event.kind {
            FlowKind::System | FlowKind::User => {
                event.untrusted = event.untrusted.or_else(|| why.map(|why| format!("{why:?}").to_lowercase()));
            }
            _ => event.vouched = why.is_none(),
        }
        Some(event)
    }

    fn view(&self) -> Looked<Option<View>> {
        self.runtime.block_on(self.engine.index()).map_err(|e| LinkError(e.to_string()))
    }

    /// Events that state one of `ids` as a cause.
    fn caused_by(&self, id: &str) -> Looked<Vec<Place>> {
        if let Some(view) = self.view()? {
            let ask = async {
                let mut places = Vec::new();
                for link in view.naming(id).await? {
                    let held = view.by_id(&link.id).await?;
                    let session = held.first().and_then(|f| f.node.session.clone()).unwrap_or_default();
                    places.push(Place { event: link.id.to_string(), session });
                }
                Ok::<_, StoreError>(places)
            };
            return self.runtime.block_on(ask).map_err(|e| LinkError(e.to_string()));
        }
        let columns = ["from_id", "session"];
        let batches = self.ask("stated_edges", col("to_id").eq(lit(id)), &columns, Vec::new(), LOOKED_UP_MAX)?;
        Ok(rows(&batches).map(|row| place(&row, "from_id")).collect())
    }
}

impl Links for EngineLinks {
    fn session_of(&self, event: &str) -> Looked<Option<String>> {
        if let Some(view) = self.view()? {
            let found = self.runtime.block_on(view.by_id(event)).map_err(|e| LinkError(e.to_string()))?;
            return Ok(found.first().map(|f| f.node.session.clone().unwrap_or_default()));
        }
        let batches = self.ask("events", col("id").eq(lit(event)), &["session"], Vec::new(), 1)?;
        Ok(rows(&batches).next().map(|row| row.text("session").unwrap_or_default()))
    }

    fn session(&self, session: &str, events_max: usize) -> Looked<Vec<FlowEvent>> {
        let columns =
            ["id", "session", "agent", "kind", "time", "committed_at", "leaf", "header", "tool", "source", "tenant"];
        let filter = col("session").eq(lit(session));
        // The first ones where there are too many; their exact order is settled below.
        let sort =
            vec![col("time").sort(true, true), col("committed_at").sort(true, true), col("leaf").sort(true, true)];
        let batches = self.ask("events", filter, &columns, sort, events_max)?;
        let texts = self.texts(session)?;
        let mut events: Vec<FlowEvent> = rows(&batches).filter_map(|row| self.judged(&row, &texts)).collect();
        events.sort_by(|a, b| (a.order, &a.id).cmp(&(b.order, &b.id)));
        Ok(events)
    }

    fn last_writer(&self, key: &str, before: u64) -> Looked<Option<Place>> {
        let writes = self.of_key(key, &WRITES)?;
        Ok(writes.into_iter().rfind(|(at, ..)| *at < before).map(|(_, place, _)| place))
    }

    fn readers(&self, write: &str, key: &str, at: u64, reads_max: usize) -> Looked<Vec<Place>> {
        let writes = self.of_key(key, &WRITES)?;
        let until = writes.iter().find(|(moment, _, edits)| *moment > at && !edits).map_or(u64::MAX, |(m, ..)| *m);
        let reads = self.of_key(key, &READS)?.into_iter().filter(|(moment, ..)| *moment > at && *moment < until);
        Ok(reads.map(|(_, place, _)| place).chain(self.caused_by(write)?).take(reads_max).collect())
    }

    fn sender(&self, message: &FlowEvent) -> Looked<Option<Place>> {
        let relations = ["responds_to", "delegated_by", "derived_from"];
        for (id, relation) in &message.causes {
            if !relations.contains(&relation.as_str()) {
                continue;
            }
            if let Some(session) = self.session_of(id)?.filter(|s| *s != message.session) {
                return Ok(Some(Place { event: id.clone(), session }));
            }
        }
        Ok(None)
    }

    fn receivers(&self, act: &str) -> Looked<Vec<Place>> {
        let own = self.session_of(act)?;
        Ok(self.caused_by(act)?.into_iter().filter(|place| Some(&place.session) != own.as_ref()).collect())
    }
}

fn place(row: &Row<'_>, id: &str) -> Place {
    let said = |name: &str| row.str(name).unwrap_or_default().to_owned();
    Place { event: said(id), session: said("session") }
}

/// Microseconds in the upper bits, the place in the log in the lower ones. Events without a time have that of their
/// commit, which many share, so that the whole of their place is added.
fn order(row: &Row<'_>) -> u64 {
    let number = |name: &str| row.int(name).and_then(|n| u64::try_from(n).ok());
    let leaf = number("leaf").unwrap_or_default();
    match number("time") {
        Some(time) => (time << PLACE_BITS) | (leaf & ((1 << PLACE_BITS) - 1)),
        None => (number("committed_at").unwrap_or_default() << PLACE_BITS).saturating_add(leaf),
    }
}

fn flow_event(row: &Row<'_>, texts: &Texts) -> Option<FlowEvent> {
    let header = row.bytes("header")?;
    let parsed = Header::parse(header).ok()?;
    let causes: Vec<(String, String)> = parsed.data.causes.iter().map(|c| (c.id.clone(), c.relation.clone())).collect();
    let contents: Vec<StoredContent<'_>> = texts
        .get(&parsed.id)
        .into_iter()
        .flatten()
        .map(|(name, media_type, text)| StoredContent { name, media_type, text })
        .collect();
    let stored = Stored {
        id: &parsed.id,
        session: row.str("session").unwrap_or_default(),
        agent: row.str("agent").unwrap_or_default(),
        kind: row.str("kind").unwrap_or_default(),
        attributes: &all_attributes(header),
        contents: &contents,
        causes: &causes,
        order: order(row),
    };
    Some(stored.flow_event())
}
