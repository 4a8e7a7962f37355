//! A provider's afternoon, without any storage: free slots, a booking from request to
//! completion, and what a cancellation would have cost.
//!
//! `cargo run -p mercato-bookings --example one_afternoon`

use std::io::Write;

use bookings::{
    Appointment, AppointmentSettings, Availability, AvailabilityRules, Booking, CancellationPolicy,
    Interval, Message, MinuteOfDay, NewBooking, Occupied, Parties, PaymentTerms, Policy, Process,
    Side, WeeklyHours, slots,
};
use chrono::{TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::Tz;
use kernel::{AccountId, BookingId, Currency, Ids, ListingId, Money, ProviderId, SystemIds};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout();
    let ids: &dyn Ids = &SystemIds;
    let now = Utc.with_ymd_and_hms(2026, 1, 5, 8, 0, 0).single().ok_or("no such time")?;
    let provider = ProviderId::next(ids);
    let listing = ListingId::next(ids);

    let rules = AvailabilityRules {
        time_zone: Tz::Europe__Berlin,
        weekly: vec![WeeklyHours {
            weekday: Weekday::Fri,
            from: MinuteOfDay::new(13 * 60)?,
            to: MinuteOfDay::new(18 * 60)?,
        }],
        exceptions: Vec::new(),
        slot_minutes: 60,
        interval_minutes: 30,
        buffer_before_minutes: 0,
        buffer_after_minutes: 15,
        min_notice_minutes: 120,
        horizon_days: 30,
        per_day: None,
        per_week: None,
        capacity: 1,
    };
    let availability = Availability::new(provider, rules).map_err(|errors| errors.to_string())?;
    let settings = AppointmentSettings::none(listing);
    let week = Interval::new(now, now + TimeDelta::days(7)).ok_or("a week is not empty")?;

    let free = slots(&availability, &settings, &[], week, now);
    let slot = free.first().ok_or("the afternoon is free")?.slot;
    let busy = slot.widened(TimeDelta::zero(), TimeDelta::minutes(15));
    writeln!(out, "{} free slots, the first at {}", free.len(), slot.start())?;

    let policy = Policy::default();
    let new = NewBooking {
        id: BookingId::next(ids),
        listing,
        title: "Haircut".to_owned(),
        parties: Parties {
            client: AccountId::next(ids),
            provider,
            provider_account: AccountId::next(ids),
        },
        process: Process::Appointment { appointment: Appointment { slot, busy, capacity: 1 } },
        message: Message::new("Short, please.")?,
        price: Some(Money::new(4_500, Currency::EUR)),
        cancellation: CancellationPolicy::default(),
    };
    let (mut booking, _) = Booking::submit(new, PaymentTerms::NoPayments, now, &policy)?;
    let left = slots(&availability, &settings, &[Occupied { slot, busy: Some(busy) }], week, now);
    writeln!(out, "{}: {} slots are left", booking.status().name(), left.len())?;

    booking.accept(None, Side::Provider, now, &policy)?;
    let day_before = slot.start() - TimeDelta::hours(30);
    if let Some(quote) = booking.cancellation_quote(Side::Client, day_before) {
        writeln!(out, "a day before, a cancellation gives back {} %", quote.refund_percent)?;
    }
    if let Err(refusal) = booking.confirm_done(now).and_then(|_| booking.start(now)) {
        writeln!(out, "{refusal}")?;
    }
    Ok(())
}
