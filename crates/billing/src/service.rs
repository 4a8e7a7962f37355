//! The use cases of billing.

mod books;
mod callback;
mod cards;
mod inquiry;
mod invoices;
mod operations;
mod oversight;
mod pay;
mod payouts;
mod plans;
mod renewals;
mod subscriptions;
mod webhooks;

use std::fmt;
use std::sync::Arc;

use access::{Action, Actor, Relation, decide};
use chrono::{DateTime, Utc};
use kernel::{Clock, Ids, PaymentId, PayoutId, Random, SubscriptionId};

pub use books::{Books, Instruction};
pub use callback::ChallengePage;
pub use cards::{CardSaved, SaveCardCommand};
pub use pay::{PayCommand, PayMethod, PaymentSeen};
pub use payouts::RunReport;
pub use plans::IssuerOfPlan;
pub use subscriptions::{SubscribeCommand, Subscribed};

use crate::{
    BillingError, BillingReads, BillingStore, Gateway, GatewayName, Policy, WebhookId, timer,
};

/// The addresses that payers are sent back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// Where this API stands, as browsers reach it: `https://shop.example/api/v1`.
    pub api: String,
}

impl Addresses {
    /// Where the bank sends the payer after 3-D Secure. The token in it is a secret.
    pub fn bank_return(&self, payment: PaymentId, token: &str) -> String {
        format!("{}/payments/{payment}/3ds/callback?state={token}", self.api)
    }

    /// Where a gateway's own page sends the payer. Coming there proves nothing.
    pub fn checkout_return(&self, payment: PaymentId) -> String {
        format!("{}/payments/{payment}/return", self.api)
    }
}

/// What the service is made of.
#[derive(Clone)]
pub struct BillingParts {
    /// Opens transactions.
    pub store: Arc<dyn BillingStore>,
    /// Reads without one.
    pub reads: Arc<dyn BillingReads>,
    /// The gateways that are configured.
    pub gateways: Vec<Arc<dyn Gateway>>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes ids.
    pub ids: Arc<dyn Ids>,
    /// Makes secrets.
    pub random: Arc<dyn Random>,
    /// What differs between marketplaces.
    pub policy: Policy,
    /// Where payers are sent back to.
    pub addresses: Addresses,
}

/// The use cases of billing. No gateway is called while a transaction is open: what is to be done
/// is stored first, and what came of it afterwards.
#[derive(Clone)]
pub struct BillingService {
    parts: Arc<BillingParts>,
}

impl fmt::Debug for BillingService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BillingService")
            .field("gateways", &self.parts.gateways)
            .field("policy", &self.parts.policy)
            .finish_non_exhaustive()
    }
}

impl BillingService {
    /// The service over its ports.
    pub fn new(parts: BillingParts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    /// The names of the gateways that take payments here.
    pub fn gateways(&self) -> Vec<GatewayName> {
        self.parts.gateways.iter().map(|gateway| gateway.name()).collect()
    }

    /// What decisions within a transaction need.
    pub fn books(&self) -> Books<'_> {
        Books { ids: &*self.parts.ids, policy: &self.parts.policy }
    }

    /// A timer of one of [`TIMER_KINDS`](crate::TIMER_KINDS) is due. Handling it twice, late or
    /// for nothing changes nothing.
    pub async fn on_timer(&self, kind: &str, subject: &str) -> Result<(), BillingError> {
        let payment = subject.parse::<PaymentId>().ok();
        let subscription = subject.parse::<SubscriptionId>().ok();
        let payout = subject.parse::<PayoutId>().ok();
        let webhook = subject.parse::<WebhookId>().ok();
        match (kind, payment, subscription, payout, webhook) {
            (timer::PAYMENT_INQUIRY, Some(id), ..) => self.inquire(id).await,
            (timer::PAYMENT_OPERATION, Some(id), ..) => self.operate(id).await,
            (timer::PAYMENT_RELEASE, Some(id), ..) => self.mature(id).await,
            (timer::RESERVE_RELEASE, Some(id), ..) => self.give_reserve(id).await,
            (timer::SUBSCRIPTION_DUE, _, Some(id), ..) => self.renew(id).await,
            (timer::PAYOUT_SEND, _, _, Some(id), _) => self.send_payout(id).await,
            (timer::PAYOUT_INQUIRY, _, _, Some(id), _) => self.inquire_payout(id).await,
            (timer::WEBHOOK_APPLY, _, _, _, Some(id)) => self.apply_webhook(id).await,
            _ => Ok(()),
        }
    }

    fn gateway(&self, name: GatewayName) -> Result<&Arc<dyn Gateway>, BillingError> {
        let known = self.parts.gateways.iter().find(|gateway| gateway.name() == name);
        known.ok_or(BillingError::GatewayUnsupported { gateway: name, operation: "pay" })
    }

    fn now(&self) -> DateTime<Utc> {
        self.parts.clock.now()
    }
}

/// Passes if the actor may do this where there is nothing to hide.
fn gate(actor: &Actor, action: Action) -> Result<(), BillingError> {
    decide(actor, action, Relation::Stranger, true)
        .map_err(|denial| BillingError::denied_openly(denial, action))
}

/// Passes if the actor may do this to what is their own.
fn gate_own(actor: &Actor, action: Action) -> Result<kernel::AccountId, BillingError> {
    decide(actor, action, Relation::Owner, true)
        .map_err(|denial| BillingError::denied_openly(denial, action))?;
    actor.account().ok_or(BillingError::Unauthenticated)
}
