//! Accounts, sessions and tokens over HTTP.

mod administration;
mod people;
mod theft;
mod tokens;

use std::time::{Duration, Instant};

use reqwest::Method;
use scenarios::{Marketplace, Person, Reply};
use serde_json::{Value, json};

/// A marketplace where addresses are verified before anybody signs in.
async fn careful() -> Marketplace {
    Marketplace::with(|settings| settings.auth.require_verified_email = Some(true)).await
}

/// POST with a request id that is always the same, so that two answers can be equal to the byte.
async fn post_plainly(person: &Person, path: &str, body: &Value) -> Reply {
    let request = person.request(Method::POST, path).header("x-request-id", "same").json(body);
    person.send(&format!("POST {path} {body}"), request).await
}

/// What a client can tell two answers apart by, but for the time they were given at.
fn shown(reply: &Reply) -> String {
    let mut headers: Vec<String> = reply
        .headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "date" | "ratelimit"))
        .map(|(name, value)| format!("{name}: {value:?}"))
        .collect();
    headers.sort();
    format!("{} {headers:?} {}", reply.status, reply.text)
}

/// Signs up, without expecting anything.
async fn sign_up(person: &Person, email: &str) -> Reply {
    let body = json!({
        "email": email, "password": scenarios::PASSWORD, "display_name": "Ada Lovelace",
    });
    post_plainly(person, "auth/sign-up", &body).await
}

/// Waits until a person's access token does not count any more, and says how long that took.
async fn until_refused(person: &Person) -> Duration {
    let begun = Instant::now();
    while person.get("me").await.status != 401 {
        assert!(begun.elapsed() < Duration::from_secs(2), "the token still counts");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    begun.elapsed()
}

/// The secret at the end of the link in the first mail to an address with this path in it.
async fn secret(market: &Marketplace, email: &str, path: &str) -> String {
    let fits = |mail: &test_support::Mail| {
        mail.to.iter().any(|to| to.eq_ignore_ascii_case(email)) && mail.text().contains(path)
    };
    let link = market.mails.mail_that(fits).await.word_that_starts_with("http");
    link.split_once("token=").expect("the link has a secret").1.to_owned()
}
