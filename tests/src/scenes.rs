use serde_json::{Value, json};

use crate::{Marketplace, Person};

/// Listing types that the tests declare beside those of the profile: one whose listings moderators
/// look at first, one whose listings are booked on time slots.
pub const CURATED: &str = "curated";
/// See [`CURATED`].
pub const VISIT: &str = "visit";

/// Where everything stands in these scenes: Berlin.
pub fn berlin() -> Value {
    json!({ "lat": 52.52, "lon": 13.405 })
}

/// A listing type as admins declare it.
pub fn listing_type(key: &str, moderation: &str, transaction: &str) -> Value {
    json!({
        "key": key,
        "title": "Kind of listing",
        "plural": "Kinds of listings",
        "attributes": [
            { "key": "area", "label": "Area", "kind": "decimal", "unit": "m²", "min": 1, "max": 10000, "filterable": true },
            { "key": "room", "label": "Room", "kind": "enum", "filterable": true, "choices": [
                { "key": "kitchen", "label": "Kitchen" }, { "key": "garden", "label": "Garden" },
            ]},
        ],
        "media": { "kinds": ["picture"], "min": 0, "max": 12, "bytes": 1_048_576 },
        "transactions": [transaction],
        "access": ["free"],
        "moderation": moderation,
        "harmless": ["stock"],
        "review_criteria": [{ "key": "quality", "label": "Quality of the work" }],
    })
}

impl Marketplace {
    /// Declares [`CURATED`] and [`VISIT`].
    pub async fn declare_listing_types(&self) {
        let operator = self.operator().await;
        for declared in
            [listing_type(CURATED, "before", "request"), listing_type(VISIT, "none", "appointment")]
        {
            let _ = operator.post("admin/listing-types", declared).await.expect(201);
        }
    }

    /// Lessons that are published and can be booked: see [`Person::drafts_lessons`].
    pub async fn lessons(&self, provider: &Person) -> String {
        let id = provider.drafts_lessons().await;
        let _ = provider.command(&format!("listings/{id}/publish")).await.expect(200);
        let moderator = self.moderator().await;
        let _ = moderator.command(&format!("admin/listings/{id}/approve")).await.expect(200);
        id
    }
}

impl Person {
    /// Drafts a listing of this type; the id.
    pub async fn drafts(&self, listing_type: &str) -> String {
        let attributes = match listing_type {
            "service" => json!({ "on_site": true, "languages": ["en", "de"] }),
            _ => json!({ "area": 42.5, "room": "kitchen" }),
        };
        let body = json!({
            "listing_type": listing_type,
            "title": "Kitchen planning",
            "description": "From the first sketch to the last handle.",
            "price": { "amount": 9000, "currency": "EUR" },
            "price_unit": "fixed",
            "attributes": attributes,
            "location": berlin(),
        });
        self.post("listings", body).await.expect(201).id()
    }

    /// Drafts a listing of this type and publishes it; the id.
    pub async fn publishes(&self, listing_type: &str) -> String {
        let id = self.drafts(listing_type).await;
        let _ = self.command(&format!("listings/{id}/publish")).await.expect(200);
        id
    }

    /// Opens around the clock and drafts a service of 45.00 EUR an hour, booked for half of one, of
    /// the marketplace for services; the id.
    pub async fn drafts_lessons(&self) -> String {
        self.opens_always().await;
        let body = json!({
            "listing_type": "service",
            "title": "Piano lessons",
            "description": "For those who start, and those who start again.",
            "price": { "amount": 4500, "currency": "EUR" },
            "price_unit": "per_hour",
            "attributes": { "place": "at_provider", "level": ["beginners", "seniors"] },
            "location": berlin(),
        });
        self.post("listings", body).await.expect(201).id()
    }

    /// Opens around the clock, on every day.
    pub async fn opens_always(&self) {
        let _ = self.put("providers/me/availability", always_open()).await.expect(200);
    }

    /// Sends a request for a listing; the id of the booking.
    pub async fn requests(&self, listing: &str) -> String {
        let body = json!({
            "listing_id": listing,
            "message": "Could you come and have a look?",
            "budget": { "amount": 50_000, "currency": "EUR" },
        });
        self.post("bookings", body).await.expect(201).id()
    }

    /// Gives a command without a body about a booking.
    pub async fn about_booking(&self, booking: &str, command: &str) {
        let _ = self.command(&format!("bookings/{booking}/{command}")).await.expect(200);
    }
}

/// Opening hours around the clock.
pub fn always_open() -> Value {
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let weekly: Vec<Value> =
        days.iter().map(|day| json!({ "day": day, "from": "00:00", "to": "24:00" })).collect();
    json!({
        "time_zone": "Europe/Berlin",
        "weekly": weekly,
        "exceptions": [{ "date": "2027-12-24", "kind": "closed" }],
        "slot_minutes": 30,
        "interval_minutes": 30,
        "min_notice_minutes": 0,
        "horizon_days": 60,
        "capacity": 1,
    })
}
