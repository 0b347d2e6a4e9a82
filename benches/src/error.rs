//! The one error of the benchmarks: what was being done, and why it failed.

use std::fmt::Display;

/// Result of a benchmark's step.
pub type Result<T> = std::result::Result<T, Error>;

/// A step that failed. Nothing is printed for a step that failed but this.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {cause}")]
pub struct Error {
    /// What was being done.
    pub doing: String,
    /// Why it failed.
    pub cause: String,
}

impl Error {
    /// A failure while `doing`.
    pub fn new(doing: impl Into<String>, cause: impl Display) -> Self {
        Self { doing: doing.into(), cause: cause.to_string() }
    }
}

/// Names the step of a result.
pub trait Doing<T> {
    /// Turns the error into one that says what was being done.
    ///
    /// # Errors
    /// Those of the result.
    fn doing(self, what: impl Into<String>) -> Result<T>;
}

impl<T, E: Display> Doing<T> for std::result::Result<T, E> {
    fn doing(self, what: impl Into<String>) -> Result<T> {
        self.map_err(|e| Error::new(what, e))
    }
}
