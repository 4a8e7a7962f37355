//! People pay, over a gateway of tricks.

use billing::testing::{
    Trick, TrickyGateway, a_card, a_pay_command, a_payable, a_purchase, a_reason, a_stranger,
    a_transaction, an_admin, an_id, euros, the_payer, the_payer_account, the_seller,
};
use billing::{
    BillingError, CaptureMode, CardSaved, Decline, FactState, Instruction, Instrument, PayCommand,
    PayMethod, PaymentFact, PaymentSeen, Purpose, PurposeKind, ReturnToken, Right, SaveCardCommand,
    Secret, Status,
};
use chrono::TimeDelta;
use kernel::{BookingId, Failure, IdempotencyScope, PaymentId};

use crate::world::World;

fn booking() -> Purpose {
    Purpose::Booking(BookingId::from_uuid(an_id(21)))
}

pub(crate) fn selling(capture: CaptureMode) -> World {
    let world = World::new();
    let payable = a_payable(PurposeKind::Booking, capture);
    world.store.with(|state| state.payables.push((booking(), payable)));
    world
}

pub(crate) async fn pay(world: &World) -> PaymentSeen {
    world.service.pay(&the_payer(), a_pay_command(booking()), None).await.unwrap()
}

pub(crate) fn status(world: &World, id: PaymentId) -> Status {
    world.store.with(|state| billing::Payment::restore(state.payments[&id].clone()).status())
}

pub(crate) async fn instruct(world: &World, instruction: Instruction) {
    use billing::BillingStore;
    let mut tx = world.store.begin().await.unwrap();
    let books = world.service.books();
    books.instruct(&mut *tx, booking(), instruction, world.now()).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn money_is_taken_divided_and_told() {
    let world = selling(CaptureMode::AtOnce);

    let seen = pay(&world).await;

    assert_eq!(seen.payment.status(), Status::Captured);
    assert_eq!(world.event_names(), ["payment.created.v1", "payment.captured.v1"]);
    let provider = the_seller().provider().unwrap();
    let owed = world.store.with(|state| {
        state.balance(billing::Account::ProviderPending(provider), kernel::Currency::EUR)
    });
    assert_eq!(owed, euros(-8_800));
    world.check_books();
}

#[tokio::test]
async fn one_thing_is_paid_once() {
    let world = selling(CaptureMode::AtOnce);
    pay(&world).await;

    let again = world.service.pay(&the_payer(), a_pay_command(booking()), None).await;
    let stranger = world.service.pay(&a_stranger(), a_pay_command(booking()), None).await;

    assert!(matches!(again, Err(BillingError::AlreadyPaid)));
    assert!(matches!(stranger, Err(BillingError::NothingToPay { .. })));
    assert_eq!(world.gateway.calls(), 1);
}

#[tokio::test]
async fn the_same_key_is_the_same_payment() {
    let world = selling(CaptureMode::AtOnce);
    let scope = || IdempotencyScope {
        account: the_payer_account(),
        operation: "POST /api/v1/payments".to_owned(),
        key: "k1".to_owned(),
        body_hash: [1; 32],
    };
    let command = || a_pay_command(booking());

    let first = world.service.pay(&the_payer(), command(), Some(scope())).await.unwrap();
    let second = world.service.pay(&the_payer(), command(), Some(scope())).await.unwrap();

    assert_eq!(first.payment.id(), second.payment.id());
    assert_eq!(second.payment.status(), Status::Captured);
    assert_eq!(world.gateway.charges(first.payment.id()), 1);
    let other = IdempotencyScope { body_hash: [2; 32], ..scope() };
    let error = world.service.pay(&the_payer(), command(), Some(other)).await.unwrap_err();
    assert_eq!(error.code(), "idempotency.other_body");
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_and_never_charged_again() {
    for (trick, end) in
        [(Trick::LoseAnswer, Status::Captured), (Trick::LoseRequest, Status::Failed)]
    {
        let world = selling(CaptureMode::AtOnce);
        world.gateway.play([trick.clone()]);

        let seen = pay(&world).await;
        let id = seen.payment.id();
        assert_eq!(seen.payment.status(), Status::Processing, "{trick:?}");

        // "Never heard of it" after five minutes proves nothing; after an hour it does.
        world.pass(TimeDelta::minutes(10)).await;
        if end == Status::Failed {
            assert_eq!(status(&world, id), Status::Processing);
        }
        world.pass(TimeDelta::hours(2)).await;

        assert_eq!(status(&world, id), end, "{trick:?}");
        assert_eq!(world.gateway.calls(), 1);
        world.check_books();
    }
}

#[tokio::test]
async fn what_no_gateway_answers_for_is_shown_to_people_after_five_days() {
    let world = selling(CaptureMode::AtOnce);
    world.gateway.play([Trick::LoseRequest]);
    world.gateway.set_deaf(true);
    let id = pay(&world).await.payment.id();

    world.pass(TimeDelta::days(6)).await;

    assert_eq!(status(&world, id), Status::Processing);
    let concerns = world.store.with(|state| state.payments[&id].concerns.clone());
    assert!(concerns.contains(&billing::Concern::Unresolved));
    assert!(world.event_names().contains(&"payment.parked.v1"));

    // It never heard of it, says the gateway to whoever looks: there is nothing to wait for.
    world.gateway.set_deaf(false);
    world.service.inquire_now(&an_admin(), id).await.unwrap();
    assert_eq!(status(&world, id), Status::Failed);
}

#[tokio::test]
async fn nobody_has_to_look_any_more_once_the_gateway_has_said_how_it_ended() {
    let world = selling(CaptureMode::AtOnce);
    world.gateway.play([Trick::LoseAnswer]);
    world.gateway.set_deaf(true);
    let id = pay(&world).await.payment.id();
    world.pass(TimeDelta::days(6)).await;
    let parked = || world.store.with(|state| !state.payments[&id].concerns.is_empty());
    assert!(parked());

    // It is still asked by itself.
    world.gateway.set_deaf(false);
    world.pass(TimeDelta::minutes(10)).await;

    assert_eq!(status(&world, id), Status::Captured);
    assert!(!parked());
    world.check_books();
}

#[tokio::test]
async fn whoever_was_away_for_days_gives_nothing_up_after_one_question() {
    let world = selling(CaptureMode::AtOnce);
    world.gateway.play([Trick::LoseRequest]);
    let id = pay(&world).await.payment.id();

    // The server stands still for longer than the gateway is asked, and finds it away at first.
    world.gateway.set_deaf(true);
    world.leap(TimeDelta::days(6)).await;
    world.gateway.set_deaf(false);
    world.pass(TimeDelta::minutes(10)).await;

    assert_eq!(status(&world, id), Status::Failed, "the gateway never heard of it");
    let parked = world.store.with(|state| !state.payments[&id].concerns.is_empty());
    assert!(!parked);
}

#[tokio::test]
async fn a_payer_who_never_comes_back_from_the_bank_has_not_paid_after_a_day() {
    for method in [a_pay_command(booking()).method, PayMethod::Checkout] {
        let world = selling(CaptureMode::AtOnce);
        world.gateway.play([Trick::Challenge]);
        let command = PayCommand { method, ..a_pay_command(booking()) };
        let payment = world.service.pay(&the_payer(), command, None).await.unwrap().payment;
        let (id, now) = (payment.id(), world.now());
        let waits = FactState::RequiresAction;
        let there = payment.record().transaction.clone().unwrap_or(a_transaction("t1"));
        let waiting = PaymentFact::without_money(there.clone(), id, waits, euros(0), now);
        world.gateway.decide(waiting);

        world.pass(TimeDelta::hours(23)).await;
        assert_ne!(status(&world, id), Status::Failed);
        world.pass(TimeDelta::days(2)).await;

        assert_eq!(status(&world, id), Status::Failed);
        // Who comes all the same pays, and whoever sells decides what becomes of it.
        let taken = PaymentFact::captured(there, id, euros(10_000), world.now());
        world.gateway.decide(taken);
        world.service.inquire_now(&an_admin(), id).await.unwrap();
        assert_eq!(status(&world, id), Status::Captured);
        world.check_books();
    }
}

#[tokio::test]
async fn what_the_payers_bank_takes_meanwhile_is_not_given_back_as_well() {
    let world = selling(CaptureMode::AtOnce);
    let id = pay(&world).await.payment.id();
    world.gateway.play([Trick::LoseRequest]);
    world.service.refund(&an_admin(), id, None, a_reason(), None).await.unwrap();
    world.pass(TimeDelta::minutes(1)).await;
    world.gateway.charge_back(id);

    let declined = Decline::hard("nothing_left");
    world.gateway.play([Trick::Decline(declined)]);
    world.leap(TimeDelta::days(6)).await;
    world.service.inquire_now(&an_admin(), id).await.unwrap();
    world.pass(TimeDelta::minutes(10)).await;

    assert_eq!(status(&world, id), Status::ChargedBack);
    let record = world.store.with(|state| state.payments[&id].clone());
    assert!(record.in_flight.is_none());
    assert!(record.refunds.iter().all(|refund| !refund.state.is_open()), "{:?}", record.refunds);
    world.check_books();
}

#[tokio::test]
async fn a_refusal_is_no_error_and_leaves_room_to_try_again() {
    let world = selling(CaptureMode::AtOnce);
    world.gateway.play([Trick::Decline(Decline::soft("insufficient_funds"))]);

    assert_eq!(pay(&world).await.payment.status(), Status::Failed);
    assert_eq!(pay(&world).await.payment.status(), Status::Captured);
    world.check_books();
}

#[tokio::test]
async fn the_bank_sends_the_payer_back_once() {
    let world = selling(CaptureMode::AtOnce);
    world.gateway.play([Trick::Challenge]);
    let seen = pay(&world).await;
    let (id, token) = (seen.payment.id(), seen.token.unwrap());
    assert_eq!(seen.payment.status(), Status::RequiresAction);
    let page = world.service.challenge_page(id, &token).await.unwrap();
    assert!(page.term_url.reveal().ends_with(token.reveal()));
    let back = |token: ReturnToken, md: String| {
        let service = world.service.clone();
        async move {
            let response = Some(Secret::new("pares".to_owned()));
            service.continue_challenge(id, &token, Some(&md), response).await
        }
    };

    let forged = back(ReturnToken::from_text("guess"), page.md.clone()).await;
    assert!(matches!(forged, Err(BillingError::ReturnRefused)));
    let crossed = back(token.clone(), "tx-of-another".to_owned()).await;
    assert!(matches!(crossed, Err(BillingError::ReturnRefused)));
    assert_eq!(status(&world, id), Status::RequiresAction, "neither changed anything");

    let paid = back(token.clone(), page.md.clone()).await.unwrap();
    assert_eq!(paid.status(), Status::Captured);

    let repeated = back(token, page.md).await;
    assert!(matches!(repeated, Err(BillingError::ReturnRefused)));
    assert_eq!(world.gateway.charges(id), 1);
    world.check_books();
}

#[tokio::test]
async fn a_late_return_changes_nothing_and_a_new_way_makes_the_old_one_void() {
    let world = selling(CaptureMode::AtOnce);
    world.gateway.play([Trick::Challenge]);
    let seen = pay(&world).await;
    let (id, old) = (seen.payment.id(), seen.token.unwrap());
    world.pass(TimeDelta::minutes(31)).await;

    let late = world.service.continue_challenge(id, &old, None, None).await;
    assert!(matches!(late, Err(BillingError::ReturnRefused)));

    let new = world.service.renew_challenge(&the_payer(), id).await.unwrap().token.unwrap();
    assert_ne!(old.reveal(), new.reveal());
    assert!(world.service.challenge_page(id, &old).await.is_err());
    assert!(world.service.challenge_page(id, &new).await.is_ok());
    assert!(world.service.renew_challenge(&a_stranger(), id).await.is_err());
}

#[tokio::test]
async fn who_is_stuck_at_the_bank_may_start_again_and_is_charged_once() {
    let world = selling(CaptureMode::AtOnce);
    world.gateway.play([Trick::Challenge]);
    let stuck = pay(&world).await.payment.id();

    let second = pay(&world).await.payment;
    assert_eq!(second.status(), Status::Captured);

    // The payer passes the first one all the same: the money goes back by itself.
    world.gateway.pass_challenge(stuck);
    world.pass(TimeDelta::hours(2)).await;
    assert_eq!(status(&world, stuck), Status::Refunded);
    world.check_books();
}

#[tokio::test]
async fn reserved_money_is_taken_or_let_go_as_its_domain_says() {
    for (instruction, end) in [
        (Instruction::Capture { amount: euros(8_000) }, Status::Captured),
        (Instruction::GiveBack, Status::Voided),
    ] {
        let world = selling(CaptureMode::Later);
        let id = pay(&world).await.payment.id();
        assert_eq!(status(&world, id), Status::Authorized);

        instruct(&world, instruction).await;
        assert_eq!(status(&world, id), Status::Authorized, "the gateway has not said so yet");
        world.pass(TimeDelta::minutes(1)).await;

        assert_eq!(status(&world, id), end, "{instruction:?}");
        world.check_books();
    }
}

#[tokio::test]
async fn people_look_at_a_reservation_that_ran_out_before_it_was_taken_until_they_say_they_did() {
    let world = selling(CaptureMode::Later);
    let id = pay(&world).await.payment.id();
    let reserved = world.gateway.truth(id).unwrap();
    world.gateway.play([Trick::Unreachable]);
    instruct(&world, Instruction::Capture { amount: euros(10_000) }).await;
    world.gateway.decide(PaymentFact { state: FactState::Voided, ..reserved });
    world.service.inquire_now(&an_admin(), id).await.unwrap();
    let parked = || world.store.with(|state| state.payments[&id].concerns.clone());

    assert_eq!(status(&world, id), Status::Voided);
    assert_eq!(Vec::from_iter(parked()), [billing::Concern::RanOut]);
    let nobody = world.service.acknowledge(&the_payer(), id, a_reason()).await;
    assert!(matches!(nobody, Err(BillingError::Forbidden { .. })));
    world.service.acknowledge(&an_admin(), id, a_reason()).await.unwrap();
    assert!(parked().is_empty());
    let audit = world.store.with(|state| state.audit.last().unwrap().clone());
    assert_eq!(audit.before, serde_json::json!({ "concerns": ["ran_out"] }));
}

#[tokio::test]
async fn what_is_called_off_before_the_gateway_acted_is_let_go_or_comes_back() {
    let capture = Instruction::Capture { amount: euros(10_000) };
    let all_back = Instruction::Settle { refund: euros(10_000), delivered_at: None };
    for (then, end) in [(Instruction::GiveBack, Status::Voided), (all_back, Status::Refunded)] {
        let world = selling(CaptureMode::Later);
        let id = pay(&world).await.payment.id();
        instruct(&world, capture).await;
        instruct(&world, then).await;

        world.pass(TimeDelta::minutes(1)).await;

        assert_eq!(status(&world, id), end, "{then:?}");
        world.check_books();
    }
    let world = selling(CaptureMode::Later);
    let mut tx = billing::BillingStore::begin(&world.store).await.unwrap();
    let unpaid = world.service.books().instruct(&mut *tx, booking(), capture, world.now()).await;
    assert!(matches!(unpaid, Err(BillingError::NotFound { .. })));
}

#[tokio::test]
async fn an_operation_whose_answer_is_lost_is_found_out_and_done_once() {
    for trick in [Trick::LoseAnswer, Trick::LoseRequest, Trick::Unreachable] {
        let world = selling(CaptureMode::AtOnce);
        let id = pay(&world).await.payment.id();
        world.gateway.play([trick.clone()]);

        let admin = an_admin();
        world.service.refund(&admin, id, Some(euros(2_500)), a_reason(), None).await.unwrap();
        world.pass(TimeDelta::hours(3)).await;

        assert_eq!(status(&world, id), Status::PartiallyRefunded, "{trick:?}");
        assert_eq!(world.gateway.truth(id).unwrap().refunded, euros(2_500), "{trick:?}");
        world.check_books();
    }
}

#[tokio::test]
async fn an_operation_that_was_lost_is_done_again_once_an_admin_has_asked() {
    let world = selling(CaptureMode::AtOnce);
    let id = pay(&world).await.payment.id();
    world.gateway.play([Trick::LoseRequest]);
    world.service.refund(&an_admin(), id, None, a_reason(), None).await.unwrap();
    world.gateway.set_deaf(true);
    world.pass(TimeDelta::days(6)).await;
    assert_eq!(status(&world, id), Status::Captured);

    world.gateway.set_deaf(false);
    world.service.inquire_now(&an_admin(), id).await.unwrap();
    world.pass(TimeDelta::minutes(1)).await;

    assert_eq!(status(&world, id), Status::Refunded);
    world.check_books();
}

#[tokio::test]
async fn refunds_never_exceed_what_was_taken() {
    let world = selling(CaptureMode::AtOnce);
    let payment = pay(&world).await.payment;
    let (id, version) = (payment.id(), payment.version());
    let refund = |minor, expected| {
        let service = world.service.clone();
        async move { service.refund(&an_admin(), id, Some(euros(minor)), a_reason(), expected).await }
    };

    refund(6_000, Some(version)).await.unwrap();
    let seen_before = refund(1_000, Some(version)).await;
    assert!(matches!(seen_before, Err(BillingError::Stale)));
    let too_much = refund(4_001, None).await;
    assert!(matches!(too_much, Err(BillingError::AmountTooHigh { most }) if most == euros(4_000)));
    refund(4_000, None).await.unwrap();
    world.pass(TimeDelta::minutes(1)).await;

    assert_eq!(status(&world, id), Status::Refunded);
    assert!(refund(1, None).await.is_err());
    let nobody = world.service.refund(&the_payer(), id, None, a_reason(), None).await;
    assert!(matches!(nobody, Err(BillingError::Forbidden { .. })));
    assert_eq!(world.store.with(|state| state.audit.len()), 2);
    world.check_books();
}

#[tokio::test]
async fn a_purchase_gives_its_right_until_it_is_given_back() {
    let world = World::new();
    let (purpose, payable) = a_purchase();
    let Some(right @ Right::Listing(_)) = payable.grants else { panic!("a purchase grants") };
    world.store.with(|state| state.payables.push((purpose, payable)));
    let entitled = || world.service.entitled(the_payer_account(), right);
    assert_eq!(entitled().await.unwrap(), None);

    let seen = world.service.pay(&the_payer(), a_pay_command(purpose), None).await.unwrap();
    assert_eq!(entitled().await.unwrap(), Some(1));
    assert_eq!(world.store.with(|state| state.invoices.len()), 1);

    let id = seen.payment.id();
    world.service.refund(&an_admin(), id, None, a_reason(), None).await.unwrap();
    world.pass(TimeDelta::minutes(1)).await;
    assert_eq!(entitled().await.unwrap(), None);
}

#[tokio::test]
async fn a_gateways_own_page_is_waited_for() {
    let world = selling(CaptureMode::AtOnce);
    let command = PayCommand { method: PayMethod::Checkout, ..a_pay_command(booking()) };

    let seen = world.service.pay(&the_payer(), command, None).await.unwrap();

    assert!(seen.checkout_url.is_some());
    world.pass(TimeDelta::minutes(61)).await;
    assert_eq!(status(&world, seen.payment.id()), Status::Processing, "the page was open");
    world.pass(TimeDelta::days(1)).await;
    assert_eq!(status(&world, seen.payment.id()), Status::Failed);
}

#[tokio::test]
async fn a_refusal_on_a_page_that_is_open_is_not_the_end() {
    for comes_to_pay in [true, false] {
        let world = selling(CaptureMode::AtOnce);
        let command = PayCommand { method: PayMethod::Checkout, ..a_pay_command(booking()) };
        let id = world.service.pay(&the_payer(), command, None).await.unwrap().payment.id();
        let decline = FactState::Failed(Decline::soft("insufficient_funds"));
        let transaction = a_transaction("t1");
        let refused = PaymentFact::without_money(transaction, id, decline, euros(0), world.now());
        world.gateway.decide(refused.clone());

        // The payer looks back at the shop, and tries another card on the page.
        world.service.inquire_now(&an_admin(), id).await.unwrap();
        assert_ne!(status(&world, id), Status::Failed);
        if comes_to_pay {
            world.pass(TimeDelta::minutes(30)).await;
            let taken = PaymentFact {
                state: FactState::Captured,
                captured: euros(10_000),
                transaction: a_transaction("t2"),
                ..refused
            };
            world.gateway.decide(taken);
        }
        world.pass(TimeDelta::days(2)).await;

        let end = if comes_to_pay { Status::Captured } else { Status::Failed };
        assert_eq!(status(&world, id), end, "whether or not a message comes");
    }
}

#[tokio::test]
async fn the_last_try_on_a_page_is_asked_for_and_not_the_one_that_was_left() {
    let world = selling(CaptureMode::AtOnce);
    let command = PayCommand { method: PayMethod::Checkout, ..a_pay_command(booking()) };
    let id = world.service.pay(&the_payer(), command, None).await.unwrap().payment.id();
    let state = FactState::RequiresAction;
    let left = PaymentFact::without_money(a_transaction("t1"), id, state, euros(0), world.now());
    world.gateway.decide(left.clone());
    world.service.inquire_now(&an_admin(), id).await.unwrap();

    let taken = PaymentFact {
        state: FactState::Captured,
        captured: euros(10_000),
        transaction: a_transaction("t2"),
        ..left
    };
    world.gateway.decide(taken);
    world.pass(TimeDelta::hours(2)).await;

    assert_eq!(status(&world, id), Status::Captured, "although its message was lost");
    world.check_books();
}

#[tokio::test]
async fn by_the_rules_no_more_goes_back_than_is_left() {
    for before in [2_500, 10_000] {
        let world = selling(CaptureMode::AtOnce);
        let id = pay(&world).await.payment.id();
        let by_admin = Some(euros(before));
        world.service.refund(&an_admin(), id, by_admin, a_reason(), None).await.unwrap();
        world.pass(TimeDelta::minutes(1)).await;

        // It is called off all the same, and its client gets everything back.
        let refund = euros(10_000);
        instruct(&world, Instruction::Settle { refund, delivered_at: None }).await;
        world.pass(TimeDelta::minutes(1)).await;

        assert_eq!(status(&world, id), Status::Refunded, "after {before}");
        assert_eq!(world.gateway.truth(id).unwrap().refunded, euros(10_000));
        world.check_books();
    }
}

#[tokio::test]
async fn a_card_is_its_owners_alone() {
    let world = selling(CaptureMode::AtOnce);
    let card = a_card(world.now());
    world.store.with(|state| state.cards.insert(card.id, card.clone()));
    let command =
        || PayCommand { method: PayMethod::SavedCard(card.id), ..a_pay_command(booking()) };

    let sent = SaveCardCommand {
        gateway: None,
        instrument: Instrument::Token(Secret::new("tok_visa".to_owned())),
        currency: kernel::Currency::EUR,
        address: None,
        locale: kernel::Locale::default(),
    };
    let kept = world.service.save_card(&the_payer(), sent).await.unwrap();
    let CardSaved::Kept(kept) = kept else { panic!("it is kept") };
    assert_eq!(kept.id, card.id, "the same token is the same card");
    assert_eq!(world.service.cards(&the_payer()).await.unwrap().len(), 1);

    let strangers = world.service.remove_card(&a_stranger(), card.id).await;
    assert!(matches!(strangers, Err(BillingError::CardNotFound { .. })));
    world.service.remove_card(&the_payer(), card.id).await.unwrap();

    let removed = world.service.pay(&the_payer(), command(), None).await;
    assert!(matches!(removed, Err(BillingError::CardNotFound { .. })));
    assert!(!format!("{card:?}").contains("card_1"), "the token is a secret");
}

#[tokio::test]
async fn payers_are_sent_back_to_addresses_of_the_marketplace_only() {
    let world = selling(CaptureMode::AtOnce);
    for address in ["https://app.example.evil/", "https://evil.example", "javascript:alert(1)"] {
        let return_to = Some(address.to_owned());
        let command = PayCommand { return_to, ..a_pay_command(booking()) };
        let error = world.service.pay(&the_payer(), command, None).await.unwrap_err();
        assert_eq!(error.code(), "validation", "{address}");
    }
    let return_to = Some("https://app.example/paid?x=1".to_owned());
    let command = PayCommand { return_to, ..a_pay_command(booking()) };
    assert!(world.service.pay(&the_payer(), command, None).await.is_ok());
}

#[tokio::test]
async fn a_message_of_a_bank_that_takes_money_back_reaches_the_ledger() {
    let world = selling(CaptureMode::AtOnce);
    let id = pay(&world).await.payment.id();
    world.gateway.charge_back(id);
    let (headers, body) = TrickyGateway::message(id, "evt_cb");
    let gateway = billing::GatewayName::Sandbox;
    world.service.receive_webhook(gateway, "", &headers, &body).await.unwrap();
    world.pass(TimeDelta::seconds(1)).await;

    assert_eq!(status(&world, id), Status::ChargedBack);
    world.check_books();
}
