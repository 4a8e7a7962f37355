//! Access tokens that are not what they seem.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use mercato::config::Secret;
use scenarios::{Marketplace, Person};
use serde_json::{Value, json};
use sha2::Sha256;

fn signed(header: &Value, claims: &Value, key: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let mut mac =
        <Hmac<Sha256> as KeyInit>::new_from_slice(key.as_bytes()).expect("HMAC takes any key");
    mac.update(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// The header and the claims of a token.
fn opened(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| {
        let bytes = URL_SAFE_NO_PAD.decode(part).expect("a part is base64");
        serde_json::from_slice(&bytes).unwrap_or(Value::Null)
    });
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

fn with_token(person: &Person, token: String) -> Person {
    let mut other = person.clone();
    other.token = token;
    other
}

#[tokio::test]
async fn a_token_says_what_it_should_and_counts_for_ten_minutes() {
    let market = Marketplace::with(|settings| settings.auth.access_token_seconds = 600).await;
    let ada = market.client().await;
    let (header, claims) = opened(&ada.token);

    assert_eq!(header, json!({ "typ": "at+jwt", "alg": "HS256", "kid": "demo" }));
    assert_eq!(claims["sub"], ada.account);
    assert_eq!(claims["roles"], json!(["client"]));
    let lifetime = claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(exp, iat)| exp - iat);
    assert_eq!(lifetime, Some(600));
    assert!(!claims.to_string().contains("example.org"), "{claims}");
    market.advance(chrono::TimeDelta::seconds(580)).await;
    let _ = ada.get("me").await.expect(200);
    market.advance(chrono::TimeDelta::seconds(20)).await;
    let _ = ada.get("me").await.refused(401, "invalid_token");
}

#[tokio::test]
async fn a_forged_token_is_refused() {
    let market = Marketplace::start().await;
    let ada = market.client().await;
    let key = market.settings.auth.signing_key.expose().to_owned();
    let (header, claims) = opened(&ada.token);
    let now = market.now().timestamp();
    let genuine = signed(&header, &claims, &key);
    let _ = with_token(&ada, genuine.clone()).get("me").await.expect(200);

    let in_header = |name: &str, value: Value| {
        let mut header = header.clone();
        header[name] = value;
        signed(&header, &claims, &key)
    };
    let in_claims = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        signed(&header, &claims, &key)
    };
    let unsigned = |token: &str| {
        let (message, _) = token.rsplit_once('.').expect("a token has a signature");
        format!("{message}.")
    };
    let forged = [
        ("another key", signed(&header, &claims, "another key that is as long as ours is")),
        ("an empty key", signed(&header, &claims, "")),
        ("no signature", unsigned(&genuine)),
        ("algorithm none", unsigned(&in_header("alg", json!("none")))),
        ("algorithm none, signed", in_header("alg", json!("none"))),
        ("algorithm HS512", in_header("alg", json!("HS512"))),
        ("algorithm EdDSA", in_header("alg", json!("EdDSA"))),
        ("algorithm RS256", in_header("alg", json!("RS256"))),
        ("a plain JWT", in_header("typ", json!("JWT"))),
        ("an identity token", in_header("typ", json!("id+jwt"))),
        ("a foreign kid", in_header("kid", json!("another"))),
        ("a path as kid", in_header("kid", json!("../../dev/null"))),
        ("a key by address", in_header("jku", json!("https://evil.example/keys"))),
        ("a certificate by address", in_header("x5u", json!("https://evil.example/cert"))),
        ("a key of its own", in_header("jwk", json!({ "kty": "oct", "k": "AAAA" }))),
        ("another audience", in_claims("aud", json!("admins"))),
        ("another issuer", in_claims("iss", json!("https://evil.example"))),
        ("expired", in_claims("exp", json!(now - 1))),
        ("not yet", in_claims("nbf", json!(now + 3_600))),
        ("somebody else", in_claims("sub", json!("acc_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"))),
        ("another session", in_claims("sid", json!("ses_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"))),
        ("no id", in_claims("sub", json!("' OR 1=1 --"))),
        ("a refresh token", ada.refresh_token.clone()),
        ("nonsense", "nonsense".to_owned()),
        ("very long", "a".repeat(6_000)),
    ];
    for (what, token) in forged {
        let refused = with_token(&ada, token).get("me").await.refused(401, "invalid_token");
        assert_eq!(refused.header("www-authenticate"), "Bearer", "{what}");
    }
}

#[tokio::test]
async fn roles_come_from_the_database_not_from_the_token() {
    let market = Marketplace::start().await;
    let ada = market.client().await;
    let (header, mut claims) = opened(&ada.token);
    claims["roles"] = json!(["client", "admin"]);
    let key = market.settings.auth.signing_key.expose();
    let promoted = with_token(&ada, signed(&header, &claims, key));

    let _ = promoted.get("admin/accounts").await.refused(403, "forbidden");
    assert_eq!(promoted.get("me").await.expect(200).body["roles"], json!(["client"]));
}

#[tokio::test]
async fn a_token_of_yesterdays_key_still_counts() {
    let old = "yesterday's key, which signs no more tokens";
    let market = Marketplace::with(|settings| {
        settings.auth.accepted_keys = vec![Secret::new(format!("yesterday:{old}"))];
    })
    .await;
    let ada = market.client().await;
    let (mut header, claims) = opened(&ada.token);
    header["kid"] = json!("yesterday");

    let _ = with_token(&ada, signed(&header, &claims, old)).get("me").await.expect(200);
    let today = market.settings.auth.signing_key.expose();
    let crossed = with_token(&ada, signed(&header, &claims, today));
    let _ = crossed.get("me").await.refused(401, "invalid_token");
}

#[tokio::test]
async fn whoever_holds_a_token_finds_out_what_it_is_worth() {
    let market = Marketplace::start().await;
    let ada = market.client().await;
    let visitor = market.visitor();
    for token in [&ada.token, &ada.refresh_token] {
        let worth = visitor.post("auth/token/verify", json!({ "token": token })).await.expect(200);
        assert_eq!(worth.body["active"], true);
        assert_eq!(worth.text_at("account_id"), ada.account);
        assert_eq!(worth.body["roles"], json!(["client"]));
    }
    for token in [&ada.token, "nonsense"] {
        let _ = visitor.post("auth/token/revoke", json!({ "token": token })).await.expect(204);
    }
    for token in [ada.token.as_str(), &ada.refresh_token, "nonsense", ""] {
        let worth = visitor.post("auth/token/verify", json!({ "token": token })).await.expect(200);
        assert_eq!(worth.body, json!({ "active": false }));
    }
}

#[tokio::test]
async fn a_token_that_counts_no_more_keeps_nobody_from_signing_in() {
    let market = Marketplace::with(|settings| settings.auth.access_token_seconds = 60).await;
    let ada = market.client().await;
    market.advance(chrono::TimeDelta::minutes(2)).await;
    let _ = ada.get("me").await.refused(401, "invalid_token");
    let (header, claims) = opened(&ada.token);
    let forged = signed(&header, &claims, "another key that is as long as ours is");

    let mut newest = ada.refresh_token.clone();
    for stale in [ada.token.clone(), forged, "nonsense".to_owned()] {
        let ada = with_token(&ada, stale);
        let refresh = json!({ "refresh_token": newest });
        newest = ada.post("auth/token/refresh", refresh).await.expect(200).text_at("refresh_token");
        let credentials = json!({ "email": ada.email, "password": scenarios::PASSWORD });
        let _ = ada.post("auth/token", credentials).await.expect(200);
        let verified = ada.post("auth/token/verify", json!({ "token": newest })).await.expect(200);
        assert_eq!(verified.body["active"], true);
        let address = json!({ "email": ada.email });
        let _ = ada.post("auth/password/forgot", address.clone()).await.expect(202);
        let _ = ada.post("auth/email/resend", address).await.expect(202);
        let used = json!({ "token": "mst_used" });
        let _ = ada.post("auth/email/verify", used).await.refused(410, "identity.link_invalid");
    }
    let _ = ada.post("auth/token/revoke", json!({ "token": newest })).await.expect(204);

    let change = json!({ "current_password": scenarios::PASSWORD, "new_password": "four other random words" });
    let _ = ada.post("auth/password/change", change).await.refused(401, "invalid_token");
}
