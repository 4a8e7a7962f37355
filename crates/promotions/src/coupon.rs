use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use kernel::{AccountId, Currency, FieldErrors, Money, id};
use thiserror::Error;

use crate::product::named;
use crate::{CouponUse, Discount, Discounted, PromotionError};

id! {
    /// A coupon.
    pub struct CouponId("cpn");
}

id! {
    /// The use of a coupon for one purchase.
    pub struct CouponUseId("cpu");
}

/// What a person types to use a coupon: 3 to 32 letters, digits and single hyphens. However it is
/// typed, it is kept without white space around it and in capital letters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CouponCode(String);

/// Why a text is not a coupon's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be 3 to 32 letters from A to Z, digits and single hyphens")]
pub struct CouponCodeError;

impl CouponCode {
    /// Checks a code and brings it into its one form.
    pub fn new(text: &str) -> Result<Self, CouponCodeError> {
        let text = text.trim();
        let part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
        if (3..=32).contains(&text.len()) && text.split('-').all(part) {
            Ok(Self(text.to_ascii_uppercase()))
        } else {
            Err(CouponCodeError)
        }
    }

    /// The code of a record that was checked when it was written.
    pub const fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The bare code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CouponCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// For what a coupon can be used: what a payment can be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// A booking.
    Booking,
    /// An order of stocked listings.
    Order,
    /// A period of a subscription.
    Subscription,
    /// Paid visibility.
    Promotion,
    /// The one-time purchase of a listing's content.
    Purchase,
    /// What the winner of an auction owes.
    Auction,
}

impl Purpose {
    /// All of them, in the order of the docs.
    pub const ALL: [Self; 6] = [
        Self::Booking,
        Self::Order,
        Self::Subscription,
        Self::Promotion,
        Self::Purchase,
        Self::Auction,
    ];

    /// Its name on the wire, in the database and in the events of payments.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Booking => "booking",
            Self::Order => "order",
            Self::Subscription => "subscription",
            Self::Promotion => "promotion",
            Self::Purchase => "purchase",
            Self::Auction => "auction",
        }
    }
}

impl FromStr for Purpose {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        named(&Self::ALL, Self::name, name)
    }
}

/// Why a coupon that exists cannot be used here and now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CouponRefusal {
    /// Its time has not come.
    #[error("this coupon can be used from {} on", crate::error::shown(*.from))]
    NotStarted {
        /// When it comes.
        from: DateTime<Utc>,
    },
    /// Its time is over.
    #[error("the time of this coupon ended at {}", crate::error::shown(*.until))]
    Ended {
        /// When that was.
        until: DateTime<Utc>,
    },
    /// It is for something else.
    #[error("this coupon is not for a {}", .given.name())]
    OtherPurpose {
        /// What it was used for.
        given: Purpose,
    },
    /// Its amounts are of another currency than the price.
    #[error("this coupon is for prices in {currency}")]
    OtherCurrency {
        /// Its currency.
        currency: Currency,
    },
    /// The price is too low.
    #[error("this coupon is for prices from {minimum} on")]
    BelowMinimum {
        /// The lowest price.
        minimum: Money,
    },
    /// As many as may have used it.
    #[error("this coupon was used as often as it can be")]
    UsedUp,
    /// The account used it as often as it may.
    #[error("you have used this coupon as often as you can")]
    UsedByAccount,
}

impl CouponRefusal {
    /// A stable, documented identifier.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotStarted { .. } => "coupon.not_started",
            Self::Ended { .. } => "coupon.ended",
            Self::OtherPurpose { .. } => "coupon.other_purpose",
            Self::OtherCurrency { .. } => "coupon.other_currency",
            Self::BelowMinimum { .. } => "coupon.below_minimum",
            Self::UsedUp => "coupon.used_up",
            Self::UsedByAccount => "coupon.used_by_account",
        }
    }
}

/// How often a coupon was used: redeemed uses and reserved ones, which may still be released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Uses {
    /// By everybody.
    pub total: u32,
    /// By the account at hand.
    pub by_account: u32,
}

/// How often a coupon may be used, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CouponTerms {
    /// From then on.
    pub from: DateTime<Utc>,
    /// Until then, exclusively; for good if unset.
    pub until: Option<DateTime<Utc>>,
    /// By everybody together; any number of times if unset.
    pub total_limit: Option<u32>,
    /// By one account; any number of times if unset.
    pub per_account_limit: Option<u32>,
}

/// A new coupon, its fields checked one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCoupon {
    /// Its id.
    pub id: CouponId,
    /// What people type.
    pub code: CouponCode,
    /// What it takes off.
    pub discount: Discount,
    /// For what.
    pub purpose: Purpose,
    /// From which price on; of the discount's currency, if that is an amount.
    pub minimum: Option<Money>,
    /// How often and when.
    pub terms: CouponTerms,
}

/// The fields of a [`Coupon`], for storage adapters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouponRecord {
    /// Its id.
    pub id: CouponId,
    /// What people type.
    pub code: CouponCode,
    /// What it takes off.
    pub discount: Discount,
    /// For what.
    pub purpose: Purpose,
    /// From which price on.
    pub minimum: Option<Money>,
    /// How often and when.
    pub terms: CouponTerms,
    /// Since when it cannot be used any more, if an admin took it back.
    pub closed_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Counts its changes, from 1.
    pub version: i32,
}

/// A code that takes something off a price, a limited number of times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coupon {
    record: CouponRecord,
}

/// For what a coupon is to be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouponRequest {
    /// The id of the use.
    pub id: CouponUseId,
    /// For what kind of thing.
    pub purpose: Purpose,
    /// The id of the thing, as it stands on the wire and in the events of its payments.
    pub reference: String,
    /// Who uses it.
    pub account: AccountId,
    /// What the thing costs.
    pub price: Money,
    /// Released then, unless it was paid for.
    pub until: DateTime<Utc>,
}

impl Coupon {
    /// A new coupon.
    ///
    /// # Errors
    ///
    /// All fields that do not fit one another.
    pub fn create(new: NewCoupon, now: DateTime<Utc>) -> Result<Self, FieldErrors> {
        let NewCoupon { id, code, discount, purpose, minimum, terms } = new;
        let mut errors = FieldErrors::new();
        check_terms(&terms, &mut errors);
        if let Some(minimum) = minimum {
            if minimum.minor() <= 0 || !minimum.is_price() {
                let detail = format!("must be 1 to {}", Money::MAX_PRICE);
                errors.add("/minimum/amount", "out_of_range", detail);
            }
            if let Discount::Amount(amount) = discount
                && amount.currency() != minimum.currency()
            {
                let detail = format!("must be {}, as the discount is", amount.currency());
                errors.add("/minimum/currency", "does_not_fit", detail);
            }
        }
        errors.into_result()?;
        let record = CouponRecord {
            id,
            code,
            discount,
            purpose,
            minimum,
            terms,
            closed_at: None,
            created_at: now,
            version: 1,
        };
        Ok(Self { record })
    }

    /// Sets how often and when it may be used from now on.
    ///
    /// # Errors
    ///
    /// [`PromotionError::Invalid`], or [`PromotionError::LimitBelowUses`] if it was used more often
    /// than the new limit says.
    pub fn change_terms(&mut self, terms: CouponTerms, used: u32) -> Result<(), PromotionError> {
        let mut errors = FieldErrors::new();
        check_terms(&terms, &mut errors);
        errors.into_result().map_err(PromotionError::Invalid)?;
        if terms.total_limit.is_some_and(|limit| limit < used) {
            return Err(PromotionError::LimitBelowUses { used });
        }
        self.record.terms = terms;
        self.record.version += 1;
        Ok(())
    }

    /// Takes it back: nobody can use it from now on. Answers whether anybody could.
    pub fn close(&mut self, now: DateTime<Utc>) -> bool {
        if self.record.closed_at.is_some() {
            return false;
        }
        self.record.closed_at = Some(now);
        self.record.version += 1;
        true
    }

    /// What it makes of a price, if it can be used for it here and now.
    ///
    /// # Errors
    ///
    /// [`PromotionError::CouponNotFound`] if it was closed, else [`PromotionError::CouponRefused`].
    pub fn take_off(
        &self,
        purpose: Purpose,
        price: Money,
        uses: Uses,
        now: DateTime<Utc>,
    ) -> Result<Discounted, PromotionError> {
        if self.record.closed_at.is_some() {
            return Err(PromotionError::CouponNotFound { given: self.record.code.to_string() });
        }
        Ok(self.judge(purpose, price, uses, now)?)
    }

    fn judge(
        &self,
        purpose: Purpose,
        price: Money,
        uses: Uses,
        now: DateTime<Utc>,
    ) -> Result<Discounted, CouponRefusal> {
        let CouponTerms { from, until, total_limit, per_account_limit } = self.record.terms;
        if now < from {
            return Err(CouponRefusal::NotStarted { from });
        }
        if let Some(until) = until.filter(|until| now >= *until) {
            return Err(CouponRefusal::Ended { until });
        }
        if purpose != self.record.purpose {
            return Err(CouponRefusal::OtherPurpose { given: purpose });
        }
        if let Some(minimum) = self.record.minimum {
            if minimum.currency() != price.currency() {
                return Err(CouponRefusal::OtherCurrency { currency: minimum.currency() });
            }
            if price.minor() < minimum.minor() {
                return Err(CouponRefusal::BelowMinimum { minimum });
            }
        }
        let discounted = self.record.discount.take_off(price)?;
        if per_account_limit.is_some_and(|limit| uses.by_account >= limit) {
            return Err(CouponRefusal::UsedByAccount);
        }
        if total_limit.is_some_and(|limit| uses.total >= limit) {
            return Err(CouponRefusal::UsedUp);
        }
        Ok(discounted)
    }

    /// Reserves a use for a purchase that is about to be paid for. From now on it counts.
    ///
    /// # Errors
    ///
    /// As [`take_off`](Self::take_off).
    pub fn reserve(
        &self,
        request: CouponRequest,
        uses: Uses,
        now: DateTime<Utc>,
    ) -> Result<CouponUse, PromotionError> {
        let discounted = self.take_off(request.purpose, request.price, uses, now)?;
        Ok(CouponUse::reserve(self, request, discounted.discount(), now))
    }

    /// The coupon of a record that was valid when it was written.
    pub const fn restore(record: CouponRecord) -> Self {
        Self { record }
    }

    /// Its fields, for storage.
    pub const fn record(&self) -> &CouponRecord {
        &self.record
    }
}

pub(crate) fn check_terms(terms: &CouponTerms, errors: &mut FieldErrors) {
    if terms.until.is_some_and(|until| until <= terms.from) {
        errors.add("/until", "empty_range", "must be after `from`");
    }
    let limits =
        [("/total_limit", terms.total_limit), ("/per_account_limit", terms.per_account_limit)];
    for (pointer, limit) in limits {
        // The database counts in signed 32-bit numbers.
        if limit.is_some_and(|limit| limit == 0 || i32::try_from(limit).is_err()) {
            errors.add(pointer, "out_of_range", format!("must be 1 to {}", i32::MAX));
        }
    }
}
