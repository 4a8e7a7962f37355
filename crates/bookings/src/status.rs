use chrono::{DateTime, Utc};
use kernel::{Money, Text};

use crate::Side;
use crate::process::Appointment;

/// Why somebody did what they did, in their own words.
pub type Reason = Text<1, 2000>;

/// Where a booking stands. Data that only exists in one state lives in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// The client's money is asked for; the slot is held meanwhile.
    AwaitingPayment {
        /// From then on it expires.
        hold_until: DateTime<Utc>,
    },
    /// The provider, or after an offer the other side, has to answer.
    Requested {
        /// From then on it expires.
        answer_due: DateTime<Utc>,
    },
    /// Agreed; the work has not begun.
    Accepted {
        /// Another time that one side proposes, if any.
        proposal: Option<TimeProposal>,
    },
    /// The provider is at work.
    InProgress {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// The provider says that the work is done; the client has to confirm.
    Done {
        /// Since when.
        since: DateTime<Utc>,
        /// From then on it confirms itself.
        confirm_due: DateTime<Utc>,
    },
    /// A moderator has to decide.
    Disputed {
        /// Since when.
        since: DateTime<Utc>,
        /// From then on it refunds.
        decision_due: DateTime<Utc>,
        /// What the client complains of.
        reason: Reason,
    },
    /// The work is done and paid.
    Completed {
        /// When.
        at: DateTime<Utc>,
        /// By what.
        how: Completion,
        /// What the client got back; `None` if the marketplace held no money.
        refund: Option<Money>,
    },
    /// The provider does not want it.
    Declined {
        /// When.
        at: DateTime<Utc>,
        /// Why, if they said so.
        reason: Option<Reason>,
    },
    /// The client took the request back.
    Withdrawn {
        /// When.
        at: DateTime<Utc>,
    },
    /// Nobody answered, or no money arrived, in time.
    Expired {
        /// When.
        at: DateTime<Utc>,
    },
    /// Agreed, but will not take place.
    Cancelled {
        /// When.
        at: DateTime<Utc>,
        /// By what.
        cause: CancelCause,
        /// Why, if anybody said so.
        reason: Option<Reason>,
        /// What the client got back; `None` if the marketplace held no money.
        refund: Option<Money>,
    },
}

impl Status {
    /// The names of all states, in the order of the docs.
    pub const NAMES: [&'static str; 11] = [
        "awaiting_payment",
        "requested",
        "accepted",
        "in_progress",
        "done",
        "disputed",
        "completed",
        "declined",
        "withdrawn",
        "expired",
        "cancelled",
    ];

    /// Its name on the wire and in the database.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AwaitingPayment { .. } => "awaiting_payment",
            Self::Requested { .. } => "requested",
            Self::Accepted { .. } => "accepted",
            Self::InProgress { .. } => "in_progress",
            Self::Done { .. } => "done",
            Self::Disputed { .. } => "disputed",
            Self::Completed { .. } => "completed",
            Self::Declined { .. } => "declined",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Expired { .. } => "expired",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// Whether nothing can follow.
    pub const fn is_final(&self) -> bool {
        match self {
            Self::AwaitingPayment { .. }
            | Self::Requested { .. }
            | Self::Accepted { .. }
            | Self::InProgress { .. }
            | Self::Done { .. }
            | Self::Disputed { .. } => false,
            Self::Completed { .. }
            | Self::Declined { .. }
            | Self::Withdrawn { .. }
            | Self::Expired { .. }
            | Self::Cancelled { .. } => true,
        }
    }

    /// Whether nobody else can have the slot meanwhile.
    pub const fn holds_slot(&self) -> bool {
        match self {
            Self::AwaitingPayment { .. }
            | Self::Requested { .. }
            | Self::Accepted { .. }
            | Self::InProgress { .. }
            | Self::Done { .. } => true,
            Self::Disputed { .. }
            | Self::Completed { .. }
            | Self::Declined { .. }
            | Self::Withdrawn { .. }
            | Self::Expired { .. }
            | Self::Cancelled { .. } => false,
        }
    }
}

/// Another time for an appointment, proposed by one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeProposal {
    /// Who proposes it.
    pub by: Side,
    /// The time; nothing holds it until the other side accepts.
    pub appointment: Appointment,
    /// When it was proposed.
    pub at: DateTime<Utc>,
}

/// What completed a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Completion {
    /// The client confirmed.
    Confirmed,
    /// The client did not answer in time.
    Automatic,
    /// A moderator decided.
    Resolved,
    /// The client did not come.
    NoShow,
}

impl Completion {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Confirmed, Self::Automatic, Self::Resolved, Self::NoShow];

    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Automatic => "automatic",
            Self::Resolved => "resolved",
            Self::NoShow => "no_show",
        }
    }
}

/// What cancelled a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CancelCause {
    /// The client did.
    Client,
    /// The provider did.
    Provider,
    /// The provider did not come.
    NoShow,
    /// Nothing happened for too long.
    Stale,
    /// A moderator decided.
    Resolved,
    /// No moderator decided in time.
    Undecided,
}

impl CancelCause {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Client, Self::Provider, Self::NoShow, Self::Stale, Self::Resolved, Self::Undecided];

    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Provider => "provider",
            Self::NoShow => "no_show",
            Self::Stale => "stale",
            Self::Resolved => "resolved",
            Self::Undecided => "undecided",
        }
    }
}
