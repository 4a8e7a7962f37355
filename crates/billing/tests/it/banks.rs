//! What a gateway says to a refund or to a payer who is away, while news of banks are on their way.

use billing::testing::{Trick, a_reason, an_admin, euros};
use billing::{CaptureMode, Decline, Instruction, PaymentFact, Status};
use chrono::TimeDelta;

use crate::payments::{instruct, pay, selling, status};

#[tokio::test]
async fn what_a_bank_left_of_a_refund_goes_back_though_nobody_heard_of_the_bank() {
    let world = selling(CaptureMode::AtOnce);
    let id = pay(&world).await.payment.id();
    world.gateway.charge_back_part(id, euros(800));
    let admin = an_admin();
    let refund = |minor| world.service.refund(&admin, id, Some(euros(minor)), a_reason(), None);

    refund(9_500).await.unwrap();
    world.pass(TimeDelta::minutes(1)).await;
    let record = world.store.with(|state| state.payments[&id].clone());
    let amounts: Vec<_> = record.refunds.iter().map(|it| (it.amount, it.state.name())).collect();
    assert_eq!(amounts, [(9_200, "succeeded")]);
    assert_eq!(world.gateway.truth(id).unwrap().refunded, euros(9_200));
    assert_eq!(status(&world, id), Status::ChargedBack);
    assert!(refund(1).await.is_err(), "nothing is left");
    world.check_books();
}

#[tokio::test]
async fn what_a_bank_left_of_a_payment_can_still_go_back() {
    for by_admin in [true, false] {
        let world = selling(CaptureMode::AtOnce);
        let id = pay(&world).await.payment.id();
        world.gateway.charge_back_part(id, euros(800));
        world.service.inquire_now(&an_admin(), id).await.unwrap();
        assert_eq!(status(&world, id), Status::ChargedBack);

        if by_admin {
            world.service.refund(&an_admin(), id, None, a_reason(), None).await.unwrap();
        } else {
            instruct(&world, Instruction::GiveBack).await;
        }
        world.pass(TimeDelta::minutes(1)).await;

        assert_eq!(world.gateway.truth(id).unwrap().refunded, euros(9_200));
        world.check_books();
    }
}

#[tokio::test]
async fn a_refund_that_is_refused_without_a_reason_that_can_be_seen_is_refused() {
    let world = selling(CaptureMode::AtOnce);
    let id = pay(&world).await.payment.id();
    world.gateway.play([Trick::Decline(Decline::soft("card_closed"))]);
    world.gateway.set_deaf(true);
    let part = Some(euros(2_500));
    world.service.refund(&an_admin(), id, part, a_reason(), None).await.unwrap();
    world.pass(TimeDelta::seconds(1)).await;
    let state = || world.store.with(|it| it.payments[&id].refunds[0].state.name());
    assert_eq!(state(), "requested", "why it was refused is not known");

    world.gateway.set_deaf(false);
    world.gateway.play([Trick::Decline(Decline::soft("card_closed"))]);
    world.pass(TimeDelta::hours(1)).await;

    assert_eq!(state(), "failed");
    assert_eq!(world.gateway.truth(id).unwrap().refunded, euros(0));
    world.check_books();
}

#[tokio::test]
async fn a_payer_has_a_day_from_when_the_gateway_waits_for_them() {
    let world = selling(CaptureMode::AtOnce);
    world.gateway.play([Trick::Challenge]);
    let id = pay(&world).await.payment.id();
    // Our request was on its way for two days.
    let waits_since = world.now() + TimeDelta::days(2);
    let fact = world.gateway.truth(id).unwrap();
    world.gateway.decide(PaymentFact { at: waits_since, ..fact });
    let looked_at = async |after: TimeDelta| {
        world.leap(waits_since + after - world.now()).await;
        world.service.inquire_now(&an_admin(), id).await.unwrap();
        status(&world, id)
    };

    assert_eq!(looked_at(TimeDelta::minutes(5)).await, Status::RequiresAction);
    assert_eq!(looked_at(TimeDelta::hours(23)).await, Status::RequiresAction);
    assert_eq!(looked_at(TimeDelta::hours(24)).await, Status::Failed);
}
