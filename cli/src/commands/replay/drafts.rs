//! The events of a replayed run.
//!
//! A model exchange is a `model.call` with its `request` and `response`, and a `tool.call` for each call in the answer; a call
//! over MCP is a `tool.result`, with its `tool.call` where no answer asked for it. Guarantee: an event names with `replays`
//! the recorded one that it gave out; how it was answered stands in `hansard.replay.how`, a refusal in `error.type`.

use ingest::env::Env;
use replay::serve::{How, Served, Surface};
use schemas::draft::{Draft, DraftCause, DraftContent};
use schemas::header::Time;
use schemas::kind;
use serde_json::{Map, Value, json};

/// URI that speaks in replays.
const SOURCE: &str = "hansard://replay";

/// What all events of a replay share.
#[derive(Debug, Clone, Default)]
pub(super) struct Session {
    /// Session of the run that is replayed.
    pub(super) of: String,
    /// Its first event.
    pub(super) first: Option<String>,
    /// Its agent.
    pub(super) agent: Option<String>,
    /// Its task.
    pub(super) task: Option<String>,
    /// `replay`, `control`, `without`, `set` or `fork`.
    pub(super) variant: String,
    /// What was asked for, for people.
    pub(super) plan: Value,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Drafts {
    about: Session,
    env: Env,
    session: String,
    first: String,
    /// Calls of answers that no result has come for: tool, event.
    open: Vec<(String, String)>,
}

impl Drafts {
    pub(super) fn new(about: Session, env: Env) -> Self {
        let first = env.live_id();
        Self { session: format!("replay-{}", env.live_id()), first, about, env, open: Vec::new() }
    }

    pub(super) fn session(&self) -> &str {
        &self.session
    }

    pub(super) fn first(&self) -> &str {
        &self.first
    }

    fn draft(&self, kind: &str) -> Draft {
        Draft {
            id: self.env.live_id(),
            source: SOURCE.to_owned(),
            kind: kind.to_owned(),
            time: Some(Time(self.env.clock.now_us()).to_rfc3339()),
            session: Some(self.session.clone()),
            agent: self.about.agent.clone(),
            task: self.about.task.clone(),
            variant: Some(self.about.variant.clone()),
            attributes: Map::from_iter([("hansard.replay.session".to_owned(), self.about.of.clone().into())]),
            ..Draft::default()
        }
    }

    /// The session begins.
    pub(super) fn start(&mut self) -> Vec<Draft> {
        let mut draft = self.draft(kind::SESSION_START);
        draft.id.clone_from(&self.first);
        draft.causes = self.about.first.iter().map(|id| DraftCause::new(id, "replays")).collect();
        draft.contents.push(DraftContent::json("plan", &self.about.plan));
        vec![draft]
    }

    /// The session ends.
    pub(super) fn end(&mut self, counts: &Value) -> Vec<Draft> {
        let mut draft = self.draft(kind::SESSION_END);
        draft.causes.push(DraftCause::new(&self.first, "responds_to"));
        draft.contents.push(DraftContent::json("counts", counts));
        vec![draft]
    }

    /// An exchange.
    pub(super) fn exchange(&mut self, served: &Served) -> Vec<Draft> {
        match served.surface {
            Surface::Model(_) => self.model(served),
            Surface::Tool => self.tool(served),
            Surface::CountTokens => vec![self.answered("dev.hansard.replay.count_tokens", served)],
        }
    }

    /// An event of an exchange, with how it was answered.
    fn answered(&self, kind: &str, served: &Served) -> Draft {
        let mut draft = self.draft(kind);
        let mut say = |name: &str, value: Value| drop(draft.attributes.insert(format!("hansard.replay.{name}"), value));
        say("how", served.how.word().into());
        say("match", served.matched.word().into());
        say("repeated", served.repeated.into());
        served.step.iter().for_each(|step| say("step", (*step).into()));
        match served.how {
            How::Recorded(_) => draft.causes.extend(served.event.iter().map(|id| DraftCause::new(id, "replays"))),
            How::Live | How::Stub => {}
            How::Stopped | How::Failed => drop(draft.attributes.insert("error.type".into(), served.how.word().into())),
            How::Refused(withheld) => {
                drop(draft.attributes.insert("error.type".into(), format!("refused_{}", withheld.word()).into()));
            }
        }
        if let Some(refusal) = &served.refusal {
            let why = json!({ "withheld": refusal.withheld.word(), "event": refusal.event, "why": refusal.why });
            draft.contents.push(DraftContent::json("refusal", &why));
        }
        if let Some(difference) = &served.difference {
            draft.contents.push(DraftContent::json("difference", &difference.to_json()));
        }
        draft
    }

    fn model(&mut self, served: &Served) -> Vec<Draft> {
        let mut draft = self.answered(kind::MODEL_CALL, served);
        let request = serde_json::from_slice::<Value>(&served.request).unwrap_or_default();
        draft.attributes.insert("gen_ai.operation.name".into(), "chat".into());
        if let Some(model) = request.get("model") {
            draft.attributes.insert("gen_ai.request.model".into(), model.clone());
        }
        let body = served.sent.as_ref().unwrap_or(&served.request).clone();
        draft.contents.push(DraftContent::new("request", "application/json", body));
        draft.contents.push(DraftContent::new("response", served.media_type.clone(), served.response.clone()));
        let Some(answer) = served.answer() else { return vec![draft] };
        if let Some(model) = &answer.model {
            draft.attributes.insert("gen_ai.response.model".into(), model.as_str().into());
        }
        if let Some(usage) = &answer.usage {
            let input = usage.input + usage.cache_read + usage.cache_write;
            for (name, tokens) in [
                ("input_tokens", input),
                ("output_tokens", usage.output),
                ("cache_read.input_tokens", usage.cache_read),
                ("cache_creation.input_tokens", usage.cache_write),
                ("reasoning.output_tokens", usage.reasoning),
            ] {
                draft.attributes.insert(format!("gen_ai.usage.{name}"), tokens.into());
            }
        }
        let asked = draft.id.clone();
        let mut drafts = vec![draft];
        for (name, arguments) in answer.calls() {
            let mut call = self.draft(kind::TOOL_CALL);
            call.attributes.insert("gen_ai.tool.name".into(), name.as_str().into());
            call.causes.push(DraftCause::new(&asked, "responds_to"));
            call.contents.push(DraftContent::new("arguments", "application/json", arguments.into_bytes()));
            self.open.push((name, call.id.clone()));
            drafts.push(call);
        }
        drafts
    }

    fn tool(&mut self, served: &Served) -> Vec<Draft> {
        let request = serde_json::from_slice::<Value>(&served.request).unwrap_or_default();
        let name = request.pointer("/params/name").and_then(Value::as_str).unwrap_or("unknown").to_owned();
        let mut drafts = Vec::new();
        let known = self.open.iter().position(|(own, _)| *own == name).map(|at| self.open.remove(at).1);
        let call = known.unwrap_or_else(|| {
            let mut call = self.draft(kind::TOOL_CALL);
            call.attributes.insert("gen_ai.tool.name".into(), name.as_str().into());
            call.contents.push(DraftContent::new("request", "application/json", served.request.clone()));
            let id = call.id.clone();
            drafts.push(call);
            id
        });
        let mut result = self.answered(kind::TOOL_RESULT, served);
        result.attributes.insert("gen_ai.tool.name".into(), name.into());
        result.causes.insert(0, DraftCause::new(call, "responds_to"));
        result.contents.push(DraftContent::new("response", served.media_type.clone(), served.response.clone()));
        drafts.push(result);
        drafts
    }
}
