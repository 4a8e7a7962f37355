use chrono::{DateTime, Utc};
use kernel::Money;

/// Whether this marketplace takes the client's money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentTerms {
    /// No: the two sides settle it between them.
    NoPayments,
    /// Yes: an appointment with a price is authorised before the provider sees it.
    AuthoriseFirst,
}

/// What the marketplace holds of the client's money for a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Funds {
    /// Nothing, and nothing is asked for.
    NotTaken,
    /// Asked for; not arrived.
    Awaited,
    /// Reserved on the client's card until then.
    Authorised {
        /// When the reservation ends, if it does.
        until: Option<DateTime<Utc>>,
    },
    /// Held by the marketplace.
    Captured,
    /// Given back, paid out, or never had.
    Settled,
}

/// What has to happen to the money because of a transition. Recorded in its transaction, done
/// after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// Reserve it on the client's card.
    Authorise {
        /// How much.
        amount: Money,
        /// What arrives later is given back.
        hold_until: DateTime<Utc>,
    },
    /// Take what is reserved.
    Capture {
        /// How much.
        amount: Money,
    },
    /// Let go of what is or might be reserved.
    Void,
    /// Give back and pay out what is held; together it is the price.
    Settle {
        /// To the client.
        refund: Money,
        /// To the provider, before the marketplace's commission.
        payout: Money,
    },
}
