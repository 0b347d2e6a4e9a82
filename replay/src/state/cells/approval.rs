//! A request for approval and what was decided.
//!
//! A decision belongs to each request that it names with `responds_to`; one that names none, to those of the same
//! digest that were made before it. Guarantee: the last request and decision by time and id; nothing is forgotten,
//! since approvals are few and acts refer to them later.

use super::{Join, later};
use crate::state::stamp::Stamp;
use crate::state::wire::wire;
use serde::Serialize;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Request {
    /// The event, and when.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Who asks.
    pub by: Box<str>,
    /// Digest of what was shown.
    pub digest: Option<Box<str>>,
    /// In which session.
    pub session: Option<Box<str>>,
}

wire!(Request { stamp, by, digest, session });

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Decision {
    /// The event, and when.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Whether it was granted.
    pub granted: bool,
    /// Who decided.
    pub by: Box<str>,
    /// Digest of what was approved or refused.
    pub digest: Option<Box<str>>,
}

wire!(Decision { stamp, granted, by, digest });

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Approval {
    /// The request.
    pub request: Option<Request>,
    /// The last decision.
    pub decision: Option<Decision>,
}

wire!(Approval { request, decision });

impl Join for Approval {
    fn join(&mut self, other: Self) {
        later(&mut self.request, other.request);
        later(&mut self.decision, other.decision);
    }
}

impl Approval {
    pub(crate) fn latest(&self) -> Option<&Stamp> {
        let request = self.request.as_ref().map(|request| &request.stamp);
        self.decision.as_ref().map(|decision| &decision.stamp).max(request)
    }
}
