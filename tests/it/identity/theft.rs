//! Refresh tokens that are shown twice.

use std::collections::HashSet;

use access::Actor;
use chrono::TimeDelta;
use scenarios::{Marketplace, Person, Reply};
use serde_json::json;
use tokio::task::JoinSet;

use super::until_refused;

async fn refresh(person: &Person, token: &str) -> Reply {
    person.post("auth/token/refresh", json!({ "refresh_token": token })).await
}

/// The same person without an access token, as a client that refreshes.
fn without_access(person: &Person) -> Person {
    let mut client = person.clone();
    client.token.clear();
    client
}

#[tokio::test]
async fn a_token_shown_again_ends_its_session_and_is_in_the_audit_log() {
    let market = Marketplace::start().await;
    let mut ada = market.client().await;
    let thief = market.visitor();
    let client = without_access(&ada);
    let second = refresh(&client, &ada.refresh_token).await.expect(200);
    let third = refresh(&client, &second.text_at("refresh_token")).await.expect(200);
    assert_ne!(second.text_at("refresh_token"), third.text_at("refresh_token"));

    let stolen = refresh(&thief, &ada.refresh_token).await.refused(401, "invalid_token");

    let victim = refresh(&client, &third.text_at("refresh_token")).await;
    let _ = victim.refused(401, "invalid_token");
    ada.sign_in_with(&third.body);
    assert!(until_refused(&ada).await.as_millis() <= 1_000);
    let admin = market.operator().await;
    let object = third.text_at("session_id");
    let log = admin.find("admin/audit", &[("object", &object)]).await.expect(200);
    assert_eq!(log.data().len(), 1, "{}", log.text);
    assert_eq!(log.data()[0]["command"], "refresh_token_reused");
    assert_eq!(log.data()[0]["request_id"], stolen.header("x-request-id"));
    ada.sign_in().await;
    let _ = ada.get("me").await.expect(200);
}

#[tokio::test]
async fn a_token_refreshed_many_times_at_once_has_one_successor() {
    let market = Marketplace::start().await;
    let ada = market.client().await;
    let client = without_access(&ada);
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let (client, token) = (client.clone(), ada.refresh_token.clone());
        tasks.spawn(async move { refresh(&client, &token).await.expect(200) });
    }
    let replies = tasks.join_all().await;

    let successors: HashSet<String> =
        replies.iter().map(|reply| reply.text_at("refresh_token")).collect();
    assert_eq!(successors.len(), 1);
    for successor in successors {
        let _ = refresh(&client, &successor).await.expect(200);
    }
}

#[tokio::test]
async fn a_lost_answer_is_given_again_for_ten_seconds_only() {
    let market = Marketplace::start().await;
    let ada = market.client().await;
    let client = without_access(&ada);
    let second = refresh(&client, &ada.refresh_token).await.expect(200);
    let again = refresh(&client, &ada.refresh_token).await.expect(200);
    assert_eq!(second.text_at("refresh_token"), again.text_at("refresh_token"));

    market.advance(TimeDelta::seconds(10)).await;
    let _ = refresh(&client, &ada.refresh_token).await.refused(401, "invalid_token");
}

#[tokio::test]
async fn a_session_lasts_thirty_days_from_its_last_refresh() {
    let market = Marketplace::with(|settings| settings.auth.refresh_token_days = 30).await;
    let simulation = market.services.simulation.as_ref().expect("time is simulated in tests");
    // Not over HTTP: an admin's session would end as well.
    let pass = async |days| {
        let moved = simulation.advance(&Actor::system(), TimeDelta::days(days)).await;
        moved.expect("time can be moved");
    };
    let ada = market.client().await;
    let client = without_access(&ada);

    pass(29).await;
    let tokens = refresh(&client, &ada.refresh_token).await.expect(200);
    pass(29).await;
    let tokens = refresh(&client, &tokens.text_at("refresh_token")).await.expect(200);
    pass(30).await;
    let late = refresh(&client, &tokens.text_at("refresh_token")).await;
    let _ = late.refused(401, "invalid_token");
}
