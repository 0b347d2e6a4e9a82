//! Where an event stands in a session: `<time in microseconds>.<partition>.<leaf>`.
//!
//! Guarantee: cursors order as the events of the session do, within one table version.

use crate::error::{QueryError, Result};
use std::fmt;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Cursor {
    pub(crate) at: i64,
    pub(crate) partition: i64,
    pub(crate) leaf: i64,
}

impl Cursor {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let numbers: Option<Vec<i64>> = text.split('.').map(|part| part.parse().ok()).collect();
        match numbers.as_deref() {
            Some([at, partition, leaf]) => Ok(Self { at: *at, partition: *partition, leaf: *leaf }),
            _ => Err(QueryError::invalid("cursor", format!("expected the `next` of an earlier page, found {text:?}"))),
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.at, self.partition, self.leaf)
    }
}
