//! Orders of promotions that are refused, and what admins declare that can be ordered.

use chrono::TimeDelta;
use scenarios::{Marketplace, promotion_product};
use serde_json::{Value, json};

use crate::scenario_promotions::{price, promotion};

#[tokio::test]
async fn somebody_elses_listings_and_promotions_are_out_of_reach() {
    let market = Marketplace::with_money().await;
    let (provider, rival) = (market.provider().await, market.provider().await);
    let (client, visitor) = (market.client().await, market.visitor());
    let listing = provider.publishes("service").await;
    let draft = provider.drafts("service").await;
    let id = provider.buys("top", 7, Some(&listing)).await.expect(201).id();
    market.settle().await;
    let before = market.contents().await;

    for path in [format!("promotions/{id}"), format!("promotions/{id}/stats")] {
        for person in [&rival, &client] {
            let _ = person.get(&path).await.refused(404, "promotion.not_found");
        }
        let _ = visitor.get(&path).await.refused(401, "unauthenticated");
    }
    let cancel = format!("promotions/{id}/cancel");
    let _ = rival.command(&cancel).await.refused(404, "promotion.not_found");
    let _ = client.command(&cancel).await.refused(404, "promotion.not_found");
    let _ = visitor.command(&cancel).await.refused(401, "unauthenticated");
    let theirs = rival.pays("promotion", &id, "card_success").await;
    let _ = theirs.refused(404, "payment.nothing_to_pay");

    let _ = rival.buys("top", 7, Some(&listing)).await.refused(403, "forbidden");
    let _ = rival.buys("top", 7, Some(&draft)).await.refused(404, "listing.not_found");
    let _ = provider.buys("top", 7, Some(&draft)).await.refused(409, "promotion.not_public");
    let _ = client.buys("pro", 7, None).await.expect_one_of(&[403]);
    let _ = client.get("promotions").await.expect_one_of(&[403]);
    assert!(rival.get("promotions").await.expect(200).data().is_empty());
    for path in ["admin/promotions", "admin/promotions/products", "admin/coupons"] {
        for person in [&provider, &client] {
            let _ = person.get(path).await.refused(403, "forbidden");
        }
    }
    assert_eq!(market.contents().await, before);
}

#[tokio::test]
async fn orders_that_make_no_sense_are_refused_and_leave_nothing() {
    let market = Marketplace::with_money().await;
    let provider = market.provider().await;
    let listing = provider.publishes("service").await;
    let _ = provider.buys("top", 7, Some(&listing)).await.expect(201);
    market.settle().await;
    let before = market.contents().await;
    let buy = async |more: Value| {
        let mut order = json!({ "product": "top", "duration_days": 7, "listing_id": listing });
        for (key, value) in more.as_object().expect("an object") {
            order[key] = value.clone();
        }
        provider.post("promotions", order).await
    };

    for days in [0, -7, 1, 8, 31, i64::MAX, i64::MIN] {
        let wrong = buy(json!({ "duration_days": days })).await.refused(422, "validation");
        assert_eq!(wrong.pointers(), ["/duration_days"], "{days}");
    }
    for days in [json!(7.5), json!("7"), json!(1e300), json!(null)] {
        let _ = buy(json!({ "duration_days": days })).await.refused(422, "validation");
    }
    for product in ["", "TOP", "bottom", "top ", "../top", "' OR 1=1 --", &"x".repeat(10_000)] {
        let wrong = buy(json!({ "product": product })).await;
        let wrong = wrong.refused(404, "promotion.product_not_found");
        assert!(wrong.text.len() < 1_000, "{}", wrong.text);
    }
    let _ = buy(json!({ "product": "top\u{0}" })).await.refused(400, "malformed_json");
    let _ = buy(json!({ "coupon": "A\u{0}B" })).await.refused(400, "malformed_json");
    for wrong in ["lst_0", "", "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"] {
        let wrong = buy(json!({ "listing_id": wrong })).await.refused(422, "validation");
        assert_eq!(wrong.pointers(), ["/listing_id"]);
    }
    let nowhere = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f";
    let _ = buy(json!({ "listing_id": nowhere })).await.refused(404, "listing.not_found");
    for days in [-1, 2_000] {
        let starts_at = market.now() + TimeDelta::days(days);
        let wrong = buy(json!({ "starts_at": starts_at })).await.refused(422, "validation");
        assert_eq!(wrong.pointers(), ["/starts_at"]);
    }
    for at in ["+262142-12-31T23:59:59Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "soon"] {
        let wrong = buy(json!({ "starts_at": at })).await.refused(422, "validation");
        assert_eq!(wrong.pointers(), ["/starts_at"], "{at}");
    }
    for code in ["", "ab", "a--b", "-ab", "né-e", &"x".repeat(33)] {
        let wrong = buy(json!({ "coupon": code })).await.refused(422, "validation");
        assert_eq!(wrong.pointers(), ["/coupon"], "{code}");
    }
    let _ = buy(json!({ "coupon": "NOBODY-KNOWS" })).await.refused(404, "coupon.not_found");
    for field in ["price", "status", "is_top", "period", "provider_id"] {
        let _ = buy(json!({ field: 1 })).await.refused(422, "validation");
    }
    let several = json!({ "duration_days": 0, "coupon": "?", "starts_at": "2020-01-01T00:00:00Z" });
    let several = buy(several).await.refused(422, "validation");
    assert_eq!(several.pointers(), ["/duration_days", "/starts_at", "/coupon"], "all at once");
    let keyless = json!({ "product": "top", "duration_days": 7, "listing_id": listing });
    let request = provider.request(reqwest::Method::POST, "promotions").json(&keyless);
    let keyless = provider.send("without a key", request).await;
    let _ = keyless.refused(400, "idempotency.key_required");
    assert_eq!(market.contents().await, before);
}

#[tokio::test]
async fn only_so_much_can_be_bought_ahead_or_left_unpaid() {
    let market = Marketplace::with_money().await;
    let (provider, admin) = (market.provider().await, market.admin().await);
    let _ = admin.post("admin/promotions/products", promotion_product("week")).await.expect(201);
    let listing = provider.publishes("service").await;

    // It may end 60 days ahead: what waits for its payment counts.
    for _ in 0..4 {
        let _ = provider.buys("week", 14, Some(&listing)).await.expect(201);
    }
    let _ = provider.buys("week", 14, Some(&listing)).await.refused(409, "promotion.booked_ahead");
    // Five listings of a provider at a time.
    for _ in 0..4 {
        let another = provider.publishes("service").await;
        let _ = provider.buys("week", 7, Some(&another)).await.expect(201);
    }
    let sixth = provider.publishes("service").await;
    let refused = provider.buys("week", 7, Some(&sixth)).await;
    let _ = refused.refused(409, "promotion.limit_reached");
    // Ten unpaid ones.
    for product in ["detailed", "pro"] {
        let of = (product == "detailed").then_some(sixth.as_str());
        let _ = provider.buys(product, 7, of).await.expect(201);
    }
    let refused = provider.buys("detailed", 7, Some(&listing)).await;
    let _ = refused.refused(409, "promotion.too_many_unpaid");
    market.advance(TimeDelta::hours(2)).await;
    let _ = provider.buys("detailed", 7, Some(&listing)).await.expect(201);
}

#[tokio::test]
async fn what_can_be_bought_is_what_admins_declare() {
    let market = Marketplace::with_money().await;
    let (provider, admin) = (market.provider().await, market.admin().await);
    let visitor = market.visitor();
    let listing = provider.publishes("service").await;
    let products = "admin/promotions/products";
    let keys = async || -> Vec<String> {
        let page = visitor.get("promotions/products").await.expect(200);
        page.data().iter().filter_map(|it| it["key"].as_str()).map(ToOwned::to_owned).collect()
    };
    for shipped in ["top", "detailed", "pro"] {
        assert!(keys().await.contains(&shipped.to_owned()), "{shipped}");
    }

    let made = admin.post(products, promotion_product("spring")).await.expect(201);
    assert_eq!(made.header("location"), "/api/v1/admin/promotions/products/spring");
    assert_eq!(made.body["version"], 1);
    let again = admin.post(products, promotion_product("spring")).await;
    let _ = again.refused(409, "promotion.product_exists");
    assert!(keys().await.contains(&"spring".to_owned()));
    let bought = provider.buys("spring", 7, Some(&listing)).await.expect(201);

    // Dearer from now on; what was bought keeps its price.
    let path = format!("{products}/spring");
    let mut dearer = promotion_product("spring");
    dearer["prices"][0]["price"]["amount"] = json!(1000);
    let etag = admin.get(&path).await.expect(200).header("etag").to_owned();
    let change = async |etag: &str, body: &Value| {
        let mut request = admin.request(reqwest::Method::PUT, &path).json(body);
        if !etag.is_empty() {
            request = request.header("if-match", etag);
        }
        admin.send(&format!("PUT {path} {body}"), request).await
    };
    let _ = change("", &dearer).await.refused(428, "version_required");
    let changed = change(&etag, &dearer).await.expect(200);
    assert_eq!(changed.body["version"], 2);
    let _ = change(&etag, &dearer).await.refused(412, "stale_version");
    let seen = promotion(&provider, &bought.id()).await;
    assert_eq!(seen.body["price"]["amount"], 900, "{}", seen.text);
    assert_eq!(price(&market, "spring", 7).await, 1000);

    // All that is wrong with one is said at once.
    let wrong = json!({
        "key": "Spring!", "title": "", "target": "listing", "effect": "pro",
        "prices": [
            { "duration_days": 8, "price": { "amount": 900, "currency": "EUR" } },
            { "duration_days": 7, "price": { "amount": 0, "currency": "EUR" } },
        ],
        "limits": { "per_provider": 0, "start_ahead_days": 400, "end_ahead_days": 60 },
    });
    let wrong = admin.post(products, wrong).await.refused(422, "validation");
    for pointer in [
        "/key",
        "/title",
        "/target",
        "/prices/0/duration_days",
        "/prices/1/price/amount",
        "/limits/per_provider",
        "/limits/start_ahead_days",
    ] {
        assert!(wrong.pointers().contains(&pointer), "{pointer}: {}", wrong.text);
    }
    let mut mixed = promotion_product("mixed");
    mixed["prices"][1]["price"]["currency"] = json!("USD");
    let mixed = admin.post(products, mixed).await.refused(422, "validation");
    assert_eq!(mixed.pointers(), ["/prices/1/price/currency"]);

    let closed = admin.command(&format!("{path}/close")).await.expect(200);
    assert_eq!(closed.body["closed"], true);
    assert!(!keys().await.contains(&"spring".to_owned()));
    let gone = provider.buys("spring", 7, Some(&listing)).await;
    let _ = gone.refused(404, "promotion.product_not_found");
    let all = admin.get(products).await.expect(200);
    assert!(all.data().iter().any(|it| it["key"] == "spring" && it["closed"] == true));
    let _ =
        admin.get(&format!("{products}/none")).await.refused(404, "promotion.product_not_found");
    let log = admin.get("admin/audit").await.expect(200);
    assert_eq!(log.data().iter().filter(|line| line["object"] == "spring").count(), 3);
}
