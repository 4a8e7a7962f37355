//! Points in time and dates that somebody gave. RFC 3339 knows the years 0 to 9999; the parser
//! knows more, and the database fewer.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};

const YEARS: std::ops::RangeInclusive<i32> = 0..=9999;

/// A point in time, of a year that RFC 3339 knows. It is described as
/// `value_type = DateTime<Utc>`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment(DateTime<Utc>);

impl From<Moment> for DateTime<Utc> {
    fn from(moment: Moment) -> Self {
        moment.0
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        known(DateTime::deserialize(deserializer)?).map(Self)
    }
}

/// A date, of a year that RFC 3339 knows. It is described as `value_type = NaiveDate`.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Date(NaiveDate);

impl From<NaiveDate> for Date {
    fn from(date: NaiveDate) -> Self {
        Self(date)
    }
}

impl From<Date> for NaiveDate {
    fn from(date: Date) -> Self {
        date.0
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        known(NaiveDate::deserialize(deserializer)?).map(Self)
    }
}

fn known<T: Datelike, E: Error>(when: T) -> Result<T, E> {
    if YEARS.contains(&when.year()) {
        Ok(when)
    } else {
        Err(E::custom("must be of a year from 0 to 9999"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_of_more_than_four_digits_is_refused() {
        for text in ["\"+262142-12-31T23:59:59Z\"", "\"-9999-01-01T00:00:00Z\""] {
            assert!(serde_json::from_str::<DateTime<Utc>>(text).is_ok(), "{text}");
            assert!(serde_json::from_str::<Moment>(text).is_err(), "{text}");
        }
        assert!(serde_json::from_str::<Date>("\"+262142-12-31\"").is_err());
        assert!(serde_json::from_str::<Date>("\"2026-12-31\"").is_ok());
    }
}
