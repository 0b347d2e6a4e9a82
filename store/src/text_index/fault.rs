//! What the library reports, as the store's error: damage is `Corrupt`, an unreachable store `Unavailable`.

use std::io;

use tantivy::TantivyError;
use tantivy::directory::error::{Incompatibility, OpenReadError, OpenWriteError};

use crate::error::StoreError;

/// Turns an error of the library about `what` into one of the store.
pub(super) fn fault(what: &str, error: TantivyError) -> StoreError {
    match error {
        TantivyError::IoError(cause) => io_fault(what, &cause),
        TantivyError::OpenReadError(OpenReadError::IoError { io_error, .. }) => io_fault(what, &io_error),
        TantivyError::OpenWriteError(OpenWriteError::IoError { io_error, .. }) => io_fault(what, &io_error),
        TantivyError::OpenReadError(OpenReadError::IncompatibleIndex(Incompatibility::IndexMismatch { .. })) => {
            StoreError::corrupt(what, "the text index is of another version of the library; rebuild the index")
        }
        TantivyError::InvalidArgument(detail) => StoreError::invalid(what, detail),
        other => StoreError::corrupt(what, format!("{other}; rebuild the index")),
    }
}

/// Turns an error of reading or writing `what` into one of the store.
pub(super) fn io_fault(what: &str, cause: &io::Error) -> StoreError {
    match cause.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput => {
            StoreError::corrupt(what, format!("{cause}; rebuild the index"))
        }
        _ => StoreError::unavailable(what, cause),
    }
}

/// A blocking task that ended without a result: the library met what it does not expect.
pub(super) fn task_fault(what: &str, error: &tokio::task::JoinError) -> StoreError {
    StoreError::corrupt(what, format!("reading the text index stopped unexpectedly ({error}); rebuild the index"))
}
