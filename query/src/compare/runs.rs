//! Runs and their measures as one SQL question.
//!
//! A run is a session. Its columns: `run, agent, agent_version, variant, task, tenant, principal, model, at` (the first time
//! of its events, else when it was committed), `first_time, last_time, events`, and the measures by name.
//!
//! Guarantee: every run is measured by the one question that [`Runs::with`] writes, and figures quote the part of it that
//! they stand on. What the record does not hold at all (tools, findings, headers of large tables) is left out by name.

use super::measures::{self, Level, Measure};
use super::select::{literal, quoted_name};
use std::fmt::Write;

/// Columns that every run has, with their aggregates.
const IDENTITY: &[(&str, &str)] = &[
    ("agent", "min(agent)"),
    ("agent_version", "min(agent_version)"),
    ("variant", "min(variant)"),
    ("task", "min(task)"),
    ("tenant", "min(tenant)"),
    ("principal", "min(principal)"),
    ("model", "min(CASE WHEN model <> '<synthetic>' THEN model END)"),
    ("first_time", "min(time)"),
    ("last_time", "max(time)"),
    ("at", "coalesce(min(time), min(committed_at))"),
    ("events", "count(*)"),
];

const TOOL_CALLS: &str = "\
SELECT session, tool, error_type, lag(error_type) OVER (PARTITION BY session, tool ORDER BY log_partition, leaf) AS error_before
      FROM tool_calls";

/// What runs are measured by, and so the SQL of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Runs {
    pub(super) measures: Vec<Measure>,
    /// Attributes of headers that selections look at.
    pub(super) labels: Vec<String>,
    /// Selections look at digests of system prompts.
    pub(super) prompts: bool,
}

impl Runs {
    /// `WITH runs AS (...)`, with the columns that `used` (pieces of SQL) speak of.
    pub(super) fn with(&self, used: &[&str]) -> String {
        let wanted = |name: &str| used.iter().any(|sql| speaks_of(sql, name));
        let mut needed: Vec<&Measure> = self.measures.iter().filter(|m| wanted(&m.name)).collect();
        // A measure of a run may be made of others.
        let within: Vec<&str> = needed.iter().filter(|m| m.level == Level::Run).map(|m| m.sql.as_str()).collect();
        let more = |m: &&Measure| !wanted(&m.name) && within.iter().any(|sql| speaks_of(sql, &m.name));
        needed.extend(self.measures.iter().filter(more));
        let identity =
            IDENTITY.iter().filter(|(name, _)| wanted(name) || within.iter().any(|sql| speaks_of(sql, name)));
        let mut columns: Vec<(String, String)> =
            identity.map(|(name, sql)| ((*name).to_owned(), (*sql).to_owned())).collect();
        columns.extend(self.labels.iter().filter(|label| wanted(label)).map(|label| {
            let path = literal(&format!("$.data.attributes.{label}"));
            (format!("label.{label}"), format!("min(json_get(header, {path}))"))
        }));
        if self.prompts && wanted("prompt") {
            columns.push(("prompt".into(), "min(hex(blake3(content_bytes(contents, 'system_prompt'))))".into()));
        }
        let level = |level: Level| needed.iter().copied().filter(move |m| m.level == level);
        columns.extend(level(Level::Events).map(|m| (m.name.clone(), m.sql.clone())));
        assemble(
            &columns,
            &level(Level::Tools).collect::<Vec<_>>(),
            &level(Level::Policy).collect::<Vec<_>>(),
            &level(Level::Run).collect::<Vec<_>>(),
        )
    }
}

/// Whether SQL speaks of a column: a guess that errs on the side of yes.
fn speaks_of(sql: &str, name: &str) -> bool {
    sql.match_indices(name).any(|(at, _)| {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        !sql[..at].chars().next_back().is_some_and(word) && !sql[at + name.len()..].chars().next().is_some_and(word)
    })
}

fn assemble(columns: &[(String, String)], tools: &[&Measure], policy: &[&Measure], derived: &[&Measure]) -> String {
    let mut events = String::from("SELECT session AS run");
    for (name, sql) in columns {
        let _ = write!(events, ",\n         {sql} AS {}", quoted_name(name));
    }
    events.push_str("\n  FROM events WHERE session IS NOT NULL GROUP BY session");
    if tools.is_empty() && policy.is_empty() && derived.is_empty() {
        return format!("WITH runs AS (\n  {events})");
    }
    let mut outer = String::from("SELECT e.*");
    let mut joins = String::new();
    if !tools.is_empty() {
        let list: Vec<String> = tools.iter().map(|m| format!("{} AS {}", m.sql, quoted_name(&m.name))).collect();
        for m in tools {
            let _ = write!(outer, ", coalesce(t.{0}, 0) AS {0}", quoted_name(&m.name));
        }
        let _ = write!(
            joins,
            "\n  LEFT JOIN (SELECT session, {}\n    FROM ({TOOL_CALLS}) GROUP BY session) t ON t.session = e.run",
            list.join(", ")
        );
    }
    for m in policy {
        let _ = write!(outer, ", coalesce(p.{0}, 0) AS {0}", quoted_name(&m.name));
        let _ = write!(
            joins,
            "\n  LEFT JOIN (SELECT v.session, {} AS {} FROM policy_findings f JOIN events v ON v.id = f.event_id \
             GROUP BY v.session) p ON p.session = e.run",
            m.sql,
            quoted_name(&m.name)
        );
    }
    let inner = format!("{outer} FROM (\n  {events}) e{joins}");
    if derived.is_empty() {
        return format!("WITH runs AS (\n  {inner})");
    }
    let list: Vec<String> = derived.iter().map(|m| format!("{} AS {}", m.sql, quoted_name(&m.name))).collect();
    format!("WITH runs AS (\n  SELECT *, {} FROM (\n  {inner}))", list.join(", "))
}

/// Which measures runs are measured by when nothing else is said.
pub(super) fn standard(evaluations: &[String], tools: Option<&[String]>, policy: bool, headers: bool) -> Vec<Measure> {
    let mut all: Vec<Measure> = evaluations.iter().map(|name| measures::evaluation(name)).collect();
    all.extend(measures::always());
    if headers {
        all.push(measures::time_to_first_chunk());
    }
    if let Some(tools) = tools {
        all.extend(measures::tools(tools));
    }
    if policy {
        all.push(measures::policy());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::{Runs, speaks_of, standard};

    #[test]
    fn only_what_is_spoken_of_is_computed() {
        let runs = Runs { measures: standard(&["utility".into()], None, false, false), ..Runs::default() };
        let sql = runs.with(&["task", "\"utility\""]);
        assert!(sql.contains("AS \"task\"") && sql.contains("AS \"utility\""), "{sql}");
        assert!(!sql.contains("variant") && !sql.contains("input_tokens"), "{sql}");
        let derived = runs.with(&["cache_hit_rate"]);
        assert!(derived.contains("AS \"cached_tokens\"") && derived.contains("AS \"input_tokens\""), "{derived}");
        assert!(speaks_of("a + task", "task") && !speaks_of("tasks", "task") && speaks_of("x.\"task\"", "task"));
    }
}
