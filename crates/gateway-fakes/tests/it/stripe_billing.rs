use gateway_fakes::StripeFake;
use serde_json::json;

use crate::wire::{client, delete, get, post};

async fn customer_with(fake: &StripeFake, card: &str) -> String {
    let fields = [("payment_method", card), ("invoice_settings[default_payment_method]", card)];
    post(fake, "customers", &fields).await.ok().text("id")
}

async fn monthly(fake: &StripeFake) -> String {
    let fields = [
        ("currency", "eur"),
        ("unit_amount", "900"),
        ("recurring[interval]", "month"),
        ("product_data[name]", "Tier"),
    ];
    post(fake, "prices", &fields).await.ok().text("id")
}

#[tokio::test]
async fn a_subscription_is_paid_renewed_past_due_and_over() {
    let fake = StripeFake::start().await;
    let (customer, price) = (customer_with(&fake, "pm_card_visa").await, monthly(&fake).await);
    let fields =
        [("customer", customer.as_str()), ("items[0][price]", &price), ("metadata[plan]", "pln_1")];

    let first = post(&fake, "subscriptions", &fields).await.ok();
    let id = first.text("id");
    assert_eq!(first.text("status"), "active");
    let end = first.at("items.data.0.current_period_end").as_i64().unwrap();
    assert_eq!(first.at("current_period_end"), &json!(null), "it has moved to the items");

    fake.renew(&id);
    let path = format!("subscriptions/{id}");
    let renewed = get(&fake, &path).await.ok();
    assert_eq!(renewed.at("items.data.0.current_period_start"), &json!(end));
    let invoice = get(&fake, &format!("invoices/{}", renewed.text("latest_invoice"))).await.ok();
    assert_eq!(
        (invoice.text("status"), invoice.text("billing_reason")),
        ("paid".into(), "subscription_cycle".into())
    );
    assert_eq!(invoice.text("parent.subscription_details.subscription"), id);
    assert_eq!(
        invoice.at("payment_intent"),
        &json!(null),
        "it has moved to the invoice's payments"
    );
    let payments =
        get(&fake, &format!("invoice_payments?invoice={}", invoice.text("id"))).await.ok();
    assert!(payments.text("data.0.payment.payment_intent").starts_with("pi_"));

    let broken = post(
        &fake,
        "payment_methods",
        &[("type", "card"), ("card[token]", "tok_chargeCustomerFail")],
    )
    .await
    .ok();
    let broken = broken.text("id");
    post(&fake, &format!("payment_methods/{broken}/attach"), &[("customer", &customer)]).await.ok();
    post(&fake, &path, &[("default_payment_method", &broken)]).await.ok();
    fake.renew(&id);
    assert_eq!(get(&fake, &path).await.text("status"), "past_due");
    fake.retry_renewal(&id);
    assert_eq!(get(&fake, &path).await.text("status"), "past_due");

    assert_eq!(delete(&fake, &path).await.ok().text("status"), "canceled");
    assert_eq!(delete(&fake, &path).await.status, 404);
    let kinds: Vec<_> =
        fake.events().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    for kind in [
        "customer.subscription.created",
        "invoice.paid",
        "invoice.payment_failed",
        "customer.subscription.updated",
        "customer.subscription.deleted",
    ] {
        assert!(kinds.iter().any(|known| known == kind), "{kind}");
    }
    assert_eq!(fake.charges().iter().map(|charge| charge.captured).sum::<i64>(), 1800);
}

#[tokio::test]
async fn a_trial_is_charged_when_it_ends_or_paused_without_a_card() {
    let fake = StripeFake::start().await;
    let price = monthly(&fake).await;
    let (with, without) = (
        customer_with(&fake, "pm_card_visa").await,
        post(&fake, "customers", &[]).await.text("id"),
    );
    let subscribe = |customer: String| {
        let (fake, price) = (&fake, price.clone());
        async move {
            let fields = [
                ("customer", customer.as_str()),
                ("items[0][price]", price.as_str()),
                ("trial_period_days", "14"),
                ("trial_settings[end_behavior][missing_payment_method]", "pause"),
            ];
            let reply = post(fake, "subscriptions", &fields).await.ok();
            assert_eq!(reply.text("status"), "trialing");
            reply.text("id")
        }
    };
    let (paying, idle) = (subscribe(with).await, subscribe(without).await);
    assert!(fake.charges().is_empty());

    fake.renew(&paying);
    fake.renew(&idle);

    assert_eq!(get(&fake, &format!("subscriptions/{paying}")).await.text("status"), "active");
    assert_eq!(get(&fake, &format!("subscriptions/{idle}")).await.text("status"), "paused");
}

#[tokio::test]
async fn a_subscription_ends_with_its_period_when_asked_to() {
    let fake = StripeFake::start().await;
    let (customer, price) = (customer_with(&fake, "pm_card_visa").await, monthly(&fake).await);
    let fields = [("customer", customer.as_str()), ("items[0][price]", &price)];
    let id = post(&fake, "subscriptions", &fields).await.ok().text("id");

    let path = format!("subscriptions/{id}");
    let asked = post(&fake, &path, &[("cancel_at_period_end", "true")]).await.ok();
    assert_eq!(
        (asked.text("status"), asked.at("cancel_at_period_end")),
        ("active".to_owned(), &json!(true))
    );
    fake.renew(&id);

    assert_eq!(get(&fake, &path).await.text("status"), "canceled");
}

#[tokio::test]
async fn a_first_payment_that_fails_leaves_the_subscription_incomplete() {
    let fake = StripeFake::start().await;
    let (customer, price) =
        (customer_with(&fake, "pm_card_chargeCustomerFail").await, monthly(&fake).await);
    let fields = [("customer", customer.as_str()), ("items[0][price]", &price)];

    let kept = post(&fake, "subscriptions", &fields).await.ok();
    assert_eq!(kept.text("status"), "incomplete");
    let strict = [&fields[..], &[("payment_behavior", "error_if_incomplete")]].concat();
    assert_eq!(post(&fake, "subscriptions", &strict).await.status, 402);
}

#[tokio::test]
async fn a_hosted_page_is_paid_through_three_d_secure() {
    let fake = StripeFake::start().await;
    let fields = [
        ("mode", "payment"),
        ("success_url", "https://shop.example/done?session={CHECKOUT_SESSION_ID}"),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price_data][currency]", "eur"),
        ("line_items[0][price_data][unit_amount]", "1200"),
        ("line_items[0][price_data][product_data][name]", "A recipe"),
        ("payment_intent_data[metadata][attempt]", "pay_9.1"),
    ];
    let session = post(&fake, "checkout/sessions", &fields).await.ok();
    let (id, url) = (session.text("id"), session.text("url"));
    assert_eq!(
        (session.text("status"), session.text("payment_status")),
        ("open".into(), "unpaid".into())
    );
    assert_eq!(session.at("payment_intent"), &json!(null), "there is none before somebody pays");
    assert_eq!(client().get(&url).send().await.unwrap().status(), 200);

    let secure = [("choice", "pm_card_authenticationRequired")];
    let bank = client().post(&url).form(&secure).send().await.unwrap();
    let bank = bank.headers()["location"].to_str().unwrap().to_owned();
    let back = client().post(&bank).form(&[("choice", "pass")]).send().await.unwrap();
    let back = back.headers()["location"].to_str().unwrap().to_owned();
    let shop = client().get(&back).send().await.unwrap();

    let location = shop.headers()["location"].to_str().unwrap();
    assert_eq!(location, format!("https://shop.example/done?session={id}"));
    let session = get(&fake, &format!("checkout/sessions/{id}")).await.ok();
    assert_eq!(
        (session.text("status"), session.text("payment_status")),
        ("complete".into(), "paid".into())
    );
    assert_eq!(fake.charges()[0].reference, "pay_9.1");
}

#[tokio::test]
async fn money_reaches_connected_accounts_and_comes_back() {
    let fake = StripeFake::start().await;
    let account =
        post(&fake, "accounts", &[("type", "express"), ("country", "DE")]).await.ok().text("id");
    let transfer = [("amount", "700"), ("currency", "eur"), ("destination", account.as_str())];
    assert_eq!(
        post(&fake, "transfers", &transfer).await.text("error.code"),
        "insufficient_capabilities_for_transfer"
    );
    fake.enable_account(&account, true);
    assert_eq!(
        post(&fake, "transfers", &transfer).await.text("error.code"),
        "balance_insufficient"
    );

    let paid = [
        ("amount", "1000"),
        ("currency", "eur"),
        ("payment_method", "pm_card_visa"),
        ("payment_method_types[]", "card"),
        ("confirm", "true"),
        ("transfer_data[destination]", account.as_str()),
        ("application_fee_amount", "100"),
    ];
    let intent = post(&fake, "payment_intents", &paid).await.ok();
    let charge = get(&fake, &format!("charges/{}", intent.text("latest_charge"))).await.ok();
    let sent = charge.text("transfer");
    assert_eq!(get(&fake, &format!("transfers/{sent}")).await.at("amount"), &json!(1000));

    let refund = [
        ("payment_intent", intent.body["id"].as_str().unwrap()),
        ("amount", "500"),
        ("reverse_transfer", "true"),
        ("refund_application_fee", "true"),
    ];
    post(&fake, "refunds", &refund).await.ok();
    assert_eq!(get(&fake, &format!("transfers/{sent}")).await.at("amount_reversed"), &json!(500));

    post(&fake, "payment_intents", &paid[..5]).await.ok();
    let later = post(&fake, "transfers", &transfer).await.ok();
    let reversals = format!("transfers/{}/reversals", later.text("id"));
    post(&fake, &reversals, &[("amount", "700")]).await.ok();
    assert_eq!(post(&fake, &reversals, &[]).await.status, 400);
}
