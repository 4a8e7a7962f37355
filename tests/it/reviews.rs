//! Reviews over HTTP.

use chrono::TimeDelta;
use kernel::{BookingId, ListingId, ProviderId, SystemIds};
use reqwest::Method;
use scenarios::{Marketplace, Person};
use serde_json::{Value, json};
use test_support::Mail;

/// A provider with a listing.
pub(crate) struct Workshop {
    pub(crate) owner: Person,
    pub(crate) listing: ListingId,
}

pub(crate) const WORDS: &str = "On time, tidy, and the shelves are straight.";

/// Arranged beside the API: what is tested here begins where a booking ends.
pub(crate) async fn a_workshop(marketplace: &Marketplace) -> Workshop {
    let mut owner = marketplace.client().await;
    let (provider, listing) = (ProviderId::next(&SystemIds), ListingId::next(&SystemIds));
    let number = provider.as_uuid().simple().to_string();
    run(
        marketplace,
        &format!(
            "INSERT INTO listing_types (key, position, declaration, version, created_at, updated_at)
             VALUES ('carpentry', 1, '{{\"key\": \"carpentry\", \"review_criteria\": [
                 {{\"key\": \"punctuality\", \"label\": \"Punctuality\"}}]}}', 1, now(), now())
             ON CONFLICT DO NOTHING;
             INSERT INTO providers (id, account_id, slug, name, category_ids, languages,
                 verification, status, version, created_at, updated_at)
             VALUES ('{provider}', '{account}', 'w-{number}', 'Workshop', '{{}}', '{{}}',
                 'unverified', 'active', 1, now(), now());
             INSERT INTO listings (id, listing_type, provider_id, provider_active, title, slug,
                 description, price_unit, attributes, access, status, version, created_at,
                 updated_at, published_at)
             VALUES ('{listing}', 'carpentry', '{provider}', true, 'Shelves', 's-{number}',
                 'Straight.', 'free_quote', '{{}}', 'free', 'published', 1, now(), now(), now())",
            provider = provider.as_uuid(),
            account = uuid_of(&owner),
            listing = listing.as_uuid(),
        ),
    )
    .await;
    owner.provider = provider.to_string();
    owner.sign_in().await;
    Workshop { owner, listing }
}

/// A booking of the workshop by this client, completed just now.
pub(crate) async fn a_completed_booking(
    marketplace: &Marketplace,
    workshop: &Workshop,
    client: &Person,
) -> BookingId {
    let id = BookingId::next(&SystemIds);
    let provider: ProviderId = workshop.owner.provider.parse().expect("an id");
    run(
        marketplace,
        &format!(
            "INSERT INTO bookings (id, listing_id, title, client_id, provider_id,
                 provider_account_id, process, message, funds, cancellation, offers, changes_left,
                 status, since, cause, created_at, accepted_at, stale_at, version)
             VALUES ('{id}', '{listing}', 'Shelves', '{client}', '{provider}', '{account}',
                 'request', 'Please.', 'not_taken', '[]', '[]', 2, 'completed', '{at}',
                 'confirmed', '{at}', '{at}', '{at}', 3)",
            id = id.as_uuid(),
            listing = workshop.listing.as_uuid(),
            client = uuid_of(client),
            provider = provider.as_uuid(),
            account = uuid_of(&workshop.owner),
            at = marketplace.now().to_rfc3339(),
        ),
    )
    .await;
    id
}

fn uuid_of(person: &Person) -> uuid::Uuid {
    person.account.parse::<kernel::AccountId>().expect("an id").as_uuid()
}

async fn run(marketplace: &Marketplace, sql: &str) {
    marketplace.sql().batch_execute(sql).await.expect("the statement is right");
}

pub(crate) async fn a_review(
    marketplace: &Marketplace,
    workshop: &Workshop,
    stars: i64,
) -> (Person, String) {
    let client = marketplace.client().await;
    let booking = a_completed_booking(marketplace, workshop, &client).await;
    let body = json!({ "booking_id": booking, "stars": stars, "text": WORDS });
    let review = client.post("reviews", body).await.expect(201).id();
    let _ = client.command(&format!("reviews/{review}/confirm")).await.expect(200);
    (client, review)
}

async fn rating(marketplace: &Marketplace, workshop: &Workshop) -> Value {
    let path = format!("providers/{}/reviews", workshop.owner.provider);
    marketplace.visitor().get(&path).await.expect(200).body["rating"].clone()
}

#[tokio::test]
async fn a_review_is_confirmed_by_the_link_in_its_mail_and_read_by_everyone() {
    let marketplace = Marketplace::start().await;
    let workshop = a_workshop(&marketplace).await;
    let client = marketplace.client().await;
    let booking = a_completed_booking(&marketplace, &workshop, &client).await;
    let body = json!({
        "booking_id": booking, "stars": 4, "text": WORDS, "criteria": { "punctuality": 5 },
    });

    let written = client.post("reviews", body.clone()).await.expect(201);
    assert_eq!(written.body["status"], "pending_confirmation");
    assert_eq!(written.header("location"), format!("/api/v1/reviews/{}", written.id()));
    let _ = client.post("reviews", body).await.refused(409, "review.already_written");
    let path = format!("reviews/{}", written.id());
    let _ = marketplace.visitor().get(&path).await.refused(404, "review.not_found");
    let _ = workshop.owner.get(&path).await.refused(404, "review.not_found");

    let asks = |mail: &Mail| mail.subject() == "Please confirm your review of Shelves";
    let mail = marketplace.mails.mail_that(asks).await;
    assert_eq!(mail.to, [client.email.as_str()]);
    let link = mail.word_that_starts_with("http");
    assert!(link.contains(&format!("/reviews/{}/confirm?token=", written.id())), "{link}");
    let token = json!({ "token": link.split_once("token=").unwrap().1 });
    let confirm = format!("{path}/confirm-by-link");
    let confirmed = marketplace.visitor().post(&confirm, token.clone()).await.expect(200);
    assert_eq!(confirmed.body["status"], "published");
    let _ = marketplace.visitor().post(&confirm, token).await.refused(410, "review.link_invalid");

    let shown = marketplace.visitor().get(&path).await.expect(200);
    assert_eq!(shown.header("cache-control"), "public, max-age=30");
    assert_eq!(shown.body["author_name"], "Ada Lovelace");
    assert_eq!(shown.body["criteria"], json!({ "punctuality": 5 }));
    assert_eq!(shown.body["booking_id"], Value::Null, "a reader need not know");
    for list in [
        format!("listings/{}/reviews", workshop.listing),
        format!("providers/{}/reviews", workshop.owner.provider),
    ] {
        let page = marketplace.visitor().get(&list).await.expect(200);
        assert_eq!(page.body["rating"], json!({ "count": 1, "mean": 4.0 }));
        assert_eq!(page.data()[0]["id"], written.id());
    }
}

#[tokio::test]
async fn readers_vote_and_report_and_the_reviewed_side_replies() {
    let marketplace = Marketplace::start().await;
    let workshop = a_workshop(&marketplace).await;
    let (author, review) = a_review(&marketplace, &workshop, 5).await;
    let reader = marketplace.client().await;
    let path = |rest: &str| format!("reviews/{review}/{rest}");

    for _ in 0..2 {
        let vote = reader.send("PUT helpful", reader.request(Method::PUT, &path("helpful"))).await;
        let expected = json!({ "is_helpful": true, "helpful_count": 1 });
        assert_eq!(vote.expect(200).body, expected);
    }
    assert_eq!(reader.get(&format!("reviews/{review}")).await.body["is_helpful"], true);
    let _ = reader.delete(&path("helpful")).await.expect(200);
    let own = author.request(Method::PUT, &path("helpful"));
    let _ = author.send("PUT helpful", own).await.refused(409, "review.own");
    let visitor = marketplace.visitor();
    let _ = visitor.delete(&path("helpful")).await.refused(401, "unauthenticated");

    let thanks = json!({ "text": "Thank you." });
    let _ = reader.post(&path("reply"), thanks.clone()).await.refused(403, "forbidden");
    let replied = workshop.owner.post(&path("reply"), thanks.clone()).await.expect(200);
    assert_eq!(replied.body["reply"]["text"], "Thank you.");
    let _ =
        workshop.owner.post(&path("reply"), thanks).await.refused(409, "review.already_replied");

    let report = json!({ "reason": "spam", "note": "It only links to a shop." });
    let _ = reader.post(&path("report"), report).await.expect(204);
    let moderator = marketplace.moderator().await;
    let queue = moderator.get("admin/reviews?queue=reported").await.expect(200);
    let counted = "admin/reviews?queue=reported&page=1&include_total=true";
    let counted = moderator.get(counted).await.expect(200);
    assert_eq!(counted.data().len(), queue.data().len());
    assert_eq!(counted.body["page"]["total"], queue.data().len());
    let beyond = moderator.get("admin/reviews?queue=reported&page=2").await.expect(200);
    assert!(beyond.data().is_empty());
    assert_eq!(queue.data()[0]["reports"][0]["reason"], "spam");
    let _ = reader.get("admin/reviews").await.refused(403, "forbidden");

    let reason = json!({ "reason": "It only links to a shop." });
    let hide = format!("admin/reviews/{review}/hide");
    let _ = moderator.post(&hide, reason.clone()).await.expect(200);
    let _ = reader.get(&format!("reviews/{review}")).await.refused(404, "review.not_found");
    let seen = author.get(&format!("reviews/{review}")).await.expect(200);
    assert_eq!(seen.body["hidden_reason"], "It only links to a shop.");
    assert_eq!(rating(&marketplace, &workshop).await, json!({ "count": 0, "mean": null }));
    let refused = moderator.post(&hide, reason.clone()).await.refused(409, "illegal_transition");
    assert_eq!(refused.body["allowed"], json!(["restore"]));
    let restore = format!("admin/reviews/{review}/restore");
    let _ = moderator.post(&restore, reason).await.expect(200);
    assert_eq!(rating(&marketplace, &workshop).await, json!({ "count": 1, "mean": 5.0 }));
    let object = format!("SELECT command FROM audit_log WHERE object = '{review}' ORDER BY id");
    assert_eq!(marketplace.rows(&object).await, ["hide", "restore"]);
}

#[tokio::test]
async fn an_author_changes_a_review_for_two_days() {
    let marketplace = Marketplace::start().await;
    let workshop = a_workshop(&marketplace).await;
    let (author, review) = a_review(&marketplace, &workshop, 5).await;
    let path = format!("reviews/{review}");
    let etag = author.get(&path).await.expect(200).header("etag").to_owned();

    let edited = author.patch(&path, &etag, json!({ "stars": 2 })).await.expect(200);
    assert_eq!(edited.body["stars"], 2);
    assert_eq!(rating(&marketplace, &workshop).await["mean"], 2.0);
    let stale = author.patch(&path, &etag, json!({ "stars": 3 })).await;
    let _ = stale.refused(412, "stale_version");
    let wrong = author.patch(&path, "", json!({ "stars": 9, "text": "short" })).await;
    assert_eq!(wrong.refused(422, "validation").pointers(), ["/stars", "/text"]);
    let _ = workshop.owner.patch(&path, "", json!({ "stars": 5 })).await.refused(403, "forbidden");

    marketplace.advance(TimeDelta::hours(48)).await;
    let mut author = author;
    author.sign_in().await;
    let _ = author.patch(&path, "", json!({ "stars": 3 })).await.refused(409, "review.edit_closed");
}

#[tokio::test]
async fn a_booking_is_reviewed_by_its_client_in_time() {
    let marketplace = Marketplace::start().await;
    let workshop = a_workshop(&marketplace).await;
    let mut client = marketplace.client().await;
    let booking = a_completed_booking(&marketplace, &workshop, &client).await;
    let body = json!({ "booking_id": booking, "stars": 4, "text": WORDS });

    let stranger = marketplace.client().await;
    let _ = stranger.post("reviews", body.clone()).await.refused(404, "booking.not_found");
    let _ = workshop.owner.post("reviews", body.clone()).await.refused(403, "review.one_sided");
    let _ =
        marketplace.visitor().post("reviews", body.clone()).await.refused(401, "unauthenticated");
    let unknown = json!({ "booking_id": booking, "stars": 4, "text": WORDS, "mood": "good" });
    assert_eq!(client.post("reviews", unknown).await.expect(422).pointers(), ["/mood"]);

    marketplace.advance(TimeDelta::days(14)).await;
    client.sign_in().await;
    let _ = client.post("reviews", body).await.refused(409, "review.window_closed");
}

#[tokio::test]
async fn two_blind_sides_are_shown_together_or_when_the_time_is_over() {
    let marketplace =
        Marketplace::with(|settings| "service-booking".clone_into(&mut settings.profile)).await;
    let mut workshop = a_workshop(&marketplace).await;
    let mut client = marketplace.client().await;
    let booking = a_completed_booking(&marketplace, &workshop, &client).await;
    let body = json!({ "booking_id": booking, "stars": 1, "text": WORDS });
    let review = client.post("reviews", body).await.expect(201).id();
    let held = client.command(&format!("reviews/{review}/confirm")).await.expect(200);
    assert_eq!(held.body["status"], "held");
    let path = format!("reviews/{review}");
    let _ = workshop.owner.get(&path).await.refused(404, "review.not_found");
    let early = workshop.owner.post(&format!("{path}/reply"), json!({ "text": "No!" })).await;
    let _ = early.refused(404, "review.not_found");

    marketplace.advance(TimeDelta::days(14)).await;
    client.sign_in().await;
    workshop.owner.sign_in().await;
    let shown = workshop.owner.get(&path).await.expect(200);
    assert_eq!(shown.body["status"], "published");
    assert_eq!(shown.body["allowed"], json!(["reply", "helpful", "report"]));
}

#[tokio::test]
async fn lists_are_read_page_by_page_and_strictly() {
    let marketplace = Marketplace::start().await;
    let workshop = a_workshop(&marketplace).await;
    for stars in [3, 5, 1] {
        let _ = a_review(&marketplace, &workshop, stars).await;
    }
    let visitor = marketplace.visitor();
    let list = format!("listings/{}/reviews?sort=-stars&limit=2", workshop.listing);

    let first = visitor.get(&list).await.expect(200);
    let cursor = first.body["page"]["next_cursor"].as_str().unwrap().to_owned();
    let rest = visitor.get(&format!("{list}&cursor={cursor}")).await.expect(200);

    let stars: Vec<_> =
        first.data().iter().chain(rest.data()).map(|r| r["stars"].as_i64().unwrap()).collect();
    assert_eq!(stars, [5, 3, 1]);
    assert_eq!(rest.body["page"]["has_more"], false);
    let other = format!("listings/{}/reviews?sort=stars&cursor={cursor}", workshop.listing);
    let _ = visitor.get(&other).await.refused(400, "invalid_cursor");
    let unknown = format!("listings/{}/reviews?mood=good", workshop.listing);
    let _ = visitor.get(&unknown).await.refused(400, "invalid_query");
}

#[tokio::test]
async fn a_review_sent_again_with_its_key_gets_the_first_answer() {
    let marketplace = Marketplace::start().await;
    let workshop = a_workshop(&marketplace).await;
    let client = marketplace.client().await;
    let booking = a_completed_booking(&marketplace, &workshop, &client).await;
    let body = json!({ "booking_id": booking, "stars": 4, "text": WORDS });

    let (one, other) = tokio::join!(
        client.post_once("reviews", body.clone(), "once"),
        client.post_once("reviews", body.clone(), "once"),
    );
    let replies = [one, other].map(|reply| reply.expect_one_of(&[201, 409]));
    let first = replies.iter().find(|reply| reply.status == 201).expect("one of them is first");
    let again = client.post_once("reviews", body.clone(), "once").await.expect(201);

    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!((&again.text, again.header("etag")), (&first.text, first.header("etag")));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(first.body["author_name"], "Ada Lovelace");
    assert_eq!(first.body["allowed"], json!(["confirm", "edit"]));
    let seen = client.get(&format!("reviews/{}", first.id())).await.expect(200);
    assert_eq!((&seen.text, seen.header("etag")), (&first.text, first.header("etag")));
    assert_eq!(marketplace.count("reviews").await, 1);
    let other = json!({ "booking_id": booking, "stars": 5, "text": WORDS });
    let other = client.post_once("reviews", other, "once").await;
    let _ = other.refused(422, "idempotency.other_body");
    let _ = client.post("reviews", body).await.refused(409, "review.already_written");
}

#[tokio::test]
async fn the_reviews_of_what_one_cannot_see_are_not_there() {
    let marketplace = Marketplace::start().await;
    let workshop = a_workshop(&marketplace).await;
    let _ = a_review(&marketplace, &workshop, 5).await;
    let (visitor, moderator) = (marketplace.visitor(), marketplace.moderator().await);
    let of_listing = format!("listings/{}/reviews", workshop.listing);
    let of_provider = format!("providers/{}/reviews", workshop.owner.provider);
    let unknown = ListingId::next(&SystemIds);
    let unknown = visitor.get(&format!("listings/{unknown}/reviews")).await;
    let _ = unknown.refused(404, "listing.not_found");
    let unknown = ProviderId::next(&SystemIds);
    let unknown = visitor.get(&format!("providers/{unknown}/reviews")).await;
    let _ = unknown.refused(404, "provider.not_found");

    run(&marketplace, "UPDATE listings SET status = 'paused'").await;
    let _ = visitor.get(&of_listing).await.refused(404, "listing.not_found");
    let _ = visitor.get(&of_provider).await.expect(200);
    run(&marketplace, "UPDATE providers SET status = 'suspended', suspended_at = now(), suspension_reason = 'spam'").await;
    let _ = visitor.get(&of_provider).await.refused(404, "provider.not_found");

    for path in [&of_listing, &of_provider] {
        for person in [&workshop.owner, &moderator] {
            assert_eq!(person.get(path).await.expect(200).data().len(), 1, "{path}");
        }
    }
}

#[tokio::test]
async fn moderators_do_not_read_what_its_author_has_not_confirmed() {
    let marketplace =
        Marketplace::with(|settings| "service-booking".clone_into(&mut settings.profile)).await;
    let workshop = a_workshop(&marketplace).await;
    let (client, moderator) = (marketplace.client().await, marketplace.moderator().await);
    let booking = a_completed_booking(&marketplace, &workshop, &client).await;
    let body = json!({ "booking_id": booking, "stars": 1, "text": WORDS, "draft": true });
    let path = format!("reviews/{}", client.post("reviews", body).await.expect(201).id());

    let _ = moderator.get(&path).await.refused(404, "review.not_found");
    let _ = client.command(&format!("{path}/submit")).await.expect(200);
    let _ = moderator.get(&path).await.refused(404, "review.not_found");
    let hide = json!({ "reason": "It insults." });
    let hide = moderator.post(&format!("admin/{path}/hide"), hide).await;
    let _ = hide.refused(404, "review.not_found");

    let _ = client.command(&format!("{path}/confirm")).await.expect(200);
    let _ = moderator.get(&path).await.expect(200);
}
