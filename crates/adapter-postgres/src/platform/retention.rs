//! What is kept for a while only. Rows go in small bites, so that no lock is held for long.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_types::{BigInt, Integer, Timestamptz};
use diesel_async::RunQueryDsl;
use kernel::{Clock, StorageError, SystemClock};

use super::partitions::Forgotten;
use crate::PgStore;
use crate::failure::storage;

/// Rows removed by one statement.
const BITE: i64 = 5_000;

/// Hours for which the first answer to an idempotency key is given again.
const IDEMPOTENCY_HOURS: i32 = 24;

/// A removal whose values are being bound.
type Removal = BoxedSqlQuery<'static, Pg, SqlQuery>;

impl PgStore {
    /// Forgets events, and that they were handled: whole months, once the last of their events was
    /// stored `days` ago. An event that a waiting job is about outlives its month.
    pub async fn forget_events(&self, days: u32) -> Result<Forgotten, StorageError> {
        let before = SystemClock.now() - super::partitions::days(days);
        let months = self.drop_event_partitions(before).await?;
        // What no month was there for, or outlived its own.
        let sql = "DELETE FROM handled_events_default WHERE ctid = ANY(ARRAY( \
                       SELECT ctid FROM handled_events_default \
                       WHERE handled_at < $1 LIMIT $2))";
        self.forget(sql, |removal| removal.bind::<Timestamptz, _>(before)).await?;
        let sql = "DELETE FROM events_default WHERE ctid = ANY(ARRAY( \
                       SELECT ctid FROM events_default \
                       WHERE stored_at < $1 \
                         AND 'evt_' || replace(id::text, '-', '') NOT IN ( \
                             SELECT payload ->> 'event_id' FROM graphile_worker._private_jobs \
                             WHERE payload ->> 'event_id' IS NOT NULL) \
                       LIMIT $2))";
        let rows = self.forget(sql, |removal| removal.bind::<Timestamptz, _>(before)).await?;
        Ok(Forgotten { months, rows })
    }

    /// Forgets idempotency keys after 24 hours. Returns how many went.
    pub async fn forget_idempotency_keys(&self) -> Result<usize, StorageError> {
        let sql = "DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY( \
                       SELECT ctid FROM idempotency_keys \
                       WHERE stored_at < now() - make_interval(hours => $1) LIMIT $2))";
        self.forget(sql, |removal| removal.bind::<Integer, _>(IDEMPOTENCY_HOURS)).await
    }

    /// Forgets mails that were sent, failed or dropped before this time. Returns how many went.
    pub async fn forget_mails(&self, before: DateTime<Utc>) -> Result<usize, StorageError> {
        let sql = "DELETE FROM mails WHERE ctid = ANY(ARRAY( \
                       SELECT ctid FROM mails WHERE ended_at < $1 LIMIT $2))";
        self.forget(sql, |removal| removal.bind::<Timestamptz, _>(before)).await
    }

    /// Forgets notifications that were read before this time. Returns how many went.
    pub async fn forget_notifications(&self, before: DateTime<Utc>) -> Result<usize, StorageError> {
        let sql = "DELETE FROM notifications WHERE ctid = ANY(ARRAY( \
                       SELECT ctid FROM notifications WHERE read_at < $1 LIMIT $2))";
        self.forget(sql, |removal| removal.bind::<Timestamptz, _>(before)).await
    }

    /// Repeats a removal until it finds less than it could take. `bind` gives it what `$1` stands for.
    async fn forget(
        &self,
        sql: &'static str,
        bind: impl Fn(Removal) -> Removal + Send,
    ) -> Result<usize, StorageError> {
        let mut total = 0;
        loop {
            let removal = bind(diesel::sql_query(sql).into_boxed()).bind::<BigInt, _>(BITE);
            let removed = removal
                .execute(&mut *self.conn().await?)
                .await
                .map_err(storage("forget what is old"))?;
            total += removed;
            if i64::try_from(removed).unwrap_or(i64::MAX) < BITE {
                return Ok(total);
            }
        }
    }
}
