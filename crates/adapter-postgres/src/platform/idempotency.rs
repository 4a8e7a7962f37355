use async_trait::async_trait;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;
use kernel::{Answer, Claim, IdempotencyError, IdempotencyLedger, IdempotencyScope, StorageError};
use serde_json::Value;

use crate::PgTx;
use crate::failure::storage;
use crate::schema::platform::idempotency_keys as table;
use crate::statement::Statement;

#[derive(Queryable, Selectable)]
#[diesel(table_name = table)]
struct AnswerRow {
    body_hash: Vec<u8>,
    status: i16,
    headers: Value,
    body: String,
}

impl TryFrom<AnswerRow> for Answer {
    type Error = StorageError;

    fn try_from(row: AnswerRow) -> Result<Self, StorageError> {
        let corrupt = |source: Box<dyn std::error::Error + Send + Sync>| {
            StorageError::corrupt("read a stored answer", source)
        };
        Ok(Self {
            status: u16::try_from(row.status).map_err(|error| corrupt(error.into()))?,
            headers: serde_json::from_value(row.headers).map_err(|error| corrupt(error.into()))?,
            body: row.body,
        })
    }
}

#[async_trait]
impl IdempotencyLedger for PgTx {
    async fn claim(&mut self, scope: &IdempotencyScope) -> Result<Claim, IdempotencyError> {
        // A lock on the scope rather than an early insert: the second request hears at once that
        // the first is under way, instead of waiting for it.
        let name = format!("{} {} {}", scope.account, scope.operation, scope.key);
        let mut lock = Statement::<Bool>::new();
        lock.sql("SELECT pg_try_advisory_xact_lock(hashtextextended(").bind(name).sql(", 0))");
        let locked: bool =
            lock.get_result(self.conn()).await.map_err(storage("claim an idempotency key"))?;
        if !locked {
            return Err(IdempotencyError::InFlight);
        }
        let row = table::table
            .find((scope.account.as_uuid(), &scope.operation, &scope.key))
            .select(AnswerRow::as_select())
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("look an idempotency key up"))?;
        match row {
            None => Ok(Claim::First),
            Some(row) if row.body_hash == scope.body_hash => Ok(Claim::Replay(row.try_into()?)),
            Some(_) => Err(IdempotencyError::OtherBody),
        }
    }

    async fn remember(
        &mut self,
        scope: &IdempotencyScope,
        answer: &Answer,
    ) -> Result<(), StorageError> {
        let status = i16::try_from(answer.status)
            .map_err(|error| StorageError::corrupt("store an answer", error))?;
        let headers = serde_json::to_value(&answer.headers)
            .map_err(|error| StorageError::corrupt("store an answer", error))?;
        diesel::insert_into(table::table)
            .values((
                table::account_id.eq(scope.account.as_uuid()),
                table::operation.eq(&scope.operation),
                table::key.eq(&scope.key),
                table::body_hash.eq(scope.body_hash.as_slice()),
                table::status.eq(status),
                table::headers.eq(headers),
                table::body.eq(&answer.body),
                table::stored_at.eq(diesel::dsl::now),
            ))
            .execute(self.conn())
            .await
            .map_err(storage("store an answer"))?;
        Ok(())
    }
}
