//! Finding, keeping and counting.

use chrono::TimeDelta;
use scenarios::{Marketplace, Person, Reply, VISIT};
use serde_json::{Value, json};

/// A marketplace with a provider, its listings, and a client.
struct Street {
    market: Marketplace,
    visitor: Person,
    client: Person,
    provider: Person,
}

impl Street {
    async fn new() -> Self {
        let market = Marketplace::start().await;
        market.declare_listing_types().await;
        Self {
            visitor: market.visitor(),
            client: market.client().await,
            provider: market.provider().await,
            market,
        }
    }

    /// Publishes a listing; the id.
    async fn offers(&self, title: &str, more: Value) -> String {
        let mut body = json!({
            "listing_type": VISIT,
            "title": title,
            "description": "As it is written.",
            "price": { "amount": 9000, "currency": "EUR" },
            "price_unit": "fixed",
            "attributes": { "area": 42.5, "room": "kitchen" },
            "location": { "lat": 52.52, "lon": 13.405 },
        });
        for (key, value) in more.as_object().expect("an object") {
            body[key] = value.clone();
        }
        let id = self.provider.post("listings", body).await.expect(201).id();
        let _ = self.provider.command(&format!("listings/{id}/publish")).await.expect(200);
        id
    }

    async fn find(&self, query: &[(&str, &str)]) -> Vec<String> {
        titles(&self.visitor.find("listings", query).await.expect(200))
    }

    /// Waits until what was seen is counted: it is within two seconds.
    async fn counted(&self) {
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    }
}

fn titles(page: &Reply) -> Vec<String> {
    page.data().iter().map(|item| item["title"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn words_attributes_prices_and_places_find_listings() {
    let street = Street::new().await;
    street.offers("Oak table", json!({ "price": { "amount": 1000, "currency": "EUR" } })).await;
    street.offers("Oak chair", json!({ "attributes": { "area": 9, "room": "garden" } })).await;
    street.offers("Grey sofa", json!({ "location": { "lat": 48.14, "lon": 11.58 } })).await;

    assert_eq!(street.find(&[("q", "oak cha")]).await, ["Oak chair"]);
    assert_eq!(street.find(&[("q", "soffa")]).await, ["Grey sofa"], "a typing error");
    assert_eq!(street.find(&[("attr.room", "garden")]).await, ["Oak chair"]);
    assert_eq!(street.find(&[("attr.area[gte]", "40"), ("q", "oak")]).await, ["Oak table"]);
    assert_eq!(street.find(&[("price[lte]", "1000")]).await, ["Oak table"]);
    let near = [("near", "52.5,13.4"), ("within_km", "25")];
    assert_eq!(street.find(&near).await, ["Oak chair", "Oak table"]);
    let both = [("near", "52.5,13.4"), ("within_mi", "20"), ("q", "chair"), ("sort", "distance")];
    assert_eq!(street.find(&both).await, ["Oak chair"]);
    assert_eq!(street.find(&[("sort", "price"), ("limit", "1")]).await, ["Oak table"]);
    assert_eq!(street.find(&[("provider", &street.provider.provider)]).await.len(), 3);
    assert_eq!(street.find(&[("type", "project")]).await.len(), 0);

    let page = street.visitor.find("listings", &near).await;
    let card = &page.data()[0];
    assert_eq!(card["provider"]["id"], street.provider.provider.as_str());
    assert_eq!(card["is_favorite"], false);
    assert!(card["distance_metres"].as_f64().unwrap() > 1_000.0);
    assert_eq!(page.header("cache-control"), "public, max-age=15");
    assert!(page.header("vary").contains("Authorization"));
    let own = street.client.get("listings").await.expect(200);
    assert_eq!(own.header("cache-control"), "no-store");
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_query_is_said_at_once() {
    let street = Street::new().await;

    let query = [("colour", "red"), ("attr.wings", "2"), ("sort", "distance"), ("limit", "51")];
    let reply = street.visitor.find("listings", &query).await.refused(400, "invalid_query");

    let mut pointers = reply.pointers();
    pointers.sort_unstable();
    assert_eq!(pointers, ["attr.wings", "colour", "limit", "sort"]);
    let refused = street.visitor.find("providers", &[("price[gte]", "1")]).await;
    let _ = refused.refused(400, "invalid_query");
    let later = street.visitor.find("listings", &[("facets", "category")]).await;
    let _ = later.refused(400, "invalid_query");
}

#[tokio::test]
async fn pages_go_on_where_they_ended_whatever_is_offered_meanwhile() {
    let street = Street::new().await;
    for number in 1..=5 {
        street.offers(&format!("Table {number}"), json!({})).await;
    }
    let first = street.visitor.get("listings?limit=2").await.expect(200);
    let cursor = first.body["page"]["next_cursor"].as_str().unwrap().to_owned();
    street.offers("Table 6", json!({})).await;

    let next = [("limit", "2"), ("cursor", cursor.as_str())];
    let second = street.visitor.find("listings", &next).await.expect(200);

    assert_eq!(titles(&first), ["Table 5", "Table 4"]);
    assert_eq!(titles(&second), ["Table 3", "Table 2"]);
    for query in [
        [("sort", "price"), ("cursor", cursor.as_str())],
        [("q", "table"), ("cursor", cursor.as_str())],
        [("limit", "2"), ("cursor", "bm90IG91cnM")],
    ] {
        let _ = street.visitor.find("listings", &query).await.refused(400, "invalid_cursor");
    }
    let _ = street.visitor.find("providers", &next).await.refused(400, "invalid_cursor");
}

#[tokio::test]
async fn titles_are_suggested_while_typing() {
    let street = Street::new().await;
    street.offers("Grey sofa", json!({})).await;

    let reply = street.visitor.get("listings/suggest?q=SOF").await.expect(200);

    assert_eq!(titles(&reply), ["Grey sofa"]);
    let _ = street.visitor.get("listings/suggest").await.refused(400, "invalid_query");
}

#[tokio::test]
async fn a_favourite_is_the_same_in_every_list_and_detail() {
    let street = Street::new().await;
    let sofa = street.offers("Grey sofa", json!({})).await;
    let path = format!("listings/{sofa}/favorite");
    let _ = street.visitor.put(&path, json!({})).await.refused(401, "unauthenticated");

    for _ in 0..2 {
        let reply = street.client.put(&path, json!({})).await.expect(200);
        assert_eq!(reply.body, json!({ "is_favorite": true, "favorites": 1 }));
    }
    let provider = format!("providers/{}", street.provider.provider);
    let kept = street.client.put(&format!("{provider}/favorite"), json!({})).await.expect(200);
    assert_eq!(kept.body["favorites"], 1);

    assert_eq!(street.client.get("listings").await.data()[0]["is_favorite"], true);
    assert_eq!(street.client.get(&format!("listings/{sofa}")).await.body["is_favorite"], true);
    let of_provider = street.client.get(&format!("{provider}/listings")).await.expect(200);
    assert_eq!(of_provider.data()[0]["is_favorite"], true);
    assert_eq!(street.client.get(&provider).await.body["is_favorite"], true);
    assert_eq!(street.client.get("providers?is_favorite=true").await.data().len(), 1);
    assert_eq!(titles(&street.client.get("listings?is_favorite=true").await), ["Grey sofa"]);
    let mine = street.client.get("me/favorites").await.expect(200);
    assert_eq!(mine.data()[0]["listing"]["title"], "Grey sofa");
    assert_eq!(street.client.get("me/favorites/providers").await.data().len(), 1);
    assert_eq!(street.visitor.get("listings").await.data()[0]["is_favorite"], false);
    let _ = street.visitor.get("listings?is_favorite=true").await.refused(401, "unauthenticated");

    for _ in 0..2 {
        let reply = street.client.delete(&path).await.expect(200);
        assert_eq!(reply.body, json!({ "is_favorite": false, "favorites": 0 }));
    }
    assert_eq!(street.client.get("me/favorites").await.data().len(), 0);
}

#[tokio::test]
async fn views_count_once_per_viewer_and_hour_and_bots_do_not() {
    let street = Street::new().await;
    let sofa = street.offers("Grey sofa", json!({})).await;
    let path = format!("listings/{sofa}");
    let views = async || street.market.rows("SELECT view_count::text FROM listings").await;
    let bot = async || {
        let request = street.visitor.request(reqwest::Method::GET, &path);
        let request = request.header("user-agent", "Googlebot/2.1");
        street.visitor.send("as a bot", request).await.expect(200)
    };

    for _ in 0..3 {
        let _ = street.visitor.get(&path).await.expect(200);
        let _ = street.client.get(&path).await.expect(200);
    }
    let _ = street.provider.get(&path).await.expect(200);
    let _ = bot().await;
    street.counted().await;
    assert_eq!(views().await, ["2"]);

    let _ = street.client.get(&path).await.expect(200);
    street.counted().await;
    assert_eq!(views().await, ["2"], "the same hour");
    street.market.advance(TimeDelta::hours(1)).await;
    let mut client = street.client.clone();
    client.sign_in().await;
    let _ = client.get(&path).await.expect(200);
    street.counted().await;
    assert_eq!(views().await, ["3"]);
}

#[tokio::test]
async fn what_was_seen_is_counted_before_the_server_stops() {
    let street = Street::new().await;
    let sofa = street.offers("Grey sofa", json!({})).await;
    let _ = street.visitor.get(&format!("listings/{sofa}")).await.expect(200);

    let database = street.market.stop_gracefully().await;

    let client = database.client().await;
    let row = client.query_one("SELECT view_count FROM listings", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 1);
}

#[tokio::test]
async fn a_provider_sees_its_figures() {
    let street = Street::new().await;
    let sofa = street.offers("Grey sofa", json!({})).await;
    let _ = street.visitor.get(&format!("listings/{sofa}")).await.expect(200);
    let profile = format!("providers/{}?from={sofa}", street.provider.provider);
    let _ = street.visitor.get(&profile).await.expect(200);
    let kept = street.client.put(&format!("listings/{sofa}/favorite"), json!({})).await;
    let _ = kept.expect(200);
    street.counted().await;

    let stats = street.provider.get("providers/me/stats").await.expect(200);

    let totals = &stats.body["totals"];
    assert_eq!(totals["views"], 1);
    assert_eq!(totals["favorites"], 1);
    assert_eq!(totals["profile_visits"], 1);
    assert_eq!(totals["to_profile_count"], 1);
    let series = stats.body["series"].as_array().unwrap();
    assert_eq!(series.len(), 30);
    assert_eq!(series[29]["views"], 1);
    assert_eq!(stats.body["top_listings"][0]["id"], sofa.as_str());
    assert_eq!(stats.body["average_views"], 1.0);
    let weeks = street.provider.get("providers/me/stats?interval=week").await.expect(200);
    assert!(weeks.body["series"].as_array().unwrap().len() <= 6);
    let _ = street.client.get("providers/me/stats").await.refused(403, "forbidden");
    let upside_down = "providers/me/stats?from=2026-02-02&to=2026-02-01";
    let _ = street.provider.get(upside_down).await.expect_one_of(&[400, 422]);
}
