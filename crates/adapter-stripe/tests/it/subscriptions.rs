use billing::{Gateway, ObservedState, OperationKey};
use kernel::{Money, PaymentId, SystemIds};

use crate::bench::bench;

#[tokio::test]
async fn a_subscription_is_seen_with_its_period_and_its_charges() {
    let bench = bench().await;
    let id = bench.fake.subscribe("pm_card_visa", 900, "month", 0);

    let seen = bench.gateway.subscription(&id).await.unwrap().unwrap();
    let ObservedState::Active { period, ends: false } = seen.state else { panic!("{seen:?}") };
    assert!((28..=31).contains(&(period.end - period.start).num_days()));
    assert_eq!(seen.charges.len(), 1);
    bench.fake.renew(&id);
    let renewed = bench.gateway.subscription(&id).await.unwrap().unwrap();

    assert_eq!(renewed.charges.len(), 2);
    assert_eq!(renewed.charges[0].amount, Money::new(900, kernel::Currency::EUR));
    assert_eq!(renewed.charges[1], seen.charges[0]);
    let ObservedState::Active { period: next, .. } = renewed.state else { panic!("{renewed:?}") };
    assert_eq!(next.start, period.end);
    assert!(renewed.version >= seen.version && seen.version > 1_700_000_000_000_000);
    assert_eq!(bench.gateway.subscription("sub_unknown").await.unwrap(), None);
}

#[tokio::test]
async fn trials_failures_and_ends_are_told_apart() {
    let bench = bench().await;
    let state = |id: String| {
        let bench = &bench;
        async move { bench.gateway.subscription(&id).await.unwrap().unwrap().state }
    };
    let trial = bench.fake.subscribe("pm_card_chargeCustomerFail", 900, "year", 14);
    assert!(matches!(state(trial.clone()).await, ObservedState::Trialing { .. }));
    bench.fake.renew(&trial);
    assert!(matches!(state(trial.clone()).await, ObservedState::PastDue { .. }));
    bench.fake.give_up_renewal(&trial);
    assert!(matches!(state(trial).await, ObservedState::Canceled { .. }));
    let first = bench.fake.subscribe("pm_card_chargeCustomerFail", 900, "month", 0);
    assert!(matches!(state(first).await, ObservedState::Incomplete));
}

#[tokio::test]
async fn it_ends_with_its_period_or_at_once_and_twice_is_once() {
    let bench = bench().await;
    let id = bench.fake.subscribe("pm_card_visa", 900, "month", 0);
    let key = |operation| OperationKey::of_payment(PaymentId::next(&SystemIds), 1, operation);

    let ends = bench.gateway.end_subscription(&id, false, &key("end")).await.unwrap();
    assert!(matches!(ends.state, ObservedState::Active { ends: true, .. }), "{ends:?}");
    for _ in 0..2 {
        let over = bench.gateway.end_subscription(&id, true, &key("end")).await.unwrap();
        assert!(matches!(over.state, ObservedState::Canceled { .. }), "{over:?}");
    }
    let strange = bench.gateway.end_subscription("../customers/cus_1", true, &key("end")).await;
    assert!(strange.is_err_and(|error| error.nothing_done()));
}
