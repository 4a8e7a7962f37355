//! Money over HTTP: H10, S4, V5 and B2 of `docs/features.md`, against the embedded gateway.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use mercato::{http, wiring};
use reqwest::Method;
use scenarios::{Marketplace, Person, at_bank, browser, plan, signed};
use serde_json::json;
use tokio::sync::Barrier;

/// Where the app wants its payers back.
const APP: &str = "https://app.example/paid";

/// Services by appointment, paid for through the embedded gateway.
async fn start() -> Marketplace {
    Marketplace::with(|settings| {
        "service-booking".clone_into(&mut settings.profile);
        settings.gateways.sandbox.enabled = Some(true);
        settings.gateways.return_to = vec!["https://app.example".to_owned()];
    })
    .await
}

/// What the embedded gateway took of a payment, and gave back.
async fn moved(market: &Marketplace, payment: &str) -> (i64, i64) {
    let sums = market
        .rows(&format!(
            "SELECT (document->>'captured') || ' ' || (document->>'refunded') \
             FROM sandbox_documents WHERE key LIKE 'payment/%' \
             AND document->>'reference' LIKE '{payment}%' AND document->>'status' <> 'failed'"
        ))
        .await;
    let [sums] = &sums[..] else { panic!("{payment} is {} payments there", sums.len()) };
    let (captured, refunded) = sums.split_once(' ').expect("two figures");
    (captured.parse().expect("a figure"), refunded.parse().expect("a figure"))
}

#[tokio::test]
async fn the_embedded_gateway_asks_at_its_bank_and_tells_by_signed_messages() {
    let market = start().await;
    let (provider, client) = (market.provider().await, market.client().await);
    let subscription = client.owes(&provider).await;
    let body = json!({
        "purpose": "subscription", "reference": subscription,
        "method": { "token": "card_secure" }, "save_card": true, "return_to": APP,
    });
    let paid = client.post("payments", body).await.expect(201);
    let url = paid.action();
    assert!(url.starts_with(&format!("{}/sandbox/challenge/", market.base)), "{url}");

    let back = at_bank(&url, "pass").await;
    let answer = browser().get(&back).send().await.expect("an answer");
    assert_eq!(answer.status(), 303, "{back}");
    assert_eq!(answer.headers()["location"], format!("{APP}?payment_id={}", paid.id()));

    market.settle().await;
    assert_eq!(client.payment_status(&paid.id()).await, "captured");
    let seen = client.get("subscriptions").await.expect(200);
    assert_eq!(seen.data()[0]["status"], "active", "{}", seen.text);
    assert_eq!(seen.data()[0]["has_access"], true, "{}", seen.text);
    assert!(seen.data()[0]["card_id"].is_string(), "the card is kept: {}", seen.text);
    let providers = client.get("subscriptions/providers").await.expect(200);
    assert_eq!(providers.data()[0]["provider_id"], provider.provider.as_str());
    let admin = market.admin().await;
    let messages = admin.get("admin/webhooks?gateway=sandbox").await.expect(200);
    assert!(messages.data().len() >= 2, "{}", messages.text);
    for message in messages.data() {
        assert!(["applied", "ignored"].contains(&message["status"].as_str().unwrap_or_default()));
    }

    // One invoice, as JSON and on paper, for its payer and its seller alone.
    let invoices = client.get("invoices").await.expect(200);
    assert_eq!(invoices.data().len(), 1, "{}", invoices.text);
    let path = format!("invoices/{}", invoices.data()[0]["id"].as_str().unwrap_or_default());
    let _ = provider.get(&path).await.expect(200);
    let _ = market.client().await.get(&path).await.refused(404, "billing.not_found");
    let request = client.request(Method::GET, &path).header("accept", "text/html");
    let page = client.send("an invoice on paper", request).await.expect(200);
    assert!(page.text.contains("<h1>Invoice") && page.text.contains("9.00"), "{}", page.text);
    market.balanced().await;
}

#[tokio::test]
async fn a_payment_on_the_gateways_own_page_is_believed_when_the_gateway_says_so() {
    let market = start().await;
    let (provider, client) = (market.provider().await, market.client().await);
    let subscription = client.owes(&provider).await;
    let body = json!({ "purpose": "subscription", "reference": subscription, "return_to": APP });
    let opened = client.post("payments/checkout", body).await.expect(201);
    let url = opened.action();

    // Coming back without having paid proves nothing.
    let came_back = format!("{}/api/v1/payments/{}/return", market.base, opened.id());
    let answer = browser().get(&came_back).send().await.expect("an answer");
    assert_eq!(answer.status(), 303);
    assert_ne!(client.payment_status(&opened.id()).await, "captured");

    assert_eq!(at_bank(&url, "card_success").await, came_back);
    let answer = browser().get(&came_back).send().await.expect("an answer");
    assert_eq!(answer.status(), 303);
    market.settle().await;
    assert_eq!(client.payment_status(&opened.id()).await, "captured");
    assert_eq!(moved(&market, &opened.id()).await, (900, 0));
    market.balanced().await;
}

#[tokio::test]
async fn never_more_goes_back_than_was_taken() {
    let market = start().await;
    let (provider, client) = (market.provider().await, market.client().await);
    let admin = market.admin().await;
    let subscription = client.owes(&provider).await;
    let payment = client.pays("subscription", &subscription, "card_success").await.expect(201).id();
    market.settle().await;
    let refund = |amount: i64| json!({ "amount": { "amount": amount, "currency": "EUR" }, "reason": "As agreed." });
    let path = format!("admin/payments/{payment}/refund");

    let _ = client.post(&path, refund(100)).await.refused(403, "forbidden");
    for wrong in [901, i64::MAX] {
        let _ = admin.post(&path, refund(wrong)).await.refused(409, "payment.amount_too_high");
    }
    for wrong in [0, -1, i64::MIN] {
        let reply = admin.post(&path, refund(wrong)).await.refused(422, "validation");
        assert_eq!(reply.pointers(), ["/amount/amount"], "{}", reply.text);
    }
    let other = json!({ "amount": { "amount": 1, "currency": "USD" }, "reason": "Why not" });
    let reply = admin.post(&path, other).await.refused(422, "validation");
    assert_eq!(reply.pointers(), ["/amount/currency"], "{}", reply.text);

    // Two who have seen the same decide once.
    let seen = admin.get(&format!("admin/payments/{payment}")).await.expect(200);
    let etag = seen.header("etag").to_owned();
    let one = || {
        let request = admin.request(Method::POST, &path).header("if-match", &etag);
        admin.send("a refund of 1.00", request.json(&refund(100)))
    };
    let _ = one().await.expect(200);
    let _ = one().await.refused(412, "stale_version");

    // Many at once get what is left: 8.00, in steps of 2.00.
    let gate = Arc::new(Barrier::new(20));
    let refunds: Vec<_> = (0..20)
        .map(|_| {
            let (gate, admin, path) = (Arc::clone(&gate), admin.clone(), path.clone());
            let body = refund(200);
            tokio::spawn(async move {
                gate.wait().await;
                admin.post(&path, body).await
            })
        })
        .collect();
    let mut given = 0;
    for refund in refunds {
        let reply = refund.await.expect("an answer");
        match reply.status.as_u16() {
            200 => given += 1,
            409 => assert!(
                ["payment.amount_too_high", "illegal_transition", "concurrent_change"]
                    .contains(&reply.code()),
                "{}",
                reply.text
            ),
            _ => panic!("{}: {}", reply.status, reply.text),
        }
    }
    market.balanced().await;
    assert!((1..=4).contains(&given), "{given} refunds");
    let back = 100 + 200 * given;
    assert_eq!(moved(&market, &payment).await, (900, back));
    let seen = client.get(&format!("payments/{payment}")).await.expect(200);
    assert_eq!(seen.body["returned"]["amount"], back, "{}", seen.text);

    let log = admin.get("admin/audit").await.expect(200);
    assert!(log.data().iter().any(|line| line["object"] == payment.as_str()), "{}", log.text);
    let journals = admin.get(&format!("admin/ledger?payment_id={payment}")).await.expect(200);
    for journal in journals.data() {
        let lines = journal["postings"].as_array().expect("lines");
        let sum: i64 = lines.iter().filter_map(|line| line["amount"]["amount"].as_i64()).sum();
        assert_eq!(sum, 0, "{journal}");
    }
}

#[tokio::test]
async fn fifty_payments_at_once_are_one_charge() {
    let market = start().await;
    let provider = market.provider().await;
    let listing = market.lessons(&provider).await;
    for shared in [true, false] {
        let client = market.client().await;
        let booking = market.awaits_payment(&client, &listing).await;
        let gate = Arc::new(Barrier::new(50));
        let payments: Vec<_> = (0..50)
            .map(|_| {
                let (gate, client) = (Arc::clone(&gate), client.clone());
                let key =
                    if shared { format!("one-key-{booking}") } else { Person::fresh_key() };
                let body = json!({
                    "purpose": "booking", "reference": booking, "method": { "token": "card_success" },
                });
                tokio::spawn(async move {
                    gate.wait().await;
                    client.post_once("payments", body, &key).await
                })
            })
            .collect();
        let mut ids = Vec::new();
        for payment in payments {
            let reply = payment.await.expect("an answer");
            match reply.status.as_u16() {
                201 => ids.push(reply.id()),
                409 => {
                    let clear =
                        if shared { "idempotency.in_flight" } else { "payment.already_paid" };
                    assert_eq!(reply.code(), clear, "{}", reply.text);
                }
                _ => panic!("{}: {}", reply.status, reply.text),
            }
        }
        assert!(!ids.is_empty());
        if !shared {
            assert_eq!(ids.len(), 1);
        }
        ids.dedup();
        assert_eq!(ids.len(), 1, "one payment: {ids:?}");
        market.settle().await;
        assert_eq!(moved(&market, &ids[0]).await, (0, 0), "reserved, and once");
        assert_eq!(client.payment_status(&ids[0]).await, "authorized");
        let again = client.pays("booking", &booking, "card_success").await;
        let _ = again.expect_one_of(&[404, 409]);
    }
    let held = "SELECT document->>'reserved' FROM sandbox_documents WHERE key LIKE 'payment/%'";
    assert_eq!(market.rows(held).await, ["2250", "2250"]);
    market.balanced().await;
}

#[tokio::test]
async fn a_message_that_is_not_the_gateways_is_refused_and_a_true_one_counts_once() {
    let market = start().await;
    let (provider, client) = (market.provider().await, market.client().await);
    let subscription = client.owes(&provider).await;
    let payment = client.pays("subscription", &subscription, "card_success").await.expect(201).id();
    market.settle().await;
    let secret = market.settings.gateways.sandbox.webhook_secret.expose().to_owned();
    let event = json!({
        "id": "evt_1", "kind": "payment.captured", "object": "sbx_1",
        "reference": format!("{payment}:1"), "at": market.now(),
    });
    let bytes = serde_json::to_vec(&event).expect("plain data");
    let visitor = market.visitor();
    let send = async |path: &str, signature: Option<String>, body: Vec<u8>| {
        let mut request = visitor.request(Method::POST, path).body(body);
        request = request.header("content-type", "application/json");
        if let Some(signature) = signature {
            request = request.header("sandbox-signature", signature);
        }
        visitor.send(&format!("POST {path}"), request).await
    };
    let own = "webhooks/sandbox";
    let now = market.now();
    let before = market.contents().await;

    let _ = send(own, None, bytes.clone()).await.refused(401, "webhook.unsigned");
    let forged = signed("another secret", &bytes, now);
    let _ = send(own, Some(forged), bytes.clone()).await.refused(401, "webhook.wrong_signature");
    let mut changed = bytes.clone();
    let place = changed.iter().position(|byte| *byte == b'1').expect("a digit");
    changed[place] = b'2';
    let right = signed(&secret, &bytes, now);
    let _ = send(own, Some(right.clone()), changed).await.refused(401, "webhook.wrong_signature");
    for far in [TimeDelta::minutes(-6), TimeDelta::minutes(6)] {
        let old = signed(&secret, &bytes, now + far);
        let _ = send(own, Some(old), bytes.clone()).await.refused(401, "webhook.out_of_time");
    }
    let noise = b"no json".to_vec();
    let signature = signed(&secret, &noise, now);
    let _ = send(own, Some(signature), noise).await.refused(400, "webhook.unreadable");
    let huge = vec![b'x'; 256 * 1024 + 1];
    let signature = signed(&secret, &huge, now);
    let _ = send(own, Some(signature), huge).await.refused(413, "too_large");
    for unknown in ["webhooks/paypal", "webhooks/stripe", "webhooks/cloudpayments/pay"] {
        let _ = send(unknown, Some(right.clone()), bytes.clone()).await.refused(404, "not_found");
    }
    assert_eq!(market.contents().await, before);

    let stored = market.count("gateway_messages").await;
    for _ in 0..5 {
        let _ = send(own, Some(right.clone()), bytes.clone()).await.expect(200);
    }
    market.settle().await;
    assert_eq!(market.count("gateway_messages").await, stored + 1);
    assert_eq!(moved(&market, &payment).await, (900, 0));
    market.balanced().await;
}

#[tokio::test]
async fn somebody_elses_money_is_hidden() {
    let market = start().await;
    let (provider, client) = (market.provider().await, market.client().await);
    let stranger = market.client().await;
    let subscription = client.owes(&provider).await;
    let card = client.saves("card_success").await;
    let body = json!({
        "purpose": "subscription", "reference": subscription, "method": { "card_id": card },
    });
    let of_another = stranger.post("payments", body.clone()).await;
    let _ = of_another.refused(404, "payment.nothing_to_pay");
    let payment = client.post("payments", body).await.expect(201).id();

    let path = format!("payments/{payment}");
    let _ = stranger.get(&path).await.refused(404, "billing.not_found");
    let _ = market.visitor().get(&path).await.expect(401);
    let _ = provider.get(&path).await.refused(404, "billing.not_found");
    let renew = format!("payments/{payment}/3ds");
    let _ = stranger.command(&renew).await.refused(404, "billing.not_found");
    for path in ["cancel", "resume"] {
        let path = format!("subscriptions/{subscription}/{path}");
        let _ = stranger.command(&path).await.refused(404, "billing.not_found");
    }
    let _ = stranger.delete(&format!("cards/{card}")).await.expect(404);
    let own = stranger.owes(&provider).await;
    let theirs = json!({
        "purpose": "subscription", "reference": own, "method": { "card_id": card },
    });
    let _ = stranger.post("payments", theirs).await.expect(404);
    for path in ["payments", "invoices", "cards"] {
        assert!(stranger.get(path).await.expect(200).data().is_empty(), "{path}");
    }
    for path in ["admin/payments", "admin/ledger", "admin/webhooks", "admin/payouts"] {
        for person in [&client, &provider] {
            let _ = person.get(path).await.refused(403, "forbidden");
        }
    }
    // Where payers are sent, the marketplace decides.
    for address in ["https://evil.example/", "https://app.example.evil/", "javascript:alert(1)"] {
        let body = json!({
            "purpose": "subscription", "reference": own, "method": { "token": "card_success" },
            "return_to": address,
        });
        let reply = stranger.post("payments", body).await.refused(422, "validation");
        assert_eq!(reply.pointers(), ["/return_to"]);
    }
    market.balanced().await;
}

#[tokio::test]
async fn a_card_number_is_turned_away_unread() {
    let market = start().await;
    let (provider, client) = (market.provider().await, market.client().await);
    let subscription = client.owes(&provider).await;
    market.settle().await;
    let before = market.contents().await;
    for method in [
        json!({ "token": "4242424242424242" }),
        json!({ "token": "4242 4242 4242 4242" }),
        json!({ "cryptogram": "x", "cardholder": "5555-5555-5555-4444" }),
        json!({ "token": 4_242_424_242_424_242_u64 }),
        json!({ "number": "4242424242424242", "cvc": "123" }),
    ] {
        let payment =
            json!({ "purpose": "subscription", "reference": subscription, "method": method });
        let card = json!({ "method": method, "currency": "EUR" });
        for (path, body) in [("payments", payment), ("cards", card)] {
            let reply = client.post(path, body).await.refused(422, "payment.card_number");
            assert!(!reply.text.contains("4242") && !reply.text.contains("5555"), "{}", reply.text);
        }
    }
    assert_eq!(market.contents().await, before);
}

#[tokio::test]
async fn a_payment_at_one_server_is_known_at_another() {
    let market = start().await;
    let (provider, client) = (market.provider().await, market.client().await);
    let subscription = client.owes(&provider).await;
    let paid = client.pays("subscription", &subscription, "card_secure").await.expect(201);
    let url = paid.action();

    // Another server on the same database, as after a restart.
    let mut settings = market.settings.clone();
    settings.server.address.set_port(0);
    let state = Arc::new(wiring::http_state(&settings, market.services.clone()));
    let another = http::start(state).expect("a free port exists");
    let there = url.replace(&market.base, &format!("http://{}", another.address));
    let back = at_bank(&there, "pass").await;
    let answer = browser().get(&back).send().await.expect("an answer");

    assert_eq!(answer.status(), 200, "no address was named, so a page");
    assert_eq!(client.payment_status(&paid.id()).await, "captured");
    another.stop().await;
    market.settle().await;
    assert_eq!(moved(&market, &paid.id()).await, (900, 0));
}

#[tokio::test]
async fn a_subscription_lives_through_a_year() {
    let market = start().await;
    let (provider, client) = (market.provider().await, market.client().await);
    let (poor, admin) = (market.client().await, market.admin().await);
    let offered = provider.post("plans", plan(None)).await.expect(201).id();
    let subscribe = async |person: &Person, card: &str| {
        let subscription = person.subscribes(&offered).await;
        let body = json!({
            "purpose": "subscription", "reference": subscription, "method": { "token": card },
            "save_card": true,
        });
        let paid = person.post("payments", body).await.expect(201);
        assert_eq!(paid.body["status"], "captured", "{}", paid.text);
        subscription
    };
    let of = async |person: &Person| {
        let seen = person.get("subscriptions").await.expect(200);
        let first = seen.data()[0].clone();
        (first["status"].as_str().unwrap_or_default().to_owned(), first["has_access"] == true)
    };
    let subscription = subscribe(&client, "card_success").await;
    let poors = subscribe(&poor, "card_poor_later").await;

    // The renewal fails: access stays for a week of grace, then none; paying brings it back.
    market.advance(TimeDelta::days(32)).await;
    assert_eq!(of(&client).await, ("active".to_owned(), true));
    assert_eq!(of(&poor).await, ("past_due".to_owned(), true));
    market.advance(TimeDelta::days(7)).await;
    assert_eq!(of(&poor).await, ("suspended".to_owned(), false));
    let body = json!({
        "purpose": "subscription", "reference": poors, "method": { "token": "card_success" },
        "save_card": true,
    });
    let _ = poor.post("payments", body).await.expect(201);
    market.settle().await;
    assert_eq!(of(&poor).await, ("active".to_owned(), true));

    // It is called off with its period, and taken back.
    let cancel = format!("subscriptions/{poors}/cancel");
    let ending = poor.command(&cancel).await.expect(200);
    assert_eq!(ending.body["cancel_at_period_end"], true, "{}", ending.text);
    let _ = poor.command(&format!("subscriptions/{poors}/resume")).await.expect(200);
    let _ = poor.post(&cancel, json!({ "at_once": true })).await.expect(200);
    assert_eq!(of(&poor).await, ("canceled".to_owned(), true));

    for _ in 0..11 {
        market.advance(TimeDelta::days(30)).await;
    }
    assert_eq!(of(&client).await, ("active".to_owned(), true));
    assert_eq!(of(&poor).await, ("expired".to_owned(), false));
    let invoices = client.get("invoices?limit=50").await.expect(200);
    let payments = client.get("payments?limit=50").await.expect(200);
    assert_eq!(invoices.data().len(), payments.data().len(), "one invoice for each payment");
    assert!((12..=13).contains(&invoices.data().len()), "{}", invoices.data().len());

    // Numbers without gaps, per seller and year.
    let issued = provider.get("invoices?as=seller&limit=50").await.expect(200);
    let mut numbers: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for invoice in issued.data() {
        let number = invoice["number"].as_str().unwrap_or_default();
        let (year, sequence) = number.split_once('-').expect("a year and a number");
        numbers.entry(year.to_owned()).or_default().push(sequence.parse().expect("a number"));
    }
    for (year, mut sequence) in numbers {
        sequence.sort_unstable();
        let gapless: Vec<u32> = (1..).take(sequence.len()).collect();
        assert_eq!(sequence, gapless, "{year}");
    }
    let seen = admin.get("admin/payments?parked=true").await.expect(200);
    assert!(seen.data().is_empty(), "{}", seen.text);

    // What was sold is the provider's after the holding time, and is paid out.
    let to = json!({ "gateway": "sandbox", "destination": "bank_good" });
    let _ = provider.put("providers/me/payout-account", to).await.expect(204);
    let owed = provider.get("providers/me/balance").await.expect(200).data()[0].clone();
    let payable = owed["payable"]["amount"].as_i64().expect("an amount");
    assert!(payable >= 9_000, "{owed}");
    let report = market.services.billing.run_payouts().await.expect("payouts are made");
    assert_eq!(report.payouts, 1, "{report:?}");
    market.settle().await;
    let paid = provider.get("providers/me/payouts").await.expect(200);
    assert_eq!(paid.data()[0]["status"], "paid", "{}", paid.text);
    assert_eq!(paid.data()[0]["amount"]["amount"], payable, "{}", paid.text);
    let left = provider.get("providers/me/balance").await.expect(200);
    assert_eq!(left.data()[0]["payable"]["amount"], 0, "{}", left.text);
    let _ = client.command(&format!("subscriptions/{subscription}/cancel")).await.expect(200);
    market.balanced().await;
}
