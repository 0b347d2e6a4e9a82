//! The story as a list of acts, and the words to write it in.
//!
//! Guarantee: the same story every time: texts, order, times and ids (UUIDv7 from the act's time and a digest of its
//! label). A cause names an act that came before; one that does not is a mistake that the test of this module shows.

use super::cast::Actor;
use super::{loans, prices};
use jiff::{SignedDuration, Timestamp};
use schemas::digest::fields_digest;
use schemas::draft::{Draft, DraftCause, DraftContent};
use schemas::kind;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// Context of the digests that stand for randomness in the ids of the demo.
const ID_CONTEXT: &str = "hansard demo event id v1";

/// One event of the story.
#[derive(Debug, Clone, PartialEq)]
pub struct Act {
    /// Its name within the story.
    pub label: &'static str,
    /// Who acts.
    pub actor: Actor,
    /// The event; causes name it by id.
    pub draft: Draft,
}

/// The whole story, in the order in which it happens.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Story {
    acts: Vec<Act>,
    ids: HashMap<&'static str, String>,
}

/// The story of the demo.
#[must_use]
pub fn story() -> Story {
    let mut story = Story::default();
    loans::tell(&mut story);
    prices::tell(&mut story);
    story
}

impl Story {
    /// The acts in order.
    #[must_use]
    pub fn acts(&self) -> &[Act] {
        &self.acts
    }

    /// The event id of an act.
    #[must_use]
    pub fn id(&self, label: &str) -> Option<&str> {
        self.ids.get(label).map(String::as_str)
    }

    /// Begins a scene.
    pub(super) fn scene(&mut self, setting: Setting) -> Scene<'_> {
        let now = setting.start.parse().unwrap_or_default();
        Scene { story: self, setting, now }
    }
}

/// What all acts of a scene share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    pub(super) start: &'static str,
    pub(super) session: &'static str,
    pub(super) subject: Option<&'static str>,
    pub(super) task: &'static str,
    pub(super) principal: &'static str,
    pub(super) sponsor: &'static str,
}

/// Acts of one session.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    story: &'a mut Story,
    setting: Setting,
    now: Timestamp,
}

impl Scene<'_> {
    /// An act, `seconds` after the one before.
    pub(super) fn act(&mut self, seconds: i64, actor: Actor, label: &'static str, kind_name: &str) -> Line<'_> {
        self.now = self.now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(self.now);
        let id = event_id(self.now, label);
        let setting = self.setting;
        let text = |text: &str| Some(text.to_owned());
        let mut attributes = Map::new();
        if let (Some(model), kind::MODEL_CALL) = (actor.model, kind_name) {
            attributes.insert("gen_ai.operation.name".into(), "chat".into());
            attributes.insert("gen_ai.request.model".into(), model.into());
            attributes.insert("gen_ai.response.model".into(), model.into());
        }
        let draft = Draft {
            id: id.clone(),
            source: actor.source.to_owned(),
            kind: kind_name.to_owned(),
            time: Some(self.now.to_string()),
            subject: setting.subject.map(str::to_owned),
            session: text(setting.session),
            agent: text(actor.id),
            agent_version: actor.version.map(str::to_owned),
            task: text(setting.task),
            principal: text(setting.principal),
            sponsor: text(setting.sponsor),
            trace_id: Some(hex_of("trace", setting.session, 16)),
            span_id: Some(hex_of("span", label, 8)),
            attributes,
            ..Draft::default()
        };
        self.story.ids.insert(label, id);
        self.story.acts.push(Act { label, actor, draft });
        let at = self.story.acts.len() - 1;
        Line { story: &mut *self.story, at }
    }
}

/// One act while it is being written.
#[derive(Debug)]
pub(super) struct Line<'a> {
    story: &'a mut Story,
    at: usize,
}

impl Line<'_> {
    fn draft(&mut self, change: impl FnOnce(&mut Draft)) -> &mut Self {
        if let Some(act) = self.story.acts.get_mut(self.at) {
            change(&mut act.draft);
        }
        self
    }

    /// A text.
    pub(super) fn text(&mut self, name: &str, text: &str) -> &mut Self {
        self.draft(|d| d.contents.push(DraftContent::text(name, text)))
    }

    /// A document in JSON.
    pub(super) fn json(&mut self, name: &str, value: &Value) -> &mut Self {
        self.draft(|d| d.contents.push(DraftContent::json(name, value)))
    }

    /// Where it came from.
    pub(super) fn because(&mut self, relation: &str, label: &str) -> &mut Self {
        let id = self.story.id(label).map_or_else(|| format!("demo:unknown:{label}"), str::to_owned);
        self.draft(|d| d.causes.push(DraftCause::new(id, relation)))
    }

    /// An attribute.
    pub(super) fn attribute(&mut self, name: &str, value: impl Into<Value>) -> &mut Self {
        self.draft(|d| {
            d.attributes.insert(name.to_owned(), value.into());
        })
    }

    /// What a model call read, thought, said and used.
    pub(super) fn thought(&mut self, input: &str, reasoning: &str, output: &str, tokens: (u64, u64, u64)) -> &mut Self {
        self.text("input", input)
            .text("reasoning", reasoning)
            .text("output", output)
            .attribute("gen_ai.usage.input_tokens", tokens.0)
            // Output tokens include those of reasoning.
            .attribute("gen_ai.usage.output_tokens", tokens.1 + tokens.2)
            .attribute("gen_ai.usage.reasoning.output_tokens", tokens.2)
            .attribute("gen_ai.response.finish_reasons", json!(["stop"]))
    }

    /// Which tool, and the id by which its result refers to the call.
    pub(super) fn tool(&mut self, name: &str, call: &str) -> &mut Self {
        self.attribute("gen_ai.operation.name", "execute_tool")
            .attribute("gen_ai.tool.name", name)
            .attribute("gen_ai.tool.call.id", call)
    }

    /// Which value of shared memory, in which version.
    pub(super) fn memory(&mut self, key: &str, version: u64) -> &mut Self {
        self.attribute("gen_ai.memory.store.id", "shared/prices")
            .attribute("gen_ai.memory.record.id", key)
            .attribute("hansard.memory.version", version)
    }

    /// Which credential, and what it allows.
    pub(super) fn credential(&mut self, id: &str, scope: &str) -> &mut Self {
        self.attribute("hansard.credential.id", id).attribute("hansard.credential.scope", scope)
    }

    /// The digest of what a reviewer was shown: an approval of anything else would not match.
    pub(super) fn shown_digest(&mut self, shown: &str) -> &mut Self {
        self.attribute("hansard.approval.digest", format!("blake3:{}", blake3::hash(shown.as_bytes()).to_hex()))
    }
}

fn event_id(time: Timestamp, label: &str) -> String {
    let digest = fields_digest(ID_CONTEXT, &[label.as_bytes()]);
    let mut random = [0u8; 10];
    random.copy_from_slice(&digest[..10]);
    schemas::id::live(u64::try_from(time.as_millisecond()).unwrap_or_default(), random)
}

fn hex_of(what: &str, name: &str, bytes: usize) -> String {
    let digest = fields_digest(ID_CONTEXT, &[what.as_bytes(), name.as_bytes()]);
    hex::encode(digest.get(..bytes).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::story;
    use std::collections::HashSet;

    #[test]
    fn causes_come_before_their_effects_and_labels_are_unique() {
        let story = story();
        let (mut seen, mut labels) = (HashSet::new(), HashSet::new());
        for act in story.acts() {
            assert!(labels.insert(act.label), "{} stands twice", act.label);
            for cause in &act.draft.causes {
                assert!(seen.contains(cause.id.as_str()), "{}: cause {} comes later or nowhere", act.label, cause.id);
            }
            seen.insert(act.draft.id.as_str());
        }
        assert_eq!(story, super::story(), "the story is the same every time");
    }
}
