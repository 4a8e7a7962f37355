use chrono::{DateTime, Utc};
use kernel::{AccountId, Event, Money, PromotionId, ProviderId};
use serde_json::{Value, json};

use crate::error::shown;
use crate::{Effect, Period, Product, ProductKey, Promotion, Side, Stage, Status, Target};

macro_rules! happenings {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// What happened to a promotion.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Happening {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Happening {
            /// All of them, in the order of the docs.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name of its event.
            pub const fn event_name(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!("promotion.", $name, ".v1"),)+
                }
            }
        }
    };
}

happenings! {
    /// It was bought and waits for its payment.
    PaymentAwaited = "payment_awaited",
    /// It is paid and has its time.
    Paid = "paid",
    /// Its time has come.
    Started = "started",
    /// Its time ends in three days or in one, and nothing follows.
    Expiring = "expiring",
    /// Its time is over, and nothing follows.
    Expired = "expired",
    /// Its time is over, and another one's goes on.
    Continued = "continued",
    /// It has no effect, or none any more.
    Cancelled = "cancelled",
}

/// Something that happened to a promotion, for the rest of the system. Ids and facts only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromotionEvent {
    /// What.
    pub happening: Happening,
    /// To which promotion.
    pub promotion: PromotionId,
    /// Of which product.
    pub product: ProductKey,
    /// With which effect.
    pub effect: Effect,
    /// For what.
    pub target: Target,
    /// Whose.
    pub provider: ProviderId,
    /// Who bought it.
    pub account: AccountId,
    /// Through whom.
    pub by: Side,
    /// Where it stands since.
    pub status: Status,
    /// What it costs, less what a coupon took off.
    pub price: Money,
    /// Until when it has to be paid, while it is not.
    pub pay_by: Option<DateTime<Utc>>,
    /// Its time, if it has one.
    pub period: Option<Period>,
    /// The days that a reminder speaks of.
    pub days_left: Option<u8>,
    /// What cancelled it.
    pub cause: Option<&'static str>,
    /// What goes back to its buyer.
    pub refund: Option<Money>,
}

impl PromotionEvent {
    pub(crate) fn of(
        promotion: &Promotion,
        happening: Happening,
        by: Side,
        now: DateTime<Utc>,
    ) -> Self {
        let (pay_by, period, cause, refund) = match promotion.stage() {
            Stage::PendingPayment { pay_by } => (Some(*pay_by), None, None, None),
            Stage::Paid { period, .. } => (None, Some(*period), None, None),
            Stage::Cancelled { cause, refund, ran, .. } => {
                (None, *ran, Some(cause.name()), Some(*refund))
            }
        };
        let record = promotion.record();
        Self {
            happening,
            promotion: record.id,
            product: record.bought.product.clone(),
            effect: record.bought.effect,
            target: record.target,
            provider: record.provider,
            account: record.account,
            by,
            status: promotion.status(now),
            price: promotion.to_pay(),
            pay_by,
            period,
            days_left: None,
            cause,
            refund,
        }
    }
}

impl Event for PromotionEvent {
    fn name(&self) -> &'static str {
        self.happening.event_name()
    }

    fn subject(&self) -> String {
        self.promotion.to_string()
    }

    fn payload(&self) -> Value {
        let money = |money: Money| json!({"amount": money.minor(), "currency": money.currency()});
        json!({
            "promotion_id": self.promotion,
            "product": self.product.as_str(),
            "effect": self.effect.name(),
            "listing_id": self.target.listing(),
            "provider_id": self.provider,
            "provider_account_id": self.account,
            "by": self.by.name(),
            "status": self.status.name(),
            "price": money(self.price),
            "pay_by": self.pay_by.map(shown),
            "starts_at": self.period.map(|period| shown(period.start())),
            "ends_at": self.period.map(|period| shown(period.end())),
            "days_left": self.days_left,
            "cause": self.cause,
            "refund": self.refund.map(money),
        })
    }
}

/// A product has a new version: lists of products are stale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductEvent {
    /// Which product.
    pub key: ProductKey,
    /// Its version since.
    pub version: i32,
    /// Whether it cannot be bought any more.
    pub closed: bool,
}

impl ProductEvent {
    /// The name of the event.
    pub const NAME: &'static str = "promotion_product.declared.v1";

    pub(crate) fn of(product: &Product) -> Self {
        let record = product.record();
        Self { key: record.key.clone(), version: record.version, closed: record.closed }
    }
}

impl Event for ProductEvent {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn subject(&self) -> String {
        self.key.to_string()
    }

    fn payload(&self) -> Value {
        json!({"product": self.key.as_str(), "version": self.version, "closed": self.closed})
    }
}
