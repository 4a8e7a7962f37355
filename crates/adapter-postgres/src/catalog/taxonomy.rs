//! Listing types and categories, and the cache of all of them.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use catalog::{CatalogError, Category, Key, Listing, ListingType, Taxonomy, TaxonomyRepository};
use chrono::{DateTime, Utc};
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use kernel::{CategoryId, ListingId, StorageError};
use uuid::Uuid;

use super::rows::{
    CategoryRow, ListingTypeRow, PromotedRow, corrupt, promoted_listing, unwritable,
};
use crate::failure::{storage, violates};
use crate::schema::catalog::{categories, listing_types, listings};
use crate::schema::media::listing_media;
use crate::{PgStore, PgTx};

/// How old the cached taxonomy may be: a change reaches every server within this time.
const MAX_AGE: Duration = Duration::from_secs(1);

/// The taxonomy as it was read last. It is small, read by every request and hardly ever changed.
#[derive(Default)]
pub(crate) struct TaxonomyCache {
    last: RwLock<Option<(Instant, Arc<Taxonomy>)>>,
    /// Held while it is read again, so that many requests read it once.
    reading: tokio::sync::Mutex<()>,
}

impl fmt::Debug for TaxonomyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaxonomyCache").finish_non_exhaustive()
    }
}

impl TaxonomyCache {
    fn fresh(&self) -> Option<Arc<Taxonomy>> {
        let last = self.last.read().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(at, _)| at.elapsed() < MAX_AGE).map(|(_, it)| Arc::clone(it))
    }

    fn keep(&self, at: Instant, taxonomy: &Arc<Taxonomy>) {
        let mut last = self.last.write().unwrap_or_else(PoisonError::into_inner);
        *last = Some((at, Arc::clone(taxonomy)));
    }

    /// The next reading is from the database.
    pub(super) fn forget(&self) {
        *self.last.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl PgStore {
    pub(super) async fn cached_taxonomy(&self) -> Result<Arc<Taxonomy>, StorageError> {
        let cache = self.taxonomy_cache();
        if let Some(taxonomy) = cache.fresh() {
            return Ok(taxonomy);
        }
        let _reading = cache.reading.lock().await;
        if let Some(taxonomy) = cache.fresh() {
            return Ok(taxonomy);
        }
        let at = Instant::now();
        let conn = &mut *self.conn().await?;
        let types: Vec<ListingTypeRow> = listing_types::table
            .order((listing_types::position, listing_types::key))
            .select(ListingTypeRow::as_select())
            .load(conn)
            .await
            .map_err(storage("load the listing types"))?;
        let types: Result<_, _> = types.into_iter().map(ListingType::try_from).collect();
        let taxonomy = Arc::new(Taxonomy::new(types?, load_categories(conn).await?));
        cache.keep(at, &taxonomy);
        Ok(taxonomy)
    }
}

async fn load_categories(conn: &mut AsyncPgConnection) -> Result<Vec<Category>, StorageError> {
    let rows: Vec<CategoryRow> = categories::table
        .order((categories::position, categories::id))
        .select(CategoryRow::as_select())
        .load(conn)
        .await
        .map_err(storage("load the categories"))?;
    rows.into_iter().map(Category::try_from).collect()
}

fn slug_taken(error: diesel::result::Error, action: &'static str) -> CatalogError {
    if violates(&error, "categories_slug_taken") {
        CatalogError::SlugTaken
    } else {
        storage(action)(error).into()
    }
}

#[async_trait]
impl TaxonomyRepository for PgTx {
    async fn listing_type_for_share(
        &mut self,
        key: &Key,
    ) -> Result<Option<ListingType>, StorageError> {
        let row: Option<ListingTypeRow> = listing_types::table
            .find(key.as_str())
            .for_share()
            .select(ListingTypeRow::as_select())
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load a listing type"))?;
        row.map(ListingType::try_from).transpose()
    }

    async fn listing_type_for_update(
        &mut self,
        key: &Key,
    ) -> Result<Option<ListingType>, StorageError> {
        let row: Option<ListingTypeRow> = listing_types::table
            .find(key.as_str())
            .for_update()
            .select(ListingTypeRow::as_select())
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load a listing type"))?;
        row.map(ListingType::try_from).transpose()
    }

    async fn insert_listing_type(
        &mut self,
        listing_type: &ListingType,
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError> {
        let declaration = serde_json::to_value(listing_type.declaration()).map_err(unwritable)?;
        let last: Option<i32> = listing_types::table
            .select(diesel::dsl::max(listing_types::position))
            .first(self.conn())
            .await
            .map_err(storage("find the last listing type"))?;
        let inserted = diesel::insert_into(listing_types::table)
            .values((
                listing_types::key.eq(listing_type.key().as_str()),
                listing_types::position.eq(last.map_or(0, |last| last + 1)),
                listing_types::declaration.eq(declaration),
                listing_types::version.eq(listing_type.version()),
                listing_types::created_at.eq(now),
                listing_types::updated_at.eq(now),
            ))
            .on_conflict(listing_types::key)
            .do_nothing()
            .execute(self.conn())
            .await
            .map_err(storage("insert a listing type"))?;
        if inserted == 0 {
            return Err(CatalogError::ListingTypeTaken { key: listing_type.key().to_string() });
        }
        Ok(())
    }

    async fn update_listing_type(
        &mut self,
        listing_type: &ListingType,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        let declaration = serde_json::to_value(listing_type.declaration()).map_err(unwritable)?;
        diesel::update(listing_types::table.find(listing_type.key().as_str()))
            .set((
                listing_types::declaration.eq(declaration),
                listing_types::version.eq(listing_type.version()),
                listing_types::updated_at.eq(now),
            ))
            .execute(self.conn())
            .await
            .map_err(storage("update a listing type"))?;
        Ok(())
    }

    async fn delete_listing_type(&mut self, key: &Key) -> Result<(), CatalogError> {
        diesel::delete(listing_types::table.find(key.as_str()))
            .execute(self.conn())
            .await
            .map_err(|error| {
                if violates(&error, "listings_of_type") {
                    CatalogError::ListingTypeInUse { key: key.to_string() }
                } else {
                    storage("delete a listing type")(error).into()
                }
            })?;
        Ok(())
    }

    async fn public_listings_of_type(
        &mut self,
        key: &Key,
        after: Option<ListingId>,
        limit: u16,
    ) -> Result<Vec<(Listing, usize)>, StorageError> {
        let after = after.map_or(Uuid::nil(), ListingId::as_uuid);
        let now = self.now();
        let rows: Vec<PromotedRow> = listings::table
            .filter(listings::listing_type.eq(key.as_str()))
            .filter(listings::status.eq("published").or(listings::status.eq("paused")))
            .filter(listings::id.gt(after))
            .order(listings::id)
            .limit(i64::from(limit))
            .select(promoted_listing!(now))
            .load(self.conn())
            .await
            .map_err(storage("load the listings of a type"))?;
        let ids: Vec<Uuid> = rows.iter().map(|row| row.listing.id).collect();
        let counts: Vec<(Uuid, i64)> = listing_media::table
            .filter(listing_media::listing_id.eq_any(&ids))
            .group_by(listing_media::listing_id)
            .select((listing_media::listing_id, count_star()))
            .load(self.conn())
            .await
            .map_err(storage("count the media of listings"))?;
        let counts: HashMap<Uuid, i64> = counts.into_iter().collect();
        rows.into_iter()
            .map(|row| {
                let count = counts.get(&row.listing.id).copied().unwrap_or(0);
                Ok((Listing::try_from(row)?, usize::try_from(count).map_err(corrupt)?))
            })
            .collect()
    }

    async fn categories_for_update(&mut self) -> Result<Vec<Category>, StorageError> {
        // The tree is one thing: two admins who move branches below each other must not both win.
        diesel::sql_query("LOCK TABLE categories IN SHARE ROW EXCLUSIVE MODE")
            .execute(self.conn())
            .await
            .map_err(storage("lock the categories"))?;
        load_categories(self.conn()).await
    }

    async fn insert_category(
        &mut self,
        category: &Category,
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError> {
        diesel::insert_into(categories::table)
            .values((
                &CategoryRow::from(category),
                categories::created_at.eq(now),
                categories::updated_at.eq(now),
            ))
            .execute(self.conn())
            .await
            .map_err(|error| slug_taken(error, "insert a category"))?;
        Ok(())
    }

    async fn update_category(
        &mut self,
        category: &Category,
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError> {
        diesel::update(categories::table.find(category.id.as_uuid()))
            .set((&CategoryRow::from(category), categories::updated_at.eq(now)))
            .execute(self.conn())
            .await
            .map_err(|error| slug_taken(error, "update a category"))?;
        Ok(())
    }

    async fn delete_category(&mut self, id: CategoryId) -> Result<(), CatalogError> {
        diesel::delete(categories::table.find(id.as_uuid())).execute(self.conn()).await.map_err(
            |error| {
                if violates(&error, "listings_in_category") || violates(&error, "categories_parent")
                {
                    CatalogError::CategoryInUse { id }
                } else {
                    storage("delete a category")(error).into()
                }
            },
        )?;
        Ok(())
    }
}
