use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Money, PaymentId, Text};

use crate::TransactionId;

/// The largest message that is read: 256 kB.
pub const MAX_WEBHOOK_BYTES: usize = 256 * 1024;

/// How far a message's time may be from ours, where the gateway signs one: 5 minutes.
pub const WEBHOOK_TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// A message as it came: nothing of it is believed yet.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// The part of the address after the gateway's name: `pay`, `fail`, `check`, or nothing.
    pub topic: &'a str,
    /// Names in lower case, with values.
    pub headers: &'a [(String, String)],
    /// The body, byte for byte: signatures are over bytes.
    pub body: &'a [u8],
    /// When it came.
    pub now: DateTime<Utc>,
}

impl<'a> Delivery<'a> {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether a signed time is close enough to now, before or after.
    pub fn in_time(&self, signed: DateTime<Utc>) -> bool {
        (self.now - signed).abs() <= WEBHOOK_TOLERANCE
    }
}

/// What a message is about. It says where to look, not what is true: that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A payment: its state, its refunds, its disputes.
    Payment {
        /// Which, if the message carries our reference.
        payment: Option<PaymentId>,
        /// The gateway's transaction.
        transaction: TransactionId,
    },
    /// A subscription that the gateway runs.
    Subscription {
        /// The gateway's name for it.
        reference: Text<1, 255>,
    },
    /// A payout.
    Payout {
        /// The gateway's name for it.
        reference: Text<1, 255>,
    },
    /// Nothing that concerns us.
    Other,
}

impl Subject {
    /// The names of all kinds.
    pub const NAMES: [&'static str; 4] = ["payment", "subscription", "payout", "other"];

    /// Its kind's name in the database.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Payment { .. } => "payment",
            Self::Subscription { .. } => "subscription",
            Self::Payout { .. } => "payout",
            Self::Other => "other",
        }
    }
}

/// A message whose signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedMessage {
    /// What makes it one message: the gateway's event id, or what stands for it, such as kind,
    /// transaction and state.
    pub event_id: Text<1, 255>,
    /// The gateway's word for the kind.
    pub kind: Text<1, 100>,
    /// What it is about.
    pub subject: Subject,
    /// When the gateway says it happened, if it says so.
    pub at: Option<DateTime<Utc>>,
    /// Set if the gateway asks whether it may authorise, and waits.
    pub question: Option<Question>,
}

/// What a gateway asks before it authorises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Our reference, if it carries one that is ours.
    pub payment: Option<PaymentId>,
    /// What it is about to reserve.
    pub amount: Money,
    /// The account it believes to pay, as it stands on the wire.
    pub account: Option<String>,
}

/// Our answer to such a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Go on.
    Accept,
    /// No such payment.
    UnknownPayment,
    /// Not this account's.
    WrongAccount,
    /// Not this amount.
    WrongAmount,
    /// It is too late.
    Expired,
    /// It is paid, failed or let go already.
    Refused,
}

/// What the gateway gets as the answer to its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The status of the HTTP answer.
    pub status: u16,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

/// Why a message is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum WebhookRefusal {
    /// Larger than [`MAX_WEBHOOK_BYTES`].
    #[error("the message is too large")]
    TooLarge,
    /// No signature.
    #[error("the message is not signed")]
    Unsigned,
    /// The signature is of another message or another key.
    #[error("the signature does not hold")]
    WrongSignature,
    /// Signed too long ago, or for the future.
    #[error("the message was signed more than five minutes ago or ahead")]
    OutOfTime,
    /// Signed, but not of a shape that we can read.
    #[error("the message cannot be read")]
    Unreadable,
}
