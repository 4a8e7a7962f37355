use chrono::{DateTime, TimeDelta, Utc};
use kernel::Money;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// One step of a cancellation policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// Holds from so many hours before the slot on back, 0 to 8760.
    pub hours_before: u32,
    /// The share of the price that the client gets back, 0 to 100.
    pub refund_percent: u8,
}

/// What a client gets back who cancels: the later, the less. Later than the last tier it is
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Tier>", into = "Vec<Tier>")]
pub struct CancellationPolicy {
    /// From the earliest to the latest.
    tiers: Vec<Tier>,
}

/// Why tiers are not a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CancellationPolicyError {
    /// More than ten tiers.
    #[error("must hold at most 10 tiers")]
    TooMany,
    /// More than a year, or above a hundred percent.
    #[error("must lie within 0 to 8760 hours and 0 to 100 percent")]
    OutOfRange,
    /// Two tiers for the same hour, or one that gives more for less notice.
    #[error("must give less for less notice, with one tier for an hour")]
    NotFalling,
}

impl CancellationPolicyError {
    /// A stable code for a field error.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooMany => "too_many",
            Self::OutOfRange => "out_of_range",
            Self::NotFalling => "not_falling",
        }
    }
}

impl CancellationPolicy {
    /// Checks tiers, in any order.
    pub fn new(mut tiers: Vec<Tier>) -> Result<Self, CancellationPolicyError> {
        if tiers.len() > 10 {
            return Err(CancellationPolicyError::TooMany);
        }
        if tiers.iter().any(|tier| tier.hours_before > 8760 || tier.refund_percent > 100) {
            return Err(CancellationPolicyError::OutOfRange);
        }
        tiers.sort_unstable_by_key(|tier| std::cmp::Reverse(tier.hours_before));
        let falls = |pair: &[Tier]| match pair {
            [earlier, later] => {
                earlier.hours_before > later.hours_before
                    && earlier.refund_percent >= later.refund_percent
            }
            _ => true,
        };
        if tiers.windows(2).all(falls) {
            Ok(Self { tiers })
        } else {
            Err(CancellationPolicyError::NotFalling)
        }
    }

    /// The tiers, from the earliest to the latest.
    pub fn tiers(&self) -> &[Tier] {
        &self.tiers
    }

    /// The share of the price that comes back so long before the slot; negative after its start.
    pub fn refund_percent(&self, before: TimeDelta) -> u8 {
        self.tiers
            .iter()
            .find(|tier| before >= TimeDelta::hours(i64::from(tier.hours_before)))
            .map_or(0, |tier| tier.refund_percent)
    }

    /// When the share falls next for a slot that starts at `start`; `None` once it cannot.
    pub fn next_fall(&self, start: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let percent = self.refund_percent(start - now);
        self.tiers.iter().map(|tier| start - TimeDelta::hours(i64::from(tier.hours_before))).find(
            |end| {
                // A tier holds at its last moment still.
                let after = *end + TimeDelta::microseconds(1);
                after > now && self.refund_percent(start - after) < percent
            },
        )
    }
}

impl Default for CancellationPolicy {
    /// Everything until two days before, half of it until one day before.
    fn default() -> Self {
        Self {
            tiers: vec![
                Tier { hours_before: 48, refund_percent: 100 },
                Tier { hours_before: 24, refund_percent: 50 },
            ],
        }
    }
}

impl TryFrom<Vec<Tier>> for CancellationPolicy {
    type Error = CancellationPolicyError;

    fn try_from(tiers: Vec<Tier>) -> Result<Self, Self::Error> {
        Self::new(tiers)
    }
}

impl From<CancellationPolicy> for Vec<Tier> {
    fn from(policy: CancellationPolicy) -> Self {
        policy.tiers
    }
}

/// What a cancellation would do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CancellationQuote {
    /// The share of the price that the client gets back.
    pub refund_percent: u8,
    /// That share; `None` if the booking has no price.
    pub refund: Option<Money>,
    /// What the provider keeps; `None` if the booking has no price.
    pub kept: Option<Money>,
    /// Whether the marketplace holds the money and pays it back itself. Else the two sides
    /// settle it between them.
    pub held: bool,
    /// When the client's share falls next.
    pub falls_at: Option<DateTime<Utc>>,
}

/// A percentage of a price, rounded down.
pub(crate) fn percentage(price: Money, percent: u8) -> Money {
    price
        .share(u32::from(percent.min(100)) * 100)
        .expect("a share of an amount is not larger than the amount")
}
