//! Listings, the history of their prices, and what refers to them.

use async_trait::async_trait;
use catalog::{CatalogError, Listing, ListingRecord, ListingRepository, PriceChange, References};
use diesel::prelude::*;
use diesel::sql_types::Uuid as SqlUuid;
use diesel_async::RunQueryDsl;
use kernel::{AccountId, ListingId, Money, StorageError};

use super::rows::{ListingValues, PromotedRow, money, promoted_listing};
use crate::PgTx;
use crate::failure::{storage, violates};
use crate::schema::catalog::{approved_prices, listings, price_history};

diesel::define_sql_function! {
    /// Whether anything refers to a listing; locks it against new references.
    fn listing_is_referred_to(listing: SqlUuid) -> Bool;
}

/// What a listing that cannot be stored says to whoever wrote it.
fn refused(error: diesel::result::Error, action: &'static str) -> CatalogError {
    if violates(&error, "listings_in_category") {
        CatalogError::field("/category_id", "unknown_category", "does not exist")
    } else {
        storage(action)(error).into()
    }
}

#[async_trait]
impl ListingRepository for PgTx {
    async fn listing_for_update(&mut self, id: ListingId) -> Result<Option<Listing>, StorageError> {
        let now = self.now();
        let row: Option<PromotedRow> = listings::table
            .find(id.as_uuid())
            .for_no_key_update()
            .select(promoted_listing!(now))
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load a listing"))?;
        let Some(row) = row else { return Ok(None) };
        let approved: Option<(i64, String)> = approved_prices::table
            .find(id.as_uuid())
            .select((approved_prices::price_minor, approved_prices::currency))
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load an approved price"))?;
        let (minor, currency) = approved.unzip();
        let approved_price = money(minor, currency.as_deref())?;
        let record = Listing::try_from(row)?.record().clone();
        Ok(Some(Listing::restore(ListingRecord { approved_price, ..record })))
    }

    async fn insert_listing(&mut self, listing: &Listing) -> Result<(), CatalogError> {
        let values = ListingValues::try_from(listing)?;
        let inserted = diesel::insert_into(listings::table)
            .values((&values, listings::provider_active.eq(listing.record().provider_active)))
            .on_conflict((listings::listing_type, listings::slug))
            .do_nothing()
            .execute(self.conn())
            .await
            .map_err(|error| refused(error, "insert a listing"))?;
        if inserted == 0 { Err(CatalogError::SlugTaken) } else { Ok(()) }
    }

    async fn update_listing(&mut self, listing: &Listing) -> Result<(), CatalogError> {
        let values = ListingValues::try_from(listing)?;
        diesel::update(listings::table.find(listing.id().as_uuid()))
            .set(&values)
            .execute(self.conn())
            .await
            .map_err(|error| refused(error, "update a listing"))?;
        Ok(self.store_approved_price(listing).await?)
    }

    async fn delete_listing(&mut self, id: ListingId) -> Result<(), StorageError> {
        diesel::delete(listings::table.find(id.as_uuid()))
            .execute(self.conn())
            .await
            .map_err(storage("delete a listing"))?;
        Ok(())
    }

    async fn record_price_change(&mut self, change: &PriceChange) -> Result<(), StorageError> {
        let PriceChange { listing, old, new, reason, actor, at } = change;
        let code = |money: &Option<Money>| money.map(|money| money.currency().code());
        diesel::insert_into(price_history::table)
            .values((
                price_history::listing_id.eq(listing.as_uuid()),
                price_history::old_minor.eq(old.map(Money::minor)),
                price_history::old_currency.eq(code(old)),
                price_history::new_minor.eq(new.map(Money::minor)),
                price_history::new_currency.eq(code(new)),
                price_history::reason.eq(reason.name()),
                price_history::actor_id.eq(actor.map(AccountId::as_uuid)),
                price_history::changed_at.eq(*at),
            ))
            .execute(self.conn())
            .await
            .map_err(storage("write to the price history"))?;
        Ok(())
    }
}

impl PgTx {
    async fn store_approved_price(&mut self, listing: &Listing) -> Result<(), StorageError> {
        let Some(price) = listing.record().approved_price else { return Ok(()) };
        let (minor, currency) = (price.minor(), price.currency().code());
        let values =
            (approved_prices::price_minor.eq(minor), approved_prices::currency.eq(currency));
        diesel::insert_into(approved_prices::table)
            .values((approved_prices::listing_id.eq(listing.id().as_uuid()), values))
            .on_conflict(approved_prices::listing_id)
            .do_update()
            .set(values)
            .execute(self.conn())
            .await
            .map_err(storage("store an approved price"))?;
        Ok(())
    }
}

#[async_trait]
impl References for PgTx {
    async fn listing_is_referred_to(&mut self, id: ListingId) -> Result<bool, StorageError> {
        diesel::select(listing_is_referred_to(id.as_uuid()))
            .get_result(self.conn())
            .await
            .map_err(storage("look for references to a listing"))
    }
}
