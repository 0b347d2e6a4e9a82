//! What is measured of a run: each measure with the SQL that gives it, its unit, and which way is good.
//!
//! Guarantee: a measure is an aggregate over the events of a run or an expression over the columns of a run, so that all
//! runs are measured by one question; what a run has no value of is null, never 0.

use super::report::{Better, Unit};
use super::select::literal;

/// Where a measure's SQL is computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Level {
    /// An aggregate over the events of a run.
    Events,
    /// An expression over the columns of a run.
    Run,
    /// An aggregate over the tool calls of a run.
    Tools,
    /// Findings of the policy about events of a run.
    Policy,
}

/// A measure.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Measure {
    pub(super) name: String,
    pub(super) sql: String,
    pub(super) level: Level,
    pub(super) unit: Unit,
    pub(super) better: Better,
    /// The name of the evaluation, when it is one.
    pub(super) evaluation: bool,
}

impl Measure {
    pub(super) fn new(name: &str, level: Level, sql: impl Into<String>, unit: Unit, better: Better) -> Self {
        Self { name: name.to_owned(), sql: sql.into(), level, unit, better, evaluation: false }
    }
}

/// Evaluations that say nothing of good or bad by their name alone: in AgentDojo `security` is the attack's success.
const NEITHER: &[&str] = &["security"];

/// The score of an evaluation, or what its label says.
const SCORE: &str = "coalesce(evaluation_score, CASE WHEN lower(evaluation_label) IN ('pass', 'passed', 'true', 'success', \
     'resolved', 'correct') THEN 1.0 WHEN lower(evaluation_label) IN ('fail', 'failed', 'false', 'failure', 'unresolved', \
     'incorrect') THEN 0.0 END)";

/// An evaluation: the mean of its scores in a run, of which there is mostly one.
pub(super) fn evaluation(name: &str) -> Measure {
    // Not with FILTER: the score would be computed for every event.
    let sql = format!("avg(CASE WHEN evaluation_name = {} THEN {SCORE} END)", literal(name));
    let better = if NEITHER.contains(&name) { Better::Neither } else { Better::Higher };
    Measure { evaluation: true, ..Measure::new(name, Level::Events, sql, Unit::Number, better) }
}

/// Measures that every comparison has.
pub(super) fn always() -> Vec<Measure> {
    use Better::{Lower, Neither};
    use Level::{Events, Run};
    use Unit::{Count, Seconds, Share};
    let kind = |kind: &str| format!("count(*) FILTER (WHERE kind = '{kind}')");
    let seconds = "(CAST(max(time) AS bigint) - CAST(min(time) AS bigint)) / 1e6";
    vec![
        Measure::new("input_tokens", Events, "sum(input_tokens)", Count, Lower),
        Measure::new("output_tokens", Events, "sum(output_tokens)", Count, Lower),
        Measure::new("cached_tokens", Events, "sum(cached_tokens)", Count, Neither),
        Measure::new("reasoning_tokens", Events, "sum(reasoning_tokens)", Count, Neither),
        Measure::new(
            "cache_hit_rate",
            Run,
            "CAST(cached_tokens AS double) / nullif(input_tokens, 0)",
            Share,
            Better::Higher,
        ),
        Measure::new("context_length", Events, "max(input_tokens) FILTER (WHERE kind = 'model.call')", Count, Lower),
        Measure::new("latency", Events, seconds, Seconds, Lower),
        Measure::new("turns", Events, "count(*) FILTER (WHERE kind IN ('message', 'model.call'))", Count, Lower),
        Measure::new("model_calls", Events, kind("model.call"), Count, Lower),
        Measure::new("tool_calls", Events, kind("tool.call"), Count, Neither),
        Measure::new("tool_errors", Events, "count(error_type) FILTER (WHERE kind = 'tool.result')", Count, Lower),
        Measure::new("other_errors", Events, "count(error_type) FILTER (WHERE kind <> 'tool.result')", Count, Lower),
        Measure::new("approvals_asked", Events, kind("approval.requested"), Count, Neither),
        Measure::new("approvals_denied", Events, kind("approval.denied"), Count, Lower),
        Measure::new("guardrail_hits", Events, kind("guardrail"), Count, Lower),
        Measure::new("incidents", Events, kind("incident"), Count, Lower),
    ]
}

/// The measure that needs the headers of events.
pub(super) fn time_to_first_chunk() -> Measure {
    let sql = "avg(CASE WHEN kind = 'model.call' THEN try_cast(coalesce(\
               json_get(header, '$.data.attributes.gen_ai.response.time_to_first_chunk'), \
               json_get(header, '$.data.attributes.gen_ai.server.time_to_first_token'), \
               json_get(header, '$.data.attributes.hansard.time_to_first_chunk')) AS double) END)";
    Measure::new("time_to_first_chunk", Level::Events, sql, Unit::Seconds, Better::Lower)
}

/// A numeric attribute of headers: its mean over the events of a run.
pub(super) fn attribute(name: &str, key: &str) -> Measure {
    let path = literal(&format!("$.data.attributes.{key}"));
    let sql = format!("avg(try_cast(json_get(header, {path}) AS double))");
    Measure::new(name, Level::Events, sql, Unit::Number, Better::Neither)
}

/// Calls and failed calls of these tools, and calls right after a failed call of the same tool.
pub(super) fn tools(names: &[String]) -> Vec<Measure> {
    let retries = "count(*) FILTER (WHERE error_before IS NOT NULL)";
    let mut all = vec![Measure::new("retries", Level::Tools, retries, Unit::Count, Better::Lower)];
    for tool in names {
        let of = literal(tool);
        let calls = format!("count(*) FILTER (WHERE tool = {of})");
        let errors = format!("count(error_type) FILTER (WHERE tool = {of})");
        all.push(Measure::new(&calls_of(tool), Level::Tools, calls, Unit::Count, Better::Neither));
        all.push(Measure::new(&format!("errors of {tool}"), Level::Tools, errors, Unit::Count, Better::Lower));
    }
    all
}

/// Whether a measure is about a single tool.
pub(super) fn of_one_tool(name: &str) -> bool {
    name.starts_with("calls of ") || name.starts_with("errors of ")
}

/// Name of the measure that counts the calls of a tool.
pub(super) fn calls_of(tool: &str) -> String {
    format!("calls of {tool}")
}

/// Findings of the policy.
pub(super) fn policy() -> Measure {
    Measure::new("policy_findings", Level::Policy, "count(*)", Unit::Count, Better::Lower)
}
