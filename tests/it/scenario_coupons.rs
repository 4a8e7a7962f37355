//! Coupons over HTTP: what they take off, and that no limit is ever passed.

use std::sync::Arc;

use chrono::TimeDelta;
use scenarios::{Marketplace, Person, coupon, promotion_product};
use serde_json::{Value, json};
use tokio::sync::Barrier;

/// A marketplace with a product of 9.00 EUR a week, 16.00 EUR a fortnight, and who buys it.
struct Fair {
    market: Marketplace,
    admin: Person,
    provider: Person,
    listing: String,
}

impl Fair {
    async fn new() -> Self {
        let market = Marketplace::with_money().await;
        let (admin, provider) = (market.admin().await, market.provider().await);
        let declared = promotion_product("week");
        let _ = admin.post("admin/promotions/products", declared).await.expect(201);
        let listing = provider.publishes("service").await;
        Self { market, admin, provider, listing }
    }

    /// Makes a coupon; its id.
    async fn makes(&self, coupon: Value) -> String {
        self.admin.post("admin/coupons", coupon).await.expect(201).id()
    }

    async fn used(&self, id: &str) -> i64 {
        let coupon = self.admin.get(&format!("admin/coupons/{id}")).await.expect(200);
        coupon.body["used"].as_i64().expect("a number")
    }

    async fn buys(&self, days: i64, code: &str) -> scenarios::Reply {
        self.provider.buys_with("week", days, Some(&self.listing), Some(code)).await
    }

    async fn cancels(&self, id: &str) {
        let _ = self.provider.command(&format!("promotions/{id}/cancel")).await.expect(200);
    }
}

fn amount(value: &Value) -> i64 {
    value["amount"].as_i64().unwrap_or_else(|| panic!("no amount: {value}"))
}

#[tokio::test]
async fn a_coupon_takes_off_a_share_or_an_amount_and_the_rest_is_paid() {
    let fair = Fair::new().await;
    let euros = |amount: i64| json!({ "amount": amount, "currency": "EUR" });
    fair.makes(coupon("THIRD", 33)).await;
    fair.makes(json!({ "code": "Five-Off", "amount": euros(500), "purpose": "promotion" })).await;
    fair.makes(json!({ "code": "BIG", "amount": euros(5_000), "purpose": "promotion" })).await;

    // However it is typed; parts of a cent are not taken off.
    for (code, off) in [(" third ", 297), ("FIVE-OFF", 500)] {
        let bought = fair.buys(7, code).await.expect(201);
        assert_eq!(amount(&bought.body["price"]), 900);
        assert_eq!(amount(&bought.body["discount"]["amount"]), off, "{}", bought.text);
        assert_eq!(bought.body["discount"]["coupon"], code.trim().to_uppercase());
        assert_eq!(amount(&bought.body["to_pay"]), 900 - off);
        assert_eq!(amount(&bought.body["payment_due"]["amount"]), 900 - off);
        let id = bought.id();
        let payment = fair.provider.pays("promotion", &id, "card_success").await.expect(201);
        assert_eq!(amount(&payment.body["captured"]), 900 - off, "{}", payment.text);
        fair.market.settle().await;
        // Given up a moment later: what was paid, less what the moment cost.
        let cancelled = fair.provider.command(&format!("promotions/{id}/cancel")).await;
        let refund = amount(&cancelled.expect(200).body["cancelled"]["refund"]);
        assert!((898 - off..=900 - off).contains(&refund), "{refund}");
        fair.market.settle().await;
        let path = format!("payments/{}", payment.id());
        let returned = fair.provider.get(&path).await.expect(200);
        assert_eq!(amount(&returned.body["returned"]), refund, "never more than was paid");
    }

    // The whole price: nothing is to pay, and it has its time at once.
    let payments = fair.market.count("payments").await;
    let free = fair.buys(14, "BIG").await.expect(201);
    assert_eq!(free.body["status"], "active", "{}", free.text);
    assert_eq!(amount(&free.body["discount"]["amount"]), 1600, "not more than the price");
    assert_eq!(free.body["payment_due"], Value::Null);
    assert_eq!(amount(&free.body["to_pay"]), 0);
    let listing = fair.market.visitor().get(&format!("listings/{}", fair.listing)).await;
    assert_eq!(listing.expect(200).body["is_top"], true);
    let unneeded = fair.provider.pays("promotion", &free.id(), "card_success").await;
    let _ = unneeded.refused(404, "payment.nothing_to_pay");
    let cancelled = fair.provider.command(&format!("promotions/{}/cancel", free.id())).await;
    assert_eq!(amount(&cancelled.expect(200).body["cancelled"]["refund"]), 0);
    assert_eq!(fair.market.count("payments").await, payments);
    fair.market.balanced().await;
}

#[tokio::test]
async fn a_coupon_is_refused_outside_its_time_purpose_and_price() {
    let fair = Fair::new().await;
    let now = fair.market.now();
    let with = |mut coupon: Value, more: Value| {
        for (key, value) in more.as_object().expect("an object") {
            coupon[key] = value.clone();
        }
        coupon
    };
    let later = json!({ "from": now + TimeDelta::days(2), "until": now + TimeDelta::days(4) });
    let id = fair.makes(with(coupon("LATER", 10), later)).await;
    fair.makes(with(coupon("FOR-BOOKINGS", 10), json!({ "purpose": "booking" }))).await;
    let minimum = json!({ "minimum": { "amount": 1_000, "currency": "EUR" } });
    fair.makes(with(coupon("FROM-TEN", 10), minimum)).await;
    let dollars = json!({
        "code": "DOLLARS", "purpose": "promotion",
        "amount": { "amount": 100, "currency": "USD" },
    });
    fair.makes(dollars).await;
    let promotions = fair.market.count("promotions").await;

    let _ = fair.buys(7, "LATER").await.refused(409, "coupon.not_started");
    let _ = fair.buys(7, "FOR-BOOKINGS").await.refused(409, "coupon.other_purpose");
    let _ = fair.buys(7, "FROM-TEN").await.refused(409, "coupon.below_minimum");
    let _ = fair.buys(7, "DOLLARS").await.refused(409, "coupon.other_currency");
    let _ = fair.buys(7, "NEVER-MADE").await.refused(404, "coupon.not_found");
    assert_eq!(fair.market.count("promotions").await, promotions);

    fair.cancels(&fair.buys(14, "FROM-TEN").await.expect(201).id()).await;
    fair.market.advance(TimeDelta::days(2)).await;
    fair.cancels(&fair.buys(7, "LATER").await.expect(201).id()).await;
    fair.market.advance(TimeDelta::days(2)).await;
    let _ = fair.buys(7, "LATER").await.refused(409, "coupon.ended");

    // An admin gives it more time, then takes it back.
    let path = format!("admin/coupons/{id}");
    let etag = fair.admin.get(&path).await.expect(200).header("etag").to_owned();
    let longer = json!({ "until": null });
    let _ = fair.admin.patch(&path, "", longer.clone()).await.refused(428, "version_required");
    let changed = fair.admin.patch(&path, &etag, longer.clone()).await.expect(200);
    assert_eq!(changed.body["until"], Value::Null);
    let _ = fair.admin.patch(&path, &etag, longer).await.refused(412, "stale_version");
    let reserved = fair.buys(7, "LATER").await.expect(201).id();
    let closed = fair.admin.command(&format!("{path}/close")).await.expect(200);
    assert!(closed.body["closed_at"].is_string(), "{}", closed.text);
    let _ = fair.buys(7, "LATER").await.refused(404, "coupon.not_found");
    // What was reserved before stays.
    let _ = fair.provider.pays("promotion", &reserved, "card_success").await.expect(201);
    fair.market.settle().await;
    let seen = fair.provider.get(&format!("promotions/{reserved}")).await.expect(200);
    assert_eq!(seen.body["status"], "active", "{}", seen.text);
    assert_eq!(fair.used(&id).await, 1);
}

#[tokio::test]
async fn an_account_uses_a_coupon_as_often_as_it_may() {
    let fair = Fair::new().await;
    let mut twice = coupon("TWICE", 10);
    twice["per_account_limit"] = json!(2);
    let id = fair.makes(twice).await;

    let first = fair.buys(7, "TWICE").await.expect(201).id();
    let _ = fair.buys(7, "TWICE").await.expect(201);
    let _ = fair.buys(7, "TWICE").await.refused(409, "coupon.used_by_account");
    let other = fair.market.provider().await;
    let theirs = other.publishes("service").await;
    let _ = other.buys_with("week", 7, Some(&theirs), Some("TWICE")).await.expect(201);
    assert_eq!(fair.used(&id).await, 3);

    // Given up, it can be used again.
    fair.cancels(&first).await;
    assert_eq!(fair.used(&id).await, 2);
    let _ = fair.buys(7, "TWICE").await.expect(201);
    let path = format!("admin/coupons/{id}");
    let too_low = fair.admin.patch(&path, "*", json!({ "total_limit": 2 })).await;
    let _ = too_low.refused(409, "coupon.limit_below_uses");
    let _ = fair.admin.patch(&path, "*", json!({ "total_limit": 3 })).await.expect(200);
    let third = fair.market.provider().await;
    let theirs = third.publishes("service").await;
    let refused = third.buys_with("week", 7, Some(&theirs), Some("TWICE")).await;
    let _ = refused.refused(409, "coupon.used_up");
}

#[tokio::test]
async fn of_twenty_buyers_at_once_five_get_the_last_five_uses() {
    let fair = Fair::new().await;
    let mut five = coupon("FIRST-FIVE", 50);
    five["total_limit"] = json!(5);
    let id = fair.makes(five).await;
    let mut buyers = Vec::new();
    for _ in 0..20 {
        let buyer = fair.market.provider().await;
        let listing = buyer.publishes("service").await;
        buyers.push((buyer, listing));
    }
    let gate = Arc::new(Barrier::new(buyers.len()));
    let tries: Vec<_> = buyers
        .into_iter()
        .map(|(buyer, listing)| {
            let gate = Arc::clone(&gate);
            tokio::spawn(async move {
                gate.wait().await;
                let reply = buyer.buys_with("week", 7, Some(&listing), Some("FIRST-FIVE")).await;
                (buyer, listing, reply)
            })
        })
        .collect();
    let (mut lucky, mut late) = (Vec::new(), Vec::new());
    for tried in tries {
        let (buyer, listing, reply) = tried.await.expect("an answer");
        if reply.status == 201 {
            lucky.push((buyer, reply.id()));
        } else {
            let _ = reply.refused(409, "coupon.used_up");
            late.push((buyer, listing));
        }
    }
    assert_eq!((lucky.len(), late.len()), (5, 15));
    assert_eq!(fair.used(&id).await, 5);
    assert_eq!(fair.market.count("promotions").await, 5, "who got none has bought nothing");

    // Two are refused by their banks and one thinks better of it: three more get one.
    for (buyer, promotion) in &lucky[..2] {
        let _ = buyer.pays("promotion", promotion, "card_declined").await.expect(201);
    }
    let (buyer, promotion) = &lucky[2];
    let _ = buyer.command(&format!("promotions/{promotion}/cancel")).await.expect(200);
    for (buyer, promotion) in &lucky[3..] {
        let _ = buyer.pays("promotion", promotion, "card_success").await.expect(201);
    }
    fair.market.settle().await;
    assert_eq!(fair.used(&id).await, 2);
    let mut more = 0;
    for (buyer, listing) in &late {
        let reply = buyer.buys_with("week", 7, Some(listing), Some("FIRST-FIVE")).await;
        more += i32::from(reply.expect_one_of(&[201, 409]).status == 201);
    }
    assert_eq!(more, 3);
    assert_eq!(fair.used(&id).await, 5);
    let states = "SELECT state || ' ' || count(*) FROM coupon_uses GROUP BY state ORDER BY state";
    assert_eq!(fair.market.rows(states).await, ["redeemed 2", "released 3", "reserved 3"]);
}

#[tokio::test]
async fn one_purchase_sent_many_times_uses_a_coupon_once() {
    let fair = Fair::new().await;
    let id = fair.makes(coupon("SPRING", 10)).await;
    let order = json!({
        "product": "week", "duration_days": 7, "listing_id": fair.listing, "coupon": "SPRING",
    });
    let key = Person::fresh_key();
    let gate = Arc::new(Barrier::new(10));
    let tries: Vec<_> = (0..10)
        .map(|_| {
            let (gate, buyer) = (Arc::clone(&gate), fair.provider.clone());
            let (order, key) = (order.clone(), key.clone());
            tokio::spawn(async move {
                gate.wait().await;
                buyer.post_once("promotions", order, &key).await
            })
        })
        .collect();
    let mut ids = Vec::new();
    for tried in tries {
        let reply = tried.await.expect("an answer");
        match reply.status.as_u16() {
            201 => ids.push(reply.id()),
            _ => assert_eq!(reply.refused(409, "idempotency.in_flight").status, 409),
        }
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(fair.used(&id).await, 1);
    assert_eq!(fair.market.count("promotions").await, 1);
}

#[tokio::test]
async fn coupons_that_make_no_sense_are_not_made() {
    let fair = Fair::new().await;
    let now = fair.market.now();
    let before = fair.market.contents().await;
    let euros = |amount: i64| json!({ "amount": amount, "currency": "EUR" });
    for (more, pointer) in [
        (json!({ "code": "a b" }), "/code"),
        (json!({ "code": "" }), "/code"),
        (json!({ "code": "x".repeat(33) }), "/code"),
        (json!({ "percent": 0 }), "/percent"),
        (json!({ "percent": 101 }), "/percent"),
        (json!({ "percent": -1 }), "/percent"),
        (json!({ "percent": i64::MAX }), "/percent"),
        (json!({ "percent": null, "amount": euros(0) }), "/amount/amount"),
        (json!({ "percent": null, "amount": euros(-5) }), "/amount/amount"),
        (json!({ "percent": null, "amount": euros(i64::MAX) }), "/amount/amount"),
        (
            json!({ "percent": null, "amount": { "amount": 5, "currency": "XXQ" } }),
            "/amount/currency",
        ),
        (json!({ "amount": euros(5) }), "/amount"),
        (json!({ "percent": null }), "/percent"),
        (json!({ "purpose": "everything" }), "/purpose"),
        (json!({ "minimum": euros(0) }), "/minimum/amount"),
        (json!({ "until": now - TimeDelta::days(1) }), "/until"),
        (json!({ "until": "+262142-12-31T23:59:59Z" }), "/until"),
        (json!({ "total_limit": 0 }), "/total_limit"),
        (json!({ "total_limit": -1 }), "/total_limit"),
        (json!({ "total_limit": u32::MAX }), "/total_limit"),
        (json!({ "per_account_limit": 0 }), "/per_account_limit"),
        (json!({ "used": 0 }), "/used"),
    ] {
        let mut wrong = coupon("SPRING", 10);
        for (key, value) in more.as_object().expect("an object") {
            wrong[key] = value.clone();
        }
        let wrong = fair.admin.post("admin/coupons", wrong).await.refused(422, "validation");
        assert_eq!(wrong.pointers(), [pointer], "{}: {}", wrong.asked, wrong.text);
    }
    let _ = fair.admin.post("admin/coupons", coupon("A\u{0}BC", 1)).await.expect(400);
    let several = json!({ "code": "?", "percent": 0, "purpose": "promotion", "total_limit": 0 });
    let several = fair.admin.post("admin/coupons", several).await.refused(422, "validation");
    assert_eq!(several.pointers(), ["/code", "/percent", "/total_limit"], "all at once");
    assert_eq!(fair.market.contents().await, before);

    let made = fair.makes(coupon("SPRING", 10)).await;
    let taken = fair.admin.post("admin/coupons", coupon("spring", 20)).await;
    let _ = taken.refused(409, "coupon.code_taken");
    let _ =
        fair.provider.post("admin/coupons", coupon("MINE", 100)).await.refused(403, "forbidden");
    let _ =
        fair.admin.get(&format!("admin/coupons/{}", made.replace("cpn", "cpu"))).await.expect(404);
    let page = fair.admin.get("admin/coupons").await.expect(200);
    assert_eq!(page.data().len(), 1, "{}", page.text);
    let log = fair.admin.get("admin/audit").await.expect(200);
    assert!(log.data().iter().any(|line| line["object"] == made.as_str()), "{}", log.text);
}
