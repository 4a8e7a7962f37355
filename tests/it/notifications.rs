//! Notifications and mail over HTTP.

use bookings::Happening;
use chrono::TimeDelta;
use mercato::wiring::derived_key;
use notifications::{Topic, Unsubscribe, UnsubscribeKey, Wordings, rules};
use reqwest::Method;
use reviews::ReviewEvent;
use scenarios::{Marketplace, PASSWORD, Person};
use serde_json::{Value, json};
use test_support::Mail;

use crate::reviews::{WORDS, Workshop, a_completed_booking, a_workshop};

#[test]
fn every_event_of_a_booking_or_review_has_words_in_every_language() {
    let of_bookings = Happening::ALL.iter().map(|happening| happening.event_name());
    for event in of_bookings.chain(ReviewEvent::NAMES.iter().copied()) {
        assert!(!rules(event).is_empty(), "nobody is told of {event}");
        for rule in rules(event) {
            for language in Wordings::shipped().languages() {
                assert!(Wordings::shipped().has(language, &rule.text), "{event} in {language}");
            }
        }
    }
}

#[test]
fn what_people_are_told_of_money_is_an_event_of_money() {
    let known = billing::BillingEvent::names();
    let told: Vec<&str> = known.iter().copied().filter(|event| !rules(event).is_empty()).collect();
    for event in ["payment.failed.v1", "payment.refunded.v1", "invoice.issued.v1"] {
        assert!(told.contains(&event), "{event}");
    }
    for event in ["subscription.payment_failed.v1", "subscription.expired.v1", "payout.paid.v1"] {
        assert!(told.contains(&event), "{event}");
    }
    for rule in told.iter().flat_map(|event| rules(event)) {
        assert!(known.contains(&rule.event.as_str()), "{}", rule.event);
        for language in Wordings::shipped().languages() {
            assert!(Wordings::shipped().has(language, &rule.text), "{} in {language}", rule.text);
        }
    }
}

#[test]
fn what_people_are_told_of_promotions_is_an_event_of_promotions() {
    let known: Vec<&str> =
        promotions::Happening::ALL.iter().map(|happening| happening.event_name()).collect();
    let told: Vec<&str> = known.iter().copied().filter(|event| !rules(event).is_empty()).collect();
    for event in [
        "promotion.started.v1",
        "promotion.expiring.v1",
        "promotion.expired.v1",
        "promotion.cancelled.v1",
    ] {
        assert!(told.contains(&event), "{event}");
    }
    for rule in told.iter().flat_map(|event| rules(event)) {
        for language in Wordings::shipped().languages() {
            assert!(Wordings::shipped().has(language, &rule.text), "{} in {language}", rule.text);
        }
    }
}

/// A client whose review of the workshop is published; the owner is told.
async fn a_published_review(marketplace: &Marketplace, workshop: &Workshop) -> (Person, String) {
    let client = marketplace.client().await;
    let review = a_published_review_by(&client, marketplace, workshop).await;
    (client, review)
}

async fn a_published_review_by(
    client: &Person,
    marketplace: &Marketplace,
    workshop: &Workshop,
) -> String {
    let booking = a_completed_booking(marketplace, workshop, client).await;
    let body = json!({ "booking_id": booking, "stars": 4, "text": WORDS });
    let review = client.post("reviews", body).await.expect(201).id();
    let _ = client.command(&format!("reviews/{review}/confirm")).await.expect(200);
    review
}

/// The first mail to somebody with this subject: one that confirms their address came before.
async fn mail_about(marketplace: &Marketplace, person: &Person, subject: &str) -> Mail {
    let fits = |mail: &Mail| mail.to == [person.email.as_str()] && mail.subject() == subject;
    marketplace.mails.mail_that(fits).await
}

fn titles(page: &[Value]) -> Vec<&str> {
    page.iter().filter_map(|item| item["title"].as_str()).collect()
}

#[tokio::test]
async fn people_are_told_in_the_app_in_their_language_and_mark_it_as_read() {
    let marketplace = Marketplace::start().await;
    let workshop = a_workshop(&marketplace).await;
    let owner = &workshop.owner;
    let _ = owner.patch("me", "", json!({ "locale": "de" })).await.expect(200);
    let (_, review) = a_published_review(&marketplace, &workshop).await;
    marketplace.settle().await;

    let page = owner.get("notifications?unread=true").await.expect(200);
    assert_eq!(titles(page.data()), ["Eine neue Bewertung: Shelves"]);
    assert_eq!(page.data()[0]["subject"], review);
    assert_eq!(page.data()[0]["kind"], "review_published_about_you");
    let mail = mail_about(&marketplace, owner, "Eine neue Bewertung: Shelves").await;
    assert!(mail.text().contains(&format!("/reviews/{review}")), "{}", mail.text());

    let read = json!({ "ids": [page.data()[0]["id"]] });
    let stranger = marketplace.client().await;
    let _ = stranger.put("notifications/read", read.clone()).await.expect(204);
    assert_eq!(owner.get("notifications?unread=true").await.data().len(), 1);
    for _ in 0..2 {
        let _ = owner.put("notifications/read", read.clone()).await.expect(204);
    }
    assert!(owner.get("notifications?unread=true").await.data().is_empty());
    assert!(owner.get("notifications").await.data()[0]["read_at"].is_string());
    let _ = owner.put("notifications/read", json!({})).await.refused(422, "validation");
    let _ = marketplace.visitor().get("notifications").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn one_click_in_a_mail_stops_such_mails_without_signing_in() {
    let marketplace = Marketplace::start().await;
    let workshop = a_workshop(&marketplace).await;
    let owner = &workshop.owner;
    let _ = a_published_review(&marketplace, &workshop).await;
    let mail = mail_about(&marketplace, owner, "You have a new review for Shelves").await;
    assert_eq!(mail.header("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    let header = mail.header("List-Unsubscribe");
    let url = header.trim_matches(['<', '>']);
    let public = &marketplace.settings.server.public_url;
    let path = url.strip_prefix(public.as_str()).unwrap();

    let visitor = marketplace.visitor();
    let page = visitor.get(path).await.expect(200);
    assert!(page.text.contains("<form method=\"post\">"), "{}", page.text);
    let preferences = owner.get("me/notification-preferences").await.expect(200);
    assert_eq!(preferences.body["topics"]["reviews"]["mail"], true, "looking stops nothing");

    let form = "application/x-www-form-urlencoded";
    let click = b"List-Unsubscribe=One-Click".to_vec();
    let _ = visitor.send_raw(Method::POST, path, form, click.clone()).await.expect(200);
    let preferences = owner.get("me/notification-preferences").await.expect(200);
    assert_eq!(preferences.body["topics"]["reviews"], json!({ "in_app": true, "mail": false }));
    let forged = visitor.send_raw(Method::POST, &format!("{path}x"), form, click).await;
    let _ = forged.refused(400, "notification.link_invalid");

    marketplace.mails.clear();
    let _ = a_published_review(&marketplace, &workshop).await;
    marketplace.settle().await;
    assert_eq!(owner.get("notifications").await.data().len(), 2);
    assert!(marketplace.mails.mails().iter().all(|mail| mail.to != [owner.email.as_str()]));

    let on = json!({ "topics": { "reviews": { "in_app": false, "mail": true } } });
    let chosen = owner.put("me/notification-preferences", on.clone()).await.expect(200);
    assert_eq!(chosen.body["topics"]["reviews"], on["topics"]["reviews"]);
    let account = json!({ "topics": { "account": { "in_app": false, "mail": false } } });
    let _ = owner.put("me/notification-preferences", account).await.expect(422);
}

#[tokio::test]
async fn a_mail_server_that_refuses_delays_a_mail_and_nothing_else() {
    let marketplace = Marketplace::start().await;
    let workshop = a_workshop(&marketplace).await;
    let owner = &workshop.owner;
    let client = marketplace.client().await;
    marketplace.settle().await;
    marketplace.mails.refuse_next(2, "451 4.3.0 somebody@example.org: try again later");

    let _ = a_published_review_by(&client, &marketplace, &workshop).await;
    marketplace.settle_despite_failures().await;
    assert_eq!(owner.get("notifications").await.data().len(), 1, "the app tells at once");

    let subject = "You have a new review for Shelves";
    let _ = mail_about(&marketplace, owner, subject).await;
    assert_eq!(marketplace.mails.refused(), 2);
    let waiting = async || {
        let query = "SELECT count(*) FROM mails WHERE state = 'queued'";
        marketplace.rows(query).await[0].clone()
    };
    while waiting().await != "0" {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let mails = marketplace.mails.mails();
    assert_eq!(mails.iter().filter(|mail| mail.subject() == subject).count(), 1, "once");
    // Nothing that is stored about mails or jobs repeats an address.
    let everything = marketplace
        .rows("SELECT m::text FROM mails m UNION ALL SELECT j::text FROM graphile_worker._private_jobs j")
        .await;
    for row in everything {
        for person in [&client, owner] {
            assert!(!row.contains(&person.email) && !row.contains("somebody@"), "{row}");
        }
    }
}

#[tokio::test]
async fn a_mail_to_nobody_is_given_up_and_the_queue_goes_on() {
    let marketplace = Marketplace::start().await;
    let workshop = a_workshop(&marketplace).await;
    // What the workshop's own beginnings send must be on its way already.
    marketplace.settle().await;
    marketplace.mails.refuse_recipient(&workshop.owner.email);

    let (client, review) = a_published_review(&marketplace, &workshop).await;
    marketplace.settle().await;

    let failed = marketplace.rows("SELECT problem FROM mails WHERE state = 'failed'").await;
    assert_eq!(failed, ["550"]);
    let reply = json!({ "text": "Thank you." });
    let _ = workshop.owner.post(&format!("reviews/{review}/reply"), reply).await.expect(200);
    let replied = |mail: &Mail| mail.subject().starts_with("A reply to your review");
    let mail = marketplace.mails.mail_that(replied).await;
    assert_eq!(mail.to, [client.email.as_str()]);
}

#[tokio::test]
async fn links_for_an_account_arrive_by_mail_work_once_and_are_stored_nowhere() {
    let marketplace =
        Marketplace::with(|settings| settings.auth.require_verified_email = Some(true)).await;
    let mut person = marketplace.newcomer("kim");
    let body = json!({
        "email": person.email, "password": PASSWORD, "display_name": "Kim", "locale": "de",
    });
    let _ = person.post("auth/sign-up", body.clone()).await.expect(202);

    let mail = marketplace.mails.mail_to(&person.email).await;
    assert_eq!(mail.subject(), "Bestätigen Sie Ihre Adresse");
    assert_eq!(mail.header("List-Unsubscribe"), "");
    let link = mail.word_that_starts_with("http");
    let secret = link.split_once("/verify-email?token=").unwrap().1.to_owned();
    let token = json!({ "token": secret });
    let verified = person.post("auth/email/verify", token.clone()).await;
    assert!(verified.status.is_success(), "{}", verified.text);
    assert!(person.post("auth/email/verify", token).await.status.is_client_error());
    person.sign_in().await;

    marketplace.mails.clear();
    let _ = marketplace.visitor().post("auth/sign-up", body).await.expect(202);
    let mail = marketplace.mails.mail_to(&person.email).await;
    assert_eq!(mail.subject(), "Sie haben schon ein Konto");

    marketplace.mails.clear();
    let forgot = json!({ "email": person.email });
    let _ = marketplace.visitor().post("auth/password/forgot", forgot).await.expect(202);
    let mail = marketplace.mails.mail_to(&person.email).await;
    assert_eq!(mail.subject(), "Wählen Sie ein neues Passwort");
    let link = mail.word_that_starts_with("http");
    let reset = link.split_once("/reset-password?token=").unwrap().1.to_owned();
    let body = json!({ "token": reset, "password": "another correct horse battery" });
    let done = marketplace.visitor().post("auth/password/reset", body).await;
    assert!(done.status.is_success(), "{}", done.text);

    marketplace.settle().await;
    let stored = marketplace
        .rows("SELECT m::text FROM mails m UNION ALL SELECT e::text FROM events e UNION ALL SELECT j::text FROM graphile_worker._private_jobs j")
        .await;
    for row in stored {
        assert!(!row.contains(&secret) && !row.contains(&reset), "{row}");
        assert!(!row.contains(&person.email), "{row}");
    }
}

#[tokio::test]
async fn a_review_that_is_not_confirmed_in_time_is_discarded_and_its_author_is_told() {
    let marketplace = Marketplace::start().await;
    let workshop = a_workshop(&marketplace).await;
    let mut client = marketplace.client().await;
    let booking = a_completed_booking(&marketplace, &workshop, &client).await;
    let body = json!({ "booking_id": booking, "stars": 4, "text": WORDS });
    let _ = client.post("reviews", body.clone()).await.expect(201);

    marketplace.advance(TimeDelta::days(7)).await;
    client.sign_in().await;

    let told = client.get("notifications?limit=1").await.expect(200);
    assert_eq!(titles(told.data()), ["Your review of Shelves was not confirmed"]);
    let _ = client.post("reviews", body).await.expect(201);
}

#[tokio::test]
async fn the_page_that_stops_mails_speaks_the_language_of_whom_they_are_for() {
    let marketplace = Marketplace::start().await;
    let ada = marketplace.client().await;
    let key = UnsubscribeKey::new(derived_key(&marketplace.settings, "unsubscribe links"));
    let account = ada.account.parse().expect("an id");
    let token = key.token(&Unsubscribe { account, topic: Topic::Bookings });
    let link = format!("notifications/unsubscribe?token={token}");
    let visitor = marketplace.visitor();

    let english = visitor.get(&link).await.expect(200);
    assert!(english.text.contains("<html lang=\"en\">"), "{}", english.text);
    let _ = ada.patch("me", "*", json!({ "locale": "de-AT" })).await.expect(200);
    let german = visitor.get(&link).await.expect(200);
    assert!(german.text.contains("<html lang=\"de\">"), "{}", german.text);
    assert!(german.text.contains("<button>Mails dieser Art abbestellen</button>"));
    let done = visitor.command(&link).await.expect(200);
    assert!(done.text.contains("keine Mails dieser Art mehr"), "{}", done.text);

    let forged = visitor.get("notifications/unsubscribe?token=bookings.AAAA").await.expect(200);
    assert!(forged.text.contains("<html lang=\"en\">"), "{}", forged.text);
}

#[tokio::test]
async fn mails_that_went_out_and_notifications_that_were_read_are_kept_for_a_while() {
    let marketplace = Marketplace::with(|settings| {
        settings.jobs.mail_retention_days = 10;
        settings.jobs.notification_retention_days = 20;
    })
    .await;
    let ada = marketplace.client().await;
    let account = ada.account.parse::<kernel::AccountId>().expect("an id").as_uuid();
    marketplace.settle().await;
    let days_ago = |days| format!("'{}'", (marketplace.now() - TimeDelta::days(days)).to_rfc3339());
    let mail = |subject: &str, state: &str, ended: Option<i64>| {
        let ended = ended.map_or("NULL".to_owned(), days_ago);
        format!(
            "INSERT INTO mails (id, account_id, template, topic, text, subject, data, state,
                 attempts, problem, ended_at, created_at)
             VALUES (gen_random_uuid(), '{account}', 'notification', 'bookings', 'booking_expired',
                 '{subject}', '{{}}', '{state}', 1, 'x', {ended}, {})",
            days_ago(40)
        )
    };
    let told = |subject: &str, read: Option<i64>| {
        let read = read.map_or("NULL".to_owned(), days_ago);
        format!(
            "INSERT INTO notifications (id, account_id, event_id, topic, text, subject, facts,
                 created_at, read_at)
             VALUES (gen_random_uuid(), '{account}', gen_random_uuid(), 'bookings',
                 'booking_expired', '{subject}', '{{}}', {}, {read})",
            days_ago(40)
        )
    };
    for statement in [
        mail("sent long ago", "sent", Some(11)),
        mail("failed long ago", "failed", Some(11)),
        mail("sent", "sent", Some(9)),
        mail("queued", "queued", None),
        told("read long ago", Some(21)),
        told("read", Some(19)),
        told("unread", None),
        "SELECT graphile_worker.add_job('notifications.forget', '{}'::json)".to_owned(),
    ] {
        marketplace.rows(&statement).await;
    }

    marketplace.settle().await;

    let left = async |table: &str| {
        let of_ada =
            format!("SELECT subject FROM {table} WHERE text = 'booking_expired' ORDER BY 1");
        marketplace.rows(&of_ada).await
    };
    assert_eq!(left("mails").await, ["queued", "sent"]);
    assert_eq!(left("notifications").await, ["read", "unread"]);
}
