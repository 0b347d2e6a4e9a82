//! How a command ends when it does not simply succeed, and with which exit code.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done; also when the reader of stdout went away (broken pipe) |
//! | 1 | the answer is no: `verify` found problems, `import --strict` met damaged records, nothing of that name is in the record |
//! | 2 | it did not work: wrong usage, nothing to read, storage or log not reachable |
//!
//! Guarantee: every failure says what happened, its causes once, and, where there is one, the next step (`hint`).

use ingest::log::LogError;
use ingest::producer::ProducerError;
use query::QueryError;
use serde::Serialize;
use std::error::Error;
use std::fmt::Display;
use store::error::StoreError;

/// Result of a command.
pub type Result<T> = std::result::Result<T, Failure>;

/// What the exit code tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The answer is no.
    No,
    /// It did not work.
    Broken,
    /// The reader of stdout went away: success.
    PipeClosed,
}

/// See the module. Any error converts into it; it is the end of the line and no [`Error`] itself.
#[derive(Debug)]
pub struct Failure {
    /// Decides the exit code.
    pub kind: Kind,
    /// What happened.
    pub message: String,
    /// Why, from the nearest cause to the first.
    pub causes: Vec<String>,
    /// The next step.
    pub hint: Option<String>,
    /// Whether stdout has the command's JSON document already: it must not get a second one.
    pub told: bool,
}

/// The failure as `--json` shows it.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    message: &'a str,
    causes: &'a [String],
    hint: Option<&'a str>,
}

impl Failure {
    /// It did not work.
    pub fn new(message: impl Into<String>) -> Self {
        Self { kind: Kind::Broken, message: message.into(), causes: Vec::new(), hint: None, told: false }
    }

    /// The answer is no.
    pub fn no(message: impl Into<String>) -> Self {
        Self { kind: Kind::No, ..Self::new(message) }
    }

    /// `error`, which happened while doing what `message` says.
    pub fn because(message: impl Into<String>, error: impl Into<Self>) -> Self {
        let Self { kind, message: cause, causes, hint, told } = error.into();
        let causes = std::iter::once(cause).chain(causes).collect();
        Self { kind, message: message.into(), causes, hint, told }
    }

    /// Adds the next step, where there is none yet.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// The same, after the command has written its JSON document.
    #[must_use]
    pub fn told(self) -> Self {
        Self { told: true, ..self }
    }

    /// The exit code.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self.kind {
            Kind::PipeClosed => 0,
            Kind::No => 1,
            Kind::Broken => 2,
        }
    }

    /// The JSON document of a command that failed.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let shown = Shown { message: &self.message, causes: &self.causes, hint: self.hint.as_deref() };
        serde_json::json!({ "error": shown, "exit_code": self.code() })
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let kind = kind_of(&error);
        let causes = chain(&error);
        Self { kind, causes, hint: hint_of(&error).map(str::to_owned), ..Self::new(error.to_string()) }
    }
}

/// The causes of an error; one that only repeats its parent's words is left out.
fn chain(error: &dyn Error) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.contains(&text) {
            causes.push(text.clone());
        }
        said = text;
        next = cause.source();
    }
    causes
}

fn kind_of(error: &(dyn Error + 'static)) -> Kind {
    if let Some(io) = error.downcast_ref::<std::io::Error>()
        && io.kind() == std::io::ErrorKind::BrokenPipe
    {
        return Kind::PipeClosed;
    }
    if let Some(replay::ReplayError::NotFound { .. }) = error.downcast_ref() {
        return Kind::No;
    }
    match error.downcast_ref::<QueryError>() {
        Some(QueryError::NotFound { .. }) => Kind::No,
        _ => Kind::Broken,
    }
}

/// The next step for errors whose own words do not say it.
fn hint_of(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let store = error.downcast_ref::<StoreError>().or_else(|| match error.downcast_ref::<QueryError>() {
        Some(QueryError::Store(inner)) => Some(inner),
        _ => None,
    });
    let log = error.downcast_ref::<LogError>().or(match store {
        Some(StoreError::Log(inner)) => Some(inner),
        _ => None,
    });
    if let Some(log) = log {
        return match log {
            LogError::Unavailable { .. } => {
                Some("check that the log is up and that --log names it; `hansard status` shows what is in force")
            }
            LogError::Truncated { .. } => {
                Some("restore the log from a backup, or keep the store as it is and start a new one")
            }
            _ => None,
        };
    }
    match store {
        Some(StoreError::Corrupt { .. }) => Some("run `hansard verify` to see what else is affected"),
        Some(StoreError::NotFound { .. }) => Some("run `hansard init`, or check --data and --store"),
        Some(StoreError::Unavailable { .. }) => Some("check that the storage is up and that --store names it"),
        _ => match error.downcast_ref::<ProducerError>() {
            Some(ProducerError::Unconfirmed { .. }) => {
                Some("run the same command again: what was signed is sent first, nothing is doubled")
            }
            _ => None,
        },
    }
}

/// Adds what was being done to an error.
pub trait Doing<T> {
    /// The same result; its error says that it happened while `what` was being done.
    ///
    /// # Errors
    /// Whatever `self` failed with.
    fn doing(self, what: impl Display) -> Result<T>;
}

impl<T, E: Into<Failure>> Doing<T> for std::result::Result<T, E> {
    fn doing(self, what: impl Display) -> Result<T> {
        self.map_err(|e| Failure::because(what.to_string(), e))
    }
}

#[cfg(test)]
mod tests {
    use super::{Doing, Failure};

    #[test]
    fn causes_come_once_and_in_order() {
        let io = std::io::Error::other("disk on fire");
        let failed: Result<(), Failure> = Err::<(), _>(io).doing("reading the sky");
        let failure = failed.expect_err("an error stays one");
        assert_eq!((failure.message.as_str(), failure.code()), ("reading the sky", 2));
        assert_eq!(failure.causes, ["disk on fire"]);
    }

    #[test]
    fn exit_codes() {
        let pipe = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        assert_eq!(Failure::from(pipe).code(), 0);
        assert_eq!(Failure::from(query::QueryError::not_found("event x", "look")).code(), 1);
        assert_eq!(Failure::no("damaged").code(), 1);
        assert_eq!(Failure::new("wrong").code(), 2);
    }
}
