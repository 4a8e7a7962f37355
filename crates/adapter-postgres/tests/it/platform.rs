//! Transactions, the outbox, timers, idempotency keys and the audit log, on a real PostgreSQL.

use std::time::Duration;

use access::{Action, Actor, AuditEntry, AuditLog};
use adapter_postgres::{JobPolicy, JobRequest, PgStore, PgTx, Settings, pending_migrations};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{
    AccountId, Answer, Claim, Clock, Event, EventId, IdempotencyError, IdempotencyLedger,
    IdempotencyScope, Ids, Inbox, Outbox, StorageError, SystemClock, SystemIds, Timer, Timers,
    UnitOfWork,
};
use serde_json::{Value, json};
use test_support::TestDatabase;

fn subscribers(event: &str) -> &'static [&'static str] {
    match event {
        "lamp.lit.v1" => &["first", "second"],
        _ => &[],
    }
}

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

fn store(database: &TestDatabase, connections: usize) -> PgStore {
    let settings = Settings { connections, ..Settings::new(database.url()) };
    PgStore::connect(&settings, subscribers).unwrap()
}

async fn commit(tx: PgTx) -> Result<(), StorageError> {
    Box::new(tx).commit().await
}

async fn count(database: &TestDatabase, query: &str) -> i64 {
    database.client().await.query_one(query, &[]).await.unwrap().get(0)
}

fn now() -> DateTime<Utc> {
    SystemClock.now()
}

fn timer(due_at: DateTime<Utc>) -> Timer {
    Timer { kind: "lamp.dim", subject: "lamp_1".to_owned(), due_at }
}

#[tokio::test]
async fn a_migrated_database_has_nothing_left_to_migrate() {
    let database = TestDatabase::new().await;

    assert_eq!(pending_migrations(database.url()).await.unwrap(), Vec::<String>::new());
    adapter_postgres::migrate(database.url()).await.unwrap();
}

#[tokio::test]
async fn an_event_leaves_with_its_transaction_and_one_job_per_handler() {
    let database = TestDatabase::new().await;
    let store = store(&database, 4);

    let mut lost = store.open().await.unwrap();
    lost.publish(&Lit, None, now()).await.unwrap();
    drop(lost);
    let mut kept = store.open().await.unwrap();
    kept.publish(&Lit, None, now()).await.unwrap();
    commit(kept).await.unwrap();

    assert_eq!(count(&database, "SELECT count(*) FROM events").await, 1);
    let jobs =
        "SELECT count(*) FROM graphile_worker.jobs WHERE task_identifier IN ('first', 'second')";
    assert_eq!(count(&database, jobs).await, 2);
}

#[tokio::test]
async fn a_handler_sees_an_event_for_the_first_time_once() {
    let database = TestDatabase::new().await;
    let store = store(&database, 4);
    let event = EventId::next(&SystemIds);

    let mut tx = store.open().await.unwrap();
    assert!(tx.first_time("first", event).await.unwrap());
    commit(tx).await.unwrap();

    let mut tx = store.open().await.unwrap();
    assert!(!tx.first_time("first", event).await.unwrap());
    assert!(tx.first_time("second", event).await.unwrap());
}

#[tokio::test]
async fn an_abandoned_transaction_lets_go_of_its_locks_at_once() {
    let database = TestDatabase::new().await;
    let store = store(&database, 2);
    let mut setup = store.open().await.unwrap();
    setup.set_timer(&timer(now())).await.unwrap();
    commit(setup).await.unwrap();

    let mut first = store.open().await.unwrap();
    first.set_timer(&timer(now())).await.unwrap();
    drop(first);
    let mut second = store.open().await.unwrap();
    let again = timer(now());
    let moved = tokio::time::timeout(Duration::from_millis(500), second.set_timer(&again));

    moved.await.expect("the lock is free").unwrap();
}

#[tokio::test]
async fn abandoned_transactions_keep_their_connections_in_the_pool() {
    let database = TestDatabase::new().await;
    let store = store(&database, 2);

    for _ in 0..50 {
        drop(store.open().await.unwrap());
    }

    let opened = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                  AND pid <> pg_backend_pid()";
    assert!(count(&database, opened).await <= 2);
}

#[tokio::test]
async fn a_commit_after_a_failed_statement_is_an_error() {
    let database = TestDatabase::new().await;
    let store = store(&database, 2)
        .with_job_policies(|_| JobPolicy { attempts: -1, ..JobPolicy::default() });

    let mut tx = store.open().await.unwrap();
    tx.set_timer(&timer(now())).await.unwrap();
    assert!(tx.enqueue(&JobRequest::new("first", json!({}))).await.is_err());

    assert!(commit(tx).await.is_err());
    assert_eq!(count(&database, "SELECT count(*) FROM timers").await, 0);
}

#[tokio::test]
async fn setting_a_timer_again_moves_it() {
    let database = TestDatabase::new().await;
    let store = store(&database, 2);
    let later = now() + TimeDelta::hours(1);

    let mut tx = store.open().await.unwrap();
    tx.set_timer(&timer(now())).await.unwrap();
    tx.set_timer(&timer(later)).await.unwrap();
    commit(tx).await.unwrap();

    let row = database.client().await.query_one("SELECT due_at FROM timers", &[]).await.unwrap();
    assert_eq!(row.get::<_, std::time::SystemTime>(0), std::time::SystemTime::from(later));
}

#[tokio::test]
async fn a_key_gives_its_first_answer_again() {
    let database = TestDatabase::new().await;
    let store = store(&database, 4);
    let scope = IdempotencyScope {
        account: AccountId::next(&SystemIds),
        operation: "POST /lamps".to_owned(),
        key: "k1".to_owned(),
        body_hash: [1; 32],
    };
    let answer = Answer {
        status: 201,
        headers: vec![("Location".to_owned(), "/lamps/1".to_owned())],
        body: "{\"lamp\":1}".to_owned(),
    };

    let mut first = store.open().await.unwrap();
    assert_eq!(first.claim(&scope).await.unwrap(), Claim::First);
    let mut meanwhile = store.open().await.unwrap();
    assert!(matches!(meanwhile.claim(&scope).await, Err(IdempotencyError::InFlight)));
    first.remember(&scope, &answer).await.unwrap();
    commit(first).await.unwrap();

    let mut again = store.open().await.unwrap();
    assert_eq!(again.claim(&scope).await.unwrap(), Claim::Replay(answer));
    let other = IdempotencyScope { body_hash: [2; 32], ..scope };
    assert!(matches!(again.claim(&other).await, Err(IdempotencyError::OtherBody)));
}

#[tokio::test]
async fn a_key_of_a_command_that_failed_is_free_again() {
    let database = TestDatabase::new().await;
    let store = store(&database, 4);
    let scope = IdempotencyScope {
        account: AccountId::from_uuid(SystemIds.next()),
        operation: "POST /lamps".to_owned(),
        key: "k1".to_owned(),
        body_hash: [1; 32],
    };

    let mut failed = store.open().await.unwrap();
    failed.claim(&scope).await.unwrap();
    drop(failed);
    let mut retry = store.open().await.unwrap();
    let mut claim = retry.claim(&scope).await;
    for _ in 0..20 {
        if claim.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        claim = retry.claim(&scope).await;
    }

    assert_eq!(claim.unwrap(), Claim::First);
}

#[tokio::test]
async fn the_audit_log_is_only_ever_added_to() {
    let database = TestDatabase::new().await;
    let store = store(&database, 2);
    let entry = AuditEntry::new(
        &Actor::system(),
        Action::AccountAdminister,
        "suspend",
        &AccountId::next(&SystemIds),
        now(),
    )
    .changed(json!({ "status": "active" }), json!({ "status": "suspended" }))
    .because("spam");

    let mut tx = store.open().await.unwrap();
    tx.record_audit(&entry).await.unwrap();
    commit(tx).await.unwrap();

    let client = database.client().await;
    for statement in ["UPDATE audit_log SET reason = 'none'", "DELETE FROM audit_log"] {
        let error = client.execute(statement, &[]).await.unwrap_err();
        let message = error.as_db_error().map(|e| e.message().to_owned()).unwrap_or_default();
        assert_eq!(message, "rows of audit_log are never changed");
    }
}
