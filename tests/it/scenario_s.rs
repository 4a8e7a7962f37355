//! Services by appointment: S1, S2, S3 and S5 of `docs/features.md`, over HTTP.

use std::sync::Arc;

use chrono::TimeDelta;
use scenarios::{Marketplace, Person, Reply};
use serde_json::{Value, json};
use tokio::sync::Barrier;

async fn start() -> Marketplace {
    Marketplace::with(|settings| "service-booking".clone_into(&mut settings.profile)).await
}

/// A service that is published and can be booked around the clock.
async fn service(market: &Marketplace, provider: &Person) -> String {
    let id = provider.drafts_lessons().await;
    let waiting = provider.command(&format!("listings/{id}/publish")).await.expect(200);
    assert_eq!(waiting.body["status"], "pending_review");
    let _ = market.visitor().get(&format!("listings/{id}")).await.expect(404);
    let moderator = market.moderator().await;
    let approve = format!("admin/listings/{id}/approve");
    let _ = provider.command(&approve).await.refused(403, "forbidden");
    let _ = moderator.command(&approve).await.expect(200);
    id
}

async fn free_slots(person: &Person, market: &Marketplace, listing: &str) -> Vec<Value> {
    let from = (market.now() + TimeDelta::days(1)).date_naive().to_string();
    let to = (market.now() + TimeDelta::days(7)).date_naive().to_string();
    let query = [("from", from.as_str()), ("to", to.as_str()), ("tz", "Europe/Berlin")];
    let slots = person.find(&format!("listings/{listing}/slots"), &query).await.expect(200);
    slots.data().iter().map(|slot| slot["start"].clone()).collect()
}

async fn book(client: &Person, listing: &str, slot: &Value) -> Reply {
    let body = json!({ "listing_id": listing, "message": "This time, please.", "slot": slot });
    client.post("bookings", body).await
}

#[tokio::test]
async fn one_slot_is_sold_once_to_a_hundred_who_want_it() {
    let market = start().await;
    let provider = market.provider().await;
    let listing = service(&market, &provider).await;
    let mut clients = Vec::new();
    for _ in 0..100 {
        clients.push(market.client().await);
    }
    let slots = free_slots(&clients[0], &market, &listing).await;
    let slot = slots.first().expect("a provider that is always open has free slots").clone();

    let gate = Arc::new(Barrier::new(clients.len()));
    let submits: Vec<_> = clients
        .into_iter()
        .map(|client| {
            let (gate, listing, slot) = (Arc::clone(&gate), listing.clone(), slot.clone());
            tokio::spawn(async move {
                gate.wait().await;
                book(&client, &listing, &slot).await
            })
        })
        .collect();
    let mut booked = 0;
    for submit in submits {
        let reply = submit.await.expect("an answer");
        if reply.status == 201 {
            booked += 1;
        } else {
            let _ = reply.refused(409, "booking.slot_taken");
        }
    }

    assert_eq!(booked, 1);
    assert_eq!(market.count("bookings").await, 1);
    let left = free_slots(&market.visitor(), &market, &listing).await;
    assert!(!left.contains(&slot), "the slot is not offered any more");
    market.settle().await;
}

#[tokio::test]
async fn a_customer_a_provider_and_an_admin_each_do_their_part() {
    let market = start().await;
    let (provider, customer) = (market.provider().await, market.client().await);
    let admin = market.admin().await;
    let listing = service(&market, &provider).await;

    // S2: found by what it is.
    let query = [("q", "piano"), ("type", "service"), ("attr.level", "beginners")];
    let found = customer.find("listings", &query).await.expect(200);
    assert_eq!(found.data()[0]["id"], listing.as_str());

    // S3: a slot, and the states that each side may bring about.
    let slots = free_slots(&customer, &market, &listing).await;
    let booking = book(&customer, &listing, &slots[3]).await.expect(201).id();
    let path = format!("bookings/{booking}");
    let _ = book(&customer, &listing, &slots[3]).await.refused(409, "booking.slot_taken");
    let _ = provider.command(&format!("{path}/accept")).await.expect(200);
    let quote = customer.get(&format!("{path}/cancellation-quote")).await.expect(200);
    assert!(quote.body["refund_percent"].is_u64(), "{}", quote.text);
    let calendar = customer.get(&format!("{path}/calendar.ics")).await.expect(200);
    assert!(calendar.text.starts_with("BEGIN:VCALENDAR"), "{}", calendar.text);

    // Another time, by agreement.
    let moved = json!({ "starts_at": slots[9] });
    let _ = customer.post(&format!("{path}/propose-reschedule"), moved).await.expect(200);
    let own = customer.command(&format!("{path}/accept-reschedule")).await;
    let _ = own.refused(409, "illegal_transition");
    let agreed = provider.command(&format!("{path}/accept-reschedule")).await.expect(200);
    assert_eq!(agreed.body["slot"]["start"], slots[9]);

    // The time comes; nobody confirms, and the marketplace does it by itself.
    market.advance(TimeDelta::days(8)).await;
    let _ = provider.command(&format!("{path}/report-done")).await.expect(200);
    market.advance(TimeDelta::days(4)).await;
    let seen = customer.get(&path).await.expect(200);
    assert_eq!(seen.body["status"], "completed");

    // S1: hard borders. An admin has no way in through the paths of the two.
    let _ = admin.get(&path).await.refused(404, "booking.not_found");
    let _ = admin.command(&format!("{path}/cancel")).await.refused(404, "booking.not_found");
    let _ = customer.get("admin/accounts").await.refused(403, "forbidden");
    let _ = provider.get("admin/disputes").await.refused(403, "forbidden");

    // S5: both sides were told of every step that the other one, or time, took.
    market.settle().await;
    for (person, least) in [(&customer, 3), (&provider, 2)] {
        let told = person.get("notifications").await.expect(200);
        let about = told.data().iter().filter(|one| one["subject"] == booking.as_str()).count();
        assert!(about >= least, "{}: {about} notifications", person.email);
        let mails = market.mails.mails();
        let mails = mails.iter().filter(|mail| mail.to.contains(&person.email)).count();
        assert!(mails >= least, "{}: {mails} mails", person.email);
    }
}

#[tokio::test]
async fn a_dispute_is_decided_by_a_moderator() {
    let market = start().await;
    let (provider, customer) = (market.provider().await, market.client().await);
    let listing = service(&market, &provider).await;
    let slots = free_slots(&customer, &market, &listing).await;
    let booking = book(&customer, &listing, &slots[0]).await.expect(201).id();
    let path = format!("bookings/{booking}");
    let _ = provider.command(&format!("{path}/accept")).await.expect(200);

    let reason = json!({ "reason": "Nobody came" });
    let _ =
        provider.post(&format!("{path}/dispute"), reason.clone()).await.refused(403, "forbidden");
    let disputed = customer.post(&format!("{path}/dispute"), reason).await.expect(200);
    assert_eq!(disputed.body["status"], "disputed");
    let moderator = market.moderator().await;
    let queue = moderator.get("admin/disputes").await.expect(200);
    assert_eq!(queue.data().len(), 1, "{}", queue.text);
    let decision = json!({ "refund_percent": 100, "reason": "Nobody came, as both say" });
    let resolve = format!("admin/bookings/{booking}/resolve");
    let _ = customer.post(&resolve, decision.clone()).await.refused(403, "forbidden");
    let _ = moderator.post(&resolve, decision.clone()).await.expect(200);
    let _ = moderator.post(&resolve, decision).await.refused(409, "illegal_transition");
    let seen = customer.get(&path).await.expect(200);
    assert_eq!(seen.body["status"], "cancelled");

    let log = market.admin().await.get("admin/audit").await.expect(200);
    assert!(log.data().iter().any(|line| line["object"] == booking.as_str()), "{}", log.text);
}
