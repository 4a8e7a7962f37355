use std::time::Duration;

use access::{Action, Denial};
use kernel::{
    CategoryId, ChangeRequestId, Failure, FailureKind, FieldError, FieldErrors, IdempotencyError,
    ListingId, ProviderId, StorageError,
};
use thiserror::Error;

use crate::media::MediaError;

/// Why the catalogue cannot do what was asked.
#[derive(Debug, Error)]
pub enum CatalogError {
    /// Nobody is signed in.
    #[error("sign in to do this")]
    Unauthenticated,
    /// The caller may see it, but not do this to it.
    #[error("you may not do this: it needs the permission {action}")]
    Forbidden {
        /// What is missing.
        action: Action,
    },
    /// No such listing, as far as this caller may know.
    #[error("listing {id} does not exist")]
    ListingNotFound {
        /// Which.
        id: ListingId,
    },
    /// No such listing under this name, as far as this caller may know.
    #[error("there is no listing of this name")]
    NoListingOfThatName,
    /// No such provider, as far as this caller may know.
    #[error("provider {id} does not exist")]
    ProviderNotFound {
        /// Which.
        id: ProviderId,
    },
    /// The caller has no provider profile.
    #[error("you have no provider profile; register as a provider first")]
    NotAProvider,
    /// No such category.
    #[error("category {id} does not exist")]
    CategoryNotFound {
        /// Which.
        id: CategoryId,
    },
    /// No such listing type.
    #[error("there is no listing type `{key}`")]
    ListingTypeNotFound {
        /// What was asked for.
        key: String,
    },
    /// No such change request, as far as this caller may know.
    #[error("change request {id} does not exist")]
    ChangeRequestNotFound {
        /// Which.
        id: ChangeRequestId,
    },
    /// The listing has no change that waits.
    #[error("no change of listing {id} waits for a moderator")]
    NothingPending {
        /// Which listing.
        id: ListingId,
    },
    /// Fields break their rules.
    #[error("not everything is right: {0}")]
    Invalid(FieldErrors),
    /// The listing cannot be public as it is.
    #[error("the listing cannot be public like this: {0}")]
    Incomplete(FieldErrors),
    /// Its state does not allow this now.
    #[error("cannot {command} {object}: it is {from}")]
    IllegalTransition {
        /// The id.
        object: String,
        /// Where it stands.
        from: &'static str,
        /// What was asked.
        command: &'static str,
        /// What could be asked instead.
        allowed: &'static [&'static str],
    },
    /// Moderators took the provider off the market.
    #[error("your provider profile is suspended: {reason}")]
    ProviderSuspended {
        /// Why.
        reason: String,
    },
    /// An account has one provider profile at most.
    #[error("this account is a provider already")]
    AlreadyAProvider,
    /// The name in addresses belongs to another.
    #[error("the slug is taken; choose another")]
    SlugTaken,
    /// The key belongs to another listing type.
    #[error("the listing type `{key}` exists already")]
    ListingTypeTaken {
        /// The key.
        key: String,
    },
    /// The category is not empty.
    #[error("category {id} has sub-categories or listings; move them first")]
    CategoryInUse {
        /// Which.
        id: CategoryId,
    },
    /// The listing type has listings.
    #[error("listing type `{key}` has listings; it cannot go")]
    ListingTypeInUse {
        /// Which.
        key: String,
    },
    /// Published listings would break the changed rules of their type.
    #[error("{count} published listings would not be valid any more, such as {}", .first.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    WouldInvalidate {
        /// How many.
        count: usize,
        /// The first ten.
        first: Vec<ListingId>,
    },
    /// The caller's copy is not the newest.
    #[error("this was changed since you loaded it: it is at version {current} now; load it again")]
    Stale {
        /// The newest version.
        current: i32,
    },
    /// The media cannot be had.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// The idempotency key cannot be used.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl CatalogError {
    /// The refusal of `denial`, where `hidden` is what somebody hears who may not know more.
    pub(crate) fn denied(denial: Denial, hidden: Self) -> Self {
        match denial {
            Denial::SignIn => Self::Unauthenticated,
            Denial::Forbidden(action) => Self::Forbidden { action },
            Denial::Hidden => hidden,
        }
    }

    /// One field is wrong.
    pub fn field(pointer: &str, code: &'static str, detail: &str) -> Self {
        let mut errors = FieldErrors::new();
        errors.add(pointer, code, detail);
        Self::Invalid(errors)
    }
}

impl From<FieldErrors> for CatalogError {
    fn from(errors: FieldErrors) -> Self {
        Self::Invalid(errors)
    }
}

impl Failure for CatalogError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Unauthenticated => FailureKind::Unauthenticated,
            Self::Forbidden { .. } | Self::ProviderSuspended { .. } | Self::NotAProvider => {
                FailureKind::Forbidden
            }
            Self::ListingNotFound { .. }
            | Self::NoListingOfThatName
            | Self::ProviderNotFound { .. }
            | Self::CategoryNotFound { .. }
            | Self::ListingTypeNotFound { .. }
            | Self::NothingPending { .. }
            | Self::ChangeRequestNotFound { .. } => FailureKind::NotFound,
            Self::Invalid(_) | Self::Incomplete(_) => FailureKind::Invalid,
            Self::IllegalTransition { .. }
            | Self::AlreadyAProvider
            | Self::SlugTaken
            | Self::ListingTypeTaken { .. }
            | Self::CategoryInUse { .. }
            | Self::ListingTypeInUse { .. }
            | Self::WouldInvalidate { .. } => FailureKind::Conflict,
            Self::Stale { .. } => FailureKind::Stale,
            Self::Media(error) => error.kind(),
            Self::Idempotency(error) => error.kind(),
            Self::Storage(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden { .. } => "forbidden",
            Self::ListingNotFound { .. } | Self::NoListingOfThatName => "listing.not_found",
            Self::ProviderNotFound { .. } => "provider.not_found",
            Self::NotAProvider => "provider.none",
            Self::CategoryNotFound { .. } => "category.not_found",
            Self::ListingTypeNotFound { .. } => "listing_type.not_found",
            Self::ChangeRequestNotFound { .. } => "change_request.not_found",
            Self::NothingPending { .. } => "change_request.none_pending",
            Self::Invalid(_) => "validation",
            Self::Incomplete(_) => "listing.incomplete",
            Self::IllegalTransition { .. } => "illegal_transition",
            Self::ProviderSuspended { .. } => "provider.suspended",
            Self::AlreadyAProvider => "provider.exists",
            Self::SlugTaken => "slug_taken",
            Self::ListingTypeTaken { .. } => "listing_type.exists",
            Self::CategoryInUse { .. } => "category.in_use",
            Self::ListingTypeInUse { .. } => "listing_type.in_use",
            Self::WouldInvalidate { .. } => "listing_type.would_invalidate",
            Self::Stale { .. } => "stale_version",
            Self::Media(error) => error.code(),
            Self::Idempotency(error) => error.code(),
            Self::Storage(error) => error.code(),
        }
    }

    fn fields(&self) -> &[FieldError] {
        match self {
            Self::Invalid(errors) | Self::Incomplete(errors) => &errors.0,
            Self::Media(error) => error.fields(),
            _ => &[],
        }
    }

    fn allowed(&self) -> Option<&[&'static str]> {
        match self {
            Self::IllegalTransition { allowed, .. } => Some(allowed),
            _ => None,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Media(error) => error.retry_after(),
            Self::Idempotency(error) => error.retry_after(),
            Self::Storage(error) => error.retry_after(),
            _ => None,
        }
    }
}
