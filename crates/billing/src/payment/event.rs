use chrono::{DateTime, Utc};
use kernel::{AccountId, Money, PaymentId};
use serde_json::{Value, json};

use crate::{Payment, Purpose, Seller, Stage};

macro_rules! happenings {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// What happened to a payment.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum PaymentHappening {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl PaymentHappening {
            /// All of them, in the order of the docs.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name of its event.
            pub const fn event_name(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!("payment.", $name, ".v1"),)+
                }
            }
        }
    };
}

happenings! {
    /// Somebody is about to pay.
    Created = "created",
    /// The payer has to act: 3-D Secure.
    ActionRequired = "action_required",
    /// The money is reserved.
    Authorized = "authorized",
    /// The money was taken.
    Captured = "captured",
    /// It was refused.
    Failed = "failed",
    /// The reservation was let go.
    Voided = "voided",
    /// Money went back to the payer.
    Refunded = "refunded",
    /// A refund was refused by the gateway.
    RefundFailed = "refund_failed",
    /// The payer's bank took money back.
    ChargedBack = "charged_back",
    /// What the bank took came back.
    Reinstated = "reinstated",
    /// The provider's part is the provider's.
    Released = "released",
    /// People have to look: no gateway answers for it, or what it says cannot be.
    Parked = "parked",
}

/// Something that happened to a payment, for the rest of the system. Ids and facts only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentEvent {
    /// What.
    pub happening: PaymentHappening,
    /// To which payment.
    pub payment: PaymentId,
    /// For what.
    pub purpose: Purpose,
    /// Whose money.
    pub payer: AccountId,
    /// Who sells.
    pub seller: Seller,
    /// The status since.
    pub status: &'static str,
    /// What was asked for.
    pub amount: Money,
    /// What was taken since the beginning.
    pub captured: Money,
    /// What went back since the beginning, in whatever way.
    pub returned: Money,
    /// When a reservation ends, if it does.
    pub until: Option<DateTime<Utc>>,
    /// Why it was refused, if it was.
    pub decline: Option<String>,
}

impl PaymentEvent {
    pub(crate) fn of(payment: &Payment, happening: PaymentHappening) -> Self {
        let (until, decline) = match payment.stage() {
            Stage::Authorized { until } => (*until, None),
            Stage::Failed { decline, .. } => (None, Some(decline.reason.clone())),
            Stage::Created
            | Stage::RequiresAction
            | Stage::Processing { .. }
            | Stage::Voided { .. }
            | Stage::Captured { .. } => (None, None),
        };
        let sums = payment.sums();
        let money = |minor| Money::new(minor, payment.amount().currency());
        Self {
            happening,
            payment: payment.id(),
            purpose: payment.purpose(),
            payer: payment.payer(),
            seller: payment.seller(),
            status: payment.status().name(),
            amount: payment.amount(),
            captured: money(sums.captured),
            returned: money(sums.returned()),
            until,
            decline,
        }
    }

    pub(crate) fn payload(&self) -> Value {
        let money = |money: Money| json!({"amount": money.minor(), "currency": money.currency()});
        json!({
            "payment_id": self.payment,
            "purpose": self.purpose.kind().name(),
            "reference": self.purpose.to_string(),
            "payer_account_id": self.payer,
            "provider_id": self.seller.provider(),
            "provider_account_id": match self.seller {
                Seller::Provider { account, .. } => Some(account),
                Seller::Platform => None,
            },
            "status": self.status,
            "amount": money(self.amount),
            "captured": money(self.captured),
            "returned": money(self.returned),
            "authorized_until": self.until.map(crate::error::shown),
            "decline": self.decline,
        })
    }
}
