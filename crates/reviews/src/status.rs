use access::Relation;
use chrono::{DateTime, Utc};

use crate::{Criteria, Reason, ReplyText, ReviewText, Stars};

/// Which side of the booking wrote the review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The client, about the provider and the listing: it counts in their ratings.
    Client,
    /// The provider, about the client.
    Provider,
}

impl Side {
    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Provider => "provider",
        }
    }

    /// How the author stands to the booking.
    pub(crate) const fn relation(self) -> Relation {
        match self {
            Self::Client => Relation::ClientSide,
            Self::Provider => Relation::ProviderSide,
        }
    }
}

/// Where a review stands. Data that only exists in one state lives in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Written, not yet submitted.
    Draft,
    /// Submitted; its author must confirm it.
    PendingConfirmation {
        /// Discarded after this.
        confirm_by: DateTime<Utc>,
    },
    /// Confirmed; a moderator must look at it.
    PendingModeration {
        /// When its author confirmed it.
        confirmed_at: DateTime<Utc>,
    },
    /// Waits for the other side's review, or for the end of the window.
    Held {
        /// When its author confirmed it.
        confirmed_at: DateTime<Utc>,
    },
    /// Everyone can read it.
    Published {
        /// When its author confirmed it.
        confirmed_at: DateTime<Utc>,
        /// Since when everyone can read it.
        at: DateTime<Utc>,
    },
    /// A moderator hid it.
    Hidden {
        /// When its author confirmed it.
        confirmed_at: DateTime<Utc>,
        /// Since when it had been shown, if it had.
        published_at: Option<DateTime<Utc>>,
        /// When it was hidden.
        at: DateTime<Utc>,
        /// Why; its author reads it.
        reason: Reason,
    },
    /// Not confirmed in time.
    Discarded {
        /// When.
        at: DateTime<Utc>,
    },
}

impl Status {
    /// The names of all states.
    pub const NAMES: [&'static str; 7] = [
        "draft",
        "pending_confirmation",
        "pending_moderation",
        "held",
        "published",
        "hidden",
        "discarded",
    ];

    /// Its name on the wire and in the database.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::PendingConfirmation { .. } => "pending_confirmation",
            Self::PendingModeration { .. } => "pending_moderation",
            Self::Held { .. } => "held",
            Self::Published { .. } => "published",
            Self::Hidden { .. } => "hidden",
            Self::Discarded { .. } => "discarded",
        }
    }
}

/// How far the other side's review of the same booking is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counterpart {
    /// There is none, or it is not confirmed and approved.
    Missing,
    /// It is in, and waits for this one.
    In,
    /// It is shown, or was.
    Shown,
}

/// What the reviewed side answers, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The answer.
    pub text: ReplyText,
    /// When.
    pub at: DateTime<Utc>,
}

/// What its author changes in a review; what is `None` stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edit {
    /// Another number of stars.
    pub stars: Option<Stars>,
    /// Another text.
    pub text: Option<ReviewText>,
    /// Other stars per criterion, as a whole.
    pub criteria: Option<Criteria>,
}
