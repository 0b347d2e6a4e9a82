//! What the record holds that can be measured: evaluations, tools and models by name.
//!
//! Guarantee: names are bounded, the most frequent first; the names of tools are asked for only where looking at calls
//! tool by tool is wanted or cheap.

use super::limits::{DETAILED_EVENTS_MAX, EVALUATIONS_MAX, MODELS_MAX, TOOLS_MAX};
use crate::context::Engine;
use crate::error::{QueryError, Result};
use crate::rows::rows;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Profile {
    pub(super) evaluations: Vec<String>,
    /// `None`: not asked for.
    pub(super) tools: Option<Vec<String>>,
    pub(super) models: Vec<String>,
    /// The table has findings.
    pub(super) findings: bool,
    /// Headers are read.
    pub(super) headers: bool,
}

impl Profile {
    /// Of the runs that `runs` selects, with tools and headers where that is wanted or the table is small; of a large
    /// table, and where `runs` is no question by itself, of the whole table.
    pub(super) async fn of(engine: &Engine, detailed: bool, runs: &str) -> Result<Self> {
        let coverage = engine.coverage();
        let detailed = detailed || coverage.events <= DETAILED_EVENTS_MAX;
        let within = format!(" AND session IN (SELECT run FROM ({runs}))");
        match Self::within(engine, detailed, if detailed { &within } else { "" }).await {
            Err(QueryError::Invalid { .. }) => Self::within(engine, detailed, "").await,
            done => done,
        }
    }

    async fn within(engine: &Engine, detailed: bool, within: &str) -> Result<Self> {
        let coverage = engine.coverage();
        let names = async |column: &str, filter: &str, most: usize| {
            let sql = format!(
                "SELECT {column} AS name, count(*) AS n FROM events WHERE {column} IS NOT NULL AND session IS NOT NULL{filter}{within} \
                 GROUP BY {column} ORDER BY n DESC, name LIMIT {most}"
            );
            let answer = engine.sql_rows(&sql, most).await?;
            Ok::<_, crate::QueryError>(rows(&answer.batches).filter_map(|row| row.text("name")).collect::<Vec<_>>())
        };
        Ok(Self {
            evaluations: names("evaluation_name", "", EVALUATIONS_MAX).await?,
            tools: if detailed { Some(names("tool", " AND kind = 'tool.call'", TOOLS_MAX).await?) } else { None },
            models: names("model", " AND (input_tokens IS NOT NULL OR output_tokens IS NOT NULL)", MODELS_MAX).await?,
            findings: coverage.findings > 0,
            headers: detailed,
        })
    }
}
