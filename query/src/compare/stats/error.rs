//! What can be wrong with a question to the statistics.
//!
//! Guarantee: data are refused only when no honest answer exists; what can be answered with a caveat is, with a note.

use thiserror::Error;

/// See the module.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum StatsError {
    /// Columns that belong together differ in length.
    #[error("{what}: expected {expected} values, found {found}: give one for each observation")]
    Length {
        /// The column.
        what: &'static str,
        /// Length of the first column.
        expected: usize,
        /// Length of this one.
        found: usize,
    },
    /// Too little is left after values that are missing were set aside.
    #[error("{what}: expected at least {needed}, found {found} ({missing} missing): widen the selection")]
    TooFew {
        /// What is counted.
        what: &'static str,
        /// Fewest that a method works with.
        needed: usize,
        /// How many there are.
        found: usize,
        /// Missing or not finite.
        missing: usize,
    },
    /// A setting is outside of its range.
    #[error("{what}: expected {expected}, found {found}")]
    Setting {
        /// Name of the setting.
        what: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it is.
        found: f64,
    },
    /// A value lies outside of the bounds that were promised.
    #[error("value {index}: expected within [{low}, {high}], found {found}: give wider bounds or no bounds")]
    OutOfBounds {
        /// Position of the value.
        index: usize,
        /// Lower bound.
        low: f64,
        /// Upper bound.
        high: f64,
        /// The value.
        found: f64,
    },
    /// More than a limit allows.
    #[error("{what}: at most {limit} are supported, found {found}: split the question")]
    TooMany {
        /// What is counted.
        what: &'static str,
        /// The limit.
        limit: usize,
        /// How many there are.
        found: usize,
    },
}

/// Result with a [`StatsError`].
pub type Result<T> = std::result::Result<T, StatsError>;
