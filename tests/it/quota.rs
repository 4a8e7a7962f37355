//! How many bytes the files of an account may have.

use chrono::TimeDelta;
use scenarios::{Marketplace, Person, picture};
use serde_json::{Value, json};

use crate::media::{change, create, files_in, sweep};
use crate::pictures::{avatar_of, change_pictures, pass, pictures, set_avatar};
use crate::reviews::WORDS;

/// The bytes of a picture as it is stored; all pictures here have as many.
async fn bytes_of_one() -> u64 {
    let market = Marketplace::without_a_worker().await;
    let provider = market.provider().await;
    let set = set_avatar(&provider, &provider, picture(1)).await.expect(200);
    set.body["avatar"]["bytes"].as_u64().expect("a picture has a size")
}

/// A marketplace where an account has room for three pictures and not quite for a fourth, and the
/// bytes of one.
async fn with_room_for_three() -> (Marketplace, u64) {
    let one = bytes_of_one().await;
    let quota = 4 * one - 1;
    (Marketplace::with(|settings| settings.media.account_quota_bytes = quota).await, one)
}

async fn used(market: &Marketplace, person: &Person) -> u64 {
    let account: kernel::AccountId = person.account.parse().expect("an id");
    let sum = format!("SELECT bytes FROM media_usage WHERE account_id = '{}'", account.as_uuid());
    market.rows(&sum).await.first().map_or(0, |bytes| bytes.parse().expect("a number"))
}

fn nothing() -> Value {
    json!({})
}

#[tokio::test]
async fn listings_avatar_and_reviews_share_the_room_of_an_account_and_give_it_back() {
    let (market, one) = with_room_for_three().await;
    let (owner, provider) = (market.provider().await, market.provider().await);
    let booking = provider.requests(&owner.publishes("service").await).await;
    owner.about_booking(&booking, "accept").await;
    provider.about_booking(&booking, "confirm-done").await;
    let body = json!({ "booking_id": booking, "stars": 4, "text": WORDS });
    let review = provider.post("reviews", body).await.expect(201).id();

    let listing = create(&provider, [picture(1)]).await.expect(201);
    let _ = set_avatar(&provider, &provider, picture(2)).await.expect(200);
    let reviewed =
        change_pictures(&provider, &review, &nothing(), vec![picture(3)]).await.expect(200);
    market.settle().await;
    let full = used(&market, &provider).await;
    assert_eq!(full, 3 * one, "smaller copies do not count");
    sweep(&market).await;
    let files = files_in(&market.media_folder());

    let full_listing = change(&provider, &listing, &nothing(), [picture(4)]).await;
    let refused = full_listing.refused(413, "storage_quota_exceeded");
    for number in [full, 4 * one - 1] {
        assert!(refused.text_at("detail").contains(&number.to_string()), "{}", refused.text);
    }
    let _ = create(&provider, [picture(4)]).await.refused(413, "storage_quota_exceeded");
    let _ = change_pictures(&provider, &review, &nothing(), vec![picture(4)])
        .await
        .refused(413, "storage_quota_exceeded");
    assert_eq!(files_in(&market.media_folder()), files, "what has no room is not even stored");
    // One in place of another needs no more room.
    let _ = set_avatar(&provider, &provider, picture(5)).await.expect(200);
    let data = json!({ "media_remove": [pictures(&reviewed.body)[0]["id"]] });
    let reviewed = change_pictures(&provider, &review, &data, vec![picture(6)]).await.expect(200);
    assert_eq!(used(&market, &provider).await, full);
    // Nobody else's room is touched.
    let other = market.provider().await;
    let _ = set_avatar(&other, &other, picture(7)).await.expect(200);

    let _ = provider.delete(&avatar_of(&provider)).await.expect(200);
    let data = json!({ "media_remove": [pictures(&reviewed.body)[0]["id"]] });
    let _ = change_pictures(&provider, &review, &data, vec![]).await.expect(200);
    let _ = provider.delete(&format!("listings/{}", listing.id())).await.expect(200);
    assert_eq!(used(&market, &provider).await, 0);
    let _ = create(&provider, [picture(1), picture(2), picture(3)]).await.expect(201);
}

#[tokio::test]
async fn parallel_uploads_never_take_more_room_than_there_is() {
    let (market, one) = with_room_for_three().await;
    let provider = market.provider().await;

    let uploads = (0..8).map(|n| {
        let provider = provider.clone();
        tokio::spawn(async move { create(&provider, [picture(n)]).await.status.as_u16() })
    });
    let mut stored = 0;
    for upload in uploads.collect::<Vec<_>>() {
        let status = upload.await.unwrap();
        assert!(matches!(status, 201 | 413), "{status}");
        stored += u64::from(status == 201);
    }

    assert_eq!(stored, 3);
    assert_eq!(used(&market, &provider).await, 3 * one);
    assert_eq!(market.count("listing_media").await, 3);
    market.settle().await;
    pass(&market, TimeDelta::minutes(31)).await;
    sweep(&market).await;
    assert_eq!(files_in(&market.media_folder()).len(), 6, "three originals and their copies");
}

#[tokio::test]
async fn without_a_quota_there_is_room_for_anything() {
    let market = Marketplace::with(|settings| settings.media.account_quota_bytes = 0).await;
    let provider = market.provider().await;

    let _ = create(&provider, (0..12).map(picture)).await.expect(201);

    assert!(used(&market, &provider).await > 0, "what is taken is counted all the same");
}
