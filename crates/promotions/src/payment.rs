use chrono::{DateTime, Utc};
use kernel::{AccountId, Currency, EventMessage, Money, PaymentId, PromotionId, StorageError};
use serde::Deserialize;

use crate::Purpose;

/// What somebody has to pay so that a promotion becomes effective.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentDue {
    /// For which promotion: the payment's reference, its purpose being `promotion`.
    pub promotion: PromotionId,
    /// Who has to pay.
    pub payer: AccountId,
    /// How much; more than nothing. The marketplace sells, the money is taken at once.
    pub amount: Money,
    /// Until when.
    pub pay_by: DateTime<Utc>,
    /// What stands on the payer's statement.
    pub description: String,
}

/// Money that a gateway took for a promotion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capture {
    /// By which payment.
    pub payment: PaymentId,
    /// How much.
    pub amount: Money,
    /// What of it has gone back by now, in whatever way.
    pub returned: Money,
}

/// What has to happen to the money because of a transition. Recorded in its transaction, done
/// after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// Let go of payments that are under way; nothing was taken yet.
    Void,
    /// Give back what was taken.
    Refund {
        /// Of which payment.
        payment: PaymentId,
        /// How much of it, more than nothing.
        amount: Money,
    },
}

/// Money was taken.
pub(crate) const CAPTURED: &str = "payment.captured.v1";
/// A payment was refused.
pub(crate) const FAILED: &str = "payment.failed.v1";
/// A payment was let go.
pub(crate) const VOIDED: &str = "payment.voided.v1";
/// Money went back.
pub(crate) const REFUNDED: &str = "payment.refunded.v1";
/// The payer's bank took money back.
pub(crate) const CHARGED_BACK: &str = "payment.charged_back.v1";
/// The payer's bank gave up what it took back.
pub(crate) const REINSTATED: &str = "payment.reinstated.v1";

/// What happened to a payment, as far as promotions and coupons are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PaymentNews {
    /// Money was taken: so much since the beginning.
    Captured { payment: PaymentId, amount: Money },
    /// Nothing was taken, and nothing will be.
    Failed(PaymentId),
    /// Of what was taken money went back, or came again. How much is back says the payment: with
    /// sums that rise and fall the last news need not be the latest.
    Returned { payment: PaymentId, captured: Money, by_bank: bool },
}

/// An event of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PaymentFact {
    pub(crate) purpose: Purpose,
    pub(crate) reference: String,
    pub(crate) news: PaymentNews,
}

/// What the events of payments say that is needed here.
#[derive(Debug, Deserialize)]
struct Payload {
    payment_id: PaymentId,
    purpose: String,
    reference: String,
    captured: Amount,
}

#[derive(Debug, Deserialize)]
struct Amount {
    amount: i64,
    currency: Currency,
}

impl From<Amount> for Money {
    fn from(Amount { amount, currency }: Amount) -> Self {
        Self::new(amount, currency)
    }
}

impl PaymentFact {
    /// Reads an event; `None` if it is of no concern.
    pub(crate) fn read(event: &EventMessage) -> Result<Option<Self>, StorageError> {
        let name = event.name.as_str();
        if ![CAPTURED, FAILED, VOIDED, REFUNDED, CHARGED_BACK, REINSTATED].contains(&name) {
            return Ok(None);
        }
        let Payload { payment_id: payment, purpose, reference, captured } =
            Payload::deserialize(&event.payload)
                .map_err(|error| StorageError::corrupt("read an event", error))?;
        let Ok(purpose) = purpose.parse() else { return Ok(None) };
        let captured = Money::from(captured);
        let news = match name {
            CAPTURED => PaymentNews::Captured { payment, amount: captured },
            FAILED | VOIDED => PaymentNews::Failed(payment),
            _ => PaymentNews::Returned { payment, captured, by_bank: name != REFUNDED },
        };
        Ok(Some(Self { purpose, reference, news }))
    }
}
