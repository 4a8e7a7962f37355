//! Buying, cancelling and looking, with mocked ports.

use std::sync::Arc;

use access::{Actor, Role};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{
    Answer, Claim, Failure, FixedClock, Idempotency, IdempotencyScope, Limit, Money, Once, Page,
    SequentialIds,
};
use promotions::testing::{
    MockPromotionReads, MockPromotionStore, MockPromotionTx, a_coupon, a_coupon_use,
    a_paid_promotion, a_product, a_promotion, a_stranger, account, another, euros, listing,
    one_in_each_status, payment, pro, provider, the_owner, top,
};
use promotions::{
    BuyPromotion, Coupon, CouponRecord, CouponUse, Discount, Figures, Policy, PromotableListing,
    Promotion, PromotionRecord, PromotionService, Purchase, Reason, RefundChoice, Settlement,
    Status, Target, UseState, Uses, Window,
};

use crate::lifecycle::{NOW, days};

pub(crate) fn service_at(tx: MockPromotionTx, now: DateTime<Utc>) -> PromotionService {
    with_reads(MockPromotionStore::with(tx), MockPromotionReads::new(), now)
}

fn with_reads(
    store: MockPromotionStore,
    reads: MockPromotionReads,
    now: DateTime<Utc>,
) -> PromotionService {
    PromotionService::new(
        Arc::new(store),
        Arc::new(reads),
        Arc::new(FixedClock(now)),
        Arc::new(SequentialIds::default()),
        Policy::default(),
    )
}

fn reading(reads: MockPromotionReads) -> PromotionService {
    with_reads(MockPromotionStore::new(), reads, NOW)
}

/// Top for a week for listing 1.
fn an_order() -> BuyPromotion {
    BuyPromotion {
        product: "top".to_owned(),
        duration_days: 7,
        listing: Some(listing(1)),
        starts_at: None,
        coupon: None,
    }
}

/// A marketplace with two products on which the owner has these promotions.
fn a_market(open: Vec<PromotionRecord>) -> MockPromotionTx {
    let mut tx = MockPromotionTx::willing().with_open(open);
    tx.expect_product().returning(|key| {
        let known = [top(), pro()].into_iter().find(|product| product.key == key.as_str());
        Ok(known.map(|product| a_product(&product, NOW)))
    });
    tx.expect_promotable_listing()
        .returning(|id| Ok(Some(PromotableListing { id, provider: provider(), public: true })));
    tx.expect_is_provider_public().returning(|_| Ok(true));
    tx.expect_count_unpaid_promotions().returning(|_| Ok(0));
    tx
}

fn storing(mut tx: MockPromotionTx) -> MockPromotionTx {
    tx.expect_insert_promotion().once().returning(|_| Ok(()));
    tx.expect_commit().once().returning(|| Ok(()));
    tx
}

async fn bought(tx: MockPromotionTx, command: BuyPromotion) -> Purchase {
    match service_at(tx, NOW).buy(&the_owner(), command, None).await.unwrap() {
        Once::Done(purchase) => purchase,
        Once::Replayed(_) => panic!("nothing was done"),
    }
}

#[tokio::test]
async fn buying_says_what_to_pay_and_by_when() {
    let mut tx = storing(a_market(Vec::new()));
    tx.expect_published()
        .withf(|name, payload| {
            name == "promotion.payment_awaited.v1" && payload["status"] == "pending_payment"
        })
        .once()
        .returning(|_, _| Ok(()));

    let Purchase { promotion, due, planned } = bought(tx, an_order()).await;

    assert_eq!(promotion.status(NOW), Status::PendingPayment);
    let due = due.unwrap();
    assert_eq!((due.promotion, due.payer, due.amount), (promotion.id(), account(), euros(1_000)));
    assert_eq!(due.pay_by, NOW + TimeDelta::hours(1));
    assert_eq!((planned.start(), planned.end()), (NOW, NOW + days(7)));
    assert_eq!(promotion.payment_due(due.pay_by), None, "too late");
}

#[tokio::test]
async fn buying_again_goes_on_from_the_current_end() {
    let mut tx = storing(a_market(vec![a_paid_promotion(NOW, NOW - days(2))]));
    tx.expect_published().returning(|_, _| Ok(()));

    let purchase = bought(tx, BuyPromotion { duration_days: 30, ..an_order() }).await;

    assert_eq!(purchase.planned.start(), NOW + days(5));
    assert_eq!(purchase.planned.end(), NOW + days(35));
}

#[tokio::test]
async fn a_coupon_is_reserved_with_the_purchase() {
    let mut tx = storing(a_market(Vec::new()));
    tx.expect_coupon_for_use()
        .withf(|code, by| code.as_str() == "WELCOME-20" && *by == account())
        .returning(|_, _| Ok(Some((Coupon::restore(a_coupon(NOW)), Uses::default()))));
    tx.expect_insert_coupon_use()
        .withf(|it| {
            let until = UseState::Reserved { until: NOW + TimeDelta::hours(1) };
            it.record().state == until && it.record().reference.starts_with("prm_")
        })
        .once()
        .returning(|_| Ok(()));
    tx.expect_published().returning(|_, _| Ok(()));

    let order = BuyPromotion { coupon: Some(" welcome-20 ".to_owned()), ..an_order() };
    let purchase = bought(tx, order).await;

    assert_eq!(purchase.due.unwrap().amount, euros(800));
    assert_eq!(purchase.promotion.record().discount.as_ref().unwrap().amount, euros(200));
}

#[tokio::test]
async fn with_nothing_left_to_pay_it_is_effective_and_the_coupon_redeemed_at_once() {
    let mut tx = storing(a_market(Vec::new()));
    let free = CouponRecord { discount: Discount::Percent(100), ..a_coupon(NOW) };
    tx.expect_coupon_for_use()
        .returning(move |_, _| Ok(Some((Coupon::restore(free.clone()), Uses::default()))));
    tx.expect_insert_coupon_use().once().returning(|_| Ok(()));
    tx.expect_coupon_use_for_update()
        .returning(|_| Ok(Some(CouponUse::restore(a_coupon_use(NOW)))));
    tx.expect_update_coupon_use()
        .withf(|it| it.record().state == UseState::Redeemed { at: NOW })
        .once()
        .returning(|_| Ok(()));
    let mut told = mockall::Sequence::new();
    for expected in ["promotion.paid.v1", "promotion.started.v1"] {
        tx.expect_published()
            .withf(move |name, _| name == expected)
            .once()
            .in_sequence(&mut told)
            .returning(|_, _| Ok(()));
    }

    let order = BuyPromotion { coupon: Some("WELCOME-20".to_owned()), ..an_order() };
    let purchase = bought(tx, order).await;

    assert_eq!(purchase.due, None);
    assert_eq!(purchase.promotion.status(NOW), Status::Active);
}

#[tokio::test]
async fn the_same_key_buys_once() {
    let mut tx = MockPromotionTx::new();
    let answer = Answer { status: 201, headers: Vec::new(), body: "{}".to_owned() };
    let given = answer.clone();
    tx.expect_claim().return_once(move |_| Ok(Claim::Replay(given)));
    let idempotency = Idempotency {
        scope: IdempotencyScope {
            account: account(),
            operation: "POST /api/v1/promotions".to_owned(),
            key: "k".to_owned(),
            body_hash: [0; 32],
        },
        answer: &|_: &Purchase| panic!("nothing was bought"),
    };

    let once = service_at(tx, NOW).buy(&the_owner(), an_order(), Some(idempotency)).await.unwrap();

    assert_eq!(once, Once::Replayed(answer));
}

#[tokio::test]
async fn what_does_not_fit_is_refused_before_anything_is_stored() {
    let order = an_order;
    let for_pro = || BuyPromotion { product: "pro".to_owned(), duration_days: 30, ..order() };
    let at = |starts_at| BuyPromotion { starts_at: Some(starts_at), ..order() };
    let cases = [
        (BuyPromotion { product: "gold".to_owned(), ..order() }, "promotion.product_not_found"),
        (BuyPromotion { product: "T\0p".to_owned(), ..order() }, "promotion.product_not_found"),
        (BuyPromotion { duration_days: 8, ..order() }, "validation"),
        (BuyPromotion { duration_days: 7, listing: None, ..for_pro() }, "validation"),
        (BuyPromotion { listing: None, ..order() }, "validation"),
        (for_pro(), "validation"),
        (at(NOW - TimeDelta::seconds(1)), "validation"),
        (at(NOW + days(91)), "validation"),
        (at(DateTime::<Utc>::MAX_UTC), "validation"),
        (BuyPromotion { coupon: Some("a b".to_owned()), ..order() }, "validation"),
    ];
    for (command, code) in cases {
        let error = service_at(a_market(Vec::new()), NOW)
            .buy(&the_owner(), command.clone(), None)
            .await
            .unwrap_err();
        assert_eq!(error.code(), code, "{command:?}: {error}");
    }
}

#[tokio::test]
async fn limits_count_what_waits_for_its_payment_too() {
    let elsewhere = |n, record: PromotionRecord| {
        another(n, PromotionRecord { target: Target::Listing(listing(n)), ..record })
    };
    let paid = || elsewhere(2, a_paid_promotion(NOW, NOW));
    let waiting = || elsewhere(3, a_promotion(NOW));
    let full = vec![paid(), waiting()];
    let error = service_at(a_market(full.clone()), NOW)
        .buy(&the_owner(), an_order(), None)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "promotion.limit_reached", "{error}");
    let again = BuyPromotion { listing: Some(listing(2)), ..an_order() };
    let mut tx = storing(a_market(full));
    tx.expect_published().returning(|_, _| Ok(()));
    bought(tx, again).await;

    let months: Vec<_> = (0..50).map(|n| another(n, a_promotion(NOW))).collect();
    let error = service_at(a_market(months), NOW)
        .buy(&the_owner(), BuyPromotion { duration_days: 30, ..an_order() }, None)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "promotion.booked_ahead", "{error}");

    let mut tx = MockPromotionTx::willing().with_open(Vec::new());
    tx.expect_product().returning(|_| Ok(Some(a_product(&top(), NOW))));
    tx.expect_promotable_listing()
        .returning(|id| Ok(Some(PromotableListing { id, provider: provider(), public: true })));
    tx.expect_count_unpaid_promotions().returning(|_| Ok(10));
    let error = service_at(tx, NOW).buy(&the_owner(), an_order(), None).await.unwrap_err();
    assert_eq!(error.code(), "promotion.too_many_unpaid", "{error}");
}

#[tokio::test]
async fn only_what_is_public_and_ones_own_is_promoted() {
    let buying = |actor: Actor, own: bool, public: bool| async move {
        let mut tx = MockPromotionTx::willing();
        tx.expect_product().returning(|_| Ok(Some(a_product(&top(), NOW))));
        let of = if own { provider() } else { kernel::ProviderId::from_uuid(listing(9).as_uuid()) };
        tx.expect_promotable_listing()
            .returning(move |id| Ok(Some(PromotableListing { id, provider: of, public })));
        let error = service_at(tx, NOW).buy(&actor, an_order(), None).await.unwrap_err();
        error.code()
    };

    assert_eq!(buying(Actor::visitor(), true, true).await, "unauthenticated");
    assert_eq!(buying(the_owner(), true, false).await, "promotion.not_public");
    assert_eq!(buying(the_owner(), false, true).await, "forbidden");
    assert_eq!(buying(the_owner(), false, false).await, "listing.not_found");
    assert_eq!(buying(a_stranger(Role::Admin), true, true).await, "forbidden");
}

#[tokio::test]
async fn giving_up_an_active_one_gives_back_the_time_that_is_left() {
    let mut tx = MockPromotionTx::willing().holding(a_paid_promotion(NOW, NOW));
    tx.expect_update_promotion().once().returning(|_| Ok(()));
    tx.expect_settle_promotion()
        .withf(|_, settlement| {
            *settlement == Settlement::Refund { payment: payment(), amount: euros(571) }
        })
        .once()
        .returning(|_, _| Ok(()));
    tx.expect_published()
        .withf(|name, payload| {
            name == "promotion.cancelled.v1"
                && payload["cause"] == "owner"
                && payload["refund"]["amount"] == 571
        })
        .once()
        .returning(|_, _| Ok(()));
    tx.expect_commit().once().returning(|| Ok(()));

    let id = a_promotion(NOW).id;
    let seen = service_at(tx, NOW + days(3)).cancel(&the_owner(), id).await.unwrap();

    assert_eq!((seen.status, seen.allowed, seen.refund_now), (Status::Cancelled, vec![], None));
}

#[tokio::test]
async fn a_stranger_learns_nothing() {
    for role in [Role::Client, Role::Provider, Role::Moderator, Role::Admin] {
        let tx = MockPromotionTx::willing().holding(a_promotion(NOW));
        let id = a_promotion(NOW).id;
        let mut reads = MockPromotionReads::new();
        reads.expect_promotion().returning(|_| Ok(Some(Promotion::restore(a_promotion(NOW)))));
        let reading = reading(reads);
        let stranger = a_stranger(role);

        let refusals = [
            service_at(tx, NOW).cancel(&stranger, id).await.unwrap_err(),
            reading.promotion(&stranger, id).await.unwrap_err(),
            reading.statistics(&stranger, id, Window::Week).await.unwrap_err(),
        ];

        assert!(refusals.iter().all(|e| e.code() == "promotion.not_found"), "{refusals:?}");
    }
}

#[tokio::test]
async fn an_admin_takes_back_with_a_reason_and_a_line_in_the_audit_log() {
    let mut tx = MockPromotionTx::willing().holding(a_paid_promotion(NOW, NOW));
    tx.expect_update_promotion().once().returning(|_| Ok(()));
    tx.expect_settle_promotion()
        .withf(|_, settlement| {
            *settlement == Settlement::Refund { payment: payment(), amount: euros(1_000) }
        })
        .once()
        .returning(|_, _| Ok(()));
    tx.expect_published().once().returning(|_, _| Ok(()));
    tx.expect_record_audit()
        .withf(|entry| {
            entry.reason.as_deref() == Some("Against the rules")
                && entry.before["status"] == "active"
                && entry.after["status"] == "cancelled"
                && entry.after["refund"]["amount"] == 1_000
        })
        .once()
        .returning(|_| Ok(()));
    tx.expect_commit().once().returning(|| Ok(()));
    let reason = Reason::new("Against the rules").unwrap();
    let id = a_promotion(NOW).id;
    let everything = RefundChoice::Everything;

    service_at(tx, NOW + days(3))
        .revoke(&a_stranger(Role::Admin), id, reason.clone(), everything)
        .await
        .unwrap();

    let refused = service_at(MockPromotionTx::new(), NOW);
    let error = refused.revoke(&the_owner(), id, reason, everything).await.unwrap_err();
    assert_eq!(error.code(), "forbidden");
}

#[tokio::test]
async fn a_list_says_where_each_stands_now() {
    let mut reads = MockPromotionReads::new();
    reads
        .expect_promotions()
        .withf(|query| query.provider == Some(provider()) && query.now == NOW)
        .returning(|_| {
            let items = one_in_each_status(NOW).into_iter().map(Promotion::restore).collect();
            Ok(Page { items, next: None })
        });

    let page = reading(reads).promotions(&the_owner(), None, Limit::default(), None).await.unwrap();

    let statuses: Vec<_> = page.items.iter().map(|seen| seen.status).collect();
    assert_eq!(statuses, Status::ALL);
    let refunds: Vec<_> = page.items.iter().map(|seen| seen.refund_now.map(Money::minor)).collect();
    assert_eq!(refunds, [Some(0), Some(1_000), Some(1_000), None, None]);
    let client = a_stranger(Role::Client);
    let error = reading(MockPromotionReads::new())
        .promotions(&client, None, Limit::default(), None)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "forbidden");
}

#[tokio::test]
async fn statistics_are_of_the_target_over_twice_the_window() {
    let mut reads = MockPromotionReads::new();
    reads.expect_promotion().returning(|_| Ok(Some(Promotion::restore(a_promotion(NOW)))));
    reads
        .expect_daily_figures()
        .withf(|target, span| {
            *target == Target::Listing(listing(1))
                && span.to == NOW.date_naive()
                && (span.to - span.from).num_days() == 59
        })
        .once()
        .returning(|_, span| Ok(vec![(span.to, Figures { views: 9, favorites: 2, requests: 1 })]));

    let id = a_promotion(NOW).id;
    let statistics = reading(reads).statistics(&the_owner(), id, Window::Month).await.unwrap();

    assert_eq!(statistics.current.total, Figures { views: 9, favorites: 2, requests: 1 });
    assert_eq!(statistics.previous.total, Figures::default());
    assert_eq!(statistics.previous.days.len(), 30);
}
