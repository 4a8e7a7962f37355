//! What goes over the wire: JSON, amounts in minor units, times in RFC 3339.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// How far a payment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// The payer has to pass 3-D Secure.
    RequiresAction,
    /// Refused.
    Failed,
    /// Reserved.
    Authorized,
    /// Let go.
    Voided,
    /// Taken.
    Captured,
}

/// Why something was refused by the bank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireDecline {
    /// A word: `insufficient_funds`.
    pub reason: String,
    /// Whether trying again is in vain.
    pub hard: bool,
}

/// A card that the sandbox keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireCard {
    /// What charges it.
    pub token: String,
    /// Always `sandbox`.
    pub brand: String,
    /// Four digits.
    pub last_four: String,
    /// Month and year.
    pub expires: String,
}

/// The code of what is asked of a card that there is not: nothing was done, and never will be.
pub const UNKNOWN_CARD: &str = "unknown_card";

/// `POST /v1/payments`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPayment {
    /// The merchant's reference; the payment can be asked for by it.
    pub reference: String,
    /// In minor units.
    pub amount: i64,
    /// ISO 4217, in capital letters.
    pub currency: String,
    /// Whether it is taken at once.
    pub capture: bool,
    /// A test card, or the token of a kept one.
    pub card: String,
    /// Whose card.
    pub account: String,
    /// For the payer's statement.
    pub description: String,
    /// Whether the card is to be kept.
    pub save_card: bool,
    /// Where the bank sends the payer. Unset when the payer is not there.
    pub return_url: Option<String>,
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WirePayment {
    /// The sandbox's id.
    pub id: String,
    /// The merchant's reference.
    pub reference: String,
    /// How far it is.
    pub status: PaymentStatus,
    /// What was asked for.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// What is reserved.
    pub reserved: i64,
    /// What was taken.
    pub captured: i64,
    /// What was given back.
    pub refunded: i64,
    /// What the payer's bank took back.
    pub charged_back: i64,
    /// What of that came back.
    pub reinstated: i64,
    /// Why it failed, if it did.
    pub decline: Option<WireDecline>,
    /// Where the payer has to go.
    pub challenge_url: Option<String>,
    /// The card, if it was kept.
    pub card: Option<WireCard>,
    /// When the reservation ends.
    pub reserved_until: Option<DateTime<Utc>>,
    /// When it came into this state.
    pub at: DateTime<Utc>,
}

/// `POST /v1/payments/{id}/capture`, `/refunds`, `/chargebacks`, `/reinstatements`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amount {
    /// In minor units.
    pub amount: i64,
}

/// `POST /v1/cards`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCard {
    /// A test card.
    pub card: String,
    /// Whose.
    pub account: String,
}

/// The answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardAnswer {
    /// The card, if it was kept.
    pub card: Option<WireCard>,
    /// Why not, if not.
    pub decline: Option<WireDecline>,
}

/// `POST /v1/checkouts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCheckout {
    /// The merchant's reference.
    pub reference: String,
    /// In minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// Whether it is taken at once.
    pub capture: bool,
    /// Who pays.
    pub account: String,
    /// What for.
    pub description: String,
    /// Whether the card is to be kept.
    pub save_card: bool,
    /// Where the payer goes afterwards.
    pub return_url: String,
    /// When the page ends.
    pub expires_at: DateTime<Utc>,
}

/// The answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireCheckout {
    /// Its id.
    pub id: String,
    /// The page.
    pub url: String,
}

/// `POST /v1/payouts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPayout {
    /// The merchant's reference.
    pub reference: String,
    /// In minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// `bank_good`, `bank_slow` or `bank_closed`.
    pub destination: String,
}

/// How far a payout is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayoutStatus {
    /// On its way.
    Pending,
    /// Arrived.
    Paid,
    /// Refused.
    Failed,
}

/// A payout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WirePayout {
    /// The sandbox's id.
    pub id: String,
    /// The merchant's reference.
    pub reference: String,
    /// How far it is.
    pub status: PayoutStatus,
    /// In minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
}

/// The body of a message to the merchant, signed in the header `Sandbox-Signature` as
/// `t=<seconds>,v1=<hex of HMAC-SHA-256 over "t.body">`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireEvent {
    /// Its id.
    pub id: String,
    /// `payment.captured`, `payment.refunded`, `payout.paid`, …
    pub kind: String,
    /// The id of the payment or payout.
    pub object: String,
    /// The merchant's reference.
    pub reference: String,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// `GET` and `PUT /v1/hostility`: how the sandbox misbehaves.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hostility {
    /// Each message comes so many times; 0 counts as 1.
    pub webhook_copies: u8,
    /// Every n-th message is lost; 0 for none.
    pub webhook_lose_every: u32,
    /// Before every n-th message comes one with a false signature; 0 for none.
    pub webhook_forge_every: u32,
    /// Messages wait for so many seconds.
    pub webhook_delay_seconds: u32,
    /// Messages wait for up to so many seconds more, and overtake each other.
    pub webhook_jitter_seconds: u32,
    /// Every n-th call is done and its answer lost; 0 for none.
    pub lose_answer_every: u32,
    /// Every n-th call is done and answered with 500; 0 for none.
    pub fail_after_every: u32,
    /// Every n-th call is not done and answered with 503; 0 for none.
    pub fail_before_every: u32,
    /// Every card asks for 3-D Secure while its owner is there.
    pub always_secure: bool,
}

/// A refusal: the body of every answer that is not 200.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireError {
    /// A stable word.
    pub code: String,
    /// A sentence.
    pub message: String,
}
