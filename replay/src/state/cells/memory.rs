//! A value of shared memory, or a file: who wrote it last.
//!
//! Writes that state a version which is a whole number are ordered by version, then time, then id. Writes and
//! deletions without one are ordered by time and id, and count when they came after the versioned write in force.
//! Guarantee: which write is in force follows from the set of writes, in any order.

use super::{Hex32, Join, later};
use crate::state::stamp::Stamp;
use crate::state::wire::wire;
use serde::Serialize;

/// A write or deletion.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Write {
    /// The version, where it is a whole number.
    pub version: Option<u64>,
    /// The event, and when.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Whether the value was deleted.
    pub deleted: bool,
    /// Salted commitment to the value, where the event has a content.
    pub value: Option<Hex32>,
    /// Bytes of the value.
    pub size: u64,
    /// The version as it was stated, where it is no whole number.
    pub label: Option<Box<str>>,
    /// Who wrote.
    pub agent: Box<str>,
    /// In which session.
    pub session: Option<Box<str>>,
    /// Role of the key that signed: `self`, `gateway`, `import`.
    pub attested: Box<str>,
}

wire!(Write { version, stamp, deleted, value, size, label, agent, session, attested });

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// The greatest by version, time, id.
    pub versioned: Option<Box<Write>>,
    /// The latest without a version, by time and id.
    pub unversioned: Option<Box<Write>>,
    /// Writes and deletions so far.
    pub writes: u64,
}

wire!(Memory { versioned, unversioned, writes });

impl Memory {
    /// A cell of one write.
    pub(crate) fn of(write: Write) -> Self {
        let write = Some(Box::new(write));
        match write.as_ref().and_then(|write| write.version) {
            Some(_) => Self { versioned: write, unversioned: None, writes: 1 },
            None => Self { versioned: None, unversioned: write, writes: 1 },
        }
    }

    /// The write in force, be it a deletion.
    #[must_use]
    pub fn last(&self) -> Option<&Write> {
        match (&self.versioned, &self.unversioned) {
            (Some(versioned), Some(other)) if other.stamp > versioned.stamp => Some(other),
            (Some(versioned), _) => Some(versioned),
            (None, other) => other.as_deref(),
        }
    }

    /// The value in force; `None` when it was deleted.
    #[must_use]
    pub fn value(&self) -> Option<&Write> {
        self.last().filter(|write| !write.deleted)
    }

    pub(crate) fn latest(&self) -> Option<&Stamp> {
        self.last().map(|write| &write.stamp)
    }
}

impl Join for Memory {
    fn join(&mut self, other: Self) {
        later(&mut self.versioned, other.versioned);
        later(&mut self.unversioned, other.unversioned);
        self.writes = self.writes.wrapping_add(other.writes);
    }
}
