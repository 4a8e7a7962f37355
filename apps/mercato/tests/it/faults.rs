//! Parts that break while people use the marketplace: what was acknowledged stays, and whoever does
//! not need the part goes on.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use embedded_postgres::{Options, Server};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use test_support::{FaultProxy, MailSink, S3Server, TestDatabase, Upstream};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_postgres::{Client, NoTls};

use crate::caller::{Answer, Caller};
use crate::process::{Process, eventually};

/// What came of the calls that were made while something was wrong.
#[derive(Debug, Default)]
struct Tally {
    /// The ids of what was acknowledged, and when its call was begun and answered.
    kept: Vec<(String, Instant, Instant)>,
    /// Polite refusals.
    refused: usize,
    /// Everything that should not have happened.
    faults: Vec<String>,
}

type Shared = Arc<Mutex<Tally>>;

fn note(tally: &Shared, begun: Instant, answer: Result<Answer, reqwest::Error>) -> bool {
    let mut tally = tally.lock().unwrap();
    match answer {
        Ok(answer) if answer.status == 201 => {
            let id = answer.body["id"].as_str().unwrap().to_owned();
            tally.kept.push((id, begun, Instant::now()));
            return true;
        }
        Ok(answer) if answer.asks_for_patience() => tally.refused += 1,
        Ok(answer) => tally.faults.push(format!("{answer:?}")),
        Err(error) => tally.faults.push(format!("no answer: {error:?}")),
    }
    false
}

/// Somebody who drafts listings until told to stop.
async fn write(caller: Caller, base: String, tally: Shared, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::SeqCst) {
        let begun = Instant::now();
        if !note(&tally, begun, caller.draft(&base).await) {
            sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Several of them.
fn writers(count: usize, caller: &Caller, base: &str) -> (Shared, Arc<AtomicBool>, JoinSet<()>) {
    let (tally, stop) = (Shared::default(), Arc::new(AtomicBool::new(false)));
    let mut tasks = JoinSet::new();
    for _ in 0..count {
        tasks.spawn(write(caller.clone(), base.to_owned(), Arc::clone(&tally), Arc::clone(&stop)));
    }
    (tally, stop, tasks)
}

/// Every listing that was acknowledged is in the database.
async fn assert_kept(database: &Client, tally: &Tally) {
    let rows = database.query("SELECT replace(id::text, '-', '') FROM listings", &[]).await;
    let stored: BTreeSet<String> = rows.unwrap().iter().map(|row| row.get(0)).collect();
    let lost: Vec<&String> = tally
        .kept
        .iter()
        .map(|(id, ..)| id)
        .filter(|id| !stored.contains(id.split('_').next_back().unwrap()))
        .collect();
    assert!(lost.is_empty(), "{} of {} are lost: {lost:?}", lost.len(), tally.kept.len());
    assert!(tally.faults.is_empty(), "{} faults: {:#?}", tally.faults.len(), tally.faults);
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn serve(url: &str, settings: &[(&str, &str)]) -> Process {
    let mut arguments = vec!["serve".to_owned()];
    // Nobody reads what it says, and it shall not wait for that.
    for (key, value) in [("limits.enabled", "false"), ("logs.filter", "off")].iter().chain(settings)
    {
        arguments.extend(["--set".to_owned(), format!("{key}={value}")]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Process::start(Some(url), &arguments)
}

/// Kills the PostgreSQL that has its data here, as the kernel does when memory is short.
fn kill_postgres(folder: &Path) {
    let text = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
    let process = text.lines().next().unwrap().parse().unwrap();
    kill(Pid::from_raw(process), Signal::SIGKILL).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_outlives_a_killed_database() {
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), Permissions::from_mode(0o755)).unwrap();
    let folder = place.path().join("postgres");
    let mut postgres = Server::start(Options::new(&folder)).await.unwrap();
    postgres.create_database_if_missing("mercato").await.unwrap();
    let url = postgres.url("mercato");
    let mut server = serve(&url, &[]);
    let base = server.base();
    let owner = Caller::provider(&base, "ada").await;
    let (tally, stop, tasks) = writers(8, &owner, &base);

    let mut recovered = Vec::new();
    for _ in 0..2 {
        sleep(Duration::from_millis(1_500)).await;
        kill_postgres(&folder);
        sleep(Duration::from_millis(300)).await;
        let live = Caller::probe(&base, "/health/live").await.unwrap();
        assert_eq!(live.status, 200, "an outage of the database has nobody restarted");
        drop(postgres);
        postgres = Server::start(Options::new(&folder)).await.unwrap();
        recovered.push(Instant::now());
    }
    let up = recovered[1];
    let answers = || tally.lock().unwrap().kept.iter().any(|(_, begun, _)| *begun > up);
    while !answers() && up.elapsed() < Duration::from_secs(5) {
        sleep(Duration::from_millis(50)).await;
    }
    stop.store(true, Ordering::SeqCst);
    tasks.join_all().await;

    let database = connect(&url).await;
    {
        let tally = tally.lock().unwrap();
        assert!(tally.kept.len() > 20, "only {} calls were answered", tally.kept.len());
        assert!(tally.refused > 0, "nobody noticed");
        for up in recovered {
            let after = tally.kept.iter().filter(|(_, _, answered)| *answered > up);
            let first = after.map(|(.., answered)| *answered - up).min();
            assert!(first.is_some_and(|first| first < Duration::from_secs(5)), "{first:?}");
        }
    }
    let seen = std::mem::take(&mut *tally.lock().unwrap());
    assert_kept(&database, &seen).await;
    let ready = Caller::probe(&base, "/health/ready").await.unwrap();
    assert_eq!(ready.status, 200, "{ready:?}");
    let left = "SELECT count(*) FROM graphile_worker.jobs";
    eventually("the worker works again", async || {
        database.query_one(left, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
    drop(server);
    postgres.stop().await.unwrap();
    embedded_postgres::remove(&folder).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_under_load_that_is_asked_to_go_drops_nothing() {
    let database = TestDatabase::new().await;
    let (client, locker) = (database.client().await, database.client().await);
    let settings = [("server.drain_notice_seconds", "1"), ("database.connections", "40")];
    let mut server = serve(database.url(), &settings);
    let base = server.base();
    let owner = Caller::provider(&base, "ada").await;
    // A load balancer that stops sending as soon as the server is not ready.
    let (tally, stop, tasks) = writers(32, &owner, &base);
    let asked = Arc::new(Mutex::new(None::<Instant>));
    let balancer = tokio::spawn({
        let (base, stop, asked) = (base.clone(), Arc::clone(&stop), Arc::clone(&asked));
        async move {
            loop {
                let ready = Caller::probe(&base, "/health/ready").await.expect("it still listens");
                if ready.status == 503 {
                    stop.store(true, Ordering::SeqCst);
                    assert_eq!(ready.body["draining"], true, "{ready:?}");
                    return asked.lock().unwrap().expect("not before").elapsed();
                }
                sleep(Duration::from_millis(20)).await;
            }
        }
    });
    sleep(Duration::from_millis(1_500)).await;

    // Those under way now wait for this lock until after the server has stopped listening.
    locker.batch_execute("BEGIN; LOCK TABLE listings IN SHARE MODE").await.unwrap();
    sleep(Duration::from_millis(100)).await;
    *asked.lock().unwrap() = Some(Instant::now());
    let begun = Instant::now();
    server.signal(Signal::SIGTERM);
    sleep(Duration::from_millis(1_400)).await;
    let late = Caller::probe(&base, "/health/live").await;
    assert!(late.is_err(), "it takes no more connections");
    locker.batch_execute("ROLLBACK").await.unwrap();
    tasks.join_all().await;

    let told = balancer.await.unwrap();
    assert!(told < Duration::from_secs(1), "told to stop after {told:?}");
    assert!(server.end().success());
    assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
    let seen = std::mem::take(&mut *tally.lock().unwrap());
    assert_eq!(seen.refused, 0, "{seen:?}");
    let late = seen.kept.iter().filter(|(_, _, at)| *at > begun + Duration::from_secs(1)).count();
    assert!(late >= 20, "only {late} were under way when it stopped to listen");
    assert_kept(&client, &seen).await;
    let held = "SELECT count(*) FROM graphile_worker.jobs WHERE locked_at IS NOT NULL";
    assert_eq!(client.query_one(held, &[]).await.unwrap().get::<_, i64>(0), 0);
}

/// Somebody drafts listings one after the other; the longest any of them took.
async fn slowest(owner: &Caller, base: &str, count: usize) -> Duration {
    let mut slowest = Duration::ZERO;
    for _ in 0..count {
        let begun = Instant::now();
        let answer = owner.draft(base).await.unwrap();
        assert_eq!(answer.status, 201, "{answer:?}");
        slowest = slowest.max(begun.elapsed());
    }
    slowest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_that_is_down_stops_only_who_needs_it() {
    let database = TestDatabase::new().await;
    let mails = MailSink::start().await;
    let bucket = S3Server::start().await;
    let address = bucket.endpoint().trim_start_matches("http://").to_owned();
    let network = FaultProxy::start(Upstream::Tcp(address)).await;
    let mut server = serve(
        database.url(),
        &[
            ("mail.transport", "smtp"),
            ("mail.url", &format!("smtp://{}", mails.address())),
            ("storage.kind", "s3"),
            ("storage.s3_endpoint", &format!("http://{}", network.address())),
            ("storage.s3_bucket", S3Server::BUCKET),
            ("storage.s3_region", S3Server::REGION),
            ("storage.s3_access_key_id", S3Server::ACCESS_KEY),
            ("storage.s3_secret_access_key", S3Server::SECRET_KEY),
            ("storage.s3_allow_http", "true"),
            ("storage.s3_path_style", "true"),
        ],
    );
    let base = server.base();
    let owner = Caller::provider(&base, "ada").await;
    let picture = picture();
    let stored = owner.draft_with(&base, picture.clone()).await.unwrap();
    assert_eq!(stored.status, 201, "{stored:?}");
    let client = database.client().await;
    eventually("the mails of the start are sent", async || {
        let left = client.query_one("SELECT count(*) FROM graphile_worker.jobs", &[]).await;
        left.unwrap().get::<_, i64>(0) == 0
    })
    .await;

    // The bucket is gone, and the mail server busy.
    network.refuse(true);
    network.cut();
    mails.clear();
    mails.refuse_next(1, "451 4.3.0 try again later");
    let upload = tokio::spawn({
        let (owner, base, picture) = (owner.clone(), base.clone(), picture.clone());
        async move { owner.draft_with(&base, picture).await.unwrap() }
    });
    let forgot = owner.post(&base, "auth/password/forgot").json(&json!({ "email": owner.email }));
    assert_eq!(owner.send(forgot).await.unwrap().status, 202);
    let longest = slowest(&owner, &base, 30).await;
    assert!(longest < Duration::from_secs(2), "{longest:?}");
    let refused = upload.await.unwrap();
    assert!(refused.asks_for_patience(), "{refused:?}");

    network.refuse(false);
    let again = owner.draft_with(&base, picture).await.unwrap();
    assert_eq!(again.status, 201, "{again:?}");
    let _ = mails.mail_to(&owner.email).await;
    eventually("nothing is left to send", async || {
        let left = client.query_one("SELECT count(*) FROM graphile_worker.jobs", &[]).await;
        left.unwrap().get::<_, i64>(0) == 0
    })
    .await;
    assert_eq!((mails.refused(), mails.mails().len()), (1, 1), "it is sent once");
}

/// A small picture.
fn picture() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::from_fn(40, 30, |x, y| {
        image::Rgb([x, y, x + y].map(|value| value.to_le_bytes()[0]))
    });
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_database_slows_down_and_a_silent_one_holds_nobody() {
    let database = TestDatabase::new().await;
    let (network, url) = database.behind_a_proxy().await;
    let mut server = serve(&url, &[("server.answer_timeout_seconds", "2")]);
    let base = server.base();
    let owner = Caller::provider(&base, "ada").await;
    let usual = slowest(&owner, &base, 10).await;

    // Every message takes 20 ms more in each direction.
    network.delay(Duration::from_millis(20));
    let (tally, stop, tasks) = writers(8, &owner, &base);
    sleep(Duration::from_secs(2)).await;
    stop.store(true, Ordering::SeqCst);
    tasks.join_all().await;
    let seen = std::mem::take(&mut *tally.lock().unwrap());
    assert_eq!((seen.refused, seen.faults.len()), (0, 0), "{seen:?}");
    assert!(!seen.kept.is_empty());
    network.delay(Duration::ZERO);
    let longest = slowest(&owner, &base, 10).await;
    assert!(longest < usual + Duration::from_secs(1), "{usual:?} became {longest:?}");

    // Nothing comes back any more, not even the end of a connection.
    network.fall_silent(true);
    let mut calls = JoinSet::new();
    for _ in 0..40 {
        let (owner, base) = (owner.clone(), base.clone());
        calls.spawn(async move {
            let begun = Instant::now();
            (owner.draft(&base).await.unwrap(), begun.elapsed())
        });
    }
    let live = Caller::probe(&base, "/health/live").await.unwrap();
    assert_eq!(live.status, 200);
    for (answer, took) in calls.join_all().await {
        assert!(answer.asks_for_patience(), "{answer:?}");
        assert!(took < Duration::from_secs(4), "{took:?}");
    }
    network.fall_silent(false);
    let healed = Instant::now();
    let mut answer = owner.draft(&base).await.unwrap();
    while answer.status != 201 {
        assert!(answer.asks_for_patience(), "{answer:?}");
        assert!(healed.elapsed() < Duration::from_secs(8), "it does not heal: {answer:?}");
        sleep(Duration::from_millis(50)).await;
        answer = owner.draft(&base).await.unwrap();
    }
    let longest = slowest(&owner, &base, 10).await;
    assert!(longest < usual + Duration::from_secs(1), "{usual:?} became {longest:?}");
}
