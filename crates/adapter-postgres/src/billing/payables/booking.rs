//! A booking that waits for its client's money.

use billing::{CaptureMode, Description, Payable, PurposeKind, SaleContext, Seller};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{AccountId, BookingId, CategoryId, ProviderId, StorageError};
use uuid::Uuid;

use crate::PgTx;
use crate::billing::document::{Source, money, sensible};
use crate::failure::storage;

#[derive(QueryableByName)]
struct BookingRow {
    #[diesel(sql_type = SqlUuid)]
    client_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    provider_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    provider_account_id: Uuid,
    #[diesel(sql_type = Text)]
    title: String,
    #[diesel(sql_type = BigInt)]
    price_minor: i64,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = Text)]
    listing_type: String,
    #[diesel(sql_type = Array<SqlUuid>)]
    categories: Vec<Uuid>,
}

/// What a booking asks its client for: its price, reserved until the provider accepts. The booking
/// is kept as it is until the transaction ends, so that it is not called off meanwhile.
pub(super) async fn payable(tx: &mut PgTx, id: BookingId) -> Result<Option<Payable>, StorageError> {
    let row: Option<BookingRow> = diesel::sql_query(
        "SELECT b.client_id, b.provider_id, b.provider_account_id, b.title, b.price_minor, \
             b.currency, l.listing_type, ARRAY(\
                 WITH RECURSIVE above AS (\
                     SELECT c.id, c.parent_id, 1 AS height FROM categories c \
                     WHERE c.id = l.category_id \
                     UNION ALL \
                     SELECT c.id, c.parent_id, a.height + 1 FROM categories c \
                     JOIN above a ON c.id = a.parent_id WHERE a.height < 20) \
                 SELECT id FROM above ORDER BY height) AS categories \
         FROM bookings b JOIN listings l ON l.id = b.listing_id \
         WHERE b.id = $1 AND b.status = 'awaiting_payment' AND b.funds = 'awaited' \
         AND b.price_minor > 0 \
         FOR SHARE OF b",
    )
    .bind::<SqlUuid, _>(id.as_uuid())
    .get_result(tx.conn())
    .await
    .optional()
    .map_err(storage("look up what a booking costs"))?;
    let read = row.map(read).transpose();
    sensible("read what a booking costs", id.as_uuid(), read)
}

fn read(row: BookingRow) -> Result<Payable, Source> {
    let title: String = row.title.chars().take(200).collect();
    Ok(Payable {
        payer: AccountId::from_uuid(row.client_id),
        amount: money(row.price_minor, &row.currency)?,
        capture: CaptureMode::Later,
        description: Description::from_stored(title),
        sale: SaleContext {
            purpose: PurposeKind::Booking,
            seller: Seller::Provider {
                provider: ProviderId::from_uuid(row.provider_id),
                account: AccountId::from_uuid(row.provider_account_id),
            },
            categories: row.categories.into_iter().map(CategoryId::from_uuid).collect(),
            listing_type: Some(row.listing_type),
        },
        grants: None,
    })
}
