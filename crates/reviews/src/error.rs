use access::{Action, Denial};
use chrono::{DateTime, Utc};
use kernel::{
    BookingId, Failure, FailureKind, FieldError, FieldErrors, IdempotencyError, ReviewId,
    StorageError,
};
use thiserror::Error;

use crate::{PictureError, Rated};

/// Why something cannot be done with a review.
#[derive(Debug, Error)]
pub enum ReviewError {
    /// Nobody is signed in.
    #[error("sign in first")]
    Unauthenticated,
    /// The caller may see it, but not do this.
    #[error("you may not do this: {action}")]
    Forbidden {
        /// What was asked for.
        action: Action,
    },
    /// No such review, as far as this caller may know.
    #[error("review {id} does not exist")]
    NotFound {
        /// The id given.
        id: ReviewId,
    },
    /// No such booking, as far as this caller may know.
    #[error("booking {id} does not exist")]
    BookingNotFound {
        /// The id given.
        id: BookingId,
    },
    /// No such listing or provider, as far as this caller may know.
    #[error("{rated} does not exist")]
    RatedNotFound {
        /// What was asked for.
        rated: Rated,
    },
    /// The booking is not completed.
    #[error("booking {id} is not completed; it can be reviewed once it is")]
    NotCompleted {
        /// The booking.
        id: BookingId,
    },
    /// The time for a review of this booking is over.
    #[error("the time to review booking {id} ended at {ended_at}")]
    WindowClosed {
        /// The booking.
        id: BookingId,
        /// When it ended.
        ended_at: DateTime<Utc>,
    },
    /// This side has reviewed the booking.
    #[error("you have reviewed booking {id}; a booking is reviewed once per side")]
    AlreadyReviewed {
        /// The booking.
        id: BookingId,
    },
    /// On this marketplace only clients review.
    #[error("only the client of a booking reviews it here")]
    OneSided,
    /// The state does not allow the command.
    #[error("cannot {command} review {id}: it is {from}")]
    IllegalTransition {
        /// The review.
        id: ReviewId,
        /// Its state.
        from: &'static str,
        /// What was asked for.
        command: &'static str,
        /// What this caller could do instead.
        allowed: Vec<&'static str>,
    },
    /// Too late to change it.
    #[error("review {id} can no longer be changed: {because}")]
    EditClosed {
        /// The review.
        id: ReviewId,
        /// Why.
        because: &'static str,
    },
    /// There is a reply; there is one per review.
    #[error("review {id} has a reply; there is one per review")]
    AlreadyReplied {
        /// The review.
        id: ReviewId,
    },
    /// The link was used, replaced or is too old.
    #[error("this link does not work any more; sign in and confirm the review there")]
    LinkInvalid,
    /// Authors do not vote on their own reviews, nor report them.
    #[error("you cannot do this with your own review")]
    OwnReview,
    /// Fields are wrong.
    #[error("the review is not valid: {0}")]
    Invalid(FieldErrors),
    /// The caller's copy is stale.
    #[error("review {id} has changed since you loaded it; load it again")]
    Stale {
        /// The review.
        id: ReviewId,
    },
    /// The pictures cannot be changed like this, or not now.
    #[error(transparent)]
    Pictures(#[from] PictureError),
    /// The idempotency key cannot be used.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl ReviewError {
    /// A denial about a review.
    pub(crate) fn denied(denial: Denial, id: ReviewId) -> Self {
        match denial {
            Denial::SignIn => Self::Unauthenticated,
            Denial::Forbidden(action) => Self::Forbidden { action },
            Denial::Hidden => Self::NotFound { id },
        }
    }
}

impl Failure for ReviewError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Unauthenticated => FailureKind::Unauthenticated,
            Self::Forbidden { .. } | Self::OneSided => FailureKind::Forbidden,
            Self::NotFound { .. } | Self::BookingNotFound { .. } | Self::RatedNotFound { .. } => {
                FailureKind::NotFound
            }
            Self::NotCompleted { .. }
            | Self::WindowClosed { .. }
            | Self::AlreadyReviewed { .. }
            | Self::IllegalTransition { .. }
            | Self::EditClosed { .. }
            | Self::AlreadyReplied { .. }
            | Self::OwnReview => FailureKind::Conflict,
            Self::LinkInvalid => FailureKind::Gone,
            Self::Invalid(_) => FailureKind::Invalid,
            Self::Stale { .. } => FailureKind::Stale,
            Self::Pictures(error) => error.kind(),
            Self::Idempotency(error) => error.kind(),
            Self::Storage(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden { .. } => "forbidden",
            Self::NotFound { .. } => "review.not_found",
            Self::BookingNotFound { .. } => "booking.not_found",
            Self::RatedNotFound { rated: Rated::Listing(_) } => "listing.not_found",
            Self::RatedNotFound { rated: Rated::Provider(_) } => "provider.not_found",
            Self::NotCompleted { .. } => "review.booking_not_completed",
            Self::WindowClosed { .. } => "review.window_closed",
            Self::AlreadyReviewed { .. } => "review.already_written",
            Self::OneSided => "review.one_sided",
            Self::IllegalTransition { .. } => "illegal_transition",
            Self::EditClosed { .. } => "review.edit_closed",
            Self::AlreadyReplied { .. } => "review.already_replied",
            Self::LinkInvalid => "review.link_invalid",
            Self::OwnReview => "review.own",
            Self::Invalid(_) => "validation",
            Self::Stale { .. } => "stale_version",
            Self::Pictures(error) => error.code(),
            Self::Idempotency(error) => error.code(),
            Self::Storage(error) => error.code(),
        }
    }

    fn fields(&self) -> &[FieldError] {
        match self {
            Self::Invalid(errors) => &errors.0,
            Self::Pictures(error) => error.fields(),
            Self::Unauthenticated
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::BookingNotFound { .. }
            | Self::RatedNotFound { .. }
            | Self::NotCompleted { .. }
            | Self::WindowClosed { .. }
            | Self::AlreadyReviewed { .. }
            | Self::OneSided
            | Self::IllegalTransition { .. }
            | Self::EditClosed { .. }
            | Self::AlreadyReplied { .. }
            | Self::LinkInvalid
            | Self::OwnReview
            | Self::Stale { .. }
            | Self::Idempotency(_)
            | Self::Storage(_) => &[],
        }
    }

    fn allowed(&self) -> Option<&[&'static str]> {
        if let Self::IllegalTransition { allowed, .. } = self { Some(allowed) } else { None }
    }

    fn retry_after(&self) -> Option<std::time::Duration> {
        match self {
            Self::Pictures(error) => error.retry_after(),
            Self::Idempotency(error) => error.retry_after(),
            Self::Storage(error) => error.retry_after(),
            _ => None,
        }
    }
}
