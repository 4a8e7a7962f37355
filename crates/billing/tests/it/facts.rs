//! What a gateway says may come late, five times and in any order.

use std::collections::BTreeMap;

use billing::testing::{a_fact, a_payment, a_transaction, an_id, euros, payment};
use billing::{
    Change, Concern, Decline, Entry, FactState, Holding, Payment, PaymentFact, RefundId, SaleSums,
    Stage, Status, TransactionId,
};
use chrono::TimeDelta;
use kernel::{Currency, Money};
use proptest::prelude::*;

use crate::world::NOW;

/// Reserved, taken, a part given back, taken back by the bank, and a part of that back again.
fn history() -> Vec<PaymentFact> {
    let id = a_payment(NOW).id;
    let at = |minutes| NOW + TimeDelta::minutes(minutes);
    let reserved = FactState::Authorized { until: Some(at(7 * 24 * 60)) };
    vec![
        PaymentFact::without_money(a_transaction("t1"), id, reserved, euros(0), at(1)),
        a_fact(0, at(2)),
        a_fact(3_333, at(3)),
        PaymentFact { charged_back: euros(5_000), ..a_fact(3_333, at(4)) },
        PaymentFact {
            charged_back: euros(5_000),
            reinstated: euros(1_234),
            ..a_fact(3_333, at(5))
        },
    ]
}

/// All that has to be equal at the end: everything but how often something changed.
type End = (Stage, SaleSums, Option<TransactionId>, Holding, Vec<Concern>, BTreeMap<String, i64>);

fn end_of(facts: &[&PaymentFact]) -> End {
    let mut payment = payment(a_payment(NOW));
    let mut books: BTreeMap<String, i64> = BTreeMap::new();
    let mut references = Vec::new();
    for fact in facts {
        let Change { entries, .. } = payment.apply(fact).unwrap();
        for entry in &entries {
            add(&mut books, entry);
            references.push(entry.reference().to_owned());
        }
    }
    let count = references.len();
    references.sort();
    references.dedup();
    assert_eq!(references.len(), count, "a fact is posted once");
    books.retain(|_, sum| *sum != 0);
    let record = payment.record();
    let concerns = record.concerns.iter().copied().collect();
    let (stage, transaction) = (record.stage.clone(), record.transaction.clone());
    (stage, record.sums, transaction, record.holding, concerns, books)
}

fn add(books: &mut BTreeMap<String, i64>, entry: &Entry) {
    for posting in entry.postings() {
        *books.entry(posting.account.to_string()).or_default() += posting.amount.minor();
    }
}

fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let shorter = permutations(count - 1);
    let mut all = Vec::new();
    for order in shorter {
        for place in 0..count {
            let mut longer = order.clone();
            longer.insert(place, count - 1);
            all.push(longer);
        }
    }
    all
}

#[test]
fn five_facts_lead_to_one_end_in_all_their_orders_and_five_times_each() {
    let facts = history();
    let expected = end_of(&facts.iter().collect::<Vec<_>>());
    let orders = permutations(facts.len());
    assert_eq!(orders.len(), 120);

    for order in orders {
        let once: Vec<_> = order.iter().map(|index| &facts[*index]).collect();
        assert_eq!(end_of(&once), expected, "{order:?}");

        let five_times: Vec<_> = once.iter().flat_map(|fact| [*fact; 5]).collect();
        assert_eq!(end_of(&five_times), expected, "{order:?}, five times each");

        let rounds: Vec<_> = (0..5).flat_map(|_| once.iter().copied()).collect();
        assert_eq!(end_of(&rounds), expected, "{order:?}, five rounds");
    }
}

fn any_fact() -> impl Strategy<Value = PaymentFact> {
    let state = prop_oneof![
        Just(FactState::RequiresAction),
        Just(FactState::Processing),
        Just(FactState::Failed(Decline::soft("insufficient_funds"))),
        Just(FactState::Failed(Decline::hard("stolen_card"))),
        (0i64..100).prop_map(|d| FactState::Authorized { until: Some(NOW + TimeDelta::days(d)) }),
        Just(FactState::Voided),
        Just(FactState::Captured),
    ];
    let sums = (1i64..=12_000, 0i64..12_000, 0i64..12_000, 0i64..12_000);
    let tail = (0i64..1_000, 1u8..4, prop::bool::weighted(0.9));
    (state, sums, tail).prop_map(|(state, (captured, refunded, back, again), tail)| {
        let (minutes, transaction, euro) = tail;
        let taken = i64::from(matches!(state, FactState::Captured));
        let currency = if euro { Currency::EUR } else { Currency::USD };
        let money = |minor| Money::new(minor * taken, currency);
        PaymentFact {
            transaction: a_transaction(&format!("t{transaction}")),
            payment: a_payment(NOW).id,
            state,
            captured: money(captured),
            refunded: money(refunded % (captured + 1)),
            charged_back: money(back % (captured + 1)),
            reinstated: money(again % (back % (captured + 1) + 1)),
            at: NOW + TimeDelta::minutes(minutes),
        }
    })
}

proptest! {
    #[test]
    fn any_facts_lead_to_one_end_in_any_order(
        facts in prop::collection::vec(any_fact(), 1..6),
        shuffle in any::<prop::sample::Index>(),
    ) {
        let expected = end_of(&facts.iter().collect::<Vec<_>>());
        let orders = permutations(facts.len());
        let order = &orders[shuffle.index(orders.len())];

        let shuffled: Vec<_> = order.iter().map(|index| &facts[*index]).collect();

        prop_assert_eq!(end_of(&shuffled), expected);
    }
}

#[test]
fn a_fact_that_cannot_be_true_only_worries() {
    let mut payment = payment(a_payment(NOW));
    let dollars = Money::new(10_000, Currency::USD);
    let zero = Money::zero(Currency::USD);
    let strange = PaymentFact {
        captured: dollars,
        refunded: zero,
        charged_back: zero,
        reinstated: zero,
        ..a_fact(0, NOW)
    };
    let too_much = PaymentFact { captured: euros(10_001), ..a_fact(0, NOW) };
    let of_another = PaymentFact {
        payment: kernel::PaymentId::from_uuid(billing::testing::an_id(99)),
        ..a_fact(0, NOW)
    };

    for fact in [strange, too_much, of_another] {
        assert!(payment.apply(&fact).unwrap().entries.is_empty());
        assert_eq!(payment.status(), Status::Created);
    }
    let concerns: Vec<_> = payment.concerns().iter().copied().collect();
    assert_eq!(concerns, [Concern::Amount, Concern::Currency]);
}

#[test]
fn money_that_was_taken_wins_over_a_refusal_that_came_first() {
    let mut payment: Payment = payment(a_payment(NOW));
    payment.fail(Decline::soft("not_executed"), NOW).unwrap();

    let change = payment.apply(&a_fact(0, NOW)).unwrap();

    assert_eq!(payment.status(), Status::Captured);
    assert_eq!(change.entries.len(), 1);
}

#[test]
fn a_charge_whose_answer_was_lost_waits_for_its_payer_once_the_gateway_says_so() {
    let mut payment: Payment = payment(a_payment(NOW));
    payment.lose_answer(NOW).unwrap();
    assert_eq!(payment.status(), Status::Processing);
    let asks = PaymentFact { state: FactState::RequiresAction, ..nothing_yet() };
    payment.apply(&asks).unwrap();
    assert_eq!(payment.status(), Status::RequiresAction);
    // What the gateway itself calls on its way is no guess, and stays.
    let moving = PaymentFact { state: FactState::Processing, ..nothing_yet() };
    payment.apply(&moving).unwrap();
    payment.apply(&asks).unwrap();
    assert_eq!(payment.status(), Status::Processing);
}

/// A fact about the payment before any money moved.
fn nothing_yet() -> PaymentFact {
    let transaction = a_transaction("t1");
    let id = a_payment(NOW).id;
    PaymentFact::without_money(transaction, id, FactState::Processing, euros(0), NOW)
}

#[test]
fn what_was_to_be_let_go_is_announced_to_nobody_when_it_is_reserved_all_the_same() {
    let mut payment: Payment = payment(a_payment(NOW));
    let asks = PaymentFact { state: FactState::RequiresAction, ..nothing_yet() };
    payment.apply(&asks).unwrap();
    payment.void(RefundId::from_uuid(an_id(9))).unwrap();
    let reserved = PaymentFact { state: FactState::Authorized { until: None }, ..nothing_yet() };
    let change = payment.apply(&reserved).unwrap();
    assert_eq!(payment.status(), Status::Authorized);
    assert_eq!(change.events, [], "the payment that took its place is the one that counts");
}
