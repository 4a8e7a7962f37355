use async_trait::async_trait;
use billing::{BillingError, GatewayName, Payment, PaymentRepository, Purpose};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;
use kernel::{PaymentId, StorageError};
use uuid::Uuid;

use super::refund::{refunds_of, store_refunds};
use super::row::{PaymentRow, is_live};
use crate::PgTx;
use crate::billing::document::{purpose, sensible};
use crate::failure::{storage, violates};
use crate::schema::billing::payments as table;

impl PgTx {
    async fn whole_payment(
        &mut self,
        row: Option<PaymentRow>,
    ) -> Result<Option<Payment>, StorageError> {
        let Some(row) = row else { return Ok(None) };
        let mut refunds = refunds_of(self.conn(), &[row.id]).await?;
        let refunds = refunds.remove(&row.id).unwrap_or_default();
        row.restore(refunds, &self.billing().keys).map(Some)
    }
}

#[async_trait]
impl PaymentRepository for PgTx {
    async fn payment_for_update(&mut self, id: PaymentId) -> Result<Option<Payment>, StorageError> {
        let row = table::table
            .find(id.as_uuid())
            // Its refunds, journals and invoice refer to it.
            .for_no_key_update()
            .select(PaymentRow::as_select())
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load a payment"))?;
        self.whole_payment(row).await
    }

    async fn purpose_of_payment(&mut self, id: PaymentId) -> Result<Option<Purpose>, StorageError> {
        let row: Option<(String, Uuid)> = table::table
            .find(id.as_uuid())
            .select((table::purpose, table::purpose_id))
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("look up what a payment is for"))?;
        let read = row.map(|(kind, reference)| purpose(&kind, reference)).transpose();
        sensible("read what a payment is for", id.as_uuid(), read)
    }

    async fn live_payment_for_update(
        &mut self,
        purpose: Purpose,
    ) -> Result<Option<Payment>, StorageError> {
        let row = table::table
            .filter(table::purpose.eq(purpose.kind().name()))
            .filter(table::purpose_id.eq(purpose.as_uuid()))
            .filter(table::stage.ne_all(["failed", "voided"]))
            .filter(table::wanted.is_distinct_from("void"))
            .order((table::created_at.desc(), table::id.desc()))
            .limit(1)
            .for_no_key_update()
            .select(PaymentRow::as_select())
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load the payment for something"))?;
        self.whole_payment(row).await
    }

    async fn payment_of_transaction(
        &mut self,
        gateway: GatewayName,
        transaction: &str,
    ) -> Result<Option<PaymentId>, StorageError> {
        let id: Option<Uuid> = table::table
            .filter(table::gateway.eq(gateway.name()))
            .filter(table::transaction_id.eq(transaction))
            .select(table::id)
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("find the payment of a transaction"))?;
        Ok(id.map(PaymentId::from_uuid))
    }

    async fn insert_payment(&mut self, payment: &Payment) -> Result<(), BillingError> {
        let row = PaymentRow::of(payment, &self.billing().keys)?;
        diesel::insert_into(table::table)
            .values((row, table::live.eq(is_live(payment))))
            .execute(self.conn())
            .await
            .map_err(|error| {
                if violates(&error, "payments_one_live") {
                    BillingError::AlreadyPaid
                } else {
                    storage("store a payment")(error).into()
                }
            })?;
        store_refunds(self.conn(), payment.id(), payment.refunds()).await?;
        Ok(())
    }

    async fn update_payment(&mut self, payment: &Payment) -> Result<(), StorageError> {
        let row = PaymentRow::of(payment, &self.billing().keys)?;
        let stored = table::table.find(row.id).filter(table::version.eq(payment.loaded_version()));
        // Money may come for a payment that was given up, and win over everything, while another
        // payment has claimed the purpose: it is taken note of all the same, without a claim.
        let claims = sql::<Bool>("(").bind::<Bool, _>(is_live(payment)).sql(
            " AND (payments.live OR NOT EXISTS (SELECT FROM payments other \
                 WHERE other.purpose = payments.purpose \
                 AND other.purpose_id = payments.purpose_id \
                 AND other.live AND other.id <> payments.id)))",
        );
        let updated = diesel::update(stored)
            .set((row, table::live.eq(claims)))
            .execute(self.conn())
            .await
            .map_err(storage("change a payment"))?;
        if updated != 1 {
            return Err(StorageError::Conflict);
        }
        store_refunds(self.conn(), payment.id(), payment.refunds()).await
    }
}
