//! What the embedded gateway of development knows: documents by key.

use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use kernel::StorageError;
use serde_json::Value;

use crate::failure::storage;
use crate::schema::sandbox::sandbox_documents as table;
use crate::{PgStore, PgTx};

/// Any number that nothing else locks.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7262517317)";

impl PgStore {
    /// The document under a key.
    pub async fn sandbox_document(&self, key: &str) -> Result<Option<Value>, StorageError> {
        table::table
            .find(key)
            .select(table::document)
            .first(&mut *self.conn().await?)
            .await
            .optional()
            .map_err(storage("load a document of the sandbox"))
    }

    /// Writes all of these documents in place of those before, or none.
    pub async fn put_sandbox_documents(
        &self,
        documents: &[(String, Value)],
    ) -> Result<(), StorageError> {
        let rows: Vec<_> = documents
            .iter()
            .map(|(key, document)| (table::key.eq(key), table::document.eq(document)))
            .collect();
        diesel::insert_into(table::table)
            .values(rows)
            .on_conflict(table::key)
            .do_update()
            .set(table::document.eq(excluded(table::document)))
            .execute(&mut *self.conn().await?)
            .await
            .map_err(storage("store documents of the sandbox"))?;
        Ok(())
    }

    /// Documents whose keys begin so, in the order of keys, after a key.
    pub async fn sandbox_documents(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(String, Value)>, StorageError> {
        let from = prefix.max(after);
        let rows: Vec<(String, Value)> = table::table
            .filter(table::key.ge(from))
            .filter(table::key.ne(after))
            .order(table::key)
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .load(&mut *self.conn().await?)
            .await
            .map_err(storage("list documents of the sandbox"))?;
        Ok(rows.into_iter().take_while(|(key, _)| key.starts_with(prefix)).collect())
    }

    /// Keeps every other process from holding the sandbox until what it answers is dropped.
    pub async fn hold_sandbox(&self) -> Result<PgTx, StorageError> {
        let mut tx = self.open().await?;
        tx.conn().batch_execute(LOCK).await.map_err(storage("hold the sandbox"))?;
        Ok(tx)
    }
}
