//! Time is real unless the operator says otherwise.

use std::io::Write;

use reqwest::Client;
use serde_json::{Value, json};
use test_support::TestDatabase;

use crate::process::Process;

const PASSWORD: &str = "correct horse battery staple";

/// Moves time by an hour as an admin, over HTTP: the status and the answer.
async fn advance(base: &str) -> (u16, Value) {
    let client = Client::new();
    let sign_in = json!({ "email": "grace@example.org", "password": PASSWORD });
    let tokens = client.post(format!("{base}/api/v1/auth/token")).json(&sign_in).send().await;
    let tokens: Value = tokens.unwrap().json().await.unwrap();
    let answer = client
        .post(format!("{base}/api/v1/admin/clock/advance"))
        .bearer_auth(tokens["access_token"].as_str().unwrap())
        .json(&json!({ "seconds": 3_600 }))
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn time_moves_only_where_it_is_simulated_and_then_everybody_has_to_follow() {
    let database = TestDatabase::new().await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "{PASSWORD}").unwrap();
    let path = file.path().to_str().unwrap();
    let url = Some(database.url());
    let create = ["create-admin", "--email", "grace@example.org", "--password-file", path];
    assert!(Process::start(url, &create).end().success());

    let mut server = Process::start(url, &["serve"]);
    let (status, refusal) = advance(&server.base()).await;
    assert_eq!((status, &refusal["code"]), (404, &json!("not_found")), "{refusal}");
    drop(server);

    let mut server = Process::start(url, &["serve", "--simulate"]);
    let (status, answer) = advance(&server.base()).await;
    assert_eq!(status, 200, "{answer}");
    let mut other = Process::start(url, &["worker"]);
    assert!(!other.end().success());
    assert!(other.errors().contains("--simulate"));
}
