//! How many exchanges of a replay were answered in which way.
//!
//! Guarantee: each exchange is counted once, after the sink took it; refusals are counted apart from each other and
//! from everything else.

use super::guard::Withheld;
use super::plan::How;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many exchanges were answered in which way.
#[derive(Debug, Default)]
pub struct Counts {
    /// From the record.
    pub recorded: AtomicU64,
    /// By the live endpoint.
    pub live: AtomicU64,
    /// By the stub.
    pub stub: AtomicU64,
    /// Not, for want of a recorded answer.
    pub stopped: AtomicU64,
    /// Not, because an approval is not replayed.
    pub refused_approvals: AtomicU64,
    /// Not, because a credential is not replayed.
    pub refused_credentials: AtomicU64,
    /// Not, because something failed.
    pub failed: AtomicU64,
}

impl Counts {
    pub(super) fn add(&self, how: How) {
        let counter = match how {
            How::Recorded(_) => &self.recorded,
            How::Live => &self.live,
            How::Stub => &self.stub,
            How::Stopped => &self.stopped,
            How::Refused(Withheld::Approval) => &self.refused_approvals,
            How::Refused(Withheld::Credential) => &self.refused_credentials,
            How::Failed => &self.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
