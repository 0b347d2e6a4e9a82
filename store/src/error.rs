//! The one error of the store, by what the caller does next.
//!
//! `Display` names the thing, what was expected and found, and the next step; `source()` carries the cause.

use thiserror::Error;

/// Result with the store's error.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Why a call to the store failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process committed first: reload and look again.
    #[error(
        "fenced: version {version} of the table was committed by another compactor; reload and continue from its offsets"
    )]
    Fenced {
        /// The version that took our place.
        version: u64,
    },
    /// Storage or log cannot be reached; the outcome of a write is unknown.
    #[error("{what} is unavailable: {detail}")]
    Unavailable {
        /// What cannot be reached.
        what: String,
        /// Cause and next step.
        detail: String,
    },
    /// What is stored is not what it should be.
    #[error("{what}: {detail}")]
    Corrupt {
        /// File, partition, version or leaf.
        what: String,
        /// Expected and found.
        detail: String,
    },
    /// There is no such thing.
    #[error("{what} was not found: {detail}")]
    NotFound {
        /// What was asked for.
        what: String,
        /// Next step.
        detail: String,
    },
    /// A setting or an argument is not usable.
    #[error("{what}: {detail}")]
    Invalid {
        /// Name of the setting.
        what: String,
        /// Expected and found.
        detail: String,
    },
    /// The log failed.
    #[error(transparent)]
    Log(#[from] ingest::log::LogError),
}

impl StoreError {
    /// Storage failed at `what`.
    pub fn unavailable(what: impl Into<String>, cause: impl std::fmt::Display) -> Self {
        Self::Unavailable { what: what.into(), detail: cause.to_string() }
    }

    /// `what` holds something else than it should.
    pub fn corrupt(what: impl Into<String>, cause: impl std::fmt::Display) -> Self {
        Self::Corrupt { what: what.into(), detail: cause.to_string() }
    }

    /// `what` is not usable.
    pub fn invalid(what: impl Into<String>, cause: impl std::fmt::Display) -> Self {
        Self::Invalid { what: what.into(), detail: cause.to_string() }
    }
}
