//! What is refused around money, and that it says why: nobody pays themselves, nobody pays in gold,
//! no card number comes near.

use reqwest::Client;
use scenarios::{Marketplace, Operation, Person, Reply, World, coupon, plan};
use serde_json::{Value, json};

use crate::hostile::{caller, places, replaced};

async fn start() -> Marketplace {
    Marketplace::with_money().await
}

/// The field that is wrong, and the only one.
#[track_caller]
fn wrong_at(reply: Reply, pointer: &str) {
    let reply = reply.refused(422, "validation");
    assert_eq!(reply.pointers(), [pointer], "{}", reply.text);
}

fn priced(amount: i64, currency: &str) -> Value {
    let mut plan = plan(None);
    plan["price"] = json!({ "amount": amount, "currency": currency });
    plan
}

#[tokio::test]
async fn nobody_subscribes_to_their_own_plan() {
    let market = start().await;
    let provider = market.provider().await;
    let own = provider.post("plans", plan(None)).await.expect(201).id();

    let refused = provider.post("subscriptions", json!({ "plan_id": own })).await;

    let _ = refused.refused(409, "subscription.own_plan");
    assert_eq!(market.count("subscriptions").await, 0);
}

#[tokio::test]
async fn nothing_has_a_price_in_what_nobody_pays_in() {
    let market = start().await;
    let (admin, provider) = (market.admin().await, market.provider().await);
    let most = 1_000_000_000_000_i64;

    for code in ["XXX", "XTS", "XAU", "XDR", "CHE"] {
        wrong_at(provider.post("plans", priced(900, code)).await, "/price/currency");
        let mut off = coupon("GOLD", 10);
        off["minimum"] = json!({ "amount": 1000, "currency": code });
        wrong_at(admin.post("admin/coupons", off).await, "/minimum/currency");
    }
    for amount in [0, -1, most + 1] {
        let reply = provider.post("plans", priced(amount, "EUR")).await;
        assert!(reply.text.contains("must be 1 to 1000000000000"), "{}", reply.text);
        wrong_at(reply, "/price/amount");
    }
    let _ = provider.post("plans", priced(most, "XPF")).await.expect(201);
}

async fn owed(provider: &Person, client: &Person) -> String {
    let offered = provider.post("plans", plan(None)).await.expect(201).id();
    client.subscribes(&offered).await
}

#[tokio::test]
async fn a_card_that_nobody_knows_never_passes() {
    let market = start().await;
    let (provider, client) = (market.provider().await, market.client().await);
    let subscription = owed(&provider, &client).await;

    let paid = client.pays("subscription", &subscription, "card_of_my_own").await.expect(201);

    assert_eq!(paid.body["status"], "failed", "{}", paid.text);
    assert_eq!(paid.body["decline"]["reason"], "unknown_card", "{}", paid.text);
    assert_eq!(paid.body["decline"]["may_pass"], false, "{}", paid.text);
    let kept = json!({ "method": { "token": "card_of_my_own" }, "currency": "EUR" });
    let kept = client.post("cards", kept).await.expect(201);
    assert_eq!(kept.body["decline"]["may_pass"], false, "{}", kept.text);
}

#[tokio::test]
async fn whoever_comes_back_from_the_bank_reads_what_became_of_it() {
    let market = start().await;
    let (provider, client) = (market.provider().await, market.client().await);
    let subscription = owed(&provider, &client).await;
    let paid = client.pays("subscription", &subscription, "card_secure").await.expect(201);
    let url = paid.body["action"]["url"].as_str().expect("the bank has a page");

    let back = scenarios::at_bank(url, "fail").await;
    let page = Client::new().get(&back).send().await.expect("an answer");
    assert_eq!(page.status(), 200);
    let page = page.text().await.expect("a page is text");
    assert!(page.contains("The payment has failed."), "{page}");

    let bare = back.split('?').next().expect("an address has a start");
    let answer = Client::new().get(bare).send().await.expect("an answer");
    assert_eq!(answer.status(), 400);
    let problem: Value = answer.json().await.expect("a problem is JSON");
    assert_eq!(problem["errors"][0]["pointer"], "state", "{problem}");
    assert_eq!(problem["errors"][0]["code"], "required", "{problem}");
}

/// What the documentation calls whatever is around money.
const AROUND_MONEY: [&str; 11] = [
    "admin: coupons",
    "admin: payments",
    "admin: payouts",
    "admin: plans",
    "admin: promotions",
    "balance",
    "cards",
    "payments",
    "plans",
    "promotions",
    "subscriptions",
];

#[tokio::test]
async fn a_card_number_is_turned_away_from_every_field_around_money() {
    let world = World::new().await;
    let mut asked = 0;
    for operation in Operation::all() {
        let tag = operation.description["tags"][0].as_str().unwrap_or_default();
        if !AROUND_MONEY.contains(&tag) || !operation.takes("application/json") {
            continue;
        }
        let call = world.call(&operation).await;
        let body = call.body.clone().unwrap_or_else(|| json!({ "reason": "" }));
        let mut found = Vec::new();
        places(&body, "", &mut found);
        found.retain(|place| body.pointer(place).is_some_and(Value::is_string));
        world.market.settle().await;
        let before = world.market.contents().await;
        for place in found {
            let hidden = replaced(&body, &place, json!("Mine is 5555-5555 5555 4444, thanks."));
            let reply = call.with(world.person(caller(&operation)), Some(hidden)).await;
            let reply = reply.refused(422, "payment.card_number");
            assert!(!reply.text.contains("5555"), "{}", reply.text);
            asked += 1;
        }
        assert_eq!(world.market.contents().await, before, "{}", operation.id);
    }
    assert!(asked > 20, "{asked} fields were tried");
}

#[tokio::test]
async fn a_card_number_is_no_key_of_a_request() {
    let market = start().await;
    let (provider, client) = (market.provider().await, market.client().await);
    let body = json!({ "plan_id": provider.post("plans", plan(None)).await.expect(201).id() });

    for key in ["4242424242424242", "pay-4242-4242-4242-4242"] {
        let reply = client.post_once("subscriptions", body.clone(), key).await;
        let reply = reply.refused(422, "payment.card_number");
        assert!(!reply.text.contains("4242"), "{}", reply.text);
    }
    for key in ["1763774721123458", "a1b2c3d4-e5f6-4abc-9242-424242424209"] {
        let reply = client.post_once("subscriptions", body.clone(), key).await;
        assert_ne!(reply.status.as_u16(), 422, "{}", reply.text);
    }
}
