//! What promotions need of the catalogue.

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{ListingId, ProviderId, StorageError};
use promotions::{PromotableListing, Promotables};
use uuid::Uuid;

use crate::PgTx;
use crate::failure::storage;
use crate::schema::catalog::{listings, providers};

#[async_trait]
impl Promotables for PgTx {
    async fn promotable_listing(
        &mut self,
        id: ListingId,
    ) -> Result<Option<PromotableListing>, StorageError> {
        let row: Option<(Uuid, bool, String)> = listings::table
            .find(id.as_uuid())
            .select((listings::provider_id, listings::provider_active, listings::status))
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load a listing to promote"))?;
        Ok(row.map(|(provider, active, status)| PromotableListing {
            id,
            provider: ProviderId::from_uuid(provider),
            public: active && status == "published",
        }))
    }

    async fn is_provider_public(&mut self, id: ProviderId) -> Result<bool, StorageError> {
        let status: Option<String> = providers::table
            .find(id.as_uuid())
            .select(providers::status)
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("look whether a provider is public"))?;
        Ok(status.as_deref() == Some("active"))
    }
}
