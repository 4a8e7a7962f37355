//! The ledger: nothing off, nothing changed, nothing twice, whoever comes at the same time.

use billing::ledger::{clawback, gateway_settlement, reserve_hold, reserve_release};
use billing::testing::{a_captured_payment, euros, the_provider_id, the_seller};
use billing::{
    Account, AccountBalance, BillingReads, Entry, GatewayName, Journal, JournalQuery, LedgerFact,
    LedgerRepository, Posted, SaleAccounts, SaleSums, SaleTerms, SettlementKind, recount,
};
use chrono::TimeDelta;
use kernel::{Currency, Limit, Money, PaymentId, ProviderId, SystemIds};
use tokio::task::JoinSet;

use super::{Dice, World, an_uuid, commit, fresh, noon};

/// The entries of a sale of `captured` of which `refunded` went back.
pub(super) fn a_sale(payment: PaymentId, captured: i64, refunded: i64) -> Vec<Entry> {
    accounts(payment)
        .entries(SaleSums::default(), SaleSums { captured, refunded, ..SaleSums::default() })
        .unwrap()
}

fn accounts(payment: PaymentId) -> SaleAccounts {
    SaleAccounts {
        payment,
        gateway: GatewayName::Sandbox,
        seller: the_seller(),
        terms: SaleTerms::Commission { basis_points: 1000, fixed: 0, vat_basis_points: 2000 },
        currency: Currency::EUR,
        released: false,
    }
}

pub(super) fn posted(entry: Entry) -> Journal {
    Journal::post(entry, noon(), &SystemIds)
}

/// A payment to hang journals on.
async fn a_payment(world: &World) -> PaymentId {
    world.insert(fresh(a_captured_payment(noon()))).await.id()
}

/// All balances that are stored, by what they are called.
async fn balances(world: &World) -> Vec<AccountBalance> {
    let sql = "SELECT account_kind, owner, currency, balance_minor FROM ledger_balances";
    let rows = world.client().await.query(sql, &[]).await.unwrap();
    let balance = |row: &tokio_postgres::Row| AccountBalance {
        account: Account::parse(row.get(0), row.get(1)).unwrap(),
        balance: Money::new(row.get(3), row.get::<_, &str>(2).parse().unwrap()),
    };
    rows.iter().map(balance).collect()
}

async fn all_journals(world: &World) -> Vec<Journal> {
    let mut journals = Vec::new();
    let mut query = JournalQuery { limit: Limit::new(50).unwrap(), ..JournalQuery::default() };
    loop {
        let page = world.store.journals(&query).await.unwrap();
        journals.extend(page.items);
        let Some(next) = page.next else { return journals };
        query.after = Some(next);
    }
}

#[tokio::test]
async fn a_journal_comes_back_with_its_lines_and_moves_balances() {
    let world = World::new(4).await;
    let payment = a_payment(&world).await;
    let journals: Vec<Journal> = a_sale(payment, 10_000, 3_000).into_iter().map(posted).collect();

    let mut tx = world.begin().await;
    for journal in &journals {
        assert_eq!(tx.post_journal(journal).await.unwrap(), Posted::New);
        assert_eq!(tx.post_journal(journal).await.unwrap(), Posted::Before);
    }
    // What this transaction posted counts for it at once.
    let pending = Account::ProviderPending(the_provider_id());
    let owed = tx.balance_for_update(pending, Currency::EUR).await.unwrap();
    assert_eq!(owed, euros(-6_160));
    let more = posted(reserve_hold(payment, the_provider_id(), euros(100)).unwrap().unwrap());
    tx.post_journal(&more).await.unwrap();
    tx.commit().await.unwrap();

    let mut found = all_journals(&world).await;
    found.sort_by_key(Journal::id);
    let mut expected = journals;
    expected.push(more);
    expected.sort_by_key(Journal::id);
    assert_eq!(found, expected);
    assert_eq!(recount(&found, &balances(&world).await), []);
    let shown = world.store.provider_balances(the_provider_id()).await.unwrap();
    let shown: Vec<_> =
        shown.balances.iter().map(|it| (it.account.kind().name(), it.balance.minor())).collect();
    assert_eq!(
        shown,
        [("provider_payable", 100), ("provider_pending", -6_160), ("provider_reserve", -100)]
    );
    let line = world.store.statement(the_provider_id(), Limit::default(), None).await.unwrap();
    assert_eq!(line.items.len(), 4);
    assert!(line.items.iter().any(|it| it.fact == LedgerFact::Refund
        && it.payment == Some(payment)
        && it.posting.amount == euros(2_640)));
}

#[tokio::test]
async fn the_database_refuses_a_journal_that_is_off() {
    let world = World::new(2).await;
    let client = world.client().await;
    let line = |journal: &uuid::Uuid, number: i16, minor: i64, currency: &str| {
        format!(
            "INSERT INTO ledger_postings (id, journal_id, number, account_kind, owner, \
                 amount_minor, currency, at) \
             VALUES ('{}', '{journal}', {number}, 'tax', 'platform', {minor}, '{currency}', \
                 '2026-03-02T12:00:00Z'); ",
            an_uuid()
        )
    };
    for lines in [
        &[(100, "EUR")][..],
        &[(100, "EUR"), (-99, "EUR")],
        &[(100, "EUR"), (-100, "USD")],
        &[(100, "EUR"), (-100, "EUR"), (5, "USD")],
    ] {
        let journal = an_uuid();
        let mut sql = format!(
            "BEGIN; INSERT INTO ledger_journals (id, fact, reference, at) \
             VALUES ('{journal}', 'capture', '{journal}', '2026-03-02T12:00:00Z'); "
        );
        for (number, (minor, currency)) in (1..).zip(lines) {
            sql.push_str(&line(&journal, number, *minor, currency));
        }
        client.batch_execute(&sql).await.unwrap();
        let error = client.batch_execute("COMMIT").await.unwrap_err();
        let error = error.as_db_error().unwrap();
        assert_eq!(error.constraint(), Some("ledger_journals_balanced"), "{lines:?}");
    }
    assert_eq!(world.number("SELECT count(*) FROM ledger_journals").await, 0);
    assert_eq!(world.number("SELECT count(*) FROM ledger_balances").await, 0);
}

#[tokio::test]
async fn what_is_posted_is_never_changed_by_anybody() {
    let world = World::new(2).await;
    let payment = a_payment(&world).await;
    let mut tx = world.begin().await;
    for entry in a_sale(payment, 10_000, 0) {
        tx.post_journal(&posted(entry)).await.unwrap();
    }
    tx.commit().await.unwrap();
    let client = world.client().await;
    let before = balances(&world).await;

    for attempt in [
        "UPDATE ledger_postings SET amount_minor = amount_minor * 2",
        "DELETE FROM ledger_postings",
        "TRUNCATE ledger_postings",
        "UPDATE ledger_journals SET reference = 'x'",
        "DELETE FROM ledger_journals",
        "TRUNCATE ledger_journals, ledger_postings",
        "UPDATE ledger_balances SET balance_minor = 0",
        "INSERT INTO ledger_balances VALUES ('platform', 'tax', 'USD', NULL, 5)",
        "DELETE FROM ledger_balances",
        "TRUNCATE ledger_balances",
    ] {
        let error = client.batch_execute(attempt).await.unwrap_err();
        assert!(
            error.as_db_error().unwrap().message().starts_with("rows of"),
            "{attempt}: {error}"
        );
    }
    // Not even by two lines more that add up.
    let line = |number: i16, minor: i64| {
        format!(
            "INSERT INTO ledger_postings SELECT '{}', id, {number}, 'tax', 'platform', NULL, \
             {minor}, 'EUR', at FROM ledger_journals; ",
            an_uuid()
        )
    };
    let later = format!("BEGIN; {}{}COMMIT", line(10, 7), line(11, -7));
    let error = client.batch_execute(&later).await.unwrap_err();
    assert_eq!(error.as_db_error().unwrap().constraint(), Some("ledger_journals_closed"));
    assert_eq!(balances(&world).await, before);
}

#[tokio::test]
async fn of_twenty_who_post_the_same_fact_at_once_one_does() {
    let world = World::new(20).await;
    let payment = a_payment(&world).await;
    let mut tries = JoinSet::new();
    for _ in 0..20 {
        let store = world.store.clone();
        tries.spawn(async move {
            let mut tx = store.open().await.unwrap();
            let entry = a_sale(payment, 10_000, 0).remove(0);
            let answer = tx.post_journal(&posted(entry)).await.unwrap();
            commit(tx).await.unwrap();
            answer
        });
    }
    let answers = tries.join_all().await;

    assert_eq!(answers.iter().filter(|answer| **answer == Posted::New).count(), 1);
    let revenue =
        "SELECT -balance_minor FROM ledger_balances WHERE account_kind = 'platform_revenue'";
    assert_eq!(world.number(revenue).await, 1_000);
}

/// The entries of one random transaction: one to three facts, in a random order of accounts.
fn some_entries(payment: PaymentId, dice: &mut Dice) -> Vec<Entry> {
    let provider = the_provider_id();
    let mut entries = Vec::new();
    for _ in 0..=dice.roll(3) {
        let amount = euros(i64::try_from(dice.roll(5_000)).unwrap() + 1);
        let own = PaymentId::next(&SystemIds);
        let gateway = if dice.roll(2) == 0 { GatewayName::Sandbox } else { GatewayName::Stripe };
        let sale = SaleAccounts { gateway, released: dice.roll(2) == 0, ..accounts(payment) };
        let entry = match dice.roll(5) {
            0 => clawback(provider, amount, &own.to_string()).unwrap(),
            1 => gateway_settlement(gateway, &own.to_string(), amount, euros(1)).unwrap(),
            2 => reserve_hold(payment, ProviderId::from_uuid(an_uuid()), amount).unwrap(),
            3 => reserve_release(payment, provider, amount).unwrap(),
            _ => {
                let captured = amount.minor();
                let refunded = captured / 3;
                let charged_back = captured / 2;
                let sums = SaleSums { captured, refunded, charged_back, reinstated: 0 };
                entries.extend(sale.entries(SaleSums::default(), sums).unwrap());
                None
            }
        };
        entries.extend(entry);
    }
    entries
}

#[tokio::test]
async fn after_random_journals_at_once_each_balance_is_the_sum_of_its_lines() {
    let world = World::new(20).await;
    let mut tries = JoinSet::new();
    for seed in 0..20 {
        let payments = [a_payment(&world).await, a_payment(&world).await, a_payment(&world).await];
        let store = world.store.clone();
        tries.spawn(async move {
            let mut dice = Dice::new(seed + 1);
            let mut new = 0;
            for _ in 0..25 {
                let payment = payments[usize::try_from(dice.roll(3)).unwrap()];
                let mut tx = store.open().await.unwrap();
                let mut answers = Vec::new();
                for entry in some_entries(payment, &mut dice) {
                    answers.push(tx.post_journal(&posted(entry)).await.unwrap());
                }
                if dice.roll(5) == 0 {
                    drop(tx);
                    continue;
                }
                // Never a deadlock: everybody locks in one order.
                commit(tx).await.unwrap();
                new += answers.iter().filter(|answer| **answer == Posted::New).count();
            }
            new
        });
    }
    let new: usize = tries.join_all().await.into_iter().sum();

    let journals = all_journals(&world).await;
    assert_eq!(journals.len(), new);
    assert!(new > 300, "only {new} journals were posted");
    assert_eq!(recount(&journals, &balances(&world).await), []);
    assert_eq!(world.number("SELECT sum(balance_minor)::bigint FROM ledger_balances").await, 0);
}

#[tokio::test]
async fn whoever_looks_at_a_balance_to_move_it_waits_for_the_one_before() {
    let world = World::new(20).await;
    let payment = a_payment(&world).await;
    let (provider, other) = (the_provider_id(), PaymentId::next(&SystemIds));
    let mut tx = world.begin().await;
    tx.post_journal(&posted(a_sale(payment, 10_000, 0).remove(0))).await.unwrap();
    let release = accounts(payment)
        .release(SaleSums { captured: 10_000, ..SaleSums::default() })
        .unwrap()
        .unwrap();
    tx.post_journal(&posted(release)).await.unwrap();
    let kept = reserve_hold(payment, provider, euros(1_000)).unwrap().unwrap();
    tx.post_journal(&posted(kept)).await.unwrap();
    tx.commit().await.unwrap();

    let mut tries = JoinSet::new();
    for n in 0..20 {
        let store = world.store.clone();
        tries.spawn(async move {
            let mut tx = store.open().await.unwrap();
            // Half of them look at the reserve first: nobody waits in a circle.
            let mut wanted =
                [Account::ProviderPayable(provider), Account::ProviderReserve(provider)];
            wanted.rotate_left(n % 2);
            let mut owed = 0;
            for account in wanted {
                let balance = tx.balance_for_update(account, Currency::EUR).await.unwrap();
                if account == Account::ProviderPayable(provider) {
                    owed = -balance.minor();
                }
            }
            if owed > 0 {
                let reference = format!("{other} {n}");
                let taken = clawback(provider, euros(owed), &reference).unwrap().unwrap();
                let taken = Journal::post(taken, noon() + TimeDelta::seconds(1), &SystemIds);
                tx.post_journal(&taken).await.unwrap();
            }
            commit(tx).await.unwrap();
            owed
        });
    }
    let owed = tries.join_all().await;

    // Each found what the one before left, twice what it had found.
    let mut distinct = owed.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 20, "{owed:?}");
}

#[tokio::test]
async fn a_gateways_lines_are_what_it_took_and_gave_within_a_time() {
    let world = World::new(4).await;
    let payment = world.insert(fresh(a_captured_payment(noon()))).await;
    let mut tx = world.begin().await;
    for entry in a_sale(payment.id(), 10_000, 3_000) {
        tx.post_journal(&posted(entry)).await.unwrap();
    }
    tx.commit().await.unwrap();
    let (from, to) = (noon(), noon() + TimeDelta::hours(1));

    let lines = world.store.settlement_lines(GatewayName::Sandbox, from, to).await.unwrap();
    let mut shown: Vec<_> = lines.iter().map(|it| (it.kind, it.amount)).collect();
    shown.sort_by_key(|(kind, _)| *kind);
    assert_eq!(
        shown,
        [(SettlementKind::Capture, euros(10_000)), (SettlementKind::Refund, euros(3_000))]
    );
    let transaction = payment.record().transaction.as_ref().unwrap();
    assert!(lines.iter().all(|line| line.transaction == transaction.as_str()));
    let others = world.store.settlement_lines(GatewayName::Stripe, from, to).await.unwrap();
    assert_eq!(others, []);
    let before = from - TimeDelta::hours(1);
    let earlier = world.store.settlement_lines(GatewayName::Sandbox, before, from).await.unwrap();
    assert_eq!(earlier, []);
}
