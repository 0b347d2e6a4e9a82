//! AgentRx: failed runs (Magentic-One: an array of steps a file; tau-bench: an array of runs a file) and, in
//! `ground_truth.json`, what people found in them: every failure and the root cause.
//!
//! Guarantee: session is `trajectory/<file's name>` or `task/<task id>` (`task/<task id>/<trial>` where trials of a task
//! differ from the first), so that annotations find their steps whatever the order of the files and whichever copy they
//! were read from. Steps: see [`super::steps`] and, for tau-bench, [`super::chat`]. Annotations count steps from 1: step
//! n is `step-<n-1>` or `message-<n-1>`; both numbers stand in the event. Each failure is an evaluation
//! `annotation.failure`, the root cause one more, `annotation.root_cause`. Files that are neither are left.

use super::chat::Chat;
use super::ids::{Occurrences, session_name};
use super::json::{Fields, cut, object, slice};
use super::reject::source_of;
use super::source::{DOCUMENT_BYTES_MAX, Document, SourceFile};
use super::steps::Annotation;
use super::{Imported, Importer, Out, Stop, Taken, tau_bench, who_and_when};
use bytes::Bytes;
use schemas::draft::{Draft, DraftContent};
use schemas::kind;
use serde_json::value::RawValue;

/// Name of the format and of its ids.
pub(super) const FORMAT: &str = "agentrx";

/// The importer of `agentrx`.
#[derive(Debug, Default)]
pub(super) struct AgentRx;

/// What an array holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Steps,
    Runs,
    Annotations,
    Other,
}

impl Importer for AgentRx {
    fn file(&mut self, file: &mut SourceFile<'_>, out: &mut Out<'_>) -> Result<Taken, Stop> {
        if !file.file_name().ends_with(".json") {
            return Ok(Taken::Skipped("neither runs nor annotations (*.json)"));
        }
        let bytes = match file.document() {
            Document::Whole(bytes) => Bytes::from(bytes),
            Document::TooLarge => {
                let detail = format!("an array of more than {DOCUMENT_BYTES_MAX} bytes; nothing of it was kept");
                return who_and_when::reject(file, FORMAT, "document.too_large", detail, Bytes::new(), out);
            }
            Document::Damaged(bytes, error) => {
                return who_and_when::reject(file, FORMAT, "source.damaged", error.to_string(), bytes.into(), out);
            }
        };
        if !bytes.trim_ascii_start().starts_with(b"[") {
            return Ok(Taken::Skipped("not a JSON array, so neither runs nor annotations"));
        }
        let elements: Vec<&RawValue> = match serde_json::from_slice(&bytes) {
            Ok(elements) => elements,
            Err(error) => {
                let detail = format!("expected one JSON array: {error}");
                return who_and_when::reject(file, FORMAT, "document.json", detail, bytes.clone(), out);
            }
        };
        let holds = elements.first().and_then(|first| object(first)).map_or(Holds::Other, |first| holds(&first));
        match holds {
            Holds::Steps => trajectory(file, &bytes, &elements, out)?,
            Holds::Runs => elements.iter().try_for_each(|element| run(file, &bytes, element, out))?,
            Holds::Annotations => elements.iter().try_for_each(|element| annotated(file, &bytes, element, out))?,
            Holds::Other => {
                return Ok(Taken::Skipped("a JSON array of something else than steps, runs or annotations"));
            }
        }
        out.count_bytes(bytes.len());
        Ok(Taken::Read)
    }
}

fn holds(first: &Fields<'_>) -> Holds {
    if first.raw("trajectory_id").is_some() && first.raw("failures").is_some() {
        Holds::Annotations
    } else if first.raw("traj").is_some() {
        Holds::Runs
    } else if first.raw("role").is_some() && first.raw("content").is_some() {
        Holds::Steps
    } else {
        Holds::Other
    }
}

fn chat<'a>(session: &'a str, task: String, name: &'a str, place: &str, document: &'a Bytes) -> Chat<'a> {
    let base = Draft {
        source: source_of(FORMAT),
        session: Some(session.to_owned()),
        agent: Some(FORMAT.to_owned()),
        task: Some(task),
        ..Draft::default()
    };
    let seen = Occurrences::default();
    Chat { format: FORMAT, session, name, place: place.to_owned(), base, document, seen }
}

fn trajectory(file: &SourceFile<'_>, document: &Bytes, steps: &[&RawValue], out: &mut Out<'_>) -> Result<(), Stop> {
    let session = session_name(&format!("trajectory/{}", file.stem()));
    let mut chat = chat(&session, file.stem().to_owned(), &file.name, "steps", document);
    let mut start = chat.event("run".to_owned(), kind::SESSION_START, None);
    start.contents.push(DraftContent::new("run", "application/json", cut(document, steps)));
    out.put(chat.key(), start)?;
    chat.steps(steps, out).map(|_| ())
}

/// A run of tau-bench.
fn run(file: &SourceFile<'_>, whole: &Bytes, raw: &RawValue, out: &mut Out<'_>) -> Result<(), Stop> {
    let document = slice(whole, raw.get());
    let fields = object(raw).unwrap_or_default();
    let traj = fields.elements("traj").unwrap_or_default();
    let task = fields.integer("task_id").map_or_else(|| "none".to_owned(), |id| id.to_string());
    let other_trial = fields.integer("trial").filter(|trial| *trial != 0 && trial.to_string() != task);
    let session = other_trial.map_or_else(|| format!("task/{task}"), |trial| format!("task/{task}/{trial}"));
    let session = session_name(&session);
    let domain = traj.first().and_then(|first| object(first)?.text("content").and_then(|t| tau_bench::heading_of(&t)));
    let task = format!("{}/{task}", domain.unwrap_or_else(|| "unknown".to_owned()));
    let mut chat = chat(&session, task, &file.name, "traj", &document);
    let mut start = chat.event("run".to_owned(), kind::SESSION_START, None);
    start.contents.push(DraftContent::new("run", "application/json", cut(&document, &traj)));
    out.put(chat.key(), start)?;
    let mut made: Vec<Imported> = Vec::new();
    let mut keep = |imported: Imported| {
        made.push(imported);
        Ok(())
    };
    let last = chat.messages(&traj, &mut Out::new(&mut keep))?;
    for mut imported in made {
        imported.draft.agent = Some(speaker(&imported.draft));
        out.put(imported.session_key, imported.draft)?;
    }
    let Some(reward) = fields.number("reward") else { return Ok(()) };
    let label = if (reward - 1.0).abs() < 1e-6 { "pass" } else { "fail" };
    let draft = chat.evaluation("reward", reward, label, last.as_deref());
    out.put(chat.key(), draft)
}

/// Who speaks: as the annotations call them.
fn speaker(draft: &Draft) -> String {
    let role = draft.attributes.get("hansard.role").and_then(|role| role.as_str()).unwrap_or("assistant");
    match role {
        "assistant" => "Assistant".to_owned(),
        "user" => "User".to_owned(),
        other => other.to_owned(),
    }
}

/// What was found in one run.
fn annotated(file: &SourceFile<'_>, whole: &Bytes, raw: &RawValue, out: &mut Out<'_>) -> Result<(), Stop> {
    let fields = object(raw).unwrap_or_default();
    let (session, task, steps) = match (fields.integer("trajectory_id"), fields.short("trajectory_id")) {
        (Some(task), _) => (format!("task/{task}"), format!("retail/{task}"), "message"),
        (None, Some(name)) => (format!("trajectory/{name}"), name.into_owned(), "step"),
        (None, None) => (format!("trajectory/{}", file.stem()), file.stem().to_owned(), "step"),
    };
    let session = session_name(&session);
    let mut chat = chat(&session, task, &file.name, "ground_truth", whole);
    let root = fields.object("root_cause").unwrap_or_default();
    let root_id = root.integer("failure_id");
    let mut root_cause = Annotation { kind: "root_cause", native_id: "root_cause".to_owned(), ..Annotation::default() };
    for (n, failure) in fields.elements("failures").unwrap_or_default().into_iter().enumerate() {
        let said = object(failure).unwrap_or_default();
        let own = said.integer("failure_id");
        let native_id = own.map_or_else(|| format!("failure-at-{n}"), |id| format!("failure-{id}"));
        let found = found(&said, steps, native_id, slice(whole, failure.get()));
        if own.is_some() && own == root_id {
            root_cause.agent.clone_from(&found.agent);
            root_cause.step = found.step;
            root_cause.means.clone_from(&found.means);
            root_cause.category.clone_from(&found.category);
        }
        let draft = chat.annotation(found);
        out.put(chat.key(), draft)?;
    }
    root_cause.reason = root.text("reason_for_root_cause").map(Into::into);
    root_cause.record = Some(("record", slice(whole, raw.get())));
    let draft = chat.annotation(root_cause);
    out.put(chat.key(), draft)
}

fn found(said: &Fields<'_>, steps: &str, native_id: String, record: Bytes) -> Annotation {
    let step = said.integer("step_number");
    let position = step.and_then(|step| u64::try_from(step - 1).ok());
    Annotation {
        kind: "failure",
        native_id,
        agent: said.short("failed_agent").map(Into::into),
        step,
        means: position.map(|at| (format!("{steps}-{at}"), at)),
        category: said.short("failure_category").map(Into::into),
        reason: said.text("step_reason").map(Into::into),
        record: Some(("record", record)),
    }
}
