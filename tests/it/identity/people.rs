//! What people do with their accounts.

use chrono::TimeDelta;
use scenarios::{Marketplace, PASSWORD};
use serde_json::json;

use super::{careful, post_plainly, secret, shown, sign_up, until_refused};

#[tokio::test]
async fn a_person_signs_up_shows_themselves_and_signs_out() {
    let market = Marketplace::start().await;
    let ada = market.client().await;

    let me = ada.get("me").await.expect(200);
    assert_eq!(me.header("cache-control"), "no-store");
    assert_eq!(me.text_at("email"), ada.email);
    assert_eq!(me.body["roles"], json!(["client"]));
    for secret in ["password", "hash", "token_version"] {
        assert!(!me.text.contains(secret), "{}", me.text);
    }

    let patch = json!({ "display_name": " Ada ", "locale": "pt-BR", "time_zone": "Europe/Berlin" });
    let changed = ada.patch("me", me.header("etag"), patch).await.expect(200);
    assert_eq!(changed.text_at("display_name"), "Ada");
    assert_eq!(changed.text_at("time_zone"), "Europe/Berlin");
    let stale = ada.patch("me", me.header("etag"), json!({ "locale": "de" })).await;
    let _ = stale.refused(412, "stale_version");

    let _ = ada.post("auth/token/revoke", json!({ "token": ada.refresh_token })).await.expect(204);
    assert!(until_refused(&ada).await.as_millis() <= 1_000);
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    let market = Marketplace::start().await;
    let body = json!({
        "email": "nonsense", "password": "short", "display_name": " ",
        "locale": "English", "time_zone": "Mars/Olympus",
    });
    let reply = market.visitor().post("auth/sign-up", body).await.refused(422, "validation");
    assert_eq!(reply.pointers(), ["/email", "/password", "/display_name", "/locale", "/time_zone"]);

    let ada = market.client().await;
    let patch = json!({ "display_name": null, "locale": "xx_YY" });
    let reply = ada.patch("me", "", patch).await.refused(422, "validation");
    assert_eq!(reply.pointers(), ["/display_name", "/locale"]);
    for forbidden in ["roles", "email", "status", "email_verified", "password_hash", "id"] {
        let reply = ada.patch("me", "", json!({ forbidden: "x" })).await.expect(422);
        assert_eq!(reply.pointers(), [format!("/{forbidden}")]);
    }
}

#[tokio::test]
async fn an_address_in_use_is_told_only_where_addresses_need_no_verification() {
    let market = Marketplace::start().await;
    let ada = market.client().await;
    let again = sign_up(&market.visitor(), &ada.email.to_uppercase()).await;
    let _ = again.refused(409, "identity.address_taken");

    let market = careful().await;
    let email = market.newcomer("ada").email;
    let (first, second) = (market.visitor(), market.visitor());
    let new = sign_up(&first, &email).await.expect(202);
    let unverified = sign_up(&second, &email).await.expect(202);
    market.settle().await;
    let token = secret(&market, &email, "/verify-email").await;
    let verify = json!({ "token": token });
    let _ = market.visitor().post("auth/email/verify", verify.clone()).await.expect(204);
    let verified = sign_up(&market.visitor(), &email).await.expect(202);

    assert_eq!(shown(&new), shown(&unverified));
    assert_eq!(shown(&new), shown(&verified));
    let _ = market
        .visitor()
        .post("auth/email/verify", verify)
        .await
        .refused(410, "identity.link_invalid");
    market.settle().await;
    let mails = market.mails.mails();
    assert_eq!(mails.len(), 3, "a link, another link, and a word that somebody signed up again");
    assert!(!mails[2].text().contains("token="), "{}", mails[2].text());
}

#[tokio::test]
async fn an_unverified_address_signs_in_after_its_link_was_used() {
    let market = careful().await;
    let mut ada = market.newcomer("ada");
    let _ = sign_up(&ada, &ada.email).await.expect(202);
    let _ = ada.try_to_sign_in().await.refused(403, "identity.email_not_verified");
    let wrong = json!({ "email": ada.email, "password": "not the password" });
    let _ = ada.post("auth/token", wrong).await.refused(401, "identity.wrong_credentials");

    let token = secret(&market, &ada.email, "/verify-email").await;
    let _ = ada.post("auth/email/verify", json!({ "token": token })).await.expect(204);
    ada.sign_in().await;
    assert_eq!(ada.get("me").await.expect(200).body["email_verified"], true);
}

#[tokio::test]
async fn nobody_learns_from_an_answer_whether_an_address_is_known() {
    let market = Marketplace::start().await;
    let ada = market.client().await;
    let stranger = market.newcomer("stranger");
    for (path, password) in [
        ("auth/token", Some("not the password")),
        ("auth/password/forgot", None),
        ("auth/email/resend", None),
    ] {
        let ask = async |email: &str| {
            let mut body = json!({ "email": email });
            if let Some(password) = password {
                body["password"] = password.into();
            }
            post_plainly(&market.visitor(), path, &body).await
        };
        let (known, unknown) = (ask(&ada.email).await, ask(&stranger.email).await);
        assert_eq!(shown(&known), shown(&unknown), "{path}");
    }
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_the_link_in_a_mail() {
    let market = Marketplace::start().await;
    let mut ada = market.client().await;
    let visitor = market.visitor();
    let _ = visitor.post("auth/password/forgot", json!({ "email": ada.email })).await.expect(202);
    let token = secret(&market, &ada.email, "/reset-password").await;

    let new = "four other random words";
    let weak = json!({ "token": token, "password": "password123" });
    let weak = visitor.post("auth/password/reset", weak).await.refused(422, "validation");
    assert_eq!(weak.pointers(), ["/password"]);
    let reset = json!({ "token": token, "password": new });
    let _ = visitor.post("auth/password/reset", reset.clone()).await.expect(204);

    assert!(until_refused(&ada).await.as_millis() <= 1_000, "all sessions end");
    let _ = visitor.post("auth/password/reset", reset).await.refused(410, "identity.link_invalid");
    let _ = ada.try_to_sign_in().await.refused(401, "identity.wrong_credentials");
    let body = json!({ "email": ada.email, "password": new });
    let _ = visitor.post("auth/token", body).await.expect(200);

    let _ = visitor.post("auth/password/forgot", json!({ "email": ada.email })).await.expect(202);
    market.settle().await;
    let mails = market.mails.mails();
    let late = mails
        .iter()
        .map(test_support::Mail::text)
        .filter_map(|text| Some(text.split_once("/reset-password?token=")?.1.to_owned()))
        .filter_map(|rest| rest.split_whitespace().next().map(ToOwned::to_owned))
        .find(|found| *found != token)
        .expect("a second link was mailed");
    market.advance(TimeDelta::minutes(61)).await;
    let body = json!({ "token": late, "password": PASSWORD });
    let _ = visitor.post("auth/password/reset", body).await.refused(410, "identity.link_invalid");
}

#[tokio::test]
async fn a_password_is_changed_by_whoever_knows_it_and_signs_out_everybody_else() {
    let market = Marketplace::start().await;
    let mut ada = market.client().await;
    let other_device = ada.clone();
    ada.sign_in().await;

    let body = json!({ "current_password": "not it at all", "new_password": "four other words" });
    let refused = ada.post("auth/password/change", body).await.refused(422, "validation");
    assert_eq!(refused.pointers(), ["/current_password"]);
    let body = json!({ "current_password": PASSWORD, "new_password": ada.email });
    let refused = ada.post("auth/password/change", body).await.refused(422, "validation");
    assert_eq!(refused.pointers(), ["/new_password"]);
    let body = json!({ "current_password": PASSWORD, "new_password": "four other words" });
    let _ = market.visitor().post("auth/password/change", body.clone()).await.expect(401);
    let tokens = ada.post("auth/password/change", body).await.expect(200);

    assert!(until_refused(&other_device).await.as_millis() <= 1_000);
    ada.sign_in_with(&tokens.body);
    let _ = ada.get("me").await.expect(200);
    assert_eq!(ada.get("me/sessions").await.expect(200).data().len(), 1);
}

#[tokio::test]
async fn a_person_sees_their_devices_and_signs_one_of_them_out() {
    let market = Marketplace::start().await;
    let mut ada = market.client().await;
    let phone = ada.clone();
    ada.sign_in().await;
    let bob = market.client().await;

    let sessions = ada.get("me/sessions").await.expect(200);
    let current: Vec<bool> = sessions.data().iter().map(|s| s["is_current"] == true).collect();
    assert_eq!(current, [true, false], "newest first");
    let id = sessions.data()[1]["id"].as_str().expect("a session has an id").to_owned();
    let path = format!("me/sessions/{id}");
    let _ = bob.delete(&path).await.refused(404, "session.not_found");
    let _ = ada.delete("me/sessions/ses_0").await.expect(404);
    let _ = ada.delete(&path).await.expect(204);

    assert!(until_refused(&phone).await.as_millis() <= 1_000);
    let _ = ada.get("me").await.expect(200);
    let _ = ada.delete(&path).await.refused(404, "session.not_found");
}

#[tokio::test]
async fn guessing_is_slowed_down_for_one_address_and_for_nobody_else() {
    let market = Marketplace::start().await;
    let (ada, mut bob) = (market.client().await, market.client().await);
    let thief = market.visitor();
    let guess = json!({ "email": ada.email, "password": "not the password" });
    for _ in 0..10 {
        let _ = thief.post("auth/token", guess.clone()).await.expect(401);
    }

    let refused = thief.post("auth/token", guess).await.refused(429, "identity.throttled");
    let wait: u64 = refused.header("retry-after").parse().expect("it says how long to wait");
    assert!((1..=90).contains(&wait), "{wait}");
    bob.sign_in().await;
    let _ = ada.get("me").await.expect(200);
    market.advance(TimeDelta::seconds(90)).await;
    let mut ada = ada;
    ada.sign_in().await;
}

#[tokio::test]
async fn a_network_is_slowed_down_whatever_addresses_it_tries() {
    let market = Marketplace::start().await;
    let ada = market.client().await;
    let thief = market.visitor();
    for n in 0..50 {
        let guess = json!({ "email": format!("nobody-{n}@example.org"), "password": PASSWORD });
        let _ = thief.post("auth/token", guess).await.expect(401);
    }
    let right = json!({ "email": ada.email, "password": PASSWORD });
    let _ = thief.post("auth/token", right.clone()).await.refused(429, "identity.throttled");
    let _ = market.visitor().post("auth/token", right).await.expect(200);
}
