//! Home design, from a specialist's first mail to a client's review: H1 to H7 of `docs/features.md`,
//! over HTTP, with real pictures and a real mail server, on a folder and on an object store.

use mercato::config::{Secret, Settings, StorageKind};
use reqwest::Method;
use scenarios::{Marketplace, PASSWORD, PHOTOGRAPH, Person, berlin, form, picture};
use serde_json::{Value, json};
use test_support::S3Server;

#[tokio::test]
async fn a_specialist_is_found_hired_and_reviewed() {
    the_whole_loop(Marketplace::with(verified_addresses).await).await;
}

#[tokio::test]
async fn the_same_with_pictures_in_an_object_store() {
    let store = S3Server::start().await;
    let market = Marketplace::with(|settings| {
        verified_addresses(settings);
        settings.storage.kind = StorageKind::S3;
        settings.storage.s3_endpoint = Some(store.endpoint());
        settings.storage.s3_region = S3Server::REGION.to_owned();
        settings.storage.s3_bucket = Some(S3Server::BUCKET.to_owned());
        settings.storage.s3_access_key_id = Some(Secret::new(S3Server::ACCESS_KEY));
        settings.storage.s3_secret_access_key = Some(Secret::new(S3Server::SECRET_KEY));
        settings.storage.s3_allow_http = true;
        settings.storage.s3_path_style = true;
    })
    .await;
    the_whole_loop(market).await;
}

fn verified_addresses(settings: &mut Settings) {
    settings.auth.require_verified_email = Some(true);
}

async fn the_whole_loop(market: Marketplace) {
    // H1: both sides sign up, prove their addresses, and one of them becomes a provider.
    let mut specialist = signs_up(&market, "specialist").await;
    let client = signs_up(&market, "client").await;
    becomes_a_provider(&mut specialist).await;

    // H2: a project with twelve pictures; then some go and some come, in one request.
    let project = publishes_a_project(&market, &specialist).await;
    rearranges_its_pictures(&market, &specialist, &project).await;

    // H3, H6, H7: it is found, kept, and looked at.
    is_found(&client, &project, &specialist).await;
    is_kept(&client, &project).await;
    is_looked_at(&market, &client, &project, &specialist).await;

    // H4: a request, and each side's own part of its end.
    let booking = is_hired(&market, &client, &specialist, &project).await;

    // H5: a review that its author has confirmed changes the rating.
    is_reviewed(&market, &client, &specialist, &project, &booking).await;

    market.settle().await;
}

/// Signs up, and uses the link in the mail.
async fn signs_up(market: &Marketplace, name: &str) -> Person {
    let mut person = market.newcomer(name);
    let body = json!({ "email": person.email, "password": PASSWORD, "display_name": name });
    let _ = person.post("auth/sign-up", body.clone()).await.expect(202);
    let early = person.try_to_sign_in().await;
    let _ = early.refused(403, "identity.email_not_verified");

    let mail = market.mails.mail_to(&person.email).await;
    let token = secret_of(&mail.text());
    let _ = person.post("auth/email/verify", json!({ "token": token })).await.expect(204);
    let again = person.post("auth/email/verify", json!({ "token": token })).await;
    let _ = again.refused(410, "identity.link_invalid");

    person.sign_in().await;
    let me = person.get("me").await.expect(200);
    assert_eq!(me.body["email_verified"], true);
    person.account = me.id();
    // Nobody can have the address twice, and nobody learns that it is taken.
    let _ = market.visitor().post("auth/sign-up", body).await.expect(202);
    person
}

/// What the link in a mail carries as `token`.
fn secret_of(text: &str) -> String {
    let token = text.split("token=").nth(1).unwrap_or_else(|| panic!("no link in: {text}"));
    token.split(|c: char| c.is_whitespace() || c == '&').next().unwrap_or_default().to_owned()
}

async fn becomes_a_provider(specialist: &mut Person) {
    let refused =
        specialist.post("listings", json!({ "listing_type": "project", "title": "Loft" }));
    let _ = refused.await.expect(403);
    let body = json!({
        "name": "Studio North", "headline": "Interiors for small flats",
        "location": berlin(), "service_radius_km": 50, "languages": ["en", "de"],
    });
    let profile = specialist.post("providers", body).await.expect(201);
    specialist.provider = profile.id();
    specialist.sign_in().await;
    let me = specialist.get("me").await.expect(200);
    assert_eq!(me.body["roles"], json!(["client", "provider"]));
    assert_eq!(me.text_at("provider_id"), specialist.provider);
}

fn ids_of(listing: &Value) -> Vec<String> {
    let media = listing["media"].as_array().map(Vec::as_slice).unwrap_or_default();
    media.iter().filter_map(|item| item["id"].as_str()).map(ToOwned::to_owned).collect()
}

async fn publishes_a_project(market: &Marketplace, specialist: &Person) -> String {
    let data = json!({
        "listing_type": "project",
        "title": "Loft in an old brewery",
        "description": "Concrete, oak, and a kitchen that seats twelve.",
        "attributes": { "room": "whole_home", "style": ["industrial", "modern"], "area": 142.5 },
        "location": berlin(),
    });
    let mut twelve: Vec<Vec<u8>> = (0..11).map(picture).collect();
    twelve.insert(0, PHOTOGRAPH.to_vec());

    let create = async |files: &[Vec<u8>]| {
        specialist.upload(Method::POST, "listings", "", form(&data, files)).await
    };
    let none = create(&[]).await.expect_one_of(&[201, 422]);
    if none.status == 201 {
        // A draft may still lack its pictures; the public never sees one.
        let publish = format!("listings/{}/publish", none.id());
        let _ = specialist.command(&publish).await.expect(422);
    }
    let thirteen: Vec<_> = twelve.iter().cloned().chain([picture(99)]).collect();
    let _ = create(&thirteen).await.expect(422);
    let mut disguised = twelve.clone();
    disguised[3] = b"<svg onload=alert(1)>".to_vec();
    let refused = create(&disguised).await.refused(415, "media.refused");
    assert_eq!(refused.pointers(), ["/media/3"]);

    let draft = create(&twelve).await.expect(201);
    let id = draft.id();
    assert_eq!(ids_of(&draft.body).len(), 12);
    let _ = market.visitor().get(&format!("listings/{id}")).await.refused(404, "listing.not_found");

    let _ = specialist.command(&format!("listings/{id}/publish")).await.expect(200);
    let seen = market.visitor().get(&format!("listings/{id}")).await.expect(200);
    assert_eq!(seen.body["status"], "published");

    // The photograph no longer says where and with what it was taken.
    let served = file(market, &seen.body["media"][0]["url"]).await;
    assert!(served.starts_with(b"\xff\xd8"), "a JPEG stays a JPEG");
    assert!(!holds(&served, b"Camera of Ada") && !holds(&served, b"Exif"), "EXIF was kept");

    // Smaller copies come a moment later.
    market.settle().await;
    let seen = market.visitor().get(&format!("listings/{id}")).await.expect(200);
    let first = &seen.body["media"][0];
    assert!(first["blur_hash"].is_string(), "{first}");
    let small = file(market, &first["variants"][0]["url"]).await;
    assert_eq!(&small[8..12], b"WEBP");
    id
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// A file as a browser loads it, behind the proxy that has the public address.
async fn file(market: &Marketplace, url: &Value) -> Vec<u8> {
    let url = format!("{}/media/{}", market.base, file_name(url));
    let response = reqwest::get(&url).await.expect("an answer");
    assert_eq!(response.status(), 200, "{url}");
    response.bytes().await.expect("a file").to_vec()
}

async fn rearranges_its_pictures(market: &Marketplace, specialist: &Person, project: &str) {
    let path = format!("listings/{project}");
    let before = specialist.get(&path).await.expect(200);
    let (etag, ids) = (before.header("etag").to_owned(), ids_of(&before.body));
    let gone = file_name(&before.body["media"][2]["url"]);

    // Four go, three come, the last one leads: all of it or nothing.
    let order: Vec<String> = ["new:2".to_owned()]
        .into_iter()
        .chain(ids.iter().filter(|id| !ids[2..6].contains(id)).cloned())
        .chain(["new:0".to_owned(), "new:1".to_owned()])
        .collect();
    let data = json!({ "media_remove": ids[2..6], "media_order": order });
    let files: Vec<_> = (20..23).map(picture).collect();
    let too_many: Vec<_> = (20..27).map(picture).collect();
    let refused = json!({ "media_remove": ids[2..6] });
    let refused = specialist.upload(Method::PATCH, &path, &etag, form(&refused, &too_many)).await;
    assert_eq!(refused.refused(422, "validation").pointers(), ["/media"]);
    let all = json!({ "media_remove": ids });
    let _ = specialist.upload(Method::PATCH, &path, &etag, form(&all, &[])).await.expect(422);
    let unchanged = specialist.get(&path).await.expect(200);
    assert_eq!(ids_of(&unchanged.body), ids);

    let after =
        specialist.upload(Method::PATCH, &path, &etag, form(&data, &files)).await.expect(200);
    let now = ids_of(&after.body);
    assert_eq!(now.len(), 11);
    assert!(!ids.contains(&now[0]), "the new one leads");
    assert!(ids[2..6].iter().all(|id| !now.contains(id)));
    let stale = specialist.upload(Method::PATCH, &path, &etag, form(&data, &files)).await;
    let _ = stale.refused(412, "stale_version");

    // The files of what was removed are swept.
    market.advance(chrono::TimeDelta::hours(2)).await;
    let url = format!("{}/media/{gone}", market.base);
    let swept = reqwest::get(url).await.expect("an answer");
    assert_eq!(swept.status(), 404);
}

/// The part of a file's address below `/media/`.
fn file_name(url: &Value) -> String {
    let url = url.as_str().expect("an address");
    url.split("/media/").nth(1).expect("files lie below /media/").to_owned()
}

async fn finds(person: &Person, path: &str, query: &[(&str, &str)]) -> Vec<String> {
    let page = person.find(path, query).await.expect(200);
    page.data().iter().filter_map(|item| item["id"].as_str()).map(ToOwned::to_owned).collect()
}

async fn is_found(client: &Person, project: &str, specialist: &Person) {
    let here = ("near", "52.52,13.40");
    let finding: [&[(&str, &str)]; 7] = [
        &[("q", "brewery loft")],
        &[("q", "brew")],
        &[("type", "project"), ("attr.room", "whole_home")],
        &[("type", "project"), ("attr.style", "modern,industrial")],
        &[("type", "project"), ("attr.area[gte]", "140"), ("attr.area[lte]", "150")],
        &[here, ("within_km", "5")],
        &[("q", "oak"), here, ("within_mi", "3"), ("sort", "distance")],
    ];
    for query in finding {
        assert_eq!(finds(client, "listings", query).await, [project], "{query:?}");
    }
    let missing: [&[(&str, &str)]; 4] = [
        &[("q", "swimming pool")],
        &[("type", "project"), ("attr.room", "garden")],
        &[("type", "project"), ("attr.area[gte]", "150")],
        &[("near", "48.14,11.58"), ("within_km", "100")],
    ];
    for query in missing {
        assert!(finds(client, "listings", query).await.is_empty(), "{query:?}");
    }
    let _ = client.find("listings", &[("colour", "red")]).await.refused(400, "invalid_query");
    let _ = client.find("listings", &[("attr.colour", "red")]).await.expect(400);

    assert_eq!(
        finds(client, "providers", &[("q", "studio north")]).await,
        [specialist.provider.as_str()]
    );
    assert_eq!(finds(client, "providers", &[here, ("within_km", "10")]).await.len(), 1);
}

async fn is_kept(client: &Person, project: &str) {
    let path = format!("listings/{project}/favorite");
    for _ in 0..2 {
        let kept = client.put(&path, json!({})).await.expect(200);
        assert_eq!(kept.body["is_favorite"], true);
    }
    let detail = client.get(&format!("listings/{project}")).await.expect(200);
    assert_eq!(detail.body["is_favorite"], true);
    let list = client.find("listings", &[("is_favorite", "true")]).await.expect(200);
    assert_eq!(list.data()[0]["is_favorite"], true);
    let favorites = client.get("me/favorites").await.expect(200);
    assert_eq!(favorites.data()[0]["listing"]["id"], project);
    for _ in 0..2 {
        let let_go = client.delete(&path).await.expect(200);
        assert_eq!(let_go.body["is_favorite"], false);
    }
    assert!(finds(client, "listings", &[("is_favorite", "true")]).await.is_empty());
    let _ = client.put(&path, json!({})).await.expect(200);
}

async fn is_looked_at(market: &Marketplace, client: &Person, project: &str, specialist: &Person) {
    let path = format!("listings/{project}");
    for _ in 0..3 {
        let _ = client.get(&path).await.expect(200);
    }
    let from = format!("providers/{}?from={project}", specialist.provider);
    let _ = client.get(&from).await.expect(200);
    let stats = "providers/me/stats";
    let _ = client.get(stats).await.expect(403);

    // Counted in the process, written in bulk a moment later.
    let mut seen = Value::Null;
    for _ in 0..100 {
        market.settle().await;
        seen = specialist.get(stats).await.expect(200).body;
        if seen["totals"]["to_profile_count"].as_i64().is_some_and(|visits| visits > 0) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(seen["totals"]["to_profile_count"], 1, "{seen}");
    assert!(seen["totals"]["views"].as_i64().is_some_and(|views| views >= 1), "{seen}");
    assert_eq!(seen["totals"]["favorites"], 1, "{seen}");
}

async fn is_hired(
    market: &Marketplace,
    client: &Person,
    specialist: &Person,
    project: &str,
) -> String {
    let body = json!({
        "listing_id": project,
        "message": "We have just bought a flat in an old mill.",
        "budget": { "amount": 2_500_000, "currency": "EUR" },
    });
    let first = client.post_once("bookings", body.clone(), "hire-them").await.expect(201);
    let again = client.post_once("bookings", body.clone(), "hire-them").await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    let id = again.id();
    assert_eq!(first.id(), id);
    let _ = specialist.post("bookings", body).await.refused(403, "booking.own_listing");
    arrives(market, specialist, &id).await;

    // Each side has its own part, and sees what it may do.
    let booking = format!("bookings/{id}");
    let command = async |person: &Person, command: &str| {
        person.command(&format!("{booking}/{command}")).await
    };
    let _ = command(client, "accept").await.refused(409, "illegal_transition");
    let _ = command(specialist, "accept").await.expect(200);
    arrives(market, client, &id).await;
    let _ = command(client, "report-done").await.refused(403, "forbidden");
    let _ = command(specialist, "confirm-done").await.refused(403, "forbidden");
    let _ = command(specialist, "start").await.expect(200);
    let done = command(specialist, "report-done").await.expect(200);
    assert_eq!(done.body["status"], "done");
    let completed = command(client, "confirm-done").await.expect(200);
    assert_eq!(completed.body["status"], "completed");
    assert_eq!(completed.body["allowed"], json!([]));
    let history = client.get(&format!("{booking}/history")).await.expect(200);
    let states: Vec<_> = history.data().iter().filter_map(|step| step["to"].as_str()).collect();
    assert_eq!(states, ["requested", "accepted", "in_progress", "done", "completed"]);
    let stranger = market.visitor().get(&booking).await;
    let _ = stranger.expect(401);
    id
}

/// A notification about this, and a mail, reach the person.
async fn arrives(market: &Marketplace, person: &Person, about: &str) {
    market.settle().await;
    let notifications = person.get("notifications").await.expect(200);
    let found = notifications.data().iter().any(|one| one["subject"] == about);
    assert!(found, "no notification of {about}: {}", notifications.text);
    let address = person.email.clone();
    let to_them =
        market.mails.mails().into_iter().filter(|mail| mail.to.contains(&address)).count();
    assert!(to_them >= 2, "no mail but the first: {to_them}");
}

async fn is_reviewed(
    market: &Marketplace,
    client: &Person,
    specialist: &Person,
    project: &str,
    booking: &str,
) {
    let body = json!({
        "booking_id": booking, "stars": 4,
        "text": "On time, tidy, and the shelves are straight.",
        "criteria": { "quality": 5, "punctuality": 4 },
    });
    let _ = specialist.post("reviews", body.clone()).await.expect(403);
    let id = client.post("reviews", body.clone()).await.expect(201).id();
    let _ = client.post("reviews", body).await.refused(409, "review.already_written");
    let path = format!("listings/{project}/reviews");
    assert!(finds(&market.visitor(), &path, &[]).await.is_empty(), "nobody confirmed it yet");

    // Whoever reads the author's mail confirms it, once.
    let mail = market.mails.mail_that(|mail| mail.text().contains(&id)).await;
    assert_eq!(mail.to, std::slice::from_ref(&client.email));
    let link = json!({ "token": secret_of(&mail.text()) });
    let confirm = format!("reviews/{id}/confirm-by-link");
    let shown = market.visitor().post(&confirm, link.clone()).await.expect(200);
    assert_eq!(shown.body["status"], "published");
    let _ = market.visitor().post(&confirm, link).await.refused(410, "review.link_invalid");

    assert_eq!(finds(&market.visitor(), &path, &[]).await, [id.as_str()]);
    for path in [format!("listings/{project}"), format!("providers/{}", specialist.provider)] {
        let rating = market.visitor().get(&path).await.expect(200).body["rating"].clone();
        assert_eq!(rating["count"], 1, "{path}: {rating}");
        assert_eq!(rating["mean"], 4.0, "{path}: {rating}");
    }
    let reply = json!({ "text": "Thank you, it was a pleasure." });
    let _ = specialist.post(&format!("reviews/{id}/reply"), reply).await.expect(200);
    arrives(market, specialist, &id).await;
}
