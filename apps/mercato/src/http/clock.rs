//! Simulated time, where there is any.

use access::Action;
use actix_web::post;
use actix_web::web::{Data, Json};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::FieldError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Problem;
use super::body::Body;
use super::caller::Caller;
use super::permission::permission;
use super::server::State;

/// The farthest one step goes: a year.
const FARTHEST: i64 = 366 * 24 * 60 * 60;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(advance);
}

/// How far time moves.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Advance {
    /// Seconds, 1 to 31,622,400 (a year).
    #[schema(example = 86_400, minimum = 1, maximum = 31_622_400)]
    seconds: i64,
}

/// What time it is.
#[derive(Debug, Serialize, ToSchema)]
struct ClockView {
    /// By the simulated clock.
    now: DateTime<Utc>,
}

/// Move simulated time forward
///
/// For demonstrations and tests, on a server started with `--simulate`: what is due by the new time
/// happens within a second. Where time is real the answer is 404.
#[utoipa::path(
    operation_id = "advanceClock",
    tag = "admin: clock",
    request_body = Advance,
    responses(
        (status = OK, description = "Moved", body = ClockView),
        (status = NOT_FOUND, description = "Time is real here", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/admin/clock/advance")]
async fn advance(
    Caller(actor): Caller,
    body: Body<Advance>,
    state: Data<State>,
) -> Result<Json<ClockView>, Problem> {
    permission(&actor, Action::ClockAdvance)?;
    let Some(simulation) = &state.services.simulation else {
        return Err(Problem::not_found("time is real here; start the server with --simulate"));
    };
    let seconds = body.value.seconds;
    if !(1..=FARTHEST).contains(&seconds) {
        return Err(Problem::invalid(&[FieldError {
            pointer: "/seconds".to_owned(),
            code: "out_of_range",
            detail: format!("must be 1 to {FARTHEST}, not {seconds}"),
        }]));
    }
    let now = simulation.advance(&actor, TimeDelta::seconds(seconds)).await?;
    Ok(Json(ClockView { now }))
}
