use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which gateway. Its name is in the database, in the address of its webhooks and in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GatewayName {
    /// Stripe.
    Stripe,
    /// CloudPayments.
    CloudPayments,
    /// The embedded gateway for development and tests.
    Sandbox,
    /// Bank transfers that people confirm.
    Manual,
}

impl GatewayName {
    /// All of them, in the order of the docs.
    pub const ALL: [Self; 4] = [Self::Stripe, Self::CloudPayments, Self::Sandbox, Self::Manual];

    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::CloudPayments => "cloudpayments",
            Self::Sandbox => "sandbox",
            Self::Manual => "manual",
        }
    }
}

impl fmt::Display for GatewayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of stripe, cloudpayments, sandbox, manual")]
pub struct UnknownGateway;

impl FromStr for GatewayName {
    type Err = UnknownGateway;

    fn from_str(name: &str) -> Result<Self, UnknownGateway> {
        Self::ALL.into_iter().find(|gateway| gateway.name() == name).ok_or(UnknownGateway)
    }
}

/// What a gateway can do. What it cannot is refused before anything is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a list of independent abilities")]
pub struct Capabilities {
    /// Reserving money first and taking it later.
    pub authorise: bool,
    /// Taking less than what was reserved.
    pub partial_capture: bool,
    /// Giving back a part.
    pub partial_refund: bool,
    /// Keeping a card and charging it without its owner.
    pub saved_cards: bool,
    /// A page of the gateway where people pay.
    pub hosted_checkout: bool,
    /// Card data encrypted by its script in the app, as CloudPayments does.
    pub cryptograms: bool,
    /// Asking us before it authorises; no answer is a refusal.
    pub asks_first: bool,
    /// Running subscriptions by itself.
    pub subscriptions: bool,
    /// Sending money to providers.
    pub payouts: bool,
    /// Hours in which a repeated call with the same key is recognised. Later the outcome is
    /// asked for, never the call repeated.
    pub idempotency_hours: u16,
    /// Days for which money stays reserved.
    pub hold_days: u16,
}
