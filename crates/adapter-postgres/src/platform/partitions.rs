//! The monthly partitions of tables that are only ever added to. The SQL is in the first migration.
//!
//! Partitions are made and dropped in short transactions of their own, which give up soon when they
//! have to wait: whoever writes waits behind them.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Date, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use kernel::{Clock, StorageError, SystemClock, UnitOfWork};
use uuid::Uuid;

use crate::PgStore;
use crate::failure::storage;
use crate::statement::Statement;

/// Months after this one that have their partitions in advance.
const AHEAD: i32 = 3;

/// How often a partition is tried to be made or dropped before it is left for the next time.
const TRIES: u32 = 20;

/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(250);

/// What bounds the wait of those who write while a partition is made or dropped.
const BOUNDS: &str = "SET LOCAL lock_timeout = '500ms'; SET LOCAL statement_timeout = '60s'";

/// Tables whose partitions are dropped when events are forgotten.
const EVENTS: [&str; 2] = ["handled_events", "events"];

/// How much was forgotten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Months that went as a whole.
    pub months: usize,
    /// Rows that went by themselves.
    pub rows: usize,
}

#[derive(QueryableByName)]
struct Month {
    #[diesel(sql_type = Date)]
    month: NaiveDate,
}

#[derive(QueryableByName)]
struct Partition {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Key {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

impl PgStore {
    /// Makes the partitions of this month and the next three that are missing, and those of rows
    /// that no month was there for. `now` is the marketplace's time, which a simulation moves: the
    /// audit log goes by it. Returns how many were made.
    ///
    /// # Errors
    ///
    /// [`StorageError::Conflict`] if the table is in use all the time; nothing is lost by it, and
    /// the next call tries again.
    pub async fn make_partitions(
        &self,
        now: DateTime<Utc>,
        event_retention_days: u32,
    ) -> Result<usize, StorageError> {
        let wall = SystemClock.now();
        let kept_from = wall - days(event_retention_days);
        let mut made = 0;
        for table in EVENTS {
            made += self.make_partitions_of(table, wall, Some(kept_from)).await?;
        }
        Ok(made + self.make_partitions_of("audit_log", now, None).await?)
    }

    async fn make_partitions_of(
        &self,
        table: &'static str,
        now: DateTime<Utc>,
        oldest: Option<DateTime<Utc>>,
    ) -> Result<usize, StorageError> {
        let missing: Vec<Month> =
            diesel::sql_query("SELECT * FROM missing_months($1, $2, $3, $4) AS month")
                .bind::<Text, _>(table)
                .bind::<Timestamptz, _>(now)
                .bind::<Integer, _>(AHEAD)
                .bind::<Nullable<Timestamptz>, _>(oldest)
                .load(&mut *self.conn().await?)
                .await
                .map_err(storage("list the months without a partition"))?;
        let count = missing.len();
        for Month { month } in missing {
            let mut st = Statement::new();
            st.sql("SELECT make_partition(").bind(table.to_owned()).sql(", ").bind(month).sql(")");
            self.patiently(&st, "make a partition").await?;
        }
        Ok(count)
    }

    /// Drops the partitions of events that ended before this time. What a job is still about stays.
    pub(super) async fn drop_event_partitions(
        &self,
        before: DateTime<Utc>,
    ) -> Result<usize, StorageError> {
        let mut dropped = 0;
        for table in EVENTS {
            let old: Vec<Partition> = diesel::sql_query(
                "SELECT name FROM partition_months($1) \
                 WHERE (month + interval '1 month') AT TIME ZONE 'UTC' <= $2 ORDER BY month",
            )
            .bind::<Text, _>(table)
            .bind::<Timestamptz, _>(before)
            .load(&mut *self.conn().await?)
            .await
            .map_err(storage("list the months that are to be forgotten"))?;
            if old.is_empty() {
                continue;
            }
            let kept = self.events_in_jobs(before).await?;
            for Partition { name } in &old {
                let mut st = Statement::new();
                st.sql("SELECT drop_partition(").bind(table.to_owned()).sql(", ");
                st.bind(name.clone()).sql(", ").bind(kept.clone()).sql(")");
                self.patiently(&st, "drop a partition").await?;
            }
            if table == "events" {
                dropped = old.len();
            }
        }
        Ok(dropped)
    }

    /// The events made before this time that a waiting job is about; a parked job may wait long.
    async fn events_in_jobs(&self, before: DateTime<Utc>) -> Result<Vec<Uuid>, StorageError> {
        let rows: Vec<Key> = diesel::sql_query(
            "SELECT DISTINCT id FROM ( \
                 SELECT substr(payload ->> 'event_id', 5)::uuid AS id \
                 FROM graphile_worker._private_jobs \
                 WHERE payload ->> 'event_id' LIKE 'evt\\_%') waiting \
             WHERE id < first_id_at($1)",
        )
        .bind::<Timestamptz, _>(before)
        .load(&mut *self.conn().await?)
        .await
        .map_err(storage("list the events that jobs are about"))?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }

    /// Does it in a transaction, again if others are at the table.
    async fn patiently(
        &self,
        work: &Statement<()>,
        action: &'static str,
    ) -> Result<(), StorageError> {
        let mut tries = 1;
        loop {
            let mut tx = self.open().await?;
            tx.conn().batch_execute(BOUNDS).await.map_err(storage("bound a wait"))?;
            match work.clone().execute(tx.conn()).await.map_err(storage(action)) {
                Ok(_) => return Box::new(tx).commit().await,
                Err(StorageError::Conflict) if tries < TRIES => tries += 1,
                Err(error) => return Err(error),
            }
            drop(tx);
            tokio::time::sleep(PAUSE).await;
        }
    }
}

pub(super) fn days(days: u32) -> TimeDelta {
    // A century is for ever, and still a time that PostgreSQL knows.
    TimeDelta::days(i64::from(days.min(36_525)))
}
