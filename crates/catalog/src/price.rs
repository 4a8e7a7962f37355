use chrono::{DateTime, TimeDelta, Utc};
use kernel::{AccountId, ListingId, Money};

use crate::ListingType;

/// Why a price changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PriceReason {
    /// Somebody changed it.
    Manual,
    /// It followed demand.
    Dynamic,
    /// It was brought in with others.
    Import,
}

impl PriceReason {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Manual, Self::Dynamic, Self::Import];

    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Dynamic => "dynamic",
            Self::Import => "import",
        }
    }
}

/// One line of the price history. Every change of a price writes one, in the same transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceChange {
    /// Whose price.
    pub listing: ListingId,
    /// What it was; `None` if there was none.
    pub old: Option<Money>,
    /// What it is from now on.
    pub new: Option<Money>,
    /// Why.
    pub reason: PriceReason,
    /// Who; `None` for the marketplace.
    pub actor: Option<AccountId>,
    /// When.
    pub at: DateTime<Utc>,
}

/// How long the history is public.
pub const PUBLIC_PRICE_HISTORY: TimeDelta = TimeDelta::days(90);
/// How long before a reduction the law looks back.
pub const REFERENCE_PERIOD: TimeDelta = TimeDelta::days(30);

/// The lowest price within the 30 days before the last reduction, else before now: what EU law
/// (directive 98/6/EC, article 6a) wants to be shown beside a discount.
///
/// `history` holds the changes of at least the last 120 days, newest first; `current` is the price
/// now. Prices in other currencies than the current one do not count.
pub fn lowest_30d(
    current: Option<Money>,
    history: &[PriceChange],
    now: DateTime<Utc>,
) -> Option<Money> {
    let current = current?;
    let comparable = |price: Option<Money>| price.filter(|p| p.currency() == current.currency());
    let last = history.first();
    let lowered = last.is_some_and(|change| {
        comparable(change.old).is_some_and(|old| current.minor() < old.minor())
    });
    let before = match last {
        Some(change) if lowered => change.at,
        Some(_) | None => now,
    };
    let since = before - REFERENCE_PERIOD;

    // Each price was in effect from its change to the next one.
    let mut until = now;
    let mut lowest = None;
    let mut take = |price: Option<Money>, from: DateTime<Utc>, until: DateTime<Utc>| {
        if from < before
            && until > since
            && let Some(price) = comparable(price)
        {
            lowest = Some(lowest.map_or(price.minor(), |l: i64| l.min(price.minor())));
        }
    };
    for change in history {
        take(change.new, change.at, until);
        until = change.at;
    }
    let first = history.last().map_or(Some(current), |change| change.old);
    take(first, DateTime::<Utc>::MIN_UTC, until);
    lowest.map(|minor| Money::new(minor, current.currency()))
}

/// Whether a price moves so little that it needs no moderator.
pub(crate) fn is_small_change(old: Option<Money>, new: Option<Money>) -> bool {
    let (Some(old), Some(new)) = (old, new) else { return false };
    if old.currency() != new.currency() {
        return false;
    }
    let step = i128::from(new.minor()).abs_diff(i128::from(old.minor()));
    let most =
        u128::from(old.minor().unsigned_abs()) * u128::from(ListingType::HARMLESS_PRICE_CHANGE);
    step * 10_000 <= most
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, SystemIds};

    use super::*;

    const NOW: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).expect("a valid time");

    #[expect(clippy::unnecessary_wraps, reason = "prices are optional")]
    fn eur(minor: i64) -> Option<Money> {
        Some(Money::new(minor, Currency::EUR))
    }

    /// Newest first: so many days ago, to this price.
    fn history(changes: &[(i64, i64)]) -> Vec<PriceChange> {
        let listing = ListingId::next(&SystemIds);
        let olds = changes.iter().skip(1).map(|(_, minor)| eur(*minor)).chain([None]);
        changes
            .iter()
            .zip(olds)
            .map(|((days, minor), old)| PriceChange {
                listing,
                old,
                new: eur(*minor),
                reason: PriceReason::Manual,
                actor: None,
                at: NOW - TimeDelta::days(*days),
            })
            .collect()
    }

    #[test]
    fn a_reduction_is_measured_against_the_month_before_it() {
        let raised_before_the_sale = history(&[(1, 900), (10, 1500), (60, 1000)]);

        assert_eq!(lowest_30d(eur(900), &raised_before_the_sale, NOW), eur(1000));
    }

    #[test]
    fn a_price_that_ended_earlier_does_not_count() {
        let once_cheap = history(&[(5, 900), (50, 1500), (60, 100)]);

        assert_eq!(lowest_30d(eur(900), &once_cheap, NOW), eur(1500));
    }

    #[test]
    fn without_a_reduction_the_last_month_counts() {
        assert_eq!(lowest_30d(eur(1500), &history(&[(10, 1500), (60, 1000)]), NOW), eur(1000));
        assert_eq!(lowest_30d(eur(1500), &history(&[(60, 1500)]), NOW), eur(1500));
        assert_eq!(lowest_30d(eur(1500), &[], NOW), eur(1500));
        assert_eq!(lowest_30d(None, &history(&[(60, 1500)]), NOW), None);
    }

    #[test]
    fn up_to_a_fifth_is_small() {
        assert!(is_small_change(eur(1000), eur(1200)));
        assert!(is_small_change(eur(1000), eur(800)));
        assert!(!is_small_change(eur(1000), eur(1201)));
        assert!(!is_small_change(eur(0), eur(1)));
        assert!(!is_small_change(None, eur(1)));
    }
}
