//! Payouts, their terms, and where they go.

use adapter_postgres::PgTx;
use billing::testing::{a_payout, an_id, the_provider_id};
use billing::{
    BillingReads, GatewayName, MinimumPayout, Payout, PayoutAccount, PayoutCandidate,
    PayoutRepository, PayoutRoute, PayoutTerms, Secret,
};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{AccountId, Currency, Failure, Limit, PayoutId, SystemIds, Text};

use super::ledger::{a_sale, posted};
use super::{World, commit, noon};

fn another(needs_approval: bool) -> Payout {
    Payout { id: PayoutId::next(&SystemIds), ..a_payout(noon(), needs_approval) }
}

fn name(text: &str) -> Text<1, 255> {
    Text::new(text).unwrap()
}

#[tokio::test]
async fn a_payout_comes_back_as_it_was_in_every_state() {
    type Step = fn(&mut Payout, DateTime<Utc>);
    let world = World::new(2).await;
    let steps: [(bool, Step); 8] = [
        (true, |_, _| {}),
        (true, |it, _| it.approve(AccountId::from_uuid(an_id(4))).unwrap()),
        (false, |_, _| {}),
        (false, |it, at| it.send(at).unwrap()),
        (false, |it, at| {
            it.send(at).unwrap();
            let pending = billing::PayoutOutcome::Pending { reference: name("po-1") };
            it.answered(Some(&pending), at).unwrap();
        }),
        (false, |it, at| {
            it.send(at).unwrap();
            it.confirm(name("po-2"), at).unwrap();
        }),
        (false, |it, at| {
            it.send(at).unwrap();
            it.fail("closed", at).unwrap();
        }),
        (false, |it, at| {
            it.cancel(at).unwrap();
        }),
    ];
    for (needs_approval, step) in steps {
        let mut payout = another(needs_approval);
        let mut tx = world.begin().await;
        tx.insert_payout(&payout).await.unwrap();
        let before = payout.version;
        step(&mut payout, noon() + TimeDelta::hours(1));
        if payout.version > before {
            tx.update_payout(&payout).await.unwrap();
            assert_eq!(tx.update_payout(&payout).await.unwrap_err().code(), "concurrent_change");
        }
        assert_eq!(tx.payout_for_update(payout.id).await.unwrap(), Some(payout.clone()));
        tx.commit().await.unwrap();
    }

    let page = world.store.payouts(Some(the_provider_id()), Limit::default(), None).await.unwrap();
    assert_eq!(page.items.len(), 8);
    let mut tx = world.begin().await;
    let known = tx.payout_of_reference(GatewayName::Sandbox, "po-2").await.unwrap();
    let paid = page.items.iter().find(|it| it.state.name() == "paid").unwrap();
    assert_eq!(known, Some(paid.id));
    assert_eq!(tx.payout_of_reference(GatewayName::Stripe, "po-2").await.unwrap(), None);
}

#[tokio::test]
async fn terms_are_set_replaced_and_taken_back() {
    let world = World::new(2).await;
    let provider = the_provider_id();
    let least = |amount| MinimumPayout { amount, currency: Currency::EUR };
    let strict = PayoutTerms {
        hold_days: 30,
        reserve_basis_points: 1_000,
        reserve_days: 90,
        minimum: vec![least(5_000)],
        approval_from: vec![least(100_000), MinimumPayout { amount: 1, currency: Currency::USD }],
        stopped: true,
    };
    let mut tx = world.begin().await;
    assert_eq!(tx.payout_terms(provider).await.unwrap(), None);

    for terms in [Some(strict), Some(PayoutTerms::default()), None] {
        tx.store_payout_terms(provider, terms.clone(), noon()).await.unwrap();
        assert_eq!(tx.payout_terms(provider).await.unwrap(), terms);
    }
}

#[tokio::test]
async fn where_money_goes_comes_back_and_is_not_readable() {
    let world = World::new(2).await;
    let provider = the_provider_id();
    let account = AccountId::from_uuid(an_id(3));
    let destination = "acct_1Nv0FGQ9RKHgCVdK";
    let by_gateway = PayoutAccount {
        account,
        route: PayoutRoute::Gateway(GatewayName::Stripe),
        destination: Some(Secret::new(destination.to_owned())),
    };
    let by_hand = PayoutAccount { account, route: PayoutRoute::Bank, destination: None };
    let mut tx: PgTx = world.store.open().await.unwrap();
    assert_eq!(tx.payout_account(provider).await.unwrap(), None);

    for to in [by_hand, by_gateway] {
        tx.store_payout_account(provider, &to, noon()).await.unwrap();
        assert_eq!(tx.payout_account(provider).await.unwrap(), Some(to));
    }
    commit(tx).await.unwrap();

    let row = "SELECT payout_accounts::text || encode(destination, 'escape') \
               FROM payout_accounts";
    let shown: String = world.client().await.query_one(row, &[]).await.unwrap().get(0);
    assert!(!shown.contains(destination), "{shown}");
}

#[tokio::test]
async fn a_run_looks_at_whom_something_is_owed_to() {
    let world = World::new(2).await;
    let payment = world.insert(super::made(0)).await.id();
    assert_eq!(world.store.payout_candidates(None).await.unwrap(), []);
    let mut tx = world.begin().await;
    let payout = another(false);
    tx.insert_payout(&payout).await.unwrap();
    for entry in a_sale(payment, 5_000, 0) {
        tx.post_journal(&posted(entry)).await.unwrap();
    }
    let sent = billing::ledger::payout_sent(payout.id, payout.provider, payout.amount);
    tx.post_journal(&posted(sent.unwrap().unwrap())).await.unwrap();
    tx.commit().await.unwrap();

    let candidates = world.store.payout_candidates(None).await.unwrap();
    let theirs = PayoutCandidate { provider: the_provider_id(), currency: Currency::EUR };
    assert_eq!(candidates, [theirs]);
    assert_eq!(world.store.payout_candidates(Some(theirs)).await.unwrap(), []);
}
