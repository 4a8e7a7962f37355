use std::net::IpAddr;

use chrono::{DateTime, Utc};
use kernel::{AccountId, Currency, Locale, Money, PaymentId, PayoutId, SubscriptionId, Text};

use crate::{RefundId, Secret, TransactionId};

/// What stands on the payer's statement or invoice: 1 to 200 characters.
pub type Description = Text<1, 200>;

/// The key that makes a repeated call one call: made of the payment, the attempt and the
/// operation, so that a crash and a retry cannot choose another. At most 120 visible ASCII
/// characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OperationKey(String);

impl OperationKey {
    /// The key of an operation on a payment.
    pub fn of_payment(payment: PaymentId, attempt: u16, operation: &str) -> Self {
        Self(format!("{payment}:{attempt}:{operation}"))
    }

    /// The key of a refund of a payment.
    pub fn of_refund(payment: PaymentId, refund: RefundId, attempt: u16) -> Self {
        Self(format!("{payment}:{refund}:{attempt}:refund"))
    }

    /// The key of a payout.
    pub fn of_payout(payout: PayoutId, attempt: u16) -> Self {
        Self(format!("{payout}:{attempt}:payout"))
    }

    /// The key of an order to end a subscription that a gateway runs; `version` is ours.
    pub fn of_subscription(subscription: SubscriptionId, version: i32) -> Self {
        Self(format!("{subscription}:{version}:end"))
    }

    /// The key of saving a card for an account.
    pub fn of_card(account: AccountId, card: crate::CardId) -> Self {
        Self(format!("{account}:{card}:save"))
    }

    /// The key as the gateway gets it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether money is taken at once or reserved first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CaptureMode {
    /// Taken at once.
    AtOnce,
    /// Reserved, and taken or let go later.
    Later,
}

impl CaptureMode {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::AtOnce, Self::Later];

    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AtOnce => "at_once",
            Self::Later => "later",
        }
    }
}

/// What the payer pays with. Card numbers never come here: an app gets a token or a cryptogram
/// from the gateway's own script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instrument {
    /// A gateway's token for a card, made in the app.
    Token(Secret),
    /// Card data that only the gateway can read, made in the app and good for one call.
    Cryptogram {
        /// The packet.
        packet: Secret,
        /// The name on the card, where the gateway wants it.
        cardholder: Option<String>,
    },
}

/// Who pays, as far as gateways ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayerDetails {
    /// The account.
    pub account: AccountId,
    /// The address the request came from; some gateways refuse without one.
    pub address: Option<IpAddr>,
    /// The language of the gateway's pages.
    pub locale: Locale,
}

/// What every charge says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeOrder {
    /// The payment; also what the gateway keeps as our reference.
    pub payment: PaymentId,
    /// The attempt, from 1: part of the reference for gateways that want a new one for each.
    pub attempt: u16,
    /// Makes a repeated call one call.
    pub key: OperationKey,
    /// How much.
    pub amount: Money,
    /// Whether it is taken at once.
    pub capture: CaptureMode,
    /// For the payer's statement.
    pub description: Description,
}

/// Charge or authorise by what the payer has at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeRequest {
    /// What to charge.
    pub order: ChargeOrder,
    /// Who pays.
    pub payer: PayerDetails,
    /// With what.
    pub instrument: Instrument,
    /// Where the bank sends the payer after 3-D Secure: a page of this API with the one-time
    /// token in it. A secret until it was used.
    pub return_url: Secret,
    /// Whether the card is to be kept, with the payer's consent.
    pub save_card: bool,
}

/// Charge a kept card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedCardCharge {
    /// What to charge.
    pub order: ChargeOrder,
    /// Whose card.
    pub account: AccountId,
    /// The gateway's token.
    pub token: Secret,
    /// Set if the owner is present and can pass 3-D Secure; unset for a renewal.
    pub present: Option<PayerPresence>,
}

/// A payer who is there while a kept card is charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayerPresence {
    /// Who pays.
    pub payer: PayerDetails,
    /// Where the bank sends the payer after 3-D Secure.
    pub return_url: Secret,
}

/// What the bank gave the payer's browser to bring back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChallengeAnswer {
    /// The payment.
    pub payment: PaymentId,
    /// The gateway's transaction.
    pub transaction: TransactionId,
    /// Makes a repeated call one call.
    pub key: OperationKey,
    /// The bank's answer (`PaRes`), where the gateway wants it.
    pub response: Option<Secret>,
}

/// Take what is reserved, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureRequest {
    /// The payment.
    pub payment: PaymentId,
    /// The gateway's transaction.
    pub transaction: TransactionId,
    /// Makes a repeated call one call.
    pub key: OperationKey,
    /// How much; at most what is reserved.
    pub amount: Money,
}

/// Let go of what is reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoidRequest {
    /// The payment.
    pub payment: PaymentId,
    /// The gateway's transaction.
    pub transaction: TransactionId,
    /// Makes a repeated call one call.
    pub key: OperationKey,
    /// What was reserved.
    pub amount: Money,
}

/// Give back, all or a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundRequest {
    /// The payment.
    pub payment: PaymentId,
    /// The gateway's transaction.
    pub transaction: TransactionId,
    /// The refund.
    pub refund: RefundId,
    /// Makes a repeated call one call.
    pub key: OperationKey,
    /// How much.
    pub amount: Money,
    /// What was given back before, by what we know.
    pub refunded_before: Money,
}

/// Keep a card without charging it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaveCardRequest {
    /// Whose.
    pub payer: PayerDetails,
    /// Makes a repeated call one call.
    pub key: OperationKey,
    /// The card.
    pub instrument: Instrument,
    /// What it will be charged in.
    pub currency: Currency,
}

/// A card that a gateway keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCard {
    /// What charges it.
    pub token: Secret,
    /// `visa`, `mir`, …
    pub brand: String,
    /// The last four digits, as text: zeros lead.
    pub last_four: String,
    /// Month and year of its end: `12/29`.
    pub expires: Option<String>,
}

/// A page of the gateway where the payer pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutRequest {
    /// What to charge.
    pub order: ChargeOrder,
    /// Who pays.
    pub payer: PayerDetails,
    /// Where the gateway sends the payer afterwards; coming back proves nothing.
    pub return_url: String,
    /// Whether the card is to be kept.
    pub save_card: bool,
    /// When the page ends.
    pub expires_at: DateTime<Utc>,
}

/// The page that the gateway made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostedCheckout {
    /// Where to send the payer.
    pub url: String,
    /// The gateway's transaction, if there is one before somebody pays.
    pub transaction: Option<TransactionId>,
}

/// Which payment to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusQuery {
    /// The payment, by our reference.
    pub payment: PaymentId,
    /// The last attempt, from 1.
    pub attempt: u16,
    /// The gateway's transaction, if it ever told us.
    pub transaction: Option<TransactionId>,
    /// What it is over.
    pub amount: Money,
}

/// Send money to a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayoutRequest {
    /// The payout.
    pub payout: PayoutId,
    /// Makes a repeated call one call.
    pub key: OperationKey,
    /// How much.
    pub amount: Money,
    /// Where to: the gateway's name for the provider's account, card or bank details.
    pub destination: Secret,
}

impl ChargeOrder {
    /// The reference for gateways that want a new one for every attempt: `pay_….2`.
    pub fn reference(&self) -> String {
        attempt_reference(self.payment, self.attempt)
    }
}

impl StatusQuery {
    /// The reference under which the last attempt was sent.
    pub fn reference(&self) -> String {
        attempt_reference(self.payment, self.attempt)
    }
}

fn attempt_reference(payment: PaymentId, attempt: u16) -> String {
    format!("{payment}.{attempt}")
}

/// The payment and the attempt behind a reference that a gateway sends back.
pub fn parse_reference(reference: &str) -> Option<(PaymentId, u16)> {
    let (payment, attempt) = reference.split_once('.').unwrap_or((reference, "1"));
    Some((payment.parse().ok()?, attempt.parse().ok()?))
}
