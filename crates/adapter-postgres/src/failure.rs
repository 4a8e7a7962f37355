use diesel::result::{DatabaseErrorKind, Error};
use kernel::StorageError;

/// Wraps a database error, saying what we tried to do.
///
/// The driver gives no SQLSTATE for most errors, only PostgreSQL's own message, so what is worth
/// telling apart is told apart by it.
pub(crate) fn storage(action: &'static str) -> impl FnOnce(Error) -> StorageError {
    move |error| match &error {
        Error::DatabaseError(
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
            _,
        )
        | Error::BrokenTransactionManager => unavailable(action, error),
        Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => StorageError::Conflict,
        Error::DatabaseError(DatabaseErrorKind::Unknown, info) => match info.message() {
            message if is_conflict(message) => StorageError::Conflict,
            message if is_outage(message) => unavailable(action, error),
            _ => failed(action, error),
        },
        _ => failed(action, error),
    }
}

/// Deadlock (40P01) and lock timeout (55P03): somebody else was at the same rows.
fn is_conflict(message: &str) -> bool {
    message.contains("deadlock detected") || message.contains("due to lock timeout")
}

/// Classes 53 (resources), 57 (intervention) and 25 (idle too long): not our doing, and passing.
fn is_outage(message: &str) -> bool {
    [
        "No space left on device",
        "could not extend file",
        "could not write",
        "out of memory",
        "remaining connection slots",
        "too many clients",
        "terminating connection",
        "the database system is",
        "due to statement timeout",
        "due to user request",
        "idle-in-transaction timeout",
    ]
    .iter()
    .any(|sign| message.contains(sign))
}

pub(crate) fn unavailable(
    action: &'static str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> StorageError {
    StorageError::Unavailable { action, source: Box::new(source) }
}

pub(crate) fn failed(
    action: &'static str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> StorageError {
    StorageError::Failed { action, source: Box::new(source) }
}

/// Whether `error` is the violation of the named constraint.
pub(crate) fn violates(error: &Error, constraint: &str) -> bool {
    matches!(error, Error::DatabaseError(_, info) if info.constraint_name() == Some(constraint))
}
