//! The queue as operators see it, due timers and simulated time.

use access::Actor;
use adapter_postgres::{JobPolicy, JobRequest, JobStatus, PgStore, Settings, TIMER_JOB};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Clock, Limit, SystemClock, Timer, Timers, UnitOfWork};
use serde_json::json;
use test_support::TestDatabase;

fn store(database: &TestDatabase) -> PgStore {
    PgStore::connect(&Settings::new(database.url()), |_| &[]).unwrap()
}

fn now() -> DateTime<Utc> {
    SystemClock.now()
}

async fn enqueue(store: &PgStore, identifier: &'static str) {
    let mut tx = store.open().await.unwrap();
    tx.enqueue(&JobRequest::new(identifier, json!({ "id": 1 }))).await.unwrap();
    Box::new(tx).commit().await.unwrap();
}

async fn set_timer(store: &PgStore, subject: &str, due_at: DateTime<Utc>) {
    let mut tx = store.open().await.unwrap();
    let timer = Timer { kind: "booking.expire", subject: subject.to_owned(), due_at };
    tx.set_timer(&timer).await.unwrap();
    Box::new(tx).commit().await.unwrap();
}

async fn all(store: &PgStore) -> Vec<adapter_postgres::QueuedJob> {
    store.jobs(None, None, Limit::default(), None).await.unwrap().items
}

#[tokio::test]
async fn a_due_timer_becomes_one_job_and_another_waits() {
    let database = TestDatabase::new().await;
    let store = store(&database);
    set_timer(&store, "bkg_1", now() - TimeDelta::seconds(1)).await;
    set_timer(&store, "bkg_2", now() + TimeDelta::days(3)).await;

    assert_eq!(store.enqueue_due_timers(now(), 100).await.unwrap(), 1);
    assert_eq!(store.enqueue_due_timers(now(), 100).await.unwrap(), 0);

    let jobs = all(&store).await;
    assert_eq!(jobs.len(), 1);
    assert_eq!(jobs[0].identifier, TIMER_JOB);
    assert_eq!(jobs[0].payload, json!({ "kind": "booking.expire", "subject": "bkg_1" }));

    let later = now() + TimeDelta::days(4);
    assert_eq!(store.enqueue_due_timers(later, 100).await.unwrap(), 1);
}

#[tokio::test]
async fn a_job_is_put_into_the_queue_as_its_kind_is_treated() {
    let database = TestDatabase::new().await;
    let store = store(&database).with_job_policies(|identifier| match identifier {
        TIMER_JOB => JobPolicy { attempts: 25, priority: -10 },
        "previews" => JobPolicy { attempts: 3, priority: 10 },
        _ => JobPolicy::default(),
    });
    enqueue(&store, "previews").await;
    enqueue(&store, "another").await;
    set_timer(&store, "bkg_1", now()).await;
    store.enqueue_due_timers(now(), 1).await.unwrap();

    let query = "SELECT identifier, max_attempts::int, priority::int
                 FROM graphile_worker._private_jobs j
                 JOIN graphile_worker._private_tasks t ON t.id = j.task_id ORDER BY priority";
    let rows = database.client().await.query(query, &[]).await.unwrap();
    let jobs: Vec<(String, i32, i32)> =
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    let expected = [(TIMER_JOB, 25, -10), ("another", 12, 0), ("previews", 3, 10)];
    assert_eq!(
        jobs,
        expected.map(|(kind, attempts, priority)| (kind.to_owned(), attempts, priority))
    );
}

#[tokio::test]
async fn several_processes_share_the_due_timers() {
    let database = TestDatabase::new().await;
    let store = store(&database);
    for n in 0..60 {
        set_timer(&store, &format!("bkg_{n}"), now()).await;
    }

    let due = now();
    let found = futures_util::future::join_all(
        (0..6).map(|_| async { store.enqueue_due_timers(due, 100).await.unwrap() }),
    )
    .await;

    assert_eq!(found.into_iter().sum::<usize>(), 60);
    let figures = store.queue_figures().await.unwrap();
    assert_eq!(figures.len(), 1);
    assert_eq!((figures[0].count, figures[0].status), (60, JobStatus::Ready));
}

#[tokio::test]
async fn a_parked_job_is_retried_or_discarded_with_a_line_in_the_audit_log() {
    let database = TestDatabase::new().await;
    let client = database.client().await;
    let store = store(&database);
    enqueue(&store, "mend").await;
    enqueue(&store, "drop").await;
    client
        .batch_execute("UPDATE graphile_worker._private_jobs SET attempts = max_attempts")
        .await
        .unwrap();
    let dead = store.jobs(Some(JobStatus::Dead), None, Limit::default(), None).await.unwrap();
    let [drop, mend] = dead.items.as_slice() else { panic!("{dead:?}") };
    assert_eq!((drop.identifier.as_str(), mend.identifier.as_str()), ("drop", "mend"));

    let admin = Actor::system();
    store.retry_job(&admin, mend.id, now()).await.unwrap().unwrap();
    store.discard_job(&admin, drop.id, now()).await.unwrap().unwrap();

    let left = all(&store).await;
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].status, left[0].attempts), (JobStatus::Ready, 0));
    assert!(store.discard_job(&admin, drop.id, now()).await.unwrap().is_none());
    let lines: i64 = client
        .query_one("SELECT count(*) FROM audit_log WHERE action = 'job.administer'", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(lines, 2);
}

#[tokio::test]
async fn a_job_in_a_workers_hands_is_left_alone() {
    let database = TestDatabase::new().await;
    let store = store(&database);
    enqueue(&store, "busy").await;
    database
        .client()
        .await
        .batch_execute(
            "UPDATE graphile_worker._private_jobs SET locked_at = now(), locked_by = 'somebody'",
        )
        .await
        .unwrap();
    let id = all(&store).await[0].id;

    assert!(store.retry_job(&Actor::system(), id, now()).await.unwrap().is_none());
    assert!(store.discard_job(&Actor::system(), id, now()).await.unwrap().is_none());
    assert_eq!(all(&store).await[0].status, JobStatus::Running);
}

#[tokio::test]
async fn jobs_are_listed_page_by_page_and_by_kind() {
    let database = TestDatabase::new().await;
    let store = store(&database);
    for _ in 0..3 {
        enqueue(&store, "first").await;
        enqueue(&store, "second").await;
    }

    let limit = Limit::new(2).unwrap();
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = store.jobs(None, Some("first"), limit, after).await.unwrap();
        seen.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }

    assert_eq!(seen.len(), 3);
    assert!(seen.is_sorted_by(|a, b| a.id > b.id));
    assert!(seen.iter().all(|job| job.identifier == "first"));
    assert!(store.oldest_ready_job().await.unwrap() >= 0.0);
}

#[tokio::test]
async fn simulated_time_adds_up_and_real_time_cannot_be_moved() {
    let database = TestDatabase::new().await;
    let store = store(&database);
    assert_eq!(store.simulated_time().await.unwrap(), None);
    assert_eq!(store.advance_simulated_time(TimeDelta::days(1)).await.unwrap(), None);

    assert_eq!(store.start_simulation().await.unwrap(), TimeDelta::zero());
    store.advance_simulated_time(TimeDelta::days(40)).await.unwrap();
    let ahead = store.advance_simulated_time(TimeDelta::seconds(5)).await.unwrap();

    let expected = TimeDelta::days(40) + TimeDelta::seconds(5);
    assert_eq!(ahead, Some(expected));
    assert_eq!(store.start_simulation().await.unwrap(), expected, "a restart goes on with it");
}
