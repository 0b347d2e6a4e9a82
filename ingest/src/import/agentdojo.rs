//! AgentDojo: one run a file, `<pipeline>/<suite>/<user task>/<attack>/<injection task>.json`.
//!
//! Guarantee: session is that path, agent version the pipeline's folder (the field inside may name another), variant
//! the attack, task `suite/user task/injection task`. The file is kept: its messages as records, the rest as content
//! `run` of `session.start`, from which [`super::rebuild`] makes it again. `utility` and `security` become evaluations
//! when they are there, and nothing is invented when they are not. `injections` and `security` feed no cause, and no
//! message has a cause outside the messages. A file that is not JSON is a reject.

use super::chat::Chat;
use super::ids::{Occurrences, session_name};
use super::json::{Fields, cut};
use super::reject::{Reject, source_of};
use super::source::{DOCUMENT_BYTES_MAX, Document, SourceFile};
use super::{Importer, Out, Stop, Taken};
use bytes::Bytes;
use schemas::draft::{Draft, DraftCause, DraftContent};
use schemas::kind;
use serde_json::Value;

/// Name of the format, of its ids and of the agent.
pub(super) const FORMAT: &str = "agentdojo";

/// The importer of `agentdojo`.
#[derive(Debug, Default)]
pub(super) struct AgentDojo;

/// What a run's path says.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    pipeline: String,
    suite: String,
    user_task: String,
    attack: String,
    injection_task: String,
}

impl Importer for AgentDojo {
    fn file(&mut self, file: &mut SourceFile<'_>, out: &mut Out<'_>) -> Result<Taken, Stop> {
        if !file.file_name().ends_with(".json") {
            return Ok(Taken::Skipped("not a run (*.json)"));
        }
        let document = match file.document() {
            Document::Whole(bytes) => Bytes::from(bytes),
            Document::TooLarge => {
                let detail = format!("a run of more than {DOCUMENT_BYTES_MAX} bytes; nothing of it was kept");
                return reject(file, "document.too_large", detail, Bytes::new(), out);
            }
            Document::Damaged(bytes, error) => {
                return reject(file, "source.damaged", error.to_string(), bytes.into(), out);
            }
        };
        let fields = match Fields::parse(&document) {
            Ok(fields) => fields,
            Err(_) if document.trim_ascii_start().starts_with(b"[") => {
                return Ok(Taken::Skipped("a JSON array, not a run"));
            }
            Err(error) => {
                let detail = format!("expected one JSON object: {error}");
                return reject(file, "document.json", detail, document.clone(), out);
            }
        };
        if fields.short("suite_name").is_none() && fields.raw("messages").is_none() {
            return Ok(Taken::Skipped("a JSON document without suite_name and messages, not a run"));
        }
        run(file, &document, &fields, out)?;
        Ok(Taken::Read)
    }
}

fn reject(
    file: &SourceFile<'_>,
    reason: &'static str,
    detail: String,
    bytes: Bytes,
    out: &mut Out<'_>,
) -> Result<Taken, Stop> {
    out.count_bytes(bytes.len());
    let session = place_of_path(file).map_or_else(|| file.stem().to_owned(), |place| place.session());
    let session = session_name(&session);
    let reject = Reject { format: FORMAT, session: &session, name: &file.name, line: None, reason, detail, bytes };
    reject.put(&mut Occurrences::default(), out)?;
    Ok(Taken::Read)
}

impl Place {
    fn session(&self) -> String {
        format!("{}/{}/{}/{}/{}", self.pipeline, self.suite, self.user_task, self.attack, self.injection_task)
    }

    fn task(&self) -> String {
        format!("{}/{}/{}", self.suite, self.user_task, self.injection_task)
    }
}

fn place_of_path(file: &SourceFile<'_>) -> Option<Place> {
    let parts = file.last_parts(5)?;
    let [pipeline, suite, user_task, attack, injection] = parts.as_slice() else {
        return None;
    };
    Some(Place {
        pipeline: (*pipeline).to_owned(),
        suite: (*suite).to_owned(),
        user_task: (*user_task).to_owned(),
        attack: (*attack).to_owned(),
        injection_task: injection.strip_suffix(".json").unwrap_or(injection).to_owned(),
    })
}

/// The path where it has the layout that the run itself describes, else what the run says.
fn place_of(file: &SourceFile<'_>, fields: &Fields<'_>) -> Place {
    let said = |name: &str| fields.short(name).map(String::from);
    let by_path = place_of_path(file);
    let fits = |place: &Place| {
        said("suite_name").is_none_or(|suite| suite == place.suite)
            && said("user_task_id").is_none_or(|task| task == place.user_task)
            && said("injection_task_id").unwrap_or_else(|| "none".to_owned()) == place.injection_task
    };
    match by_path {
        Some(place) if fits(&place) => place,
        other => Place {
            pipeline: said("pipeline_name")
                .or(other.map(|place| place.pipeline))
                .unwrap_or_else(|| "unknown".to_owned()),
            suite: said("suite_name").unwrap_or_else(|| "unknown".to_owned()),
            user_task: said("user_task_id").unwrap_or_else(|| file.stem().to_owned()),
            attack: said("attack_type").unwrap_or_else(|| "none".to_owned()),
            injection_task: said("injection_task_id").unwrap_or_else(|| "none".to_owned()),
        },
    }
}

fn run(file: &SourceFile<'_>, document: &Bytes, fields: &Fields<'_>, out: &mut Out<'_>) -> Result<(), Stop> {
    out.count_bytes(document.len());
    let place = place_of(file, fields);
    let session = session_name(&place.session());
    let base = Draft {
        source: source_of(FORMAT),
        session: Some(session.clone()),
        agent: Some(FORMAT.to_owned()),
        agent_version: Some(place.pipeline.clone()),
        variant: Some(place.attack.clone()),
        task: Some(place.task()),
        ..Draft::default()
    };
    let mut chat = Chat {
        format: FORMAT,
        session: &session,
        name: &file.name,
        place: "messages".to_owned(),
        base,
        document,
        seen: Occurrences::default(),
    };
    let messages = fields.elements("messages").unwrap_or_default();
    let mut start = chat.event("run".to_owned(), kind::SESSION_START, None);
    for (name, attribute) in [
        ("pipeline_name", "agentdojo.pipeline_name"),
        ("benchmark_version", "agentdojo.benchmark_version"),
        ("evaluation_timestamp", "agentdojo.evaluation_timestamp"),
        ("agentdojo_package_version", "agentdojo.package_version"),
    ] {
        if let Some(value) = fields.short(name) {
            start.attributes.insert(attribute.into(), value.into());
        }
    }
    start.contents.push(DraftContent::new("run", "application/json", cut(document, &messages)));
    out.put(chat.key(), start)?;
    let last = chat.messages(&messages, out)?;
    end(&mut chat, fields, last.as_deref(), out)
}

/// How the run ended, as far as the file says.
fn end(chat: &mut Chat<'_>, fields: &Fields<'_>, last: Option<&str>, out: &mut Out<'_>) -> Result<(), Stop> {
    let failed = fields.raw("error").is_some();
    for name in ["utility", "security"] {
        let Some(value) = fields.boolean(name) else { continue };
        let mut draft = chat.evaluation(name, f64::from(u8::from(value)), if value { "true" } else { "false" }, last);
        if failed {
            draft.attributes.insert("error.type".into(), "run_error".into());
        }
        out.put(chat.key(), draft)?;
    }
    let duration = fields.number("duration");
    if duration.is_none() && !failed {
        return Ok(());
    }
    let mut draft = chat.event("end".to_owned(), kind::SESSION_END, None);
    draft.causes.extend(last.map(|id| DraftCause::new(id, "responds_to")));
    if let Some(seconds) = duration {
        draft.attributes.insert("agentdojo.duration_seconds".into(), Value::from(seconds));
    }
    if failed {
        draft.attributes.insert("error.type".into(), "run_error".into());
        if let Some(message) = fields.short("error") {
            draft.attributes.insert("error.message".into(), message.into());
        }
    }
    out.put(chat.key(), draft)
}
