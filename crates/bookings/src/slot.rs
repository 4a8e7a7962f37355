use std::collections::HashMap;

use chrono::{DateTime, Datelike, IsoWeek, NaiveDate, TimeDelta, Utc};

use crate::availability::minutes;
use crate::interval::{Load, union};
use crate::opening::{dates, local_date, open_on};
use crate::{Appointment, AppointmentSettings, Availability, BookingError, Interval};

/// A booking in the provider's calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occupied {
    /// The time that was booked; it counts towards the limits per day and week.
    pub slot: Interval,
    /// The time with its buffers that nobody else can have; `None` once it is free again, as
    /// after a completion.
    pub busy: Option<Interval>,
}

/// A slot that can be booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreeSlot {
    /// The time.
    pub slot: Interval,
    /// How many bookings it still takes, at least one.
    pub seats: u32,
}

/// The free slots of a listing that start within `window`, in order.
///
/// Slots start at the opening of the provider and then at every interval, lie wholly within
/// opening hours, keep their buffers free of other bookings (`occupied`, in any order, which must
/// cover the weeks of the window), respect the least notice, the horizon and the limits per day
/// and week. They do not depend on the window: a narrower one shows some of the same slots.
/// Lengths are real time: across a change of daylight-saving time an hour is an hour.
pub fn slots(
    availability: &Availability,
    settings: &AppointmentSettings,
    occupied: &[Occupied],
    window: Interval,
    now: DateTime<Utc>,
) -> Vec<FreeSlot> {
    let rules = availability.rules();
    let earliest = window.start().max(now + minutes(rules.min_notice_minutes));
    let latest = window.end().min(now + TimeDelta::days(i64::from(rules.horizon_days)));
    let Some(window) = Interval::new(earliest, latest) else { return Vec::new() };

    let duration = settings.duration(rules);
    let before = settings.buffer_before(rules);
    let after = settings.buffer_after(rules);
    let days: Vec<Vec<Interval>> =
        dates(rules.time_zone, window.widened(TimeDelta::zero(), duration))
            .map(|date| open_on(rules, date))
            .collect();
    let open = union(days.iter().flatten().copied().collect());
    let load = Load::of(occupied.iter().filter_map(|booking| booking.busy));
    let limits = Limits::new(availability, occupied);

    let mut free: Vec<FreeSlot> = days
        .iter()
        .flatten()
        .flat_map(|opening| starts(*opening, minutes(rules.interval_minutes), window))
        .filter_map(|start| Interval::new(start, start + duration))
        .filter(|slot| fits(&open, *slot))
        .filter_map(|slot| {
            let taken = load.peak(slot.widened(before, after));
            let seats = i64::from(rules.capacity) - taken;
            let seats = u32::try_from(seats).ok().filter(|seats| *seats > 0)?;
            Some(FreeSlot { slot, seats })
        })
        .filter(|free| limits.allow(free.slot))
        .collect();
    free.sort_unstable_by_key(|free| free.slot);
    free.dedup_by_key(|free| free.slot);
    free
}

/// The starts on the grid of one opening that lie in the window.
fn starts(
    opening: Interval,
    interval: TimeDelta,
    window: Interval,
) -> impl Iterator<Item = DateTime<Utc>> {
    std::iter::successors(Some(opening.start()), move |start| Some(*start + interval))
        .take_while(move |start| *start < opening.end() && *start < window.end())
        .filter(move |start| *start >= window.start())
}

fn fits(open: &[Interval], slot: Interval) -> bool {
    let after = open.partition_point(|opening| opening.start() <= slot.start());
    after.checked_sub(1).and_then(|i| open.get(i)).is_some_and(|opening| opening.contains(slot))
}

/// How many bookings each day and week already has.
struct Limits<'a> {
    availability: &'a Availability,
    days: HashMap<NaiveDate, u32>,
    weeks: HashMap<IsoWeek, u32>,
}

impl<'a> Limits<'a> {
    fn new(availability: &'a Availability, occupied: &[Occupied]) -> Self {
        let (mut days, mut weeks) = (HashMap::new(), HashMap::new());
        for booking in occupied {
            let date = local_date(availability.rules().time_zone, booking.slot.start());
            *days.entry(date).or_default() += 1;
            *weeks.entry(date.iso_week()).or_default() += 1;
        }
        Self { availability, days, weeks }
    }

    fn allow(&self, slot: Interval) -> bool {
        let rules = self.availability.rules();
        if rules.per_day.is_none() && rules.per_week.is_none() {
            return true;
        }
        let date = local_date(rules.time_zone, slot.start());
        let on_day = self.days.get(&date).copied().unwrap_or(0);
        let in_week = self.weeks.get(&date.iso_week()).copied().unwrap_or(0);
        rules.per_day.is_none_or(|limit| on_day < limit)
            && rules.per_week.is_none_or(|limit| in_week < limit)
    }
}

/// What must be known to admit a booking at a time.
pub(crate) struct Calendar<'a> {
    pub(crate) availability: &'a Availability,
    pub(crate) settings: &'a AppointmentSettings,
    pub(crate) occupied: &'a [Occupied],
}

impl Calendar<'_> {
    /// How far around a start other bookings count: while the provider would be busy, and in its
    /// week where days or weeks have a limit.
    pub(crate) fn around(
        availability: &Availability,
        settings: &AppointmentSettings,
        start: DateTime<Utc>,
    ) -> Interval {
        let rules = availability.rules();
        if rules.per_day.is_none() && rules.per_week.is_none() {
            return Calendar { availability, settings, occupied: &[] }.appointment(start).busy;
        }
        let week = TimeDelta::days(9);
        Interval::new(start - week, start + week).expect("eighteen days are not empty")
    }

    /// The appointment at a start, if it is one of the listing's free slots.
    pub(crate) fn free(
        &self,
        start: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Appointment, BookingError> {
        let appointment = self.appointment(start);
        let offered = |occupied: &[Occupied]| {
            Interval::new(start, start + TimeDelta::microseconds(1)).is_some_and(|window| {
                !slots(self.availability, self.settings, occupied, window, now).is_empty()
            })
        };
        if offered(self.occupied) {
            Ok(appointment)
        } else if offered(&[]) && !self.has_room(&appointment) {
            Err(BookingError::SlotTaken)
        } else {
            Err(BookingError::SlotNotOffered)
        }
    }

    /// The appointment at a start, wherever the provider has room: they may work outside their
    /// own hours.
    pub(crate) fn anywhere(&self, start: DateTime<Utc>) -> Result<Appointment, BookingError> {
        let appointment = self.appointment(start);
        if self.has_room(&appointment) { Ok(appointment) } else { Err(BookingError::SlotTaken) }
    }

    fn appointment(&self, start: DateTime<Utc>) -> Appointment {
        let rules = self.availability.rules();
        let slot = Interval::new(start, start + self.settings.duration(rules))
            .expect("an appointment lasts at least five minutes");
        let busy =
            slot.widened(self.settings.buffer_before(rules), self.settings.buffer_after(rules));
        Appointment { slot, busy, capacity: rules.capacity }
    }

    fn has_room(&self, appointment: &Appointment) -> bool {
        has_room(self.occupied, appointment)
    }
}

/// Whether the provider can serve one more at that time.
pub(crate) fn has_room(occupied: &[Occupied], appointment: &Appointment) -> bool {
    let load = Load::of(occupied.iter().filter_map(|booking| booking.busy));
    load.peak(appointment.busy) < i64::from(appointment.capacity)
}
