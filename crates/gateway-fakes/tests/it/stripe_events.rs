use gateway_fakes::{StripeFake, Weather, stripe_signature};
use hmac::{Hmac, KeyInit, Mac};
use hostile_http::Answer;
use serde_json::Value;
use sha2::Sha256;

use crate::receiver::Receiver;
use crate::wire::post;

async fn pay(fake: &StripeFake) -> String {
    let fields = [
        ("amount", "2000"),
        ("currency", "eur"),
        ("payment_method", "pm_card_visa"),
        ("payment_method_types[]", "card"),
        ("confirm", "true"),
    ];
    post(fake, "payment_intents", &fields).await.ok().text("id")
}

async fn listening() -> (StripeFake, Receiver) {
    let (fake, receiver) = (StripeFake::start().await, Receiver::start().await);
    fake.send_webhooks_to(&receiver.url());
    (fake, receiver)
}

/// The signature as the manual describes it, made by nothing of the fake's.
fn code(secret: &str, time: &str, body: &[u8]) -> String {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{time}.").as_bytes());
    mac.update(body);
    let code = mac.finalize().into_bytes();
    code.iter().fold(String::new(), |code, byte| format!("{code}{byte:02x}"))
}

#[tokio::test]
async fn events_come_in_order_and_signed() {
    let (fake, receiver) = listening().await;

    let id = pay(&fake).await;
    fake.webhooks().settled().await;

    assert_eq!(
        receiver.kinds(),
        ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]
    );
    let last = receiver.received().pop().unwrap();
    let event: Value = serde_json::from_slice(&last.body).unwrap();
    assert_eq!(
        (event["object"].as_str(), event["data"]["object"]["id"].as_str()),
        (Some("event"), Some(id.as_str()))
    );
    let header = last.header("stripe-signature").unwrap();
    let (time, signature) = header.split_once(",v1=").unwrap();
    let time = time.strip_prefix("t=").unwrap();
    assert_eq!(signature, code(StripeFake::WEBHOOK_SECRET, time, &last.body));
}

#[tokio::test]
async fn while_a_secret_is_replaced_there_are_two_signatures() {
    let (fake, receiver) = listening().await;
    fake.sign_with(&["whsec_new", StripeFake::WEBHOOK_SECRET]);

    pay(&fake).await;
    fake.webhooks().settled().await;

    let first = receiver.received().remove(0);
    let header = first.header("stripe-signature").unwrap();
    let parts: Vec<_> = header.split(',').collect();
    let time = parts[0].strip_prefix("t=").unwrap();
    let codes = ["whsec_new", StripeFake::WEBHOOK_SECRET]
        .map(|secret| format!("v1={}", code(secret, time, &first.body)));
    assert_eq!(parts[1..], codes);
}

#[tokio::test]
async fn events_are_repeated_lost_forged_and_reordered_on_command() {
    let (fake, receiver) = listening().await;
    fake.webhooks().weather(Weather { copies: 5, ..Weather::default() });
    pay(&fake).await;
    fake.webhooks().settled().await;
    assert_eq!(receiver.received().len(), 15);

    fake.webhooks().weather(Weather { lose_every: 1, ..Weather::default() });
    pay(&fake).await;
    fake.webhooks().settled().await;
    assert_eq!(receiver.received().len(), 15);

    fake.webhooks().weather(Weather { hold: true, ..Weather::default() });
    pay(&fake).await;
    fake.webhooks().release(&[2, 0, 0]);
    fake.webhooks().settled().await;
    assert_eq!(
        receiver.kinds()[15..],
        ["payment_intent.succeeded", "payment_intent.created", "payment_intent.created"]
    );

    fake.webhooks().weather(Weather { forge_every: 1, ..Weather::default() });
    pay(&fake).await;
    fake.webhooks().settled().await;
    let forged = fake.webhooks().log().iter().filter(|delivered| delivered.forged).count();
    let received = receiver.received();
    let false_ones = received[18..].iter().filter(|request| {
        let header = request.header("stripe-signature").unwrap();
        let (time, signature) = header.split_once(",v1=").unwrap();
        signature != code(StripeFake::WEBHOOK_SECRET, &time[2..], &request.body)
    });
    assert_eq!((forged, false_ones.count()), (3, 3));
}

#[tokio::test]
async fn what_is_not_taken_is_sent_again() {
    let (fake, receiver) = listening().await;
    receiver.answer_with(Answer::text(500, "not now"));
    pay(&fake).await;
    fake.webhooks().settled().await;
    receiver.answer_with(Answer::text(204, ""));
    fake.webhooks().retry_now();
    fake.webhooks().settled().await;

    assert_eq!(receiver.received().len(), 6);
    let log = fake.webhooks().log();
    assert_eq!(
        (log[0].attempt, log[0].status, log[3].attempt, log[3].status),
        (1, Some(500), 2, Some(204))
    );
}

#[tokio::test]
async fn a_dispute_takes_money_and_may_give_it_back() {
    let fake = StripeFake::start().await;
    let id = pay(&fake).await;

    let dispute = fake.dispute(&id, 2000);
    let refund = post(&fake, "refunds", &[("payment_intent", &id)]).await;
    assert_eq!(refund.text("error.code"), "charge_disputed");
    fake.close_dispute(&dispute, true);

    let charged = &fake.charges()[0];
    assert_eq!((charged.charged_back, charged.reinstated), (2000, 2000));
    let events = fake.events();
    let kinds: Vec<_> =
        events.iter().rev().take(4).map(|event| event["type"].as_str().unwrap()).collect();
    let expected = [
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.created",
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn the_signature_is_that_of_the_manual() {
    let at = chrono::DateTime::from_timestamp(1_492_774_577, 0).unwrap();
    let header = stripe_signature(b"{}", &["whsec_a"], at);
    assert_eq!(header, format!("t=1492774577,v1={}", code("whsec_a", "1492774577", b"{}")));
}
