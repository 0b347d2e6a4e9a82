//! A question made ready: arms, measures, keys and segments as SQL.
//!
//! Guarantee: what is wrong with a question is found here, before runs are read, and named.

use super::limits::{ARMS_MAX, MEASURES_MAX};
use super::measures::{self, Level, Measure};
use super::prices::PriceTable;
use super::profile::Profile;
use super::question::Question;
use super::report::{Better, Unit};
use super::runs::{Runs, standard};
use super::select::{Selection, quoted_name};
use super::stats::{Centre, Options};
use crate::context::Engine;
use crate::error::{QueryError, Result};

/// Evaluations that are taken for success.
pub(super) const SUCCESS: &[&str] =
    &["success", "resolved", "reward", "utility", "passed", "pass", "correct", "accuracy"];

/// A segment of runs by a column.
#[derive(Debug, Clone)]
pub(super) struct SegmentBy {
    pub(super) name: String,
    /// `None`: by the tools that a run called.
    pub(super) sql: Option<String>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) arms: Vec<Selection>,
    pub(super) filter: Option<String>,
    /// What pairs runs; `None`: nothing does.
    pub(super) keys: Option<Vec<String>>,
    /// The keys are our choice.
    pub(super) automatic: bool,
    pub(super) runs: Runs,
    /// Names of the measures that are loaded, in order.
    pub(super) measures: Vec<Measure>,
    pub(super) success: Option<String>,
    pub(super) segments: Vec<SegmentBy>,
    pub(super) options: Options,
    pub(super) prices: PriceTable,
    /// Models with calls that no price matches.
    pub(super) unpriced: Vec<String>,
    pub(super) notes: Vec<String>,
}

impl Plan {
    pub(super) async fn of(engine: &Engine, question: &Question) -> Result<Self> {
        let arms = arms(question)?;
        let prices = match &question.prices {
            Some(text) => PriceTable::from_toml(text),
            None => PriceTable::example(),
        };
        let prices = prices.map_err(|e| QueryError::invalid("prices", e))?;
        let by_tool = question.segments.iter().any(|s| s == "tool");
        let profile = Profile::of(engine, question.detailed || by_tool, &selected(&arms, question)).await?;
        let mut measures = standard(&profile.evaluations, profile.tools.as_deref(), profile.findings, profile.headers);
        let first = profile.evaluations.len();
        let unpriced = profile.models.iter().filter(|model| !prices.knows(model)).cloned().collect();
        measures.insert(first, cost(&prices, &profile.models));
        for given in &question.measures {
            measures.push(custom(engine, given, &measures).await?);
        }
        let success = success(question, &measures)?;
        let mut notes = Vec::new();
        if profile.tools.is_none() {
            notes.push("calls were not looked at tool by tool, and headers not read, because the table is large: ask for it with --detailed".to_owned());
        }
        let labels = arms.iter().flat_map(|arm| arm.labels.iter().cloned()).collect();
        let prompts = arms.iter().any(|arm| arm.prompts);
        let runs = Runs { measures: measures.clone(), labels, prompts };
        keep(&mut measures, question, by_tool)?;
        let (keys, automatic) = match question.by.as_deref().map(str::trim) {
            Some("none") => (None, false),
            Some(by) => (Some(vec![by.replace(',', " || ' · ' || ")]), false),
            None => (Some(vec!["task".to_owned(), "variant".to_owned()]), true),
        };
        let segments = question.segments.iter().map(|name| segment(name)).collect();
        let options = Options {
            level: question.level.unwrap_or(0.95),
            seed: question.seed.unwrap_or(1),
            centre: if question.median { Centre::Median } else { Centre::Mean },
            ..Options::default()
        };
        let filter = question.filter.clone();
        Ok(Self { arms, filter, keys, automatic, runs, measures, success, segments, options, prices, unpriced, notes })
    }

    /// The condition of an arm, with that of all arms.
    pub(super) fn condition(&self, arm: usize) -> String {
        match &self.filter {
            Some(filter) => format!("({}) AND ({filter})", self.arms[arm].condition),
            None => self.arms[arm].condition.clone(),
        }
    }

    /// The question that loads all runs.
    pub(super) fn load_sql(&self) -> String {
        let mut columns = vec!["run".to_owned(), "CAST(at AS bigint) AS at".to_owned()];
        let segments = self.segments.iter().filter_map(|s| s.sql.clone());
        let texts: Vec<String> = self.keys.clone().unwrap_or_default().into_iter().chain(segments).collect();
        columns.extend(texts.iter().enumerate().map(|(i, sql)| format!("CAST({sql} AS varchar) AS k{i}")));
        columns.extend(
            self.measures.iter().enumerate().map(|(i, m)| format!("CAST({} AS double) AS m{i}", quoted_name(&m.name))),
        );
        let conditions: Vec<String> = (0..self.arms.len()).map(|arm| self.condition(arm)).collect();
        columns.extend(conditions.iter().enumerate().map(|(i, sql)| format!("coalesce({sql}, false) AS a{i}")));
        let any = conditions.iter().map(|sql| format!("({sql})")).collect::<Vec<_>>().join(" OR ");
        let select = format!("SELECT {}\nFROM runs WHERE {any}", columns.join(",\n       "));
        format!("{}\n{select}", self.runs.with(&[&select]))
    }

    /// How many text columns [`Plan::load_sql`] selects.
    pub(super) fn texts(&self) -> usize {
        self.keys.as_ref().map_or(0, Vec::len) + self.segments.iter().filter(|s| s.sql.is_some()).count()
    }
}

/// The runs of all arms, as far as they are selected by what every run has.
fn selected(arms: &[Selection], question: &Question) -> String {
    let any = arms.iter().map(|arm| format!("({})", arm.condition)).collect::<Vec<_>>().join(" OR ");
    let filter = question.filter.as_deref().unwrap_or("true");
    let select = format!("SELECT run FROM runs WHERE ({any}) AND ({filter})");
    let labels = arms.iter().flat_map(|arm| arm.labels.iter().cloned()).collect();
    let runs = Runs { measures: measures::always(), labels, prompts: arms.iter().any(|arm| arm.prompts) };
    format!("{} {select}", runs.with(&[&select]))
}

fn arms(question: &Question) -> Result<Vec<Selection>> {
    let found = question.arms.len();
    if !(2..=ARMS_MAX).contains(&found) {
        return Err(QueryError::invalid("arms", format!("expected 2 to {ARMS_MAX} selections, found {found}")));
    }
    let name = |i: usize| char::from(b'A' + (i as u8)).to_string();
    question.arms.iter().enumerate().map(|(i, text)| Selection::parse(&name(i), text)).collect()
}

/// The cost of a run; null where a call has no price.
pub(super) fn cost(prices: &PriceTable, models: &[String]) -> Measure {
    let known: Vec<String> = models.iter().filter(|model| prices.knows(model)).cloned().collect();
    let one = prices.sql(&known);
    let counts = "input_tokens IS NOT NULL OR output_tokens IS NOT NULL";
    // All calls with tokens have a price, or the run has no cost.
    let one = format!("CASE WHEN {counts} THEN {one} END");
    let sql = format!("CASE WHEN count(CASE WHEN {counts} THEN 1 END) = count({one}) THEN sum({one}) END");
    Measure::new("cost", Level::Events, sql, Unit::Money(prices.currency().to_owned()), Better::Lower)
}

/// A measure of the caller: `NAME=attr:KEY`, or `NAME=SQL` over events or over columns of a run.
async fn custom(engine: &Engine, given: &str, known: &[Measure]) -> Result<Measure> {
    let wrong = |detail: String| QueryError::invalid(format!("measure {given:?}"), detail);
    let (name, sql) = given.split_once('=').ok_or_else(|| wrong("expected NAME=SQL".to_owned()))?;
    let (name, sql) = (name.trim(), sql.trim());
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ');
    if name.is_empty() || name.len() > 64 || !name.chars().all(fits) || sql.is_empty() {
        return Err(wrong("expected a name of 1 to 64 letters, digits, _, - or . and SQL after =".to_owned()));
    }
    if known.iter().any(|m| m.name == name) {
        return Err(wrong(format!("there is a measure {name:?} already")));
    }
    if let Some(key) = sql.strip_prefix("attr:") {
        return Ok(measures::attribute(name, key));
    }
    let planned = |sql: String| async move {
        let context = engine.context()?;
        context.state().create_logical_plan(&sql).await.map(|_| ()).map_err(QueryError::from)
    };
    let of_events = format!("SELECT session, {sql} AS x FROM events GROUP BY session");
    let Err(first) = planned(of_events).await else {
        return Ok(Measure::new(name, Level::Events, sql, Unit::Number, Better::Neither));
    };
    let runs = Runs { measures: known.to_vec(), ..Runs::default() };
    let of_runs = format!("{} SELECT {sql} AS x FROM runs", runs.with(&[sql]));
    match planned(of_runs).await {
        Ok(()) => Ok(Measure::new(name, Level::Run, sql, Unit::Number, Better::Neither)),
        Err(second) => Err(wrong(format!(
            "it is neither an aggregate over the events of a run ({first}) nor an expression over the columns of a run ({second})"
        ))),
    }
}

fn success(question: &Question, measures: &[Measure]) -> Result<Option<String>> {
    let there = |name: &str| measures.iter().find(|m| m.name == name).map(|m| m.name.clone());
    if let Some(name) = &question.success {
        let names = || measures.iter().map(|m| m.name.as_str()).collect::<Vec<_>>().join(", ");
        return match there(name) {
            Some(name) => Ok(Some(name)),
            None => Err(QueryError::invalid(format!("measure {name:?}"), format!("there are {}", names()))),
        };
    }
    Ok(None)
}

/// Keeps the measures that are asked for; checks how many there are.
fn keep(measures: &mut Vec<Measure>, question: &Question, by_tool: bool) -> Result<()> {
    for wanted in &question.only {
        if !measures.iter().any(|m| m.name == *wanted) {
            let names = measures.iter().map(|m| m.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(QueryError::invalid(format!("measure {wanted:?}"), format!("there are {names}")));
        }
    }
    if !question.only.is_empty() {
        let kept = |m: &Measure| {
            question.only.contains(&m.name)
                || question.success.as_ref() == Some(&m.name)
                || (by_tool && m.name.starts_with("calls of "))
        };
        measures.retain(kept);
    }
    if measures.len() > MEASURES_MAX {
        let detail =
            format!("expected at most {MEASURES_MAX}, found {}: name those that count with --only", measures.len());
        return Err(QueryError::invalid("measures", detail));
    }
    Ok(())
}

fn segment(name: &str) -> SegmentBy {
    let sql = match name {
        "tool" => None,
        "suite" => Some("split_part(task, '/', 1)".to_owned()),
        other => Some(other.to_owned()),
    };
    SegmentBy { name: name.to_owned(), sql }
}
