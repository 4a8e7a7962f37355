use access::{Action, Denial};
use chrono::{DateTime, Utc};
use kernel::{
    BookingId, Failure, FailureKind, FieldError, FieldErrors, IdempotencyError, ListingId,
    StorageError,
};
use thiserror::Error;

/// Why a booking cannot be made or changed.
#[derive(Debug, Error)]
pub enum BookingError {
    /// No such booking, as far as this person may know.
    #[error("booking {id} does not exist")]
    NotFound {
        /// What was asked for.
        id: BookingId,
    },
    /// No such listing among those that can be seen.
    #[error("listing {id} does not exist")]
    ListingNotFound {
        /// What was asked for.
        id: ListingId,
    },
    /// Nobody is signed in.
    #[error("sign in to do this")]
    Unauthenticated,
    /// The person may see it, but not do this to it.
    #[error("you may not do this: it needs the right `{action}`")]
    Forbidden {
        /// The right that is missing.
        action: Action,
    },
    /// Nobody books with themselves.
    #[error("this listing is your own; a booking needs two sides")]
    OwnListing,
    /// The listing's type takes no requests, quotes or appointments.
    #[error("this listing cannot be booked")]
    NotBookable,
    /// The account has no provider profile.
    #[error("this needs a provider profile; create one first")]
    NotAProvider,
    /// The state does not allow this to this side now.
    #[error("cannot {command} booking {id} now: its status is `{status}`")]
    NotAllowed {
        /// Which booking.
        id: BookingId,
        /// What was asked for.
        command: &'static str,
        /// Where it stands.
        status: &'static str,
        /// What this side may do now.
        allowed: Vec<&'static str>,
    },
    /// Not the number of the offer in force.
    #[error("{}", outdated(*given, *in_force))]
    OfferOutdated {
        /// The number that was accepted.
        given: Option<u16>,
        /// The number of the offer in force.
        in_force: Option<u16>,
    },
    /// Somebody else has the slot.
    #[error("the slot is already taken; choose another")]
    SlotTaken,
    /// Outside opening hours, too soon, too far ahead, or beyond a limit of the day or week.
    #[error("the provider does not offer this slot; choose one of the listing's free slots")]
    SlotNotOffered,
    /// A link to a calendar that does not hold, or no longer.
    #[error("this calendar link does not hold; create a new one")]
    CalendarNotFound,
    /// Fields that are wrong.
    #[error("some fields are wrong: {0}")]
    Invalid(FieldErrors),
    /// The idempotency key cannot be used.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

fn outdated(given: Option<u16>, in_force: Option<u16>) -> String {
    match (given, in_force) {
        (_, None) => "no offer is in force; accept without the number of one".to_owned(),
        (None, Some(last)) => format!("offer {last} is in force; accept it by its number"),
        (Some(given), Some(last)) => {
            format!("offer {given} is not in force, offer {last} is; look at it first")
        }
    }
}

impl BookingError {
    /// The error for a refusal by the permission matrix.
    pub(crate) fn denied(denial: Denial, id: BookingId) -> Self {
        match denial {
            Denial::SignIn => Self::Unauthenticated,
            Denial::Forbidden(action) => Self::Forbidden { action },
            Denial::Hidden => Self::NotFound { id },
        }
    }

    /// The error for a refusal where there is nothing to hide.
    pub(crate) fn denied_openly(denial: Denial, action: Action) -> Self {
        match denial {
            Denial::SignIn => Self::Unauthenticated,
            Denial::Forbidden(_) | Denial::Hidden => Self::Forbidden { action },
        }
    }
}

impl Failure for BookingError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NotFound { .. } | Self::ListingNotFound { .. } | Self::CalendarNotFound => {
                FailureKind::NotFound
            }
            Self::Unauthenticated => FailureKind::Unauthenticated,
            Self::Forbidden { .. } | Self::OwnListing | Self::NotAProvider => {
                FailureKind::Forbidden
            }
            Self::NotBookable
            | Self::NotAllowed { .. }
            | Self::OfferOutdated { .. }
            | Self::SlotTaken
            | Self::SlotNotOffered => FailureKind::Conflict,
            Self::Invalid(_) => FailureKind::Invalid,
            Self::Idempotency(error) => error.kind(),
            Self::Storage(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "booking.not_found",
            Self::ListingNotFound { .. } => "listing.not_found",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden { .. } => "forbidden",
            Self::OwnListing => "booking.own_listing",
            Self::NotBookable => "booking.not_bookable",
            Self::NotAProvider => "provider.none",
            Self::NotAllowed { .. } => "illegal_transition",
            Self::OfferOutdated { .. } => "booking.offer_outdated",
            Self::SlotTaken => "booking.slot_taken",
            Self::SlotNotOffered => "booking.slot_not_offered",
            Self::CalendarNotFound => "booking.calendar_not_found",
            Self::Invalid(_) => "validation",
            Self::Idempotency(error) => error.code(),
            Self::Storage(error) => error.code(),
        }
    }

    fn fields(&self) -> &[FieldError] {
        match self {
            Self::Invalid(errors) => &errors.0,
            Self::NotFound { .. }
            | Self::ListingNotFound { .. }
            | Self::Unauthenticated
            | Self::Forbidden { .. }
            | Self::OwnListing
            | Self::NotBookable
            | Self::NotAProvider
            | Self::NotAllowed { .. }
            | Self::OfferOutdated { .. }
            | Self::SlotTaken
            | Self::SlotNotOffered
            | Self::CalendarNotFound
            | Self::Idempotency(_)
            | Self::Storage(_) => &[],
        }
    }

    fn allowed(&self) -> Option<&[&'static str]> {
        if let Self::NotAllowed { allowed, .. } = self { Some(allowed) } else { None }
    }

    fn retry_after(&self) -> Option<std::time::Duration> {
        match self {
            Self::Idempotency(error) => error.retry_after(),
            Self::Storage(error) => error.retry_after(),
            Self::NotFound { .. }
            | Self::ListingNotFound { .. }
            | Self::Unauthenticated
            | Self::Forbidden { .. }
            | Self::OwnListing
            | Self::NotBookable
            | Self::NotAProvider
            | Self::NotAllowed { .. }
            | Self::OfferOutdated { .. }
            | Self::SlotTaken
            | Self::SlotNotOffered
            | Self::CalendarNotFound
            | Self::Invalid(_) => None,
        }
    }
}

/// A time that is named in an error or a note.
pub(crate) fn shown(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
