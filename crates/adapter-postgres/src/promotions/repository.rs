use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_types::{BigInt, Bool, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{PromotionId, ProviderId, StorageError};
use promotions::{Effect, Promotion, PromotionRepository, PromotionStore, PromotionTx};
use uuid::Uuid;

use super::row::PromotionRow;
use crate::failure::{storage, violates};
use crate::schema::promotions::promotions as table;
use crate::statement::Statement;
use crate::{PgStore, PgTx};

/// A time that somebody else paid for a moment ago: with it in mind the next try decides anew.
fn overlaps(action: &'static str) -> impl FnOnce(Error) -> StorageError {
    move |error| {
        if violates(&error, "promotions_overlap") {
            StorageError::Conflict
        } else {
            storage(action)(error)
        }
    }
}

#[async_trait]
impl PromotionRepository for PgTx {
    async fn lock_promotions_of(&mut self, provider: ProviderId) -> Result<(), StorageError> {
        let mut lock = Statement::<SqlUuid>::new();
        lock.sql("SELECT provider_id FROM promotion_locks WHERE provider_id = ");
        lock.bind(provider.as_uuid()).sql(" FOR UPDATE");
        let locked = lock.clone().execute(self.conn()).await.map_err(storage("lock promotions"))?;
        if locked == 0 {
            // The first promotion of this provider. Of two who make the row the second waits.
            let mut make = Statement::<()>::new();
            make.sql("INSERT INTO promotion_locks (provider_id) VALUES (");
            make.bind(provider.as_uuid()).sql(") ON CONFLICT DO NOTHING");
            make.execute(self.conn()).await.map_err(storage("make the lock of promotions"))?;
            lock.execute(self.conn()).await.map_err(storage("lock promotions"))?;
        }
        Ok(())
    }

    async fn promotion_for_update(
        &mut self,
        id: PromotionId,
    ) -> Result<Option<Promotion>, StorageError> {
        // Whose it is never changes.
        let provider: Option<Uuid> = table::table
            .find(id.as_uuid())
            .select(table::provider_id)
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("look up whose a promotion is"))?;
        let Some(provider) = provider else { return Ok(None) };
        self.lock_promotions_of(ProviderId::from_uuid(provider)).await?;
        let row: Option<PromotionRow> = table::table
            .find(id.as_uuid())
            .for_no_key_update()
            .select(PromotionRow::as_select())
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load a promotion"))?;
        row.map(Promotion::try_from).transpose()
    }

    async fn open_promotions(
        &mut self,
        provider: ProviderId,
        effect: Effect,
        now: DateTime<Utc>,
    ) -> Result<Vec<Promotion>, StorageError> {
        let rows: Vec<PromotionRow> = table::table
            .filter(table::provider_id.eq(provider.as_uuid()))
            .filter(table::effect.eq(effect.name()))
            // As the index says it.
            .filter(sql::<Bool>("stage <> 'cancelled'"))
            .filter(table::ends_at.is_null().or(table::ends_at.gt(now)))
            .order(table::id)
            .select(PromotionRow::as_select())
            .load(self.conn())
            .await
            .map_err(storage("load the promotions of a provider"))?;
        rows.into_iter().map(Promotion::try_from).collect()
    }

    async fn count_unpaid_promotions(&mut self, provider: ProviderId) -> Result<u32, StorageError> {
        let mut st = Statement::<BigInt>::new();
        st.sql("SELECT count(*) FROM promotions WHERE stage = 'pending_payment'");
        st.sql(" AND provider_id = ").bind(provider.as_uuid());
        let unpaid: i64 =
            st.get_result(self.conn()).await.map_err(storage("count unpaid promotions"))?;
        Ok(u32::try_from(unpaid).unwrap_or(u32::MAX))
    }

    async fn insert_promotion(&mut self, promotion: &Promotion) -> Result<(), StorageError> {
        diesel::insert_into(table::table)
            .values(PromotionRow::from(promotion))
            .execute(self.conn())
            .await
            .map_err(overlaps("store a promotion"))?;
        Ok(())
    }

    async fn update_promotion(&mut self, promotion: &Promotion) -> Result<(), StorageError> {
        let row = PromotionRow::from(promotion);
        let stored = table::table.find(row.id).filter(table::version.eq(row.version - 1));
        let updated = diesel::update(stored)
            .set(row)
            .execute(self.conn())
            .await
            .map_err(overlaps("change a promotion"))?;
        if updated == 1 { Ok(()) } else { Err(StorageError::Conflict) }
    }
}

impl PgTx {
    /// A promotion that nobody changes until the transaction ends.
    pub(crate) async fn promotion_for_share(
        &mut self,
        id: PromotionId,
    ) -> Result<Option<Promotion>, StorageError> {
        let row: Option<PromotionRow> = table::table
            .find(id.as_uuid())
            .for_share()
            .select(PromotionRow::as_select())
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load a promotion to pay for"))?;
        row.map(Promotion::try_from).transpose()
    }
}

#[async_trait]
impl PromotionStore for PgStore {
    async fn begin(&self) -> Result<Box<dyn PromotionTx>, StorageError> {
        Ok(Box::new(self.open().await?))
    }
}
