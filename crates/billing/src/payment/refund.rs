use chrono::{DateTime, Utc};
use kernel::{AccountId, Text};

use crate::Decline;

kernel::id! {
    /// Money that goes back to a payer.
    pub struct RefundId("rfd");
}

/// Why somebody asked for it, in their own words.
pub type Reason = Text<1, 2000>;

/// How far a refund is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundState {
    /// It waits for its turn: one operation at a time is with the gateway.
    Requested,
    /// The gateway was told; perhaps it heard.
    Sent,
    /// The payer has the money.
    Succeeded {
        /// When we learned of it.
        at: DateTime<Utc>,
    },
    /// The gateway refused.
    Failed {
        /// When.
        at: DateTime<Utc>,
        /// Why.
        decline: Decline,
    },
}

impl RefundState {
    /// The names of all states, in the order of the docs.
    pub const NAMES: [&'static str; 4] = ["requested", "sent", "succeeded", "failed"];

    /// Its name on the wire and in the database.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Sent => "sent",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
        }
    }

    /// Whether the money may still go back.
    pub const fn is_open(&self) -> bool {
        match self {
            Self::Requested | Self::Sent => true,
            Self::Succeeded { .. } | Self::Failed { .. } => false,
        }
    }
}

/// Money that somebody asked to give back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// Its id.
    pub id: RefundId,
    /// How much, in minor units of the payment's currency: what was asked for, less what the payer's
    /// bank took back before it was done.
    pub amount: i64,
    /// Why.
    pub reason: Reason,
    /// Who asked; `None` for the marketplace itself.
    pub by: Option<AccountId>,
    /// When.
    pub at: DateTime<Utc>,
    /// How far it is.
    pub state: RefundState,
}
