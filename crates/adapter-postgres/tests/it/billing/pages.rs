//! Pages are whole, and nothing that is listed reads a whole table, among twenty thousand.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::time::Duration;

use adapter_postgres::{PgStore, PgTx};
use billing::testing::a_card;
use billing::{
    Account, BillingReads, CardRepository, EntitlementRepository, EntitlementSource, GatewayName,
    InvoiceQuery, InvoiceRepository, JournalQuery, LedgerRepository, PaymentQuery,
    PaymentRepository, PayoutRepository, PlanRepository, Position, Purpose, Right, SavedCard,
    Seller, SubscriptionQuery, SubscriptionRepository, WebhookId, WebhookQuery, WebhookRepository,
};
use chrono::{DateTime, Utc};
use kernel::{
    AccountId, BookingId, Currency, InvoiceId, Limit, Page, PaymentId, PayoutId, PlanId,
    ProviderId, StorageError, SubscriptionId,
};
use tokio_postgres::Client;
use uuid::Uuid;

use super::World;

const FILL: &str = include_str!("fill.sql");

async fn filled() -> World {
    let world = World::new(2).await;
    let client = world.client().await;
    client.batch_execute(&format!("BEGIN; {FILL}; COMMIT")).await.unwrap();
    client.batch_execute("VACUUM ANALYZE").await.unwrap();
    world
}

/// What the generated rows are called.
async fn named(client: &Client, name: &str) -> Uuid {
    let sql = format!("SELECT md5('{name}')");
    let text: String = client.query_one(&sql, &[]).await.unwrap().get(0);
    Uuid::parse_str(&text).unwrap()
}

fn few() -> Limit {
    Limit::new(3).unwrap()
}

/// All pages of a list, one after another.
async fn all<T>(
    mut page: impl AsyncFnMut(Option<Position>) -> Result<Page<T, Position>, StorageError>,
) -> Vec<T> {
    let (mut items, mut after) = (Vec::new(), None);
    loop {
        let page = page(after).await.unwrap();
        assert!(page.items.len() <= 3);
        items.extend(page.items);
        let Some(next) = page.next else { return items };
        after = Some(next);
    }
}

/// Whether these are so many, none of them twice, the newest first.
fn whole<T, K: Eq + Hash + Ord>(
    what: &str,
    items: &[T],
    count: usize,
    key: impl Fn(&T) -> (DateTime<Utc>, K),
) {
    let keys: Vec<_> = items.iter().map(&key).collect();
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), count, "{what}");
    assert_eq!(keys.len(), count, "{what}");
    assert!(keys.windows(2).all(|pair| pair[0].0 >= pair[1].0), "{what}");
}

#[tokio::test]
async fn pages_are_whole_although_many_were_made_at_the_same_moment() {
    let world = filled().await;
    let client = world.client().await;
    // Puts all that is listed below into few moments.
    let payer = AccountId::from_uuid(named(&client, "account 7").await);
    let provider = ProviderId::from_uuid(named(&client, "provider 7").await);
    let same = "UPDATE payments SET created_at = date_trunc('month', created_at); \
                UPDATE payouts SET created_at = date_trunc('month', created_at); \
                UPDATE subscriptions SET created_at = date_trunc('month', created_at); \
                UPDATE gateway_messages SET received_at = date_trunc('month', received_at)";
    client.batch_execute(same).await.unwrap();
    let store = &world.store;
    let limit = few();

    let payments = all(async |after| {
        let query = PaymentQuery { payer: Some(payer), limit, after, ..PaymentQuery::default() };
        store.payments(&query).await
    });
    whole("payments", &payments.await, 10, |it| (it.record().created_at, it.id()));
    let parked = all(async |after| {
        let query = PaymentQuery { parked: true, limit, after, ..PaymentQuery::default() };
        store.payments(&query).await
    });
    whole("parked payments", &parked.await, 40, |it| (it.record().created_at, it.id()));
    let payouts = all(async |after| store.payouts(Some(provider), limit, after).await);
    whole("payouts", &payouts.await, 40, |it| (it.created_at, it.id));
    let subscriptions = all(async |after| {
        let query = SubscriptionQuery { subscriber: payer, with_access_at: None, limit, after };
        store.subscriptions(&query).await
    });
    whole("subscriptions", &subscriptions.await, 10, |it| (it.record().created_at, it.id()));
    let messages = all(async |after| {
        let states = vec!["parked".to_owned(), "failed".to_owned()];
        store.webhooks(&WebhookQuery { gateway: None, states, limit, after }).await
    });
    whole("messages", &messages.await, 100, |it| (it.received_at, it.id));
    let invoices = all(async |after| {
        let query = InvoiceQuery { payer: None, seller: Some(provider), limit, after };
        store.invoices(&query).await
    });
    whole("invoices", &invoices.await, 40, |it| (it.issued_at, it.id));
    let journals = all(async |after| {
        let provider = Some(provider);
        store.journals(&JournalQuery { payment: None, provider, limit, after }).await
    });
    whole("journals", &journals.await, 40, |it| (it.at(), it.id()));
    // Each journal has two lines on the statement, and a page ends between them as well.
    let lines = all(async |after| store.statement(provider, limit, after).await);
    whole("lines", &lines.await, 80, |it| (it.at, (it.journal, it.posting.amount.minor())));
    let balances = store.provider_balances(provider).await.unwrap().balances;
    let shown: Vec<_> =
        balances.iter().map(|it| (it.account.kind().name(), it.balance.minor())).collect();
    assert_eq!(shown, [("provider_payable", -4_000), ("provider_pending", 4_000)]);

    let first = store.payout_candidates(None).await.unwrap();
    assert_eq!(first.len(), 500);
    let rest = store.payout_candidates(Some(first[99])).await.unwrap();
    assert_eq!(rest, first[100..]);
}

/// How often each table of billing was read as a whole, by everybody who has left.
async fn whole_reads(world: &World, client: &Client) -> BTreeMap<String, i64> {
    let name = world.database.name();
    let others = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' \
         AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    );
    for _ in 0..200 {
        let left: i64 = client.query_one(&others, &[]).await.unwrap().get(0);
        if left == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    client.batch_execute("SELECT pg_stat_force_next_flush(); SELECT 1").await.unwrap();
    let sql = "SELECT relname::text, seq_scan FROM pg_stat_user_tables WHERE relname IN (\
               'saved_cards', 'payments', 'refunds', 'gateway_messages', 'payouts', \
               'ledger_journals', 'ledger_postings', 'ledger_balances', 'plans', \
               'subscriptions', 'entitlements', 'invoices')";
    let rows = client.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Everything that reads, as people and jobs ask it.
async fn ask_everything(store: &PgStore, client: &Client) {
    let limit = few();
    let payer = AccountId::from_uuid(named(client, "account 7").await);
    let provider = ProviderId::from_uuid(named(client, "provider 7").await);
    let owner = AccountId::from_uuid(named(client, "account 7").await);
    let payment = PaymentId::from_uuid(named(client, "payment 6").await);
    let booking = Purpose::Booking(BookingId::from_uuid(named(client, "booking 6").await));
    let right = Right::Provider(ProviderId::from_uuid(named(client, "right 6").await));
    let plan = PlanId::from_uuid(named(client, "plan 6").await);
    let subscription = SubscriptionId::from_uuid(named(client, "subscription 6").await);
    let payout = PayoutId::from_uuid(named(client, "payout 6").await);
    let message = WebhookId::from_uuid(named(client, "message 6").await);
    let invoice = InvoiceId::from_uuid(named(client, "invoice 6").await);
    let at: DateTime<Utc> = "2026-01-01T02:00:00Z".parse().unwrap();
    let deep = Some(Position { at, id: named(client, "anything").await });

    assert!(store.payment(payment).await.unwrap().is_some());
    for after in [None, deep] {
        for (payer, purpose) in [(None, None), (Some(payer), None), (None, Some(booking))] {
            for statuses in [&[][..], &["voided"], &["created", "voided"]] {
                for parked in [false, true] {
                    let statuses = statuses.iter().map(ToString::to_string).collect();
                    let query = PaymentQuery { payer, purpose, statuses, parked, limit, after };
                    store.payments(&query).await.unwrap();
                }
            }
        }
        for gateway in [None, Some(GatewayName::Stripe)] {
            for states in [&[][..], &["parked"], &["parked", "failed"]] {
                let states = states.iter().map(ToString::to_string).collect();
                store.webhooks(&WebhookQuery { gateway, states, limit, after }).await.unwrap();
            }
        }
        for provider in [None, Some(provider)] {
            store.payouts(provider, limit, after).await.unwrap();
            for payment in [None, Some(payment)] {
                let query = JournalQuery { payment, provider, limit, after };
                store.journals(&query).await.unwrap();
            }
        }
        store.statement(provider, limit, after).await.unwrap();
        for with_access_at in [None, Some(at)] {
            let query = SubscriptionQuery { subscriber: payer, with_access_at, limit, after };
            store.subscriptions(&query).await.unwrap();
        }
        for (payer, seller) in [(Some(payer), None), (None, Some(provider))] {
            store.invoices(&InvoiceQuery { payer, seller, limit, after }).await.unwrap();
        }
    }
    for all in [false, true] {
        let seller = Seller::Provider { provider, account: owner };
        assert!(!store.plans(seller, all).await.unwrap().is_empty());
    }
    assert!(store.plan_by_id(plan).await.unwrap().is_some());
    assert!(store.subscription(subscription).await.unwrap().is_some());
    assert_eq!(store.entitlements(payer, right).await.unwrap().len(), 1);
    assert!(store.invoice(invoice).await.unwrap().is_some());
    assert!(store.webhook(message).await.unwrap().is_some());
    assert!(!store.provider_balances(provider).await.unwrap().balances.is_empty());
    let candidates = store.payout_candidates(None).await.unwrap();
    store.payout_candidates(candidates.get(250).copied()).await.unwrap();
    let hour = at + chrono::TimeDelta::hours(1);
    store.settlement_lines(GatewayName::Sandbox, at, hour).await.unwrap();

    let mut tx: PgTx = store.open().await.unwrap();
    let known = tx.payment_of_transaction(GatewayName::Sandbox, "t6").await.unwrap();
    assert_eq!(known, Some(payment));
    assert!(tx.live_payment_for_update(booking).await.unwrap().is_some());
    tx.purpose_of_payment(payment).await.unwrap();
    let mut found = tx.payment_for_update(payment).await.unwrap().unwrap();
    found.inquiry_failed(at);
    tx.update_payment(&found).await.unwrap();
    let known = tx.subscription_of_reference(GatewayName::Stripe, "s6").await.unwrap();
    assert_eq!(known, Some(subscription));
    assert!(tx.subscription_for_update(subscription).await.unwrap().is_some());
    assert!(tx.was_subscribed(payer, right).await.unwrap());
    let card = billing::CardId::from_uuid(named(client, "card 6").await);
    assert_eq!(tx.subscriptions_on_card(card).await.unwrap(), [subscription]);
    tx.store_card(&SavedCard { account: payer, ..a_card(at) }).await.unwrap();
    tx.plan_for_update(plan).await.unwrap();
    let known = tx.payout_of_reference(GatewayName::Sandbox, "po6").await.unwrap();
    assert_eq!(known, Some(payout));
    tx.payout_for_update(payout).await.unwrap();
    tx.webhook_for_update(message).await.unwrap();
    tx.balance_for_update(Account::ProviderPayable(provider), Currency::EUR).await.unwrap();
    tx.next_invoice_number(&provider.to_string(), 2026).await.unwrap();
    tx.remove_entitlement(EntitlementSource::Subscription(subscription)).await.unwrap();
}

#[tokio::test]
async fn nothing_that_is_asked_reads_a_whole_table() {
    let world = filled().await;
    let client = world.client().await;
    let before = whole_reads(&world, &client).await;
    assert_eq!(before.len(), 12);

    let store = super::store(&world.database, 2, super::keys());
    ask_everything(&store, &client).await;
    drop(store);
    let after = whole_reads(&world, &client).await;
    assert_eq!(after, before);

    // The measure itself: whoever does read a whole table is seen.
    let other = world.client().await;
    other.batch_execute("SELECT count(*) FROM payments WHERE agreement IS NULL").await.unwrap();
    drop(other);
    let seen = whole_reads(&world, &client).await;
    assert_eq!(seen["payments"], after["payments"] + 1);
}
