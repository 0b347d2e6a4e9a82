//! The SQL behind one figure.
//!
//! Guarantee: what it gives are the figure's means and count, over the same runs; it can be handed to `hansard sql`.

use super::pairing::Rule;
use super::plan::Plan;
use super::report::Source;
use super::select::quoted_name;
use super::table::RunTable;

/// Where a figure comes from: `measure` of arm `b` against the first, paired by `rule`.
pub(super) fn source(
    plan: &Plan,
    key: Option<&str>,
    rule: Rule,
    measure: &str,
    b: usize,
    table: &RunTable,
    runs: impl Iterator<Item = u32> + Clone,
) -> Source {
    let named = runs.clone().take(super::limits::RUNS_NAMED_MAX);
    Source {
        sql: sql(plan, key.unwrap_or("run"), rule, measure, b, None),
        runs: named.map(|run| table.name(run).to_owned()).collect(),
        runs_total: runs.count() as u64,
        command: "hansard session {run}".to_owned(),
    }
}

/// The statement; `within` narrows both arms.
pub(super) fn sql(plan: &Plan, key: &str, rule: Rule, measure: &str, b: usize, within: Option<&str>) -> String {
    let value = quoted_name(measure);
    let of = |arm: usize| match within {
        Some(within) => format!("({}) AND ({within})", plan.condition(arm)),
        None => plan.condition(arm),
    };
    let (name_a, name_b) = (&plan.arms[0].name, &plan.arms[b].name);
    let arm = |arm: usize| {
        let condition = of(arm);
        match rule {
            Rule::Trials => format!(
                "SELECT {key} AS key, row_number() OVER (PARTITION BY {key} ORDER BY at, run) AS trial, {value} AS value \
                 FROM runs WHERE {condition}"
            ),
            Rule::TaskMeans => {
                format!("SELECT {key} AS key, avg({value}) AS value FROM runs WHERE {condition} GROUP BY {key}")
            }
            _ => format!("SELECT {key} AS key, {value} AS value FROM runs WHERE {condition}"),
        }
    };
    let tail = match rule {
        Rule::Arms => {
            let one = |name: &str, arm: usize| {
                format!(
                    "SELECT '{name}' AS arm, count({value}) AS n, avg({value}) AS value FROM runs WHERE {}",
                    of(arm)
                )
            };
            return format!(
                "{}\n{}\nUNION ALL\n{}",
                plan.runs.with(&[&value, &of(0), &of(b), "run", "at"]),
                one(name_a, 0),
                one(name_b, b)
            );
        }
        Rule::Trials => " AND a.trial = b.trial",
        _ => "",
    };
    let (a, b) = (arm(0), arm(b));
    format!(
        "{},\na AS ({a}),\nb AS ({b})\nSELECT count(*) AS n, avg(a.value) AS a, avg(b.value) AS b, \
         avg(b.value - a.value) AS difference\nFROM a JOIN b ON a.key = b.key{tail}\n\
         WHERE a.value IS NOT NULL AND b.value IS NOT NULL",
        plan.runs.with(&[&a, &b])
    )
}
