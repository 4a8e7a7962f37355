//! Where items are kept: a table per kind of owner, or a part of one, and the statements that are the
//! same for all of them.

use std::collections::HashMap;

use catalog::media::{
    Alt, MediaFile, MediaItem, MediaOwner, PixelSize, Preview, StorageKey, Variant,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use kernel::{MediaId, StorageError};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::failure::storage;
use crate::statement::Statement;

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

pub(super) fn corrupt(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StorageError {
    StorageError::corrupt("read a media item", error)
}

pub(super) fn unwritable(
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StorageError {
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
pub(super) const LISTINGS: Shelf = Shelf {
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
pub(super) const REVIEWS: Shelf = Shelf { owner: "review_id", ..PROVIDERS };

/// Where the items of an owner are kept, and whose they are there.
pub(super) const fn shelf_of(owner: MediaOwner) -> (Shelf, Uuid) {
    match owner {
        MediaOwner::Listing(id) => (LISTINGS, id.as_uuid()),
        MediaOwner::Provider(id) => (PROVIDERS, id.as_uuid()),
        MediaOwner::Review(id) => (REVIEWS, id.as_uuid()),
    }
}

/// An item that is new, as [`Shelf::insert`] takes it.
pub(super) fn line(item: &MediaItem, position: Option<usize>, added_at: DateTime<Utc>) -> Value {
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

    pub(super) async fn delete(
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

    pub(super) async fn insert(
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

    pub(super) async fn order(
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
    pub(super) async fn without_preview(
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
    pub(super) async fn store_preview(
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
