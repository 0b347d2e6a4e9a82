//! Sums over all, over a session, over an agent, with the first and the last event of each.
//!
//! Guarantee: sums count each event once, as the feeder gives each once; an event adds at most
//! [`TOKENS_PER_EVENT_MAX`] tokens to a sum.

use super::{Join, earlier, later};
use crate::state::event::StateEvent;
use crate::state::limits::TOKENS_PER_EVENT_MAX;
use crate::state::names;
use crate::state::stamp::Stamp;
use crate::state::wire::wire;
use schemas::kind;
use serde::Serialize;

macro_rules! tally {
    ($($(#[doc = $doc:literal])* $field:ident,)*) => {
        /// Sums over events.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
        pub struct Tally { $( $(#[doc = $doc])* pub $field: u64, )* }

        wire!(Tally { $($field),* });

        impl Join for Tally {
            fn join(&mut self, other: Self) {
                $( self.$field = self.$field.wrapping_add(other.$field); )*
            }
        }
    };
}

tally! {
    /// Events.
    events,
    /// Model calls, which are the turns of a conversation.
    turns,
    /// Messages and handoffs.
    messages,
    /// Tool calls.
    tool_calls,
    /// Results of tools.
    tool_results,
    /// Events with `error.type`.
    errors,
    /// Input tokens of model calls.
    input_tokens,
    /// Output tokens of model calls.
    output_tokens,
    /// Input tokens of model calls that came from a cache.
    cached_tokens,
    /// Input tokens of model calls that went into a cache.
    cache_write_tokens,
    /// Output tokens of model calls that were spent on reasoning.
    reasoning_tokens,
}

impl Tally {
    /// What one event adds.
    #[must_use]
    pub fn of(event: &StateEvent) -> Self {
        let one = |is: bool| u64::from(is);
        let turn = &*event.kind == kind::MODEL_CALL;
        let tokens = |name| {
            let stated = event.number(name).filter(|_| turn).unwrap_or_default();
            stated.min(TOKENS_PER_EVENT_MAX.unsigned_abs())
        };
        Self {
            events: 1,
            turns: one(turn),
            messages: one(event.hands_on()),
            tool_calls: one(&*event.kind == kind::TOOL_CALL),
            tool_results: one(&*event.kind == kind::TOOL_RESULT),
            errors: one(event.text(names::ERROR_TYPE).is_some()),
            input_tokens: tokens(names::INPUT_TOKENS),
            output_tokens: tokens(names::OUTPUT_TOKENS),
            cached_tokens: tokens(names::CACHED_TOKENS),
            cache_write_tokens: tokens(names::CACHE_WRITE_TOKENS),
            reasoning_tokens: tokens(names::REASONING_TOKENS),
        }
    }
}

/// The last event of something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Last {
    /// Which, and when.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Its kind.
    pub kind: Box<str>,
    /// Of a session: who acted. Of an agent: in which session.
    pub within: Option<Box<str>>,
}

wire!(Last { stamp, kind, within });

/// Everything of a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Sums.
    pub sums: Tally,
    /// The first event.
    pub first: Option<Stamp>,
    /// The last event.
    pub last: Option<Stamp>,
}

wire!(Totals { sums, first, last });

impl Join for Totals {
    fn join(&mut self, other: Self) {
        self.sums.join(other.sums);
        earlier(&mut self.first, other.first);
        later(&mut self.last, other.last);
    }
}

impl Totals {
    pub(crate) fn latest(&self) -> Option<&Stamp> {
        self.last.as_ref()
    }
}

/// A session or conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Session {
    /// Sums.
    pub sums: Tally,
    /// The first event.
    pub first: Option<Stamp>,
    /// The last event, and who acted.
    pub last: Option<Last>,
    /// The first `session.start`.
    pub started: Option<Stamp>,
    /// The last `session.end`. Events after it show that it went on.
    pub ended: Option<Stamp>,
}

wire!(Session { sums, first, last, started, ended });

impl Join for Session {
    fn join(&mut self, other: Self) {
        self.sums.join(other.sums);
        earlier(&mut self.first, other.first);
        later(&mut self.last, other.last);
        earlier(&mut self.started, other.started);
        later(&mut self.ended, other.ended);
    }
}

impl Session {
    pub(crate) fn latest(&self) -> Option<&Stamp> {
        self.last.as_ref().map(|last| &last.stamp)
    }
}

/// A text that events state again and again; the last counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Stated {
    /// The last event that stated it.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// The text.
    pub text: Box<str>,
}

wire!(Stated { stamp, text });

/// Digests of an agent's prompt, tools and configuration, as the last event stated them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Digests {
    /// The last event that stated any.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Name and digest.
    pub digests: Vec<(Box<str>, Box<str>)>,
}

wire!(Digests { stamp, digests });

/// An agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Agent {
    /// Sums: what it used.
    pub sums: Tally,
    /// The last event, and its session.
    pub last: Option<Last>,
    /// Its version.
    pub version: Option<Stated>,
    /// Its digests.
    pub digests: Option<Digests>,
}

wire!(Agent { sums, last, version, digests });

impl Join for Agent {
    fn join(&mut self, other: Self) {
        self.sums.join(other.sums);
        later(&mut self.last, other.last);
        later(&mut self.version, other.version);
        later(&mut self.digests, other.digests);
    }
}

impl Agent {
    pub(crate) fn latest(&self) -> Option<&Stamp> {
        self.last.as_ref().map(|last| &last.stamp)
    }
}
