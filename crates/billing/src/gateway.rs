//! The one port behind which every gateway stands.
//!
//! A gateway is told what to do and says what is true; it decides nothing about a payment. What
//! an adapter must keep:
//!
//! - Every call ends within ten seconds, and carries the [`OperationKey`] that it was given.
//! - It never repeats a call by itself unless the gateway surely did not act.
//! - It tells *surely not done* from *unknown* ([`GatewayError`]): a timeout, a broken connection, a
//!   5xx or an answer that cannot be read after the request left is [`GatewayError::Unknown`].
//! - It logs no [`Secret`], and reads messages of the gateway byte for byte.

mod delivery;
mod fact;
mod name;
mod outcome;
mod request;

use std::fmt::Debug;

use async_trait::async_trait;
use kernel::PaymentId;

pub use delivery::{
    Acknowledgement, Delivery, MAX_WEBHOOK_BYTES, Question, SignedMessage, Subject, Verdict,
    WEBHOOK_TOLERANCE, WebhookRefusal,
};
pub use fact::{Decline, FactState, Hardness, PaymentFact, TransactionId};
pub use name::{Capabilities, GatewayName, UnknownGateway};
pub use outcome::{
    ChallengeKind, ChargeOutcome, GatewayError, ObservedCharge, ObservedState, OperationOutcome,
    PayoutOutcome, SaveCardOutcome, SubscriptionSnapshot,
};
pub use request::{
    CaptureMode, CaptureRequest, ChallengeAnswer, ChargeOrder, ChargeRequest, CheckoutRequest,
    Description, HostedCheckout, Instrument, KeptCard, OperationKey, PayerDetails, PayerPresence,
    PayoutRequest, RefundRequest, SaveCardRequest, SavedCardCharge, StatusQuery, VoidRequest,
    parse_reference,
};

#[cfg(doc)]
use crate::Secret;

/// A payment gateway.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Gateway: Debug + Send + Sync {
    /// Which one it is.
    fn name(&self) -> GatewayName;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Charges or authorises by a token or a cryptogram.
    async fn charge(&self, request: &ChargeRequest) -> Result<ChargeOutcome, GatewayError>;

    /// Ends 3-D Secure with what the bank said.
    async fn confirm(&self, answer: &ChallengeAnswer) -> Result<ChargeOutcome, GatewayError>;

    /// Takes what is reserved.
    async fn capture(&self, request: &CaptureRequest) -> Result<OperationOutcome, GatewayError>;

    /// Lets go of what is reserved.
    async fn void(&self, request: &VoidRequest) -> Result<OperationOutcome, GatewayError>;

    /// Gives back.
    async fn refund(&self, request: &RefundRequest) -> Result<OperationOutcome, GatewayError>;

    /// Keeps a card without charging it.
    async fn save_card(&self, request: &SaveCardRequest) -> Result<SaveCardOutcome, GatewayError>;

    /// Charges a kept card, with or without its owner.
    async fn charge_saved(&self, request: &SavedCardCharge) -> Result<ChargeOutcome, GatewayError>;

    /// Makes a page where the payer pays.
    async fn checkout(&self, request: &CheckoutRequest) -> Result<HostedCheckout, GatewayError>;

    /// What is true of a payment; `None` if the gateway never heard of it. It reads only, so that
    /// an error of any kind may be followed by asking again.
    async fn status(&self, query: &StatusQuery) -> Result<Option<PaymentFact>, GatewayError>;

    /// The card that a payment made the gateway keep, with its payer's consent; by default none. It
    /// is asked for when a payment arrives by another way than the answer to its charge: through a
    /// redirect, a page of the gateway, a message. It reads only.
    async fn kept_card(
        &self,
        payment: PaymentId,
        transaction: &TransactionId,
    ) -> Result<Option<KeptCard>, GatewayError> {
        let _ = (payment, transaction);
        Ok(None)
    }

    /// What is true of a subscription that the gateway runs; `None` if it never heard of it.
    async fn subscription(
        &self,
        reference: &str,
    ) -> Result<Option<SubscriptionSnapshot>, GatewayError>;

    /// Tells the gateway that a subscription it runs is to end: with its period, or at once.
    async fn end_subscription(
        &self,
        reference: &str,
        at_once: bool,
        key: &OperationKey,
    ) -> Result<SubscriptionSnapshot, GatewayError>;

    /// Sends money to a provider.
    async fn pay_out(&self, request: &PayoutRequest) -> Result<PayoutOutcome, GatewayError>;

    /// How a payout stands; `None` if the gateway never heard of it.
    async fn payout_status(
        &self,
        request: &PayoutRequest,
    ) -> Result<Option<PayoutOutcome>, GatewayError>;

    /// Verifies and reads a message. Pure: neither network nor clock.
    #[expect(clippy::elidable_lifetime_names, reason = "the mock needs its name")]
    fn verify<'a>(&self, delivery: &Delivery<'a>) -> Result<SignedMessage, WebhookRefusal>;

    /// What the gateway wants to hear when we have a message, or our verdict on its question.
    fn acknowledge(&self, verdict: Option<Verdict>) -> Acknowledgement;
}
