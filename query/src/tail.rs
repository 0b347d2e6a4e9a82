//! Events as they are committed, from a position on.
//!
//! Guarantee: every event of the class `event` at or after the position that passes the filter is given once, in the
//! order of (commit, partition, leaf) within a step; the position after a step says all that is needed to go on, in this
//! process or another. A step reads at most [`STEP_LEAVES`] leaves of each partition. Fails as a query fails; the
//! position then stays.

use crate::context::Engine;
use crate::error::{QueryError, Result};
use crate::output::{Format, write_answer};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Leaves of a partition that one step looks at.
pub const STEP_LEAVES: u64 = 10_000;

/// Columns of an event in a tail.
const COLUMNS: &str = "id, time, committed_at, log_partition, leaf, kind, source, subject, session, agent, agent_version, task, tool, model, \
                       input_tokens, output_tokens, error_type, attested";

/// Where a tail stands: the next leaf of each partition. Its text form is `0:17,3:4`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position(BTreeMap<u32, u64>);

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, (partition, leaf)) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_char(',')?;
            }
            write!(f, "{partition}:{leaf}")?;
        }
        Ok(())
    }
}

impl std::str::FromStr for Position {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self> {
        let bad = || QueryError::invalid("position", format!("expected PARTITION:LEAF,..., found {text:?}"));
        let one = |part: &str| -> Option<(u32, u64)> {
            let (partition, leaf) = part.split_once(':')?;
            Some((partition.parse().ok()?, leaf.parse().ok()?))
        };
        let parts = text.split(',').filter(|part| !part.is_empty());
        parts.map(one).collect::<Option<_>>().map(Self).ok_or_else(bad)
    }
}

impl Position {
    /// Behind everything that the engine's snapshot holds, less the newest `back` leaves of each partition.
    #[must_use]
    pub fn end(engine: &Engine, back: u64) -> Self {
        let heads = &engine.snapshot().heads;
        Self(heads.iter().map(|(p, head)| (*p, head.tree.size().saturating_sub(back))).collect())
    }

    /// Whether the engine's snapshot holds something at or after it.
    #[must_use]
    pub fn is_behind(&self, engine: &Engine) -> bool {
        engine.snapshot().heads.iter().any(|(p, head)| self.at(*p) < head.tree.size())
    }

    pub(crate) fn at(&self, partition: u32) -> u64 {
        self.0.get(&partition).copied().unwrap_or_default()
    }

    /// The position after one step, and the condition that selects the step's rows; `None` when there is nothing.
    fn step(&self, engine: &Engine) -> Option<(Self, String)> {
        let (mut next, mut ranges) = (self.clone(), Vec::new());
        for (partition, head) in &engine.snapshot().heads {
            let from = self.at(*partition);
            let to = head.tree.size().min(from.saturating_add(STEP_LEAVES));
            if from < to {
                ranges.push(format!("(log_partition = {partition} AND leaf >= {from} AND leaf < {to})"));
                next.0.insert(*partition, to);
            }
        }
        (!ranges.is_empty()).then(|| (next, ranges.join(" OR ")))
    }
}

impl Engine {
    /// One step from `position`: the events as JSON, one a line, and the position after them. `filter` is an SQL
    /// condition on `events`.
    ///
    /// # Errors
    /// `Invalid` when the filter is no condition, else as a query.
    pub async fn tail(&self, position: &Position, filter: Option<&str>) -> Result<(Vec<String>, Position)> {
        let Some((next, range)) = position.step(self) else { return Ok((Vec::new(), position.clone())) };
        let filter = filter.map_or_else(String::new, |f| format!(" AND ({f})"));
        let sql =
            format!("SELECT {COLUMNS} FROM events WHERE ({range}){filter} ORDER BY committed_at, log_partition, leaf");
        let answer = self.sql_rows(&sql, usize::MAX).await?;
        let mut out = Vec::new();
        write_answer(Format::NdJson, &answer, &mut out)?;
        let lines = String::from_utf8_lossy(&out).lines().map(str::to_owned).collect();
        Ok((lines, next))
    }
}
