//! Providers, and the role that an account gets with its profile.

use async_trait::async_trait;
use catalog::{CatalogError, Provider, ProviderRepository, ProviderRole};
use diesel::prelude::*;
use diesel::sql_types::{Array, Text};
use diesel_async::RunQueryDsl;
use kernel::{AccountId, ProviderId, StorageError};

use super::rows::{MarkedRow, ProviderValues, marked_provider, provider_of};
use crate::PgTx;
use crate::failure::{storage, violates};
use crate::schema::catalog::{listings, providers};
use crate::schema::identity::accounts;

diesel::define_sql_function! {
    /// The array with one more element.
    fn array_append(array: Array<Text>, element: Text) -> Array<Text>;
}

#[async_trait]
impl ProviderRepository for PgTx {
    async fn provider_for_share(
        &mut self,
        id: ProviderId,
    ) -> Result<Option<Provider>, StorageError> {
        let now = self.now();
        let row: Option<MarkedRow> = providers::table
            .find(id.as_uuid())
            .for_share()
            .select(marked_provider!(now))
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load a provider"))?;
        provider_of(self.conn(), row).await
    }

    async fn provider_for_update(
        &mut self,
        id: ProviderId,
    ) -> Result<Option<Provider>, StorageError> {
        let now = self.now();
        let row: Option<MarkedRow> = providers::table
            .find(id.as_uuid())
            .for_no_key_update()
            .select(marked_provider!(now))
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load a provider"))?;
        provider_of(self.conn(), row).await
    }

    async fn insert_provider(&mut self, provider: &Provider) -> Result<(), CatalogError> {
        let inserted = diesel::insert_into(providers::table)
            .values(&ProviderValues::from(provider))
            .on_conflict(providers::slug)
            .do_nothing()
            .execute(self.conn())
            .await
            .map_err(|error| {
                if violates(&error, "providers_account_taken") {
                    CatalogError::AlreadyAProvider
                } else {
                    storage("insert a provider")(error).into()
                }
            })?;
        if inserted == 0 { Err(CatalogError::SlugTaken) } else { Ok(()) }
    }

    async fn update_provider(&mut self, provider: &Provider) -> Result<(), StorageError> {
        diesel::update(providers::table.find(provider.id.as_uuid()))
            .set(&ProviderValues::from(provider))
            .execute(self.conn())
            .await
            .map_err(storage("update a provider"))?;
        Ok(())
    }

    async fn set_listings_active(
        &mut self,
        provider: ProviderId,
        active: bool,
    ) -> Result<(), StorageError> {
        diesel::update(
            listings::table
                .filter(listings::provider_id.eq(provider.as_uuid()))
                .filter(listings::provider_active.ne(active)),
        )
        .set(listings::provider_active.eq(active))
        .execute(self.conn())
        .await
        .map_err(storage("take the listings of a provider along"))?;
        Ok(())
    }
}

#[async_trait]
impl ProviderRole for PgTx {
    async fn grant_provider_role(&mut self, account: AccountId) -> Result<(), StorageError> {
        let provider = access::Role::Provider.name();
        diesel::update(
            accounts::table
                .find(account.as_uuid())
                .filter(diesel::dsl::not(accounts::roles.contains(vec![provider]))),
        )
        .set((
            accounts::roles.eq(array_append(accounts::roles, provider)),
            accounts::version.eq(accounts::version + 1),
        ))
        .execute(self.conn())
        .await
        .map_err(storage("give an account the role of a provider"))?;
        Ok(())
    }
}
