//! States, differences and steps for readers: rows for JSON, and plain lines.
//!
//! Guarantee: rows stand in the order of keys, times are RFC 3339 in UTC, commitments are hex; lines hold no control
//! characters, whatever the record holds. What is derived (whether a call is open, a credential alive, where a breaker
//! stands) is derived at the time of the view and stands under `now`.

use super::State;
use super::cells::Cell;
use super::diff::Diff;
use super::key::{Class, Key};
use super::stamp::Stamp;
use super::stepper::Step;
use super::view::View;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// One cell for readers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What it is about.
    pub class: &'static str,
    /// The parts of its key, by name, in their order.
    #[serde(serialize_with = "as_map")]
    pub key: Vec<(&'static str, String)>,
    /// What it holds.
    pub cell: Value,
    /// What that means at the time asked for.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub now: Value,
}

/// Which cells are wanted; an empty one wants all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Cells of this agent: its own, its memory, what it wrote, its side of breakers.
    pub agent: Option<String>,
    /// Cells of this session.
    pub session: Option<String>,
    /// Cells of these classes.
    pub classes: Vec<Class>,
    /// Also what is over: closed calls, decided approvals, deleted values, dead credentials, judgements.
    pub all: bool,
}

impl View<'_> {
    /// The rows of the tenant that a filter wants.
    #[must_use]
    pub fn rows(&self, filter: &Filter) -> Vec<Row> {
        let open: BTreeSet<Stamp> = self.open_calls(None).into_iter().map(|open| open.call.stamp).collect();
        let classes = Class::ALL.iter().filter(|class| filter.classes.is_empty() || filter.classes.contains(class));
        let mut rows = Vec::new();
        for (key, cell) in classes.flat_map(|class| self.under(*class, &[])) {
            let (now, over) = self.now(key, cell, &open);
            if (filter.all || !over) && filter.wants(key, cell) {
                rows.push(Row { class: cell.class().name(), key: parts(key), cell: value_of(cell), now });
            }
        }
        rows
    }

    /// What a cell means now, and whether it is over.
    fn now(&self, key: &Key, cell: &Cell, open: &BTreeSet<Stamp>) -> (Value, bool) {
        match cell {
            Cell::Call(balance) => {
                let open = balance.call.as_ref().is_some_and(|call| open.contains(&call.stamp));
                (json!({ "open": open }), !open)
            }
            Cell::Memory(memory) => in_force(memory.value()),
            Cell::File(file) => in_force(file.0.value()),
            Cell::Credential(credential) => {
                let life = credential.life(self.at_us);
                (json!({ "life": life }), life != super::cells::credential::Life::Alive)
            }
            Cell::Approval(_) => {
                let pending = self.is_pending(key);
                (json!({ "pending": pending }), !pending)
            }
            Cell::Breaker(_) => (value_of(&self.breaker_of(key)), false),
            Cell::Grant(grant) => {
                let holds = !grant.revoked && grant.expires_us.is_none_or(|until| self.at_us <= until);
                (json!({ "holds": holds }), !holds)
            }
            Cell::Session(session) => {
                let ended =
                    session.ended.as_ref().is_some_and(|end| session.last.as_ref().is_none_or(|l| l.stamp <= *end));
                (json!({ "ended": ended }), false)
            }
            Cell::Stop(_) => {
                let (agent, session) = (key.part("agent").unwrap_or_default(), key.part("session"));
                (json!({ "stopped": self.stopped(&agent, session.as_deref()).is_some() }), false)
            }
            Cell::Flag(_) => (Value::Null, true),
            _ => (Value::Null, false),
        }
    }
}

fn in_force(value: Option<&super::cells::Write>) -> (Value, bool) {
    (
        json!({ "in_force": value.map(|write| &write.stamp.id), "version": value.and_then(|w| w.version) }),
        value.is_none(),
    )
}

impl Filter {
    fn wants(&self, key: &Key, cell: &Cell) -> bool {
        let agent = self.agent.as_deref().is_none_or(|agent| of_agent(agent, key, cell));
        let session = self.session.as_deref().is_none_or(|session| of_session(session, key, cell));
        agent && session
    }
}

fn of_agent(agent: &str, key: &Key, cell: &Cell) -> bool {
    let part = |name| key.part(name).is_some_and(|part| part == agent);
    let mut writes = Vec::new();
    match cell {
        Cell::Memory(memory) => writes.extend(memory.last()),
        Cell::File(file) => writes.extend(file.0.last()),
        Cell::Session(session) => return session.last.as_ref().and_then(|last| last.within.as_deref()) == Some(agent),
        Cell::Call(balance) => return balance.call.as_ref().is_some_and(|call| &*call.agent == agent),
        Cell::Approval(approval) => return approval.request.as_ref().is_some_and(|request| &*request.by == agent),
        Cell::Credential(credential) => {
            let holder = credential.issued.as_ref().and_then(|issue| issue.holder.as_deref());
            let user = credential.used.as_ref().map(|used| &*used.agent);
            return holder.or(user) == Some(agent);
        }
        Cell::Totals(_) | Cell::Flag(_) => return false,
        _ => {}
    }
    let store = key.part("store").unwrap_or_default();
    let below = store.strip_prefix("agent/").and_then(|rest| rest.strip_prefix(agent));
    let own = store == agent || below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    own || writes.iter().any(|write| &*write.agent == agent) || ["agent", "from", "to", "reader"].into_iter().any(part)
}

fn of_session(session: &str, key: &Key, cell: &Cell) -> bool {
    match cell {
        Cell::Memory(memory) => memory.last().and_then(|write| write.session.as_deref()) == Some(session),
        Cell::File(file) => file.0.last().and_then(|write| write.session.as_deref()) == Some(session),
        Cell::Approval(approval) => approval.request.as_ref().and_then(|r| r.session.as_deref()) == Some(session),
        _ => key.part("session").is_some_and(|part| part == session),
    }
}

fn parts(key: &Key) -> Vec<(&'static str, String)> {
    let names = key.class().map(Class::parts).unwrap_or_default().iter().copied();
    names.zip(key.parts().unwrap_or_default().into_iter().skip(1)).collect()
}

fn as_map<S: Serializer>(parts: &[(&'static str, String)], s: S) -> Result<S::Ok, S::Error> {
    s.collect_map(parts.iter().map(|(name, part)| (name, part)))
}

/// A value as JSON; what cannot be one, which no cell is, is null.
fn value_of(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Rows as lines, one each: class, key, fields.
#[must_use]
pub fn text(rows: &[Row]) -> String {
    let mut out = String::new();
    for row in rows {
        out.push_str(row.class);
        row.key.iter().for_each(|(_, part)| field(&mut out, "", &part.as_str().into()));
        flat(&mut out, "", &row.cell);
        flat(&mut out, "now.", &row.now);
        out.push('\n');
    }
    out
}

/// A difference as JSON: for each cell its key, before, after, and the event that did it.
#[must_use]
pub fn diff_json(diff: &Diff) -> Value {
    let side = |cell: &Option<Cell>| cell.as_ref().map_or(Value::Null, value_of);
    let change = |change: &super::diff::Change| {
        let class = change.key.class().map(Class::name);
        let key: Map<String, Value> =
            parts(&change.key).into_iter().map(|(name, part)| (name.to_owned(), part.into())).collect();
        json!({ "class": class, "key": key, "before": side(&change.before),
                "after": side(&change.after), "by": change.by })
    };
    diff.changes.iter().map(change).collect()
}

/// A difference as lines: `+` new, `-` gone, `~` changed with the fields that differ.
#[must_use]
pub fn diff_text(diff: &Diff) -> String {
    let mut out = String::new();
    for change in &diff.changes {
        let sign = match (&change.before, &change.after) {
            (None, _) => '+',
            (_, None) => '-',
            _ => '~',
        };
        let _ = write!(out, "{sign} {}", change.key.class().map_or("?", Class::name));
        parts(&change.key).iter().for_each(|(_, part)| field(&mut out, "", &part.as_str().into()));
        let (before, after) = (leaves(change.before.as_ref()), leaves(change.after.as_ref()));
        let names: BTreeSet<&String> = before.iter().chain(&after).map(|(name, _)| name).collect();
        let value = |side: &[(String, String)], name: &String| {
            side.iter().find(|(own, _)| own == name).map_or_else(|| "-".to_owned(), |(_, value)| value.clone())
        };
        for name in names {
            let (a, b) = (value(&before, name), value(&after, name));
            match sign {
                '+' => drop(write!(out, " {name}={b}")),
                '-' => drop(write!(out, " {name}={a}")),
                _ if a != b => drop(write!(out, " {name}={a}->{b}")),
                _ => {}
            }
        }
        let by = change.by.as_ref().map_or_else(|| "not known".to_owned(), |stamp| stamp.id.to_string());
        field(&mut out, "by=", &by.into());
        out.push('\n');
    }
    out
}

/// A step as lines: the event, then what it changed.
#[must_use]
pub fn step_text(step: &Step) -> String {
    let mut out = format!("#{}", step.index + 1);
    let time = schemas::header::Time(step.stamp.time_us).to_rfc3339();
    for value in [time, step.stamp.id.to_string(), step.kind.to_string()] {
        field(&mut out, "", &value.into());
    }
    out.push('\n');
    out.push_str(&diff_text(&step.diff));
    out
}

fn leaves(cell: Option<&Cell>) -> Vec<(String, String)> {
    let mut out = Vec::new();
    if let Some(cell) = cell {
        walk("", &value_of(cell), &mut |name, value| out.push((name.to_owned(), shown(value))));
    }
    out
}

fn flat(out: &mut String, prefix: &str, value: &Value) {
    walk("", value, &mut |name, value| field(out, &format!("{prefix}{name}="), value));
}

/// Every value that is no object, with its path; empty ones and sums of nothing are left out.
fn walk(path: &str, value: &Value, each: &mut dyn FnMut(&str, &Value)) {
    match value {
        Value::Null => {}
        Value::Object(map) => map.iter().for_each(|(name, value)| {
            let dot = if path.is_empty() { "" } else { "." };
            walk(&format!("{path}{dot}{name}"), value, each);
        }),
        Value::Array(list) if list.is_empty() => {}
        Value::Number(number) if path.starts_with("sums.") && number.as_u64() == Some(0) => {}
        Value::Array(list) if list.iter().any(Value::is_object) => each(path, &list.len().into()),
        _ => each(path, value),
    }
}

fn field(out: &mut String, name: &str, value: &Value) {
    let _ = write!(out, " {name}{}", shown(value));
}

/// A value on one line: quoted where it holds anything but plain characters.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if plain(text) => text.clone(),
        Value::String(text) => format!("\"{}\"", text.escape_debug()),
        Value::Array(list) => format!("[{}]", list.iter().map(shown).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

fn plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "-_./:@+*%,#~".contains(c))
}

impl State {
    /// The tenants of which there is anything.
    #[must_use]
    pub fn tenants(&self) -> Vec<String> {
        self.under(Class::Totals, &[]).filter_map(|(key, _)| key.parts()?.into_iter().next()).collect()
    }
}
