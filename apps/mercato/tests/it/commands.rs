//! Commands, signals and exit codes.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use test_support::TestDatabase;

use crate::process::{Process, eventually};

fn run(url: Option<&str>, arguments: &[&str]) -> (bool, String, String) {
    let mut process = Process::start(url, arguments);
    let status = process.end();
    (status.success(), process.output(), process.errors())
}

#[test]
fn print_shows_what_is_in_force_without_secrets() {
    let (ok, output, _) = run(
        Some("postgres://user:hunter2@localhost/x"),
        &["config", "print", "--set", "jobs.concurrency=3"],
    );

    assert!(ok);
    assert!(output.contains("concurrency = 3"), "{output}");
    assert!(!output.contains("hunter2"), "{output}");
}

#[test]
fn an_unknown_setting_stops_every_command() {
    let (ok, _, errors) = run(None, &["serve", "--set", "server.adress=127.0.0.1:1"]);

    assert!(!ok);
    assert!(errors.contains("server.adress"), "{errors}");
}

#[test]
fn production_refuses_what_is_for_the_demo() {
    for flag in ["--simulate", "--seed-demo"] {
        let (ok, _, errors) = run(
            Some("postgres://localhost/x"),
            &[
                "serve",
                flag,
                "--set",
                "environment=production",
                "--set",
                "server.public_url=https://market.example",
                "--set",
                "server.application_key=5d1f0d16308df0f8c757100f8c7571b7",
                "--set",
                "auth.signing_key=b7b2e4feecf75ff00f3a12f471f2dd53",
            ],
        );
        assert!(!ok);
        assert!(errors.contains(flag), "{errors}");
    }
}

#[tokio::test]
async fn migrate_brings_an_empty_database_up_to_date() {
    let database = TestDatabase::empty().await;
    let url = Some(database.url());

    let (ok, _, errors) = run(url, &["migrate", "--check"]);
    assert!(!ok);
    assert!(errors.contains("platform"), "{errors}");
    assert!(run(url, &["migrate"]).0);
    let (ok, output, _) = run(url, &["migrate", "--check"]);
    assert!(ok, "{output}");
}

#[tokio::test]
async fn a_server_that_is_about_to_stop_says_so_first_and_still_answers() {
    let database = TestDatabase::new().await;
    let arguments = ["serve", "--set", "server.drain_notice_seconds=5"];
    let mut server = Process::start(Some(database.url()), &arguments);
    let line = server.line_with("Health");
    let url = line.split_whitespace().last().unwrap();
    let ready = async || reqwest::get(url).await.unwrap();
    assert_eq!(ready().await.status(), 200);

    server.signal(Signal::SIGTERM);

    eventually("the server says that it stops", async || ready().await.status() == 503).await;
    let report = ready().await.text().await.unwrap();
    assert!(report.contains("\"draining\":true"), "{report}");
    let listings = url.replace("/health/ready", "/api/v1/listings");
    assert_eq!(reqwest::get(listings).await.unwrap().status(), 200);
    assert!(server.end().success(), "{}", server.errors());
}

#[tokio::test]
async fn a_server_that_is_asked_to_stop_ends_soon_and_well() {
    let database = TestDatabase::new().await;
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut server = Process::start(Some(database.url()), &["serve"]);
        let line = server.line_with("Health");
        let url = line.split_whitespace().last().unwrap();
        let healthy = reqwest::get(url).await.unwrap();
        assert_eq!(healthy.status(), 200);

        let asked = Instant::now();
        server.signal(signal);

        assert!(server.end().success(), "{}", server.errors());
        assert!(asked.elapsed() < Duration::from_secs(30));
    }
}

#[tokio::test]
async fn a_server_that_goes_says_so_first_and_goes_at_once_when_asked_twice() {
    let database = TestDatabase::new().await;
    let mut server =
        Process::start(Some(database.url()), &["serve", "--set", "server.drain_notice_seconds=30"]);
    let line = server.line_with("Health");
    let url = line.split_whitespace().last().unwrap();
    server.signal(Signal::SIGTERM);

    let client = reqwest::Client::new();
    let mut status = 200;
    for _ in 0..100 {
        status = client.get(url).send().await.unwrap().status().as_u16();
        if status == 503 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(status, 503, "it still answers, but wants no more requests");

    let asked = Instant::now();
    server.signal(Signal::SIGTERM);
    assert_eq!(server.end().code(), Some(130));
    assert!(asked.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn the_first_admin_comes_from_the_command_line() {
    let database = TestDatabase::new().await;
    let url = Some(database.url());
    let arguments = ["create-admin", "--email", "Root@example.com"];

    let (ok, output, errors) = run(url, &arguments);
    assert!(ok, "{errors}");
    assert!(output.contains("password: "), "{output}");
    let roles: Vec<String> = database
        .client()
        .await
        .query_one("SELECT roles FROM accounts WHERE email = 'root@example.com'", &[])
        .await
        .unwrap()
        .get(0);
    assert!(roles.contains(&"admin".to_owned()), "{roles:?}");

    let (ok, _, errors) = run(url, &arguments);
    assert!(!ok, "an address is taken once");
    assert!(!errors.is_empty());
}

#[tokio::test]
async fn the_doctor_finds_nothing_in_a_sound_marketplace_and_names_what_is_missing() {
    let database = TestDatabase::new().await;
    let (ok, output, errors) = run(Some(database.url()), &["doctor"]);
    assert!(ok, "{output}{errors}");

    database
        .client()
        .await
        .batch_execute(
            "INSERT INTO media_objects VALUES \
             ('ab/0123456789abcdef0123456789abcd.png', 'attached', 10, now())",
        )
        .await
        .unwrap();
    let (ok, output, _) = run(Some(database.url()), &["doctor", "storage"]);
    assert!(!ok);
    assert!(output.contains("ab/0123456789abcdef0123456789abcd.png"), "{output}");
}

#[tokio::test]
async fn the_doctor_finds_a_rating_that_no_review_gave_and_mends_it_when_told_to() {
    let database = TestDatabase::new().await;
    database
        .client()
        .await
        .batch_execute(
            "INSERT INTO accounts (id, email, password_hash, display_name, locale, time_zone, roles,
                 status, token_version, created_at, version)
             VALUES ('0192d4c0-0000-7000-8000-000000000001', 'kim@example.org', 'x', 'Kim', 'en',
                 'UTC', '{client}', 'active', 1, now(), 1);
             INSERT INTO providers (id, account_id, slug, name, category_ids, languages,
                 verification, status, rating_count, rating_mean, version, created_at, updated_at)
             VALUES ('0192d4c0-0000-7000-8000-000000000002', '0192d4c0-0000-7000-8000-000000000001',
                 'kim', 'Kim', '{}', '{}', 'unverified', 'active', 9, 5, 1, now(), now())",
        )
        .await
        .unwrap();

    let (ok, output, _) = run(Some(database.url()), &["doctor", "ratings"]);
    assert!(!ok);
    assert!(output.contains("prv_0192d4c0000070008000000000000002"), "{output}");
    let (ok, output, errors) = run(Some(database.url()), &["doctor", "ratings", "--mend"]);
    assert!(ok, "{output}{errors}");
    let (ok, output, errors) = run(Some(database.url()), &["doctor", "ratings"]);
    assert!(ok, "{output}{errors}");
}

#[tokio::test]
async fn the_doctor_adds_the_ledger_up_and_compares_it_with_a_gateways_file() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settled.csv");
    let path = file.to_str().unwrap();
    let doctor = ["doctor", "ledger"];
    let beside = ["--gateway-report", path, "--gateway", "sandbox"];

    let (ok, output, errors) = run(Some(database.url()), &doctor);
    assert!(ok && output.contains("ledger: well"), "{output}{errors}");

    std::fs::write(&file, "kind,transaction,amount,currency\ncapture,sbx_1,900,EUR\n").unwrap();
    let (ok, output, _) = run(Some(database.url()), &[&doctor[..], &beside].concat());
    assert!(!ok);
    assert!(output.contains("capture of sbx_1") && output.contains("has nothing"), "{output}");

    std::fs::write(&file, "kind,transaction,amount,currency\ncapture,sbx_1,much,EUR\n").unwrap();
    let (ok, _, errors) = run(Some(database.url()), &[&doctor[..], &beside].concat());
    assert!(!ok && errors.contains("line 2"), "{errors}");
}
