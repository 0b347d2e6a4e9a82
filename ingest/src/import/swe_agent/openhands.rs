//! OpenHands evaluation output: a file of lines, each one run `{instance_id, history, metrics, metadata, error, …}`.
//!
//! Guarantee: a line is one session. The run's name is the last part of its own `eval_output_dir`, which does not
//! depend on where the file lies now; without one it is the file's name. The same instance twice in a file is numbered.
//! `session.start` holds the line without its history as content `run`; `end` the patch, the error, the cost; the
//! evaluation `submitted` says whether there is a patch, `resolved` what the test harness found, where the line has it.
//! A line that is no run is a reject. See [`entry`] for the history.

mod entry;

use super::super::chat::Chat;
use super::super::ids::Occurrences;
use super::super::json::{Fields, cut};
use super::super::lines::{Line, Lines};
use super::super::reject::{NO_SESSION, Reject};
use super::super::source::SourceFile;
use super::super::{Out, Stop, Taken};
use super::arm::{self, Arm, Place};
use super::events::short;
use super::results::END;
use super::{COST, FORMAT, local_time};
use entry::Entries;
use schemas::draft::{Draft, DraftCause, DraftContent};
use schemas::kind;
use serde_json::value::RawValue;
use std::collections::HashMap;

/// Name of the agent where the line names none.
const AGENT: &str = "openhands";

/// Reads a file.
pub(super) fn file(file: &mut SourceFile<'_>, out: &mut Out<'_>) -> Result<Taken, Stop> {
    let fallback = arm::of_run(file, "output");
    let mut runs: HashMap<String, u64> = HashMap::new();
    let mut seen = Occurrences::default();
    let mut lines = Lines::new(file.reader);
    let mut any = false;
    while let Some(line) = lines.next() {
        let other = Fields::parse(&line.bytes).is_ok_and(|fields| fields.elements("history").is_none());
        if !any && other && line.damage.is_none() {
            return Ok(Taken::Skipped("lines that are no runs: they have no history"));
        }
        out.count_bytes(line.bytes.len() + 1);
        if line.bytes.trim_ascii().is_empty() && line.damage.is_none() {
            continue;
        }
        any = true;
        if let Err((reason, detail)) = one_line(&file.name, &fallback, &line, &mut runs, out)? {
            let (name, bytes, line) = (file.name.as_str(), line.bytes.clone(), Some(line.number));
            Reject { format: FORMAT, session: NO_SESSION, name, line, reason, detail, bytes }.put(&mut seen, out)?;
        }
    }
    Ok(Taken::Read)
}

type Problem = (&'static str, String);

fn one_line(
    name: &str,
    fallback: &str,
    line: &Line,
    runs: &mut HashMap<String, u64>,
    out: &mut Out<'_>,
) -> Result<Result<(), Problem>, Stop> {
    if let Some(damage) = &line.damage {
        return Ok(Err(("source.damaged", damage.clone())));
    }
    if let Some(part) = line.part {
        return Ok(Err(("line.too_long", format!("part {part} of a line that is too long"))));
    }
    let fields = match Fields::parse(&line.bytes) {
        Ok(fields) => fields,
        Err(error) => return Ok(Err(("line.json", format!("expected one JSON object: {error}")))),
    };
    let (Some(instance), Some(history)) = (fields.short("instance_id"), fields.elements("history")) else {
        return Ok(Err(("line.run", "expected instance_id, a string, and history, an array".to_owned())));
    };
    let metadata = fields.object("metadata").unwrap_or_default();
    let folder = metadata.short("eval_output_dir");
    let own = folder.as_deref().and_then(|path| path.trim_end_matches('/').rsplit('/').next());
    let run = own.filter(|run| !run.is_empty()).unwrap_or(fallback).to_owned();
    let mut place = Place { run, instance: instance.into_owned() };
    let arm = Arm { agent: AGENT.to_owned(), variant: metadata.short("agent_class").map(Into::into), model: None };
    let base = arm::base(&place, &arm);
    let count = runs.entry(place.session()).or_insert(0);
    *count += 1;
    if *count > 1 {
        place.instance = format!("{}~{count}", place.instance);
    }
    let session = arm::base(&place, &arm).session.unwrap_or_default();
    let base = Draft { session: Some(session.clone()), ..base };
    let (place, seen) = (format!("{}/history", line.number), Occurrences::default());
    let chat = Chat { format: FORMAT, session: &session, name, place, base, document: &line.bytes, seen };
    run_of(chat, &fields, &metadata, &history, out).map(Ok)
}

fn run_of<'a>(
    mut chat: Chat<'a>,
    fields: &Fields<'a>,
    metadata: &Fields<'a>,
    history: &[&'a RawValue],
    out: &mut Out<'_>,
) -> Result<(), Stop> {
    let metrics = fields.object("metrics").unwrap_or_default();
    let model = metadata.object("llm_config").and_then(|llm| llm.short("model").map(String::from));
    let mut entries = Entries::new(&metrics, history, model);
    let mut start = chat.event("run".to_owned(), kind::SESSION_START, None);
    start.time = entries.first_time();
    for (name, attribute) in [
        ("git_commit", "openhands.git_commit"),
        ("dataset", "openhands.dataset"),
        ("start_time", "openhands.start_time"),
    ] {
        start.attributes.extend(metadata.short(name).map(|value| (attribute.to_owned(), value.into())));
    }
    if let Some(zone) = entries.zone() {
        start.attributes.insert("openhands.utc_offset_seconds".into(), zone.into());
    }
    start.contents.push(DraftContent::new("run", "application/json", cut(chat.document, history)));
    out.put(chat.key(), start)?;
    for (n, raw) in history.iter().enumerate() {
        entries.one(&mut chat, n, raw, out)?;
    }
    let last = entries.finish(&mut chat, out)?;
    end(&mut chat, fields, &metrics, last, entries.last_time(), out)
}

/// How the run ended, as far as the line says.
fn end(
    chat: &mut Chat<'_>,
    fields: &Fields<'_>,
    metrics: &Fields<'_>,
    last: Option<String>,
    time: Option<String>,
    out: &mut Out<'_>,
) -> Result<(), Stop> {
    let mut draft = chat.event(END.to_owned(), kind::SESSION_END, None);
    draft.time = time;
    draft.causes.extend(last.map(|id| DraftCause::new(id, "responds_to")));
    draft.attributes.extend(metrics.number("accumulated_cost").map(|cost| (COST.to_owned(), cost.into())));
    if let Some(error) = fields.text("error") {
        let class = error.split(':').next().filter(|word| !word.contains(char::is_whitespace) && !word.is_empty());
        draft.attributes.insert("error.type".into(), short(class.unwrap_or("run_error")).into());
        draft.attributes.insert("error.message".into(), short(&error).into());
    }
    let tested = fields.object("test_result");
    let patch = tested.as_ref().and_then(|tested| tested.text("git_patch"));
    let handed_in = patch.as_ref().map(|patch| !patch.trim().is_empty());
    draft.contents.extend(patch.map(|patch| DraftContent::text("submission", patch)));
    let id = draft.id.clone();
    out.put(chat.key(), draft)?;
    let report = fields.object("report").or_else(|| tested?.object("report"));
    let resolved = report.and_then(|report| report.boolean("resolved"));
    let words = [("submitted", handed_in, ["no_patch", "patch"]), ("resolved", resolved, ["unresolved", "resolved"])];
    for (name, value, labels) in words {
        let Some(value) = value else { continue };
        let evaluation = chat.evaluation(name, f64::from(u8::from(value)), labels[usize::from(value)], Some(&id));
        out.put(chat.key(), evaluation)?;
    }
    Ok(())
}

/// The offset of the clock that wrote a history: see [`local_time`].
fn zone_of(history: &[Fields<'_>]) -> Option<i64> {
    let pairs = history.iter().filter(|entry| entry.raw("action").is_some()).filter_map(|entry| {
        let created = super::responses::response(entry)?.integer("created")?;
        Some((entry.short("timestamp")?.into_owned(), created))
    });
    let pairs: Vec<(String, i64)> = pairs.collect();
    local_time::offset(pairs.iter().map(|(local, created)| (local.as_str(), *created)))
}
