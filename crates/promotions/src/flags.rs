use chrono::{DateTime, Utc};

use crate::{Effect, Period};

/// When something paid for has which effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PaidPeriod {
    /// Which effect.
    pub effect: Effect,
    /// When.
    pub period: Period,
}

/// What a listing or provider has at a moment because somebody paid for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags {
    /// The listing may take its turn before the results of a search.
    pub is_top: bool,
    /// The listing is shown at greater length in lists.
    pub is_detailed: bool,
    /// The provider is marked as a professional.
    pub is_pro: bool,
}

impl Flags {
    /// The flags at a moment, from the paid periods of one target and from nothing else. No flag is
    /// ever stored, so an effect ends at the instant its period does, whether a job ran or not.
    pub fn at(periods: &[PaidPeriod], now: DateTime<Utc>) -> Self {
        let has = |effect: Effect| {
            periods.iter().any(|paid| paid.effect == effect && paid.period.covers(now))
        };
        Self {
            is_top: has(Effect::Top),
            is_detailed: has(Effect::Detailed),
            is_pro: has(Effect::Pro),
        }
    }
}
