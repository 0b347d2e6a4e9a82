//! The recorded world of a run, served back to a new agent: model APIs (OpenAI chat completions and responses,
//! Anthropic messages) and its tools over MCP.
//!
//! Guarantees:
//! - Nothing is executed, and nothing leaves the process but through the caller's [`Live`] endpoint.
//! - Answers are byte for byte the recorded ones where wire bytes were recorded, otherwise their blocks, ids, usage
//!   and stop reasons are equal. A request that was not recorded is a miss: it stops, is asked live, or gets a
//!   stub, as the [`Plan`] says.
//! - Approvals and credentials are refused, typed and counted apart ([`guard`]).
//! - Every exchange is handed to the [`Sink`] before its answer is given out.
//! - Memory is bounded by the recording and by [`limits`]. No clock and no randomness: serving twice gives the same.
//!
//! Left out: TLS and authentication (the server is for this machine), and reading the store (the caller fills
//! [`RecordedEvent`]s).

mod answer;
mod build;
mod catalog;
mod change;
mod counts;
mod dialect;
mod difference;
mod engine;
mod engine_tools;
mod event;
pub mod guard;
mod http;
mod item;
mod json;
pub mod limits;
mod matching;
mod mcp;
mod mcp_http;
mod mcp_stdio;
mod outcome;
mod plan;
mod record;
mod recording;
#[cfg(test)]
mod tests;
mod tools;
mod tree;

pub use answer::{Answer, Block, Stop, Usage, What, Wire};
pub use build::BuildError;
pub use change::{Change, ChangeError};
pub use counts::Counts;
pub use dialect::Dialect;
pub use difference::Difference;
pub use engine::{PlanError, Replay, Reply};
pub use engine_tools::{FAILED, STOPPED, ToolReply};
pub use event::{RecordedCause, RecordedContent, RecordedEvent};
pub use guard::{Refusal, Withheld};
pub use http::router;
pub use limits::Limits;
pub use matching::MatchKind;
pub use mcp::{HANDSHAKE_VERSION, MODERN_VERSION};
pub use mcp_stdio::serve_stdio;
pub use outcome::{Act, Outcome, acts, judge};
pub use plan::{How, Live, LiveAnswer, LiveRequest, Miss, Plan, Served, Sink, Surface};
pub use recording::{Exchange, Recording};
pub use tools::{RecordedCall, ToolResult, ToolWorld};
