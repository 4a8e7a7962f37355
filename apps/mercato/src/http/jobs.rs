//! Background jobs, for admins.

use access::Action;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use actix_web::{get, post};
use adapter_postgres::{JobStatus, QueuedJob};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::Problem;
use super::caller::Caller;
use super::page::PageView;
use super::permission::permission;
use super::query::{Query, limit};
use super::server::State;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(retry).service(discard);
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum JobStatusView {
    /// Its turn comes as soon as a worker is free.
    Ready,
    /// It waits for its time: not yet due, or backing off after a failure.
    Scheduled,
    /// A worker has it.
    Running,
    /// It failed as often as it may; it waits for an operator.
    Dead,
}

impl From<JobStatus> for JobStatusView {
    fn from(status: JobStatus) -> Self {
        match status {
            JobStatus::Ready => Self::Ready,
            JobStatus::Scheduled => Self::Scheduled,
            JobStatus::Running => Self::Running,
            JobStatus::Dead => Self::Dead,
        }
    }
}

impl From<JobStatusView> for JobStatus {
    fn from(status: JobStatusView) -> Self {
        match status {
            JobStatusView::Ready => Self::Ready,
            JobStatusView::Scheduled => Self::Scheduled,
            JobStatusView::Running => Self::Running,
            JobStatusView::Dead => Self::Dead,
        }
    }
}

/// A background job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 4711,
    "kind": "timer",
    "payload": { "kind": "booking.expires", "subject": "bkg_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f" },
    "status": "scheduled",
    "attempts": 3,
    "max_attempts": 25,
    "last_error": "the database is not available",
    "run_at": "2026-01-12T09:00:00Z",
    "created_at": "2026-01-12T08:30:00Z",
}))]
struct JobView {
    /// Its number.
    id: i64,
    /// Which handler runs it.
    kind: String,
    /// What it is about: ids.
    payload: serde_json::Value,
    /// Where it stands.
    status: JobStatusView,
    /// How often it was tried.
    attempts: i32,
    /// How often it may be tried before it is parked.
    max_attempts: i32,
    /// Why it failed last.
    last_error: Option<String>,
    /// When it is due.
    run_at: DateTime<Utc>,
    /// When it was put into the queue.
    created_at: DateTime<Utc>,
}

impl From<QueuedJob> for JobView {
    fn from(job: QueuedJob) -> Self {
        Self {
            id: job.id,
            kind: job.identifier,
            payload: job.payload,
            status: job.status.into(),
            attempts: job.attempts,
            max_attempts: job.max_attempts,
            last_error: job.last_error,
            run_at: job.run_at,
            created_at: job.created_at,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listed {
    /// Where the jobs stand; all of them without it.
    status: Option<JobStatusView>,
    /// Which handler runs them; all of them without it.
    kind: Option<String>,
    /// Items on the page, 1 to 50.
    #[param(example = 20)]
    limit: Option<i64>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List background jobs
///
/// Newest first. `status=dead` lists those that failed as often as they may: read `last_error`,
/// mend the cause, then retry or discard them.
#[utoipa::path(
    operation_id = "listJobs",
    tag = "admin: jobs",
    params(Listed),
    responses((status = OK, description = "A page of jobs", body = PageView<JobView>)),
)]
#[get("/admin/jobs")]
async fn list(
    Caller(actor): Caller,
    Query(query): Query<Listed>,
    state: Data<State>,
) -> Result<Json<PageView<JobView>>, Problem> {
    permission(&actor, Action::JobAdminister)?;
    let limit = limit(query.limit)?;
    let status = query.status.map(JobStatus::from);
    let kind = query.kind.as_deref();
    let name = format!("jobs {} {}", status.map_or("", JobStatus::name), kind.unwrap_or_default());
    let after = query.cursor.map(|cursor| state.cursors.decode(&name, &cursor)).transpose()?;
    let page = state.services.store.jobs(status, kind, limit, after).await?;
    Ok(Json(PageView::new(page, limit, &state.cursors, &name, JobView::from)))
}

/// Retry a background job
///
/// Gives it all its attempts back and makes it due at once. Handlers are idempotent: what it had
/// done before it failed is not done twice.
#[utoipa::path(
    operation_id = "retryJob",
    tag = "admin: jobs",
    params(("id" = i64, Path, description = "The number of the job", example = 42)),
    responses(
        (status = OK, description = "The job as it was", body = JobView),
        (status = CONFLICT, description = "A worker has it just now, or it is gone", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/admin/jobs/{id}/retry")]
async fn retry(
    Caller(actor): Caller,
    id: Path<i64>,
    state: Data<State>,
) -> Result<Json<JobView>, Problem> {
    permission(&actor, Action::JobAdminister)?;
    let now = state.services.clock.now();
    let job = state.services.store.retry_job(&actor, *id, now).await?.ok_or_else(busy)?;
    Ok(Json(job.into()))
}

/// Discard a background job
///
/// Takes it off the queue, undone. There is no way back.
#[utoipa::path(
    operation_id = "discardJob",
    tag = "admin: jobs",
    params(("id" = i64, Path, description = "The number of the job", example = 42)),
    responses(
        (status = OK, description = "The job as it was", body = JobView),
        (status = CONFLICT, description = "A worker has it just now, or it is gone", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/admin/jobs/{id}/discard")]
async fn discard(
    Caller(actor): Caller,
    id: Path<i64>,
    state: Data<State>,
) -> Result<Json<JobView>, Problem> {
    permission(&actor, Action::JobAdminister)?;
    let now = state.services.clock.now();
    let job = state.services.store.discard_job(&actor, *id, now).await?.ok_or_else(busy)?;
    Ok(Json(job.into()))
}

fn busy() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "job.not_waiting",
        "a worker has this job just now, or it is gone; list the jobs again",
    )
}
