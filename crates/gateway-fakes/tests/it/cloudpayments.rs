use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use futures_util::future::join_all;
use gateway_fakes::{CloudPaymentsFake, Fault, sealed_card};
use kernel::ManualClock;
use serde_json::{Value, json};

use crate::wire::{call, client, try_call};

pub(crate) const GOOD: &str = "4000000000003055";
pub(crate) const SECURE: &str = "4242424242424242";
pub(crate) const SECURE_THEN_POOR: &str = "4012888888881881";
pub(crate) const TOKEN_POOR: &str = "4111111111111111";
pub(crate) const POOR: &str = "4000056655665556";

pub(crate) fn payment(card: &str) -> Value {
    json!({
        "Amount": 10.5,
        "Currency": "RUB",
        "IpAddress": "123.123.123.123",
        "CardCryptogramPacket": sealed_card(card),
        "InvoiceId": "pay_1.1",
        "AccountId": "acc_1",
        "SaveCard": true,
    })
}

#[tokio::test]
async fn a_call_without_the_password_is_401() {
    let fake = CloudPaymentsFake::start().await;
    let request =
        client().post(format!("{}/test", fake.url())).basic_auth("test_api_x", Some("no"));
    assert_eq!(request.send().await.unwrap().status(), 401);

    let test = call(&fake, "test", json!({})).await.ok();
    assert_eq!(test.at("Success"), &json!(true));
}

#[tokio::test]
async fn a_bad_request_is_200_with_a_message_and_no_model() {
    let fake = CloudPaymentsFake::start().await;
    let mut incomplete = payment(GOOD);
    incomplete.as_object_mut().unwrap().remove("Amount");

    let reply = call(&fake, "payments/cards/charge", incomplete).await.ok();

    assert_eq!(reply.body, json!({ "Success": false, "Message": "Amount is required" }));
    let mut fraction = payment(GOOD);
    fraction["Amount"] = json!(1.234);
    assert_eq!(call(&fake, "payments/cards/charge", fraction).await.at("Success"), &json!(false));
    assert!(fake.charges().is_empty());
}

#[tokio::test]
async fn forms_are_as_good_as_json() {
    let fake = CloudPaymentsFake::start().await;
    let form = [
        ("Amount", "10.50"),
        ("Currency", "RUB"),
        ("IpAddress", "123.123.123.123"),
        ("CardCryptogramPacket", &sealed_card(GOOD)),
    ];
    let request = client().post(format!("{}/payments/cards/charge", fake.url()));
    let request = request
        .basic_auth(CloudPaymentsFake::PUBLIC_ID, Some(CloudPaymentsFake::API_SECRET))
        .form(&form);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();

    assert_eq!(answer["Model"]["Status"], "Completed");
    assert_eq!(fake.charges()[0].captured, 1050);
}

#[tokio::test]
async fn a_transaction_has_the_keys_of_the_manual() {
    let fake = CloudPaymentsFake::start().await;

    let reply = call(&fake, "payments/cards/charge", payment(GOOD)).await.ok();

    let mut keys: Vec<_> = reply.at("Model").as_object().unwrap().keys().cloned().collect();
    let mut manual: Vec<_> = "ReasonCode PublicId TerminalUrl TransactionId Amount Currency CurrencyCode PaymentAmount \
        PaymentCurrency PaymentCurrencyCode InvoiceId AccountId Email Description JsonData CreatedDate PayoutDate \
        PayoutDateIso PayoutAmount CreatedDateIso AuthDate AuthDateIso ConfirmDate ConfirmDateIso AuthCode TestMode Rrn \
        OriginalTransactionId FallBackScenarioDeclinedTransactionId IpAddress IpCountry IpCity IpRegion IpDistrict \
        IpLatitude IpLongitude CardFirstSix CardLastFour CardExpDate CardType CardProduct CardCategory \
        EscrowAccumulationId IssuerBankCountry Issuer CardTypeCode Status StatusCode CultureName Reason \
        CardHolderMessage Type Refunded Name Token SubscriptionId GatewayName AndroidPay WalletType TotalFee \
        VatAboveTotalFee ProcessorAndPartnerFee VatWithinProcessorFee"
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    keys.sort();
    manual.sort();
    assert_eq!(keys, manual);
    let expected = [
        ("Status", json!("Completed")),
        ("StatusCode", json!(3)),
        ("ReasonCode", json!(0)),
        ("Amount", json!(10.5)),
    ];
    for (key, value) in expected {
        assert_eq!(reply.at("Model")[key], value, "{key}");
    }
    assert!(reply.text("Model.CreatedDate").starts_with("/Date("));
}

#[tokio::test]
async fn a_decline_is_200_with_a_model_that_says_why() {
    let fake = CloudPaymentsFake::start().await;

    let reply = call(&fake, "payments/cards/charge", payment(POOR)).await.ok();

    assert_eq!(reply.at("Success"), &json!(false));
    assert_eq!(reply.at("Model.StatusCode"), &json!(5));
    assert_eq!(reply.at("Model.ReasonCode"), &json!(5051));
    assert_eq!(reply.text("Model.Reason"), "InsufficientFunds");
    fake.decline_next(&[5041]);
    let lost = call(&fake, "payments/cards/charge", payment(GOOD)).await.ok();
    assert_eq!(lost.at("Model.ReasonCode"), &json!(5041));
    assert!(fake.charges().is_empty());
}

#[tokio::test]
async fn three_d_secure_goes_by_a_form_through_the_bank() {
    let fake = CloudPaymentsFake::start().await;
    let term_url = "https://shop.example/payments/1/3ds/callback";

    let reply = call(&fake, "payments/cards/charge", payment(SECURE)).await.ok();

    assert_eq!((reply.at("Success"), reply.at("Message")), (&json!(false), &Value::Null));
    let mut keys: Vec<_> =
        reply.at("Model").as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    let manual = [
        "AcsUrl",
        "EscrowAccumulationId",
        "FrameHeight",
        "FrameWidth",
        "GoReq",
        "IFrameIsAllowed",
        "PaReq",
        "ThreeDsCallbackId",
        "ThreeDsSessionData",
        "TransactionId",
    ];
    assert_eq!(keys, manual);
    let id = reply.at("Model.TransactionId").clone();
    let md = id.to_string();
    let form = [("MD", md.as_str()), ("PaReq", &reply.text("Model.PaReq")), ("TermUrl", term_url)];
    let page = client()
        .post(reply.text("Model.AcsUrl"))
        .form(&form)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        page.contains(term_url) && page.contains("name=\"PaRes\"") && page.contains("name=\"MD\""),
        "{page}"
    );
    let lower = [("md", md.as_str()), ("pareq", "x"), ("termurl", term_url)];
    assert_eq!(
        client().post(reply.text("Model.AcsUrl")).form(&lower).send().await.unwrap().status(),
        400
    );

    let back = json!({ "TransactionId": id, "PaRes": fake.answer_of_bank(&md, true) });
    let paid = call(&fake, "payments/cards/post3ds", back.clone()).await.ok();
    assert_eq!(
        (paid.at("Success"), paid.text("Model.Status")),
        (&json!(true), "Completed".to_owned())
    );
    let again = call(&fake, "payments/cards/post3ds", back).await.ok();
    assert_eq!((again.at("Success"), again.at("Model")), (&json!(false), &Value::Null));
    assert_eq!(fake.charges().len(), 1);
}

#[tokio::test]
async fn three_d_secure_fails_at_the_bank_and_after_it() {
    let fake = CloudPaymentsFake::start().await;
    for (card, answer, code) in
        [(SECURE, Some(false), 5206), (SECURE_THEN_POOR, Some(true), 5051), (SECURE, None, 5206)]
    {
        let reply = call(&fake, "payments/cards/auth", payment(card)).await.ok();
        let id = reply.at("Model.TransactionId").clone();
        let md = if answer.is_some() { id.to_string() } else { "1".to_owned() }; // of another transaction
        let answer = fake.answer_of_bank(&md, answer.unwrap_or(true));
        let declined =
            call(&fake, "payments/cards/post3ds", json!({ "TransactionId": id, "PaRes": answer }))
                .await
                .ok();
        assert_eq!(declined.at("Model.ReasonCode"), &json!(code), "{card}");
    }
    assert!(fake.charges().is_empty());
}

#[tokio::test]
async fn a_cryptogram_is_good_for_one_call() {
    let fake = CloudPaymentsFake::start().await;
    let body = payment(GOOD);

    call(&fake, "payments/cards/charge", body.clone()).await.ok();
    let again = call(&fake, "payments/cards/charge", body).await.ok();

    assert_eq!((again.at("Success"), again.at("Model")), (&json!(false), &Value::Null));
    assert_eq!(fake.charges().len(), 1);
}

#[tokio::test]
async fn money_is_reserved_confirmed_in_part_voided_and_given_back() {
    let fake = CloudPaymentsFake::start().await;
    let auth = call(&fake, "payments/cards/auth", payment(GOOD)).await.ok();
    assert_eq!(
        (auth.text("Model.Status"), auth.at("Model.StatusCode")),
        ("Authorized".to_owned(), &json!(2))
    );
    let id = auth.at("Model.TransactionId").clone();
    let of = |amount: f64| json!({ "TransactionId": id, "Amount": amount });

    assert_eq!(call(&fake, "payments/refund", of(1.0)).await.at("Success"), &json!(false));
    assert_eq!(call(&fake, "payments/confirm", of(10.51)).await.at("Success"), &json!(false));
    let confirmed = call(&fake, "payments/confirm", of(8.0)).await.ok();
    assert_eq!(confirmed.body, json!({ "Success": true, "Message": null }));
    assert_eq!(call(&fake, "payments/void", of(8.0)).await.at("Success"), &json!(false));
    let refund = call(&fake, "payments/refund", of(3.0)).await.ok();
    assert_ne!(refund.at("Model.TransactionId"), &id);
    assert_eq!(call(&fake, "payments/refund", of(5.01)).await.at("Success"), &json!(false));

    let voided = call(&fake, "payments/cards/auth", payment(GOOD)).await.ok();
    let voided = json!({ "TransactionId": voided.at("Model.TransactionId") });
    call(&fake, "payments/void", voided.clone()).await.ok();
    let got = call(&fake, "payments/get", voided).await.ok();
    assert_eq!(
        (got.text("Model.Status"), got.at("Success")),
        ("Cancelled".to_owned(), &json!(false))
    );

    let charges = fake.charges();
    let sums = |index: usize| {
        let charged: &gateway_fakes::Charged = &charges[index];
        (charged.amount, charged.reserved, charged.captured, charged.refunded)
    };
    assert_eq!((sums(0), sums(1)), ((1050, 0, 800, 300), (1050, 0, 0, 0)));
}

#[tokio::test]
async fn a_token_is_charged_for_its_account_as_its_card_allows() {
    let fake = CloudPaymentsFake::start().await;
    let token = |card: &'static str| {
        let fake = &fake;
        async move { call(fake, "payments/cards/charge", payment(card)).await.ok().text("Model.Token") }
    };
    let (good, poor) = (token(GOOD).await, token(TOKEN_POOR).await);
    let charge = |token: &str, account: &str| json!({ "Amount": 5, "Currency": "RUB", "AccountId": account, "Token": token, "TrInitiatorCode": 0 });

    let paid = call(&fake, "payments/tokens/charge", charge(&good, "acc_1")).await.ok();
    assert_eq!(paid.text("Model.Status"), "Completed");
    let auth = call(&fake, "payments/tokens/auth", charge(&good, "acc_1")).await.ok();
    assert_eq!(auth.text("Model.Status"), "Authorized");
    let declined = call(&fake, "payments/tokens/charge", charge(&poor, "acc_1")).await.ok();
    assert_eq!(declined.at("Model.ReasonCode"), &json!(5051));
    let stranger = call(&fake, "payments/tokens/charge", charge(&good, "acc_2")).await.ok();
    assert_eq!(stranger.at("Model"), &Value::Null);
    let mut nobody = charge(&good, "acc_1");
    nobody.as_object_mut().unwrap().remove("TrInitiatorCode");
    assert_eq!(
        call(&fake, "payments/tokens/charge", nobody).await.text("Message"),
        "TrInitiatorCode is required"
    );
}

#[tokio::test]
async fn a_repeated_request_id_is_one_payment_for_an_hour() {
    let clock = Arc::new(ManualClock::new(DateTime::UNIX_EPOCH));
    let fake = CloudPaymentsFake::start_at(Arc::<ManualClock>::clone(&clock)).await;
    let charge = |card: &str| {
        let (fake, body) = (&fake, payment(card));
        async move { try_call(fake, "payments/cards/charge", &body, Some("r1")).await.unwrap().ok() }
    };
    fake.faults().next("/payments/cards/charge", Fault::Work(Duration::from_millis(100)));

    let (first, meanwhile) = tokio::join!(charge(GOOD), charge(GOOD));
    let later = charge(GOOD).await;
    assert_eq!((&first.body, &first.body), (&meanwhile.body, &later.body));
    assert_eq!(fake.charges().len(), 1);

    clock.advance(TimeDelta::minutes(61));
    charge(GOOD).await;
    assert_eq!(fake.charges().len(), 2, "after an hour it charges again");
}

#[tokio::test]
async fn a_test_terminal_takes_five_calls_at_once() {
    let fake = CloudPaymentsFake::start().await;
    fake.faults().always("**", Fault::Work(Duration::from_millis(300)));

    let replies =
        join_all((0..8).map(|_| call(&fake, "payments/cards/charge", payment(GOOD)))).await;

    let refused = replies.iter().filter(|reply| reply.status == 429).count();
    assert_eq!((refused, fake.charges().len()), (3, 5));
}

#[tokio::test]
async fn an_answer_is_lost_and_the_payment_is_found_by_its_reference() {
    let fake = CloudPaymentsFake::start().await;
    let invoice = json!({ "InvoiceId": "pay_1.1" });
    let none = call(&fake, "v2/payments/find", invoice.clone()).await.ok();
    assert_eq!(none.body, json!({ "Success": false, "Message": "Not found" }));

    for fault in [Fault::HangUpAfter, Fault::FailAfter(500), Fault::Truncate] {
        fake.faults().next("/payments/cards/charge", fault);
        let _ = try_call(&fake, "payments/cards/charge", &payment(GOOD), None).await;
        let found = call(&fake, "v2/payments/find", invoice.clone()).await.ok();
        assert_eq!(found.text("Model.Status"), "Completed");
    }
    assert_eq!(fake.charges().len(), 3);
    let list = json!({ "CreatedDateGte": "2020-01-01T00:00:00", "CreatedDateLte": "2100-01-01T00:00:00", "PageNumber": 1 });
    let listed = call(&fake, "v2/payments/list", list).await.ok();
    assert_eq!(listed.at("Model").as_array().unwrap().len(), 3);
}
