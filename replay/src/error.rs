//! The one error of this crate's work on a store.
//!
//! Guarantee: names what was looked for and what to do.

use crate::state::{SnapshotError, StepperError};
use store::error::StoreError;
use thiserror::Error;

/// See the module.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// The store could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such thing in the record.
    #[error("there is no {what} in the record: {hint}")]
    NotFound {
        /// What was asked for.
        what: String,
        /// What to do.
        hint: String,
    },
    /// More than one question may hold.
    #[error("{what}: {found} events, at most {max} are held at once; {hint}")]
    TooMany {
        /// What was asked for.
        what: String,
        /// Events found, as far as they were counted.
        found: u64,
        /// The bound.
        max: u64,
        /// What to do.
        hint: &'static str,
    },
    /// A header of the table cannot be read.
    #[error("the header at leaf {leaf} of partition {partition} cannot be read: {detail}")]
    Header {
        /// Log partition.
        partition: u32,
        /// Position in its tree.
        leaf: u64,
        /// The parser's words.
        detail: String,
    },
    /// A snapshot of the state is damaged.
    #[error("snapshot {name}; `hansard state snapshot --rebuild` makes all of them again")]
    Snapshot {
        /// Its key.
        name: String,
        /// Why.
        #[source]
        source: SnapshotError,
    },
    /// Too many events to step through.
    #[error(transparent)]
    Stepper(#[from] StepperError),
}
