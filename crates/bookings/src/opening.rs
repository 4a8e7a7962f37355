//! Opening hours as spans of absolute time.

use chrono::{DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};

use crate::interval::{subtract, union};
use crate::{AvailabilityRules, Interval, MinuteOfDay, ScheduleException};

/// When the provider is open on one date of their zone: (weekly hours without closures) and extra
/// hours, as separate spans in order.
pub(crate) fn open_on(rules: &AvailabilityRules, date: NaiveDate) -> Vec<Interval> {
    let weekly = rules
        .weekly
        .iter()
        .filter(|hours| hours.weekday == date.weekday())
        .filter_map(|hours| span(rules.time_zone, date, hours.from, hours.to));
    let (mut closed, mut extra) = (Vec::new(), Vec::new());
    for exception in rules.exceptions.iter().filter(|exception| exception.date() == date) {
        match exception {
            ScheduleException::Closed { date, from, to } => {
                closed.extend(span(rules.time_zone, *date, *from, *to));
            }
            ScheduleException::Extra { date, from, to } => {
                extra.extend(span(rules.time_zone, *date, *from, *to));
            }
        }
    }
    let mut open = subtract(weekly.collect(), closed);
    open.append(&mut extra);
    union(open)
}

/// The dates of the zone that a span touches, with one more at each end: hours that end at
/// midnight meet those of the next day.
pub(crate) fn dates(zone: Tz, window: Interval) -> impl Iterator<Item = NaiveDate> {
    let first = local_date(zone, window.start());
    let last = local_date(zone, window.end());
    let first = first.checked_sub_days(Days::new(2)).unwrap_or(first);
    let last = last.checked_add_days(Days::new(2)).unwrap_or(last);
    first.iter_days().take_while(move |date| *date <= last)
}

/// From the start of one date to the end of another; `None` if there is no such time.
pub(crate) fn window(zone: Tz, from: NaiveDate, to: NaiveDate) -> Option<Interval> {
    let start = moment(zone, from, MinuteOfDay::START, Turn::First)?;
    let end = moment(zone, to, MinuteOfDay::END, Turn::Last)?;
    Interval::new(start, end)
}

pub(crate) fn local_date(zone: Tz, at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

/// From one time of a day to another. An hour that is skipped makes it shorter, one that is
/// repeated makes it longer; `None` if nothing is left.
fn span(zone: Tz, date: NaiveDate, from: MinuteOfDay, to: MinuteOfDay) -> Option<Interval> {
    let start = moment(zone, date, from, Turn::First)?;
    let end = moment(zone, date, to, Turn::Last)?;
    Interval::new(start, end)
}

/// Which of two moments is meant when the clock shows the same time twice.
#[derive(Clone, Copy)]
enum Turn {
    First,
    Last,
}

/// When a clock in the zone shows the time; the end of the gap if it skips it.
fn moment(zone: Tz, date: NaiveDate, time: MinuteOfDay, turn: Turn) -> Option<DateTime<Utc>> {
    let minutes = u32::from(time.minutes());
    let local = if time == MinuteOfDay::END {
        date.succ_opt()?.and_time(NaiveTime::MIN)
    } else {
        date.and_hms_opt(minutes / 60, minutes % 60, 0)?
    };
    let at = match zone.from_local_datetime(&local) {
        LocalResult::Single(at) => at,
        LocalResult::Ambiguous(first, last) => match turn {
            Turn::First => first,
            Turn::Last => last,
        },
        LocalResult::None => GapInfo::new(&local, &zone)?.end?,
    };
    Some(at.with_timezone(&Utc))
}
