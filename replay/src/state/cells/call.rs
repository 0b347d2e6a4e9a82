//! A tool call that has no result yet, or a result whose call is not there.
//!
//! A result belongs to the call that it names with its last `responds_to`. Both stand under (session, call id, call),
//! and cancel: nothing is left of a call with its result, in whatever order they came. A result that names no event
//! stands under (session, call id) alone and closes the calls of that id up to its time; such calls cannot be
//! forgotten.

use super::{Join, later};
use crate::state::stamp::Stamp;
use crate::state::wire::wire;
use serde::Serialize;

/// A call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Call {
    /// The event, and when.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Who calls.
    pub agent: Box<str>,
    /// Which tool.
    pub tool: Option<Box<str>>,
}

wire!(Call { stamp, agent, tool });

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CallBalance {
    /// The call, while no result names it.
    pub call: Option<Call>,
    /// Results that name a call which is not there.
    pub results: u64,
    /// The latest result that names no event.
    pub loose: Option<Stamp>,
}

wire!(CallBalance { call, results, loose });

impl Join for CallBalance {
    fn join(&mut self, other: Self) {
        later(&mut self.call, other.call);
        self.results = self.results.wrapping_add(other.results);
        later(&mut self.loose, other.loose);
        if self.results > 0 && self.call.take().is_some() {
            self.results -= 1;
        }
    }
}

impl CallBalance {
    pub(crate) fn latest(&self) -> Option<&Stamp> {
        self.call.as_ref().map(|call| &call.stamp).or(self.loose.as_ref())
    }
}
