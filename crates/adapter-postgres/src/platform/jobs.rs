//! The queue as an operator sees it, and the timers that feed it.

use access::{Action, Actor, AuditEntry, AuditLog};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Double, Integer, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use kernel::{Limit, Page, StorageError, UnitOfWork};
use serde_json::json;

use crate::PgStore;
use crate::failure::storage;
use crate::platform::JobPolicy;

/// The job that a due timer becomes; its payload is `{kind, subject}`.
pub const TIMER_JOB: &str = "timer";

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobStatus {
    /// Its turn comes as soon as a worker is free.
    Ready,
    /// It waits for its time: not yet due, or backing off after a failure.
    Scheduled,
    /// A worker has it.
    Running,
    /// It failed as often as it may; it waits for an operator.
    Dead,
}

impl JobStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ready, Self::Scheduled, Self::Running, Self::Dead];

    /// Its name on the wire and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Dead => "dead",
        }
    }

    fn parse(name: &str) -> Result<Self, StorageError> {
        Self::ALL.into_iter().find(|status| status.name() == name).ok_or_else(|| {
            StorageError::corrupt("read a job's status", format!("{name:?} is no status"))
        })
    }
}

/// A job in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedJob {
    /// Its number; numbers grow.
    pub id: i64,
    /// Which handler runs it.
    pub identifier: String,
    /// What it is about: ids.
    pub payload: serde_json::Value,
    /// Where it stands.
    pub status: JobStatus,
    /// How often it was tried.
    pub attempts: i32,
    /// How often it may be.
    pub max_attempts: i32,
    /// Why it failed last.
    pub last_error: Option<String>,
    /// When it is due.
    pub run_at: DateTime<Utc>,
    /// When it was put into the queue.
    pub created_at: DateTime<Utc>,
}

/// How many jobs of a kind stand where.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueFigure {
    /// Which handler runs them.
    pub identifier: String,
    /// Where they stand.
    pub status: JobStatus,
    /// How many.
    pub count: i64,
    /// How long the oldest has waited since it was due, in seconds.
    pub oldest_seconds: f64,
}

#[derive(QueryableByName)]
struct JobRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    identifier: String,
    #[diesel(sql_type = Text)]
    payload: String,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Integer)]
    attempts: i32,
    #[diesel(sql_type = Integer)]
    max_attempts: i32,
    #[diesel(sql_type = Nullable<Text>)]
    last_error: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    run_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
}

impl TryFrom<JobRow> for QueuedJob {
    type Error = StorageError;

    fn try_from(row: JobRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: row.id,
            identifier: row.identifier,
            payload: serde_json::from_str(&row.payload)
                .map_err(|error| StorageError::corrupt("read a job", error))?,
            status: JobStatus::parse(&row.status)?,
            attempts: row.attempts,
            max_attempts: row.max_attempts,
            last_error: row.last_error,
            run_at: row.run_at,
            created_at: row.created_at,
        })
    }
}

#[derive(QueryableByName)]
struct FigureRow {
    #[diesel(sql_type = Text)]
    identifier: String,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = BigInt)]
    count: i64,
    #[diesel(sql_type = Double)]
    oldest_seconds: f64,
}

#[derive(QueryableByName)]
struct Age {
    #[diesel(sql_type = Double)]
    seconds: f64,
}

/// Jobs with their status. The queue's clock is the database's, never a simulated one.
const JOBS: &str = "\
    SELECT jobs.id, tasks.identifier, coalesce(jobs.payload::text, 'null') AS payload, \
           CASE WHEN jobs.locked_at IS NOT NULL THEN 'running' \
                WHEN jobs.attempts >= jobs.max_attempts THEN 'dead' \
                WHEN jobs.run_at > now() THEN 'scheduled' \
                ELSE 'ready' END AS status, \
           jobs.attempts::int4 AS attempts, jobs.max_attempts::int4 AS max_attempts, \
           jobs.last_error, jobs.run_at, jobs.created_at \
    FROM graphile_worker._private_jobs AS jobs \
    JOIN graphile_worker._private_tasks AS tasks ON tasks.id = jobs.task_id";

impl PgStore {
    /// Turns timers that are due by `now` into jobs, at most `limit` of them: each is taken off
    /// and put into the queue in one statement. Several processes may do it at once.
    pub async fn enqueue_due_timers(
        &self,
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<usize, StorageError> {
        let JobPolicy { attempts, priority } = self.job_policy(TIMER_JOB);
        diesel::sql_query(
            "WITH due AS MATERIALIZED ( \
                 SELECT kind, subject FROM timers WHERE due_at <= $1 \
                 ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED \
             ), taken AS ( \
                 DELETE FROM timers USING due \
                 WHERE timers.kind = due.kind AND timers.subject = due.subject \
                 RETURNING timers.kind, timers.subject \
             ) \
             SELECT graphile_worker.add_job(identifier => $3, max_attempts => $4, \
                 priority => $5, payload => json_build_object('kind', kind, 'subject', subject)) \
             FROM taken",
        )
        .bind::<Timestamptz, _>(now)
        .bind::<BigInt, _>(limit)
        .bind::<Text, _>(TIMER_JOB)
        .bind::<Integer, _>(attempts)
        .bind::<Integer, _>(priority)
        .execute(&mut *self.conn().await?)
        .await
        .map_err(storage("enqueue due timers"))
    }

    /// Jobs by status and handler, newest first. The position is the number of the last one seen.
    pub async fn jobs(
        &self,
        status: Option<JobStatus>,
        identifier: Option<&str>,
        limit: Limit,
        after: Option<i64>,
    ) -> Result<Page<QueuedJob, i64>, StorageError> {
        let rows: Vec<JobRow> = diesel::sql_query(format!(
            "SELECT * FROM ({JOBS}) AS listed \
             WHERE ($1 IS NULL OR status = $1) AND ($2 IS NULL OR identifier = $2) \
               AND ($3 IS NULL OR id < $3) \
             ORDER BY id DESC LIMIT $4"
        ))
        .bind::<Nullable<Text>, _>(status.map(JobStatus::name))
        .bind::<Nullable<Text>, _>(identifier)
        .bind::<Nullable<BigInt>, _>(after)
        .bind::<BigInt, _>(limit.rows())
        .load(&mut *self.conn().await?)
        .await
        .map_err(storage("list jobs"))?;
        let jobs =
            rows.into_iter().map(QueuedJob::try_from).collect::<Result<Vec<_>, StorageError>>()?;
        Ok(Page::from_rows(jobs, limit, |job| job.id))
    }

    /// Gives a job that waits all its attempts back and makes it due at once. `None` if there is
    /// no such job, or a worker has it just now.
    pub async fn retry_job(
        &self,
        actor: &Actor,
        id: i64,
        now: DateTime<Utc>,
    ) -> Result<Option<QueuedJob>, StorageError> {
        let done = "SELECT count(*) FROM graphile_worker.reschedule_jobs(\
                    $1, run_at => now(), attempts => 0)";
        self.administer_job(actor, id, "retry", done, now).await
    }

    /// Takes a job that waits off the queue, undone. `None` if there is no such job, or a worker
    /// has it just now.
    pub async fn discard_job(
        &self,
        actor: &Actor,
        id: i64,
        now: DateTime<Utc>,
    ) -> Result<Option<QueuedJob>, StorageError> {
        let done = "SELECT count(*) FROM graphile_worker.complete_jobs($1)";
        self.administer_job(actor, id, "discard", done, now).await
    }

    async fn administer_job(
        &self,
        actor: &Actor,
        id: i64,
        command: &'static str,
        sql: &'static str,
        now: DateTime<Utc>,
    ) -> Result<Option<QueuedJob>, StorageError> {
        let mut tx = self.open().await?;
        let row: Option<JobRow> =
            diesel::sql_query(format!("{JOBS} WHERE jobs.id = $1 FOR UPDATE OF jobs"))
                .bind::<BigInt, _>(id)
                .get_result(tx.conn())
                .await
                .optional()
                .map_err(storage("load a job"))?;
        let Some(job) = row.map(QueuedJob::try_from).transpose()? else { return Ok(None) };
        if job.status == JobStatus::Running {
            return Ok(None);
        }
        diesel::sql_query(sql)
            .bind::<Array<BigInt>, _>(vec![id])
            .execute(tx.conn())
            .await
            .map_err(storage("change a job"))?;
        let object = format!("job {id} ({})", job.identifier);
        let before = json!({ "status": job.status.name(), "attempts": job.attempts });
        let after = json!({ "attempts": if command == "retry" { Some(0) } else { None } });
        let entry = AuditEntry::new(actor, Action::JobAdminister, command, &object, now);
        tx.record_audit(&entry.changed(before, after)).await?;
        Box::new(tx).commit().await?;
        Ok(Some(job))
    }

    /// How many jobs stand where, and for how long, by kind.
    pub async fn queue_figures(&self) -> Result<Vec<QueueFigure>, StorageError> {
        let rows: Vec<FigureRow> = diesel::sql_query(format!(
            "SELECT identifier, status, count(*) AS count, \
                    greatest(0, extract(epoch FROM now() - min(run_at)))::float8 AS oldest_seconds \
             FROM ({JOBS}) AS listed GROUP BY identifier, status"
        ))
        .load(&mut *self.conn().await?)
        .await
        .map_err(storage("count jobs"))?;
        rows.into_iter()
            .map(|row| {
                Ok(QueueFigure {
                    status: JobStatus::parse(&row.status)?,
                    identifier: row.identifier,
                    count: row.count,
                    oldest_seconds: row.oldest_seconds,
                })
            })
            .collect()
    }

    /// How long the oldest ready job has waited, in seconds; 0 when none waits.
    pub async fn oldest_ready_job(&self) -> Result<f64, StorageError> {
        let age: Age = diesel::sql_query(
            "SELECT coalesce(greatest(0, extract(epoch FROM now() - min(run_at))), 0)::float8 \
                 AS seconds \
             FROM graphile_worker._private_jobs \
             WHERE locked_at IS NULL AND attempts < max_attempts AND run_at <= now()",
        )
        .get_result(&mut *self.conn().await?)
        .await
        .map_err(storage("find the oldest job"))?;
        Ok(age.seconds)
    }
}
