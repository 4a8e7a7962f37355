//! What is believed of messages.

use billing::{Acknowledgement, CaptureMode, Delivery, MAX_WEBHOOK_BYTES, Subject, WebhookRefusal};
use chrono::TimeDelta;
use hostile_http::Weather;
use kernel::{Clock, SystemClock};

use super::requests::approved;
use super::{Arrived, Bench, Inbox};

async fn messages_of_a_payment(bench: &dyn Bench) -> (billing::PaymentFact, Vec<Arrived>) {
    let inbox = Inbox::start().await;
    bench.listen(&inbox);
    let (_, fact) = approved(bench, CaptureMode::AtOnce).await;
    bench.courier().settled().await;
    let arrived = inbox.arrived();
    assert!(!arrived.is_empty());
    (fact, arrived)
}

#[expect(missing_docs, reason = "the name says it")]
pub async fn messages_are_believed_only_if_their_signature_holds(bench: &dyn Bench) {
    let (gateway, now) = (bench.gateway(), SystemClock.now());
    let (fact, arrived) = messages_of_a_payment(bench).await;
    let mut about_it = 0;
    for message in &arrived {
        let read = gateway.verify(&message.delivery(now)).unwrap();
        if let Subject::Payment { payment, transaction } = &read.subject {
            about_it +=
                usize::from(*payment == Some(fact.payment) && *transaction == fact.transaction);
        }

        let refusal = |changed: &Arrived| gateway.verify(&changed.delivery(now)).unwrap_err();
        let mut tampered = message.clone();
        let middle = tampered.body.len() / 2;
        tampered.body[middle] ^= 1;
        assert_eq!(refusal(&tampered), WebhookRefusal::WrongSignature);
        let mut unsigned = message.clone();
        unsigned.headers.retain(|(name, _)| !name.contains("hmac") && !name.contains("signature"));
        assert_eq!(refusal(&unsigned), WebhookRefusal::Unsigned);
        let mut large = message.clone();
        large.body.resize(MAX_WEBHOOK_BYTES + 1, b' ');
        assert_eq!(refusal(&large), WebhookRefusal::TooLarge);
        let mut garbled = message.clone();
        for (name, value) in &mut garbled.headers {
            if name == bench.signature_header() {
                value.push('x');
            }
        }
        assert_eq!(refusal(&garbled), WebhookRefusal::WrongSignature);
        for later in [TimeDelta::minutes(6), TimeDelta::minutes(-6)] {
            let delivery = Delivery { now: now + later, ..message.delivery(now) };
            let late = gateway.verify(&delivery).map(drop);
            let expected = if bench.signs_time() { Err(WebhookRefusal::OutOfTime) } else { Ok(()) };
            assert_eq!(late, expected);
        }
    }
    assert!(about_it > 0, "{arrived:?}");

    bench.courier().weather(Weather { forge_every: 1, lose_every: 1, ..Weather::default() });
    let (_, forged) = messages_of_a_payment(bench).await;
    for message in &forged {
        let refusal = gateway.verify(&message.delivery(now)).unwrap_err();
        assert_eq!(refusal, WebhookRefusal::WrongSignature);
    }
    let Acknowledgement { status, .. } = gateway.acknowledge(None);
    assert_eq!(status, 200);
}

#[expect(missing_docs, reason = "the name says it")]
pub async fn a_message_twice_is_one_message(bench: &dyn Bench) {
    bench.courier().weather(Weather { copies: 3, ..Weather::default() });
    let now = SystemClock.now();

    let (_, arrived) = messages_of_a_payment(bench).await;

    let read = |message: &Arrived| bench.gateway().verify(&message.delivery(now)).unwrap().event_id;
    let mut ids: Vec<_> = arrived.iter().map(read).collect();
    ids.sort();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len() * 3, all);
}
