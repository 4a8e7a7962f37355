//! Every command in every state, as reviewed tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::PaymentId;
use promotions::testing::{
    a_coupon_use, a_paid_promotion, a_promotion, an_id, another, euros, one_in_each_status, payment,
};
use promotions::{
    CancelCause, Capture, Command, CouponUse, CouponUseRecord, Notice, PaymentReaction, Period,
    Policy, Promotion, PromotionRecord, Reason, RefundChoice, Settlement, Stage, Status, UseState,
};

pub(crate) const NOW: DateTime<Utc> =
    DateTime::from_timestamp(1_795_273_200, 0).expect("a valid time");

pub(crate) fn days(n: i64) -> TimeDelta {
    TimeDelta::days(n)
}

/// Gives the command; answers whether the promotion moved.
fn give(promotion: &mut Promotion, command: Command, now: DateTime<Utc>) -> bool {
    let policy = Policy::default();
    let moved = |reaction| matches!(reaction, Ok(PaymentReaction::Moved(_)));
    match command {
        Command::Capture => {
            let payment = PaymentId::from_uuid(an_id(99));
            let capture = Capture { payment, amount: promotion.to_pay(), returned: euros(0) };
            moved(promotion.captured(capture, &[], now))
        }
        Command::Fail => moved(promotion.payment_failed(now)),
        Command::Reverse => {
            let all = promotion.to_pay();
            moved(promotion.payment_returned(payment(), all, true, false, now))
        }
        Command::Cancel => promotion.cancel(&policy, now).is_ok(),
        Command::Revoke => promotion.revoke(a_reason(), RefundChoice::Unused, now).is_ok(),
        Command::TimeOut => promotion.time_out(now).is_ok(),
    }
}

fn a_reason() -> Reason {
    Reason::new("Against the rules").unwrap()
}

/// Promotions of every kind that matters.
fn samples() -> Vec<PromotionRecord> {
    let mut samples = one_in_each_status(NOW);
    samples.push(PromotionRecord { wanted_start: Some(NOW + days(5)), ..a_promotion(NOW) });
    samples
}

/// Where each command leads from each status; nothing where it is refused. Before and after the
/// time to pay.
pub(crate) fn transitions() -> BTreeMap<(Status, Command), BTreeSet<Status>> {
    let mut table: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for record in samples() {
        for now in [NOW, NOW + TimeDelta::hours(2)] {
            for command in Command::ALL {
                let mut promotion = Promotion::restore(record.clone());
                let (from, may) = (promotion.status(now), promotion.may(*command, now));
                assert_eq!(give(&mut promotion, *command, now), may, "{command:?} of {from:?}");
                let to = table.entry((from, *command)).or_default();
                if may {
                    to.insert(promotion.status(now));
                    assert_eq!(promotion.record().version, record.version + 1);
                } else {
                    assert_eq!(*promotion.record(), record, "refused, but changed");
                }
            }
        }
    }
    table
}

/// Where time alone leads from each status.
pub(crate) fn passages() -> BTreeSet<(Status, Status)> {
    let mut found = BTreeSet::new();
    for record in samples() {
        let promotion = Promotion::restore(record);
        let moments = promotion.period().map(|period| [period.start(), period.end()]);
        for moment in moments.into_iter().flatten() {
            let before = moment - TimeDelta::microseconds(1);
            found.insert((promotion.status(before), promotion.status(moment)));
        }
    }
    found
}

#[test]
fn the_lifecycle_is_as_reviewed() {
    let mut table = String::new();
    for ((from, command), to) in transitions() {
        let to: Vec<_> = to.into_iter().map(Status::name).collect();
        let to = if to.is_empty() { "-".to_owned() } else { to.join(" or ") };
        let (from, name, side) = (from.name(), command.name(), command.side().name());
        writeln!(table, "{from:<15} {name:<8} {side:<7} -> {to}").unwrap();
    }
    for (from, to) in passages() {
        writeln!(table, "{:<15} -        time    -> {}", from.name(), to.name()).unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn every_status_is_reached_and_every_open_one_ends_by_time() {
    let mut edges: BTreeSet<_> = passages();
    for ((from, _), to) in transitions() {
        edges.extend(to.into_iter().map(|to| (from, to)));
    }
    let mut reached = BTreeSet::from([Status::PendingPayment]);
    loop {
        let more = edges.iter().filter(|(from, _)| reached.contains(from)).map(|(_, to)| *to);
        let next: BTreeSet<_> = more.chain(reached.iter().copied()).collect();
        if next == reached {
            break;
        }
        reached = next;
    }
    assert_eq!(reached, BTreeSet::from(Status::ALL));

    let by_time: BTreeSet<_> = passages().into_iter().map(|(from, _)| from).collect();
    for status in Status::ALL {
        let by_timer = transitions().iter().any(|((from, command), to)| {
            *from == status && *command == Command::TimeOut && !to.is_empty()
        });
        assert_eq!(by_timer || by_time.contains(&status), !status.is_final(), "{status:?}");
    }
}

#[test]
fn a_refusal_says_what_is_possible() {
    let mut expired = Promotion::restore(one_in_each_status(NOW).remove(3));

    let error = expired.cancel(&Policy::default(), NOW).unwrap_err();

    assert_eq!(
        error.to_string(),
        format!("cannot cancel promotion {} now: its status is `expired`", expired.id())
    );
    assert_eq!(kernel::Failure::allowed(&error), Some(&[][..]));
    let active = Promotion::restore(a_paid_promotion(NOW, NOW));
    assert_eq!(active.allowed(promotions::Side::Owner, NOW), [Command::Cancel]);
}

#[test]
fn what_is_given_up_is_given_back_by_the_time_that_is_left() {
    let refund = |policy: &Policy, at| {
        let mut promotion = Promotion::restore(a_paid_promotion(NOW, NOW + days(2)));
        let settlement = promotion.cancel(policy, at).unwrap().settlement;
        let Stage::Cancelled { refund, ran, .. } = promotion.stage() else { panic!("goes on") };
        let expected = (refund.minor() > 0)
            .then_some(Settlement::Refund { payment: payment(), amount: *refund });
        assert_eq!(settlement, expected);
        (refund.minor(), ran.map(Period::length))
    };
    let half = Policy { refund_percent: 50, ..Policy::default() };

    assert_eq!(refund(&half, NOW + days(1)), (1_000, None), "all of it before the start");
    assert_eq!(refund(&Policy::default(), NOW + days(4)), (714, Some(days(2))));
    assert_eq!(refund(&half, NOW + days(4)), (357, Some(days(2))));
    let none = Policy { refund_percent: 0, ..Policy::default() };
    assert_eq!(refund(&none, NOW + days(4)), (0, Some(days(2))));
}

#[test]
fn what_went_back_already_is_not_given_back_again() {
    let mut promotion = Promotion::restore(a_paid_promotion(NOW, NOW));
    let part = promotion.payment_returned(payment(), euros(600), false, false, NOW).unwrap();
    assert_eq!(part, PaymentReaction::Noted);
    let elsewhere = PaymentId::from_uuid(an_id(98));
    let other = promotion.payment_returned(elsewhere, euros(1_000), true, false, NOW).unwrap();
    assert_eq!(other, PaymentReaction::Nothing, "another payment is no concern");

    assert_eq!(promotion.refund_now(&Policy::default(), NOW).unwrap(), euros(400));
    let transition = promotion.revoke(a_reason(), RefundChoice::Everything, NOW).unwrap();
    assert_eq!(
        transition.settlement,
        Some(Settlement::Refund { payment: payment(), amount: euros(400) })
    );
}

#[test]
fn a_payment_that_is_taken_back_ends_the_promotion() {
    for (by_bank, cause) in [(false, CancelCause::Refunded), (true, CancelCause::ChargedBack)] {
        let mut promotion = Promotion::restore(a_paid_promotion(NOW, NOW));

        let reaction =
            promotion.payment_returned(payment(), euros(1_000), true, by_bank, NOW).unwrap();

        let PaymentReaction::Moved(transition) = reaction else { panic!("nothing happened") };
        assert_eq!(transition.settlement, None, "it is back already");
        assert!(matches!(promotion.stage(), Stage::Cancelled { cause: c, .. } if *c == cause));
    }
}

#[test]
fn news_of_one_payment_in_the_wrong_order_come_to_the_same() {
    let mut promotion = Promotion::restore(a_promotion(NOW));
    let capture = Capture { payment: payment(), amount: euros(1_000), returned: euros(0) };

    promotion.payment_returned(payment(), euros(1_000), true, false, NOW).unwrap();
    let reaction = promotion.captured(capture, &[], NOW).unwrap();

    assert_eq!(reaction, PaymentReaction::Nothing, "it is back already");
    assert_eq!(promotion.status(NOW), Status::Cancelled);
}

#[test]
fn each_thing_is_told_once_and_nothing_that_was_overtaken() {
    let start = NOW + days(2);
    let end = start + days(7);
    let scheduled = Promotion::restore(a_paid_promotion(NOW, start));
    let due = |promotion: &Promotion| {
        let timers = promotion.timers();
        timers.into_iter().map(|timer| (timer.kind, timer.due_at)).collect::<Vec<_>>()
    };
    assert_eq!(
        due(&scheduled),
        [
            ("promotion.start", start),
            ("promotion.expires_in_3_days", end - days(3)),
            ("promotion.expires_in_1_day", end - days(1)),
            ("promotion.expire", end),
        ]
    );

    let mut promotion = scheduled;
    assert!(matches!(promotion.due("promotion.start", NOW), promotions::Due::Later(_)));
    let told = |promotion: &mut Promotion, notice, at: DateTime<Utc>| {
        promotion
            .tell(notice, false, at)
            .map(|event| (event.happening.event_name(), event.days_left))
    };
    assert_eq!(told(&mut promotion, Notice::Started, start), Some(("promotion.started.v1", None)));
    assert_eq!(promotion.due("promotion.start", start), promotions::Due::Nothing);
    let late = end - TimeDelta::hours(20);
    assert_eq!(promotion.due("promotion.expires_in_3_days", late), promotions::Due::Nothing);
    assert_eq!(
        told(&mut promotion, Notice::OneDayLeft, late),
        Some(("promotion.expiring.v1", Some(1)))
    );
    assert_eq!(promotion.due("promotion.expires_in_1_day", end), promotions::Due::Nothing);
    assert_eq!(told(&mut promotion, Notice::ThreeDaysLeft, late), None);
    assert_eq!(promotion.due("promotion.expire", end), promotions::Due::Tell(Notice::Expired));
    assert_eq!(told(&mut promotion, Notice::Expired, end), Some(("promotion.expired.v1", None)));
    assert!(promotion.timers().is_empty());
}

#[test]
fn what_goes_on_is_not_said_to_end() {
    let mut first = Promotion::restore(a_paid_promotion(NOW, NOW));
    let end = NOW + days(7);
    let second = Promotion::restore(another(1, a_paid_promotion(NOW, end)));
    assert!(first.is_continued_by(&second) && !second.is_continued_by(&first));
    assert!(!first.is_continued_by(&first));

    assert_eq!(first.tell(Notice::ThreeDaysLeft, true, end - days(3)), None);
    let event = first.tell(Notice::Expired, true, end).unwrap();

    assert_eq!(event.happening.event_name(), "promotion.continued.v1");
}

type UseCommand = (&'static str, &'static str, fn(&mut CouponUse) -> bool);

/// What can be done to the use of a coupon, and by whom.
pub(crate) const USE_COMMANDS: [UseCommand; 3] = [
    ("redeem", "gateway", |it| it.redeem(NOW + TimeDelta::hours(2))),
    ("release", "gateway, owner", |it| it.release(NOW + TimeDelta::hours(2))),
    ("lapse", "clock", |it| it.lapse(NOW + TimeDelta::hours(2))),
];

pub(crate) fn use_transitions()
-> Vec<(&'static str, &'static str, &'static str, Option<&'static str>)> {
    let states = [
        UseState::Reserved { until: NOW + TimeDelta::hours(1) },
        UseState::Redeemed { at: NOW },
        UseState::Released { at: NOW },
    ];
    let mut table = Vec::new();
    for state in states {
        for (command, by, give) in USE_COMMANDS {
            let mut coupon_use = CouponUse::restore(CouponUseRecord { state, ..a_coupon_use(NOW) });
            let changed = give(&mut coupon_use);
            let to = changed.then(|| coupon_use.record().state.name());
            table.push((state.name(), command, by, to));
        }
    }
    table
}

#[test]
fn the_life_of_a_coupons_use_is_as_reviewed() {
    let mut table = String::new();
    for (from, command, by, to) in use_transitions() {
        writeln!(table, "{from:<9} {command:<8} {by:<15} -> {}", to.unwrap_or("-")).unwrap();
    }
    insta::assert_snapshot!(table);

    let mut early = CouponUse::restore(a_coupon_use(NOW));
    assert!(!early.lapse(NOW + TimeDelta::minutes(59)));
    assert!(early.timer().is_some());
    assert!(early.lapse(NOW + TimeDelta::hours(1)));
    assert_eq!(early.timer(), None);
}
