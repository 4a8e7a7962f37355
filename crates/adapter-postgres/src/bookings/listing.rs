//! What bookings need of the catalogue.

use async_trait::async_trait;
use bookings::{
    AppointmentSettings, BookableListing, BookableListings, CancellationPolicy, ListPrice,
    ProcessKind,
};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Integer, Jsonb, Nullable, Text, Untyped, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{AccountId, Currency, ListingId, Money, ProviderId, StorageError};
use serde_json::Value;
use uuid::Uuid;

use super::document::from_json;
use crate::PgTx;
use crate::failure::storage;
use crate::statement::Statement;

/// The columns of [`ListingRow`], of a listing `l`.
pub(super) const COLUMNS: &str = "l.id, l.title, \
     l.status = 'published' AND l.provider_active AS public, \
     l.provider_id, p.account_id AS provider_account_id, \
     t.declaration -> 'transactions' AS transactions, \
     l.price_minor, l.currency, l.price_unit, \
     s.duration_minutes, s.buffer_before_minutes, s.buffer_after_minutes, s.cancellation";

/// Where they come from.
pub(super) const TABLES: &str = "listings l \
     JOIN providers p ON p.id = l.provider_id \
     JOIN listing_types t ON t.key = l.listing_type \
     LEFT JOIN appointment_settings s ON s.listing_id = l.id";

#[derive(QueryableByName)]
pub(super) struct ListingRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    title: String,
    #[diesel(sql_type = Bool)]
    public: bool,
    #[diesel(sql_type = SqlUuid)]
    provider_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    provider_account_id: Uuid,
    #[diesel(sql_type = Nullable<Jsonb>)]
    transactions: Option<Value>,
    #[diesel(sql_type = Nullable<diesel::sql_types::BigInt>)]
    price_minor: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    currency: Option<String>,
    #[diesel(sql_type = Text)]
    price_unit: String,
    #[diesel(sql_type = Nullable<Integer>)]
    duration_minutes: Option<i32>,
    #[diesel(sql_type = Nullable<Integer>)]
    buffer_before_minutes: Option<i32>,
    #[diesel(sql_type = Nullable<Integer>)]
    buffer_after_minutes: Option<i32>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    cancellation: Option<Value>,
}

impl TryFrom<ListingRow> for BookableListing {
    type Error = StorageError;

    fn try_from(row: ListingRow) -> Result<Self, StorageError> {
        let corrupt = |source| StorageError::corrupt("read a listing to book", source);
        let id = ListingId::from_uuid(row.id);
        let currency = row.currency.as_deref().map(Currency::from_stored).transpose();
        let price = row
            .price_minor
            .zip(currency.map_err(|error: kernel::MoneyError| corrupt(error.to_string()))?)
            .map(|(minor, currency)| Money::new(minor, currency));
        let names: Vec<String> = row
            .transactions
            .map(|names| from_json("read how a listing is transacted", names))
            .transpose()?
            .unwrap_or_default();
        let cancellation: Option<CancellationPolicy> = row
            .cancellation
            .map(|tiers| from_json("read a cancellation policy", tiers))
            .transpose()?;
        let minutes = |n: Option<i32>| n.and_then(|n| u32::try_from(n).ok());
        Ok(Self {
            id,
            title: row.title,
            public: row.public,
            provider: ProviderId::from_uuid(row.provider_id),
            provider_account: AccountId::from_uuid(row.provider_account_id),
            processes: names.iter().filter_map(|name| process(name)).collect(),
            price: match (row.price_unit.as_str(), price) {
                ("fixed" | "per_visit", Some(price)) => ListPrice::Fixed(price),
                ("per_hour", Some(price)) => ListPrice::PerHour(price),
                // From, per day, by quote, or none: to be agreed.
                (_, Some(_) | None) => ListPrice::Open,
            },
            settings: AppointmentSettings {
                listing: id,
                duration_minutes: minutes(row.duration_minutes),
                buffer_before_minutes: minutes(row.buffer_before_minutes),
                buffer_after_minutes: minutes(row.buffer_after_minutes),
                cancellation,
            },
        })
    }
}

/// The process behind a transaction of a listing type; orders and auctions are none.
fn process(transaction: &str) -> Option<ProcessKind> {
    [ProcessKind::Request, ProcessKind::Quote, ProcessKind::Appointment]
        .into_iter()
        .find(|kind| kind.name() == transaction)
}

#[async_trait]
impl BookableListings for PgTx {
    async fn bookable_listing(
        &mut self,
        id: ListingId,
    ) -> Result<Option<BookableListing>, StorageError> {
        let mut st = Statement::<Untyped>::new();
        st.sql("SELECT ").sql(COLUMNS).sql(" FROM ").sql(TABLES);
        st.sql(" WHERE l.id = ").bind(id.as_uuid());
        let row: Option<ListingRow> = st
            .get_result(self.conn())
            .await
            .optional()
            .map_err(storage("load a listing to book"))?;
        row.map(BookableListing::try_from).transpose()
    }
}
