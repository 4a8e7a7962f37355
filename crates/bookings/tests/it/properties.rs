//! What holds for every sequence of commands.

use bookings::testing::{a_price, a_quote, a_request, an_appointment, one_in_each_state};
use bookings::{
    Booking, BookingRecord, Command, Funds, Reaction, Settlement, Side, Status, TIMER_KINDS,
};
use chrono::TimeDelta;
use kernel::Money;
use proptest::prelude::*;

use crate::lifecycle::{NOW, give};

fn beginnings() -> Vec<BookingRecord> {
    vec![
        one_in_each_state(NOW).remove(0),
        an_appointment(NOW),
        a_request(NOW),
        a_quote(NOW, Side::Provider),
        a_quote(NOW, Side::Client),
    ]
}

fn steps() -> impl Strategy<Value = Vec<(usize, usize, i64)>> {
    prop::collection::vec((0..Command::ALL.len(), 0usize..2, 0i64..60), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn money_is_parted_once_and_exactly(
        start in 0usize..5,
        minor in 1i64..1_000_000,
        steps in steps(),
    ) {
        let price = Money::new(minor, a_price().currency());
        let mut record = beginnings().swap_remove(start);
        record.price = record.price.map(|_| price);
        let mut booking = Booking::restore(record);
        let mut now = NOW;
        let mut ends = 0;

        for (command, side, hours) in steps {
            now += TimeDelta::hours(hours);
            let command = Command::ALL[command];
            let by = command.sides()[side % command.sides().len()];
            let before = booking.clone();
            let Ok(transition) = give(&mut booking, command, by, now) else {
                prop_assert_eq!(&booking, &before, "a refusal changed something");
                continue;
            };
            prop_assert!(!before.status().is_final(), "{:?} was left", before.status());
            prop_assert_eq!(booking.version(), before.version() + 1);
            match transition.settlement {
                Some(Settlement::Settle { refund, payout }) => {
                    ends += 1;
                    prop_assert!(refund.minor() >= 0 && payout.minor() >= 0);
                    prop_assert_eq!(refund.checked_add(payout).ok(), booking.price());
                }
                Some(Settlement::Capture { amount }) => {
                    prop_assert_eq!(Some(amount), booking.price());
                }
                Some(Settlement::Void) => ends += 1,
                Some(Settlement::Authorise { .. }) | None => {}
            }
            if booking.status().is_final() {
                let held = matches!(
                    booking.funds(),
                    Funds::Awaited | Funds::Authorised { .. } | Funds::Captured
                );
                prop_assert!(!held, "money is left behind");
            }
        }
        prop_assert!(ends <= 1, "money was let go twice");
    }

    #[test]
    fn time_alone_ends_every_booking(start in 0usize..5, steps in steps()) {
        let mut booking = Booking::restore(beginnings().swap_remove(start));
        let mut now = NOW;
        for (command, side, hours) in steps {
            now += TimeDelta::hours(hours);
            let command = Command::ALL[command];
            let by = command.sides()[side % command.sides().len()];
            let _ = give(&mut booking, command, by, now);
        }

        for _ in 0..3 {
            let timers = booking.timers(now);
            prop_assert!(timers.iter().all(|timer| TIMER_KINDS.contains(&timer.kind)));
            let Some(due) = booking.due() else { break };
            now = now.max(due);
            let enforced = timers.iter().find(|timer| timer.due_at == due).unwrap();
            let reaction = booking.on_timer(enforced.kind, now).unwrap();
            prop_assert!(matches!(reaction, Reaction::Moved(_)), "{reaction:?}");
        }
        prop_assert!(booking.status().is_final(), "{:?}", booking.status());
    }

    #[test]
    fn a_timer_for_nothing_changes_nothing(start in 0usize..5, kind in 0..TIMER_KINDS.len()) {
        let mut booking = Booking::restore(beginnings().swap_remove(start));
        let before = booking.clone();

        let reaction = booking.on_timer(TIMER_KINDS[kind], NOW).unwrap();

        prop_assert_eq!(booking, before);
        prop_assert!(!matches!(reaction, Reaction::Moved(_)));
    }
}

#[test]
fn a_reminder_goes_out_a_day_before_and_not_after() {
    let mut booking = Booking::restore(an_appointment(NOW));
    let due = booking.due().unwrap();
    let remind = |booking: &mut Booking, at| booking.on_timer("booking.remind_answer", at).unwrap();

    assert!(matches!(remind(&mut booking, NOW), Reaction::Later(_)));
    assert!(matches!(remind(&mut booking, due - TimeDelta::days(1)), Reaction::Remind { .. }));
    assert!(matches!(remind(&mut booking, due), Reaction::Nothing));
    assert!(matches!(booking.status(), Status::Requested { .. }));
}
