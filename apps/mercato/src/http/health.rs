//! Whether the server lives, and whether it should be sent requests.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::web::{self, Data};
use actix_web::{HttpResponse, Responder};
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
    queue: &'static str,
    draining: bool,
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
    let store = &state.services.store;
    let draining = state.readiness.is_draining();
    let oldest = tokio::time::timeout(PATIENCE, store.oldest_ready_job()).await;
    let (database, queue) = match oldest {
        Ok(Ok(seconds)) => {
            let alarm = state.settings.queue_alarm.as_secs_f64();
            ("ok", if alarm > 0.0 && seconds > alarm { "late" } else { "ok" })
        }
        Ok(Err(_)) | Err(_) => ("down", "unknown"),
    };
    let is_ready = !draining && database == "ok" && queue == "ok";
    let report =
        Report { status: if is_ready { "ready" } else { "not_ready" }, database, queue, draining };
    let mut response =
        if is_ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.insert_header(("Cache-Control", "no-store")).json(report)
}
