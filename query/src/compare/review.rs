//! The report card of one agent: a period against the one before it and against the agent's peers.
//!
//! Guarantee: the same measures and statistics as in a comparison; a past or peers that there are not are said, not made up.

use super::ask::Compared;
use super::compare::ArmValue;
use super::question::Question;
use super::report::{Report, Segment};
use super::select::literal;
use crate::context::Engine;
use crate::coverage::Coverage;
use crate::error::{QueryError, Result};
use crate::rows::rows;
use serde::Serialize;

/// Incidents, denials and findings that are listed.
const LISTED_MAX: usize = 50;

/// Which agent, and when; times in microseconds since 1970.
#[derive(Debug, Clone)]
pub struct Period {
    /// Agent.
    pub agent: String,
    /// Beginning.
    pub from_us: i64,
    /// End, not included.
    pub until_us: i64,
}

/// Something that happened.
#[derive(Debug, Clone, Serialize)]
pub struct Happened {
    /// When.
    pub time: Option<String>,
    /// Kind, or the policy's check.
    pub what: String,
    /// Run.
    pub run: Option<String>,
    /// Event.
    pub event: String,
}

/// A report card.
#[derive(Debug, Clone, Serialize)]
pub struct Reviewed {
    /// Now against the past; segments hold now against the peers.
    pub report: Report,
    /// Every measure of the period: work done, outcomes, cost, approvals, findings.
    pub values: Vec<ArmValue>,
    /// Incidents, denied approvals, guardrails and findings of the period, the newest first.
    pub happened: Vec<Happened>,
    /// What it stands on.
    pub coverage: Coverage,
}

impl Engine {
    /// The report card of an agent.
    ///
    /// # Errors
    /// `NotFound` when the agent has no run in the period; else as [`Engine::compare`].
    pub async fn review(&self, period: &Period, question: &Question) -> Result<Reviewed> {
        let length = period.until_us - period.from_us;
        let time = |us: i64| schemas::header::Time(us).to_rfc3339();
        let within = |from: i64, until: i64| format!("since={};until={}", time(from), time(until));
        let agent = literal(&period.agent);
        let now = format!("agent={agent};{}", within(period.from_us, period.until_us));
        let past = format!("agent={agent};{}", within(period.from_us - length, period.from_us));
        let peers = format!("agent!={agent};{}", within(period.from_us, period.until_us));
        let ask = async |base: &str| {
            let question = Question { arms: vec![base.to_owned(), now.clone()], ..question.clone() };
            match self.compare(&question).await {
                Ok(compared) => Ok(Some(compared)),
                Err(QueryError::NotFound { what, .. }) if what.starts_with("selection A") => Ok(None),
                Err(error) => Err(error),
            }
        };
        let (past, peers) = (ask(&past).await?, ask(&peers).await?);
        let mut reviewed = self.card(period, past, peers, &now, question).await?;
        reviewed.happened = self.happened(period).await?;
        Ok(reviewed)
    }

    async fn card(
        &self,
        period: &Period,
        past: Option<Compared>,
        peers: Option<Compared>,
        now: &str,
        question: &Question,
    ) -> Result<Reviewed> {
        let mut notes = Vec::new();
        if past.is_none() {
            notes.push("the agent has no runs in the period before: it is not compared with its past".to_owned());
        }
        if peers.is_none() {
            notes.push("no other agent has runs in the period: there are no peers".to_owned());
        }
        let against_peers = peers.as_ref().map(|p| p.report.measures.clone()).unwrap_or_default();
        let base = match past.or(peers) {
            Some(compared) => compared,
            // Nothing to compare with: the period against itself, of which only the values are kept.
            None => {
                let alone = Question { arms: vec![now.to_owned(), now.to_owned()], ..question.clone() };
                let mut compared = self.compare(&alone).await?;
                compared.report.measures.clear();
                compared.report.findings.clear();
                compared
            }
        };
        let Compared { mut report, values, coverage, .. } = base;
        report.title = format!("Report card of {}", period.agent);
        report.segments.extend(against_peers.into_iter().map(|measure| Segment {
            by: "against".to_owned(),
            name: "peers".to_owned(),
            measure,
        }));
        report.notes.splice(0..0, notes);
        let values = values.into_iter().filter(|v| v.arm == "B" && v.runs > 0).collect();
        Ok(Reviewed { report, values, happened: Vec::new(), coverage })
    }

    async fn happened(&self, period: &Period) -> Result<Vec<Happened>> {
        let at = "CAST(coalesce(e.time, e.committed_at) AS bigint)";
        let when = format!(
            "e.agent = {} AND {at} >= {} AND {at} < {}",
            literal(&period.agent),
            period.from_us,
            period.until_us
        );
        let kinds = "'incident', 'approval.denied', 'guardrail', 'breaker.tripped', 'budget.killed', 'agent.killed'";
        let sql = format!(
            "SELECT coalesce(e.time, e.committed_at) AS time, e.kind AS what, e.session AS run, e.id AS event FROM events e \
             WHERE e.kind IN ({kinds}) AND {when} \
             UNION ALL SELECT f.time AS time, f.check AS what, e.session AS run, e.id AS event \
             FROM policy_findings f JOIN events e ON e.id = f.event_id WHERE {when} ORDER BY time DESC LIMIT {LISTED_MAX}"
        );
        let answer = self.sql_rows(&sql, LISTED_MAX).await?;
        let one = |row: crate::rows::Row<'_>| Happened {
            time: row.time("time"),
            what: row.text("what").unwrap_or_default(),
            run: row.text("run"),
            event: row.text("event").unwrap_or_default(),
        };
        Ok(rows(&answer.batches).map(one).collect())
    }
}
