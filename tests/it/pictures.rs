//! Pictures that belong to other things than listings.

use access::Actor;
use chrono::TimeDelta;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use scenarios::{Marketplace, PHOTOGRAPH, Person, Reply};
use serde_json::{Value, json};

use crate::media::{bytes_of, files_in, holds, hostile_files, jpeg, path_of, sweep};
use crate::reviews::{WORDS, a_completed_booking, a_review, a_workshop};

pub(crate) fn avatar_of(person: &Person) -> String {
    format!("providers/{}/avatar", person.provider)
}

/// A form with one file.
fn alone(file: Vec<u8>) -> Form {
    Form::new().part("media", Part::bytes(file).file_name("../../etc/cron.d/x.php"))
}

pub(crate) async fn set_avatar(person: &Person, of: &Person, file: Vec<u8>) -> Reply {
    person.upload(Method::PUT, &avatar_of(of), "", alone(file)).await
}

fn widths(picture: &Value) -> Vec<&Value> {
    let variants = picture["variants"].as_array().expect("a picture has variants");
    variants.iter().map(|variant| &variant["width"]).collect()
}

#[tokio::test]
async fn a_provider_shows_its_picture_wherever_it_is_shown() {
    let market = Marketplace::start().await;
    let provider = market.provider().await;
    let listing = provider.publishes("service").await;
    assert!(holds(PHOTOGRAPH, b"Exif"));

    let set = set_avatar(&provider, &provider, PHOTOGRAPH.to_vec()).await.expect(200);
    assert_eq!(set.body["avatar"]["width"], 640);
    let stored = bytes_of(&market, &path_of(&set.body["avatar"])).await;
    assert!(!holds(&stored, b"Exif"), "what is not the picture is gone");
    market.settle().await;

    let path = format!("providers/{}", provider.provider);
    let client = market.client().await;
    let _ = client.put(&format!("{path}/favorite"), json!({})).await.expect(200);
    let detail = market.visitor().get(&path).await.expect(200);
    let avatar = &detail.body["avatar"];
    assert_eq!(widths(avatar), [96, 320, 480]);
    for variant in avatar["variants"].as_array().unwrap() {
        assert_eq!(variant["width"], variant["height"]);
        let copy = bytes_of(&market, &path_of(variant)).await;
        let copy = image::load_from_memory(&copy).unwrap();
        assert_eq!(
            json!([copy.width(), copy.height()]),
            json!([variant["width"], variant["width"]])
        );
    }
    let list = market.visitor().get("providers").await.expect(200);
    assert_eq!(&list.data()[0]["avatar"], avatar);
    let listings = market.visitor().get("listings").await.expect(200);
    assert_eq!(&listings.data()[0]["provider"]["avatar"], avatar);
    let kept = client.get("me/favorites/providers").await.expect(200);
    assert_eq!(&kept.data()[0]["provider"]["avatar"], avatar);
    let page = client.get(&format!("listings/{listing}?expand=provider")).await.expect(200);
    assert_eq!(&page.body["provider"]["avatar"], avatar);
    let queue = market.moderator().await.get("admin/providers").await.expect(200);
    assert_eq!(&queue.data()[0]["avatar"], avatar);
}

#[tokio::test]
async fn a_picture_that_was_replaced_or_removed_is_swept_with_its_copies() {
    let market = Marketplace::start().await;
    let provider = market.provider().await;
    let first = set_avatar(&provider, &provider, jpeg()).await.expect(200);
    market.settle().await;
    assert_eq!(files_in(&market.media_folder()).len(), 3, "the original and two copies");

    let second = set_avatar(&provider, &provider, scenarios::picture(7)).await.expect(200);
    let _ = market.visitor().get(&path_of(&first.body["avatar"])).await.expect(404);
    sweep(&market).await;
    market.settle().await;
    let names = files_in(&market.media_folder());
    assert_eq!(names.len(), 2, "a small picture has one copy: {names:?}");

    let stale = provider.request(Method::DELETE, &avatar_of(&provider));
    let stale = stale.header("if-match", first.header("etag"));
    let _ = provider.send("DELETE stale", stale).await.refused(412, "stale_version");
    for _ in 0..2 {
        let removed = provider.delete(&avatar_of(&provider)).await.expect(200);
        assert_eq!(removed.body["avatar"], Value::Null);
    }
    let _ = market.visitor().get(&path_of(&second.body["avatar"])).await.expect(404);
    sweep(&market).await;
    assert!(files_in(&market.media_folder()).is_empty());
    assert_eq!(market.count("media_objects").await, 0);
}

#[tokio::test]
async fn of_many_pictures_at_once_exactly_one_stands_for_a_provider() {
    let market = Marketplace::without_a_worker().await;
    let provider = market.provider().await;

    let uploads = (0..8).map(|n| {
        let provider = provider.clone();
        tokio::spawn(async move {
            set_avatar(&provider, &provider, scenarios::picture(n)).await.expect(200)
        })
    });
    for upload in uploads.collect::<Vec<_>>() {
        let _ = upload.await.unwrap();
    }
    sweep(&market).await;

    let shown = market.visitor().get(&format!("providers/{}", provider.provider)).await.expect(200);
    let path = path_of(&shown.body["avatar"]);
    assert_eq!(files_in(&market.media_folder()), [&path["/media/".len()..]]);
    assert_eq!(market.count("pictures").await, 1);
}

#[tokio::test]
async fn no_hostile_file_stands_for_a_provider() {
    let market = Marketplace::without_a_worker().await;
    let provider = market.provider().await;
    let before = market.contents().await;

    for (file, status, code) in hostile_files() {
        let refused = set_avatar(&provider, &provider, file).await;
        let refused = refused.refused(status, "media.refused");
        assert_eq!(refused.body["errors"][0]["code"], code);
    }
    let two = alone(jpeg()).part("media", Part::bytes(jpeg()));
    let other = Form::new().part("data", Part::bytes(jpeg()));
    for form in [two, other, Form::new()] {
        let sent = provider.upload(Method::PUT, &avatar_of(&provider), "", form).await;
        let _ = sent.refused(400, "malformed_form");
    }
    let json = provider.put(&avatar_of(&provider), json!({})).await;
    let _ = json.refused(415, "unsupported_media_type");

    assert_eq!(market.contents().await, before);
    assert!(files_in(&market.media_folder()).is_empty());
}

#[tokio::test]
async fn only_its_owner_and_an_admin_choose_the_picture_of_a_provider() {
    let market = Marketplace::without_a_worker().await;
    let (provider, rival) = (market.provider().await, market.provider().await);
    let (admin, moderator) = (market.admin().await, market.moderator().await);
    let set = set_avatar(&provider, &provider, jpeg()).await.expect(200);

    let _ = set_avatar(&market.visitor(), &provider, jpeg()).await.refused(401, "unauthenticated");
    for nobody in [&rival, &moderator] {
        let _ = set_avatar(nobody, &provider, jpeg()).await.refused(403, "forbidden");
        let _ = nobody.delete(&avatar_of(&provider)).await.refused(403, "forbidden");
    }
    assert_eq!(files_in(&market.media_folder()).len(), 1, "nothing of theirs was stored");

    let _ = admin.delete(&avatar_of(&provider)).await.expect(200);
    let audit = admin.get("admin/audit").await.expect(200);
    let entry = &audit.data()[0];
    assert_eq!(entry["command"], "remove_avatar");
    assert_eq!(entry["before"]["avatar"][0], set.body["avatar"]["id"]);
}

/// Moves time where no worker settles anything.
pub(crate) async fn pass(market: &Marketplace, by: TimeDelta) {
    let simulation = market.services.simulation.as_ref().expect("time is simulated in tests");
    simulation.advance(&Actor::system(), by).await.expect("time can be moved");
}

pub(crate) async fn change_pictures(
    author: &Person,
    review: &str,
    data: &Value,
    files: Vec<Vec<u8>>,
) -> Reply {
    let form = scenarios::form(data, &files);
    author.upload(Method::PATCH, &format!("reviews/{review}/pictures"), "", form).await
}

pub(crate) fn pictures(review: &Value) -> &Vec<Value> {
    review["pictures"].as_array().expect("a review has pictures")
}

fn ids(review: &Value) -> Vec<&Value> {
    pictures(review).iter().map(|picture| &picture["id"]).collect()
}

#[tokio::test]
async fn a_review_has_up_to_six_pictures_that_its_readers_see_in_their_order() {
    let market = Marketplace::start().await;
    let workshop = a_workshop(&market).await;
    let (author, review) = a_review(&market, &workshop, 5).await;
    let path = format!("reviews/{review}");

    let alt = json!({ "media_alt": ["The shelves", null] });
    let added = change_pictures(&author, &review, &alt, vec![PHOTOGRAPH.to_vec(), jpeg()])
        .await
        .expect(200);
    assert_eq!(pictures(&added.body)[0]["alt"], "The shelves");
    let stored = bytes_of(&market, &path_of(&pictures(&added.body)[0])).await;
    assert!(!holds(&stored, b"Exif"), "what is not the picture is gone");

    let order = json!({
        "media_remove": [ids(&added.body)[0]],
        "media_order": ["new:4", ids(&added.body)[1], "new:0", "new:1", "new:2", "new:3"],
    });
    let five = (0..5).map(scenarios::picture).collect();
    let changed = change_pictures(&author, &review, &order, five).await.expect(200);
    assert_eq!(pictures(&changed.body).len(), 6);
    assert_eq!(ids(&changed.body)[1], ids(&added.body)[1]);
    let seventh = change_pictures(&author, &review, &json!({}), vec![jpeg()]).await;
    assert_eq!(seventh.refused(422, "media.invalid").pointers(), ["/media"]);
    market.settle().await;

    let reader = market.visitor();
    let read = reader.get(&path).await.expect(200);
    assert_eq!(ids(&read.body), ids(&changed.body));
    assert_eq!(widths(&pictures(&read.body)[1]), [320, 400]);
    for list in [
        format!("listings/{}/reviews", workshop.listing),
        format!("providers/{}/reviews", workshop.owner.provider),
    ] {
        assert_eq!(
            reader.get(&list).await.expect(200).data()[0]["pictures"],
            read.body["pictures"]
        );
    }
    let own = author.get("me/reviews").await.expect(200);
    assert_eq!(own.data()[0]["pictures"], read.body["pictures"]);

    let moderator = market.moderator().await;
    let reason = json!({ "reason": "The pictures show somebody's home." });
    let _ = moderator.post(&format!("admin/{path}/hide"), reason).await.expect(200);
    let _ = reader.get(&path).await.expect(404);
    let queue = moderator.get("admin/reviews?queue=hidden").await.expect(200);
    assert_eq!(queue.data()[0]["pictures"], read.body["pictures"]);
    let _ = change_pictures(&author, &review, &json!({}), vec![jpeg()])
        .await
        .refused(409, "illegal_transition");
}

#[tokio::test]
async fn parallel_requests_never_give_a_review_a_seventh_picture() {
    let market = Marketplace::without_a_worker().await;
    let workshop = a_workshop(&market).await;
    let (author, review) = a_review(&market, &workshop, 4).await;

    let requests = (0..8).map(|n| {
        let (author, review) = (author.clone(), review.clone());
        tokio::spawn(async move {
            let two = vec![scenarios::picture(n), jpeg()];
            change_pictures(&author, &review, &json!({}), two).await.status.as_u16()
        })
    });
    let mut added = 0;
    for request in requests.collect::<Vec<_>>() {
        let status = request.await.unwrap();
        assert!(matches!(status, 200 | 422), "{status}");
        added += usize::from(status == 200);
    }

    assert_eq!(added, 3);
    let read = market.visitor().get(&format!("reviews/{review}")).await.expect(200);
    assert_eq!(pictures(&read.body).len(), 6);
    pass(&market, TimeDelta::minutes(31)).await;
    sweep(&market).await;
    assert_eq!(files_in(&market.media_folder()).len(), 6, "what was refused is gone");
}

#[tokio::test]
async fn pictures_of_a_review_go_with_it_or_before_it() {
    let market = Marketplace::start().await;
    let workshop = a_workshop(&market).await;
    let author = market.client().await;
    let booking = a_completed_booking(&market, &workshop, &author).await;
    let body = json!({ "booking_id": booking, "stars": 4, "text": WORDS });
    let review = author.post("reviews", body).await.expect(201).id();

    let two = change_pictures(&author, &review, &json!({}), vec![jpeg(), jpeg()]).await.expect(200);
    market.settle().await;
    assert_eq!(files_in(&market.media_folder()).len(), 6, "each has two copies");
    let data = json!({ "media_remove": [ids(&two.body)[0]] });
    let one = author.patch(&format!("reviews/{review}/pictures"), "", data).await.expect(200);
    let _ = market.visitor().get(&path_of(&pictures(&two.body)[0])).await.expect(404);
    sweep(&market).await;
    assert_eq!(files_in(&market.media_folder()).len(), 3);

    // Nobody confirmed it in time.
    market.advance(TimeDelta::days(15)).await;
    market.settle().await;
    let _ = market.visitor().get(&path_of(&pictures(&one.body)[0])).await.expect(404);
    sweep(&market).await;
    assert!(files_in(&market.media_folder()).is_empty());
    assert_eq!(market.count("media_objects").await, 0);
}

#[tokio::test]
async fn only_its_author_changes_the_pictures_of_a_review_and_not_for_ever() {
    let market = Marketplace::without_a_worker().await;
    let workshop = a_workshop(&market).await;
    let (author, review) = a_review(&market, &workshop, 3).await;
    let client = market.client().await;
    let booking = a_completed_booking(&market, &workshop, &client).await;
    let body = json!({ "booking_id": booking, "stars": 4, "text": WORDS, "draft": true });
    let draft = client.post("reviews", body).await.expect(201).id();
    let before = market.contents().await;

    for (who, status) in [(&market.visitor(), 401), (&workshop.owner, 403), (&client, 403)] {
        let _ = change_pictures(who, &review, &json!({}), vec![jpeg()]).await.expect(status);
    }
    // A stranger learns nothing of a draft.
    let _ = change_pictures(&author, &draft, &json!({}), vec![jpeg()]).await.expect(404);
    for (file, status, code) in hostile_files() {
        let refused = change_pictures(&author, &review, &json!({}), vec![jpeg(), file]).await;
        let refused = refused.refused(status, "media.refused");
        assert_eq!(refused.pointers(), ["/media/1"], "{code}");
    }
    assert_eq!(market.contents().await, before);
    pass(&market, TimeDelta::hours(49)).await;
    let late = change_pictures(&author, &review, &json!({}), vec![jpeg()]).await;
    let _ = late.refused(409, "review.edit_closed");
    assert!(files_in(&market.media_folder()).is_empty());
}
