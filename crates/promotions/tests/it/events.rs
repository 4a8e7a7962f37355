//! What follows from payments and from time, with mocked ports.

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{EventMessage, Money, PaymentId, PromotionId};
use promotions::testing::{
    MockPromotionTx, a_coupon_use, a_discounted_promotion, a_paid_promotion, a_payment_event,
    a_promotion, an_id, another, euros, one_in_each_status, payment,
};
use promotions::{
    COUPON_TIMER_KINDS, CancelCause, Capture, CouponUse, PromotionRecord, PromotionService,
    Purpose, Settlement, Stage, Status, TIMER_KINDS,
};

use crate::lifecycle::{NOW, days};
use crate::service::service_at;

fn the_promotion() -> PromotionId {
    a_promotion(NOW).id
}

fn news(name: &str, captured: Money, returned: Money) -> EventMessage {
    a_payment_event(name, Purpose::Promotion, &the_promotion(), captured, returned, NOW)
}

fn captured() -> EventMessage {
    news("payment.captured.v1", euros(1_000), euros(0))
}

/// A transaction that stores the promotion once, in a status.
fn storing(mut tx: MockPromotionTx, now: DateTime<Utc>, status: Status) -> MockPromotionTx {
    tx.expect_update_promotion()
        .withf(move |promotion| promotion.status(now) == status)
        .once()
        .returning(|_| Ok(()));
    tx.expect_commit().once().returning(|| Ok(()));
    tx
}

fn telling(tx: &mut MockPromotionTx, names: &[&'static str]) {
    let mut order = mockall::Sequence::new();
    for expected in names.iter().copied() {
        tx.expect_published()
            .withf(move |name, _| name == expected)
            .once()
            .in_sequence(&mut order)
            .returning(|_, _| Ok(()));
    }
}

fn settling(tx: &mut MockPromotionTx, expected: Settlement) {
    tx.expect_settle_promotion()
        .withf(move |_, settlement| *settlement == expected)
        .once()
        .returning(|_, _| Ok(()));
}

fn with_coupon(tx: &mut MockPromotionTx, state: &'static str) {
    tx.expect_coupon_use_for_update()
        .returning(|_| Ok(Some(CouponUse::restore(a_coupon_use(NOW)))));
    tx.expect_update_coupon_use()
        .withf(move |it| it.record().state.name() == state)
        .once()
        .returning(|_| Ok(()));
}

#[tokio::test]
async fn captured_money_makes_it_effective_and_redeems_the_coupon() {
    let mut tx = MockPromotionTx::new();
    tx.expect_first_time()
        .withf(|handler, _| handler == PromotionService::HANDLER)
        .once()
        .returning(|_, _| Ok(true));
    tx.expect_clear_timer()
        .withf(|kind, _| kind == "promotion.payment_due")
        .once()
        .returning(|_, _| Ok(()));
    tx.expect_set_timer()
        .withf(|timer| timer.kind != "promotion.start" && timer.due_at > NOW)
        .times(3)
        .returning(|_| Ok(()));
    let tx = tx.holding(a_discounted_promotion(NOW)).with_open(Vec::new()).with_returned(euros(0));
    let mut tx = storing(tx, NOW, Status::Active);
    telling(&mut tx, &["promotion.paid.v1", "promotion.started.v1"]);
    with_coupon(&mut tx, "redeemed");

    let event = news("payment.captured.v1", euros(800), euros(0));
    service_at(tx, NOW).on_event(&event).await.unwrap();
}

#[tokio::test]
async fn what_is_paid_while_another_is_active_follows_it() {
    let running = another(1, a_paid_promotion(NOW, NOW - days(2)));
    let tx = MockPromotionTx::willing().holding(a_promotion(NOW)).with_open(vec![running]);
    let tx = tx.with_returned(euros(0));
    let mut tx = storing(tx, NOW, Status::Scheduled);
    tx.expect_published()
        .withf(|name, payload| {
            let start = (NOW + days(5)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
            name == "promotion.paid.v1" && payload["starts_at"] == start
        })
        .once()
        .returning(|_, _| Ok(()));

    service_at(tx, NOW).on_event(&captured()).await.unwrap();
}

#[tokio::test]
async fn a_second_delivery_changes_nothing() {
    let mut tx = MockPromotionTx::new();
    tx.expect_first_time().once().returning(|_, _| Ok(false));

    service_at(tx, NOW).on_event(&captured()).await.unwrap();
}

#[tokio::test]
async fn money_that_has_no_use_goes_back() {
    let paid_otherwise = {
        let mut record = a_paid_promotion(NOW, NOW);
        if let Stage::Paid { receipt: Some(receipt), .. } = &mut record.stage {
            receipt.payment = PaymentId::from_uuid(an_id(77));
        }
        record
    };
    let cancelled = one_in_each_status(NOW).remove(4);
    let cases = [
        (a_promotion(NOW), euros(999)),
        (a_promotion(NOW), Money::new(1_000, kernel::Currency::USD)),
        (paid_otherwise, euros(1_000)),
        (cancelled, euros(1_000)),
    ];
    for (record, amount) in cases {
        let nothing_back = Money::zero(amount.currency());
        let tx = MockPromotionTx::willing().holding(record).with_open(Vec::new());
        let mut tx = tx.with_returned(nothing_back);
        settling(&mut tx, Settlement::Refund { payment: payment(), amount });
        tx.expect_commit().once().returning(|| Ok(()));
        // No `expect_update_promotion`: it stays as it is.
        let event = news("payment.captured.v1", amount, nothing_back);

        service_at(tx, NOW).on_event(&event).await.unwrap();
    }
}

#[tokio::test]
async fn a_refused_payment_cancels_and_releases_the_coupon() {
    for name in ["payment.failed.v1", "payment.voided.v1"] {
        let tx = MockPromotionTx::willing().holding(a_discounted_promotion(NOW));
        let mut tx = storing(tx, NOW, Status::Cancelled);
        settling(&mut tx, Settlement::Void);
        with_coupon(&mut tx, "released");
        telling(&mut tx, &["promotion.cancelled.v1"]);

        service_at(tx, NOW).on_event(&news(name, euros(0), euros(0))).await.unwrap();
    }

    let mut paid = MockPromotionTx::willing().holding(a_paid_promotion(NOW, NOW));
    paid.expect_commit().once().returning(|| Ok(()));
    let late = news("payment.failed.v1", euros(0), euros(0));
    service_at(paid, NOW).on_event(&late).await.unwrap();
}

#[tokio::test]
async fn a_whole_refund_ends_it_and_a_part_is_remembered() {
    let tx = MockPromotionTx::willing().holding(a_paid_promotion(NOW, NOW));
    let mut tx = storing(tx.with_returned(euros(1_000)), NOW, Status::Cancelled);
    tx.expect_published()
        .withf(|_, payload| payload["cause"] == CancelCause::ChargedBack.name())
        .once()
        .returning(|_, _| Ok(()));
    let whole = news("payment.charged_back.v1", euros(1_000), euros(1_000));
    service_at(tx, NOW).on_event(&whole).await.unwrap();

    let tx = MockPromotionTx::willing().holding(a_paid_promotion(NOW, NOW));
    let tx = storing(tx.with_returned(euros(300)), NOW, Status::Active);
    let part = news("payment.refunded.v1", euros(1_000), euros(300));
    service_at(tx, NOW).on_event(&part).await.unwrap();
}

/// A transaction that stores the promotion once, knowing that so much is back.
fn noting(mut tx: MockPromotionTx, back: i64) -> MockPromotionTx {
    tx.expect_update_promotion()
        .withf(move |promotion| match promotion.stage() {
            Stage::Paid { receipt: Some(receipt), .. } => receipt.returned == euros(back),
            _ => false,
        })
        .once()
        .returning(|_| Ok(()));
    tx.expect_commit().once().returning(|| Ok(()));
    tx
}

#[tokio::test]
async fn how_much_is_back_says_the_payment_whichever_news_come_last() {
    // A bank took 5 euros back and gave 3 of them up again.
    let known = |back| {
        let mut record = a_paid_promotion(NOW, NOW);
        if let Stage::Paid { receipt: Some(receipt), .. } = &mut record.stage {
            receipt.returned = euros(back);
        }
        MockPromotionTx::willing().holding(record).with_returned(euros(200))
    };
    let taken_back = news("payment.charged_back.v1", euros(1_000), euros(500));
    let given_up = news("payment.reinstated.v1", euros(1_000), euros(200));

    service_at(noting(known(500), 200), NOW).on_event(&given_up).await.unwrap();
    service_at(noting(known(0), 200), NOW).on_event(&taken_back).await.unwrap();
    // Before it is heard that there was money at all.
    let mut unpaid = MockPromotionTx::willing().holding(a_promotion(NOW)).with_open(Vec::new());
    unpaid.expect_published().returning(|_, _| Ok(()));
    let unpaid = noting(unpaid.with_returned(euros(200)), 200);
    service_at(unpaid, NOW).on_event(&captured()).await.unwrap();
}

#[tokio::test]
async fn payments_for_other_things_are_no_concern() {
    let service = service_at(MockPromotionTx::new(), NOW);
    let order = "ord_00000000000070000000000000000001".to_owned();
    let zero = euros(0);
    let events = [
        a_payment_event("payment.captured.v1", Purpose::Order, &order, euros(5), zero, NOW),
        a_payment_event("payment.captured.v1", Purpose::Promotion, &order, euros(5), zero, NOW),
        EventMessage { name: "booking.accepted.v1".to_owned(), ..captured() },
    ];
    for event in events {
        service.on_event(&event).await.unwrap();
    }
    let broken = EventMessage { payload: serde_json::json!({}), ..captured() };
    assert!(
        service.on_event(&broken).await.is_err(),
        "an event that cannot be read is tried again"
    );
}

#[tokio::test]
async fn who_did_not_pay_in_time_loses_the_coupon() {
    let due = NOW + TimeDelta::hours(1);
    let tx = MockPromotionTx::willing().holding(a_discounted_promotion(NOW));
    let mut tx = storing(tx, due, Status::Cancelled);
    tx.expect_captured_for_promotion().once().returning(|_| Ok(None));
    settling(&mut tx, Settlement::Void);
    with_coupon(&mut tx, "released");
    tx.expect_published()
        .withf(|name, payload| name == "promotion.cancelled.v1" && payload["cause"] == "unpaid")
        .once()
        .returning(|_, _| Ok(()));

    let subject = the_promotion().to_string();
    service_at(tx, due).on_timer("promotion.payment_due", &subject).await.unwrap();
}

#[tokio::test]
async fn money_that_came_in_time_counts_though_its_news_are_late() {
    let due = NOW + TimeDelta::hours(1);
    let tx = MockPromotionTx::willing().holding(a_discounted_promotion(NOW)).with_open(Vec::new());
    let mut tx = storing(tx, due, Status::Active);
    tx.expect_captured_for_promotion().once().returning(|_| {
        Ok(Some(Capture { payment: payment(), amount: euros(800), returned: euros(0) }))
    });
    with_coupon(&mut tx, "redeemed");
    telling(&mut tx, &["promotion.paid.v1", "promotion.started.v1"]);

    let subject = the_promotion().to_string();
    service_at(tx, due).on_timer("promotion.payment_due", &subject).await.unwrap();
}

#[tokio::test]
async fn its_owner_is_told_three_days_and_one_day_before_and_at_the_end() {
    let end = NOW + days(7);
    let cases = [
        ("promotion.expires_in_3_days", end - days(3), Some(3), "promotion.expiring.v1"),
        ("promotion.expires_in_1_day", end - days(1), Some(1), "promotion.expiring.v1"),
        ("promotion.expire", end, None, "promotion.expired.v1"),
    ];
    for (kind, at, left, expected) in cases {
        let status = if left.is_some() { Status::Active } else { Status::Expired };
        let promotion = a_paid_promotion(NOW, NOW);
        let itself = promotion.clone();
        let tx = MockPromotionTx::willing().holding(promotion).with_open(vec![itself]);
        let mut tx = storing(tx, at, status);
        tx.expect_published()
            .withf(move |name, payload| {
                name == expected && payload["days_left"] == serde_json::json!(left)
            })
            .once()
            .returning(|_, _| Ok(()));

        service_at(tx, at).on_timer(kind, &the_promotion().to_string()).await.unwrap();
    }
}

#[tokio::test]
async fn nobody_is_reminded_of_an_end_after_which_it_goes_on() {
    let end = NOW + days(7);
    let next = || vec![another(1, a_paid_promotion(NOW, end))];
    let subject = the_promotion().to_string();

    let tx = MockPromotionTx::willing().holding(a_paid_promotion(NOW, NOW)).with_open(next());
    let tx = storing(tx, end - days(3), Status::Active);
    service_at(tx, end - days(3)).on_timer("promotion.expires_in_3_days", &subject).await.unwrap();

    let tx = MockPromotionTx::willing().holding(a_paid_promotion(NOW, NOW)).with_open(next());
    let mut tx = storing(tx, end, Status::Expired);
    telling(&mut tx, &["promotion.continued.v1"]);
    service_at(tx, end).on_timer("promotion.expire", &subject).await.unwrap();
}

#[tokio::test]
async fn a_timer_that_is_not_meant_any_more_changes_nothing() {
    let cancelled = || one_in_each_status(NOW).remove(4);
    for kind in TIMER_KINDS {
        for record in [cancelled(), PromotionRecord { version: 7, ..cancelled() }] {
            // No `expect_commit`.
            let tx = MockPromotionTx::new().holding(record);
            service_at(tx, NOW).on_timer(kind, &the_promotion().to_string()).await.unwrap();
        }
    }
    let mut early = MockPromotionTx::new().holding(a_promotion(NOW));
    early
        .expect_set_timer()
        .withf(|timer| timer.due_at == NOW + TimeDelta::hours(1))
        .once()
        .returning(|_| Ok(()));
    early.expect_commit().once().returning(|| Ok(()));
    let subject = the_promotion().to_string();
    service_at(early, NOW).on_timer("promotion.payment_due", &subject).await.unwrap();
    let nobody = service_at(MockPromotionTx::new(), NOW);
    nobody.on_timer("promotion.start", "not an id").await.unwrap();
}

#[test]
fn every_timer_that_is_set_is_answered() {
    let unpaid = promotions::Promotion::restore(a_promotion(NOW)).timers();
    let paid = promotions::Promotion::restore(a_paid_promotion(NOW, NOW + days(1))).timers();
    let set: Vec<_> = unpaid.into_iter().chain(paid).map(|timer| timer.kind).collect();

    assert_eq!(set, TIMER_KINDS);
    let coupon = CouponUse::restore(a_coupon_use(NOW)).timer();
    assert_eq!(coupon.map(|timer| timer.kind).as_slice(), COUPON_TIMER_KINDS);
}
