use chrono::{DateTime, Utc};
use kernel::{Money, OfferId, Text};

use crate::Side;

/// What will be done for the price.
pub type Work = Text<1, 5000>;

/// One proposal of price and work. The last one is in force, unless it was withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its id.
    pub id: OfferId,
    /// Its number within the booking, from 1.
    pub number: u16,
    /// Who makes it: the provider (an offer) or the client (a counter-offer).
    pub by: Side,
    /// For how much.
    pub price: Money,
    /// What will be done.
    pub work: Work,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// When it was withdrawn, if it was.
    pub withdrawn_at: Option<DateTime<Utc>>,
}
