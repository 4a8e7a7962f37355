//! Providers get their money, and give it back.

use billing::testing::{
    Trick, a_pay_command, a_payable, a_reason, an_admin, an_id, euros, the_payer, the_provider,
    the_provider_id, the_seller,
};
use billing::{
    Account, BillingError, BillingStore, CaptureMode, GatewayName, Instruction, PaymentHappening,
    PayoutAccount, PayoutCommand, PayoutDecision, PayoutRoute, PayoutState, PayoutTerms, Policy,
    Purpose, PurposeKind, Secret, decide_payout,
};
use chrono::TimeDelta;
use kernel::{BookingId, Currency, PaymentId};

use crate::world::{World, policy};

const DAY: TimeDelta = TimeDelta::days(1);

fn booking() -> Purpose {
    Purpose::Booking(BookingId::from_uuid(an_id(21)))
}

async fn sold(terms: PayoutTerms, route: PayoutRoute) -> (World, PaymentId) {
    let world = World::with(Policy { payouts: terms, ..policy() });
    let payable = a_payable(PurposeKind::Booking, CaptureMode::AtOnce);
    let billing::Seller::Provider { provider, account } = the_seller() else {
        panic!("a provider sells")
    };
    let destination = Some(Secret::new("acct_1".to_owned()));
    world.store.with(|state| {
        state.payables.push((booking(), payable));
        state.payout_accounts.insert(provider, PayoutAccount { account, route, destination });
    });
    let seen = world.service.pay(&the_payer(), a_pay_command(booking()), None).await.unwrap();
    (world, seen.payment.id())
}

async fn instruct(world: &World, instruction: Instruction) {
    let mut tx = world.store.begin().await.unwrap();
    let books = world.service.books();
    books.instruct(&mut *tx, booking(), instruction, world.now()).await.unwrap();
    tx.commit().await.unwrap();
}

fn delivered(world: &World) -> Instruction {
    Instruction::Settle { refund: euros(0), delivered_at: Some(world.now()) }
}

fn balance(world: &World, account: Account) -> i64 {
    -world.store.with(|state| state.balance(account, Currency::EUR)).minor()
}

fn payable(world: &World) -> i64 {
    balance(world, Account::ProviderPayable(the_provider_id()))
}

fn gateway() -> PayoutRoute {
    PayoutRoute::Gateway(GatewayName::Sandbox)
}

#[tokio::test]
async fn what_is_delivered_is_paid_out_after_the_holding_time() {
    let (world, _) = sold(PayoutTerms::default(), gateway()).await;
    assert_eq!(world.service.run_payouts().await.unwrap().payouts, 0);
    instruct(&world, delivered(&world)).await;
    world.pass(DAY * 6).await;
    assert_eq!(payable(&world), 0, "the holding time runs");
    world.pass(DAY).await;
    assert_eq!(payable(&world), 8_800);

    assert_eq!(world.service.run_payouts().await.unwrap().payouts, 1);
    assert_eq!(world.service.run_payouts().await.unwrap().payouts, 0, "it is on its way");
    world.pass(TimeDelta::seconds(1)).await;

    let payouts = world.store.with(|state| state.payouts.values().cloned().collect::<Vec<_>>());
    assert!(matches!(payouts[0].state, PayoutState::Paid { .. }), "{payouts:?}");
    assert_eq!((payable(&world), balance(&world, Account::Bank)), (0, 8_800));
    world.check_books();
}

#[tokio::test]
async fn a_dispute_holds_the_money() {
    let (world, _) = sold(PayoutTerms::default(), gateway()).await;
    instruct(&world, delivered(&world)).await;
    instruct(&world, Instruction::Freeze).await;
    world.pass(DAY * 30).await;
    assert_eq!(payable(&world), 0);

    instruct(&world, Instruction::Unfreeze).await;
    world.pass(TimeDelta::seconds(1)).await;

    assert_eq!(payable(&world), 8_800);
}

#[tokio::test]
async fn a_part_is_kept_back_for_a_while() {
    let terms = PayoutTerms {
        reserve_basis_points: 1_000,
        reserve_days: 30,
        hold_days: 0,
        ..PayoutTerms::default()
    };
    let (world, _) = sold(terms, gateway()).await;
    instruct(&world, delivered(&world)).await;
    world.pass(DAY).await;
    let reserve = Account::ProviderReserve(the_provider_id());
    assert_eq!((payable(&world), balance(&world, reserve)), (7_920, 880));

    world.pass(DAY * 30).await;
    assert_eq!((payable(&world), balance(&world, reserve)), (8_800, 0));
    world.check_books();
}

#[tokio::test]
async fn a_refund_after_the_payout_is_netted_and_covered_by_what_is_kept_back() {
    let terms = PayoutTerms {
        reserve_basis_points: 1_000,
        reserve_days: 30,
        hold_days: 0,
        ..PayoutTerms::default()
    };
    let (world, id) = sold(terms, gateway()).await;
    instruct(&world, delivered(&world)).await;
    world.pass(DAY).await;
    world.service.run_payouts().await.unwrap();
    world.pass(DAY).await;
    assert_eq!(payable(&world), 0);

    world.service.refund(&an_admin(), id, None, a_reason(), None).await.unwrap();
    world.pass(DAY).await;
    assert_eq!(payable(&world), -8_800, "they have been paid already");
    let report = world.service.run_payouts().await.unwrap();
    assert_eq!((report.clawbacks, report.payouts), (1, 0));
    assert_eq!(payable(&world), -7_920);
    world.pass(DAY * 40).await;
    assert_eq!(payable(&world), -7_920, "what was kept back is used up");
    world.check_books();
}

#[tokio::test]
async fn a_payout_whose_answer_is_lost_is_asked_for_and_sent_once() {
    for (trick, calls) in [(Trick::LoseAnswer, 2), (Trick::LoseRequest, 3), (Trick::Unreachable, 3)]
    {
        let terms = PayoutTerms { hold_days: 0, ..PayoutTerms::default() };
        let (world, _) = sold(terms, gateway()).await;
        instruct(&world, delivered(&world)).await;
        world.pass(DAY).await;
        world.service.run_payouts().await.unwrap();
        world.gateway.play([trick.clone()]);

        world.pass(DAY).await;

        let payout = world.store.with(|state| state.payouts.values().next().cloned().unwrap());
        assert!(matches!(payout.state, PayoutState::Paid { .. }), "{trick:?}: {payout:?}");
        assert_eq!(world.gateway.calls(), calls, "{trick:?}");
        assert_eq!(balance(&world, Account::Bank), 8_800);
    }
}

#[tokio::test]
async fn a_large_payout_by_hand_needs_an_admin_and_stands_in_the_audit_log() {
    let terms = PayoutTerms {
        hold_days: 0,
        approval_from: vec![billing::MinimumPayout { amount: 5_000, currency: Currency::EUR }],
        ..PayoutTerms::default()
    };
    let (world, _) = sold(terms, PayoutRoute::Bank).await;
    instruct(&world, delivered(&world)).await;
    world.pass(DAY).await;
    world.service.run_payouts().await.unwrap();
    let id = world.store.with(|state| *state.payouts.keys().next().unwrap());
    let give = |actor, command| {
        let service = world.service.clone();
        async move { service.command_payout(&actor, id, command, None, None).await }
    };

    let refused = give(the_provider(), PayoutCommand::Approve).await;
    assert!(matches!(refused, Err(BillingError::Forbidden { .. })));
    let early = give(an_admin(), PayoutCommand::Send).await;
    assert!(matches!(early, Err(BillingError::NotAllowed { .. })));
    for command in [PayoutCommand::Approve, PayoutCommand::Send, PayoutCommand::Confirm] {
        give(an_admin(), command).await.unwrap();
    }

    assert_eq!(balance(&world, Account::Bank), 8_800);
    assert_eq!(world.store.with(|state| state.audit.len()), 3);
    let own = world.service.payouts(&the_provider(), false, kernel::Limit::default(), None).await;
    assert_eq!(own.unwrap().items.len(), 1);
    assert!(world.event_names().contains(&PaymentHappening::Released.event_name()));
}

#[test]
fn a_run_pays_what_is_owed_and_never_what_is_not() {
    let terms = PayoutTerms::default();
    let decide = |payable, reserved| decide_payout(euros(payable), euros(reserved), &terms);

    assert_eq!(decide(999, 0), PayoutDecision::Nothing, "less than ten");
    let pay = PayoutDecision::Pay { amount: euros(1_000), needs_approval: false };
    assert_eq!(decide(1_000, 500), pay);
    assert_eq!(decide(-300, 100), PayoutDecision::Clawback(euros(100)));
    assert_eq!(decide(-300, 0), PayoutDecision::Nothing);
    let stopped = PayoutTerms { stopped: true, ..terms.clone() };
    assert_eq!(decide_payout(euros(5_000), euros(0), &stopped), PayoutDecision::Nothing);
}
