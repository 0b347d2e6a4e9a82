//! A measure over time by version: series, change points, and each version's share of the traffic.
//!
//! Guarantee: buckets are days, or what [`super::rollout`] widens them to; a change is marked only where shuffling the
//! points seldom makes as large a step. Runs without times of their own stand where they were committed.

use super::question::Question;
use super::report::{ChangePoint, DriftPoint, DriftSeries, Report, Source, Unit, VersionLine};
use super::rollout::{Rollout, RolloutFold};
use super::runs::Runs;
use super::select::{Selection, quoted_name};
use super::stats::change::changes;
use crate::context::Engine;
use crate::error::{QueryError, Result};
use crate::rows::rows;

/// Width of a bucket, microseconds: a day.
const DAY_US: i64 = 86_400_000_000;
/// Normal quantile of a 95 % interval of a bucket's mean.
const REACH: f64 = 1.959_963_984_540_054;

impl Engine {
    /// Adds the series of `measure` over all runs that the question's arms select to `report`.
    pub(super) async fn add_drift(&self, question: &Question, measure: &str, report: &mut Report) -> Result<()> {
        let plan = super::plan::Plan::of(self, question).await?;
        let known = plan.runs.measures.iter().find(|m| m.name == measure);
        let known = known.ok_or_else(|| {
            let names = plan.runs.measures.iter().map(|m| m.name.as_str()).collect::<Vec<_>>().join(", ");
            QueryError::invalid(format!("measure {measure:?}"), format!("there are {names}"))
        })?;
        let any: Vec<String> = (0..plan.arms.len()).map(|arm| format!("({})", plan.condition(arm))).collect();
        let (rollout, source) = self.rollout(&plan.runs, measure, &any.join(" OR ")).await?;
        let unit = if known.evaluation { Unit::Number } else { known.unit.clone() };
        report.drift.push(series(measure, unit, &rollout, source.clone(), 1.0 - report.alpha)?);
        report.rollout = Some(rollout);
        report.rollout_source = source;
        Ok(())
    }

    /// A measure over time of the runs of one selection.
    ///
    /// # Errors
    /// `Invalid` for a selection or measure that there is not.
    pub async fn drift(&self, selection: &str, measure: &str, question: &Question) -> Result<Report> {
        let arm = Selection::parse("A", selection)?;
        // The same selection twice: only its runs are wanted, not a comparison.
        let both = Question { arms: vec![selection.to_owned(), selection.to_owned()], ..question.clone() };
        let mut report = Report {
            title: format!("{measure} over time, {}", arm.text),
            alpha: 1.0 - question.level.unwrap_or(0.95),
            confidence: question.level.unwrap_or(0.95),
            ..Report::default()
        };
        self.add_drift(&both, measure, &mut report).await?;
        report.provenance = self.provenance(&self.coverage());
        for series in &report.drift {
            let found = series.changes.len();
            report.findings.push(format!("{found} change points in {}", series.measure));
        }
        Ok(report)
    }

    async fn rollout(&self, runs: &Runs, measure: &str, condition: &str) -> Result<(Rollout, Source)> {
        let select = format!(
            "SELECT CAST(at AS bigint) AS at, agent_version, CAST({} AS double) AS value\nFROM runs WHERE {condition} ORDER BY at, run",
            quoted_name(measure)
        );
        let sql = format!("{}\n{select}", runs.with(&[&select]));
        let mut stream = self.stream(&sql, Some(usize::MAX)).await?;
        let mut fold = RolloutFold::new(DAY_US, &[0.5, 0.95]);
        let mut total = 0;
        while let Some(batch) = stream.next().await? {
            for row in rows(&[batch]) {
                total += 1;
                fold.add(row.int("at"), row.str("agent_version"), row.float("value"));
            }
        }
        let source =
            Source { sql, runs_total: total, command: "hansard session {run}".to_owned(), ..Source::default() };
        Ok((fold.finish(), source))
    }
}

/// The lines of a rollout with their change points.
pub(super) fn series(measure: &str, unit: Unit, rollout: &Rollout, source: Source, level: f64) -> Result<DriftSeries> {
    let mut series = DriftSeries { measure: measure.to_owned(), unit, source, ..DriftSeries::default() };
    for (version, name) in rollout.versions.iter().enumerate() {
        let of_version = rollout.buckets.iter().filter_map(|bucket| {
            let share = bucket.shares.iter().find(|share| share.version == version)?;
            let value = share.mean?;
            let interval = share.standard_error.map(|e| (value - REACH * e, value + REACH * e));
            Some(DriftPoint { time_us: bucket.start_us, value, interval, n: share.values })
        });
        let points: Vec<DriftPoint> = of_version.collect();
        let values: Vec<f64> = points.iter().map(|p| p.value).collect();
        let weights: Vec<f64> = points.iter().map(|p| p.n as f64).collect();
        let found = changes(&values, &weights, level, 1).map_err(|e| QueryError::invalid("drift", e))?;
        let mark = |c: &super::stats::change::Change| ChangePoint {
            time_us: points[c.at].time_us,
            version: name.clone(),
            before: c.before,
            after: c.after,
            p: Some(c.p),
        };
        series.changes.extend(found.changes.iter().map(mark));
        series.lines.push(VersionLine { version: name.clone(), points });
    }
    Ok(series)
}
