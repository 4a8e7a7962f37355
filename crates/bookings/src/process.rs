use kernel::{Currency, Money};

use crate::Interval;

/// The most a client wants to spend: a price above nothing.
pub type Budget = Money;

/// A time in the provider's calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appointment {
    /// The time itself.
    pub slot: Interval,
    /// The time with its buffers, which nobody else can have.
    pub busy: Interval,
    /// How many the provider could serve at once when it was booked.
    pub capacity: u32,
}

/// The three processes that share the lifecycle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Process {
    /// Free text; the provider accepts or declines.
    Request {
        /// What the client wants to spend, if they say so.
        budget: Option<Budget>,
    },
    /// Offers and counter-offers until one side accepts the other's.
    Quote {
        /// What the client wants to spend, if they say so.
        budget: Option<Budget>,
    },
    /// A time in the provider's calendar.
    Appointment {
        /// When.
        appointment: Appointment,
    },
}

impl Process {
    /// Which one it is.
    pub const fn kind(&self) -> ProcessKind {
        match self {
            Self::Request { .. } => ProcessKind::Request,
            Self::Quote { .. } => ProcessKind::Quote,
            Self::Appointment { .. } => ProcessKind::Appointment,
        }
    }
}

/// Which process a listing type allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProcessKind {
    /// See [`Process::Request`].
    Request,
    /// See [`Process::Quote`].
    Quote,
    /// See [`Process::Appointment`].
    Appointment,
}

impl ProcessKind {
    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Quote => "quote",
            Self::Appointment => "appointment",
        }
    }
}

/// What a listing costs before anybody talks about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListPrice {
    /// So much, whatever the work.
    Fixed(Money),
    /// So much for each hour of an appointment.
    PerHour(Money),
    /// To be agreed.
    Open,
}

impl ListPrice {
    /// The currency, where there is one.
    pub const fn currency(self) -> Option<Currency> {
        match self {
            Self::Fixed(price) | Self::PerHour(price) => Some(price.currency()),
            Self::Open => None,
        }
    }

    /// The price that is known at submission, rounded down to the minor unit.
    pub fn for_slot(self, slot: Option<Interval>) -> Option<Money> {
        match (self, slot) {
            (Self::Fixed(price), _) => Some(price),
            (Self::PerHour(price), Some(slot)) => price
                .checked_mul(slot.length().num_minutes())
                .ok()
                .map(|total| Money::new(total.minor() / 60, total.currency())),
            (Self::PerHour(_), None) | (Self::Open, _) => None,
        }
    }
}
