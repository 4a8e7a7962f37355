use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{AccountId, BookingId, ListingId, ProviderId, StorageError};
use reviews::{BookingFacts, CompletedBookings};
use uuid::Uuid;

use crate::PgTx;
use crate::failure::storage;

#[derive(QueryableByName)]
struct FactsRow {
    #[diesel(sql_type = SqlUuid)]
    listing_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    provider_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    client_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    provider_account_id: Uuid,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    completed_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Array<Text>)]
    criteria: Vec<String>,
}

const FACTS: &str = "
    SELECT b.listing_id, b.provider_id, b.client_id, b.provider_account_id,
           CASE WHEN b.status = 'completed' THEN b.since END AS completed_at,
           ARRAY(SELECT criterion ->> 'key'
                 FROM jsonb_array_elements(t.declaration -> 'review_criteria') AS criterion
                 WHERE jsonb_typeof(t.declaration -> 'review_criteria') = 'array') AS criteria
    FROM bookings b
    JOIN listings l ON l.id = b.listing_id
    JOIN listing_types t ON t.key = l.listing_type
    WHERE b.id = $1";

#[async_trait]
impl CompletedBookings for PgTx {
    async fn booking_facts(&mut self, id: BookingId) -> Result<Option<BookingFacts>, StorageError> {
        let row: Option<FactsRow> = diesel::sql_query(FACTS)
            .bind::<SqlUuid, _>(id.as_uuid())
            .get_result(self.conn())
            .await
            .optional()
            .map_err(storage("load the booking of a review"))?;
        Ok(row.map(|row| BookingFacts {
            booking: id,
            listing: ListingId::from_uuid(row.listing_id),
            provider: ProviderId::from_uuid(row.provider_id),
            client: AccountId::from_uuid(row.client_id),
            provider_account: AccountId::from_uuid(row.provider_account_id),
            completed_at: row.completed_at,
            criteria: row.criteria,
        }))
    }
}
