//! The life of a credential: issued, used, revoked; whether it is alive depends on the time asked for.
//!
//! Guarantee: the last issue, the last revocation and the last use, by time and id. A new issue makes a revoked
//! credential live again.

use super::{Join, later};
use crate::state::stamp::{Stamp, rfc3339_option};
use crate::state::wire::wire;
use serde::Serialize;

/// An issue.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Issue {
    /// The event, and when.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Until when, microseconds.
    #[serde(rename = "expires", serialize_with = "rfc3339_option")]
    pub expires_us: Option<i64>,
    /// What it allows: phrases.
    pub scope: Vec<Box<str>>,
    /// For whom.
    pub holder: Option<Box<str>>,
    /// For which task, else session.
    pub task: Option<Box<str>>,
    /// Who issued it.
    pub by: Box<str>,
}

wire!(Issue { stamp, expires_us, scope, holder, task, by });

/// A use or a revocation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Use {
    /// The event, and when.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Who used or revoked it.
    pub agent: Box<str>,
}

wire!(Use { stamp, agent });

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Credential {
    /// The last issue.
    pub issued: Option<Issue>,
    /// The last revocation.
    pub revoked: Option<Use>,
    /// The last use.
    pub used: Option<Use>,
    /// Uses so far.
    pub uses: u64,
}

wire!(Credential { issued, revoked, used, uses });

/// How a credential stands at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Life {
    /// It can be used.
    Alive,
    /// Its time is over.
    Expired,
    /// It was revoked after its last issue.
    Revoked,
    /// Its issue is not on record.
    Unknown,
}

impl Credential {
    /// How it stands at a time, microseconds.
    #[must_use]
    pub fn life(&self, at_us: i64) -> Life {
        let issued = self.issued.as_ref();
        if self.revoked.as_ref().is_some_and(|revoked| issued.is_none_or(|issued| revoked.stamp > issued.stamp)) {
            return Life::Revoked;
        }
        match issued {
            None => Life::Unknown,
            Some(issued) if issued.expires_us.is_some_and(|until| at_us > until) => Life::Expired,
            Some(_) => Life::Alive,
        }
    }

    pub(crate) fn latest(&self) -> Option<&Stamp> {
        let issued = self.issued.as_ref().map(|issued| &issued.stamp);
        let acts = [&self.revoked, &self.used].into_iter().flatten().map(|act| &act.stamp);
        acts.chain(issued).max()
    }
}

impl Join for Credential {
    fn join(&mut self, other: Self) {
        later(&mut self.issued, other.issued);
        later(&mut self.revoked, other.revoked);
        later(&mut self.used, other.used);
        self.uses = self.uses.wrapping_add(other.uses);
    }
}
