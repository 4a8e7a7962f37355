use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta};
use gateway_fakes::{CloudPaymentsFake, Notification, Request, sealed_card};
use hmac::{Hmac, KeyInit, Mac};
use hostile_http::{Answer, Fault};
use kernel::ManualClock;
use serde_json::json;
use sha2::Sha256;

use crate::cloudpayments::{GOOD, POOR, SECURE, TOKEN_POOR, payment};
use crate::receiver::Receiver;
use crate::wire::{call, client};

async fn listening(kinds: &[Notification]) -> (CloudPaymentsFake, Receiver) {
    let (fake, receiver) = (CloudPaymentsFake::start().await, Receiver::start().await);
    fake.send_notifications_to(&receiver.url(), kinds);
    (fake, receiver)
}

fn fields(request: &Request) -> BTreeMap<String, String> {
    request.form_fields().into_iter().collect()
}

fn paths(receiver: &Receiver) -> Vec<String> {
    receiver.received().iter().map(|request| request.path.clone()).collect()
}

fn code(message: &[u8]) -> String {
    let mut mac =
        <Hmac<Sha256> as KeyInit>::new_from_slice(CloudPaymentsFake::API_SECRET.as_bytes())
            .unwrap();
    mac.update(message);
    STANDARD.encode(mac.finalize().into_bytes())
}

#[tokio::test]
async fn every_step_is_told_to_an_address_of_its_own() {
    let (fake, receiver) = listening(&Notification::ALL).await;

    let auth = call(&fake, "payments/cards/auth", payment(GOOD)).await.ok();
    let id = json!({ "TransactionId": auth.at("Model.TransactionId"), "Amount": 10 });
    call(&fake, "payments/confirm", id.clone()).await.ok();
    call(&fake, "payments/refund", id).await.ok();
    let auth = call(&fake, "payments/cards/auth", payment(GOOD)).await.ok();
    call(&fake, "payments/void", json!({ "TransactionId": auth.at("Model.TransactionId") }))
        .await
        .ok();
    call(&fake, "payments/cards/charge", payment(POOR)).await.ok();
    fake.notifications().settled().await;

    let mut told = paths(&receiver);
    told.retain(|path| path != "/check");
    assert_eq!(told, ["/pay", "/confirm", "/refund", "/pay", "/cancel", "/fail"]);
    let received = receiver.received();
    let of = |path: &str| fields(received.iter().find(|request| request.path == path).unwrap());
    let pay = of("/pay");
    assert_eq!(
        (pay["Status"].as_str(), pay["Amount"].as_str(), pay["InvoiceId"].as_str()),
        ("Authorized", "10.50", "pay_1.1")
    );
    assert_eq!(
        (pay["TotalFee"].as_str(), pay["CardFirstSix"].as_str()),
        ("", "400000"),
        "what is unknown is empty"
    );
    assert!(pay["Token"].starts_with("tk_"));
    assert_eq!(of("/confirm")["Amount"], "10.00");
    assert_eq!(of("/refund")["PaymentTransactionId"], pay["TransactionId"]);
    assert_ne!(of("/refund")["TransactionId"], pay["TransactionId"]);
    assert_eq!(
        (of("/fail")["ReasonCode"].as_str(), of("/fail")["Reason"].as_str()),
        ("5051", "InsufficientFunds")
    );
}

#[tokio::test]
async fn notifications_are_signed_over_the_raw_and_over_the_decoded_body() {
    let (fake, receiver) = listening(&[Notification::Pay]).await;
    let mut body = payment(GOOD);
    body["JsonData"] = json!({ "note": "ключ & значение" });

    call(&fake, "payments/cards/charge", body).await.ok();
    fake.notifications().settled().await;

    let pay = receiver.received().remove(0);
    assert_eq!(pay.media_type(), "application/x-www-form-urlencoded");
    assert_eq!(pay.header("content-hmac").unwrap(), code(&pay.body));
    let decoded: Vec<_> =
        pay.form_fields().iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(pay.header("x-content-hmac").unwrap(), code(decoded.join("&").as_bytes()));
    assert_eq!(fields(&pay)["Data"], r#"{"note":"ключ & значение"}"#);
}

#[tokio::test]
async fn anything_but_code_zero_is_sent_again() {
    let (fake, receiver) = listening(&[Notification::Pay]).await;
    for (answer, sent) in [
        (Answer::text(200, "ok"), 1),
        (Answer::json(200, &json!({ "code": 13 })), 2),
        (Answer::json(500, &json!({ "code": 0 })), 3),
        (Answer::json(200, &json!({ "code": 0 })), 4),
        (Answer::text(500, ""), 4),
    ] {
        receiver.answer_with(answer);
        if sent == 1 {
            call(&fake, "payments/cards/charge", payment(GOOD)).await.ok();
        }
        fake.notifications().retry_now();
        fake.notifications().settled().await;
        assert_eq!(receiver.received().len(), sent);
    }
}

#[tokio::test]
async fn our_answer_to_check_decides() {
    let (fake, receiver) = listening(&[Notification::Check]).await;
    for (code, reason) in [(10, 3001), (11, 3002), (12, 3003), (13, 3004), (20, 3008), (7, 3005)] {
        receiver.answer_with(Answer::json(200, &json!({ "code": code })));
        let reply = call(&fake, "payments/cards/charge", payment(GOOD)).await.ok();
        assert_eq!(reply.at("Model.ReasonCode"), &json!(reason), "{code}");
    }
    receiver.answer_with(Answer::text(503, ""));
    assert_eq!(
        call(&fake, "payments/cards/charge", payment(GOOD)).await.at("Model.ReasonCode"),
        &json!(3006)
    );
    receiver.faults().next("**", Fault::HangUpBefore);
    assert_eq!(
        call(&fake, "payments/cards/charge", payment(SECURE)).await.at("Model.ReasonCode"),
        &json!(3007)
    );
    assert!(fake.charges().is_empty());

    receiver.answer_with(Answer::json(200, &json!({ "code": 0 })));
    call(&fake, "payments/cards/charge", payment(GOOD)).await.ok();
    assert_eq!(fake.charges().len(), 1);
    assert_eq!(fields(receiver.received().last().unwrap())["OperationType"], "Payment");
}

#[tokio::test]
async fn a_subscription_is_charged_retried_daily_and_rejected() {
    let clock = Arc::new(ManualClock::new(DateTime::UNIX_EPOCH));
    let fake = CloudPaymentsFake::start_at(Arc::<ManualClock>::clone(&clock)).await;
    let receiver = Receiver::start().await;
    fake.send_notifications_to(&receiver.url(), &[Notification::Recurrent, Notification::Fail]);
    let subscribe = |card: &'static str| {
        let fake = &fake;
        async move {
            let token =
                call(fake, "payments/cards/charge", payment(card)).await.ok().text("Model.Token");
            let body = json!({
                "Token": token, "AccountId": "acc_1", "Description": "Tier", "Amount": 5, "Currency": "RUB",
                "RequireConfirmation": false, "StartDate": "1970-01-02T00:00:00", "Interval": "Month", "Period": 1,
            });
            let reply = call(fake, "subscriptions/create", body).await.ok();
            assert_eq!(
                (reply.text("Model.Status"), reply.at("Model.StatusCode")),
                ("Active".to_owned(), &json!(0))
            );
            reply.text("Model.Id")
        }
    };
    let (good, poor) = (subscribe(GOOD).await, subscribe(TOKEN_POOR).await);
    let status = |id: &str| {
        let (fake, id) = (&fake, id.to_owned());
        async move {
            call(fake, "subscriptions/get", json!({ "Id": id })).await.ok().text("Model.Status")
        }
    };
    for expected in ["PastDue", "PastDue", "Rejected", "Rejected"] {
        clock.advance(TimeDelta::hours(24));
        fake.run_due();
        assert_eq!(status(&poor).await, expected);
    }
    assert_eq!(status(&good).await, "Active");
    assert_eq!(fake.charges().len(), 3, "two cards, one renewal");
    call(&fake, "subscriptions/cancel", json!({ "Id": good })).await.ok();
    assert_eq!(status(&good).await, "Cancelled");
    call(&fake, "subscriptions/update", json!({ "Id": good })).await.ok();
    assert_eq!(status(&good).await, "Active", "any update brings it back");

    fake.notifications().settled().await;
    let told = paths(&receiver);
    assert_eq!(told.iter().filter(|path| *path == "/fail").count(), 3);
    assert_eq!(
        told.iter().filter(|path| *path == "/recurrent").count(),
        3,
        "past due, rejected, cancelled"
    );
}

#[tokio::test]
async fn reservations_end_after_a_week() {
    let clock = Arc::new(ManualClock::new(DateTime::UNIX_EPOCH));
    let fake = CloudPaymentsFake::start_at(Arc::<ManualClock>::clone(&clock)).await;
    call(&fake, "payments/cards/auth", payment(GOOD)).await.ok();

    clock.advance(TimeDelta::days(7));
    fake.run_due();

    assert_eq!(fake.charges()[0].reserved, 0);
}

#[tokio::test]
async fn an_order_is_paid_on_its_page() {
    let fake = CloudPaymentsFake::start().await;
    let order = json!({
        "Amount": 7, "Currency": "RUB", "Description": "An order", "InvoiceId": "pay_5.1",
        "SuccessRedirectUrl": "https://shop.example/yes", "FailRedirectUrl": "https://shop.example/no",
    });
    let order = call(&fake, "orders/create", order).await.ok();
    assert_eq!(
        (order.text("Model.Status"), order.at("Model.StatusCode")),
        ("Created".to_owned(), &json!(0))
    );
    let url = order.text("Model.Url");
    assert!(client().get(&url).send().await.unwrap().text().await.unwrap().contains("<button"));

    for (card, location) in [(POOR, "https://shop.example/no"), (GOOD, "https://shop.example/yes")]
    {
        let back = client().post(&url).form(&[("card", card)]).send().await.unwrap();
        assert_eq!(back.headers()["location"], location);
    }
    assert_eq!(client().post(&url).form(&[("card", GOOD)]).send().await.unwrap().status(), 410);
    assert_eq!((fake.charges().len(), fake.charges()[0].reference.as_str()), (1, "pay_5.1"));
}

#[tokio::test]
async fn a_payout_arrives_at_once_or_later() {
    let (fake, receiver) = listening(&[Notification::Pay]).await;
    let payout = || json!({ "CardCryptogramPacket": sealed_card(GOOD), "Amount": 50, "AccountId": "prv_1", "Currency": "RUB", "InvoiceId": "pot_1.1" });
    let done = call(&fake, "payments/cards/topup", payout()).await.ok();
    assert_eq!(done.text("Model.Status"), "Completed");

    fake.delay_payouts(true);
    let slow = call(&fake, "payments/cards/topup", payout()).await.ok();
    assert_eq!(
        (slow.text("Model.Status"), slow.at("Model.TransactionIsInProcess")),
        ("Created".to_owned(), &json!(true))
    );
    fake.finish_payout(slow.at("Model.TransactionId").as_u64().unwrap(), true);
    fake.notifications().settled().await;

    let told = receiver.received();
    assert_eq!(told.len(), 2);
    assert_eq!(fields(&told[1])["OperationType"], "CardPayout");
    assert!(fake.charges().is_empty());
}
