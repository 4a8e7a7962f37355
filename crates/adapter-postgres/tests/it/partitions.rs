//! What is only ever added to lies in a partition per month: made ahead, dropped as a whole, and no
//! row is refused meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use access::{Action, Actor, AuditEntry, AuditLog};
use adapter_postgres::{Forgotten, PgStore, Settings};
use chrono::{DateTime, Months, TimeDelta, Utc};
use identity::{AuditFilter, AuditReader};
use kernel::{
    AccountId, Clock, Event, EventId, Inbox, Limit, Outbox, SystemClock, SystemIds, UnitOfWork,
};
use serde_json::{Value, json};
use test_support::TestDatabase;

struct Lit;

impl Event for Lit {
    fn name(&self) -> &'static str {
        "lamp.lit.v1"
    }

    fn subject(&self) -> String {
        "lamp_1".to_owned()
    }

    fn payload(&self) -> Value {
        json!({ "lamp": 1 })
    }
}

fn store(database: &TestDatabase) -> PgStore {
    PgStore::connect(&Settings::new(database.url()), |_| &[]).unwrap()
}

fn now() -> DateTime<Utc> {
    SystemClock.now()
}

fn partition(table: &str, at: DateTime<Utc>) -> String {
    format!("{table}_{}", at.format("%Y_%m"))
}

/// How many rows lie where.
async fn spread(database: &TestDatabase, table: &str) -> BTreeMap<String, i64> {
    let query = format!("SELECT tableoid::regclass::text, count(*) FROM {table} GROUP BY 1");
    let rows = database.client().await.query(&query, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn tables(database: &TestDatabase, of: &str) -> Vec<String> {
    let query = "SELECT name FROM partition_months($1) ORDER BY month";
    let rows = database.client().await.query(query, &[&of]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn note(store: &PgStore, at: DateTime<Utc>) {
    let object = AccountId::next(&SystemIds);
    let entry = AuditEntry::new(&Actor::system(), Action::AccountAdminister, "note", &object, at);
    let mut tx = store.open().await.unwrap();
    tx.record_audit(&entry).await.unwrap();
    Box::new(tx).commit().await.unwrap();
}

/// An event, and that it was handled, as they were stored so many days ago.
async fn an_old_event(database: &TestDatabase, days: i32) -> EventId {
    let row = database
        .client()
        .await
        .query_one(
            "WITH made AS (SELECT now() - make_interval(days => $1) AS at), \
             stored AS (INSERT INTO events (id, name, subject, payload, occurred_at, stored_at) \
                 SELECT overlay(overlay(gen_random_uuid()::text placing \
                            left(first_id_at(at)::text, 13) from 1) placing '7' from 15)::uuid, \
                        'lamp.lit.v1', 'lamp_1', '{}', at, at FROM made RETURNING id, stored_at), \
             handled AS (INSERT INTO handled_events (handler, event_id, handled_at) \
                 SELECT 'first', id, stored_at FROM stored) \
             SELECT 'evt_' || replace(id::text, '-', '') FROM stored",
            &[&days],
        )
        .await
        .unwrap();
    row.get::<_, String>(0).parse().unwrap()
}

#[tokio::test]
async fn rows_lie_in_the_partition_of_their_month() {
    let database = TestDatabase::new().await;
    let store = store(&database);
    store.make_partitions(now(), 90).await.unwrap();
    let next = now() + Months::new(1);

    note(&store, now()).await;
    note(&store, next).await;
    let mut tx = store.open().await.unwrap();
    tx.publish(&Lit, None, now()).await.unwrap();
    tx.first_time("first", EventId::next(&SystemIds)).await.unwrap();
    Box::new(tx).commit().await.unwrap();

    let each = |table: &str, at| (partition(table, at), 1);
    let logged = BTreeMap::from([each("audit_log", now()), each("audit_log", next)]);
    assert_eq!(spread(&database, "audit_log").await, logged);
    for table in ["events", "handled_events"] {
        assert_eq!(spread(&database, table).await, BTreeMap::from([each(table, now())]));
        assert!(tables(&database, table).await.len() >= 4, "three months lie ahead");
    }
    assert_eq!(store.make_partitions(now(), 90).await.unwrap(), 0, "there is nothing left to do");
}

#[tokio::test]
async fn a_leap_of_years_loses_nothing_and_its_months_are_made_afterwards() {
    let database = TestDatabase::new().await;
    let store = store(&database);
    store.make_partitions(now(), 90).await.unwrap();
    let leap = now() + TimeDelta::days(6 * 366);
    note(&store, now()).await;
    for months in [0, 1, 1, 40] {
        note(&store, leap + Months::new(months)).await;
    }
    assert_eq!(spread(&database, "audit_log").await["audit_log_default"], 4);

    assert_eq!(store.make_partitions(leap, 90).await.unwrap(), 5, "four ahead, and that of a row");

    let filter = AuditFilter::default();
    let all = store.list_audit_records(&filter, None, Limit::default()).await.unwrap();
    assert_eq!(all.items.len(), 5);
    assert!(all.items.is_sorted_by(|a, b| a.id > b.id));
    let found = spread(&database, "audit_log").await;
    assert_eq!(found.get("audit_log_default"), None);
    assert_eq!(found[&partition("audit_log", leap + Months::new(1))], 2);
    let error = database.client().await.execute("DELETE FROM audit_log", &[]).await.unwrap_err();
    let message = error.as_db_error().map(|e| e.message().to_owned()).unwrap_or_default();
    assert_eq!(message, "rows of audit_log are never changed", "whoever was moved");
}

#[tokio::test]
async fn old_months_go_as_a_whole_but_not_what_a_job_still_needs() {
    let database = TestDatabase::new().await;
    let store = store(&database);
    let young = an_old_event(&database, 1).await;
    let (old, needed) = (an_old_event(&database, 200).await, an_old_event(&database, 200).await);
    // With a retention that covers them their months are made, as they were once.
    store.make_partitions(now(), 1_000).await.unwrap();
    let month = partition("events", now() - TimeDelta::days(200));
    assert_eq!(spread(&database, "events").await[&month], 2);
    let payload = json!({ "event_id": needed });
    let add_job = "SELECT graphile_worker.add_job('first', $1::text::json)";
    database.client().await.query_one(add_job, &[&payload.to_string()]).await.unwrap();

    assert_eq!(store.forget_events(90).await.unwrap(), Forgotten { months: 1, rows: 0 });

    assert!(!tables(&database, "events").await.contains(&month));
    assert!(store.event(old).await.unwrap().is_none());
    assert!(store.event(needed).await.unwrap().is_some());
    assert!(store.event(young).await.unwrap().is_some());
    assert_eq!(store.make_partitions(now(), 90).await.unwrap(), 0, "its month does not come back");

    let done = "DELETE FROM graphile_worker._private_jobs";
    database.client().await.batch_execute(done).await.unwrap();
    assert_eq!(store.forget_events(90).await.unwrap(), Forgotten { months: 0, rows: 1 });
    assert!(store.event(needed).await.unwrap().is_none());
    assert_eq!(spread(&database, "handled_events").await.values().sum::<i64>(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_who_writes_meanwhile_is_refused() {
    const WRITERS: usize = 4;
    let database = TestDatabase::new().await;
    let store = store(&database);
    let leap = now() + TimeDelta::days(800);
    for days in [100, 140, 180, 220, 260] {
        an_old_event(&database, days).await;
    }
    let done = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let (store, done) = (store.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                let mut written = 0_i64;
                while !done.load(Ordering::Relaxed) || written < 10 {
                    let mut tx = store.open().await.unwrap();
                    tx.publish(&Lit, None, now()).await.unwrap();
                    Box::new(tx).commit().await.unwrap();
                    // Into the very months that are being made.
                    note(&store, leap + TimeDelta::days(31 * (written % 6))).await;
                    written += 1;
                }
                written
            })
        })
        .collect();

    for _ in 0..3 {
        store.make_partitions(leap, 1_000).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let forgotten = store.forget_events(90).await.unwrap();
    done.store(true, Ordering::Relaxed);
    let mut written = 0;
    for writer in writers {
        written += writer.await.expect("no writer is refused");
    }

    assert!((3..=5).contains(&forgotten.months), "{forgotten:?}");
    assert_eq!(spread(&database, "audit_log").await.values().sum::<i64>(), written);
    let lit: i64 = spread(&database, "events").await.values().sum();
    assert!(lit >= written, "{lit} of {written}");
}

#[tokio::test]
async fn an_event_is_looked_for_in_one_partition_and_the_log_by_its_indexes() {
    let database = TestDatabase::new().await;
    let client = database.client().await;
    client.batch_execute("SET enable_seqscan = off").await.unwrap();
    let plan = async |query: &str| {
        let rows = client.query(&format!("EXPLAIN {query}"), &[]).await.unwrap();
        rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>().join("\n")
    };

    let id = "'0192d4c0-a1b2-7c3d-8e4f-5a6b7c8d9e0f'";
    for query in [
        format!("SELECT * FROM events WHERE id = {id}"),
        format!("SELECT * FROM handled_events WHERE event_id = {id} AND handler = 'first'"),
    ] {
        let plan = plan(&query).await;
        assert_eq!(plan.matches("Scan").count(), 1, "{plan}");
    }
    let newest = plan("SELECT * FROM audit_log WHERE object = 'x' ORDER BY id DESC LIMIT 20").await;
    assert!(!newest.contains("Seq Scan") && !newest.contains("Sort  "), "{newest}");
}
