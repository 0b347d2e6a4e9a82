//! Answers requests to models from a recording, as the plan says.
//!
//! Guarantee: nothing is executed and nothing leaves the process but through [`Live`]. Answers are byte for byte
//! the recorded ones where the same API and the same form (whole or streamed) was recorded, else they have the same
//! blocks, ids, usage and stop reason. Every exchange reaches the [`Sink`] before its client. Errors are 4xx that
//! the official SDKs do not send again, with a typed body: `replay_stopped` names the step and the difference,
//! `replay_refused` what is withheld.

use super::answer::{Answer, Block, Stop};
use super::counts::Counts;
use super::dialect::{Ask, Dialect, Facts};
use super::guard::Refusal;
use super::limits::Limits;
use super::matching::{Found, MatchKind};
use super::plan::{How, Live, LiveRequest, Miss, Plan, Served, Sink, Surface};
use super::recording::{Exchange, Recording};
use bytes::Bytes;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Microseconds in a second.
const US_PER_S: i64 = 1_000_000;
/// Media type of whole answers.
pub(super) const JSON: &str = "application/json";
/// Media type of streams.
const SSE: &str = "text/event-stream; charset=utf-8";

/// Why a replay cannot start.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PlanError {
    /// The plan asks a live endpoint and there is none.
    #[error(
        "the plan asks a live endpoint (on a miss, after a fork, or for a changed input): name one, or let a miss stop"
    )]
    NoLive,
    /// A fork outside the run.
    #[error("the run has {steps} model calls, so it cannot be forked at step {at}: choose 1 to {steps}")]
    ForkOutside {
        /// The step asked for.
        at: usize,
        /// How many there are.
        steps: usize,
    },
}

/// A run that answers.
#[derive(Debug)]
pub struct Replay {
    pub(super) recording: Recording,
    pub(super) plan: Plan,
    pub(super) live: Option<Arc<dyn Live>>,
    pub(super) limits: Limits,
    sink: Arc<dyn Sink>,
    sequence: AtomicU64,
    counts: Counts,
}

/// An answer for a client.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Media type.
    pub media_type: String,
    /// The body.
    pub body: Bytes,
    /// How it was answered.
    pub how: How,
    /// The recorded step, or the nearest one.
    pub step: Option<usize>,
    /// Its event.
    pub event: Option<String>,
}

/// An exchange that is being answered.
pub(super) struct Draft {
    pub(super) surface: Surface,
    pub(super) request: Bytes,
    pub(super) found: Found,
}

impl Replay {
    /// Prepares a replay; applies the plan's changed input to the recording.
    pub fn new(
        mut recording: Recording,
        plan: Plan,
        live: Option<Arc<dyn Live>>,
        sink: Arc<dyn Sink>,
        limits: Limits,
    ) -> Result<Self, PlanError> {
        if plan.needs_live() && live.is_none() {
            return Err(PlanError::NoLive);
        }
        let steps = recording.exchanges.len();
        if let Some(at) = plan.fork_at.filter(|at| *at == 0 || *at > steps) {
            return Err(PlanError::ForkOutside { at, steps });
        }
        if let Some(change) = &plan.change {
            recording.change(change);
        }
        Ok(Self { recording, plan, live, limits, sink, sequence: AtomicU64::new(0), counts: Counts::default() })
    }

    /// The recording, with the changed input.
    #[must_use]
    pub fn recording(&self) -> &Recording {
        &self.recording
    }

    /// What was answered so far.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Answers a request to a model.
    pub async fn model(&self, dialect: Dialect, body: Bytes) -> Reply {
        let parsed = serde_json::from_slice::<Value>(&body).map_err(|error| format!("expected JSON: {error}"));
        let asked = parsed.and_then(|value| dialect.ask(&value).map(|ask| (value, ask)));
        let (value, ask) = match asked {
            Ok(asked) => asked,
            Err(why) => {
                let found = Found { kind: MatchKind::None, exchange: None, repeated: false, difference: None };
                let draft = Draft { surface: Surface::Model(dialect), request: body, found };
                return self.fail(dialect, draft, 400, "invalid_request_error", &why).await;
            }
        };
        let found = self.recording.find(&ask, &body, false);
        let draft = Draft { surface: Surface::Model(dialect), request: body, found };
        match self.decide(&draft.found) {
            Decision::Recorded(index) => self.recorded(&ask, draft, index).await,
            Decision::Refused(refusal) => self.refused(dialect, draft, refusal).await,
            Decision::Live => self.ask_live(&ask, &value, draft).await,
            Decision::Stub(text) => self.stub(&ask, draft, &text).await,
            Decision::Stop => self.stopped(dialect, draft).await,
        }
    }

    fn decide(&self, found: &Found) -> Decision {
        let exchange = found.exchange.map(|index| &self.recording.exchanges[index]);
        let after_fork = |exchange: &Exchange| self.plan.fork_at.is_some_and(|at| exchange.step >= at);
        let fits = match found.kind {
            MatchKind::Bytes | MatchKind::Same => true,
            MatchKind::Settings => self.plan.accept_settings || self.plan.accept_nearest,
            MatchKind::None => self.plan.accept_nearest,
            MatchKind::Changed => false,
        };
        match (exchange, found.exchange) {
            (Some(exchange), Some(index)) if fits && !after_fork(exchange) && !exchange.exposed => {
                let refusal = exchange.refusal.clone();
                refusal.map_or(Decision::Recorded(index), Decision::Refused)
            }
            _ if self.plan.fork_at.is_some() || self.plan.change.is_some() => Decision::Live,
            _ => match &self.plan.miss {
                Miss::Stop => Decision::Stop,
                Miss::Live => Decision::Live,
                Miss::Stub(text) => Decision::Stub(text.clone()),
            },
        }
    }

    async fn recorded(&self, ask: &Ask, draft: Draft, index: usize) -> Reply {
        let exchange = &self.recording.exchanges[index];
        let same_form =
            exchange.answer.wire.as_ref().filter(|w| w.dialect == ask.dialect && w.streamed == ask.streamed);
        let body = match same_form {
            Some(wire) => wire.bytes.clone(),
            None => ask.dialect.write(&exchange.answer, &facts(exchange, ask), ask.streamed).into(),
        };
        let how = How::Recorded(draft.found.kind);
        self.reply(draft, how, None, None, (200, media_type(ask.streamed), body)).await
    }

    async fn stub(&self, ask: &Ask, draft: Draft, text: &str) -> Reply {
        let answer = Answer { blocks: vec![Block::text(text)], stop: Some(Stop::End), ..Answer::default() };
        let event = format!("stub{}", self.sequence.load(Ordering::Relaxed));
        let facts = Facts { model: &ask.model, include_usage: ask.include_usage, ..Facts::of(&event) };
        let body = ask.dialect.write(&answer, &facts, ask.streamed).into();
        self.reply(draft, How::Stub, None, None, (200, media_type(ask.streamed), body)).await
    }

    async fn ask_live(&self, ask: &Ask, value: &Value, draft: Draft) -> Reply {
        let sent = self.plan.change.as_ref().and_then(|change| change.swap_json(value));
        let body = sent.clone().unwrap_or_else(|| draft.request.clone());
        let Some(live) = &self.live else { return self.stopped(ask.dialect, draft).await };
        let request = LiveRequest { dialect: ask.dialect, streamed: ask.streamed, body };
        let answered = tokio::time::timeout(self.limits.live_wait, live.model(request)).await;
        let late = || format!("the live endpoint gave no answer in {} s", self.limits.live_wait.as_secs());
        match answered.unwrap_or_else(|_| Err(late())) {
            Ok(answer) => {
                let form = (answer.status, answer.media_type, answer.body);
                self.reply(draft, How::Live, sent, None, form).await
            }
            Err(why) => self.fail(ask.dialect, draft, 502, "live_endpoint_failed", &why).await,
        }
    }

    pub(super) async fn stopped(&self, dialect: Dialect, draft: Draft) -> Reply {
        let message = match &draft.found.difference {
            Some(difference) => format!("replay stopped: the request is not in the record; {difference}"),
            None => "replay stopped: the record holds no model call that this request could be".to_owned(),
        };
        let more = json!({"difference": draft.found.difference.as_ref().map(super::Difference::to_json)});
        let body = dialect.error("replay_stopped", &message, &more).into();
        self.reply(draft, How::Stopped, None, None, (422, JSON.to_owned(), body)).await
    }

    async fn refused(&self, dialect: Dialect, draft: Draft, refusal: Refusal) -> Reply {
        let message = format!("replay refused: {} ({})", refusal.why, refusal.event);
        let more = json!({"withheld": refusal.withheld.word(), "event": refusal.event, "why": refusal.why});
        let body = dialect.error("replay_refused", &message, &more).into();
        let how = How::Refused(refusal.withheld);
        self.reply(draft, how, None, Some(refusal), (403, JSON.to_owned(), body)).await
    }

    async fn fail(&self, dialect: Dialect, draft: Draft, status: u16, kind: &str, why: &str) -> Reply {
        let body = dialect.error(kind, why, &Value::Null).into();
        self.reply(draft, How::Failed, None, None, (status, JSON.to_owned(), body)).await
    }

    /// Records an exchange, then hands the answer out.
    pub(super) async fn reply(
        &self,
        draft: Draft,
        how: How,
        sent: Option<Bytes>,
        refusal: Option<Refusal>,
        (status, media_type, body): (u16, String, Bytes),
    ) -> Reply {
        let exchange = draft.found.exchange.and_then(|index| match draft.surface {
            Surface::Tool => None,
            _ => self.recording.exchanges.get(index),
        });
        let call = draft.found.exchange.filter(|_| draft.surface == Surface::Tool);
        let call = call.and_then(|index| self.recording.tools.calls.get(index));
        let event = exchange
            .map(|exchange| exchange.event.clone())
            .or_else(|| call.map(|call| call.result_event.clone().unwrap_or_else(|| call.event.clone())));
        let step = exchange.map(|exchange| exchange.step);
        let served = Served {
            sequence: self.sequence.fetch_add(1, Ordering::Relaxed),
            surface: draft.surface,
            how,
            matched: draft.found.kind,
            step,
            event: event.clone(),
            repeated: draft.found.repeated,
            difference: draft.found.difference,
            refusal,
            request: draft.request,
            sent,
            status,
            media_type: media_type.clone(),
            response: body.clone(),
        };
        if let Err(why) = self.sink.served(served).await {
            self.counts.add(How::Failed);
            let why = format!("the replayed exchange could not be recorded, so it is not answered: {why}");
            let dialect = if let Surface::Model(dialect) = draft.surface { dialect } else { Dialect::Chat };
            let body = dialect.error("replay_not_recorded", &why, &Value::Null).into();
            return Reply { status: 500, media_type: JSON.to_owned(), body, how: How::Failed, step, event };
        }
        self.counts.add(how);
        Reply { status, media_type, body, how, step, event }
    }
}

enum Decision {
    Recorded(usize),
    Refused(Refusal),
    Live,
    Stub(String),
    Stop,
}

fn media_type(streamed: bool) -> String {
    if streamed { SSE.to_owned() } else { JSON.to_owned() }
}

fn facts<'a>(exchange: &'a Exchange, ask: &'a Ask) -> Facts<'a> {
    Facts {
        event: &exchange.event,
        created_s: exchange.time_us.unwrap_or(0) / US_PER_S,
        model: &ask.model,
        include_usage: ask.include_usage,
    }
}
