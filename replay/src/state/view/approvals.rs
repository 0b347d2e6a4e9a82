//! Requests for approval that nobody decided.
//!
//! Guarantee: a request is decided by a decision that names it, or by one that names none, has its digest and is not
//! before it.

use super::View;
use crate::state::cells::{Approval, Cell, Request};
use crate::state::key::{Class, Key};
use serde::Serialize;

/// A request that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pending {
    /// The request.
    #[serde(flatten)]
    pub request: Request,
}

impl View<'_> {
    /// Requests that wait, of a session or of all.
    #[must_use]
    pub fn pending_approvals(&self, session: Option<&str>) -> Vec<Pending> {
        let requests = self.under(Class::Approval, &[]).filter_map(|(_, cell)| self.pending(cell));
        let here = |request: &&Request| session.is_none() || request.session.as_deref() == session;
        requests.filter(here).map(|request| Pending { request: request.clone() }).collect()
    }

    fn pending<'c>(&self, cell: &'c Cell) -> Option<&'c Request> {
        let Cell::Approval(approval) = cell else { return None };
        let Approval { request: Some(request), decision: None } = approval.as_ref() else { return None };
        (!self.decided_by_digest(request)).then_some(request)
    }

    /// Whether the request under this key waits.
    pub(crate) fn is_pending(&self, key: &Key) -> bool {
        self.state.get(key).is_some_and(|cell| self.pending(cell).is_some())
    }

    fn decided_by_digest(&self, request: &Request) -> bool {
        let Some(digest) = request.digest.as_deref() else { return false };
        match self.cell(Class::Approval, &["", digest]) {
            Some(Cell::Approval(loose)) => loose.decision.as_ref().is_some_and(|d| d.stamp > request.stamp),
            _ => false,
        }
    }
}
