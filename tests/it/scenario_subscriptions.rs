//! V5 of `docs/features.md`: providers subscribe to the marketplace's own plan, and time passes.

use chrono::TimeDelta;
use scenarios::{Marketplace, Person};
use serde_json::{Value, json};

async fn start() -> Marketplace {
    Marketplace::with(|settings| settings.gateways.sandbox.enabled = Some(true)).await
}

/// The marketplace's plan: 29.00 EUR a month after two weeks for free.
async fn platform_plan(admin: &Person) -> String {
    let plan = json!({
        "name": "Workshop",
        "description": "Sell as much as you like.",
        "price": { "amount": 2900, "currency": "EUR" },
        "interval": { "unit": "month", "count": 1 },
        "trial_days": 14,
        "dunning": { "retry_days": [1, 3, 5, 7], "grace_days": 7, "suspension_days": 21 },
    });
    admin.post("admin/plans", plan).await.expect(201).id()
}

/// Its newest subscription: the state, whether it gives access, and all of it.
async fn standing(person: &Person) -> (String, bool, Value) {
    let seen = person.get("subscriptions").await.expect(200);
    let first = seen.data()[0].clone();
    let status = first["status"].as_str().expect("a state has a name").to_owned();
    (status, first["has_access"] == true, first)
}

async fn stands(person: &Person, status: &str, access: bool) {
    let (known, gives, whole) = standing(person).await;
    assert_eq!((known.as_str(), gives), (status, access), "{whole}");
}

async fn renews_by(person: &Person, subscription: &str, card: &str) {
    let card = person.saves(card).await;
    let path = format!("subscriptions/{subscription}/card");
    let _ = person.post(&path, json!({ "card_id": card })).await.expect(200);
}

async fn pays(person: &Person, subscription: &str) {
    let body = json!({
        "purpose": "subscription", "reference": subscription,
        "method": { "token": "card_success" }, "save_card": true,
    });
    let paid = person.post("payments", body).await.expect(201);
    assert_eq!(paid.body["status"], "captured", "{}", paid.text);
}

#[tokio::test]
async fn a_provider_lives_through_a_year_with_the_marketplaces_plan() {
    let market = start().await;
    let (admin, provider) = (market.admin().await, market.provider().await);
    let plan = platform_plan(&admin).await;

    // Two weeks for free, then the kept card pays month after month.
    let subscription = provider.subscribes(&plan).await;
    stands(&provider, "trialing", true).await;
    let again = provider.post("subscriptions", json!({ "plan_id": plan })).await;
    let _ = again.refused(409, "subscription.exists");
    renews_by(&provider, &subscription, "card_success").await;
    market.advance(TimeDelta::days(15)).await;
    stands(&provider, "active", true).await;
    for _ in 0..4 {
        market.advance(TimeDelta::days(31)).await;
        stands(&provider, "active", true).await;
    }

    // The card fails: a week of grace with access, then none, until the provider pays.
    renews_by(&provider, &subscription, "card_poor_later").await;
    market.advance(TimeDelta::days(31)).await;
    stands(&provider, "past_due", true).await;
    market.advance(TimeDelta::days(7)).await;
    stands(&provider, "suspended", false).await;
    pays(&provider, &subscription).await;
    market.settle().await;
    stands(&provider, "active", true).await;
    market.advance(TimeDelta::days(31)).await;
    stands(&provider, "active", true).await;

    // A retry within the grace brings it back by itself.
    renews_by(&provider, &subscription, "card_poor_later").await;
    market.advance(TimeDelta::days(31)).await;
    stands(&provider, "past_due", true).await;
    renews_by(&provider, &subscription, "card_success").await;
    market.advance(TimeDelta::days(3)).await;
    stands(&provider, "active", true).await;

    // It fails once more, nobody pays, and it is over: access went with the grace.
    renews_by(&provider, &subscription, "card_poor_later").await;
    market.advance(TimeDelta::days(31)).await;
    stands(&provider, "past_due", true).await;
    market.advance(TimeDelta::days(8)).await;
    stands(&provider, "suspended", false).await;
    market.advance(TimeDelta::days(22)).await;
    stands(&provider, "expired", false).await;
    let late = provider.pays("subscription", &subscription, "card_success").await;
    let _ = late.refused(404, "payment.nothing_to_pay");

    // One invoice for each payment that was taken, of the marketplace, without gaps.
    let invoices = provider.get("invoices?limit=50").await.expect(200);
    let payments = provider.get("payments?limit=50").await.expect(200);
    let taken = payments.data().iter().filter(|payment| payment["status"] == "captured").count();
    assert_eq!(invoices.data().len(), taken, "{}\n{}", invoices.text, payments.text);
    assert!(taken >= 7, "{taken} months were paid");
    let mut numbers: Vec<&str> =
        invoices.data().iter().filter_map(|invoice| invoice["number"].as_str()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), taken, "{numbers:?}");

    // Whoever comes back has no second trial.
    let back = provider.subscribes(&plan).await;
    stands(&provider, "incomplete", false).await;
    pays(&provider, &back).await;
    market.settle().await;
    stands(&provider, "active", true).await;
    market.balanced().await;
}

#[tokio::test]
async fn a_trial_without_a_card_pauses_and_one_that_is_called_off_ends() {
    let market = start().await;
    let admin = market.admin().await;
    let plan = platform_plan(&admin).await;

    let hesitant = market.provider().await;
    let subscription = hesitant.subscribes(&plan).await;
    market.advance(TimeDelta::days(15)).await;
    stands(&hesitant, "paused", false).await;
    pays(&hesitant, &subscription).await;
    market.settle().await;
    stands(&hesitant, "active", true).await;

    let lost = market.provider().await;
    let _ = lost.subscribes(&plan).await;
    let leaving = market.provider().await;
    let leaves = leaving.subscribes(&plan).await;
    let _ = leaving.command(&format!("subscriptions/{leaves}/cancel")).await.expect(200);
    stands(&leaving, "canceled", true).await;
    market.advance(TimeDelta::days(15)).await;
    stands(&lost, "paused", false).await;
    stands(&leaving, "expired", false).await;
    market.advance(TimeDelta::days(31)).await;
    stands(&lost, "expired", false).await;
    let paid = leaving.get("payments").await.expect(200);
    assert!(paid.data().is_empty(), "a trial costs nothing: {}", paid.text);
    market.balanced().await;
}

#[tokio::test]
async fn a_dearer_plan_costs_the_difference_at_once_and_a_cheaper_one_waits() {
    let market = start().await;
    let (provider, client) = (market.provider().await, market.client().await);
    let tier = |name: &str, tier: u8, amount: i64| {
        json!({
            "name": name, "tier": tier,
            "price": { "amount": amount, "currency": "EUR" },
            "interval": { "unit": "month", "count": 1 },
        })
    };
    let silver = provider.post("plans", tier("Silver", 1, 1000)).await.expect(201).id();
    let gold = provider.post("plans", tier("Gold", 2, 3000)).await.expect(201).id();
    let subscription = client.subscribes(&silver).await;
    pays(&client, &subscription).await;
    market.settle().await;

    let change = format!("subscriptions/{subscription}/change");
    let _ = client.post(&change, json!({ "plan_id": gold })).await.expect(200);
    market.settle().await;
    let (_, _, whole) = standing(&client).await;
    assert_eq!((&whole["plan_id"], &whole["tier"]), (&json!(gold), &json!(2)), "{whole}");
    let payments = client.get("payments").await.expect(200);
    let difference = payments.data()[0]["amount"]["amount"].as_i64().expect("an amount");
    assert!((1_900..=2_000).contains(&difference), "{}", payments.text);

    let _ = client.post(&change, json!({ "plan_id": silver })).await.expect(200);
    let (_, _, whole) = standing(&client).await;
    assert_eq!(whole["plan_id"], gold.as_str(), "{whole}");
    assert_eq!(whole["next_plan_id"], silver.as_str(), "{whole}");
    market.advance(TimeDelta::days(32)).await;
    let (status, access, whole) = standing(&client).await;
    assert_eq!((status.as_str(), access, &whole["tier"]), ("active", true, &json!(1)), "{whole}");
    let payments = client.get("payments").await.expect(200);
    assert_eq!(payments.data()[0]["amount"]["amount"], 1000, "{}", payments.text);
    market.balanced().await;
}

#[tokio::test]
async fn money_that_goes_back_takes_the_access_of_its_period_with_it() {
    let market = start().await;
    let (provider, client) = (market.provider().await, market.client().await);
    let admin = market.admin().await;
    let plan = provider.post("plans", scenarios::plan(None)).await.expect(201).id();
    let subscription = client.subscribes(&plan).await;
    pays(&client, &subscription).await;
    market.settle().await;
    stands(&client, "active", true).await;
    let again = client.pays("subscription", &subscription, "card_success").await;
    let _ = again.refused(409, "payment.already_paid");

    // What is cancelled at once goes on to its end, and can be resumed.
    let cancel = format!("subscriptions/{subscription}/cancel");
    let cancelled = client.post(&cancel, json!({ "at_once": true })).await.expect(200);
    assert_eq!(cancelled.body["cancel_at_period_end"], false, "{}", cancelled.text);
    stands(&client, "canceled", true).await;

    let payment = client.get("payments").await.expect(200).data()[0]["id"].clone();
    let path = format!("admin/payments/{}/refund", payment.as_str().expect("an id is text"));
    let part = json!({ "amount": { "amount": 899, "currency": "EUR" }, "reason": "Goodwill." });
    let _ = admin.post(&path, part).await.expect(200);
    market.settle().await;
    stands(&client, "canceled", true).await;
    let _ = admin.post(&path, json!({ "reason": "All of it." })).await.expect(200);
    market.settle().await;
    stands(&client, "expired", false).await;
    let providers = client.get("subscriptions/providers").await.expect(200);
    assert!(providers.data().is_empty(), "{}", providers.text);

    // Nothing stands in the way of another one.
    let again = client.subscribes(&plan).await;
    pays(&client, &again).await;
    market.settle().await;
    stands(&client, "active", true).await;
    market.balanced().await;
}
