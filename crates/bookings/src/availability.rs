use std::fmt;
use std::str::FromStr;

use chrono::{NaiveDate, TimeDelta, Weekday};
use chrono_tz::Tz;
use kernel::{FieldErrors, ListingId, ProviderId};
use thiserror::Error;

use crate::CancellationPolicy;

/// A time of day in whole minutes, 00:00 to 24:00; the latter is the end of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MinuteOfDay(u16);

/// Not a time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a time of day is written `HH:MM`, from 00:00 to 24:00")]
pub struct MinuteOfDayError;

impl MinuteOfDay {
    /// Minutes in a day.
    pub const MAX: u16 = 24 * 60;
    /// Midnight at its start.
    pub const START: Self = Self(0);
    /// Midnight at its end.
    pub const END: Self = Self(Self::MAX);

    /// So many minutes after midnight, at most [`MAX`](Self::MAX).
    pub fn new(minutes: u16) -> Result<Self, MinuteOfDayError> {
        if minutes <= Self::MAX { Ok(Self(minutes)) } else { Err(MinuteOfDayError) }
    }

    /// Minutes after midnight.
    pub const fn minutes(self) -> u16 {
        self.0
    }
}

impl fmt::Display for MinuteOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl FromStr for MinuteOfDay {
    type Err = MinuteOfDayError;

    fn from_str(text: &str) -> Result<Self, MinuteOfDayError> {
        let two = |digits: &str| {
            let well_formed = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
            if well_formed { digits.parse::<u16>().ok() } else { None }
        };
        let (hours, minutes) = text.split_once(':').ok_or(MinuteOfDayError)?;
        match (two(hours), two(minutes)) {
            (Some(hours), Some(minutes)) if minutes < 60 => Self::new(hours * 60 + minutes),
            _ => Err(MinuteOfDayError),
        }
    }
}

/// Open on one day of every week, in the provider's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeeklyHours {
    /// The day.
    pub weekday: Weekday,
    /// Open from.
    pub from: MinuteOfDay,
    /// Open until; after `from`.
    pub to: MinuteOfDay,
}

/// A date on which the weekly hours do not hold as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScheduleException {
    /// Closed from one time to another; 00:00 to 24:00 for the whole day.
    Closed {
        /// The date.
        date: NaiveDate,
        /// Closed from.
        from: MinuteOfDay,
        /// Closed until; after `from`.
        to: MinuteOfDay,
    },
    /// Open besides the weekly hours, even where a closure says otherwise.
    Extra {
        /// The date.
        date: NaiveDate,
        /// Open from.
        from: MinuteOfDay,
        /// Open until; after `from`.
        to: MinuteOfDay,
    },
}

impl ScheduleException {
    /// The date it is about.
    pub const fn date(&self) -> NaiveDate {
        match self {
            Self::Closed { date, .. } | Self::Extra { date, .. } => *date,
        }
    }
}

/// What a provider says about when they can be booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailabilityRules {
    /// Where the times of day are meant.
    pub time_zone: Tz,
    /// Hours of every week, at most 70; none means closed but for extra hours.
    pub weekly: Vec<WeeklyHours>,
    /// Dates that differ, at most 400.
    pub exceptions: Vec<ScheduleException>,
    /// Length of a slot in minutes, 5 to 1440, where the listing does not say.
    pub slot_minutes: u32,
    /// Minutes from the start of one slot to the next, 5 to 1440.
    pub interval_minutes: u32,
    /// Minutes kept free before a slot, 0 to 720, where the listing does not say.
    pub buffer_before_minutes: u32,
    /// Minutes kept free after a slot, 0 to 720, where the listing does not say.
    pub buffer_after_minutes: u32,
    /// The least notice before a slot, in minutes, 0 to 60 days.
    pub min_notice_minutes: u32,
    /// How far ahead a slot may be booked, in days, 1 to 365.
    pub horizon_days: u32,
    /// The most bookings on one day of the provider's zone, 1 to 500.
    pub per_day: Option<u32>,
    /// The most bookings in one week (Monday to Sunday) of the provider's zone, 1 to 3500.
    pub per_week: Option<u32>,
    /// How many bookings the provider can serve at the same time (seats), 1 to 100.
    pub capacity: u32,
}

/// Opening hours and limits of one provider, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Availability {
    provider: ProviderId,
    rules: AvailabilityRules,
}

impl Availability {
    /// The most weekly hours.
    pub const MAX_WEEKLY: usize = 70;
    /// The most exceptions.
    pub const MAX_EXCEPTIONS: usize = 400;

    /// Checks what a provider says; every field that is wrong is named.
    pub fn new(provider: ProviderId, rules: AvailabilityRules) -> Result<Self, FieldErrors> {
        let mut errors = FieldErrors::new();
        check_hours(&rules, &mut errors);
        let bounds = [
            ("/slot_minutes", rules.slot_minutes, 5, 1440),
            ("/interval_minutes", rules.interval_minutes, 5, 1440),
            ("/buffer_before_minutes", rules.buffer_before_minutes, 0, 720),
            ("/buffer_after_minutes", rules.buffer_after_minutes, 0, 720),
            ("/min_notice_minutes", rules.min_notice_minutes, 0, 60 * 24 * 60),
            ("/horizon_days", rules.horizon_days, 1, 365),
            ("/per_day", rules.per_day.unwrap_or(1), 1, 500),
            ("/per_week", rules.per_week.unwrap_or(1), 1, 3500),
            ("/capacity", rules.capacity, 1, 100),
        ];
        for (pointer, value, min, max) in bounds {
            check_bounds(pointer, value, min, max, &mut errors);
        }
        errors.into_result()?;
        Ok(Self { provider, rules })
    }

    /// The opening hours of a record that was checked when it was written.
    pub const fn restore(provider: ProviderId, rules: AvailabilityRules) -> Self {
        Self { provider, rules }
    }

    /// Whose they are.
    pub const fn provider(&self) -> ProviderId {
        self.provider
    }

    /// What they are.
    pub const fn rules(&self) -> &AvailabilityRules {
        &self.rules
    }
}

fn check_hours(rules: &AvailabilityRules, errors: &mut FieldErrors) {
    let spans = rules
        .weekly
        .iter()
        .enumerate()
        .map(|(i, hours)| (format!("/weekly/{i}/to"), hours.from, hours.to));
    let dates = rules.exceptions.iter().enumerate().map(|(i, exception)| match exception {
        ScheduleException::Closed { from, to, .. } | ScheduleException::Extra { from, to, .. } => {
            (format!("/exceptions/{i}/to"), *from, *to)
        }
    });
    for (pointer, from, to) in spans.chain(dates) {
        if from >= to {
            errors.add(pointer, "out_of_order", "must be after `from`; 24:00 ends the day");
        }
    }
    if rules.weekly.len() > Availability::MAX_WEEKLY {
        errors.add("/weekly", "too_many", "must hold at most 70 entries");
    }
    if rules.exceptions.len() > Availability::MAX_EXCEPTIONS {
        errors.add("/exceptions", "too_many", "must hold at most 400 entries");
    }
}

fn check_bounds(pointer: &str, value: u32, min: u32, max: u32, errors: &mut FieldErrors) {
    if !(min..=max).contains(&value) {
        errors.add(pointer, "out_of_range", format!("must lie between {min} and {max}"));
    }
}

/// What a listing says about its appointments, where it differs from its provider's hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppointmentSettings {
    /// The listing.
    pub listing: ListingId,
    /// Length of an appointment in minutes, 5 to 1440.
    pub duration_minutes: Option<u32>,
    /// Minutes kept free before, 0 to 720.
    pub buffer_before_minutes: Option<u32>,
    /// Minutes kept free after, 0 to 720.
    pub buffer_after_minutes: Option<u32>,
    /// What a client gets back who cancels; the marketplace's own policy if unset.
    pub cancellation: Option<CancellationPolicy>,
}

impl AppointmentSettings {
    /// Nothing differs.
    pub const fn none(listing: ListingId) -> Self {
        Self {
            listing,
            duration_minutes: None,
            buffer_before_minutes: None,
            buffer_after_minutes: None,
            cancellation: None,
        }
    }

    /// Names every field that is out of bounds.
    pub fn check(&self) -> Result<(), FieldErrors> {
        let mut errors = FieldErrors::new();
        let bounds = [
            ("/duration_minutes", self.duration_minutes, 5, 1440),
            ("/buffer_before_minutes", self.buffer_before_minutes, 0, 720),
            ("/buffer_after_minutes", self.buffer_after_minutes, 0, 720),
        ];
        for (pointer, value, min, max) in bounds {
            check_bounds(pointer, value.unwrap_or(min), min, max, &mut errors);
        }
        errors.into_result()
    }

    pub(crate) fn duration(&self, rules: &AvailabilityRules) -> TimeDelta {
        minutes(self.duration_minutes.unwrap_or(rules.slot_minutes))
    }

    pub(crate) fn buffer_before(&self, rules: &AvailabilityRules) -> TimeDelta {
        minutes(self.buffer_before_minutes.unwrap_or(rules.buffer_before_minutes))
    }

    pub(crate) fn buffer_after(&self, rules: &AvailabilityRules) -> TimeDelta {
        minutes(self.buffer_after_minutes.unwrap_or(rules.buffer_after_minutes))
    }
}

pub(crate) fn minutes(n: u32) -> TimeDelta {
    TimeDelta::minutes(i64::from(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_ends_at_24_00() {
        assert_eq!("24:00".parse(), Ok(MinuteOfDay::END));
        assert_eq!("09:30".parse::<MinuteOfDay>().unwrap().to_string(), "09:30");
        for wrong in ["", "9:30", "24:01", "12:60", "12-00", "-1:00", "+9:00", "12:00:00"] {
            assert_eq!(wrong.parse::<MinuteOfDay>(), Err(MinuteOfDayError), "{wrong}");
        }
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let rules = AvailabilityRules {
            weekly: vec![WeeklyHours {
                weekday: Weekday::Mon,
                from: MinuteOfDay::END,
                to: MinuteOfDay::START,
            }],
            slot_minutes: 0,
            capacity: 101,
            ..crate::testing::office_hours()
        };

        let errors =
            Availability::new(ProviderId::from_uuid(uuid::Uuid::nil()), rules).unwrap_err();

        let pointers: Vec<_> = errors.0.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/weekly/0/to", "/slot_minutes", "/capacity"]);
    }
}
