//! Pictures that belong to other things than listings.

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use scenarios::{Marketplace, PHOTOGRAPH, Person, Reply};
use serde_json::{Value, json};

use crate::media::{bytes_of, files_in, holds, hostile_files, jpeg, path_of, sweep};

fn avatar_of(person: &Person) -> String {
    format!("providers/{}/avatar", person.provider)
}

/// A form with one file.
fn alone(file: Vec<u8>) -> Form {
    Form::new().part("media", Part::bytes(file).file_name("../../etc/cron.d/x.php"))
}

async fn set_avatar(person: &Person, of: &Person, file: Vec<u8>) -> Reply {
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
