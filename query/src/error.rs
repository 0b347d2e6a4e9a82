//! The one error of the query side, by what the caller does next.
//!
//! Guarantee: `Display` names the thing, what was expected and found, and the next step; `source()` carries the cause
//! and is never repeated in the message. Errors of DataFusion are sorted here and nowhere else.

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use store::error::StoreError;
use thiserror::Error;

/// Result with the error of this crate.
pub type Result<T> = std::result::Result<T, QueryError>;

/// Why a question was not answered.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The question cannot be answered as it is put: change it.
    #[error("{what}: {detail}")]
    Invalid {
        /// What is wrong: `SQL`, an argument, a cursor.
        what: String,
        /// Expected, found, next step.
        detail: String,
    },
    /// There is no such thing in this version of the table.
    #[error("{what} was not found: {detail}")]
    NotFound {
        /// What was asked for.
        what: String,
        /// Next step.
        detail: String,
    },
    /// The answer needs more than the limits allow: narrow it or raise them.
    #[error("{what}: {detail}")]
    Limit {
        /// Which limit, with its value.
        what: String,
        /// What was needed, and the next step.
        detail: String,
    },
    /// Storage cannot be reached, or too much is asked at once: try again later.
    #[error("{what} is unavailable: {detail}")]
    Unavailable {
        /// What cannot be reached.
        what: String,
        /// Cause and next step.
        detail: String,
    },
    /// What is stored cannot be read: run `hansard verify`.
    #[error("{what}: {detail}")]
    Corrupt {
        /// File or row.
        what: String,
        /// Expected and found.
        detail: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A mistake of this program: report it.
    #[error("internal error of the query engine, please report it: {detail}")]
    Bug {
        /// The engine's words.
        detail: String,
    },
}

impl QueryError {
    /// `what` is not usable.
    pub fn invalid(what: impl Into<String>, detail: impl std::fmt::Display) -> Self {
        Self::Invalid { what: what.into(), detail: detail.to_string() }
    }

    /// There is no `what`.
    pub fn not_found(what: impl Into<String>, detail: impl std::fmt::Display) -> Self {
        Self::NotFound { what: what.into(), detail: detail.to_string() }
    }

    /// `what` is over its limit.
    pub fn limit(what: impl Into<String>, detail: impl std::fmt::Display) -> Self {
        Self::Limit { what: what.into(), detail: detail.to_string() }
    }

    /// The engine did what it must not.
    pub fn bug(detail: impl std::fmt::Display) -> Self {
        Self::Bug { detail: detail.to_string() }
    }
}

impl From<DataFusionError> for QueryError {
    fn from(error: DataFusionError) -> Self {
        sort(&error)
    }
}

impl From<ArrowError> for QueryError {
    fn from(error: ArrowError) -> Self {
        sort(&DataFusionError::from(error))
    }
}

fn sort(error: &DataFusionError) -> QueryError {
    let root = error.find_root();
    let said = first_line(root);
    match root {
        DataFusionError::ResourcesExhausted(_) => QueryError::limit(
            "memory of the query",
            format!("{said}; narrow the question, or raise the memory limit or the spill directory's"),
        ),
        DataFusionError::ObjectStore(e) => {
            if matches!(e.as_ref(), object_store::Error::NotFound { .. }) {
                let detail =
                    format!("{said}; if the file was removed by clean-up, ask again, otherwise run `hansard verify`");
                return QueryError::Corrupt { what: "a file of the table".to_owned(), detail };
            }
            QueryError::Unavailable { what: "storage".to_owned(), detail: said }
        }
        DataFusionError::IoError(_) => QueryError::Unavailable { what: "storage".to_owned(), detail: said },
        DataFusionError::ParquetError(_) => damaged(&said),
        DataFusionError::ArrowError(e, _) if matches!(**e, ArrowError::ParquetError(_)) => damaged(&said),
        DataFusionError::External(inner) => match inner.downcast_ref::<QueryError>() {
            Some(inner) => copy(inner),
            None => QueryError::Bug { detail: said },
        },
        DataFusionError::Internal(_) | DataFusionError::Substrait(_) | DataFusionError::Ffi(_) => {
            QueryError::Bug { detail: said }
        }
        _ => QueryError::Invalid { what: "SQL".to_owned(), detail: said },
    }
}

/// A file that cannot be decoded. Which one, verification says.
fn damaged(said: &str) -> QueryError {
    QueryError::Corrupt {
        what: "a file of the table cannot be read: it was altered or damaged".to_owned(),
        detail: format!("{said}; `hansard verify` says which one"),
    }
}

fn first_line(error: &DataFusionError) -> String {
    let text = error.strip_backtrace();
    let text = [
        "Error during planning: ",
        "Schema error: ",
        "Execution error: ",
        "Arrow error: ",
        "SQL error: ",
        "Resources exhausted: ",
    ]
    .iter()
    .find_map(|prefix| text.strip_prefix(prefix))
    .unwrap_or(&text);
    text.trim().to_owned()
}

/// The same error again: DataFusion hands out its cause by reference only.
fn copy(error: &QueryError) -> QueryError {
    let text = error.to_string();
    match error {
        QueryError::Invalid { what, detail } => QueryError::Invalid { what: what.clone(), detail: detail.clone() },
        QueryError::NotFound { what, detail } => QueryError::NotFound { what: what.clone(), detail: detail.clone() },
        QueryError::Limit { what, detail } => QueryError::Limit { what: what.clone(), detail: detail.clone() },
        QueryError::Unavailable { what, detail } => {
            QueryError::Unavailable { what: what.clone(), detail: detail.clone() }
        }
        QueryError::Corrupt { what, detail } => QueryError::Corrupt { what: what.clone(), detail: detail.clone() },
        QueryError::Store(_) => QueryError::Unavailable { what: "the store".to_owned(), detail: text },
        QueryError::Bug { detail } => QueryError::Bug { detail: detail.clone() },
    }
}
