use std::str::FromStr;

use chrono::{DateTime, Days, Months, Utc};
use thiserror::Error;

/// What intervals are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IntervalUnit {
    /// Days.
    Day,
    /// Weeks.
    Week,
    /// Calendar months.
    Month,
    /// Calendar years.
    Year,
}

impl IntervalUnit {
    /// All of them, in the order of the docs.
    pub const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Year];

    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

impl FromStr for IntervalUnit {
    type Err = IntervalError;

    fn from_str(name: &str) -> Result<Self, IntervalError> {
        Self::ALL.into_iter().find(|unit| unit.name() == name).ok_or(IntervalError::UnknownUnit)
    }
}

/// How long a period is: so many days, weeks, months or years; at most three years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interval {
    unit: IntervalUnit,
    count: u16,
}

/// Why an interval is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IntervalError {
    /// No such unit.
    #[error("must be one of day, week, month, year")]
    UnknownUnit,
    /// None at all, or more than three years.
    #[error("a period lasts at least a day and at most three years")]
    OutOfRange,
}

impl Interval {
    /// Every month.
    pub const MONTHLY: Self = Self { unit: IntervalUnit::Month, count: 1 };
    /// Every year.
    pub const YEARLY: Self = Self { unit: IntervalUnit::Year, count: 1 };

    /// So many units.
    pub fn new(unit: IntervalUnit, count: u16) -> Result<Self, IntervalError> {
        let most = match unit {
            IntervalUnit::Day => 1095,
            IntervalUnit::Week => 156,
            IntervalUnit::Month => 36,
            IntervalUnit::Year => 3,
        };
        if (1..=most).contains(&count) {
            Ok(Self { unit, count })
        } else {
            Err(IntervalError::OutOfRange)
        }
    }

    /// What it is counted in.
    pub const fn unit(self) -> IntervalUnit {
        self.unit
    }

    /// How many.
    pub const fn count(self) -> u16 {
        self.count
    }

    /// The moment `times` intervals after the anchor: always counted from the anchor, so that the
    /// last day of a month comes back after a shorter one. 31 January, 28 February, 31 March.
    pub fn after(self, anchor: DateTime<Utc>, times: u32) -> DateTime<Utc> {
        let units = u32::from(self.count).saturating_mul(times);
        let moment = match self.unit {
            IntervalUnit::Day => anchor.checked_add_days(Days::new(u64::from(units))),
            IntervalUnit::Week => anchor.checked_add_days(Days::new(u64::from(units) * 7)),
            IntervalUnit::Month => anchor.checked_add_months(Months::new(units)),
            IntervalUnit::Year => anchor.checked_add_months(Months::new(units.saturating_mul(12))),
        };
        moment.unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

/// One period of a subscription: from `start` up to, but not including, `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// From which all periods are counted.
    pub anchor: DateTime<Utc>,
    /// Its number from the anchor, from 0.
    pub index: u32,
    /// How long it is.
    pub interval: Interval,
    /// Its first moment.
    pub start: DateTime<Utc>,
    /// The first moment after it.
    pub end: DateTime<Utc>,
}

impl Period {
    /// The first period from an anchor.
    pub fn first(anchor: DateTime<Utc>, interval: Interval) -> Self {
        Self::numbered(anchor, interval, 0)
    }

    /// A period by its number.
    pub fn numbered(anchor: DateTime<Utc>, interval: Interval, index: u32) -> Self {
        let start = interval.after(anchor, index);
        let end = interval.after(anchor, index.saturating_add(1));
        Self { anchor, index, interval, start, end }
    }

    /// The one after it. With another interval a new count begins where this one ends.
    #[must_use]
    pub fn next(self, interval: Interval) -> Self {
        if interval == self.interval {
            Self::numbered(self.anchor, interval, self.index.saturating_add(1))
        } else {
            Self::first(self.end, interval)
        }
    }

    /// What of a price belongs to the time from `now` on: the rest belongs to the time before, and
    /// the two are the price.
    pub fn unused(&self, price: i64, now: DateTime<Utc>) -> i64 {
        let whole = (self.end - self.start).num_seconds();
        let rest = (self.end - now).num_seconds().clamp(0, whole);
        crate::share::proportion(price, rest, whole)
    }
}
