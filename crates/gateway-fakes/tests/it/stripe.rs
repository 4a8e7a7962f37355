use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use gateway_fakes::{Fault, StripeFake};
use kernel::ManualClock;
use serde_json::{Value, json};

use crate::wire::{client, get, keyed, post, try_post};

const PAID: [(&str, &str); 6] = [
    ("amount", "2000"),
    ("currency", "eur"),
    ("payment_method", "pm_card_visa"),
    ("payment_method_types[]", "card"),
    ("confirm", "true"),
    ("metadata[attempt]", "pay_1.1"),
];

fn with<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = PAID.to_vec();
    fields.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    fields.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    fields
}

#[tokio::test]
async fn a_call_without_the_key_of_the_account_is_refused() {
    let fake = StripeFake::start().await;
    let url = format!("{}/v1/payment_intents", fake.url());

    let none = client().post(&url).send().await.unwrap();
    assert_eq!(none.status(), 401);
    let wrong = client().post(&url).bearer_auth("sk_test_other").send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    let error: Value = wrong.json().await.unwrap();
    assert_eq!(
        error,
        json!({ "error": { "type": "invalid_request_error", "message": "Invalid API Key provided: sk_test_****" } })
    );
}

#[tokio::test]
async fn only_forms_with_known_fields_are_taken() {
    let fake = StripeFake::start().await;
    let url = format!("{}/v1/payment_intents", fake.url());

    let request =
        client().post(&url).bearer_auth(StripeFake::SECRET_KEY).json(&json!({ "amount": 1 }));
    assert_eq!(request.send().await.unwrap().status(), 400);

    let code = |changes: &'static [(&str, &str)]| {
        let fake = &fake;
        async move {
            let reply = post(fake, "payment_intents", &with(changes)).await;
            (reply.status, reply.at("error.code").clone(), reply.at("error.param").clone())
        }
    };
    assert_eq!(code(&[("amount", "")]).await, (400, json!("parameter_missing"), json!("amount")));
    assert_eq!(
        code(&[("amount", "20.00")]).await,
        (400, json!("parameter_invalid_integer"), json!("amount"))
    );
    assert_eq!(code(&[("amount", "49")]).await, (400, json!("amount_too_small"), json!("amount")));
    assert_eq!(code(&[("currency", "zzz")]).await, (400, Value::Null, json!("currency")));
    assert_eq!(
        code(&[("capture", "false")]).await,
        (400, json!("parameter_unknown"), json!("capture"))
    );
    assert_eq!(
        code(&[("customer", "cus_no")]).await,
        (404, json!("resource_missing"), json!("customer"))
    );
    assert_eq!(
        code(&[("payment_method_types[]", "")]).await,
        (400, Value::Null, json!("return_url"))
    );
    assert!(fake.charges().is_empty());
}

#[tokio::test]
async fn a_payment_has_the_shape_of_the_manual() {
    let fake = StripeFake::start().await;

    let reply = post(&fake, "payment_intents", &PAID).await.ok();

    insta::assert_json_snapshot!(reply.body, {
        ".created" => "[time]",
    });
    let charge = get(&fake, &format!("charges/{}", reply.text("latest_charge"))).await.ok();
    assert_eq!(charge.at("captured"), &json!(true));
    assert_eq!(charge.at("payment_method_details.card.last4"), &json!("4242"));
}

#[tokio::test]
async fn a_repeated_key_is_one_payment_with_one_answer() {
    let fake = StripeFake::start().await;

    let first = keyed(&fake, "k1", "payment_intents", &PAID).await.ok();
    let again = keyed(&fake, "k1", "payment_intents", &PAID).await.ok();
    let other = keyed(&fake, "k1", "payment_intents", &with(&[("amount", "2001")])).await;

    assert_eq!(first.body, again.body);
    assert!(first.headers.get("idempotent-replayed").is_none());
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!((other.status, other.text("error.type")), (400, "idempotency_error".to_owned()));
    assert_eq!(fake.charges().len(), 1);
}

#[tokio::test]
async fn a_key_keeps_declines_and_failures_but_not_what_was_never_tried() {
    let fake = StripeFake::start().await;

    let declined = with(&[("payment_method", "pm_card_visa_chargeDeclined")]);
    for _ in 0..2 {
        assert_eq!(keyed(&fake, "declined", "payment_intents", &declined).await.status, 402);
    }
    assert_eq!(get(&fake, "charges").await.at("data").as_array().unwrap().len(), 1);

    assert_eq!(
        keyed(&fake, "invalid", "payment_intents", &with(&[("amount", "1")])).await.status,
        400
    );
    keyed(&fake, "invalid", "payment_intents", &PAID).await.ok();

    fake.faults().next("/v1/payment_intents", Fault::FailAfter(500));
    for _ in 0..2 {
        let reply = keyed(&fake, "broken", "payment_intents", &PAID).await;
        assert_eq!((reply.status, reply.text("error.type")), (500, "api_error".to_owned()));
    }
    assert_eq!(
        fake.charges().len(),
        2,
        "the one that was invalid at first, and the one that broke after its effect"
    );
}

#[tokio::test]
async fn a_key_in_use_is_a_conflict_and_after_a_day_it_is_forgotten() {
    let clock = Arc::new(ManualClock::new(DateTime::UNIX_EPOCH));
    let fake = StripeFake::start_at(Arc::<ManualClock>::clone(&clock)).await;
    fake.faults().next("/v1/payment_intents", Fault::Work(Duration::from_millis(300)));

    let slow = keyed(&fake, "k", "payment_intents", &PAID);
    let quick = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        keyed(&fake, "k", "payment_intents", &PAID).await
    };
    let (slow, quick) = tokio::join!(slow, quick);
    assert_eq!((slow.status, quick.status), (200, 409));
    assert_eq!(quick.text("error.code"), "idempotency_key_in_use");

    clock.advance(TimeDelta::hours(25));
    keyed(&fake, "k", "payment_intents", &PAID).await.ok();
    assert_eq!(fake.charges().len(), 2);
}

#[tokio::test]
async fn answers_get_lost_garbled_and_late_after_the_effect() {
    let fake = StripeFake::start().await;
    let path = "/v1/payment_intents";

    fake.faults().next(path, Fault::HangUpBefore);
    assert!(try_post(&fake, "payment_intents", &PAID, None).await.is_err());
    assert_eq!(fake.charges().len(), 0);
    fake.faults().next(path, Fault::HangUpAfter);
    assert!(try_post(&fake, "payment_intents", &PAID, None).await.is_err());
    assert_eq!(fake.charges().len(), 1);
    fake.faults().next(path, Fault::Truncate);
    assert_eq!(post(&fake, "payment_intents", &PAID).await.body, Value::Null, "not JSON");
    assert_eq!(fake.charges().len(), 2);
    fake.faults().next(path, Fault::FailBefore(429));
    assert_eq!(post(&fake, "payment_intents", &PAID).await.text("error.code"), "rate_limit");
    assert_eq!(fake.charges().len(), 2);
    fake.faults().next(path, Fault::Lie { truth: "2000".into(), lie: "1".into() });
    assert_eq!(post(&fake, "payment_intents", &PAID).await.at("amount"), &json!(1));
    assert_eq!(fake.charges()[2].captured, 2000);

    // A client that gives up does not stop the server.
    fake.faults().next(path, Fault::Work(Duration::from_millis(200)));
    let impatient =
        tokio::time::timeout(Duration::from_millis(50), post(&fake, "payment_intents", &PAID))
            .await;
    assert!(impatient.is_err());
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(fake.charges().len(), 4);
}

#[tokio::test]
async fn money_is_reserved_and_taken_in_part() {
    let fake = StripeFake::start().await;

    let intent = post(&fake, "payment_intents", &with(&[("capture_method", "manual")])).await.ok();
    assert_eq!(intent.text("status"), "requires_capture");
    assert_eq!(fake.charges()[0].reserved, 2000);
    let id = intent.text("id");
    let capture = format!("payment_intents/{id}/capture");
    let much = post(&fake, &capture, &[("amount_to_capture", "2001")]).await;
    assert_eq!((much.status, much.text("error.code")), (400, "amount_too_large".to_owned()));
    let captured = post(&fake, &capture, &[("amount_to_capture", "1500")]).await.ok();
    assert_eq!(
        (captured.text("status"), captured.at("amount_received")),
        ("succeeded".to_owned(), &json!(1500))
    );

    let again = post(&fake, &capture, &[]).await;
    assert_eq!(again.text("error.code"), "payment_intent_unexpected_state");
    assert_eq!(again.text("error.payment_intent.id"), id);
    let charge = get(&fake, &format!("payment_intents/{id}?expand[]=latest_charge")).await.ok();
    assert_eq!(charge.at("latest_charge.amount_captured"), &json!(1500));
    assert_eq!(
        charge.at("latest_charge.amount_refunded"),
        &json!(500),
        "what was let go counts here"
    );
    let charged = &fake.charges()[0];
    assert_eq!((charged.reserved, charged.captured, charged.refunded), (0, 1500, 0));
}

#[tokio::test]
async fn a_reservation_can_be_let_go() {
    let fake = StripeFake::start().await;
    let intent = post(&fake, "payment_intents", &with(&[("capture_method", "manual")])).await.ok();

    let cancel = format!("payment_intents/{}/cancel", intent.text("id"));
    assert_eq!(post(&fake, &cancel, &[]).await.ok().text("status"), "canceled");

    assert_eq!(
        post(&fake, &cancel, &[]).await.text("error.code"),
        "payment_intent_unexpected_state"
    );
    assert_eq!(fake.charges()[0].reserved, 0);
}

#[tokio::test]
async fn a_decline_is_402_and_says_why() {
    let fake = StripeFake::start().await;
    for (card, code, decline) in [
        ("pm_card_visa_chargeDeclined", "card_declined", json!("generic_decline")),
        (
            "pm_card_visa_chargeDeclinedInsufficientFunds",
            "card_declined",
            json!("insufficient_funds"),
        ),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", Value::Null),
    ] {
        let reply = post(&fake, "payment_intents", &with(&[("payment_method", card)])).await;

        assert_eq!((reply.status, reply.text("error.type")), (402, "card_error".to_owned()));
        assert_eq!(
            (reply.text("error.code"), reply.at("error.decline_code")),
            (code.to_owned(), &decline)
        );
        assert_eq!(reply.text("error.payment_intent.status"), "requires_payment_method");
        assert_eq!(reply.text("error.payment_intent.last_payment_error.code"), code);
    }
    assert!(fake.charges().is_empty());
}

#[tokio::test]
async fn three_d_secure_leads_through_a_page_and_back() {
    let fake = StripeFake::start().await;
    let fields = with(&[
        ("payment_method", "pm_card_authenticationRequired"),
        ("return_url", "https://shop.example/back?a=1"),
    ]);
    for (choice, status, word) in
        [("pass", "succeeded", "succeeded"), ("fail", "requires_payment_method", "failed")]
    {
        let intent = post(&fake, "payment_intents", &fields).await.ok();
        assert_eq!(intent.text("status"), "requires_action");
        assert_eq!(intent.text("next_action.type"), "redirect_to_url");
        let page = intent.text("next_action.redirect_to_url.url");
        assert!(
            client().get(&page).send().await.unwrap().text().await.unwrap().contains("<button")
        );

        let back = client().post(&page).form(&[("choice", choice)]).send().await.unwrap();

        let location = back.headers()["location"].to_str().unwrap();
        let id = intent.text("id");
        assert!(
            location.starts_with(&format!("https://shop.example/back?a=1&payment_intent={id}")),
            "{location}"
        );
        assert!(location.ends_with(&format!("redirect_status={word}")), "{location}");
        assert_eq!(get(&fake, &format!("payment_intents/{id}")).await.text("status"), status);
    }
    assert_eq!(fake.charges().len(), 1);
}

#[tokio::test]
async fn a_bank_may_decline_after_three_d_secure_and_asks_in_vain_when_nobody_is_there() {
    let fake = StripeFake::start().await;
    let card = "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds";
    let fields = with(&[("payment_method", card), ("return_url", "https://shop.example/")]);
    let id = post(&fake, "payment_intents", &fields).await.ok().text("id");
    fake.authenticate(&id, true);
    let intent = get(&fake, &format!("payment_intents/{id}")).await.ok();
    assert_eq!(intent.text("last_payment_error.decline_code"), "insufficient_funds");

    let fields =
        with(&[("payment_method", "pm_card_authenticationRequired"), ("off_session", "true")]);
    let reply = post(&fake, "payment_intents", &fields).await;
    assert_eq!(
        (reply.status, reply.text("error.code")),
        (402, "authentication_required".to_owned())
    );
    assert!(fake.charges().is_empty());
}

#[tokio::test]
async fn a_kept_card_is_charged_again_and_an_unkept_one_is_not() {
    let fake = StripeFake::start().await;
    let customer = post(&fake, "customers", &[]).await.ok().text("id");
    let setup = [
        ("customer", customer.as_str()),
        ("payment_method", "pm_card_authenticationRequiredOnSetup"),
        ("payment_method_types[]", "card"),
        ("confirm", "true"),
        ("return_url", "https://shop.example/"),
    ];
    let setup = post(&fake, "setup_intents", &setup).await.ok();
    assert_eq!(setup.text("status"), "requires_action");
    fake.authenticate(&setup.text("id"), true);
    let setup = get(&fake, &format!("setup_intents/{}", setup.text("id"))).await.ok();
    let method = setup.text("payment_method");
    assert_eq!(setup.text("status"), "succeeded");

    let charge =
        with(&[("customer", &customer), ("payment_method", &method), ("off_session", "true")]);
    for _ in 0..2 {
        assert_eq!(post(&fake, "payment_intents", &charge).await.ok().text("status"), "succeeded");
    }
    let stranger = post(&fake, "payment_intents", &with(&[("payment_method", &method)])).await;
    assert!(stranger.text("error.message").contains("belongs to a Customer"));
    let kept = get(&fake, &format!("customers/{customer}/payment_methods")).await.ok();
    assert_eq!(kept.text("data.0.id"), method);

    let fresh =
        post(&fake, "payment_methods", &[("type", "card"), ("card[token]", "tok_visa")]).await.ok();
    let once = with(&[("payment_method", fresh.body["id"].as_str().unwrap())]);
    post(&fake, "payment_intents", &once).await.ok();
    assert_eq!(post(&fake, "payment_intents", &once).await.status, 400);
}

#[tokio::test]
async fn no_more_is_given_back_than_was_taken() {
    let fake = StripeFake::start().await;
    let id = post(&fake, "payment_intents", &PAID).await.ok().text("id");
    let intent = ("payment_intent", id.as_str());

    let part = post(&fake, "refunds", &[intent, ("amount", "500")]).await.ok();
    assert_eq!(
        (part.text("status"), part.text("payment_intent")),
        ("succeeded".to_owned(), id.clone())
    );
    assert_eq!(
        post(&fake, "refunds", &[intent, ("amount", "1501")]).await.text("error.param"),
        "amount"
    );
    post(&fake, "refunds", &[intent]).await.ok();
    assert_eq!(
        post(&fake, "refunds", &[intent]).await.text("error.code"),
        "charge_already_refunded"
    );

    assert_eq!(fake.charges()[0].refunded, 2000);
    let list = get(&fake, &format!("refunds?payment_intent={id}")).await.ok();
    assert_eq!((list.at("data.0.amount"), list.at("data.1.amount")), (&json!(1500), &json!(500)));
}

#[tokio::test]
async fn lists_are_paged_from_the_newest_on() {
    let fake = StripeFake::start().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.insert(0, post(&fake, "payment_intents", &PAID).await.ok().text("id"));
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = get(&fake, &format!("payment_intents?limit=2{after}")).await.ok();
        let data = page.at("data").as_array().unwrap().clone();
        seen.extend(data.iter().map(|intent| intent["id"].as_str().unwrap().to_owned()));
        if page.at("has_more") == &json!(false) {
            break;
        }
        after = format!("&starting_after={}", seen.last().unwrap());
    }
    assert_eq!(seen, ids);
    assert_eq!(get(&fake, "payment_intents?limit=101").await.status, 400);
    let settled = get(&fake, "balance_transactions?type=charge&limit=100").await.ok();
    assert_eq!(settled.at("data").as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn the_search_knows_metadata_and_is_late_like_the_real_one() {
    let clock = Arc::new(ManualClock::new(DateTime::UNIX_EPOCH));
    let fake = StripeFake::start_at(Arc::<ManualClock>::clone(&clock)).await;
    fake.search_lag(TimeDelta::minutes(1));
    let id = post(&fake, "payment_intents", &PAID).await.ok().text("id");
    let search = "payment_intents/search?query=metadata%5B%27attempt%27%5D%3A%27pay_1.1%27";

    assert_eq!(get(&fake, search).await.ok().at("data"), &json!([]));
    clock.advance(TimeDelta::minutes(2));
    assert_eq!(get(&fake, search).await.ok().text("data.0.id"), id);
    assert_eq!(get(&fake, "payment_intents/search?query=everything").await.status, 400);
}
