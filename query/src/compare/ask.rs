//! [`Engine::compare`]: from a question to a report.
//!
//! Guarantee: one snapshot answers all of it, and the report names its version, trees and roots. Statistics run apart from
//! the threads that serve. Fails as [`QueryError`] says: what is wrong with the question is named before runs are read.

use super::compare::{ArmValue, Detail, Figures, Work, figures};
use super::plan::Plan;
use super::question::Question;
use super::report::{Command, PartitionHead, Provenance, Report};
use super::table::RunTable;
use super::words::Words;
use crate::context::Engine;
use crate::coverage::Coverage;
use crate::error::{QueryError, Result};
use serde::Serialize;
use std::sync::Arc;

/// An answer to a [`Question`].
#[derive(Debug, Clone, Serialize)]
pub struct Compared {
    /// What people read.
    pub report: Report,
    /// All statistics of all measures.
    pub details: Vec<Detail>,
    /// Each measure over all runs of each arm.
    pub values: Vec<ArmValue>,
    /// The question that loaded the runs.
    pub sql: String,
    /// What it stands on.
    pub coverage: Coverage,
}

impl Engine {
    /// Compares arms of runs.
    ///
    /// # Errors
    /// See the module.
    pub async fn compare(&self, question: &Question) -> Result<Compared> {
        let plan = Plan::of(self, question).await?;
        let sql = plan.load_sql();
        let table = RunTable::load(self, &sql, plan.texts(), plan.measures.len(), plan.arms.len()).await?;
        for (arm, runs) in plan.arms.iter().zip(&table.arms) {
            if runs.is_empty() {
                let detail = "no run is in it; `hansard sessions` lists runs with agent, version, variant and task";
                return Err(QueryError::not_found(format!("selection {} ({})", arm.name, arm.text), detail));
            }
        }
        let coverage = table.coverage.clone();
        let (bh, sequential) = (question.bh, question.sequential);
        let threads = self.runtime().limits().parallel.max(1);
        let (plan, table) = (Arc::new(plan), Arc::new(table));
        let work = move || {
            let mut arms = table.arms.clone();
            arms.iter_mut().for_each(|runs| table.in_time(runs));
            let figures = figures(&Work { plan: &plan, table: &table, bh, sequential, threads }, &arms);
            let report = Words { plan: &plan, table: &table, arms: &arms, figures: &figures, bh, sequential }.report();
            let prices = figures.details.iter().any(|d| d.measure == "cost");
            let prices = prices.then(|| {
                let example = if plan.prices.is_example() { " (example)" } else { "" };
                format!("{}{example}", plan.prices.version())
            });
            let Figures { details, values, .. } = figures;
            (report, details, values, prices)
        };
        let (mut report, details, values, prices) = tokio::task::spawn_blocking(work).await.map_err(QueryError::bug)?;
        report.provenance = self.provenance(&coverage);
        report.provenance.prices = prices;
        if let Some(measure) = &question.drift {
            self.add_drift(question, measure, &mut report).await?;
        }
        Ok(Compared { report, details, values, sql, coverage })
    }

    /// What a report stands on.
    pub(super) fn provenance(&self, coverage: &Coverage) -> Provenance {
        let snapshot = self.snapshot();
        let heads = snapshot.heads.iter().map(|(partition, head)| PartitionHead {
            partition: *partition,
            size: head.tree.size(),
            root: head.tree.root().to_hex(),
        });
        let command = |does: &str, line: &str| Command { does: does.to_owned(), line: line.to_owned() };
        Provenance {
            store: snapshot.identity.origin.clone(),
            table_version: i64::try_from(snapshot.version).unwrap_or(i64::MAX),
            heads: heads.collect(),
            coverage: coverage.sentence(),
            commands: vec![
                command("Check the whole record, its trees and signatures", "hansard verify"),
                command("Write the proof of an event of a run, to be checked elsewhere", "hansard proof EVENT"),
            ],
            ..Provenance::default()
        }
    }
}
