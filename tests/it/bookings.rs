//! Requests, quotes and appointments over HTTP: whole loops, refusals, crowds, and time.

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Ids, SystemIds};
use reqwest::Method;
use scenarios::{Marketplace, Person, Reply};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// A marketplace with a client, a provider and a listing of each kind.
struct World {
    market: Marketplace,
    client: Person,
    provider: Person,
    service: String,
    request: String,
    quote: String,
}

impl World {
    async fn new() -> Self {
        let market = Marketplace::start().await;
        let client = market.client().await;
        let mut provider = market.client().await;
        provider.provider = provide(&market, &provider).await;
        provider.sign_in().await;
        let [service, request, quote] =
            ["appointment", "request", "quote"].map(|kind| list(&market, &provider, kind));
        let (service, request, quote) = (service.await, request.await, quote.await);
        let world = Self { market, client, provider, service, request, quote };
        world.open(json!({})).await;
        world
    }

    /// Opening hours: every day from 8 to 18 in UTC, and what differs.
    async fn open(&self, differs: Value) {
        let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
        let weekly = days.map(|day| json!({ "day": day, "from": "08:00", "to": "18:00" }));
        let mut hours = json!({ "time_zone": "UTC", "weekly": weekly });
        for (key, value) in differs.as_object().into_iter().flatten() {
            hours[key] = value.clone();
        }
        let _ = self.provider.put("providers/me/availability", hours).await.expect(200);
    }

    /// Ten o'clock, so many days from now.
    fn slot(&self, days: i64) -> DateTime<Utc> {
        let day = (self.market.now() + TimeDelta::days(days)).date_naive();
        day.and_hms_opt(10, 0, 0).expect("ten o'clock exists").and_utc()
    }

    async fn book(&self, slot: DateTime<Utc>) -> Reply {
        let body = json!({ "listing_id": self.service, "message": "Hello", "slot": slot });
        self.client.post("bookings", body).await
    }

    async fn ask(&self, listing: &str) -> String {
        let body = json!({ "listing_id": listing, "message": "Hello" });
        self.client.post("bookings", body).await.expect(201).id()
    }

    async fn free(&self, slot: DateTime<Utc>) -> bool {
        let date = slot.date_naive();
        let path = format!("listings/{}/slots?from={date}&to={date}", self.service);
        let found = self.market.visitor().get(&path).await.expect(200);
        let starts = found.data().iter().filter_map(|free| free["start"].as_str());
        starts.filter_map(|start| start.parse::<DateTime<Utc>>().ok()).any(|start| start == slot)
    }

    async fn advance(&self, by: TimeDelta) {
        self.market.advance(by).await;
        self.market.settle().await;
    }
}

/// Gives an account a provider profile.
async fn provide(market: &Marketplace, person: &Person) -> String {
    let id = kernel::ProviderId::from_uuid(SystemIds.next());
    let (uuid, account) = (id.as_uuid(), person.account.trim_start_matches("acc_"));
    let sql = format!(
        "INSERT INTO providers (id, account_id, slug, name, category_ids, languages, verification, \
             status, version, created_at, updated_at) \
         VALUES ('{uuid}', '{account}'::uuid, 'anna', 'Anna', '{{}}', '{{}}', 'unverified', 'active', 1, \
             now(), now())"
    );
    market.sql().batch_execute(&sql).await.expect("a provider can be arranged");
    id.to_string()
}

/// A published listing that is transacted in one way, for 100 euros.
async fn list(market: &Marketplace, provider: &Person, kind: &str) -> String {
    let id = kernel::ListingId::from_uuid(SystemIds.next());
    let (uuid, owner) = (id.as_uuid(), &provider.provider);
    let owner = owner.trim_start_matches("prv_");
    let sql = format!(
        "INSERT INTO listing_types (key, position, declaration, version, created_at, updated_at) \
         VALUES ('by-{kind}', 90, jsonb_build_object('key', 'by-{kind}', 'title', 'T', 'plural', 'T', \
             'transactions', jsonb_build_array('{kind}')), 1, now(), now()); \
         INSERT INTO listings (id, listing_type, provider_id, provider_active, title, slug, description, \
             price_minor, currency, price_unit, attributes, access, status, version, created_at, \
             updated_at, published_at) \
         VALUES ('{uuid}', 'by-{kind}', '{owner}'::uuid, true, 'Haircut', '{kind}', 'Short', 10000, 'EUR', \
             '{unit}', '{{}}', 'free', 'published', 1, now(), now(), now())",
        unit = if kind == "quote" { "free_quote" } else { "fixed" },
    );
    market.sql().batch_execute(&sql).await.expect("a listing can be arranged");
    id.to_string()
}

async fn give(person: &Person, id: &str, command: &str) -> Reply {
    person.command(&format!("bookings/{id}/{command}")).await
}

async fn tell(person: &Person, id: &str, command: &str, body: Value) -> Reply {
    person.post(&format!("bookings/{id}/{command}"), body).await
}

fn allowed(reply: &Reply) -> Vec<&str> {
    let commands = reply.body["allowed"].as_array().map(Vec::as_slice).unwrap_or_default();
    commands.iter().filter_map(Value::as_str).collect()
}

async fn status(person: &Person, id: &str) -> String {
    person.get(&format!("bookings/{id}")).await.expect(200).text_at("status")
}

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
async fn of_a_hundred_who_want_one_slot_one_gets_it() {
    let world = World::new().await;
    let slot = world.slot(2);
    let body = json!({ "listing_id": world.service, "message": "Me first", "slot": slot });
    let started = std::time::Instant::now();

    let mut crowd = JoinSet::new();
    for _ in 0..100 {
        let (client, body) = (world.client.clone(), body.clone());
        crowd.spawn(async move { client.post("bookings", body).await });
    }
    let replies = crowd.join_all().await;

    let won = replies.iter().filter(|reply| reply.status == 201).count();
    let lost = replies
        .iter()
        .filter(|reply| reply.status == 409 && reply.code() == "booking.slot_taken")
        .count();
    assert_eq!((won, lost), (1, 99));
    assert_eq!(world.market.count("bookings").await, 1);
    assert!(started.elapsed() < std::time::Duration::from_secs(15), "{:?}", started.elapsed());
}

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

#[tokio::test]
async fn opening_hours_make_the_slots() {
    let world = World::new().await;
    let provider = &world.provider;
    let date = world.slot(7).date_naive();
    let path = format!("listings/{}/slots", world.service);
    let days = [("from", date.to_string()), ("to", date.to_string())];
    let ask = async |tz: &str| {
        let query = [("from", days[0].1.as_str()), ("to", days[1].1.as_str()), ("tz", tz)];
        world.market.visitor().find(&path, &query).await
    };

    world.open(json!({ "exceptions": [{ "date": date, "kind": "closed" }] })).await;
    assert!(ask("UTC").await.expect(200).data().is_empty());
    let extra = json!([{ "date": date, "kind": "closed" },
        { "date": date, "kind": "extra", "from": "20:00", "to": "22:00" }]);
    world.open(json!({ "exceptions": extra, "capacity": 3 })).await;
    let found = ask("Asia/Kolkata").await.expect(200);
    let shown: Vec<_> = found.data().iter().map(|free| &free["local_start"]).collect();
    assert_eq!(found.body["time_zone"], "Asia/Kolkata");
    // The evening in UTC is the night to the next date in India.
    assert!(shown.is_empty(), "{shown:?}");
    let found = ask("America/New_York").await.expect(200);
    assert_eq!(found.data().len(), 2);
    assert_eq!(found.data()[0]["seats"], 3);

    let _ = ask("Mars/Olympus").await.refused(400, "invalid_query");
    let wrong = json!({ "time_zone": "Europe/Nowhere", "weekly": [{ "day": "monday", "from": "9", "to": "17:00" }] });
    let refused = provider.put("providers/me/availability", wrong).await.refused(422, "validation");
    assert_eq!(refused.pointers(), ["/time_zone", "/weekly/0/from"]);
    let back = json!({ "time_zone": "UTC", "weekly": [{ "day": "monday", "from": "17:00", "to": "09:00" }], "capacity": 0 });
    let refused = provider.put("providers/me/availability", back).await.refused(422, "validation");
    assert_eq!(refused.pointers(), ["/weekly/0/to", "/capacity"]);
    let hours = json!({ "time_zone": "UTC" });
    let _ = world.client.put("providers/me/availability", hours).await.refused(403, "forbidden");
    let year = format!("{path}?from=2026-01-01&to=2026-12-31");
    let _ = world.client.get(&year).await.refused(422, "validation");
    let _ = world
        .client
        .get(&format!("listings/{}/slots?from={date}&to={date}", world.request))
        .await
        .refused(409, "booking.not_bookable");
}

#[tokio::test]
async fn appointments_reach_calendar_programs() {
    let world = World::new().await;
    let slot = world.slot(2);
    let id = world.book(slot).await.expect(201).id();

    let file = world.client.get(&format!("bookings/{id}/calendar.ics")).await.expect(200);
    assert_eq!(file.header("content-type"), "text/calendar; charset=utf-8");
    let start = format!("DTSTART:{}", slot.format("%Y%m%dT%H%M%SZ"));
    for line in
        ["BEGIN:VCALENDAR", &start, "SUMMARY:Haircut", "STATUS:TENTATIVE", &format!("UID:{id}")]
    {
        assert!(file.text.contains(line), "{line} is not in {}", file.text);
    }
    let request = world.ask(&world.request).await;
    let _ = world
        .client
        .get(&format!("bookings/{request}/calendar.ics"))
        .await
        .refused(404, "not_found");

    let url = world.provider.command("me/calendar-link").await.expect(200).text_at("url");
    let path =
        url.split_once("/api/v1").map(|(_, path)| format!("/api/v1{path}")).expect("an address");
    let calendar = world.market.visitor().get(&path).await.expect(200);
    assert!(calendar.text.contains(&start));
    let _ = world.provider.command("me/calendar-link").await.expect(200);
    let _ = world.market.visitor().get(&path).await.refused(404, "booking.calendar_not_found");
}
