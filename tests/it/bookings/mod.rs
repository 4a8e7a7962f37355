//! Requests, quotes and appointments over HTTP: whole loops, refusals, crowds, and time.

mod calendars;
mod loops;
mod refusals;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Ids, SystemIds};
use scenarios::{Marketplace, Person, Reply};
use serde_json::{Value, json};

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
