use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use identity::{Link, LinkPurpose, LinkRepository, TokenDigest};
use kernel::{AccountId, StorageError};
use uuid::Uuid;

use super::sessions::bytes;
use crate::PgTx;
use crate::failure::storage;
use crate::schema::identity::account_links as table;

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table)]
struct LinkRow {
    digest: Vec<u8>,
    account_id: Uuid,
    purpose: String,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    used_at: Option<DateTime<Utc>>,
}

impl From<&Link> for LinkRow {
    fn from(link: &Link) -> Self {
        let Link { digest, account, purpose, created_at, expires_at, used_at } = link;
        Self {
            digest: digest.as_bytes().to_vec(),
            account_id: account.as_uuid(),
            purpose: purpose.name().to_owned(),
            created_at: *created_at,
            expires_at: *expires_at,
            used_at: *used_at,
        }
    }
}

impl TryFrom<LinkRow> for Link {
    type Error = StorageError;

    fn try_from(row: LinkRow) -> Result<Self, StorageError> {
        let purpose = LinkPurpose::named(&row.purpose)
            .ok_or_else(|| StorageError::corrupt("read a link", "it has no known purpose"))?;
        Ok(Self {
            digest: TokenDigest::from_bytes(bytes(&row.digest)?),
            account: AccountId::from_uuid(row.account_id),
            purpose,
            created_at: row.created_at,
            expires_at: row.expires_at,
            used_at: row.used_at,
        })
    }
}

pub(super) async fn find(
    conn: &mut AsyncPgConnection,
    digest: &TokenDigest,
) -> Result<Option<Link>, StorageError> {
    let row = table::table
        .find(digest.as_bytes().as_slice())
        .select(LinkRow::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(storage("look a link up"))?;
    row.map(Link::try_from).transpose()
}

#[async_trait]
impl LinkRepository for PgTx {
    async fn insert_link(&mut self, link: &Link) -> Result<(), StorageError> {
        diesel::insert_into(table::table)
            .values(LinkRow::from(link))
            .execute(self.conn())
            .await
            .map_err(storage("insert a link"))?;
        Ok(())
    }

    async fn link(&mut self, digest: &TokenDigest) -> Result<Option<Link>, StorageError> {
        find(self.conn(), digest).await
    }

    async fn use_links(
        &mut self,
        account: AccountId,
        purpose: LinkPurpose,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        diesel::update(table::table)
            .filter(table::account_id.eq(account.as_uuid()))
            .filter(table::purpose.eq(purpose.name()))
            .filter(table::used_at.is_null())
            .set(table::used_at.eq(Some(now)))
            .execute(self.conn())
            .await
            .map_err(storage("use a link"))?;
        Ok(())
    }
}
