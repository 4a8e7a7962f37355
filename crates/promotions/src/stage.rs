use chrono::{DateTime, Utc};
use kernel::{Money, PaymentId, Text};

use crate::Period;

/// Why an admin cancelled a promotion; its owner reads it.
pub type Reason = Text<3, 500>;

/// What happened to a promotion so far. Data that only exists in one stage lives in it.
///
/// This is what is stored. Where a promotion stands *now* is [`Status`]: of a paid one the clock
/// alone says whether it is scheduled, active or expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// The money is asked for.
    PendingPayment {
        /// From then on it is cancelled.
        pay_by: DateTime<Utc>,
    },
    /// The money was taken: it has its time.
    Paid {
        /// When.
        at: DateTime<Utc>,
        /// Its time. No two paid promotions of a target with the same effect share a moment.
        period: Period,
        /// What paid for it; `None` if a coupon took off the whole price.
        receipt: Option<Receipt>,
        /// The last thing that people were told about its time.
        told: Option<Notice>,
    },
    /// It has no effect, or none any more.
    Cancelled {
        /// When.
        at: DateTime<Utc>,
        /// By what.
        cause: CancelCause,
        /// Why, if an admin did.
        reason: Option<Reason>,
        /// What goes back to the buyer because of it; nothing if nothing was paid.
        refund: Money,
        /// The time that it was active, if it was.
        ran: Option<Period>,
        /// What paid for it, if it was paid.
        payment: Option<PaymentId>,
    },
}

impl Stage {
    /// The names of all stages, in the order of the docs.
    pub const NAMES: [&'static str; 3] = ["pending_payment", "paid", "cancelled"];

    /// Its name in the database.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PendingPayment { .. } => "pending_payment",
            Self::Paid { .. } => "paid",
            Self::Cancelled { .. } => "cancelled",
        }
    }
}

/// What paid for a promotion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Which payment.
    pub payment: PaymentId,
    /// What of it went back since, without ending the promotion.
    pub returned: Money,
}

/// Where a promotion stands at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// The money is asked for.
    PendingPayment,
    /// Paid; its time has not come.
    Scheduled,
    /// Paid; it has its effect.
    Active,
    /// Paid; its time is over.
    Expired,
    /// Given up, taken back or never paid.
    Cancelled,
}

impl Status {
    /// All of them, in the order of the docs.
    pub const ALL: [Self; 5] =
        [Self::PendingPayment, Self::Scheduled, Self::Active, Self::Expired, Self::Cancelled];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PendingPayment => "pending_payment",
            Self::Scheduled => "scheduled",
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing can follow.
    pub const fn is_final(self) -> bool {
        match self {
            Self::PendingPayment | Self::Scheduled | Self::Active => false,
            Self::Expired | Self::Cancelled => true,
        }
    }
}

impl std::str::FromStr for Status {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        crate::product::named(&Self::ALL, Self::name, name)
    }
}

/// What cancelled a promotion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CancelCause {
    /// Its owner did.
    Owner,
    /// An admin did.
    Admin,
    /// The payment was refused.
    PaymentFailed,
    /// No payment arrived in time.
    Unpaid,
    /// The whole payment was given back elsewhere.
    Refunded,
    /// The payer's bank took the payment back.
    ChargedBack,
}

impl CancelCause {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Owner,
        Self::Admin,
        Self::PaymentFailed,
        Self::Unpaid,
        Self::Refunded,
        Self::ChargedBack,
    ];

    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::PaymentFailed => "payment_failed",
            Self::Unpaid => "unpaid",
            Self::Refunded => "refunded",
            Self::ChargedBack => "charged_back",
        }
    }
}

/// Something that people are told about the time of a paid promotion, in the order in which it
/// happens. Each is told once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Notice {
    /// It is active.
    Started,
    /// It ends in three days.
    ThreeDaysLeft,
    /// It ends in a day.
    OneDayLeft,
    /// It is over.
    Expired,
}

impl Notice {
    /// All of them, in order.
    pub const ALL: [Self; 4] =
        [Self::Started, Self::ThreeDaysLeft, Self::OneDayLeft, Self::Expired];

    /// Its name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::ThreeDaysLeft => "three_days_left",
            Self::OneDayLeft => "one_day_left",
            Self::Expired => "expired",
        }
    }

    /// Days before the end, if it is a reminder.
    pub const fn days_left(self) -> Option<u8> {
        match self {
            Self::ThreeDaysLeft => Some(3),
            Self::OneDayLeft => Some(1),
            Self::Started | Self::Expired => None,
        }
    }
}
