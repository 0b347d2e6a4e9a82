//! Who&When: one failed multi-agent run a file, with the agent and the step that people blame.
//!
//! Guarantee: session is `<system>/<question id>` (`hand-crafted` runs name no speaker apart from the role,
//! `algorithm-generated` ones do), task the question's id, so that runs and annotations on one question pair whatever
//! the file is called. Steps: see [`super::steps`]. `session.start` holds the question and the system prompts, nothing of the
//! answer or the blame; those stand in the evaluation `annotation.culprit`, whose content `run` is the file without its
//! steps, from which [`super::rebuild`] makes the file again. A file that is not JSON is a reject.

use super::chat::Chat;
use super::ids::{Occurrences, session_name};
use super::json::{Fields, cut, object, slice};
use super::reject::{Reject, source_of};
use super::source::{DOCUMENT_BYTES_MAX, Document, SourceFile};
use super::steps::Annotation;
use super::{Importer, Out, Stop, Taken};
use bytes::Bytes;
use schemas::draft::{Draft, DraftContent};
use schemas::kind;
use serde_json::value::RawValue;

/// Name of the format and of its ids.
pub(super) const FORMAT: &str = "who-and-when";

/// The importer of `who-and-when`.
#[derive(Debug, Default)]
pub(super) struct WhoAndWhen;

impl Importer for WhoAndWhen {
    fn file(&mut self, file: &mut SourceFile<'_>, out: &mut Out<'_>) -> Result<Taken, Stop> {
        if !file.file_name().ends_with(".json") {
            return Ok(Taken::Skipped("not a run (*.json)"));
        }
        let bytes = match file.document() {
            Document::Whole(bytes) => Bytes::from(bytes),
            Document::TooLarge => {
                let detail = format!("a run of more than {DOCUMENT_BYTES_MAX} bytes; nothing of it was kept");
                return reject(file, FORMAT, "document.too_large", detail, Bytes::new(), out);
            }
            Document::Damaged(bytes, error) => {
                return reject(file, FORMAT, "source.damaged", error.to_string(), bytes.into(), out);
            }
        };
        let fields = match Fields::parse(&bytes) {
            Ok(fields) => fields,
            Err(_) if !bytes.trim_ascii_start().starts_with(b"{") => {
                return Ok(Taken::Skipped("not a JSON object, so not a run"));
            }
            Err(error) => {
                let detail = format!("expected one JSON object: {error}");
                return reject(file, FORMAT, "document.json", detail, bytes.clone(), out);
            }
        };
        let Some(history) = fields.elements("history") else {
            return Ok(Taken::Skipped("a JSON document without history, not a run"));
        };
        out.count_bytes(bytes.len());
        run(file, &bytes, &fields, &history, out)?;
        Ok(Taken::Read)
    }
}

/// A file that could not be read, in the session that its name gives.
pub(super) fn reject(
    file: &SourceFile<'_>,
    format: &'static str,
    reason: &'static str,
    detail: String,
    bytes: Bytes,
    out: &mut Out<'_>,
) -> Result<Taken, Stop> {
    out.count_bytes(bytes.len());
    let session = session_name(file.stem());
    let reject = Reject { format, session: &session, name: &file.name, line: None, reason, detail, bytes };
    reject.put(&mut Occurrences::default(), out)?;
    Ok(Taken::Read)
}

fn run(
    file: &SourceFile<'_>,
    document: &Bytes,
    fields: &Fields<'_>,
    history: &[&RawValue],
    out: &mut Out<'_>,
) -> Result<(), Stop> {
    let named = |step: &&RawValue| object(step).is_some_and(|step| step.raw("name").is_some());
    let generated = fields.raw("system_prompt").is_some() || history.iter().any(named);
    let system = if generated { "algorithm-generated" } else { "hand-crafted" };
    let question = fields.short("question_ID").map_or_else(|| file.stem().to_owned(), Into::into);
    let session = session_name(&format!("{system}/{question}"));
    let base = Draft {
        source: source_of(FORMAT),
        session: Some(session.clone()),
        agent: Some(FORMAT.to_owned()),
        agent_version: Some(system.to_owned()),
        task: Some(question),
        ..Draft::default()
    };
    let seen = Occurrences::default();
    let (name, place) = (file.name.as_str(), "history".to_owned());
    let mut chat = Chat { format: FORMAT, session: &session, name, place, base, document, seen };
    let mut start = chat.event("run".to_owned(), kind::SESSION_START, None);
    start.contents.extend(fields.text("question").map(|text| DraftContent::text("question", text.into_owned())));
    let prompts = fields.raw("system_prompt").map(|raw| slice(document, raw.get()));
    start.contents.extend(prompts.map(|bytes| DraftContent::new("system_prompt", "application/json", bytes)));
    let rest = Bytes::from(cut(document, history));
    let blamed = fields.raw("mistake_agent").is_some() || fields.raw("mistake_step").is_some();
    if !blamed {
        start.contents.push(DraftContent::new("run", "application/json", rest.clone()));
    }
    out.put(chat.key(), start)?;
    let last = chat.steps(history, out)?;
    let right = fields.boolean("is_correct").or_else(|| fields.boolean("is_corrected"));
    if let Some(right) = right {
        let label = if right { "true" } else { "false" };
        let draft = chat.evaluation("is_correct", f64::from(u8::from(right)), label, last.as_deref());
        out.put(chat.key(), draft)?;
    }
    if !blamed {
        return Ok(());
    }
    let culprit = culprit(fields, history.len(), rest);
    let draft = chat.annotation(culprit);
    out.put(chat.key(), draft)
}

/// The blame. The step is a number, or a string that holds one, and counts from 0.
fn culprit(fields: &Fields<'_>, steps: usize, rest: Bytes) -> Annotation {
    let stated = fields.integer("mistake_step").or_else(|| fields.short("mistake_step")?.trim().parse().ok());
    let position = stated.and_then(|step| u64::try_from(step).ok()).filter(|at| *at < steps as u64);
    Annotation {
        kind: "culprit",
        native_id: "culprit".to_owned(),
        agent: fields.short("mistake_agent").map(Into::into),
        step: stated,
        means: position.map(|at| (format!("step-{at}"), at)),
        category: fields.short("mistake_type").map(Into::into),
        reason: fields.text("mistake_reason").map(Into::into),
        record: Some(("run", rest)),
    }
}
