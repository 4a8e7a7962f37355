//! Paid visibility and its figures over HTTP: H8 and H9 of `docs/features.md`, paid through the
//! embedded gateway while time is moved.

use std::collections::BTreeMap;

use chrono::{DateTime, DurationRound, SubsecRound, TimeDelta, Utc};
use scenarios::{Marketplace, Person, Reply, coupon};
use serde_json::{Value, json};

/// What the profile asks for a product, in minor units.
pub(crate) async fn price(market: &Marketplace, product: &str, days: i64) -> i64 {
    let products = market.visitor().get("promotions/products").await.expect(200);
    let found = products.data().iter().find(|it| it["key"] == product).expect("it can be bought");
    let prices = found["prices"].as_array().expect("prices");
    let line = prices.iter().find(|line| line["duration_days"] == days).expect("a price");
    line["price"]["amount"].as_i64().expect("an amount")
}

/// One of the person's promotions.
pub(crate) async fn promotion(person: &Person, id: &str) -> Reply {
    person.get(&format!("promotions/{id}")).await.expect(200)
}

async fn status(person: &Person, id: &str) -> String {
    promotion(person, id).await.text_at("status")
}

fn moment(value: &Value) -> DateTime<Utc> {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no time: {value}"))
}

/// Moves time to a moment, or just behind it: time runs on, and is moved by whole seconds.
async fn until(market: &Marketplace, moment: DateTime<Utc>) {
    market.advance(moment - market.now() + TimeDelta::seconds(1)).await;
    assert!(market.now() >= moment);
}

/// When the next full hour or day begins.
fn next(market: &Marketplace, length: TimeDelta) -> DateTime<Utc> {
    let begun = market.now().duration_trunc(length).expect("a moment of our time");
    begun + length
}

/// What a flag of a listing is wherever the listing is shown to whoever looks.
async fn seen_everywhere(who: &Person, owner: &Person, listing: &str, flag: &str) -> bool {
    let detail = who.get(&format!("listings/{listing}")).await.expect(200);
    let by_slug = format!("listing-types/service/listings/{}", detail.text_at("slug"));
    let by_slug = who.get(&by_slug).await.expect(200);
    let mut seen = vec![("detail", detail.body.clone()), ("by its address", by_slug.body)];
    for (place, path) in [
        ("list", "listings?limit=50".to_owned()),
        ("search", "listings?q=kitchen&limit=50".to_owned()),
        ("cheapest first", "listings?sort=price&limit=50".to_owned()),
        ("provider", format!("providers/{}/listings", owner.provider)),
    ] {
        let page = who.get(&path).await.expect(200);
        let item = page.data().iter().find(|item| item["id"] == listing);
        seen.push((place, item.unwrap_or_else(|| panic!("{path} lacks it")).clone()));
    }
    let kept = who.get("me/favorites").await.expect(200);
    let kept = kept.data().iter().map(|item| &item["listing"]).find(|it| it["id"] == listing);
    seen.push(("favourites", kept.expect("it is kept").clone()));
    let first = seen[0].1[flag].as_bool();
    for (place, item) in &seen {
        assert_eq!(item[flag].as_bool(), first, "{flag}: {place}: {item}");
    }
    first.unwrap_or_else(|| panic!("no `{flag}` in {}", seen[0].1))
}

#[tokio::test]
async fn a_listing_is_top_from_the_captured_payment_to_the_instant_it_ends() {
    let market = Marketplace::with_money().await;
    let (provider, client) = (market.provider().await, market.client().await);
    let listing = provider.publishes("service").await;
    let _ = client.put(&format!("listings/{listing}/favorite"), json!({})).await.expect(200);
    let top = async || seen_everywhere(&client, &provider, &listing, "is_top").await;
    let cost = price(&market, "top", 7).await;

    // Bought, and nothing has happened.
    let order = json!({ "product": "top", "duration_days": 7, "listing_id": listing });
    let key = Person::fresh_key();
    let bought = provider.post_once("promotions", order.clone(), &key).await.expect(201);
    let id = bought.id();
    assert_eq!(bought.header("location"), format!("/api/v1/promotions/{id}"));
    assert_eq!(bought.body["status"], "pending_payment");
    let due = &bought.body["payment_due"];
    assert_eq!(due["purpose"], "promotion");
    assert_eq!(due["reference"], id.as_str());
    assert_eq!(due["amount"], json!({ "amount": cost, "currency": "EUR" }));
    assert_eq!(due["how"], "POST /api/v1/payments");
    let again = provider.post_once("promotions", order, &key).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.text, bought.text);
    market.settle().await;
    assert!(!top().await);

    // The bank asks, and still nothing has happened.
    let paid = provider.pays("promotion", &id, "card_secure").await.expect(201);
    assert_eq!(paid.body["status"], "requires_action", "{}", paid.text);
    assert_eq!(paid.body["amount"]["amount"], cost);
    market.settle().await;
    assert!(!top().await);
    assert_eq!(status(&provider, &id).await, "pending_payment");
    let url = paid.body["action"]["url"].as_str().expect("there is something to do");
    let back = scenarios::at_bank(url, "pass").await;
    let answer = reqwest::get(&back).await.expect("an answer");
    assert_eq!(answer.status(), 200, "{back}");
    market.settle().await;

    // Paid: for exactly seven days from now.
    let seen = promotion(&provider, &id).await;
    assert_eq!(seen.body["status"], "active", "{}", seen.text);
    assert_eq!(seen.body["payment_id"], paid.id());
    assert_eq!(seen.body["payment_due"], Value::Null);
    let (starts, ends) =
        (moment(&seen.body["period"]["starts_at"]), moment(&seen.body["period"]["ends_at"]));
    assert_eq!(ends - starts, TimeDelta::days(7));
    assert!(starts <= market.now());
    assert!(top().await);
    assert!(!seen_everywhere(&client, &provider, &listing, "is_detailed").await);

    // It ends at its instant, though no timer is left that could tell.
    let _ = market.rows("DELETE FROM timers WHERE kind LIKE 'promotion.%'").await;
    until(&market, ends - TimeDelta::minutes(1)).await;
    assert!(top().await);
    assert_eq!(status(&provider, &id).await, "active");
    assert!(market.now() < ends);
    until(&market, ends).await;
    assert!(!top().await);
    assert_eq!(status(&provider, &id).await, "expired");
    assert_eq!(
        market.rows("SELECT count(*)::text FROM timers WHERE kind LIKE 'promotion.%'").await,
        ["0"]
    );
    let seen = promotion(&provider, &id).await;
    assert_eq!(seen.body["allowed"], json!([]));
    assert_eq!(seen.body["refund_now"], Value::Null);

    // Detailed is another effect, and does not make it Top.
    market.promotes(&provider, "detailed", 7, Some(&listing)).await;
    assert!(seen_everywhere(&client, &provider, &listing, "is_detailed").await);
    assert!(!top().await);
}

#[tokio::test]
async fn buying_again_goes_on_where_the_first_ends_and_its_end_is_announced() {
    let market = Marketplace::with_money().await;
    let (provider, client) = (market.provider().await, market.client().await);
    let listing = provider.publishes("service").await;
    let _ = client.put(&format!("listings/{listing}/favorite"), json!({})).await.expect(200);
    let first = market.promotes(&provider, "top", 7, Some(&listing)).await;
    let first_end = promotion(&provider, &first).await.body["period"]["ends_at"].clone();
    market.advance(TimeDelta::days(2)).await;

    let second = provider.buys("top", 14, Some(&listing)).await.expect(201);
    assert_eq!(second.body["planned"]["starts_at"], first_end, "{}", second.text);
    let second = second.id();
    let _ = provider.pays("promotion", &second, "card_success").await.expect(201);
    market.settle().await;
    let seen = promotion(&provider, &second).await;
    assert_eq!(seen.body["status"], "scheduled", "{}", seen.text);
    assert_eq!(seen.body["period"]["starts_at"], first_end);
    let ends = moment(&seen.body["period"]["ends_at"]);
    assert_eq!(ends - moment(&first_end), TimeDelta::days(14));
    let scheduled = provider.get("promotions?status=scheduled").await.expect(200);
    assert_eq!(scheduled.data().len(), 1, "{}", scheduled.text);
    assert_eq!(scheduled.data()[0]["id"], second.as_str());
    let page = provider.get("promotions?limit=1").await.expect(200);
    assert_eq!(page.data()[0]["id"], second.as_str(), "newest first");
    let cursor = page.body["page"]["next_cursor"].as_str().expect("there is more").to_owned();
    let page =
        provider.find("promotions", &[("limit", "1"), ("cursor", &cursor)]).await.expect(200);
    assert_eq!(page.data()[0]["id"], first.as_str());
    let other = [("limit", "1"), ("cursor", cursor.as_str()), ("status", "active")];
    let _ = provider.find("promotions", &other).await.refused(400, "invalid_cursor");

    // Nobody is reminded of an end that is none.
    let told = async |kind: &str| {
        let page = provider.get("notifications?limit=50").await.expect(200);
        page.data().iter().filter(|it| it["kind"] == kind).count()
    };
    until(&market, moment(&first_end)).await;
    assert!(seen_everywhere(&client, &provider, &listing, "is_top").await);
    assert_eq!(status(&provider, &first).await, "expired");
    assert_eq!(status(&provider, &second).await, "active");
    assert_eq!((told("promotion_expiring").await, told("promotion_expired").await), (0, 0));

    // Of a true one people are told three days and one day before, and when it is over.
    for (before, expiring, expired) in [(4, 0, 0), (3, 1, 0), (2, 1, 0), (1, 2, 0), (0, 2, 1)] {
        until(&market, ends - TimeDelta::days(before)).await;
        let seen = (told("promotion_expiring").await, told("promotion_expired").await);
        assert_eq!(seen, (expiring, expired), "{before} days before the end");
    }
    assert_eq!(told("promotion_started").await, 2);
    let mails = market.mails.mail_that(|mail| {
        mail.to == [provider.email.as_str()] && mail.subject().contains("ends soon")
    });
    let mail = mails.await;
    assert!(mail.text().contains(&format!("/promotions/{second}")), "{}", mail.text());
}

#[tokio::test]
async fn a_provider_is_pro_for_as_long_as_they_paid() {
    let market = Marketplace::with_money().await;
    let (provider, rival) = (market.provider().await, market.provider().await);
    let listing = provider.publishes("service").await;
    let visitor = market.visitor();
    let pro = async |whose: &Person| {
        let path = format!("providers/{}", whose.provider);
        let detail = visitor.get(&path).await.expect(200).body["is_pro"].clone();
        let page = visitor.get("providers?limit=50").await.expect(200);
        let item = page.data().iter().find(|it| it["id"] == whose.provider.as_str());
        assert_eq!(item.expect("it is listed")["is_pro"], detail, "{}", page.text);
        detail.as_bool().expect("a flag")
    };
    let wrong = provider.buys("pro", 30, Some(&listing)).await.refused(422, "validation");
    assert_eq!(wrong.pointers(), ["/listing_id"]);
    let wrong = provider.buys("top", 30, None).await.refused(422, "validation");
    assert_eq!(wrong.pointers(), ["/listing_id"]);

    let id = market.promotes(&provider, "pro", 30, None).await;

    assert!(pro(&provider).await && !pro(&rival).await);
    let seen = promotion(&provider, &id).await;
    assert_eq!(seen.body["listing_id"], Value::Null);
    assert_eq!(seen.body["provider_id"], provider.provider.as_str());
    // Its figures are those of all listings of the provider; views are counted within two seconds.
    let another = provider.publishes("service").await;
    for listing in [&listing, &another] {
        let _ = visitor.get(&format!("listings/{listing}")).await.expect(200);
    }
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let stats = provider.get(&format!("promotions/{id}/stats?days=30")).await.expect(200);
    assert_eq!(stats.body["current"]["total"]["views"], 2, "{}", stats.text);
    let ends = moment(&seen.body["period"]["ends_at"]);
    until(&market, ends - TimeDelta::days(1)).await;
    assert!(pro(&provider).await);
    until(&market, ends).await;
    assert!(!pro(&provider).await);
    let page = provider.get("notifications?limit=50").await.expect(200);
    let kinds: Vec<_> = page.data().iter().filter_map(|it| it["kind"].as_str()).collect();
    for kind in ["pro_started", "pro_expiring", "pro_expired"] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
}

#[tokio::test]
async fn of_five_top_listings_three_stand_in_front_labelled_and_in_turn() {
    let market = Marketplace::with_money().await;
    let mut paid = Vec::new();
    for _ in 0..5 {
        let provider = market.provider().await;
        let listing = provider.publishes("service").await;
        market.promotes(&provider, "top", 7, Some(&listing)).await;
        paid.push(listing);
    }
    let other = market.provider().await;
    for _ in 0..6 {
        other.publishes("service").await;
    }
    let visitor = market.visitor();
    let mut in_front: BTreeMap<String, u32> = BTreeMap::new();
    // Each turn lasts an hour of the clock.
    until(&market, next(&market, TimeDelta::hours(1))).await;
    for hour in 0..5 {
        for query in ["", "&q=kitchen"] {
            let page = visitor.get(&format!("listings?limit=8{query}")).await.expect(200);
            assert_eq!(page.data().len(), 8, "{}", page.text);
            let (front, rest) = page.data().split_at(3);
            for item in front {
                assert_eq!((&item["sponsored"], &item["is_top"]), (&json!(true), &json!(true)));
                let id = item["id"].as_str().expect("an id").to_owned();
                assert!(paid.contains(&id), "hour {hour}: {item}");
                if query.is_empty() {
                    *in_front.entry(id).or_default() += 1;
                }
            }
            assert!(rest.iter().all(|item| item["sponsored"] == false), "{}", page.text);

            // The next page goes on, and shows nothing again.
            let cursor = page.body["page"]["next_cursor"].as_str().expect("there is more");
            let mut next = vec![("limit", "8"), ("cursor", cursor)];
            if !query.is_empty() {
                next.push(("q", "kitchen"));
            }
            let next = visitor.find("listings", &next).await.expect(200);
            assert!(next.data().iter().all(|item| item["sponsored"] == false), "{}", next.text);
            let mut ids: Vec<_> =
                page.data().iter().chain(next.data()).map(|item| item["id"].to_string()).collect();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), 11, "every listing once: {}\n{}", page.text, next.text);
        }
        market.advance(TimeDelta::hours(1)).await;
    }
    // Over five hours each of the five has had its turn equally often.
    assert_eq!(in_front.len(), 5);
    assert!(in_front.values().all(|times| *times == 3), "{in_front:?}");
}

#[tokio::test]
async fn figures_stand_for_every_day_and_beside_those_of_the_time_before() {
    let market = Marketplace::with_money().await;
    let (provider, rival) = (market.provider().await, market.provider().await);
    let listing = provider.publishes("service").await;
    let path = format!("listings/{listing}");
    let looks = async |times: usize| {
        for _ in 0..times {
            let _ = market.client().await.get(&path).await.expect(200);
        }
        // What was seen is counted within two seconds.
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    };
    // Midnight shall not come in between.
    until(&market, next(&market, TimeDelta::days(1))).await;
    looks(2).await;
    market.advance(TimeDelta::days(8)).await;
    let id = market.promotes(&provider, "top", 14, Some(&listing)).await;
    let client = market.client().await;
    looks(3).await;
    let _ = client.put(&format!("{path}/favorite"), json!({})).await.expect(200);
    client.requests(&listing).await;
    market.settle().await;

    let stats = async |days: u32| {
        let path = format!("promotions/{id}/stats?days={days}");
        provider.get(&path).await.expect(200).body
    };
    let days = |series: &Value| series["days"].as_array().expect("days").clone();
    let week = stats(7).await;
    let (current, previous) = (days(&week["current"]), days(&week["previous"]));
    assert_eq!((current.len(), previous.len()), (7, 7), "{week}");
    let today = market.now().date_naive();
    assert_eq!(current[6]["day"], today.to_string());
    assert_eq!(current[0]["day"], (today - TimeDelta::days(6)).to_string());
    assert_eq!(previous[6]["day"], (today - TimeDelta::days(7)).to_string());
    let of = |day: &Value| {
        [&day["views"], &day["favorites"], &day["requests"]].map(|it| it.as_i64().unwrap_or(-1))
    };
    assert_eq!(of(&current[6]), [3, 1, 1], "{week}");
    assert!(current[..6].iter().all(|day| of(day) == [0, 0, 0]), "{week}");
    assert_eq!(of(&week["current"]["total"]), [3, 1, 1]);
    assert_eq!(of(&week["previous"]["total"]), [2, 0, 0], "{week}");
    let month = stats(30).await;
    assert_eq!((days(&month["current"]).len(), days(&month["previous"]).len()), (30, 30));
    assert_eq!(of(&month["current"]["total"]), [5, 1, 1]);
    assert_eq!(of(&month["previous"]["total"]), [0, 0, 0]);
    let path = format!("promotions/{id}/stats");
    assert_eq!(provider.get(&path).await.expect(200).body["days"], 7);

    // Ten days after its end the figures are those of its last days.
    let ends = moment(&promotion(&provider, &id).await.body["period"]["ends_at"]);
    until(&market, ends + TimeDelta::days(10)).await;
    let late = stats(7).await;
    let last = (ends - TimeDelta::microseconds(1)).date_naive();
    assert_eq!(days(&late["current"])[6]["day"], last.to_string());
    assert_eq!(of(&late["current"]["total"]), [0, 0, 0], "{late}");

    for wrong in ["8", "0", "-7", "365", "x"] {
        let wrong = format!("{path}?days={wrong}");
        let _ = provider.get(&wrong).await.refused(400, "invalid_query");
    }
    let _ = rival.get(&path).await.refused(404, "promotion.not_found");
}

#[tokio::test]
async fn what_is_not_paid_has_no_effect_and_gives_its_coupon_back() {
    let market = Marketplace::with_money().await;
    let (provider, admin) = (market.provider().await, market.admin().await);
    let listing = provider.publishes("service").await;
    let mut once = coupon("ONCE-ONLY", 50);
    once["total_limit"] = json!(1);
    let made = admin.post("admin/coupons", once).await.expect(201).id();
    let used =
        async || admin.get(&format!("admin/coupons/{made}")).await.expect(200).body["used"].clone();
    let top = async || {
        let path = format!("listings/{listing}");
        market.visitor().get(&path).await.expect(200).body["is_top"] == true
    };
    let buys = async || provider.buys_with("top", 7, Some(&listing), Some("once-only")).await;

    // The bank refuses.
    let id = buys().await.expect(201).id();
    assert_eq!(used().await, 1);
    let _ = buys().await.refused(409, "coupon.used_up");
    let paid = provider.pays("promotion", &id, "card_declined").await.expect(201);
    assert_eq!(paid.body["status"], "failed", "{}", paid.text);
    market.settle().await;
    let seen = promotion(&provider, &id).await;
    assert_eq!(seen.body["status"], "cancelled", "{}", seen.text);
    assert_eq!(seen.body["cancelled"]["cause"], "payment_failed");
    assert_eq!(seen.body["cancelled"]["refund"]["amount"], 0);
    assert_eq!(used().await, 0);
    let _ = provider.pays("promotion", &id, "card_success").await.expect_one_of(&[404, 409]);

    // Nobody pays in time.
    let id = buys().await.expect(201).id();
    let seen = promotion(&provider, &id).await;
    let pay_by = moment(&seen.body["payment_due"]["pay_by"]);
    until(&market, pay_by).await;
    let seen = promotion(&provider, &id).await;
    assert_eq!(seen.body["cancelled"]["cause"], "unpaid", "{}", seen.text);
    assert_eq!(used().await, 0);
    let late = provider.pays("promotion", &id, "card_success").await;
    let _ = late.refused(404, "payment.nothing_to_pay");

    // The owner thinks better of it.
    let id = buys().await.expect(201).id();
    let given_up = provider.command(&format!("promotions/{id}/cancel")).await.expect(200);
    assert_eq!(given_up.body["cancelled"]["cause"], "owner");
    assert_eq!(used().await, 0);
    assert!(!top().await);
    assert_eq!(market.count("payments").await, 1, "only the one that the bank refused");

    // Then it is paid, and the coupon is gone for good.
    let id = buys().await.expect(201).id();
    let _ = provider.pays("promotion", &id, "card_success").await.expect(201);
    market.settle().await;
    assert!(top().await);
    let _ = provider.command(&format!("promotions/{id}/cancel")).await.expect(200);
    market.settle().await;
    assert_eq!(used().await, 1);
    assert!(!top().await);
}

#[tokio::test]
async fn who_cancels_gets_back_what_is_unused() {
    let market = Marketplace::with_money().await;
    let provider = market.provider().await;
    let listing = provider.publishes("service").await;
    let cost = price(&market, "top", 14).await;
    let back = async |payment: &str| {
        market.settle().await;
        let seen = provider.get(&format!("payments/{payment}")).await.expect(200);
        seen.body["returned"]["amount"].as_i64().expect("an amount")
    };

    // Before its start: everything.
    let starts_at = (market.now() + TimeDelta::days(5)).trunc_subsecs(0);
    let order = json!({
        "product": "top", "duration_days": 14, "listing_id": listing, "starts_at": starts_at,
    });
    let id = provider.post("promotions", order).await.expect(201).id();
    let payment = provider.pays_at_bank("promotion", &id).await;
    market.settle().await;
    let seen = promotion(&provider, &id).await;
    assert_eq!(seen.body["status"], "scheduled", "{}", seen.text);
    assert_eq!(moment(&seen.body["period"]["starts_at"]), starts_at);
    assert_eq!(seen.body["refund_now"]["amount"], cost);
    let detail = market.visitor().get(&format!("listings/{listing}")).await.expect(200);
    assert_eq!(detail.body["is_top"], false, "its time has not come");
    let path = format!("promotions/{id}/cancel");
    let cancelled = provider.command(&path).await.expect(200);
    assert_eq!(cancelled.body["cancelled"]["refund"]["amount"], cost, "{}", cancelled.text);
    assert_eq!(back(&payment).await, cost);
    let again = provider.command(&path).await.refused(409, "illegal_transition");
    assert_eq!(again.body["allowed"], json!([]));
    assert_eq!(back(&payment).await, cost);

    // After half of its time: half, by the rule of this marketplace.
    let id = market.promotes(&provider, "top", 14, Some(&listing)).await;
    let payment = promotion(&provider, &id).await.text_at("payment_id");
    let starts = moment(&promotion(&provider, &id).await.body["period"]["starts_at"]);
    until(&market, starts + TimeDelta::days(7)).await;
    let seen = promotion(&provider, &id).await;
    let offered = seen.body["refund_now"]["amount"].as_i64().expect("an amount");
    assert!(offered > 0 && offered <= cost / 2, "{}", seen.text);
    let cancelled = provider.command(&format!("promotions/{id}/cancel")).await.expect(200);
    assert_eq!(cancelled.body["cancelled"]["refund"]["amount"], offered);
    assert_eq!(cancelled.body["cancelled"]["ran"]["starts_at"], seen.body["period"]["starts_at"]);
    assert_eq!(back(&payment).await, offered);
    market.balanced().await;
}

#[tokio::test]
async fn an_admin_takes_a_promotion_back_and_says_why() {
    let market = Marketplace::with_money().await;
    let (provider, admin) = (market.provider().await, market.admin().await);
    let listing = provider.publishes("service").await;
    let cost = price(&market, "top", 7).await;
    for (choice, wanted) in [("nothing", 0), ("everything", cost)] {
        let id = market.promotes(&provider, "top", 7, Some(&listing)).await;
        let payment = promotion(&provider, &id).await.text_at("payment_id");
        market.advance(TimeDelta::days(1)).await;
        let path = format!("admin/promotions/{id}/revoke");
        let body = json!({ "reason": "The pictures show another place.", "refund": choice });
        let _ = provider.post(&path, body.clone()).await.refused(403, "forbidden");
        let wordless = json!({ "reason": "  ", "refund": choice });
        let wordless = admin.post(&path, wordless).await.refused(422, "validation");
        assert_eq!(wordless.pointers(), ["/reason"]);

        let revoked = admin.post(&path, body.clone()).await.expect(200);

        assert_eq!(revoked.body["account_id"], provider.account.as_str());
        let _ = admin.post(&path, body).await.refused(409, "illegal_transition");
        market.settle().await;
        let seen = promotion(&provider, &id).await;
        assert_eq!(seen.body["cancelled"]["cause"], "admin", "{}", seen.text);
        assert_eq!(seen.body["cancelled"]["reason"], "The pictures show another place.");
        let returned = provider.get(&format!("payments/{payment}")).await.expect(200);
        assert_eq!(returned.body["returned"]["amount"], wanted, "{choice}: {}", returned.text);
        let detail = market.visitor().get(&format!("listings/{listing}")).await.expect(200);
        assert_eq!(detail.body["is_top"], false);
        let log = admin.get("admin/audit").await.expect(200);
        let line = log.data().iter().find(|line| line["object"] == id.as_str());
        assert!(line.is_some_and(|line| line["reason"] == "The pictures show another place."));
    }
    let told = provider.get("notifications?limit=50").await.expect(200);
    assert_eq!(told.data().iter().filter(|it| it["kind"] == "promotion_cancelled").count(), 2);
    let all = admin.get("admin/promotions?status=cancelled").await.expect(200);
    assert_eq!(all.data().len(), 2, "{}", all.text);
    let of_provider = format!("admin/promotions?provider_id={}", provider.provider);
    assert_eq!(admin.get(&of_provider).await.expect(200).data().len(), 2);
    let _ = admin.get("admin/promotions?provider_id=x").await.refused(400, "invalid_query");
}
