//! How a run is replayed: what happens to requests that the record does not answer, and from where on it is not
//! asked.
//!
//! Guarantee: the default answers only what was recorded, and stops otherwise. Whatever is answered is handed to the
//! [`Sink`] before the client gets it; when the sink fails, the client gets an error and not the answer.

use super::answer::Answer;
use super::change::Change;
use super::dialect::{Dialect, wire_answer};
use super::difference::Difference;
use super::guard::{Refusal, Withheld};
use super::matching::MatchKind;
use super::tools::ToolResult;
use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;
use std::fmt::Debug;

/// What is done with a request that the record does not answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Miss {
    /// Answer with an error that names the step and the difference.
    #[default]
    Stop,
    /// Ask the live endpoint.
    Live,
    /// Answer with this text.
    Stub(String),
}

/// How to replay.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Requests to models that the record does not answer.
    pub miss: Miss,
    /// Tool calls that the record does not answer.
    pub tool_miss: Miss,
    /// Give the recorded answer although settings (model, temperature, tools) differ.
    pub accept_settings: bool,
    /// Give the answer of the nearest recorded request, whatever differs.
    pub accept_nearest: bool,
    /// From this step on (from 1), and for whatever is not recorded, ask the live endpoint.
    pub fork_at: Option<usize>,
    /// The input that is withheld or replaced.
    pub change: Option<Change>,
}

impl Plan {
    /// Whether a live endpoint may be asked.
    pub(super) fn needs_live(&self) -> bool {
        self.miss == Miss::Live || self.tool_miss == Miss::Live || self.fork_at.is_some() || self.change.is_some()
    }
}

/// A request for a live endpoint.
#[derive(Debug, Clone)]
pub struct LiveRequest {
    /// The API.
    pub dialect: Dialect,
    /// Whether a stream was asked for.
    pub streamed: bool,
    /// The body.
    pub body: Bytes,
}

/// What a live endpoint answered.
#[derive(Debug, Clone)]
pub struct LiveAnswer {
    /// HTTP status.
    pub status: u16,
    /// Media type.
    pub media_type: String,
    /// The body, whole.
    pub body: Bytes,
}

/// The world outside. It brings credentials of its own: those of the replayed client are neither checked, kept nor
/// passed on.
#[async_trait]
pub trait Live: Debug + Send + Sync {
    /// Asks a model. The error is a sentence for the record.
    async fn model(&self, request: LiveRequest) -> Result<LiveAnswer, String>;

    /// Calls a tool. Only asked under [`Plan::tool_miss`]` = Live`; by default no tool is ever called.
    async fn tool(&self, name: &str, arguments: &Value) -> Result<ToolResult, String> {
        let _ = arguments;
        Err(format!("tool {name} is not called: this replay has no live tools"))
    }
}

/// Which door a request came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Surface {
    /// A model API.
    Model(Dialect),
    /// Counting tokens.
    CountTokens,
    /// A tool call over MCP.
    Tool,
}

/// How a request was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum How {
    /// From the record.
    Recorded(MatchKind),
    /// By the live endpoint.
    Live,
    /// By the stub.
    Stub,
    /// Not, because the record has no answer.
    Stopped,
    /// Not, because approvals and credentials are not replayed.
    Refused(Withheld),
    /// Not, because the request was damaged or the live endpoint failed.
    Failed,
}

impl How {
    /// The word that stands in answers and records.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Recorded(_) => "recorded",
            Self::Live => "live",
            Self::Stub => "stub",
            Self::Stopped => "stopped",
            Self::Refused(_) => "refused",
            Self::Failed => "failed",
        }
    }
}

/// One exchange of the replayed run, for its own record.
#[derive(Debug, Clone)]
pub struct Served {
    /// Order in which requests were answered, from 0.
    pub sequence: u64,
    /// The door.
    pub surface: Surface,
    /// How it was answered.
    pub how: How,
    /// How well it fits a recorded request.
    pub matched: MatchKind,
    /// The recorded step, or the nearest one.
    pub step: Option<usize>,
    /// The recorded event: the new event `replays` it when it was given out.
    pub event: Option<String>,
    /// The recorded answer was given out before.
    pub repeated: bool,
    /// How it differs from that step.
    pub difference: Option<Difference>,
    /// Why the recorded answer was not given out.
    pub refusal: Option<Refusal>,
    /// The request as it came, without headers.
    pub request: Bytes,
    /// The request as it was sent on, where the changed input was put into it.
    pub sent: Option<Bytes>,
    /// HTTP status.
    pub status: u16,
    /// Media type of the answer.
    pub media_type: String,
    /// The answer.
    pub response: Bytes,
}

impl Served {
    /// The model's answer, where one was given.
    #[must_use]
    pub fn answer(&self) -> Option<Answer> {
        let model = matches!(self.surface, Surface::Model(_)) && self.status == 200;
        model.then(|| wire_answer(&self.response)).flatten()
    }
}

/// Where the replayed run is recorded.
#[async_trait]
pub trait Sink: Debug + Send + Sync {
    /// Takes an exchange; the client gets its answer after this returns. The error is a sentence for the client.
    async fn served(&self, served: Served) -> Result<(), String>;
}
