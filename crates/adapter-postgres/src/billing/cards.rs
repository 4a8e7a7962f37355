//! Kept cards.

use async_trait::async_trait;
use billing::{CardId, CardRepository, SavedCard, Secret};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use kernel::{AccountId, StorageError};
use uuid::Uuid;

use super::document::{Source, sensible};
use super::secrets::{Sealed, SecretKeys};
use crate::failure::storage;
use crate::schema::billing::saved_cards as table;
use crate::{PgStore, PgTx};

/// The most cards that are listed.
const SHOWN: i64 = 50;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(diesel::pg::Pg))]
struct CardRow {
    id: Uuid,
    account_id: Uuid,
    gateway: String,
    token_key: i16,
    token: Vec<u8>,
    brand: String,
    last_four: String,
    expires: Option<String>,
    created_at: DateTime<Utc>,
    removed_at: Option<DateTime<Utc>>,
}

/// Where a token opens: at its card alone.
fn place(id: Uuid) -> String {
    format!("token of card {id}")
}

impl CardRow {
    fn card(self, keys: &SecretKeys) -> Result<SavedCard, StorageError> {
        let id = self.id;
        let sealed = Sealed { key: self.token_key, bytes: self.token.clone() };
        let token = keys.open(&sealed, &place(id))?;
        sensible("read a kept card", id, card(self, token))
    }
}

fn card(row: CardRow, token: Secret) -> Result<SavedCard, Source> {
    Ok(SavedCard {
        id: CardId::from_uuid(row.id),
        account: AccountId::from_uuid(row.account_id),
        gateway: row.gateway.parse()?,
        token,
        brand: row.brand,
        last_four: row.last_four,
        expires: row.expires,
        created_at: row.created_at,
        removed_at: row.removed_at,
    })
}

async fn load(
    conn: &mut AsyncPgConnection,
    keys: &SecretKeys,
    id: CardId,
) -> Result<Option<SavedCard>, StorageError> {
    let row: Option<CardRow> = table::table
        .find(id.as_uuid())
        .select(CardRow::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(storage("load a kept card"))?;
    row.map(|row| row.card(keys)).transpose()
}

pub(super) async fn saved_card(
    store: &PgStore,
    id: CardId,
) -> Result<Option<SavedCard>, StorageError> {
    load(&mut *store.conn().await?, &store.billing().keys, id).await
}

pub(super) async fn saved_cards(
    store: &PgStore,
    account: AccountId,
) -> Result<Vec<SavedCard>, StorageError> {
    let rows: Vec<CardRow> = table::table
        .filter(table::account_id.eq(account.as_uuid()))
        .filter(table::removed_at.is_null())
        .order((table::created_at.desc(), table::id.desc()))
        .limit(SHOWN)
        .select(CardRow::as_select())
        .load(&mut *store.conn().await?)
        .await
        .map_err(storage("list kept cards"))?;
    rows.into_iter().map(|row| row.card(&store.billing().keys)).collect()
}

#[async_trait]
impl CardRepository for PgTx {
    async fn saved_card(&mut self, id: CardId) -> Result<Option<SavedCard>, StorageError> {
        let billing = self.billing().clone();
        load(self.conn(), &billing.keys, id).await
    }

    async fn store_card(&mut self, card: &SavedCard) -> Result<CardId, StorageError> {
        let billing = self.billing().clone();
        let account = card.account.as_uuid();
        let digests = billing.keys.digests(&card.token)?;
        let newest = digests.as_slice().first().cloned().unwrap_or_default();
        // A token is bound to the id of its card, so that has to be known first. Whoever comes at
        // the same time with the same card waits here.
        let lock = "SELECT pg_advisory_xact_lock(hashtextextended('cards of ' || $1, 0))";
        diesel::sql_query(lock)
            .bind::<diesel::sql_types::Text, _>(account.to_string())
            .execute(self.conn())
            .await
            .map_err(storage("lock an account's cards"))?;
        let known: Option<Uuid> = table::table
            .filter(table::account_id.eq(account))
            .filter(table::token_digest.eq_any(&digests))
            .select(table::id)
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("find a kept card"))?;
        let id = known.unwrap_or_else(|| card.id.as_uuid());
        let sealed = billing.keys.seal(&card.token, &place(id))?;
        let row = CardRow {
            id,
            account_id: account,
            gateway: card.gateway.name().to_owned(),
            token_key: sealed.key,
            token: sealed.bytes,
            brand: card.brand.clone(),
            last_four: card.last_four.clone(),
            expires: card.expires.clone(),
            created_at: card.created_at,
            removed_at: card.removed_at,
        };
        diesel::insert_into(table::table)
            .values((row, table::token_digest.eq(newest)))
            .on_conflict(table::id)
            .do_update()
            .set((
                table::gateway.eq(excluded(table::gateway)),
                table::token_key.eq(excluded(table::token_key)),
                table::token.eq(excluded(table::token)),
                table::token_digest.eq(excluded(table::token_digest)),
                table::brand.eq(excluded(table::brand)),
                table::last_four.eq(excluded(table::last_four)),
                table::expires.eq(excluded(table::expires)),
                table::created_at.eq(excluded(table::created_at)),
                table::removed_at.eq(excluded(table::removed_at)),
            ))
            .execute(self.conn())
            .await
            .map_err(storage("store a kept card"))?;
        Ok(CardId::from_uuid(id))
    }
}
