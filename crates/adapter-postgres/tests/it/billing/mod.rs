//! The ports of billing, on a real PostgreSQL.

mod cards;
mod inbox;
mod ledger;
mod pages;
mod payments;
mod payouts;
mod recurring;
mod sale;

use std::sync::Arc;

use adapter_postgres::{Billing, PgStore, PgTx, SecretKey, SecretKeys, Settings};
use billing::testing::{a_payment, an_id};
use billing::{
    BillingStore, BillingTx, GatewayChoice, GatewayName, InvoiceParty, Payment, PaymentRecord,
    Policy, Purpose, TransactionId,
};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{BookingId, Ids, ManualClock, PaymentId, StorageError, SystemIds, UnitOfWork};
use test_support::TestDatabase;
use tokio_postgres::Client;

pub(super) fn noon() -> DateTime<Utc> {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

pub(super) fn keys() -> SecretKeys {
    SecretKeys::new(SecretKey { id: 1, bytes: [7; 32] }, [])
}

/// The accounts of billing's builders (1 pays, 3 has the provider 2, 4 is an admin), and a store.
pub(super) struct World {
    pub(super) database: TestDatabase,
    pub(super) store: PgStore,
}

impl World {
    pub(super) async fn new(connections: usize) -> Self {
        Self::with_keys(connections, keys()).await
    }

    pub(super) async fn with_keys(connections: usize, keys: SecretKeys) -> Self {
        let database = TestDatabase::new().await;
        let world = Self { store: store(&database, connections, keys), database };
        let client = world.client().await;
        for n in [1, 3, 4] {
            let (id, name) = (an_id(n), format!("person {n}"));
            let sql = format!(
                "INSERT INTO accounts (id, email, password_hash, display_name, locale, \
                     time_zone, roles, status, token_version, created_at, version) \
                 VALUES ('{id}', 'person{n}@example.com', 'x', '{name}', 'en', 'UTC', \
                     '{{client}}', 'active', 1, now(), 1)"
            );
            client.batch_execute(&sql).await.unwrap();
        }
        let (id, owner) = (an_id(2), an_id(3));
        let sql = format!(
            "INSERT INTO providers (id, account_id, slug, name, category_ids, languages, \
                 verification, status, version, created_at, updated_at) \
             VALUES ('{id}', '{owner}', 'anna', 'Anna', '{{}}', '{{}}', 'unverified', 'active', \
                 1, now(), now())"
        );
        client.batch_execute(&sql).await.unwrap();
        world
    }

    pub(super) async fn client(&self) -> Client {
        self.database.client().await
    }

    pub(super) async fn begin(&self) -> Box<dyn BillingTx> {
        BillingStore::begin(&self.store).await.unwrap()
    }

    pub(super) async fn number(&self, query: &str) -> i64 {
        self.client().await.query_one(query, &[]).await.unwrap().get(0)
    }

    /// Stores a payment in a transaction of its own.
    pub(super) async fn insert(&self, record: PaymentRecord) -> Payment {
        let payment = Payment::restore(record);
        let mut tx = self.begin().await;
        tx.insert_payment(&payment).await.unwrap();
        tx.commit().await.unwrap();
        payment
    }
}

pub(super) fn store(database: &TestDatabase, connections: usize, keys: SecretKeys) -> PgStore {
    let settings = Settings { connections, ..Settings::new(database.url()) };
    let gateways = vec![GatewayChoice { currency: None, gateway: GatewayName::Sandbox }];
    PgStore::connect(&settings, |_| &[]).unwrap().with_billing(Billing {
        keys,
        issuer: InvoiceParty { name: "The market".to_owned(), details: vec!["Berlin".to_owned()] },
        policy: Policy { gateways, ..Policy::default() },
        clock: Arc::new(ManualClock::new(noon())),
    })
}

pub(super) async fn commit(tx: PgTx) -> Result<(), StorageError> {
    Box::new(tx).commit().await
}

/// Another payment each time: of another booking, with another transaction.
pub(super) fn fresh(record: PaymentRecord) -> PaymentRecord {
    let id = PaymentId::next(&SystemIds);
    let purpose = match record.purpose {
        Purpose::Booking(_) => Purpose::Booking(BookingId::next(&SystemIds)),
        other => other,
    };
    let name = |_| TransactionId::new(&format!("t-{id}")).unwrap();
    PaymentRecord { id, purpose, transaction: record.transaction.map(name), ..record }
}

/// A payment that was made so many seconds after noon.
pub(super) fn made(seconds: i64) -> PaymentRecord {
    fresh(a_payment(noon() + TimeDelta::seconds(seconds)))
}

/// The same numbers every time, for a seed.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `n`.
    pub(super) fn roll(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

pub(super) fn an_uuid() -> uuid::Uuid {
    SystemIds.next()
}
