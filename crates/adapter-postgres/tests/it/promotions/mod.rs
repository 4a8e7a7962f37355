//! The ports of promotions, on a real PostgreSQL.

mod coupons;
mod seen;
mod stored;

use std::sync::Arc;

use adapter_postgres::{Billing, PgStore, SecretKey, SecretKeys, Settings};
use billing::{GatewayChoice, GatewayName, InvoiceParty};
use catalog::ListingTypeDeclaration;
use chrono::{DateTime, Utc};
use kernel::{Clock, ManualClock, SystemIds};
use promotions::testing::{account, listing, pro, provider, top};
use promotions::{
    Policy, ProductService, Promotion, PromotionRecord, PromotionService, PromotionStore,
    PromotionTx,
};
use serde_json::json;
use test_support::TestDatabase;
use tokio_postgres::Client;
use uuid::Uuid;

pub(super) fn noon() -> DateTime<Utc> {
    "2026-05-04T12:00:00Z".parse().unwrap()
}

/// The account of a person who buys nothing, by number.
pub(super) fn somebody(n: u64) -> Uuid {
    Uuid::from_u64_pair(0xC000, n)
}

/// A marketplace at noon: the provider of the builders with thirty public listings, somebody with
/// coupons, and two products.
pub(super) struct World {
    pub(super) store: Arc<PgStore>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) client: Client,
    _database: TestDatabase,
}

/// What the listings of this marketplace are.
pub(super) fn declaration() -> ListingTypeDeclaration {
    let style = json!({
        "key": "style", "label": "Style", "kind": "enum", "filterable": true,
        "choices": [{"key": "loft", "label": "Loft"}, {"key": "classic", "label": "Classic"}]
    });
    let offer = json!({
        "key": "offer", "title": "Offer", "plural": "Offers", "attributes": [style]
    });
    serde_json::from_value(offer).unwrap()
}

impl World {
    pub(super) async fn new(connections: usize) -> Self {
        let database = TestDatabase::new().await;
        let client = database.client().await;
        let clock = Arc::new(ManualClock::new(noon()));
        let settings = Settings { connections, ..Settings::new(database.url()) };
        let gateways = vec![GatewayChoice { currency: None, gateway: GatewayName::Sandbox }];
        let store = PgStore::connect(&settings, |_| &[]).unwrap().with_billing(Billing {
            keys: SecretKeys::new(SecretKey { id: 1, bytes: [7; 32] }, []),
            issuer: InvoiceParty { name: "The market".to_owned(), details: Vec::new() },
            policy: billing::Policy { gateways, ..billing::Policy::default() },
            clock: clock.clone(),
        });
        let world = Self { store: Arc::new(store), clock, client, _database: database };
        world.people().await;
        world.listings().await;
        let products =
            ProductService::new(world.store.clone(), world.store.clone(), world.clock.clone());
        assert_eq!(products.ensure(&[top(), pro()]).await.unwrap(), 2);
        world
    }

    async fn people(&self) {
        let mut people: Vec<Uuid> = (1..=30).map(somebody).collect();
        people.push(account().as_uuid());
        for id in people {
            self.run(&format!(
                "INSERT INTO accounts (id, email, password_hash, display_name, locale, time_zone, \
                     roles, status, token_version, created_at, version) \
                 VALUES ('{id}', '{id}@example.com', 'x', 'A person', 'en', 'UTC', '{{client}}', \
                     'active', 1, now(), 1)"
            ))
            .await;
        }
    }

    async fn listings(&self) {
        let (provider, account) = (provider().as_uuid(), account().as_uuid());
        let stored = serde_json::to_string(&declaration()).unwrap();
        self.run(&format!(
            "INSERT INTO listing_types VALUES ('offer', 1, '{stored}', 1, now(), now()); \
             INSERT INTO providers (id, account_id, slug, name, category_ids, languages, \
                 verification, status, version, created_at, updated_at) \
             VALUES ('{provider}', '{account}', 'anna', 'Anna', '{{}}', '{{}}', 'unverified', \
                 'active', 1, now(), now())"
        ))
        .await;
        for n in 1..=30 {
            let id = listing(n).as_uuid();
            let style = if n % 2 == 0 { "loft" } else { "classic" };
            self.run(&format!(
                "INSERT INTO listings (id, listing_type, provider_id, provider_active, title, \
                     slug, description, price_minor, currency, price_unit, attributes, access, \
                     status, version, created_at, updated_at, published_at) \
                 VALUES ('{id}', 'offer', '{provider}', true, 'Offer {n}', 'offer-{n}', 'Plain', \
                     {n}00, 'EUR', 'fixed', '{{\"style\": \"{style}\"}}', 'free', 'published', 1, \
                     timestamptz '2026-01-01' + {n} * interval '1 minute', now(), now())"
            ))
            .await;
        }
    }

    pub(super) fn set(&self, at: DateTime<Utc>) {
        self.clock.advance(at - self.clock.now());
    }

    pub(super) fn promotions(&self) -> PromotionService {
        PromotionService::new(
            self.store.clone(),
            self.store.clone(),
            self.clock.clone(),
            Arc::new(SystemIds),
            Policy::default(),
        )
    }

    pub(super) async fn begin(&self) -> Box<dyn PromotionTx> {
        PromotionStore::begin(&*self.store).await.unwrap()
    }

    /// Stores a promotion in a transaction of its own.
    pub(super) async fn insert(
        &self,
        record: PromotionRecord,
    ) -> Result<Promotion, kernel::StorageError> {
        let promotion = Promotion::restore(record);
        let mut tx = self.begin().await;
        tx.insert_promotion(&promotion).await?;
        tx.commit().await?;
        Ok(promotion)
    }

    pub(super) async fn run(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap();
    }

    pub(super) async fn number(&self, sql: &str) -> i64 {
        self.client.query_one(sql, &[]).await.unwrap().get(0)
    }
}
