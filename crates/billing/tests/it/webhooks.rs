//! Gateways write: forged, five times, out of order, in vain.

use billing::testing::{
    Trick, TrickyGateway, a_pay_command, a_payable, an_admin, an_id, the_payer,
};
use billing::{
    BillingError, CaptureMode, GatewayName, MAX_WEBHOOK_BYTES, Purpose, PurposeKind, Status,
    Webhook, WebhookId, WebhookRefusal, WebhookState,
};
use chrono::TimeDelta;
use kernel::{BookingId, PaymentId};

use crate::world::World;

const SANDBOX: GatewayName = GatewayName::Sandbox;

async fn waiting() -> (World, PaymentId) {
    let world = World::new();
    let purpose = Purpose::Booking(BookingId::from_uuid(an_id(21)));
    let payable = a_payable(PurposeKind::Booking, CaptureMode::AtOnce);
    world.store.with(|state| state.payables.push((purpose, payable)));
    world.gateway.play([Trick::LoseAnswer]);
    let seen = world.service.pay(&the_payer(), a_pay_command(purpose), None).await.unwrap();
    (world, seen.payment.id())
}

fn only_webhook(world: &World) -> Webhook {
    world.store.with(|state| state.webhooks.values().next().cloned().unwrap())
}

#[tokio::test]
async fn a_message_is_believed_by_its_signature_over_its_bytes() {
    let (world, id) = waiting().await;
    let (headers, mut body) = TrickyGateway::message(id, "evt_1");
    let refused = |headers: Vec<(String, String)>, body: Vec<u8>| {
        let service = world.service.clone();
        async move {
            match service.receive_webhook(SANDBOX, "", &headers, &body).await {
                Err(BillingError::Webhook(refusal)) => refusal,
                other => panic!("{other:?}"),
            }
        }
    };

    body.push(b' ');
    assert_eq!(refused(headers, body).await, WebhookRefusal::WrongSignature);
    assert_eq!(refused(Vec::new(), Vec::new()).await, WebhookRefusal::Unsigned);
    let large = vec![0; MAX_WEBHOOK_BYTES + 1];
    assert_eq!(refused(Vec::new(), large).await, WebhookRefusal::TooLarge);
    assert!(world.store.with(|state| state.webhooks.is_empty()));
}

#[tokio::test]
async fn five_deliveries_are_one_message_and_one_effect() {
    let (world, id) = waiting().await;
    for event in ["evt_2", "evt_1", "evt_1", "evt_2", "evt_1"] {
        let (headers, body) = TrickyGateway::message(id, event);
        let answer = world.service.receive_webhook(SANDBOX, "", &headers, &body).await.unwrap();
        assert_eq!(answer.status, 200);
        world.pass(TimeDelta::seconds(1)).await;
    }

    assert_eq!(world.store.with(|state| state.webhooks.len()), 2);
    assert_eq!(world.store.with(|state| state.journals.len()), 1);
    let captured = world.event_names().iter().filter(|it| **it == "payment.captured.v1").count();
    assert_eq!(captured, 1);
    world.check_books();
}

#[tokio::test]
async fn what_cannot_be_applied_is_tried_again_parked_and_replayed() {
    let (world, id) = waiting().await;
    world.gateway.set_deaf(true);
    let (headers, body) = TrickyGateway::message(id, "evt_1");
    world.service.receive_webhook(SANDBOX, "", &headers, &body).await.unwrap();

    world.pass(TimeDelta::seconds(1)).await;
    assert!(matches!(only_webhook(&world).state, WebhookState::Failed { .. }));
    world.pass(TimeDelta::hours(3)).await;
    let parked = only_webhook(&world);
    assert!(matches!(parked.state, WebhookState::Parked { .. }), "{:?}", parked.state);
    assert!(world.event_names().contains(&"webhook.parked.v1"));

    world.gateway.set_deaf(false);
    let refused = world.service.replay_webhook(&the_payer(), parked.id).await;
    assert!(matches!(refused, Err(BillingError::Forbidden { .. })));
    world.service.replay_webhook(&an_admin(), parked.id).await.unwrap();
    world.pass(TimeDelta::seconds(1)).await;
    assert!(matches!(only_webhook(&world).state, WebhookState::Applied { .. }));
    let payment = world.service.payment(&the_payer(), id).await.unwrap();
    assert_eq!(payment.status(), Status::Captured);
}

#[tokio::test]
async fn a_message_about_nothing_of_ours_is_ignored() {
    let (world, _) = waiting().await;
    let stranger = PaymentId::from_uuid(an_id(99));
    let (headers, body) = TrickyGateway::message(stranger, "evt_1");
    world.service.receive_webhook(SANDBOX, "", &headers, &body).await.unwrap();
    world.pass(TimeDelta::seconds(1)).await;

    assert!(matches!(only_webhook(&world).state, WebhookState::Ignored { .. }));
    let unknown = WebhookId::from_uuid(an_id(98));
    assert!(world.service.apply_webhook(unknown).await.is_ok());
}
