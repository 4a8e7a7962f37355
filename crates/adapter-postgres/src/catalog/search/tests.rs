//! Plans, on a marketplace of some size.

use std::collections::BTreeMap;
use std::sync::Arc;

use catalog::search::{
    Exact, ListingQuery, Position, ProviderQuery, SearchStore, Sort, SortKey, Vocabulary,
};
use catalog::{Category, CategoryName, ListingType, ListingTypeDeclaration, Taxonomy};
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use kernel::{CategoryId, Clock, Currency, ListingId, Slug, SystemClock};
use test_support::{GENERATE_MARKETPLACE, TestDatabase};
use uuid::Uuid;

use super::page::Asked;
use crate::statement::Statement;
use crate::{PgStore, Settings};

async fn marketplace(listings: u32) -> (TestDatabase, PgStore) {
    let database = TestDatabase::new().await;
    let client = database.client().await;
    let fill = format!(
        "BEGIN; SET LOCAL generate.listings = {listings}; SET LOCAL generate.providers = 3000; \
         {GENERATE_MARKETPLACE}; COMMIT"
    );
    client.batch_execute(&fill).await.unwrap();
    client.batch_execute("VACUUM ANALYZE").await.unwrap();
    let store = PgStore::connect(&Settings::new(database.url()), |_| &[]).unwrap();
    (database, store)
}

async fn favour_some(database: &TestDatabase) {
    let favorites = "INSERT INTO listing_favorites SELECT md5('account ' || n % 2000 + 1)::uuid, \
                     md5('listing ' || n % 19997 + 1)::uuid, now() FROM generate_series(1, 40000) n \
                     ON CONFLICT DO NOTHING; \
                     INSERT INTO provider_favorites SELECT md5('account ' || n % 2000 + 1)::uuid, \
                     md5('provider ' || n % 1999 + 1)::uuid, now() FROM generate_series(1, 20000) n \
                     ON CONFLICT DO NOTHING";
    let client = database.client().await;
    client.batch_execute(favorites).await.unwrap();
    client.batch_execute("VACUUM ANALYZE").await.unwrap();
}

/// A history of promotions, of which a few are in force.
async fn promote_some(database: &TestDatabase) {
    let promotions = "INSERT INTO promotion_products VALUES ('top', 1); \
        INSERT INTO promotion_product_versions VALUES \
            ('top', 1, 'Top', 'top', 'EUR', '[]', NULL, 90, 365, false, now()); \
        INSERT INTO promotions (id, account_id, provider_id, listing_id, product, \
            product_version, title, effect, term_days, price_minor, currency, created_at, stage, \
            paid_at, starts_at, ends_at, version) \
        SELECT md5('promotion ' || n)::uuid, p.account_id, p.id, l.id, 'top', 1, 'Top', 'top', 7, \
            1000, 'EUR', s.starts_at, 'paid', s.starts_at, s.starts_at, \
            s.starts_at + interval '7 days', 1 \
        FROM generate_series(1, 5000) n \
        JOIN listings l ON l.id = md5('listing ' || n)::uuid \
        JOIN providers p ON p.id = l.provider_id, \
        LATERAL (SELECT now() - n * interval '1 hour' AS starts_at) s";
    let client = database.client().await;
    client.batch_execute(promotions).await.unwrap();
    client.batch_execute("VACUUM ANALYZE").await.unwrap();
}

/// What the generated marketplace declares.
async fn vocabulary(database: &TestDatabase) -> Vocabulary {
    let client = database.client().await;
    let types = client.query("SELECT declaration::text FROM listing_types", &[]).await.unwrap();
    let listing_type = |declaration: &str| {
        let declared: ListingTypeDeclaration = serde_json::from_str(declaration).unwrap();
        ListingType::new(declared).unwrap()
    };
    let types = types.iter().map(|row| listing_type(row.get(0))).collect();
    let category = |row: &tokio_postgres::Row| Category {
        id: CategoryId::from_uuid(uuid(row.get(0))),
        parent: row.get::<_, Option<&str>>(1).map(|id| CategoryId::from_uuid(uuid(id))),
        slug: Slug::from_stored(row.get(2)),
        name: CategoryName::from_stored(row.get(3)),
        translations: BTreeMap::new(),
        position: row.get(4),
        version: 1,
    };
    let all = "SELECT id::text, parent_id::text, slug, name, position FROM categories";
    let categories = client.query(all, &[]).await.unwrap().iter().map(category).collect();
    Vocabulary::new(Arc::new(Taxonomy::new(types, categories)), Currency::EUR)
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    query.split('&').filter(|text| !text.is_empty()).map(pair).collect()
}

fn uuid(text: &str) -> Uuid {
    Uuid::parse_str(text).unwrap()
}

/// md5('account 1')
const ACCOUNT: &str = "2d725644-28d1-4e25-56f4-12d215f60635";

impl<ST> Statement<ST> {
    fn explained(self) -> Statement<Text> {
        let mut explain = Statement::new();
        explain.sql("EXPLAIN ");
        explain.append(self);
        explain
    }
}

async fn plan<ST>(store: &PgStore, asked: &Asked<'_>, statement: Statement<ST>) -> String {
    let mut conn =
        if asked.is_simple() { store.conn().await } else { store.search_conn().await }.unwrap();
    let lines: Vec<String> = statement.explained().load(&mut conn).await.unwrap();
    lines.join("\n")
}

#[track_caller]
fn uses_indexes_only(what: &str, plan: &str) {
    for table in [
        "listing_search",
        "listing_numbers",
        "listings",
        "provider_search",
        "providers",
        "promotions",
    ] {
        assert!(!plan.contains(&format!("Seq Scan on {table}")), "{what} reads all of it:\n{plan}");
    }
}

#[tokio::test]
async fn no_search_reads_a_whole_table() {
    let (database, store) = marketplace(20_000).await;
    favour_some(&database).await;
    promote_some(&database).await;
    let vocabulary = vocabulary(&database).await;
    let id = ListingId::from_uuid(uuid(ACCOUNT));

    for filter in [
        "",
        "q=bara",
        "q=majunobe",
        "q=\"bara baren\" -fila maj",
        "type=service",
        "type=service,project",
        "category=generated-0",
        "category=generated-1,generated-24",
        "category=generated-5",
        "provider=prv_2d72564428d14e2556f412d215f60635",
        "price[gte]=1000&price[lte]=1200",
        "rating[gte]=4.95",
        "near=49.2,8.2&within_km=25",
        "near=49.2,8.2&within_mi=3",
        "near=20,-40&within_km=25",
        "near=49.2,8.2",
        "attr.style=loft",
        "attr.style=loft,rustic&attr.features=balcony,garden",
        "attr.area[gte]=20&attr.area[lte]=21",
        "attr.height=3.25",
        "attr.ready_on[gte]=2027-11-01",
        "attr.furnished=true",
        "created_at[gte]=2026-01-03T00:00:00Z",
        "created_at[lt]=2026-01-01T01:00:00Z",
        "is_favorite=true",
        "q=majunobe&near=49.2,8.2&within_km=25&attr.style=loft&attr.area[gte]=50&price[lte]=100000",
    ] {
        for sort in Sort::OF_LISTINGS {
            let asked = format!("{filter}&sort={}", sort.name());
            let Ok(parsed) = ListingQuery::parse(pairs(&asked), &vocabulary) else { continue };
            let mut query = parsed.query;
            for page in ["first", "next"] {
                if page == "next" {
                    query.after = Some(Position {
                        key: a_key(*sort),
                        id,
                        corrected: None,
                        sponsored: Vec::new(),
                    });
                }
                let words = query.words.clone();
                let asking = Asked::listings(&query, words.as_ref(), Some(uuid(ACCOUNT)));
                let shown = plan(&store, &asking, asking.statement()).await;
                uses_indexes_only(&format!("the {page} page of {asked}"), &shown);
            }
            query.after = None;
            let words = query.words.clone();
            let asking = Asked::listings(&query, words.as_ref(), Some(uuid(ACCOUNT)));
            let now = SystemClock.now();
            let shown = plan(&store, &asking, asking.statement_with_top(now)).await;
            uses_indexes_only(&format!("the first page of {asked} with what is on top"), &shown);
            let shown = plan(&store, &asking, asking.on_top(now)).await;
            uses_indexes_only(&format!("what is on top of {asked}"), &shown);
        }
    }
    for filter in [
        "",
        "q=bara",
        "category=generated-0",
        "rating[gte]=4.99",
        "near=49.2,8.2&within_km=25",
        "is_favorite=true",
    ] {
        for sort in Sort::OF_PROVIDERS {
            let asked = format!("{filter}&sort={}", sort.name());
            let Ok(parsed) = ProviderQuery::parse(pairs(&asked), &vocabulary) else { continue };
            let query = parsed.query;
            let words = query.words.clone();
            let asking = Asked::providers(&query, words.as_ref(), Some(uuid(ACCOUNT)));
            let shown = plan(&store, &asking, asking.statement()).await;
            uses_indexes_only(&format!("providers, {asked}"), &shown);
        }
    }
}

#[tokio::test]
async fn every_way_to_a_place_leads_to_the_same_listings() {
    const PLAIN: &str = "SELECT id::text FROM listing_search \
        WHERE (point <-> earth_point($1, $2)) <= 12742017.6 * sin($3::float8 / 12742.0176) \
        AND ($4 = '' OR document @@ to_tsquery('simple', $4 || ':*')) AND ($5 = '' OR attributes @> $5::text::jsonb) \
        ORDER BY created_at DESC, id DESC";
    let (database, store) = marketplace(3_000).await;
    let vocabulary = vocabulary(&database).await;
    let client = database.client().await;

    let mut found = 0;
    for (lat, lon, kilometres) in [
        (49.2, 8.2, 4.0),
        (49.2, 8.2, 25.0),
        (49.49, 8.49, 30.0),
        (49.49, 8.49, 120.0),
        (49.2, 8.2, 1_500.0),
    ] {
        for (word, style) in [("", ""), ("bara", ""), ("", "loft"), ("denen", "rustic")] {
            let attributes = match style {
                "" => String::new(),
                style => format!(r#"{{"style": "{style}"}}"#),
            };
            let row = |row: &tokio_postgres::Row| uuid(row.get(0));
            let values: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
                [&lat, &lon, &kilometres, &word, &attributes];
            let plain: Vec<Uuid> =
                client.query(PLAIN, &values).await.unwrap().iter().map(row).collect();
            let mut asked = format!(
                "near={lat},{lon}&within_km={kilometres}&limit=50&sort={}",
                Sort::Newest.name()
            );
            for (name, value) in [("q", word), ("attr.style", style)] {
                if !value.is_empty() {
                    asked = format!("{asked}&{name}={value}");
                }
            }
            let mut query = ListingQuery::parse(pairs(&asked), &vocabulary).unwrap().query;
            let mut listed: Vec<Uuid> = Vec::new();
            for _ in 0..3 {
                let words = query.words.clone();
                let page = store.find_listings(&query, words, None).await.unwrap();
                listed.extend(page.items.iter().map(|card| card.id.as_uuid()));
                let Some((key, id)) = page.next else { break };
                query.after = Some(Position { key, id, corrected: None, sponsored: Vec::new() });
            }
            let expected = &plain[..plain.len().min(150)];
            assert_eq!(listed, expected, "{asked}");
            found += listed.len();
        }
    }
    assert!(found > 1_000, "too few to tell: {found}");
}

fn a_key(sort: Sort) -> SortKey {
    let at = SystemClock.now();
    match sort {
        Sort::Relevance => SortKey::Relevance { rank: Exact::new(0.5), newest: at },
        Sort::Newest => SortKey::Created(at),
        Sort::Cheapest | Sort::Dearest => SortKey::Price(20_000),
        Sort::BestRated => SortKey::Rating(Exact::new(4.5)),
        Sort::Nearest => SortKey::Distance(Exact::new(5_000.0)),
        Sort::Popular => SortKey::Popularity(40),
    }
}
