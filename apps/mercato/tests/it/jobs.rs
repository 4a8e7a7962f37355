//! Workers that die, databases that go away, jobs that fail: nothing is lost, nobody waits.

use nix::sys::signal::Signal;
use test_support::TestDatabase;
use tokio_postgres::Client;

use crate::process::{Process, eventually};

const FORGET: &str = "SELECT graphile_worker.add_job('idempotency_keys.forget', '{}'::json)";

async fn count(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

/// A row that the job `idempotency_keys.forget` removes: its effect can be seen.
async fn leave_an_old_key(client: &Client) {
    client
        .execute(
            "INSERT INTO idempotency_keys \
             VALUES (gen_random_uuid(), 'POST /', 'old', repeat('x', 32)::bytea, 201, '[]', '', \
                     now() - interval '2 days')",
            &[],
        )
        .await
        .unwrap();
}

const OLD_KEYS: &str = "SELECT count(*) FROM idempotency_keys";
const WAITING: &str = "SELECT count(*) FROM graphile_worker.jobs";

#[tokio::test]
async fn a_worker_killed_in_the_middle_of_a_job_loses_nothing() {
    let database = TestDatabase::new().await;
    let (client, locker) = (database.client().await, database.client().await);
    leave_an_old_key(&client).await;
    // The job cannot go on past this lock, so the worker dies in its middle.
    locker.batch_execute("BEGIN; LOCK TABLE idempotency_keys").await.unwrap();
    client.execute(FORGET, &[]).await.unwrap();
    let mut first = Process::start(Some(database.url()), &["worker"]);
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted \
                 AND relation = 'idempotency_keys'::regclass";
    eventually("the job is in its middle", async || count(&client, waits).await > 0).await;

    first.signal(Signal::SIGKILL);
    first.end();
    locker.batch_execute("ROLLBACK").await.unwrap();
    let taken = "SELECT count(*) FROM graphile_worker.jobs WHERE locked_by IS NOT NULL";
    assert_eq!(count(&client, taken).await, 1, "the dead worker holds its job");
    let _second = Process::start(Some(database.url()), &["worker"]);

    eventually("another worker does it", async || count(&client, WAITING).await == 0).await;
    assert_eq!(count(&client, OLD_KEYS).await, 0);
}

#[tokio::test]
async fn a_job_that_always_fails_is_parked_and_the_others_go_on() {
    let database = TestDatabase::new().await;
    let client = database.client().await;
    leave_an_old_key(&client).await;
    let poison = "SELECT graphile_worker.add_job('timer', \
                  '{\"kind\": \"nobody.knows\", \"subject\": \"x\"}'::json, max_attempts => 1)";
    let garbled = "SELECT graphile_worker.add_job('timer', '{\"kind\": 7}'::json, \
                   max_attempts => 1)";
    for sql in [poison, garbled, FORGET] {
        client.execute(sql, &[]).await.unwrap();
    }

    let _worker = Process::start(Some(database.url()), &["worker"]);

    let parked = "SELECT count(*) FROM graphile_worker.jobs \
                  WHERE attempts = max_attempts AND locked_at IS NULL AND last_error <> ''";
    eventually("both are parked", async || count(&client, parked).await == 2).await;
    eventually("the third is done", async || count(&client, WAITING).await == 2).await;
    assert_eq!(count(&client, OLD_KEYS).await, 0);
}

#[tokio::test]
async fn a_worker_outlives_its_connections() {
    let database = TestDatabase::new().await;
    let client = database.client().await;
    let _worker = Process::start(Some(database.url()), &["worker"]);
    let connected = "SELECT count(*) FROM pg_stat_activity \
                     WHERE datname = current_database() AND pid <> pg_backend_pid() \
                       AND query LIKE '%LISTEN%'";
    eventually("the worker listens", async || count(&client, connected).await > 0).await;

    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert!(count(&client, cut).await > 0);
    leave_an_old_key(&client).await;
    client.execute(FORGET, &[]).await.unwrap();

    eventually("it works again", async || count(&client, WAITING).await == 0).await;
    assert_eq!(count(&client, OLD_KEYS).await, 0);
}

#[tokio::test]
async fn a_job_that_kills_every_worker_is_parked_and_the_others_are_done() {
    let database = TestDatabase::new().await;
    let (client, locker) = (database.client().await, database.client().await);
    // No worker gets past this lock, so the job can be told to kill whoever runs it.
    locker.batch_execute("BEGIN; LOCK TABLE idempotency_keys").await.unwrap();
    let deadly = "SELECT graphile_worker.add_job('idempotency_keys.forget', '{}'::json, \
                  max_attempts => 2)";
    client.execute(deadly, &[]).await.unwrap();
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted \
                 AND relation = 'idempotency_keys'::regclass";
    for _ in 0..2 {
        let mut worker = Process::start(Some(database.url()), &["worker"]);
        eventually("the job is in its middle", async || count(&client, waits).await > 0).await;
        worker.signal(Signal::SIGKILL);
        worker.end();
        eventually("its connections end", async || {
            let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE NOT granted \
                       AND relation = 'idempotency_keys'::regclass";
            count(&client, end).await == 0
        })
        .await;
    }

    let other = "SELECT graphile_worker.add_job('sightings.forget', '{}'::json)";
    client.execute(other, &[]).await.unwrap();
    let _third = Process::start(Some(database.url()), &["worker"]);

    let left = "SELECT count(*) FROM graphile_worker.jobs WHERE task_identifier = ";
    let parked = format!(
        "{left} 'idempotency_keys.forget' AND attempts = 2 AND max_attempts = 2 \
         AND locked_at IS NULL"
    );
    let other = format!("{left} 'sightings.forget'");
    eventually("it is parked", async || count(&client, &parked).await == 1).await;
    eventually("the other is done", async || count(&client, &other).await == 0).await;
    assert_eq!(count(&client, waits).await, 0, "nobody runs it a third time");
    locker.batch_execute("ROLLBACK").await.unwrap();
}

#[tokio::test]
async fn a_worker_says_at_its_start_which_jobs_nobody_runs() {
    let database = TestDatabase::new().await;
    let client = database.client().await;
    let stranger = "SELECT graphile_worker.add_job('nobody.runs', '{}'::json)";
    client.execute(stranger, &[]).await.unwrap();

    let mut worker = Process::start(Some(database.url()), &["worker"]);
    let lives = "SELECT count(*) FROM pg_stat_activity \
                 WHERE datname = current_database() AND query LIKE '%LISTEN%' \
                   AND pid <> pg_backend_pid()";
    eventually("the worker listens", async || count(&client, lives).await > 0).await;
    worker.signal(Signal::SIGTERM);

    assert!(worker.end().success());
    let said = worker.errors();
    assert!(said.contains("no handler of this version runs") && said.contains("nobody.runs"));
}
