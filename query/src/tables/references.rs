//! The bytes behind contents that were sent by reference, and behind blobs.
//!
//! Guarantee: a reference is resolved to the opening of the same commitment in the same stream, whatever became of
//! that row. What is not found is not there in this table version: erased, or never sent. At most
//! `REFERENCE_CACHE_BYTES` are kept between look-ups. Storage that fails, fails the query; an absent blob does not.

use crate::limits::REFERENCE_CACHE_BYTES;
use crate::tables::explode::{Exploded, Sent};
use crate::tables::log_table::{LogTable, Scan};
use arrow::datatypes::SchemaRef;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::{col, lit};
use datafusion::physical_plan::{ExecutionPlanProperties, execute_stream};
use futures::StreamExt;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use store::layout;
use store::location::Storage;

/// (stream, commitment) of a content.
pub(super) type Key = (String, Vec<u8>);

/// What a commitment opens to.
#[derive(Debug, Clone)]
pub(super) struct Opened {
    pub(super) salt: Vec<u8>,
    /// `None` when the bytes lie in a blob.
    pub(super) bytes: Option<Arc<[u8]>>,
    pub(super) blob: Option<String>,
}

/// Looks references up in the log's rows.
#[derive(Debug)]
pub(super) struct References {
    pub(super) log: LogTable,
    pub(super) described: SchemaRef,
    pub(super) storage: Storage,
}

/// Openings that a scan knows already.
#[derive(Debug, Default)]
pub(super) struct Known {
    opened: HashMap<Key, Option<Opened>>,
    bytes: usize,
}

impl Known {
    pub(super) fn get(&self, key: &Key) -> Option<&Opened> {
        self.opened.get(key).and_then(Option::as_ref)
    }

    fn put(&mut self, key: Key, opened: Option<Opened>) {
        self.bytes += opened.as_ref().and_then(|o| o.bytes.as_ref()).map_or(0, |b| b.len()) + 128;
        self.opened.insert(key, opened);
    }

    /// Makes room before a batch is resolved, so that what the batch needs stays until it is done.
    fn make_room(&mut self) {
        if self.bytes > REFERENCE_CACHE_BYTES {
            *self = Self::default();
        }
    }
}

impl References {
    /// Makes `known` hold the openings of all references among `rows`, taking those that `batch` holds itself first.
    pub(super) async fn resolve(
        &self,
        task: &Arc<TaskContext>,
        rows: &Sent<'_>,
        count: usize,
        known: &mut Known,
    ) -> Result<()> {
        known.make_room();
        let mut wanted: HashSet<Key> = HashSet::new();
        for content in (0..count).map(|row| rows.get(row)) {
            let key = if content.is_reference() { content.key() } else { continue };
            if !known.opened.contains_key(&key) {
                wanted.insert(key);
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        self.look_up(task, &mut wanted, known).await?;
        for absent in wanted {
            known.put(absent, None);
        }
        Ok(())
    }

    async fn look_up(&self, task: &Arc<TaskContext>, wanted: &mut HashSet<Key>, known: &mut Known) -> Result<()> {
        let streams: HashSet<&str> = wanted.iter().map(|(stream, _)| stream.as_str()).collect();
        let filter = col("stream").in_list(streams.into_iter().map(lit).collect(), false);
        let state = SessionStateBuilder::new()
            .with_config(task.session_config().clone())
            .with_runtime_env(task.runtime_env())
            .build();
        let columns = super::contents::event_columns(&self.log)?;
        let scan = Scan { projection: Some(&columns), filters: &[filter], limit: None, evaluate: true };
        let plan = self.log.plan(&state, &scan)?;
        if plan.output_partitioning().partition_count() == 0 {
            return Ok(());
        }
        let mut rows = execute_stream(plan, Arc::clone(task))?;
        while let Some(events) = rows.next().await {
            let exploded = Exploded::new(&events?, &self.described)?;
            let sent = exploded.sent()?;
            for content in (0..exploded.rows()).map(|row| sent.get(row)) {
                let Some(salt) = content.salt else { continue };
                let key = content.key();
                if wanted.remove(&key) {
                    let opened = Opened {
                        salt: salt.to_vec(),
                        bytes: content.bytes.map(Arc::from),
                        blob: content.blob.map(str::to_owned),
                    };
                    known.put(key, Some(opened));
                }
            }
            if wanted.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// The bytes of a blob; `None` when there is no such object.
    pub(super) async fn blob(&self, digest: &str) -> Result<Option<bytes::Bytes>> {
        self.storage.get(&layout::blob(digest)).await.map_err(|e| DataFusionError::External(Box::new(e)))
    }
}
