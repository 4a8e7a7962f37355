use std::time::Duration;

use kernel::{Failure, FailureKind, FieldError, FieldErrors, StorageError};
use thiserror::Error;

/// Why a search has no answer.
#[derive(Debug, Error)]
pub enum SearchError {
    /// The query says what it may not; all of it at once.
    #[error("{0}")]
    InvalidQuery(FieldErrors),
    /// The cursor belongs to another list.
    #[error("this cursor does not belong to this list, sort and filter; start without one")]
    InvalidCursor,
    /// A search among favourites, by somebody who is not signed in.
    #[error("sign in to search among your favourites")]
    Unauthenticated,
    /// The storage failed.
    #[error("the search could not be answered")]
    Storage(#[from] StorageError),
}

impl From<FieldErrors> for SearchError {
    fn from(errors: FieldErrors) -> Self {
        Self::InvalidQuery(errors)
    }
}

impl Failure for SearchError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::InvalidQuery(_) | Self::InvalidCursor => FailureKind::Malformed,
            Self::Unauthenticated => FailureKind::Unauthenticated,
            Self::Storage(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::InvalidQuery(_) => "invalid_query",
            Self::InvalidCursor => "invalid_cursor",
            Self::Unauthenticated => "unauthenticated",
            Self::Storage(error) => error.code(),
        }
    }

    fn fields(&self) -> &[FieldError] {
        match self {
            Self::InvalidQuery(FieldErrors(errors)) => errors,
            Self::InvalidCursor | Self::Unauthenticated | Self::Storage(_) => &[],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Storage(error) => error.retry_after(),
            Self::InvalidQuery(_) | Self::InvalidCursor | Self::Unauthenticated => None,
        }
    }
}
