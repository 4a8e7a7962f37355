//! Bank transfers that admins confirm: what they are looked for by, and the rest as a document.

use access::{AuditEntry, AuditLog};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{Limit, Page, StorageError, UnitOfWork};
use serde_json::Value;
use uuid::Uuid;

use crate::PgStore;
use crate::failure::storage;
use crate::schema::transfers::bank_transfers as table;

/// A bank transfer as it is kept.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, check_for_backend(diesel::pg::Pg))]
pub struct BankTransfer {
    /// The payment.
    pub payment_id: Uuid,
    /// What the payer writes on it.
    pub code: String,
    /// What it waits for: `expected`, `to_return` or `settled`.
    pub standing: String,
    /// When the payer asked for it.
    pub ordered_at: DateTime<Utc>,
    /// Counts its changes, from 1.
    pub version: i32,
    /// All of it.
    pub document: Value,
}

impl PgStore {
    /// The transfer of a payment.
    pub async fn bank_transfer(&self, payment: Uuid) -> Result<Option<BankTransfer>, StorageError> {
        table::table
            .find(payment)
            .select(BankTransfer::as_select())
            .first(&mut *self.conn().await?)
            .await
            .optional()
            .map_err(storage("load a bank transfer"))
    }

    /// The transfer with a code.
    pub async fn bank_transfer_by_code(
        &self,
        code: &str,
    ) -> Result<Option<BankTransfer>, StorageError> {
        table::table
            .filter(table::code.eq(code))
            .select(BankTransfer::as_select())
            .first(&mut *self.conn().await?)
            .await
            .optional()
            .map_err(storage("load a bank transfer by its code"))
    }

    /// Stores a new one, if its payment has none.
    pub async fn insert_bank_transfer(&self, row: &BankTransfer) -> Result<(), StorageError> {
        diesel::insert_into(table::table)
            .values(row)
            .on_conflict(table::payment_id)
            .do_nothing()
            .execute(&mut *self.conn().await?)
            .await
            .map_err(storage("store a bank transfer"))?;
        Ok(())
    }

    /// Stores one that was changed once, with its line of the audit log.
    ///
    /// # Errors
    ///
    /// [`StorageError::Conflict`] if the stored version is not the one before.
    pub async fn update_bank_transfer(
        &self,
        row: &BankTransfer,
        entry: Option<&AuditEntry>,
    ) -> Result<(), StorageError> {
        let mut tx = self.open().await?;
        let before = table::table
            .filter(table::payment_id.eq(row.payment_id))
            .filter(table::version.eq(row.version - 1));
        let changed = diesel::update(before)
            .set(row)
            .execute(tx.conn())
            .await
            .map_err(storage("change a bank transfer"))?;
        if changed == 0 {
            return Err(StorageError::Conflict);
        }
        if let Some(entry) = entry {
            tx.record_audit(entry).await?;
        }
        Box::new(tx).commit().await
    }

    /// A page of those that wait for the same, oldest first, after an order and payment.
    pub async fn bank_transfers(
        &self,
        standing: &str,
        limit: Limit,
        after: Option<(DateTime<Utc>, Uuid)>,
    ) -> Result<Page<BankTransfer, (DateTime<Utc>, Uuid)>, StorageError> {
        let mut rows = table::table
            .filter(table::standing.eq(standing))
            .select(BankTransfer::as_select())
            .into_boxed();
        if let Some((at, payment)) = after {
            rows = rows.filter(
                table::ordered_at
                    .ge(at)
                    .and(table::ordered_at.gt(at).or(table::payment_id.gt(payment))),
            );
        }
        let rows: Vec<BankTransfer> = rows
            .order((table::ordered_at, table::payment_id))
            .limit(limit.rows())
            .load(&mut *self.conn().await?)
            .await
            .map_err(storage("list bank transfers"))?;
        Ok(Page::from_rows(rows, limit, |row| (row.ordered_at, row.payment_id)))
    }
}
