//! Whether the server lives, and whether it should be sent requests.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::web::{self, Data};
use actix_web::{HttpResponse, Responder};
use adapter_postgres::SchemaStanding;
use kernel::StorageError;
use serde::Serialize;

use super::server::State;

/// The longest a check may take: who asks wants to know now.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether the server wants requests.
#[derive(Debug, Default)]
pub struct Readiness {
    draining: AtomicBool,
}

impl Readiness {
    /// From now on the server says that it is going away.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }
}

/// What is well, check by check.
#[derive(Debug, Serialize)]
struct Report {
    status: &'static str,
    database: &'static str,
    migrations: &'static str,
    queue: &'static str,
    /// How long the oldest ready job has waited.
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_age_seconds: Option<f64>,
    draining: bool,
}

impl Report {
    /// What is known while the database is away.
    const DOWN: Self = Self {
        status: "not_ready",
        database: "down",
        migrations: "unknown",
        queue: "unknown",
        queue_age_seconds: None,
        draining: false,
    };
}

pub(crate) fn mount(config: &mut web::ServiceConfig) {
    config.route("/health/live", web::get().to(live)).route("/health/ready", web::get().to(ready));
}

/// The process runs and answers; nothing else is asked, so that an outage of the database does not
/// have the server restarted.
async fn live() -> impl Responder {
    HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).body("live")
}

async fn ready(state: Data<State>) -> impl Responder {
    let draining = state.readiness.is_draining();
    let mut report = match tokio::time::timeout(PATIENCE, look(&state)).await {
        Ok(Ok(report)) => report,
        Ok(Err(_)) | Err(_) => Report::DOWN,
    };
    report.draining = draining;
    let is_ready = !draining
        && report.database == "ok"
        && report.migrations != "pending"
        && report.queue == "ok";
    report.status = if is_ready { "ready" } else { "not_ready" };
    let mut response =
        if is_ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.insert_header(("Cache-Control", "no-store")).json(report)
}

async fn look(state: &State) -> Result<Report, StorageError> {
    let store = &state.services.store;
    let migrations = match store.schema_standing().await? {
        SchemaStanding::Current => "ok",
        SchemaStanding::Older => "pending",
        // While servers are replaced one by one, the old ones run on the new schema.
        SchemaStanding::Newer => "ahead",
    };
    let oldest = store.oldest_ready_job().await?;
    let alarm = state.settings.queue_alarm.as_secs_f64();
    let queue = if alarm > 0.0 && oldest > alarm { "late" } else { "ok" };
    let queue_age_seconds = Some(oldest);
    Ok(Report { database: "ok", migrations, queue, queue_age_seconds, ..Report::DOWN })
}
