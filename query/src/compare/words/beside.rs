//! What stands beside the measures: curves, distributions, segments, matrix, ranking, runs without a pair.
//!
//! Guarantee: as in [`super`].

use super::{Words, fill};
use crate::compare::figure_sql::{self, source};
use crate::compare::limits::{RUNS_NAMED_MAX, UNPAIRED_LISTED_MAX};
use crate::compare::measures::{Measure, calls_of};
use crate::compare::pairing::{Pairing, Rule, Side};
use crate::compare::report::{self, Estimate, Report, Unit};
use crate::compare::segments::SegmentResult;
use crate::compare::select::{literal, quoted_name};
use crate::compare::stats::many::{Rank, Ranking};
use crate::compare::stats::pass_k::PassKind;

impl Words<'_> {
    pub(super) fn curves(&self) -> Vec<report::Curve> {
        let mut curves: Vec<report::Curve> = Vec::new();
        let Some(success) = self.figures.success else { return curves };
        for (arm, pass) in &self.figures.passes {
            let name = &self.plan.arms[*arm].name;
            let kind = if pass.kind == PassKind::All { report::CurveKind::All } else { report::CurveKind::Any };
            let interval = &pass.interval;
            let point = Estimate { value: pass.estimate, low: interval.low, high: interval.high };
            let at = match curves.iter().position(|c| c.arm == *name && c.kind == kind) {
                Some(at) => at,
                None => {
                    curves.push(report::Curve {
                        arm: name.clone(),
                        kind,
                        points: Vec::new(),
                        source: self.trials(*arm, success),
                    });
                    curves.len() - 1
                }
            };
            curves[at].points.push((pass.k as u32, point, pass.tasks as u64));
        }
        curves
    }

    /// Trials and successes by task of one arm.
    fn trials(&self, arm: usize, measure: usize) -> report::Source {
        let value = quoted_name(&self.plan.measures[measure].name);
        let key = self.figures.key_sql.as_deref().unwrap_or("run");
        let select = format!(
            "SELECT {key} AS task, count({value}) AS trials, count(*) FILTER (WHERE {value} > 0.5) AS successes\n\
             FROM runs WHERE {} GROUP BY {key}",
            self.plan.condition(arm)
        );
        let runs = &self.arms[arm];
        report::Source {
            sql: format!("{}\n{select}", self.plan.runs.with(&[&select])),
            runs: runs.iter().take(RUNS_NAMED_MAX).map(|run| self.table.name(*run).to_owned()).collect(),
            runs_total: runs.len() as u64,
            command: "hansard session {run}".to_owned(),
        }
    }

    /// How the costly measures are spread.
    pub(super) fn distributions(&self) -> Vec<report::Distribution> {
        const SHOWN: &[&str] = &["cost", "latency", "input_tokens", "output_tokens", "model_calls", "tool_calls"];
        let shown = |(i, m): &(usize, &Measure)| {
            (SHOWN.contains(&m.name.as_str()) || m.evaluation)
                && self.figures.units[*i] != Unit::Share
                && self.figures.details.iter().any(|d| d.measure == m.name)
        };
        let one = |(i, m): (usize, &Measure)| {
            let values = &self.table.values[i];
            let pairing = &self.figures.pairings[0];
            let pairs = pairing.pairs(values);
            let differences: Vec<f64> = pairs.a.iter().zip(&pairs.b).map(|(a, b)| b - a).collect();
            let of = |runs: &Vec<u32>| report::Ecdf::of(&runs.iter().map(|r| values[*r as usize]).collect::<Vec<_>>());
            let functions = self.plan.arms.iter().zip(self.arms).map(|(arm, runs)| (arm.name.clone(), of(runs)));
            report::Distribution {
                measure: m.name.clone(),
                unit: self.figures.units[i].clone(),
                differences: (pairing.rule != Rule::Arms).then(|| report::Histogram::of(&differences)),
                functions: functions.collect(),
                source: source(
                    self.plan,
                    self.figures.key_sql.as_deref(),
                    pairing.rule,
                    &m.name,
                    1,
                    self.table,
                    pairing.runs(),
                ),
            }
        };
        self.plan.measures.iter().enumerate().filter(shown).map(one).collect()
    }

    pub(super) fn segments(&self) -> Vec<report::Segment> {
        let one = |result: &SegmentResult| {
            let measure = &self.plan.measures[result.measure];
            let by = self.plan.segments.iter().find(|s| s.name == result.by);
            let within = match by.and_then(|s| s.sql.as_ref()) {
                Some(sql) => format!("{sql} = {}", literal(&result.segment)),
                None => format!("{} > 0", quoted_name(&calls_of(&result.segment))),
            };
            let rule = self.figures.pairings[result.arm - 1].rule;
            let key = self.figures.key_sql.as_deref().unwrap_or("run");
            let name = if self.arms.len() > 2 {
                format!("{}: {}", self.plan.arms[result.arm].name, measure.name)
            } else {
                measure.name.clone()
            };
            let mut shown = report::Measure {
                name,
                unit: self.figures.units[result.measure].clone(),
                better: measure.better,
                p_adjusted: result.p_adjusted,
                source: report::Source {
                    sql: figure_sql::sql(self.plan, key, rule, &measure.name, result.arm, Some(&within)),
                    runs: result.runs.iter().map(|run| self.table.name(*run).to_owned()).collect(),
                    runs_total: result.runs_total,
                    command: "hansard session {run}".to_owned(),
                },
                ..report::Measure::default()
            };
            match &result.comparison {
                Some(comparison) => fill(&mut shown, comparison, result.pairing),
                None => shown.note = result.refused.clone().unwrap_or_default(),
            }
            report::Segment { by: result.by.clone(), name: result.segment.clone(), measure: shown }
        };
        self.figures.segments.iter().map(one).collect()
    }

    pub(super) fn matrix(&self, ranking: &Ranking) -> Option<report::Matrix> {
        let success = self.figures.success?;
        let n = self.plan.arms.len();
        let mut cells = vec![vec![None; n]; n];
        for cell in &ranking.cells {
            let Some(c) = &cell.comparison else { continue };
            let (value, low, high) = (c.estimate, c.interval.low, c.interval.high);
            let of = |difference| Some(report::MatrixCell { difference, p: cell.p_adjusted, n: c.pairs as u64 });
            cells[cell.b][cell.a] = of(Estimate { value, low, high });
            cells[cell.a][cell.b] = of(Estimate { value: -value, low: -high, high: -low });
        }
        Some(report::Matrix {
            measure: self.plan.measures[success].name.clone(),
            unit: self.figures.units[success].clone(),
            better: self.plan.measures[success].better,
            arms: self.plan.arms.iter().map(|arm| arm.name.clone()).collect(),
            cells,
            source: source(
                self.plan,
                self.figures.key_sql.as_deref(),
                self.figures.pairings[0].rule,
                &self.plan.measures[success].name,
                1,
                self.table,
                self.figures.pairings.iter().flat_map(Pairing::runs),
            ),
        })
    }

    pub(super) fn ranking(&self, ranking: &Ranking) -> Vec<report::RankRow> {
        let unit = self.figures.success.map_or(Unit::Number, |s| self.figures.units[s].clone());
        let estimate = |rank: &Rank| {
            let arm = self.plan.arms.iter().position(|arm| arm.name == rank.name);
            let rate = arm.and_then(|arm| self.figures.rates.get(arm)?.as_ref());
            // Where tasks are tried unequally often, the mean of tasks is not that of trials.
            let same = rate.filter(|rate| (rate.estimate - rank.mean).abs() < 1e-9);
            let (low, high) = same.map_or((f64::NAN, f64::NAN), |rate| (rate.interval.low, rate.interval.high));
            Estimate { value: rank.mean, low, high }
        };
        let row = |rank: &Rank| report::RankRow {
            arm: rank.name.clone(),
            estimate: estimate(rank),
            unit: unit.clone(),
            rank: rank.rank as u32,
            rank_low: rank.best as u32,
            rank_high: rank.worst as u32,
        };
        ranking.ranks.iter().map(row).collect()
    }

    pub(super) fn unpaired(&self, report: &mut Report) {
        for (b, pairing) in self.figures.pairings.iter().enumerate() {
            report.unpaired_total += pairing.left.len();
            let room = UNPAIRED_LISTED_MAX.saturating_sub(report.unpaired.len());
            report.unpaired.extend(pairing.left.iter().take(room).map(|(run, side, reason)| report::Unpaired {
                run: self.table.name(*run).to_owned(),
                arm: self.plan.arms[if *side == Side::A { 0 } else { b + 1 }].name.clone(),
                task: self.figures.keys.as_ref().map_or("", |keys| keys.of(*run)).to_owned(),
                reason: (*reason).to_owned(),
            }));
        }
    }
}
