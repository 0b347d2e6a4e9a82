//! Rows of the installation's state: audit ledger, sub-agent runs, tasks, approvals and the like, exported or read.
//!
//! Guarantee: each row is one event `openclaw.state.<table>` (approvals: `approval.*`, decisions: `policy.verdict`) with the row as
//! content `record`; its id comes from the row's own key, and for rows that change while OpenClaw runs from their
//! content too, so that each state that was imported stays. An audit event and an approval point at the tool call that
//! they are about (the ledger names it by its SHA-256). A row that is not JSON is a reject.

use super::super::ids::{Occurrences, digest, session_name};
use super::super::json::Fields;
use super::super::lines::Lines;
use super::super::reject::{NO_SESSION, origin};
use super::super::source::SourceFile;
use super::super::{Out, Stop, Taken};
use super::index::Index;
use super::place::Place;
use super::words::{clean, copy};
use super::{FORMAT, trajectory, whole};
use bytes::Bytes;
use rusqlite::Row;
use rusqlite::types::ValueRef;
use schemas::draft::{Draft, DraftCause, DraftContent};
use schemas::kind;
use serde_json::{Map, Value};

/// Tables whose rows never change, and the column that names a row.
const FIXED: [(&str, &str); 4] = [
    ("audit_events", "event_id"),
    ("execution_decision_facts", "receipt_id"),
    ("execution_identity_contexts", "context_id"),
    ("session_state_events", "dedupe_key"),
];
/// Columns that name a row of the other tables.
const NAMES: [&str; 7] = ["approval_id", "run_id", "task_id", "flow_id", "job_id", "session_id", "id"];

/// Reads an exported table.
pub(super) fn table(
    file: &mut SourceFile<'_>,
    table: &str,
    place: &Place,
    index: &mut Index,
    out: &mut Out<'_>,
) -> Result<Taken, Stop> {
    let mut seen = Occurrences::default();
    let mut lines = Lines::new(file.reader);
    while let Some(line) = lines.next() {
        out.count_bytes(line.bytes.len() + usize::from(line.newline));
        if trajectory::parsed(&file.name, &line, NO_SESSION, &mut seen, out)?.is_some() {
            row(table, line.bytes.clone(), origin(&file.name, Some(line.number)), place, index, out)?;
        }
    }
    Ok(Taken::Read)
}

/// A row of a database as JSON.
pub(super) fn as_json(row: &Row<'_>) -> rusqlite::Result<Bytes> {
    let mut object = Map::new();
    for (at, name) in row.as_ref().column_names().enumerate() {
        let value = match row.get_ref(at)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(n) => n.into(),
            ValueRef::Real(n) => n.into(),
            ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
            ValueRef::Blob(blob) => format!("hex:{}", hex::encode(blob)).into(),
        };
        object.insert(name.to_owned(), value);
    }
    Ok(Value::Object(object).to_string().into_bytes().into())
}

/// One row.
pub(super) fn row(
    table: &str,
    record: Bytes,
    at: String,
    place: &Place,
    index: &mut Index,
    out: &mut Out<'_>,
) -> Result<(), Stop> {
    let fields = Fields::parse(&record).unwrap_or_default();
    let table = clean(table);
    let (stated, key) = (fields.short("session_id"), key_of(&fields));
    if let (Some(session), Some(key)) = (&stated, fields.short("session_key")) {
        index.name(&session_name(session), &key);
    }
    let run = fields.short("run_id");
    if let (Some(session), Some(run)) = (&stated, &run) {
        index.ran(run, &session_name(session));
    }
    let of_key = || index.session(key.as_deref()?).map(ToOwned::to_owned);
    let of_run = || index.session_of_run(run.as_deref()?).map(ToOwned::to_owned);
    let session = stated.map(|id| session_name(&id)).or_else(of_key).or_else(of_run);
    let key = key.or_else(|| index.key(session.as_deref()?).map(ToOwned::to_owned));
    let agent = ["agent_id", "source_agent_id"].iter().find_map(|n| fields.short(n)).map(String::from);
    let of_key = || key.as_deref()?.strip_prefix("agent:")?.split(':').next().map(ToOwned::to_owned);
    let agent = agent.or_else(of_key).or_else(|| place.agent.clone());
    let mut draft = whole::event(
        kind_of(&table, &fields),
        native_id(&table, &fields, &record),
        session.as_deref(),
        agent.as_deref(),
    );
    let millis = ["occurred_at", "resolved_at_ms", "ended_at", "updated_at", "created_at", "created_at_ms"];
    draft.time = millis.iter().find_map(|name| fields.integer(name)).and_then(whole::moment);
    draft.origin = Some(at);
    draft.attributes.insert("openclaw.table".into(), table.as_str().into());
    if let Some(key) = &key {
        draft.attributes.insert("openclaw.session.key".into(), key.as_str().into());
    }
    for (name, attribute) in [
        ("action", "openclaw.action"),
        ("status", "openclaw.status"),
        ("run_id", "openclaw.run_id"),
        ("tool_name", "gen_ai.tool.name"),
        ("child_session_key", "openclaw.child_session_key"),
        ("decision", "openclaw.decision"),
        ("decision_outcome", "openclaw.decision"),
        ("reason_code", "openclaw.reason"),
        ("terminal_reason", "openclaw.reason"),
        ("error_code", "error.type"),
    ] {
        copy(&fields, name, attribute, &mut draft.attributes);
    }
    draft.causes = causes(&table, &fields, index);
    draft.contents.push(DraftContent::new("record", "application/json", record.clone()));
    put(draft, out)
}

fn put(draft: Draft, out: &mut Out<'_>) -> Result<(), Stop> {
    out.put(whole::partition(&draft), draft)
}

fn key_of(fields: &Fields<'_>) -> Option<String> {
    let names = ["session_key", "source_session_key", "child_session_key", "requester_session_key", "owner_key"];
    names.iter().find_map(|name| fields.short(name)).map(Into::into)
}

fn native_id(table: &str, fields: &Fields<'_>, record: &[u8]) -> String {
    let fixed = FIXED.iter().find(|(name, _)| *name == table).and_then(|(_, column)| fields.short(column));
    if let Some(own) = fixed {
        return format!("{table}:{own}");
    }
    let own = NAMES.iter().find_map(|name| fields.short(name)).unwrap_or_default();
    // The same row exported by another program has other white space and order.
    let plain = serde_json::from_slice::<Value>(record).map(|value| value.to_string().into_bytes());
    format!("{table}:{own}:{}", digest(plain.as_deref().unwrap_or(record)))
}

fn kind_of(table: &str, fields: &Fields<'_>) -> String {
    let stated = fields.text("decision").or_else(|| fields.text("status")).unwrap_or_default().to_ascii_lowercase();
    match table {
        "operator_approvals" if stated.starts_with("den") || stated.starts_with("reject") => {
            kind::APPROVAL_DENIED.to_owned()
        }
        "operator_approvals" if stated.starts_with("allow") || stated.starts_with("appro") => {
            kind::APPROVAL_GRANTED.to_owned()
        }
        "operator_approvals" => kind::APPROVAL_REQUESTED.to_owned(),
        "execution_decision_facts" => kind::POLICY_VERDICT.to_owned(),
        _ => format!("{FORMAT}.state.{table}"),
    }
}

/// What a row is about: the tool call, or the spawn and the answer of the sub-agent.
fn causes(table: &str, fields: &Fields<'_>, index: &Index) -> Vec<DraftCause> {
    let named = ["tool_call_id", "source_tool_call_id"].iter().find_map(|name| fields.short(name));
    let relation = if table == "operator_approvals" { "responds_to" } else { "derived_from" };
    let call = named.and_then(|named| index.call(&named).map(ToOwned::to_owned));
    let mut causes: Vec<DraftCause> = call.map(|call| DraftCause::new(call, relation)).into_iter().collect();
    let child = fields.short("child_session_key").filter(|_| table == "subagent_runs");
    if let Some(child) = child {
        causes.extend(index.spawn_of(&child).map(|spawn| DraftCause::new(spawn.call.clone(), "derived_from")));
        causes.extend(index.answer(&child, i64::MAX - 1).map(|(_, event)| DraftCause::new(event, "derived_from")));
    }
    causes
}
