use chrono::{DateTime, Utc};

/// Whose a provider's part of a payment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holding {
    /// Nothing is held: no money came, or the marketplace sold.
    Nothing,
    /// It waits for the delivery.
    Held,
    /// It is delivered; the holding time runs.
    Releasing {
        /// When it is over.
        due: DateTime<Utc>,
    },
    /// A dispute holds it.
    Frozen {
        /// When the holding time would be over, if it ran.
        due: Option<DateTime<Utc>>,
    },
    /// It is the provider's.
    Released {
        /// Since when.
        at: DateTime<Utc>,
    },
}

impl Holding {
    /// The names of all, in the order of the docs.
    pub const NAMES: [&'static str; 5] = ["nothing", "held", "releasing", "frozen", "released"];

    /// Its name in the database.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Held => "held",
            Self::Releasing { .. } => "releasing",
            Self::Frozen { .. } => "frozen",
            Self::Released { .. } => "released",
        }
    }

    /// Whether the provider's part is the provider's.
    pub const fn is_released(&self) -> bool {
        match self {
            Self::Nothing | Self::Held | Self::Releasing { .. } | Self::Frozen { .. } => false,
            Self::Released { .. } => true,
        }
    }
}

/// What is kept back of a released payment, against refunds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reserve {
    /// How much, in minor units of the payment's currency.
    pub amount: i64,
    /// Until when.
    pub until: DateTime<Utc>,
    /// When it was given to the provider, if it was.
    pub released_at: Option<DateTime<Utc>>,
}
