//! Finding, keeping and counting, on a real PostgreSQL.

use std::sync::Arc;

use access::{Actor, Member, Roles};
use adapter_postgres::{PgStore, Settings};
use catalog::engagement::{EngagementService, Favorite, Interval, Viewer};
use catalog::search::{ListingQuery, ProviderQuery, SearchService, Vocabulary};
use catalog::{CatalogError, ListingType, Taxonomy};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{
    AccountId, Currency, EventId, EventMessage, Failure, Limit, ListingId, ManualClock, ProviderId,
    SessionId,
};
use serde_json::json;
use test_support::TestDatabase;
use tokio_postgres::Client;
use uuid::Uuid;

/// A marketplace with a provider and what it offers, written as any writer would.
struct Market {
    _database: TestDatabase,
    client: Client,
    search: SearchService,
    engagement: EngagementService,
    clock: Arc<ManualClock>,
}

const START: &str = "2026-05-01T10:20:00Z";

fn id(number: u64) -> Uuid {
    Uuid::from_u64_pair(0x7000, number)
}

fn listing(number: u64) -> ListingId {
    ListingId::from_uuid(id(number))
}

fn provider() -> ProviderId {
    ProviderId::from_uuid(id(1))
}

fn client_of(account: u64) -> Actor {
    Actor::member(Member {
        account: AccountId::from_uuid(id(account)),
        session: SessionId::from_uuid(id(account)),
        roles: Roles::client(),
        provider: None,
    })
}

fn owner() -> Actor {
    Actor::member(Member {
        account: AccountId::from_uuid(id(1)),
        session: SessionId::from_uuid(id(1)),
        roles: Roles::client().with(access::Role::Provider),
        provider: Some(provider()),
    })
}

fn declaration() -> serde_json::Value {
    json!({
        "key": "offer", "title": "Offer", "plural": "Offers", "attributes": [
            {"key": "area", "label": "Area", "kind": "integer", "filterable": true},
            {"key": "ready_on", "label": "Ready on", "kind": "date", "filterable": true},
            {"key": "furnished", "label": "Furnished", "kind": "boolean", "filterable": true},
            {"key": "style", "label": "Style", "kind": "enum", "filterable": true,
             "searchable": true, "choices": [
                {"key": "mid_century", "label": "Mid-century"}, {"key": "loft", "label": "Loft"}]},
            {"key": "diet", "label": "Diet", "kind": "multi_enum", "filterable": true, "choices": [
                {"key": "vegan", "label": "Vegan"}, {"key": "nut_free", "label": "Nut free"}]}
        ]
    })
}

impl Market {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let client = database.client().await;
        let declared: catalog::ListingTypeDeclaration =
            serde_json::from_value(declaration()).unwrap();
        let stored = serde_json::to_string(&declared).unwrap();
        let setup = format!(
            "INSERT INTO listing_types VALUES ('offer', 1, '{stored}', 1, now(), now()); \
             INSERT INTO accounts (id, email, password_hash, display_name, locale, time_zone, \
             roles, status, token_version, created_at, version) \
             SELECT ('00000000-0000-7000-0000-' || lpad(to_hex(n), 12, '0'))::uuid, \
             n || '@example.test', 'none', 'Somebody', 'en', 'UTC', '{{client}}', 'active', 1, \
             now(), 1 FROM generate_series(1, 9) n; \
             INSERT INTO providers (id, account_id, slug, name, headline, category_ids, lat, lon, \
             languages, verification, status, version, created_at, updated_at) \
             VALUES ('{0}', '{0}', 'anna', 'Studio Anna', 'Interiors', '{{}}', 52.5, 13.4, \
             '{{de}}', 'unverified', 'active', 1, now(), now())",
            wire(1),
        );
        client.batch_execute(&setup).await.unwrap();
        let store = PgStore::connect(&Settings::new(database.url()), |_| &[]).unwrap();
        let store = Arc::new(store);
        let clock = Arc::new(ManualClock::new(START.parse().unwrap()));
        Self {
            search: SearchService::new(store.clone()),
            engagement: EngagementService::new(store, clock.clone()),
            clock,
            client,
            _database: database,
        }
    }

    async fn offer(&self, number: u64, title: &str, rest: &str, attributes: serde_json::Value) {
        let mut values = ("A plain description", 1000, 52.5, 13.4, "published");
        for pair in rest.split_whitespace() {
            match pair.split_once('=').unwrap() {
                ("price", price) => values.1 = price.parse().unwrap(),
                ("lat", lat) => values.2 = lat.parse().unwrap(),
                ("status", "draft") => values.4 = "draft",
                other => panic!("{other:?}"),
            }
        }
        let (description, price, lat, lon, status) = values;
        let insert = format!(
            "INSERT INTO listings (id, listing_type, provider_id, provider_active, title, slug, \
             description, price_minor, currency, price_unit, attributes, lat, lon, access, status, \
             version, created_at, updated_at, published_at) \
             VALUES ('{}', 'offer', '{}', true, '{title}', 'offer-{number}', '{description}', \
             {price}, 'EUR', 'fixed', '{attributes}', {lat}, {lon}, 'free', '{status}', 1, \
             timestamptz '2026-01-01' + {number} * interval '1 minute', now(), now())",
            wire(number),
            wire(1),
        );
        self.client.batch_execute(&insert).await.unwrap();
    }

    async fn run(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap();
    }

    async fn number(&self, sql: &str) -> i64 {
        self.client.query_one(sql, &[]).await.unwrap().get(0)
    }

    fn parse(query: &str) -> ListingQuery {
        let declared = ListingType::new(serde_json::from_value(declaration()).unwrap()).unwrap();
        let taxonomy = Arc::new(Taxonomy::new(vec![declared], Vec::new()));
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap();
            (name.to_owned(), value.to_owned())
        };
        let pairs = query.split('&').filter(|text| !text.is_empty()).map(pair).collect();
        ListingQuery::parse(pairs, &Vocabulary::new(taxonomy, Currency::EUR)).unwrap().query
    }

    /// The numbers of the listings that are found, in their order.
    async fn find(&self, query: &str) -> Vec<u64> {
        self.find_as(&Actor::visitor(), query).await
    }

    async fn find_as(&self, actor: &Actor, query: &str) -> Vec<u64> {
        let page = self.search.listings(actor, &Self::parse(query)).await.unwrap();
        page.items.iter().map(|card| number(card.id)).collect()
    }

    /// All pages of a list, in pages of two.
    async fn leaf_through(&self, query: &str, between: impl AsyncFn(u64)) -> Vec<u64> {
        let mut query = Self::parse(&format!("{query}&limit=2"));
        let mut found = Vec::new();
        for turn in 0..20 {
            let page = self.search.listings(&Actor::visitor(), &query).await.unwrap();
            found.extend(page.items.iter().map(|card| number(card.id)));
            let Some(next) = page.next else { return found };
            // As a cursor carries it.
            let wire = serde_json::to_string(&next).unwrap();
            query.continue_after(serde_json::from_str(&wire).unwrap()).unwrap();
            between(turn).await;
        }
        panic!("the list does not end: {found:?}");
    }
}

fn wire(number: u64) -> String {
    format!("00000000-0000-7000-0000-{number:012x}")
}

fn number(id: ListingId) -> u64 {
    id.as_uuid().as_u64_pair().1
}

#[tokio::test]
async fn words_find_what_says_them() {
    let market = Market::new().await;
    market.offer(10, "Grey sofa in Berlin", "", json!({})).await;
    market.offer(11, "Oak table", "", json!({"style": "mid_century"})).await;
    market.offer(12, "Уютная Квартира", "", json!({})).await;
    market.offer(13, "Grüner Sessel", "", json!({})).await;
    market.offer(14, "Hidden sofa", "status=draft", json!({})).await;

    assert_eq!(market.find("q=sofa").await, [10]);
    assert_eq!(market.find("q=grey so").await, [10]);
    assert_eq!(market.find("q=SOFA -grey").await, Vec::<u64>::new());
    assert_eq!(market.find("q=\"oak table\" or sofa&sort=-created_at").await, [11, 10]);
    assert_eq!(market.find("q=century").await, [11], "choices are searched by their label");
    assert_eq!(market.find("q=квартира").await, [12]);
    assert_eq!(market.find("q=gruner").await, [13]);
    assert_eq!(market.find("q=anna&sort=price").await, [10, 11, 12, 13], "its provider's name");
}

#[tokio::test]
async fn a_typing_error_is_forgiven_when_nothing_matches() {
    let market = Market::new().await;
    for number in 10..15 {
        market.offer(number, "Solid oak table", "", json!({})).await;
    }
    market.offer(20, "Chair", "", json!({})).await;

    assert_eq!(market.find("q=oak tabel&sort=-created_at").await, [14, 13, 12, 11, 10]);
    assert_eq!(market.find("q=chiar").await, [20]);
    assert_eq!(market.find("q=zeppelin").await, Vec::<u64>::new());
    let all = market.leaf_through("q=oak tabel", async |_| ()).await;
    assert_eq!(all.len(), 5, "the correction holds on every page: {all:?}");
}

#[tokio::test]
async fn a_better_match_comes_first() {
    let market = Market::new().await;
    market.offer(10, "Sofa", "", json!({})).await;
    market.offer(11, "Table", "", json!({})).await;
    market.run("UPDATE listings SET description = 'goes with a sofa' WHERE title = 'Table'").await;

    assert_eq!(market.find("q=sofa").await, [10, 11]);
    assert_eq!(market.find("q=sofa&sort=-created_at").await, [11, 10]);
}

#[tokio::test]
async fn attributes_filter_by_their_kind() {
    let market = Market::new().await;
    let loft = json!({"style": "loft", "area": 40, "furnished": true, "diet": ["vegan", "nut_free"],
                      "ready_on": "2026-07-01"});
    let mid = json!({"style": "mid_century", "area": 90, "furnished": false, "diet": ["vegan"],
                     "ready_on": "1969-12-31"});
    market.offer(10, "One", "", loft).await;
    market.offer(11, "Two", "", mid).await;
    market.offer(12, "Three", "", json!({})).await;

    assert_eq!(market.find("attr.style=loft").await, [10]);
    assert_eq!(market.find("attr.style=loft,mid_century").await, [11, 10]);
    assert_eq!(market.find("attr.diet=vegan,nut_free").await, [10]);
    assert_eq!(market.find("attr.diet=vegan&attr.style=mid_century,loft").await, [11, 10]);
    assert_eq!(market.find("attr.area[gte]=40&attr.area[lte]=89").await, [10]);
    assert_eq!(market.find("attr.area=90").await, [11]);
    assert_eq!(market.find("attr.furnished=false").await, [11]);
    assert_eq!(market.find("attr.ready_on[lte]=1970-01-01").await, [11]);
    assert_eq!(market.find("attr.ready_on=2026-07-01").await, [10]);
}

#[tokio::test]
async fn distance_filters_orders_and_is_told() {
    let market = Market::new().await;
    market.offer(10, "Far sofa", "lat=53.5", json!({})).await;
    market.offer(11, "Near sofa", "lat=52.51", json!({})).await;
    market.offer(12, "Here", "lat=52.5", json!({})).await;

    assert_eq!(market.find("near=52.5,13.4&within_km=2&sort=distance").await, [12, 11]);
    assert_eq!(market.find("near=52.5,13.4&sort=distance").await, [12, 11, 10]);
    assert_eq!(market.find("near=52.5,13.4&within_mi=100&q=sofa&sort=distance").await, [11, 10]);
    let query = Market::parse("near=52.5,13.4&q=near");
    let page = market.search.listings(&Actor::visitor(), &query).await.unwrap();
    let metres = page.items[0].distance.unwrap();
    assert!((metres - 1_112.0).abs() < 1.0, "{metres}");
}

#[tokio::test]
async fn every_order_is_stable_while_listings_come() {
    let market = Market::new().await;
    for number in 10..17 {
        // Equal sort keys are parted by the id.
        let rest = format!("price={} lat=52.{}", 100 * (number / 3), number / 2);
        market.offer(number, "Oak sofa", &rest, json!({})).await;
        let rate = format!(
            "UPDATE listings SET rating_mean = {0}, rating_score = {0}, view_count = 1000 * {0} \
             WHERE slug = 'offer-{number}'",
            number / 4
        );
        market.run(&rate).await;
    }
    for sort in ["-created_at", "price", "-price", "-rating", "popular", "distance", "relevance"] {
        let query = format!("q=oak&near=52.0,13.4&sort={sort}");
        let whole = market.find(&query).await;
        let come = async |turn| {
            if turn == 0 && sort != "relevance" {
                return;
            }
            let number = 900 + turn;
            let gone = format!("DELETE FROM listings WHERE slug = 'offer-{number}'");
            market.run(&gone).await;
            market.offer(number, "Oak sofa", "price=1", json!({})).await;
        };
        let leafed = market.leaf_through(&query, come).await;
        market.run("DELETE FROM listings WHERE created_at > '2026-01-01 12:00'").await;
        let leafed: Vec<u64> = leafed.into_iter().filter(|number| *number < 900).collect();
        assert_eq!(leafed, whole, "{sort}");
    }
}

#[tokio::test]
async fn what_is_not_public_is_not_found() {
    let market = Market::new().await;
    market.offer(10, "Oak sofa", "", json!({"area": 5})).await;
    assert_eq!(market.find("attr.area=5").await, [10]);
    assert_eq!(market.search.titles("so").await.unwrap(), ["Oak sofa"]);

    market.run("UPDATE listings SET status = 'paused'").await;
    assert_eq!(market.find("").await, Vec::<u64>::new());
    assert_eq!(market.search.titles("so").await.unwrap(), Vec::<String>::new());

    market.run("UPDATE listings SET status = 'published', title = 'Elm sofa'").await;
    assert_eq!(market.find("q=elm").await, [10]);
    assert_eq!(market.find("q=oak").await, Vec::<u64>::new());
    market.run("UPDATE providers SET name = 'Studio Berta'").await;
    assert_eq!(market.find("q=berta").await, [10]);
    market.run("UPDATE listings SET price_minor = 77").await;
    assert_eq!(market.find("price[lte]=77").await, [10]);
    market.run("UPDATE listings SET access = 'subscribers'").await;
    assert_eq!(market.find("q=plain").await, Vec::<u64>::new(), "what only some may read");
    market.run("UPDATE listings SET provider_active = false").await;
    assert_eq!(market.find("").await, Vec::<u64>::new());
}

#[tokio::test]
async fn a_beginning_is_completed_to_titles() {
    let market = Market::new().await;
    for (number, title) in [(10, "Grey Sofa"), (11, "Grey Sofa"), (12, "Soft light"), (13, "Oak")] {
        market.offer(number, title, "", json!({})).await;
    }

    assert_eq!(market.search.titles("SO").await.unwrap(), ["Grey Sofa", "Soft light"]);
    assert_eq!(market.search.titles("grey  s").await.unwrap(), ["Grey Sofa"]);
    assert_eq!(market.search.titles("  ").await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn providers_are_found_as_listings_are() {
    let market = Market::new().await;
    let find = async |query: &str| {
        let pairs = query.split('&').map(|pair| {
            let (name, value) = pair.split_once('=').unwrap();
            (name.to_owned(), value.to_owned())
        });
        let vocabulary = Vocabulary::new(Arc::default(), Currency::EUR);
        let query = ProviderQuery::parse(pairs.collect(), &vocabulary).unwrap().query;
        market.search.providers(&Actor::visitor(), &query).await.unwrap().items
    };

    assert_eq!(find("q=ann").await.len(), 1);
    assert_eq!(find("q=interoirs").await.len(), 1, "a typing error");
    assert!(find("near=52.4,13.4&within_km=20").await[0].distance.unwrap() > 11_000.0);
    assert_eq!(find("rating[gte]=4").await.len(), 0);
    market
        .run(
            "UPDATE providers SET status = 'suspended', suspended_at = now(), \
              suspension_reason = 'fraud'",
        )
        .await;
    assert_eq!(find("q=anna").await.len(), 0);
}

#[tokio::test]
async fn a_favourite_is_kept_once() {
    let market = Market::new().await;
    market.offer(10, "Oak sofa", "", json!({})).await;
    market.offer(11, "Elm sofa", "", json!({})).await;
    market.offer(12, "A draft", "status=draft", json!({})).await;
    let (anna, berta) = (client_of(2), client_of(3));
    let keep = async |actor: &Actor, number| {
        market.engagement.keep(actor, Favorite::Listing(listing(number))).await
    };
    let let_go = async |actor: &Actor, number| {
        market.engagement.let_go(actor, Favorite::Listing(listing(number))).await
    };

    assert_eq!(keep(&anna, 10).await.unwrap().favorites, 1);
    assert_eq!(keep(&anna, 10).await.unwrap().favorites, 1);
    let state = keep(&berta, 10).await.unwrap();
    assert_eq!((state.is_favorite, state.favorites), (true, 2));
    assert_eq!(keep(&anna, 12).await.unwrap_err().code(), "listing.not_found");
    assert!(matches!(keep(&Actor::visitor(), 10).await, Err(CatalogError::Unauthenticated)));

    assert_eq!(market.find_as(&anna, "is_favorite=true").await, [10]);
    let page = market.search.listings(&anna, &Market::parse("q=sofa")).await.unwrap();
    let mut states: Vec<_> =
        page.items.iter().map(|card| (number(card.id), card.is_favorite)).collect();
    states.sort_unstable();
    assert_eq!(states, [(10, true), (11, false)]);
    let kept = market.engagement.favorite_listings(&anna, Limit::default(), None).await.unwrap();
    assert_eq!(kept.items.len(), 1);

    assert!(!let_go(&anna, 10).await.unwrap().is_favorite);
    assert_eq!(let_go(&anna, 10).await.unwrap().favorites, 1);
    assert_eq!(market.number("SELECT sum(favorites) FROM listing_days").await, 1);
    let state = market.engagement.keep(&anna, Favorite::Provider(provider())).await.unwrap();
    assert_eq!(state.favorites, 1);
    let kept = market.engagement.favorite_providers(&anna, Limit::default(), None).await.unwrap();
    assert!(kept.items[0].item.is_favorite);
}

#[tokio::test]
async fn many_at_once_keep_a_favourite_exactly_once_each() {
    let market = Market::new().await;
    market.offer(10, "Oak sofa", "", json!({})).await;
    let tries = (0..40).map(|n| {
        let service = market.engagement.clone();
        tokio::spawn(async move {
            service.keep(&client_of(2 + n % 5), Favorite::Listing(listing(10))).await.unwrap();
        })
    });
    for handle in tries.collect::<Vec<_>>() {
        handle.await.unwrap();
    }

    assert_eq!(market.number("SELECT favorite_count::bigint FROM listings").await, 5);
    assert_eq!(market.number("SELECT listing_favorites::bigint FROM provider_days").await, 5);
}

#[tokio::test]
async fn a_view_counts_once_per_viewer_and_hour() {
    let market = Market::new().await;
    market.offer(10, "Oak sofa", "", json!({})).await;
    let see = |actor: &Actor, viewer: u8| {
        let viewer = Viewer::new([viewer; 16]);
        market.engagement.listing_seen(actor, listing(10), provider(), viewer);
    };
    let views = async || {
        market.engagement.count_sightings().await.unwrap();
        market.number("SELECT view_count FROM listings").await
    };

    see(&Actor::visitor(), 1);
    see(&Actor::visitor(), 1);
    see(&Actor::visitor(), 2);
    see(&owner(), 3);
    assert_eq!(views().await, 2);
    see(&Actor::visitor(), 1);
    assert_eq!(views().await, 2, "the same hour, counted before");
    market.clock.advance(TimeDelta::hours(1));
    see(&Actor::visitor(), 1);
    assert_eq!(views().await, 3);
    assert_eq!(market.number("SELECT sum(views) FROM provider_days").await, 3);

    market.clock.advance(TimeDelta::days(3));
    market.engagement.forget_sightings().await.unwrap();
    assert_eq!(market.number("SELECT count(*) FROM sightings").await, 0);
}

#[tokio::test]
async fn a_visit_is_credited_to_the_listing_it_came_from() {
    let market = Market::new().await;
    market.offer(10, "Oak sofa", "", json!({})).await;
    let viewer = Viewer::new([1; 16]);
    market.engagement.profile_seen(&Actor::visitor(), provider(), Some(listing(10)), viewer);
    market.engagement.profile_seen(&Actor::visitor(), provider(), Some(listing(99)), viewer);
    market.engagement.count_sightings().await.unwrap();

    assert_eq!(market.number("SELECT sum(to_profile) FROM listing_days").await, 1);
    assert_eq!(market.number("SELECT sum(profile_visits) FROM provider_days").await, 1);
}

#[tokio::test]
async fn figures_follow_what_happened() {
    let market = Market::new().await;
    market.offer(10, "Oak sofa", "", json!({})).await;
    for viewer in 1..=4 {
        let viewer = Viewer::new([viewer; 16]);
        market.engagement.listing_seen(&Actor::visitor(), listing(10), provider(), viewer);
    }
    market.engagement.count_sightings().await.unwrap();
    let at: DateTime<Utc> = START.parse().unwrap();
    let submitted = EventMessage {
        id: EventId::from_uuid(id(500)),
        name: "booking.submitted.v1".to_owned(),
        subject: "bkg_1".to_owned(),
        payload: json!({"listing_id": listing(10), "provider_id": provider(), "by": "client"}),
        actor: None,
        at: at - TimeDelta::days(1),
    };
    market.engagement.on_event(&submitted).await.unwrap();
    market.engagement.on_event(&submitted).await.unwrap();

    let stats = market.engagement.statistics(&owner(), None, None, Interval::Day).await.unwrap();

    assert_eq!(stats.series.len(), 30);
    assert_eq!((stats.totals.views, stats.totals.requests), (4, 1), "an event counts once");
    assert_eq!(stats.series[28].figures.requests, 1);
    assert_eq!(stats.series[29].figures.views, 4);
    assert_eq!(stats.totals.conversion(), 2_500);
    assert_eq!((stats.listings, stats.average_views), (1, 400));
    assert_eq!(stats.top[0].id, listing(10));
    let error = market.engagement.statistics(&client_of(2), None, None, Interval::Day).await;
    assert!(matches!(error, Err(CatalogError::Forbidden { .. })), "{error:?}");
}

#[tokio::test]
async fn a_page_of_fifty_takes_as_many_queries_as_a_page_of_one() {
    let market = Market::new().await;
    for number in 10..70 {
        market.offer(number, "Oak sofa", "", json!({})).await;
    }
    let statements = async |limit: u8| {
        let committed = "SELECT xact_commit FROM pg_stat_database \
                         WHERE datname = current_database()";
        let query = Market::parse(&format!("q=oak&limit={limit}"));
        market.search.listings(&Actor::visitor(), &query).await.unwrap();
        // Connections tell what they did after a second at the latest.
        tokio::time::sleep(std::time::Duration::from_millis(1_300)).await;
        let before = market.number(committed).await;
        for _ in 0..100 {
            market.search.listings(&Actor::visitor(), &query).await.unwrap();
        }
        tokio::time::sleep(std::time::Duration::from_millis(1_300)).await;
        market.search.listings(&Actor::visitor(), &query).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(1_300)).await;
        market.number(committed).await - before
    };

    let (of_one, of_fifty) = (statements(1).await, statements(50).await);

    // PostgreSQL's own housekeeping counts along.
    assert!(of_fifty.abs_diff(of_one) < 50, "101 pages of one: {of_one}, of fifty: {of_fifty}");
    assert!(of_fifty < 101 * 3, "{of_fifty} statements for 101 pages");
}
