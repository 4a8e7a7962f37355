//! What is refused, and what the refusal says.

use chrono::TimeDelta;
use kernel::{Ids, SystemIds};
use reqwest::Method;
use scenarios::Person;
use serde_json::{Value, json};

use super::{World, allowed, give, tell};

#[tokio::test]
async fn a_retry_with_the_same_key_books_once() {
    let world = World::new().await;
    let body = json!({ "listing_id": world.service, "message": "Hello", "slot": world.slot(2) });

    let first = world.client.post_once("bookings", body.clone(), "one").await.expect(201);
    let again = world.client.post_once("bookings", body.clone(), "one").await.expect(201);
    assert_eq!(again.text, first.text);
    assert_eq!(again.header("idempotency-replayed"), "true");
    let other = json!({ "listing_id": world.service, "message": "Other", "slot": world.slot(3) });
    let _ = world
        .client
        .post_once("bookings", other, "one")
        .await
        .refused(422, "idempotency.other_body");
    let bare = world.client.request(Method::POST, "bookings").json(&body);
    let _ = world.client.send("without a key", bare).await.refused(400, "idempotency.key_required");
    assert_eq!(world.market.count("bookings").await, 1);
}

#[tokio::test]
async fn what_cannot_be_booked_is_refused_with_its_reason() {
    let world = World::new().await;
    let (client, slot) = (&world.client, world.slot(2));
    let ask = async |person: &Person, body: Value| person.post("bookings", body).await;
    let whole = |listing: &str, slot: Value| json!({ "listing_id": listing, "message": "Hi", "slot": slot });

    let half_past = json!(slot + TimeDelta::minutes(30));
    let _ = ask(client, whole(&world.service, half_past))
        .await
        .refused(409, "booking.slot_not_offered");
    let night = json!(slot + TimeDelta::hours(12));
    let _ =
        ask(client, whole(&world.service, night)).await.refused(409, "booking.slot_not_offered");
    let past = json!(slot - TimeDelta::days(7));
    let _ = ask(client, whole(&world.service, past)).await.refused(409, "booking.slot_not_offered");
    let far = json!(slot + TimeDelta::days(200));
    let _ = ask(client, whole(&world.service, far)).await.refused(409, "booking.slot_not_offered");
    let none = ask(client, whole(&world.service, Value::Null)).await.refused(422, "validation");
    assert_eq!(none.pointers(), ["/slot"]);
    let odd = ask(client, whole(&world.request, json!(slot))).await.refused(422, "validation");
    assert_eq!(odd.pointers(), ["/slot"]);
    let own = ask(&world.provider, whole(&world.service, json!(slot))).await;
    let _ = own.refused(403, "booking.own_listing");
    let unknown = format!("lst_{}", SystemIds.next().simple());
    let _ = ask(client, whole(&unknown, json!(slot))).await.refused(404, "listing.not_found");
    let visitor = ask(&world.market.visitor(), whole(&world.service, json!(slot))).await;
    let _ = visitor.refused(401, "unauthenticated");

    let wrong = json!({ "listing_id": "lst_1", "message": " ", "budget": { "amount": 1, "currency": "XX" } });
    let refused = ask(client, wrong).await.refused(422, "validation");
    assert_eq!(refused.pointers(), ["/listing_id", "/message", "/budget/currency"]);
    let status = json!({ "listing_id": world.request, "message": "Hi", "status": "accepted" });
    let _ = ask(client, status).await.refused(422, "validation");
    let other = json!({
        "listing_id": world.request, "message": "Hi", "budget": { "amount": 5, "currency": "USD" },
    });
    let refused = ask(client, other).await.refused(422, "validation");
    assert_eq!(refused.pointers(), ["/budget/currency"]);
    assert_eq!(world.market.count("bookings").await, 0);
}

#[tokio::test]
async fn each_side_does_its_part_and_strangers_learn_nothing() {
    let world = World::new().await;
    let (client, provider) = (&world.client, &world.provider);
    let id = world.ask(&world.request).await;
    let stranger = world.market.client().await;

    for path in ["", "/history", "/cancellation-quote", "/calendar.ics"] {
        let path = format!("bookings/{id}{path}");
        let _ = stranger.get(&path).await.refused(404, "booking.not_found");
        let _ = world.market.visitor().get(&path).await.refused(401, "unauthenticated");
    }
    let _ = give(&stranger, &id, "accept").await.refused(404, "booking.not_found");
    let _ = give(client, &id, "decline").await.refused(403, "forbidden");
    let _ = give(provider, &id, "withdraw").await.refused(403, "forbidden");
    let refused = give(client, &id, "accept").await.refused(409, "illegal_transition");
    assert_eq!(allowed(&refused), ["withdraw"]);
    let _ = give(provider, &id, "accept").await.expect(200);
    let _ = give(client, &id, "report-done").await.refused(403, "forbidden");
    let _ = give(provider, &id, "confirm-done").await.refused(403, "forbidden");
    let who = json!({ "who": "provider" });
    let _ = tell(client, &id, "no-show", who).await.refused(409, "illegal_transition");
    assert!(stranger.get("bookings").await.expect(200).data().is_empty());
    let _ = client.get("bookings?status=open").await.refused(400, "invalid_query");
    let _ = client.get("bookings?cursor=AAAA").await.refused(400, "invalid_cursor");
}

#[tokio::test]
async fn of_ten_retries_with_one_key_one_makes_an_offer() {
    let world = World::new().await;
    let id = world.ask(&world.quote).await;
    let path = format!("bookings/{id}/offer");
    let offer = json!({ "price": { "amount": 60000, "currency": "EUR" }, "work": "All of it" });

    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (provider, path, offer) = (world.provider.clone(), path.clone(), offer.clone());
        crowd.spawn(async move { provider.post_once(&path, offer, "one").await });
    }
    let mut made = 0;
    for reply in crowd.join_all().await {
        match reply.status.as_u16() {
            200 if reply.header("idempotency-replayed").is_empty() => made += 1,
            200 => {}
            _ => drop(reply.refused(409, "idempotency.in_flight")),
        }
    }

    assert_eq!(made, 1);
    let again = world.provider.post_once(&path, offer, "one").await.expect(200);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.body["offers"].as_array().map(Vec::len), Some(1));
    let other = json!({ "price": { "amount": 1, "currency": "EUR" }, "work": "Less" });
    let other = world.provider.post_once(&path, other, "one").await;
    let _ = other.refused(422, "idempotency.other_body");
    let seen = world.client.get(&format!("bookings/{id}")).await.expect(200);
    assert_eq!(seen.body["offers"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn what_is_added_to_a_booking_is_added_once_per_key() {
    let world = World::new().await;
    let slot = world.slot(2);
    let id = world.book(slot).await.expect(201).id();
    let _ = give(&world.provider, &id, "accept").await.expect(200);
    let moved = json!({ "starts_at": slot + TimeDelta::hours(1) });
    let path = format!("bookings/{id}/propose-reschedule");

    let first = world.client.post_once(&path, moved.clone(), "move").await.expect(200);
    let again = world.client.post_once(&path, moved, "move").await.expect(200);

    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.text, first.text);
    let _ = give(&world.provider, &id, "decline-reschedule").await.expect(200);
    let bare = world.client.request(Method::POST, &path).json(&json!({ "starts_at": slot }));
    let reply = world.client.send("without a key", bare).await;
    assert_ne!(reply.body["code"], "idempotency.key_required");
}
