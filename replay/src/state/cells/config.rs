//! Registers that the last event of their key decides: configurations, policies, grants.
//!
//! Guarantee: the last by time and id.

use super::{Hex32, Join};
use crate::state::stamp::{Stamp, rfc3339_option};
use crate::state::wire::wire;
use serde::Serialize;

/// What `config.changed` last put in force.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Config {
    /// The event, and when.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Who changed it.
    pub by: Box<str>,
    /// The version that was stated.
    pub version: Option<Box<str>>,
    /// Salted commitment to what was put in force, where the event has a content.
    pub value: Option<Hex32>,
}

wire!(Config { stamp, by, version, value });

/// The last verdict of a policy, and its version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Policy {
    /// The event, and when.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// The version that was stated.
    pub version: Option<Box<str>>,
    /// The verdict.
    pub verdict: Option<Box<str>>,
    /// About whom.
    pub agent: Box<str>,
}

wire!(Policy { stamp, version, verdict, agent });

/// Whether somebody may read a partition of memory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Grant {
    /// The event, and when.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Until when, microseconds.
    #[serde(rename = "expires", serialize_with = "rfc3339_option")]
    pub expires_us: Option<i64>,
    /// Whether it was taken back.
    pub revoked: bool,
    /// Who gave it.
    pub by: Box<str>,
}

wire!(Grant { stamp, expires_us, revoked, by });

macro_rules! last_wins {
    ($($type:ty),*) => { $(
        impl Join for $type {
            fn join(&mut self, other: Self) {
                if other > *self {
                    *self = other;
                }
            }
        }

        impl $type {
            pub(crate) fn latest(&self) -> Option<&Stamp> {
                Some(&self.stamp)
            }
        }
    )* };
}

pub(super) use last_wins;

last_wins!(Config, Policy, Grant);
