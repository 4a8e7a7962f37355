//! Pictures and documents, of listings and of whatever else has some.
//!
//! Lock order: the owner, its items, their objects.

use std::collections::HashMap;

use async_trait::async_trait;
use catalog::media::{
    MediaChange, MediaError, MediaItem, MediaOwner, MediaRepository, MediaStore, MediaTx,
    MediaWithOwner, NewMedia, ObjectState, Preview, ServedObject, StorageKey,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Int4, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use kernel::{ListingId, MediaId, ProviderId, ReviewId, StorageError};
use uuid::Uuid;

use super::shelf::{LISTINGS, PROVIDERS, REVIEWS, corrupt, line, shelf_of, unwritable};
use crate::failure::storage;
use crate::schema::catalog::{listings, providers};
use crate::schema::media::{listing_media, media_objects, media_usage};
use crate::schema::reviews::reviews;
use crate::statement::Statement;
use crate::{PgStore, PgTx};

/// The items of many listings in one query, each in its order. A listing without any is absent.
pub(crate) async fn media_of_listings(
    conn: &mut AsyncPgConnection,
    listings: &[Uuid],
) -> Result<HashMap<Uuid, Vec<MediaItem>>, StorageError> {
    LISTINGS.load(conn, listings.to_vec()).await
}

fn texts<'a>(keys: impl IntoIterator<Item = &'a StorageKey>) -> Vec<&'a str> {
    keys.into_iter().map(StorageKey::as_str).collect()
}

/// Attaches smaller copies, which count on nobody's account; `false` if one of them is not there to
/// be attached.
async fn attach(conn: &mut AsyncPgConnection, keys: &[&str]) -> Result<bool, StorageError> {
    let attached = diesel::update(
        media_objects::table
            .filter(media_objects::key.eq_any(keys))
            .filter(media_objects::state.ne(ObjectState::Orphaned.name())),
    )
    .set(media_objects::state.eq(ObjectState::Attached.name()))
    .execute(conn)
    .await
    .map_err(storage("attach files"))?;
    Ok(attached == keys.len())
}

/// The account behind an owner; none if the owner is gone.
async fn account_of(
    conn: &mut AsyncPgConnection,
    owner: MediaOwner,
) -> Result<Option<Uuid>, StorageError> {
    let account = match owner {
        MediaOwner::Listing(id) => {
            listings::table
                .inner_join(providers::table)
                .filter(listings::id.eq(id.as_uuid()))
                .select(providers::account_id)
                .first(conn)
                .await
        }
        MediaOwner::Provider(id) => {
            providers::table.find(id.as_uuid()).select(providers::account_id).first(conn).await
        }
        MediaOwner::Review(id) => {
            reviews::table.find(id.as_uuid()).select(reviews::author_id).first(conn).await
        }
    };
    account.optional().map_err(storage("find whose files they are"))
}

/// How many bytes the files of an account have.
async fn bytes_of(conn: &mut AsyncPgConnection, account: Uuid) -> Result<u64, StorageError> {
    let bytes: Option<i64> = media_usage::table
        .find(account)
        .select(media_usage::bytes)
        .first(conn)
        .await
        .optional()
        .map_err(storage("count the files of an account"))?;
    u64::try_from(bytes.unwrap_or(0)).map_err(corrupt)
}

impl PgTx {
    /// Attaches originals, on the account behind their owner. The row of the account's sum is
    /// locked with it, so that of those who come at once each sees what the others took.
    async fn attach_for(&mut self, owner: MediaOwner, keys: Vec<String>) -> Result<(), MediaError> {
        if keys.is_empty() {
            return Ok(());
        }
        let count = i64::try_from(keys.len()).map_err(unwritable)?;
        let account = account_of(self.conn(), owner).await?;
        let mut st = Statement::<(BigInt, BigInt)>::new();
        // Both see the rows as they were: what counts already is not counted again.
        st.sql("WITH fresh AS (SELECT bytes FROM media_objects WHERE account_id IS NULL");
        st.sql(" AND key = ANY (").bind(keys.clone()).sql(")), attached AS (");
        st.sql("UPDATE media_objects SET state = 'attached', account_id = ").bind(account);
        st.sql(" WHERE state <> 'orphaned' AND key = ANY (").bind(keys).sql(") RETURNING key)");
        st.sql(" SELECT (SELECT count(*) FROM attached),");
        st.sql(" (SELECT coalesce(sum(bytes), 0)::bigint FROM fresh)");
        let (attached, added): (i64, i64) =
            st.get_result(self.conn()).await.map_err(storage("attach files"))?;
        if attached != count {
            return Err(MediaError::Vanished);
        }
        let added = u64::try_from(added).map_err(corrupt)?;
        let Some(account) = account else { return Ok(()) };
        let used = bytes_of(self.conn(), account).await?;
        self.media_quota().admit(used.saturating_sub(added), added)
    }
}

#[async_trait]
impl MediaRepository for PgTx {
    async fn media_of(&mut self, owner: MediaOwner) -> Result<Vec<MediaItem>, StorageError> {
        let (place, id) = shelf_of(owner);
        let mut media = place.load(self.conn(), vec![id]).await?;
        Ok(media.remove(&id).unwrap_or_default())
    }

    async fn store_media_change(
        &mut self,
        owner: MediaOwner,
        change: &MediaChange,
        now: DateTime<Utc>,
    ) -> Result<(), MediaError> {
        let (place, id) = shelf_of(owner);
        let MediaChange { added, removed, order } = change;
        if !removed.is_empty() {
            let removed = removed.iter().map(|item| item.id.as_uuid()).collect();
            place.delete(self.conn(), id, removed).await?;
        }
        if !added.is_empty() {
            let keys = added.iter().map(|item| item.file.key.as_str().to_owned()).collect();
            self.attach_for(owner, keys).await?;
            let position = |item: &MediaItem| order.iter().position(|id| *id == item.id);
            let lines = added.iter().map(|item| line(item, position(item), now)).collect();
            place.insert(self.conn(), id, lines).await?;
        }
        let order = order.iter().map(|id| id.as_uuid()).collect();
        Ok(place.order(self.conn(), id, order).await?)
    }

    async fn keep_media(
        &mut self,
        listing: ListingId,
        media: &[NewMedia],
    ) -> Result<(), MediaError> {
        let keys = media.iter().map(|new| new.file.key.as_str().to_owned()).collect();
        self.attach_for(listing.into(), keys).await
    }

    async fn discard_media(&mut self, media: &[NewMedia]) -> Result<(), StorageError> {
        let keys = texts(media.iter().map(|new| &new.file.key));
        let in_use = listing_media::table.select(listing_media::key);
        diesel::update(
            media_objects::table
                .filter(media_objects::key.eq_any(keys))
                .filter(media_objects::state.ne(ObjectState::Orphaned.name()))
                .filter(media_objects::key.ne_all(in_use)),
        )
        .set(media_objects::state.eq(ObjectState::Orphaned.name()))
        .execute(self.conn())
        .await
        .map_err(storage("discard files"))?;
        Ok(())
    }
}

#[async_trait]
impl MediaTx for PgTx {
    async fn store_preview(
        &mut self,
        media: MediaId,
        preview: &Preview,
    ) -> Result<bool, StorageError> {
        let variants = serde_json::to_value(&preview.variants).map_err(unwritable)?;
        let mut stored = false;
        // Providers and reviews share a table.
        for place in [LISTINGS, PROVIDERS] {
            let conn = self.conn();
            stored = stored
                || place.store_preview(conn, media, variants.clone(), &preview.blur_hash).await?;
        }
        let keys = texts(preview.variants.iter().map(|variant| &variant.key));
        Ok(stored && attach(self.conn(), &keys).await?)
    }
}

#[async_trait]
impl MediaStore for PgStore {
    async fn begin_media(&self) -> Result<Box<dyn MediaTx>, StorageError> {
        Ok(Box::new(self.open().await?))
    }

    async fn check_room(
        &self,
        owner: MediaOwner,
        removing: u64,
        adding: u64,
    ) -> Result<(), MediaError> {
        let conn = &mut *self.conn().await?;
        let Some(account) = account_of(conn, owner).await? else { return Ok(()) };
        let used = bytes_of(conn, account).await?;
        self.media_quota().admit(used.saturating_sub(removing), adding)
    }

    async fn stage_objects(
        &self,
        objects: &[(StorageKey, u64)],
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        let rows = objects
            .iter()
            .map(|(key, bytes)| {
                let bytes = i64::try_from(*bytes).map_err(unwritable)?;
                Ok((
                    media_objects::key.eq(key.as_str()),
                    media_objects::state.eq(ObjectState::Staged.name()),
                    media_objects::bytes.eq(bytes),
                    media_objects::staged_at.eq(now),
                ))
            })
            .collect::<Result<Vec<_>, StorageError>>()?;
        diesel::insert_into(media_objects::table)
            .values(rows)
            .execute(&mut *self.conn().await?)
            .await
            .map_err(storage("note files"))?;
        Ok(())
    }

    async fn served_object(&self, key: &StorageKey) -> Result<Option<ServedObject>, StorageError> {
        let bytes: Option<i64> = media_objects::table
            .find(key.as_str())
            .filter(media_objects::state.eq(ObjectState::Attached.name()))
            .select(media_objects::bytes)
            .first(&mut *self.conn().await?)
            .await
            .optional()
            .map_err(storage("look a file up"))?;
        bytes
            .map(|bytes| {
                let bytes = bytes.try_into().map_err(corrupt)?;
                Ok(ServedObject { format: key.format(), bytes })
            })
            .transpose()
    }

    async fn objects_to_sweep(
        &self,
        staged_before: DateTime<Utc>,
        limit: u16,
    ) -> Result<Vec<StorageKey>, StorageError> {
        let conn = &mut *self.conn().await?;
        // A row that is being attached is locked, and skipped.
        diesel::sql_query(
            "UPDATE media_objects SET state = 'orphaned' WHERE key IN ( \
                 SELECT key FROM media_objects WHERE state = 'staged' AND staged_at < $1 \
                 ORDER BY staged_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        )
        .bind::<Timestamptz, _>(staged_before)
        .bind::<Int4, _>(i32::from(limit))
        .execute(conn)
        .await
        .map_err(storage("orphan files of failed requests"))?;
        let keys: Vec<String> = media_objects::table
            .filter(media_objects::state.eq(ObjectState::Orphaned.name()))
            .limit(i64::from(limit))
            .select(media_objects::key)
            .load(conn)
            .await
            .map_err(storage("find orphaned files"))?;
        keys.into_iter().map(|key| key.parse().map_err(corrupt)).collect()
    }

    async fn forget_objects(&self, keys: &[StorageKey]) -> Result<(), StorageError> {
        if keys.is_empty() {
            return Ok(());
        }
        diesel::delete(
            media_objects::table
                .filter(media_objects::key.eq_any(texts(keys)))
                .filter(media_objects::state.eq(ObjectState::Orphaned.name())),
        )
        .execute(&mut *self.conn().await?)
        .await
        .map_err(storage("forget deleted files"))?;
        Ok(())
    }

    async fn pictures_of_reviews(
        &self,
        reviews: &[ReviewId],
    ) -> Result<HashMap<ReviewId, Vec<MediaItem>>, StorageError> {
        if reviews.is_empty() {
            return Ok(HashMap::new());
        }
        let ids = reviews.iter().map(|id| id.as_uuid()).collect();
        let found = REVIEWS.load(&mut *self.conn().await?, ids).await?;
        Ok(found.into_iter().map(|(id, media)| (ReviewId::from_uuid(id), media)).collect())
    }

    async fn media_without_preview(
        &self,
        media: &[MediaId],
    ) -> Result<Vec<MediaWithOwner>, StorageError> {
        let ids: Vec<Uuid> = media.iter().map(|id| id.as_uuid()).collect();
        let conn = &mut *self.conn().await?;
        let mut found = Vec::new();
        for (owner, item) in LISTINGS.without_preview(conn, ids.clone()).await? {
            found.push(MediaWithOwner { owner: ListingId::from_uuid(owner).into(), item });
        }
        for (owner, item) in PROVIDERS.without_preview(conn, ids.clone()).await? {
            found.push(MediaWithOwner { owner: ProviderId::from_uuid(owner).into(), item });
        }
        for (owner, item) in REVIEWS.without_preview(conn, ids).await? {
            found.push(MediaWithOwner { owner: ReviewId::from_uuid(owner).into(), item });
        }
        Ok(found)
    }
}
