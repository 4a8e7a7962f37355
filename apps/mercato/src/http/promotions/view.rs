//! Promotions as they are shown.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kernel::Money;
use promotions::{Command, GrantedDiscount, PaymentDue, Period, Promotion, Seen, Stage, Status};
use serde::Serialize;
use utoipa::openapi::{RefOr, Response};
use utoipa::{IntoResponses, ToSchema};

use crate::http::command::answers;
use crate::http::money::MoneyView;

/// A time that is paid for.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(super) struct PromotedTime {
    /// From.
    #[schema(example = "2026-05-01T09:00:00Z")]
    starts_at: DateTime<Utc>,
    /// Up to, but not including.
    #[schema(example = "2026-05-08T09:00:00Z")]
    ends_at: DateTime<Utc>,
}

impl From<Period> for PromotedTime {
    fn from(period: Period) -> Self {
        Self { starts_at: period.start(), ends_at: period.end() }
    }
}

/// What a coupon took off a price.
#[derive(Debug, Serialize, ToSchema)]
struct PromotionDiscount {
    /// The coupon's code.
    #[schema(example = "SPRING-20")]
    coupon: String,
    /// How much.
    amount: MoneyView,
}

impl From<&GrantedDiscount> for PromotionDiscount {
    fn from(discount: &GrantedDiscount) -> Self {
        let GrantedDiscount { coupon_use: _, code, amount } = discount;
        Self { coupon: code.to_string(), amount: (*amount).into() }
    }
}

/// A payment to make.
#[derive(Debug, Serialize, ToSchema)]
struct PromotionPaymentDue {
    /// What to send as `purpose`.
    #[schema(example = "promotion")]
    purpose: &'static str,
    /// What to send as `reference`.
    #[schema(example = "prm_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    reference: String,
    /// How much.
    amount: MoneyView,
    /// Until when; then the promotion is cancelled.
    #[schema(example = "2026-05-01T10:00:00Z")]
    pay_by: DateTime<Utc>,
    /// What will stand on the payer's statement.
    #[schema(example = "Top of the search")]
    description: String,
    /// The call that pays; `POST /api/v1/payments/checkout` does it on the gateway's page.
    #[schema(example = "POST /api/v1/payments")]
    how: &'static str,
}

impl From<PaymentDue> for PromotionPaymentDue {
    fn from(due: PaymentDue) -> Self {
        let PaymentDue { promotion, payer: _, amount, pay_by, description } = due;
        Self {
            purpose: promotions::Purpose::Promotion.name(),
            reference: promotion.to_string(),
            amount: amount.into(),
            pay_by,
            description,
            how: "POST /api/v1/payments",
        }
    }
}

/// How a promotion was cancelled.
#[derive(Debug, Serialize, ToSchema)]
struct PromotionCancelled {
    /// When.
    #[schema(example = "2026-05-03T09:00:00Z")]
    at: DateTime<Utc>,
    /// By what: `owner`, `admin`, `payment_failed`, `unpaid`, `refunded` or `charged_back`. New
    /// values may come.
    #[schema(example = "owner")]
    cause: &'static str,
    /// Why, if an admin did.
    #[schema(example = "The listing is not what it says.")]
    reason: Option<String>,
    /// What goes back to the buyer because of it.
    refund: MoneyView,
    /// The time that it was active, if it was.
    ran: Option<PromotedTime>,
}

/// Paid visibility of a listing or provider for a period.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PromotionView {
    /// Its id.
    #[schema(example = "prm_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// The key of the product that was bought.
    #[schema(example = "top")]
    product: String,
    /// Which version of it.
    #[schema(example = 1)]
    product_version: i32,
    /// What it was called.
    #[schema(example = "Top of the search")]
    title: String,
    /// What it does: `top`, `detailed` or `pro`. New values may come.
    #[schema(example = "top")]
    effect: &'static str,
    /// The listing that is promoted; null if the provider is.
    #[schema(example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    listing_id: Option<String>,
    /// Whose it is.
    #[schema(example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    provider_id: String,
    /// How long it lasts, in days of 24 hours.
    #[schema(example = 7)]
    duration_days: u8,
    /// What it costs, before a coupon.
    price: MoneyView,
    /// What a coupon took off.
    discount: Option<PromotionDiscount>,
    /// What is left to pay, or was.
    to_pay: MoneyView,
    /// Where it stands now: `pending_payment`, `scheduled`, `active`, `expired` or `cancelled`. New
    /// values may come.
    #[schema(example = "pending_payment")]
    status: &'static str,
    /// When it is to start; as soon as it is paid if null.
    #[schema(example = "2026-05-01T09:00:00Z")]
    wanted_start: Option<DateTime<Utc>>,
    /// Its time, once it is paid.
    period: Option<PromotedTime>,
    /// When it was paid.
    #[schema(example = "2026-05-01T09:00:00Z")]
    paid_at: Option<DateTime<Utc>>,
    /// What paid for it; null if a coupon took off the whole price.
    #[schema(example = "pay_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    payment_id: Option<String>,
    /// The payment to make. Nothing is in effect before it has arrived.
    payment_due: Option<PromotionPaymentDue>,
    /// How it was cancelled, if it was.
    cancelled: Option<PromotionCancelled>,
    /// What its owner would get back who cancelled it now; null if that cannot be.
    refund_now: Option<MoneyView>,
    /// What the caller may do now: `cancel`, and admins `revoke`. New values may come.
    #[schema(example = json!(["cancel"]))]
    allowed: Vec<&'static str>,
    /// When it was bought.
    #[schema(example = "2026-05-01T09:00:00Z")]
    created_at: DateTime<Utc>,
}

impl IntoResponses for PromotionView {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers::<Self>("The promotion as it is now")
    }
}

impl PromotionView {
    /// A promotion as somebody sees it now.
    pub(super) fn seen(seen: &Seen, now: DateTime<Utc>) -> Self {
        let Seen { promotion, status, allowed, refund_now } = seen;
        Self::of(promotion, *status, allowed, *refund_now, now)
    }

    /// A promotion and what is known of it now.
    pub(super) fn of(
        promotion: &Promotion,
        status: Status,
        allowed: &[Command],
        refund_now: Option<Money>,
        now: DateTime<Utc>,
    ) -> Self {
        let record = promotion.record();
        let (paid_at, payment, cancelled) = match &record.stage {
            Stage::PendingPayment { .. } => (None, None, None),
            Stage::Paid { at, receipt, .. } => {
                (Some(*at), receipt.map(|receipt| receipt.payment), None)
            }
            Stage::Cancelled { at, cause, reason, refund, ran, payment } => {
                let cancelled = PromotionCancelled {
                    at: *at,
                    cause: cause.name(),
                    reason: reason.as_ref().map(ToString::to_string),
                    refund: (*refund).into(),
                    ran: ran.map(Into::into),
                };
                (None, *payment, Some(cancelled))
            }
        };
        Self {
            id: record.id.to_string(),
            product: record.bought.product.to_string(),
            product_version: record.bought.version,
            title: record.bought.title.clone(),
            effect: record.bought.effect.name(),
            listing_id: promotion.listing().map(|listing| listing.to_string()),
            provider_id: record.provider.to_string(),
            duration_days: record.bought.term.days(),
            price: record.bought.price.into(),
            discount: record.discount.as_ref().map(Into::into),
            to_pay: promotion.to_pay().into(),
            status: status.name(),
            wanted_start: record.wanted_start,
            period: promotion.period().map(Into::into),
            paid_at,
            payment_id: payment.map(|payment| payment.to_string()),
            payment_due: promotion.payment_due(now).map(Into::into),
            cancelled,
            refund_now: refund_now.map(Into::into),
            allowed: allowed.iter().copied().map(Command::name).collect(),
            created_at: record.created_at,
        }
    }
}
