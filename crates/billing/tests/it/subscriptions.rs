//! Subscriptions through time, over a gateway of tricks.

use billing::testing::{
    Trick, a_card, a_pay_command, a_plan, a_reason, an_active_subscription, an_admin, euros,
    plan_details, the_payer, the_payer_account, the_provider,
};
use billing::{
    BillingError, ChargeKind, Decline, Driver, GatewayName, Input, Interval, NewSubscription,
    ObservedState, PayCommand, PayMethod, PaymentFact, Period, Plan, PlanDetails, Purpose, Right,
    SubscribeCommand, Subscription, SubscriptionSnapshot, SubscriptionState,
};
use chrono::TimeDelta;
use kernel::{PaymentId, PlanId, SubscriptionId};

use crate::world::{NOW, World};

fn offering(details: PlanDetails) -> (World, Plan) {
    let world = World::new();
    let plan = a_plan(NOW, details);
    let card = a_card(NOW);
    world.store.with(|state| {
        state.plans.insert(plan.id, plan.clone());
        state.cards.insert(card.id, card);
    });
    (world, plan)
}

async fn subscribe(world: &World, plan: PlanId, with_card: bool) -> SubscriptionId {
    let card = with_card.then(|| a_card(NOW).id);
    let command = SubscribeCommand { plan, card, gateway: None };
    let subscribed = world.service.subscribe(&the_payer(), command, None).await.unwrap();
    subscribed.subscription.id()
}

async fn pay_first(world: &World, id: SubscriptionId) {
    let method = PayMethod::SavedCard(a_card(NOW).id);
    let command = PayCommand { method, ..a_pay_command(Purpose::Subscription(id)) };
    world.service.pay(&the_payer(), command, None).await.unwrap();
}

fn state(world: &World, id: SubscriptionId) -> &'static str {
    world.store.with(|state| state.subscriptions[&id].state.name())
}

async fn has_access(world: &World, plan: &Plan) -> bool {
    world.service.entitled(the_payer_account(), plan.right).await.unwrap().is_some()
}

const DAY: TimeDelta = TimeDelta::days(1);

#[tokio::test]
async fn a_subscription_is_paid_renewed_and_invoiced_each_month() {
    let (world, plan) = offering(plan_details());
    let id = subscribe(&world, plan.id, true).await;
    assert_eq!(state(&world, id), "incomplete");
    assert!(!has_access(&world, &plan).await);

    pay_first(&world, id).await;
    assert_eq!(state(&world, id), "active");
    assert!(has_access(&world, &plan).await);
    world.pass(DAY * 95).await;

    assert_eq!(state(&world, id), "active");
    let invoices = world.store.with(|state| state.invoices.clone());
    let numbers: Vec<_> = invoices.iter().map(|it| it.number.to_string()).collect();
    assert_eq!(numbers, ["2026-000001", "2026-000002", "2026-000003", "2026-000004"]);
    let periods: Vec<_> = invoices.iter().map(|it| it.lines[0].period.unwrap()).collect();
    assert!(periods.windows(2).all(|pair| pair[0].1 == pair[1].0), "no gap: {periods:?}");
    world.check_books();
}

#[tokio::test]
async fn whoever_is_stuck_at_the_bank_starts_again_and_pays_once() {
    let (world, plan) = offering(plan_details());
    let id = subscribe(&world, plan.id, true).await;
    world.gateway.play([Trick::Challenge]);
    pay_first(&world, id).await;
    assert_eq!(state(&world, id), "incomplete");
    let stuck = world.store.with(|state| *state.payments.keys().next().unwrap());

    pay_first(&world, id).await;
    assert_eq!(state(&world, id), "active");
    // The first page was still open in another window.
    world.gateway.pass_challenge(stuck);
    world.pass(DAY * 2).await;

    let first = world.store.with(|state| state.payments[&stuck].clone());
    assert_eq!(first.sums.captured, first.sums.refunded, "it goes back");
    assert_eq!(state(&world, id), "active");
    assert_eq!(world.store.with(|state| state.invoices.len()), 1);
    world.check_books();
}

#[tokio::test]
async fn a_first_payment_that_never_comes_expires_it() {
    let (world, plan) = offering(plan_details());
    let id = subscribe(&world, plan.id, false).await;
    world.pass(TimeDelta::hours(22)).await;
    assert_eq!(state(&world, id), "incomplete");
    world.pass(TimeDelta::hours(1)).await;
    assert_eq!(state(&world, id), "expired");
    let error = world.service.resume(&the_payer(), id).await.unwrap_err();
    assert!(matches!(error, BillingError::NotAllowed { status: "expired", .. }));
}

#[tokio::test]
async fn a_trial_is_had_once_and_ends_by_its_card() {
    let details = || PlanDetails { trial_days: 14, ..plan_details() };
    let (world, plan) = offering(details());
    let id = subscribe(&world, plan.id, true).await;
    assert_eq!(state(&world, id), "trialing");
    assert!(has_access(&world, &plan).await);
    world.pass(DAY * 14).await;
    assert_eq!(state(&world, id), "active");
    world.service.cancel(&the_payer(), id, true).await.unwrap();
    world.pass(DAY * 40).await;
    assert_eq!(state(&world, id), "expired");
    let again = subscribe(&world, plan.id, true).await;
    assert_eq!(state(&world, again), "incomplete", "there is one trial");

    let (world, plan) = offering(details());
    let id = subscribe(&world, plan.id, false).await;
    world.pass(DAY * 14).await;
    assert_eq!(state(&world, id), "paused");
    assert!(!has_access(&world, &plan).await);
    pay_first(&world, id).await;
    assert_eq!(state(&world, id), "active");
}

#[tokio::test]
async fn a_failed_renewal_is_retried_keeps_access_for_the_grace_and_suspends() {
    let (world, plan) = offering(plan_details());
    let id = subscribe(&world, plan.id, true).await;
    pay_first(&world, id).await;
    let refusal = || Trick::Decline(Decline::soft("insufficient_funds"));
    world.gateway.play([refusal(), refusal(), refusal(), refusal(), refusal()]);

    world.pass(DAY * 32).await;
    assert_eq!(state(&world, id), "past_due");
    assert!(has_access(&world, &plan).await);
    world.pass(DAY * 7).await;
    assert_eq!(state(&world, id), "suspended");
    assert!(!has_access(&world, &plan).await);
    assert_eq!(world.gateway.calls(), 6, "the first, the renewal and four retries");

    pay_first(&world, id).await;
    assert_eq!(state(&world, id), "active");
    assert!(has_access(&world, &plan).await);
    world.check_books();
}

#[tokio::test]
async fn a_card_that_is_refused_for_good_is_not_tried_again() {
    let (world, plan) = offering(plan_details());
    let id = subscribe(&world, plan.id, true).await;
    pay_first(&world, id).await;
    world.gateway.play([Trick::Decline(Decline::hard("stolen_card"))]);

    world.pass(DAY * 50).await;
    assert_eq!(state(&world, id), "suspended", "since day 38");
    assert_eq!(world.gateway.calls(), 2);
    world.pass(DAY * 10).await;
    assert_eq!(state(&world, id), "expired");
}

#[tokio::test]
async fn a_renewal_whose_answer_is_lost_is_charged_once() {
    let (world, plan) = offering(plan_details());
    let id = subscribe(&world, plan.id, true).await;
    pay_first(&world, id).await;
    world.gateway.play([Trick::LoseAnswer]);

    world.pass(DAY * 32).await;

    assert_eq!(state(&world, id), "active");
    assert_eq!(world.gateway.calls(), 2);
    assert_eq!(world.store.with(|state| state.invoices.len()), 2);
    world.check_books();
}

#[tokio::test]
async fn no_access_outlives_the_grace_even_if_no_job_runs() {
    let subscription = an_active_subscription(NOW);
    let end = Period::first(NOW, Interval::MONTHLY).end;

    assert!(subscription.gives_access(end), "a late job costs nobody their access");
    assert!(subscription.gives_access(end + DAY * 7 - TimeDelta::microseconds(1)));
    assert!(!subscription.gives_access(end + DAY * 7));
}

#[tokio::test]
async fn a_dearer_plan_holds_when_its_difference_is_paid_a_cheaper_one_with_the_next_period() {
    let (world, plan) = offering(plan_details());
    let mut dear = a_plan(NOW, PlanDetails { price: euros(3_000), tier: 2, ..plan_details() });
    dear.id = PlanId::from_uuid(billing::testing::an_id(42));
    world.store.with(|state| state.plans.insert(dear.id, dear.clone()));
    let id = subscribe(&world, plan.id, true).await;
    pay_first(&world, id).await;
    let tier = || async {
        world.service.entitled(the_payer_account(), plan.right).await.unwrap().unwrap()
    };
    world.pass(TimeDelta::hours(372)).await; // half of January

    let waiting = world.service.change_plan(&the_payer(), id, dear.id).await.unwrap();
    let pending = waiting.record().pending.as_ref().map(|pending| pending.kind.clone());
    assert!(matches!(pending, Some(ChargeKind::Upgrade(_))));
    assert_eq!(tier().await, 1, "it is not paid yet");
    world.pass(TimeDelta::seconds(1)).await;
    assert_eq!(tier().await, 2);
    let totals: Vec<_> =
        world.store.with(|state| state.invoices.iter().map(|it| it.total.minor()).collect());
    assert_eq!(totals, [1_000, 1_000], "half of the difference of 2000");

    world.service.change_plan(&the_payer(), id, plan.id).await.unwrap();
    assert_eq!(tier().await, 2, "what is paid stays");
    world.pass(DAY * 20).await;
    assert_eq!(tier().await, 1);
    world.check_books();
}

/// The payments of a subscription, in the order in which they were made.
fn payments(world: &World) -> Vec<PaymentId> {
    world.store.with(|state| {
        let mut all: Vec<_> = state.payments.values().collect();
        all.sort_by_key(|payment| (payment.created_at, payment.id));
        all.into_iter().map(|payment| payment.id).collect()
    })
}

async fn gives_back(world: &World, payment: PaymentId, amount: Option<i64>) {
    let amount = amount.map(euros);
    world.service.refund(&an_admin(), payment, amount, a_reason(), None).await.unwrap();
    world.pass(TimeDelta::seconds(1)).await;
}

#[tokio::test]
async fn access_ends_at_once_when_the_money_of_the_period_goes_back() {
    for cancelled in [None, Some(false), Some(true)] {
        let (world, plan) = offering(plan_details());
        let id = subscribe(&world, plan.id, true).await;
        pay_first(&world, id).await;
        if let Some(at_once) = cancelled {
            world.service.cancel(&the_payer(), id, at_once).await.unwrap();
        }
        let payment = payments(&world)[0];

        gives_back(&world, payment, Some(999)).await;
        assert!(has_access(&world, &plan).await, "a part of it changes nothing");
        gives_back(&world, payment, None).await;

        assert_eq!(state(&world, id), "expired", "{cancelled:?}");
        assert!(!has_access(&world, &plan).await);
        world.pass(DAY * 40).await;
        assert_eq!(payments(&world), [payment], "nothing is charged any more");
        world.check_books();
    }
}

#[tokio::test]
async fn access_ends_at_once_when_the_bank_takes_the_money_of_the_period_back() {
    let (world, plan) = offering(plan_details());
    let id = subscribe(&world, plan.id, true).await;
    pay_first(&world, id).await;
    let payment = payments(&world)[0];

    world.gateway.charge_back(payment);
    world.service.inquire_now(&an_admin(), payment).await.unwrap();
    assert_eq!(state(&world, id), "expired");
    assert!(!has_access(&world, &plan).await);
    world.check_books();

    // It comes back; in the meantime another one may have been made.
    let fact = world.gateway.truth(payment).unwrap();
    world.gateway.decide(PaymentFact { reinstated: fact.charged_back, ..fact });
    world.service.inquire_now(&an_admin(), payment).await.unwrap();
    assert_eq!(state(&world, id), "expired");
    let again = subscribe(&world, plan.id, true).await;
    pay_first(&world, again).await;
    assert!(has_access(&world, &plan).await);
}

#[tokio::test]
async fn money_of_an_earlier_period_that_goes_back_costs_nobody_the_one_that_runs() {
    let (world, plan) = offering(plan_details());
    let id = subscribe(&world, plan.id, true).await;
    pay_first(&world, id).await;
    world.pass(DAY * 32).await;
    let [first, second] = payments(&world)[..] else { panic!("two periods are paid") };

    gives_back(&world, first, None).await;
    assert_eq!(state(&world, id), "active");
    assert!(has_access(&world, &plan).await);
    gives_back(&world, second, None).await;
    assert_eq!(state(&world, id), "expired");
}

#[tokio::test]
async fn the_plan_before_holds_again_when_the_difference_to_the_dearer_one_goes_back() {
    let (world, plan) = offering(plan_details());
    let mut dear = a_plan(NOW, PlanDetails { price: euros(3_000), tier: 2, ..plan_details() });
    dear.id = PlanId::from_uuid(billing::testing::an_id(42));
    world.store.with(|state| state.plans.insert(dear.id, dear.clone()));
    let id = subscribe(&world, plan.id, true).await;
    pay_first(&world, id).await;
    world.pass(DAY).await;
    world.service.change_plan(&the_payer(), id, dear.id).await.unwrap();
    world.pass(TimeDelta::seconds(1)).await;
    let tier = || world.service.entitled(the_payer_account(), plan.right);
    assert_eq!(tier().await.unwrap(), Some(2));
    let [base, difference] = payments(&world)[..] else { panic!("a period and a difference") };

    gives_back(&world, difference, None).await;
    assert_eq!(tier().await.unwrap(), Some(1));
    assert_eq!(state(&world, id), "active");
    gives_back(&world, base, None).await;
    assert_eq!(tier().await.unwrap(), None);
}

#[tokio::test]
async fn nobody_subscribes_to_their_own_plan() {
    let (world, plan) = offering(plan_details());
    let command = SubscribeCommand { plan: plan.id, card: None, gateway: None };

    let refused = world.service.subscribe(&the_provider(), command, None).await;

    assert!(matches!(refused, Err(BillingError::OwnPlan)), "{refused:?}");
}

#[tokio::test]
async fn whoever_pays_a_paid_subscription_again_hears_that_it_is_paid() {
    let (world, plan) = offering(plan_details());
    let id = subscribe(&world, plan.id, true).await;
    pay_first(&world, id).await;
    let again = || async {
        let command = a_pay_command(Purpose::Subscription(id));
        world.service.pay(&the_payer(), command, None).await.unwrap_err()
    };

    assert!(matches!(again().await, BillingError::AlreadyPaid));
    world.service.cancel(&the_payer(), id, true).await.unwrap();
    assert!(matches!(again().await, BillingError::AlreadyPaid));
    world.pass(DAY * 40).await;
    assert!(matches!(again().await, BillingError::NothingToPay { .. }), "it is over");
}

#[tokio::test]
async fn what_was_called_off_can_be_resumed_before_it_ends() {
    let (world, plan) = offering(plan_details());
    let id = subscribe(&world, plan.id, true).await;
    pay_first(&world, id).await;

    for at_once in [false, true] {
        world.service.cancel(&the_payer(), id, at_once).await.unwrap();
        assert!(has_access(&world, &plan).await, "what is paid goes on");
        let resumed = world.service.resume(&the_payer(), id).await.unwrap();
        assert!(matches!(
            resumed.state(),
            SubscriptionState::Active { cancel_at_period_end: false, .. }
        ));
    }
    world.service.cancel(&the_payer(), id, false).await.unwrap();
    world.pass(DAY * 31).await;
    assert_eq!(state(&world, id), "expired");
    assert!(!has_access(&world, &plan).await);
    assert_eq!(world.gateway.calls(), 1);
}

#[test]
fn money_that_nobody_waits_for_is_refused() {
    let mut subscription = an_active_subscription(NOW);
    let payment = kernel::PaymentId::from_uuid(billing::testing::an_id(20));
    subscription.await_charge(payment, ChargeKind::Renewal);
    subscription.give(&Input::CancelNow, NOW).unwrap();

    let refused = subscription.charge_captured(payment, NOW);

    assert!(matches!(refused, Err(BillingError::NotAllowed { .. })));
}

#[test]
fn of_what_a_gateway_says_the_newest_version_holds_in_any_order() {
    let plan = a_plan(NOW, plan_details());
    let reference = || billing::testing::a_transaction("sub_1");
    let first = Period::first(NOW, Interval::MONTHLY);
    let second = first.next(Interval::MONTHLY);
    let snapshot = |version, state| SubscriptionSnapshot {
        reference: reference(),
        version,
        state,
        charges: Vec::new(),
    };
    let told = [
        snapshot(1, ObservedState::Active { period: first, ends: false }),
        snapshot(2, ObservedState::PastDue { period: second }),
        snapshot(3, ObservedState::Active { period: second, ends: false }),
    ];
    let end = |order: &[usize]| {
        let driver =
            Driver::Gateway { gateway: GatewayName::Stripe, reference: reference(), version: 0 };
        let id = SubscriptionId::from_uuid(billing::testing::an_id(41));
        let subscriber = the_payer_account();
        let new = NewSubscription { id, subscriber, driver, card: None, trial: true };
        let (mut subscription, _) = Subscription::subscribe(&plan, new, NOW);
        for index in order {
            subscription.observe(&told[*index], NOW).unwrap();
        }
        subscription.state().clone()
    };

    let expected = SubscriptionState::Active { period: second, cancel_at_period_end: false };
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        assert_eq!(end(&order), expected, "{order:?}");
    }
    assert_eq!(end(&[2, 2, 0, 2]), expected);
}

#[test]
fn a_plan_of_another_right_is_another_subscription() {
    let mut subscription = an_active_subscription(NOW);
    let mut terms = a_plan(NOW, plan_details()).terms();
    terms.right = Right::Selling;
    terms.plan = PlanId::from_uuid(billing::testing::an_id(43));

    let refused = subscription.change_plan(terms, NOW);

    assert!(matches!(refused, Err(BillingError::PlanMismatch)));
}
