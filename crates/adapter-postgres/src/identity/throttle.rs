use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Timestamptz};
use diesel_async::RunQueryDsl;
use identity::{Allowance, BucketKey, Throttle};
use kernel::StorageError;

use crate::PgStore;
use crate::failure::storage;
use crate::schema::identity::throttle_buckets as table;

#[derive(QueryableByName)]
struct EmptyAt {
    #[diesel(sql_type = Timestamptz)]
    #[expect(dead_code, reason = "that there is a row is the answer")]
    empty_at: DateTime<Utc>,
}

#[async_trait]
impl Throttle for PgStore {
    async fn take_try(
        &self,
        key: &BucketKey,
        allowance: &Allowance,
        now: DateTime<Utc>,
    ) -> Result<Result<(), TimeDelta>, StorageError> {
        // `Allowance::take` in one statement, so that no two servers take the same try.
        let taken: Option<EmptyAt> = diesel::sql_query(
            "INSERT INTO throttle_buckets AS bucket (key, empty_at) \
             VALUES ($1, $2 + $3 * interval '1 microsecond') \
             ON CONFLICT (key) DO UPDATE \
             SET empty_at = greatest(bucket.empty_at, $2) + $3 * interval '1 microsecond' \
             WHERE greatest(bucket.empty_at, $2) + $3 * interval '1 microsecond' \
                 <= $2 + $4 * interval '1 microsecond' \
             RETURNING empty_at",
        )
        .bind::<Binary, _>(key.as_bytes().as_slice())
        .bind::<Timestamptz, _>(now)
        .bind::<BigInt, _>(microseconds(allowance.step()))
        .bind::<BigInt, _>(microseconds(allowance.step()) * i64::from(allowance.tries.max(1)))
        .get_result(&mut *self.conn().await?)
        .await
        .optional()
        .map_err(storage("count a try"))?;
        if taken.is_some() {
            return Ok(Ok(()));
        }
        let empty_at: Option<DateTime<Utc>> = table::table
            .find(key.as_bytes().as_slice())
            .select(table::empty_at)
            .first(&mut *self.conn().await?)
            .await
            .optional()
            .map_err(storage("look a bucket up"))?;
        // Somebody may have emptied it since; then a step is as good an answer as any.
        Ok(Err(allowance.take(empty_at, now).err().unwrap_or_else(|| allowance.step())))
    }

    async fn give_back_try(
        &self,
        key: &BucketKey,
        allowance: &Allowance,
    ) -> Result<(), StorageError> {
        diesel::sql_query(
            "UPDATE throttle_buckets SET empty_at = empty_at - $2 * interval '1 microsecond' \
             WHERE key = $1",
        )
        .bind::<Binary, _>(key.as_bytes().as_slice())
        .bind::<BigInt, _>(microseconds(allowance.step()))
        .execute(&mut *self.conn().await?)
        .await
        .map_err(storage("give a try back"))?;
        Ok(())
    }

    async fn empty_bucket(&self, key: &BucketKey) -> Result<(), StorageError> {
        diesel::delete(table::table.find(key.as_bytes().as_slice()))
            .execute(&mut *self.conn().await?)
            .await
            .map_err(storage("empty a bucket"))?;
        Ok(())
    }
}

fn microseconds(delta: TimeDelta) -> i64 {
    delta.num_microseconds().unwrap_or(i64::MAX / 1_000)
}
