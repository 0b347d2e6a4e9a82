//! A log of steps by named speakers, and what people wrote about its failure, for data on which agent caused what.
//!
//! Guarantee: each step is one event `step-<n>` (n from 0) in the order of the log whose content `record` is its bytes;
//! its agent is the speaker without what stands in brackets behind the name. It responds to the step before, and used
//! it where that is a program's output. Annotations are events of kind `evaluation` whose causes point at the annotated
//! step (`derived_from`) and at nothing else, and nothing points at them: they never feed a step's lineage. Their
//! attributes are `hansard.annotation.kind`, `.source`, `.agent`, `.step` (as the data counts), `.position` (from 0),
//! `.category`. A step that is no object is a reject.

use super::chat::Chat;
use super::ids::bounded;
use super::json::{Fields, SHORT_TEXT_BYTES_MAX, object, slice};
use super::reject::Reject;
use super::{Out, Stop};
use bytes::Bytes;
use schemas::draft::{Draft, DraftCause, DraftContent};
use schemas::{id, kind};
use serde_json::value::RawValue;

/// What a person wrote about a run.
#[derive(Debug, Default)]
pub(super) struct Annotation {
    /// One word: `culprit`, `failure`, `root_cause`.
    pub(super) kind: &'static str,
    /// Native id within the run.
    pub(super) native_id: String,
    pub(super) agent: Option<String>,
    /// The step's number as the data counts.
    pub(super) step: Option<i64>,
    /// Native id of the step that it means, and its place from 0.
    pub(super) means: Option<(String, u64)>,
    pub(super) category: Option<String>,
    pub(super) reason: Option<String>,
    /// Verbatim: name and bytes.
    pub(super) record: Option<(&'static str, Bytes)>,
}

impl<'a> Chat<'a> {
    /// Hands out the steps and gives the id of the last one.
    pub(super) fn steps(&mut self, steps: &[&'a RawValue], out: &mut Out<'_>) -> Result<Option<String>, Stop> {
        let mut previous: Option<(String, bool)> = None;
        for (index, step) in steps.iter().enumerate() {
            let record = slice(self.document, step.get());
            let Some(fields) = object(step) else {
                self.no_step(index, record, out)?;
                continue;
            };
            let draft = self.step(index, &fields, record, previous.as_ref());
            previous = Some((draft.id.clone(), draft.kind == kind::TOOL_RESULT));
            out.put(self.key(), draft)?;
        }
        Ok(previous.map(|(id, _)| id))
    }

    fn step(&mut self, index: usize, fields: &Fields<'a>, record: Bytes, previous: Option<&(String, bool)>) -> Draft {
        let speaker = fields.short("name").or_else(|| fields.short("role")).unwrap_or_default().into_owned();
        let place = format!("{}/{index}", self.place);
        let mut draft = self.event(format!("step-{index}"), kind_of(&speaker), Some(place));
        let agent = plain(&speaker);
        if !agent.is_empty() {
            draft.agent = Some(agent.to_owned());
        }
        draft.attributes.insert("hansard.step".into(), index.into());
        draft.attributes.insert("hansard.speaker".into(), speaker.as_str().into());
        if let Some(role) = fields.short("role") {
            draft.attributes.insert("hansard.role".into(), role.into());
        }
        if let Some(addressee) = speaker.split_once("(->").and_then(|(_, rest)| rest.split(')').next()) {
            draft.attributes.insert("hansard.addressee".into(), addressee.trim().into());
        }
        draft.contents.push(DraftContent::new("record", "application/json", record));
        if let Some((id, is_output)) = previous {
            draft.causes.push(DraftCause::new(id.clone(), "responds_to"));
            draft.causes.extend(is_output.then(|| DraftCause::new(id.clone(), "used")));
        }
        draft
    }

    fn no_step(&mut self, index: usize, bytes: Bytes, out: &mut Out<'_>) -> Result<(), Stop> {
        let name = format!("{}#{}/{index}", self.name, self.place);
        let (reason, detail) = ("step.json", "expected a step, a JSON object".to_owned());
        let reject =
            Reject { format: self.format, session: self.session, name: &name, line: None, reason, detail, bytes };
        reject.put(&mut self.seen, out)
    }

    /// An annotation's event.
    pub(super) fn annotation(&mut self, annotation: Annotation) -> Draft {
        let mut draft = self.event(format!("annotation:{}", annotation.native_id), kind::EVALUATION, None);
        let attributes = &mut draft.attributes;
        attributes.insert("gen_ai.evaluation.name".into(), format!("annotation.{}", annotation.kind).into());
        attributes.insert("hansard.annotation.kind".into(), annotation.kind.into());
        attributes.insert("hansard.annotation.source".into(), self.format.into());
        let label = annotation.category.as_ref().or(annotation.agent.as_ref()).cloned();
        for (name, value) in [
            ("gen_ai.evaluation.score.label", label),
            ("hansard.annotation.agent", annotation.agent),
            ("hansard.annotation.category", annotation.category),
        ] {
            attributes.extend(value.map(|v| (name.to_owned(), bounded(&v, SHORT_TEXT_BYTES_MAX).into())));
        }
        attributes.extend(annotation.step.map(|step| ("hansard.annotation.step".to_owned(), step.into())));
        if let Some((native, position)) = annotation.means {
            draft.attributes.insert("hansard.annotation.position".into(), position.into());
            let step = id::imported(self.format, self.session, &native, 0);
            draft.causes.push(DraftCause::new(step, "derived_from"));
        }
        draft.contents.extend(annotation.reason.map(|reason| DraftContent::text("reason", reason)));
        let record = annotation.record;
        draft.contents.extend(record.map(|(name, bytes)| DraftContent::new(name, "application/json", bytes)));
        draft
    }
}

/// The speaker's name without what stands in brackets: `Orchestrator (thought)` is the Orchestrator.
fn plain(speaker: &str) -> &str {
    speaker.split_once(" (").map_or(speaker, |(name, _)| name)
}

/// People and agents send messages; a terminal runs what the step before wrote.
fn kind_of(speaker: &str) -> &'static str {
    let name = plain(speaker).to_ascii_lowercase().replace(['_', '-', ' '], "");
    if name == "computerterminal" {
        kind::TOOL_RESULT
    } else if speaker.contains("(->") {
        kind::HANDOFF
    } else if speaker.contains("(thought)") {
        kind::PLAN
    } else {
        kind::MESSAGE
    }
}
