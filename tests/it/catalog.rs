//! Listings, providers, listing types and the queue of the moderators, over HTTP.

use scenarios::{Marketplace, Person, Reply};
use serde_json::{Value, json};

/// A listing type whose changes moderators see first.
fn lamps() -> Value {
    json!({
        "key": "lamp", "title": "Lamp", "plural": "Lamps",
        "media": { "kinds": ["picture"], "min": 0, "max": 3, "bytes": 1_000_000 },
        "transactions": ["none"], "access": ["free", "purchase"], "moderation": "before",
        "price_required": true, "harmless": ["price", "stock"],
        "attributes": [
            { "key": "watts", "label": "Power", "kind": "integer", "min": 1, "max": 100 },
        ],
    })
}

/// A marketplace that sells lamps.
async fn market() -> Marketplace {
    let market = Marketplace::start().await;
    let _ = market.operator().await.post("admin/listing-types", lamps()).await.expect(201);
    market
}

async fn draft(provider: &Person, title: &str) -> Reply {
    let body = json!({
        "listing_type": "lamp", "title": title, "attributes": { "watts": 40 },
        "price": { "amount": 10_000, "currency": "EUR" },
    });
    provider.post("listings", body).await.expect(201)
}

/// A lamp that everyone sees; its path.
async fn published(market: &Marketplace, provider: &Person) -> String {
    let path = format!("listings/{}", draft(provider, "Desk lamp").await.id());
    let _ = provider.command(&format!("{path}/publish")).await.expect(200);
    let approve = format!("admin/{path}/approve");
    let _ = market.operator().await.command(&approve).await.expect(200);
    path
}

#[tokio::test]
async fn a_listing_is_written_moderated_and_found() {
    let market = market().await;
    let (provider, visitor) = (market.provider().await, market.visitor());
    let moderator = market.moderator().await;

    let created = draft(&provider, "Desk lamp, Bauhaus").await;
    let path = format!("listings/{}", created.id());
    assert_eq!(created.header("location"), format!("/api/v1/{path}"));
    let _ = visitor.get(&path).await.refused(404, "listing.not_found");
    let waiting = provider.command(&format!("{path}/publish")).await.expect(200);
    assert_eq!(waiting.text_at("status"), "pending_review");
    let again = provider.command(&format!("{path}/publish")).await;
    let again = again.refused(409, "illegal_transition");
    assert_eq!(again.body["allowed"][0], "withdraw");

    let queue = moderator.get("admin/moderation").await.expect(200);
    assert_eq!(queue.data()[0]["id"], created.body["id"]);
    let counted = moderator.get("admin/moderation?page=1&include_total=true").await.expect(200);
    assert_eq!((counted.data(), &counted.body["page"]["total"]), (queue.data(), &json!(1)));
    let beyond = "admin/moderation?page=2&include_total=true&listing_type=lamp";
    let beyond = moderator.get(beyond).await.expect(200);
    assert_eq!((beyond.data().len(), &beyond.body["page"]["total"]), (0, &json!(1)));
    let _ = moderator.command(&format!("admin/{path}/approve")).await.expect(200);

    let shown = visitor.get(&format!("{path}?expand=provider,category")).await.expect(200);
    assert_eq!(shown.body["provider"]["id"], provider.provider);
    assert_eq!(shown.body["attributes"], json!({ "watts": 40 }));
    let by_name = visitor.get("listing-types/lamp/listings/desk-lamp-bauhaus").await.expect(200);
    assert_eq!(by_name.id(), created.id());
    let known = visitor
        .request(reqwest::Method::GET, &path)
        .header("if-none-match", by_name.header("etag"));
    let _ = visitor.send("GET with If-None-Match", known).await.expect(304);
    let listed = visitor.get(&format!("providers/{}/listings", provider.provider)).await;
    assert_eq!(listed.expect(200).data().len(), 1);
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_listing_is_said_at_once() {
    let market = market().await;
    let provider = market.provider().await;
    let bad = json!({
        "listing_type": "lamp", "title": "x", "stock": -1, "category_id": "cat_1",
        "price": { "amount": -1, "currency": "eur" }, "location": { "lat": 91, "lon": 0 },
        "attributes": { "watts": 101, "glow": true },
    });

    let reply = provider.post("listings", bad).await.refused(422, "validation");

    let expected = [
        "/title",
        "/category_id",
        "/price/currency",
        "/price/amount",
        "/stock",
        "/location",
        "/attributes/glow",
        "/attributes/watts",
    ];
    assert_eq!(reply.pointers(), expected);
    let unknown = json!({ "listing_type": "moon", "title": "A moon" });
    let reply = provider.post("listings", unknown).await.refused(422, "validation");
    assert_eq!(reply.pointers(), ["/listing_type"]);
}

#[tokio::test]
async fn a_change_says_which_version_it_means() {
    let market = market().await;
    let provider = market.provider().await;
    let created = draft(&provider, "Desk lamp").await;
    let path = format!("listings/{}", created.id());
    let title = |title: &str| json!({ "title": title });

    let _ = provider.patch(&path, "", title("Floor lamp")).await.refused(428, "version_required");
    let first =
        provider.patch(&path, created.header("etag"), title("Floor lamp")).await.expect(200);
    let stale = provider.patch(&path, created.header("etag"), title("Wall lamp")).await;

    assert_eq!(first.text_at("title"), "Floor lamp");
    let _ = stale.refused(412, "stale_version");
    let stranger = market.provider().await;
    let _ = stranger.patch(&path, "*", title("Mine")).await.refused(404, "listing.not_found");
}

#[tokio::test]
async fn what_moderators_have_to_see_waits_and_the_rest_applies() {
    let market = market().await;
    let (provider, visitor) = (market.provider().await, market.visitor());
    let path = published(&market, &provider).await;
    let etag = provider.get(&path).await.header("etag").to_owned();
    let edit = json!({
        "title": "Buy my watches", "price": { "amount": 9_000, "currency": "EUR" }, "stock": 2,
    });

    let edited = provider.patch(&path, &etag, edit).await.expect(200);

    let change = &edited.body["pending_change"];
    assert_eq!(change["differences"][0]["after"], "Buy my watches");
    let public = visitor.get(&path).await.expect(200);
    assert_eq!(public.text_at("title"), "Desk lamp");
    assert_eq!(
        (&public.body["stock"], &public.body["price"]["amount"]),
        (&json!(2), &json!(9_000))
    );
    assert_eq!(public.body.get("pending_change"), None);
    let decisions = json!({
        "verdict": "reject", "reason": "Not a lamp.",
        "ids": [change["id"], "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"],
    });
    let moderator = market.moderator().await;
    let results = moderator.post("admin/moderation/decisions", decisions).await.expect(207);
    let statuses: Vec<_> = results.data().iter().map(|result| &result["status"]).collect();
    assert_eq!(statuses, [200, 404]);
    let history = visitor.get(&format!("{path}/price-history")).await.expect(200);
    assert_eq!(history.data().len(), 2);
    assert_eq!(history.body["lowest_30d"]["amount"], 10_000);
}

#[tokio::test]
async fn a_suspended_provider_and_its_listings_are_gone_until_restored() {
    let market = market().await;
    let (provider, visitor) = (market.provider().await, market.visitor());
    let path = published(&market, &provider).await;
    let own = format!("providers/{}", provider.provider);
    let why = json!({ "reason": "Sells watches." });
    let admin = market.operator().await;

    let _ = admin.post(&format!("admin/{own}/suspend"), why.clone()).await.expect(200);
    let _ = visitor.get(&path).await.refused(404, "listing.not_found");
    let _ = visitor.get(&own).await.refused(404, "provider.not_found");
    let refused =
        provider.post("listings", json!({ "listing_type": "lamp", "title": "Lamp" })).await;
    let _ = refused.refused(403, "provider.suspended");
    let _ = admin.post(&format!("admin/{own}/restore"), why).await.expect(200);

    let _ = visitor.get(&path).await.expect(200);
    let gone = provider.delete(&path).await.expect(200);
    assert_eq!(gone.text_at("outcome"), "deleted");
}

#[tokio::test]
async fn an_admin_shapes_what_can_be_offered() {
    let market = market().await;
    let provider = market.provider().await;
    let path = published(&market, &provider).await;
    let admin = market.operator().await;

    let etag = admin.get("listing-types/lamp").await.expect(200).header("etag").to_owned();
    let mut narrowed = lamps();
    narrowed["attributes"][0]["max"] = json!(39);
    let request = admin.request(reqwest::Method::PUT, "admin/listing-types/lamp");
    let request = request.header("if-match", etag).json(&narrowed);
    let refused = admin.send("PUT a listing type", request).await;
    let refused = refused.refused(409, "listing_type.would_invalidate");
    assert!(refused.text_at("detail").contains(path.trim_start_matches("listings/")));

    let top = admin.post("admin/categories", json!({ "name": "Light" })).await.expect(201);
    let below =
        json!({ "name": "Lamps", "parent_id": top.id(), "translations": { "de": "Lampen" } });
    let low = admin.post("admin/categories", below).await.expect(201);
    let circle = json!({ "parent_id": low.id() });
    let circle = admin.patch(&format!("admin/categories/{}", top.id()), "", circle).await;
    assert_eq!(circle.refused(422, "validation").body["errors"][0]["code"], "cycle");
    let in_use = admin.delete(&format!("admin/categories/{}", top.id())).await;
    let _ = in_use.refused(409, "category.in_use");
    let tree = market.visitor().get("categories").await.expect(200);
    assert!(tree.data().iter().any(|category| category["translations"]["de"] == "Lampen"));
}

#[tokio::test]
async fn what_is_created_again_with_its_key_gets_the_first_answer() {
    let market = Marketplace::start().await;
    let (client, admin) = (market.client().await, market.operator().await);
    for (person, path, body) in [
        (&client, "providers", json!({ "name": "Studio North" })),
        (admin, "admin/categories", json!({ "name": "Lamps" })),
        (admin, "admin/listing-types", lamps()),
    ] {
        let first = person.post_once(path, body.clone(), "once").await.expect(201);
        let again = person.post_once(path, body.clone(), "once").await.expect(201);

        assert_eq!(first.header("idempotency-replayed"), "", "{path}");
        assert_eq!(again.header("idempotency-replayed"), "true", "{path}");
        assert_eq!(again.text, first.text, "{path}");
        for name in ["location", "etag"] {
            assert!(!first.header(name).is_empty(), "{path}: {name}");
            assert_eq!(again.header(name), first.header(name), "{path}: {name}");
        }
        let mut other = body.clone();
        other["position"] = json!(1);
        let other = person.post_once(path, other, "once").await;
        assert_eq!(other.status, 422, "{}", other.text);
        let _ = person.post(path, body).await.expect(409);
    }
}

#[tokio::test]
async fn small_steps_of_a_price_do_not_add_up_to_a_large_one() {
    let market = market().await;
    let (provider, visitor) = (market.provider().await, market.visitor());
    let path = published(&market, &provider).await;
    let ask = async |amount: i64| {
        let price = json!({ "price": { "amount": amount, "currency": "EUR" } });
        provider.patch(&path, "*", price).await.expect(200)
    };
    let public = async || visitor.get(&path).await.expect(200).body["price"]["amount"].clone();

    let first = ask(11_900).await;
    assert_eq!(first.body.get("pending_change"), None);
    let second = ask(12_000).await;
    assert_eq!(second.body.get("pending_change"), None, "20 % above what was approved");
    let third = ask(12_100).await;
    let change = third.body["pending_change"]["id"].as_str().expect("a moderator has to see it");
    assert_eq!(public().await, 12_000);

    let approve = format!("admin/change-requests/{change}/approve");
    let _ = market.operator().await.command(&approve).await.expect(200);
    assert_eq!(public().await, 12_100);
    let fourth = ask(14_520).await;
    assert_eq!(fourth.body.get("pending_change"), None, "20 % above what was approved last");
    assert_eq!(public().await, 14_520);
}
