use std::collections::HashMap;

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{AccountId, ListingId, Locale, ProviderId, StorageError};
use notifications::{Address, Contact, Directory, Recipients};
use uuid::Uuid;

use crate::failure::storage;
use crate::schema::catalog::{listings, providers};
use crate::schema::identity::accounts;
use crate::{PgStore, PgTx};

/// So many moderators are told of one event.
const MODERATORS: i64 = 100;

#[async_trait]
impl Recipients for PgTx {
    async fn provider_account(
        &mut self,
        id: ProviderId,
    ) -> Result<Option<AccountId>, StorageError> {
        let account: Option<Uuid> = providers::table
            .find(id.as_uuid())
            .select(providers::account_id)
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("find the account of a provider"))?;
        Ok(account.map(AccountId::from_uuid))
    }

    async fn moderators(&mut self) -> Result<Vec<AccountId>, StorageError> {
        let rows: Vec<Uuid> = accounts::table
            .filter(accounts::roles.overlaps_with(vec!["moderator", "admin"]))
            .filter(accounts::status.eq("active"))
            .order(accounts::id)
            .limit(MODERATORS)
            .select(accounts::id)
            .load(self.conn())
            .await
            .map_err(storage("list the moderators"))?;
        Ok(rows.into_iter().map(AccountId::from_uuid).collect())
    }
}

#[async_trait]
impl Directory for PgStore {
    async fn contact(&self, account: AccountId) -> Result<Option<Contact>, StorageError> {
        let row: Option<(Option<String>, String, String, String)> = accounts::table
            .find(account.as_uuid())
            .select((
                accounts::email,
                accounts::display_name,
                accounts::locale,
                accounts::time_zone,
            ))
            .first(&mut *self.conn().await?)
            .await
            .optional()
            .map_err(storage("look up how to write to an account"))?;
        // An erased account has no address.
        let Some((Some(address), name, locale, time_zone)) = row else { return Ok(None) };
        Ok(Some(Contact {
            address: Address::from_stored(address),
            name,
            locale: locale.parse().unwrap_or_else(|_| Locale::default()),
            time_zone: time_zone.parse().unwrap_or_default(),
        }))
    }

    async fn listing_titles(
        &self,
        ids: Vec<ListingId>,
    ) -> Result<HashMap<ListingId, String>, StorageError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let ids: Vec<Uuid> = ids.into_iter().map(ListingId::as_uuid).collect();
        let rows: Vec<(Uuid, String)> = listings::table
            .filter(listings::id.eq_any(ids))
            .select((listings::id, listings::title))
            .load(&mut *self.conn().await?)
            .await
            .map_err(storage("load the titles of listings"))?;
        Ok(rows.into_iter().map(|(id, title)| (ListingId::from_uuid(id), title)).collect())
    }
}
