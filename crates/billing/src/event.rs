use kernel::{Event, InvoiceId, PaymentId};
use serde_json::{Value, json};

use crate::{PaymentEvent, PayoutEvent, Seller, SubscriptionEvent, WebhookId};

/// Something that happened in billing, for the rest of the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BillingEvent {
    /// To a payment: `payment.….v1`.
    Payment(PaymentEvent),
    /// To a subscription: `subscription.….v1`.
    Subscription(SubscriptionEvent),
    /// To a payout: `payout.….v1`.
    Payout(PayoutEvent),
    /// An invoice was issued.
    InvoiceIssued {
        /// Which.
        invoice: InvoiceId,
        /// For which payment.
        payment: PaymentId,
        /// Whose.
        payer: kernel::AccountId,
        /// By whom.
        seller: Seller,
    },
    /// A message of a gateway could not be applied; people have to look.
    WebhookParked {
        /// Which.
        webhook: WebhookId,
        /// From which gateway.
        gateway: crate::GatewayName,
    },
}

impl BillingEvent {
    /// The names of all events, in the order of the docs.
    pub fn names() -> Vec<&'static str> {
        let payments = crate::PaymentHappening::ALL.iter().map(|it| it.event_name());
        let subscriptions = crate::SubscriptionHappening::ALL.iter().map(|it| it.event_name());
        let payouts = crate::PayoutHappening::ALL.iter().map(|it| it.event_name());
        let others = ["invoice.issued.v1", "webhook.parked.v1"];
        payments.chain(subscriptions).chain(payouts).chain(others).collect()
    }
}

impl Event for BillingEvent {
    fn name(&self) -> &'static str {
        match self {
            Self::Payment(event) => event.happening.event_name(),
            Self::Subscription(event) => event.happening.event_name(),
            Self::Payout(event) => event.happening.event_name(),
            Self::InvoiceIssued { .. } => "invoice.issued.v1",
            Self::WebhookParked { .. } => "webhook.parked.v1",
        }
    }

    fn subject(&self) -> String {
        match self {
            Self::Payment(event) => event.payment.to_string(),
            Self::Subscription(event) => event.subscription.to_string(),
            Self::Payout(event) => event.payout.to_string(),
            Self::InvoiceIssued { invoice, .. } => invoice.to_string(),
            Self::WebhookParked { webhook, .. } => webhook.to_string(),
        }
    }

    fn payload(&self) -> Value {
        match self {
            Self::Payment(event) => event.payload(),
            Self::Subscription(event) => event.payload(),
            Self::Payout(event) => event.payload(),
            Self::InvoiceIssued { invoice, payment, payer, seller } => json!({
                "invoice_id": invoice,
                "payment_id": payment,
                "payer_account_id": payer,
                "seller_provider_id": seller.provider(),
            }),
            Self::WebhookParked { webhook, gateway } => {
                json!({"webhook_id": webhook, "gateway": gateway.name()})
            }
        }
    }
}
