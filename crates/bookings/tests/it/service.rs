//! The use cases, with mocked ports.

use std::sync::Arc;

use access::Role;
use bookings::testing::{
    MockBookingReads, MockBookingStore, MockBookingTx, a_listing, a_paid_appointment, a_reason,
    a_stranger, an_appointment, an_availability, office_hours, one_in_each_state, parties,
    the_client, the_provider,
};
use bookings::{
    BookableListing, Booking, BookingCommand, BookingError, BookingRecord, BookingService, Message,
    Occupied, PaymentTerms, Policy, ProcessKind, Settlement, SubmitBooking,
};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{
    Answer, Claim, Failure, FixedClock, Idempotency, IdempotencyScope, Once, SequentialIds,
};

use crate::lifecycle::NOW;

fn service_at(tx: MockBookingTx, now: DateTime<Utc>) -> BookingService {
    BookingService::new(
        Arc::new(MockBookingStore::with(tx)),
        Arc::new(MockBookingReads::new()),
        Arc::new(FixedClock(now)),
        Arc::new(SequentialIds::default()),
        Policy::default(),
    )
}

fn service(tx: MockBookingTx) -> BookingService {
    service_at(tx, NOW)
}

/// Monday, ten o'clock in Berlin: one of the office hours.
fn ten_o_clock() -> DateTime<Utc> {
    "2026-01-12T09:00:00Z".parse().unwrap()
}

fn submission() -> SubmitBooking {
    SubmitBooking {
        listing: a_listing().id,
        message: Message::new("Hello").unwrap(),
        starts_at: Some(ten_o_clock()),
        budget: None,
    }
}

fn submitting(
    mut tx: MockBookingTx,
    listing: BookableListing,
    occupied: Vec<Occupied>,
) -> MockBookingTx {
    tx.expect_bookable_listing().returning(move |_| Ok(Some(listing.clone())));
    tx.expect_availability().returning(|_| Ok(Some(an_availability(office_hours()))));
    tx.expect_lock_calendar().returning(|_| Ok(()));
    tx.expect_occupied().returning(move |_, _, _| Ok(occupied.clone()));
    tx.expect_insert_booking().returning(|_| Ok(()));
    tx
}

#[tokio::test]
async fn a_client_submits_and_the_provider_has_to_answer() {
    let mut tx = submitting(MockBookingTx::permissive(), a_listing(), vec![]);
    tx.expect_commit().once().returning(|| Ok(()));

    let once = service(tx).submit(&the_client(), submission(), None).await.unwrap();

    let Once::Done(seen) = once else { panic!("nothing was done") };
    assert_eq!(seen.booking.status().name(), "requested");
    assert_eq!(seen.booking.slot().unwrap().start(), ten_o_clock());
    assert_eq!(seen.allowed.iter().map(|c| c.name()).collect::<Vec<_>>(), ["withdraw"]);
}

#[tokio::test]
async fn with_payments_the_slot_is_held_while_the_client_pays() {
    let mut tx = MockBookingTx::new();
    tx.expect_payment_terms().returning(|| Ok(PaymentTerms::AuthoriseFirst));
    tx.expect_add_booking_history().returning(|_, _| Ok(()));
    tx.expect_set_timer()
        .withf(|timer| {
            timer.kind == "booking.payment_due" && timer.due_at == NOW + TimeDelta::minutes(15)
        })
        .once()
        .returning(|_| Ok(()));
    tx.expect_published()
        .withf(|name, _| name == "booking.payment_awaited.v1")
        .once()
        .returning(|_, _| Ok(()));
    tx.expect_settle_booking()
        .withf(|_, settlement| matches!(settlement, Settlement::Authorise { .. }))
        .once()
        .returning(|_, _| Ok(()));
    let mut tx = submitting(tx, a_listing(), vec![]);
    tx.expect_commit().once().returning(|| Ok(()));

    let once = service(tx).submit(&the_client(), submission(), None).await.unwrap();

    let Once::Done(seen) = once else { panic!("nothing was done") };
    assert_eq!(seen.booking.status().name(), "awaiting_payment");
}

#[tokio::test]
async fn a_taken_slot_is_refused_before_anybody_waits() {
    let slot = bookings::testing::an_hour(ten_o_clock()).slot;
    let occupied = vec![Occupied { slot, busy: Some(slot) }];
    let mut tx = MockBookingTx::new();
    tx.expect_bookable_listing().returning(|_| Ok(Some(a_listing())));
    tx.expect_availability().returning(|_| Ok(Some(an_availability(office_hours()))));
    tx.expect_occupied().once().returning(move |_, _, _| Ok(occupied.clone()));
    // No `expect_lock_calendar`: whoever comes too late does not queue.

    let error = service(tx).submit(&the_client(), submission(), None).await.unwrap_err();

    assert_eq!(error.code(), "booking.slot_taken");
}

#[tokio::test]
async fn what_is_not_offered_cannot_be_booked() {
    let cases = [
        (a_listing(), Some(ten_o_clock() + TimeDelta::minutes(30)), "booking.slot_not_offered"),
        (a_listing(), Some(NOW - TimeDelta::days(7)), "booking.slot_not_offered"),
        (a_listing(), None, "validation"),
        (BookableListing { processes: vec![], ..a_listing() }, None, "booking.not_bookable"),
        (
            BookableListing { processes: vec![ProcessKind::Quote], ..a_listing() },
            Some(ten_o_clock()),
            "validation",
        ),
        (
            BookableListing { provider_account: parties().client, ..a_listing() },
            Some(ten_o_clock()),
            "booking.own_listing",
        ),
        (
            BookableListing { public: false, ..a_listing() },
            Some(ten_o_clock()),
            "listing.not_found",
        ),
    ];
    for (listing, starts_at, code) in cases {
        let tx = submitting(MockBookingTx::new(), listing, vec![]);
        let submission = SubmitBooking { starts_at, ..submission() };

        let error = service(tx).submit(&the_client(), submission, None).await.unwrap_err();

        assert_eq!(error.code(), code, "{error}");
    }
}

#[tokio::test]
async fn a_key_that_was_used_gives_the_first_answer() {
    let answer = Answer { status: 201, headers: vec![], body: "first".to_owned() };
    let mut tx = MockBookingTx::new();
    let first = answer.clone();
    tx.expect_claim().return_once(|_| Ok(Claim::Replay(first)));
    let scope = IdempotencyScope {
        account: parties().client,
        operation: "POST /api/v1/bookings".to_owned(),
        key: "key".to_owned(),
        body_hash: [0; 32],
    };
    let idempotency = Idempotency { scope, answer: &|_| unreachable!("it is a replay") };

    let once = service(tx).submit(&the_client(), submission(), Some(idempotency)).await.unwrap();

    assert!(matches!(once, Once::Replayed(replayed) if replayed == answer));
}

#[tokio::test]
async fn a_stranger_learns_nothing() {
    for role in Role::ALL {
        let record = an_appointment(NOW);
        let id = record.id;
        let tx = MockBookingTx::new().holding(record);

        let command = BookingCommand::Accept { offer: None };
        let error = service(tx).command(&a_stranger(role), id, command).await.unwrap_err();

        assert!(matches!(error, BookingError::NotFound { .. }), "{error}");
    }
}

#[tokio::test]
async fn nobody_does_what_is_for_the_other_side() {
    let cases = [
        (the_client(), BookingCommand::ReportDone { note: None }),
        (the_client(), BookingCommand::Start),
        (the_client(), BookingCommand::Decline { reason: None }),
        (the_provider(), BookingCommand::ConfirmDone),
        (the_provider(), BookingCommand::Withdraw),
        (the_provider(), BookingCommand::Dispute { reason: a_reason("No") }),
    ];
    for (actor, command) in cases {
        let record = a_paid_appointment(NOW);
        let id = record.id;
        let tx = MockBookingTx::new().holding(record);

        let error = service(tx).command(&actor, id, command).await.unwrap_err();

        assert!(matches!(error, BookingError::Forbidden { .. }), "{error}");
    }
}

#[tokio::test]
async fn accepting_stores_tells_and_sets_the_timers_of_the_new_state() {
    let record = an_appointment(NOW);
    let id = record.id;
    let mut tx = MockBookingTx::new().holding(record);
    tx.expect_update_booking()
        .withf(|booking: &Booking| booking.version() == 2)
        .once()
        .returning(|_| Ok(()));
    tx.expect_add_booking_history()
        .withf(|_, entry| (entry.number, entry.command.as_str()) == (2, "accept"))
        .once()
        .returning(|_, _| Ok(()));
    for kind in ["booking.answer_due", "booking.remind_answer"] {
        tx.expect_clear_timer().withf(move |k, _| k == kind).once().returning(|_, _| Ok(()));
    }
    for kind in
        ["booking.performance_due", "booking.remind_performance", "booking.remind_appointment"]
    {
        tx.expect_set_timer().withf(move |t| t.kind == kind).once().returning(|_| Ok(()));
    }
    tx.expect_published()
        .withf(|name, payload| {
            name == "booking.accepted.v1"
                && payload["provider_account_id"] == parties().provider_account.to_string()
        })
        .once()
        .returning(|_, _| Ok(()));
    tx.expect_commit().once().returning(|| Ok(()));

    let command = BookingCommand::Accept { offer: None };
    let seen = service(tx).command(&the_provider(), id, command).await.unwrap();

    assert_eq!(seen.booking.status().name(), "accepted");
}

#[tokio::test]
async fn a_moderators_decision_is_audited() {
    let record = one_in_each_state(NOW).swap_remove(5);
    let id = record.id;
    let mut tx = MockBookingTx::permissive().holding(record);
    tx.expect_update_booking().returning(|_| Ok(()));
    tx.expect_settle_booking()
        .withf(|_, settlement| match settlement {
            Settlement::Settle { refund, payout } => {
                (refund.minor(), payout.minor()) == (3_000, 7_000)
            }
            _ => false,
        })
        .once()
        .returning(|_, _| Ok(()));
    tx.expect_record_audit()
        .withf(|entry| entry.reason.as_deref() == Some("Half done") && entry.command == "resolve")
        .once()
        .returning(|_| Ok(()));
    tx.expect_commit().once().returning(|| Ok(()));

    let moderator = a_stranger(Role::Moderator);
    let booking = service(tx).resolve(&moderator, id, 30, a_reason("Half done")).await.unwrap();

    assert_eq!(booking.status().name(), "completed");
}

#[tokio::test]
async fn only_moderators_and_admins_decide() {
    for actor in [the_client(), the_provider(), access::Actor::visitor()] {
        let error = service(MockBookingTx::new())
            .resolve(&actor, an_appointment(NOW).id, 100, a_reason("Mine"))
            .await
            .unwrap_err();

        assert!(
            matches!(error, BookingError::Forbidden { .. } | BookingError::Unauthenticated),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_timer_that_comes_twice_expires_once() {
    let late = NOW + TimeDelta::days(4);
    let expired =
        BookingRecord { status: bookings::Status::Expired { at: late }, ..an_appointment(NOW) };
    let id = expired.id.to_string();
    let mut first = MockBookingTx::permissive().holding(an_appointment(NOW));
    first.expect_update_booking().once().returning(|_| Ok(()));
    first.expect_commit().once().returning(|| Ok(()));
    // The second one stores nothing.
    let second = MockBookingTx::new().holding(expired);

    service_at(first, late).on_timer("booking.answer_due", &id).await.unwrap();
    service_at(second, late).on_timer("booking.answer_due", &id).await.unwrap();
    service_at(MockBookingTx::new(), late).on_timer("booking.answer_due", "nobody").await.ok();
}

#[tokio::test]
async fn nobody_is_reminded_twice() {
    let record = an_appointment(NOW);
    let (id, day_before) = (record.id.to_string(), NOW + TimeDelta::days(2));
    let mut tx = MockBookingTx::new().holding(record);
    tx.expect_first_booking_reminder().once().returning(|_, _, _| Ok(false));
    tx.expect_commit().returning(|| Ok(()));
    // No `expect_published`: a reminder here would fail the test.

    service_at(tx, day_before).on_timer("booking.remind_answer", &id).await.unwrap();
}
