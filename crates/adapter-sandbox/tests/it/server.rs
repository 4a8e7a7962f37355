use chrono::TimeDelta;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::shop::{KEY, Shop};

impl Shop {
    async fn send(
        &self,
        method: Method,
        path: &str,
        key: &str,
        body: &Value,
    ) -> Option<(u16, Value)> {
        let request = client().request(method, format!("{}{path}", self.sandbox.url()));
        let request = request.bearer_auth(KEY).header("Idempotency-Key", key).json(body);
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, serde_json::from_str(&answer.text().await.ok()?).unwrap_or_default()))
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let key = format!("{path} {body}");
        self.send(Method::POST, path, &key, &body).await.unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        self.send(Method::GET, path, "", &Value::Null).await.unwrap().1
    }

    async fn pay(&self, reference: &str, card: &str, changes: Value) -> Value {
        let mut body = payment(reference, card);
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        let (status, payment) = self.post("/v1/payments", body).await;
        assert_eq!(status, 200, "{payment}");
        payment
    }

    async fn hostility(&self, hostility: Value) {
        let (status, body) = self.send(Method::PUT, "/v1/hostility", "", &hostility).await.unwrap();
        assert_eq!(status, 200, "{body}");
    }
}

fn client() -> Client {
    Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap()
}

fn payment(reference: &str, card: &str) -> Value {
    json!({
        "reference": reference, "amount": 2000, "currency": "EUR", "capture": true, "card": card,
        "account": "acc_1", "description": "A recipe", "save_card": false, "return_url": "https://shop.example/back",
    })
}

async fn choose(url: &str, choice: &str) -> String {
    let answer = client().post(url).form(&[("choice", choice)]).send().await.unwrap();
    assert_eq!(answer.status(), 303, "{url}");
    answer.headers()["location"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn each_card_does_what_its_name_says() {
    let shop = Shop::open().await;
    for (card, status, reason) in [
        ("card_success", "captured", Value::Null),
        ("card_declined", "failed", json!({ "reason": "declined", "hard": false })),
        ("card_lost", "failed", json!({ "reason": "lost_card", "hard": true })),
        (
            "card_insufficient_funds",
            "failed",
            json!({ "reason": "insufficient_funds", "hard": false }),
        ),
        ("card_secure", "requires_action", Value::Null),
        ("card_secure_then_declined", "requires_action", Value::Null),
        ("card_poor_later", "captured", Value::Null),
    ] {
        let paid = shop.pay(card, card, json!({})).await;
        assert_eq!((&paid["status"], &paid["decline"]), (&json!(status), &reason), "{card}");
    }
    let poor = shop.pay("later", "card_poor_later", json!({ "return_url": null })).await;
    assert_eq!(poor["decline"]["reason"], "insufficient_funds");
    let absent = shop.pay("absent", "card_secure", json!({ "return_url": null })).await;
    assert_eq!(absent["decline"]["reason"], "authentication_required");
    let (status, _) = shop.post("/v1/payments", payment("no", "4242424242424242")).await;
    assert_eq!(status, 422, "card numbers never come here");
}

#[tokio::test]
async fn a_call_needs_the_key_of_the_merchant_and_one_of_its_own() {
    let shop = Shop::open().await;
    let url = format!("{}/v1/payments", shop.sandbox.url());
    let body = payment("p", "card_success");

    let strange = client().post(&url).bearer_auth("other").json(&body).send().await.unwrap();
    assert_eq!(strange.status(), 401);
    let keyless = client().post(&url).bearer_auth(KEY).json(&body).send().await.unwrap();
    assert_eq!(keyless.status(), 400);

    let first = shop.send(Method::POST, "/v1/payments", "k", &body).await;
    assert_eq!(shop.send(Method::POST, "/v1/payments", "k", &body).await, first);
    let other = shop.send(Method::POST, "/v1/payments", "k", &payment("q", "card_success")).await;
    assert_eq!(other.unwrap().0, 409);
    assert_eq!(shop.get("/v1/payments").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn three_d_secure_is_a_page_whose_second_answer_changes_nothing() {
    let shop = Shop::open().await;
    for (reference, choice, status) in [("a", "pass", "captured"), ("b", "fail", "failed")] {
        let url = shop.pay(reference, "card_secure", json!({})).await["challenge_url"]
            .as_str()
            .unwrap()
            .to_owned();
        let page = client().get(&url).send().await.unwrap().text().await.unwrap();
        assert!(
            page.contains("20.00 EUR") && page.contains("lang=\"en\"") && page.contains("<h1>"),
            "{page}"
        );

        assert_eq!(choose(&url, choice).await, "https://shop.example/back");
        assert_eq!(choose(&url, "pass").await, "https://shop.example/back");

        let paid = shop.get(&format!("/v1/payments?reference={reference}")).await;
        assert_eq!(paid["status"], status);
    }
    let after = shop.pay("c", "card_secure_then_declined", json!({})).await;
    choose(after["challenge_url"].as_str().unwrap(), "pass").await;
    assert_eq!(shop.get("/v1/payments?reference=c").await["decline"]["reason"], "declined");
}

#[tokio::test]
async fn the_bank_waits_for_its_payer_for_an_hour() {
    let shop = Shop::open().await;
    let waits = shop.pay("a", "card_secure", json!({})).await;
    shop.clock.advance(TimeDelta::minutes(59));
    assert_eq!(shop.get("/v1/payments?reference=a").await["status"], "requires_action");

    shop.clock.advance(TimeDelta::minutes(1));
    assert_eq!(
        choose(waits["challenge_url"].as_str().unwrap(), "pass").await,
        "https://shop.example/back"
    );

    let failed = shop.get("/v1/payments?reference=a").await;
    assert_eq!(failed["decline"], json!({ "reason": "authentication_expired", "hard": false }));
}

#[tokio::test]
async fn reserved_money_is_taken_in_part_let_go_or_runs_out() {
    let shop = Shop::open().await;
    let later = json!({ "capture": false });
    let mut ids = Vec::new();
    for reference in ["a", "b", "c"] {
        ids.push(
            shop.pay(reference, "card_success", later.clone()).await["id"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    let path = |index: usize, verb: &str| format!("/v1/payments/{}/{verb}", ids[index]);

    assert_eq!(shop.post(&path(0, "capture"), json!({ "amount": 2001 })).await.0, 422);
    let (_, taken) = shop.post(&path(0, "capture"), json!({ "amount": 1500 })).await;
    assert_eq!(
        (&taken["status"], &taken["captured"], &taken["reserved"]),
        (&json!("captured"), &json!(1500), &json!(0))
    );
    assert_eq!(shop.post(&path(0, "refunds"), json!({ "amount": 1501 })).await.0, 422);
    assert_eq!(shop.post(&path(0, "refunds"), json!({ "amount": 500 })).await.1["refunded"], 500);
    assert_eq!(
        shop.post(&path(0, "chargebacks"), json!({ "amount": 1000 })).await.1["charged_back"],
        1000
    );
    assert_eq!(
        shop.post(&path(0, "refunds"), json!({ "amount": 1 })).await.0,
        422,
        "nothing is left"
    );
    assert_eq!(
        shop.post(&path(0, "reinstatements"), json!({ "amount": 1000 })).await.1["reinstated"],
        1000
    );
    assert_eq!(shop.post(&path(1, "void"), json!({})).await.1["status"], "voided");
    assert_eq!(shop.post(&path(1, "capture"), json!({ "amount": 1 })).await.0, 409);
    shop.clock.advance(TimeDelta::days(7));
    assert_eq!(shop.get(&format!("/v1/payments/{}", ids[2])).await["status"], "voided");

    let kinds = shop.kinds().await;
    let wanted = [
        "payment.authorized",
        "payment.authorized",
        "payment.authorized",
        "payment.captured",
        "payment.refunded",
        "payment.charged_back",
        "payment.reinstated",
        "payment.voided",
        "payment.voided",
    ];
    assert_eq!(kinds, wanted);
}

#[tokio::test]
async fn a_kept_card_is_charged_by_its_account_only_and_survives_a_restart() {
    let mut shop = Shop::open().await;
    let kept =
        shop.pay("a", "card_success", json!({ "save_card": true })).await["card"]["token"].clone();
    shop.restart().await;

    let paid = shop.pay("b", kept.as_str().unwrap(), json!({ "return_url": null })).await;
    assert_eq!(paid["status"], "captured");
    let mut foreign = payment("c", kept.as_str().unwrap());
    foreign["account"] = json!("acc_2");
    assert_eq!(shop.post("/v1/payments", foreign).await.0, 422);
    assert_eq!(shop.get("/v1/payments?reference=a").await["status"], "captured");
    let (_, card) =
        shop.post("/v1/cards", json!({ "card": "card_lost", "account": "acc_1" })).await;
    assert_eq!((&card["card"], &card["decline"]["hard"]), (&Value::Null, &json!(true)));
}

#[tokio::test]
async fn an_answer_is_lost_and_the_payment_is_there() {
    let shop = Shop::open().await;
    let body = payment("a", "card_lost_answer");

    assert_eq!(shop.send(Method::POST, "/v1/payments", "k", &body).await, None);

    assert_eq!(shop.get("/v1/payments?reference=a").await["status"], "captured");
    let again = shop.send(Method::POST, "/v1/payments", "k", &body).await.unwrap();
    assert_eq!((again.0, &again.1["status"]), (200, &json!("captured")));
    assert_eq!(shop.get("/v1/payments").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn it_is_as_hostile_as_it_is_told_to_be() {
    let mut shop = Shop::open().await;
    shop.hostility(json!({ "webhook_copies": 3, "lose_answer_every": 2 })).await;
    shop.pay("a", "card_success", json!({})).await;
    assert_eq!(
        shop.send(Method::POST, "/v1/payments", "b", &payment("b", "card_success")).await,
        None
    );
    assert_eq!(shop.kinds().await.len(), 6);
    assert_eq!(shop.get("/v1/payments").await.as_array().unwrap().len(), 2);

    shop.hostility(json!({ "fail_before_every": 1 })).await;
    assert_eq!(shop.post("/v1/payments", payment("c", "card_success")).await.0, 503);
    shop.hostility(json!({ "fail_after_every": 1 })).await;
    assert_eq!(shop.post("/v1/payments", payment("d", "card_success")).await.0, 500);
    assert_eq!(shop.get("/v1/payments").await.as_array().unwrap().len(), 3);

    shop.hostility(json!({ "webhook_lose_every": 1, "always_secure": true })).await;
    shop.restart().await; // and stays so
    let before = shop.messages().await.len();
    let paid = shop.pay("e", "card_success", json!({})).await;
    assert_eq!(paid["status"], "requires_action");
    assert_eq!(shop.messages().await.len(), before);
    let (status, _) =
        shop.send(Method::PUT, "/v1/hostility", "", &json!({ "webhook_copys": 3 })).await.unwrap();
    assert_eq!(status, 422, "a misspelt switch is an error");
}

#[tokio::test]
async fn a_checkout_page_takes_one_payment() {
    let shop = Shop::open().await;
    let expires_at = kernel::Clock::now(&*shop.clock) + TimeDelta::hours(1);
    let checkout = json!({
        "reference": "a", "amount": 2000, "currency": "EUR", "capture": true, "account": "acc_1",
        "description": "A recipe", "save_card": false, "return_url": "https://shop.example/done", "expires_at": expires_at,
    });
    let (_, checkout) = shop.post("/v1/checkouts", checkout).await;
    let url = checkout["url"].as_str().unwrap();
    assert!(client().get(url).send().await.unwrap().text().await.unwrap().contains("card_success"));

    assert_eq!(choose(url, "card_declined").await, "https://shop.example/done");
    let bank = choose(url, "card_secure").await;
    let back = choose(&bank, "pass").await;
    let answer = client().get(&back).send().await.unwrap();
    assert_eq!(answer.headers()["location"], "https://shop.example/done");
    choose(url, "card_success").await;

    let payments = shop.get("/v1/payments").await;
    let taken = payments
        .as_array()
        .unwrap()
        .iter()
        .filter(|payment| payment["status"] == "captured")
        .count();
    assert_eq!(taken, 1);
    assert_eq!(shop.get("/v1/payments?reference=a").await["status"], "captured");
    shop.clock.advance(TimeDelta::hours(2));
    assert_eq!(client().get(url).send().await.unwrap().status(), 409);
}

#[tokio::test]
async fn payouts_arrive_wait_or_come_back() {
    let shop = Shop::open().await;
    for (destination, status) in
        [("bank_good", "paid"), ("bank_slow", "pending"), ("bank_closed", "failed")]
    {
        let body = json!({ "reference": destination, "amount": 100, "currency": "EUR", "destination": destination });
        assert_eq!(shop.post("/v1/payouts", body).await.1["status"], status);
    }
    assert_eq!(shop.post("/v1/payouts/bank_slow/paid", json!({})).await.1["status"], "paid");
    assert_eq!(shop.get("/v1/payouts?reference=bank_slow").await["status"], "paid");
    assert_eq!(
        shop.kinds().await,
        ["payout.paid", "payout.pending", "payout.failed", "payout.paid"]
    );
}
