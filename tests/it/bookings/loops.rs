//! Whole loops, from a submission to its end, in simulated time.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{World, allowed, give, status, tell};

#[tokio::test]
async fn an_appointment_goes_from_a_free_slot_to_its_completion() {
    let world = World::new().await;
    let (client, provider) = (&world.client, &world.provider);
    let slot = world.slot(3);
    assert!(world.free(slot).await);

    let booked = world.book(slot).await.expect(201);
    let id = booked.id();
    assert_eq!(booked.header("location"), format!("/api/v1/bookings/{id}"));
    assert_eq!(booked.body["status"], "requested");
    assert_eq!(booked.body["price"], json!({ "amount": 10000, "currency": "EUR" }));
    assert_eq!(allowed(&booked), ["withdraw"]);
    assert!(!world.free(slot).await);

    let asked = provider.get("bookings?as=provider&status=requested,accepted").await.expect(200);
    assert_eq!(asked.data()[0]["id"], id.as_str());
    assert_eq!(asked.data()[0]["allowed"], json!(["accept", "decline"]));
    let accepted = give(provider, &id, "accept").await.expect(200);
    assert_eq!(
        allowed(&accepted),
        ["start", "report_done", "cancel", "propose_reschedule"],
        "a provider never confirms"
    );
    let _ = give(provider, &id, "start").await.expect(200);
    let done = tell(provider, &id, "report-done", json!({ "note": "As you like it" })).await;
    assert_eq!(done.expect(200).body["status"], "done");
    let completed = give(client, &id, "confirm-done").await.expect(200);
    assert_eq!(completed.body["status"], "completed");
    assert_eq!(completed.body["outcome"]["cause"], "confirmed");
    assert_eq!(completed.body["outcome"]["refund"], Value::Null);
    assert!(allowed(&completed).is_empty());

    let history = client.get(&format!("bookings/{id}/history")).await.expect(200);
    let commands: Vec<_> = history.data().iter().map(|entry| entry["command"].clone()).collect();
    assert_eq!(commands, ["submit", "accept", "start", "report_done", "confirm_done"]);
    assert_eq!(history.data()[3]["note"], "As you like it");
    world.market.settle().await;
}

#[tokio::test]
async fn a_quote_is_agreed_by_offers() {
    let world = World::new().await;
    let (client, provider) = (&world.client, &world.provider);
    let body = json!({
        "listing_id": world.quote,
        "message": "Paint my flat",
        "budget": { "amount": 40000, "currency": "EUR" },
    });
    let asked = client.post("bookings", body).await.expect(201);
    let id = asked.id();
    assert_eq!(asked.body["price"], Value::Null);
    let offer = |amount| json!({ "price": { "amount": amount, "currency": "EUR" }, "work": "All" });

    let _ = give(provider, &id, "accept").await.refused(409, "illegal_transition");
    let _ = tell(client, &id, "counter-offer", offer(1)).await.refused(409, "illegal_transition");
    let _ = tell(provider, &id, "offer", offer(60000)).await.expect(200);
    let _ = tell(client, &id, "counter-offer", offer(45000)).await.expect(200);
    let dollars = json!({ "price": { "amount": 1, "currency": "USD" }, "work": "All" });
    let refused = tell(provider, &id, "offer", dollars).await.refused(422, "validation");
    assert_eq!(refused.pointers(), ["/price/currency"]);
    let _ = tell(provider, &id, "offer", offer(50000)).await.expect(200);
    let _ = give(provider, &id, "withdraw-offer").await.expect(200);
    let _ = tell(provider, &id, "offer", offer(48000)).await.expect(200);

    let early = tell(client, &id, "accept", json!({ "offer": 3 })).await;
    let _ = early.refused(409, "booking.offer_outdated");
    let _ = give(client, &id, "accept").await.refused(409, "booking.offer_outdated");
    let accepted = tell(client, &id, "accept", json!({ "offer": 4 })).await.expect(200);
    assert_eq!(accepted.body["status"], "accepted");
    assert_eq!(accepted.body["price"]["amount"], 48000);
    assert_eq!(accepted.body["offers"].as_array().map(Vec::len), Some(4));
}

#[tokio::test]
async fn a_request_is_declined_or_withdrawn_or_expires_by_itself() {
    let world = World::new().await;
    let (client, provider) = (&world.client, &world.provider);

    let id = world.ask(&world.request).await;
    let reason = json!({ "reason": "On holiday" });
    let declined = tell(provider, &id, "decline", reason).await.expect(200);
    assert_eq!(declined.body["outcome"]["reason"], "On holiday");

    let id = world.ask(&world.request).await;
    assert_eq!(give(client, &id, "withdraw").await.expect(200).body["status"], "withdrawn");

    let id = world.ask(&world.request).await;
    world.advance(TimeDelta::hours(73)).await;
    assert_eq!(status(client, &id).await, "expired");
    let _ = give(provider, &id, "accept").await.refused(409, "illegal_transition");
    let reminded = "SELECT count(*) FROM events WHERE name = 'booking.reminder_due.v1'";
    // The clock jumped over the day before: nobody is reminded of what is past.
    assert_eq!(world.market.rows(reminded).await, ["0"]);
}

#[tokio::test]
async fn what_nobody_confirms_confirms_itself_after_a_reminder() {
    let world = World::new().await;
    let id = world.ask(&world.request).await;
    let _ = give(&world.provider, &id, "accept").await.expect(200);
    let _ = give(&world.provider, &id, "report-done").await.expect(200);

    world.advance(TimeDelta::days(6) + TimeDelta::minutes(1)).await;
    assert_eq!(status(&world.client, &id).await, "done");
    let reminded =
        "SELECT payload ->> 'reminder' FROM events WHERE name = 'booking.reminder_due.v1'";
    assert_eq!(world.market.rows(reminded).await, ["confirmation"]);
    world.advance(TimeDelta::days(1)).await;

    let booking = world.client.get(&format!("bookings/{id}")).await.expect(200);
    assert_eq!(booking.body["status"], "completed");
    assert_eq!(booking.body["outcome"]["cause"], "automatic");
    let history = world.provider.get(&format!("bookings/{id}/history")).await.expect(200);
    assert_eq!(history.data().last().map(|entry| entry["by"].clone()), Some(json!("clock")));
}

#[tokio::test]
async fn work_that_nobody_finishes_is_cancelled() {
    let world = World::new().await;
    let id = world.ask(&world.request).await;
    let _ = give(&world.provider, &id, "accept").await.expect(200);

    world.advance(TimeDelta::days(76)).await;

    let booking = world.client.get(&format!("bookings/{id}")).await.expect(200);
    assert_eq!(booking.body["status"], "cancelled");
    assert_eq!(booking.body["outcome"]["cause"], "stale");
}

#[tokio::test]
async fn changes_are_asked_for_twice_and_then_disputed() {
    let world = World::new().await;
    let (client, provider) = (&world.client, &world.provider);
    let id = world.ask(&world.request).await;
    let _ = give(provider, &id, "accept").await.expect(200);
    for left in [1, 0] {
        let _ = give(provider, &id, "report-done").await.expect(200);
        let text = json!({ "text": "The door still sticks" });
        let changed = tell(client, &id, "request-changes", text).await.expect(200);
        assert_eq!(changed.body["changes_left"], left);
    }
    let _ = give(provider, &id, "report-done").await.expect(200);
    let text = json!({ "text": "Again" });
    let refused =
        tell(client, &id, "request-changes", text).await.refused(409, "illegal_transition");
    assert_eq!(allowed(&refused), ["confirm_done", "dispute"]);
    let _ = tell(client, &id, "dispute", json!({})).await.refused(422, "validation");
    let _ = tell(client, &id, "dispute", json!({ "reason": "It sticks" })).await.expect(200);

    let moderator = world.market.moderator().await;
    let waiting = moderator.get("admin/disputes").await.expect(200);
    assert_eq!(waiting.data()[0]["id"], id.as_str());
    assert_eq!(waiting.data()[0]["allowed"], json!(["resolve"]));
    let path = format!("admin/bookings/{id}/resolve");
    let decision = json!({ "refund_percent": 30, "reason": "Half of it" });
    for person in [client, provider] {
        let _ = person.post(&path, decision.clone()).await.refused(403, "forbidden");
        let _ = person.get("admin/disputes").await.refused(403, "forbidden");
    }
    let high = json!({ "refund_percent": 101, "reason": "More" });
    let _ = moderator.post(&path, high).await.refused(422, "validation");
    let resolved = moderator.post(&path, decision.clone()).await.expect(200);
    assert_eq!(resolved.body["status"], "completed");
    assert_eq!(resolved.body["outcome"]["cause"], "resolved");
    let _ = moderator.post(&path, decision).await.refused(409, "illegal_transition");
    let _ = moderator.get(&format!("bookings/{id}")).await.refused(404, "booking.not_found");
    let audited = "SELECT command FROM audit_log WHERE reason = 'Half of it'";
    assert_eq!(world.market.rows(audited).await, ["resolve"]);
}

#[tokio::test]
async fn a_dispute_that_nobody_decides_gives_everything_back() {
    let world = World::new().await;
    let id = world.ask(&world.request).await;
    let _ = give(&world.provider, &id, "accept").await.expect(200);
    let reason = json!({ "reason": "Nobody came" });
    let _ = tell(&world.client, &id, "dispute", reason).await.expect(200);

    world.advance(TimeDelta::days(61)).await;

    let booking = world.client.get(&format!("bookings/{id}")).await.expect(200);
    assert_eq!(booking.body["outcome"]["cause"], "undecided");
}

#[tokio::test]
async fn a_cancellation_costs_what_its_quote_said() {
    let world = World::new().await;
    let (client, provider) = (&world.client, &world.provider);
    let tiers = json!({ "cancellation": [
        { "hours_before": 24, "refund_percent": 50 }, { "hours_before": 48, "refund_percent": 100 },
    ] });
    let settings = format!("listings/{}/appointment", world.service);
    let _ = provider.put(&settings, tiers).await.expect(200);
    let _ = client.get(&settings).await.refused(403, "forbidden");
    let id = world.book(world.slot(5)).await.expect(201).id();
    let path = format!("bookings/{id}/cancellation-quote");
    let _ = client.get(&path).await.refused(409, "illegal_transition");
    let _ = give(provider, &id, "accept").await.expect(200);

    let early = client.get(&path).await.expect(200);
    assert_eq!(early.body["refund_percent"], 100);
    assert_eq!(early.body["held"], false);
    let left = world.slot(5) - world.market.now();
    world.advance(left - TimeDelta::hours(30)).await;
    let late = client.get(&path).await.expect(200);
    assert_eq!(late.body["refund"], json!({ "amount": 5000, "currency": "EUR" }));
    assert_eq!(provider.get(&path).await.expect(200).body["refund_percent"], 100);
    let cancelled = tell(client, &id, "cancel", json!({ "reason": "Ill" })).await.expect(200);
    assert_eq!(cancelled.body["outcome"]["cause"], "client");
}

#[tokio::test]
async fn who_does_not_come_is_reported_after_the_slot() {
    let world = World::new().await;
    for (who, status, cause) in
        [("client", "completed", "no_show"), ("provider", "cancelled", "no_show")]
    {
        let id = world.book(world.slot(2)).await.expect(201).id();
        let _ = give(&world.provider, &id, "accept").await.expect(200);
        world.advance(TimeDelta::days(3)).await;
        let (present, own) = match who {
            "client" => (&world.provider, "provider"),
            _ => (&world.client, "client"),
        };
        let _ =
            tell(present, &id, "no-show", json!({ "who": own })).await.refused(422, "validation");
        let reported = tell(present, &id, "no-show", json!({ "who": who })).await.expect(200);
        assert_eq!(reported.body["status"], status);
        assert_eq!(reported.body["outcome"]["cause"], cause);
    }
}

#[tokio::test]
async fn a_new_time_is_proposed_by_one_and_accepted_by_the_other() {
    let world = World::new().await;
    let (client, provider) = (&world.client, &world.provider);
    let (old, new) = (world.slot(3), world.slot(4));
    let id = world.book(old).await.expect(201).id();
    let _ = give(provider, &id, "accept").await.expect(200);

    let night = json!({ "starts_at": new + TimeDelta::hours(12) });
    let refused = tell(client, &id, "propose-reschedule", night).await;
    let _ = refused.refused(409, "booking.slot_not_offered");
    let proposed = tell(client, &id, "propose-reschedule", json!({ "starts_at": new })).await;
    assert!(allowed(&proposed.expect(200)).contains(&"withdraw_reschedule"));
    assert!(world.free(new).await, "a proposal holds nothing");
    let _ = give(client, &id, "accept-reschedule").await.refused(409, "illegal_transition");
    let moved = give(provider, &id, "accept-reschedule").await.expect(200);
    assert_eq!(moved.body["slot"]["start"], json!(new));
    assert!(world.free(old).await && !world.free(new).await);

    let _ =
        tell(provider, &id, "propose-reschedule", json!({ "starts_at": old })).await.expect(200);
    let _ = world.book(old).await.expect(201);
    let _ = give(client, &id, "accept-reschedule").await.refused(409, "booking.slot_taken");
    let _ = give(client, &id, "decline-reschedule").await.expect(200);
}
