use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Money, MoneyError};

/// A span of time with a start and, after it, an end that no longer belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Period {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

impl Period {
    /// The span between two moments; `None` unless the end comes after the start.
    pub fn new(start: DateTime<Utc>, end: DateTime<Utc>) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    /// The span of `length` at or after `wanted` that overlaps none of `taken` and starts as early
    /// as possible. So whoever buys again while a promotion runs gets the time after its end, and
    /// nobody pays twice for the same moment. It is never split.
    ///
    /// `None` if `length` is not positive, or beyond the calendar.
    pub fn first_free(wanted: DateTime<Utc>, length: TimeDelta, taken: &[Self]) -> Option<Self> {
        let mut taken = taken.to_vec();
        taken.sort_unstable();
        let mut free = Self::new(wanted, wanted.checked_add_signed(length)?)?;
        for other in taken {
            if free.overlaps(other) {
                free = Self { start: other.end, end: other.end.checked_add_signed(length)? };
            }
        }
        Some(free)
    }

    /// The first moment.
    pub const fn start(self) -> DateTime<Utc> {
        self.start
    }

    /// The moment after the last.
    pub const fn end(self) -> DateTime<Utc> {
        self.end
    }

    /// How long it is.
    pub fn length(self) -> TimeDelta {
        self.end - self.start
    }

    /// Whether the moment belongs to it.
    pub fn covers(self, at: DateTime<Utc>) -> bool {
        self.start <= at && at < self.end
    }

    /// Whether the two share a moment.
    pub fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// The part that is over at a moment; `None` if it has not begun.
    #[must_use]
    pub fn until(self, at: DateTime<Utc>) -> Option<Self> {
        Self::new(self.start, self.end.min(at))
    }

    /// The share of a price for the time that is left at a moment, to the microsecond, in whole
    /// minor units, rounded down: all of it before the start, nothing from the end on.
    ///
    /// # Errors
    ///
    /// [`MoneyError::Overflow`] if the price is far beyond [`Money::MAX_PRICE`].
    pub fn unused_share(self, price: Money, at: DateTime<Utc>) -> Result<Money, MoneyError> {
        let micros =
            |span: TimeDelta| span.num_microseconds().map(i128::from).ok_or(MoneyError::Overflow);
        let whole = micros(self.length())?;
        let left = micros(self.end - at)?.clamp(0, whole);
        let share = i128::from(price.minor())
            .checked_mul(left)
            .and_then(|weighted| weighted.checked_div(whole))
            .ok_or(MoneyError::Overflow)?;
        let minor = i64::try_from(share).map_err(|_| MoneyError::Overflow)?;
        Ok(Money::new(minor, price.currency()))
    }
}

#[cfg(test)]
mod tests {
    use kernel::Currency;
    use proptest::prelude::*;

    use super::*;

    fn hour(n: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(n * 3_600, 0).unwrap()
    }

    fn spans() -> impl Strategy<Value = Vec<Period>> {
        let span = (0i64..300, 1i64..60)
            .prop_map(|(start, length)| Period::new(hour(start), hour(start + length)).unwrap());
        prop::collection::vec(span, 0..10)
    }

    proptest! {
        #[test]
        fn a_free_span_overlaps_nothing_and_no_earlier_one_would(
            taken in spans(), wanted in 0i64..300, length in 1i64..60,
        ) {
            let free = Period::first_free(hour(wanted), TimeDelta::hours(length), &taken).unwrap();

            prop_assert_eq!(free.length(), TimeDelta::hours(length));
            prop_assert!(free.start() >= hour(wanted));
            prop_assert!(taken.iter().all(|other| !free.overlaps(*other)));
            for start in wanted..(free.start() - hour(0)).num_hours() {
                let earlier = Period::new(hour(start), hour(start + length)).unwrap();
                prop_assert!(taken.iter().any(|other| earlier.overlaps(*other)), "{start}");
            }
        }

        #[test]
        fn what_is_unused_falls_from_all_to_nothing(
            price in 0..=Money::MAX_PRICE, days in 1i64..400, first in -100i64..10_000, later in 0i64..10_000,
        ) {
            let period = Period::new(hour(0), hour(days * 24)).unwrap();
            let price = Money::new(price, Currency::EUR);
            let unused = |at| period.unused_share(price, hour(at)).unwrap().minor();

            prop_assert!((0..=price.minor()).contains(&unused(first)));
            prop_assert!(unused(first) >= unused(first + later));
            prop_assert_eq!(unused(-1), price.minor());
            prop_assert_eq!(unused(days * 24), 0);
        }
    }

    #[test]
    fn an_end_belongs_to_what_follows() {
        let first = Period::new(hour(0), hour(1)).unwrap();
        let second = Period::new(hour(1), hour(2)).unwrap();

        assert!(!first.overlaps(second));
        assert!(!first.covers(hour(1)) && second.covers(hour(1)));
        assert_eq!(Period::new(hour(1), hour(1)), None);
        assert_eq!(first.until(hour(0)), None);
    }
}
