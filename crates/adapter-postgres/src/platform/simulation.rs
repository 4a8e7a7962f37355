//! Simulated time: one row says how far the clock is ahead of the wall.

use chrono::TimeDelta;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;
use kernel::StorageError;

use crate::PgStore;
use crate::failure::storage;

#[derive(QueryableByName)]
struct Ahead {
    #[diesel(sql_type = BigInt)]
    micros: i64,
}

impl From<Ahead> for TimeDelta {
    fn from(ahead: Ahead) -> Self {
        Self::microseconds(ahead.micros)
    }
}

const MICROS: &str = "(extract(epoch FROM ahead) * 1000000)::bigint AS micros";

impl PgStore {
    /// From now on this database's time is simulated; it starts where the wall clock stands, or
    /// goes on where it was left.
    pub async fn start_simulation(&self) -> Result<TimeDelta, StorageError> {
        diesel::sql_query(
            "INSERT INTO simulated_clock (ahead) VALUES (interval '0') ON CONFLICT DO NOTHING",
        )
        .execute(&mut *self.conn().await?)
        .await
        .map_err(storage("start simulated time"))?;
        Ok(self.simulated_time().await?.unwrap_or_default())
    }

    /// How far simulated time is ahead of the wall; `None` where time is real.
    pub async fn simulated_time(&self) -> Result<Option<TimeDelta>, StorageError> {
        let row: Option<Ahead> = diesel::sql_query(format!("SELECT {MICROS} FROM simulated_clock"))
            .get_result(&mut *self.conn().await?)
            .await
            .optional()
            .map_err(storage("read simulated time"))?;
        Ok(row.map(TimeDelta::from))
    }

    /// Moves simulated time forward and tells how far ahead it is now; `None` where time is real.
    pub async fn advance_simulated_time(
        &self,
        by: TimeDelta,
    ) -> Result<Option<TimeDelta>, StorageError> {
        let row: Option<Ahead> = diesel::sql_query(format!(
            "UPDATE simulated_clock SET ahead = ahead + $1 * interval '1 second' RETURNING {MICROS}"
        ))
        .bind::<BigInt, _>(by.num_seconds())
        .get_result(&mut *self.conn().await?)
        .await
        .optional()
        .map_err(storage("advance simulated time"))?;
        Ok(row.map(TimeDelta::from))
    }
}
