use access::{Action, Denial};
use chrono::{DateTime, Utc};
use kernel::{
    Failure, FailureKind, FieldError, FieldErrors, IdempotencyError, ListingId, PromotionId,
    StorageError,
};
use thiserror::Error;

use crate::CouponRefusal;

/// Why something around promotions and coupons cannot be done.
#[derive(Debug, Error)]
pub enum PromotionError {
    /// No such promotion, as far as this person may know.
    #[error("promotion {id} does not exist")]
    NotFound {
        /// What was asked for.
        id: PromotionId,
    },
    /// No such product, or none that can be bought.
    #[error("product `{key}` does not exist")]
    ProductNotFound {
        /// What was asked for, shortened.
        key: String,
    },
    /// No such listing among those that can be seen.
    #[error("listing {id} does not exist")]
    ListingNotFound {
        /// What was asked for.
        id: ListingId,
    },
    /// No such coupon, or none that can be used.
    #[error("coupon `{given}` does not exist")]
    CouponNotFound {
        /// What was asked for, by its id or code, shortened.
        given: String,
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
    /// The account has no provider profile.
    #[error("this needs a provider profile; create one first")]
    NotAProvider,
    /// Nobody would see it.
    #[error("this cannot be promoted: it is not public; publish it first")]
    NotPublic,
    /// As many listings of the provider have this effect, or are about to.
    #[error("at most {limit} of your listings can have this at a time; wait until one expires")]
    LimitReached {
        /// How many can.
        limit: u16,
    },
    /// It would end too far ahead.
    #[error("this is promoted so far ahead that it would end more than {days} days from now")]
    BookedAhead {
        /// How far ahead it may end.
        days: u16,
    },
    /// Too many promotions wait for their payment.
    #[error("{limit} promotions wait for your payment; pay or cancel one first")]
    TooManyUnpaid {
        /// How many may wait.
        limit: u8,
    },
    /// The state does not allow this now.
    #[error("cannot {command} promotion {id} now: its status is `{status}`")]
    NotAllowed {
        /// Which promotion.
        id: PromotionId,
        /// What was asked for.
        command: &'static str,
        /// Where it stands.
        status: &'static str,
        /// What this side may do now.
        allowed: Vec<&'static str>,
    },
    /// The coupon cannot be used here and now.
    #[error(transparent)]
    CouponRefused(#[from] CouponRefusal),
    /// Another product has the key.
    #[error("product `{key}` exists; change it instead")]
    ProductExists {
        /// The key.
        key: String,
    },
    /// Another coupon has the code.
    #[error("coupon `{code}` exists; choose another code")]
    CodeTaken {
        /// The code.
        code: String,
    },
    /// A coupon's new limit is below what was used.
    #[error("this coupon was used {used} times already; the limit cannot be lower")]
    LimitBelowUses {
        /// How often it was used.
        used: u32,
    },
    /// The copy that the change was based on is outdated.
    #[error("it has changed since you loaded it; look at it again")]
    Stale,
    /// Fields that are wrong.
    #[error("some fields are wrong: {0}")]
    Invalid(FieldErrors),
    /// An amount or a time beyond what can be reckoned with: a defect, since both were checked.
    #[error("an amount or a time is out of range")]
    OutOfRange,
    /// The idempotency key cannot be used.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl PromotionError {
    /// The error for a refusal by the permission matrix.
    pub(crate) fn denied(denial: Denial, id: PromotionId) -> Self {
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

    /// No such product, by whatever was given.
    pub(crate) fn no_product(given: &str) -> Self {
        Self::ProductNotFound { key: shortened(given) }
    }

    /// No such coupon, by whatever was given.
    pub(crate) fn no_coupon(given: &str) -> Self {
        Self::CouponNotFound { given: shortened(given) }
    }
}

impl Failure for PromotionError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NotFound { .. }
            | Self::ProductNotFound { .. }
            | Self::ListingNotFound { .. }
            | Self::CouponNotFound { .. } => FailureKind::NotFound,
            Self::Unauthenticated => FailureKind::Unauthenticated,
            Self::Forbidden { .. } | Self::NotAProvider => FailureKind::Forbidden,
            Self::NotPublic
            | Self::LimitReached { .. }
            | Self::BookedAhead { .. }
            | Self::TooManyUnpaid { .. }
            | Self::NotAllowed { .. }
            | Self::CouponRefused(_)
            | Self::ProductExists { .. }
            | Self::CodeTaken { .. }
            | Self::LimitBelowUses { .. } => FailureKind::Conflict,
            Self::Stale => FailureKind::Stale,
            Self::Invalid(_) => FailureKind::Invalid,
            Self::OutOfRange => FailureKind::Internal,
            Self::Idempotency(error) => error.kind(),
            Self::Storage(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "promotion.not_found",
            Self::ProductNotFound { .. } => "promotion.product_not_found",
            Self::ListingNotFound { .. } => "listing.not_found",
            Self::CouponNotFound { .. } => "coupon.not_found",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden { .. } => "forbidden",
            Self::NotAProvider => "provider.none",
            Self::NotPublic => "promotion.not_public",
            Self::LimitReached { .. } => "promotion.limit_reached",
            Self::BookedAhead { .. } => "promotion.booked_ahead",
            Self::TooManyUnpaid { .. } => "promotion.too_many_unpaid",
            Self::NotAllowed { .. } => "illegal_transition",
            Self::CouponRefused(refusal) => refusal.code(),
            Self::ProductExists { .. } => "promotion.product_exists",
            Self::CodeTaken { .. } => "coupon.code_taken",
            Self::LimitBelowUses { .. } => "coupon.limit_below_uses",
            Self::Stale => "stale_version",
            Self::Invalid(_) => "validation",
            Self::OutOfRange => "internal",
            Self::Idempotency(error) => error.code(),
            Self::Storage(error) => error.code(),
        }
    }

    fn fields(&self) -> &[FieldError] {
        if let Self::Invalid(errors) = self { &errors.0 } else { &[] }
    }

    fn allowed(&self) -> Option<&[&'static str]> {
        if let Self::NotAllowed { allowed, .. } = self { Some(allowed) } else { None }
    }

    fn retry_after(&self) -> Option<std::time::Duration> {
        match self {
            Self::Idempotency(error) => error.retry_after(),
            Self::Storage(error) => error.retry_after(),
            _ => None,
        }
    }
}

/// A time that is named in an error or an event.
pub(crate) fn shown(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

fn shortened(given: &str) -> String {
    given.chars().take(64).collect()
}
