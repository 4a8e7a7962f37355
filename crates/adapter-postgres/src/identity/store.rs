use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use identity::{
    Account, AccountFilter, AccountPosition, EmailAddress, IdentityReader, IdentityStore,
    IdentityTx, Link, RefreshToken, Session, SessionFacts, TokenDigest,
};
use kernel::{AccountId, Limit, Page, SessionId, StorageError, Total};

use super::links;
use crate::PgStore;
use crate::failure::storage;
use crate::schema::identity::{account_links, sessions, throttle_buckets};

#[async_trait]
impl IdentityStore for PgStore {
    async fn begin(&self) -> Result<Box<dyn IdentityTx>, StorageError> {
        Ok(Box::new(self.open().await?))
    }

    async fn sweep_identity(&self, before: DateTime<Utc>) -> Result<u64, StorageError> {
        let mut conn = self.conn().await?;
        let ended =
            sessions::expires_at.lt(before).or(sessions::ended_at.assume_not_null().lt(before));
        let sessions = diesel::delete(sessions::table.filter(ended))
            .execute(&mut *conn)
            .await
            .map_err(storage("remove old sessions"))?;
        let links = account_links::table.filter(account_links::expires_at.lt(before));
        let links =
            diesel::delete(links).execute(&mut *conn).await.map_err(storage("remove old links"))?;
        let buckets = throttle_buckets::table.filter(throttle_buckets::empty_at.lt(before));
        let buckets = diesel::delete(buckets)
            .execute(&mut *conn)
            .await
            .map_err(storage("remove empty buckets"))?;
        Ok(u64::try_from(sessions + links + buckets).unwrap_or(u64::MAX))
    }
}

#[async_trait]
impl IdentityReader for PgStore {
    async fn find_account(&self, id: AccountId) -> Result<Option<Account>, StorageError> {
        self.account_by_id(id).await
    }

    async fn find_account_by_email(
        &self,
        email: &EmailAddress,
    ) -> Result<Option<Account>, StorageError> {
        self.account_by_email(email).await
    }

    async fn list_accounts(
        &self,
        filter: &AccountFilter,
        after: Option<AccountPosition>,
        limit: Limit,
    ) -> Result<Page<Account, AccountPosition>, StorageError> {
        self.accounts_page(filter, after, limit).await
    }

    async fn account_position(
        &self,
        filter: &AccountFilter,
        skipped: u16,
    ) -> Result<Option<AccountPosition>, StorageError> {
        self.position_of_account(filter, skipped).await
    }

    async fn count_accounts(&self, filter: &AccountFilter) -> Result<Total, StorageError> {
        self.total_of_accounts(filter).await
    }

    async fn find_session_facts(
        &self,
        id: SessionId,
    ) -> Result<Option<SessionFacts>, StorageError> {
        self.session_facts(id).await
    }

    async fn list_live_sessions(
        &self,
        account: AccountId,
        now: DateTime<Utc>,
    ) -> Result<Vec<Session>, StorageError> {
        self.live_sessions(account, now).await
    }

    async fn find_refresh_token(
        &self,
        digest: &TokenDigest,
    ) -> Result<Option<(Session, RefreshToken)>, StorageError> {
        self.refresh_token(digest).await
    }

    async fn find_link(&self, digest: &TokenDigest) -> Result<Option<Link>, StorageError> {
        links::find(&mut *self.conn().await?, digest).await
    }
}
