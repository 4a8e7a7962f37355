//! What gateways send.

use billing::{
    BillingReads, GatewayName, SignedMessage, Subject, Webhook, WebhookId, WebhookRepository,
};
use chrono::TimeDelta;
use kernel::{PaymentId, SystemIds, Text};
use tokio::task::JoinSet;

use super::{World, commit, noon};

pub(super) fn a_message(event: &str, subject: Subject) -> Webhook {
    let message = SignedMessage {
        event_id: Text::new(event).unwrap(),
        kind: Text::new("charge.captured").unwrap(),
        subject,
        at: None,
        question: None,
    };
    let id = WebhookId::next(&SystemIds);
    Webhook::receive(id, GatewayName::Sandbox, message, b"{\"raw\": \"\xff\0\"}", noon())
}

fn subjects() -> Vec<Subject> {
    let reference = || Text::new("ref 1").unwrap();
    vec![
        Subject::Payment { payment: Some(PaymentId::next(&SystemIds)), transaction: reference() },
        Subject::Payment { payment: None, transaction: reference() },
        Subject::Subscription { reference: reference() },
        Subject::Payout { reference: reference() },
        Subject::Other,
    ]
}

#[tokio::test]
async fn a_message_comes_back_as_it_was_in_every_state() {
    let world = World::new(2).await;
    let later = noon() + TimeDelta::minutes(1);
    let steps: [fn(&mut Webhook, chrono::DateTime<chrono::Utc>); 5] = [
        |_, _| {},
        |it, at| it.apply(at).unwrap(),
        |it, at| it.ignore(at).unwrap(),
        |it, at| assert!(it.fail("no answer", at).unwrap().is_some()),
        |it, at| while it.fail("no answer", at).unwrap().is_some() {},
    ];
    for (n, (subject, step)) in subjects().into_iter().zip(steps).enumerate() {
        let mut message = a_message(&format!("event {n}"), subject);
        let mut tx = world.begin().await;
        assert!(tx.insert_webhook(&message).await.unwrap());
        step(&mut message, later);
        tx.update_webhook(&message).await.unwrap();
        assert_eq!(tx.webhook_for_update(message.id).await.unwrap(), Some(message.clone()));
        tx.commit().await.unwrap();

        assert_eq!(world.store.webhook(message.id).await.unwrap(), Some(message));
    }
}

#[tokio::test]
async fn a_message_that_is_delivered_twenty_times_at_once_is_stored_once() {
    let world = World::new(20).await;
    let mut tries = JoinSet::new();
    for _ in 0..20 {
        let store = world.store.clone();
        tries.spawn(async move {
            let mut tx = store.open().await.unwrap();
            let new = tx.insert_webhook(&a_message("event", Subject::Other)).await.unwrap();
            commit(tx).await.unwrap();
            new
        });
    }
    let stored = tries.join_all().await.into_iter().filter(|new| *new).count();

    assert_eq!(stored, 1);
    assert_eq!(world.number("SELECT count(*) FROM gateway_messages").await, 1);
    let mut tx = world.begin().await;
    let message = a_message("event", Subject::Other);
    let elsewhere = Webhook { gateway: GatewayName::Stripe, ..message };
    assert!(tx.insert_webhook(&elsewhere).await.unwrap(), "another gateway, another message");
}
