//! Pictures and documents.
//!
//! Lock order: the listing, its items, their objects.

use std::collections::HashMap;

use async_trait::async_trait;
use catalog::media::{
    Alt, MediaChange, MediaError, MediaFile, MediaItem, MediaRepository, MediaStore, MediaTx,
    NewMedia, ObjectState, PixelSize, Preview, ServedObject, StorageKey, Variant,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Int2, Int4, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use kernel::{ListingId, MediaId, StorageError};
use serde_json::Value;
use uuid::Uuid;

use crate::failure::storage;
use crate::schema::media::{listing_media, media_objects};
use crate::{PgStore, PgTx};

/// A row of `listing_media`.
#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = listing_media, check_for_backend(diesel::pg::Pg))]
pub(super) struct MediaRow {
    id: Uuid,
    listing_id: Uuid,
    position: i16,
    kind: String,
    key: String,
    bytes: i64,
    width: Option<i32>,
    height: Option<i32>,
    alt: Option<String>,
    variants: Option<Value>,
    blur_hash: Option<String>,
    added_at: DateTime<Utc>,
}

fn corrupt(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StorageError {
    StorageError::corrupt("read a media item", error)
}

fn unwritable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StorageError {
    StorageError::corrupt("write a media item", error)
}

impl TryFrom<MediaRow> for MediaItem {
    type Error = StorageError;

    fn try_from(row: MediaRow) -> Result<Self, Self::Error> {
        let MediaRow {
            id,
            listing_id: _,
            position: _,
            kind: _,
            key,
            bytes,
            width,
            height,
            alt,
            variants,
            blur_hash,
            added_at: _,
        } = row;
        let key: StorageKey = key.parse().map_err(corrupt)?;
        let pixels = match (width, height) {
            (Some(width), Some(height)) => Some(PixelSize {
                width: width.try_into().map_err(corrupt)?,
                height: height.try_into().map_err(corrupt)?,
            }),
            (_, _) => None,
        };
        let preview = match (variants, blur_hash) {
            (Some(variants), Some(blur_hash)) => {
                let variants: Vec<Variant> = serde_json::from_value(variants).map_err(corrupt)?;
                Some(Preview { variants, blur_hash })
            }
            (_, _) => None,
        };
        let file = MediaFile {
            format: key.format(),
            key,
            bytes: bytes.try_into().map_err(corrupt)?,
            pixels,
        };
        Ok(Self { id: MediaId::from_uuid(id), file, alt: alt.map(Alt::from_stored), preview })
    }
}

fn row(
    item: &MediaItem,
    listing: ListingId,
    position: usize,
    added_at: DateTime<Utc>,
) -> Result<MediaRow, StorageError> {
    let MediaItem { id, file, alt, preview } = item;
    let MediaFile { key, format, bytes, pixels } = file;
    let side = |side: u32| i32::try_from(side).map_err(unwritable);
    Ok(MediaRow {
        id: id.as_uuid(),
        listing_id: listing.as_uuid(),
        position: i16::try_from(position).map_err(unwritable)?,
        kind: format.kind().name().to_owned(),
        key: key.as_str().to_owned(),
        bytes: i64::try_from(*bytes).map_err(unwritable)?,
        width: pixels.map(|size| side(size.width)).transpose()?,
        height: pixels.map(|size| side(size.height)).transpose()?,
        alt: alt.as_ref().map(|alt| alt.as_str().to_owned()),
        variants: preview
            .as_ref()
            .map(|preview| serde_json::to_value(&preview.variants))
            .transpose()
            .map_err(unwritable)?,
        blur_hash: preview.as_ref().map(|preview| preview.blur_hash.clone()),
        added_at,
    })
}

/// The items of many listings in one query, each in its order. A listing without any is absent.
pub(crate) async fn media_of_listings(
    conn: &mut AsyncPgConnection,
    listings: &[Uuid],
) -> Result<HashMap<Uuid, Vec<MediaItem>>, StorageError> {
    let rows: Vec<MediaRow> = listing_media::table
        .filter(listing_media::listing_id.eq_any(listings))
        .order((listing_media::listing_id, listing_media::position))
        .select(MediaRow::as_select())
        .load(conn)
        .await
        .map_err(storage("load media"))?;
    let mut media: HashMap<Uuid, Vec<MediaItem>> = HashMap::new();
    for row in rows {
        media.entry(row.listing_id).or_default().push(row.try_into()?);
    }
    Ok(media)
}

fn texts<'a>(keys: impl IntoIterator<Item = &'a StorageKey>) -> Vec<&'a str> {
    keys.into_iter().map(StorageKey::as_str).collect()
}

/// Attaches objects; `false` if one of them is not there to be attached.
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

#[async_trait]
impl MediaRepository for PgTx {
    async fn media_of(&mut self, listing: ListingId) -> Result<Vec<MediaItem>, StorageError> {
        let id = listing.as_uuid();
        let mut media = media_of_listings(self.conn(), &[id]).await?;
        Ok(media.remove(&id).unwrap_or_default())
    }

    async fn store_media_change(
        &mut self,
        listing: ListingId,
        change: &MediaChange,
        now: DateTime<Utc>,
    ) -> Result<(), MediaError> {
        let MediaChange { added, removed, order } = change;
        if !removed.is_empty() {
            let removed: Vec<Uuid> = removed.iter().map(|item| item.id.as_uuid()).collect();
            diesel::delete(
                listing_media::table
                    .filter(listing_media::listing_id.eq(listing.as_uuid()))
                    .filter(listing_media::id.eq_any(removed)),
            )
            .execute(self.conn())
            .await
            .map_err(storage("remove media"))?;
        }
        if !added.is_empty() {
            let keys = texts(added.iter().map(|item| &item.file.key));
            if !attach(self.conn(), &keys).await? {
                return Err(MediaError::Vanished);
            }
            let places: HashMap<_, _> =
                order.iter().enumerate().map(|(place, id)| (*id, place)).collect();
            let rows = added
                .iter()
                .map(|item| row(item, listing, places.get(&item.id).copied().unwrap_or(0), now))
                .collect::<Result<Vec<_>, _>>()?;
            diesel::insert_into(listing_media::table)
                .values(rows)
                .execute(self.conn())
                .await
                .map_err(storage("add media"))?;
        }
        let ids: Vec<Uuid> = order.iter().map(|id| id.as_uuid()).collect();
        let positions =
            (0..ids.len()).map(i16::try_from).collect::<Result<Vec<_>, _>>().map_err(unwritable)?;
        diesel::sql_query(
            "UPDATE listing_media SET position = new.position \
             FROM unnest($1, $2) AS new (id, position) \
             WHERE listing_media.id = new.id AND listing_id = $3 \
               AND listing_media.position <> new.position",
        )
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<Array<Int2>, _>(positions)
        .bind::<SqlUuid, _>(listing.as_uuid())
        .execute(self.conn())
        .await
        .map_err(storage("order media"))?;
        Ok(())
    }

    async fn keep_media(&mut self, media: &[NewMedia]) -> Result<(), MediaError> {
        let keys = texts(media.iter().map(|new| &new.file.key));
        if attach(self.conn(), &keys).await? { Ok(()) } else { Err(MediaError::Vanished) }
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
        let stored = diesel::update(
            listing_media::table
                .find(media.as_uuid())
                .filter(listing_media::blur_hash.is_null())
                .filter(listing_media::kind.eq("picture")),
        )
        .set((
            listing_media::variants.eq(variants),
            listing_media::blur_hash.eq(&preview.blur_hash),
        ))
        .execute(self.conn())
        .await
        .map_err(storage("store a preview"))?;
        let keys = texts(preview.variants.iter().map(|variant| &variant.key));
        Ok(stored == 1 && attach(self.conn(), &keys).await?)
    }
}

#[async_trait]
impl MediaStore for PgStore {
    async fn begin_media(&self) -> Result<Box<dyn MediaTx>, StorageError> {
        Ok(Box::new(self.open().await?))
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

    async fn media_without_preview(
        &self,
        media: &[MediaId],
    ) -> Result<Vec<MediaItem>, StorageError> {
        let ids: Vec<Uuid> = media.iter().map(|id| id.as_uuid()).collect();
        let rows: Vec<MediaRow> = listing_media::table
            .filter(listing_media::id.eq_any(ids))
            .filter(listing_media::kind.eq("picture"))
            .filter(listing_media::blur_hash.is_null())
            .order((listing_media::listing_id, listing_media::position))
            .select(MediaRow::as_select())
            .load(&mut *self.conn().await?)
            .await
            .map_err(storage("load media without a preview"))?;
        rows.into_iter().map(MediaItem::try_from).collect()
    }
}
