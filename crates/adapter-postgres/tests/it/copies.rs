//! Rows made from others by the hundred.

use adapter_postgres::{CopiedTable, PgStore, RowCopy, Settings};
use kernel::{Ids, SystemIds};
use serde_json::{Value, json};
use test_support::TestDatabase;
use uuid::Uuid;

/// An account with a provider who is open, and a listing of theirs: one id for all three.
async fn a_model(database: &TestDatabase) -> Uuid {
    let id = SystemIds.next();
    let rows = format!(
        "INSERT INTO accounts (id, email, password_hash, display_name, locale, time_zone, roles, \
             status, token_version, created_at, version) \
         VALUES ('{id}', 'ada@example.org', 'x', 'Ada', 'en', 'UTC', '{{client}}', 'active', 1, \
             now(), 1); \
         INSERT INTO providers (id, account_id, slug, name, category_ids, languages, verification, \
             status, version, created_at, updated_at) \
         VALUES ('{id}', '{id}', 'ada', 'Ada', '{{}}', '{{en}}', 'unverified', 'active', 1, now(), \
             now()); \
         INSERT INTO availabilities (provider_id, rules, updated_at) VALUES ('{id}', '{{}}', now()); \
         INSERT INTO listing_types (key, position, declaration, version, created_at, updated_at) \
         VALUES ('lamp', 1, '{{\"attributes\": []}}', 1, now(), now()); \
         INSERT INTO listings (id, listing_type, provider_id, provider_active, title, slug, \
             description, price_minor, currency, price_unit, attributes, access, status, version, \
             created_at, updated_at, published_at) \
         VALUES ('{id}', 'lamp', '{id}', true, 'Desk lamp', 'desk-lamp', 'Bright', 100, 'EUR', \
             'fixed', '{{}}', 'free', 'published', 1, now(), now(), now())"
    );
    database.client().await.batch_execute(&rows).await.unwrap();
    id
}

#[tokio::test]
async fn copies_are_like_their_model_but_for_what_differs() {
    let database = TestDatabase::new().await;
    let store = PgStore::connect(&Settings::new(database.url()), |_| &[]).unwrap();
    let model = a_model(&database).await;
    let ids: Vec<Uuid> = (0..300).map(|_| SystemIds.next()).collect();
    let copies = |differs: fn(usize, Uuid) -> Value| -> Vec<RowCopy> {
        let numbered = ids.iter().enumerate();
        numbered.map(|(n, id)| RowCopy { model, differs: differs(n, *id) }).collect()
    };

    let accounts = copies(|n, id| json!({ "id": id, "email": format!("ada-{n}@example.org") }));
    store.copy_rows(CopiedTable::Accounts, &accounts).await.unwrap();
    let providers =
        copies(|n, id| json!({ "id": id, "account_id": id, "slug": format!("ada-{n}") }));
    store.copy_rows(CopiedTable::Providers, &providers).await.unwrap();
    let listings = copies(
        |n, id| json!({ "id": id, "provider_id": id, "slug": format!("lamp-{n}"), "price_minor": n }),
    );
    store.copy_rows(CopiedTable::Listings, &listings).await.unwrap();

    let client = database.client().await;
    for (counted, expected) in [
        ("accounts WHERE display_name = 'Ada' AND roles = '{client}'", 301),
        ("availabilities", 301),
        ("listings WHERE title = 'Desk lamp' AND status = 'published'", 301),
        // What searches read is kept by triggers.
        ("listing_search WHERE document @@ 'lamp'", 301),
        ("provider_search", 301),
        (
            "approved_prices a JOIN listings l ON l.id = a.listing_id \
          AND l.price_minor = a.price_minor",
            300,
        ),
    ] {
        let found = client.query_one(&format!("SELECT count(*) FROM {counted}"), &[]).await;
        assert_eq!(found.unwrap().get::<_, i64>(0), expected, "{counted}");
    }
    // All of them or none.
    let twice = [accounts[0].clone(), RowCopy { model, differs: json!({ "id": model }) }];
    assert!(store.copy_rows(CopiedTable::Accounts, &twice).await.is_err());
}
