//! The steps of runs, read for [`super::diff`], and the comparisons of two runs and of cohorts.
//!
//! A step is an event; what opens, closes and judges a run (`session.start`, `session.end`, `evaluation`) is none. Steps are
//! in the order of transcripts. A model call has no name, so that versions with other models can be the same.
//!
//! Guarantee: at most [`RUN_EVENTS_MAX`] events of a run are read, and a longer one is refused; contents of a few pairs at a
//! time are held. Fails with `NotFound` for a run that has no steps.

use super::diff::{
    Cohort, CohortPair, Digests, Normaliser, RunDiff, Step, cohort, content_diff, counts, diff, first_divergence,
};
use super::limits::RUN_EVENTS_MAX;
use super::pairing::{Rule, pair};
use super::plan::Plan;
use super::question::Question;
use super::select::literal;
use super::table::RunTable;
use crate::context::Engine;
use crate::coverage::Coverage;
use crate::error::{QueryError, Result};
use crate::readable;
use crate::rows::rows;
use serde::Serialize;
use std::collections::HashMap;

/// Pairs of a cohort whose contents are held at a time.
const PAIRS_HELD: usize = 16;
/// Changed steps whose whole contents are looked at.
const EXPLAINED_MAX: usize = 100;

/// Kinds that are no steps of a run.
const NO_STEPS: &str = "'session.start', 'session.end', 'evaluation', 'key.registered'";

/// Two runs, compared.
#[derive(Debug, Clone, Serialize)]
pub struct RunsCompared {
    /// Where they part and what followed.
    pub diff: RunDiff,
    /// Steps of A.
    #[serde(skip)]
    pub a: Vec<Step>,
    /// Steps of B.
    #[serde(skip)]
    pub b: Vec<Step>,
    /// What it stands on.
    pub coverage: Coverage,
}

/// Many pairs of runs, compared.
#[derive(Debug, Clone, Serialize)]
pub struct CohortCompared {
    /// At which steps they part, and over what.
    pub cohort: Cohort,
    /// Pairs that were not looked at, because more than asked for are there.
    pub pairs_not_read: usize,
    /// What it stands on.
    pub coverage: Coverage,
}

/// A content of an event: name and bytes.
type Held = Vec<(String, Vec<u8>)>;

impl Engine {
    /// Compares two runs by the contents of their steps.
    ///
    /// # Errors
    /// See the module.
    pub async fn diff_runs(&self, a: &str, b: &str) -> Result<RunsCompared> {
        let (mut steps, coverage) = self.steps(&[a, b]).await?;
        let mut take = |run: &str| match steps.remove(run) {
            Some(steps) => Ok(steps),
            None => {
                Err(QueryError::not_found(format!("run {run:?}"), "it has no steps; `hansard sessions` lists runs"))
            }
        };
        let first = take(a)?;
        let second = if a == b { first.clone() } else { take(b)? };
        let joined = tokio::task::spawn_blocking(move || (diff(&first, &second), first, second)).await;
        let (mut found, first, second) = joined.map_err(QueryError::bug)?;
        let unexplained: Vec<(usize, usize)> = found.unexplained().take(EXPLAINED_MAX).collect();
        let ids = unexplained.iter().flat_map(|(i, j)| [first[*i].id.as_str(), second[*j].id.as_str()]);
        let texts = self.texts(&[a, b], &ids.collect::<Vec<_>>()).await?;
        for (i, j) in unexplained {
            if let (Some(x), Some(y)) = (texts.get(&first[i].id), texts.get(&second[j].id)) {
                found.explain(i, j, content_diff(&first[i].kind, x, y));
            }
        }
        Ok(RunsCompared { diff: found, a: first, b: second, coverage })
    }

    /// Compares the paired runs of two selections, of each task the first runs.
    ///
    /// # Errors
    /// As [`Engine::compare`].
    pub async fn diff_cohort(&self, question: &Question, pairs_max: usize) -> Result<CohortCompared> {
        let question = Question { only: vec!["model_calls".to_owned()], ..question.clone() };
        let plan = Plan::of(self, &question).await?;
        let sql = plan.load_sql();
        let table = RunTable::load(self, &sql, plan.texts(), plan.measures.len(), plan.arms.len()).await?;
        let mut arms = table.arms.clone();
        arms.iter_mut().for_each(|runs| table.in_time(runs));
        let (keys, _) = super::compare::keys(&plan, &table, &arms);
        let keys = keys.ok_or_else(|| QueryError::invalid("by", "a cohort needs pairs"))?;
        let pairing = pair(&keys.of_run, &arms[0], &arms[1], true);
        if pairing.rule == Rule::Arms {
            return Err(QueryError::not_found("pairs", "no task is in both selections"));
        }
        let all: Vec<(String, &str, &str)> = pairing
            .tasks
            .iter()
            .filter_map(|t| Some((t.a.first()?, t.b.first()?)))
            .map(|(a, b)| (keys.of(*a).to_owned(), table.name(*a), table.name(*b)))
            .collect();
        let mut found = Vec::new();
        for some in all[..all.len().min(pairs_max)].chunks(PAIRS_HELD) {
            let runs: Vec<&str> = some.iter().flat_map(|(_, a, b)| [*a, *b]).collect();
            let (steps, _) = self.steps(&runs).await?;
            let none = Vec::new();
            found.extend(some.iter().map(|(name, a, b)| {
                let (x, y) = (steps.get(*a).unwrap_or(&none), steps.get(*b).unwrap_or(&none));
                CohortPair::new(name, (a, x.len()), (b, y.len()), first_divergence(x, y).as_ref())
            }));
        }
        let pairs_not_read = all.len().saturating_sub(pairs_max);
        Ok(CohortCompared { cohort: cohort(&found), pairs_not_read, coverage: table.coverage.clone() })
    }

    /// The steps of these runs, by run.
    async fn steps(&self, runs: &[&str]) -> Result<(HashMap<String, Vec<Step>>, Coverage)> {
        let within = runs.iter().map(|run| literal(run)).collect::<Vec<_>>().join(", ");
        let (mut held, coverage) = self.held(&within, "").await?;
        let sql = format!(
            "SELECT session, id, kind, tool, input_tokens, output_tokens, log_partition, leaf,
                    json_get(header, '$.data.attributes.hansard.role') AS role, coalesce(
                      max(time) OVER (PARTITION BY session, stream ORDER BY stream_index ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW),
                      min(time) OVER (PARTITION BY session, stream), committed_at) AS at
             FROM events WHERE session IN ({within}) AND kind NOT IN ({NO_STEPS})
             ORDER BY session, at, log_partition, leaf"
        );
        let mut stream = self.stream(&sql, Some(usize::MAX)).await?;
        let mut steps: HashMap<String, (Normaliser, Vec<Step>)> = HashMap::new();
        while let Some(batch) = stream.next().await? {
            for row in rows(&[batch]) {
                let id = row.text("id").unwrap_or_default();
                let contents = held.remove(&id).unwrap_or_default();
                let (normaliser, list) = steps.entry(row.text("session").unwrap_or_default()).or_default();
                if list.len() == RUN_EVENTS_MAX {
                    return Err(QueryError::limit(format!("steps of a run: {RUN_EVENTS_MAX}"), "a run has more"));
                }
                let kind = row.str("kind").unwrap_or_default();
                let name = row.str("tool").or(row.str("role").filter(|_| kind == "message")).unwrap_or_default();
                list.push(Step { tokens: tokens(&row), ..step(normaliser, &id, kind, name, &contents) });
            }
        }
        Ok((steps.into_iter().map(|(run, (_, list))| (run, list)).collect(), coverage))
    }

    /// What events of these runs say, as it is compared.
    async fn texts(&self, runs: &[&str], ids: &[&str]) -> Result<HashMap<String, String>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let within = runs.iter().map(|run| literal(run)).collect::<Vec<_>>().join(", ");
        let ids = ids.iter().map(|id| literal(id)).collect::<Vec<_>>().join(", ");
        let (held, _) = self.held(&within, &format!(" AND event_id IN ({ids})")).await?;
        let text = |contents: &Held| {
            let told = contents.iter().min_by_key(|(name, _)| readable::rank(name));
            told.map_or_else(String::new, |(name, bytes)| words(name, bytes))
        };
        Ok(held.into_iter().map(|(id, contents)| (id, text(&contents))).collect())
    }

    /// Contents that take part, by event.
    async fn held(&self, within: &str, filter: &str) -> Result<(HashMap<String, Held>, Coverage)> {
        let sql = format!(
            "SELECT event_id, kind, name, bytes, position, count(*) OVER (PARTITION BY event_id) AS n FROM contents \
             WHERE session IN ({within}) AND kind NOT IN ({NO_STEPS}){filter} ORDER BY event_id, position"
        );
        let mut stream = self.stream(&sql, Some(usize::MAX)).await?;
        let mut held: HashMap<String, Held> = HashMap::new();
        while let Some(batch) = stream.next().await? {
            for row in rows(&[batch]) {
                let (kind, name) = (row.str("kind").unwrap_or_default(), row.str("name").unwrap_or_default());
                let n = row.int("n").and_then(|n| usize::try_from(n).ok()).unwrap_or(1);
                if counts(kind, name, n) {
                    let bytes = row.bytes("bytes").unwrap_or_default().to_vec();
                    held.entry(row.text("event_id").unwrap_or_default()).or_default().push((name.to_owned(), bytes));
                }
            }
        }
        Ok((held, stream.coverage()))
    }
}

fn tokens(row: &crate::rows::Row<'_>) -> Option<u64> {
    let count = |name: &str| row.int(name).and_then(|n| u64::try_from(n).ok());
    match (count("input_tokens"), count("output_tokens")) {
        (None, None) => None,
        (input, output) => Some(input.unwrap_or(0) + output.unwrap_or(0)),
    }
}

fn step(normaliser: &mut Normaliser, id: &str, kind: &str, name: &str, contents: &Held) -> Step {
    let parts: Vec<(&str, &[u8])> = contents.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let digests: Digests = normaliser.step(kind, name, &parts);
    let told = contents.iter().min_by_key(|(name, _)| readable::rank(name));
    let excerpt = told.map_or_else(String::new, |(name, bytes)| words(name, bytes));
    Step::new(id, kind, name, digests, &excerpt)
}

/// What a content says; arguments and results stay as they are, so that they are compared by their members.
fn words(name: &str, bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if matches!(name, "arguments" | "result" | "value") => text.to_owned(),
        Ok(text) => readable::text(text, "application/json"),
        Err(_) => format!("{} bytes", bytes.len()),
    }
}
