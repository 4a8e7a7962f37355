//! Free slots: by hand where people can check them, by property in every time zone.

use std::time::{Duration, Instant};

use bookings::testing::{an_availability, office_hours};
use bookings::{
    AppointmentSettings, AvailabilityRules, FreeSlot, Interval, MinuteOfDay, Occupied,
    ScheduleException, WeeklyHours, slots,
};
use chrono::{
    DateTime, Datelike, Days, NaiveDate, Offset, TimeDelta, TimeZone, Timelike, Utc, Weekday,
};
use chrono_tz::{TZ_VARIANTS, Tz};
use kernel::ListingId;
use proptest::prelude::*;

const WEEK: [Weekday; 7] = [
    Weekday::Mon,
    Weekday::Tue,
    Weekday::Wed,
    Weekday::Thu,
    Weekday::Fri,
    Weekday::Sat,
    Weekday::Sun,
];

fn settings() -> AppointmentSettings {
    AppointmentSettings::none(ListingId::from_uuid(bookings::testing::an_id(7)))
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn span(start: &str, end: &str) -> Interval {
    Interval::new(at(start), at(end)).unwrap()
}

fn busy(slot: Interval) -> Occupied {
    Occupied { slot, busy: Some(slot) }
}

fn free(rules: AvailabilityRules, occupied: &[Occupied], window: Interval) -> Vec<String> {
    let zone = rules.time_zone;
    let now = window.start() - TimeDelta::days(1);
    slots(&an_availability(rules), &settings(), occupied, window, now)
        .iter()
        .map(|free| free.slot.start().with_timezone(&zone).format("%H:%M%z").to_string())
        .collect()
}

fn every_day(zone: Tz, from: u16, to: u16) -> AvailabilityRules {
    let time = |minutes| MinuteOfDay::new(minutes).unwrap();
    let hours = |weekday| WeeklyHours { weekday, from: time(from), to: time(to) };
    AvailabilityRules {
        time_zone: zone,
        weekly: WEEK.into_iter().map(hours).collect(),
        horizon_days: 365,
        ..office_hours()
    }
}

#[test]
fn a_booking_and_its_buffers_take_their_time() {
    let monday = span("2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z");
    let taken = busy(span("2026-01-05T10:00:00Z", "2026-01-05T11:00:00Z"));

    let plain = free(office_hours(), &[taken], monday);
    let buffers = AvailabilityRules { buffer_after_minutes: 15, ..office_hours() };
    let buffered = free(buffers, &[taken], monday);

    let hours = |hours: &[&str]| hours.iter().map(|h| format!("{h}:00+0100")).collect::<Vec<_>>();
    assert_eq!(plain, hours(&["09", "10", "12", "13", "14", "15", "16"]));
    assert_eq!(buffered, hours(&["09", "12", "13", "14", "15", "16"]));
}

#[test]
fn closures_and_extra_hours_change_a_date() {
    let date = NaiveDate::from_ymd_opt(2026, 1, 5).unwrap();
    let time = |hour: u16| MinuteOfDay::new(hour * 60).unwrap();
    let closed = ScheduleException::Closed { date, from: MinuteOfDay::START, to: MinuteOfDay::END };
    let extra = ScheduleException::Extra { date, from: time(18), to: time(20) };
    let rules = AvailabilityRules { exceptions: vec![closed, extra], ..office_hours() };

    let monday = span("2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z");

    assert_eq!(free(rules, &[], monday), ["18:00+0100", "19:00+0100"]);
}

#[test]
fn an_hour_is_an_hour_when_the_clock_changes() {
    let night = |zone, window| free(every_day(zone, 0, 300), &[], window);

    let spring = night(Tz::Europe__Berlin, span("2026-03-28T22:00:00Z", "2026-03-29T10:00:00Z"));
    let autumn = night(Tz::Europe__Berlin, span("2026-10-24T22:00:00Z", "2026-10-25T10:00:00Z"));
    let lord_howe =
        night(Tz::Australia__Lord_Howe, span("2026-10-03T13:30:00Z", "2026-10-04T00:00:00Z"));

    assert_eq!(spring, ["00:00+0100", "01:00+0100", "03:00+0200", "04:00+0200"]);
    let doubled =
        ["00:00+0200", "01:00+0200", "02:00+0200", "02:00+0100", "03:00+0100", "04:00+0100"];
    assert_eq!(autumn, doubled);
    assert_eq!(lord_howe, ["00:00+1030", "01:00+1030", "02:30+1100", "03:30+1100"]);
}

#[test]
fn hours_over_midnight_are_one_opening() {
    let time = |hour: u16| MinuteOfDay::new(hour * 60).unwrap();
    let weekly = vec![
        WeeklyHours { weekday: Weekday::Mon, from: time(22), to: MinuteOfDay::END },
        WeeklyHours { weekday: Weekday::Tue, from: MinuteOfDay::START, to: time(2) },
    ];
    let rules =
        AvailabilityRules { weekly, slot_minutes: 90, interval_minutes: 60, ..office_hours() };

    let starts = free(rules, &[], span("2026-01-05T12:00:00Z", "2026-01-06T12:00:00Z"));

    assert_eq!(starts, ["22:00+0100", "23:00+0100", "00:00+0100"]);
}

#[test]
fn limits_of_day_and_week_close_the_rest() {
    let rules = AvailabilityRules { per_day: Some(1), per_week: Some(2), ..office_hours() };
    let monday = busy(span("2026-01-05T10:00:00Z", "2026-01-05T11:00:00Z"));
    // Done already and free again, but it counts.
    let tuesday =
        Occupied { slot: span("2026-01-06T10:00:00Z", "2026-01-06T11:00:00Z"), busy: None };
    let week = span("2026-01-05T00:00:00Z", "2026-01-11T00:00:00Z");

    assert_eq!(free(rules.clone(), &[monday], week).len(), 4 * 8);
    assert!(free(rules, &[monday, tuesday], week).is_empty());
}

#[test]
fn seats_are_counted_at_any_one_time() {
    let rules = AvailabilityRules { capacity: 2, slot_minutes: 120, ..office_hours() };
    let first = busy(span("2026-01-05T08:00:00Z", "2026-01-05T09:00:00Z"));
    let second = busy(span("2026-01-05T09:00:00Z", "2026-01-05T10:00:00Z"));
    let window = span("2026-01-05T08:00:00Z", "2026-01-05T08:30:00Z");
    let now = window.start() - TimeDelta::days(1);

    let free = slots(&an_availability(rules), &settings(), &[first, second], window, now);

    // The two follow one another: there is a second seat all the time.
    assert_eq!(free.iter().map(|free| free.seats).collect::<Vec<_>>(), [1]);
}

#[test]
fn notice_and_horizon_bound_what_is_shown() {
    let rules = AvailabilityRules {
        min_notice_minutes: 120,
        horizon_days: 1,
        ..every_day(Tz::UTC, 0, 1440)
    };
    let now = at("2026-01-05T09:30:00Z");
    let window = span("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z");

    let free = slots(&an_availability(rules), &settings(), &[], window, now);

    assert_eq!(free.first().unwrap().slot.start(), at("2026-01-05T12:00:00Z"));
    assert_eq!(free.last().unwrap().slot.start(), at("2026-01-06T09:00:00Z"));
}

#[test]
fn a_month_takes_less_than_ten_milliseconds() {
    let rules = AvailabilityRules {
        slot_minutes: 30,
        interval_minutes: 15,
        ..every_day(Tz::America__New_York, 480, 1200)
    };
    let availability = an_availability(rules);
    let window = span("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z");
    let occupied: Vec<_> = (0..300)
        .map(|n| {
            let start = window.start() + TimeDelta::hours(2 * n);
            busy(Interval::new(start, start + TimeDelta::minutes(50)).unwrap())
        })
        .collect();

    let fastest = (0..20)
        .map(|_| {
            let started = Instant::now();
            let free = slots(&availability, &settings(), &occupied, window, window.start());
            assert!(free.len() > 100);
            started.elapsed()
        })
        .min()
        .unwrap();

    assert!(fastest < Duration::from_millis(10), "{fastest:?}");
}

/// What must hold for free slots, whatever the zone and the hours.
fn check(rules: &AvailabilityRules, occupied: &[Occupied], window: Interval) {
    let zone = rules.time_zone;
    let now = window.start();
    let availability = an_availability(rules.clone());
    let found = slots(&availability, &settings(), occupied, window, now);
    let duration = TimeDelta::minutes(i64::from(rules.slot_minutes));

    for pair in found.windows(2) {
        assert!(pair[0].slot.start() < pair[1].slot.start(), "{zone}: not in order");
    }
    for FreeSlot { slot, seats } in &found {
        assert_eq!(slot.length(), duration, "{zone}");
        assert!(window.start() <= slot.start() && slot.start() < window.end(), "{zone}");
        assert!(*seats >= 1 && *seats <= rules.capacity);
        let start = slot.start().with_timezone(&zone);
        if changes_offset(zone, start.date_naive()) {
            continue;
        }
        let minute = start.hour() * 60 + start.minute();
        let inside = rules.weekly.iter().any(|hours| {
            hours.weekday == start.weekday()
                && u32::from(hours.from.minutes()) <= minute
                && minute + rules.slot_minutes <= u32::from(hours.to.minutes())
        });
        assert!(inside, "{zone}: {start} is outside the hours");
    }
    if rules.capacity == 1 {
        let reach = |slot: Interval| {
            slot.widened(
                TimeDelta::minutes(i64::from(rules.buffer_before_minutes)),
                TimeDelta::minutes(i64::from(rules.buffer_after_minutes)),
            )
        };
        for booking in occupied.iter().filter_map(|booking| booking.busy) {
            assert!(found.iter().all(|free| !reach(free.slot).overlaps(booking)), "{zone}");
        }
    }
    let middle = window.start() + window.length() / 2;
    if let Some(half) = Interval::new(middle, window.end()) {
        let narrow = slots(&availability, &settings(), occupied, half, now);
        let same: Vec<_> =
            found.iter().filter(|free| free.slot.start() >= middle).copied().collect();
        assert_eq!(narrow, same, "{zone}: the window moved the slots");
    }
}

fn changes_offset(zone: Tz, date: NaiveDate) -> bool {
    let offset = |date: Option<NaiveDate>| {
        date.map(|date| zone.offset_from_utc_date(&date).fix().local_minus_utc())
    };
    offset(date.checked_sub_days(Days::new(1))) != offset(date.checked_add_days(Days::new(2)))
}

#[test]
fn slots_hold_in_every_zone_around_the_changes_of_a_year() {
    let changes =
        ["2026-03-07", "2026-03-27", "2026-04-04", "2026-10-03", "2026-10-23", "2026-11-01"];
    for zone in TZ_VARIANTS {
        for change in changes {
            let start =
                change.parse::<NaiveDate>().unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc();
            let window = Interval::new(start, start + TimeDelta::days(3)).unwrap();
            check(
                &every_day(zone, 0, 1440),
                &[],
                Interval::new(start, start + TimeDelta::hours(12)).unwrap(),
            );
            check(&every_day(zone, 30, 400), &[], window);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn slots_hold_in_any_zone_at_any_time(
        zone in 0..TZ_VARIANTS.len(),
        day in 0i64..43_000,
        from in 0u16..1400,
        length in 10u16..1440,
        slot in 5u32..300,
        interval in 5u32..240,
        buffers in (0u32..60, 0u32..60),
        capacity in 1u32..3,
        bookings in prop::collection::vec((0i64..10_000, 5i64..400), 0..15),
    ) {
        let rules = AvailabilityRules {
            slot_minutes: slot,
            interval_minutes: interval,
            buffer_before_minutes: buffers.0,
            buffer_after_minutes: buffers.1,
            capacity,
            ..every_day(TZ_VARIANTS[zone], from, (from + length).min(1440))
        };
        let start = DateTime::from_timestamp(day * 86_400, 0).unwrap();
        let occupied: Vec<_> = bookings
            .into_iter()
            .filter_map(|(after, length)| {
                let start = start + TimeDelta::minutes(after);
                Interval::new(start, start + TimeDelta::minutes(length)).map(busy)
            })
            .collect();
        check(&rules, &occupied, Interval::new(start, start + TimeDelta::days(6)).unwrap());
    }

    #[test]
    fn whoever_books_every_free_slot_never_overbooks(
        capacity in 1u32..4,
        slot in 15u32..120,
        interval in 15u32..120,
        buffer in 0u32..30,
    ) {
        let rules = AvailabilityRules {
            slot_minutes: slot,
            interval_minutes: interval,
            buffer_after_minutes: buffer,
            capacity,
            ..office_hours()
        };
        let availability = an_availability(rules);
        let window = span("2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z");
        let mut occupied: Vec<Occupied> = Vec::new();
        while let Some(next) =
            slots(&availability, &settings(), &occupied, window, window.start()).first()
        {
            let buffer = TimeDelta::minutes(i64::from(buffer));
            let busy = next.slot.widened(TimeDelta::zero(), buffer);
            occupied.push(Occupied { slot: next.slot, busy: Some(busy) });
            prop_assert!(occupied.len() < 1000);
        }
        for booking in &occupied {
            let at = booking.busy.unwrap().start();
            let together = occupied
                .iter()
                .filter_map(|other| other.busy)
                .filter(|other| other.start() <= at && at < other.end())
                .count();
            prop_assert!(u32::try_from(together).unwrap() <= capacity);
        }
    }
}
