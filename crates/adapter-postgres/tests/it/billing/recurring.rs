//! Plans, subscriptions, rights and invoices.

use std::time::Duration;

use billing::testing::{
    a_card, a_plan, a_subscription, an_id, euros, one_subscription_in_each_state, plan_details,
    the_payer_account, the_provider_id, the_seller,
};
use billing::{
    BillingError, BillingReads, ChargeKind, Driver, Dunning, Entitlement, EntitlementSource,
    GatewayName, Interrupted, Interval, IntervalUnit, Invoice, InvoiceRepository, NewInvoice,
    PaidPart, PendingCharge, Period, Plan, PlanDetails, Purpose, Right, Seller, Subscription,
    SubscriptionQuery, SubscriptionRecord, SubscriptionRepository, SubscriptionState,
};
use chrono::TimeDelta;
use kernel::{
    Failure, InvoiceId, Limit, ListingId, PaymentId, PlanId, SubscriptionId, SystemIds, Text,
};
use tokio::task::JoinSet;

use super::{Dice, World, commit, made, noon};

async fn prepared(connections: usize) -> World {
    let world = World::new(connections).await;
    let mut tx = world.begin().await;
    tx.insert_plan(&a_plan(noon(), plan_details())).await.unwrap();
    tx.store_card(&a_card(noon())).await.unwrap();
    tx.commit().await.unwrap();
    world
}

#[tokio::test]
async fn plans_come_back_and_are_listed_by_price() {
    let world = World::new(2).await;
    let own = |n: u64, price, open| {
        let details = PlanDetails {
            price: euros(price),
            tier: 255,
            interval: Interval::new(IntervalUnit::Day, 1095).unwrap(),
            trial_days: 365,
            trial_needs_card: true,
            dunning: Dunning::new(vec![2, 4], 5, 6).unwrap(),
            ..plan_details()
        };
        Plan { id: PlanId::from_uuid(an_id(n)), open, ..a_plan(noon(), details) }
    };
    let platform = Plan { seller: Seller::Platform, right: Right::Selling, ..own(73, 500, true) };
    let plans = [own(70, 2_000, true), own(71, 1_000, true), own(72, 1_500, false), platform];

    for plan in &plans {
        let mut tx = world.begin().await;
        tx.insert_plan(plan).await.unwrap();
        assert_eq!(tx.plan(plan.id).await.unwrap(), Some(plan.clone()));
        let mut changed = tx.plan_for_update(plan.id).await.unwrap().unwrap();
        changed.change(plan.details.clone(), plan.open).unwrap();
        tx.update_plan(&changed).await.unwrap();
        assert_eq!(tx.update_plan(&changed).await.unwrap_err().code(), "concurrent_change");
        tx.commit().await.unwrap();
        assert_eq!(world.store.plan_by_id(plan.id).await.unwrap(), Some(changed));
    }

    let ids = |plans: Vec<Plan>| plans.iter().map(|plan| plan.id).collect::<Vec<_>>();
    let (store, [dear, cheap, closed, platform]) = (&world.store, plans.map(|plan| plan.id));
    assert_eq!(ids(store.plans(the_seller(), false).await.unwrap()), [cheap, dear]);
    assert_eq!(ids(store.plans(the_seller(), true).await.unwrap()), [cheap, closed, dear]);
    assert_eq!(ids(store.plans(Seller::Platform, false).await.unwrap()), [platform]);
}

/// Subscriptions that differ in everything a subscription can differ in.
fn one_of_each_kind() -> Vec<SubscriptionRecord> {
    let now = noon();
    let terms = a_plan(now, plan_details()).terms();
    let period = Period::numbered(now, Interval::YEARLY, 3);
    let active = SubscriptionState::Active { period, cancel_at_period_end: true };
    let until = now + TimeDelta::days(3);
    let canceled = SubscriptionState::Canceled { until, before: Interrupted::Trial { card: true } };
    let pending = |kind| Some(PendingCharge { payment: PaymentId::next(&SystemIds), kind });
    let mut records = one_subscription_in_each_state(now);
    records.extend([
        a_subscription(now, canceled),
        SubscriptionRecord {
            next_terms: Some(terms.clone()),
            pending: pending(ChargeKind::Upgrade(Box::new(terms.clone()))),
            paid: vec![
                PaidPart { payment: PaymentId::next(&SystemIds), before: None },
                PaidPart { payment: PaymentId::next(&SystemIds), before: Some(Box::new(terms)) },
            ],
            card: None,
            ..a_subscription(now, active.clone())
        },
        SubscriptionRecord {
            driver: Driver::Gateway {
                gateway: GatewayName::Stripe,
                reference: Text::new("sub_1").unwrap(),
                version: 1_700_000_000_000_000,
            },
            pending: pending(ChargeKind::Retry),
            ..a_subscription(now, active)
        },
    ]);
    records
}

#[tokio::test]
async fn a_subscription_comes_back_as_it_was_in_every_state() {
    let world = prepared(2).await;
    let right = Right::Provider(the_provider_id());

    for record in one_of_each_kind() {
        let id = SubscriptionId::next(&SystemIds);
        let subscription = Subscription::restore(SubscriptionRecord { id, ..record });
        let mut tx = world.begin().await;
        tx.insert_subscription(&subscription).await.unwrap();
        let mut found = tx.subscription_for_update(id).await.unwrap().unwrap();
        assert_eq!(found, subscription);
        assert!(tx.was_subscribed(the_payer_account(), right).await.unwrap());
        let selling = tx.was_subscribed(the_payer_account(), Right::Selling).await.unwrap();
        assert!(!selling);
        let kind = ChargeKind::First;
        found.await_charge(PaymentId::next(&SystemIds), kind);
        tx.update_subscription(&found).await.unwrap();
        let again = tx.subscription_for_update(id).await.unwrap().unwrap();
        assert_eq!(again.record(), found.record());
        assert_eq!(tx.update_subscription(&found).await.unwrap_err().code(), "concurrent_change");
        if let Driver::Gateway { gateway, reference, .. } = &record_driver(&found) {
            let known = tx.subscription_of_reference(*gateway, reference).await.unwrap();
            assert_eq!(known, Some(id));
        }
        let paying = tx.subscriptions_on_card(a_card(noon()).id).await.unwrap();
        let pays = found.record().card.is_some() && !found.state().is_final();
        assert_eq!(paying, if pays { vec![id] } else { vec![] });
        drop(tx);
    }
}

fn record_driver(subscription: &Subscription) -> Driver {
    subscription.record().driver.clone()
}

#[tokio::test]
async fn an_account_has_one_running_subscription_to_a_right() {
    let world = prepared(20).await;
    let active = one_subscription_in_each_state(noon()).remove(3);
    let mut tries = JoinSet::new();
    for _ in 0..20 {
        let (store, active) = (world.store.clone(), active.clone());
        tries.spawn(async move {
            let id = SubscriptionId::next(&SystemIds);
            let new = Subscription::restore(SubscriptionRecord { id, ..active });
            let mut tx = store.open().await.unwrap();
            tx.insert_subscription(&new).await?;
            Ok::<_, BillingError>(commit(tx).await?)
        });
    }
    let outcomes = tries.join_all().await;

    assert_eq!(outcomes.iter().filter(|it| it.is_ok()).count(), 1);
    let refused =
        |it: &&Result<(), BillingError>| matches!(it, Err(BillingError::AlreadySubscribed));
    assert_eq!(outcomes.iter().filter(refused).count(), 19);

    // The right to sell is of nothing in particular, and one all the same.
    let mut plan = a_plan(noon(), plan_details());
    (plan.id, plan.right) = (PlanId::from_uuid(an_id(42)), Right::Selling);
    let mut tx = world.begin().await;
    tx.insert_plan(&plan).await.unwrap();
    let selling = |_| {
        let (id, terms) = (SubscriptionId::next(&SystemIds), plan.terms());
        Subscription::restore(SubscriptionRecord { id, terms, ..active.clone() })
    };
    tx.insert_subscription(&selling(1)).await.unwrap();
    let error = tx.insert_subscription(&selling(2)).await.unwrap_err();
    assert!(matches!(error, BillingError::AlreadySubscribed), "{error}");
}

#[tokio::test]
async fn subscriptions_with_access_are_those_whose_access_is_not_over() {
    let world = prepared(2).await;
    let mut expected = Vec::new();
    for (n, record) in (0..).zip(one_subscription_in_each_state(noon())) {
        let (id, plan) = (SubscriptionId::next(&SystemIds), PlanId::from_uuid(an_id(500 + n)));
        let listing = Right::Listing(ListingId::from_uuid(an_id(600 + n)));
        let mut terms = record.terms.clone();
        (terms.plan, terms.right) = (plan, listing);
        let subscription = Subscription::restore(SubscriptionRecord { id, terms, ..record });
        let mut tx = world.begin().await;
        let plan = Plan { id: plan, right: listing, ..a_plan(noon(), plan_details()) };
        tx.insert_plan(&plan).await.unwrap();
        tx.insert_subscription(&subscription).await.unwrap();
        tx.commit().await.unwrap();
        if subscription.gives_access(noon() + TimeDelta::days(6)) {
            expected.push(id);
        }
    }
    let query = SubscriptionQuery {
        subscriber: the_payer_account(),
        with_access_at: Some(noon() + TimeDelta::days(6)),
        limit: Limit::default(),
        after: None,
    };
    let page = world.store.subscriptions(&query).await.unwrap();

    let mut found: Vec<_> = page.items.iter().map(Subscription::id).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(found.len(), 4, "trialing, active, past due, called off");
}

#[tokio::test]
async fn rights_come_from_several_sources_and_go_with_them() {
    let world = World::new(2).await;
    let account = the_payer_account();
    let right = Right::Listing(ListingId::from_uuid(an_id(61)));
    let subscription = EntitlementSource::Subscription(SubscriptionId::next(&SystemIds));
    let purchase = EntitlementSource::Purchase(PaymentId::next(&SystemIds));
    let until = Some(noon());
    let bought = Entitlement { source: purchase, account, right, tier: 1, until: None };
    let lent = Entitlement { source: subscription, account, right, tier: 2, until };
    let longer = Entitlement { until: Some(noon() + TimeDelta::days(30)), ..lent };
    let selling = Entitlement { right: Right::Selling, ..lent };

    let mut tx = world.begin().await;
    for entitlement in [bought, lent, longer] {
        tx.store_entitlement(&entitlement).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut found = world.store.entitlements(account, right).await.unwrap();
    found.sort_by_key(|it| it.tier);
    assert_eq!(found, [bought, longer]);

    let mut tx = world.begin().await;
    tx.remove_entitlement(purchase).await.unwrap();
    tx.store_entitlement(&selling).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.store.entitlements(account, right).await.unwrap(), []);
    assert_eq!(world.store.entitlements(account, Right::Selling).await.unwrap(), [selling]);
}

pub(super) fn an_invoice(payment: PaymentId, sequence: u32) -> NewInvoice {
    let party = |name: &str| billing::InvoiceParty {
        name: name.to_owned(),
        details: vec!["Street 1".to_owned()],
    };
    NewInvoice {
        id: InvoiceId::next(&SystemIds),
        sequence,
        seller: the_seller(),
        seller_party: party("Anna"),
        payer: the_payer_account(),
        payer_party: party("Ben"),
        payment,
        purpose: Purpose::Subscription(SubscriptionId::from_uuid(an_id(41))),
        description: "Gold".to_owned(),
        period: Some(Period::first(noon(), Interval::MONTHLY)),
        total: euros(1_190),
        tax_basis_points: 1_900,
    }
}

#[tokio::test]
async fn an_invoice_comes_back_names_both_sides_and_is_never_changed() {
    let world = World::new(2).await;
    let payment = world.insert(made(0)).await.id();
    let mut tx = world.begin().await;
    let (anna, payer) = tx.invoice_parties(the_seller(), the_payer_account()).await.unwrap();
    assert_eq!((anna.name.as_str(), payer.name.as_str()), ("Anna", "person 1"));
    assert_eq!(payer.details, ["person1@example.com"]);
    let (market, _) = tx.invoice_parties(Seller::Platform, the_payer_account()).await.unwrap();
    assert_eq!((market.name, market.details), ("The market".to_owned(), vec!["Berlin".to_owned()]));
    let invoice = Invoice::issue(an_invoice(payment, 1), noon());
    tx.insert_invoice(&invoice).await.unwrap();
    tx.commit().await.unwrap();

    assert_eq!(world.store.invoice(invoice.id).await.unwrap(), Some(invoice));
    let client = world.client().await;
    for attempt in
        ["UPDATE invoices SET total_minor = 1", "DELETE FROM invoices", "TRUNCATE invoices"]
    {
        client.batch_execute(attempt).await.unwrap_err();
    }
    let mut tx = world.begin().await;
    let twice = Invoice::issue(an_invoice(payment, 2), noon());
    tx.insert_invoice(&twice).await.unwrap_err();
}

#[tokio::test]
async fn numbers_of_invoices_have_no_gaps_whoever_comes_at_once_and_gives_up() {
    let world = World::new(20).await;
    let mut tries = JoinSet::new();
    for seed in 0..20 {
        let payments = [world.insert(made(0)).await.id(), world.insert(made(1)).await.id()];
        let store = world.store.clone();
        tries.spawn(async move {
            let mut dice = Dice::new(seed + 100);
            let mut kept = 0;
            for payment in payments {
                // Gives up now and then, before or after the invoice is stored.
                loop {
                    let mut tx = store.open().await.unwrap();
                    let key = the_seller().key();
                    let number = tx.next_invoice_number(&key, 2026).await.unwrap();
                    if dice.roll(3) == 0 {
                        continue;
                    }
                    tokio::time::sleep(Duration::from_millis(dice.roll(3))).await;
                    let invoice = Invoice::issue(an_invoice(payment, number), noon());
                    tx.insert_invoice(&invoice).await.unwrap();
                    if dice.roll(3) == 0 {
                        continue;
                    }
                    commit(tx).await.unwrap();
                    kept += 1;
                    break;
                }
            }
            kept
        });
    }
    let kept: i64 = tries.join_all().await.into_iter().sum();

    assert_eq!(kept, 40);
    let numbers = world.client().await;
    let numbers =
        numbers.query("SELECT sequence FROM invoices ORDER BY sequence", &[]).await.unwrap();
    let numbers: Vec<i32> = numbers.iter().map(|row| row.get(0)).collect();
    assert_eq!(numbers, (1..=40).collect::<Vec<_>>());
    let mut tx = world.begin().await;
    assert_eq!(tx.next_invoice_number(&the_seller().key(), 2026).await.unwrap(), 41);
    assert_eq!(tx.next_invoice_number(&the_seller().key(), 2027).await.unwrap(), 1);
    assert_eq!(tx.next_invoice_number("platform", 2026).await.unwrap(), 1);
}
