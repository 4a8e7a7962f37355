//! What is stored as JSON: offers, a proposed time, opening hours.

use bookings::{
    Appointment, AvailabilityRules, Interval, MinuteOfDay, Offer, ScheduleException, Side,
    TimeProposal, WeeklyHours, Work,
};
use chrono::{DateTime, NaiveDate, Utc, Weekday};
use chrono_tz::Tz;
use kernel::{Currency, Money, OfferId, StorageError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

type Source = Box<dyn std::error::Error + Send + Sync>;

pub(super) fn to_json(document: &impl Serialize) -> Value {
    serde_json::to_value(document).expect("a document of ours is plain data")
}

pub(super) fn from_json<T: DeserializeOwned>(
    action: &'static str,
    value: Value,
) -> Result<T, StorageError> {
    serde_json::from_value(value).map_err(|error| StorageError::corrupt(action, error))
}

#[derive(Serialize, Deserialize)]
pub(super) struct OfferDocument {
    id: OfferId,
    number: u16,
    by: String,
    minor: i64,
    currency: Currency,
    work: String,
    at: DateTime<Utc>,
    withdrawn_at: Option<DateTime<Utc>>,
}

impl From<Offer> for OfferDocument {
    fn from(offer: Offer) -> Self {
        let Offer { id, number, by, price, work, at, withdrawn_at } = offer;
        Self {
            id,
            number,
            by: by.name().to_owned(),
            minor: price.minor(),
            currency: price.currency(),
            work: work.into_string(),
            at,
            withdrawn_at,
        }
    }
}

impl TryFrom<OfferDocument> for Offer {
    type Error = Source;

    fn try_from(document: OfferDocument) -> Result<Self, Source> {
        let OfferDocument { id, number, by, minor, currency, work, at, withdrawn_at } = document;
        Ok(Self {
            id,
            number,
            by: side(&by)?,
            price: Money::new(minor, currency),
            work: Work::from_stored(work),
            at,
            withdrawn_at,
        })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct ProposalDocument {
    by: String,
    slot_start: DateTime<Utc>,
    slot_end: DateTime<Utc>,
    busy_start: DateTime<Utc>,
    busy_end: DateTime<Utc>,
    capacity: u32,
    at: DateTime<Utc>,
}

impl From<TimeProposal> for ProposalDocument {
    fn from(proposal: TimeProposal) -> Self {
        let TimeProposal { by, appointment: Appointment { slot, busy, capacity }, at } = proposal;
        Self {
            by: by.name().to_owned(),
            slot_start: slot.start(),
            slot_end: slot.end(),
            busy_start: busy.start(),
            busy_end: busy.end(),
            capacity,
            at,
        }
    }
}

impl TryFrom<ProposalDocument> for TimeProposal {
    type Error = Source;

    fn try_from(document: ProposalDocument) -> Result<Self, Source> {
        let ProposalDocument { by, slot_start, slot_end, busy_start, busy_end, capacity, at } =
            document;
        let slot = span(slot_start, slot_end)?;
        let busy = span(busy_start, busy_end)?;
        Ok(Self { by: side(&by)?, appointment: Appointment { slot, busy, capacity }, at })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct RulesDocument {
    time_zone: Tz,
    weekly: Vec<WeeklyDocument>,
    exceptions: Vec<ExceptionDocument>,
    slot_minutes: u32,
    interval_minutes: u32,
    buffer_before_minutes: u32,
    buffer_after_minutes: u32,
    min_notice_minutes: u32,
    horizon_days: u32,
    per_day: Option<u32>,
    per_week: Option<u32>,
    capacity: u32,
}

#[derive(Serialize, Deserialize)]
struct WeeklyDocument {
    /// From Monday, 0, to Sunday, 6.
    weekday: u8,
    /// Minutes after midnight.
    from: u16,
    to: u16,
}

#[derive(Serialize, Deserialize)]
struct ExceptionDocument {
    date: NaiveDate,
    open: bool,
    from: u16,
    to: u16,
}

impl From<AvailabilityRules> for RulesDocument {
    fn from(rules: AvailabilityRules) -> Self {
        let AvailabilityRules {
            time_zone,
            weekly,
            exceptions,
            slot_minutes,
            interval_minutes,
            buffer_before_minutes,
            buffer_after_minutes,
            min_notice_minutes,
            horizon_days,
            per_day,
            per_week,
            capacity,
        } = rules;
        let hours = |hours: WeeklyHours| WeeklyDocument {
            weekday: weekday_number(hours.weekday),
            from: hours.from.minutes(),
            to: hours.to.minutes(),
        };
        let exception = |exception: ScheduleException| {
            let (open, date, from, to) = match exception {
                ScheduleException::Closed { date, from, to } => (false, date, from, to),
                ScheduleException::Extra { date, from, to } => (true, date, from, to),
            };
            ExceptionDocument { date, open, from: from.minutes(), to: to.minutes() }
        };
        Self {
            time_zone,
            weekly: weekly.into_iter().map(hours).collect(),
            exceptions: exceptions.into_iter().map(exception).collect(),
            slot_minutes,
            interval_minutes,
            buffer_before_minutes,
            buffer_after_minutes,
            min_notice_minutes,
            horizon_days,
            per_day,
            per_week,
            capacity,
        }
    }
}

impl TryFrom<RulesDocument> for AvailabilityRules {
    type Error = Source;

    fn try_from(document: RulesDocument) -> Result<Self, Source> {
        let weekly = |hours: WeeklyDocument| -> Result<WeeklyHours, Source> {
            Ok(WeeklyHours {
                weekday: Weekday::try_from(hours.weekday)?,
                from: MinuteOfDay::new(hours.from)?,
                to: MinuteOfDay::new(hours.to)?,
            })
        };
        let exception = |exception: ExceptionDocument| -> Result<ScheduleException, Source> {
            let ExceptionDocument { date, open, from, to } = exception;
            let (from, to) = (MinuteOfDay::new(from)?, MinuteOfDay::new(to)?);
            Ok(if open {
                ScheduleException::Extra { date, from, to }
            } else {
                ScheduleException::Closed { date, from, to }
            })
        };
        Ok(Self {
            time_zone: document.time_zone,
            weekly: document.weekly.into_iter().map(weekly).collect::<Result<_, _>>()?,
            exceptions: document.exceptions.into_iter().map(exception).collect::<Result<_, _>>()?,
            slot_minutes: document.slot_minutes,
            interval_minutes: document.interval_minutes,
            buffer_before_minutes: document.buffer_before_minutes,
            buffer_after_minutes: document.buffer_after_minutes,
            min_notice_minutes: document.min_notice_minutes,
            horizon_days: document.horizon_days,
            per_day: document.per_day,
            per_week: document.per_week,
            capacity: document.capacity,
        })
    }
}

const fn weekday_number(weekday: Weekday) -> u8 {
    match weekday {
        Weekday::Mon => 0,
        Weekday::Tue => 1,
        Weekday::Wed => 2,
        Weekday::Thu => 3,
        Weekday::Fri => 4,
        Weekday::Sat => 5,
        Weekday::Sun => 6,
    }
}

/// The side with this name.
pub(super) fn side(name: &str) -> Result<Side, Source> {
    Side::ALL
        .into_iter()
        .find(|side| side.name() == name)
        .ok_or_else(|| format!("`{name}` is no side of a booking").into())
}

/// The time between two moments.
pub(super) fn span(start: DateTime<Utc>, end: DateTime<Utc>) -> Result<Interval, Source> {
    Interval::new(start, end).ok_or_else(|| "a time ends before it starts".into())
}
