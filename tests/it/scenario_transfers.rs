//! Paying by bank transfer: what an admin confirms is what happened.

use chrono::TimeDelta;
use scenarios::{Marketplace, Person};
use serde_json::{Value, json};

async fn start() -> Marketplace {
    Marketplace::with(|settings| {
        "service-booking".clone_into(&mut settings.profile);
        settings.gateways.sandbox.enabled = Some(false);
        settings.gateways.manual.iban = Some("DE02 1203 0000 0000 2020 51".to_owned());
        settings.gateways.manual.account_holder = Some("Mercato <Escrow>".to_owned());
    })
    .await
}

fn euros(amount: i64) -> Value {
    json!({ "amount": { "amount": amount, "currency": "EUR" } })
}

async fn waiting(admin: &Person, status: &str) -> Vec<Value> {
    let found = admin.get(&format!("admin/transfers?status={status}")).await.expect(200);
    found.data().to_vec()
}

/// A subscription of 9.00 EUR a month that is to be paid by transfer.
async fn ordered(market: &Marketplace, client: &Person) -> (String, String, String) {
    let provider = market.provider().await;
    let offered = provider.post("plans", scenarios::plan(None)).await.expect(201).id();
    let subscription = client.subscribes(&offered).await;
    let (payment, code) = client.transfers("subscription", &subscription).await;
    (subscription, payment, code)
}

#[tokio::test]
async fn what_an_admin_saw_on_the_account_is_paid() {
    let market = start().await;
    let (client, admin) = (market.client().await, market.admin().await);
    let (subscription, payment, code) = ordered(&market, &client).await;
    assert_eq!(client.payment_status(&payment).await, "processing");

    // The page tells how to pay, and runs and leaks nothing.
    let page = market.visitor().get(&format!("transfers/{code}")).await.expect(200);
    for line in ["DE02 1203 0000 0000 2020 51", "Mercato &lt;Escrow&gt;", "9.00 EUR", &code] {
        assert!(page.text.contains(line), "{line}: {}", page.text);
    }
    let _ = market.visitor().get("transfers/0000-0000-0000-0000").await.expect(404);

    // Nobody but an admin says that it came, and not another amount.
    let receive = format!("admin/transfers/{payment}/receive");
    let _ = client.post(&receive, euros(900)).await.expect(403);
    for amount in [0, -900, 899, 901, i64::MAX] {
        let refused = admin.post(&receive, euros(amount)).await.expect(409);
        assert_eq!(refused.body["code"], "transfer.other_amount", "{}", refused.text);
    }
    let foreign = json!({ "amount": { "amount": 900, "currency": "USD" } });
    let _ = admin.post(&receive, foreign).await.expect(409);
    assert_eq!(client.payment_status(&payment).await, "processing");
    assert_eq!(waiting(&admin, "expected").await.len(), 1);

    let received = admin.post(&receive, euros(900)).await.expect(200);
    assert_eq!(received.body["status"], "settled", "{}", received.text);
    assert_eq!(client.payment_status(&payment).await, "captured");
    let _ = admin.post(&receive, euros(900)).await.expect(409);
    market.settle().await;
    let mine = client.get("subscriptions").await.expect(200);
    assert_eq!(mine.data()[0]["id"], subscription.as_str(), "{}", mine.text);
    assert_eq!(mine.data()[0]["status"], "active", "{}", mine.text);
    assert!(waiting(&admin, "expected").await.is_empty());
    market.balanced().await;
}

#[tokio::test]
async fn a_refund_is_done_when_somebody_sent_it() {
    let market = start().await;
    let (client, admin) = (market.client().await, market.admin().await);
    let (_, payment, _) = ordered(&market, &client).await;
    let receive = format!("admin/transfers/{payment}/receive");
    let _ = admin.post(&receive, euros(900)).await.expect(200);

    let refund = json!({ "amount": { "amount": 400, "currency": "EUR" }, "reason": "Half of it." });
    let _ = admin.post(&format!("admin/payments/{payment}/refund"), refund).await.expect(200);
    market.settle().await;
    assert_eq!(client.payment_status(&payment).await, "captured", "nobody has sent it");
    let owed = waiting(&admin, "to_return").await;
    assert_eq!(owed[0]["returns"][0]["cause"], "refund", "{owed:?}");
    assert_eq!(owed[0]["returns"][0]["amount"]["amount"], 400, "{owed:?}");
    // Long after, it is still one return.
    market.advance(TimeDelta::days(3)).await;
    assert_eq!(waiting(&admin, "to_return").await[0]["returns"].as_array().map(Vec::len), Some(1));

    let back = format!("admin/transfers/{payment}/send-back");
    let _ = client.post(&back, json!({ "return_id": 1 })).await.expect(403);
    let _ = admin.post(&back, json!({ "return_id": 2 })).await.expect(404);
    let _ = admin.post(&back, json!({ "return_id": 1 })).await.expect(200);
    let _ = admin.post(&back, json!({ "return_id": 1 })).await.expect(200);
    assert_eq!(client.payment_status(&payment).await, "partially_refunded");
    assert!(waiting(&admin, "to_return").await.is_empty());
    market.balanced().await;
}

#[tokio::test]
async fn what_comes_when_nobody_waits_any_more_goes_back() {
    let market = start().await;
    let (client, admin) = (market.client().await, market.admin().await);
    let (_, payment, _) = ordered(&market, &client).await;
    market.advance(TimeDelta::days(20)).await;
    let _ = admin.command(&format!("admin/payments/{payment}/inquire")).await.expect(200);
    assert_eq!(client.payment_status(&payment).await, "failed");

    let receive = format!("admin/transfers/{payment}/receive");
    let _ = admin.post(&receive, euros(900)).await.expect(200);
    market.settle().await;
    let owed = waiting(&admin, "to_return").await;
    assert_eq!(owed[0]["returns"][0]["amount"]["amount"], 900, "{owed:?}");
    let back = format!("admin/transfers/{payment}/send-back");
    let _ = admin.post(&back, json!({ "return_id": 1 })).await.expect(200);
    assert_eq!(client.payment_status(&payment).await, "refunded");
    market.balanced().await;
}
