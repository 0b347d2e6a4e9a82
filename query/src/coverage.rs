//! What an answer stands on, and what it could not see.
//!
//! Guarantee: every answer of this crate carries one; a count that is not known is `None`, never zero.

use crate::fresh::Fresh;
use schemas::columns::RowClass;
use serde::Serialize;
use std::collections::BTreeMap;
use store::snapshot::Snapshot;
use utoipa::ToSchema;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Coverage {
    /// Version of the Delta table that was read.
    pub table_version: u64,
    /// Leaves in the trees of all partitions at that version.
    pub tree_size: u64,
    /// Rows of class `event` at that version.
    pub events: u64,
    /// Records that failed a check, kept apart in `rejects`.
    pub rejects: u64,
    /// Gaps, forks and conflicts that the record shows about itself, in `findings`.
    pub findings: u64,
    /// Findings that nothing has settled since: all but gaps that a late arrival closed.
    pub findings_open: u64,
    /// Log records that are acknowledged but seen neither in this version nor in the tail; `null` when the log was not asked.
    pub uncommitted: Option<u64>,
    /// Events of this answer's ground that are verified and not committed yet; they are seen, and counted in `events`.
    pub fresh: u64,
    /// Contents that this answer wanted but that are erased, or whose bytes the table does not hold.
    pub contents_missing: u64,
    /// Contents that are too large for SQL and were left as blobs.
    pub contents_not_loaded: u64,
    /// The answer stops here because of a row limit, not because there is no more.
    pub rows_cut_at: Option<usize>,
}

impl Coverage {
    /// Coverage of `snapshot`; `log_next` holds the log's next offset by partition, where the caller knows it.
    #[must_use]
    pub fn of(snapshot: &Snapshot, log_next: Option<&BTreeMap<u32, u64>>) -> Self {
        let rows = |class: RowClass| snapshot.files.iter().filter(|f| f.class == class).map(|f| f.rows).sum();
        let behind = |(partition, next): (&u32, &u64)| {
            next.saturating_sub(snapshot.heads.get(partition).map_or(0, |head| head.offset))
        };
        Self {
            table_version: snapshot.version,
            tree_size: snapshot.tree_size(),
            events: rows(RowClass::Event),
            rejects: rows(RowClass::Reject),
            findings: rows(RowClass::Finding),
            uncommitted: log_next.map(|next| next.iter().map(behind).sum()),
            ..Self::default()
        }
    }

    /// With the rows of the tail that are seen as well.
    pub(crate) fn with_fresh(self, snapshot: &Snapshot, fresh: &Fresh, log_next: Option<&BTreeMap<u32, u64>>) -> Self {
        let seen = fresh.offsets();
        let at = |p: &u32| seen.get(p).copied().or_else(|| snapshot.heads.get(p).map(|head| head.offset)).unwrap_or(0);
        let events = fresh.count(RowClass::Event);
        Self {
            events: self.events + events,
            rejects: self.rejects + fresh.count(RowClass::Reject),
            findings: self.findings + fresh.count(RowClass::Finding),
            uncommitted: log_next.map(|next| next.iter().map(|(p, next)| next.saturating_sub(at(p))).sum()),
            fresh: events,
            ..self
        }
    }

    /// One line for people.
    #[must_use]
    pub fn sentence(&self) -> String {
        let mut parts = vec![format!("table version {}, tree size {}", self.table_version, self.tree_size)];
        let mut count = |n: u64, one: &str, many: &str| {
            if n > 0 {
                parts.push(format!("{n} {}", if n == 1 { one } else { many }));
            }
        };
        count(self.fresh, "event not yet committed included", "events not yet committed included");
        count(self.uncommitted.unwrap_or(0), "log record not yet committed", "log records not yet committed");
        count(self.rejects, "rejected record", "rejected records");
        count(self.findings_open, "open finding", "open findings");
        count(self.contents_missing, "content missing or erased", "contents missing or erased");
        count(self.contents_not_loaded, "content too large to load", "contents too large to load");
        if let Some(rows) = self.rows_cut_at {
            parts.push(format!("cut at {rows} rows"));
        }
        parts.join("; ")
    }
}
