//! Pictures and documents, of listings and of whatever else has some.
//!
//! Lock order: the owner, its items, their objects.

use std::collections::HashMap;

use async_trait::async_trait;
use catalog::media::{
    Alt, MediaChange, MediaError, MediaFile, MediaItem, MediaOwner, MediaRepository, MediaStore,
    MediaTx, MediaWithOwner, NewMedia, ObjectState, PixelSize, Preview, ServedObject, StorageKey,
    Variant,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{
    BigInt, Int4, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use kernel::{ListingId, MediaId, ProviderId, ReviewId, StorageError};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::failure::storage;
use crate::schema::media::{listing_media, media_objects};
use crate::statement::Statement;
use crate::{PgStore, PgTx};

/// What is read of an item, whichever table holds it.
#[derive(Debug, Queryable)]
pub(super) struct ItemRow {
    id: Uuid,
    key: String,
    bytes: i64,
    width: Option<i32>,
    height: Option<i32>,
    alt: Option<String>,
    variants: Option<Value>,
    blur_hash: Option<String>,
}

/// The SQL type of an [`ItemRow`].
pub(super) type ItemSql = (
    SqlUuid,
    Text,
    BigInt,
    Nullable<Integer>,
    Nullable<Integer>,
    Nullable<Text>,
    Nullable<Jsonb>,
    Nullable<Text>,
);

/// The columns of an [`ItemRow`].
const ITEM: &str = "id, key, bytes, width, height, alt, variants, blur_hash";

fn corrupt(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StorageError {
    StorageError::corrupt("read a media item", error)
}

fn unwritable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StorageError {
    StorageError::corrupt("write a media item", error)
}

impl TryFrom<ItemRow> for MediaItem {
    type Error = StorageError;

    fn try_from(row: ItemRow) -> Result<Self, Self::Error> {
        let ItemRow { id, key, bytes, width, height, alt, variants, blur_hash } = row;
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

/// The table that keeps items, and the column that says of whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shelf {
    table: &'static str,
    owner: &'static str,
    /// What is written of a new item.
    written: &'static str,
}

/// The pictures and documents of listings.
const LISTINGS: Shelf = Shelf {
    table: "listing_media",
    owner: "listing_id",
    written: "id, position, kind, key, bytes, width, height, alt, variants, blur_hash, added_at",
};
/// The pictures that stand for providers.
pub(super) const PROVIDERS: Shelf = Shelf {
    table: "pictures",
    owner: "provider_id",
    written: "id, position, key, bytes, width, height, alt, variants, blur_hash, added_at",
};

/// The pictures of reviews.
const REVIEWS: Shelf = Shelf { owner: "review_id", ..PROVIDERS };

const fn shelf_of(owner: MediaOwner) -> (Shelf, Uuid) {
    match owner {
        MediaOwner::Listing(id) => (LISTINGS, id.as_uuid()),
        MediaOwner::Provider(id) => (PROVIDERS, id.as_uuid()),
        MediaOwner::Review(id) => (REVIEWS, id.as_uuid()),
    }
}

/// An item that is new, as [`Shelf::insert`] takes it.
fn line(item: &MediaItem, position: Option<usize>, added_at: DateTime<Utc>) -> Value {
    let MediaItem { id, file, alt, preview } = item;
    let MediaFile { key, format, bytes, pixels } = file;
    json!({
        "id": id.as_uuid(),
        "position": position,
        "kind": format.kind().name(),
        "key": key.as_str(),
        "bytes": bytes,
        "width": pixels.map(|size| size.width),
        "height": pixels.map(|size| size.height),
        "alt": alt.as_ref().map(Alt::as_str),
        "variants": preview.as_ref().map(|preview| &preview.variants),
        "blur_hash": preview.as_ref().map(|preview| &preview.blur_hash),
        "added_at": added_at,
    })
}

impl Shelf {
    /// The items of many owners in one query, each in its order. An owner without any is absent.
    pub(super) async fn load(
        self,
        conn: &mut AsyncPgConnection,
        owners: Vec<Uuid>,
    ) -> Result<HashMap<Uuid, Vec<MediaItem>>, StorageError> {
        let Self { table, owner, written: _ } = self;
        let mut st = Statement::<(SqlUuid, ItemSql)>::new();
        st.sql("SELECT ").sql(owner).sql(", ").sql(ITEM).sql(" FROM ").sql(table);
        st.sql(" WHERE ").sql(owner).sql(" = ANY (").bind(owners).sql(")");
        st.sql(" ORDER BY ").sql(owner).sql(", position");
        let rows: Vec<(Uuid, ItemRow)> = st.load(conn).await.map_err(storage("load media"))?;
        let mut media: HashMap<Uuid, Vec<MediaItem>> = HashMap::new();
        for (owner, row) in rows {
            media.entry(owner).or_default().push(row.try_into()?);
        }
        Ok(media)
    }

    async fn delete(
        self,
        conn: &mut AsyncPgConnection,
        id: Uuid,
        items: Vec<Uuid>,
    ) -> Result<(), StorageError> {
        let mut st = Statement::<()>::new();
        st.sql("DELETE FROM ").sql(self.table).sql(" WHERE ").sql(self.owner).sql(" = ").bind(id);
        st.sql(" AND id = ANY (").bind(items).sql(")");
        st.execute(conn).await.map_err(storage("remove media"))?;
        Ok(())
    }

    async fn insert(
        self,
        conn: &mut AsyncPgConnection,
        id: Uuid,
        lines: Vec<Value>,
    ) -> Result<(), StorageError> {
        let Self { table, owner, written } = self;
        let mut st = Statement::<()>::new();
        st.sql("INSERT INTO ").sql(table).sql(" (").sql(owner).sql(", ").sql(written);
        st.sql(") SELECT ").bind(id).sql(", ").sql(written).sql(" FROM jsonb_to_recordset(");
        st.bind(Value::Array(lines)).sql(
            ") AS line (id uuid, position smallint, kind text, key text, bytes bigint, \
             width integer, height integer, alt text, variants jsonb, blur_hash text, \
             added_at timestamptz)",
        );
        st.execute(conn).await.map_err(storage("add media"))?;
        Ok(())
    }

    async fn order(
        self,
        conn: &mut AsyncPgConnection,
        id: Uuid,
        items: Vec<Uuid>,
    ) -> Result<(), StorageError> {
        let positions = (0..).take(items.len()).collect::<Vec<i32>>();
        let mut st = Statement::<()>::new();
        st.sql("UPDATE ").sql(self.table).sql(" AS item SET position = new.position FROM unnest(");
        st.bind(items).sql(", ").bind(positions).sql(") AS new (id, position)");
        st.sql(" WHERE item.id = new.id AND item.position <> new.position AND ");
        st.sql(self.owner).sql(" = ").bind(id);
        st.execute(conn).await.map_err(storage("order media"))?;
        Ok(())
    }

    /// The pictures of these that have no preview, with their owners.
    async fn without_preview(
        self,
        conn: &mut AsyncPgConnection,
        items: Vec<Uuid>,
    ) -> Result<Vec<(Uuid, MediaItem)>, StorageError> {
        let Self { table, owner, written: _ } = self;
        let mut st = Statement::<(SqlUuid, ItemSql)>::new();
        st.sql("SELECT ").sql(owner).sql(", ").sql(ITEM).sql(" FROM ").sql(table);
        st.sql(" WHERE id = ANY (").bind(items).sql(") AND ").sql(owner).sql(" IS NOT NULL");
        // A document has no width.
        st.sql(" AND blur_hash IS NULL AND width IS NOT NULL ORDER BY position");
        let rows: Vec<(Uuid, ItemRow)> =
            st.load(conn).await.map_err(storage("load media without a preview"))?;
        rows.into_iter().map(|(owner, row)| Ok((owner, row.try_into()?))).collect()
    }

    /// Stores the preview of a picture that has none; `false` if there is no such picture here.
    async fn store_preview(
        self,
        conn: &mut AsyncPgConnection,
        item: MediaId,
        variants: Value,
        blur_hash: &str,
    ) -> Result<bool, StorageError> {
        let mut st = Statement::<()>::new();
        st.sql("UPDATE ").sql(self.table).sql(" SET variants = ").bind(variants);
        st.sql(", blur_hash = ").bind(blur_hash.to_owned()).sql(" WHERE id = ");
        st.bind(item.as_uuid()).sql(" AND blur_hash IS NULL AND width IS NOT NULL");
        let stored = st.execute(conn).await.map_err(storage("store a preview"))?;
        Ok(stored == 1)
    }
}

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
            let keys = texts(added.iter().map(|item| &item.file.key));
            if !attach(self.conn(), &keys).await? {
                return Err(MediaError::Vanished);
            }
            let position = |item: &MediaItem| order.iter().position(|id| *id == item.id);
            let lines = added.iter().map(|item| line(item, position(item), now)).collect();
            place.insert(self.conn(), id, lines).await?;
        }
        let order = order.iter().map(|id| id.as_uuid()).collect();
        Ok(place.order(self.conn(), id, order).await?)
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
