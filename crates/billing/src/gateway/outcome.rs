use chrono::{DateTime, Utc};
use kernel::{Money, Text};

use crate::{Decline, KeptCard, PaymentFact, Period, Secret, TransactionId};

/// What the payer has to do before the bank agrees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChallengeKind {
    /// Go to an address; it comes back by itself.
    Redirect {
        /// Where.
        url: String,
    },
    /// Post a form to the bank, as 3-D Secure through CloudPayments wants it: `MD`, `PaReq` and
    /// `TermUrl`, where `TermUrl` is our return address.
    Form {
        /// The bank's page (`AcsUrl`).
        action: String,
        /// `MD`.
        md: String,
        /// `PaReq`.
        pa_req: String,
    },
    /// Let the gateway's script do it with this secret.
    Script {
        /// What the script wants.
        client_secret: Secret,
    },
}

impl ChallengeKind {
    /// Its name on the wire and in the database.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Redirect { .. } => "redirect",
            Self::Form { .. } => "form",
            Self::Script { .. } => "script",
        }
    }
}

/// How a charge went, as far as the gateway told. That it did not tell is an error:
/// [`GatewayError::Unknown`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChargeOutcome {
    /// Reserved or taken; the fact says which.
    Approved {
        /// What is now true.
        fact: PaymentFact,
        /// The card, if it was to be kept and was.
        card: Option<KeptCard>,
    },
    /// The payer has to act.
    RequiresAction {
        /// The gateway's transaction.
        transaction: TransactionId,
        /// What to do.
        challenge: ChallengeKind,
    },
    /// Refused.
    Declined {
        /// The gateway's transaction, if it made one.
        transaction: Option<TransactionId>,
        /// Why.
        decline: Decline,
    },
    /// On its way; the gateway will tell, or be asked.
    Pending {
        /// The gateway's transaction, if it made one.
        transaction: Option<TransactionId>,
    },
}

/// How a capture, a void or a refund went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationOutcome {
    /// Done. An adapter whose gateway says no more than that asks for the status and gives that.
    Done(PaymentFact),
    /// On its way; the gateway will tell, or be asked.
    Pending,
    /// Refused: nothing was done.
    Declined(Decline),
}

/// How keeping a card went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaveCardOutcome {
    /// Kept.
    Saved(KeptCard),
    /// The payer has to act; a message will tell that the card is kept.
    RequiresAction(ChallengeKind),
    /// Refused.
    Declined(Decline),
}

/// How a payout went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayoutOutcome {
    /// The money arrived, or will without fail.
    Paid {
        /// The gateway's name for it.
        reference: Text<1, 255>,
    },
    /// On its way.
    Pending {
        /// The gateway's name for it.
        reference: Text<1, 255>,
    },
    /// Refused: the money is still here.
    Declined(Decline),
}

/// How a subscription stands that a gateway runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObservedState {
    /// Its first payment has not arrived.
    Incomplete,
    /// On trial.
    Trialing {
        /// Until then.
        until: DateTime<Utc>,
    },
    /// Paid.
    Active {
        /// The paid period.
        period: Period,
        /// Whether it ends with it.
        ends: bool,
    },
    /// A renewal failed.
    PastDue {
        /// The period that is not paid.
        period: Period,
    },
    /// Its trial ended without a card.
    Paused,
    /// Over, but for what is paid.
    Canceled {
        /// Paid until then.
        until: DateTime<Utc>,
    },
    /// Over.
    Expired,
}

/// A charge that a gateway made for a subscription that it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedCharge {
    /// The gateway's transaction.
    pub transaction: TransactionId,
    /// How much was taken.
    pub amount: Money,
    /// When.
    pub at: DateTime<Utc>,
}

/// What a gateway says of a subscription that it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionSnapshot {
    /// The gateway's name for it.
    pub reference: Text<1, 255>,
    /// Grows with every change; what is older than what we know is ignored. A gateway without
    /// versions gives the time of its last change in microseconds.
    pub version: u64,
    /// How it stands.
    pub state: ObservedState,
    /// Its newest charges that were paid: each becomes one payment and one invoice, once.
    pub charges: Vec<ObservedCharge>,
}

/// Why a call to a gateway brought no outcome.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// Surely nothing was done: the connection was refused, the gateway turned us away (429),
    /// our circuit breaker is open. The same call may be repeated.
    #[error("the gateway was not reached")]
    NotDone {
        /// When trying again makes sense, in seconds.
        retry_after_seconds: Option<u32>,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It may have been done: a timeout, a broken connection, a 5xx, an answer that makes no
    /// sense. Nothing may be repeated or given up before the gateway was asked.
    #[error("the gateway was called, but what it did is unknown")]
    Unknown {
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Surely nothing was done, and repeating it changes nothing: our credentials or our request
    /// are wrong.
    #[error("the gateway refused the call: {message}")]
    Refused {
        /// What it said.
        message: String,
    },
    /// This gateway has no such operation: see [`Capabilities`](crate::Capabilities).
    #[error("this gateway cannot {operation}")]
    Unsupported {
        /// What was asked for.
        operation: &'static str,
    },
}

impl GatewayError {
    /// Whether it is sure that nothing was done.
    pub const fn nothing_done(&self) -> bool {
        match self {
            Self::NotDone { .. } | Self::Refused { .. } | Self::Unsupported { .. } => true,
            Self::Unknown { .. } => false,
        }
    }
}
