use chrono::{DateTime, TimeDelta, Utc};
use kernel::{FieldErrors, ListingId};

use crate::{
    Bought, CouponCode, Effect, Limits, PaymentDue, Period, Policy, Product, Promotion,
    PromotionError, Stage, Target, TargetKind, Term,
};

/// What a provider sends to buy a promotion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuyPromotion {
    /// The key of a product.
    pub product: String,
    /// 7, 14 or 30.
    pub duration_days: i64,
    /// Which of their listings, if the product is for a listing.
    pub listing: Option<ListingId>,
    /// When it is to start; as soon as it is paid if unset.
    pub starts_at: Option<DateTime<Utc>>,
    /// The code of a coupon.
    pub coupon: Option<String>,
}

/// A promotion that was bought, and what is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    /// The promotion.
    pub promotion: Promotion,
    /// The payment to make; `None` if a coupon took off the whole price.
    pub due: Option<PaymentDue>,
    /// Its time, if it is paid at once.
    pub planned: Period,
}

/// A purchase that fits its product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) bought: Bought,
    pub(crate) listing: Option<ListingId>,
    pub(crate) wanted_start: Option<DateTime<Utc>>,
    pub(crate) coupon: Option<CouponCode>,
    limits: Limits,
}

impl Order {
    /// Checks a purchase against its product.
    pub(crate) fn check(
        command: &BuyPromotion,
        product: &Product,
        now: DateTime<Utc>,
    ) -> Result<Self, PromotionError> {
        let BuyPromotion { product: _, duration_days, listing, starts_at, coupon } = command;
        let record = product.record();
        let mut errors = FieldErrors::new();
        let offered = Term::from_days(*duration_days)
            .and_then(|term| product.price(term).map(|price| (term, price)));
        if offered.is_none() {
            let days: Vec<_> =
                record.prices.iter().map(|price| price.term.days().to_string()).collect();
            let detail = format!("can be had for {} days", days.join(", "));
            errors.add("/duration_days", "not_offered", detail);
        }
        match (record.effect.target(), listing) {
            (TargetKind::Listing, None) => {
                errors.add("/listing_id", "required", "says which listing to promote");
            }
            (TargetKind::Provider, Some(_)) => {
                errors.add("/listing_id", "does_not_fit", "this product promotes the provider");
            }
            (TargetKind::Listing, Some(_)) | (TargetKind::Provider, None) => {}
        }
        if let Some(starts_at) = starts_at {
            let most = record.limits.start_ahead_days;
            if *starts_at < now {
                errors.add("/starts_at", "in_the_past", "must not be in the past");
            } else if *starts_at - now > TimeDelta::days(i64::from(most)) {
                let detail = format!("must be at most {most} days ahead");
                errors.add("/starts_at", "out_of_range", detail);
            }
        }
        let coupon = coupon
            .as_deref()
            .and_then(|code| errors.check("/coupon", "invalid_code", CouponCode::new(code)));
        errors.into_result().map_err(PromotionError::Invalid)?;
        let Some((term, price)) = offered else { return Err(PromotionError::OutOfRange) };
        Ok(Self {
            bought: Bought {
                product: record.key.clone(),
                version: record.version,
                title: record.title.to_string(),
                effect: record.effect,
                term,
                price,
            },
            listing: *listing,
            wanted_start: *starts_at,
            coupon,
            limits: record.limits,
        })
    }

    pub(crate) const fn effect(&self) -> Effect {
        self.bought.effect
    }

    /// Passes if the provider may have one more, given those of them with the same effect that are
    /// not over. Those that wait for their payment count: each of them may be paid.
    pub(crate) fn admit(
        &self,
        target: Target,
        open: &[Promotion],
        now: DateTime<Utc>,
    ) -> Result<(), PromotionError> {
        if let Some(limit) = self.limits.per_provider
            && target.kind() == TargetKind::Listing
        {
            let mut others: Vec<_> = open.iter().map(Promotion::target).collect();
            others.retain(|other| *other != target);
            others.sort_unstable();
            others.dedup();
            if others.len() >= usize::from(limit) {
                return Err(PromotionError::LimitReached { limit });
            }
        }
        let of_target = || open.iter().filter(|promotion| promotion.target() == target);
        let waiting = of_target()
            .filter(|promotion| matches!(promotion.stage(), Stage::PendingPayment { .. }));
        let waiting: i64 = waiting.map(|it| i64::from(it.record().bought.term.days())).sum();
        let wanted = self.wanted_start.map_or(now, |start| start.max(now));
        let planned = Period::first_free(wanted, self.bought.term.length(), &taken(open, target))
            .ok_or(PromotionError::OutOfRange)?;
        let days = self.limits.end_ahead_days;
        if planned.end() + TimeDelta::days(waiting) > now + TimeDelta::days(i64::from(days)) {
            return Err(PromotionError::BookedAhead { days });
        }
        Ok(())
    }
}

/// Passes if one more promotion of a provider may wait for its payment.
pub(crate) fn admit_unpaid(unpaid: u32, policy: &Policy) -> Result<(), PromotionError> {
    let limit = policy.unpaid_at_most;
    if unpaid < u32::from(limit) { Ok(()) } else { Err(PromotionError::TooManyUnpaid { limit }) }
}

/// The paid periods of a target among promotions of one effect.
pub(crate) fn taken(open: &[Promotion], target: Target) -> Vec<Period> {
    let of_target = open.iter().filter(|promotion| promotion.target() == target);
    of_target.filter_map(Promotion::period).collect()
}
