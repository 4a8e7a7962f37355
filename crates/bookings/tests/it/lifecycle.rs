//! Every command in every state by every side, as one reviewed table.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use bookings::testing::{
    a_paid_appointment, a_price, a_quote, a_reason, a_request, an_hour, one_in_each_state,
};
use bookings::{
    Booking, BookingError, BookingRecord, Command, Policy, Side, Status, TimeProposal, Transition,
    Work,
};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::OfferId;

pub(crate) const NOW: DateTime<Utc> =
    DateTime::from_timestamp(1_767_603_600, 0).expect("a valid time");

/// Gives the command with arguments that fit, whatever state the booking is in.
pub(crate) fn give(
    booking: &mut Booking,
    command: Command,
    by: Side,
    now: DateTime<Utc>,
) -> Result<Transition, BookingError> {
    let policy = &Policy::default();
    let id = OfferId::from_uuid(bookings::testing::an_id(9));
    let work = Work::new("The work").unwrap();
    let offer = booking.offer_in_force().map(|offer| offer.number);
    let reason = a_reason("Because");
    let only = |side: Side| assert_eq!(by, side, "{command:?} has no side to give");
    match command {
        Command::PaymentAuthorised => {
            only(Side::Gateway);
            let refused = BookingError::SlotNotOffered;
            booking.payment_authorised(None, now, policy).map_err(|_| refused)
        }
        Command::Offer => booking.offer(id, a_price(), work, now, policy),
        Command::CounterOffer => booking.counter_offer(id, a_price(), work, now, policy),
        Command::WithdrawOffer => booking.withdraw_offer(by, now, policy),
        Command::Accept => booking.accept(offer, by, now, policy),
        Command::Decline => booking.decline(Some(reason), now),
        Command::Withdraw => booking.withdraw(now),
        Command::Expire => booking.expire(now),
        Command::Start => booking.start(now),
        Command::ReportDone => booking.report_done(None, now, policy),
        Command::RequestChanges => booking.request_changes(&reason, now),
        Command::ConfirmDone => booking.confirm_done(now),
        Command::AutoConfirm => booking.auto_confirm(now),
        Command::Cancel => booking.cancel(None, by, now),
        Command::NoShow => booking.no_show(by.other().unwrap_or(by), by, now, policy),
        Command::ProposeReschedule => {
            booking.propose_reschedule(an_hour(now + TimeDelta::days(1)), by, now)
        }
        Command::AcceptReschedule => booking.accept_reschedule(by, now),
        Command::DeclineReschedule => booking.decline_reschedule(by, now),
        Command::WithdrawReschedule => booking.withdraw_reschedule(by, now),
        Command::Stale => booking.stale(now),
        Command::Dispute => booking.dispute(reason, now, policy),
        Command::Resolve => booking.resolve(50, reason, now),
        Command::DisputeTimeout => booking.dispute_timeout(now),
    }
}

/// Bookings of every kind that matters, by state.
fn samples() -> BTreeMap<&'static str, Vec<BookingRecord>> {
    let mut samples: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let proposed = |by| {
        let appointment = an_hour(NOW + TimeDelta::days(4));
        let status = Status::Accepted { proposal: Some(TimeProposal { by, appointment, at: NOW }) };
        BookingRecord { status, ..a_paid_appointment(NOW) }
    };
    let others = [
        a_request(NOW),
        a_quote(NOW, Side::Client),
        a_quote(NOW, Side::Provider),
        proposed(Side::Client),
        proposed(Side::Provider),
    ];
    for record in one_in_each_state(NOW).into_iter().chain(others) {
        samples.entry(record.status.name()).or_default().push(record);
    }
    samples
}

/// At once, soon, after the slot, and after every deadline.
fn moments() -> [DateTime<Utc>; 4] {
    let soon = [TimeDelta::minutes(1), TimeDelta::hours(1)];
    [soon[0], soon[1], TimeDelta::hours(74), TimeDelta::days(200)].map(|later| NOW + later)
}

/// Where each command leads from each state, by side; nothing where it is refused.
pub(crate) fn transitions() -> BTreeMap<(&'static str, Command, Side), BTreeSet<&'static str>> {
    let mut table: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (state, records) in samples() {
        for command in Command::ALL {
            for side in command.sides() {
                for (record, now) in
                    records.iter().flat_map(|record| moments().map(|now| (record, now)))
                {
                    let mut booking = Booking::restore(record.clone());
                    let may = booking.may(*command, *side, now);
                    let late_money = *command == Command::PaymentAuthorised
                        && booking.may(Command::Expire, Side::Clock, now);
                    let done = give(&mut booking, *command, *side, now);
                    assert_eq!(done.is_ok(), may && !late_money, "{command:?} by {side:?}");
                    if done.is_ok() {
                        table
                            .entry((state, *command, *side))
                            .or_default()
                            .insert(booking.status().name());
                    }
                }
            }
        }
    }
    // A decision for the client is the one command that leads to two states by its argument.
    let mut disputed = Booking::restore(samples()["disputed"][0].clone());
    disputed.resolve(100, a_reason("Because"), NOW).unwrap();
    let resolved = ("disputed", Command::Resolve, Side::Moderator);
    table.entry(resolved).or_default().insert(disputed.status().name());
    table
}

#[test]
fn the_lifecycle_is_as_reviewed() {
    let mut table = String::new();
    for ((state, command, side), to) in transitions() {
        let to = to.into_iter().collect::<Vec<_>>().join(" or ");
        let (command, side) = (command.name(), side.name());
        writeln!(table, "{state:<16} {command:<19} {side:<9} -> {to}").unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn nobody_gives_a_command_of_the_other_side() {
    for record in one_in_each_state(NOW) {
        for command in Command::ALL {
            for side in Side::ALL.into_iter().filter(|side| !command.sides().contains(side)) {
                let booking = Booking::restore(record.clone());
                assert!(moments().iter().all(|now| !booking.may(*command, side, *now)));
            }
        }
    }
    assert_eq!(Command::ReportDone.sides(), [Side::Provider]);
    assert_eq!(Command::ConfirmDone.sides(), [Side::Client]);
}

#[test]
fn every_state_is_reached_and_every_open_one_ends_by_time() {
    let table = transitions();
    let mut reached = BTreeSet::from(["awaiting_payment", "requested"]);
    loop {
        let next: BTreeSet<_> = table
            .iter()
            .filter(|((from, _, _), _)| reached.contains(from))
            .flat_map(|(_, to)| to.iter().copied())
            .chain(reached.iter().copied())
            .collect();
        if next == reached {
            break;
        }
        reached = next;
    }
    assert_eq!(reached, BTreeSet::from(Status::NAMES));

    for record in one_in_each_state(NOW) {
        let booking = Booking::restore(record);
        assert_eq!(booking.due().is_none(), booking.status().is_final(), "{:?}", booking.status());
        let way_out = table.iter().any(|((from, _, by), to)| {
            *from == booking.status().name()
                && *by == Side::Clock
                && !to.contains(booking.status().name())
        });
        assert_eq!(way_out, !booking.status().is_final(), "{:?}", booking.status());
    }
}

#[test]
fn a_refusal_says_what_is_possible() {
    let mut booking = Booking::restore(a_paid_appointment(NOW));

    let error = booking.accept(None, Side::Provider, NOW, &Policy::default()).unwrap_err();

    assert_eq!(
        error.to_string(),
        format!("cannot accept booking {} now: its status is `accepted`", booking.id())
    );
    assert_eq!(
        kernel::Failure::allowed(&error),
        Some(&["start", "report_done", "cancel", "propose_reschedule"][..])
    );
}

#[test]
fn an_offer_is_accepted_by_its_number_only() {
    let policy = Policy::default();
    let mut booking = Booking::restore(a_quote(NOW, Side::Provider));
    booking.withdraw_offer(Side::Provider, NOW, &policy).unwrap();
    assert!(!booking.may(Command::Accept, Side::Client, NOW));
    give(&mut booking, Command::Offer, Side::Provider, NOW).unwrap();

    let error = booking.accept(Some(1), Side::Client, NOW, &policy).unwrap_err();
    assert!(matches!(error, BookingError::OfferOutdated { given: Some(1), in_force: Some(2) }));
    assert!(!booking.may(Command::Accept, Side::Provider, NOW), "nobody accepts their own offer");

    booking.accept(Some(2), Side::Client, NOW, &policy).unwrap();
    assert_eq!(booking.price(), Some(a_price()));
}

#[test]
fn changes_are_asked_for_at_most_twice() {
    let mut booking = Booking::restore(a_paid_appointment(NOW));
    for _ in 0..2 {
        give(&mut booking, Command::ReportDone, Side::Provider, NOW).unwrap();
        give(&mut booking, Command::RequestChanges, Side::Client, NOW).unwrap();
    }
    give(&mut booking, Command::ReportDone, Side::Provider, NOW).unwrap();

    assert!(!booking.may(Command::RequestChanges, Side::Client, NOW));
    assert!(booking.may(Command::ConfirmDone, Side::Client, NOW));
}

#[test]
fn what_a_cancellation_gives_back_falls_by_tiers() {
    let booking = Booking::restore(a_paid_appointment(NOW));
    let quote = |by, hours| {
        let quote = booking.cancellation_quote(by, NOW + TimeDelta::hours(hours)).unwrap();
        (quote.refund_percent, quote.refund.unwrap().minor(), quote.falls_at)
    };

    let (two_days, one_day) = (NOW + TimeDelta::hours(24), NOW + TimeDelta::hours(48));
    assert_eq!(quote(Side::Client, 24), (100, 10_000, Some(two_days)));
    assert_eq!(quote(Side::Client, 25), (50, 5_000, Some(one_day)));
    assert_eq!(quote(Side::Client, 49), (0, 0, None));
    assert_eq!(quote(Side::Provider, 49), (100, 10_000, None));
}

#[test]
fn an_answer_is_due_before_the_slot_and_before_the_card_runs_out() {
    let policy = Policy::default();
    let record = one_in_each_state(NOW).remove(0);
    let due = |until: Option<TimeDelta>, now| {
        let mut booking = Booking::restore(record.clone());
        booking.payment_authorised(until.map(|until| NOW + until), now, &policy).unwrap();
        booking.due().unwrap() - NOW
    };

    assert_eq!(due(None, NOW + TimeDelta::minutes(1)), TimeDelta::days(3), "the slot starts");
    assert_eq!(due(Some(TimeDelta::days(3)), NOW), TimeDelta::days(2), "the card runs out");
}

#[test]
fn money_that_comes_too_late_goes_back() {
    let policy = Policy::default();
    for record in one_in_each_state(NOW) {
        let mut booking = Booking::restore(record);
        let before = booking.clone();
        let late = booking.payment_authorised(None, NOW + TimeDelta::hours(1), &policy);
        assert_eq!(late, Err(bookings::Settlement::Void));
        assert_eq!(booking, before);
    }
}

#[test]
fn a_new_time_keeps_the_price_and_its_payment() {
    let mut booking = Booking::restore(a_paid_appointment(NOW));
    let appointment = an_hour(NOW + TimeDelta::days(5));
    booking.propose_reschedule(appointment, Side::Client, NOW).unwrap();

    let transition = booking.accept_reschedule(Side::Provider, NOW).unwrap();

    assert_eq!(transition.settlement, None);
    assert_eq!(booking.slot(), Some(appointment.slot));
    assert_eq!((booking.price(), booking.funds()), (Some(a_price()), bookings::Funds::Captured));
}
