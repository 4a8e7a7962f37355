//! Coupons: their rules, and their uses by way of the services.

use std::sync::Arc;

use access::{Actor, Role};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Currency, Failure, FixedClock, Money, SequentialIds};
use promotions::testing::{
    MockPromotionReads, MockPromotionStore, MockPromotionTx, a_coupon, a_coupon_use,
    a_payment_event, a_stranger, account, an_id, euros, the_owner,
};
use promotions::{
    Coupon, CouponCode, CouponRecord, CouponRequest, CouponService, CouponTerms, CouponUse,
    CouponUseId, CouponUseRecord, Discount, GivenDiscount, MakeCoupon, Purpose, UseState, Uses,
    reserve_coupon,
};
use proptest::prelude::*;

use crate::lifecycle::{NOW, days};

fn service_at(tx: MockPromotionTx, now: DateTime<Utc>) -> CouponService {
    CouponService::new(
        Arc::new(MockPromotionStore::with(tx)),
        Arc::new(MockPromotionReads::new()),
        Arc::new(FixedClock(now)),
        Arc::new(SequentialIds::default()),
    )
}

fn an_admin() -> Actor {
    a_stranger(Role::Admin)
}

fn a_request(price: Money) -> CouponRequest {
    CouponRequest {
        id: CouponUseId::from_uuid(an_id(10)),
        purpose: Purpose::Promotion,
        reference: "prm_1".to_owned(),
        account: account(),
        price,
        until: NOW + TimeDelta::hours(1),
    }
}

#[test]
fn a_code_is_the_same_however_it_is_typed() {
    let code = |text| CouponCode::new(text).map(|code| code.to_string());

    assert_eq!(code(" welcome-20\t").unwrap(), "WELCOME-20");
    assert_eq!(code("Welcome-20"), code("WELCOME-20"));
    for wrong in ["", "ab", "a b c", "-ab", "ab-", "a--b", "grüße", "ab\0c", "abc\u{202e}"] {
        assert!(code(wrong).is_err(), "{wrong:?}");
    }
    assert!(code(&"a".repeat(33)).is_err());
}

#[test]
fn a_coupon_is_refused_for_a_reason() {
    let base = || a_coupon(NOW);
    let until = |until| CouponTerms { until, ..base().terms };
    let none = Uses::default();
    let judge = |record: CouponRecord, purpose, price, uses| {
        let coupon = Coupon::restore(record);
        match coupon.take_off(purpose, price, uses, NOW) {
            Ok(discounted) => format!("{}", discounted.discount()),
            Err(error) => error.code().to_owned(),
        }
    };
    let promotion = Purpose::Promotion;
    let dollars = Money::new(1_000, Currency::USD);
    let fixed = |minor| Discount::Amount(Money::new(minor, Currency::USD));
    let cases = [
        (base(), promotion, euros(1_000), none, "2.00 EUR"),
        (base(), promotion, euros(500), none, "1.00 EUR"),
        (base(), promotion, euros(499), none, "coupon.below_minimum"),
        (base(), promotion, dollars, none, "coupon.other_currency"),
        (base(), Purpose::Order, euros(1_000), none, "coupon.other_purpose"),
        (base(), promotion, euros(1_000), Uses { total: 9, by_account: 0 }, "2.00 EUR"),
        (base(), promotion, euros(1_000), Uses { total: 10, by_account: 0 }, "coupon.used_up"),
        (
            base(),
            promotion,
            euros(1_000),
            Uses { total: 1, by_account: 1 },
            "coupon.used_by_account",
        ),
        (
            CouponRecord { terms: until(Some(NOW)), ..base() },
            promotion,
            euros(1_000),
            none,
            "coupon.ended",
        ),
        (
            CouponRecord { terms: until(Some(NOW + TimeDelta::seconds(1))), ..base() },
            promotion,
            euros(1_000),
            none,
            "2.00 EUR",
        ),
        (
            CouponRecord { terms: CouponTerms { from: NOW + days(1), ..base().terms }, ..base() },
            promotion,
            euros(1_000),
            none,
            "coupon.not_started",
        ),
        (
            CouponRecord { closed_at: Some(NOW), ..base() },
            promotion,
            euros(1_000),
            none,
            "coupon.not_found",
        ),
        (
            CouponRecord { discount: fixed(100), minimum: None, ..base() },
            promotion,
            euros(1_000),
            none,
            "coupon.other_currency",
        ),
    ];
    for (record, purpose, price, uses, expected) in cases {
        let shown = format!("{record:?} {purpose:?} {price} {uses:?}");
        assert_eq!(judge(record, purpose, price, uses), expected, "{shown}");
    }
}

proptest! {
    /// The counts as an adapter keeps them: up with each reservation, down with each release.
    #[test]
    fn no_limit_is_ever_passed(
        total in 1u32..6, per_account in 1u32..4,
        steps in prop::collection::vec((0u64..4, 0u8..4), 1..60),
    ) {
        let terms = CouponTerms {
            total_limit: Some(total),
            per_account_limit: Some(per_account),
            ..a_coupon(NOW).terms
        };
        let coupon = Coupon::restore(CouponRecord { terms, ..a_coupon(NOW) });
        let mut uses: Vec<(u64, CouponUse)> = Vec::new();
        let counting = |uses: &[(u64, CouponUse)], of: Option<u64>| {
            let counted = uses.iter().filter(|(by, it)| {
                it.record().state.counts() && of.is_none_or(|of| of == *by)
            });
            u32::try_from(counted.count()).unwrap()
        };
        for (who, what) in steps {
            let now = Uses { total: counting(&uses, None), by_account: counting(&uses, Some(who)) };
            match what {
                0 | 1 => {
                    let request = CouponRequest {
                        account: kernel::AccountId::from_uuid(an_id(300 + who)),
                        ..a_request(euros(1_000))
                    };
                    let room = now.total < total && now.by_account < per_account;
                    let reserved = coupon.reserve(request, now, NOW);
                    prop_assert_eq!(reserved.is_ok(), room);
                    uses.extend(reserved.ok().map(|it| (who, it)));
                }
                2 => {
                    uses.iter_mut().find(|(by, _)| *by == who).map(|(_, it)| it.redeem(NOW));
                }
                _ => {
                    uses.iter_mut().rfind(|(by, _)| *by == who).map(|(_, it)| it.release(NOW));
                }
            }
            prop_assert!(counting(&uses, None) <= total);
            prop_assert!((0..4).all(|who| counting(&uses, Some(who)) <= per_account));
        }
    }
}

#[tokio::test]
async fn another_domains_purchase_reserves_inside_its_own_transaction() {
    let mut tx = MockPromotionTx::new();
    tx.expect_coupon_for_use()
        .returning(|_, _| Ok(Some((Coupon::restore(a_coupon(NOW)), Uses::default()))));
    tx.expect_insert_coupon_use().once().returning(|_| Ok(()));
    let code = CouponCode::new("welcome-20").unwrap();

    let reserved = reserve_coupon(&mut tx, &code, a_request(euros(1_000)), NOW).await.unwrap();

    assert_eq!(reserved.record().discount, euros(200));
    let timer = reserved.timer().unwrap();
    assert_eq!((timer.kind, timer.due_at), ("coupon.release", NOW + TimeDelta::hours(1)));

    let mut tx = MockPromotionTx::new();
    tx.expect_coupon_for_use().returning(|_, _| Ok(None));
    let error = reserve_coupon(&mut tx, &code, a_request(euros(1_000)), NOW).await.unwrap_err();
    assert_eq!(error.code(), "coupon.not_found");
}

#[tokio::test]
async fn payments_of_other_things_redeem_and_release() {
    for (name, state) in [("payment.captured.v1", "redeemed"), ("payment.failed.v1", "released")] {
        let mut tx = MockPromotionTx::willing();
        tx.expect_coupon_use_for()
            .withf(|purpose, reference| *purpose == Purpose::Order && reference == "ord_1")
            .returning(|_, _| Ok(Some(CouponUse::restore(a_coupon_use(NOW)))));
        tx.expect_update_coupon_use()
            .withf(move |it| it.record().state.name() == state)
            .once()
            .returning(|_| Ok(()));
        tx.expect_commit().once().returning(|| Ok(()));
        let of = "ord_1".to_owned();
        let event = a_payment_event(name, Purpose::Order, &of, euros(800), euros(0), NOW);

        service_at(tx, NOW).on_event(&event).await.unwrap();
    }
    let of = "prm_1".to_owned();
    let event =
        a_payment_event("payment.captured.v1", Purpose::Promotion, &of, euros(8), euros(0), NOW);
    service_at(MockPromotionTx::new(), NOW).on_event(&event).await.unwrap();
}

#[tokio::test]
async fn a_reservation_that_runs_out_is_released_once() {
    let subject = a_coupon_use(NOW).id.to_string();
    let until = NOW + TimeDelta::hours(1);
    let holding = |record: CouponUseRecord| {
        let mut tx = MockPromotionTx::new();
        tx.expect_coupon_use_for_update()
            .return_once(move |_| Ok(Some(CouponUse::restore(record))));
        tx
    };

    let mut due = holding(a_coupon_use(NOW));
    due.expect_update_coupon_use()
        .withf(move |it| it.record().state == UseState::Released { at: until })
        .once()
        .returning(|_| Ok(()));
    due.expect_commit().once().returning(|| Ok(()));
    service_at(due, until).on_timer("coupon.release", &subject).await.unwrap();

    let redeemed = UseState::Redeemed { at: NOW };
    let over = holding(CouponUseRecord { state: redeemed, ..a_coupon_use(NOW) });
    service_at(over, until).on_timer("coupon.release", &subject).await.unwrap();

    let mut early = holding(a_coupon_use(NOW));
    early.expect_set_timer().withf(move |timer| timer.due_at == until).returning(|_| Ok(()));
    early.expect_commit().once().returning(|| Ok(()));
    service_at(early, NOW).on_timer("coupon.release", &subject).await.unwrap();
}

fn a_new_coupon() -> MakeCoupon {
    MakeCoupon {
        code: "summer-26".to_owned(),
        discount: GivenDiscount::Amount(euros(500)),
        purpose: Purpose::Promotion,
        minimum: Some(euros(1_000)),
        terms: a_coupon(NOW).terms,
    }
}

#[tokio::test]
async fn an_admin_makes_a_coupon_and_the_audit_log_says_so() {
    let mut tx = MockPromotionTx::new();
    tx.expect_insert_coupon().once().returning(|_| Ok(()));
    tx.expect_record_audit()
        .withf(|entry| entry.command == "create" && entry.after["code"] == "SUMMER-26")
        .once()
        .returning(|_| Ok(()));
    tx.expect_commit().once().returning(|| Ok(()));

    let coupon = service_at(tx, NOW).create(&an_admin(), a_new_coupon()).await.unwrap();

    assert_eq!(coupon.record().discount, Discount::Amount(euros(500)));
}

#[tokio::test]
async fn a_coupon_that_cannot_be_is_not_made() {
    let terms = a_coupon(NOW).terms;
    let cases = [
        (MakeCoupon { code: "?".to_owned(), ..a_new_coupon() }, "/code"),
        (MakeCoupon { discount: GivenDiscount::Percent(101), ..a_new_coupon() }, "/percent"),
        (
            MakeCoupon { discount: GivenDiscount::Amount(euros(0)), ..a_new_coupon() },
            "/amount/amount",
        ),
        (MakeCoupon { minimum: Some(euros(-1)), ..a_new_coupon() }, "/minimum/amount"),
        (
            MakeCoupon { minimum: Some(Money::new(5, Currency::USD)), ..a_new_coupon() },
            "/minimum/currency",
        ),
        (
            MakeCoupon {
                terms: CouponTerms { until: Some(terms.from), ..terms },
                ..a_new_coupon()
            },
            "/until",
        ),
        (
            MakeCoupon { terms: CouponTerms { total_limit: Some(0), ..terms }, ..a_new_coupon() },
            "/total_limit",
        ),
        (
            MakeCoupon {
                terms: CouponTerms { per_account_limit: Some(u32::MAX), ..terms },
                ..a_new_coupon()
            },
            "/per_account_limit",
        ),
    ];
    for (command, pointer) in cases {
        let service = service_at(MockPromotionTx::new(), NOW);
        let error = service.create(&an_admin(), command).await.unwrap_err();
        assert_eq!(error.fields()[0].pointer, pointer, "{error}");
    }
}

#[tokio::test]
async fn a_limit_cannot_fall_below_what_was_used() {
    let changing = |used: u32| {
        let mut tx = MockPromotionTx::new();
        tx.expect_coupon_for_update()
            .return_once(move |_| Ok(Some((Coupon::restore(a_coupon(NOW)), used))));
        tx
    };
    let terms = CouponTerms { total_limit: Some(4), ..a_coupon(NOW).terms };
    let id = a_coupon(NOW).id;

    let refused = service_at(changing(5), NOW);
    let error = refused.change_terms(&an_admin(), id, 1, terms).await.unwrap_err();
    assert_eq!(error.code(), "coupon.limit_below_uses", "{error}");

    let error =
        service_at(changing(4), NOW).change_terms(&an_admin(), id, 2, terms).await.unwrap_err();
    assert_eq!(error.code(), "stale_version");

    let mut tx = changing(4);
    tx.expect_update_coupon().once().returning(|_| Ok(()));
    tx.expect_record_audit()
        .withf(|entry| entry.before["total_limit"] == 10 && entry.after["total_limit"] == 4)
        .once()
        .returning(|_| Ok(()));
    tx.expect_commit().once().returning(|| Ok(()));
    let changed = service_at(tx, NOW).change_terms(&an_admin(), id, 1, terms).await.unwrap();
    assert_eq!((changed.record().terms, changed.record().version), (terms, 2));

    let error = service_at(MockPromotionTx::new(), NOW).close(&the_owner(), id).await.unwrap_err();
    assert_eq!(error.code(), "forbidden");
}
